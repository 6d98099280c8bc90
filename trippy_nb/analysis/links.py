"""Which address follows which: only what one flow showed in one round.

Joining TTL t of one probe with TTL t+1 of another that a balancer may have sent elsewhere makes links
that do not exist (Augustin et al., Avoiding traceroute anomalies with Paris traceroute, IMC 2006). So
links are made within a (round, flow); where even that is no proof, they say ``positional``.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from trippy_nb.analysis.arrays import Bools, Ints, group_numbers, pack, probe_arrays, starts_of
from trippy_nb.analysis.cells import Cells, cells_of

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

FLOW = "flow"
POSITIONAL = "positional"

# A route that changed and came back switches twice; a balancer that looks at each packet switches at
# about half of all answers (or more rarely, if its weights are uneven). Our choice, not measured.
_FEW_SWITCHES = 2
_UNSTEADY_SHARE = 0.2


def links(tables: "Tables") -> pd.DataFrame:
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
        the same to a balancer, ``positional`` if they do not, or if a balancer treats the packets of
        this flow one by one, so that the link may be between two different paths.
    """
    probes = probe_arrays(tables)
    cells = cells_of(probes)
    sure = sure_cells(tables, cells)
    i = adjacent(cells)
    i = i[(cells.addr[i] >= 0) & (cells.addr[i + 1] >= 0)]
    columns = (cells.run[i], cells.flow[i], cells.ttl[i], cells.addr[i], cells.addr[i + 1])
    first, counts = np.unique(pack(*columns), return_index=True, return_counts=True)[1:]
    run, flow, ttl, near, far = (column[first] for column in columns)
    certain = (sure[i] & sure[i + 1])[first]
    names = pd.Index(probes.names, dtype="str")
    return pd.DataFrame(
        {
            "run_id": run.astype(np.uint32),
            "flow": flow.astype(np.uint16),
            "ttl": ttl.astype(np.uint8),
            "from_addr": pd.Categorical.from_codes(near, categories=names),
            "to_addr": pd.Categorical.from_codes(far, categories=names),
            "rounds": counts.astype(np.uint32),
            "evidence": pd.Categorical(np.where(certain, FLOW, POSITIONAL), categories=[FLOW, POSITIONAL]),
        }
    )


def adjacent(cells: Cells) -> Ints:
    """Return the cells whose next one is one TTL farther on the same path, in view."""
    here = cells.in_view
    follows = (cells.path[1:] == cells.path[:-1]) & (cells.ttl[1:] == cells.ttl[:-1] + 1)
    return np.flatnonzero(follows & here[1:] & here[:-1])


def sure_cells(tables: "Tables", cells: Cells) -> Bools:
    """Tell where the flow, and not chance, decided who answered."""
    runs = tables.runs
    stable = {int(run): bool(flag) for run, flag in zip(runs["run_id"], runs["flow_stable"], strict=True)}
    starts = starts_of(cells.run)
    per_run = np.array([stable.get(int(run), False) for run in cells.run[starts]], dtype=np.bool_)
    if not len(starts):
        return np.zeros(0, dtype=np.bool_)
    result: Bools = per_run[group_numbers(starts, len(cells.run))] & ~_unsteady(cells)
    return result


def _unsteady(cells: Cells) -> Bools:
    """Find the (flow, TTL) whose responders take turns, as behind a per-packet balancer."""
    hop = np.unique(pack(cells.series, cells.ttl), return_inverse=True)[1]
    seen = np.flatnonzero(cells.addr >= 0)
    seen = seen[np.argsort(hop[seen], kind="stable")]
    same_hop = hop[seen][1:] == hop[seen][:-1]
    other = cells.addr[seen][1:] != cells.addr[seen][:-1]
    size = int(hop.max(initial=0)) + 1
    switches = np.bincount(hop[seen][1:][same_hop & other], minlength=size)
    pairs = np.bincount(hop[seen][1:][same_hop], minlength=size)
    result: Bools = ((switches > _FEW_SWITCHES) & (switches >= _UNSTEADY_SHARE * pairs))[hop]
    return result
