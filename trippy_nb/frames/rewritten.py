"""Which fields of a quoted probe are not as they were sent: what a box on the way rewrote.

Half of the fields are compared when a reply is recorded, for its record has no room for them; what
differs becomes a number beside the extension structure, since few routers show few differences. The
rest (type of service, length, checksum) is in the records, and is compared when the tables are made.
"""

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final

import numpy as np
import pandas as pd

from trippy_nb.frames import columns as col
from trippy_nb.frames.records import Bools, Ints, Records
from trippy_nb.model import Plan, Probe, Protocol, Quote, Reply, SocketMode, flow_label
from trippy_nb.wire import MSS_V4, MSS_V6, ip_identification, tcp_sequence

ORDER: Final = (
    "src", "dst", "tos", "ip_id", "df", "flow_label", "sport", "dport",
    "icmp_id", "seq", "mss", "length", "checksum",
)  # fmt: skip
"""Names of the fields, in the order of the text."""
_RECORDED: Final = ("tos", "length", "checksum")
NO_CHECKSUM: Final = 0
"""Not known what was sent: kept by another, or 0 indeed (a TCP or ICMP packet in 65,536)."""

_IPV4: Final = 4
_NOTED_BYTES: Final = 240  # this object, its text's header, its place in the dictionary: measured
_FLOWS_KNOWN: Final = 4096
_BEYOND: Final = 1 << 20
_WHOLE: Final = (SocketMode.RAW, SocketMode.SIM)
_TRANSPORT: Final = {4: 20, 6: 40}  # where it begins: our probes have neither options nor extension headers
_CHECKSUM: Final = {Protocol.ICMP: 2, Protocol.UDP: 6, Protocol.TCP: 16}
_SAMPLE: Final = Probe(key=0, round=0, flow=0, ttl=1, attempt=0, seq=33_434, sport=1, dport=1)


@dataclass(frozen=True, slots=True)
class Noted:
    """A difference that was found while recording, with the extension structure of the same reply."""

    extension: bytes | None
    text: str | None
    """None if there was no room for it."""

    def __len__(self) -> int:
        """Count the bytes it takes in memory."""
        return _NOTED_BYTES + len(self.extension or b"") + len(self.text or "")


NO_ROOM: Final = Noted(None, None)


def checksum_offset(plan: Plan) -> int:
    """Tell where in a packet its transport checksum is; beyond any packet where headers are the kernel's."""
    return _TRANSPORT[plan.af] + _CHECKSUM[plan.protocol] if plan.mode in _WHOLE else _BEYOND


class Comparer:
    """Compares quotes with the probes of a plan, but for what the records hold.

    Parameters
    ----------
    plan
        Of the run.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._is_whole = plan.mode in _WHOLE
        self._is_icmp = plan.protocol is Protocol.ICMP
        self._is_tcp = plan.protocol is Protocol.TCP
        self._is_v4 = plan.af == _IPV4
        self._mss = MSS_V4 if self._is_v4 else MSS_V6
        self._always = (
            plan.source,
            plan.target.addr,
            True if self._is_v4 else None,
            plan.trace_id if self._is_icmp else None,
            self._mss if self._is_tcp else None,
        )
        self._label = lru_cache(_FLOWS_KNOWN)(partial(flow_label, plan))
        self._has_id = self._is_v4 and ip_identification(plan, _SAMPLE) == _SAMPLE.seq
        self._no_id = 0 if self._is_v4 else None

    def note(self, reply: Reply, probe: Probe) -> bytes | Noted | None:
        """Return the extension structure of a reply, with what differs if anything does."""
        quote = reply.quote
        if not self._is_whole or quote.ttl is None:
            return reply.extensions
        number = probe.seq
        # Tuples are compared at once: name by name this took 0.5 us, a sixth of the budget of a probe.
        if (
            (quote.src, quote.dst, quote.dont_fragment, quote.icmp_id, quote.tcp_mss) == self._always
            and (self._is_v4 or quote.flow_label == flow_label(self._plan, probe.flow))
            and quote.ip_id == (number if self._has_id else self._no_id)
            and (
                quote.icmp_seq == number
                if self._is_icmp
                else quote.sport == probe.sport
                and quote.dport == probe.dport
                and (not self._is_tcp or quote.tcp_seq == tcp_sequence(self._plan, probe))
            )
        ):
            return reply.extensions
        text = self._spell(quote, probe)
        return Noted(reply.extensions, text) if text else reply.extensions

    def _spell(self, quote: Quote, probe: Probe) -> str:
        """Say what differs; nothing does where a field was not quoted."""
        plan, number = self._plan, probe.seq
        # An identification of 0 the operating system may replace (raw(7): "filled in when zero").
        own_id = number if self._has_id else 0 if plan.mode is SocketMode.SIM else None
        flag = None if quote.dont_fragment is None else int(quote.dont_fragment)
        sent: list[tuple[str, str | int | None, str | int | None]] = [
            ("src", quote.src, plan.source),
            ("dst", quote.dst, plan.target.addr),
            ("ip_id", quote.ip_id, own_id),
            ("df", flag, 1),
            ("flow_label", quote.flow_label, flow_label(plan, probe.flow)),
        ]
        if self._is_icmp:
            sent += [("icmp_id", quote.icmp_id, plan.trace_id), ("seq", quote.icmp_seq, number)]
        else:
            sent += [("sport", quote.sport, probe.sport), ("dport", quote.dport, probe.dport)]
        if self._is_tcp:
            sent += [("seq", quote.tcp_seq, tcp_sequence(plan, probe)), ("mss", quote.tcp_mss, self._mss)]
        return ";".join(
            f"{name}={here}" for name, here, was in sent if None not in (here, was) and here != was
        )


def find_rewritten(
    noted: list[str | None],
    replies: Records,
    *,
    sent_tos: int,
    sent_size: Ints,
    sent_checksum: Ints,
    known: Bools,
) -> pd.Categorical:
    """Put together what differs in each quote.

    Parameters
    ----------
    noted
        By number of the extension structure: what recording found; None if it had no room.
    replies
        Records.
    sent_size, sent_checksum
        Of the probe of each reply; -1 and `NO_CHECKSUM` where they are not known.
    sent_tos
        Of all probes.
    known
        Where the reply has a probe, and quotes its header.

    Returns
    -------
    rewritten
        Category: ``name=value`` joined by ``;``, in the order of `ORDER`; empty where nothing differs,
        missing where nothing is known.
    """
    lost = np.array([text is None for text in noted])[replies["extension"]]
    place = np.flatnonzero(known & ~lost)
    quoted = replies[place]
    was_sum = np.where(sent_checksum == NO_CHECKSUM, -1, sent_checksum)
    changed = np.stack(
        [
            quoted["extension"],
            _changed(quoted["q_tos"], np.full(len(place), sent_tos)),
            _changed(quoted["q_len"], sent_size[place]),
            _changed(quoted["q_checksum"], was_sum[place]),
        ],
        axis=1,
    )
    plain = np.array([text == "" for text in noted])
    odd = ~plain[changed[:, 0]] | (changed[:, 1:] >= 0).any(axis=1)
    distinct, inverse = np.unique(changed[odd], axis=0, return_inverse=True)
    texts = [_text(noted[number], values) for number, *values in distinct.tolist()]
    words = sorted({"", *texts})  # the empty one comes first
    code = {word: number for number, word in enumerate(words)}
    codes = np.full(len(replies), -1)
    codes[place] = 0
    codes[place[odd]] = np.array([code[text] for text in texts], np.int64)[inverse.reshape(-1)]
    return col.codes(codes, words)


def _changed(quoted: Ints, sent: Ints) -> Ints:
    """Return the value that was quoted where it is another than the one sent; else -1."""
    quoted = quoted.astype(np.int64)
    return np.where((quoted >= 0) & (sent >= 0) & (quoted != sent), quoted, -1)


def _text(noted: str | None, values: list[int]) -> str:
    parts = dict(part.split("=", 1) for part in (noted or "").split(";") if part)
    parts |= {name: str(value) for name, value in zip(_RECORDED, values, strict=True) if value >= 0}
    return ";".join(f"{name}={parts[name]}" for name in ORDER if name in parts)
