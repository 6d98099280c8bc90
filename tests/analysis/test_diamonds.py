"""Diamonds are found and measured as one would by writing down every way and looking."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import combinations, pairwise
from typing import Any

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analysis.handmade import TARGET, Row, a, probe, rounds, shuffled, tables
from trippy_nb.analysis import diamonds, findings
from trippy_nb.frames import DIAMONDS, check_frame

Way = tuple[str, ...]


# --- the second opinion: all ways, written down


@st.composite
def dags(draw: st.DrawFn) -> list[Way]:
    """All ways through a random graph without cycles, from the source to the target."""
    size = draw(st.integers(2, 6))
    names = ["source", *(a(10 + i) for i in range(size)), TARGET]
    possible = [(i, j) for i in range(size + 2) for j in range(i + 1, size + 2)]
    chosen = draw(st.lists(st.sampled_from(possible), min_size=2, max_size=14, unique=True))
    graph: nx.DiGraph[str] = nx.DiGraph([(names[i], names[j]) for i, j in chosen])
    graph.add_nodes_from(["source", TARGET])
    ways = [tuple(way) for way in nx.all_simple_paths(graph, "source", TARGET) if len(way) > 2]
    return ways[:40] or [("source", a(10), TARGET)]


def tails(ways: list[Way], node: str) -> list[Way]:
    return [way[way.index(node) :] for way in ways if node in way]


def whole(ways: list[Way]) -> list[Way]:
    """Close the ways: what follows a node in one of them may follow it in all."""
    graph = nx.DiGraph([pair for way in ways for pair in pairwise(way)])
    return [tuple(way) for way in nx.all_simple_paths(graph, "source", TARGET)]


def meeting(ways: list[Way], node: str) -> str:
    """The first node that all ways from here lead through."""
    after = [tail[1:] for tail in tails(ways, node)]
    common = set.intersection(*({*tail} for tail in after))
    return min(common, key=lambda other: max(tail.index(other) for tail in after))


def parts(ways: list[Way], node: str, meet: str) -> list[Way]:
    return list(dict.fromkeys(tail[: tail.index(meet) + 1] for tail in tails(ways, node)))


def layers(some: list[Way]) -> list[set[str]]:
    return [{way[d] for way in some if d < len(way)} for d in range(max(map(len, some)))]


def fewest_links_to_cut(some: list[Way]) -> int:
    links = sorted({pair for way in some for pair in pairwise(way)})
    graph = nx.DiGraph(links)
    start, end = some[0][0], some[0][-1]
    for size in range(1, len(links) + 1):
        for cut in combinations(links, size):
            left = graph.copy()
            left.remove_edges_from(cut)
            if not nx.has_path(left, start, end):
                return size
    raise AssertionError


def measured(some: list[Way]) -> dict[str, Any]:
    at = layers(some)
    links: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for way in some:
        for d, pair in enumerate(pairwise(way)):
            links[d].add(pair)
    meshed, asymmetry = 0, 0
    for d, here in links.items():
        out = [sum(one == node for one, _ in here) for node in at[d]]
        into = [sum(two == node for _, two in here) for node in at[d + 1]]
        steps = (max(out) - min(out), max(into) - min(into))
        asymmetry = max(asymmetry, max(steps) if len(out) == len(into) else steps[len(out) > len(into)])
        meshed += max(into) > 1 if len(out) < len(into) else max(out) > 1
    inner = [{node for node in layer if node not in (some[0][0], some[0][-1])} for layer in at]
    return {
        "max_width": max(map(len, inner)),
        "max_length": max(map(len, some)) - 1,
        "min_length": min(map(len, some)) - 1,
        "min_width": fewest_links_to_cut(some),
        "width_asymmetry": asymmetry,
        "meshed_ratio": pytest.approx(meshed / (max(map(len, some)) - 1)),
        "nodes": len(set().union(*inner)),
        "edges": len({pair for way in some for pair in pairwise(way)}),
    }


@given(dags())
def test_diamonds_are_those_of_all_ways_written_down(ways: list[Way]):
    rows = [row for flow, way in enumerate(ways) for row in rounds([*way[1:]], [*way[1:]], flow=flow)]
    found = diamonds(tables(rows))
    check_frame(found, DIAMONDS)
    ways = whole(ways)
    after: dict[str, set[str]] = defaultdict(set)
    for way in ways:
        for one, two in pairwise(way):
            after[one].add(two)
    wanted = {node: meeting(ways, node) for node, others in after.items() if len(others) > 1}
    assert dict(zip(found["divergence"], found["convergence"], strict=True)) == wanted
    for row in found.to_dict("records"):
        some = parts(ways, row["divergence"], row["convergence"])
        expected = measured(some)
        assert {name: row[name] for name in expected} == expected, some
        assert row["meshed"] == (row["meshed_ratio"] > 0)
        inside = {node for way in some for node in way[1:-1]}
        entered = any(
            two in inside and one not in inside | {row["divergence"]}
            for way in ways
            for one, two in pairwise(way)
        )
        assert row["overlapping"] == entered


@given(dags(), st.integers(0, 2**32 - 1))
def test_the_order_of_rows_does_not_matter(ways: list[Way], seed: int):
    made = tables([row for flow, way in enumerate(ways) for row in rounds([*way[1:]], flow=flow)])
    assert diamonds(shuffled(made, seed)).equals(diamonds(made))


# --- known ones


def of(*ways: list[str | None], **options: Any) -> dict[str, Any]:
    """The only diamond, or the outermost, of flows that take these ways."""
    rows = [row for flow, way in enumerate(ways) for row in rounds(way, way, flow=flow)]
    return dict(diamonds(tables(rows, **options)).iloc[0])


def test_the_links_of_figure_2_of_the_diamond_miner_paper():
    links = [(1, 2), (1, 3), (2, 4), (3, 5), (3, 7), (4, 6), (5, 6), (7, 6)]
    ways = [[a(1), a(2), a(4), a(6)], [a(1), a(3), a(5), a(6)], [a(1), a(3), a(7), a(6)]]
    assert {pair for way in ways for pair in pairwise(way)} == {(a(i), a(j)) for i, j in links}
    found = diamonds(
        tables([row for flow, way in enumerate(ways) for row in rounds([*way, TARGET], flow=flow)])
    )
    assert found[["divergence", "convergence", "max_width", "min_width"]].to_numpy().tolist() == [
        [a(1), a(6), 3, 2],
        [a(3), a(6), 2, 2],
    ]
    assert found["nested_in"].astype(object).where(found["nested_in"].notna(), None).tolist() == [None, 0]
    assert not found["meshed"].any()
    assert not found["overlapping"].any()


def test_a_full_mesh_between_two_hops_is_meshed_in_one_pair_of_three():
    ways: list[list[str | None]] = [
        [a(1), a(2 + i), a(4 + j), a(6), TARGET] for i in range(2) for j in range(2)
    ]
    found = of(*ways)
    assert (found["meshed"], found["meshed_ratio"]) == (True, pytest.approx(1 / 3))
    assert (found["max_width"], found["min_width"]) == (2, 2)


def test_branches_of_unequal_length_have_two_lengths():
    found = of([a(1), a(2), a(5), TARGET], [a(1), a(3), a(4), a(5), TARGET])
    assert (found["min_length"], found["max_length"], found["convergence"]) == (2, 3, a(5))


def test_silent_hops_of_several_flows_between_the_same_neighbours_count_once():
    silent = [a(1), None, a(3), TARGET]
    found = of(silent, silent, silent, [a(1), a(2), a(3), TARGET])
    assert (found["max_width"], found["silent"], found["flows"]) == (2, 1, 4)


def test_silence_alone_is_no_diamond():
    silent = [a(1), None, None, a(3), TARGET]
    rows = [row for flow in range(4) for row in rounds(silent, flow=flow)]
    assert diamonds(tables(rows)).empty


def test_a_path_without_a_branch_has_no_diamond():
    assert diamonds(tables(rounds([a(1), a(2), TARGET]))).empty
    assert diamonds(tables([])).empty


def test_a_source_whose_flows_part_at_once_is_a_divergence():
    found = of([a(1), a(3), TARGET], [a(2), a(3), TARGET])
    assert (found["divergence"], found["convergence"], found["ttl"], found["flows"]) == ("source", a(3), 0, 2)


def test_ways_that_never_meet_have_no_convergence():
    rows = rounds([a(1), a(2), a(3)]) + rounds([a(1), a(4), a(5)], flow=1)
    (row,) = diamonds(tables(rows)).to_dict("records")
    assert row["convergence"] != row["convergence"]
    assert (row["max_width"], row["max_length"]) == (2, 3)


def test_a_branch_that_was_not_followed_to_its_end_is_still_wide():
    rows = [*rounds([a(1), a(2), a(5), TARGET], flow=0), *rounds([a(1), a(3), a(5), TARGET], flow=1)]
    rows += [probe(0, 1, a(1), flow=2), probe(0, 2, a(4), flow=2)]
    (row,) = diamonds(tables(rows)).to_dict("records")
    assert (row["max_width"], row["min_width"], row["nodes"]) == (3, 2, 3)


@pytest.mark.parametrize(("times", "says"), [(1, "cannot tell"), (3, "cannot tell"), (4, "per-flow")])
def test_flows_that_keep_to_ways_of_their_own_are_balancing_per_flow_once_they_were_sent_again(times, says):
    ways = [[a(1), a(2), a(4), TARGET], [a(1), a(3), a(4), TARGET]]
    rows = [row for flow, way in enumerate(ways) for row in rounds(*[way] * times, flow=flow)]
    (found,) = diamonds(tables(rows)).to_dict("records")
    evidence = "flow" if says == "per-flow" else "assumed"
    assert (found["balancing"], found["evidence"], found["repeats"]) == (says, evidence, 2 * times - 2)


def test_flows_that_part_before_the_first_ttl_probed_show_no_link_of_it():
    rows = [probe(0, 3, a(1)), probe(0, 3, a(2), flow=1)]
    (row,) = diamonds(tables(rows)).to_dict("records")
    assert (row["divergence"], row["nodes"], row["edges"]) == ("source", 2, 0)
    assert (row["balancing"], row["evidence"]) == ("cannot tell", "positional")


def test_one_flow_that_takes_turns_is_balancing_per_packet():
    turns = [[a(1), a(2 + n % 2), a(4), TARGET] for n in range(12)]
    (row,) = diamonds(tables(rounds(*turns))).to_dict("records")
    assert (row["balancing"], row["evidence"]) == ("per-packet", "positional")


def test_attempts_that_were_answered_differently_are_balancing_per_packet():
    rows = [probe(0, ttl, addr) for ttl, addr in ((1, a(1)), (2, a(2)), (3, a(4)), (4, TARGET))]
    rows.append(probe(0, 2, a(3), attempt=1))
    (row,) = diamonds(tables(rows)).to_dict("records")
    assert (row["balancing"], row["max_width"]) == ("per-packet", 2)


def test_a_route_that_changed_or_flows_that_change_cannot_tell_how_it_is_balanced():
    old, new = [a(1), a(2), a(4), TARGET], [a(1), a(3), a(4), TARGET]
    for made in (tables(rounds(old, old, new, new)), tables(rounds(old, new), stable=False)):
        assert diamonds(made)["balancing"].tolist() == ["cannot tell"]


def test_runs_are_kept_apart():
    rows = rounds([a(1), a(2), TARGET], run_id=0) + rounds([a(1), a(3), TARGET], run_id=1)
    assert diamonds(tables(rows)).empty


def test_a_loop_does_no_harm():
    way = [a(1), a(2), a(3), a(2), a(3)]
    found: list[Row] = rounds(way, way) + rounds([a(1), a(4), a(3), a(2), a(3)], flow=1)
    assert diamonds(tables(found))["divergence"].tolist() == [a(1)]


# --- in which order


def in_order(*ways: list[str | None]) -> dict[str, Any]:
    """The diamond of flows that were sent once, one in each round."""
    rows = [row | {"round": flow} for flow, way in enumerate(ways) for row in rounds(way, flow=flow)]
    made = tables(rows)
    (row,) = diamonds(made).to_dict("records")
    (told,) = findings(made).query("kind == 'balancing'").to_dict("records")
    named = {str(name): value for name, value in row.items()}
    return named | {name: told[name] for name in ("says", "is_not", "weight", "strength")}


def test_flows_of_which_one_way_came_after_the_other_may_be_a_change_of_route():
    one: list[str | None] = [a(1), a(2), a(4), TARGET]
    other: list[str | None] = [a(1), a(3), a(4), TARGET]
    changed = in_order(*[one] * 10, *[other] * 10)
    assert changed["order_chance"] == pytest.approx(2 / math.comb(20, 10))
    assert "took 2 ways, one after the other" in changed["says"]
    assert (changed["is_not"], changed["weight"]) == ("No proof of balancing, nor of a change.", "limit")
    dealt = in_order(*[one, other, other, one, one, other] * 3)
    assert dealt["order_chance"] > 0.05
    assert "side by side" in dealt["says"]
    assert dealt["weight"] == "notice"


def test_one_next_hop_has_no_order():
    found = of([a(1), a(2), a(4), TARGET], [a(1), None, a(5), TARGET])
    assert math.isnan(found["order_chance"])
