"""Steps: the change points of all series, and which of them are one event.

What delays packets on a link delays the answers of all beyond it by as much. So steps at one moment, by
about as much, at hops of one series of paths are one event; the nearest hop that shows it says that what
changed is not beyond that hop. A step that hops beyond do not show is of the one router: how it writes
answers, or the way these take back.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from trippy_nb.analysis.rtt_changes.chance import LEAST, by_chance
from trippy_nb.analysis.rtt_changes.noise import noise_of
from trippy_nb.analysis.rtt_changes.points import ChangePoint, change_points
from trippy_nb.analysis.rtt_changes.samples import Samples

_MARGIN_SHARE = 0.10  # the same within max(1 ms, 10 %), as in `analysis.comparison.shifts`
_MOMENTS = 2  # a change is placed within two observations, seldom worse: docs/rtt-changes.md
_MOST_ASIDE = 0.5


@dataclass(frozen=True, slots=True)
class Step:
    """A change point, and the series that has it."""

    samples: Samples
    point: ChangePoint
    next_place: int | None
    """First sample of the level after the next, if there is one."""
    by_chance: float
    """How many such steps chance would make in all series of the group."""

    @property
    def moments(self) -> tuple[int, int]:
        """Last observation of the old level, first one of the new."""
        return int(self.samples.moment[self.point.last_place]), int(self.samples.moment[self.point.place])

    @property
    def ttl(self) -> int:
        """TTL of the first sample of the new level."""
        return int(self.samples.ttl[self.point.place])


@dataclass(frozen=True, slots=True)
class Reach:
    """How a step shows at the hops beyond."""

    carried_to: int | None
    n_beyond: int
    n_carried: int

    @property
    def word(self) -> str:
        """One of `REACHES`."""
        if not self.n_beyond:
            return "nothing beyond"
        if not self.n_carried:
            return "here only"
        return "carried" if self.n_carried > _MOST_ASIDE * self.n_beyond else "partly"


def steps_of(series: Iterable[Samples], *, min_shift_ms: float, alpha: float) -> list[Step]:
    """Find the steps of all series."""
    series = tuple(series)
    judged = Counter(samples.group for samples in series if len(samples.rtt) >= 2 * LEAST)
    steps = []
    for samples in series:
        points = change_points(samples.rtt, min_shift_ms=min_shift_ms, alpha=alpha)
        if not points:
            continue
        cuts = [point.place for point in points]
        worth = noise_of(samples.rtt, min_shift_ms=min_shift_ms).worth
        chances = judged[samples.group] * by_chance(samples.comparable, cuts, worth)
        for point, following, chance in zip(points, [*cuts[1:], None], chances.tolist(), strict=True):
            steps.append(Step(samples, point, following, chance))
    return steps


def events_of(steps: Iterable[Step], *, min_shift_ms: float) -> list[list[Step]]:
    """Put equal steps of one moment together; steps of an event from the nearest hop on.

    Those of all flows of a vantage, source, target and protocol: their moments have the same numbers.
    """
    by_group: dict[int, list[Step]] = defaultdict(list)
    for step in steps:
        by_group[step.samples.group].append(step)
    events: list[list[Step]] = []
    for group in sorted(by_group):
        mine: list[list[Step]] = []
        for step in sorted(by_group[group], key=_order):
            home = next((event for event in reversed(mine) if _fits(step, event, min_shift_ms)), None)
            if home is None:
                mine.append([step])
            else:
                home.append(step)
        events += mine
    return [sorted(event, key=lambda step: (step.ttl, *_whose(step))) for event in events]


def _order(step: Step) -> tuple[int, int, int, int]:
    return step.moments[1], step.ttl, *_whose(step)


def _whose(step: Step) -> tuple[int, int]:
    return step.samples.owner, step.samples.addr


def _fits(step: Step, event: Sequence[Step], min_shift_ms: float) -> bool:
    if not all(_together(step, other) and _whose(step) != _whose(other) for other in event):
        return False
    return any(_alike(step, other, min_shift_ms) for other in event)


def _together(one: Step, two: Step) -> bool:
    (low, high), (low_, high_) = one.moments, two.moments
    return low - _MOMENTS <= high_ + _MOMENTS and low_ - _MOMENTS <= high + _MOMENTS


def _alike(one: Step, two: Step, min_shift_ms: float) -> bool:
    """Tell whether the intervals of two shifts meet within the margin."""
    a, b = one.point.shift, two.point.shift
    if a.estimate * b.estimate <= 0:
        return False
    margin = max(min_shift_ms, _MARGIN_SHARE * max(abs(a.estimate), abs(b.estimate)))
    # An infinite interval would meet everything: too few samples are judged by the estimate.
    low = max(_end(a.low, a.estimate), _end(b.low, b.estimate))
    high = min(_end(a.high, a.estimate), _end(b.high, b.estimate))
    return low - high <= margin


def _end(end: float, estimate: float) -> float:
    return end if np.isfinite(end) else estimate


def reach_of(step: Step, event: Sequence[Step], around: Sequence[Samples]) -> Reach:
    """Ask the responders beyond, of the same owner, that answered before and after."""
    last, first = step.moments
    here = step.samples.middle_ttl
    beyond = [
        other
        for other in around
        if other.middle_ttl > here
        and np.count_nonzero(other.moment <= last) >= LEAST
        and np.count_nonzero(other.moment >= first) >= LEAST
    ]
    addrs = {other.addr for other in beyond}
    mine = step.samples.owner
    carriers = [other for other in event if other.samples.owner == mine and other.samples.addr in addrs]
    return Reach(max((other.ttl for other in carriers), default=None), len(beyond), len(carriers))
