"""Flows that are weighed together: a lane has one chain of hops, and at each of them one or more places.

Flows of one lane share what survives up to each TTL. Where a balancer's branches differ in that, they part.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from trippy_nb.analysis.attribution.chain import MOST_COUNTED, LinkLoss, Spot, SpotCauses, log_evidence, weigh
from trippy_nb.analysis.attribution.places import Place, Stop, Ways
from trippy_nb.analysis.attribution.priors import (
    LIMITS,
    NEVER_ANSWERS,
    PATTERN_IF_BESIDE,
    PATTERN_IF_LIMITED,
    PATTERNS,
    SILENT_BRANCH,
)

Edge = tuple[int, int]
"""The link between two places: the nearer one (or SOURCE), and the farther one."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Probes counted together."""

    n: int
    answered: int
    local: int

    @property
    def unanswered(self) -> int:
        """Those that timed out."""
        return self.n - self.answered


def tally(stops: Iterable[Stop]) -> Tally:
    """Count the probes of some stops."""
    n = answered = local = 0
    for stop in stops:
        n, answered, local = n + stop.n, answered + stop.answered, local + stop.local
    return Tally(n, answered, local)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a lane says of a link, and of the place that it leads to."""

    link: LinkLoss
    causes: SpotCauses


class Lane:
    """Flows that share what survives.

    Parameters
    ----------
    ways
        All of the run.
    own
        Numbers of those of the lane.
    """

    def __init__(self, ways: Ways, own: frozenset[int]) -> None:
        self.ways = ways
        self.own = own
        self.stops = [stop for stop in ways.stops if stop.way in own and stop.n]
        self.ttls = sorted({stop.ttl for stop in self.stops})
        self._by_edge: dict[Edge, list[Stop]] = defaultdict(list)
        for stop in self.stops:
            self._by_edge[stop.near, stop.place].append(stop)

    @property
    def edges(self) -> tuple[Edge, ...]:
        """Links of this lane."""
        return tuple(self._by_edge)

    @cached_property
    def levels(self) -> list[dict[int, Spot]]:
        """What was counted at each place, hop by hop."""
        by_place: dict[int, list[Stop]] = defaultdict(list)
        for stop in self.stops:
            by_place[stop.place].append(stop)
        levels: dict[int, dict[int, Spot]] = {ttl: {} for ttl in self.ttls}
        shrunk = _shrunk(self.ways)
        for place, stops in sorted(by_place.items()):
            count = tally(stops)
            here = self.ways.places[place]
            levels[here.ttl][place] = Spot(count.n, count.answered, here.pattern, here.target).scaled(shrunk)
        return list(levels.values())

    @cached_property
    def log_evidence(self) -> float:
        """Logarithm of the chance of its counts; the order of answers left alone."""
        return log_evidence(
            [[replace(spot, pattern="untested") for spot in level.values()] for level in self.levels]
        )

    def read(self, *, factor: float = 1.0) -> dict[Edge, Reading]:
        """Weigh what each link and place is due to.

        Parameters
        ----------
        factor
            So many times as many probes, answered as it is to be expected of those that there are.
        """
        levels = self.levels if factor == 1 else self._foreseen(factor)
        weighed = weigh([list(level.values()) for level in levels])
        found: dict[Edge, Reading] = {}
        for t, (ttl, level, link, spots) in enumerate(
            zip(self.ttls, self.levels, weighed.links, weighed.spots, strict=True)
        ):
            causes = {
                place: _branched(self.ways.places[place], one)
                for place, one in zip(level, spots, strict=True)
            }
            edges = [edge for edge in self._by_edge if self.ways.places[edge[1]].ttl == ttl]
            reached = float(np.prod([1 - one.chance * _known(one.ratio) for one in weighed.links[:t]]))
            for edge in edges:
                mine = link if len(edges) == 1 else self._own(edge, link, reached, factor)
                found[edge] = Reading(mine, causes[edge[1]])
        return found

    def _foreseen(self, factor: float) -> list[dict[int, Spot]]:
        """Expect the counts of more probes: chance differences between hops are not expected to last."""
        weighed = weigh([list(level.values()) for level in self.levels])
        return [
            {
                place: replace(spot, n=spot.n * factor, answered=spot.n * factor * one.answers)
                for (place, spot), one in zip(level.items(), causes, strict=True)
            }
            for level, causes in zip(self.levels, weighed.spots, strict=True)
        ]

    def _own(self, edge: Edge, link: LinkLoss, reached: float, factor: float) -> LinkLoss:
        """Say of one of several links at a level whether it is that one which loses packets.

        The level is sure that some do. What is asked here is whether those that crossed this one fared as
        if it lost that share, or as if it lost nothing: at even odds, before they are counted.
        """
        those = {stop.way for stop in self._by_edge[edge]}
        least = self.ways.places[edge[1]].ttl
        sound = {
            place
            for level in self.levels
            for place, spot in level.items()
            if spot.answered >= spot.n * reached * (1 - _known(link.ratio)) * _HALF
        }
        count = tally(
            stop for stop in self.stops if stop.way in those and stop.ttl >= least and stop.place in sound
        )
        if not count.n or link.chance < _NEGLIGIBLE:
            return link
        shrunk = factor * _shrunk(self.ways)
        if_not = min(reached, 1 - _STRAY)
        if_so = if_not * (1 - _known(link.ratio))
        log_odds = shrunk * (
            count.answered * np.log(if_so / if_not) + count.unanswered * np.log((1 - if_so) / (1 - if_not))
        )
        odds = float(np.exp(np.clip(log_odds, -_MOST_LOG, _MOST_LOG)))
        return LinkLoss(link.chance * odds / (1 + odds), link.ratio, link.low, link.high)


def _branched(place: Place, causes: SpotCauses) -> SpotCauses:
    """Share out what the hop itself leaves unanswered with a silent router on a branch beside it."""
    if place.branch_log_odds < -_MOST_LOG:
        return causes
    number = PATTERNS.index(place.pattern)
    log_odds = place.branch_log_odds + np.log(
        _silent_branch(place) * PATTERN_IF_BESIDE[number] / (LIMITS * PATTERN_IF_LIMITED[number])
    )
    beside = float(1 / (1 + np.exp(-np.clip(log_odds, -_MOST_LOG, _MOST_LOG))))
    limits, policy, link, before, returns = causes.shares
    return replace(
        causes,
        limits=causes.limits * (1 - beside),
        never=causes.never + causes.limits * beside,
        shares=(limits * (1 - beside), policy + limits * beside, link, before, returns),
    )


def _silent_branch(place: Place) -> float:
    """Return the chance, beforehand, that one more branch is there and silent.

    Where several answer there is a balancer, and each of its branches is silent as often as any router is.
    """
    several = len(place.addrs)
    return SILENT_BRANCH if several <= 1 else 1 - (1 - NEVER_ANSWERS) ** several


def _shrunk(ways: Ways) -> float:
    """Return what counts are multiplied by, so that no place of the run has more than the most that count."""
    most: dict[int, int] = defaultdict(int)
    for stop in ways.stops:
        most[stop.place] += stop.n
    return min(1.0, MOST_COUNTED / max(most.values(), default=1)) if any(most.values()) else 1.0


_HALF, _STRAY, _NEGLIGIBLE, _MOST_LOG = 0.5, 1e-3, 1e-3, 50.0


def _known(ratio: float) -> float:
    return 0.0 if np.isnan(ratio) else min(ratio, 1 - 1e-6)


def joined(
    readings: Sequence[Reading], weights: Sequence[float], priors: tuple[float, float, float]
) -> Reading:
    """Join what several lanes say of one link and place.

    Parameters
    ----------
    readings
        One for each lane.
    weights
        How many probes each rests on.
    priors
        Chances, before anything is seen, that a link loses packets, that a hop limits its answers, and that
        it never answers: lanes are independent witnesses, but they share these.
    """
    if len(readings) == 1:
        return readings[0]
    share = np.asarray(weights, dtype=np.float64) / sum(weights)
    links = [reading.link for reading in readings]
    causes = [reading.causes for reading in readings]
    main = max(range(len(readings)), key=lambda i: weights[i] * links[i].chance)
    parts = (share @ np.array([one.shares for one in causes])).tolist()
    return Reading(
        LinkLoss(
            _agreed([one.chance for one in links], priors[0]),
            links[main].ratio,
            links[main].low,
            links[main].high,
        ),
        SpotCauses(
            limits=_agreed([one.limits for one in causes], priors[1]),
            never=_agreed([one.never for one in causes], priors[2]),
            returns=float(share @ [one.returns for one in causes]),
            before=float(share @ [one.before for one in causes]),
            shares=(parts[0], parts[1], parts[2], parts[3], parts[4]),
            answers=float(share @ [one.answers for one in causes]),
        ),
    )


def _agreed(chances: Sequence[float], prior: float) -> float:
    """Multiply the odds, and count those of the prior once."""
    tiny = 1e-12
    p = np.clip(chances, tiny, 1 - tiny)
    odds = np.log(p / (1 - p)).sum() - (len(p) - 1) * np.log(prior / (1 - prior))
    return float(1 / (1 + np.exp(-np.clip(odds, -_MOST_LOG, _MOST_LOG))))
