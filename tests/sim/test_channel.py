"""The channel: virtual time, stamps, order, and the same bytes again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sim.world import FAMILIES, MS, PROTOCOLS, Trace, plan_for, probe_at, scenarios, small, trace
from trippy_nb import sim
from trippy_nb.model import EndReason, Foreign, Reply, ReplyKind, Stamped
from trippy_nb.sim.channel import SimChannel
from trippy_nb.sim.clock import VirtualClock
from trippy_nb.tracing import Channel


def open_small():
    net = small()
    plan = plan_for(net)
    channel: Channel = net.open(plan)
    return net, plan, channel


def test_sending_takes_no_time_and_stamps_are_exact():
    net, plan, channel = open_small()
    net.clock.advance_to(5 * MS)
    receipts = channel.send([probe_at(plan, key, 2) for key in range(3)])
    assert net.clock.now_ns() == 5 * MS
    assert {(receipt.before_ns, receipt.after_ns, receipt.errno) for receipt in receipts} == {
        (5 * MS, 5 * MS, 0)
    }
    wall_ns = net.scenario.epoch_ns + 5 * MS
    stamps = [item for item in channel.receive(5 * MS) if isinstance(item, Stamped)]
    assert stamps == [Stamped(key, wall_ns) for key in range(3)]
    assert not [item for item in channel.receive(100 * MS) if isinstance(item, Stamped)]


def test_a_wait_ends_with_the_next_answer_or_at_its_end():
    net, plan, channel = open_small()
    channel.send([probe_at(plan, ttl, ttl) for ttl in (1, 2, 3)])
    arrived = []
    for until_ns, now_ns in [
        (3 * MS, 3),
        (50 * MS, 4),
        (50 * MS, 10),
        (12 * MS - 1, 12),
        (12 * MS, 12),
        (99 * MS, 99),
    ]:
        replies = [item for item in channel.receive(until_ns) if isinstance(item, Reply)]
        assert abs(net.clock.now_ns() - now_ns * MS) <= 1
        arrived += [(reply.responder, reply.read_ns // MS) for reply in replies]
    assert arrived == [("192.0.2.1", 4), ("192.0.2.2", 10), ("198.51.100.80", 12)]


def test_a_moment_in_the_past_drains_without_waiting():
    net, plan, channel = open_small()
    channel.send([probe_at(plan, 0, 1), probe_at(plan, 1, 2)])
    net.clock.advance_to(4 * MS)  # somebody else let time pass
    assert [item.responder for item in channel.receive(0) if isinstance(item, Reply)] == ["192.0.2.1"]
    assert net.clock.now_ns() == 4 * MS
    assert channel.receive(0) == []


def test_answers_that_arrive_together_come_in_the_order_they_were_caused():
    _, plan, channel = open_small()
    channel.send([probe_at(plan, key, 1) for key in range(20)])
    replies = [item for item in channel.receive(50 * MS) if isinstance(item, Reply)]
    assert [reply.quote.icmp_seq for reply in replies] == [33434 + key for key in range(20)]


@given(scenarios(), st.lists(st.tuples(st.integers(0, 9), st.integers(-5 * MS, 80 * MS)), max_size=30))
def test_time_never_goes_back_and_nothing_arrives_before_its_time(scenario, steps):
    net = sim.SimNetwork(scenario)
    plan = plan_for(net)
    channel = net.open(plan)
    before_ns = 0
    for key, (ttl, wait_ns) in enumerate(steps):
        if ttl:
            channel.send([probe_at(plan, key, ttl)])
        until_ns = before_ns + wait_ns
        arrivals = channel.receive(until_ns)
        now_ns = net.clock.now_ns()
        assert before_ns <= now_ns <= max(before_ns, until_ns)
        for item in arrivals:
            if isinstance(item, Reply):
                assert item.read_ns == now_ns
                assert item.kernel_ns is not None
                assert before_ns <= item.kernel_ns - scenario.epoch_ns <= now_ns
        before_ns = now_ns


@pytest.mark.parametrize("af", FAMILIES)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_same_trace_is_the_same_bytes(af, protocol):
    options = {"protocol": protocol.value, "addr_family": f"ipv{af}", "rounds": 5}
    one = trace(sim.load("first-steps"), **options)
    other = trace(sim.load("first-steps"), **options)
    assert one.transcript == other.transcript
    assert one.events == other.events
    assert len(one.transcript) > 40


def test_another_seed_is_another_world():
    def rtts(done: Trace) -> list[int]:
        return [got.reply.read_ns for got in done.replies]

    one, other = (trace(sim.load("first-steps", seed=seed), rounds=3) for seed in (1, 2))
    assert rtts(one) != rtts(other)
    assert {got.reply.responder for got in one.replies} >= {"192.0.2.1", "203.0.113.1"}


def test_fate_does_not_depend_on_what_else_is_sent_or_in_which_order():
    net = sim.load("first-steps")
    plan = plan_for(net)
    probes = [probe_at(plan, key, 1 + key % 9) for key in range(60)]

    def fates(window):
        fresh = net.fresh()
        channel = fresh.open(plan)
        channel.send(window)
        found = {}
        while fresh.clock.now_ns() < 2000 * MS:
            for item in channel.receive(2000 * MS):
                if isinstance(item, Reply):
                    found[item.quote.icmp_seq] = (item.read_ns, item.packet)
        return found

    together = fates(probes)
    assert fates(probes[::-1]) == together
    alone = {number: fate for probe in probes[:20] for number, fate in fates([probe]).items()}
    assert alone == {number: together[number] for number in alone}
    assert len(alone) > 5


class _Junk:
    """A forwarder that answers with what is no answer."""

    def launch(self, packet: bytes, sent_ns: int) -> tuple[tuple[int, bytes], ...]:
        return (sent_ns + 1, packet), (sent_ns + 2, packet[:30]), (sent_ns + 3, b"")

    def local_mtu(self, packet: bytes, sent_ns: int) -> int | None:
        return None


def test_what_answers_no_probe_is_foreign_and_harms_nobody():
    net = small()
    plan = plan_for(net)
    channel = SimChannel(plan, _Junk(), VirtualClock())  # type: ignore[arg-type]  # all that a channel uses
    (receipt,) = channel.send([probe_at(plan, 0, 1)])
    assert receipt.packet is not None
    found = [item for _ in range(4) for item in channel.receive(10) if isinstance(item, Foreign)]
    assert [item.packet for item in found] == [receipt.packet, receipt.packet[:30], b""]
    assert [item.read_ns for item in found] == [1, 2, 3]
    assert all(item.reason for item in found)


def test_late_answers_are_late_and_still_have_their_rtt():
    done = trace(sim.load("late-answers"), "patient.example", rounds=20)
    assert done.reason is EndReason.ROUNDS
    sent_ns = {sent.probe.key: sent.receipt.before_ns for sent in done.sent}
    by_addr: dict[str, set[tuple[ReplyKind, int]]] = {}
    for got in done.replies:
        assert got.probe is not None
        rtt_ms = (got.reply.read_ns - sent_ns[got.probe.key]) // MS
        by_addr.setdefault(got.reply.responder, set()).add((got.kind, rtt_ms))
    assert by_addr["192.0.2.1"] == {(ReplyKind.FIRST, 1)}
    assert by_addr["203.0.113.2"] == {(ReplyKind.LATE, 1409)}
    assert by_addr["203.0.113.3"] == {(ReplyKind.LATE, 2613)}
    assert by_addr["203.0.113.4"] == {(ReplyKind.FIRST, 20), (ReplyKind.LATE, 1220)}
    assert by_addr["198.51.100.26"] == {(ReplyKind.FIRST, 23)}
