"""What to send, and when: rounds as Trippy makes them, a whole window at a time.

No I/O and no clock: `Strategy` is told the time and answers with an instruction. In a round

* the next TTL is sent if the target has not answered in this round and the TTL is not beyond the target;
  while the target's distance is unknown, if it is less than `max_inflight` beyond the farthest answer
  of this round (the first after it always may: with `max_inflight` 1 Trippy never sends anything), and at
  most `gap_limit` beyond the farthest answer of the run;
* the target's distance is the smallest TTL at which it answered. It outlives the round, and is forgotten when
  somebody else answers from there or beyond: paths of different length exist (trippy issue 269);
* the round is over when the target has answered, `min_round_duration` is over and nothing has come for
  `grace_duration`; or when `max_round_duration` is over.

The last round ends as soon as all hops up to the target have answered, or nothing can be expected any
more. Then the strategy waits for what is outstanding, each probe until its own `probe_timeout` (those
beyond the target of their round excepted), so no probe is called a time-out early. The same after `duration`,
which cuts the round short. Only an interrupt leaves probes in flight.

What Trippy gets wrong, and this does not: a late reply is credited to its probe; a refused probe
neither shifts hops nor holds up the round; TTLs are TTLs, not positions; durations are monotonic.
With `ttls` the rules count places in that list, and `first_ttl` and `max_ttl` have no say.
"""

import errno
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Final

from trippy_nb.errors import ChannelError
from trippy_nb.model import (
    MAX_SEQUENCE_PER_ROUND,
    EndReason,
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
    seconds_to_ns,
)
from trippy_nb.tracing.actions import Action, Done, EndRound, Send, WaitUntil
from trippy_nb.tracing.matching import Matcher
from trippy_nb.tracing.memory import ANSWERED, FAILED, NEVER, Memory, Round, Sent
from trippy_nb.tracing.multipath import Numbering

_AT_ONCE: Final = (EndReason.INTERRUPTED, EndReason.ERROR)


class Strategy:
    """Decides what a trace does next.

    Parameters
    ----------
    plan
        The trace, decided.

    Raises
    ------
    ConfigError
        If the plan's ports leave none that could tell its probes apart.
    """

    def __init__(self, plan: Plan) -> None:
        config = plan.config
        self._numbering = Numbering(plan)
        self._matcher = Matcher(plan, self._numbering)
        self._timeout_ns = seconds_to_ns(config.probe_timeout)
        self._memory = Memory(self._numbering, self._matcher, self._timeout_ns)
        self._schedule = config.ttls or tuple(range(config.first_ttl, config.max_ttl + 1))
        self._window = max(config.max_inflight - 1, 1)
        self._gap_limit = config.gap_limit
        self._rounds = config.rounds
        self._duration_ns = None if config.duration is None else seconds_to_ns(config.duration)
        self._min_round_ns = seconds_to_ns(config.min_round_duration)
        self._max_round_ns = seconds_to_ns(config.max_round_duration)
        self._grace_ns = seconds_to_ns(config.grace_duration)
        self._reissues = plan.protocol is Protocol.TCP or self._numbering.in_sport

        self._next_round = 0
        self._next_key = 0
        self._next_seq = self._numbering.first
        self._round: Round | None = None
        self._round_records: list[Sent] = []
        self._refused: list[tuple[Sent, SendReceipt]] = []  # to be issued again
        self._target_ttl: int | None = None
        self._farthest = 0  # TTL, of the run
        self._stop_at_ns: int | None = None
        self._wait_ns = NEVER  # between and after rounds
        self._outstanding: list[Sent] | None = None  # only once no more is sent
        self._ending: EndReason | None = None
        self._done: EndReason | None = None

    @property
    def deadline_ns(self) -> int:
        """When time alone will make `next_action` decide something.

        Whoever calls it then, or later, must first have handed over all replies that were here by then.
        """
        if self._round is None or self._refused or self._stop_at_ns is None:
            return self._wait_ns
        return min(self._round_ends_ns(self._round), self._stop_at_ns)

    def next_action(self, now_ns: int) -> Action:
        """Decide what to do now.

        Parameters
        ----------
        now_ns
            Monotonic time.

        Raises
        ------
        ChannelError
            If so many ports are in use that the 512 numbers of a round are not enough.
        """
        if self._done is not None:
            return Done(self._done)
        if self._stop_at_ns is None:
            self._stop_at_ns = NEVER if self._duration_ns is None else now_ns + self._duration_ns
        if self._refused:
            return self._issue_again()
        if self._ending is None and now_ns >= self._stop_at_ns:
            self._ending = EndReason.DURATION
        current = self._round
        if current is None:
            if self._ending is not None:
                return self._settle(now_ns, self._ending)
            return self._begin_round(now_ns, self._stop_at_ns)
        ends_ns = self._round_ends_ns(current)
        if now_ns >= ends_ns or self._ending is not None:
            return self._end_round(current, now_ns)
        probes = self._window_to_send(current)
        return Send(probes) if probes else WaitUntil(min(ends_ns, self._stop_at_ns))

    def on_sent(self, receipts: Sequence[SendReceipt]) -> tuple[ProbeSent | ProbeFailed, ...]:
        """Take the receipts of a window; return the events to record, in order.

        A probe whose port is in use is issued again with the next number, and has no event until then: it
        keeps its key and attempt, for nothing has left.
        """
        events: list[ProbeSent | ProbeFailed] = []
        timeout_ns = self._timeout_ns
        for receipt in receipts:
            record = self._memory[receipt.key]
            if not receipt.errno:
                record.before_ns = receipt.before_ns
                record.expires_ns = receipt.after_ns + timeout_ns
                events.append(ProbeSent(record.probe, receipt))
            elif receipt.errno == errno.EADDRINUSE and self._reissues:
                self._refused.append((record, receipt))
            else:
                record.state = FAILED
                events.append(ProbeFailed(record.probe, receipt))
        return tuple(events)

    def on_reply(self, reply: Reply, at_ns: int) -> ReplyReceived:
        """Judge a reply, and learn from it.

        Parameters
        ----------
        reply
            Anything that came back.
        at_ns
            Monotonic time of its arrival (`timing.arrival_ns`): late or not is judged by it.
        """
        matcher = self._matcher
        found = self._memory.find(reply, at_ns) if matcher.is_answer(reply) else None
        if found is None:
            return ReplyReceived(reply, None, ReplyKind.UNMATCHED, None, from_target=False)
        record, match = found
        from_target = matcher.shows_target(reply)
        if record.state == ANSWERED:
            return ReplyReceived(reply, record.probe, ReplyKind.DUP, match, from_target)
        record.state = ANSWERED
        if at_ns < record.before_ns:
            at_ns = reply.read_ns  # the stamp is wrong: nothing is answered before it is sent
        late = at_ns > record.round.ended_ns or at_ns > record.expires_ns
        if not matcher.is_local_error(reply):
            self._learn(record, at_ns, from_target=from_target)
        kind = ReplyKind.LATE if late else ReplyKind.FIRST
        return ReplyReceived(reply, record.probe, kind, match, from_target)

    def request_end(self, reason: EndReason) -> None:
        """Ask for the end: at once for INTERRUPTED and ERROR, else after what is outstanding.

        The first reason stands, but an interrupt ends the waiting that another reason began.
        """
        if reason in _AT_ONCE:
            self._done = self._done or reason
        else:
            self._ending = self._ending or reason

    def give_up(self) -> tuple[ProbeFailed, ...]:
        """Report the probes that wait to be issued again as refused: each key has its event that way."""
        refused, self._refused = self._refused, []
        for record, _ in refused:
            record.state = FAILED
        return tuple(ProbeFailed(record.probe, receipt) for record, receipt in refused)

    def _begin_round(self, now_ns: int, stop_at_ns: int) -> Send | WaitUntil:
        seq = self._next_seq
        if seq >= self._numbering.wrap_at:
            seq = self._numbering.first
        free_ns = self._memory.free_ns(seq, len(self._schedule))
        if now_ns < free_ns:
            self._wait_ns = min(free_ns, stop_at_ns)
            return WaitUntil(self._wait_ns)
        self._memory.forget(now_ns)
        self._next_seq = seq
        flow, opened = self._numbering.open_flow(self._next_round)
        self._round = Round(self._next_round, now_ns, seq, flow)
        self._round_records = []
        self._next_round += 1
        return Send(self._window_to_send(self._round), () if opened is None else (opened,))

    def _window_to_send(self, current: Round) -> tuple[Probe, ...]:
        begin, end = current.next_index, self._sendable_end(current)
        if end <= begin:
            return ()
        current.next_index = end
        return tuple([self._make_probe(current, ttl) for ttl in self._schedule[begin:end]])

    def _sendable_end(self, current: Round) -> int:
        """Tell the end of the part of the schedule that the rules allow now."""
        schedule = self._schedule
        if current.target_ttl != NEVER:
            return 0
        if self._target_ttl is not None:
            return bisect_right(schedule, self._target_ttl)
        end = bisect_right(schedule, current.farthest) + self._window
        if self._gap_limit is not None:
            end = min(end, bisect_right(schedule, self._farthest) + self._gap_limit)
        return min(end, len(schedule))

    def _make_probe(self, current: Round, ttl: int) -> Probe:
        key, seq = self._next_key, self._next_seq
        self._next_key = key + 1
        self._next_seq = seq + 1
        sport, dport = self._numbering.ports(seq, current.number)
        probe = Probe(key, current.number, current.flow, ttl, 0, seq, sport, dport)
        self._round_records.append(self._memory.add(probe, current))
        return probe

    def _issue_again(self) -> Send:
        current = self._round
        assert current is not None  # probes are sent in rounds only
        left = current.first_seq + MAX_SEQUENCE_PER_ROUND - self._next_seq
        if left < len(self._refused):
            raise ChannelError(
                f"round {current.number} used up its {MAX_SEQUENCE_PER_ROUND} port numbers, because too many "
                "ports are in use on this machine: choose another initial_sequence"
            )
        refused, self._refused = self._refused, []
        return Send(tuple([self._renumber(record) for record, _ in refused]))

    def _renumber(self, record: Sent) -> Probe:
        old, seq = record.probe, self._next_seq
        self._next_seq = seq + 1
        sport, dport = self._numbering.ports(seq, old.round)
        probe = Probe(old.key, old.round, old.flow, old.ttl, old.attempt, seq, sport, dport)
        self._memory.renumber(record, probe)
        return probe

    def _round_ends_ns(self, current: Round) -> int:
        ends_ns = current.started_ns + self._max_round_ns
        if self._rounds is not None and self._next_round >= self._rounds:
            ends_ns = min(ends_ns, self._expected_until_ns(current))
        if current.target_ttl == NEVER:
            return ends_ns
        return min(ends_ns, max(current.started_ns + self._min_round_ns, current.latest_ns + self._grace_ns))

    def _expected_until_ns(self, current: Round) -> int:
        """Tell until when the last round may get an answer; 0 if none is to come."""
        if self._sendable_end(current) > current.next_index:
            return NEVER
        for record in reversed(self._round_records):  # the latest to expire first
            if record.is_expected:
                return record.expires_ns
        return 0

    def _end_round(self, current: Round, now_ns: int) -> EndRound:
        current.ended_ns = now_ns
        self._round = None
        self._wait_ns = NEVER
        if self._ending is None and self._rounds is not None and self._next_round >= self._rounds:
            self._ending = EndReason.ROUNDS
        known = self._target_ttl
        if known is not None:
            largest_ttl = known
        elif current.farthest:
            largest_ttl = min(self._schedule[current.next_index - 1], current.farthest + 1)
        else:
            largest_ttl = 0
        return EndRound(RoundEnded(current.number, current.started_ns, now_ns, known, largest_ttl))

    def _settle(self, now_ns: int, reason: EndReason) -> WaitUntil | Done:
        """Wait for what is outstanding, once no more is sent."""
        records: Iterable[Sent] = self._memory if self._outstanding is None else self._outstanding
        self._outstanding = [
            record for record in records if record.is_expected and record.expires_ns > now_ns
        ]
        if not self._outstanding:
            self._done = reason
            return Done(reason)
        self._wait_ns = max(record.expires_ns for record in self._outstanding)
        return WaitUntil(self._wait_ns)

    def _learn(self, record: Sent, at_ns: int, *, from_target: bool) -> None:
        ttl, round_ = record.probe.ttl, record.round
        known = self._target_ttl
        if from_target:
            if known is None or ttl < known:
                self._target_ttl = ttl
            round_.target_ttl = min(round_.target_ttl, ttl)
        elif known is not None and ttl >= known:
            self._target_ttl = None
        round_.farthest = max(round_.farthest, ttl)
        self._farthest = max(self._farthest, ttl)
        round_.latest_ns = max(round_.latest_ns, at_ns)
