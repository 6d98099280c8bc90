"""Diamonds: where paths part, and where all that parted are together again.

A diamond runs from its divergence, a node with several successors, to its convergence, the first node
that every way from there leads through. Distances are counted from the divergence in links. With branches of
unequal length a node may be at several distances; it then counts at each.

Links are those of the hop graph that lead onwards (see `analysis.layers`). Silent hops that may be those of
another flow, or hops that left a probe unanswered, count as these: they are no proof of others (see
`analysis.stretches`). Nodes whose way from the source, or to the end, was not seen add to the width and to
nothing else.
"""

from collections import defaultdict
from functools import cached_property
from math import nan
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
import pandas as pd

from trippy_nb.analysis.arrays import distinct, probe_arrays
from trippy_nb.analysis.cells import Cells, cells_of
from trippy_nb.analysis.graph import SOURCE, hop_graph
from trippy_nb.analysis.layers import forward_edges
from trippy_nb.analysis.links import EVIDENCE, FLOW, POSITIONAL, adjacent
from trippy_nb.analysis.orders import chance_of_runs
from trippy_nb.analysis.shapes import END, Diamond, find_diamonds, shape_of
from trippy_nb.analysis.steady import REPEATS_THAT_TELL
from trippy_nb.analysis.stretches import stand_ins
from trippy_nb.frames.check import conform
from trippy_nb.frames.derived import DIAMONDS
from trippy_nb.frames.split import by_run

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

PER_FLOW, PER_PACKET, CANNOT_TELL = DIAMONDS.column("balancing").words
_BRANCHES = 2


def diamonds(tables: "Tables") -> pd.DataFrame:
    """List the diamonds of each run.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.

    Returns
    -------
    diamonds
        The columns of :data:`trippy_nb.frames.derived.DIAMONDS`, nearest first. `balancing` is ``per-packet``
        if probes of one flow took turns behind the divergence; ``per-flow`` if each of at least two flows
        kept to one successor, `repeats` of 5 or more; else ``cannot tell``: flows that change with each
        probe, one flow only, flows that were hardly sent twice, or a route that changed. With one target
        per-flow and per-destination look the same. Flows that are never sent again cannot tell a balancer
        from a change of route but by their order: `order_chance` (Wald and Wolfowitz's test of runs) is
        small if one next hop came after the other.
    """
    rows: list[dict[str, Any]] = []
    for run_id, part in by_run(tables):
        stable = bool(part.runs["flow_stable"].iloc[0])
        order = _Order(part)
        rows += [
            {"run_id": run_id} | row | {"order_chance": order.chance(row["divergence"], row["ttl"])}
            for row in _rows(hop_graph(part), stable=stable)
        ]
    frame = pd.DataFrame(rows, columns=list(DIAMONDS.names))
    frame[["divergence", "convergence"]] = frame[["divergence", "convergence"]].astype("str")
    return conform(frame.astype({"meshed": bool, "overlapping": bool}), DIAMONDS)


def _rows(graph: "nx.MultiDiGraph[str]", *, stable: bool) -> list[dict[str, Any]]:
    merged = _merge_silent(graph)
    floor = {node: min(data["ttls"]) for node, data in merged.nodes(data=True)}
    dag: nx.DiGraph[str] = nx.DiGraph()
    dag.add_nodes_from(merged)
    dag.add_edges_from(forward_edges(((a, b) for a, b in merged.edges() if a != b), floor))
    _join_source(dag, floor)
    ends = _ends(merged, dag, floor)
    found = find_diamonds(dag, SOURCE, ends)
    core = {node for diamond in found for node in diamond.inside}
    rows = []
    for number, diamond in enumerate(found):
        also = _open_nodes(dag, diamond, core)
        shape = shape_of(dag, diamond, ends, also)
        inside = diamond.inside | also
        keep = {diamond.divergence, diamond.convergence, *inside}
        edges = [
            (a, b, data) for a, b, data in merged.edges(data=True) if {a, b} <= keep and dag.has_edge(a, b)
        ]
        rows.append(
            {
                "diamond": number,
                "divergence": diamond.divergence,
                "convergence": None if diamond.convergence == END else diamond.convergence,
                "ttl": floor[diamond.divergence],
                "max_width": shape.max_width,
                "min_width": shape.min_width,
                "max_length": shape.max_length,
                "min_length": shape.min_length,
                "width_asymmetry": shape.width_asymmetry,
                "meshed": shape.meshed_ratio > 0,
                "meshed_ratio": shape.meshed_ratio,
                "nested_in": _holder(found, number),
                "overlapping": _is_overlapping(dag, diamond),
                "nodes": len(inside),
                "edges": len({(a, b) for a, b, _ in edges}),
                "silent": sum(merged.nodes[node]["kind"] == "silent" for node in inside),
                "flows": _flows_at(merged, diamond.divergence),
                **_balancing(merged, diamond.divergence, stable=stable),
                # Where the first TTLs were not probed, none may be seen.
                "evidence": max(
                    (data["evidence"] for *_, data in edges), key=EVIDENCE.index, default=POSITIONAL
                ),
            }
        )
    return rows


class _Order:
    """In which order of time the next hops behind a node were met."""

    def __init__(self, tables: "Tables") -> None:
        self._tables = tables

    @cached_property
    def _seen(self) -> tuple[Cells, tuple[str, ...]]:
        probes = probe_arrays(self._tables)
        return cells_of(probes), probes.names

    def chance(self, divergence: str, ttl: int) -> float:
        """Return how likely the commonest next hop comes in so few spells; NaN if it is the only one."""
        cells, names = self._seen
        heard = cells.in_view & (cells.addr >= 0) & (cells.ttl == ttl + 1)
        if divergence == SOURCE:
            after = np.flatnonzero(heard)
        elif divergence in names:
            near = adjacent(cells)
            near = near[(cells.ttl[near] == ttl) & (cells.addr[near] == names.index(divergence))]
            after = near[heard[near + 1]] + 1
        else:  # a silent hop
            return nan
        _, number, counts = distinct(cells.addr[after])
        if len(counts) < _BRANCHES:
            return nan
        return chance_of_runs(number == int(counts.argmax()))


def _merge_silent(graph: "nx.MultiDiGraph[str]") -> "nx.MultiDiGraph[str]":
    """Take silent hops for those that they may be (see `analysis.stretches`)."""
    name = stand_ins(graph)
    flows: dict[str, set[int]] = defaultdict(set)
    for node, seen in graph.nodes(data="flows"):
        flows[name[node]].update(seen)
    merged: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for node in graph:
        if name[node] == node:
            merged.add_node(node, **(graph.nodes[node] | {"flows": tuple(sorted(flows[node]))}))
    for a, b, data in graph.edges(data=True):
        merged.add_edge(name[a], name[b], **data)
    return merged


def _join_source(dag: "nx.DiGraph[str]", floor: dict[str, int]) -> None:
    """Lead from the source to what was seen first, if the first TTL was not 1."""
    if dag.out_degree(SOURCE) == 0:
        others = [node for node in dag if node != SOURCE]
        nearest = min((floor[node] for node in others), default=0)
        dag.add_edges_from((SOURCE, node) for node in others if floor[node] == nearest)


def _ends(graph: "nx.MultiDiGraph[str]", dag: "nx.DiGraph[str]", floor: dict[str, int]) -> tuple[str, ...]:
    """Return where paths end: at the targets, or if none was reached at the farthest nodes."""
    targets = [
        node for node, kind in graph.nodes(data="kind") if kind == "target" and dag.out_degree(node) == 0
    ]
    if targets:
        return tuple(sorted(targets))
    last = [node for node in dag if dag.out_degree(node) == 0]
    farthest = max((floor[node] for node in last), default=0)
    return tuple(sorted(node for node in last if floor[node] == farthest))


def _open_nodes(dag: "nx.DiGraph[str]", diamond: Diamond, core: set[str]) -> frozenset[str]:
    """Find what was seen behind the divergence only, and nothing behind it."""
    mine = {diamond.divergence, *diamond.inside}
    return frozenset(
        node
        for inner in mine
        for node in dag.successors(inner)
        if dag.out_degree(node) == 0
        and node not in core
        and node != diamond.convergence
        and set(dag.predecessors(node)) <= mine
    )


def _holder(found: list[Diamond], number: int) -> int | None:
    """Return the number of the smallest diamond that holds this one."""
    one = found[number]
    whole = {one.divergence, *one.inside, one.convergence}
    holders = [
        (len(other.inside), place)
        for place, other in enumerate(found)
        if place != number
        and whole <= {other.divergence, *other.inside, other.convergence}
        and one.inside < other.inside
    ]
    return min(holders)[1] if holders else None


def _is_overlapping(dag: "nx.DiGraph[str]", diamond: Diamond) -> bool:
    mine = {diamond.divergence, *diamond.inside}
    return any(not set(dag.predecessors(node)) <= mine for node in diamond.inside)


def _flows_at(graph: "nx.MultiDiGraph[str]", node: str) -> int:
    if node == SOURCE:
        return len({flow for _, flows in graph.nodes(data="flows") for flow in flows})
    return len(graph.nodes[node]["flows"])


def _balancing(graph: "nx.MultiDiGraph[str]", node: str, *, stable: bool) -> dict[str, Any]:
    """Say how a divergence shares packets out, and how often that was put to the test.

    Where it is itself behind a balancer of packets, so that nobody knows which of its neighbours' packets
    came through it, nothing can be said. Nor where flows were hardly seen twice: the first packet of a flow
    goes some way behind any balancer.
    """
    nothing = {"balancing": CANNOT_TELL, "repeats": None}
    if not stable or any(data["evidence"] != FLOW for _, _, data in graph.in_edges(node, data=True)):
        return nothing
    after: dict[tuple[int, int], set[str]] = defaultdict(set)
    for _, far, data in graph.out_edges(node, data=True):
        if data["evidence"] == POSITIONAL:
            return nothing | {"balancing": PER_PACKET}
        for flow in data["flows"]:
            after[data["ttl"], flow].add(far)
    if any(len(far) > 1 for far in after.values()):  # one flow took two ways: the route changed
        return nothing
    repeats = sum(_repeats(graph, node, far) for far in set(graph.successors(node)))
    told = repeats >= REPEATS_THAT_TELL and len({flow for _, flow in after}) >= _BRANCHES
    return {"balancing": PER_FLOW if told else CANNOT_TELL, "repeats": repeats}


def _repeats(graph: "nx.MultiDiGraph[str]", node: str, far: str) -> int:
    """Count how often flows were seen again at a next hop; alone, too, if there is no other way to it."""
    if set(graph.predecessors(far)) == {node}:
        data = graph.nodes[far]
        return max(int(data["n"]) - len(data["flows"]) * len(data["ttls"]), 0)
    edges = [data for _, end, data in graph.out_edges(node, data=True) if end == far]
    return sum(int(data["count"]) - len(data["flows"]) for data in edges)
