"""The hop graph: responders as nodes, what followed what as edges, silence with an identity."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np

from trippy_nb.analysis.arrays import Ints, Probes, pack, probe_arrays
from trippy_nb.analysis.cells import Cells, cells_of
from trippy_nb.analysis.layout import place_nodes
from trippy_nb.analysis.links import FLOW, POSITIONAL, adjacent, sure_cells
from trippy_nb.analysis.silence import SilentHop, silent_hops

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

SOURCE = "source"
_SILENT_ROOM = 0.5  # it has no label beside it


@dataclass(slots=True)
class _Seen:
    """What a node was seen doing."""

    ttls: set[int] = field(default_factory=set)
    flows: set[int] = field(default_factory=set)
    n: int = 0
    sent: int = 0
    sole_n: int = 0


def hop_graph(tables: "Tables") -> "nx.MultiDiGraph[str]":
    """Make the graph of hops.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.

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
        there are none), `rtt_p50_ms` (median over all its answers), `layer` (its smallest TTL; 0 for
        the source), `pos` (layer, coordinate across it; at least 1 from one node to the next, half after a
        silent one).

        Edges: at most one for each (from, to, ttl), with key `ttl`, the TTL of the nearer end (0 from
        the source). Attributes: `ttl`, `flows` (sorted tuple), `count` (paths, that is (run, round,
        flow), that showed it), `share` (of all that `ttl` showed, 0 to 1), `evidence` (``flow``, or
        ``positional`` where a balancer may have sent the two probes on different paths).

        Graph attributes: `targets` and `sources` (sorted tuples of addresses).

    Notes
    -----
    Addresses are interfaces, not routers: two nodes may be one router. No aliases are guessed.
    Cycles are possible: routing loops, a route that changed, a router that forwards a TTL of zero.
    """
    probes = probe_arrays(tables)
    cells = cells_of(probes)
    sure = sure_cells(tables, cells)
    silent, silent_number = silent_hops(cells, sure)
    nodes = (*probes.names, *(hop.key for hop in silent), SOURCE)
    code = np.where(silent_number >= 0, len(probes.names) + silent_number, cells.addr)
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    graph.graph["targets"] = tuple(sorted({str(addr) for addr in tables.runs["dst_addr"].dropna()}))
    graph.graph["sources"] = tuple(sorted({str(addr) for addr in tables.runs["src_addr"].dropna()}))
    _add_nodes(graph, probes, cells, silent, nodes)
    _add_edges(graph, cells, code, nodes, sure=sure)
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
    }


def _what_was_seen(probes: Probes, cells: Cells) -> tuple[dict[int, _Seen], dict[int, float | None]]:
    lengths = np.diff(np.append(cells.starts, len(probes.run)))
    view = np.repeat(cells.in_view, lengths)
    rows = np.flatnonzero(view & (probes.addr >= 0))
    hop = np.unique(pack(probes.run, probes.flow, probes.ttl), return_inverse=True)[1]
    asked = np.bincount(hop[view & probes.settled], minlength=int(hop.max(initial=0)) + 1)
    columns = (hop[rows], probes.addr[rows])
    first, counts = np.unique(pack(*columns), return_index=True, return_counts=True)[1:]
    responders = np.bincount(hop[rows][first], minlength=len(asked))
    seen: dict[int, _Seen] = defaultdict(_Seen)
    for row, count in zip(rows[first].tolist(), counts.tolist(), strict=True):
        what = seen[int(probes.addr[row])]
        what.ttls.add(int(probes.ttl[row]))
        what.flows.add(int(probes.flow[row]))
        what.n += count
        if responders[hop[row]] == 1:
            what.sole_n += count
            what.sent += int(asked[hop[row]])
    return seen, _medians(probes.rtt[rows], probes.addr[rows], seen)


def _medians(
    rtt: "np.typing.NDArray[np.float64]", addr: Ints, seen: dict[int, _Seen]
) -> dict[int, float | None]:
    order = np.lexsort((rtt, addr))  # NaN sorts last within its address
    rtt, addr = rtt[order], addr[order]
    medians: dict[int, float | None] = {}
    for code in seen:
        low, high = np.searchsorted(addr, [code, code + 1])
        known = rtt[low:high][~np.isnan(rtt[low:high])]
        medians[code] = float(np.median(known)) if len(known) else None
    return medians


def _settled_counts(probes: Probes) -> dict[tuple[int, int, int], int]:
    rows = np.flatnonzero(probes.settled)
    columns = (probes.run[rows], probes.flow[rows], probes.ttl[rows])
    first, counts = np.unique(pack(*columns), return_index=True, return_counts=True)[1:]
    keys = zip(*(column[first].tolist() for column in columns), strict=True)
    return dict(zip(keys, counts.tolist(), strict=True))


def _add_edges(
    graph: "nx.MultiDiGraph[str]",
    cells: Cells,
    code: Ints,
    nodes: tuple[str, ...],
    *,
    sure: "np.typing.NDArray[np.bool_]",
) -> None:
    i = adjacent(cells)
    i = i[(code[i] >= 0) & (code[i + 1] >= 0)]
    root = np.flatnonzero((cells.ttl == 1) & cells.in_view & (code >= 0))
    near = np.concatenate([np.full(len(root), len(nodes) - 1), code[i]])
    far = np.concatenate([code[root], code[i + 1]])
    ttl = np.concatenate([np.zeros(len(root), dtype=np.int64), cells.ttl[i]])
    flow = np.concatenate([cells.flow[root], cells.flow[i]])
    # Whoever answers a TTL of 1 is next to the source, whatever the flow.
    certain = np.concatenate([np.ones(len(root), dtype=np.bool_), sure[i] & sure[i + 1]])
    first, inverse, counts = np.unique(
        pack(ttl, near, far), return_index=True, return_inverse=True, return_counts=True
    )[1:]
    total = np.bincount(ttl, minlength=1)
    flows: dict[int, set[int]] = defaultdict(set)
    pairs = (
        np.unique(np.stack([inverse, flow], axis=1), axis=0)
        if len(flow)
        else np.zeros((0, 2), dtype=np.int64)
    )
    for edge, number in pairs.tolist():
        flows[edge].add(number)
    proven = np.bincount(inverse[certain], minlength=len(first)) > 0
    for edge, (row, count) in enumerate(zip(first.tolist(), counts.tolist(), strict=True)):
        graph.add_edge(
            nodes[near[row]],
            nodes[far[row]],
            key=int(ttl[row]),
            ttl=int(ttl[row]),
            flows=tuple(sorted(flows[edge])),
            count=count,
            share=count / int(total[ttl[row]]),
            evidence=FLOW if proven[edge] else POSITIONAL,
        )


def _place(graph: "nx.MultiDiGraph[str]") -> None:
    layers = {node: min(data["ttls"]) for node, data in graph.nodes(data=True)}
    rank = {node: (min(data["flows"], default=0), node) for node, data in graph.nodes(data=True)}
    room = {node: _SILENT_ROOM if data["kind"] == "silent" else 1.0 for node, data in graph.nodes(data=True)}
    across = place_nodes(layers, graph.edges(), rank, room)
    for node, data in graph.nodes(data=True):
        data["layer"] = layers[node]
        data["pos"] = (float(layers[node]), across[node])
