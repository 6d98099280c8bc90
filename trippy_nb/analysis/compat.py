"""The numbers of Trippy and of mtr, as their sources reckon them; for comparing, not for believing.

Trippy: `trippy-core/src/state.rs`, `StateUpdater` and `is_forward_loss`. mtr 0.95: `ui/net.c`,
`net_process_ping`. What differs from our own table:

=================  ==========================================  ==========================================
                   Trippy                                      mtr 0.95
=================  ==========================================  ==========================================
sent               refused by the system and in flight, too    the same
recv               without late answers                        with them
no answer          avg, stddev, javg, jinta are 0              all times are 0
jitter             the first sample has none, but its RTT,     0 at the first sample, which counts in
                   against 0, is in javg, jmax and jinta       the mean
jinta              gain 1/16 not applied (16 times too much),  the same, without the 0.5
                   each difference at least 0.5 ms
stddev             squares from the mean after the sample      Welford's, in whole microseconds
numbers            nanoseconds and floats                      whole microseconds, cut off at each step
forward loss       all probes after the first silent one       none
                   of a round are silent
=================  ==========================================  ==========================================

One (round, flow) here is a round of theirs. Columns that a tool does not have are ours.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from trippy_nb.analysis.arrays import Bools, Ints, Probes, group_numbers, stable_order
from trippy_nb.analysis.hopgroups import Groups
from trippy_nb.analysis.ratios import wilson
from trippy_nb.model import NS_PER_MS, NS_PER_S, Status

_MS_PER_S, _US_PER_MS, _NS_PER_US = 1_000.0, 1_000.0, 1_000
_LEAST_STEP_MS = 0.5  # Trippy: `jitter_ms.max(0.5)`
_ROUNDING, _SHIFT = 8, 4  # both: J += step - (J + 8) / 16, as in RFC 3550 appendix A.8


def _counted(probes: Probes, groups: Groups, answers: tuple[Status, ...]) -> tuple[Bools, Ints, Ints]:
    """Say which rows are answered; how many probes of each hop were sent, refused ones too; and refused."""
    status = probes.status[groups.rows]
    answered: Bools = np.logical_or.reduce([status == one for one in answers])
    return (
        answered,
        np.bincount(groups.number, minlength=groups.count),
        groups.tally(status == Status.SEND_ERROR),
    )


def _shares(sent: Ints, recv: Ints, failed: Ints) -> dict[str, Any]:
    """Return the shares of what was sent; a row of the table has a probe, so it is never none of none."""
    low, high = wilson(sent - recv, sent)
    return {
        "loss_ratio": (sent - recv) / sent,
        "loss_low_ratio": low,
        "loss_high_ratio": high,
        "failed_ratio": failed / sent,
    }


def _turns(probes: Probes, groups: Groups, answered: Bools) -> Iterator[tuple[int, Ints, Ints]]:
    """Take the samples of all hops in turn: the first of each, then the second of each, and so on.

    Yields how many samples each has had with this one, which hops these are, and their RTTs in nanoseconds.
    """
    rtt = probes.rtt[groups.rows]
    timed = np.flatnonzero(answered & ~np.isnan(rtt))
    number = groups.number[timed]
    ns = np.rint(rtt[timed] * NS_PER_MS).astype(np.int64)[stable_order(number)]
    n = np.bincount(number, minlength=groups.count)
    first = np.cumsum(n) - n
    most_first = np.argsort(-n, kind="stable")
    left = np.searchsorted(np.sort(-n), -np.arange(int(n.max(initial=0))), side="left")
    for turn, hops in enumerate(left.tolist()):
        here = most_first[:hops]
        yield turn + 1, here, ns[first[here] + turn]


def trippy_columns(probes: Probes, groups: Groups) -> dict[str, Any]:
    """Make the columns of HOPS that Trippy would show otherwise, step by step as its own code does."""
    answered, sent, failed = _counted(probes, groups, (Status.REPLY,))
    recv = groups.tally(answered)
    last, worst, jitter, javg, jmax, jinta, mean, m2, total = np.zeros((9, groups.count))
    best = np.full(groups.count, np.inf)
    for n, hop, ns in _turns(probes, groups, answered):
        rtt = ns / NS_PER_S * _MS_PER_S
        step = np.abs(rtt - last[hop])  # against 0 at first
        javg[hop] += (step - javg[hop]) / n
        jinta[hop] += np.maximum(step, _LEAST_STEP_MS) - (jinta[hop] + _ROUNDING) / (1 << _SHIFT)
        jitter[hop] = np.rint(step * NS_PER_MS) / NS_PER_MS  # kept as whole nanoseconds
        jmax[hop] = np.maximum(jmax[hop], jitter[hop])
        mean[hop] += (rtt - mean[hop]) / n
        m2[hop] += (rtt - mean[hop]) ** 2  # Welford would multiply by what it was before
        total[hop] += ns
        last[hop] = rtt
        best[hop] = np.minimum(best[hop], rtt)
        worst[hop] = np.maximum(worst[hop], rtt)
    lost, explained = (groups.tally(which[groups.rows]) for which in trippy_losses(probes))
    return {
        "sent": sent,
        "recv": recv,
        "late": np.zeros(groups.count, dtype=np.int64),
        **_shares(sent, recv, failed),
        "last_ms": np.where(recv > 0, last, np.nan),
        "best_ms": np.where(recv > 0, best, np.nan),
        "worst_ms": np.where(recv > 0, worst, np.nan),
        "avg_ms": total / NS_PER_MS / np.maximum(recv, 1),
        "stddev_ms": np.where(recv > 1, np.sqrt(m2 / np.maximum(recv - 1, 1)), 0.0),
        "jitter_ms": np.where(recv > 1, jitter, np.nan),
        "javg_ms": javg,
        "jmax_ms": np.where(recv > 0, jmax, np.nan),
        "jinta_ms": jinta,
        "forward_loss": lost,
        "backward_loss": explained,
        "forward_loss_ratio": lost / sent,
    }


def trippy_losses(probes: Probes) -> tuple[Bools, Bools]:
    """Apply `is_forward_loss` to each round: which probes count as forward, and which as backward loss.

    The first awaited probe is forward loss if probes of larger TTLs were sent, and all rows from the first of
    these on are awaited; awaited ones after it are backward loss. All probes of the round are looked at,
    those beyond the target too.
    """
    status = probes.status
    place, heads = np.arange(len(status)), probes.path_starts
    path = group_numbers(heads, len(status))
    answered = (status == Status.REPLY) | ((status == Status.BEYOND_TARGET) & ~np.isnan(probes.rtt))
    awaited = ~answered & (status != Status.SEND_ERROR) & (status != Status.NOT_SENT)

    def last(which: Bools) -> Ints:
        found: Ints = np.maximum.reduceat(np.where(which, place, -1), heads) if len(heads) else heads
        return found

    bar = last(~awaited)  # the last probe of each round that forbids it
    passed = last((status != Status.NOT_SENT) & (place <= bar[path]))
    farthest = last(awaited & (place > bar[path]))
    from_ttl = np.where(passed >= 0, probes.ttl[passed], -1)
    to_ttl = np.where(farthest >= 0, probes.ttl[farthest], -1)
    begins = np.flatnonzero(awaited & (probes.ttl >= from_ttl[path]) & (probes.ttl < to_ttl[path]))
    first = begins[np.flatnonzero(np.diff(path[begins], prepend=-1))]
    begin = np.full(len(heads), len(status))
    begin[path[first]] = first
    return place == begin[path], awaited & (place > begin[path])


def mtr_columns(probes: Probes, groups: Groups) -> dict[str, Any]:
    """Make the columns of HOPS that mtr would show otherwise, step by step as its own code does."""
    answered, sent, failed = _counted(probes, groups, (Status.REPLY, Status.LATE))
    recv = groups.tally(answered)
    numbers = np.zeros((9, groups.count), dtype=np.int64)
    last, best, worst, mean, squares, gmean, jitter, javg, jmax = numbers
    jinta = np.zeros(groups.count, dtype=np.int64)
    for n, hop, ns in _turns(probes, groups, answered):
        us = ns // _NS_PER_US
        jitter[hop] = np.abs(us - last[hop]) if n > 1 else 0
        last[hop] = us
        best[hop] = np.minimum(best[hop], us) if n > 1 else us
        worst[hop] = np.maximum(worst[hop], us)
        jmax[hop] = np.maximum(jmax[hop], jitter[hop])
        before = mean[hop]
        mean[hop] = before + (us - before) / n  # assigning to integers cuts off, as it does in C
        squares[hop] = squares[hop] + (us - before + 0.0) * (us - mean[hop])
        javg[hop] += ((jitter[hop] - javg[hop]) / n).astype(np.int64)
        jinta[hop] += jitter[hop] - ((jinta[hop] + _ROUNDING) >> _SHIFT)
        gmean[hop] = gmean[hop] ** ((n - 1.0) / n) * us ** (1.0 / n) if n > 1 else us
    deviation = np.sqrt(squares / np.maximum(recv - 1, 1)).astype(np.int64)
    columns = {
        "last_ms": last, "avg_ms": mean, "best_ms": best, "worst_ms": worst,
        "stddev_ms": np.where(recv > 1, deviation, 0), "gmean_ms": gmean,
        "jitter_ms": jitter, "javg_ms": javg, "jmax_ms": jmax, "jinta_ms": jinta,
    }  # fmt: skip
    return {name: values / _US_PER_MS for name, values in columns.items()} | {
        "sent": sent,
        **_shares(sent, recv, failed),
    }
