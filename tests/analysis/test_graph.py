"""The hop graph holds what was observed: no address twice, no silence merged, no edge between flows."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from tests.analysis import oracle
from tests.analysis.handmade import SOURCE, TARGET, Row, a, probe, quoted, rounds, shuffled, tables
from tests.analysis.strategies import probe_rows
from tests.analysis.test_links import diamonds
from trippy_nb.analysis import evidence, hop_graph, links
from trippy_nb.analysis.layers import forward_edges, layers_of
from trippy_nb.analysis.layout import _crossings, _spread, place_nodes


def kinds(graph: nx.MultiDiGraph[str]) -> dict[str, str]:
    return dict(graph.nodes(data="kind"))


def silent(graph: nx.MultiDiGraph[str]) -> dict[str, dict[str, Any]]:
    return {node: data for node, data in graph.nodes(data=True) if data["kind"] == "silent"}


def test_a_path_is_a_chain_from_the_source_to_the_target():
    graph = hop_graph(tables(rounds([a(1), a(2), TARGET])))
    assert [(one, two) for one, two in graph.edges()] == [("source", a(1)), (a(1), a(2)), (a(2), TARGET)]
    assert kinds(graph) == {"source": "source", a(1): "router", a(2): "router", TARGET: "target"}
    assert graph.nodes["source"]["addr"] == SOURCE
    assert graph.nodes[TARGET]["ttls"] == (3,)
    assert graph.nodes[a(2)]["pos"] == (2.0, 0.0)


@given(probe_rows())
def test_edges_between_responders_are_exactly_the_links(rows: list[Row]):
    graph, table = hop_graph(tables(rows)), links(tables(rows))
    routers = {node for node, kind in graph.nodes(data="kind") if kind in ("router", "target")}
    found = {(one, two, ttl): data["count"] for one, two, ttl, data in graph.edges(keys=True, data=True)
             if one in routers and two in routers}  # fmt: skip
    wanted = table.groupby(["from_addr", "to_addr", "ttl"], observed=True)["rounds"].sum()
    assert found == wanted.to_dict()


@given(probe_rows())
def test_responders_are_nodes_once_and_silent_nodes_never_answered(rows: list[Row]):
    graph = hop_graph(tables(rows))
    end, _ = oracle.ends(rows)
    seen = {
        row["addr"]
        for path, places in oracle.cells(rows).items()
        for ttl, attempts in places.items()
        if ttl <= end[path]
        for row in attempts
        if row["status"] in oracle.ANSWERED
    }
    assert {node for node, kind in graph.nodes(data="kind") if kind in ("router", "target")} == seen
    answered = {(row["run_id"], row["flow"], row["ttl"]) for row in rows if row["status"] in oracle.ANSWERED}
    for node in silent(graph):
        run, flow, ttl, _ = map(int, node[1:].split("."))
        assert (run, flow, ttl) not in answered


@given(probe_rows(), st.integers(0, 2**32 - 1))
def test_the_order_of_rows_does_not_matter(rows: list[Row], seed: int):
    made = tables(rows)
    one, two = hop_graph(made), hop_graph(shuffled(made, seed))
    assert nx.utils.graphs_equal(one, two)
    assert list(one) == list(two)


@given(probe_rows())
def test_a_graph_is_plain_python_ready_for_json(rows: list[Row]):
    graph = hop_graph(tables(rows))
    assert json.loads(json.dumps(nx.node_link_data(graph, edges="edges"), allow_nan=False))


@given(probe_rows())
def test_nodes_of_a_layer_never_lie_on_one_another_and_none_is_above_its_ttl(rows: list[Row]):
    graph = hop_graph(tables(rows))
    layers: dict[int, list[tuple[float, str]]] = {}
    for _, data in graph.nodes(data=True):
        assert min(data["ttls"]) <= data["layer"] == data["pos"][0]
        layers.setdefault(data["layer"], []).append((data["pos"][1], data["kind"]))
    for row in layers.values():
        for (one, kind), (two, _) in pairwise(sorted(row)):
            assert two - one >= (0.5 if kind == "silent" else 1.0) - 1e-5


@given(diamonds())
def test_flow_evidence_in_a_diamond_is_true_and_shares_of_a_ttl_add_up(
    case: tuple[list[tuple[str, ...]], list[Row]],
):
    ways, rows = case
    true = {pair for way in ways for pair in pairwise(way)}
    graph = hop_graph(tables(rows))
    shares: dict[int, float] = {}
    for one, two, data in graph.edges(data=True):
        shares[data["ttl"]] = shares.get(data["ttl"], 0.0) + data["share"]
        if {kinds(graph)[one], kinds(graph)[two]} <= {"router", "target"}:
            assert (one, two) in true
        assert data["evidence"] in ("flow", "assumed")
    assert all(total == pytest.approx(1.0) for total in shares.values())


def test_silent_hops_of_two_flows_are_two_nodes_even_at_one_ttl_between_the_same_neighbours():
    way = [a(1), None, a(3), TARGET]
    assert len(silent(hop_graph(tables(rounds(way) + rounds(way, flow=1))))) == 2


def test_a_silent_hop_stays_one_node_over_rounds_in_which_its_neighbours_were_lost():
    graph = hop_graph(
        tables(rounds([a(1), None, a(3), TARGET], [None, None, a(3), TARGET], [a(1), None, None, TARGET]))
    )
    assert list(silent(graph)) == ["*0.0.2.0"]
    assert graph.edges[a(1), "*0.0.2.0", 1]["count"] == 2


def test_a_silent_hop_between_other_neighbours_is_another_hop():
    old, new = [a(1), None, a(3), TARGET], [a(2), None, a(4), TARGET]
    graph = hop_graph(tables(rounds(old, old, new)))
    assert {(one, two) for one, two in graph.edges() if "*" in one + two} == {
        (a(1), "*0.0.2.0"), ("*0.0.2.0", a(3)), (a(2), "*0.0.2.1"), ("*0.0.2.1", a(4)),
    }  # fmt: skip


def test_where_positions_are_chance_neighbours_tell_no_silent_hops_apart():
    ways = [[a(1), None, a(3), TARGET], [a(2), None, a(4), TARGET]]
    graph = hop_graph(tables(rounds(*ways), stable=False))
    assert len(silent(graph)) == 1
    assert {data["evidence"] for one, _, data in graph.edges(data=True) if one != "source"} == {"positional"}


def test_a_lost_probe_makes_no_silent_hop():
    graph = hop_graph(tables(rounds([a(1), a(2), TARGET], [a(1), None, TARGET])))
    assert silent(graph) == {}
    assert graph.nodes[a(2)]["loss_ratio"] == 0.5


def test_a_silent_target_ends_in_one_silent_node():
    graph = hop_graph(tables(rounds([a(1), a(2), None, None, None, None])))
    assert list(silent(graph)) == ["*0.0.3.0"]
    assert "target" not in kinds(graph).values()


def test_a_hop_that_shares_its_ttl_has_no_loss_of_its_own():
    graph = hop_graph(tables(rounds([a(1), a(2), TARGET], [a(1), a(3), TARGET], [a(1), None, TARGET])))
    assert [graph.nodes[a(n)]["loss_ratio"] for n in (2, 3)] == [None, None]
    assert [graph.nodes[a(n)]["n"] for n in (2, 3)] == [1, 1]


def test_a_routing_loop_is_a_cycle_and_a_repeated_address_a_loop():
    graph = hop_graph(tables(rounds([a(1), a(2), a(3), a(2), a(3), a(3)])))
    assert not nx.is_directed_acyclic_graph(graph)
    assert graph.has_edge(a(3), a(2), 3)
    assert graph.has_edge(a(3), a(3), 5)
    assert graph.nodes[a(3)]["layer"] == 3


def test_a_node_behind_branches_of_unequal_length_is_drawn_below_the_longer_one():
    short, long = [a(1), a(2), a(5), TARGET], [a(1), a(3), a(4), a(5), TARGET]
    graph = hop_graph(tables(rounds(short) + rounds(long, flow=1)))
    assert graph.nodes[a(5)]["ttls"] == (3, 4)
    layers = {node: data["layer"] for node, data in graph.nodes(data=True)}
    assert layers == {"source": 0, a(1): 1, a(2): 2, a(3): 2, a(4): 3, a(5): 4, TARGET: 5}
    assert {(one, two) for one, two in graph.edges() if two == a(5)} == {(a(2), a(5)), (a(4), a(5))}


@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=16),
    st.lists(st.integers(1, 6), min_size=8, max_size=8),
)
def test_layers_are_the_longest_ways_where_there_are_no_cycles(pairs: list[tuple[int, int]], ttls: list[int]):
    edges = {(f"n{a_}", f"n{b}") for a_, b in pairs if a_ < b}
    floor = {f"n{i}": ttl for i, ttl in enumerate(ttls)}
    layers = layers_of(dict.fromkeys(edges, 1), floor)

    def longest(node: str) -> int:
        return max([floor[node], *(longest(one) + 1 for one, two in edges if two == node)])

    assert layers == {node: longest(node) for node in floor}


@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20),
    st.lists(st.integers(1, 6), min_size=8, max_size=8),
    st.randoms(use_true_random=False),
)
def test_layers_of_any_graph_do_not_depend_on_order_and_what_counts_has_no_cycle(
    pairs: list[tuple[int, int]], ttls: list[int], luck: random.Random
):
    edges = list(dict.fromkeys((f"n{a_}", f"n{b}") for a_, b in pairs))
    floor = {f"n{i}": ttl for i, ttl in enumerate(ttls)}
    layers = layers_of(dict.fromkeys(edges, 1), floor)
    luck.shuffle(edges)
    assert layers_of(dict.fromkeys(edges, 1), dict(sorted(floor.items(), reverse=True))) == layers
    onwards = forward_edges(edges, floor)
    assert nx.is_directed_acyclic_graph(nx.DiGraph(onwards))
    for one, two in edges:
        in_cycle = nx.has_path(nx.DiGraph(edges), two, one)
        assert ((one, two) in onwards) or in_cycle


def test_attempts_of_one_probe_that_were_answered_differently_are_all_linked_and_prove_nothing():
    rows = [
        probe(0, 1, a(1)),
        probe(0, 2, a(2)),
        probe(0, 2, a(3), attempt=1),
        probe(0, 2, None, attempt=2),
        probe(0, 3, a(4)),
        probe(0, 4, TARGET),
    ]
    graph = hop_graph(tables(rows))
    found = {(one, two): data["evidence"] for one, two, data in graph.edges(data=True)}
    assert found == {
        ("source", a(1)): "flow",
        (a(1), a(2)): "positional",
        (a(1), a(3)): "positional",
        (a(2), a(4)): "positional",
        (a(3), a(4)): "positional",
        (a(4), TARGET): "flow",
    }
    table = links(tables(rows))
    assert {*zip(table["from_addr"], table["to_addr"], strict=True)} == {*found} - {("source", a(1))}


def test_attempts_that_agree_or_were_lost_prove_a_link_as_one_probe_does():
    rows = [
        *(probe(0, 1, a(1), attempt=i) for i in range(3)),
        *(probe(0, 2, a(2) if i else None, attempt=i) for i in range(3)),
        probe(0, 3, TARGET),
    ]
    graph = hop_graph(tables(rows))
    assert {data["evidence"] for _, _, data in graph.edges(data=True)} == {"flow"}
    assert graph.edges[a(1), a(2), 1]["count"] == 1


def test_one_round_of_many_flows_joins_what_each_flow_showed_and_no_more():
    ways = [[a(1), a(2), a(4), TARGET], [a(1), a(3), a(5), TARGET]]
    rows = [
        probe(0, ttl, ways[flow % 2][ttl - 1], flow=flow)
        for flow in range(12)
        for ttl in range(1, 5)
        if not (flow > 7 and ttl == 2)  # discovery does not send every flow to every TTL
    ]
    graph = hop_graph(tables(rows))
    wanted = {("source", a(1)), *(pair for way in ways for pair in pairwise(way))}
    assert {*graph.edges()} == wanted
    assert graph.edges[a(1), a(2), 1]["flows"] == (0, 2, 4, 6)
    assert graph.edges[a(2), a(4), 2]["count"] == 4


def test_edges_tell_how_much_longer_the_farther_answer_took():
    rows = [probe(n, ttl, addr, rtt) for n, steps in enumerate([(1.0, 4.0), (2.0, 3.0), (1.5, 9.5)])
            for ttl, (addr, rtt) in enumerate(zip([a(1), TARGET], steps, strict=True), start=1)]  # fmt: skip
    graph = hop_graph(tables(rows))
    assert graph.edges[a(1), TARGET, 1]["rtt_diff_p50_ms"] == 3.0
    assert graph.edges["source", a(1), 0]["rtt_diff_p50_ms"] == 1.5


def test_a_link_to_a_silent_hop_has_no_rtt():
    graph = hop_graph(tables(rounds([a(1), None, TARGET])))
    assert graph.edges[a(1), "*0.0.2.0", 1]["rtt_diff_p50_ms"] is None


def test_evidence_is_written_on_the_nodes_it_is_about():
    made = quoted(
        tables(rounds(*[[a(1), a(2), TARGET]] * 3)), mpls=lambda row: "30/0/1/1" if row.ttl == 2 else None
    )
    graph = hop_graph(made, evidence=evidence(made))
    assert graph.nodes[a(2)]["evidence"] == ("address-edge", "mpls-explicit")
    assert hop_graph(made).nodes[a(2)]["evidence"] == ()


def test_ttls_that_were_not_probed_are_not_bridged():
    graph = hop_graph(tables([probe(0, 1, a(1)), probe(0, 5, a(5)), probe(0, 6, TARGET)]))
    assert not graph.has_edge(a(1), a(5))
    assert graph.has_edge(a(5), TARGET)


def test_medians_are_over_all_answers_of_an_address():
    rows = [probe(n, 1, a(1), rtt) for n, rtt in enumerate([5.0, 1.0, 9.0, 2.0])]
    assert hop_graph(tables(rows)).nodes[a(1)]["rtt_p50_ms"] == 3.5


def test_no_probes_make_a_graph_of_the_source_alone():
    assert list(hop_graph(tables([]))) == ["source"]


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=12), st.data())
def test_straightening_is_the_least_squares_solution(wished: list[float], data: st.DataObject):
    room = data.draw(st.lists(st.sampled_from([0.5, 1.0]), min_size=len(wished), max_size=len(wished)))
    offsets = np.concatenate([[0.0], np.cumsum(room)[:-1]])
    expected = isotonic_regression(np.array(wished) - offsets).x + offsets
    assert _spread(wished, room) == pytest.approx(expected.tolist(), abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=20))
def test_crossings_are_counted_as_pairs_that_cross(pairs: list[tuple[int, int]]):
    edges = {(f"u{one}", f"v{two}") for one, two in pairs}
    order = [[f"u{i}" for i in range(6)], [f"v{i}" for i in range(6)]]
    neighbours: dict[str, set[str]] = {}
    for one, two in edges:
        neighbours.setdefault(one, set()).add(two)
        neighbours.setdefault(two, set()).add(one)
    crossing = sum(p[0] < q[0] and p[1] > q[1] for p in edges for q in edges)
    assert _crossings(order, neighbours) == crossing


def test_the_order_within_layers_removes_needless_crossings():
    layers = {"s": 0, "a": 1, "b": 1, "c": 2, "d": 2, "t": 3}
    edges = [("s", "a"), ("s", "b"), ("a", "d"), ("b", "c"), ("c", "t"), ("d", "t")]
    across = place_nodes(layers, edges, {node: (0, node) for node in layers}, dict.fromkeys(layers, 1.0))
    assert (across["a"] < across["b"]) == (across["d"] < across["c"])
    assert across["s"] == across["t"] == pytest.approx(0.0)
