"""The distinct ways that paths took: there are few, however many rounds there were."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar, overload

import numpy as np
import pandas as pd

from trippy_nb.analysis.arrays import Bools, Ints, counted_from, last_of
from trippy_nb.analysis.cells import Cells
from trippy_nb.frames.columns import objects

SILENT = -1
"""Nobody answered at this place."""

_TTLS = 256
_Name = TypeVar("_Name")


@dataclass(frozen=True, slots=True)
class Way:
    """What a path looks like: who answered, place by place, to where it ended."""

    first_ttl: int
    places: tuple[int, ...]
    """Indices into `Probes.names`, or `SILENT`."""


class Ways(Sequence[Way]):
    """The distinct ways of many runs: one long list of places; a way is made when it is looked at."""

    def __init__(self, shown: "_Places") -> None:
        self.first_ttl = shown.start
        self.length = shown.length
        """How many places each has."""
        self._places = shown.addr
        self._begin = shown.first
        self._end = shown.first + shown.length

    def __len__(self) -> int:
        return len(self._begin)

    @overload
    def __getitem__(self, index: int) -> Way: ...
    @overload
    def __getitem__(self, index: slice) -> list[Way]: ...
    def __getitem__(self, index: int | slice) -> Way | list[Way]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        places = self._places[self._begin[index] : self._end[index]]
        return Way(int(self.first_ttl[index]), tuple(places.tolist()))

    def __iter__(self) -> Iterator[Way]:
        """Make them one after the other, at a tenth of what it costs to ask for each."""
        flat = tuple(self._places.tolist())
        bounds = (self.first_ttl.tolist(), self._begin.tolist(), self._end.tolist())
        return (Way(ttl, flat[begin:end]) for ttl, begin, end in zip(*bounds, strict=True))

    def laid_out(self, ways: Ints) -> tuple[Ints, Ints, Ints]:
        """Lay out the places of some ways, one way after the other.

        Returns
        -------
        which, ttl, addr
            Of each place: of which of `ways` it is, by place in there; its TTL; who answered.
        """
        length = self.length[ways]
        which = np.repeat(np.arange(len(ways)), length)
        addr = self._places[counted_from(self._begin[ways], length)]
        return which, counted_from(self.first_ttl[ways], length), addr

    def last(self, ways: Ints) -> tuple[Ints, Ints]:
        """Return who answered at the last place of these ways, if they have one, and its TTL."""
        there = self.length[ways] > 0
        addr = np.full(len(ways), SILENT, dtype=np.int64)
        addr[there] = self._places[self._end[ways[there]] - 1]
        return addr, self.first_ttl[ways] + self.length[ways] - 1

    @property
    def stars(self) -> Ints:
        """How many places without an answer each has."""
        silent = np.flatnonzero(self._places == SILENT)
        return np.bincount(np.searchsorted(self._end, silent, side="right"), minlength=len(self))

    def named(self, names: Sequence[_Name]) -> list[tuple[_Name, ...]]:
        """Spell out all ways; the last of the names is that of silence."""
        flat = tuple(objects(names)[self._places].tolist())
        bounds = zip(self._begin.tolist(), self._end.tolist(), strict=True)
        return [flat[begin:end] for begin, end in bounds]

    def texts(self, names: Sequence[str]) -> list[bytes]:
        """Spell out all ways, with commas; the last of the names is that of silence."""
        spelled = [name.encode() for name in names]
        whole = b",".join(objects(spelled)[self._places].tolist())
        lengths = np.array([len(name) + 1 for name in spelled], dtype=np.int64)[self._places]
        ends = np.append(0, np.cumsum(lengths))
        begin = ends[self._begin]
        end = np.maximum(ends[self._end] - 1, begin)  # there is no comma behind a way, nor in an empty one
        return [whole[one:two] for one, two in zip(begin.tolist(), end.tolist(), strict=True)]


@dataclass(frozen=True, slots=True)
class Tracks:
    """The way of each path, that is each (run, round, flow), in their order."""

    way: Ints
    """Index into `ways`."""
    ways: Ways
    """In order of appearance."""
    repeating: Bools
    """An address comes twice on this way."""
    heads: Ints
    """First cell of each path."""
    complete: Bools
    """The fate of every place is known."""
    reached: Bools
    """The target answered in this round."""


@dataclass(frozen=True, slots=True)
class _Places:
    """The places of all paths, one path after the other."""

    addr: Ints
    ttl: Ints
    first: Ints
    """Where each path begins."""
    length: Ints
    start: Ints
    """First TTL of each path."""

    def of_path(self, values: Ints) -> Ints:
        """Give each place what its path has."""
        return np.repeat(values, self.length)

    def taken(self, paths: Ints) -> "_Places":
        """Return the places of some paths."""
        length = self.length[paths]
        first = np.cumsum(length) - length
        rows = counted_from(self.first[paths], length)
        return _Places(self.addr[rows], self.ttl[rows], first, length, self.start[paths])


def tracks_of(cells: Cells) -> Tracks:
    """Find the way of each path."""
    heads, view = cells.heads, cells.in_view
    places = _places_of(cells, view)
    way, example = _distinct_ways(places)
    shown = places.taken(example)
    return Tracks(
        way=way,
        ways=Ways(shown),
        repeating=_repeating(shown),
        heads=heads,
        complete=_counts(view & cells.settled, heads) == places.length,
        reached=last_of(view & cells.from_target, heads) >= 0,
    )


def _places_of(cells: Cells, view: Bools) -> _Places:
    """Lay out the places of each path; TTLs that were left out are silent."""
    start = cells.ttl[cells.heads]
    length = np.maximum(cells.path_end - start + 1, 0)
    first = np.cumsum(length) - length
    size = int(length.sum())
    if view.all() and len(cells.ttl) == size:
        return _Places(cells.addr, cells.ttl, first, length, start)
    addr = np.full(size, SILENT, dtype=np.int64)
    at = np.flatnonzero(view)
    place = cells.spread(first - start)
    place += cells.ttl
    addr[place.take(at)] = cells.addr.take(at)
    return _Places(addr, counted_from(start, length), first, length, start)


def _distinct_ways(places: _Places) -> tuple[Ints, Ints]:
    """Number the different ways in order of appearance; return that of each path, and a path of each.

    By a hash of the addresses at their TTLs, with a random factor a TTL, then checked place by place.
    """
    some = np.flatnonzero(places.length)
    salt = 0
    while True:
        factors = np.random.default_rng(salt).integers(0, 2**64, (2, _TTLS), dtype=np.uint64)
        key = factors[0][places.length % _TTLS] * factors[1][places.start % _TTLS]
        mixed = factors[0].take(places.ttl)
        mixed *= (places.addr + 2).view(np.uint64)
        if len(some):
            key[some] += np.add.reduceat(mixed, places.first[some])
        way = pd.factorize(key)[0].astype(np.int64)
        example = np.zeros(int(way.max(initial=-1)) + 1, dtype=np.int64)
        example[way[::-1]] = np.arange(len(way))[::-1]
        if _alike(places, example[way]):
            return way, example
        salt += 1


def _alike(places: _Places, other: Ints) -> bool:
    """Tell whether each path looks as another one does."""
    same = places.length == places.length[other]
    same &= places.start == places.start[other]
    if not same.all():
        return False
    rows = places.of_path(places.first[other] - places.first)
    rows += np.arange(len(rows))
    return np.array_equal(places.addr, places.addr.take(rows))


def _repeating(places: _Places) -> Bools:
    """Tell on which paths an address comes twice."""
    repeating = np.zeros(len(places.first), dtype=np.bool_)
    span = int(places.addr.max(initial=0)) + 1
    key = np.repeat(np.arange(len(places.first)) * span, places.length) + places.addr
    key = np.sort(key[places.addr != SILENT])
    repeating[key[1:][key[1:] == key[:-1]] // span] = True
    return repeating


def _counts(flags: Bools, heads: Ints) -> Ints:
    """Count the flags of each path."""
    return np.add.reduceat(flags, heads, dtype=np.int64) if len(heads) else heads
