"""A plan, a path, a player: what the tests of the engine share. Replies go through real bytes.

`Player` drives a strategy without any channel; `ScriptedChannel` is for `run_trace`. Both live on a
virtual clock whose monotonic time begins at `START`, both ask one function what becomes of a probe.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from trippy_nb.model import (
    ClockSampled,
    EndReason,
    Event,
    FlowOpened,
    Plan,
    Probe,
    ProbeFailed,
    ProbeSent,
    Protocol,
    Reply,
    ReplyKind,
    ReplyReceived,
    RoundEnded,
    SendReceipt,
    SocketMode,
    Target,
    TraceConfig,
)
from trippy_nb.tracing import Arrival, Done, EndRound, Send, Strategy, WaitUntil
from trippy_nb.wire import (
    ACK,
    RST,
    SYN,
    decode_reply,
    encode_echo_reply,
    encode_icmp_error,
    encode_probe,
    encode_tcp_reply,
)

MS = 1_000_000
S = 1_000_000_000
START = 1_000 * S
WALL = 1_700_000_000 * S

SOURCE = {4: "192.0.2.1", 6: "2001:db8::1"}
TARGET = {4: "198.51.100.9", 6: "2001:db8:9::9"}
SPORT = 40_000
SECRET = bytes(range(0xA0, 0xA8))


def router(ttl: int, af: int = 4) -> str:
    return f"203.0.113.{ttl}" if af == 4 else f"2001:db8:3::{ttl:x}"


def make_plan(af: int = 4, *, mode: SocketMode = SocketMode.SIM, **options: Any) -> Plan:
    """A plan as `capture` makes it: UDP fixes a source port by default, TCP port 80 of the target."""
    options.setdefault("protocol", "icmp")
    config = TraceConfig.from_options(**options)
    protocol = config.protocol
    assert protocol is not None
    sport, dport = config.source_port, config.target_port
    if protocol is not Protocol.ICMP and sport is None and dport is None:
        sport, dport = (None, 80) if protocol is Protocol.TCP else (SPORT, None)
    own = mode in (SocketMode.RAW, SocketMode.SIM)
    room = config.packet_size - (20 if af == 4 else 40) - 8 >= 2
    return Plan(
        config=config,
        target=Target(TARGET[af], TARGET[af]),
        protocol=protocol,
        mode=mode,
        reason="a test",
        source=SOURCE[af],
        sport=sport,
        dport=dport,
        trace_id=0x7E57,
        secret=SECRET,
        icmp_checksum=0x1234 if protocol is Protocol.ICMP and own and room else None,
        flow_label=0x54321 if af == 6 and own else 0,
    )


def decoded(packet: bytes, read_ns: int, kernel_ns: int | None = None) -> Reply:
    reply = decode_reply(packet, read_ns=read_ns, kernel_ns=kernel_ns)
    assert reply is not None
    return reply


def exceeded(plan: Plan, probe: Probe, read_ns: int, *, by: str | None = None, **changes: Any) -> Reply:
    """Time Exceeded from a router; `changes` to the quote are made after decoding."""
    kind = 11 if plan.af == 4 else 3
    return error(plan, probe, read_ns, by=by or router(probe.ttl, plan.af), kind=kind, code=0, **changes)


def error(plan: Plan, probe: Probe, read_ns: int, *, by: str, kind: int, code: int, **changes: Any) -> Reply:
    size = changes.pop("quote_size", None)
    packet = encode_icmp_error(
        encode_probe(plan, probe), source=by, icmp_type=kind, icmp_code=code, quote_size=size
    )
    reply = decoded(packet, read_ns)
    return replace(reply, quote=replace(reply.quote, **changes))


def reached(plan: Plan, probe: Probe, read_ns: int) -> Reply:
    """The target's answer, as its protocol has it: echo reply, Port Unreachable, or SYN-ACK."""
    target, packet = plan.target.addr, encode_probe(plan, probe)
    if plan.protocol is Protocol.ICMP:
        return decoded(encode_echo_reply(packet), read_ns)
    if plan.protocol is Protocol.TCP:
        return decoded(encode_tcp_reply(packet, flags=SYN | ACK), read_ns)
    kind, code = (3, 3) if plan.af == 4 else (1, 4)
    return error(plan, probe, read_ns, by=target, kind=kind, code=code)


def refused(plan: Plan, probe: Probe, read_ns: int) -> Reply:
    return decoded(encode_tcp_reply(encode_probe(plan, probe), flags=RST | ACK), read_ns)


Respond = Callable[[Probe, int], Iterable[Reply]]
"""What comes back for a probe sent at this time; `read_ns` of each reply is when."""


def path(
    plan: Plan,
    length: int,
    *,
    rtt_ms: Sequence[float] | float = 10.0,
    silent: Iterable[int] = (),
    target_answers: bool = True,
) -> Respond:
    """A line of routers; the target stands at TTL `length` and answers whatever reaches it."""
    quiet = set(silent)

    def respond(probe: Probe, at_ns: int) -> Iterable[Reply]:
        ttl = min(probe.ttl, length)
        delay = rtt_ms if isinstance(rtt_ms, (int, float)) else rtt_ms[ttl - 1]
        read_ns = at_ns + round(delay * MS)
        if ttl in quiet or (ttl == length and not target_answers):
            return ()
        if ttl < length:
            return (exceeded(plan, probe, read_ns),)
        return (reached(plan, probe, read_ns),)

    return respond


@dataclass
class Log:
    """Everything that happened."""

    events: list[Event] = field(default_factory=list)
    sends: list[tuple[int, Send]] = field(default_factory=list)
    sent_after: list[int] = field(default_factory=list)
    """For each of `sends`, how many events there were before it."""
    reason: EndReason | None = None
    ended_ns: int = 0

    @property
    def probes(self) -> list[Probe]:
        return [event.probe for event in self.events if isinstance(event, (ProbeSent, ProbeFailed))]

    @property
    def replies(self) -> list[ReplyReceived]:
        return [event for event in self.events if isinstance(event, ReplyReceived)]

    @property
    def rounds(self) -> list[RoundEnded]:
        return [event for event in self.events if isinstance(event, RoundEnded)]

    @property
    def flows(self) -> list[FlowOpened]:
        return [event for event in self.events if isinstance(event, FlowOpened)]

    def ttls(self, round_: int = 0) -> list[int]:
        return [probe.ttl for probe in self.probes if probe.round == round_]

    def windows(self) -> list[list[int]]:
        return [[probe.ttl for probe in send.probes] for _, send in self.sends]

    def kinds(self) -> dict[tuple[int, int], list[ReplyKind]]:
        """(round, ttl) -> kinds of answers, in order."""
        kinds: dict[tuple[int, int], list[ReplyKind]] = {}
        for event in self.replies:
            if event.probe is not None:
                kinds.setdefault((event.probe.round, event.probe.ttl), []).append(event.kind)
        return kinds


class Player:
    """Drives a strategy by hand: virtual time, no channel, no tracer."""

    def __init__(
        self,
        plan: Plan,
        respond: Respond | None = None,
        *,
        errno_of: Callable[[Probe], int] = lambda probe: 0,
    ) -> None:
        self.plan = plan
        self.strategy = Strategy(plan)
        self.log = Log()
        self.now_ns = START
        self._respond = respond or (lambda probe, at_ns: ())
        self._errno_of = errno_of
        self._pending: list[tuple[int, int, Reply]] = []
        self._n = 0

    def expect(self, *replies: Reply) -> None:
        for reply in replies:
            heapq.heappush(self._pending, (reply.read_ns, self._n, reply))
            self._n += 1

    def play(self, *, until_ns: int | None = None, actions: int = 1_000_000) -> Log:
        """Play to the end, or until virtual time reaches `until_ns`."""
        for _ in range(actions):
            self._hand_over()
            action = self.strategy.next_action(self.now_ns)
            match action:
                case Send(probes, flows):
                    self._send(action, probes, flows)
                case EndRound(event):
                    self.log.events.append(event)
                case WaitUntil(at_ns):
                    assert at_ns > self.now_ns, "a wait that is over would spin"
                    assert at_ns == self.strategy.deadline_ns
                    pending_ns = self._pending[0][0] if self._pending else at_ns
                    if until_ns is not None and min(at_ns, pending_ns) > until_ns:
                        self.now_ns = until_ns
                        return self.log
                    self.now_ns = max(self.now_ns, min(at_ns, pending_ns))
                case Done(reason):
                    self.log.reason, self.log.ended_ns = reason, self.now_ns
                    return self.log
        raise AssertionError(f"not done after {actions} actions")

    def _hand_over(self) -> None:
        while self._pending and self._pending[0][0] <= self.now_ns:
            at_ns, _, reply = heapq.heappop(self._pending)
            self.log.events.append(self.strategy.on_reply(reply, at_ns))

    def _send(self, send: Send, probes: Sequence[Probe], flows: Sequence[FlowOpened]) -> None:
        self.log.sends.append((self.now_ns, send))
        self.log.sent_after.append(len(self.log.events))
        self.log.events += flows
        receipts = [
            SendReceipt(probe.key, self.now_ns, self.now_ns, self._errno_of(probe)) for probe in probes
        ]
        self.log.events.extend(self.strategy.on_sent(receipts))
        for probe, receipt in zip(probes, receipts, strict=True):
            if not receipt.errno:
                self.expect(*self._respond(probe, self.now_ns))


def play(plan: Plan, respond: Respond | None = None, **options: Any) -> Log:
    return Player(plan, respond, **options).play()


class VirtualClock:
    """Time that moves when told to; the wall clock may be set."""

    def __init__(self) -> None:
        self.mono_ns = START
        self.offset_ns = WALL - START
        self.error_ns = 0

    def now_ns(self) -> int:
        return self.mono_ns

    def wall_ns(self) -> int:
        return self.mono_ns + self.offset_ns

    def sample(self) -> ClockSampled:
        return ClockSampled(self.mono_ns, self.offset_ns, self.error_ns)


class ScriptedChannel:
    """A channel on a virtual clock. Replies are stamped by the kernel on arrival, and read when asked for.

    `read_lag_ns` is how long the reader is kept from running after it should wake up, as beside a
    computing cell; `at` holds things to do at given times, such as setting the wall clock.
    """

    def __init__(
        self,
        clock: VirtualClock,
        respond: Respond,
        *,
        read_timeout_ns: int = 10 * MS,
        read_lag_ns: int = 0,
        at: Sequence[tuple[int, Callable[[], object]]] = (),
        stamps: bool = True,
    ) -> None:
        self.clock = clock
        self.sent: list[tuple[int, Probe]] = []
        self.calls: list[int] = []
        self.extra: list[tuple[int, Arrival]] = []
        self._respond = respond
        self._read_timeout_ns = read_timeout_ns
        self._read_lag_ns = read_lag_ns
        self._at = sorted(at, key=lambda item: item[0])
        self._stamps = stamps
        self._coming: list[tuple[int, int, Reply]] = []
        self._queue: list[Arrival] = []
        self._n = 0

    def send(self, probes: Sequence[Probe]) -> Sequence[SendReceipt]:
        now_ns = self.clock.mono_ns
        for probe in probes:
            self.sent.append((now_ns, probe))
            for reply in self._respond(probe, now_ns):
                heapq.heappush(self._coming, (reply.read_ns, self._n, reply))
                self._n += 1
        return [SendReceipt(probe.key, now_ns, now_ns) for probe in probes]

    def receive(self, until_ns: int) -> Sequence[Arrival]:
        self.calls.append(until_ns)
        start_ns = self.clock.mono_ns
        self._advance(start_ns)
        if not self._queue and until_ns > start_ns:
            wake_ns = min(until_ns, start_ns + self._read_timeout_ns)
            if self._coming and self._coming[0][0] < wake_ns:
                wake_ns = max(self._coming[0][0], start_ns)
            self._advance(wake_ns + self._read_lag_ns)
        arrivals, self._queue = self._queue, []
        now_ns = self.clock.mono_ns
        return [
            replace(arrival, read_ns=now_ns) if isinstance(arrival, Reply) else arrival
            for arrival in arrivals
        ]

    def _advance(self, to_ns: int) -> None:
        while True:
            next_ns = self._coming[0][0] if self._coming else to_ns + 1
            event_ns = self._at[0][0] if self._at else to_ns + 1
            if min(next_ns, event_ns) > to_ns:
                break
            self.clock.mono_ns = max(self.clock.mono_ns, min(next_ns, event_ns))
            if event_ns <= next_ns:
                self._at.pop(0)[1]()
            else:
                _, _, reply = heapq.heappop(self._coming)
                stamp = self.clock.wall_ns() if self._stamps else None
                self._queue.append(replace(reply, kernel_ns=stamp))
        self.clock.mono_ns = max(self.clock.mono_ns, to_ns)
        while self.extra and self.extra[0][0] <= to_ns:
            self._queue.append(self.extra.pop(0)[1])
