"""Asks questions as probes: within a rate, all at once, and what is lost again.

No I/O and no clock, as `Strategy`. What is asked, and what answers mean, says a subclass: where to (a
place), and what follows. A probe is overdue after `_PATIENCE` times the longest RTT seen so far (at least
`_LEAST_WAIT_NS`, at most `probe_timeout`), and longer with each attempt. It may be answered for all that: a
late answer is credited to it, and counts.

When nothing more is wanted, it waits until all that is under way has been answered, or has expired.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from trippy_nb.model import (
    NS_PER_S,
    EndReason,
    FlowOpened,
    Plan,
    Probe,
    ProbeFailed,
    ProbeSent,
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

_PATIENCE: Final = 3
_LEAST_WAIT_NS: Final = 250_000_000  # a router that answers slowly is not silent
_LONGEST_SHIFT: Final = 2
_BURST: Final = 64  # probes in one breath: less than the receive buffer of a small router
_AT_ONCE: Final = (EndReason.INTERRUPTED, EndReason.ERROR)

Place = TypeVar("Place", bound=Hashable)


class Header(NamedTuple):
    """What a question needs of a probe."""

    flow: int
    ttl: int
    size: int = 0
    """Bytes of the whole packet; 0 is the plan's."""


class Asker(ABC, Generic[Place]):
    """A `Sender` that asks until a subclass wants nothing more.

    Parameters
    ----------
    plan
        The trace, decided.
    most_probes
        Probes that it may take in all.
    probe_rate
        Probes a second, at most.
    """

    def __init__(self, plan: Plan, *, most_probes: int, probe_rate: float) -> None:
        config = plan.config
        self._numbering = Numbering(plan)
        self._matcher = Matcher(plan, self._numbering)
        self._timeout_ns = seconds_to_ns(config.probe_timeout)
        self._memory = Memory(self._numbering, self._matcher, self._timeout_ns)
        self._duration_ns = None if config.duration is None else seconds_to_ns(config.duration)
        self._most_probes = min(most_probes, self._numbering.wrap_at - self._numbering.first)
        self._ns_per_probe = NS_PER_S / probe_rate
        self._round = Round(0, 0, self._numbering.first, 0)
        self._next_key = 0
        self._n_flows = 0
        self._opened: list[FlowOpened] = []
        self._out: dict[int, tuple[Place, int]] = {}  # key -> where it was sent, and when
        self._places: dict[int, Place] = {}
        self._tries: dict[Place, int] = {}
        self._attempts: dict[tuple[int, int], int] = {}
        self._repeat: dict[Place, None] = {}  # lost: to be sent again
        self._begun_ns: int | None = None
        self._stop_at_ns = NEVER
        self._longest_ns = 0
        self._due_ns: int | None = None  # not worked out yet
        self._ending: EndReason | None = None
        self._round_ended = False
        self._done: EndReason | None = None

    @property
    @abstractmethod
    def _has_news(self) -> bool:
        """Whether `_wanted` may have something."""

    @abstractmethod
    def _wanted(self, most: int) -> Iterable[Place]:
        """Name the places to ask next, at most so many; each is asked at once."""

    @abstractmethod
    def _header(self, place: Place) -> Header:
        """Tell what a probe to a place is like."""

    @abstractmethod
    def _answered(self, place: Place, reply: Reply, *, from_target: bool) -> None:
        """Learn from an answer."""

    @abstractmethod
    def _lost(self, place: Place, errno: int) -> None:
        """Decide what follows from a probe that was not answered in time, or was refused by the system.

        `_repeat[place] = None` asks again.
        """

    def _is_beyond(self, record: Sent) -> bool:  # noqa: ARG002 - what a subclass decides by
        """Tell whether no answer is expected: the probe was sent past the end of its path."""
        return False

    @property
    def deadline_ns(self) -> int:
        """When time alone will make `next_action` decide something."""
        return min(self._overdue_ns(), self._stop_at_ns, NEVER if self._out else self._expires_ns())

    def next_action(self, now_ns: int) -> Action:
        """Decide what to do at a monotonic time."""
        if self._done is not None:
            return Done(self._done)
        if self._begun_ns is None:
            self._begin(now_ns)
        self._give_up_on_overdue(now_ns)
        if self._ending is None and now_ns >= self._stop_at_ns:
            self._ending = EndReason.DURATION
        if self._ending is None:
            probes = self._next_probes(now_ns)
            if probes:
                opened, self._opened = tuple(self._opened), []
                return Send(tuple(probes), opened)
        return self._wait(now_ns)

    def on_sent(self, receipts: Sequence[SendReceipt]) -> tuple[ProbeSent | ProbeFailed, ...]:
        """Take the receipts of what was to be sent; return the events to record, in order."""
        events: list[ProbeSent | ProbeFailed] = []
        for receipt in receipts:
            record = self._memory[receipt.key]
            if receipt.errno:
                record.state = FAILED
                place, _ = self._out.pop(receipt.key)
                self._lost(place, receipt.errno)
                events.append(ProbeFailed(record.probe, receipt))
                continue
            record.before_ns = receipt.before_ns
            record.expires_ns = receipt.after_ns + self._timeout_ns
            self._out[receipt.key] = self._out[receipt.key][0], receipt.after_ns
            events.append(ProbeSent(record.probe, receipt))
        self._due_ns = None
        return tuple(events)

    def on_reply(self, reply: Reply, at_ns: int) -> ReplyReceived:
        """Judge a reply that arrived at a monotonic time, and learn from it."""
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
        self._out.pop(record.probe.key, None)
        kind = ReplyKind.LATE if at_ns > record.expires_ns else ReplyKind.FIRST
        if not self._longest_ns:
            self._due_ns = None  # from here on patience has a measure, and is shorter
        self._longest_ns = max(self._longest_ns, min(at_ns - record.before_ns, self._timeout_ns))
        if not matcher.is_local_error(reply):
            place = self._places[record.probe.key]
            self._repeat.pop(place, None)
            self._answered(place, reply, from_target=from_target)
        return ReplyReceived(reply, record.probe, kind, match, from_target)

    def request_end(self, reason: EndReason) -> None:
        """Ask for the end: at once for INTERRUPTED and ERROR, else after what is outstanding."""
        if reason in _AT_ONCE:
            self._done = self._done or reason
        else:
            self._ending = self._ending or reason

    def give_up(self) -> tuple[ProbeFailed, ...]:
        """Nothing is ever issued again under the same key."""
        return ()

    def _begin(self, now_ns: int) -> None:
        self._begun_ns = self._round.started_ns = now_ns
        if self._duration_ns is not None:
            self._stop_at_ns = now_ns + self._duration_ns

    def _next_probes(self, now_ns: int) -> list[Probe]:
        """Make the probes that are wanted, as many as may leave now."""
        left = self._allowance(now_ns)
        probes: list[Probe] = []
        if not left:
            return probes
        for place in list(self._repeat)[:left]:
            del self._repeat[place]
            probes.append(self._make_probe(place))
        if len(probes) < left and self._has_news:
            probes += [self._make_probe(place) for place in self._wanted(left - len(probes))]
        return probes

    def _allowance(self, now_ns: int) -> int:
        """Tell how many probes may leave now: by rate, burst, and budget."""
        if self._next_key >= self._most_probes:
            self._ending = self._ending or EndReason.BUDGET
            return 0
        assert self._begun_ns is not None
        earned = int((now_ns - self._begun_ns) / self._ns_per_probe) + _BURST
        return max(0, min(earned - self._next_key, _BURST, self._most_probes - self._next_key))

    def _make_probe(self, place: Place) -> Probe:
        flow, ttl, size = self._header(place)
        while self._n_flows <= flow:  # in their order, so that the run's numbers are the search's
            _, opened = self._numbering.open_flow(self._n_flows)
            self._n_flows += 1
            if opened is not None:
                self._opened.append(opened)
        self._tries[place] = self._tries.get(place, 0) + 1
        attempt = self._attempts.get((flow, ttl), 0)
        self._attempts[flow, ttl] = attempt + 1
        key, seq = self._next_key, self._numbering.first + self._next_key
        self._next_key += 1
        sport, dport = self._numbering.ports(seq, flow)
        probe = Probe(key, 0, flow, ttl, attempt, seq, sport, dport, size)
        self._memory.add(probe, self._round)
        self._places[key] = place
        self._out[key] = place, NEVER >> 1  # until its receipt says when
        return probe

    def _patience_ns(self, place: Place) -> int:
        """Tell after what time a probe is overdue: longer with each attempt."""
        if not self._longest_ns:
            return self._timeout_ns
        wait_ns = max(_LEAST_WAIT_NS, _PATIENCE * self._longest_ns)
        wait_ns <<= min(self._tries[place] - 1, _LONGEST_SHIFT)
        return min(wait_ns, self._timeout_ns)

    def _overdue_ns(self) -> int:
        """When the next probe may be overdue: never later than it is."""
        if self._due_ns is None:
            self._due_ns = min(
                (at_ns + self._patience_ns(place) for place, at_ns in self._out.values()), default=NEVER
            )
        return self._due_ns

    def _give_up_on_overdue(self, now_ns: int) -> None:
        if now_ns < self._overdue_ns():
            return
        overdue = [
            key for key, (place, at_ns) in self._out.items() if at_ns + self._patience_ns(place) <= now_ns
        ]
        for key in overdue:
            self._lost(self._out.pop(key)[0], 0)
        self._due_ns = None

    def _wait(self, now_ns: int) -> WaitUntil | EndRound | Done:
        """Wait for answers, for the rate, or at last for what is under way to expire."""
        has_more = bool(self._repeat) or self._has_news
        if self._ending is None and (self._out or has_more):
            assert self._begun_ns is not None
            next_ns = self._begun_ns + int((self._next_key + 1 - _BURST) * self._ns_per_probe)
            due_ns = min(self._overdue_ns(), next_ns if has_more else NEVER)
            return WaitUntil(max(now_ns, min(due_ns, self._stop_at_ns)))
        expires_ns = self._expires_ns()
        if expires_ns > now_ns:
            return WaitUntil(expires_ns)
        if not self._round_ended:
            self._round_ended = True
            self._round.ended_ns = now_ns
            largest = max((record.probe.ttl for record in self._memory), default=0)
            return EndRound(RoundEnded(0, self._round.started_ns, now_ns, None, largest))
        self._done = self._ending or EndReason.COMPLETE
        return Done(self._done)

    def _expires_ns(self) -> int:
        """When the last probe that may still be answered expires; 0 if there is none."""
        return max(
            (
                record.expires_ns
                for record in self._memory
                if record.is_expected and not self._is_beyond(record)
            ),
            default=0,
        )
