"""Hard cases about ways: balancers, silent routers, interfaces, changes; with what was known before."""

from __future__ import annotations

from typing import Any

import pytest

import trippy_nb as tn
from tests.cases.lab import (
    FIVE,
    FOUR,
    HOME,
    SIX,
    TARGET,
    THREE,
    TWO,
    discover,
    edges,
    said,
    trace,
    true_edges,
)
from trippy_nb.model import flows_needed

PARIS = [
    {"protocol": "udp"},
    {"protocol": "udp", "multipath": "dublin"},
    {"protocol": "icmp", "multipath": "paris"},
    {"protocol": "tcp", "multipath": "paris"},
]


@pytest.mark.parametrize("options", PARIS, ids=str)
def test_case_1_answers_of_one_flow_make_the_true_links_and_no_other(options):
    run = trace("case-01-per-flow", rounds=40, **options)
    assert edges(run) == true_edges("case-01-per-flow")
    assert edges(run, evidence="positional") == set()


def test_case_1_a_classic_trace_sees_links_that_do_not_exist_and_calls_none_of_them_proof():
    run = trace("case-01-per-flow", rounds=64, multipath="classic")
    assert edges(run) - true_edges("case-01-per-flow") == {(TWO, FIVE), (FOUR, THREE)}
    assert edges(run, evidence="flow") == set()


def test_case_2_ways_of_unequal_length_are_two_lengths_and_no_loop():
    run = trace("case-02-unequal", rounds=40)
    assert set(run.paths["length"]) == {4, 5}
    assert run.paths["reached"].all()
    assert run.paths["complete"].all()
    assert not run.paths[["loops", "cycles"]].any(axis=None)
    assert edges(run) == true_edges("case-02-unequal")
    diamond = run.diamonds.iloc[0]
    assert (diamond["divergence"], diamond["convergence"]) == (HOME, FIVE)
    assert (diamond["min_length"], diamond["max_length"]) == (2, 3)
    graph = run.graph()
    assert graph.nodes[FIVE]["layer"] == 4  # one place, behind the longer way


def test_case_2_the_loop_that_a_classic_trace_sees_has_its_cause():
    run = trace("case-02-unequal", rounds=64, multipath="classic")
    looped = run.paths[run.paths["loops"] > 0]
    assert len(looped) > 0
    assert set(looped["cause"]) == {"unequal-branches"}
    assert run.runs["outcome"].iloc[0] == "reached"


@pytest.mark.parametrize("algorithm", ["mda", "mda-lite"])
def test_case_3_nested_diamonds_have_their_eight_links_and_not_the_product_of_their_layers(algorithm):
    run = discover("nested-diamonds", algorithm=algorithm)
    inside = {(near, far) for near, far in edges(run) if far != TARGET}
    pairs = [(1, 2), (1, 3), (2, 4), (3, 5), (3, 7), (4, 6), (5, 6), (7, 6)]
    assert inside == {(f"203.0.113.{near}", f"203.0.113.{far}") for near, far in pairs}
    assert run.diamonds["nested_in"].notna().sum() == 1


def test_case_4_packets_dealt_out_one_by_one_are_one_balancer_and_no_flapping_route():
    run = trace("case-04-per-packet", rounds=40, target_port=33434, source_port=33000)
    assert ("per-packet", "shown") in said(run) or ("per-packet", "likely") in said(run)
    outer = run.diamonds.iloc[0]
    assert (outer["divergence"], outer["balancing"], outer["evidence"]) == (HOME, "per-packet", "positional")


@pytest.mark.parametrize("options", [*PARIS, {}], ids=str)
def test_case_4_flows_that_were_sent_once_prove_no_link_and_no_balancer_of_flows(options):
    run = trace("case-04-per-packet", rounds=40, **options)
    assert edges(run, evidence="flow") <= true_edges("case-04-per-packet")
    if run.probes["flow"].nunique() == 40:  # each round is a flow of its own
        assert edges(run, evidence="assumed") - true_edges("case-04-per-packet")
        assert set(run.diamonds["balancing"]) == {"cannot tell"}
        (says,) = run.findings.loc[run.findings["kind"] == "balancing", "says"]
        assert "cannot be told: 5 more of them sent again would tell" in says


@pytest.mark.parametrize("algorithm", ["mda", "mda-lite"])
def test_case_4_a_discovery_tests_for_it_and_calls_no_link_behind_it_proof(algorithm):
    run = discover("case-04-per-packet", algorithm=algorithm)
    nodes = run.discovery.nodes.set_index("addr")
    assert nodes.loc[HOME, ["next_hops", "balancing"]].tolist() == [3, "per-packet"]
    assert edges(run, evidence="flow") <= true_edges("case-04-per-packet")
    assert edges(run) - true_edges("case-04-per-packet"), "packets of one flow took several ways"


def test_case_5_three_flows_miss_a_way_in_a_quarter_of_traces_and_a_discovery_says_what_it_may_miss():
    network, missed = tn.sim.load("case-05-two-ways"), 0
    for seed in range(200):
        lucky = tn.sim.load("case-05-two-ways", seed=seed)
        run = tn.trace(
            "target.example", network=lucky, protocol="udp", multipath="paris", rounds=3, progress=False
        )
        missed += len(edges(run)) < len(network.truth.edges(TARGET))
    assert 34 <= missed <= 68  # 50 expected, three standard deviations of 6.1 either way
    found = discover("case-05-two-ways").discovery
    home = found.nodes.set_index("addr").loc[HOME]
    assert (home["next_hops"], home["flows_needed"]) == (2, flows_needed(2, 0.95)) == (2, 11)
    assert home["flows_on"] >= 11
    assert home["hidden_ratio"] <= 0.05
    assert 0.8 < found.all_found_ratio < 0.95  # not each node's 95 percent, but all of them at once


def test_case_8_silent_routers_on_two_ways_are_never_one_and_their_silence_is_no_number():
    run = trace("case-08-silent", rounds=40)
    graph = run.graph()
    silent = [node for node in graph if node.startswith("*")]
    assert len(silent) == 40  # one on each flow: nobody can say which of them are the same router
    for node in silent:
        ((before, _),), ((_, after),) = graph.in_edges(node), graph.out_edges(node)
        assert (before, after) in {(HOME, FIVE), (THREE, SIX)}
    unanswered = run.probes[run.probes["addr"].isna() & (run.probes["ttl"] <= 5)]
    assert len(unanswered) == 40
    assert unanswered["rtt_ms"].isna().all()
    assert run.diamonds[["max_width", "silent"]].to_numpy().tolist() == [[2, 2]]


def test_case_10_a_destination_that_answers_at_many_ttls_is_one_node_at_the_end_of_each_path():
    run = trace("case-10-many-ttls", rounds=40)
    assert set(run.paths["length"]) == {3, 4, 5}
    assert run.paths["reached"].all()
    assert [path[-1] for path in run.paths["addrs"]] == [TARGET] * 40
    assert not any(TARGET in path[:-1] for path in run.paths["addrs"])
    assert [node for node in run.graph() if node == TARGET] == [TARGET]
    assert run.graph().out_degree(TARGET) == 0


def test_case_36_over_ipv6_the_flow_label_decides_the_way_and_is_in_the_table_of_flows():
    run = trace("case-36-flow-label", addr_family="ipv6", rounds=60)
    assert edges(run) == true_edges("case-36-flow-label", "2001:db8:80::80")
    assert run.flows["flow_label"].notna().all()
    assert run.flows["flow_label"].nunique() == 60
    ways = run.probes[run.probes["ttl"] == 2].groupby("flow")["addr"].nunique()
    assert (ways == 1).all()
    same = trace("case-36-flow-label", addr_family="ipv6", source_port=33000, target_port=33434, rounds=12)
    assert same.flows["flow_label"].nunique() == 1
    assert same.hops.set_index("ttl").loc[2, "n_addrs"] == 1


def test_case_37_icmp_paris_varies_the_checksum_between_flows_and_keeps_it_within_one():
    run = trace("case-37-icmp-paris", protocol="icmp", multipath="paris", rounds=40)
    assert run.flows["icmp_checksum"].nunique() == 40
    assert set(run.hops.set_index("ttl").loc[2, "addrs"]) == {TWO, THREE}
    assert set(run.links["evidence"]) <= {"flow", "assumed"}
    # A balancer that goes by addresses alone shows one way, whatever the flow: nobody can see the other.
    assert run.hops.set_index("ttl").loc[4, "n_addrs"] == 1
    classic = trace("case-37-icmp-paris", protocol="icmp")
    assert classic.flows["icmp_checksum"].nunique() == 1
    assert classic.hops.set_index("ttl").loc[2, "n_addrs"] == 1


def test_case_39_two_interfaces_of_a_router_are_two_nodes_until_somebody_says_otherwise():
    run = trace("case-39-interfaces", rounds=40)
    assert set(run.hops.set_index("ttl").loc[3, "addrs"]) == {"203.0.113.40", "203.0.113.41"}
    assert edges(run) == true_edges("case-39-interfaces")
    assert ("203.0.113.40", FIVE) in edges(run)
    assert ("203.0.113.41", FIVE) in edges(run)


def test_case_40_a_router_that_answers_from_another_interface_is_what_it_says_it_is():
    run = trace("case-40-outgoing")
    assert run.hops["addrs"].tolist() == [(HOME,), ("203.0.113.42",), (THREE,), (TARGET,)]
    true = tn.sim.load("case-40-outgoing").truth.path(TARGET)
    assert run.paths["addrs"].iloc[0] == tuple(hop.addr for hop in true.hops)
    assert said(run) == {("nat", "none seen")}


def test_case_43_a_path_that_changed_is_told_by_rounds_and_no_median_over_both_is_called_same():
    run = trace("case-43-change", protocol="icmp", rounds=60)
    first, second = (run.paths[run.paths["round"].between(*rounds)] for rounds in ((0, 29), (30, 59)))
    assert first["path_id"].nunique() == second["path_id"].nunique() == 1
    assert {*first["path_id"]} != {*second["path_id"]}
    before, after = (trace("case-43-change", protocol="icmp", at_s=at) for at in (0, 40))
    found = tn.compare(before, after)
    assert found.verdict == "changed"
    assert f"at hop 2 from {TWO} to {THREE}" in found.sentence
    assert "20 ms longer" in found.sentence


def test_case_44_a_flap_is_no_change_for_good_and_other_flows_are_no_change_at_all():
    flapping, again, changed = (
        trace("case-44-flap", protocol="icmp", rounds=60, at_s=at) for at in (0, 40, 110)
    )
    assert flapping.paths["path_id"].nunique() == 2
    assert tn.compare(flapping, again).verdict == "same"
    assert tn.compare(flapping, changed).verdict == "changed"
    ports: dict[str, Any] = {"target_port": 33434, "rounds": 9}
    one, *others = (trace("case-44-flap", source_port=33000 + number, **ports) for number in range(8))
    verdicts = {tn.compare(one, other).verdict for other in others}
    assert "changed" not in verdicts
    assert {one.paths["path_id"].iloc[0], *(other.paths["path_id"].iloc[0] for other in others)} != {
        one.paths["path_id"].iloc[0]
    }, "these flows should take both ways"
