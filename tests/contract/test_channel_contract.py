"""One contract, every channel: what `tracing.Channel` promises, asked of each that there is."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.contract.worlds import MS, SECOND, Opened
from trippy_nb.errors import HandleClosedError
from trippy_nb.lifetimes import records
from trippy_nb.model import (
    EndReason,
    Event,
    ForeignSeen,
    Match,
    Plan,
    Probe,
    ProbeSent,
    Protocol,
    ReplyKind,
    ReplyReceived,
    RoundEnded,
    SocketMode,
)
from trippy_nb.tracing import MonotonicClock, run_trace
from trippy_nb.wire import (
    ICMP_TYPES,
    RST,
    decode_ip,
    encode_echo_reply,
    encode_icmp_error,
    encode_ip,
    encode_probe,
    encode_tcp_reply,
    internet_checksum,
    pack_address,
    pseudo_header,
)


@dataclass(frozen=True)
class Spec:
    """A channel to be asked."""

    name: str
    world: str
    options: dict[str, Any]

    @property
    def sees_all(self) -> bool:
        """Whether it is shown what is nobody's answer; the kernel shows the others only their own."""
        return "mode" not in self.options

    @property
    def is_kernels(self) -> bool:
        """Whether the kernel or a helper makes the packets, which nobody shows us, nor when they left."""
        return self.options.get("mode") in ("connect", "mtr-packet")


CONNECT = {"protocol": "tcp", "mode": "connect"}
QUEUE = {"protocol": "udp", "mode": "error-queue"}
BOTH_PORTS = {"source_port": 5000, "target_port": 33500}
CHANNELS = [
    Spec("sim-icmp", "sim", {"protocol": "icmp"}),
    Spec("sim-udp", "sim", {"protocol": "udp"}),
    Spec("sim-paris", "sim", {"protocol": "udp", "multipath": "paris"}),
    Spec("sim-tcp", "sim", {"protocol": "tcp"}),
    Spec("sim-icmp-paris", "sim", {"protocol": "icmp", "multipath": "paris"}),
    Spec("sim-tcp-paris", "sim", {"protocol": "tcp", "multipath": "paris"}),
    Spec("raw-icmp-paris", "live", {"protocol": "icmp", "multipath": "paris"}),
    Spec("raw-tcp-paris", "live", {"protocol": "tcp", "multipath": "paris"}),
    Spec("raw-tcp-paris-both", "live", {"protocol": "tcp", "multipath": "paris"} | BOTH_PORTS),
    Spec("raw-icmp", "live", {"protocol": "icmp"}),
    Spec("raw-udp", "live", {"protocol": "udp"}),
    Spec("raw-udp-sport", "live", {"protocol": "udp", "target_port": 33333}),
    Spec("raw-paris", "live", {"protocol": "udp", "multipath": "paris"} | BOTH_PORTS),
    Spec("raw-dublin", "live", {"protocol": "udp", "multipath": "dublin"} | BOTH_PORTS),
    Spec("raw-tcp", "live", {"protocol": "tcp"}),
    Spec("raw-tcp-dport", "live", {"protocol": "tcp", "source_port": 5000}),
    Spec("queue-udp", "live", QUEUE),
    Spec("queue-udp-sport", "live", QUEUE | {"target_port": 33333}),
    Spec("queue-paris", "live", QUEUE | {"multipath": "paris"} | BOTH_PORTS),
    Spec("queue-paris-sport", "live", QUEUE | {"multipath": "paris", "target_port": 33333}),
    Spec("connect-tcp", "live", CONNECT),
    Spec("connect-tcp-dport", "live", CONNECT | {"source_port": 5000}),
    Spec("helper-icmp", "live", {"protocol": "icmp", "mode": "mtr-packet"}),
    Spec("helper-udp", "live", {"protocol": "udp", "mode": "mtr-packet"}),
    Spec("helper-tcp", "live", {"protocol": "tcp", "mode": "mtr-packet"}),
    Spec("datagram-icmp", "live", {"protocol": "icmp", "mode": "datagram"}),
    Spec("datagram-paris", "live", {"protocol": "icmp", "multipath": "paris", "mode": "datagram"}),
]
QUICK = {"rounds": 3, "min_round_duration": 0.0, "grace_duration": 0.01, "probe_timeout": 1.0}
pytestmark = [
    pytest.mark.parametrize("channel", [pytest.param(spec, id=spec.name) for spec in CHANNELS]),
    pytest.mark.parametrize("af", [4, pytest.param(6, marks=pytest.mark.needs("ipv6"))], ids=["v4", "v6"]),
]


@pytest.mark.parametrize("size", [1, 24, 254])
def test_one_receipt_a_probe_in_order_and_the_times_enclose_the_send(world, channel, af, size):
    def steps(it: Opened) -> Opened:
        begun_ns = it.clock.now_ns()
        first = it.send()
        assert len(first) == size
        again = it.channel.send(it.sent[2::-1])
        assert [receipt.key for receipt in again] == [probe.key for probe in it.sent[2::-1]]
        assert min(receipt.before_ns for receipt in first) >= begun_ns
        assert max(receipt.after_ns for receipt in first) <= min(receipt.before_ns for receipt in again)
        assert max(receipt.after_ns for receipt in again) <= it.clock.now_ns()
        return it

    it = world.play(steps, af=af, max_inflight=size + 1, max_ttl=254, **channel.options)
    assert [receipt.key for receipt in it.receipts] == [probe.key for probe in it.sent]
    assert {receipt.errno for receipt in it.receipts} == {0}
    assert all(receipt.before_ns <= receipt.after_ns for receipt in it.receipts)
    assert {bool(receipt.packet) for receipt in it.receipts} == {not channel.is_kernels}


def test_no_probes_are_no_receipts(world, channel, af):
    it = world.play(lambda it: (it.send([]), it)[1], af=af, **channel.options)
    assert it.receipts == []


def traced(it: Opened, **more: Any) -> list[Event]:
    events: list[Event] = []
    reason = run_trace(it.plan, it.channel, it.clock, emit=events.append, stop=lambda: False, **more)
    assert reason is EndReason.ROUNDS
    return events


def of(events: Sequence[Event], kind: type[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def assert_all_credited_once(it: Opened, events: Sequence[Event]) -> list[ReplyReceived]:
    sent = {event.probe.key: event.probe for event in of(events, ProbeSent)}
    credited: list[ReplyReceived] = [
        e for e in of(events, ReplyReceived) if e.kind is not ReplyKind.UNMATCHED
    ]
    assert sorted(event.probe.key for event in credited if event.probe) == sorted(sent)
    for event in credited:
        assert event.probe is not None
        assert event.kind is ReplyKind.FIRST
        assert event.reply.responder == it.hop(event.probe.ttl)
        assert event.from_target == (event.probe.ttl >= len(it.path))
        assert event.reply.key in (None, event.probe.key)
    return credited


def test_every_answer_is_credited_to_its_probe(world, channel, af):
    def steps(it: Opened) -> None:
        events = traced(it)
        credited = assert_all_credited_once(it, events)
        strong = {Match.TOKEN, Match.HEADER}
        assert {event.match for event in credited} <= strong
        assert [event.target_ttl for event in of(events, RoundEnded)] == [len(it.path)] * 3
        if channel.options["protocol"] == "icmp" and not channel.is_kernels:
            assert {event.match for event in credited} == {Match.TOKEN}

    world.play(steps, af=af, **channel.options, **QUICK)


def all_is_here(it: Opened, channel: Spec) -> bool:
    enough = 0 if channel.is_kernels else len(it.sent)
    return len(it.stamps) >= enough and len(it.replies) >= len(it.sent)


def test_each_probe_is_stamped_at_most_once_and_nobody_elses(world, channel, af):
    def steps(it: Opened) -> Opened:
        it.send()
        return it.collect(lambda it: all_is_here(it, channel))

    it = world.play(steps, af=af, max_inflight=25, **channel.options)
    stamped = [] if channel.is_kernels else sorted(probe.key for probe in it.sent)
    assert sorted(stamp.key for stamp in it.stamps) == stamped
    replies = {it.strategy.on_reply(reply, reply.read_ns).probe: reply for reply in it.replies}
    by_key = {probe.key: reply for probe, reply in replies.items() if probe}
    assert len(by_key) == 24
    assert all((by_key[stamp.key].kernel_ns or 0) >= stamp.kernel_ns for stamp in it.stamps)


def test_a_moment_in_the_past_never_waits(world, channel, af):
    clock = MonotonicClock()

    def steps(it: Opened) -> tuple[int, int]:
        begun_ns, inside_ns = clock.now_ns(), it.clock.now_ns()
        for past_ns in (0, -1, inside_ns - SECOND, inside_ns) * 10:
            assert it.channel.receive(past_ns) == []
        return clock.now_ns() - begun_ns, it.clock.now_ns() - inside_ns

    took_ns, passed_ns = world.play(steps, af=af, read_timeout=0.05, **channel.options)
    assert took_ns < 40 * 20 * MS  # had they waited, it were 40 times 50 ms
    assert passed_ns < 40 * 20 * MS


def test_a_wait_ends_at_its_moment(world, channel, af):
    def steps(it: Opened) -> list[int]:
        waits = []
        for _ in range(8):
            begun_ns = it.clock.now_ns()
            assert it.channel.receive(begun_ns + 4 * MS) == []
            waits.append(it.clock.now_ns() - begun_ns)
        return waits

    waits = world.play(steps, af=af, read_timeout=0.05, **channel.options)
    assert min(waits) < 30 * MS  # the best of eight: others may have had the processor
    assert max(waits) < SECOND
    assert sum(waits) > 16 * MS  # and it does wait: nobody spins


def test_nobody_waits_longer_than_the_read_timeout(world, channel, af):
    clock = MonotonicClock()

    def steps(it: Opened) -> list[int]:
        waits: list[int] = []
        while len(waits) < 40 and min(waits, default=SECOND) >= 45 * MS:  # this machine may be busy
            begun_ns = clock.now_ns()
            assert it.channel.receive(it.clock.now_ns() + 3600 * SECOND) == []
            waits.append(clock.now_ns() - begun_ns)
        return waits

    waits = world.play(steps, af=af, read_timeout=0.02, **channel.options)
    assert min(waits) < 45 * MS
    assert max(waits) < SECOND


def stranger(plan: Plan) -> Plan:
    """Somebody else's trace of the same target, with the same numbers."""
    other = replace(plan, mode=SocketMode.RAW, secret=bytes(b ^ 0x55 for b in plan.secret))
    if plan.protocol is Protocol.ICMP:
        return replace(other, trace_id=plan.trace_id ^ 0x1234)
    if plan.sport is not None:
        return replace(other, sport=plan.sport ^ 1)
    assert plan.dport is not None
    return replace(other, dport=plan.dport ^ 1)


def answers_to_others(it: Opened, probes: Sequence[Probe]) -> Iterator[bytes]:
    """Answers to a stranger's probes, and to probes of another target, that bear our numbers."""
    plan = it.plan
    other, elsewhere = (
        stranger(plan),
        replace(plan, mode=SocketMode.RAW, target=replace(plan.target, addr=it.path[0])),
    )
    types = ICMP_TYPES[plan.af]
    for probe in probes:
        theirs = replace(probe, sport=other.sport or probe.sport, dport=other.dport or probe.dport)
        for plan_, probe_ in ((other, theirs), (elsewhere, probe)):
            packet = encode_probe(plan_, probe_)
            yield encode_icmp_error(packet, source=it.path[0], icmp_type=types.time_exceeded, icmp_code=0)
        packet = encode_probe(other, theirs)
        if plan.protocol is Protocol.ICMP:
            yield encode_echo_reply(packet)
        elif plan.protocol is Protocol.TCP:
            yield encode_tcp_reply(packet, flags=RST)


def test_answers_to_others_are_never_credited_to_us(world, channel, af):
    def steps(it: Opened) -> None:
        window = it.next_window()
        again = [
            replace(p, seq=p.seq + len(window), sport=p.sport and p.sport + len(window)) for p in window[:3]
        ]
        noise = list(answers_to_others(it, [*window, *again] if it.plan.sport is None else window))
        it.inject(noise)
        events = traced(it, on_round=lambda _event: it.inject(noise))
        assert_all_credited_once(it, events)
        seen = [e for e in of(events, ReplyReceived) if e.kind is ReplyKind.UNMATCHED] + of(
            events, ForeignSeen
        )
        assert len(seen) >= len(window) or not channel.sees_all
        assert all(event.foreign.reason for event in of(events, ForeignSeen))

    world.play(steps, af=af, **channel.options, **QUICK)


def junk(it: Opened, count: int) -> Iterator[bytes]:
    """Packets addressed to us, of ICMP, TCP and UDP, whose contents are real, bent, cut or random."""
    chance = random.Random(4)
    plan = replace(it.plan, mode=SocketMode.RAW)
    source, target = (pack_address(addr) for addr in (it.path[0], plan.source))
    types = ICMP_TYPES[plan.af]
    bent = [
        decode_ip(
            encode_icmp_error(encode_probe(plan, probe), source=it.path[0], icmp_type=kind, icmp_code=0)
        )
        for probe in it.sent
        for kind in (types.time_exceeded, types.unreachable)
    ]
    for _ in range(count):
        message = bytearray(chance.choice(bent).payload)
        if chance.random() < 0.2:
            message = bytearray(chance.randbytes(chance.randrange(1, 90)))
        for _ in range(chance.randrange(4)):
            message[chance.randrange(len(message))] = chance.randrange(256)
        del message[chance.randrange(len(message) + 1) :]
        protocol = chance.choice([types.protocol, types.protocol, 6, 17])
        if protocol == types.protocol and len(message) >= 4:  # the kernel drops what has a wrong checksum
            message[2:4] = bytes(2)
            initial = pseudo_header(source, target, protocol, len(message)) if plan.af == 6 else 0
            message[2:4] = internet_checksum(bytes(message), initial).to_bytes(2, "big")
        yield encode_ip(bytes(message), source=source, target=target, protocol=protocol)


def test_no_bytes_from_the_network_raise_and_the_trace_goes_on(world, channel, af):
    def steps(it: Opened) -> Opened:
        window = it.next_window()
        it.send(window[:2])
        it.inject(list(junk(it, 400)))
        it.send(window[2:])
        return it.collect(lambda it: {probe.key for probe in window} <= credited(it))

    def credited(it: Opened) -> set[int]:
        judged = [it.strategy.on_reply(reply, reply.read_ns) for reply in it.replies]
        return {event.probe.key for event in judged if event.probe}

    it = world.play(steps, af=af, max_inflight=4, **channel.options)
    assert credited(it) == {0, 1, 2}
    assert len(it.foreign) > 50 or not channel.sees_all
    assert all(foreign.reason for foreign in it.foreign)


def test_after_the_vault_is_closed_every_use_says_so_where_something_was_held(world, channel, af):
    def steps(it: Opened) -> None:
        probes = it.next_window()
        it.vault.close()
        if world.is_simulated:  # it held nothing
            assert len(it.channel.send(probes)) == len(probes)
            return
        for use in (lambda: it.channel.send(probes), lambda: it.channel.receive(0)) * 2:
            with pytest.raises(HandleClosedError, match="closed"):
                use()

    world.play(steps, af=af, **channel.options)


def test_the_ledger_counts_what_went_through(world, channel, af):
    def steps(it: Opened) -> Opened:
        it.send()
        return it.collect(lambda it: all_is_here(it, channel))

    since = max((record.handle for record in records()), default=0)
    it = world.play(steps, af=af, max_inflight=25, **channel.options)
    mine = [record for record in records(run_uuid=it.vault.run_uuid) if record.handle > since]
    expected = 0 if world.is_simulated else len(it.sent)  # the built-in internet holds nothing
    assert sum(record.sent for record in mine if "sending" in record.purpose) == expected
    assert sum(record.received for record in mine if "receiving" in record.purpose) >= expected
    assert all(record.closed_at is not None for record in mine)
