"""The probes that may still be answered, by key and by number.

A probe is remembered for 60 s beyond its time-out, and at most the newest 65,536 are (some 25 MB).
Numbers come round; where nothing else tells two probes apart, the number of an unanswered
probe is not to be used again before `reuse_guard_ns`.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final

from trippy_nb.model import NS_PER_S, Match, Probe, Reply
from trippy_nb.tracing.matching import Matcher
from trippy_nb.tracing.multipath import Numbering

NEVER: Final = 1 << 62
"""A time that does not come, in ns; also a TTL that no probe has."""
REMEMBERED_NS: Final = 60 * NS_PER_S
"""How long beyond its time-out a probe is remembered."""
REMEMBERED_PROBES: Final = 65_536
"""How many probes are remembered at most."""
WAITING, ANSWERED, FAILED = range(3)

_UNGUARDED_RATE: Final = 4_096  # probes a second at which numbers come round without a wait
_SLACK_NS: Final = 1_000_000  # error of a translated kernel stamp, generously


class Round:
    """What is known of a round."""

    __slots__ = (
        "ended_ns",
        "farthest",
        "first_seq",
        "flow",
        "latest_ns",
        "next_index",
        "number",
        "started_ns",
        "target_ttl",
    )

    def __init__(self, number: int, started_ns: int, first_seq: int, flow: int) -> None:
        self.number = number
        self.started_ns = started_ns
        self.ended_ns = NEVER
        self.first_seq = first_seq
        self.flow = flow
        self.next_index = 0  # into the schedule
        self.farthest = 0  # largest TTL answered
        self.latest_ns = 0  # arrival of the latest answer
        self.target_ttl = NEVER  # smallest TTL that the target answered in this round


class Sent:
    """A probe that may be answered."""

    __slots__ = ("before_ns", "expires_ns", "older", "probe", "round", "state")

    def __init__(self, probe: Probe, round_: Round, older: "Sent | None") -> None:
        self.probe = probe
        self.round = round_
        self.older = older  # the one that had this number before
        self.state = WAITING
        self.before_ns = NEVER  # it cannot be answered: it is not sent yet, was refused, or is forgotten
        self.expires_ns = NEVER

    @property
    def is_expected(self) -> bool:
        """Whether its answer is still to come, if it has not expired: it is not beyond the target."""
        return self.state == WAITING and self.probe.ttl <= self.round.target_ttl


class Memory:
    """Remembers probes, and finds the one that a reply answers.

    Parameters
    ----------
    numbering, matcher
        How probes are told apart, and what contradicts them.
    timeout_ns
        Time-out of a probe.
    """

    def __init__(self, numbering: Numbering, matcher: Matcher, timeout_ns: int) -> None:
        self._numbering = numbering
        self._matcher = matcher
        self._by_key: dict[int, Sent] = {}
        self._in_order: deque[Sent] = deque()  # a dict is slow to find its first item once many are gone
        self._by_seq: dict[int, Sent] = {}  # the newest of each number
        self.reuse_guard_ns = _reuse_guard_ns(numbering, timeout_ns)
        """Age at which the number of an unanswered probe may be used again; 0 if ports tell them apart."""

    def __len__(self) -> int:
        return len(self._by_key)

    def __iter__(self) -> Iterator[Sent]:
        return iter(self._in_order)

    def __getitem__(self, key: int) -> Sent:
        return self._by_key[key]

    def add(self, probe: Probe, round_: Round) -> Sent:
        """Remember a probe that is about to be sent."""
        record = Sent(probe, round_, self._by_seq.get(probe.seq))
        self._by_key[probe.key] = self._by_seq[probe.seq] = record
        self._in_order.append(record)
        return record

    def renumber(self, record: Sent, probe: Probe) -> None:
        """Give a probe that was not sent another number."""
        self._drop_number(record)
        record.probe = probe
        record.older = self._by_seq.get(probe.seq)
        self._by_seq[probe.seq] = record

    def find(self, reply: Reply, at_ns: int) -> tuple[Sent, Match] | None:
        """Find the probe whose token a reply bears, else the newest that it does not contradict.

        Of these the newest that was sent before it came. If all that it does not contradict were sent
        after, its fields are believed, and its stamp is not.
        """
        if reply.key is not None:
            record = self._by_key.get(reply.key)
            return None if record is None else self._judged(reply, at_ns, record)[0]
        before: tuple[Sent, Match] | None = None
        after: tuple[Sent, Match] | None = None
        for number in self._numbering.find_numbers(reply.quote):
            record = self._by_seq.get(number)
            while record is not None:
                found, in_time = self._judged(reply, at_ns, record)
                if found is not None and not in_time:
                    after = after or found
                elif found is not None and found[1] is Match.TOKEN:
                    return found
                elif found is not None and (before is None or found[1] < before[1]):
                    before = found
                record = record.older
        return before or after

    def _judged(self, reply: Reply, at_ns: int, record: Sent) -> tuple[tuple[Sent, Match] | None, bool]:
        """Judge a reply to a probe: the match, if there is one, and whether the probe was sent before."""
        if record.before_ns == NEVER:
            return None, False
        match = self._matcher.judge(reply, record.probe)
        return None if match is None else (record, match), record.before_ns <= at_ns + _SLACK_NS

    def free_ns(self, first: int, count: int) -> int:
        """Tell when all of these numbers may be used: 0 means now."""
        guard_ns, at_ns = self.reuse_guard_ns, 0
        if guard_ns:
            for seq in range(first, first + count):
                holder = self._by_seq.get(seq)
                if holder is not None and holder.state == WAITING:
                    at_ns = max(at_ns, holder.before_ns + guard_ns)
        return at_ns

    def forget(self, now_ns: int) -> None:
        """Let go of probes that will not be answered any more."""
        horizon_ns = now_ns - REMEMBERED_NS
        records = self._in_order
        while records:
            record = records[0]
            is_young = record.state != FAILED and record.expires_ns >= horizon_ns
            if is_young and len(records) <= REMEMBERED_PROBES:
                break
            records.popleft()
            del self._by_key[record.probe.key]
            self._drop_number(record)
            record.before_ns = NEVER

    def _drop_number(self, record: Sent) -> None:
        seq = record.probe.seq
        if self._by_seq.get(seq) is record:
            if record.older is None:
                del self._by_seq[seq]
            else:
                self._by_seq[seq] = record.older
        record.older = None


def _reuse_guard_ns(numbering: Numbering, timeout_ns: int) -> int:
    if numbering.by_round and not numbering.is_icmp_paris:
        return 0
    numbers = numbering.wrap_at - numbering.first
    return max(timeout_ns, min(numbers * NS_PER_S // _UNGUARDED_RATE, REMEMBERED_NS))
