"""What was seen at each (run, round, flow, TTL), and where the path of that round ended.

A destination answers at every TTL from its own on, so everything beyond its smallest TTL is the same
hop again (hard case: destination answers at many TTLs). Branches of unequal length, and a route that
grew longer, are told from that by a router that answered at or beyond the smallest target TTL. A flow that
heard nobody where others met the target, and the target later, lost an answer (see `analysis.nearest`).

A router that will not forward answers at every TTL from its own on, too, and says that the target cannot
be reached (hard case: ICMP prohibited in mid-path): a flow that never arrives ends where it begins.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from trippy_nb.analysis.arrays import (
    Bools,
    Ints,
    Probes,
    distinct,
    group_numbers,
    last_of,
    pack,
    spread,
    starts_of,
)
from trippy_nb.analysis.nearest import NEVER, greatest_of, least_of, pooled
from trippy_nb.model import Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

_Item = TypeVar("_Item", bound=np.generic)
_SPARSE = 8  # numbers for each cell, before they are numbered anew


@dataclass(frozen=True)
class Cells:
    """One row for each (run, round, flow, TTL) that was probed, in that order; attempts are joined.

    What is the same all along a path is kept once for each path, that is (run, round, flow).
    """

    heads: Ints
    """First cell of each path."""
    path_run: Ints
    path_round: Ints
    path_flow: Ints
    path_series: Ints
    """Number of the (run, flow), from 0, in their order."""
    path_end: Ints
    """TTL at which the path of this round ended; if its flow never reached the target, that of the router
    that refused to forward, or else the probed TTL after the farthest answer."""
    path_reached: Bools
    """The flow reached the target at least once."""
    ttl: Ints
    addr: Ints
    """Who answered the first answered attempt; -1 if nobody."""
    answered: Bools
    settled: Bools
    """At least one attempt was sent whose fate is known."""
    open: Bools
    """An attempt is still in flight, and none was answered: it may yet be."""
    from_target: Bools
    mixed: Bools
    """Different addresses answered different attempts."""
    starts: Ints
    """First probe row of each cell."""

    def spread(self, values: "NDArray[_Item]") -> "NDArray[_Item]":
        """Give each cell what its path has."""
        return spread(values, self.heads, len(self.ttl))

    @cached_property
    def run(self) -> Ints:
        """Run of each cell."""
        return self.spread(self.path_run)

    @cached_property
    def round(self) -> Ints:
        """Round of each cell."""
        return self.spread(self.path_round)

    @cached_property
    def flow(self) -> Ints:
        """Flow of each cell."""
        return self.spread(self.path_flow)

    @cached_property
    def path(self) -> Ints:
        """Number of the path of each cell, from 0."""
        return group_numbers(self.heads, len(self.ttl))

    @cached_property
    def series(self) -> Ints:
        """`path_series` of each cell."""
        return self.spread(self.path_series)

    @cached_property
    def end(self) -> Ints:
        """`path_end` of each cell."""
        return self.spread(self.path_end)

    @cached_property
    def reached(self) -> Bools:
        """`path_reached` of each cell."""
        return self.spread(self.path_reached)

    @cached_property
    def in_view(self) -> Bools:
        """Part of a path, not beyond its end."""
        return self.up_to(self.path_end)

    def up_to(self, limit: Ints) -> Bools:
        """Tell which cells are not beyond this TTL of their path."""
        farthest = self.ttl[np.append(self.heads[1:], len(self.ttl)) - 1] if len(self.ttl) else limit
        if np.all(farthest <= limit):
            return np.ones(len(self.ttl), dtype=np.bool_)
        near: Bools = self.ttl <= self.spread(limit)
        return near

    @cached_property
    def hop(self) -> Ints:
        """Number of the (run, flow, TTL), in their order; the next TTL has the next number."""
        hop = self.spread(self.path_hop)
        hop += self.ttl
        return hop

    @cached_property
    def path_hop(self) -> Ints:
        """`hop` of TTL 0 of each path."""
        return self.path_series * (int(self.ttl.max(initial=0)) + 1)


def cells_of(probes: Probes) -> Cells:
    """Join attempts, and find where each path ended."""
    starts = _cell_starts(probes)
    whole = len(starts) == len(probes.ttl)
    heads = probes.path_starts if whole else np.searchsorted(starts, probes.path_starts)
    ttl = probes.ttl if whole else probes.ttl[starts]
    answered = _any(probes.answered, starts)
    from_target = _any(probes.from_target, starts)
    addr, mixed = _responders(probes, starts)
    series = distinct(pack(probes.path_run, probes.path_flow))[1]
    settled = _any(probes.settled, starts)
    end, reached = _ends((ttl, answered, from_target, settled & ~answered), heads, series, probes.path_run)
    return Cells(
        heads=heads,
        path_run=probes.path_run,
        path_round=probes.path_round,
        path_flow=probes.path_flow,
        path_series=series,
        path_end=_walled(end, reached, heads, series, (ttl, addr, _any(probes.refused, starts))),
        path_reached=reached,
        ttl=ttl,
        addr=addr,
        answered=answered,
        settled=settled,
        open=_any(probes.status == Status.IN_FLIGHT, starts) & ~answered,
        from_target=from_target,
        mixed=mixed,
        starts=starts,
    )


def sightings(probes: Probes, cells: Cells) -> tuple[Ints, Ints, Ints]:
    """List who answered, cell by cell: every address once.

    Returns
    -------
    cell, addr
        One row for each address of each cell that was answered, sorted.
    first
        Row of `probes` of the first such answer.
    """
    if not cells.mixed.any():
        seen = np.flatnonzero(cells.addr >= 0)
        return seen, cells.addr[seen], cells.starts[seen]
    rows = np.flatnonzero(probes.addr >= 0)
    cell = cell_numbers(probes, cells)[rows]
    first = np.unique(pack(cell, probes.addr[rows]), return_index=True)[1]
    return cell[first], probes.addr[rows[first]], rows[first]


def cell_numbers(probes: Probes, cells: Cells) -> Ints:
    """Return the number of the cell that each row of `probes` is of."""
    return group_numbers(cells.starts, len(probes.ttl))


def hop_numbers(cells: Cells) -> tuple[Ints, int]:
    """Return a number like `Cells.hop`, and a bound of them all that arrays may be as long as."""
    hop = cells.hop
    count = int(hop.max(initial=-1)) + 1
    if count > _SPARSE * len(hop):
        values, hop, _ = distinct(hop)
        count = len(values)
    return hop, count


def _cell_starts(probes: Probes) -> Ints:
    if not probes.attempt.any():
        return np.arange(len(probes.ttl), dtype=np.int64)
    return starts_of(probes.run, probes.round, probes.flow, probes.ttl)


def _any(rows: Bools, starts: Ints) -> Bools:
    if len(rows) == len(starts):
        return rows
    result: Bools = np.logical_or.reduceat(rows, starts)
    return result


def _responders(probes: Probes, starts: Ints) -> tuple[Ints, Bools]:
    """Return who answered the first answered attempt of each cell, and whether somebody else did another."""
    if len(starts) == len(probes.ttl):
        return probes.addr, np.zeros(len(starts), dtype=np.bool_)
    cell = group_numbers(starts, len(probes.ttl))
    rows = np.flatnonzero(probes.addr >= 0)[::-1]
    addr = np.full(len(starts), -1, dtype=np.int64)
    addr[cell[rows]] = probes.addr[rows]  # the last one written is the first attempt
    mixed = np.zeros(len(starts), dtype=np.bool_)
    mixed[cell[rows][probes.addr[rows] != addr[cell[rows]]]] = True
    return addr, mixed


def _ends(seen: tuple[Ints, Bools, Bools, Bools], heads: Ints, series: Ints, run: Ints) -> tuple[Ints, Bools]:
    """Find where each path ended, and whether its flow ever reached the target. Cells are in order."""
    ttl, answered, from_target, quiet = seen
    if not len(ttl):
        return heads, np.zeros(0, dtype=np.bool_)
    n_series = int(series.max()) + 1
    at_target = np.flatnonzero(from_target)
    path = np.searchsorted(heads, at_target, side="right") - 1
    here = least_of(ttl[at_target], path, len(heads))  # smallest target TTL of the round
    nearest = least_of(here, series, n_series)  # ... of the flow
    router = answered & ~from_target
    last_router = _last_ttl(router, ttl, heads)
    if np.any(last_router > here):  # somebody else beyond the target does not count
        router &= ttl < spread(here, heads, len(ttl))
        last_router = _last_ttl(router, ttl, heads)
    nearest = pooled(nearest, here, last_router, (run, series), (ttl, quiet, heads))
    least = nearest[series]
    longer = last_router >= least  # a router where the target should have been: this path is longer
    end = np.where(longer, np.where(here < NEVER, here, last_router + 1), least)
    reached = least < NEVER
    if not reached.all():
        lost = np.flatnonzero(spread(~reached, heads, len(ttl)))
        of_lost = series[np.searchsorted(heads, lost, side="right") - 1]
        end = np.where(reached, end, _silent_ends(ttl[lost], answered[lost], of_lost, n_series)[series])
    return end, reached


def _last_ttl(which: Bools, ttl: Ints, heads: Ints) -> Ints:
    """Return the largest TTL of these cells in each path; -1 where there is none."""
    last = last_of(which, heads)
    return np.where(last >= 0, ttl[last], -1)


def _silent_ends(ttl: Ints, answered: Bools, series: Ints, count: int) -> Ints:
    """Return for each flow the probed TTL after its farthest answer, or else that of this answer."""
    farthest = greatest_of(ttl[answered], series[answered], count)
    after = ttl > farthest[series]
    next_probed = least_of(ttl[after], series[after], count)
    return np.where(next_probed < NEVER, next_probed, farthest)


def _walled(end: Ints, reached: Bools, heads: Ints, series: Ints, seen: tuple[Ints, Ints, Bools]) -> Ints:
    """End the flows that never arrive where nobody answers any more but one router that refuses."""
    ttl, addr, refused = seen
    if not np.any(refused) or not np.any(refused & ~spread(reached, heads, len(ttl))):
        return end
    wall = _walls(ttl, addr, refused, spread(series, heads, len(ttl)))[series]
    return np.where(~reached & (wall < NEVER), wall, end)


def _walls(ttl: Ints, addr: Ints, refused: Bools, series: Ints) -> Ints:
    """Find the TTL from which on nobody answers but one router that refuses; NEVER where there is none."""
    count = int(series.max(initial=-1)) + 1
    seen = addr >= 0
    farthest = greatest_of(ttl[seen], series[seen], count)
    at_end = seen & (ttl == farthest[series])
    last = greatest_of(addr[at_end], series[at_end], count)
    mine = seen & (addr == last[series])
    others = greatest_of(ttl[seen & ~mine], series[seen & ~mine], count)
    block = mine & (ttl > others[series])
    refuses = np.zeros(count, dtype=np.bool_)
    refuses[series[mine & refused]] = True
    return np.where(refuses, least_of(ttl[block], series[block], count), NEVER)
