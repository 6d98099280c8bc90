"""Which flows share what survives: all, unless those through some place fare otherwise behind it.

A balancer's branches meet again, and behind there the same routers answer the flows of all branches. If one
branch loses packets, they answer its flows less. That is looked for first, for it costs little; then it
must be likelier that the flows are two lanes than that they are one.
"""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from trippy_nb.analysis.attribution.lanes import Lane, tally
from trippy_nb.analysis.attribution.places import Stop, Ways

_LANES = 8
_APART = 0.05
"""Chance that branches differ in what they lose, before anything is seen. Our choice, not measured."""
_BY_CHANCE = 0.001


def lanes_of(ways: Ways) -> tuple[Lane, ...]:
    """Part the flows of a run into lanes."""
    whole = frozenset(stop.way for stop in ways.stops if stop.n)
    if not whole:
        return ()
    done: list[Lane] = []
    open_ = [Lane(ways, whole)]
    while open_:
        lane = open_.pop()
        parts = None if len(done) + len(open_) + 1 >= _LANES else _parted(ways, lane)
        if parts is None:
            done.append(lane)
        else:
            open_ += parts
    return tuple(sorted(done, key=lambda lane: min(lane.own)))


def _parted(ways: Ways, lane: Lane) -> tuple[Lane, Lane] | None:
    """Part a lane in two, if that is likelier."""
    candidates = list(_candidates(lane))
    if not candidates:
        return None
    chance, inside = min((_alike(lane, ttl, inside), sorted(inside)) for ttl, inside in candidates)
    if chance * len(candidates) > _BY_CHANCE:
        return None
    parts = Lane(ways, frozenset(inside)), Lane(ways, lane.own - frozenset(inside))
    gain = sum(part.log_evidence for part in parts) - lane.log_evidence
    return parts if gain + np.log(_APART / len(candidates)) > 0 else None


def _candidates(lane: Lane) -> Iterator[tuple[int, frozenset[int]]]:
    """Yield the flows through each place that not all flows pass; each set of flows once."""
    through: dict[int, set[int]] = defaultdict(set)
    for stop in lane.stops:
        through[stop.place].add(stop.way)
    seen = {lane.own}
    for place in sorted(through):
        inside = frozenset(through[place])
        if inside not in seen and lane.own - inside not in seen:
            seen.add(inside)
            yield lane.ways.places[place].ttl, inside


def _alike(lane: Lane, ttl: int, inside: frozenset[int]) -> float:
    """Return the chance that two groups of flows would differ so much behind a TTL if they fared alike.

    The test of homogeneity by the likelihood ratio, over the responders that answered both.
    """
    from scipy.stats import chi2

    behind: dict[str, tuple[list[Stop], list[Stop]]] = defaultdict(lambda: ([], []))
    for stop in lane.stops:
        addr = lane.ways.places[stop.place].addr
        if addr is not None and stop.ttl > ttl:
            behind[addr][stop.way in inside].append(stop)
    statistic, freedom = 0.0, 0
    for groups in behind.values():
        ours, others = map(tally, groups)
        if ours.n and others.n and 0 < ours.answered + others.answered < ours.n + others.n:
            statistic += _ratio_statistic((ours.answered, ours.n), (others.answered, others.n))
            freedom += 1
    return float(chi2.sf(statistic, freedom)) if freedom else 1.0


def _ratio_statistic(*groups: tuple[int, int]) -> float:
    """Return twice the logarithm of the likelihood ratio of one share for all, against one for each."""
    from scipy.special import xlogy

    whole = np.sum(groups, axis=0)

    def log(k: float, n: float) -> float:
        return float(xlogy(k, k / n) + xlogy(n - k, 1 - k / n))

    return 2 * (sum(log(k, n) for k, n in groups) - log(*whole))
