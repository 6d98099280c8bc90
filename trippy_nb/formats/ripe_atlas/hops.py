"""The packets of one RIPE Atlas result, and what came back. Everything in it is untrusted."""

from collections import Counter
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from trippy_nb.model import ReplyKind, Status, normalise_address, split_zone

_GAP_HOP = 255
"""TTL of the packet that is sent after five silent hops, to learn whether the target is there at all."""
_IPV6 = 6
_UNREACHABLE = {4: 3, _IPV6: 1}  # ICMP type: RFC 792; RFC 4443 section 3.1
# Codes of that type by the letters of `err`: RFC 792 and RFC 1812 section 5.2.7.1; RFC 4443 section 3.1.
_CODES = {
    4: {"N": 0, "H": 1, "P": 2, "p": 3, "A": 13},
    _IPV6: {"N": 0, "A": 1, "h": 2, "H": 3, "p": 4},
}
_MPLS_CLASS = 1  # RFC 4950 section 3
_LARGEST = {"ttl": 0xFF, "size": 0xFFFF, "ittl": 0xFF, "itos": 0xFF, "mtu": 0xFFFF}
_COLUMNS = {"ttl": "reply_ttl", "size": "reply_size", "ittl": "q_ttl", "itos": "q_tos", "mtu": "mtu"}


class BadRecordError(Exception):
    """A record is no traceroute result; the message says why."""


@dataclass(slots=True)
class Hops:
    """Rows of PROBES and REPLIES, by column."""

    probes: list[dict[str, Any]] = field(default_factory=list)
    replies: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What went wrong at the sender."""
    unreadable: int = 0
    """Answers that do not look like any."""


def text_of(record: dict[str, Any], name: str) -> str | None:
    """Return a text; None if it is none, or empty."""
    value = record.get(name)
    return value if isinstance(value, str) and value else None


def whole_of(record: dict[str, Any], name: str, most: int = 2**62) -> int | None:
    """Return a whole number from 0 to `most`; None if it is none."""
    value = record.get(name)
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most
    return value if fits else None


def hops_of(record: dict[str, Any], run_id: int) -> Hops:
    """Read the hops of a result.

    Raises
    ------
    BadRecordError
        If there is no list of them.
    """
    listed = record.get("result")
    if not isinstance(listed, list):
        raise BadRecordError("`result` is not a list of hops")
    reader = _Reader(run_id, whole_of(record, "af", _IPV6) or whole_of(record, "pf", _IPV6))
    for hop in listed:
        reader.add(hop)
    return reader.hops


class _Reader:
    __slots__ = ("_af", "_attempts", "_last_ttl", "_run_id", "hops")

    def __init__(self, run_id: int, af: int | None) -> None:
        self._run_id = run_id
        self._af = af
        self._attempts: Counter[int] = Counter()
        self._last_ttl = 0
        self.hops = Hops()

    def add(self, hop: Any) -> None:  # noqa: ANN401 - any JSON
        """Read one hop: what was sent with one TTL."""
        if not isinstance(hop, dict):
            self.hops.unreadable += 1
            return
        ttl = whole_of(hop, "hop", 0xFF)
        if "error" in hop:
            self.hops.notes.append(str(hop["error"]))
            if ttl:
                self._sent(ttl, Status.SEND_ERROR)
            return
        answers = hop.get("result")
        if not ttl or not isinstance(answers, list):
            self.hops.unreadable += 1
            return
        past = ttl == _GAP_HOP and self._last_ttl < _GAP_HOP - 1
        self._last_ttl = ttl
        probe: dict[str, Any] | None = None
        for answer in answers:
            probe = self._answer(ttl, answer, probe, past=past)

    def _answer(
        self,
        ttl: int,
        answer: Any,  # noqa: ANN401 - any JSON
        probe: dict[str, Any] | None,
        *,
        past: bool,
    ) -> dict[str, Any] | None:
        """Read one answer, or the lack of one; returns the probe that further answers may be to."""
        if not isinstance(answer, dict):
            self.hops.unreadable += 1
            return probe
        if "error" in answer:
            self.hops.notes.append(str(answer["error"]))
            return self._sent(ttl, Status.SEND_ERROR)
        if "x" in answer:
            return self._sent(ttl, Status.BEYOND_TARGET if past else Status.TIMEOUT)
        try:
            addr = normalise_address(answer["from"])
        except (KeyError, ValueError, AttributeError):
            self.hops.unreadable += 1
            return probe
        if "late" in answer:
            self._reply(answer, addr, ReplyKind.LATE, None)
            return probe
        if answer.get("dup"):
            kind = ReplyKind.UNMATCHED if probe is None else ReplyKind.DUP
            self._reply(answer, addr, kind, probe)
            return probe
        probe = self._sent(ttl, Status.BEYOND_TARGET if past else Status.REPLY)
        probe |= {"addr": addr, "zone": split_zone(answer["from"])[1], "rtt_ms": _rtt(answer)}
        probe["icmp_type"], probe["icmp_code"] = self._icmp(answer)
        self._reply(answer, addr, ReplyKind.FIRST, probe)
        return probe

    def _sent(self, ttl: int, status: Status) -> dict[str, Any]:
        probe = {
            "run_id": self._run_id,
            "round": 0,
            "flow": 0,
            "ttl": ttl,
            "attempt": self._attempts[ttl],
            "status": status.word,
            "addr": None,
            "zone": None,
            "rtt_ms": None,
            "icmp_type": None,
            "icmp_code": None,
            "n_replies": 0,
        }
        self._attempts[ttl] += 1
        self.hops.probes.append(probe)
        return probe

    def _reply(
        self, answer: dict[str, Any], addr: str, kind: ReplyKind, probe: dict[str, Any] | None
    ) -> None:
        row: dict[str, Any] = {"run_id": self._run_id, "kind": kind.word, "addr": addr, "reply_no": 0}
        if probe is not None:
            row |= {name: probe[name] for name in ("round", "flow", "ttl", "attempt")}
            row["reply_no"] = probe["n_replies"]
            probe["n_replies"] = min(probe["n_replies"] + 1, 0xFF)
        row |= {column: whole_of(answer, name, _LARGEST[name]) for name, column in _COLUMNS.items()}
        row["zone"] = split_zone(answer["from"])[1]
        row["rtt_ms"] = _rtt(answer)
        row["rtt_source"] = None if row["rtt_ms"] is None else "imported"
        row["icmp_type"], row["icmp_code"] = self._icmp(answer)
        row["tcp_flags"] = text_of(answer, "flags")
        row["mpls"] = _labels(answer.get("icmpext"))
        elsewhere = text_of(answer, "edst")
        row["rewritten"] = f"dst={elsewhere}" if elsewhere else None
        self.hops.replies.append(row)

    def _icmp(self, answer: dict[str, Any]) -> tuple[int | None, int | None]:
        """Read `err`: a letter, or a code that has none, as a number or as a text.

        Where there is none, it may be Time Exceeded, or an answer of the target: nobody says which.
        """
        said = answer.get("err")
        if said is None or self._af not in _CODES:
            return None, None
        code = _CODES[self._af].get(str(said))
        if code is None and str(said).isdecimal() and int(said) <= 0xFF:  # noqa: PLR2004 - an octet
            code = int(said)
        return (None, None) if code is None else (_UNREACHABLE[self._af], code)


def _rtt(answer: dict[str, Any]) -> float | None:
    value = answer.get("rtt")
    if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value) or value < 0:
        return None
    return float(value)


def _labels(extension: Any) -> str | None:  # noqa: ANN401 - any JSON
    """Write a label stack as the schema has it, outermost first."""
    objects = extension.get("obj") if isinstance(extension, dict) else None
    stack = [
        "/".join(str(entry[name]) for name in ("label", "exp", "s", "ttl"))
        for one in (objects if isinstance(objects, list) else ())
        if isinstance(one, dict) and one.get("class") == _MPLS_CLASS and isinstance(one.get("mpls"), list)
        for entry in one["mpls"]
        if isinstance(entry, dict) and {"label", "exp", "s", "ttl"} <= entry.keys()
    ]
    return ";".join(stack) or None
