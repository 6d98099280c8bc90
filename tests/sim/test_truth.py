"""The truth is what a noiseless trace finds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sim.world import FAMILIES, MS, ask, bounds, expect, plan_for, probe_at, scenarios, small, trace
from trippy_nb import sim
from trippy_nb.sim.delays import Constant
from trippy_nb.sim.scenario import LinkSpec, Scenario
from trippy_nb.wire import decode_ip, encode_probe

CHANGE = '[[route]]\nat = "60s"\nvia = ["r2", "r1"]\n'


def without_chance(scenario: Scenario) -> Scenario:
    def quiet(spec):
        link = LinkSpec(
            delay=Constant(bounds(spec.link.delay)[0]),
            delay_back=spec.link.delay_back and Constant(bounds(spec.link.delay_back)[0]),
        )
        return replace(spec, link=link, answer_delay=Constant(bounds(spec.answer_delay)[0]), answer_ratio=1.0)

    return replace(
        scenario,
        routers=tuple(quiet(router) for router in scenario.routers),
        targets=tuple(quiet(target) for target in scenario.targets),
        links=tuple(replace(link, link=quiet_link(link.link)) for link in scenario.links),
    )


def quiet_link(link: LinkSpec) -> LinkSpec:
    back = link.delay_back and Constant(bounds(link.delay_back)[0])
    return LinkSpec(delay=Constant(bounds(link.delay)[0]), delay_back=back)


@given(scenarios().map(without_chance), st.sampled_from(FAMILIES), st.sampled_from([0.0, 5.0, 8.0]))
def test_the_truth_equals_what_a_noiseless_trace_finds(scenario, af, at_s):
    net = sim.SimNetwork(scenario).at(at_s)
    plan = plan_for(net, addr_family=f"ipv{af}")
    path = net.truth.path(plan.target.addr, at_s=at_s)
    replies = ask(net, plan, [probe_at(plan, hop.ttl, hop.ttl) for hop in path.hops])
    for hop in path.hops:
        reply = replies.get(hop.ttl)
        blocked = (
            expect(scenario, scenario.targets[0], af, "icmp", hop.ttl, round(at_s * 1e9)).passed + 1 < hop.ttl
        )
        assert hop.answers == (reply is not None and not blocked)
        assert hop.delivery == float(hop.answers)
        if hop.answers:
            assert reply is not None
            assert reply.responder == hop.addr
            assert (reply.read_ns - round(at_s * 1e9)) / MS == pytest.approx(hop.rtt_ms, abs=1e-9)
            assert hop.best_ms == hop.rtt_ms


def test_a_route_change_happens_exactly_at_its_time():
    net = small(extra=CHANGE)
    for af in FAMILIES:
        plan = plan_for(net, addr_family=f"ipv{af}")
        for before_ns, first in [(-1, "r1"), (0, "r2"), (1, "r2")]:
            there = net.fresh()
            there.clock.advance_to(60_000 * MS + before_ns)
            replies = ask(there, plan, [probe_at(plan, 0, 1), probe_at(plan, 1, 2)])
            router = next(router for router in net.scenario.routers if router.id == first)
            assert replies[0].responder == router.address(af)


def test_a_way_once_taken_is_not_taken_for_the_next_one():
    forwarder = small(extra=CHANGE)._forwarder
    packet = encode_probe(plan := plan_for(small()), probe_at(plan, 0, 1))
    moments = [60_000 * MS - 1, 60_000 * MS, 0, 60_000 * MS + 1]
    came_back = [decode_ip(answer).src for ns in moments for _, answer in forwarder.forward(packet, ns)]
    assert came_back == ["192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.2"]


def test_a_trace_across_the_change_sees_both_ways_and_nothing_else():
    net = sim.load("first-steps").at(57.5)
    done = trace(net, rounds=5)
    at_s = {sent.probe.key: sent.receipt.before_ns / 1e9 for sent in done.sent}
    seen: dict[str, set[str]] = {"before": set(), "after": set()}
    for got in done.replies:
        assert got.probe is not None
        if got.probe.ttl in (5, 6):
            seen["before" if at_s[got.probe.key] < 60 else "after"].add(got.reply.responder)
    assert seen == {"before": {"203.0.113.65", "203.0.113.66"}, "after": {"203.0.113.129", "203.0.113.130"}}


def test_the_change_of_first_steps_adds_18_ms_to_its_last_hops_only():
    truth = sim.load("first-steps").truth
    for addr in ("198.51.100.80", "2001:db8:80::80"):
        before, after = truth.path(addr, at_s=59.9), truth.path(addr, at_s=60)
        added = [late.rtt_ms - soon.rtt_ms for soon, late in zip(before.hops, after.hops, strict=True)]
        assert added == pytest.approx([0, 0, 0, 0, 16, 18, 18, 18])
        assert [hop.answers for hop in before.hops] == [True, True, False, True, True, True, True, True]
        assert [hop.delivery for hop in before.hops] == pytest.approx([1, 1, 0, 0.55, 1, 1, 0.9, 0.9])


def test_links_know_when_they_are_used():
    net = small(
        extra=CHANGE
        + '[[link]]\nends = ["r2", "r1"]\ndelay = "9ms"\ndelay_back = "4ms"\nloss = 0.5\nloss_back = 0.25\n'
    )
    links = {(link.near, link.far): link for link in net.truth.links if link.af == 4}
    assert {ends: (link.since_s, link.until_s) for ends, link in links.items()} == {
        ("source", "r1"): (0, 60),
        ("r1", "r2"): (0, 60),
        ("r2", "target.example"): (0, 60),
        ("source", "r2"): (60, None),
        ("r2", "r1"): (60, None),
        ("r1", "target.example"): (60, None),
    }
    own = links["r2", "r1"]
    assert (own.delay_ms, own.delay_back_ms, own.loss, own.loss_back) == (9, 4, 0.5, 0.25)
    assert (own.near_addr, own.far_addr) == ("192.0.2.2", "192.0.2.1")
    assert links["source", "r1"].near_addr == "192.0.2.10"
    assert (links["source", "r1"].delay_ms, links["source", "r1"].delay_back_ms) == (2, 2)


def test_a_link_used_again_is_one_link_and_another_targets_change_is_no_change():
    extra = (
        '[[target]]\nname = "other.example"\nv4 = "198.51.100.81"\n'
        '[[route]]\nat = "5s"\nto = "other.example"\nvia = ["r2"]\n'
        '[[route]]\nat = "9s"\nto = "other.example"\nvia = ["r1", "r2"]\n'
        '[[route]]\nat = "20s"\nto = "other.example"\nvia = ["r2"]\n'
    )
    truth = small(extra=extra).truth
    spans = [(path.addr, path.since_s, path.until_s, path.nodes[:-1]) for path in truth.paths]
    assert spans == [
        ("198.51.100.80", 0, None, ("r1", "r2")),
        ("2001:db8:80::80", 0, None, ("r1", "r2")),
        ("198.51.100.81", 0, 5, ("r1", "r2")),
        ("198.51.100.81", 5, 9, ("r2",)),
        ("198.51.100.81", 9, 20, ("r1", "r2")),
        ("198.51.100.81", 20, None, ("r2",)),
    ]
    links = [
        (link.since_s, link.until_s)
        for link in truth.links
        if (link.near, link.far, link.af) == ("r1", "r2", 4)
    ]
    assert links == [(0, None)]
    with pytest.raises(KeyError):
        truth.path("192.0.2.200")
