"""A channel of virtual time and real bytes: what comes back is decoded as the raw channel does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.tracing.world import VirtualClock
from trippy_nb import wire
from trippy_nb.errors import BadPacketError
from trippy_nb.frames import Recorder, Tables
from trippy_nb.model import Event, Foreign, ForeignSeen, Plan, Probe, ReplyReceived, SendReceipt
from trippy_nb.tracing import Arrival, run_trace

Respond = Callable[[Probe, bytes], Sequence[bytes]]


def read(packet: bytes, read_ns: int) -> Arrival:
    try:
        reply = wire.decode_reply(packet, read_ns=read_ns)
    except BadPacketError as error:
        return Foreign(str(error), read_ns, packet)
    return Foreign("answers no probe", read_ns, packet) if reply is None else reply


class WiredChannel:
    """Hands each probe's packet to `respond`, and what that returns to whoever receives next."""

    def __init__(self, plan: Plan, clock: VirtualClock, respond: Respond) -> None:
        self._plan = plan
        self._clock = clock
        self._respond = respond
        self._coming: list[bytes] = []

    def send(self, probes: Sequence[Probe]) -> Sequence[SendReceipt]:
        now_ns = self._clock.mono_ns
        receipts = []
        for probe in probes:
            packet = wire.encode_probe(self._plan, probe)
            self._coming += self._respond(probe, wire.with_ttl(packet, 1))
            receipts.append(SendReceipt(probe.key, now_ns, now_ns, 0, packet))
        return receipts

    def receive(self, until_ns: int) -> Sequence[Arrival]:
        clock = self._clock
        if not self._coming:
            clock.mono_ns = max(clock.mono_ns, until_ns)
            return []
        clock.mono_ns += 1_000_000
        coming, self._coming = self._coming, []
        return [read(packet, clock.mono_ns) for packet in coming]


@dataclass
class Seen:
    """What a trace was told, and what it made of it."""

    events: list[Event] = field(default_factory=list)
    recorder: Recorder | None = None

    @property
    def replies(self) -> list[ReplyReceived]:
        return [event for event in self.events if isinstance(event, ReplyReceived)]

    @property
    def credited(self) -> list[ReplyReceived]:
        return [event for event in self.replies if event.probe is not None]

    @property
    def foreign(self) -> int:
        return sum(isinstance(event, ForeignSeen) for event in self.events)

    def tables(self) -> Tables:
        assert self.recorder is not None
        return self.recorder.tables()


def trace(plan: Plan, respond: Respond, *, record: bool = False) -> Seen:
    clock = VirtualClock()
    seen = Seen()
    if record:
        seen.recorder = Recorder(
            plan, run_uuid="00000000-0000-4000-8000-000000000000", source="sim", clock=clock
        )

    def emit(event: Event) -> None:
        seen.events.append(event)
        if seen.recorder is not None:
            seen.recorder.record(event)

    run_trace(plan, WiredChannel(plan, clock, respond), clock, emit=emit, stop=lambda: False)
    return seen
