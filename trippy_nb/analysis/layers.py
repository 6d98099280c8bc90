"""How far down a graph each node is drawn: below all that lead to it, so that unequal branches come right.

A node of two branches, one of two hops and one of three, is at two TTLs. Drawn at the smaller, the longer
branch would run upwards. So a node's layer is the length of the longest way to it. In a cycle there is no
such thing: of the edges within one, only those count that lead to a larger TTL.
"""

from collections.abc import Iterable, Mapping

import networkx as nx

Edge = tuple[str, str]


def layers_of(lengths: Mapping[Edge, int], floor: Mapping[str, int]) -> dict[str, int]:
    """Find the layer of each node.

    Parameters
    ----------
    lengths
        How many layers an edge leads down at least: 1, or more if nodes are known to be missing on it.
    floor
        Smallest TTL of each node; it is never drawn above that.

    Returns
    -------
    layers
        Of each node in `floor`: the largest of its floor and, over the edges to it that count, the layer of
        their nearer end and their length. An edge counts unless its ends lead to each other and it does
        not lead to a larger TTL.
    """
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(floor)
    graph.add_edges_from(edge for edge in lengths if edge[0] != edge[1])
    component = {
        node: number
        for number, members in enumerate(nx.strongly_connected_components(graph))
        for node in members
    }
    graph.remove_edges_from(
        [(a, b) for a, b in graph.edges if component[a] == component[b] and floor[b] <= floor[a]]
    )
    layers = dict(floor)
    for node in nx.topological_sort(graph):
        for after in graph.successors(node):
            layers[after] = max(layers[after], layers[node] + lengths[node, after])
    return layers


def forward_edges(edges: Iterable[Edge], floor: Mapping[str, int]) -> set[Edge]:
    """Return the edges that count: without them the graph has no cycle."""
    given = set(edges)
    layers = layers_of(dict.fromkeys(given, 1), floor)
    return {(a, b) for a, b in given if layers[b] > layers[a]}
