"""Places whose responders take turns: behind a balancer of packets every switch is chance, and no change.

Addresses that take turns at a place are one from here on. An address that comes once and stays is
none of them: the route changed.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from trippy_nb.analysis.arrays import Bools, Ints, Probes, group_numbers, pack
from trippy_nb.analysis.cells import Cells, hop_numbers
from trippy_nb.analysis.steady import unsteady_cells, with_rivals

_FEW_MIXED = 0.05
"""Share of rounds in which two attempts may differ because the route just changed. Our choice."""
_FEW_RETURNS = 3
"""Times that an address went and came back, at moments of their own, over all flows of a group. Our choice."""

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
    masked = unsteady_cells(replace(cells, mixed=_often_mixed(cells, hop, count)))
    seen = with_rivals(hop, cells.addr, count)
    seen = seen[np.argsort(hop[seen], kind="stable")]
    places = pack(cells.run, cells.ttl)
    shared = np.isin(places, _restless(cells, hop, places, seen))
    rivals = np.zeros(count, dtype=np.bool_)
    rivals[hop[seen]] = True
    masked |= shared & rivals[hop]
    if not masked.any():
        return Masks(cells.addr, {})
    pairs = _pairs(probes, cells, hop, seen[masked[seen]], masked)
    turns = {place: _classes(links) for place, links in pairs.items()}
    return Masks(_renamed(cells, masked, turns), {place: named for place, named in turns.items() if named})


def _often_mixed(cells: Cells, hop: Ints, count: int) -> Bools:
    """Leave out the few rounds in which attempts differ because the route changed between them."""
    if not cells.mixed.any():
        return cells.mixed
    mixed = np.bincount(hop[cells.mixed], minlength=count)
    rounds = np.bincount(hop[cells.addr >= 0], minlength=count)
    often: Bools = cells.mixed & (mixed > _FEW_MIXED * rounds)[hop]
    return often


def _restless(cells: Cells, hop: Ints, places: Ints, seen: Ints) -> Ints:
    """Find the places where flows, each seen too seldom to tell, together come and go too often.

    A route that flaps does so in all flows at once; chance has no such moments.
    """
    addr, one = cells.addr[seen], hop[seen]
    back = np.flatnonzero((one[2:] == one[:-2]) & (addr[2:] == addr[:-2]) & (addr[1:-1] != addr[:-2]))
    left, returned = cells.round[seen[back]], cells.round[seen[back + 2]]
    spans: dict[int, list[tuple[int, int]]] = defaultdict(list)
    at = places[seen[back]]
    for place, low, high in zip(at.tolist(), left.tolist(), returned.tolist(), strict=True):
        spans[place].append((high, low))
    return np.array(
        [place for place, found in spans.items() if _moments(found) >= _FEW_RETURNS], dtype=np.int64
    )


def _moments(spans: list[tuple[int, int]]) -> int:
    """Return the least number of moments that have one inside each span."""
    moments, last = 0, -1
    for high, low in sorted(spans):
        if low >= last:
            moments, last = moments + 1, high
    return moments


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
        of_row = group_numbers(cells.starts, len(probes.run))
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
    members: Iterable[tuple[Place, int, int]] = (
        (place, code, name)
        for place, classes in turns.items()
        for name, codes in classes.items()
        for code in codes
    )
    return list(members)
