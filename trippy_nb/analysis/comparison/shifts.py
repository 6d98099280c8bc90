"""The round-trip time of each hop that two sides share: its shift, and whether that is a change."""

from dataclasses import dataclass
from math import ceil, comb, isfinite, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np

from trippy_nb.analysis.align import change_of
from trippy_nb.analysis.arrays import Floats
from trippy_nb.analysis.autocorrelation import worth
from trippy_nb.analysis.comparison.chance import POWER
from trippy_nb.analysis.comparison.paired import paired_shift
from trippy_nb.analysis.comparison.routes import Route
from trippy_nb.analysis.comparison.sides import Compared, Sides
from trippy_nb.analysis.comparison.words import CANNOT_TELL, CHANGED, SAME, Finding, judged_by
from trippy_nb.analysis.ranks import Shift, shift_between

MARGIN_MS = 1.0
MARGIN_SHARE = 0.10
_MOST_ROUNDS = 100_000
_LEAST_ROUNDS = 10
"""Enough for an interval to exist, with something to spare."""
_WORTH = 5
"""So many independent samples of each side make an interval."""

_NONE: Floats = np.zeros(0)


@dataclass(frozen=True, slots=True)
class Levels:
    """Chances of being wrong."""

    changed: float
    """Of calling changed what is not, by one aspect."""
    same: float
    """Of calling the same what is not. All aspects must be the same for the whole to be: no correction."""


def rtt_rows(sides: Sides, levels: Levels) -> list[dict[str, Any]]:
    """Measure the shift of each common responder; targets of several flows share the level.

    Of a responder at several TTLs all answers count, and its row is that of the place where most of them are:
    with ways of unequal length one TTL of either side has only some of the flows.
    """
    rows = []
    for pair in sides.pairs:
        places: dict[str, tuple[int, dict[str, Any]]] = {}
        for number, (here, there) in enumerate(pair.places):
            if here is None or there is None or change_of(here, there) != "same":
                continue
            tally = {addr: min(count, there.answers.get(addr, 0)) for addr, count in here.answers.items()}
            addr = max(sorted(tally), key=tally.__getitem__)
            row: dict[str, Any] = {
                "flow": pair.flow,
                "place": number,
                "a_ttl": here.ttl,
                "b_ttl": there.ttl,
                "addr": addr,
                "is_target": addr in pair.a.targets and addr in pair.b.targets,
            }
            if addr not in places or places[addr][0] < tally[addr]:
                places[addr] = tally[addr], row
        rows += [(row, pair) for _, row in sorted(places.values(), key=lambda item: item[1]["place"])]
    targets = max(sum(1 for row, _ in rows if row["is_target"]), 1)
    return [
        row | _columns(row["addr"], pair, levels.changed / (targets if row["is_target"] else 1), sides)
        for row, pair in rows
    ]


def _columns(addr: str, pair: Compared, level: float, sides: Sides) -> dict[str, Any]:
    a, b = (route.rtt_of.get(addr, _NONE) for route in (pair.a, pair.b))
    dependence = worth(a), worth(b)
    shift = shift_between(a, b, alpha=level, worth=dependence)
    before, after = (float(np.median(samples)) if len(samples) else np.nan for samples in (a, b))
    margin = max(MARGIN_MS, MARGIN_SHARE * before) if len(a) else MARGIN_MS
    of_flows = [_flow_medians(route, addr) for route in (pair.a, pair.b)]
    judged, flows_needed = shift, None
    if sides.sampled:
        judged = shift_between(*of_flows, alpha=level)
    elif sides.kind == "matched":
        both = _matched_medians(pair, addr)
        judged = shift = paired_shift(*both, alpha=level, worth=worth(both[1] - both[0]))
    verdict = CANNOT_TELL
    if judged.low > margin or judged.high < -margin:
        verdict = CHANGED
    elif shift.low >= -margin and shift.high <= margin:
        verdict = SAME
    elif shift.low > margin or shift.high < -margin:
        flows_needed = max(flows_for_interval(level), min(map(len, of_flows)) + 1)
    undecided = verdict == CANNOT_TELL and flows_needed is None
    return {
        "a_n": len(a),
        "b_n": len(b),
        "a_worth": len(a) / dependence[0],
        "b_worth": len(b) / dependence[1],
        "a_flows": len(of_flows[0]),
        "b_flows": len(of_flows[1]),
        "a_p50_ms": before,
        "b_p50_ms": after,
        "shift_ms": shift.estimate,
        "low_ms": shift.low,
        "high_ms": shift.high,
        "margin_ms": margin,
        "longer_ratio": shift.longer_ratio,
        "p_value": judged.p_value,
        "detectable_ms": _detectable(judged, margin, level),
        "verdict": verdict,
        "rounds_needed": _rounds_needed(shift, margin, min(len(a), len(b)), max(dependence))
        if undecided
        else None,
        "flows_needed": flows_needed,
    }


def _flow_medians(route: Route, addr: str) -> Floats:
    """Take one RTT for each flow that a balancer sees."""
    found = [
        rtt if part.each_probe else np.array([np.median(rtt)])
        for part in route.flows
        if len(rtt := part.rtt_of.get(addr, _NONE))
    ]
    return np.concatenate(found) if found else _NONE


def _matched_medians(pair: Compared, addr: str) -> tuple[Floats, Floats]:
    """Take one RTT of each side for each flow that has one on both."""
    found = [
        (np.median(one.rtt_of[addr]), np.median(two.rtt_of[addr]))
        for one, two in zip(pair.a.flows, pair.b.flows, strict=True)
        if addr in one.rtt_of and addr in two.rtt_of
    ]
    both = np.array(found, dtype=np.float64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def flows_for_interval(level: float) -> int:
    """Return how many flows of each side it takes for an interval of the shift to exist."""
    n = 1
    while 2 / comb(2 * n, n) > level:
        n += 1
    return n


def _detectable(shift: Shift, margin: float, level: float) -> float:
    """Return the shift whose interval would clear the margin with power 0.8, if it is as wide as this one."""
    if not isfinite(shift.low) or not isfinite(shift.high):
        return np.nan
    half = (shift.high - shift.low) / 2
    normal = NormalDist()
    return margin + half * (1 + normal.inv_cdf(POWER) / normal.inv_cdf(1 - level / 2))


def _rounds_needed(shift: Shift, margin: float, n: int, worth_each: float) -> int | None:
    """Guess when the interval, whose width shrinks with the root of n, leaves the edge of the margin.

    None if more rounds like these would not tell: the times of a side move together, as where their level
    changed within it, and more of them are hardly worth more.
    """
    if not isfinite(shift.low) or not isfinite(shift.high):
        return max(_LEAST_ROUNDS, n + 1) if n < _LEAST_ROUNDS or n >= _WORTH * worth_each else None
    half = (shift.high - shift.low) / 2
    room = abs(abs(shift.estimate) - margin)
    if room * sqrt(_MOST_ROUNDS) <= half * sqrt(n):
        return None
    return max(n + 1, ceil(n * (half / room) ** 2))


def judge_rtt(rows: list[dict[str, Any]], sides: Sides) -> Finding:
    """Judge the target, or the last hop that both share."""
    measured = [row for row in rows if row["a_n"] and row["b_n"]]
    if not measured:
        return Finding(CANNOT_TELL, reason="no round-trip time was measured at a hop that both share")
    about, of = judged_by(measured)
    if of[CHANGED]:
        return Finding(CHANGED, row=max(of[CHANGED], key=lambda row: abs(row["shift_ms"])))
    if not of[CANNOT_TELL]:
        return Finding(SAME, row=max(about, key=lambda row: abs(row["shift_ms"])))
    open_row = max(of[CANNOT_TELL], key=lambda row: row["high_ms"] - row["low_ms"])
    balanced = [row for row in of[CANNOT_TELL] if row["flows_needed"] is not None]
    if balanced:
        row = max(balanced, key=lambda row: abs(row["shift_ms"]))
        return Finding(CANNOT_TELL, row=row, flows_needed=row["flows_needed"], reason=sides.why)
    numbers = [row["rounds_needed"] for row in of[CANNOT_TELL]]
    needed = None if None in numbers else max(numbers)
    return Finding(
        CANNOT_TELL, row=open_row, rounds_needed=needed, reason="the interval of the shift is too wide"
    )
