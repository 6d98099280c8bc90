"""What was seen at each (run, round, flow, TTL), and where the path of that round ended.

A destination answers at every TTL from its own on, so everything beyond its smallest TTL is the same
hop again (hard case: destination answers at many TTLs). Branches of unequal length, and a route that
grew longer, are told from that by a router that answered at or beyond the smallest target TTL.

A router that will not forward answers at every TTL from its own on, too, and says that the target cannot
be reached (hard case: ICMP prohibited in mid-path): a flow that never arrives ends where it begins.
"""

from dataclasses import dataclass

import numpy as np

from trippy_nb.analysis.arrays import Bools, Ints, Probes, distinct, group_numbers, pack, spread, starts_of
from trippy_nb.model import Status

_SPARSE = 8  # numbers for each cell, before they are numbered anew

NEVER = 1 << 20
"""Larger than any TTL."""


@dataclass(frozen=True, slots=True)
class Cells:
    """One row for each (run, round, flow, TTL) that was probed, in that order; attempts are joined."""

    run: Ints
    round: Ints
    flow: Ints
    ttl: Ints
    addr: Ints
    """Who answered the first answered attempt; -1 if nobody."""
    answered: Bools
    settled: Bools
    """At least one attempt was sent whose fate is known."""
    open: Bools
    """An attempt is still in flight, and none was answered: it may yet be."""
    from_target: Bools
    path: Ints
    """Number of the (run, round, flow), from 0."""
    series: Ints
    """Number of the (run, flow), from 0, in their order."""
    mixed: Bools
    """Different addresses answered different attempts."""
    end: Ints
    """TTL at which the path of this round ended; if its flow never reached the target, that of the router
    that refused to forward, or else the probed TTL after the farthest answer."""
    reached: Bools
    """The flow reached the target at least once."""
    starts: Ints
    """First probe row of each cell."""
    heads: Ints
    """First cell of each path."""

    @property
    def in_view(self) -> Bools:
        """Part of a path, not beyond its end."""
        return self.ttl <= self.end


def cells_of(probes: Probes) -> Cells:
    """Join attempts, and find where each path ended."""
    size = len(probes.run)
    starts = _cell_starts(probes)
    answered = _any(probes.answered, starts)
    settled = _any(probes.settled, starts)
    addr, mixed = _responders(probes, starts)
    whole = len(starts) == size
    run, round_, flow, ttl = (
        column if whole else column[starts] for column in (probes.run, probes.round, probes.flow, probes.ttl)
    )
    heads = probes.path_starts if whole else np.searchsorted(starts, probes.path_starts)
    path = group_numbers(heads, len(starts))
    of_path = distinct(pack(run[heads], flow[heads]))[1]
    from_target = _any(probes.from_target, starts)
    series = spread(of_path, heads, len(starts))
    end, reached = _ends(ttl, answered, from_target, path, heads, of_path)
    return Cells(
        run=run,
        round=round_,
        flow=flow,
        ttl=ttl,
        addr=addr,
        answered=answered,
        settled=settled,
        open=_any(probes.status == Status.IN_FLIGHT, starts) & ~answered,
        from_target=from_target,
        path=path,
        series=series,
        mixed=mixed,
        end=_walled(end, reached, ttl, addr, _any(probes.refused, starts), series),
        reached=reached,
        starts=starts,
        heads=heads,
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
    return group_numbers(cells.starts, len(probes.run))


def hop_keys(cells: Cells) -> Ints:
    """Number the (run, flow, TTL) of each cell, in their order; the next TTL has the next number."""
    return cells.series * (int(cells.ttl.max(initial=0)) + 1) + cells.ttl


def hop_numbers(cells: Cells) -> tuple[Ints, int]:
    """Return such a number for each cell, and a bound of them all that arrays may be as long as."""
    hop = hop_keys(cells)
    count = int(hop.max(initial=-1)) + 1
    if count > _SPARSE * len(hop):
        values, hop, _ = distinct(hop)
        count = len(values)
    return hop, count


def count_series(cells: Cells) -> int:
    """Count the (run, flow) pairs."""
    return int(cells.series.max(initial=-1)) + 1


def _cell_starts(probes: Probes) -> Ints:
    if not probes.attempt.any():
        return np.arange(len(probes.run), dtype=np.int64)
    return starts_of(probes.run, probes.round, probes.flow, probes.ttl)


def _any(rows: Bools, starts: Ints) -> Bools:
    if len(rows) == len(starts):
        return rows
    result: Bools = np.logical_or.reduceat(rows, starts)
    return result


def _responders(probes: Probes, starts: Ints) -> tuple[Ints, Bools]:
    """Return who answered the first answered attempt of each cell, and whether somebody else did another."""
    if len(starts) == len(probes.run):
        return probes.addr, np.zeros(len(starts), dtype=np.bool_)
    cell = group_numbers(starts, len(probes.run))
    rows = np.flatnonzero(probes.addr >= 0)[::-1]
    addr = np.full(len(starts), -1, dtype=np.int64)
    addr[cell[rows]] = probes.addr[rows]  # the last one written is the first attempt
    mixed = np.zeros(len(starts), dtype=np.bool_)
    mixed[cell[rows][probes.addr[rows] != addr[cell[rows]]]] = True
    return addr, mixed


def _least(values: Ints, groups: Ints, count: int) -> Ints:
    out = np.full(count, NEVER, dtype=np.int64)
    np.minimum.at(out, groups, values)
    return out


def _greatest(values: Ints, groups: Ints, count: int) -> Ints:
    out = np.full(count, -1, dtype=np.int64)
    np.maximum.at(out, groups, values)
    return out


def _ends(
    ttl: Ints, answered: Bools, from_target: Bools, path: Ints, heads: Ints, of_path: Ints
) -> tuple[Ints, Bools]:
    """Find where each path ended, and whether its flow ever reached the target. Cells are in order."""
    if not len(ttl):
        return ttl, answered
    n_series = int(of_path.max()) + 1
    at_target = np.flatnonzero(from_target)
    here = _least(ttl[at_target], path[at_target], len(heads))  # smallest target TTL of the round
    nearest = _least(here, of_path, n_series)  # ... of the flow
    least = nearest[of_path]
    router = np.where(answered & ~from_target, ttl, -1)
    last_router = np.maximum.reduceat(router, heads)
    if np.any(last_router > here):  # somebody else beyond the target does not count
        router[ttl >= spread(here, heads, len(ttl))] = -1
        last_router = np.maximum.reduceat(router, heads)
    longer = last_router >= least  # a router where the target should have been: this path is longer
    end = np.where(longer, np.where(here < NEVER, here, last_router + 1), least)
    reached = spread((nearest < NEVER)[of_path], heads, len(ttl))
    whole = spread(end, heads, len(ttl))
    lost = np.flatnonzero(~reached)
    if len(lost):
        whole[lost] = _silent_ends(ttl[lost], answered[lost], of_path[path[lost]], n_series)
    return whole, reached


def _silent_ends(ttl: Ints, answered: Bools, series: Ints, count: int) -> Ints:
    """Return the probed TTL after the farthest answer of the flow, or else that of this answer."""
    farthest = _greatest(ttl[answered], series[answered], count)[series]
    after = ttl > farthest
    next_probed = _least(ttl[after], series[after], count)[series]
    return np.where(next_probed < NEVER, next_probed, farthest)


def _walled(end: Ints, reached: Bools, ttl: Ints, addr: Ints, refused: Bools, series: Ints) -> Ints:
    """End the flows that never arrive where nobody answers any more but one router that refuses."""
    if not np.any(refused & ~reached):
        return end
    wall = _walls(ttl, addr, refused, series)[series]
    return np.where(~reached & (wall < NEVER), wall, end)


def _walls(ttl: Ints, addr: Ints, refused: Bools, series: Ints) -> Ints:
    """Find the TTL from which on nobody answers but one router that refuses; NEVER where there is none."""
    count = int(series.max(initial=-1)) + 1
    seen = addr >= 0
    farthest = _greatest(ttl[seen], series[seen], count)
    last = np.full(count, -1, dtype=np.int64)
    at_end = seen & (ttl == farthest[series])
    np.maximum.at(last, series[at_end], addr[at_end])
    mine = seen & (addr == last[series])
    others = _greatest(ttl[seen & ~mine], series[seen & ~mine], count)
    block = mine & (ttl > others[series])
    refuses = np.zeros(count, dtype=np.bool_)
    refuses[series[mine & refused]] = True
    return np.where(refuses, _least(ttl[block], series[block], count), NEVER)
