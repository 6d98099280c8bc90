"""What becomes of a probe: against a walk by hand (`world.expect`), and against scapy's reading."""

from __future__ import annotations

import statistics
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sim.world import (
    FAMILIES,
    MS,
    PROTOCOLS,
    ask,
    expect,
    plan_for,
    probe_at,
    scenarios,
    small,
)
from tests.wire.oracle import IP, TCP, IPv6
from trippy_nb.model import Protocol, Reply
from trippy_nb.sim import SimNetwork
from trippy_nb.wire import ICMP_TYPES

families = pytest.mark.parametrize("af", FAMILIES)
protocols = pytest.mark.parametrize("protocol", PROTOCOLS)
CODES = {
    "no-route": {4: 0, 6: 0},
    "host-unreachable": {4: 1, 6: 3},
    "prohibited": {4: 13, 6: 1},
    "port": {4: 3, 6: 4},
}


def kind_of(reply: Reply, af: int) -> str:
    if reply.tcp_flags is not None:
        return {0x12: "syn-ack", 0x14: "rst"}[reply.tcp_flags]
    types = ICMP_TYPES[af]
    if reply.icmp_type == types.unreachable:
        return next(word for word, codes in CODES.items() if codes[af] == reply.icmp_code)
    return {types.time_exceeded: "exceeded", types.echo_reply: "echo"}[reply.icmp_type or 0]


@given(
    scenarios(),
    st.sampled_from(FAMILIES),
    st.sampled_from(PROTOCOLS),
    st.sampled_from([0.0, 4.9999, 5.0, 99.0]),
)
def test_every_fate_agrees_with_the_scenario(scenario, af, protocol, at_s):
    net = SimNetwork(scenario).at(at_s)
    plan = plan_for(net, addr_family=f"ipv{af}", protocol=protocol.value)
    probes = [probe_at(plan, ttl - 1, ttl) for ttl in range(1, 10)]
    sent_ns = net.clock.now_ns()
    replies = ask(net, plan, probes)
    for probe in probes:
        wanted = expect(scenario, scenario.targets[0], af, protocol, probe.ttl, sent_ns)
        reply = replies.get(probe.key)
        if reply is None:
            assert wanted.addr is None or not wanted.certain, (probe, wanted)
            continue
        assert reply.responder == wanted.addr
        assert kind_of(reply, af) == wanted.kind
        assert wanted.low_ns <= reply.read_ns - sent_ns <= wanted.high_ns
        assert reply.kernel_ns == scenario.epoch_ns + reply.read_ns
        sender = next(
            (router for router in scenario.routers if router.address(af) == reply.responder),
            scenario.targets[0],
        )
        assert reply.ttl == sender.reply_ttl - wanted.passed
        if wanted.kind not in ("echo", "syn-ack", "rst"):
            assert reply.quote.ttl == probe.ttl - wanted.passed


@families
@protocols
def test_scapy_reads_every_answer_and_finds_its_checksums_right(af, protocol):
    net = small()
    plan = plan_for(net, addr_family=f"ipv{af}", protocol=protocol.value)
    probes = [probe_at(plan, key, ttl) for key, ttl in enumerate((1, 2, 3, 9))]
    sent = [receipt.packet or b"" for receipt in net.fresh().open(plan).send(probes)]
    replies = ask(net, plan, probes)
    assert sorted(replies) == [0, 1, 2, 3]
    for key, reply in replies.items():
        layer = IP if af == 4 else IPv6
        read, asked = layer(reply.packet or b""), layer(sent[key])
        assert bytes(without_checksums(read)) == reply.packet, "a checksum is wrong"
        assert (read.src, read.dst) == (reply.responder, "192.0.2.10" if af == 4 else "2001:db8:10::10")
        from_target = key >= 2
        if from_target and protocol is Protocol.TCP:
            assert (read[TCP].flags, read[TCP].ack) == ("RA", asked[TCP].seq + 1)
            assert (read[TCP].sport, read[TCP].dport) == (asked[TCP].dport, asked[TCP].sport)
        elif from_target and protocol is Protocol.ICMP:
            assert bytes(read.payload)[4:] == bytes(asked.payload)[4:]  # all but type, code and checksum
            assert read.payload.type == (0 if af == 4 else 129)
        else:
            passed = min(key, 2)
            quoted = (reply.packet or b"")[28 if af == 4 else 48 :]
            as_arrived = layer(sent[key])
            if af == 4:
                as_arrived.ttl -= passed
                as_arrived.delfieldval("chksum")
            else:
                as_arrived.hlim -= passed
            assert quoted == bytes(as_arrived)


def without_checksums(packet: Any) -> Any:
    """Copy a packet so that scapy fills in the checksums of its two outer headers anew."""
    again = packet.copy()
    for part in (again, again.payload):
        for name in {"chksum", "cksum"} & set(part.fields):
            part.delfieldval(name)
    return again


@families
@pytest.mark.parametrize(("quote", "size"), [("short", {4: 28, 6: 48}), ("full", {4: 548, 6: 1024})])
def test_a_router_quotes_as_much_as_the_scenario_says(af, quote, size):
    net = small(('id = "r1"', f'id = "r1"\nquote = "{quote}"'))
    plan = plan_for(net, addr_family=f"ipv{af}", packet_size=1024)
    (reply,) = ask(net, plan, [probe_at(plan, 0, 1)]).values()
    assert reply.packet is not None
    assert len(reply.packet) == (20 if af == 4 else 40) + 8 + size[af]


@families
def test_open_ports_are_exceptions(af):
    net = small(('delay = "1ms"', 'delay = "1ms"\nudp = "filtered"\ntcp = "filtered"\ntcp_open = [443]'))
    plan = plan_for(net, addr_family=f"ipv{af}", protocol="tcp")
    replies = ask(net, plan, [probe_at(plan, 0, 9, dport=443), probe_at(plan, 1, 9, dport=80)])
    assert {key: kind_of(reply, af) for key, reply in replies.items()} == {0: "syn-ack"}
    net = small(('delay = "1ms"', 'delay = "1ms"\nudp_open = [53]'))
    plan = plan_for(net, addr_family=f"ipv{af}", protocol="udp")
    replies = ask(net, plan, [probe_at(plan, 0, 9, dport=53), probe_at(plan, 1, 9, dport=54)])
    assert {key: kind_of(reply, af) for key, reply in replies.items()} == {1: "port"}


def share_answered(net: SimNetwork, ttl: int, count: int = 4000) -> float:
    plan = plan_for(net)
    return len(ask(net, plan, [probe_at(plan, key, ttl) for key in range(count)])) / count


def test_a_lossy_link_loses_what_passes_it_and_all_hops_behind_it_show_that():
    lossy = small(('id = "r2"', 'id = "r2"\nloss = 0.2\nloss_back = 0.1'))
    assert share_answered(lossy, 1) == 1
    for ttl in (2, 3):
        assert share_answered(lossy.fresh(), ttl) == pytest.approx(0.8 * 0.9, abs=0.03)


def test_what_a_link_does_not_lose_is_no_faster_and_no_slower_for_it():
    jitter = 'delay = { kind = "uniform", min = "0ms", max = "100ms" }\nloss = 0.5'
    net = small(('delay = "3ms"', jitter))
    plan = plan_for(net)
    replies = ask(net, plan, [probe_at(plan, key, 2) for key in range(2000)])
    rtts_ms = [reply.read_ns / MS - 4 for reply in replies.values()]
    assert statistics.fmean(rtts_ms) == pytest.approx(100, abs=5)  # standard error 1.3
    assert min(rtts_ms) < 20
    assert max(rtts_ms) > 180


@families
@protocols
def test_errors_travel_as_control_traffic_and_echoes_as_they_were_sent(af, protocol):
    net = small()
    plan = plan_for(net, addr_family=f"ipv{af}", protocol=protocol.value, tos=0x28)
    replies = ask(net, plan, [probe_at(plan, key, 1 + key) for key in range(3)])
    control = 0xC0 if af == 4 else 0
    last = {Protocol.ICMP: 0x28, Protocol.UDP: control, Protocol.TCP: 0}[protocol]
    assert [replies[key].tos for key in range(3)] == [control, control, last]
    assert replies[0].quote.tos == 0x28


def test_a_router_that_does_not_bother_to_answer_loses_nothing():
    lazy = small(('id = "r2"', 'id = "r2"\nanswer_ratio = 0.3\nanswer_delay = "50ms"'))
    assert share_answered(lazy, 2) == pytest.approx(0.3, abs=0.03)
    assert share_answered(lazy.fresh(), 3) == 1
    plan = plan_for(lazy)
    assert {reply.read_ns for reply in ask(lazy.fresh(), plan, [probe_at(plan, 0, 3)]).values()} == {12 * MS}


def test_changing_one_link_changes_no_luck_on_another():
    lossy = ('id = "r2"', 'id = "r2"\nloss = 0.5')
    one, other = small(lossy), small(lossy, ('delay = "2ms"', 'delay = "7ms"\nloss = 0.3'))
    plan = plan_for(one)  # one plan, because a run's bytes depend on the whole scenario
    before, after = (
        set(ask(net, plan, [probe_at(plan, key, 3) for key in range(300)])) for net in (one, other)
    )
    assert 100 < len(before) < 200
    assert after < before
    assert len(after) == pytest.approx(0.7 * len(before), abs=30)


def test_an_answer_whose_ttl_runs_out_on_the_way_back_never_arrives():
    near = small(('id = "r2"', 'id = "r2"\nreply_ttl = 1'))
    plan = plan_for(near)
    assert set(ask(near, plan, [probe_at(plan, ttl, ttl) for ttl in (1, 2, 3)])) == {1, 3}


def test_a_packet_to_nobody_vanishes():
    net = small()
    plan = plan_for(net)
    plan = replace(plan, target=replace(plan.target, addr="203.0.113.77"))
    assert ask(net, plan, [probe_at(plan, 0, 5)]) == {}
