"""What our probes carry (see `wire.probes`), found in a payload by the secret, which only we know."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trippy_nb.wire.anatomy.scribe import Scribe, Spec
from trippy_nb.wire.anatomy.words import hex_words
from trippy_nb.wire.probes import DUBLIN_MAGIC

_WORD: Final = 2
_ONES: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class Ours:
    """What a payload of ours would hold."""

    secrets: Sequence[bytes] = ()
    """Secrets it may have: the run's, and that mixed with the round. None of them empty."""
    seq: int | None = None
    """Number of the probe."""


def read_payload(scribe: Scribe, ours: Ours) -> None:
    """Take what is left before the end as a payload."""
    if not scribe.left:
        return
    octets = scribe.bytes_ahead(scribe.left)
    scribe.layer("payload", "Payload")
    secret = next((secret for secret in ours.secrets if secret in octets[:64]), None)
    if secret is not None:
        _read_ours(scribe, octets.index(secret), len(secret), ours.seq)
    name = "Data" if secret is None else "Pattern"
    purpose = "what the packet carries" if secret is None else "fills the probe up to its size"
    scribe.take_bytes("payload.data", name, scribe.left, "", purpose)


def _read_ours(scribe: Scribe, at: int, size: int, seq: int | None) -> None:
    ahead = scribe.bytes_ahead(at)
    if ahead == DUBLIN_MAGIC:
        scribe.take_bytes("payload.magic", "Magic", at, "", "the mark of a Dublin probe", '"trippy"')
    elif at == _WORD:
        purpose = "makes the checksum come out as wanted"
        scribe.take(Spec("payload.solved", "Word that solves the checksum", 16, "", purpose, hex_words(4)))
    else:
        scribe.take_bytes("payload.before", "Data", at, "", "stands before the secret")
    words = f"{scribe.bytes_ahead(size).hex(' ')}, of this run"
    purpose = "only we know it: a forged answer lacks it"
    scribe.take_bytes("payload.secret", "Secret", size, "", purpose, words)
    number = int.from_bytes(scribe.bytes_ahead(min(_WORD, scribe.left)), "big")
    if seq is None or number != seq or scribe.left < _WORD:
        return
    pair = int.from_bytes(scribe.bytes_ahead(min(2 * _WORD, scribe.left))[_WORD:], "big")
    has_pair = scribe.left >= 2 * _WORD and pair == number ^ _ONES
    if has_pair or ahead == DUBLIN_MAGIC:
        scribe.take(Spec("payload.seq", "Sequence number", 16, "", "the number of the probe"))
    if has_pair:
        purpose = "so that number and complement add nothing to the checksum"
        scribe.take(Spec("payload.complement", "Complement", 16, "", purpose, hex_words(4)))
