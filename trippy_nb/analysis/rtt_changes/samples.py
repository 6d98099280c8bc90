"""Series of RTTs: those of one responder, for one flow or for all of a target, across runs.

A responder is followed by its address, not by its TTL: where a new route is a hop longer, the target is
the same target one TTL on. One that answers at several TTLs of one round counts at the nearest.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trippy_nb.analysis.arrays import Bools, Floats, Ints, distinct, group_numbers, pack, sent_ns
from trippy_nb.analysis.cells import cell_numbers, cells_of
from trippy_nb.analysis.history.series import Observations, observations
from trippy_nb.frames.columns import NO_TIME

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

SHORT = 20
"""RTTs: in fewer, only a large step in the middle shows."""


@dataclass(frozen=True, slots=True)
class Samples:
    """One series, in the order of time."""

    owner: int
    """Number of the series of paths; counted on from there, of the group if its flows are pooled."""
    group: int
    """Number of the vantage, source, target and protocol."""
    addr: int
    flow: Ints
    """Number of the series of paths that each is of."""
    rtt: Floats
    """Milliseconds."""
    ttl: Ints
    moment: Ints
    """Number of the observation among those of its group, in the order of time."""
    path: Ints
    """Which observation: index into `Observations.run` and so on."""
    at_ns: Ints
    """When the probe was sent, or else when its round began; `NO_TIME` where that is not known."""

    @property
    def comparable(self) -> Floats:
        """RTTs whose order says something about time: each less the median of its flow, ms.

        Flows that were sent by turns bring an order of their own. Where nearly each was sent once, there is
        nothing to compare it with, and no such order.
        """
        _, number, counts = distinct(self.flow)
        if len(counts) == 1 or 2 * len(counts) > len(self.flow):
            return self.rtt
        order = np.lexsort((self.rtt, number))
        first = np.cumsum(counts) - counts
        ranked = self.rtt[order]
        middle = (ranked[first + (counts - 1) // 2] + ranked[first + counts // 2]) / 2
        inside: Floats = self.rtt - middle[number]
        return inside

    @property
    def middle_ttl(self) -> float:
        """Where the responder is, most of the time."""
        return float(np.median(self.ttl))


@dataclass(frozen=True, slots=True)
class AllSamples:
    """All series, and where they came from."""

    seen: Observations
    series: tuple[Samples, ...]
    """By owner, then by address."""

    def is_pooled(self, samples: Samples) -> bool:
        """Tell whether samples are of several flows."""
        return samples.owner >= len(self.seen.series)


def samples_of(tables: "Tables", *, pool_flows: bool | None) -> AllSamples:
    """Sort the RTTs of everybody on a path, not beyond its end, into series.

    With None, the flows of a group are pooled if half of its RTTs are of series of fewer than `SHORT`.
    """
    seen = observations(tables)
    probes = seen.probes
    cells = cells_of(probes)
    path = group_numbers(probes.path_starts, len(probes.run))
    view = cells.in_view[cell_numbers(probes, cells)]
    rows = np.flatnonzero(view & (probes.addr >= 0) & ~np.isnan(probes.rtt))
    rows = rows[_nearest(path[rows], probes.addr[rows], probes.ttl[rows])]
    owner = np.where(
        _pooled(probes.run[rows], probes.flow[rows], probes.addr[rows], asked=pool_flows),
        len(seen.series) + probes.run[rows],
        probes.flow[rows],
    )
    key = pack(owner, probes.addr[rows])
    order = np.argsort(key, kind="stable")  # the rows of a series are in the order of time already
    rows, owner, counts = rows[order], owner[order], distinct(key)[2]
    at_ns = _times(tables, seen, rows, path[rows])
    series = tuple(
        Samples(
            owner=int(owner[part.start]),
            group=int(probes.run[rows[part.start]]),
            addr=int(probes.addr[rows[part.start]]),
            flow=probes.flow[rows[part]],
            rtt=probes.rtt[rows[part]],
            ttl=probes.ttl[rows[part]],
            moment=probes.round[rows[part]],
            path=path[rows[part]],
            at_ns=at_ns[part],
        )
        for part in _stretches(counts)
    )
    return AllSamples(seen, series)


def _pooled(group: Ints, flow: Ints, addr: Ints, *, asked: bool | None) -> Bools:
    """Tell which RTTs are to be taken together with those of other flows."""
    if asked is not None or not len(group):
        return np.full(len(group), bool(asked))
    _, number, counts = distinct(pack(flow, addr))
    short = counts[number] < SHORT
    both = np.bincount(group), np.bincount(group, weights=short)
    pooled: Bools = (both[1] > both[0] / 2)[group]
    return pooled


def _nearest(path: Ints, addr: Ints, ttl: Ints) -> Bools:
    """Tell which answers are at the nearest TTL at which this address answered in this observation."""
    number = distinct(pack(path, addr))[1]
    nearest = np.full(int(number.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(nearest, number, ttl)
    keep: Bools = ttl == nearest[number]
    return keep


def _times(tables: "Tables", seen: Observations, rows: Ints, path: Ints) -> Ints:
    at = sent_ns(tables, seen.probes, rows)
    return np.where(at == NO_TIME, seen.at_ns[path], at)


def _stretches(counts: Ints) -> Iterator[slice]:
    ends = np.cumsum(counts).tolist()
    for end, count in zip(ends, counts.tolist(), strict=True):
        yield slice(end - count, end)
