"""Statistics of RTT samples, group by group, without a loop over groups or samples.

Two sorts, of one integer a sample each: (group, place) brings the samples of a group together in their
order, (group, RTT) ranks them. RTTs are whole nanoseconds wherever a clock gave them, so the second is
exact; where they are not, they are sorted as they are.
"""

from dataclasses import dataclass

import numpy as np

from trippy_nb.analysis.arrays import Floats, Ints

_QUANTILES = {"p50_ms": 0.50, "p90_ms": 0.90, "p95_ms": 0.95, "p99_ms": 0.99}
_GAIN = 1 / 16  # RFC 3550 section 6.4.1: J(i) = J(i-1) + (|D(i-1,i)| - J(i-1))/16
_REMEMBERED = 2048
"""Differences that the estimate remembers: what as many others followed weighs 1e-58 of its own."""
_NS_PER_MS = 1e6
_INT64_BITS = 63


@dataclass(frozen=True, slots=True)
class Grouped:
    """Samples, those of a group one after another, in the order given."""

    rtt: Floats
    n: Ints
    """How many each group has."""
    starts: Ints
    """First sample of each group; where the next one begins, if it has none."""

    @property
    def some(self) -> Ints:
        """Groups that have samples."""
        return np.flatnonzero(self.n)


def sample_columns(rtt: Floats, group: Ints, count: int) -> dict[str, Floats]:
    """Summarise RTTs in the order they are given.

    Parameters
    ----------
    rtt
        Milliseconds, none missing.
    group
        Which of `count` groups each belongs to.

    Returns
    -------
    columns
        Those of `HOPS` that speak of RTTs. Missing: everything without a sample; `stddev_ms` and the
        jitter columns with one. Quantiles interpolate linearly, as numpy and pandas do.
    """
    grouped, order = in_groups(rtt, group, count)
    return _moments(grouped) | _ranks(grouped, group[order]) | _jitter(grouped)


def in_groups(rtt: Floats, group: Ints, count: int) -> tuple[Grouped, Ints]:
    """Bring the samples of each group together; the second result is where each came from."""
    n = np.bincount(group, minlength=count)
    bits = max(len(rtt) - 1, 0).bit_length()
    key = (group << bits) | np.arange(len(rtt))  # fewer than 2**31 samples and groups fit
    key.sort()
    order = key & ((1 << bits) - 1)
    return Grouped(rtt[order], n, np.cumsum(n) - n), order


def _moments(grouped: Grouped) -> dict[str, Floats]:
    rtt, n, some = grouped.rtt, grouped.n, grouped.some
    mean, variance, logs = np.full((3, len(n)), np.nan)
    if len(some):
        starts, sizes = grouped.starts[some], n[some]
        mean[some] = np.add.reduceat(rtt, starts) / sizes
        apart = rtt - np.repeat(mean[some], sizes)
        with np.errstate(divide="ignore", invalid="ignore"):  # one sample has no deviation, log(0) is -inf
            variance[some] = np.add.reduceat(apart * apart, starts) / (sizes - 1)
            logs[some] = np.add.reduceat(np.log(rtt), starts) / sizes
    last = np.full(len(n), np.nan)
    last[some] = rtt[(grouped.starts + n - 1)[some]]
    return {"last_ms": last, "avg_ms": mean, "gmean_ms": np.exp(logs), "stddev_ms": np.sqrt(variance)}


def _ranks(grouped: Grouped, group: Ints) -> dict[str, Floats]:
    n, first = grouped.n, grouped.starts
    ranked, scale = _ranked(grouped.rtt, group)

    def at(places: Ints) -> Floats:
        out = np.full(len(n), np.nan)
        out[grouped.some] = ranked[places[grouped.some]] / scale
        return out

    columns = {"best_ms": at(first), "worst_ms": at(first + n - 1)}
    for name, q in _QUANTILES.items():
        exact = q * np.maximum(n - 1, 0)
        below = np.floor(exact).astype(np.int64)
        low, high = at(first + below), at(first + np.minimum(below + 1, np.maximum(n - 1, 0)))
        columns[name] = low + (high - low) * (exact - below)
    columns["mad_ms"] = _median_deviation(grouped, ranked / scale, columns["p50_ms"])
    return columns


def _ranked(rtt: Floats, group: Ints) -> tuple[Ints | Floats, float]:
    """Sort each group's samples; they are what is returned over the second result."""
    ns = np.rint(rtt * _NS_PER_MS)
    bits = int(ns.max(initial=0)).bit_length()
    if int(group[-1] if len(group) else 0).bit_length() + bits < _INT64_BITS and np.array_equal(
        ns / _NS_PER_MS, rtt
    ):
        key = (group << bits) | ns.astype(np.int64)
        key.sort()
        return key & ((1 << bits) - 1), _NS_PER_MS
    return rtt[np.lexsort((rtt, group))], 1.0


def _median_deviation(grouped: Grouped, ranked: Floats, median: Floats) -> Floats:
    """Return the median distance from the median: of the middle ranks of distances, their mean."""
    n = grouped.n
    low, high = (_nearest(grouped, ranked, median, np.maximum(rank, 0)) for rank in ((n - 1) // 2, n // 2))
    return (low + high) / 2


def _nearest(grouped: Grouped, ranked: Floats, median: Floats, rank: Ints) -> Floats:
    """Return the distance of this rank, from 0: samples up to it lie side by side, so halving finds them."""
    out = np.full(len(rank), np.nan)
    some = grouped.some
    first, size, middle, rank = grouped.starts[some], grouped.n[some], median[some], rank[some]
    low, high = first.copy(), first + size - 1 - rank
    while np.any(low < high):
        cut = (low + high) // 2
        right = middle - ranked[cut] > ranked[np.minimum(cut + rank + 1, len(ranked) - 1)] - middle
        low, high = np.where(right & (low < high), cut + 1, low), np.where(right, high, np.minimum(cut, high))
    out[some] = np.maximum(middle - ranked[low], ranked[low + rank] - middle)
    return out


def _jitter(grouped: Grouped) -> dict[str, Floats]:
    """Differences of successive RTTs; the first sample has none (Trippy takes it against zero)."""
    rtt, n, some = grouped.rtt, grouped.n, grouped.some
    last, largest, total, smoothed = np.full((4, len(n)), np.nan)
    if len(some):
        starts, sizes = grouped.starts[some], n[some]
        step = np.abs(np.diff(rtt, prepend=rtt[:1]))
        step[starts] = 0.0
        # The recurrence unrolled: a difference that k others followed weighs gain * (1 - gain)**k.
        weights = _GAIN * (1 - _GAIN) ** np.arange(_REMEMBERED)
        followers = np.repeat(starts + sizes - 1, sizes)
        followers -= np.arange(len(rtt))
        np.minimum(followers, _REMEMBERED - 1, out=followers)
        several = some[sizes > 1]
        largest[some] = np.maximum.reduceat(step, starts)
        total[some] = np.add.reduceat(step, starts)
        smoothed[some] = np.add.reduceat(step * weights[followers], starts)
        last[several] = step[(grouped.starts + n - 1)[several]]
        for column in (largest, total, smoothed):
            column[some[sizes == 1]] = np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / (n - 1)
    return {"jitter_ms": last, "javg_ms": mean, "jmax_ms": largest, "jinta_ms": smoothed}
