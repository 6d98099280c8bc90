"""Stretches of silence that may be hops which answer, or each other: silence is no proof of a branch.

A stretch is the silent hops of one flow that follow each other. Stretches at the same TTLs between the same
answers may be the same routers. So may a stretch and the hops of another flow on the way from the same answer
before to the same answer behind, as long as these leave probes unanswered often enough.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import networkx as nx

_HARDLY = 0.05
_Place = tuple[int, str]
"""A TTL, and a node there."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    ttls: tuple[int, ...]
    before: frozenset[str]
    after: frozenset[str]
    """Who answered at either end; nobody, if a way begins or ends there."""


def stand_ins(graph: "nx.MultiDiGraph[str]") -> dict[str, str]:
    """Say of each node of a hop graph which node it is counted as: mostly itself.

    Parameters
    ----------
    graph
        As :func:`trippy_nb.analysis.graph.hop_graph` makes it.
    """
    groups: dict[_Stretch, list[tuple[str, ...]]] = defaultdict(list)
    for nodes in _stretches(graph):
        groups[_described(graph, nodes)].append(nodes)
    ways = _Ways(graph)
    name = {node: node for node in graph}
    for stretch, alike in sorted(groups.items(), key=lambda item: (len(item[0].ttls), item[1])):
        own = {node for nodes in alike for node in nodes}
        allowed = [
            [node for node in ways.at(ttl) if name[node] == node and node not in own] for ttl in stretch.ttls
        ]
        way = ways.find(stretch, [_may_be(graph, nodes, alike, i) for i, nodes in enumerate(allowed)])
        for nodes in alike:
            name |= dict(zip(nodes, way or alike[0], strict=True))
    return {node: _last(name, node) for node in name}


def _last(name: dict[str, str], node: str) -> str:
    while name[node] != node:
        node = name[node]
    return node


def _stretches(graph: "nx.MultiDiGraph[str]") -> list[tuple[str, ...]]:
    """List the silent hops that follow each other on the way of a flow; each is in one stretch."""
    silent = [node for node, kind in graph.nodes(data="kind") if kind == "silent"]
    left = dict.fromkeys(sorted(silent, key=lambda node: (min(graph.nodes[node]["ttls"]), node)))
    found = []
    while left:
        nodes = [next(iter(left))]
        del left[nodes[0]]
        while following := sorted(left.keys() & graph.successors(nodes[-1])):
            nodes.append(following[0])
            del left[following[0]]
        found.append(tuple(nodes))
    return found


def _described(graph: "nx.MultiDiGraph[str]", nodes: tuple[str, ...]) -> _Stretch:
    return _Stretch(
        tuple(min(graph.nodes[node]["ttls"]) for node in nodes),
        frozenset(graph.predecessors(nodes[0])),
        frozenset(graph.successors(nodes[-1])),
    )


def _may_be(
    graph: "nx.MultiDiGraph[str]", nodes: Iterable[str], alike: list[tuple[str, ...]], place: int
) -> set[str]:
    """Tell which nodes may have kept silent where these stretches did.

    They may not if one of the stretches was asked there so often that they would hardly have kept silent
    throughout. What was asked once proves nothing.
    """
    asked = max(graph.nodes[stretch[place]]["sent"] for stretch in alike)
    found = set()
    for node in nodes:
        data = graph.nodes[node]
        loss = 1.0 if data["kind"] == "silent" else data["loss_ratio"] or 0.0
        chance = loss**asked if asked > 1 else 1.0
        if min(1.0, chance * len(alike)) > _HARDLY:
            found.add(node)
    return found


class _Ways:
    """Steps of a hop graph from TTL to TTL."""

    def __init__(self, graph: "nx.MultiDiGraph[str]") -> None:
        self._after: dict[_Place, set[str]] = defaultdict(set)
        self._at: dict[int, set[str]] = defaultdict(set)
        self._targets = {node for node, kind in graph.nodes(data="kind") if kind == "target"}
        for near, far, ttl in graph.edges(data="ttl"):
            self._after[ttl, near].add(far)
            self._at[ttl + 1].add(far)

    def at(self, ttl: int) -> list[str]:
        """List the nodes that were seen at a TTL."""
        return sorted(self._at[ttl])

    def find(self, stretch: _Stretch, allowed: list[set[str]]) -> tuple[str, ...] | None:
        """Find a way from all that answered before a stretch to all that answered behind it.

        Only a way that ends with the stretch may end at a target.
        """
        first, last = stretch.ttls[0], stretch.ttls[-1]
        reach = [set(allowed[0])]
        for near in stretch.before:
            reach[0] &= self._after[first - 1, near]
        for ttl, here in zip(stretch.ttls[1:], allowed[1:], strict=True):
            reach.append(
                here & {far for near in reach[-1] - self._targets for far in self._after[ttl - 1, near]}
            )
        ends = {node for node in reach[-1] if stretch.after <= self._after[last, node]}
        ends -= self._targets if stretch.after else set()
        if not ends:
            return None
        way = [min(ends)]
        for ttl, here in zip(stretch.ttls[-2::-1], reach[-2::-1], strict=True):
            way.append(min(node for node in here - self._targets if way[-1] in self._after[ttl, node]))
        return tuple(reversed(way))
