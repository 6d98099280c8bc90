"""Which addresses of a place a balancer of packets deals in turn, where each is seen but rarely.

Two that follow each other both ways take turns, and are one from the start (`masks`). Of many responders most
pairs never do. So each is judged by the place as a whole: dealt at random, an address follows itself as often
as its share of the answers says. One that does so no more than that is of the turn, with those that it is
mixed with; one that comes in a run too long to be chance is a change of route.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from trippy_nb.analysis.arrays import Ints, distinct
from trippy_nb.analysis.orders import chance_of_stretches

_CHANCE = 0.01
"""At most so likely are the runs of any address of a place, if it was dealt in turn. Our choice."""

Classes = dict[int, tuple[int, ...]]
"""Addresses that are one, by the least of them, which stands for all."""


@dataclass(frozen=True, slots=True)
class _Deal:
    """The answers at a place, in order of time."""

    series: Ints
    """Number of the series of each answer, from 0."""
    who: Ints
    """Number of the class of each answer, from 0."""
    steps: tuple[Ints, Ints]
    """Answers of one series that follow each other."""

    @property
    def count(self) -> int:
        return int(self.who.max()) + 1

    def neighbours(self) -> Ints:
        """Count how often each class is next to each other one, in a series."""
        one, two = (self.who[step] for step in self.steps)
        table = np.bincount(one * self.count + two, minlength=self.count**2)
        table = table.reshape(self.count, self.count)
        result: Ints = table + table.T
        np.fill_diagonal(result, 0)
        return result

    def chance(self, which: int) -> float:
        """Tell how likely a class follows itself so often, if the answers of its series were shuffled."""
        mine = self.who == which
        among = np.bincount(self.series, mine) > 0
        here = mine[among[self.series]]
        runs = int(here[0]) + int(np.count_nonzero(here[1:] & ~here[:-1]))
        return chance_of_stretches(runs, int(np.count_nonzero(here)), len(here))


def joined(series: Ints, moment: Ints, addr: Ints, classes: Mapping[int, tuple[int, ...]]) -> Classes:
    """Join what was dealt in turn at a place.

    Parameters
    ----------
    series, moment
        Of each answer; answers of one series are together, in order of time.
    addr
        Who it came from.
    classes
        Those that are known to take turns with each other.
    """
    known = [member for members in classes.values() for member in members]
    codes, number, _ = distinct(np.concatenate([addr, np.array(known, dtype=np.int64)]))
    if len(codes) <= max(map(len, classes.values()), default=1):
        return dict(classes)
    # Those that are known are left out of it: they were chosen for following each other, as chance never is.
    root = np.arange(len(codes))
    deal = _deal(series, moment, number[: len(addr)])
    while pair := _next_pair(replace(deal, who=root[deal.who])):
        root = _as_one(root, *pair)
    for members in classes.values():
        for place in np.searchsorted(codes, members[1:]):
            root = _as_one(root, int(root[np.searchsorted(codes, members[0])]), int(root[place]))
    found: dict[int, list[int]] = {}
    for code, one in zip(codes.tolist(), root.tolist(), strict=True):
        found.setdefault(one, []).append(code)
    return {members[0]: tuple(members) for members in found.values() if len(members) > 1}


def _as_one(root: Ints, one: int, other: int) -> Ints:
    """Number classes anew after two of them were joined."""
    low, high = sorted((one, other))
    if low == high:
        return root
    result: Ints = np.where(root == high, low, root - (root > high))
    return result


def _deal(series: Ints, moment: Ints, who: Ints) -> _Deal:
    """Put answers in the order of time."""
    order = np.argsort(moment, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    same = np.flatnonzero(series[1:] == series[:-1])
    _, number, _ = distinct(series)
    return _Deal(number[order], who[order], (place[same], place[same + 1]))


def _next_pair(deal: _Deal) -> tuple[int, int] | None:
    """Name the rarest class that may have been dealt, and that with which it is mixed most."""
    often = np.bincount(deal.who)
    beside = deal.neighbours()
    for one in np.argsort(often, kind="stable").tolist():
        if beside[one].any() and deal.chance(one) * deal.count > _CHANCE:
            most = np.flatnonzero(beside[one] == beside[one].max())
            return one, int(most[np.argmax(often[most])])
    return None
