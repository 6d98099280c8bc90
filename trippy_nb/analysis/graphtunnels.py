"""Which nodes and edges of a hop graph are inside an MPLS tunnel.

A router that shows the labels it received (RFC 4950) says so itself. Edges are inside where both ends are,
for the same flow: two tunnels, one behind the other, look like one. Of tunnels that show no labels there is
only evidence, which whoever made the graph may have had.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

LABELS, IMPLICIT = "labels", "implicit"
"""Words of `tunnel`."""
_EVIDENCE = "mpls-implicit"


def note_tunnels(graph: "nx.MultiDiGraph[str]", replies: "pd.DataFrame") -> None:
    """Write on each node which labels it showed, and on each edge whether it is inside a tunnel."""
    seen = replies.loc[replies["mpls"].notna() & replies["ttl"].notna(), ["flow", "ttl", "addr", "mpls"]]
    seen = seen.drop_duplicates()
    labels: dict[str, set[int]] = {}
    shown: set[tuple[str, int, int]] = set()
    for flow, ttl, addr, stack in seen.itertuples(index=False):
        if stack:
            labels.setdefault(str(addr), set()).add(int(str(stack).partition("/")[0]))
            shown.add((str(addr), int(ttl), int(flow)))
    for node, data in graph.nodes(data=True):
        data["mpls"] = tuple(sorted(labels.get(node, ())))
    quiet = {node for node, kinds in graph.nodes(data="evidence") if _EVIDENCE in kinds}
    for near, far, data in graph.edges(data=True):
        ttl = data["ttl"]
        inside = any((near, ttl, flow) in shown and (far, ttl + 1, flow) in shown for flow in data["flows"])
        data["tunnel"] = LABELS if inside else IMPLICIT if {near, far} <= quiet else None
