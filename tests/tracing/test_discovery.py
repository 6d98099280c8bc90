"""Discoveries, whole: edges, probes, time, and what is done where things are not as they should be."""

from __future__ import annotations

import random
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracing.discovering import PROTOCOLS, TARGET, Tampered, discovered
from trippy_nb import sim
from trippy_nb.model import EndReason, Event, ProbeSent, Reply, RoundEnded
from trippy_nb.tracing import Discovery, run_trace
from trippy_nb.tracing.atlas import SILENT

NODE = {f"203.0.113.{number}": number for number in range(1, 8)}
FIGURE_2 = {(1, 2), (1, 3), (2, 4), (3, 5), (3, 7), (4, 6), (5, 6), (7, 6)}
HEAD = """
[scenario]
name = "lab"
seed = {seed}
[source]
v4 = "192.0.2.10"
[[target]]
name = "target.example"
v4 = "198.51.100.80"
delay = "{last}"
"""


def network(via: str, *, seed: int = 0, delay: str = "1ms", last: str = "1ms", extra: str = "", **more: str):
    """A network of a way; routers are named in it, and more lines may be given for each."""
    names = dict.fromkeys(word for word in via.replace("[", " ").replace("]", " ").replace(",", " ").split())
    rows = [
        f'[[router]]\nid = {name}\nv4 = "203.0.113.{place}"\ndelay = "{delay}"\n{more.get(name[1:-1], "")}'
        for place, name in enumerate(names, 1)
    ]
    route = f"[[route]]\nvia = {via}\n"
    return sim.SimNetwork(
        sim.parse_scenario("\n".join([HEAD.format(seed=seed, last=last), *rows, route, extra]))
    )


def fifteen(seed: int):
    """15 hops at 100 ms, the sixth of them one of four."""
    before = ", ".join(f'"r{number}"' for number in range(5))
    after = ", ".join(f'"s{number}"' for number in range(8))
    via = f'[{before}, ["a", "b", "c", "d"], {after}]'
    return network(via, seed=seed, delay="3300us", last="3800us")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("algorithm", ["mda", "mda-lite"])
def test_figure_2_of_diamond_miner_has_its_eight_links_and_no_other(protocol, algorithm):
    found = discovered(
        sim.load("nested-diamonds"), protocol=protocol, asked={"algorithm": algorithm, "confidence": 0.999}
    )
    links = {(NODE[near], NODE[far]) for near, far in found.edges if far != TARGET}
    assert links == FIGURE_2
    assert found.reason is EndReason.COMPLETE


@pytest.mark.parametrize("af", [4, 6])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_over_both_families_every_protocol_finds_both_branches(protocol, af):
    found = discovered(
        sim.load("nested-diamonds"), protocol=protocol, addr_family=f"ipv{af}", asked={"confidence": 0.999}
    )
    assert found.edges == found.true_edges
    assert len(found.edges) == 9


def test_fifteen_hops_with_a_diamond_take_less_than_a_second_and_few_probes():
    counts, times, missed = [], [], 0
    for seed in range(30):
        found = discovered(fifteen(seed), protocol=PROTOCOLS[seed % 3])
        counts.append(len(found.probes))
        times.append(found.took_ms)
        assert found.edges <= found.true_edges
        missed += len(found.true_edges - found.edges)
    assert max(times) <= 1000
    assert statistics.median(counts) <= 1.5 * 132
    assert max(counts) <= 1.5 * 137
    assert missed <= 6  # one node in twenty may miss one branch, which is two edges


def test_a_chain_is_asked_six_times_a_hop_and_once_too_far_at_most_a_few():
    found = discovered(network('["a", "b", "c", "d"]'))
    assert found.edges == found.true_edges
    by_ttl = [sum(probe.ttl == ttl for probe in found.probes) for ttl in range(1, 10)]
    assert by_ttl[:5] == [6] * 5
    assert sum(by_ttl[5:]) <= 5


def test_unequal_branches_are_joined_in_topology():
    found = discovered(network('["a", [["b1", "b2"], "c"], "d"]'), asked={"confidence": 0.999})
    assert found.edges == found.true_edges
    ttls = {ttl for ttl, layer in found.search.mda.atlas.layers.items() if "203.0.113.5" in layer}
    assert ttls == {3, 4}  # d, by the short branch and by the long one


def test_a_balancer_of_packets_is_told_from_one_of_flows():
    via = '["a", ["b", "c", "d"], "e"]'
    for balance, by_packet in (("packet", True), ("flow", False), ("destination", False)):
        found = discovered(network(via, a=f'balance = "{balance}"'), asked={"confidence": 0.99})
        assert found.search.mda.is_balanced_by_packet((1, "203.0.113.1")) is by_packet
        if by_packet:
            assert found.reason is EndReason.COMPLETE
            assert len(found.probes) < 200


def test_a_destination_that_is_silent_ends_it_after_a_gap():
    net = network('["a", "b"]', extra="")
    quiet = sim.SimNetwork(
        sim.parse_scenario(
            sim.scenario_toml(net.scenario).replace('delay = "1ms"', 'delay = "1ms"\nudp = "filtered"', 1)
        )
    )
    found = discovered(quiet)
    assert found.reason is EndReason.COMPLETE
    assert max(probe.ttl for probe in found.probes) <= 2 + 5 + 1
    assert len(found.probes) < 60


def test_a_router_that_refuses_is_the_end_of_the_way():
    found = discovered(network('["a", "b", "c"]', b='filter = "prohibited"'))
    assert found.nodes == {"203.0.113.1", "203.0.113.2"}
    assert found.search.mda.atlas.ends[0] == 3  # b says so to what would go on from it
    assert len(found.probes) < 45


def test_a_routing_loop_is_left_when_it_has_come_round():
    net = sim.SimNetwork(
        sim.parse_scenario(
            sim.scenario_toml(network('["a", "b"]').scenario).replace(
                'via = ["a", "b"]', 'next = { source = "a", a = "b", b = "a" }'
            )
        )
    )
    found = discovered(net)
    assert found.reason is EndReason.COMPLETE
    assert max(probe.ttl for probe in found.probes) <= 5 + 5
    assert len(found.probes) < 100


def test_a_router_that_answers_half_of_the_time_makes_no_silent_branch():
    found = discovered(network('["a", "b", "c", "d"]', b="answer_ratio = 0.5"))
    assert found.nodes == found.true_nodes
    assert all(SILENT not in layer for layer in found.search.mda.atlas.layers.values())


def test_a_silent_branch_is_a_branch():
    found = discovered(network('["a", ["b", "c"], "d"]', b="silent = true"), asked={"confidence": 0.999})
    assert set(found.search.mda.atlas.layers[2]) == {SILENT, "203.0.113.3"}
    assert found.edges == found.true_edges


@pytest.mark.parametrize("budget", [1, 20, 60])
def test_a_budget_is_kept_and_said(budget):
    found = discovered(fifteen(1), asked={"max_probes": budget})
    assert len(found.probes) == budget
    assert found.reason is EndReason.BUDGET


@pytest.mark.parametrize("rate", [20.0, 100.0])
def test_probes_leave_at_the_rate_that_was_asked_for(rate):
    found = discovered(fifteen(1), asked={"probe_rate": rate})
    sent_ns = sorted(event.receipt.before_ns for event in found.events if isinstance(event, ProbeSent))
    for first in range(0, len(sent_ns), 7):
        for last in range(first + 1, len(sent_ns), 11):
            allowed = 64 + (sent_ns[last] - sent_ns[first]) / 1e9 * rate + 1
            assert last - first <= allowed


def test_a_duration_cuts_it_short_and_loses_nothing():
    found = discovered(fifteen(1), duration=0.15)
    assert found.reason is EndReason.DURATION
    assert [type(event) for event in found.events].count(RoundEnded) == 1
    assert found.edges <= found.true_edges


def test_an_interrupt_ends_it_at_once():
    net = fifteen(1)
    found = discovered(net.fresh())
    search, asked = Discovery(found.plan, found.search.options), [0]
    events: list[Event] = []

    def stop() -> bool:
        asked[0] += 1
        return asked[0] > 10

    reason = run_trace(
        found.plan, net.open(found.plan), net.clock, emit=events.append, stop=stop, sender=search
    )
    assert reason is EndReason.INTERRUPTED


@settings(max_examples=20)
@given(st.integers(0, 50), st.integers(0, 2**32), st.sampled_from(["shuffle", "double", "late"]))
def test_shuffled_doubled_and_late_answers_change_no_edge(seed, luck, how):
    chance = random.Random(luck)
    held: list[Reply] = []

    def tampered(arrivals):
        replies = [item for item in arrivals if isinstance(item, Reply)]
        rest = [item for item in arrivals if not isinstance(item, Reply)]
        if how == "double":
            replies += replies
        if how == "late":  # one in ten waits for the next batch, which may be after it was called overdue
            kept = [reply for reply in replies if chance.random() < 0.1]
            replies = [reply for reply in replies if reply not in kept] + held
            held[:] = kept
        chance.shuffle(replies)
        return [*rest, *replies]

    found = discovered(
        sim.random(seed, hops=(2, 5), diamonds=(1, 1)),
        wrap=lambda channel: Tampered(channel, tampered),
        asked={"confidence": 0.999},
    )
    assert found.edges <= found.true_edges
    assert found.nodes <= found.true_nodes
    if how != "late":
        assert found.edges == found.true_edges
