"""Truth beside belief: on networks whose truth is known, and on made-up ways."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx

from trippy_nb.analysis import Belief, LinkFate, NodeFate, Way, WayHop, beside_truth


def way(*nodes, hidden=(), silent=()):
    hops = [
        WayHop(node, None if node in silent else f"@{node}", 1.0, 1.0) for node in nodes if node not in hidden
    ]
    return Way(("source", *nodes), tuple(hops))


def graph(*edges, evidence="flow"):
    made = nx.MultiDiGraph()
    for nodes in edges:
        for ttl, node in enumerate(nodes):
            kind = "source" if node == "source" else "silent" if node.startswith("*") else "router"
            made.add_node(node, kind=kind, addr=None if kind != "router" else node, ttls=(ttl,))
        for near, far in pairwise(nodes):
            made.add_edge(near, far, evidence=evidence)
    return made


def fates(belief: Belief) -> dict[str, str]:
    return {f"{link.near}-{link.far}": str(link.fate) for link in belief.links}


def test_what_is_drawn_and_there_is_right_and_what_lacks_is_missed():
    belief = beside_truth(graph(["source", "@a", "@b", "@t"]), [way("a", "b", "t"), way("a", "c", "t")])
    assert fates(belief) == {
        "source-a": "right", "a-b": "right", "b-t": "right", "a-c": "missed", "c-t": "missed",
    }  # fmt: skip
    assert belief.nodes == {n: NodeFate.MISSED if n == "c" else NodeFate.SEEN for n in ("a", "b", "t", "c")}
    assert belief.says == (
        "Seen: 3 of the 4 nodes that answer. Missed: 2 links, a\N{EN DASH}c and c\N{EN DASH}t."
    )


def test_a_link_that_nobody_laid_is_wrong_and_whether_it_is_claimed_depends_on_the_flow():
    ways = [way("a", "b1", "c1"), way("a", "b2", "c2")]
    claimed = beside_truth(graph(["source", "@a", "@b1", "@c2"]), ways)
    only_near = beside_truth(graph(["source", "@a", "@b1", "@c2"], evidence="positional"), ways)
    assert fates(claimed)["b1-c2"] == fates(only_near)["b1-c2"] == LinkFate.WRONG
    assert "Claimed, and not there: b1\N{EN DASH}c2." in claimed.says
    assert "Next to each other by chance, b1\N{EN DASH}c2 is no link." in only_near.says


def test_what_hides_is_skipped_and_no_link_within_counts_as_missed():
    belief = beside_truth(graph(["source", "@a", "@d"]), [way("a", "b", "c", "d", hidden=("b", "c"))])
    assert fates(belief) == {"source-a": "right", "a-d": "skips"}
    assert belief.nodes["b"] is NodeFate.HIDDEN
    assert "a\N{EN DASH}d skips what hides: b and c." in belief.says


def test_a_star_may_be_whoever_is_there():
    belief = beside_truth(graph(["source", "@a", "*2", "@c"]), [way("a", "b", "c", silent=("b",))])
    assert fates(belief) == {"source-a": "right", "a-b": "implied", "b-c": "implied"}
    assert belief.nodes["b"] is NodeFate.SILENT
    assert belief.says == "Seen: 2 of the 2 nodes that answer. b never answers."


def test_an_address_that_nobody_has_is_a_stranger_and_owners_may_be_told():
    ways = [way("a", "t")]
    drawn = graph(["source", "@a", "@nat", "@t"])
    assert beside_truth(drawn, ways).strangers == ("@nat",)
    assert "Nobody on the way has @nat, yet it answered." in beside_truth(drawn, ways).says
    assert beside_truth(drawn, ways, {"@nat": "a"}).strangers == ()


def test_a_node_that_shows_up_twice_is_no_link_to_itself():
    loop = Way(("source", "a", "b", "a", "b"), tuple(WayHop(n, f"@{n}", 1.0, 1.0) for n in "abab"))
    belief = beside_truth(graph(["source", "@a", "@b"], ["source", "@a", "@a", "@b"]), [loop])
    assert fates(belief) == {"source-a": "right", "a-b": "right", "b-a": "missed"}


def test_no_way_at_all_is_no_belief():
    belief = beside_truth(graph(["source", "@a"]), [])
    assert belief.links == ()
    assert belief.strangers == ("@a",)
