"""The places of each flow, and whether two runs' flows may be compared at all."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from trippy_nb.analysis.align import Place
from trippy_nb.analysis.arrays import Floats, Probes, probe_arrays
from trippy_nb.analysis.cells import Cells, cells_of
from trippy_nb.analysis.flowkeys import Definition, definitions

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

END = ""
"""Stands for a responder where the path had already reached its target."""

_MOST_ROUNDS = 100_000


@dataclass(frozen=True, slots=True)
class Route:
    """What one flow of one side showed, over all its rounds."""

    flow: int
    steady: bool
    """All its probes look the same to a balancer of flows (one of packets is left to the test)."""
    places: tuple[Place, ...]
    past_end: Mapping[int, int]
    """Paths that had reached the target before this TTL."""
    rtt: Mapping[tuple[int, str], Floats]
    """RTTs, ms, by TTL and responder."""
    targets: frozenset[str]
    """Responders that are the target."""


def routes_of(tables: "Tables") -> dict[Definition, Route]:
    """Collect the routes, by what a balancer sees of the flow: addresses, protocol and header fields.

    Runs of one side that sent the same flow count as one.
    """
    probes = probe_arrays(tables)
    cells = cells_of(probes)
    keys = definitions(tables)
    rows: dict[Definition, list[tuple[int, int]]] = defaultdict(list)
    for run, flow in sorted({*zip(cells.run.tolist(), cells.flow.tolist(), strict=True)}):
        rows[keys.get((run, flow)) or (run, flow)].append((run, flow))
    stable = {*tables.runs.loc[tables.runs["flow_stable"], "run_id"].tolist()}
    return {
        definition: _route(probes, cells, members, steady=all(run in stable for run, _ in members))
        for definition, members in rows.items()
    }


def difference_p(a: Mapping[str, int], b: Mapping[str, int]) -> list[float]:
    """Test for each responder whether its share differs: Fisher's exact test, two-sided.

    Tables that cannot differ, and the mirror image of the only other one, are left out.
    """
    addrs = sorted(a.keys() | b.keys())
    n, m = sum(a.values()), sum(b.values())
    if len(addrs) < 2 or not n or not m:  # noqa: PLR2004 - nothing to tell apart
        return []
    if len(addrs) == 2:  # noqa: PLR2004 - the second table is the first, mirrored
        addrs = addrs[:1]
    return [fisher(a.get(addr, 0), n, b.get(addr, 0), m) for addr in addrs]


def fisher(x: int, n: int, y: int, m: int) -> float:
    """Return the two-sided p-value of x of n against y of m (as scipy.stats.fisher_exact defines it)."""
    drawn, whole = x + y, comb(n + m, x + y)
    ways = [comb(n, k) * comb(m, drawn - k) for k in range(max(0, drawn - m), min(n, drawn) + 1)]
    here = comb(n, x) * comb(m, y)
    return sum(way for way in ways if way <= here) / whole


def rounds_for_change(tests: int, alpha: float) -> int:
    """Return how many rounds each side needs before other responders throughout count as a change."""
    n = 1
    while 2 * max(tests, 1) / comb(2 * n, n) > alpha and n < _MOST_ROUNDS:
        n += 1
    return n


def _route(probes: Probes, cells: Cells, members: list[tuple[int, int]], *, steady: bool) -> Route:
    mine = np.zeros(len(cells.run), dtype=np.bool_)
    for run, flow in members:
        mine |= (cells.run == run) & (cells.flow == flow)
    mine &= cells.in_view & (cells.settled | cells.open)
    here = np.flatnonzero(mine)
    answers: dict[int, Counter[str]] = {int(ttl): Counter() for ttl in np.unique(cells.ttl[here])}
    for ttl, code in zip(cells.ttl[here].tolist(), cells.addr[here].tolist(), strict=True):
        if code >= 0:
            answers[ttl][probes.names[code]] += 1
    arrived = Counter(cells.ttl[here][cells.from_target[here]].tolist())
    past_end = {ttl: sum(count for end, count in arrived.items() if end < ttl) for ttl in range(1, 256)}
    targets = {probes.names[code] for code in np.unique(cells.addr[here][cells.from_target[here]]).tolist()}
    return Route(
        flow=members[0][1],
        steady=steady,
        places=tuple(Place(ttl, dict(answers[ttl])) for ttl in sorted(answers)),
        past_end=past_end,
        rtt=_rtts(probes, cells, here),
        targets=frozenset(targets),
    )


def _rtts(probes: Probes, cells: Cells, here: "np.typing.NDArray[np.int64]") -> dict[tuple[int, str], Floats]:
    lengths = np.diff(np.append(cells.starts, len(probes.run)))
    chosen = np.zeros(len(cells.run), dtype=np.bool_)
    chosen[here] = True
    rows = np.flatnonzero(np.repeat(chosen, lengths) & (probes.addr >= 0) & ~np.isnan(probes.rtt))
    rows = rows[np.lexsort((probes.addr[rows], probes.ttl[rows]))]
    ttl, addr, rtt = probes.ttl[rows], probes.addr[rows], probes.rtt[rows]
    cuts = np.flatnonzero((ttl[1:] != ttl[:-1]) | (addr[1:] != addr[:-1])) + 1
    return {
        (int(part_ttl[0]), probes.names[int(part_addr[0])]): part
        for part_ttl, part_addr, part in zip(
            np.split(ttl, cuts), np.split(addr, cuts), np.split(rtt, cuts), strict=True
        )
        if len(part)
    }
