"""The numbers that Trippy and mtr would show for the same probes, where they are not ours.

For comparing with what they print, not for knowing: docs/statistics.md says where they err. Both are plain
recurrences over the samples of a hop, one after another, as their sources have them.

Trippy, `crates/trippy-core/src/state.rs`: the first jitter is taken against 0 (it is not shown, but the mean,
the largest and the smoothed one take it in); the smoothed one is RFC 1889's times 16; the squares are of
the distance from the new mean; loss counts whatever had no answer in its round, late and in flight; means
and deviations of nothing are 0.

mtr, `ui/net.c`: whole microseconds; the mean jitter is over one more than there are differences; the
smoothed one is RFC 1889's times 16, in integers.
"""

from collections import defaultdict
from collections.abc import Iterator
from math import sqrt
from typing import Any

import numpy as np

from trippy_nb.analysis.arrays import Floats, Ints, Probes
from trippy_nb.model import Status

_NAN = float("nan")
_US_PER_MS = 1000
_WAITED = (Status.TIMEOUT, Status.IN_FLIGHT, Status.LATE)


def trippy_columns(probes: Probes, rows: Ints, number: Ints, count: int) -> dict[str, Any]:
    """Return the columns of HOPS that Trippy would show otherwise.

    Parameters
    ----------
    probes
        All probes.
    rows
        Those that count, in order.
    number
        Which of `count` rows of the table each belongs to.
    """
    status = probes.status[rows]
    of = {word: np.bincount(number[status == word], minlength=count) for word in (*_WAITED, Status.REPLY)}
    recv = of[Status.REPLY]
    failed = np.bincount(number[status == Status.SEND_ERROR], minlength=count)
    sent = recv + failed + sum(of[word] for word in _WAITED)
    begins, explained = _forward_losses(probes, rows, number, count)
    lost = np.divide(sent - recv, sent, out=np.zeros(count), where=sent > 0)
    forward = np.divide(begins, sent, out=np.zeros(count), where=sent > 0)
    columns: dict[str, Any] = {
        "sent": sent,
        "recv": recv,
        "late": np.zeros(count, dtype=np.int64),
        "failed": failed,
        "loss_ratio": lost,
        "forward_loss": begins,
        "forward_loss_ratio": forward,
        "backward_loss": explained,
    }
    on_time = status == Status.REPLY
    samples = _samples(probes.rtt[rows][on_time], number[on_time], count)
    return columns | _table([_trippy(values) for values in samples])


def mtr_columns(probes: Probes, rows: Ints, number: Ints, count: int) -> dict[str, Any]:
    """Return the columns of HOPS that mtr would show otherwise; parameters as of `trippy_columns`."""
    answered = (probes.addr[rows] >= 0) & ~np.isnan(probes.rtt[rows])
    return _table([_mtr(values) for values in _samples(probes.rtt[rows][answered], number[answered], count)])


def _samples(rtt: Floats, number: Ints, count: int) -> Iterator[list[float]]:
    order = np.argsort(number, kind="stable")
    ends = np.cumsum(np.bincount(number, minlength=count))
    return (part.tolist() for part in np.split(rtt[order], ends[:-1]) if count)


def _table(rows: list[dict[str, float]]) -> dict[str, Floats]:
    return {name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else ())}


def _trippy(samples: list[float]) -> dict[str, float]:
    mean = squares = javg = jinta = 0.0
    last, jitter, jmax = _NAN, _NAN, _NAN
    for n, rtt in enumerate(samples, start=1):
        step = abs(rtt - (last if n > 1 else 0.0))
        jitter = step if n > 1 else _NAN
        javg += (step - javg) / n
        jinta += max(step, 0.5) - (jinta + 8) / 16
        jmax = step if n == 1 else max(jmax, step)
        mean += (rtt - mean) / n
        squares += (rtt - mean) ** 2
        last = rtt
    n = len(samples)
    return {
        "last_ms": last,
        "avg_ms": sum(samples) / n if n else 0.0,
        "best_ms": min(samples, default=_NAN),
        "worst_ms": max(samples, default=_NAN),
        "stddev_ms": sqrt(squares / (n - 1)) if n > 1 else 0.0,
        "jitter_ms": jitter,
        "javg_ms": javg,
        "jmax_ms": jmax,
        "jinta_ms": jinta,
    }


def _mtr(samples: list[float]) -> dict[str, float]:
    # C truncates towards 0 where a float or a quotient becomes an int.
    last = avg = squares = javg = jmax = jinta = jitter = 0
    gmean = 0
    for n, rtt in enumerate((round(sample * _US_PER_MS) for sample in samples), start=1):
        jitter = abs(rtt - last) if n > 1 else 0
        last, before = rtt, avg
        jmax = max(jmax, jitter)
        avg = int(avg + (rtt - before) / n)
        squares = int(squares + (rtt - before) * float(rtt - avg))
        javg += int((jitter - javg) / n)
        jinta += jitter - ((jinta + 8) >> 4)
        gmean = int(float(gmean) ** ((n - 1) / n) * float(rtt) ** (1 / n)) if n > 1 else rtt
    n = len(samples)
    columns = {
        "last_ms": last,
        "avg_ms": avg,
        "gmean_ms": gmean,
        "stddev_ms": int(sqrt(squares / (n - 1))) if n > 1 else 0,
        "jitter_ms": jitter,
        "javg_ms": javg,
        "jmax_ms": jmax,
        "jinta_ms": jinta,
    }
    return {name: value / _US_PER_MS for name, value in columns.items()}


def _forward_losses(probes: Probes, rows: Ints, number: Ints, count: int) -> tuple[Ints, Ints]:
    """Count by Trippy's rule (`state.rs`, `is_forward_loss`), round by round over all flows.

    A probe that waits is a forward loss if there are probes beyond it in its round and all of them wait; the
    first such one counts, all later ones that wait are backward loss. One that failed does not wait.
    """
    begins, explained = np.zeros((2, count), dtype=np.int64)
    paths: dict[tuple[int, int], list[tuple[int, int, int]]] = defaultdict(list)
    columns = (probes.run[rows], probes.round[rows], probes.ttl[rows], number, probes.status[rows])
    for run, round_, ttl, place, status in zip(*(column.tolist() for column in columns), strict=True):
        paths[run, round_].append((ttl, place, status))
    for members in paths.values():
        members.sort(key=lambda member: member[0])
        found = False
        for i, (_, place, status) in enumerate(members):
            if status not in _WAITED:
                continue
            beyond = members[i + 1 :]
            if found:
                explained[place] += 1
            elif beyond and all(other[2] in _WAITED for other in beyond):
                begins[place] += 1
                found = True
    return begins, explained
