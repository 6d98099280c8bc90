"""Obeys a strategy: the loop between it, a channel and a clock.

Order matters more than speed here: before time alone decides anything (a round's end, a time-out), the
clock is read and then everything that is here is judged, so what had arrived by then counts.
"""

import logging
from collections.abc import Callable, Sequence
from typing import assert_never

from trippy_nb.model import (
    ClockSampled,
    EndReason,
    Event,
    Foreign,
    ForeignSeen,
    Plan,
    Reply,
    RoundEnded,
    Stamped,
    TraceEnded,
)
from trippy_nb.tracing.actions import Done, EndRound, Send, WaitUntil
from trippy_nb.tracing.channel import Arrival, Channel
from trippy_nb.tracing.clock import Clock
from trippy_nb.tracing.sender import Sender
from trippy_nb.tracing.strategy import Strategy
from trippy_nb.tracing.timing import arrival_ns

_log = logging.getLogger(__name__)


def run_trace(
    plan: Plan,
    channel: Channel,
    clock: Clock,
    *,
    emit: Callable[[Event], None],
    stop: Callable[[], bool],
    on_round: Callable[[RoundEnded], bool | None] | None = None,
    sender: Sender | None = None,
) -> EndReason:
    """Trace, to the end.

    Parameters
    ----------
    plan
        The trace, decided.
    channel
        Where probes go; its owner closes it.
    clock
        The clock of the channel's world.
    emit
        Is told every event, in order, on this thread. The last one is `TraceEnded`, whatever happens.
    stop
        Looked at between all waits (none is longer than `read_timeout`); True ends the trace at once, and
        what is outstanding stays in flight.
    on_round
        Called after each round, on this thread. False ends the trace, after what is outstanding; any other
        value goes on.
    sender
        Decides what to send; by default Trippy's rounds.

    Returns
    -------
    reason
        Why it ended.

    Raises
    ------
    ChannelError
        If the channel broke (`ChannelBrokenError`), or no port was free.
    Exception
        Whatever `on_round` or `emit` raised. All that was collected has been emitted before.
    """
    driver = _Driver(sender or Strategy(plan), channel, clock, emit)
    reason = EndReason.ERROR
    try:
        reason = driver.run(stop, on_round)
    finally:
        driver.end(reason)
    _log.debug("trace of %s ended: %s", plan.target.addr, reason)
    return reason


class _Driver:
    def __init__(
        self, strategy: Sender, channel: Channel, clock: Clock, emit: Callable[[Event], None]
    ) -> None:
        self._strategy = strategy
        self._channel = channel
        self._clock = clock
        self._emit = emit
        self._clocks = clock.sample()
        self._floor_ns = self._clocks.mono_ns

    def run(
        self, stop: Callable[[], bool], on_round: Callable[[RoundEnded], bool | None] | None
    ) -> EndReason:
        strategy = self._strategy
        self._emit(self._clocks)
        while True:
            if stop():
                strategy.request_end(EndReason.INTERRUPTED)
            now_ns = self._clock.now_ns()
            if now_ns >= strategy.deadline_ns:
                self._take(self._channel.receive(now_ns))
            match strategy.next_action(now_ns):
                case Send() as send:
                    self._send(send)
                case WaitUntil(at_ns):
                    self._take(self._channel.receive(at_ns))
                case EndRound(event):
                    self._emit(event)
                    _log.debug("round %d ended: target at ttl %s", event.round, event.target_ttl or "unknown")
                    if on_round is not None and on_round(event) is False:
                        strategy.request_end(EndReason.ON_ROUND)
                case Done(reason):
                    if reason is EndReason.INTERRUPTED:
                        self._take(self._channel.receive(now_ns))  # what is here already is not in flight
                    return reason
                case never:
                    assert_never(never)

    def end(self, reason: EndReason) -> None:
        for failed in self._strategy.give_up():
            self._emit(failed)
        self._emit(TraceEnded(self._clock.now_ns(), reason))

    def _send(self, send: Send) -> None:
        emit = self._emit
        self._sample()
        for flow in send.flows:
            emit(flow)
        for event in self._strategy.on_sent(self._channel.send(send.probes)):
            emit(event)

    def _take(self, arrivals: Sequence[Arrival]) -> None:
        if not arrivals:
            return
        before, after = self._clocks, self._sample()
        emit, on_reply, floor_ns = self._emit, self._strategy.on_reply, self._floor_ns
        for arrival in arrivals:
            match arrival:
                case Reply():
                    at_ns = arrival_ns(arrival, before=before, after=after, floor_ns=floor_ns)
                    emit(on_reply(arrival, at_ns))
                case Stamped():
                    emit(arrival)
                case Foreign():
                    emit(ForeignSeen(arrival))
                case _:
                    assert_never(arrival)

    def _sample(self) -> ClockSampled:
        self._clocks = self._clock.sample()
        self._emit(self._clocks)
        return self._clocks
