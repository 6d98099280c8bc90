"""What was seen at each (run, round, flow, TTL), and where the path of that round ended.

A destination answers at every TTL from its own on, so everything beyond its smallest TTL is the same
hop again (hard case: destination answers at many TTLs). Branches of unequal length, and a route that
grew longer, are told from that by a router that answered at or beyond the smallest target TTL.

A router that will not forward answers at every TTL from its own on, too, and says that the target cannot
be reached (hard case: ICMP prohibited in mid-path): a flow that never arrives ends where it begins.
"""

from dataclasses import dataclass

import numpy as np

from trippy_nb.analysis.arrays import Bools, Ints, Probes, group_numbers, pack, starts_of
from trippy_nb.model import Status

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
    """Number of the (run, flow), from 0."""
    end: Ints
    """TTL at which the path of this round ended; if its flow never reached the target, that of the router
    that refused to forward, or else the probed TTL after the farthest answer."""
    reached: Bools
    """The flow reached the target at least once."""
    starts: Ints
    """First probe row of each cell."""

    @property
    def in_view(self) -> Bools:
        """Part of a path, not beyond its end."""
        return self.ttl <= self.end


def cells_of(probes: Probes) -> Cells:
    """Join attempts, and find where each path ended."""
    starts = starts_of(probes.run, probes.round, probes.flow, probes.ttl)
    size = len(probes.run)
    cell = group_numbers(starts, size)
    answered = _any(probes.answered, starts)
    settled = _any(probes.settled, starts)
    first_answer = np.full(len(starts), -1, dtype=np.int64)
    rows = np.flatnonzero(probes.answered)[::-1]
    first_answer[cell[rows]] = rows  # the last one written is the first attempt
    run, round_, flow, ttl = (
        column[starts] for column in (probes.run, probes.round, probes.flow, probes.ttl)
    )
    path = group_numbers(starts_of(run, round_, flow), len(starts))
    series = np.unique(pack(run, flow), return_inverse=True)[1].astype(np.int64)
    from_target = _any(probes.from_target, starts)
    addr = np.where(first_answer >= 0, probes.addr[first_answer], -1) if size else first_answer
    end, reached = _ends(ttl, answered, from_target, path, series)
    wall = _walls(ttl, addr, _any(probes.refused, starts), series)[series]
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
        end=np.where(~reached & (wall < NEVER), wall, end),
        reached=reached,
        starts=starts,
    )


def count_series(cells: Cells) -> int:
    """Count the (run, flow) pairs."""
    return int(cells.series.max(initial=-1)) + 1


def _any(rows: Bools, starts: Ints) -> Bools:
    if not len(starts):
        return np.zeros(0, dtype=np.bool_)
    result: Bools = np.logical_or.reduceat(rows, starts)
    return result


def _least(values: Ints, groups: Ints, count: int) -> Ints:
    out = np.full(count, NEVER, dtype=np.int64)
    np.minimum.at(out, groups, values)
    return out


def _greatest(values: Ints, groups: Ints, count: int) -> Ints:
    out = np.full(count, -1, dtype=np.int64)
    np.maximum.at(out, groups, values)
    return out


def _ends(ttl: Ints, answered: Bools, from_target: Bools, path: Ints, series: Ints) -> tuple[Ints, Bools]:
    n_paths, n_series = int(path.max(initial=-1)) + 1, int(series.max(initial=-1)) + 1
    nearest = _least(ttl[from_target], series[from_target], n_series)  # smallest target TTL of the flow
    here = _least(ttl[from_target], path[from_target], n_paths)  # ... of the round
    router = answered & ~from_target & (ttl < here[path])
    last_router = _greatest(ttl[router], path[router], n_paths)
    of_path = np.zeros(n_paths, dtype=np.int64)
    of_path[path] = series
    least = nearest[of_path]
    longer = last_router >= least  # a router where the target should have been: this path is longer
    end = np.where(longer, np.where(here < NEVER, here, last_router + 1), least)[path]
    reached = (nearest < NEVER)[series]
    farthest = _greatest(ttl[answered], series[answered], n_series)[series]
    after = ttl > farthest
    next_probed = _least(ttl[after], series[after], n_series)[series]
    return np.where(reached, end, np.where(next_probed < NEVER, next_probed, farthest)), reached


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
