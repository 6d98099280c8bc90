"""Silent hops have an identity: the flow, the TTL, and what answered on both sides.

A silent hop is a (flow, TTL) that never answered in the run, before the end of its path. Two of them
are never taken for one, not even at the same TTL: silence has no address. Where the route changed,
so that the hop stands between other neighbours, it is another one. A probe that was lost at a hop
that did answer at other times makes no silent hop.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from trippy_nb.analysis.arrays import Bools, Ints, pack
from trippy_nb.analysis.cells import Cells

UNKNOWN = -1
"""A neighbour that was not heard in that round."""
BORDER = -2
"""No neighbour: the path begins or ends here."""

Sides = tuple[int, int]


@dataclass(frozen=True, slots=True)
class SilentHop:
    """One silent hop."""

    run: int
    flow: int
    ttl: int
    epoch: int
    """Number among the silent hops of this (run, flow, TTL), by first appearance."""

    @property
    def key(self) -> str:
        """Name of its node."""
        return f"*{self.run}.{self.flow}.{self.ttl}.{self.epoch}"


def silent_hops(cells: Cells, sure: Bools) -> tuple[tuple[SilentHop, ...], Ints]:
    """Find the silent hops, and which one each cell is.

    Parameters
    ----------
    cells
        All cells.
    sure
        Where flow decides who answers; elsewhere neighbours are chance, and tell no epochs apart.

    Returns
    -------
    hops
        In the order of (run, flow, TTL, epoch).
    number
        Index into `hops` for each cell; -1 where it is none.
    """
    hop = np.unique(pack(cells.series, cells.ttl), return_inverse=True)[1]
    ever = np.bincount(hop, weights=cells.answered, minlength=1) > 0  # what is in flight takes nothing back
    silent = cells.in_view & ~ever[hop] & cells.settled
    before, after = _neighbours(cells, silent)
    seen: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    for i in np.flatnonzero(silent).tolist():
        seen[int(cells.run[i]), int(cells.flow[i]), int(cells.ttl[i])].append(i)
    hops: list[SilentHop] = []
    number = np.full(len(cells.run), -1, dtype=np.int64)
    for (run, flow, ttl), places in sorted(seen.items()):
        sides = [(int(before[i]), int(after[i])) if sure[i] else (UNKNOWN, UNKNOWN) for i in places]
        epochs = _epochs(sides)
        number[places] = len(hops) + np.array(epochs)
        hops += [SilentHop(run, flow, ttl, epoch) for epoch in range(max(epochs) + 1)]
    return tuple(hops), number


def _neighbours(cells: Cells, silent: Bools) -> tuple[Ints, Ints]:
    """Return who answered before and after each stretch of silent cells (rows are (path, TTL) sorted)."""
    view = np.flatnonzero(cells.in_view)
    code = np.where(cells.addr[view] >= 0, cells.addr[view], UNKNOWN)
    linked = np.zeros(len(view), dtype=np.bool_)
    path, ttl = cells.path[view], cells.ttl[view]
    linked[1:] = (path[1:] == path[:-1]) & (ttl[1:] == ttl[:-1] + 1)
    quiet = silent[view]
    before = np.full(len(cells.run), UNKNOWN, dtype=np.int64)
    after = before.copy()
    before[view] = _carried(code, quiet, linked)
    joined = np.append(linked[1:], False)[::-1]
    after[view] = _carried(code[::-1], quiet[::-1], joined)[::-1]
    return before, after


def _carried(code: Ints, quiet: Bools, linked: Bools) -> Ints:
    """Carry the last code that was not quiet along each linked stretch; BORDER where there is none."""
    place = np.arange(len(code))
    begin = np.maximum.accumulate(np.where(~linked, place, 0)) if len(code) else place
    last = np.maximum.accumulate(np.where(~quiet, place, -1)) if len(code) else place
    result: Ints = np.where(last >= begin, code[last], BORDER)
    return result


def _epochs(sides: list[Sides]) -> list[int]:
    """Number the pairs of neighbours by first appearance; a half-known pair joins the most frequent fit."""
    counts: dict[Sides, int] = {}
    for pair in sides:
        counts[pair] = counts.get(pair, 0) + 1
    whole = [pair for pair in counts if UNKNOWN not in pair]
    if not whole:
        return [0] * len(sides)
    numbers = {pair: i for i, pair in enumerate(whole)}
    for pair in counts:
        if pair not in numbers:
            fits = [full for full in whole if all(a in (UNKNOWN, b) for a, b in zip(pair, full, strict=True))]
            numbers[pair] = numbers[max(fits or whole, key=lambda full: counts[full])]
    return [numbers[pair] for pair in sides]
