"""What quoted headers show: translated addresses, rewritten fields, a TTL of zero.

A quote is the probe as it arrived at the hop that answers. So a field that is not as it was sent was
rewritten before that hop, by it, or in the quote on its way back; if all hops from there on show it, before.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from trippy_nb.analysis.evidence.answers import names_in
from trippy_nb.analysis.evidence.statement import (
    CANNOT_BE_SEEN,
    FIRST,
    HINT,
    LIKELY,
    NONE_SEEN,
    SHOWN,
    OneRun,
    Statement,
    mentions,
)

_MOST = 0.5
_TRANSPORT = frozenset({"src", "dst", "sport", "dport", "icmp_id", "seq", "mss", "length"})
"""Fields that a transport checksum covers: where one of them differs, the checksum has to."""
_OF_NAT = frozenset({"sport", "dport", "icmp_id", "checksum"})
_NAMES = {
    "dst": "the destination address",
    "ip_id": "the IP identification",
    "df": "the flag Don't Fragment",
    "flow_label": "the flow label",
    "sport": "the source port",
    "dport": "the destination port",
    "icmp_id": "the ICMP identifier",
    "seq": "the sequence number",
    "mss": "the maximum segment size",
    "length": "the length",
}
_DSCP_SHIFT, _ECN_MASK = 2, 3  # RFC 2474 section 3, RFC 3168 section 5


@dataclass(frozen=True, slots=True)
class _Onset:
    """From where on a flow shows something."""

    ttl: int
    last_ttl: int
    lasts: bool
    """Most of what was quoted from there on shows it."""
    value: str
    addrs: tuple[str, ...]


def quote_statements(run: OneRun) -> Iterator[Statement]:
    """Say what the quotes of a run show."""
    if not run.has_headers:
        for kind in ("nat", "rewritten", "zero-ttl", "mpls-implicit"):
            yield Statement(
                kind=kind,
                strength=CANNOT_BE_SEEN,
                says="The answers of this run came without the header of the probe, which alone would show "
                "it.",
                where=FIRST,
            )
        return
    yield from _nat(run)
    yield from _rewritten(run)
    yield from _zero_ttl(run)


def _nat(run: OneRun) -> Iterator[Statement]:
    answers = run.answers
    compared = answers[answers["changed"].notna()]
    found = False
    for onset, flows in _onsets(compared, lambda fields: fields.get("src")):
        found = True
        yield Statement(
            kind="nat",
            strength=SHOWN if onset.lasts else HINT,
            says=f"From hop {onset.ttl} on, quotes show the source {onset.value} in place of "
            f"{run.facts['src_addr']}: something before that hop translates addresses."
            if onset.lasts
            else f"Hop {onset.ttl} quotes the source {onset.value}, hops behind it do not.",
            where=f"{FIRST} and {mentions('src')}",
            flows=flows,
            ttl=onset.ttl,
            last_ttl=onset.last_ttl,
            addrs=onset.addrs,
        )
    if not found:
        yield from _nat_by_checksum(run, compared)


def _nat_by_checksum(run: OneRun, compared: pd.DataFrame) -> Iterator[Statement]:
    """Look for translators that restore the addresses in a quote, but not its checksum."""
    where = f"{FIRST} and {mentions('checksum')}"
    found = list(_onsets(compared, _unexplained_checksum))
    if not len(compared):
        where = f'{FIRST} and nat == "yes"'
        found = list(_onsets(run.answers.assign(changed=run.answers["nat"]), lambda said: said.get("yes")))
    for onset, flows in found:
        yield Statement(
            kind="nat",
            strength=LIKELY if onset.lasts else HINT,
            says=f"From hop {onset.ttl} on, quotes have a transport checksum that was not sent, though "
            "nothing "
            "that it covers differs: something before that hop translates addresses, and translates them "
            "back in "
            "quotes."
            if onset.lasts
            else f"Hop {onset.ttl} quotes a transport checksum that was not sent, hops behind it do not.",
            where=where,
            flows=flows,
            ttl=onset.ttl,
            last_ttl=onset.last_ttl,
            addrs=onset.addrs,
        )
    if not found:
        n = len(compared)
        yield Statement(
            kind="nat",
            strength=NONE_SEEN if n else CANNOT_BE_SEEN,
            says="No quote shows a translated address. A translator that restores quotes, as Linux does, "
            "leaves no trace in them."
            if n
            else "No answer of this run quotes enough of a probe to compare it with what was sent.",
            where=f"{FIRST} and rewritten.notna()" if n else FIRST,
        )


def _unexplained_checksum(fields: dict[str, str]) -> str | None:
    return "" if "checksum" in fields and not _TRANSPORT & fields.keys() else None


def _rewritten(run: OneRun) -> Iterator[Statement]:
    compared = run.answers[run.answers["changed"].notna()]
    for name, text in _NAMES.items():
        for onset, flows in _onsets(compared, partial(_own_value, name)):
            to = f" (now {onset.value})" if onset.value else ""
            yield _change(onset, flows, f"{text} differs from what was sent{to}", mentions(name))
    sent = run.facts["tos"]
    if pd.isna(sent):
        return
    for part, text in (("dscp", "DSCP"), ("ecn", "ECN")):
        was = _part_of_tos(int(sent), part)
        for onset, flows in _onsets(compared, partial(_new_part, part, was)):
            how = f"{text} is {onset.value}, sent as {was}" + (" (bleached)" if onset.value == "0" else "")
            yield _change(onset, flows, how, f"{mentions('tos')} and {_tos_query(part, onset.value)}")


def _own_value(name: str, fields: dict[str, str]) -> str | None:
    """Return the value of a field, unless a translator explains it."""
    return None if "src" in fields and name in _OF_NAT else fields.get(name)


def _part_of_tos(tos: int, part: str) -> int:
    return tos >> _DSCP_SHIFT if part == "dscp" else tos & _ECN_MASK


def _new_part(part: str, was: int, fields: dict[str, str]) -> str | None:
    if "tos" not in fields:
        return None
    now = _part_of_tos(int(fields["tos"]), part)
    return str(now) if now != was else None


def _tos_query(part: str, value: str) -> str:
    if part == "dscp":
        return f"q_tos // {1 << _DSCP_SHIFT} == {value}"
    return f"q_tos % {_ECN_MASK + 1} == {value}"


def _change(onset: _Onset, flows: tuple[int, ...], what: str, where: str) -> Statement:
    if onset.lasts:
        says = f"From hop {onset.ttl} on, {what}: something before that hop rewrites it."
    else:
        says = f"Hop {onset.ttl} quotes that {what}; hops behind it do not, so the quote itself may be wrong."
    return Statement(
        kind="rewritten",
        strength=SHOWN if onset.lasts else HINT,
        says=says,
        where=f"{FIRST} and {where}",
        flows=flows,
        ttl=onset.ttl,
        last_ttl=onset.last_ttl,
        addrs=onset.addrs,
    )


def _onsets(
    compared: pd.DataFrame, value_of: Callable[[dict[str, str]], str | None]
) -> Iterator[tuple[_Onset, tuple[int, ...]]]:
    """Find from which hop on flows show something; flows that agree are put together."""
    known: dict[str, str | None] = {text: value_of(names_in(text)) for text in compared["changed"].unique()}
    value = compared["changed"].map(known)
    if value.isna().all():
        return
    found: dict[_Onset, list[int]] = defaultdict(list)
    valued = compared.assign(value=value)
    for flow in sorted(valued["flow"].unique().tolist()):
        onset = _onset(valued[valued["flow"] == flow])
        if onset is not None:
            found[onset].append(flow)
    for onset, flows in found.items():
        yield onset, tuple(flows)


def _onset(rows: pd.DataFrame) -> _Onset | None:
    shows = rows[rows["value"].notna()]
    if shows.empty:
        return None
    quoted: Any = rows.groupby("ttl")["n"].sum()
    share = (shows.groupby("ttl")["n"].sum() / quoted).fillna(0.0)
    often = share[share > _MOST]
    ttl = int((often if len(often) else share[share > 0]).index[0])
    here = shows[shows["ttl"] >= ttl]
    lasts = here["n"].sum() > _MOST * rows.loc[rows["ttl"] >= ttl, "n"].sum()
    value = here.groupby("value")["n"].sum().sort_index().idxmax()
    addrs = tuple(sorted(here.loc[here["ttl"] == ttl, "addr"].unique()))
    return _Onset(ttl, int(here["ttl"].max()), bool(lasts), str(value), addrs)


def _zero_ttl(run: OneRun) -> Iterator[Statement]:
    answers = run.answers
    zero = answers[answers["q_ttl"] == 0]
    for ttl, addr in sorted({*zip(zero["ttl"].tolist(), zero["addr"].tolist(), strict=True)}):
        rows = zero[(zero["ttl"] == ttl) & (zero["addr"] == addr)]
        again = answers[(answers["addr"] == addr) & (answers["ttl"] == ttl + 1) & (answers["q_ttl"] > 0)]
        more = f" It is hop {ttl + 1}, too." if len(again) else ""
        yield Statement(
            kind="zero-ttl",
            strength=SHOWN if len(again) else LIKELY,
            says=f"{addr} at hop {ttl} quotes a TTL of 0: the router before it forwards what it should have "
            f"answered, and is not seen.{more}",
            where=f'{FIRST} and ttl == {ttl} and addr == "{addr}" and q_ttl == 0',
            flows=tuple(sorted(rows["flow"].unique().tolist())),
            ttl=ttl,
            last_ttl=ttl,
            addrs=(addr,),
        )
