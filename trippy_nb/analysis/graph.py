"""The hop graph: responders as nodes, what followed what as edges, silence with an identity."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
import pandas as pd

from trippy_nb.analysis.arrays import Bools, Floats, Ints, Probes, distinct, example_of, pack, probe_arrays
from trippy_nb.analysis.cells import Cells, cell_numbers, cells_of, sightings
from trippy_nb.analysis.graphtunnels import note_tunnels
from trippy_nb.analysis.layers import layers_of
from trippy_nb.analysis.layout import place_nodes
from trippy_nb.analysis.links import ASSUMED, FLOW, POSITIONAL, Pairs, pairs_of
from trippy_nb.analysis.repeats import CAUSES, repeats_of
from trippy_nb.analysis.silence import SilentHop, silent_hops
from trippy_nb.analysis.steady import sure_cells, untested

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

SOURCE = "source"
_SILENT_ROOM = 0.5  # it has no label beside it
_ZERO_TTL = "zero-ttl"
_FLOWS = 1 << 16  # more than any flow's number


@dataclass(slots=True)
class _Seen:
    """What a node was seen doing."""

    ttls: set[int] = field(default_factory=set)
    flows: set[int] = field(default_factory=set)
    n: int = 0
    sent: int = 0
    sole_n: int = 0


def hop_graph(tables: "Tables", *, evidence: pd.DataFrame | None = None) -> "nx.MultiDiGraph[str]":
    """Make the graph of hops.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.
    evidence
        What :func:`trippy_nb.analysis.evidence` says of them, to be written on the nodes.

    Returns
    -------
    graph
        Nodes are texts: ``"source"``; the address of each responder; ``"*run.flow.ttl.epoch"`` for each
        silent hop (see `analysis.silence`). Everything is plain Python, ready for JSON; what is missing
        is None.

        Node attributes: `kind` (``source``, ``router``, ``target`` or ``silent``), `addr` (None for
        silent hops, and for the source if it is not known), `label` (what to write beside it), `ttls`
        and `flows` (sorted tuples), `n` (answers), `sent` (settled probes of the (flow, TTL)s that this
        node alone answered: the silence of the others is nobody's), `loss_ratio` (of those; None if
        there are none), `rtt_p50_ms` (median over all its answers), `evidence` (kinds of statements about
        its address, a sorted tuple), `mpls` (outermost labels of MPLS it showed, a sorted tuple), `layer`
        (how far down it is drawn: see `analysis.layers`; its smallest TTL, unless a longer way leads to it;
        0 for the source), `pos` (layer, coordinate across it; at least 1 from one node to the next, half
        after a silent one).

        Edges: at most one for each (from, to, ttl), with key `ttl`, the TTL of the nearer end (0 from
        the source). Attributes: `ttl`, `flows` (sorted tuple), `count` (paths, that is (run, round,
        flow), that showed it), `share` (of all that `ttl` showed, 0 to 1), `rtt_diff_p50_ms` (median of
        what the farther answer took longer than the nearer one; it is no delay of a link, for answers
        come back on ways of their own), `evidence` (as in `links`: ``flow``, ``assumed``, or
        ``positional`` where a balancer may have sent the two probes on different paths), `mark` (why the
        two may not be neighbours all the same, as in `links`; None for most), `tunnel` (``labels`` if both
        ends show labels of MPLS to one flow, ``implicit`` if `evidence` says that they hide some, else None).

        Graph attributes: `targets` and `sources` (sorted tuples of addresses).

    Notes
    -----
    Addresses are interfaces, not routers: two nodes may be one router. No aliases are guessed.
    Cycles are possible: routing loops, a route that changed, a router that forwards a TTL of zero.
    """
    probes = probe_arrays(tables)
    cells = cells_of(probes)
    sure = sure_cells(tables, probes, cells)
    silent, silent_number = silent_hops(cells, sure)
    nodes = (*probes.names, *(hop.key for hop in silent), SOURCE)
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    graph.graph["targets"] = tuple(sorted({str(addr) for addr in tables.runs["dst_addr"].dropna()}))
    graph.graph["sources"] = tuple(sorted({str(addr) for addr in tables.runs["src_addr"].dropna()}))
    _add_nodes(graph, probes, cells, silent, nodes)
    pairs = _rooted(
        pairs_of(tables, probes, cells, silent_number), probes, cells, silent_number, len(nodes) - 1
    )
    edges = _Edges.of(pairs, probes, cells, sure)
    _add_edges(graph, edges, nodes, _marks(tables, probes, cells, sure, edges))
    _note_evidence(graph, evidence)
    note_tunnels(graph, tables.replies)
    _place(graph)
    return graph


def _add_nodes(
    graph: "nx.MultiDiGraph[str]",
    probes: Probes,
    cells: Cells,
    silent: tuple[SilentHop, ...],
    nodes: tuple[str, ...],
) -> None:
    sources = graph.graph["sources"]
    only_source = sources[0] if len(sources) == 1 else None
    graph.add_node(SOURCE, **_attributes("source", only_source, "source", _Seen(ttls={0})))
    seen, medians = _what_was_seen(probes, cells)
    targets = {nodes[code] for code in np.unique(cells.addr[cells.from_target & cells.in_view]).tolist()}
    for code, what in sorted(seen.items()):
        name = nodes[code]
        kind = "target" if name in targets else "router"
        graph.add_node(name, **_attributes(kind, name, name, what, medians[code]))
    settled = _settled_counts(probes)
    for hop in silent:
        asked = settled.get((hop.run, hop.flow, hop.ttl), 0)
        what = _Seen(ttls={hop.ttl}, flows={hop.flow}, sent=asked)
        graph.add_node(hop.key, **_attributes("silent", None, "*", what))


def _attributes(
    kind: str, addr: str | None, label: str, what: _Seen, median: float | None = None
) -> dict[str, Any]:
    return {
        "kind": kind,
        "addr": addr,
        "label": label,
        "ttls": tuple(sorted(what.ttls)),
        "flows": tuple(sorted(what.flows)),
        "n": what.n,
        "sent": what.sent,
        "loss_ratio": 1 - what.sole_n / what.sent if what.sent else None,
        "rtt_p50_ms": median,
        "evidence": (),
    }


def _what_was_seen(probes: Probes, cells: Cells) -> tuple[dict[int, _Seen], dict[int, float | None]]:
    cell = cell_numbers(probes, cells)
    view = cells.in_view[cell]
    rows = np.flatnonzero(view & (probes.addr >= 0))
    keys, hop, _ = distinct(cells.hop[cell])
    asked = np.bincount(hop[view & probes.settled], minlength=len(keys))
    addrs = max(len(probes.names), 1)
    pairs, number, counts = distinct(hop[rows] * addrs + probes.addr[rows])
    example = np.zeros(len(pairs), dtype=np.int64)
    example[number] = rows
    responders = np.bincount(pairs // addrs, minlength=len(keys))
    seen: dict[int, _Seen] = defaultdict(_Seen)
    for key, row, count in zip(pairs.tolist(), example.tolist(), counts.tolist(), strict=True):
        what = seen[key % addrs]
        what.ttls.add(int(probes.ttl[row]))
        what.flows.add(int(probes.flow[row]))
        what.n += count
        if responders[key // addrs] == 1:
            what.sole_n += count
            what.sent += int(asked[key // addrs])
    medians = _medians(probes.rtt[rows], probes.addr[rows])
    return seen, {code: medians.get(code) for code in seen}


def _medians(values: Floats, groups: Ints) -> dict[int, float]:
    """Return the median of each group that has one."""
    known = ~np.isnan(values)
    medians = pd.Series(values[known]).groupby(groups[known]).median()
    return dict(zip(medians.index.tolist(), medians.tolist(), strict=True))


def _settled_counts(probes: Probes) -> dict[tuple[int, int, int], int]:
    rows = np.flatnonzero(probes.settled)
    columns = (probes.run[rows], probes.flow[rows], probes.ttl[rows])
    _, number, counts = distinct(pack(*columns))
    example = example_of(number, len(counts))
    keys = zip(*(column[example].tolist() for column in columns), strict=True)
    return dict(zip(keys, counts.tolist(), strict=True))


def _rooted(pairs: Pairs, probes: Probes, cells: Cells, silent: Ints, source: int) -> Pairs:
    """Add what is next to the source: whoever answers a TTL of 1, or is silent there. Their cell is -1."""
    cell, addr, _ = sightings(probes, cells)
    quiet = np.flatnonzero(silent >= 0)
    at = np.concatenate([cell, quiet])
    code = np.concatenate([addr, len(probes.names) + silent[quiet]])
    near = (cells.ttl[at] == 1) & cells.in_view[at]
    return Pairs(
        np.concatenate([-at[near] - 1, pairs.cell]),
        np.concatenate([np.full(int(near.sum()), source), pairs.near]),
        np.concatenate([code[near], pairs.far]),
        np.concatenate([np.zeros(int(near.sum()), dtype=np.bool_), pairs.zero]),
    )


@dataclass(frozen=True, slots=True)
class _Edges:
    """One row for each (ttl, near, far); codes of nodes."""

    ttl: Ints
    near: Ints
    far: Ints
    count: Ints
    share: Floats
    evidence: list[str]
    zero: Bools
    flows: list[tuple[int, ...]]
    rtt: list[float | None]
    cell: Ints
    """A cell of the nearer end; negative for the source."""

    @classmethod
    def of(cls, pairs: Pairs, probes: Probes, cells: Cells, sure: Bools) -> "_Edges":
        of_source = pairs.cell < 0
        cell = np.where(of_source, -pairs.cell - 1, pairs.cell)  # of the farther end, if it is the source's
        ttl = np.where(of_source, 0, cells.ttl[cell])
        key, number, count = distinct(pack(ttl, pairs.near, pairs.far))
        example = example_of(number, len(key))
        total = np.bincount(ttl, minlength=1)
        # Whoever answers a TTL of 1 is next to the source, whatever the flow.
        certain = (
            of_source | (sure[cell] & sure[np.minimum(cell + 1, len(sure) - 1)]) if len(cell) else of_source
        )
        onwards = np.flatnonzero(~of_source)
        tested = np.ones(len(cell), dtype=np.bool_)
        tested[onwards] = ~untested(probes, cells, cell[onwards])

        def shown(which: Bools) -> Bools:
            several: Bools = np.bincount(number[which], minlength=len(key)) > 0
            return several

        found = distinct(number * _FLOWS + cells.flow[cell])[0].tolist()
        flows: dict[int, list[int]] = defaultdict(list)
        for one in found:
            flows[one // _FLOWS].append(one % _FLOWS)
        rtt = _medians(_rtt_steps(pairs, probes, cells, cell), number)
        return cls(
            ttl=ttl[example],
            near=pairs.near[example],
            far=pairs.far[example],
            count=count,
            share=count / total[ttl[example]],
            evidence=np.select(
                [shown(certain & tested), shown(certain)], [FLOW, ASSUMED], POSITIONAL
            ).tolist(),
            zero=shown(pairs.zero),
            flows=[tuple(flows[edge]) for edge in range(len(key))],
            rtt=[rtt.get(edge) for edge in range(len(key))],
            cell=pairs.cell[example],
        )


def _rtt_steps(pairs: Pairs, probes: Probes, cells: Cells, cell: Ints) -> Floats:
    """Return how much longer the farther answer took, milliseconds; NaN where it is not known."""
    first = np.full(len(cells.starts), np.nan)
    rows = np.flatnonzero(probes.addr >= 0)[::-1]
    first[np.searchsorted(cells.starts, rows, side="right") - 1] = probes.rtt[rows]
    after = np.minimum(cell + 1, len(first) - 1) if len(cell) else cell
    same = (cells.addr[cell] == pairs.near) & (cells.addr[after] == pairs.far)
    steps: Floats = np.where(pairs.cell < 0, first[cell], np.where(same, first[after] - first[cell], np.nan))
    return steps


def _marks(tables: "Tables", probes: Probes, cells: Cells, sure: Bools, edges: _Edges) -> list[str | None]:
    """Say of each edge why its ends may not be neighbours."""
    marks: list[str | None] = [_ZERO_TTL if zero else None for zero in edges.zero.tolist()]
    loops = [edge for edge in np.flatnonzero(edges.near == edges.far).tolist() if marks[edge] is None]
    if not loops:
        return marks
    repeats = repeats_of(tables, probes, cells, sure)
    hop = cells.hop
    ttl_of = dict(zip(hop.tolist(), cells.ttl.tolist(), strict=True)) if len(repeats.hop) else {}
    causes: dict[tuple[int, int], int] = {}
    near = zip(
        repeats.hop.tolist(), repeats.far.tolist(), repeats.addr.tolist(), repeats.cause.tolist(), strict=True
    )
    for number, far, addr, cause in near:
        if far == number + 1:
            key = (ttl_of[number], addr)
            causes[key] = min(cause, causes.get(key, cause))
    for edge in loops:
        marks[edge] = CAUSES[causes.get((int(edges.ttl[edge]), int(edges.near[edge])), len(CAUSES) - 1)]
    return marks


def _add_edges(
    graph: "nx.MultiDiGraph[str]", edges: _Edges, nodes: tuple[str, ...], marks: list[str | None]
) -> None:
    for edge, (ttl, near, far) in enumerate(
        zip(edges.ttl.tolist(), edges.near.tolist(), edges.far.tolist(), strict=True)
    ):
        graph.add_edge(
            nodes[near],
            nodes[far],
            key=ttl,
            ttl=ttl,
            flows=edges.flows[edge],
            count=int(edges.count[edge]),
            share=float(edges.share[edge]),
            rtt_diff_p50_ms=edges.rtt[edge],
            evidence=edges.evidence[edge],
            mark=marks[edge],
        )


def _note_evidence(graph: "nx.MultiDiGraph[str]", evidence: pd.DataFrame | None) -> None:
    if evidence is None:
        return
    kinds: dict[str, set[str]] = defaultdict(set)
    for kind, addrs in zip(evidence["kind"].astype("str"), evidence["addrs"], strict=True):
        for addr in addrs:
            kinds[addr].add(kind)
    for node, data in graph.nodes(data=True):
        data["evidence"] = tuple(sorted(kinds[node]))


def _place(graph: "nx.MultiDiGraph[str]") -> None:
    floor = {node: min(data["ttls"]) for node, data in graph.nodes(data=True)}
    lengths: dict[tuple[str, str], int] = {}
    for near, far, mark in graph.edges(data="mark"):
        # What forwards a TTL of zero is one hop that nobody saw.
        length = 2 if mark == _ZERO_TTL else 1
        lengths[near, far] = max(length, lengths.get((near, far), 1))
    layers = layers_of(lengths, floor)
    rank = {node: (min(data["flows"], default=0), node) for node, data in graph.nodes(data=True)}
    room = {node: _SILENT_ROOM if data["kind"] == "silent" else 1.0 for node, data in graph.nodes(data=True)}
    across = place_nodes(layers, graph.edges(), rank, room)
    for node, data in graph.nodes(data=True):
        data["layer"] = layers[node]
        data["pos"] = (float(layers[node]), across[node])
