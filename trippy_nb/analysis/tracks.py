"""The distinct ways that paths took: there are few, however many rounds there were."""

from dataclasses import dataclass

import numpy as np

from trippy_nb.analysis.arrays import Bools, Ints, distinct, pack
from trippy_nb.analysis.cells import Cells

SILENT = -1
"""Nobody answered at this place."""


@dataclass(frozen=True, slots=True)
class Way:
    """What a path looks like: who answered, place by place, to where it ended."""

    first_ttl: int
    places: tuple[int, ...]
    """Indices into `Probes.names`, or `SILENT`."""


@dataclass(frozen=True, slots=True)
class Tracks:
    """The way of each path, that is each (run, round, flow), in their order."""

    way: Ints
    """Index into `ways`."""
    ways: tuple[Way, ...]
    heads: Ints
    """First cell of each path."""
    complete: Bools
    """The fate of every place is known."""
    reached: Bools
    """The target answered in this round."""


def tracks_of(cells: Cells) -> Tracks:
    """Find the way of each path."""
    heads = np.flatnonzero(np.diff(cells.path, prepend=-1))
    count = len(heads)
    start, end = cells.ttl[heads], cells.end[heads]
    width = max(int((end - start).max(initial=-1)) + 1, 0)
    view = cells.in_view
    # A row a place, a column a path: 0 is beyond the end, 1 a silent place, then addresses.
    grid = (np.arange(width)[:, None] <= end - start).astype(np.int64)
    place = (cells.ttl - start[cells.path]) * count + cells.path
    everything = view.all()
    grid.ravel()[place if everything else place[view]] = (cells.addr if everything else cells.addr[view]) + 2
    settled = _counts(view & cells.settled, heads)
    key = pack(start, *grid) if count else start
    values, way, _ = distinct(key)
    example = np.zeros(len(values), dtype=np.int64)
    example[way] = np.arange(count)
    return Tracks(
        way=way,
        ways=tuple(
            Way(first, tuple(code - 2 for code in row if code))
            for first, row in zip(start[example].tolist(), grid[:, example].T.tolist(), strict=True)
        ),
        heads=heads,
        complete=settled == np.maximum(end - start + 1, 0),
        reached=_counts(view & cells.from_target, heads) > 0,
    )


def _counts(flags: Bools, heads: Ints) -> Ints:
    """Count the flags of each path."""
    return np.add.reduceat(flags, heads, dtype=np.int64) if len(heads) else heads
