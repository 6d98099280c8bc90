"""Places whose responders take turns: behind a balancer of packets every switch is chance, and no change.

Addresses that take turns at a place are one from here on. An address that comes once and stays is
none of them: the route changed.
"""

from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from trippy_nb.analysis.arrays import Bools, Ints, Probes, pack, starts_of
from trippy_nb.analysis.cells import Cells, cell_numbers, hop_numbers
from trippy_nb.analysis.history.dealt import joined
from trippy_nb.analysis.steady import unsteady_cells, with_rivals

_FEW_MIXED = 0.05
"""Share of rounds in which two attempts may differ because the route just changed. Our choice."""
_SOME_SWITCHES = 5
_OFTEN = 0.2
"""Switches between two addresses, and how many of the answers from the first to the last of these they are. A
balancer of two has half; a route that flaps has fewer. Our choice."""
_ENOUGH_ANSWERS = 16
"""Answers of a hop behind others that take turns, before its switches are held to be of these: among fewer
hardly any change of route is too long to be chance. Our choice, by recall of changes that were made."""
_FEW_SWAPS = 2
"""Moments at which flows swapped responders: more is no balancer that dealt anew. Our choice."""

Place = tuple[int, int]
"""Group and TTL."""


@dataclass(frozen=True, slots=True)
class Masks:
    """Which addresses take turns, and where."""

    addr: Ints
    """Of each cell, as `Cells.addr`, but of those that take turns always the same one."""
    turns: dict[Place, dict[int, tuple[int, ...]]]
    """Those that take turns at a place, by the one that stands for them."""


def masks_of(probes: Probes, cells: Cells) -> Masks:
    """Find the addresses that take turns."""
    hop, count = hop_numbers(cells)
    seen = with_rivals(hop, cells.addr, count)
    if not len(seen) and not cells.mixed.any():
        return Masks(cells.addr, {})
    masked = unsteady_cells(replace(cells, mixed=_often_mixed(cells, hop, count)))
    seen = seen[np.argsort(hop[seen], kind="stable")]
    turning = np.zeros(count, dtype=np.bool_)
    turning[_turning(cells, hop, seen)] = True
    masked |= turning[hop]
    shifted = _shifted(cells, hop, seen, masked) if masked.any() else seen[:0]
    places = pack(cells.run, cells.ttl)
    shared = np.isin(places, _restless(cells, hop, places, seen[~masked[seen]]))
    rivals = np.zeros(count, dtype=np.bool_)
    rivals[hop[seen]] = True
    masked |= shared & rivals[hop]
    if not masked.any():
        return Masks(cells.addr, {})
    pairs = _pairs(probes, cells, hop, seen[masked[seen]], masked)
    masked[shifted] = True
    turns = _turns(cells, hop, seen[masked[seen]], pairs)
    return Masks(_renamed(cells, masked, turns), turns)


def _often_mixed(cells: Cells, hop: Ints, count: int) -> Bools:
    """Leave out the few rounds in which attempts differ because the route changed between them."""
    if not cells.mixed.any():
        return cells.mixed
    mixed = np.bincount(hop[cells.mixed], minlength=count)
    rounds = np.bincount(hop[cells.addr >= 0], minlength=count)
    often: Bools = cells.mixed & (mixed > _FEW_MIXED * rounds)[hop]
    return often


def _turning(cells: Cells, hop: Ints, seen: Ints) -> Ints:
    """Find the hops at which two addresses take turns for a while, however long the route was another."""
    addr = cells.addr[seen]
    at = np.flatnonzero((hop[seen][1:] == hop[seen][:-1]) & (addr[1:] != addr[:-1]))
    if not len(at):
        return at
    low, high = np.minimum(addr[at], addr[at + 1]), np.maximum(addr[at], addr[at + 1])
    key = pack(hop[seen[at]], low, high)
    order = np.argsort(key, kind="stable")
    starts = starts_of(key[order])
    ends = np.append(starts[1:], len(order)) - 1
    switches = ends - starts + 1
    answers = at[order[ends]] - at[order[starts]] + 1
    often = (switches >= _SOME_SWITCHES) & (switches >= _OFTEN * answers)
    result: Ints = hop[seen[at[order[starts[often]]]]]
    return result


def _restless(cells: Cells, hop: Ints, places: Ints, seen: Ints) -> Ints:
    """Find the places where flows swap responders with each other again and again.

    Each may be seen too seldom to tell. A route that changes takes all flows one way; a balancer of flows
    that deals anew swaps them once.
    """
    addr = cells.addr[seen]
    at = np.flatnonzero((hop[seen][1:] == hop[seen][:-1]) & (addr[1:] != addr[:-1]))
    old, new = addr[at], addr[at + 1]
    spans: dict[tuple[int, int, int], list[tuple[int, int, bool]]] = defaultdict(list)
    for place, a, b, low, high in zip(
        places[seen[at]].tolist(),
        old.tolist(),
        new.tolist(),
        cells.round[seen[at]].tolist(),
        cells.round[seen[at + 1]].tolist(),
        strict=True,
    ):
        spans[place, min(a, b), max(a, b)].append((high, low, a < b))
    return np.array(
        [place for (place, _, _), found in spans.items() if _swaps(found) >= _FEW_SWAPS], dtype=np.int64
    )


def _swaps(spans: list[tuple[int, int, bool]]) -> int:
    """Of the fewest moments that explain all switches, count those with switches both ways."""
    swaps, last = 0, -1
    ways: set[bool] = set()
    for high, low, way in sorted(spans):
        if low >= last:
            swaps += len(ways) > 1
            last, ways = high, set()
        ways.add(way)
    return swaps + (len(ways) > 1)


def _shifted(cells: Cells, hop: Ints, seen: Ints, turning: Bools) -> Ints:
    """Find the answers at hops that ways of unequal length lead to, behind a hop that takes turns.

    They show it by an address that is at the next TTL, too. Where one address always answers, the ways
    have met and are as long as each other.

    Parameters
    ----------
    seen
        Answers of hops that several addresses answered for, hop by hop.
    turning
        Which cells are of hops that take turns.
    """
    mine = np.zeros(int(cells.path_series.max()) + 1, dtype=np.bool_)
    mine[cells.path_series[cells.path[seen[turning[seen]]]]] = True
    steady = seen[mine[cells.path_series[cells.path[seen]]] & ~turning[seen]]
    if not len(steady):
        return steady
    rows = np.flatnonzero(cells.spread(mine[cells.path_series]))
    behind = steady[_leads_to(cells, hop, rows, seen, turning)[hop[steady]]]
    heard = rows[cells.addr[rows] >= 0]
    every = np.concatenate([behind, behind, heard])
    ttls = np.concatenate([cells.ttl[behind] - 1, cells.ttl[behind] + 1, cells.ttl[heard]])
    key = pack(cells.path_series[cells.path[every]], ttls, cells.addr[every])
    twice = np.isin(key[: -len(heard)], key[-len(heard) :]).reshape(2, -1).any(axis=0)
    often = np.bincount(hop[behind], minlength=1)[hop[behind]] >= _ENOUGH_ANSWERS
    result: Ints = behind[often & np.isin(hop[behind], hop[behind[twice]])]
    return result


def _leads_to(cells: Cells, hop: Ints, rows: Ints, seen: Ints, turning: Bools) -> Bools:
    """Tell to which hops a hop that takes turns leads with nothing in between that is always the same."""
    series = np.full(int(hop[rows].max()) + 1, -1, dtype=np.int64)
    series[hop[rows]] = cells.path_series[cells.path[rows]]
    fixed = series >= 0
    fixed[hop[rows[cells.addr[rows] < 0]]] = False
    here = seen[np.isin(hop[seen], hop[rows])]
    fixed[hop[here]] = False
    turns = np.zeros(len(series), dtype=np.bool_)
    turns[hop[rows[turning[rows]]]] = True
    every = np.arange(len(series))
    last = np.maximum.accumulate(np.where(turns, every, -1))
    last_fixed = np.maximum.accumulate(np.where(fixed, every, -1))
    result: Bools = (last > last_fixed) & (series[last] == series)
    return result


def _turns(
    cells: Cells, hop: Ints, answers: Ints, pairs: dict[Place, set[tuple[int, int]]]
) -> dict[Place, dict[int, tuple[int, ...]]]:
    """Put together what takes turns at each place."""
    turns = {place: _classes(links) for place, links in pairs.items()}
    key = pack(cells.run[answers], cells.ttl[answers], hop[answers])
    answers = answers[np.argsort(key, kind="stable")]
    run, ttl = cells.run[answers], cells.ttl[answers]
    for first, end in pairwise([*starts_of(run, ttl).tolist(), len(answers)]):
        place = int(run[first]), int(ttl[first])
        here = answers[first:end]
        turns[place] = joined(hop[here], cells.round[here], cells.addr[here], turns.get(place, {}))
    return {place: classes for place, classes in turns.items() if classes}


def _pairs(
    probes: Probes, cells: Cells, hop: Ints, seen: Ints, masked: Bools
) -> dict[Place, set[tuple[int, int]]]:
    """List which addresses follow each other at the masked places, and which answered in one round."""
    pairs: dict[Place, set[tuple[int, int]]] = defaultdict(set)
    addr = cells.addr[seen]
    here = np.flatnonzero((hop[seen][1:] == hop[seen][:-1]) & (addr[1:] != addr[:-1]))
    _, example = np.unique(
        pack(cells.run[seen[here]], cells.ttl[seen[here]], addr[here], addr[here + 1]), return_index=True
    )
    for row in here[example].tolist():
        cell = seen[row]
        pairs[int(cells.run[cell]), int(cells.ttl[cell])].add((int(addr[row]), int(addr[row + 1])))
    mixed = cells.mixed & masked
    if mixed.any():
        of_row = cell_numbers(probes, cells)
        rows = np.flatnonzero(mixed[of_row] & (probes.addr >= 0))
        cell = of_row[rows]
        for number, code in set(zip(cell.tolist(), probes.addr[rows].tolist(), strict=True)):
            first = int(cells.addr[number])
            if code != first:
                place = int(cells.run[number]), int(cells.ttl[number])
                pairs[place] |= {(first, int(code)), (int(code), first)}
    return pairs


def _classes(links: set[tuple[int, int]]) -> dict[int, tuple[int, ...]]:
    """Join the addresses that follow each other both ways; those that are alone are left out."""
    both = {pair for pair in links if pair[::-1] in links}
    root: dict[int, int] = {}

    def find(code: int) -> int:
        while root.setdefault(code, code) != code:
            code = root[code]
        return code

    for a, b in sorted(both):
        low, high = sorted((find(a), find(b)))
        root[high] = low
    classes: dict[int, list[int]] = defaultdict(list)
    for code in sorted(root):
        classes[find(code)].append(code)
    return {name: tuple(members) for name, members in classes.items()}


def _renamed(cells: Cells, masked: Bools, turns: dict[Place, dict[int, tuple[int, ...]]]) -> Ints:
    """Let one address stand for all that take turns with it, in the series where they do."""
    addr = cells.addr.copy()
    rows = np.flatnonzero(masked & (addr >= 0))
    wanted = _sorted_pairs(turns)
    if not len(rows) or not wanted:
        return addr
    key = pack(
        np.concatenate([cells.run[rows], [place[0] for place, _, _ in wanted]]),
        np.concatenate([cells.ttl[rows], [place[1] for place, _, _ in wanted]]),
        np.concatenate([addr[rows], [code for _, code, _ in wanted]]),
    )
    table = key[len(rows) :]
    order = np.argsort(table)
    place = np.minimum(np.searchsorted(table[order], key[: len(rows)]), len(table) - 1)
    hit = table[order][place] == key[: len(rows)]
    names = np.array([name for _, _, name in wanted], dtype=np.int64)[order]
    addr[rows[hit]] = names[place[hit]]
    return addr


def _sorted_pairs(turns: dict[Place, dict[int, tuple[int, ...]]]) -> list[tuple[Place, int, int]]:
    return [
        (place, code, name)
        for place, classes in turns.items()
        for name, codes in classes.items()
        for code in codes
    ]
