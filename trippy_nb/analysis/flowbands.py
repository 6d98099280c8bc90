"""The ways that flows go, side by side: flows that go the same way are one band, a column a TTL.

A flow is shown by who answered it most often at each TTL. Where others answered it, too, that is said: the
band is then what was usual, and no path that any packet need have taken.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from trippy_nb.analysis.arrays import probe_arrays
from trippy_nb.analysis.cells import cell_numbers, cells_of
from trippy_nb.analysis.graph import SOURCE
from trippy_nb.analysis.layout import place_boxes

if TYPE_CHECKING:
    from trippy_nb.analysis.arrays import Probes
    from trippy_nb.analysis.cells import Cells
    from trippy_nb.frames import Tables

_SWEEPS = 6

Way = tuple[tuple[int, str | None], ...]
"""TTLs that were probed, and who answered most often; None if nobody did."""


@dataclass(frozen=True, slots=True)
class FlowStep:
    """What a band passes at one TTL."""

    ttl: int
    node: str
    """Key in `FlowBands.nodes`."""
    flows: int
    """How many of the band's flows were probed here: it is as wide as that."""
    several: int
    """Largest number of responders that one of its flows had here; 0 if nobody answered."""


@dataclass(frozen=True, slots=True)
class FlowBand:
    """Flows that go the same way, as far as each was probed."""

    flows: tuple[tuple[int, int], ...]
    """Run and flow of each."""
    steps: tuple[FlowStep, ...]
    """From the source on; a TTL that was not probed is missing."""


@dataclass(frozen=True, slots=True)
class FlowNode:
    """A responder at a TTL, or the silence between two of them."""

    ttl: int
    kind: str
    """``source``, ``router``, ``target`` or ``silent``."""
    addr: str | None
    flows: int
    """How many flows pass it, of those in the bands."""


@dataclass(frozen=True, slots=True)
class FlowLayout:
    """Where nodes and bands are across, in flows; the middle of the drawing is near 0."""

    middle: dict[str, float]
    """Of each node; it takes as much as it has flows."""
    top: dict[tuple[int, int], float]
    """Where a band begins, by its number and the TTL."""


@dataclass(frozen=True, slots=True, eq=False)
class FlowBands:
    """Ways of flows."""

    bands: tuple[FlowBand, ...]
    """By their first flow."""
    nodes: dict[str, FlowNode]
    left_out: int
    """Flows on ways that fewest take, beyond the number of bands asked for, and those probed at one TTL only,
    that may belong to several bands."""

    @property
    def flows(self) -> int:
        """How many flows the bands have."""
        return sum(len(band.flows) for band in self.bands)

    def layout(self, gap: float) -> FlowLayout:
        """Place nodes and bands with few crossings; `gap` is between two nodes of a column, in flows."""
        layers = {key: node.ttl for key, node in self.nodes.items()}
        edges = [
            (near.node, far.node)
            for band in self.bands
            for near, far in pairwise(band.steps)
            if far.ttl == near.ttl + 1
        ]
        rank: dict[str, tuple[int, str]] = {}
        for number, band in enumerate(self.bands):
            for step in band.steps:
                rank.setdefault(step.node, (number, step.node))
        size = {key: float(node.flows) for key, node in self.nodes.items()}
        middle = place_boxes(layers, edges, rank, size, gap)
        return FlowLayout(middle, _tops(self.bands, middle, size))


def flow_bands(tables: "Tables", *, most: int = 40) -> FlowBands:
    """Find the ways that flows go.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order. A flow of two runs is two.
    most
        How many different ways are kept; those that fewest flows take are left out.

    Returns
    -------
    bands
        A flow's responder at a TTL is the one that answered it most often there, of equally frequent ones the
        first by address. A way ends where its target answered. A flow that was probed at some TTLs only joins
        the one way that it fits; if it fits several, it is a band of its own.
    """
    probes = probe_arrays(tables)
    cells = cells_of(probes)
    seen = _seen(probes, cells)
    ways: dict[Way, list[int]] = defaultdict(list)
    for number, way in seen.ways.items():
        ways[way].append(number)
    joined = _joined(ways)
    common = sorted(joined, key=lambda way: (-len(joined[way]), joined[way][0]))
    kept = sorted(common[:most], key=lambda way: joined[way][0])
    first_ttl = min((way[0][0] for way in kept), default=1)
    bands = tuple(
        FlowBand(
            tuple(seen.names[number] for number in joined[way]), _steps(way, joined[way], first_ttl, seen)
        )
        for way in kept
    )
    drawn = sum(len(band.flows) for band in bands)
    return FlowBands(bands, _nodes(bands, seen.targets), len(seen.names) - drawn)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What each flow showed, by the number of its series."""

    names: dict[int, tuple[int, int]]
    ways: dict[int, Way]
    several: dict[tuple[int, int], int]
    """Responders of a series at a TTL; a key for each that was probed."""
    targets: set[str]


def _seen(probes: "Probes", cells: "Cells") -> _Seen:
    cell = cell_numbers(probes, cells)
    shown = cells.in_view & cells.settled
    rows = np.flatnonzero(shown[cell] & (probes.addr >= 0))
    names = max(len(probes.names), 1)
    hop = cells.hop
    found, counts = np.unique(hop[cell[rows]] * names + probes.addr[rows], return_counts=True)
    usual: dict[int, tuple[int, str]] = {}
    many: dict[int, int] = defaultdict(int)
    for key, count in zip(found.tolist(), counts.tolist(), strict=True):
        where, addr = key // names, probes.names[key % names]
        many[where] += 1
        usual[where] = min(usual.get(where, (0, "")), (-count, addr))
    there, at = np.unique(hop[shown], return_index=True)
    targets = {probes.names[code] for code in np.unique(cells.addr[cells.from_target & shown]).tolist()}
    places: dict[int, list[tuple[int, str | None]]] = defaultdict(list)
    several: dict[tuple[int, int], int] = {}
    columns = (there, cells.series[shown][at], cells.ttl[shown][at])
    for where, number, ttl in zip(*(column.tolist() for column in columns), strict=True):
        if not (places[number] and places[number][-1][1] in targets):
            places[number].append((ttl, usual[where][1] if where in usual else None))
            several[number, ttl] = many.get(where, 0)
    flows = zip(cells.path_run.tolist(), cells.path_flow.tolist(), strict=True)
    by_number = dict(zip(cells.path_series.tolist(), flows, strict=True))
    return _Seen(by_number, {number: tuple(way) for number, way in places.items()}, several, targets)


def _joined(ways: Mapping[Way, list[int]]) -> dict[Way, list[int]]:
    """Let those that were not probed everywhere join the one way that they fit."""
    whole: dict[Way, dict[int, str | None]] = {}
    joined: dict[Way, list[int]] = {}
    for way in sorted(ways, key=lambda way: (-len(way), ways[way][0])):
        fits = [other for other, at in whole.items() if all(at.get(ttl, "") == addr for ttl, addr in way)]
        if len(fits) == 1:
            joined[fits[0]] = sorted([*joined[fits[0]], *ways[way]])
        elif not fits or len(way) > 1:
            joined[way] = ways[way]
        if not fits:
            whole[way] = dict(way)
    return joined


def _steps(way: Way, numbers: list[int], first_ttl: int, seen: _Seen) -> tuple[FlowStep, ...]:
    """Name the nodes of a way; silent ones by who answered before and after."""
    steps = []
    for i, (ttl, addr) in enumerate(way):
        key = f"{ttl} {addr}"
        if addr is None:
            before = next((one for _, one in reversed(way[:i]) if one), SOURCE)
            after = next((one for _, one in way[i + 1 :] if one), "")
            key = f"{ttl} * {before} {after}"
        probed = [seen.several[number, ttl] for number in numbers if (number, ttl) in seen.several]
        steps.append(FlowStep(ttl, key, len(probed), max(probed)))
    if steps[0].ttl == first_ttl:
        steps.insert(0, FlowStep(first_ttl - 1, SOURCE, steps[0].flows, 1))
    return tuple(steps)


def _nodes(bands: tuple[FlowBand, ...], targets: set[str]) -> dict[str, FlowNode]:
    flows: dict[tuple[str, int], int] = defaultdict(int)
    for band in bands:
        for step in band.steps:
            flows[step.node, step.ttl] += step.flows
    nodes = {}
    for (key, ttl), count in flows.items():
        name = key.partition(" ")[2]
        addr = None if key == SOURCE or name.startswith("*") else name
        kind = (
            "source"
            if key == SOURCE
            else "silent"
            if addr is None
            else "target"
            if addr in targets
            else "router"
        )
        nodes[key] = FlowNode(ttl, kind, addr, count)
    return nodes


def _tops(
    bands: tuple[FlowBand, ...], middle: Mapping[str, float], size: Mapping[str, float]
) -> dict[tuple[int, int], float]:
    """Stack the bands in their nodes, in the order that has fewest crossings."""
    columns: dict[int, dict[int, FlowStep]] = defaultdict(dict)
    for number, band in enumerate(bands):
        for step in band.steps:
            columns[step.ttl][number] = step
    best: dict[tuple[int, int], float] = {}
    top: dict[tuple[int, int], float] = {}
    fewest = np.inf
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        for ttl in sorted(columns, reverse=not forward):
            beside = {
                number: top.get((number, ttl - 1 if forward else ttl + 1), top.get((number, ttl), 0.0))
                for number in columns[ttl]
            }
            used: dict[str, float] = {}
            for number in sorted(columns[ttl], key=lambda one: (beside[one], one)):
                step = columns[ttl][number]
                at = used.get(step.node, middle[step.node] - size[step.node] / 2)
                top[number, ttl] = at
                used[step.node] = at + step.flows
        crossings = sum(_crossings(numbers, ttl, top) for ttl, numbers in columns.items())
        if crossings < fewest:
            best, fewest = dict(top), crossings
    return best


def _crossings(numbers: Iterable[int], ttl: int, top: Mapping[tuple[int, int], float]) -> int:
    """Count the pairs of bands that change sides between a column and the next."""
    both = sorted((top[number, ttl], top[number, ttl + 1]) for number in numbers if (number, ttl + 1) in top)
    after = np.array([end for _, end in both])
    return int(np.triu(after[:, None] > after[None, :], 1).sum())
