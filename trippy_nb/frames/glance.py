"""What became of the few probes since a mark, one by one: for some thirty of them arrays cost five times as much.

The rules are those of `fates`, `timing` and `snapshot.sort_rows`, which say why; tests hold both to the same
answers. A kernel that looks five times a second finds little of numpy in its processor's cache each time.
"""

from bisect import bisect_left, bisect_right
from operator import itemgetter
from typing import NamedTuple

from trippy_nb.frames.records import FAILED, NO_TIME, PROBE_FIELDS, REPLY_FIELDS
from trippy_nb.frames.timing import SLACK_NS, STEP_NS, STEP_PER_NS
from trippy_nb.model import NS_PER_MS, EndReason, Plan, ReplyKind, Status, seconds_to_ns

_UNKNOWN = 256
"""A TTL that no probe is beyond."""
_ANSWERS = (ReplyKind.FIRST, ReplyKind.LATE)
_BEFORE, _ROUND, _FLOW, _TTL, _ATTEMPT, _STATE, _SIZE, _TX = (
    [name for name, _ in PROBE_FIELDS].index(name)
    for name in ("before_ns", "round", "flow", "ttl", "attempt", "state", "size", "tx_ns")
)
_READ, _KERNEL, _MEASURED, REPLY_KEY, _WHO, _ICMP_TYPE, _KIND, _FROM_TARGET = (
    [name for name, _ in REPLY_FIELDS].index(name)
    for name in ("read_ns", "kernel_ns", "rtt_ns", "key", "responder", "icmp_type", "kind", "from_target")
)

ProbeRecord = tuple[int, ...]
"""As `PROBE_FIELDS`."""
ReplyRecord = tuple[int, ...]
"""As `REPLY_FIELDS`."""
Sample = tuple[int, int, int]
"""Monotonic time, offset, error."""


class Glance(NamedTuple):
    """The newest records of a recorder, copied."""

    plan: Plan
    probes: list[tuple[int, ProbeRecord]]
    """With their keys, in their order."""
    replies: list[tuple[int, ReplyRecord]]
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
    newest = max((probe[_ROUND] for _, probe in seen.probes), default=0)
    oldest = 0 if seen.max_rounds is None else newest - seen.max_rounds + 1
    probes = [(key, probe) for key, probe in seen.probes if probe[_ROUND] >= oldest]
    answers, nearest = _answers(seen, dict(probes))
    samples = sorted(seen.samples, key=itemgetter(0))
    clock = [mono_ns for mono_ns, _, _ in samples]
    waiting = seen.end_reason in (None, EndReason.INTERRUPTED, EndReason.ERROR)
    since_ns = seen.at_ns - seconds_to_ns(seen.plan.config.probe_timeout) if waiting else None
    fates = []
    for key, probe in probes:
        before_ns, round_, flow, ttl, tx_ns = (probe[at] for at in (_BEFORE, _ROUND, _FLOW, _TTL, _TX))
        limit = nearest.get((round_, flow)) or _known_ttl(seen.target_ttls, round_)
        answer = answers.get(key)
        status = _status(probe, answer, since_ns, beyond=ttl > limit)
        if tx_ns == NO_TIME:
            sent_ns = before_ns + samples[max(bisect_right(clock, before_ns) - 1, 0)][1]
        else:
            sent_ns = tx_ns
        if answer is None:
            who, from_target, icmp_type, rtt_ms = -1, 0, -1, float("nan")
        else:
            who, from_target, icmp_type = answer[_WHO], answer[_FROM_TARGET], answer[_ICMP_TYPE]
            rtt_ms = _rtt_ns(probe, answer, samples, clock) / NS_PER_MS
        place = (round_, flow, ttl, probe[_ATTEMPT], key)
        fates.append(Fate(*place, status, who, sent_ns, from_target, icmp_type, rtt_ms))
    return sorted(fates, key=itemgetter(0, 1, 2, 3, 4))


def _answers(
    seen: Glance, probes: dict[int, ProbeRecord]
) -> tuple[dict[int, ReplyRecord], dict[tuple[int, int], int]]:
    """Find the first answer to each probe, and the smallest TTL at which the target answered by round and flow."""
    answers: dict[int, ReplyRecord] = {}
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


def _status(probe: ProbeRecord, answer: ReplyRecord | None, since_ns: int | None, *, beyond: bool) -> int:
    if probe[_STATE] == FAILED:
        return Status.SEND_ERROR
    if answer is None:
        if beyond and probe[_SIZE] == 0:
            return Status.BEYOND_TARGET
        return Status.TIMEOUT if since_ns is None or probe[_BEFORE] <= since_ns else Status.IN_FLIGHT
    if beyond and answer[_FROM_TARGET]:
        return Status.BEYOND_TARGET
    return Status.LATE if answer[_KIND] == ReplyKind.LATE else Status.REPLY


def _rtt_ns(probe: ProbeRecord, answer: ReplyRecord, samples: list[Sample], clock: list[int]) -> int:
    before_ns, tx_ns = probe[_BEFORE], probe[_TX]
    read_ns, kernel_ns, measured_ns = answer[_READ], answer[_KERNEL], answer[_MEASURED]
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
