"""What became of each field of a probe on its way: the packet as sent beside the packet as quoted.

Which field is which is told by its key, and within a payload by its place: a quote may end anywhere.
A difference is "as it must" where every router makes it; everything else somebody did on purpose, or wrongly.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from trippy_nb.wire.anatomy import NOT_UNDERSTOOD, Anatomy, Field


class Fate(StrEnum):
    """What became of a field."""

    SAME = "same"
    MUST = "as it must"
    CHANGED = "changed on the way"
    CUT = "not quoted"


@dataclass(frozen=True, slots=True)
class FieldFate:
    """One field, sent and quoted."""

    key: str
    """What it is in every packet: ``ip.ttl``."""
    layer: str
    name: str
    fate: Fate
    sent: str
    """Value as it was sent; empty for a field that was added."""
    quoted: str
    """Value as it was quoted; empty for one that was not."""
    says: str
    """What it means, in a sentence; empty where there is nothing to say."""
    sent_field: int | None
    """Place among the fields of the packet sent."""
    quoted_field: int | None
    """Place among the fields of the answer."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """A field that was sent and quoted, with what explains it."""

    key: str
    before: Field
    after: Field
    sent: int
    quoted: int
    changed: frozenset[str]
    """Keys of all fields that differ."""
    expired: bool
    """The error says that the TTL ran out."""
    where: str
    """Between which hops it was changed: ``at hop 2 or between it and hop 3``; empty if that is not known."""


_OWN_SUMS: Final = {"udp.checksum", "tcp.checksum", "icmp.checksum"}
_TRANSLATED: Final = {"ip.source", "ip.target", "udp.sport", "udp.dport", "tcp.sport", "tcp.dport", "icmp.id"}
_WORD: Final = 0xFFFF
_IN_HEADER: Final = {"ip.source", "ip.target", "ip.dscp", "ip.ecn", "ipv4.id", "ipv4.df", "ipv4.length"}


def field_fates(
    sent: Anatomy,
    answer: Anatomy,
    *,
    expired: bool,
    places: dict[str, str] | None = None,
    bare: bool = False,
) -> tuple[FieldFate, ...]:
    """Compare a probe with its quote, field by field.

    Parameters
    ----------
    sent, answer
        The probe, and the packet that quotes it.
    expired
        Whether the answer is a Time Exceeded: then the TTL of the quote has to be used up.
    places
        By key of a field, between which hops it was changed.
    bare
        The answer is the quote: all that some kernels hand over.

    Returns
    -------
    fates
        Every field of the probe in order, then what was added to it.
    """
    quoted = _Quoted(answer, bare=bare)
    pairs = [(i, field, quoted.find(sent, field)) for i, field in enumerate(sent.fields)]
    changed = frozenset(
        field.key
        for _, field, at in pairs
        if at is not None and _differ(sent, field, answer, answer.fields[at])
    )
    fates = []
    for i, field, at in pairs:
        layer = sent.layers[field.layer].title
        if at is None:
            fates.append(FieldFate(field.key, layer, field.name, Fate.CUT, field.value, "", "", i, None))
            continue
        after = answer.fields[at]
        where = (places or {}).get(field.key, "")
        numbers = sent.number(field), answer.number(after)
        pair = _Pair(field.key, field, after, *numbers, changed, expired, where)
        fate, says = _judge(pair)
        fates.append(FieldFate(field.key, layer, field.name, fate, field.value, after.value, says, i, at))
    return (*fates, *_added(answer, quoted, {at for _, _, at in pairs}))


def _added(answer: Anatomy, quoted: "_Quoted", known: set[int | None]) -> list[FieldFate]:
    """List the fields that only the quote has; of a payload, another cut of the same bytes is no news."""
    says = "Was not sent: it was added on the way."
    added = []
    for i in quoted.places:
        field = answer.fields[i]
        layer = answer.layers[field.layer]
        if i not in known and field.key != NOT_UNDERSTOOD and layer.key not in {"payload", "padding"}:
            added.append(
                FieldFate(field.key, layer.title, field.name, Fate.CHANGED, "", field.value, says, None, i)
            )
    return added


class _Quoted:
    """The fields of a quote, by what they are."""

    def __init__(self, answer: Anatomy, *, bare: bool) -> None:
        self.places = [i for i, f in enumerate(answer.fields) if bare or answer.layers[f.layer].quoted]
        self._answer = answer
        self._by_key: dict[str, list[int]] = {}
        for i in self.places:
            self._by_key.setdefault(answer.fields[i].key, []).append(i)
        self._taken: dict[str, int] = {}
        self._payload = [i for i in self.places if answer.layers[answer.fields[i].layer].key == "payload"]

    def find(self, sent: Anatomy, field: Field) -> int | None:
        """Find the place of the field that was this one; of equal keys the first, the second, and so on."""
        if sent.layers[field.layer].key == "payload":
            return self._find_in_payload(
                field.bit - next(f.bit for f in sent.fields if f.layer == field.layer)
            )
        turn = self._taken.get(field.key, 0)
        self._taken[field.key] = turn + 1
        places = self._by_key.get(field.key, [])
        return places[turn] if turn < len(places) else None

    def _find_in_payload(self, offset: int) -> int | None:
        fields = self._answer.fields
        begin = fields[self._payload[0]].bit if self._payload else 0
        here = (i for i in self._payload if fields[i].bit <= begin + offset < fields[i].bit + fields[i].bits)
        return next(here, None)


def _differ(sent: Anatomy, field: Field, answer: Anatomy, after: Field) -> bool:
    if sent.layers[field.layer].key != "payload":
        return sent.number(field) != answer.number(after)
    return _payload_differs(field, after, sent.number(field), answer.number(after))


def _payload_differs(before: Field, after: Field, sent: int, quoted: int) -> bool:
    """Whether the bytes that both have differ; one of the two is the longer."""
    shorter = min(before.bits, after.bits)
    return sent >> before.bits - shorter != quoted >> after.bits - shorter


def _judge(pair: _Pair) -> tuple[Fate, str]:
    if pair.key == "ip.ttl":
        return _ttl(pair)
    if pair.key not in pair.changed:
        if pair.before.bits > pair.after.bits:
            size = f"{pair.after.bits // 8:,} of {pair.before.bits // 8:,} bytes"
            return Fate.SAME, f"{size} are quoted, the same as were sent."
        return Fate.SAME, ""
    if pair.key == "ipv4.checksum":
        return _header_checksum(pair)
    if pair.key in _OWN_SUMS:
        return Fate.CHANGED, _transport_checksum(pair)
    spell = _SAYS.get(pair.key, _plainly)
    return Fate.CHANGED, _sentence(spell(pair), pair.where)


def _sentence(says: str, where: str) -> str:
    return f"{says}. That was {where}." if where else f"{says}."


def _ttl(pair: _Pair) -> tuple[Fate, str]:
    left = pair.quoted
    if not pair.expired:
        passed = pair.sent - left
        says = f"The quote's TTL is {left}: {passed} of {pair.sent} were taken on the way."
        return (Fate.MUST, says) if passed > 0 else (Fate.SAME, "")
    if left == 0:
        return Fate.MUST, "The quote's TTL is 0: this router takes its own before it quotes."
    if left == 1:
        return (
            Fate.MUST if pair.sent > 1 else Fate.SAME,
            "The quote's TTL is 1: the last one, which this router took.",
        )
    says = f"The quote's TTL is {left}, not used up: another expired, as that of a label in an MPLS tunnel."
    return Fate.CHANGED, says


def _header_checksum(pair: _Pair) -> tuple[Fate, str]:
    if pair.after.value.endswith(", right"):
        others = pair.changed & _IN_HEADER
        return Fate.MUST, f"Follows the TTL{' and what else was rewritten' if others else ''}, as it must."
    return Fate.CHANGED, "Is not right for the header as quoted: the header was changed after it was made."


def _transport_checksum(pair: _Pair) -> str:
    if pair.changed & _TRANSLATED:
        return "Follows the addresses and ports that were rewritten."
    if "tcp.option.2" in pair.changed or "tcp.seq" in pair.changed:
        return "Follows what was rewritten in the header."
    return "Changed, though nothing that it covers is: a translator put the rest of the quote back, not this."


def _source(pair: _Pair) -> str:
    return f"Rewritten to {pair.after.value}: a translator (NAT) stands on the way"


def _port(pair: _Pair) -> str:
    if "ip.source" in pair.changed:
        return "Rewritten with the source: by it the translator knows its connections"
    return "Rewritten, though the source was not: a translator put the address back, but not this"


def _dscp(pair: _Pair) -> str:
    if not pair.quoted:
        return "Cleared: a router does not hand the mark on"
    return f"Marked anew, from {pair.before.value} to {pair.after.value}"


def _ecn(pair: _Pair) -> str:
    if pair.quoted == 3:  # noqa: PLR2004 - CE: RFC 3168 section 5
        return "A router marked congestion"
    return "Cleared: whoever did it takes congestion marks away" if not pair.quoted else _plainly(pair)


def _id(pair: _Pair) -> str:
    if pair.sent == 0:
        return "Filled in: by the sending system, which may where it is 0, or by a box"
    return "Numbered anew by a box"


def _fragment(pair: _Pair) -> str:
    if pair.quoted:
        return "Set by a box"
    return "Cleared by a box: packets that are too big are cut instead of reported"


def _length(pair: _Pair) -> str:
    if pair.quoted == (pair.sent >> 8 | pair.sent << 8 & _WORD):
        return "Quoted with its bytes swapped: a mistake of the system that quotes"
    if 0 < pair.sent - pair.quoted <= 60:  # noqa: PLR2004 - the longest IPv4 header
        return f"Quoted {pair.sent - pair.quoted} bytes too short: some systems take the header off"
    return _plainly(pair)


def _mss(pair: _Pair) -> str:
    if pair.quoted & _WORD < pair.sent & _WORD:
        return f"Lowered to {pair.after.value}: a box makes room for a tunnel"
    return _plainly(pair)


def _plainly(pair: _Pair) -> str:
    return f"Changed from {pair.before.value} to {pair.after.value}"


_SAYS: Final[dict[str, Callable[[_Pair], str]]] = {
    "ip.source": _source,
    "ip.target": lambda pair: (
        f"Rewritten to {pair.after.value}: a translator of destinations stands on the way"
    ),
    "udp.sport": _port,
    "tcp.sport": _port,
    "icmp.id": _port,
    "ip.dscp": _dscp,
    "ip.ecn": _ecn,
    "ipv4.id": _id,
    "ipv4.df": _fragment,
    "ipv4.length": _length,
    "ipv6.length": _length,
    "udp.length": _length,
    "tcp.option.2": _mss,
}


# --- answers that quote nothing ---

_CARRIED: Final = ("icmp.id", "icmp.seq", "payload.")
_SWAPPED: Final = {"tcp.sport": "tcp.dport", "tcp.dport": "tcp.sport"}


def echo_fates(sent: Anatomy, answer: Anatomy) -> tuple[FieldFate, ...]:
    """Compare an echo request with its reply, which carries identifier, number and payload back."""
    own = [i for i, f in enumerate(sent.fields) if f.key.startswith(_CARRIED)]
    back = {answer.fields[i].key: i for i, f in enumerate(answer.fields) if f.key.startswith(_CARRIED)}
    fates = []
    for i in own:
        field, at = sent.fields[i], back.get(sent.fields[i].key)
        layer = sent.layers[field.layer].title
        if at is None:
            fates.append(
                FieldFate(
                    field.key, layer, field.name, Fate.CUT, field.value, "", "Did not come back.", i, None
                )
            )
            continue
        after = answer.fields[at]
        same = (sent.number(field), field.bits) == (answer.number(after), after.bits)
        fate, says = (
            (Fate.SAME, "Came back as it was sent.") if same else (Fate.CHANGED, "Came back changed.")
        )
        fates.append(FieldFate(field.key, layer, field.name, fate, field.value, after.value, says, i, at))
    return tuple(fates)


def tcp_fates(sent: Anatomy, answer: Anatomy) -> tuple[FieldFate, ...]:
    """Compare a SYN with the segment that answers it: ports change places, and the number is acknowledged."""
    own, back = _by_key(sent), _by_key(answer)
    if "tcp.flags" not in own or "tcp.flags" not in back:
        return ()
    fates = [_swapped(sent, answer, own[mine], back[theirs]) for mine, theirs in _SWAPPED.items()]
    i, at = own["tcp.seq"], back["tcp.ack"]
    number, acknowledged = sent.number(sent.fields[i]), answer.number(answer.fields[at])
    right = (number + 1) % 2**32 == acknowledged
    says = "Acknowledged: it comes back plus 1." if right else "Another number is acknowledged, or none."
    before, after = sent.fields[i], answer.fields[at]
    fate = Fate.MUST if right else Fate.CHANGED
    fates.append(FieldFate(before.key, "TCP", before.name, fate, before.value, after.value, says, i, at))
    return tuple(fates)


def _by_key(packet: Anatomy) -> dict[str, int]:
    return {field.key: i for i, field in enumerate(packet.fields)}


def _swapped(sent: Anatomy, answer: Anatomy, i: int, at: int) -> FieldFate:
    before, after = sent.fields[i], answer.fields[at]
    same = sent.number(before) == answer.number(after)
    says = (
        f"Comes back as {after.name[0].lower()}{after.name[1:]}, as it must."
        if same
        else "Came back changed."
    )
    fate = Fate.MUST if same else Fate.CHANGED
    return FieldFate(before.key, "TCP", before.name, fate, before.value, after.value, says, i, at)


def fates_sentence(fates: Sequence[FieldFate], calm: str) -> str:
    """Say what became of the fields, all together: `calm` if nothing did that must not."""
    changed = [fate for fate in fates if fate.fate is Fate.CHANGED]
    names = dict.fromkeys(_within(fate.name) for fate in changed if fate.key != "ip.ttl")
    words = [f"Changed on the way: {', '.join(names)}."] if names else []
    if any(fate.key == "ip.ttl" for fate in changed):
        words.append("Its TTL was not used up.")
    if fates and not changed:
        words = [calm]
    return " ".join(words)


def _within(name: str) -> str:
    """Spell a name within a sentence: acronyms stay."""
    return name[0].lower() + name[1:] if name[1:2].islower() else name
