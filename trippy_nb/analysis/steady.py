"""Where the flow decided who answered, and where chance did.

A link is proof only if both of its probes took the same path. They did if all packets of the flow look the
same to a balancer, and none on the way treats the packets of a flow one by one.
"""

from typing import TYPE_CHECKING

import numpy as np

from trippy_nb.analysis.arrays import (
    Bools,
    Ints,
    Probes,
    distinct,
    pack,
    spread,
    stable_order,
    starts_of,
)
from trippy_nb.analysis.cells import Cells, cell_numbers, hop_numbers, sightings

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

# A route that changed and came back switches twice; a balancer that looks at each packet switches at
# about half of all answers (or more rarely, if its weights are uneven). Our choice, not measured.
_FEW_SWITCHES = 2
_UNSTEADY_SHARE = 0.2
REPEATS_THAT_TELL = 5
"""Flows seen again so often keep to their ways behind an even balancer of packets in 1 of 32 cases."""
_KEPT_TO_ONE = REPEATS_THAT_TELL + 1
"""Answers of one address, with which such a balancer would do so in 1 of 32 flows."""


def sure_cells(tables: "Tables", probes: Probes, cells: Cells) -> Bools:
    """Tell where the flow, and not chance, decided who answered.

    Where the responders of one flow take turns, other flows that these answer at the same TTL of the run are
    taken to pass the same balancer, unless they were seen to keep to one of them.
    """
    hop, unsteady = _unsteady_hops(probes, cells)
    result: Bools = stable_cells(tables, cells) & ~unsteady.take(hop)
    return result


def sure_at(tables: "Tables", probes: Probes, cells: Cells, at: Ints) -> Bools:
    """Tell the same of some of the cells."""
    hop, unsteady = _unsteady_hops(probes, cells)
    result: Bools = stable_paths(tables, cells)[cells.path[at]] & ~unsteady[hop[at]]
    return result


def _unsteady_hops(probes: Probes, cells: Cells) -> tuple[Ints, Bools]:
    """Number the (flow, TTL) of each cell, and find those where chance decides."""
    hop, count = hop_numbers(cells)
    rivals = with_rivals(hop, cells.addr, count)
    unsteady = _taking_turns(cells, hop, count, rivals)
    if unsteady.any():
        unsteady |= _suspects(probes, cells, unsteady, hop, rivals)
    return hop, unsteady


def _suspects(probes: Probes, cells: Cells, unsteady: Bools, hop: Ints, rivals: Ints) -> Bools:
    """Find the (flow, TTL) answered by what takes turns there in another flow, and too seldom to tell."""
    # Few (run, TTL) have any that take turns; only there is it worth asking who they are.
    cell, addr = _sightings_near(probes, cells, unsteady, hop)
    hop_of = hop[cell]
    who = pack(cells.run[cell], cells.ttl[cell], addr)
    shared = np.isin(who, who[unsteady[hop_of]])
    suspected = np.zeros(len(unsteady), dtype=np.bool_)
    suspected[hop_of[shared]] = True
    kept = np.bincount(hop_of, minlength=len(unsteady)) >= _KEPT_TO_ONE
    kept[hop[rivals]] = False
    result: Bools = suspected & ~kept
    return result


def _sightings_near(probes: Probes, cells: Cells, unsteady: Bools, hop: Ints) -> tuple[Ints, Ints]:
    """List who answered at the TTLs of runs at which any flow is unsteady: cell and address."""
    example = np.full(len(unsteady), -1, dtype=np.int64)
    example[hop] = np.arange(len(hop))
    known = np.flatnonzero(example >= 0)
    place = pack(cells.run[example[known]], cells.ttl[example[known]])
    near = np.zeros(len(unsteady), dtype=np.bool_)
    near[known] = np.isin(place, place[unsteady[known]])
    if not cells.mixed.any():
        cell = np.flatnonzero(near.take(hop) & (cells.addr >= 0))
        return cell, cells.addr[cell]
    cell, addr, _ = sightings(probes, cells)
    mine = near[hop[cell]]
    return cell[mine], addr[mine]


def untested(probes: Probes, cells: Cells, at: Ints) -> Bools:
    """Find the links that stand only if nobody deals packets out one by one.

    They do where several answered at the TTL of the nearer end, and hardly a flow was sent there again, to
    show whether it keeps to its way; or many did not. One answer at the farther end proves nothing: where
    branches have unequal lengths it may be that of another branch.

    Parameters
    ----------
    at
        Cell of the nearer end of each link.
    """
    hop, count = hop_numbers(cells)
    heard = np.flatnonzero(cells.addr >= 0)
    if not len(heard):
        return np.zeros(len(at), dtype=np.bool_)
    example = np.full(count, -1, dtype=np.int64)
    example[hop.take(heard)] = heard
    some = np.flatnonzero(example >= 0)
    one = example[some]
    _, number, n = distinct(pack(cells.path_run[cells.path[one]], cells.ttl[one]))
    place = np.full(count, -1, dtype=np.int64)
    place[some] = number
    rivals = heard[cells.addr.take(heard) != cells.addr.take(example.take(hop.take(heard)))]
    parts = _differ(cells.addr[one], number, len(n))
    parts[place[hop[rivals]]] = True
    asked = (place >= 0) & parts[place]
    if not asked[hop[at]].any():
        return np.zeros(len(at), dtype=np.bool_)
    rows = np.flatnonzero(asked[hop])
    if len(hop) == len(probes.ttl):
        answered = rows[cells.addr[rows] >= 0]
    else:  # attempts are answers, too
        cell = cell_numbers(probes, cells)
        answered = cell[asked[hop[cell]] & (probes.addr >= 0)]
    answers = np.bincount(place[hop[answered]], minlength=len(n))
    repeats = answers - np.bincount(place[asked], minlength=len(n))
    switches = np.bincount(place[_switched(cells, hop, rows)], minlength=len(n))
    told = (repeats >= REPEATS_THAT_TELL) & ~_are_turns(switches, repeats)
    found: Bools = asked[hop[at]] & ~told[place[hop[at]]]
    return found


def _differ(values: Ints, place: Ints, count: int) -> Bools:
    """Tell at which places these are not all the same."""
    least, most = np.full(count, np.iinfo(np.int64).max), np.full(count, -1)
    np.minimum.at(least, place, values)
    np.maximum.at(most, place, values)
    differ: Bools = most > least
    return differ


def _switched(cells: Cells, hop: Ints, rows: Ints) -> Ints:
    """Return the hop of each switch between responders, among these cells of whole hops."""
    rows = rows[cells.addr[rows] >= 0]
    rows = rows[stable_order(hop[rows])]
    here, who = hop[rows], cells.addr[rows]
    found: Ints = here[1:][(here[1:] == here[:-1]) & (who[1:] != who[:-1])]
    return found


def _are_turns(switches: Ints, pairs: Ints) -> Bools:
    """Tell so many switches, of so many pairs of answers, from a route that changed and came back."""
    turns: Bools = (switches > _FEW_SWITCHES) & (switches >= _UNSTEADY_SHARE * pairs)
    return turns


def stable_paths(tables: "Tables", cells: Cells) -> Bools:
    """Tell which paths are of runs whose probes of one flow all look the same to a balancer."""
    runs = tables.runs
    stable = {int(run): bool(flag) for run, flag in zip(runs["run_id"], runs["flow_stable"], strict=True)}
    starts = starts_of(cells.path_run)
    each = [stable.get(run, False) for run in cells.path_run[starts].tolist()]
    return spread(np.array(each, dtype=np.bool_), starts, len(cells.heads))


def stable_cells(tables: "Tables", cells: Cells) -> Bools:
    """Tell the same of cells."""
    return cells.spread(stable_paths(tables, cells))


def unsteady_cells(cells: Cells) -> Bools:
    """Find the (flow, TTL) whose responders take turns, as behind a per-packet balancer.

    Two attempts of one round, which are sent within moments, need to differ but once. Rounds may differ
    because the route changed: only responders that come and go are called unsteady.
    """
    hop, count = hop_numbers(cells)
    result: Bools = _taking_turns(cells, hop, count, with_rivals(hop, cells.addr, count))[hop]
    return result


def _taking_turns(cells: Cells, hop: Ints, count: int, rivals: Ints) -> Bools:
    """Tell of each (flow, TTL) whether its responders do."""
    unsteady = np.zeros(count, dtype=np.bool_)
    unsteady[hop[cells.mixed]] = True
    switches = np.bincount(_switched(cells, hop, rivals), minlength=count)
    pairs = np.bincount(hop[rivals], minlength=count) - 1  # of answers that follow each other
    unsteady |= _are_turns(switches, pairs)
    return unsteady


def with_rivals(hop: Ints, addr: Ints, count: int) -> Ints:
    """Return the answered cells of hops that several addresses answered for: usually few."""
    largest = np.full(count, -1, dtype=np.int64)
    np.maximum.at(largest, hop, addr)
    least = np.full(count, -1, dtype=np.int64)
    np.minimum.at(least.view(np.uint64), hop, addr.view(np.uint64))  # unsigned, silence is the largest
    return np.flatnonzero((largest != least).take(hop) & (addr >= 0))
