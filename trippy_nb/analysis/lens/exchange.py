"""A probe and all that came back for it, as bytes taken apart: what the packet lens shows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pandas as pd

from trippy_nb.analysis.lens.fates import FieldFate, echo_fates, fates_sentence, field_fates, tcp_fates
from trippy_nb.errors import ConfigError
from trippy_nb.model import derive_secret
from trippy_nb.wire import ICMP_TYPES
from trippy_nb.wire.anatomy import Anatomy, Ours, Start, anatomy, icmp_words

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

_ONLY_QUOTE: Final = "Of this answer the kernel hands over only what it quotes."
_CALM: Final = "Of what is quoted nothing was changed on the way but what has to be."
_CALM_ECHO: Final = "Identifier, number and payload came back as they were sent."
_CALM_TCP: Final = "It acknowledges the probe."
_NO_HEADER: Final = "Its IP header is not kept."
_KEY: Final = ("round", "flow", "ttl", "attempt")
_OWN_HEADERS: Final = ("raw", "sim")
_SHOW_NOTHING: Final = ("connect", "icmp-api")
_IPV4, _IPV6 = 4, 6
_V6_SIZE: Final = 40
_PLACED: Final = {
    "src": ("ip.source",), "dst": ("ip.target",), "tos": ("ip.dscp", "ip.ecn"), "ip_id": ("ipv4.id",),
    "df": ("ipv4.df",), "flow_label": ("ipv6.flow_label",), "sport": ("udp.sport", "tcp.sport"),
    "dport": ("udp.dport", "tcp.dport"), "icmp_id": ("icmp.id",), "seq": ("icmp.seq", "tcp.seq"),
    "mss": ("tcp.option.2",), "length": ("ipv4.length", "ipv6.length"),
}  # fmt: skip
"""Names in `replies.rewritten` and the fields they stand for."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One packet of an exchange."""

    title: str
    says: str
    """What it is, in a sentence or two."""
    anatomy: Anatomy
    fates: tuple[FieldFate, ...] = ()
    """What became of the fields of the probe; empty for the probe itself."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A probe and its answers, or one packet."""

    title: str
    packets: tuple[Shown, ...]
    """The probe first, if it was kept; then the answers, as they came."""


def packet_alone(octets: bytes) -> Exchange:
    """Take one IP packet apart, wherever it comes from."""
    found = anatomy(bytes(octets))
    chain = " in ".join(layer.title for layer in reversed(found.layers) if not layer.quoted)
    quoted = [
        layer.title for layer in found.layers if layer.quoted and layer.key not in {"payload", "padding"}
    ]
    says = f"{chain}, {len(octets):,} bytes" + (f", quoting {' and '.join(quoted)}." if quoted else ".")
    return Exchange(f"A packet of {len(octets):,} bytes", (Shown("Packet", says, found),))


def exchange(tables: "Tables", *, ttl: int, round_: int = 0, flow: int = 0, attempt: int = 0) -> Exchange:
    """Take a probe and its answers apart.

    Parameters
    ----------
    tables
        Tables of one run.
    ttl, round_, flow, attempt
        Which probe.

    Raises
    ------
    ConfigError
        If there is no such probe, or its packets were not kept; the message says how to keep them.
    """
    key = {"round": round_, "flow": flow, "ttl": ttl, "attempt": attempt}
    probe = _one_probe(tables, key)
    run = tables.runs.iloc[0]
    kept = _at(tables.packets, key)
    if kept.empty:
        raise ConfigError(_not_kept(tables, run))
    reader = _Reader(tables, run, probe, key)
    is_out = kept["direction"] == "out"
    sent = reader.sent(kept[is_out].iloc[0]) if is_out.any() else None
    answers = [reader.answer(packet, sent) for _, packet in kept[~is_out].iterrows()]
    several = len(answers) > 1
    named = [
        Shown(f"{shown.title} {i}" if several else shown.title, shown.says, shown.anatomy, shown.fates)
        for i, shown in enumerate(answers, 1)
    ]
    target = run["target"] if isinstance(run["target"], str) else run["dst_addr"]
    where = (
        f"hop {ttl}, round {round_}"
        + (f", flow {flow}" if flow else "")
        + (f", attempt {attempt}" if attempt else "")
    )
    return Exchange(f"Probe to {target}: {where}", (*((sent,) if sent else ()), *named))


def _at(frame: pd.DataFrame, key: dict[str, int]) -> pd.DataFrame:
    mask = pd.Series(data=True, index=frame.index)
    for name, value in key.items():
        mask &= frame[name].eq(value).fillna(value=False).astype(bool)
    return frame[mask]


def _one_probe(tables: "Tables", key: dict[str, int]) -> pd.Series:
    found = _at(tables.probes, key)
    if found.empty:
        there = ", ".join(f"{name} {_span(tables.probes[name])}" for name in _KEY)
        asked = ", ".join(f"{name} {value}" for name, value in key.items())
        raise ConfigError(f"there is no probe of {asked}; this run has {there}")
    return found.iloc[0]


def _span(values: pd.Series) -> str:
    if values.empty:
        return "none"
    low, high = int(values.min()), int(values.max())
    return str(low) if low == high else f"{low} to {high}"


def _not_kept(tables: "Tables", run: pd.Series) -> str:
    if not tables.packets.empty:
        return (
            "the packets of this probe were not kept: a run keeps 16 MB, and there are none of probes that "
            "were not sent; look at another round, or trace fewer"
        )
    if run["source"] not in {"live", "sim"}:
        return f"this run has no packets, for {run['source']} keeps none: trace with keep_packets=True"
    if str(run["mode"]) in _SHOW_NOTHING:
        return (
            f"in mode {run['mode']} the operating system shows no packets: trace with mode='raw' to keep them"
        )
    return "no packets of this run were kept: trace again with keep_packets=True"


class _Reader:
    """Reads the packets of one probe.

    Parameters
    ----------
    tables, run
        Of the run.
    probe
        Its row.
    key
        What names it.
    """

    def __init__(self, tables: "Tables", run: pd.Series, probe: pd.Series, key: dict[str, int]) -> None:
        self._tables = tables
        self._key = key
        self._protocol = str(run["protocol"])
        self._af = int(run["af"]) if pd.notna(run["af"]) else _IPV4
        self._whole = str(run["mode"]) in _OWN_HEADERS
        seq = int(probe["seq"]) if pd.notna(probe["seq"]) else None
        self._ours = Ours(tuple(_secrets(run, key["round"])), seq)
        self._replies = _at(tables.replies, key)

    def sent(self, packet: pd.Series) -> Shown:
        """Read the probe."""
        octets = packet["bytes"]
        start = Start.IP if self._whole else self._bare_start()
        says = f"{len(octets):,} bytes, sent with TTL {self._key['ttl']}."
        if not self._whole:
            says += " The kernel made the headers in front of them, which are not kept."
        return Shown("Sent", says, anatomy(octets, start=start, ours=self._ours))

    def answer(self, packet: pd.Series, sent: Shown | None) -> Shown:
        """Read an answer, and compare it with the probe."""
        octets = packet["bytes"]
        reply = self._reply_of(packet)
        found = anatomy(octets, start=self._start(octets, reply), ours=self._ours)
        kind, code = _icmp_kind(found, reply)
        types = ICMP_TYPES[self._af]
        is_quote = any(layer.quoted for layer in found.layers)
        is_error = kind is not None and kind != types.echo_reply
        fates: tuple[FieldFate, ...] = ()
        if sent is not None and (is_quote or is_error):
            expired, places = kind == types.time_exceeded, self._places()
            fates = field_fates(
                sent.anatomy, found, expired=expired, places=places, bare=not is_quote and not self._whole
            )
        elif sent is not None:
            fates = (echo_fates if kind == types.echo_reply else tcp_fates)(sent.anatomy, found)
        calm = _CALM if is_quote or is_error else _CALM_ECHO if kind == types.echo_reply else _CALM_TCP
        says = f"{_who(found, reply)}: {_kind_words(found, self._af, kind, code)}{_quote_words(found, sent)}."
        if not self._whole:
            says += f" {_ONLY_QUOTE if is_error else _NO_HEADER}"
        return Shown("Answer", " ".join(filter(None, (says, fates_sentence(fates, calm)))), found, fates)

    def _reply_of(self, packet: pd.Series) -> "pd.Series | None":
        same = self._replies[self._replies["received_at"] == packet["at"]]
        return same.iloc[0] if len(same) else None

    def _bare_start(self) -> Start:
        if self._protocol == "icmp":
            return Start.ICMP if self._af == _IPV4 else Start.ICMPV6
        return Start.PAYLOAD

    def _start(self, octets: bytes, reply: "pd.Series | None") -> Start:
        """Tell what an answer begins with: raw IPv6 sockets leave the IP header away."""
        if not self._whole:
            return self._bare_start()
        if self._af == _IPV4 or _is_ipv6(octets):
            return Start.IP
        is_tcp = reply is not None and pd.isna(reply["icmp_type"])
        return Start.TCP if is_tcp else Start.ICMPV6

    def _places(self) -> dict[str, str]:
        """Say between which hops the fields of this flow were rewritten, as `field_fates` wants it."""
        replies = self._tables.replies
        mine = replies[
            replies["flow"].eq(self._key["flow"]).fillna(value=False) & replies["rewritten"].notna()
        ]
        distinct = mine[["ttl", "rewritten"]].drop_duplicates()  # a long run has few of them
        seen = [
            (int(ttl), {part.partition("=")[0] for part in str(text).split(";")})
            for ttl, text in distinct.itertuples(index=False)
        ]
        return dict(_placed(seen))


def _placed(seen: list[tuple[int, set[str]]]) -> Iterator[tuple[str, str]]:
    for name, keys in _PLACED.items():
        first = min((ttl for ttl, names in seen if name in names), default=None)
        if first is None:
            continue
        before = max((ttl for ttl, names in seen if ttl < first and name not in names), default=None)
        where = f"at hop {before} or between it and hop {first}" if before else f"at hop {first} or before it"
        yield from ((key, where) for key in keys)


def _secrets(run: pd.Series, round_: int) -> Iterator[bytes]:
    """Secrets that a probe of a run may carry: mixed with the round (ICMP, UDP classic), and plain."""
    for name in ("part_of", "run_uuid"):
        if isinstance(run[name], str):
            secret = derive_secret(run[name])
            yield (int.from_bytes(secret, "big") ^ round_).to_bytes(len(secret), "big")
            yield secret


def _is_ipv6(octets: bytes) -> bool:
    return (
        len(octets) >= _V6_SIZE
        and octets[0] >> 4 == _IPV6
        and int.from_bytes(octets[4:6], "big") + _V6_SIZE == len(octets)
    )


def _icmp_kind(found: Anatomy, reply: "pd.Series | None") -> tuple[int | None, int | None]:
    """Type and code of the answer, of itself or of what was recorded with it."""
    if reply is not None and pd.notna(reply["icmp_type"]):
        return int(reply["icmp_type"]), int(reply["icmp_code"])
    numbers = {field.key: found.number(field) for field in found.of(quoted=False)}
    return numbers.get("icmp.type"), numbers.get("icmp.code")


def _who(found: Anatomy, reply: "pd.Series | None") -> str:
    """Say who answered, and when."""
    addr = next((field.value for field in found.of(quoted=False) if field.key == "ip.source"), None)
    if addr is None and reply is not None and isinstance(reply["addr"], str):
        addr = reply["addr"]
    after = f" after {reply['rtt_ms']:.2f} ms" if reply is not None and pd.notna(reply["rtt_ms"]) else ""
    return f"{addr or 'Somebody'} answered{after}"


def _quote_words(found: Anatomy, sent: Shown | None) -> str:
    """Say how much of the probe is quoted."""
    bits = sum(field.bits for field in found.of(quoted=True) if found.layers[field.layer].key != "padding")
    if not bits:
        return ""
    whole = len(sent.anatomy.octets) if sent else 0
    if bits // 8 == whole:
        return f", quoting all {whole:,} bytes of the probe"
    return f", quoting {bits // 8:,}{f' of {whole:,}' if sent else ''} bytes of the probe"


def _kind_words(found: Anatomy, af: int, kind: int | None, code: int | None) -> str:
    """Name an answer: ``Time exceeded (type 11), in transit``."""
    words = {field.key: field.value for field in found.of(quoted=False)}
    if kind is None and "tcp.flags" in words:
        return f"TCP with {words['tcp.flags']}"
    if kind is None or code is None:
        return "a datagram"
    name, why = icmp_words(af, kind, code)
    return f"{name} (type {kind}){', ' + why if why else ''}"
