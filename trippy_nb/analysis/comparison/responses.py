"""Probes that nobody answered, place by place: more than before, as many, or nobody can tell.

At a router that is no loss: most limit how often they answer. So the verdict is about the target, or else
the last hop that both sides have; the rows of routers are there to be looked at.
"""

from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from trippy_nb.analysis.align import Place
from trippy_nb.analysis.arrays import Bools, Floats
from trippy_nb.analysis.autocorrelation import worth
from trippy_nb.analysis.comparison.chance import detectable_share, fisher, means_p, newcombe
from trippy_nb.analysis.comparison.routes import Route
from trippy_nb.analysis.comparison.shifts import Levels
from trippy_nb.analysis.comparison.sides import Compared, Sides
from trippy_nb.analysis.comparison.words import CANNOT_TELL, CHANGED, SAME, Finding, judged_by
from trippy_nb.analysis.ratios import holm

MARGIN = 0.05
"""Shares of unanswered probes that differ by no more than this are the same."""
_MOST_ROUNDS = 100_000

_NONE: Bools = np.zeros(0, dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class _Row:
    key: dict[str, Any]
    a: Bools
    b: Bools
    flows: tuple[Floats, Floats] | None
    """The share of each flow, where luck chose the flows."""


def response_rows(sides: Sides, levels: Levels) -> list[dict[str, Any]]:
    """Compare unanswered probes place by place; p-values are corrected, targets and routers apart."""
    rows = [row for pair in sides.pairs for row in _places(pair, sampled=sides.sampled)]
    p_values = np.array([_p(row) for row in rows], dtype=np.float64)
    targets = np.array([row.key["is_target"] for row in rows], dtype=np.bool_)
    for group in (targets, ~targets):
        p_values[group] = holm(p_values[group])
    level = levels.changed / max(int(targets.sum()), 1)
    return [row.key | _columns(row, float(p), levels, level) for row, p in zip(rows, p_values, strict=True)]


def _places(pair: Compared, *, sampled: bool) -> list[_Row]:
    one, two = pair.a, pair.b
    ends = [end for end in (one.end, two.end) if end is not None]
    end = min(ends, default=None)
    found = []
    last = next((n for n in range(len(pair.places) - 1, -1, -1) if _has_target(pair, pair.places[n])), None)
    for number, (here, there) in enumerate(pair.places):
        is_target = number == last
        if not is_target and (here is None or there is None or (here.silent and there.silent)):
            continue
        common = sorted(here.answers.keys() & there.answers.keys()) if here and there else []
        key = {
            "flow": pair.flow,
            "place": number,
            "a_ttl": here.ttl if here else None,
            "b_ttl": there.ttl if there else None,
            "addr": max(common, key=lambda addr: _least_count(addr, here, there)) if common else None,
            "is_target": is_target,
        }
        if is_target:
            key["addr"] = key["addr"] or min(one.targets | two.targets)
            series = [_of_target(route, end) for route in (one, two)]
        else:
            assert here is not None
            assert there is not None
            series = [_of_place(route, place.ttl) for route, place in ((one, here), (two, there))]
        joined = [np.concatenate([_NONE, *parts]) for parts, _ in series]
        flows = (_shares(*series[0]), _shares(*series[1])) if sampled else None
        found.append(_Row(key, joined[0], joined[1], flows))
    return found


def _least_count(addr: str, here: Place | None, there: Place | None) -> int:
    return min(place.answers.get(addr, 0) for place in (here, there) if place is not None)


def _has_target(pair: Compared, places: tuple[Place | None, Place | None]) -> bool:
    return any(
        place is not None and not route.targets.isdisjoint(place.answers)
        for route, place in zip((pair.a, pair.b), places, strict=True)
    )


def _of_target(route: Route, end: int | None) -> tuple[list[Bools], list[bool]]:
    return [part.target_unanswered(end) for part in route.flows], [part.each_probe for part in route.flows]


def _of_place(route: Route, ttl: int) -> tuple[list[Bools], list[bool]]:
    return [part.unanswered.get(ttl, _NONE) for part in route.flows], [
        part.each_probe for part in route.flows
    ]


def _shares(parts: list[Bools], each_probe: list[bool]) -> Floats:
    """Take one share for each flow that a balancer sees."""
    found = [
        part.astype(np.float64) if single else np.array([part.mean()])
        for part, single in zip(parts, each_probe, strict=True)
        if len(part)
    ]
    return np.concatenate([np.zeros(0), *found])


def _p(row: _Row) -> float:
    if not len(row.a) or not len(row.b):
        return np.nan
    (x, n), (y, m) = _counts(row.a), _counts(row.b)
    p = fisher(x, n, y, m)
    if row.flows is None or all(
        len(flows) == len(series) for flows, series in zip(row.flows, (row.a, row.b), strict=True)
    ):
        return p
    return max(p, means_p(*row.flows))


def _counts(series: Bools) -> tuple[int, int]:
    """Count, as if successive probes had nothing to do with one another: fewer, where they do."""
    each = worth(series.astype(np.float64))
    n = max(round(len(series) / each), 1)
    return round(series.mean() * n), n


def _columns(row: _Row, p_value: float, levels: Levels, level: float) -> dict[str, Any]:
    sent, unanswered = (len(row.a), len(row.b)), (int(row.a.sum()), int(row.b.sum()))
    shares = [count / n if n else np.nan for count, n in zip(unanswered, sent, strict=True)]
    low, high = -1.0, 1.0
    detectable = np.nan
    if all(sent):
        counts = (*_counts(row.a), *_counts(row.b))
        # Two one-sided tests, hence twice the level (Schuirmann, 1987).
        low, high = newcombe(*counts, alpha=2 * levels.same)
        detectable = detectable_share(*counts[:2], counts[3], level, beyond=MARGIN)
    rise = shares[1] - shares[0]
    verdict = CANNOT_TELL
    if p_value <= levels.changed and abs(rise) > MARGIN:
        verdict = CHANGED
    elif all(sent) and low >= -MARGIN and high <= MARGIN:
        verdict = SAME
    return {
        "a_sent": sent[0],
        "b_sent": sent[1],
        "a_unanswered": unanswered[0],
        "b_unanswered": unanswered[1],
        "a_unanswered_ratio": shares[0],
        "b_unanswered_ratio": shares[1],
        "rise_ratio": rise,
        "low_ratio": low,
        "high_ratio": high,
        "p_value": p_value,
        "detectable_ratio": detectable,
        "verdict": verdict,
        "rounds_needed": _rounds_needed(shares, sent, levels)
        if verdict == CANNOT_TELL and all(sent)
        else None,
    }


def _rounds_needed(shares: list[float], sent: tuple[int, int], levels: Levels) -> int | None:
    """Search when shares like these would be told to be the same, or not to be."""
    before, after = shares
    n = max(min(sent), 1)
    while n < _MOST_ROUNDS:
        n = n + max(ceil(n / 20), 1)
        low, high = newcombe(before * n, n, after * n, n, alpha=2 * levels.same)
        if low >= -MARGIN and high <= MARGIN:
            return n
        if (
            abs(after - before) > MARGIN
            and fisher(round(before * n), n, round(after * n), n) <= levels.changed
        ):
            return n
    return None


def judge_responses(rows: list[dict[str, Any]], sides: Sides) -> Finding:
    """Judge the target, or the last hop that both have."""
    known = [row for row in rows if row["a_sent"] and row["b_sent"]]
    if not known:
        return Finding(CANNOT_TELL, reason="no hop that both have was probed")
    about, of = judged_by(known)
    if of[CHANGED]:
        return Finding(CHANGED, row=max(of[CHANGED], key=lambda row: abs(row["rise_ratio"])))
    if not of[CANNOT_TELL]:
        return Finding(SAME, row=max(about, key=lambda row: abs(row["rise_ratio"])))
    numbers = [row["rounds_needed"] for row in of[CANNOT_TELL]]
    row = max(of[CANNOT_TELL], key=lambda row: abs(row["rise_ratio"]))
    if sides.sampled and abs(row["rise_ratio"]) > MARGIN and row["low_ratio"] * row["high_ratio"] > 0:
        return Finding(CANNOT_TELL, row=row, reason=sides.why)
    needed = None if None in numbers else max(numbers)
    return Finding(CANNOT_TELL, row=row, rounds_needed=needed, reason="too few probes")
