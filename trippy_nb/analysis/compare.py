"""Two runs side by side: what changed, what is the same, what nobody can tell.

The path counts as changed only where balancing cannot explain it: both runs sent the same flow (same
addresses, protocol and header fields), and a responder's share of the answers at some TTL differs by
more than chance (Fisher's exact test, corrected for the number of tables). Runs whose probes change
their flow as they go never count as changed.

The round-trip time counts as changed if the confidence interval of its shift lies wholly beyond the
margin, as the same if it lies wholly within; the margin is the larger of 1 ms and 10 % of the median
before. The verdict is about the target, or else the last hop both runs share: a shift at a router
alone is often the router's own slowness to answer.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.analysis.align import FITTING, Aligned, align, change_of
from trippy_nb.analysis.flowkeys import Definition, known
from trippy_nb.analysis.routes import END, Route, difference_p, rounds_for_change, routes_of
from trippy_nb.analysis.shifts import Compared, judge_rtt, rtt_rows
from trippy_nb.analysis.words import CANNOT_TELL, CHANGED, SAME, PathFinding, overall, say

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

ALPHA = 0.05

_PATH_DTYPES = {
    "flow": "uint16",
    "place": "uint16",
    "a_ttl": "UInt8",
    "b_ttl": "UInt8",
    "a_addr": "str",
    "b_addr": "str",
    "a_addrs": "object",
    "b_addrs": "object",
    "a_n": "uint32",
    "b_n": "uint32",
    "change": "category",
}
_RTT_DTYPES = {
    "flow": "uint16",
    "place": "uint16",
    "a_ttl": "uint8",
    "b_ttl": "uint8",
    "addr": "str",
    "is_target": "bool",
    "a_n": "uint32",
    "b_n": "uint32",
    "a_p50_ms": "float64",
    "b_p50_ms": "float64",
    "shift_ms": "float64",
    "low_ms": "float64",
    "high_ms": "float64",
    "margin_ms": "float64",
    "p_value": "float64",
    "verdict": "category",
    "rounds_needed": "UInt32",
}
_CATEGORIES = {
    "change": ["same", "changed", "added", "removed", "unknown"],
    "verdict": [SAME, CHANGED, CANNOT_TELL],
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComparisonTables:
    """What a comparison found."""

    paths: pd.DataFrame
    """One row a place of the aligned paths of a flow: `flow`, `place` (row of the alignment, from 0),
    `a_ttl`, `b_ttl` (missing where that side has no such hop), `a_addr`, `b_addr` (most frequent
    responder; missing if silent or no such hop), `a_addrs`, `b_addrs` (tuples, most frequent first),
    `a_n`, `b_n` (answers), `change`: same (a common responder), changed, added, removed, or unknown
    (silent on a side, or different where balancing or chance could explain it)."""
    rtt: pd.DataFrame
    """One row a place with a common responder: `flow`, `place`, `a_ttl`, `b_ttl`, `addr`, `is_target`,
    `a_n`, `b_n` (RTTs), `a_p50_ms`, `b_p50_ms`, `shift_ms` (b - a, Hodges and Lehmann), `low_ms`,
    `high_ms` (confidence interval; infinite if too few), `margin_ms` (what still counts as the same),
    `p_value` (Mann and Whitney), `verdict` (same, changed, cannot tell), `rounds_needed` (of each run,
    for a decision, roughly; missing if decided, or if no number would do)."""
    verdict: str
    """``same``, ``changed`` or ``cannot tell``."""
    sentence: str
    """The verdict in words, in one line."""
    path_verdict: str
    rtt_verdict: str
    rounds_needed: int | None
    """Rounds of each run that would be needed, if it cannot be told for lack of them."""
    reasons: tuple[str, ...]
    """Why something cannot be told, and what differs between the two that was not meant to be compared."""
    names: tuple[str, str]
    """What to call the two sides: their labels, or before and after."""


def compare_tables(a: "Tables", b: "Tables", *, alpha: float = ALPHA) -> ComparisonTables:
    """Compare two runs (or two sets of runs, each taken as one).

    Parameters
    ----------
    a, b
        Before and after.
    alpha
        Probability of calling changed what is not: of the path, and of the round-trip time.

    Returns
    -------
    comparison
        Frames, verdict and sentence; see :class:`ComparisonTables`.
    """
    pairs, odd_flows = _paired(routes_of(a), routes_of(b))
    other_target, notes = _asked_differently(a, b)
    aligned = [(one, two, align(one.places, two.places)) for one, two in pairs]
    path, significant = PathFinding(CANNOT_TELL, reason=other_target), set[int]()
    if not other_target:
        path, significant = _judge_paths(aligned, odd_flows, alpha)
    path_rows = [
        row
        for number, (one, _, places) in enumerate(aligned)
        for row in _path_rows(one.flow, places, changed=number in significant)
    ]
    shifts = rtt_rows(aligned, alpha)
    rtt = judge_rtt(shifts, other_target)
    verdict = overall(path.verdict, rtt.verdict)
    needed = [finding.rounds_needed for finding in (path, rtt) if finding.rounds_needed is not None]
    reasons = dict.fromkeys(reason for reason in (other_target, path.reason, rtt.reason, *notes) if reason)
    return ComparisonTables(
        paths=_frame(path_rows, _PATH_DTYPES),
        rtt=_frame(shifts, _RTT_DTYPES),
        verdict=verdict,
        sentence=say(verdict, path, rtt, notes),
        path_verdict=path.verdict,
        rtt_verdict=rtt.verdict,
        rounds_needed=max(needed, default=None) if verdict == CANNOT_TELL else None,
        reasons=tuple(reasons),
        names=(_label(a, "before"), _label(b, "after")),
    )


def _paired(a: dict[Definition, Route], b: dict[Definition, Route]) -> tuple[list[tuple[Route, Route]], str]:
    """Pair equal flows; if there are none, pair by number and say why that proves no change."""
    common = [key for key in a if key in b and known(key)]
    if common and all(a[key].steady and b[key].steady for key in common):
        return [(a[key], b[key]) for key in common], ""
    by_number = {route.flow: route for route in b.values()}
    pairs = [(route, by_number[route.flow]) for route in a.values() if route.flow in by_number]
    if not all(route.steady for pair in pairs for route in pair):
        return (
            pairs,
            "probes of one flow may take different paths, so that balancing could explain a difference",
        )
    return pairs, "the two runs sent different flows, which balancing may send on different paths"


def _asked_differently(a: "Tables", b: "Tables") -> tuple[str, tuple[str, ...]]:
    """Return why the two cannot be compared at all, and what else differs."""
    said = {name: (_words(a, name), _words(b, name)) for name in ("dst_addr", "protocol", "src_addr")}
    one, two = said["dst_addr"]
    other_target = f"the targets differ ({one} and {two})" if one != two else ""
    titles = {"protocol": "protocol", "src_addr": "source"}
    differing = [(title, *said[name]) for name, title in titles.items() if said[name][0] != said[name][1]]
    notes = [f"{title} {before} against {after}" for title, before, after in differing]
    return other_target, tuple(notes)


def _words(tables: "Tables", column: str) -> str:
    return ", ".join(sorted({str(value) for value in tables.runs[column].dropna()})) or "unknown"


def _label(tables: "Tables", otherwise: str) -> str:
    labels = (
        [str(value) for value in tables.runs["label"].dropna().unique()] if "label" in tables.runs else []
    )
    return labels[0] if len(labels) == 1 else otherwise


def _judge_paths(aligned: list[Compared], why_not: str, alpha: float) -> tuple[PathFinding, set[int]]:
    """Judge the paths, and name the pairs (by number) in which a change is proven."""
    tests = [(number, p) for number, (one, two, _) in enumerate(aligned) for p in _tests(one, two)]
    differing = [
        (here, there)
        for _, _, places in aligned
        for here, there in places
        if change_of(here, there) not in FITTING
    ]
    common = sum(change_of(here, there) == "same" for _, _, places in aligned for here, there in places)
    if not common and not differing:
        return PathFinding(CANNOT_TELL, reason="no hop answered in both runs"), set()
    if why_not:
        if differing:
            return PathFinding(CANNOT_TELL, reason=why_not), set()
        return PathFinding(SAME, hops=common, flows=len(aligned)), set()
    significant = {number for number, p in tests if p * len(tests) <= alpha}
    if significant:
        first = next(
            (pair for n in sorted(significant) for pair in aligned[n][2] if change_of(*pair) not in FITTING),
            None,
        )
        return PathFinding(CHANGED, hops=common, first=first, differing=len(differing)), significant
    if not differing:
        return PathFinding(SAME, hops=common, flows=len(aligned)), set()
    needed = rounds_for_change(len(tests), alpha)
    return PathFinding(CANNOT_TELL, reason="too few rounds to rule out chance", rounds_needed=needed), set()


def _tests(a: Route, b: Route) -> list[float]:
    ones, twos = ({place.ttl: dict(place.answers) for place in route.places} for route in (a, b))
    found = []
    for ttl in sorted(ones.keys() | twos.keys()):
        here, there = ones.get(ttl, {}), twos.get(ttl, {})
        for counts, route in ((here, a), (there, b)):
            if route.past_end.get(ttl, 0):
                counts[END] = route.past_end[ttl]
        found += difference_p(here, there)
    return found


def _path_rows(flow: int, places: Aligned, *, changed: bool) -> list[dict[str, Any]]:
    rows = []
    for number, (here, there) in enumerate(places):
        change = change_of(here, there)
        if change == "silent" or (change != "same" and not changed):
            change = "unknown"
        row: dict[str, Any] = {"flow": flow, "place": number, "change": change}
        for side, place in (("a", here), ("b", there)):
            ranked = place.ranked if place else ()
            row |= {
                f"{side}_ttl": place.ttl if place else None,
                f"{side}_addr": ranked[0] if ranked else None,
                f"{side}_addrs": ranked,
                f"{side}_n": sum(place.answers.values()) if place else 0,
            }
        rows.append(row)
    return rows


def _frame(rows: list[dict[str, Any]], dtypes: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame(
        {name: _series([row[name] for row in rows], name, dtype) for name, dtype in dtypes.items()}
    )


def _series(values: list[Any], name: str, dtype: str) -> "pd.Series[Any]":
    if name in _CATEGORIES:
        return pd.Series(pd.Categorical(values, categories=_CATEGORIES[name]))
    if dtype == "object":
        boxed = np.empty(len(values), dtype=object)
        boxed[:] = values
        return pd.Series(boxed)
    return pd.Series(values, dtype=dtype)
