"""What each run's probes to the target came to: where it answered, how often, and how fast."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trippy_nb.analysis.arrays import Ints, Probes, distinct, last_of, probe_arrays
from trippy_nb.analysis.cells import cell_numbers, cells_of
from trippy_nb.analysis.nearest import greatest_of, least_of

if TYPE_CHECKING:
    from trippy_nb.analysis.arrays import Floats
    from trippy_nb.frames import Tables


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The probes that went as far as the target, of one run: one for each path and attempt."""

    ttls: tuple[int, ...]
    """Where it answered: several, if ways to it have unequal lengths."""
    addrs: tuple[str, ...]
    """What it answered from, most often first."""
    sent: int
    """Probes whose fate is known, at the TTL where the path of their round ended."""
    recv: int
    """Those that the target answered."""
    rtt: "Floats"
    """Milliseconds, of the answers that have one."""


def arrivals_of(tables: "Tables") -> dict[int, Arrivals]:
    """Collect them by run; runs that never met the target have none.

    Where a flow never met it, the probe counts that went as far as those of other flows did.
    """
    probes = probe_arrays(tables)
    cells = cells_of(probes)
    ids, number, _ = distinct(cells.path_run)
    met = np.flatnonzero(cells.in_view & cells.from_target)
    of_run = number[cells.path[met]]
    nearest = least_of(cells.ttl[met], of_run, len(ids))[number]
    farthest = greatest_of(cells.ttl[met], of_run, len(ids))[number]
    asked = cells.up_to(np.where(cells.path_reached, cells.path_end, farthest))
    asked &= cells.settled & (cells.ttl >= cells.spread(nearest))
    ends = last_of(asked, cells.heads)
    is_end = np.zeros(len(cells.ttl), dtype=np.bool_)
    is_end[ends[ends >= 0]] = True
    is_end &= cells.from_target | ~cells.answered
    rows = np.flatnonzero(is_end[cell_numbers(probes, cells)] & probes.settled)
    bounds = np.searchsorted(probes.run[rows], ids), np.searchsorted(probes.run[rows], ids, side="right")
    return {
        run: _arrivals(probes, rows[begin:end])
        for run, begin, end in zip(ids.tolist(), *(bound.tolist() for bound in bounds), strict=True)
        if probes.from_target[rows[begin:end]].any()
    }


def _arrivals(probes: Probes, rows: Ints) -> Arrivals:
    heard = rows[probes.from_target[rows]]
    rtt = probes.rtt[heard]
    return Arrivals(
        ttls=tuple(np.unique(probes.ttl[heard]).tolist()),
        addrs=_by_number(probes.addr[heard], probes.names),
        sent=len(rows),
        recv=len(heard),
        rtt=rtt[~np.isnan(rtt)],
    )


def _by_number(codes: Ints, names: Sequence[str]) -> tuple[str, ...]:
    used, counts = np.unique(codes, return_counts=True)
    order = sorted(zip(used.tolist(), counts.tolist(), strict=True), key=lambda one: (-one[1], names[one[0]]))
    return tuple(names[code] for code, _ in order)
