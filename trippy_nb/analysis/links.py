"""Which address follows which: only what one flow showed in one round.

Joining TTL t of one probe with TTL t+1 of another that a balancer may have sent elsewhere makes links
that do not exist (Augustin et al., Avoiding traceroute anomalies with Paris traceroute, IMC 2006). So
links are made within a (round, flow); where even that is no proof, they say ``positional``.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trippy_nb.analysis.arrays import Bools, Ints, probe_arrays, stable_order, starts_of
from trippy_nb.analysis.blocks import blocks_of
from trippy_nb.analysis.cells import Cells, cells_of, sightings
from trippy_nb.analysis.repeats import CAUSES, Repeats, repeats_of, zero_ttl_rows
from trippy_nb.analysis.steady import sure_at, untested
from trippy_nb.frames import concat
from trippy_nb.frames.columns import codes, frame_of
from trippy_nb.frames.derived import LINKS

if TYPE_CHECKING:
    import pandas as pd

    from trippy_nb.analysis.arrays import Probes
    from trippy_nb.frames import Tables

FLOW = "flow"
ASSUMED = "assumed"
POSITIONAL = "positional"
"""Words of `evidence`."""
EVIDENCE = (FLOW, ASSUMED, POSITIONAL)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Two answers at adjacent TTLs of one path."""

    cell: Ints
    """Cell of the nearer one; that of the farther one is the next."""
    near: Ints
    far: Ints
    """Addresses, as `Probes.addr`; silent hops after them."""
    zero: Bools
    """A TTL of 0 was quoted by the farther one, or by the nearer one if they are the same."""


def links(tables: "Tables") -> "pd.DataFrame":
    """List the links between responders at adjacent TTLs.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.

    Returns
    -------
    links
        One row for each (run_id, flow, ttl, from_addr, to_addr), sorted by it: `ttl` is that of
        `from_addr`; `rounds` in which it was seen; `evidence`: ``flow`` if all probes of the flow look
        the same to a balancer, ``assumed`` if too few flows were sent again to tell whether a
        balancer deals packets out one by one; ``positional`` if one does, or the probes do not look the
        same, so that the link may be between two different paths; `mark`: why the two
        may not be neighbours all the same, missing for the rest. ``zero-ttl``: a router between them
        forwards what it should have answered. The causes of :func:`trippy_nb.analysis.repeats`: the two
        are one address.
    """
    return concat([_links(block) for block in blocks_of(tables)])


def _links(tables: "Tables") -> "pd.DataFrame":
    probes = probe_arrays(tables)
    cells = cells_of(probes)
    pairs = pairs_of(tables, probes, cells)
    names = max(len(probes.names), 1)
    hop = cells.hop
    key = hop.take(pairs.cell)
    for addr in (pairs.near, pairs.far):
        key *= names
        key += addr
    order = stable_order(key)
    starts = starts_of(key.take(order))
    counts = np.diff(np.append(starts, len(order)))
    last = order[starts + counts - 1]
    one, near, far = pairs.cell[last], pairs.near[last], pairs.far[last]
    path = cells.path[one]
    zero = np.isin(key[last], key[pairs.zero])
    mark = np.where(zero, CAUSES.index("zero-ttl"), -1)
    loops = np.flatnonzero((near == far) & (mark < 0))
    if len(loops):
        repeats = repeats_of(tables, probes, cells, paths=cells.path[one[loops]])
        mark[loops] = _causes(repeats, hop[one[loops]], near[loops])
    proven = np.logical_and(*sure_at(tables, probes, cells, np.array([one, one + 1])))
    dubious = untested(probes, cells, one)
    return frame_of(
        LINKS,
        {
            "run_id": cells.path_run[path].astype(np.uint32),
            "flow": cells.path_flow[path].astype(np.uint16),
            "ttl": cells.ttl[one].astype(np.uint8),
            "from_addr": codes(near, probes.names),
            "to_addr": codes(far, probes.names),
            "rounds": counts.astype(np.uint32),
            "evidence": codes(np.where(proven, np.where(dubious, 1, 0), 2), EVIDENCE),
            "mark": codes(mark, CAUSES),
        },
        len(one),
    )


def _causes(repeats: Repeats, hop: Ints, addr: Ints) -> Ints:
    """Look up the cause of the loops that begin at these hops."""
    known = {
        (number, name): cause
        for number, name, cause in zip(
            repeats.hop.tolist(), repeats.addr.tolist(), repeats.cause.tolist(), strict=True
        )
    }
    unknown = CAUSES.index("unknown")
    return np.array(
        [known.get(key, unknown) for key in zip(hop.tolist(), addr.tolist(), strict=True)], dtype=np.int64
    )


def adjacent(cells: Cells) -> Ints:
    """Return the cells whose next one is one TTL farther on the same path, in view."""
    return np.flatnonzero(_followed(cells))


def _followed(cells: Cells) -> Bools:
    """Tell the same of each cell but the last."""
    followed: Bools = cells.ttl[1:] == cells.ttl[:-1] + 1
    followed[cells.heads[1:] - 1] = False
    followed &= cells.in_view[1:]
    return followed


def pairs_of(tables: "Tables", probes: "Probes", cells: Cells, silent: Ints | None = None) -> Pairs:
    """Pair the answers of adjacent cells; where attempts were answered differently, all with all.

    Parameters
    ----------
    tables, probes, cells
        All of them.
    silent
        A number for each cell that is to be paired although nobody answered, else -1. In `Pairs` it is
        added to the count of addresses.
    """
    zero = zero_ttl_rows(tables, probes)
    code = cells.addr if silent is None else np.where(silent >= 0, len(probes.names) + silent, cells.addr)
    if cells.mixed.any():
        return _all_pairs(probes, cells, code, adjacent(cells), zero)
    known = code >= 0
    at = np.flatnonzero(_followed(cells) & known[1:] & known[:-1])
    near, far = code.take(at), code[1:].take(at)
    if not len(zero):
        return Pairs(at, near, far, np.zeros(len(at), dtype=np.bool_))
    quoted = np.zeros(len(cells.run), dtype=np.bool_)
    quoted[np.searchsorted(cells.starts, zero, side="right") - 1] = True
    return Pairs(at, near, far, quoted[at + 1] | (quoted[at] & (near == far)))


def _all_pairs(probes: "Probes", cells: Cells, code: Ints, at: Ints, zero: Ints) -> Pairs:
    cell, addr, first = sightings(probes, cells)
    quiet = np.flatnonzero((cells.addr < 0) & (code >= 0))
    order = np.argsort(np.concatenate([cell, quiet]), kind="stable")
    cell = np.concatenate([cell, quiet])[order]
    addr = np.concatenate([addr, code[quiet]])[order]
    quoted = np.concatenate([np.isin(first, zero), np.zeros(len(quiet), dtype=np.bool_)])[order]
    begin, after = np.searchsorted(cell, at), np.searchsorted(cell, at + 1)
    many = np.searchsorted(cell, at, side="right") - begin
    many_after = np.searchsorted(cell, at + 1, side="right") - after
    count = many * many_after
    pair = np.repeat(np.arange(len(at)), count)
    step = np.arange(len(pair)) - np.repeat(np.cumsum(count) - count, count)
    one, two = begin[pair] + step // many_after[pair], after[pair] + step % many_after[pair]
    same = addr[one] == addr[two]
    return Pairs(at[pair], addr[one], addr[two], quoted[two] | (quoted[one] & same))
