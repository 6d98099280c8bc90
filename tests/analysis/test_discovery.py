"""What a discovery may still hide, on hand-made rows whose counts are known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

import trippy_nb as tn
from tests.analysis.handmade import TARGET, a, probe, rounds, shuffled, tables
from trippy_nb.analysis import Discovery, discovery
from trippy_nb.frames import check_frame
from trippy_nb.frames.derived import DISCOVERY
from trippy_nb.model import DiscoveryOptions, Plan, flows_needed, hidden_ratio
from trippy_nb.tracing import Discovery as Search

R1, R2, R3, R4, R5 = (a(number) for number in range(1, 6))
Path = tuple[str | None, ...]


def found(*paths: Path, **run) -> Discovery:
    """Discovery of flows 0, 1, 2, ... that went these ways, all in round 0."""
    rows = [row for flow, path in enumerate(paths) for row in rounds(path, flow=flow)]
    return discovery(tables(rows, **run))


def node(it: Discovery, ttl: int, addr: str | None) -> dict[Any, Any]:
    nodes = it.nodes[it.nodes["ttl"] == ttl]
    (row,) = nodes[nodes["addr"].isna() if addr is None else nodes["addr"] == addr].to_dict("records")
    return row


def test_a_node_counts_the_flows_that_showed_its_next_hops():
    it = found(*[(R1, R2, R4, TARGET)] * 7, *[(R1, R3, R4, TARGET)] * 4)
    check_frame(it.nodes, DISCOVERY)
    fork = node(it, 1, R1)
    assert (fork["flows"], fork["next_hops"], fork["flows_on"], fork["flows_needed"]) == (11, 2, 11, 11)
    assert fork["hidden_ratio"] == pytest.approx(hidden_ratio(2, 11))
    assert fork["complete"]
    short = node(it, 2, R3)
    assert (short["flows"], short["next_hops"], short["flows_on"], short["flows_needed"]) == (4, 1, 4, 6)
    assert short["hidden_ratio"] == 1 / 2**3
    assert not short["complete"]


def test_at_the_end_of_a_path_nothing_can_be_hidden():
    it = found(*[(R1, TARGET)] * 6)
    end = node(it, 2, TARGET)
    assert (end["next_hops"], end["flows_on"], end["complete"]) == (0, 0, True)
    assert pd.isna(end["flows_needed"])
    assert pd.isna(end["hidden_ratio"])
    assert it.all_found_ratio == 1 - 1 / 2**5


def test_behind_a_node_that_is_alone_flows_count_that_were_not_seen_there():
    rows = [row for flow in range(6) for row in rounds((R1, R2, TARGET), flow=flow)]
    rows += [row for flow in range(6, 11) for row in rounds((R3, TARGET), flow=flow, first_ttl=2)]
    it = discovery(tables(rows))
    assert (node(it, 1, R1)["flows"], node(it, 1, R1)["flows_on"], node(it, 1, R1)["next_hops"]) == (6, 11, 2)


def test_where_too_few_flows_were_seen_at_it_a_node_is_not_taken_to_be_alone():
    rows = [row for flow in range(5) for row in rounds((R1, R2, TARGET), flow=flow)]
    rows += [row for flow in range(5, 11) for row in rounds((R3, TARGET), flow=flow, first_ttl=2)]
    it = discovery(tables(rows))
    assert (node(it, 1, R1)["flows_on"], node(it, 1, R1)["next_hops"]) == (5, 1)


def test_silence_at_a_ttl_is_one_node_and_one_next_hop():
    it = found(*[(R1, None, R4, TARGET)] * 3, *[(R1, R2, R4, TARGET)] * 3)
    assert node(it, 1, R1)["next_hops"] == 2
    assert node(it, 2, None)["flows"] == 3
    assert "4 responders" in it.sentence


def test_a_tail_of_silence_is_one_node_long():
    it = found(*[(R1, None, None, None)] * 6)
    assert it.nodes["ttl"].tolist() == [1, 2]


@pytest.mark.parametrize(("times", "says"), [(1, "cannot tell"), (5, "cannot tell"), (6, "per-flow")])
def test_a_balancer_is_one_of_flows_if_a_flow_came_the_same_way_often_enough(times, says):
    rows = [row for way in (R2, R3) for row in rounds((R1, way, TARGET), flow=(R2, R3).index(way))]
    rows += [probe(0, 2, R2, attempt=again) for again in range(1, times)]
    assert node(discovery(tables(rows)), 1, R1)["balancing"] == says


def test_a_balancer_of_packets_is_complete_with_what_it_showed():
    rows = [*rounds((R1, R2, TARGET)), probe(0, 2, R3, attempt=1), *rounds((R1, R3, TARGET), flow=1)]
    it = discovery(tables(rows))
    fork = node(it, 1, R1)
    assert (fork["balancing"], fork["complete"], fork["flows_needed"]) == ("per-packet", True, 11)


EVEN = [(R1, R2, R4, TARGET), (R1, R3, R5, TARGET)]


@pytest.mark.parametrize(
    ("more", "uneven"),
    [
        ([], ()),
        ([(R1, R2, R5, TARGET)], (2,)),
        ([(R1, a(6), R4, TARGET), (R1, a(7), R5, TARGET)], ()),
        ([(R1, a(6), R4, TARGET)], (2,)),
        ([(R1, R2, a(6), TARGET), (R1, R3, a(7), TARGET)], ()),
        ([(R1, R2, a(6), TARGET)], (2,)),
    ],
    ids=["even", "meshed", "four to two", "three to two", "two to four", "two to three"],
)
def test_hops_are_uneven_where_mda_lite_does_not_do(more, uneven):
    it = found(*EVEN, *more, method="mda-lite")
    assert it.uneven_ttls == uneven
    assert ("Meshed or uneven behind hop 2: there MDA-Lite goes on as the MDA." in it.sentence) == bool(
        uneven
    )
    assert "goes on as the MDA" not in found(*EVEN, *more, method="mda").sentence


@pytest.mark.slow
@pytest.mark.parametrize("meshing", [0.0, 0.4])
def test_uneven_hops_are_found_in_rows_just_where_the_search_itself_went_on_as_the_mda(monkeypatch, meshing):
    searches: list[Search] = []
    made = Search.__init__

    def remembered(self: Search, plan: Plan, options: DiscoveryOptions) -> None:
        made(self, plan, options)
        searches.append(self)

    monkeypatch.setattr(Search, "__init__", remembered)
    switched = []
    for seed in range(40):
        net = tn.sim.random(seed, hops=(3, 6), diamonds=(1, 1), meshing=meshing, unequal=0.2)
        run = tn.discover("target.example", network=net, algorithm="mda-lite", progress=False)
        switched.append(searches[-1].mda.switched)
        assert bool(run.discovery.uneven_ttls) == switched[-1]
    assert 0 < sum(switched) < len(switched)


def test_chances_by_hop_are_those_of_all_nodes_of_the_hop_and_all_hops_those_of_the_whole():
    it = found(*[(R1, R2, R4, TARGET)] * 7, *[(R1, R3, R4, TARGET)] * 4)
    by_ttl = it.hidden_by_ttl
    assert by_ttl.index.tolist() == [1, 2, 3]
    assert by_ttl[2] == pytest.approx(1 - (1 - 1 / 2**6) * (1 - 1 / 2**3))
    assert (1 - by_ttl).prod() == pytest.approx(it.all_found_ratio)


def test_the_order_of_rows_says_nothing():
    rows = [row for flow in range(8) for row in rounds((R1, (R2, R3)[flow % 2], TARGET), flow=flow)]
    made = tables(rows)
    for seed in range(5):
        again = discovery(shuffled(made, seed))
        pd.testing.assert_frame_equal(again.nodes, discovery(made).nodes)


def test_a_run_without_an_answer_says_so_and_promises_nothing():
    nothing = found()
    assert nothing.nodes.empty
    assert nothing.hidden_by_ttl.empty
    assert repr(nothing) == nothing.sentence == "Nobody has answered 0 probes (under way)."
    assert found((None, None)).sentence == "Nobody has answered 2 probes (under way)."


@pytest.mark.parametrize(
    ("end_reason", "hidden"), [(None, 1), ("budget", 1), ("interrupted", 1), ("complete", 0), ("rounds", 0)]
)
def test_behind_whom_nothing_was_asked_everything_may_be_hidden(end_reason, hidden):
    it = found(*[(R1, R2)] * 6, end_reason=end_reason)
    last = node(it, 2, R2)
    assert (last["next_hops"], last["flows_on"], last["complete"]) == (0, 0, not hidden)
    assert it.all_found_ratio == (0 if hidden else 1 - 1 / 2**5)
    assert it.hidden_by_ttl.get(2, 0) == hidden


def test_what_a_file_brings_is_escaped():
    it = found(*[(R1, TARGET)] * 2)
    nodes = it.nodes.assign(addr=pd.Series(["<script>", TARGET], dtype="str"))
    html = replace(it, nodes=nodes, ended="<b>")._repr_html_()
    assert "&lt;script&gt;" in html
    assert "&lt;b&gt;" in html
    assert "<script>" not in html
    assert "<b>" not in html


def test_the_confidence_is_that_which_was_asked_for():
    assert found((R1, TARGET)).confidence == DiscoveryOptions().confidence
    it = found((R1, TARGET), config='{"discovery": {"confidence": 0.99}}')
    assert it.confidence == 0.99
    assert node(it, 1, R1)["flows_needed"] == flows_needed(1, 0.99) == 8
