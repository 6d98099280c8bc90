"""What observations look like: a few patterns, of which most are never looked at."""

from dataclasses import dataclass, field

import numpy as np

from trippy_nb.analysis.arrays import Bools, Ints, distinct, example_of, pack
from trippy_nb.analysis.history.masks import Masks
from trippy_nb.analysis.history.patterns import GAP, Pattern
from trippy_nb.analysis.tracks import Tracks, Ways


@dataclass(frozen=True, slots=True)
class Looks:
    """All that there are, by number: a way, and whether that ends at the target."""

    ways: Ways
    way: Ints
    ended: Bools
    base: int
    """TTL of the first place of each pattern."""
    made: dict[int, Pattern] = field(default_factory=dict)
    """Those that were asked for."""

    def __getitem__(self, number: int) -> Pattern:
        """Make a pattern, or take the one that was made."""
        if number not in self.made:
            way = self.ways[int(self.way[number])]
            places = (GAP,) * (way.first_ttl - self.base) + way.places
            self.made[number] = Pattern(places, ended=bool(self.ended[number]))
        return self.made[number]


class _Together:
    """What the looks of each owner tell together, and where they contradict each other.

    Parameters
    ----------
    looks
        All that there are.
    owner, look
        An owner, numbered from 0, and a look of it; as many rows as there are observations.
    count
        How many owners there are.
    """

    def __init__(self, looks: Looks, owner: Ints, look: Ints, count: int) -> None:
        self._looks, self._count = looks, count
        _, self.pair, counts = distinct(pack(owner, look))
        """Of each row: an owner and a look, once."""
        example = example_of(self.pair, len(counts))
        self.owner, self._look = owner[example], look[example]
        """Of each pair."""
        ways, ended = looks.way[self._look], looks.ended[self._look]
        length = looks.ways.first_ttl[ways] - looks.base + looks.ways.length[ways]
        self._span = int(length.max(initial=0))
        longest, end = np.zeros(count, dtype=np.int64), np.full(count, self._span + 1)
        np.maximum.at(longest, self.owner, length)
        np.minimum.at(end, self.owner[ended], length[ended])
        self._is_ended = end <= self._span
        self._length = np.where(self._is_ended, end, longest)

        self._row, ttl, self._addr = looks.ways.laid_out(ways)
        place, whose = ttl - looks.base, self.owner[self._row]
        self._cell = whose * self._span + place
        self._both = np.full(count * self._span, GAP, dtype=np.int64)
        np.maximum.at(self._both, self._cell, self._addr)
        heard = self._addr != GAP
        self._disputed = np.zeros((count, self._span), dtype=np.bool_)
        self._disputed.ravel()[self._cell[heard & (self._addr != self._both[self._cell])]] = True
        self._beyond = np.zeros(count, dtype=np.bool_)
        self._beyond[whose[heard & (place >= end[whose])]] = True

    @property
    def fits(self) -> Bools:
        """Tell of which owners no look contradicts another."""
        return ~(self._beyond | self._disputed.any(axis=1))

    def patterns(self) -> list[Pattern]:
        """Put together what the looks of each owner tell; all of them fit."""
        codes, span = self._both.tolist(), self._span
        ends = zip(self._length.tolist(), self._is_ended.tolist(), strict=True)
        return [
            Pattern(tuple(codes[number * span : number * span + length]), ended=ended)
            for number, (length, ended) in enumerate(ends)
        ]

    def disputes(self, pairs: Ints) -> list[Pattern]:
        """Return what is in dispute of these pairs: all, if somebody answered from behind a target."""
        rank = np.cumsum(self._disputed, axis=1) - 1
        shown = np.full((len(self.owner), int(rank.max(initial=-1)) + 1), GAP, dtype=np.int64)
        mine = np.flatnonzero(self._disputed.ravel()[self._cell])
        shown[self._row[mine], rank.ravel()[self._cell[mine]]] = self._addr[mine]
        width = shown.shape[1]
        codes = shown[pairs].ravel().tolist()  # a list for each would be one more thing to keep track of
        looks = zip(self._look[pairs].tolist(), self._beyond[self.owner[pairs]].tolist(), strict=True)
        return [
            self._looks[look]
            if beyond
            else Pattern(tuple(codes[number * width : (number + 1) * width]), ended=False)
            for number, (look, beyond) in enumerate(looks)
        ]


def merged(looks: Looks, owner: Ints, look: Ints, count: int) -> list[Pattern]:
    """Put together what the observations of each owner tell; all of one owner fit each other.

    Parameters
    ----------
    looks
        All that there are.
    owner, look
        Of each observation; owners are numbered from 0.
    count
        How many owners there are.
    """
    return _Together(looks, owner, look, count).patterns()


def disputes(looks: Looks, owner: Ints, look: Ints, count: int) -> tuple[Ints, list[Pattern]]:
    """Reduce looks to what those of one owner disagree about: two fit each other where these do.

    Most owners agree about everything, and the others about most places: what is left are few different
    patterns, and short ones.

    Parameters
    ----------
    looks, owner, look, count
        As in :func:`merged`.

    Returns
    -------
    which
        Of each observation: index into the patterns; those of different owners are not compared.
    patterns
        The places in dispute, one after the other.
    """
    together = _Together(looks, owner, look, count)
    torn = np.flatnonzero(~together.fits[together.owner])
    numbers: dict[tuple[int, Pattern], int] = {}
    which = np.zeros(len(together.owner), dtype=np.int64)
    for pair, one, pattern in zip(
        torn.tolist(), together.owner[torn].tolist(), together.disputes(torn), strict=True
    ):
        which[pair] = numbers.setdefault((one, pattern), len(numbers) + 1)
    return which[together.pair], [Pattern((), ended=False), *(pattern for _, pattern in numbers)]


def looks_of(tracks: Tracks, group: Ints, masks: Masks, base: int) -> tuple[Looks, Ints]:
    """List what observations look like, and which each is: its way, and whether that ends at the target."""
    key = pack(tracks.way, tracks.reached.astype(np.int64), group if masks.turns else np.zeros_like(group))
    _, number, counts = distinct(key)
    example = example_of(number, len(counts))
    way, ended = tracks.way[example], tracks.reached[example]
    final, last = tracks.ways.last(way)
    ended &= final != GAP
    if masks.turns:
        # Where the target takes turns with others the path ends now here, now there.
        keys = zip(group[example].tolist(), last.tolist(), final.tolist(), strict=True)
        ended &= ~np.array([code in masks.turns.get((where, ttl), {}) for where, ttl, code in keys], np.bool_)
    return Looks(tracks.ways, way, ended, base), number
