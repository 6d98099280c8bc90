"""The loop: what is judged before what, what is told to whom, and every way out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from tests.tracing.world import (
    MS,
    START,
    Respond,
    S,
    ScriptedChannel,
    VirtualClock,
    exceeded,
    make_plan,
    path,
)
from trippy_nb.errors import ChannelBrokenError, ChannelError, ConfigError
from trippy_nb.model import (
    ClockSampled,
    EndReason,
    Event,
    FlowOpened,
    Foreign,
    ForeignSeen,
    Plan,
    Probe,
    ProbeFailed,
    ProbeSent,
    ReplyKind,
    ReplyReceived,
    RoundEnded,
    SendReceipt,
    Stamped,
    TraceEnded,
)
from trippy_nb.tracing import run_trace

HOUR = 3600 * S


class Run:
    """A trace over a scripted channel, and what came of it."""

    def __init__(self, plan: Plan, respond: Respond | None = None, **options: Any) -> None:
        self.plan = plan
        self.clock = VirtualClock()
        self.channel = ScriptedChannel(self.clock, respond or (lambda probe, at: ()), **options)
        self.events: list[Event] = []
        self.reason: EndReason | None = None

    def go(self, *, stop: Any = lambda: False, on_round: Any = None) -> Run:
        self.reason = run_trace(
            self.plan, self.channel, self.clock, emit=self.events.append, stop=stop, on_round=on_round
        )
        return self

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def kinds(self) -> dict[tuple[int, int], list[ReplyKind]]:
        kinds: dict[tuple[int, int], list[ReplyKind]] = {}
        for event in self.of(ReplyReceived):
            if event.probe is not None:
                kinds.setdefault((event.probe.round, event.probe.ttl), []).append(event.kind)
        return kinds


def test_a_trace_is_a_story_with_beginning_and_end():
    plan = make_plan(rounds=2)
    run = Run(plan, path(plan, 3)).go()
    assert run.reason is EndReason.ROUNDS
    assert isinstance(run.events[0], ClockSampled)
    assert run.events[-1] == TraceEnded(START + S + 10 * MS, EndReason.ROUNDS)
    assert len(run.of(TraceEnded)) == 1
    assert [event.round for event in run.of(RoundEnded)] == [0, 1]
    # Nothing is sent before the clocks were read for it, or before its flow was opened.
    first_sent = next(n for n, event in enumerate(run.events) if isinstance(event, ProbeSent))
    before = [type(event) for event in run.events[:first_sent]]
    assert before == [ClockSampled, ClockSampled, FlowOpened]


def test_the_clocks_are_read_for_every_batch_that_came():
    plan = make_plan(rounds=1)
    run = Run(plan, path(plan, 3, rtt_ms=[10.0, 20.0, 30.0])).go()
    for n, event in enumerate(run.events):
        if isinstance(event, ReplyReceived):
            earlier = [other for other in run.events[:n] if isinstance(other, ClockSampled)]
            assert earlier[-1].mono_ns == event.reply.read_ns


def test_same_world_same_events():
    plan = make_plan(rounds=3, protocol="udp", multipath="dublin")
    runs = [Run(plan, path(plan, 6, silent=[2])).go().events for _ in range(2)]
    assert runs[0] == runs[1]


def test_stamps_and_foreign_packets_are_passed_on():
    plan = make_plan(rounds=1)
    run = Run(plan, path(plan, 3))
    foreign, stamp = Foreign("no answer", START), Stamped(0, START)
    run.channel.extra = [(START + MS, foreign), (START + 2 * MS, stamp)]
    run.go()
    assert run.of(ForeignSeen) == [ForeignSeen(foreign)]
    assert run.of(Stamped) == [stamp]


# --- judged before decided --------------------------------------------------------------------------------


@pytest.mark.parametrize("stamps", [True, False])
def test_what_arrived_by_the_deadline_is_judged_before_the_deadline_is(stamps):
    """The reader wakes up 50 ms late, beside a computing cell: no false time-out, no false end."""
    plan = make_plan(rounds=1, max_ttl=1, min_round_duration=1.0, max_round_duration=1.0, probe_timeout=1.0)
    run = Run(plan, path(plan, 1, rtt_ms=995.0), read_lag_ns=50 * MS, stamps=stamps).go()
    (event,) = run.of(ReplyReceived)
    assert event.kind is (ReplyKind.FIRST if stamps else ReplyKind.LATE)


def test_every_answer_in_time_by_its_stamp_is_in_time_however_late_the_reader():
    plan = make_plan(rounds=3, max_ttl=9, min_round_duration=0.2, max_round_duration=0.4, grace_duration=0.05)
    rtts = [10.0, 130.0, 145.0, 149.0, 150.0, 170.0, 180.0, 190.0, 199.0]
    run = Run(plan, path(plan, 9, rtt_ms=rtts), read_lag_ns=37 * MS).go()
    assert run.kinds == {(n, ttl): [ReplyKind.FIRST] for n in range(3) for ttl in range(1, 10)}


def test_a_full_drain_precedes_every_decision_of_time():
    """Replies that lie in the socket when the deadline has passed count before it does."""
    plan = make_plan(rounds=2, max_ttl=2, min_round_duration=0.1, max_round_duration=0.3, grace_duration=0.05)
    run = Run(plan, path(plan, 2, rtt_ms=[40.0, 20.0]), read_lag_ns=120 * MS).go()
    ended = run.of(RoundEnded)[0]
    position = run.events.index(ended)
    seen = [event for event in run.events[:position] if isinstance(event, ReplyReceived)]
    assert sorted(event.probe.ttl for event in seen if event.probe is not None) == [1, 2]
    assert run.channel.calls[-1] <= run.clock.mono_ns


# --- clocks that are set ----------------------------------------------------------------------------------


@pytest.mark.parametrize("jump_ns", [HOUR, -HOUR, -30 * 365 * 24 * HOUR, S, -S])
@pytest.mark.parametrize("lag_ms", [0, 25])
def test_setting_the_wall_clock_changes_no_verdict(jump_ns, lag_ms):
    plan = make_plan(rounds=4, max_ttl=6)

    def story(jumps: Sequence[tuple[int, int]]) -> Run:
        run = Run(plan, path(plan, 6, rtt_ms=[5, 10, 400, 20, 990, 30]), read_lag_ns=lag_ms * MS)

        def jump(by_ns: int) -> None:
            run.clock.offset_ns += by_ns

        run.channel._at = [(at_ns, partial(jump, by_ns)) for at_ns, by_ns in jumps]
        return run.go()

    steady = story([])
    times = [START + 2 * MS, START + 9 * MS + 1, START + 1200 * MS, START + 2 * S + 15 * MS, START + 3 * S]
    stepped = story([(at_ns, jump_ns * (-1) ** n) for n, at_ns in enumerate(times)])
    assert stepped.kinds.keys() == steady.kinds.keys()
    assert stepped.of(TraceEnded) == steady.of(TraceEnded)
    assert [event.at_ns for event in stepped.of(RoundEnded)] == [
        event.at_ns for event in steady.of(RoundEnded)
    ]
    if not lag_ms:
        assert stepped.kinds == steady.kinds


def test_a_small_step_between_arrival_and_reading_does_not_make_a_late_answer_timely():
    plan = make_plan(rounds=1, max_ttl=1, min_round_duration=0.1, max_round_duration=0.1)
    run = Run(plan, path(plan, 1, rtt_ms=125.0), read_lag_ns=8 * MS)

    def set_forward() -> None:
        run.clock.offset_ns += 50 * MS

    run.channel._at = [(START + 126 * MS, set_forward)]  # the round ended at 108 ms
    run.go()
    assert run.kinds == {(0, 1): [ReplyKind.LATE]}


# --- the ways out -----------------------------------------------------------------------------------------


def test_stop_ends_at_once_and_leaves_probes_in_flight():
    plan = make_plan(rounds=None)
    run = Run(plan, path(plan, 5, rtt_ms=300.0))
    run.go(stop=lambda: run.clock.mono_ns >= START + 100 * MS)
    assert run.events[-1] == TraceEnded(START + 100 * MS, EndReason.INTERRUPTED)
    assert run.of(RoundEnded) == []


def test_stop_is_looked_at_between_waits_of_the_read_timeout():
    plan = make_plan(rounds=None, max_round_duration=60.0)
    run = Run(plan)
    looks: list[int] = []

    def stop() -> bool:
        looks.append(run.clock.mono_ns)
        return run.clock.mono_ns >= START + S

    run.go(stop=stop)
    gaps = [later - earlier for earlier, later in pairwise(looks)]
    assert max(gaps) <= 10 * MS


def test_what_is_here_when_stop_comes_is_judged():
    plan = make_plan(rounds=None, max_ttl=1)
    run = Run(plan, path(plan, 1, rtt_ms=50.0))

    def stop() -> bool:
        if not run.channel.sent:
            return False
        run.channel._advance(START + 60 * MS)  # the reply comes while nobody reads
        return True

    run.go(stop=stop)
    assert run.reason is EndReason.INTERRUPTED
    assert run.kinds == {(0, 1): [ReplyKind.FIRST]}


def test_stop_before_anything_sends_nothing():
    run = Run(make_plan()).go(stop=lambda: True)
    assert run.channel.sent == []
    assert run.events[-1] == TraceEnded(START, EndReason.INTERRUPTED)


@pytest.mark.parametrize(("answer", "rounds"), [(False, 1), (None, 3), (True, 3), (0, 3)])
def test_only_false_from_on_round_ends_the_trace(answer, rounds):
    plan = make_plan(rounds=3)
    seen: list[RoundEnded] = []

    def on_round(event: RoundEnded) -> Any:
        seen.append(event)
        return answer

    run = Run(plan, path(plan, 3)).go(on_round=on_round)
    assert len(seen) == rounds
    assert run.reason is (EndReason.ON_ROUND if rounds == 1 else EndReason.ROUNDS)
    assert run.of(RoundEnded) == seen


def test_on_round_is_told_after_the_event_was_emitted_and_before_anything_else_is_sent():
    plan = make_plan(rounds=3)
    run = Run(plan, path(plan, 3))

    def on_round(event: RoundEnded) -> None:
        assert run.events[-1] == event
        assert max(probe.round for _, probe in run.channel.sent) == event.round

    run.go(on_round=on_round)


def test_ending_by_on_round_waits_for_what_is_outstanding():
    plan = make_plan(rounds=None, probe_timeout=2.0)
    run = Run(plan, path(plan, 3, silent=[2])).go(on_round=lambda event: False)
    assert run.events[-1] == TraceEnded(START + 2 * S, EndReason.ON_ROUND)


def test_an_error_in_on_round_loses_nothing():
    plan = make_plan(rounds=3)
    run = Run(plan, path(plan, 3))

    def on_round(event: RoundEnded) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run.go(on_round=on_round)
    assert len(run.of(ReplyReceived)) == 23
    assert run.events[-1] == TraceEnded(START + S, EndReason.ERROR)
    assert len(run.of(TraceEnded)) == 1


class Breaking(ScriptedChannel):
    """Breaks at the nth call."""

    sends_left = 99
    receives_left = 99

    def send(self, probes: Sequence[Probe]) -> Sequence[SendReceipt]:
        self.sends_left -= 1
        if self.sends_left < 0:
            raise ChannelBrokenError("cannot send") from OSError(100, "Network is down")
        return super().send(probes)

    def receive(self, until_ns: int) -> Sequence[Any]:
        self.receives_left -= 1
        if self.receives_left < 0:
            raise ChannelBrokenError("cannot receive") from OSError(100, "Network is down")
        return super().receive(until_ns)


@pytest.mark.parametrize(("sends", "receives"), [(0, 99), (1, 99), (99, 0), (99, 1), (99, 3)])
def test_a_channel_that_breaks_ends_the_trace_with_an_error_and_an_event(sends, receives):
    plan = make_plan(rounds=3)
    run = Run(plan)
    run.channel = Breaking(run.clock, path(plan, 3))
    run.channel.sends_left, run.channel.receives_left = sends, receives
    with pytest.raises(ChannelBrokenError):
        run.go()
    assert isinstance(run.events[-1], TraceEnded)
    assert run.events[-1].reason is EndReason.ERROR
    assert len(run.of(TraceEnded)) == 1


class Busy(ScriptedChannel):
    """Every source port but those of the first window is in use."""

    def send(self, probes: Sequence[Probe]) -> Sequence[SendReceipt]:
        import errno

        good = [probe for probe in probes if probe.ttl != 2]
        receipts = {receipt.key: receipt for receipt in super().send(good)}
        now_ns = self.clock.mono_ns
        return [
            receipts.get(probe.key) or SendReceipt(probe.key, now_ns, now_ns, errno.EADDRINUSE)
            for probe in probes
        ]


def test_when_no_port_is_free_every_key_has_its_event():
    plan = make_plan(rounds=3, protocol="tcp")
    run = Run(plan)
    run.channel = Busy(run.clock, path(plan, 3))
    with pytest.raises(ChannelError, match="ports are in use"):
        run.go()
    keys = sorted(event.probe.key for event in run.of(ProbeSent) + run.of(ProbeFailed))
    assert keys == list(range(len(keys)))
    assert isinstance(run.events[-1], TraceEnded)


def test_an_interrupt_between_a_refusal_and_its_repetition_leaves_no_gap():
    plan = make_plan(rounds=3, protocol="tcp")
    run = Run(plan)
    run.channel = Busy(run.clock, path(plan, 3))
    answers = iter([False, True])
    run.go(stop=lambda: next(answers))
    keys = sorted(event.probe.key for event in run.of(ProbeSent) + run.of(ProbeFailed))
    assert keys == list(range(23))
    assert [event.probe.ttl for event in run.of(ProbeFailed)] == [2]


def test_a_plan_that_cannot_be_traced_is_refused_before_anything_is_emitted():
    from dataclasses import replace

    run = Run(replace(make_plan(protocol="udp"), sport=None))
    with pytest.raises(ConfigError):
        run.go()
    assert run.events == []


def test_a_recorder_that_fails_ends_the_trace_with_its_own_error():
    plan = make_plan(rounds=3)
    run = Run(plan, lambda probe, at: [exceeded(plan, probe, at + MS)])
    told: list[Event] = []

    def emit(event: Event) -> None:
        told.append(event)
        if isinstance(event, ReplyReceived):
            raise MemoryError  # noqa: TRY004 - it stands for anything

    with pytest.raises(MemoryError):
        run_trace(plan, run.channel, run.clock, emit=emit, stop=lambda: False)
    assert isinstance(told[-1], TraceEnded)
