"""What became of the few probes since a mark, one by one: for thirty of them arrays cost five times as much.

The rules are those of `fates`, `timing` and `snapshot.sort_rows`, which say why; tests hold both to the same
answers. A kernel that looks five times a second finds little of numpy in its processor's cache each time.
"""

from bisect import bisect_left, bisect_right
from operator import itemgetter
from typing import NamedTuple

from trippy_nb.frames.records import FAILED, NO_TIME, ProbeFacts, ReplyFacts
from trippy_nb.frames.timing import SLACK_NS, STEP_NS, STEP_PER_NS
from trippy_nb.model import NS_PER_MS, EndReason, Plan, ReplyKind, Status, seconds_to_ns

_UNKNOWN = 256
"""A TTL that no probe is beyond."""
_ROUND, _FLOW, _TTL = 1, 2, 3
"""Of `ProbeFacts`."""
REPLY_KEY, _WHO, _ICMP_TYPE, _KIND, _FROM_TARGET = range(3, 8)
"""Of `ReplyFacts`."""
# Plain numbers: an enumeration's member costs as much to look up as the rest of its line.
_REPLY, _LATE, _TIMEOUT, _IN_FLIGHT, _BEYOND, _ERROR, _ = map(int, Status)
_LATE_ANSWER = int(ReplyKind.LATE)
_ANSWERS = (int(ReplyKind.FIRST), _LATE_ANSWER)
_NAN = float("nan")
_PLACE = itemgetter(0, 1, 2, 3, 4)

Sample = tuple[int, int, int]
"""Monotonic time, offset, error."""


class Glance(NamedTuple):
    """The newest records of a recorder, copied."""

    plan: Plan
    probes: dict[int, ProbeFacts]
    """By their keys, ascending."""
    replies: list[tuple[int, ReplyFacts]]
    """With their numbers, by arrival."""
    responders: list[str]
    samples: list[Sample]
    target_ttls: bytes
    max_rounds: int | None
    end_reason: EndReason | None
    at_ns: int


class Fate(NamedTuple):
    """A probe, in the order of the fields of `Recent`."""

    round: int
    flow: int
    ttl: int
    attempt: int
    key: int
    status: int
    responder: int
    sent_ns: int
    from_target: int
    icmp_type: int
    rtt_ms: float


def fates_of(seen: Glance) -> list[Fate]:
    """Find what became of each probe, in the order of (round, flow, ttl, attempt)."""
    probes = _kept(seen)
    answers, nearest = _answers(seen, probes)
    samples = sorted(seen.samples, key=itemgetter(0))
    clock = [mono_ns for mono_ns, _, _ in samples]
    waiting = seen.end_reason in (None, EndReason.INTERRUPTED, EndReason.ERROR)
    patience_ns = seconds_to_ns(seen.plan.config.probe_timeout) if waiting else 0
    fates = []
    for key, probe in probes.items():
        before_ns, round_, flow, ttl, attempt, state, size, sent_ns = probe
        beyond = ttl > (nearest.get((round_, flow)) or _known_ttl(seen.target_ttls, round_))
        answer = answers.get(key)
        if answer is None:
            who, from_target, icmp_type, rtt_ms = -1, 0, -1, _NAN
            status = _TIMEOUT
            if beyond and size == 0:
                status = _BEYOND
            elif waiting and seen.at_ns - before_ns < patience_ns:
                status = _IN_FLIGHT
        else:
            who, from_target, icmp_type = answer[_WHO], answer[_FROM_TARGET], answer[_ICMP_TYPE]
            rtt_ms = _rtt_ns(probe, answer, samples, clock) / NS_PER_MS
            status = _LATE if answer[_KIND] == _LATE_ANSWER else _REPLY
            if beyond and from_target:
                status = _BEYOND
        if state == FAILED:
            status = _ERROR
        if sent_ns == NO_TIME:
            sent_ns = before_ns + samples[max(bisect_right(clock, before_ns) - 1, 0)][1]
        fates.append(
            Fate(round_, flow, ttl, attempt, key, status, who, sent_ns, from_target, icmp_type, rtt_ms)
        )
    fates.sort(key=_PLACE)
    return fates


def _kept(seen: Glance) -> dict[int, ProbeFacts]:
    if seen.max_rounds is None or not seen.probes:
        return seen.probes
    rounds = [probe[_ROUND] for probe in seen.probes.values()]
    oldest = max(rounds) - seen.max_rounds + 1
    if min(rounds) >= oldest:
        return seen.probes
    return {key: probe for key, probe in seen.probes.items() if probe[_ROUND] >= oldest}


def _answers(
    seen: Glance, probes: dict[int, ProbeFacts]
) -> tuple[dict[int, ReplyFacts], dict[tuple[int, int], int]]:
    """Find the first answer to each probe, and the smallest TTL of the target by round and flow."""
    answers: dict[int, ReplyFacts] = {}
    nearest: dict[tuple[int, int], int] = {}
    for _, reply in seen.replies:
        probe = probes.get(reply[REPLY_KEY])
        if probe is None:
            continue
        if reply[_KIND] in _ANSWERS:
            answers.setdefault(reply[REPLY_KEY], reply)
        if reply[_FROM_TARGET]:
            path = probe[_ROUND], probe[_FLOW]
            nearest[path] = min(nearest.get(path, _UNKNOWN), probe[_TTL])
    return answers, nearest


def _known_ttl(target_ttls: bytes, round_: int) -> int:
    return (target_ttls[round_] if round_ < len(target_ttls) else 0) or _UNKNOWN


def _rtt_ns(probe: ProbeFacts, answer: ReplyFacts, samples: list[Sample], clock: list[int]) -> int:
    before_ns, tx_ns = probe[0], probe[-1]
    read_ns, kernel_ns, measured_ns = answer[:3]
    bracket = max(read_ns - before_ns, 0)
    if measured_ns != NO_TIME:
        rtt, is_steady = measured_ns, True
    elif kernel_ns == NO_TIME:
        return bracket
    else:
        _, offset, error = samples[max(bisect_right(clock, before_ns) - 1, 0)]
        _, offset_after, error_after = samples[min(bisect_left(clock, read_ns), len(clock) - 1)]
        rtt = kernel_ns - (before_ns + offset if tx_ns == NO_TIME else tx_ns)
        is_steady = abs(offset_after - offset) <= max(STEP_NS, bracket // STEP_PER_NS) + error + error_after
    return rtt if is_steady and 0 <= rtt <= bracket + SLACK_NS else bracket
