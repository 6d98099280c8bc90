"""Statistics of RTT samples, group by group, without a loop over groups or samples.

Samples are sorted twice at most, as single integers, which numpy sorts several times as fast as rows of two
columns: once by (group, RTT), for what depends on their size alone, and once by group, for what depends on
their order in time.
"""

from collections.abc import Collection

import numpy as np

from trippy_nb.analysis.arrays import Floats, Ints, stable_order
from trippy_nb.model import NS_PER_MS

_QUANTILES = {"p50_ms": 0.50, "p90_ms": 0.90, "p95_ms": 0.95, "p99_ms": 0.99}
SAMPLES = (
    *("last_ms", "avg_ms", "best_ms", "worst_ms", "stddev_ms", "jitter_ms", "javg_ms", "jmax_ms", "jinta_ms"),
    *_QUANTILES,
    *("gmean_ms", "mad_ms"),
)
"""Columns of HOPS that are made here."""

_OF_TIME = frozenset({"last_ms", "jitter_ms", "javg_ms", "jmax_ms", "jinta_ms"})
"""Those that depend on the order of the samples."""

_GAIN = 1 / 16  # RFC 3550 section 6.4.1: J(i) = J(i-1) + (|D(i-1,i)| - J(i-1))/16
_BITS = 63


class _Groups:
    """Where each group lies, once its samples are brought together; groups may be empty."""

    def __init__(self, group: Ints, count: int) -> None:
        self.n = np.bincount(group, minlength=count)
        self.first = np.cumsum(self.n) - self.n
        self.last = self.first + self.n - 1
        self.some = np.flatnonzero(self.n)

    def reduced(self, function: np.ufunc, values: Floats) -> Floats:
        """Reduce each group; NaN where it is empty."""
        out = np.full(len(self.n), np.nan)
        if len(self.some):
            out[self.some] = function.reduceat(values, self.first[self.some])
        return out

    def spread(self, values: Floats) -> Floats:
        """Repeat the value of each group for its samples."""
        return np.repeat(values, self.n)

    def at(self, values: Floats, places: Ints) -> Floats:
        """Take one value a group; NaN where it is empty."""
        out = np.full(len(self.n), np.nan)
        out[self.some] = values[places[self.some]]
        return out


def sample_columns(
    rtt: Floats, group: Ints, count: int, *, wanted: Collection[str] = SAMPLES
) -> dict[str, Floats]:
    """Summarise RTTs in the order they are given.

    Parameters
    ----------
    rtt
        Milliseconds, none missing.
    group
        Which of `count` groups each belongs to.
    wanted
        Columns that must be there; what takes a step of its own is left out if none of it is.

    Returns
    -------
    columns
        Those of `HOPS` that speak of RTTs, `SAMPLES`. Missing: everything without a sample; `stddev_ms` and
        the jitter columns with one. Quantiles interpolate linearly, as numpy and pandas do.
    """
    groups = _Groups(group, count)
    columns: dict[str, Floats] = {}
    if not _OF_TIME.issuperset(wanted):
        columns = _by_size(_ranked(rtt, group, count), groups, wanted)
    if not _OF_TIME.isdisjoint(wanted):
        columns |= _in_time(_together(rtt, group), groups, wanted)
    return columns


def _together(rtt: Floats, group: Ints) -> Floats:
    """Bring the samples of each group together, in the order they were given."""
    return rtt.take(stable_order(group)) if np.any(group[1:] < group[:-1]) else rtt


def _ranked(rtt: Floats, group: Ints, count: int) -> Floats:
    """Sort the RTTs of each group, one group after the other."""
    exact = rtt * NS_PER_MS
    np.rint(exact, out=exact)
    ns = exact.astype(np.int64)
    exact /= NS_PER_MS
    bits = _BITS - count.bit_length()
    largest = int(ns.view(np.uint64).max(initial=0))  # a negative one is larger than all others
    if largest >= 1 << bits or not np.array_equal(exact, rtt):
        # RTTs of another clock than ours, which counts nanoseconds.
        return np.asarray(rtt[np.lexsort((rtt, group))])
    ns |= group << bits
    ns.sort()
    ns &= (1 << bits) - 1
    return np.divide(ns, NS_PER_MS, out=exact)


def _by_size(ranked: Floats, groups: _Groups, wanted: Collection[str]) -> dict[str, Floats]:
    """Summarise what does not depend on the order in time."""
    n, first, last = groups.n, groups.first, groups.last
    columns = {"best_ms": groups.at(ranked, first), "worst_ms": groups.at(ranked, last)}
    for name, q in _QUANTILES.items():
        exact = q * np.maximum(n - 1, 0)
        below = np.floor(exact).astype(np.int64)
        low = groups.at(ranked, first + below)
        high = groups.at(ranked, first + np.minimum(below + 1, np.maximum(n - 1, 0)))
        columns[name] = low + (high - low) * (exact - below)
    mean = groups.reduced(np.add, ranked) / np.maximum(n, 1)
    squares = ranked - groups.spread(mean)
    squares *= squares
    squares = groups.reduced(np.add, squares)
    variance = np.divide(squares, n - 1, out=np.full(len(n), np.nan), where=n > 1)
    columns |= {"avg_ms": mean, "stddev_ms": np.sqrt(variance)}
    if "gmean_ms" in wanted:
        columns["gmean_ms"] = _geometric_mean(ranked, groups)
    if "mad_ms" in wanted:
        columns["mad_ms"] = _median_deviation(ranked, groups, columns["p50_ms"])
    return columns


def _geometric_mean(ranked: Floats, groups: _Groups) -> Floats:
    """Mean of the logarithms, back from there; 0 if one of them is."""
    with np.errstate(divide="ignore"):  # log(0) is -inf
        logs = groups.reduced(np.add, np.log(ranked)) / np.maximum(groups.n, 1)
    means: Floats = np.exp(logs)
    return means


def _median_deviation(ranked: Floats, groups: _Groups, median: Floats) -> Floats:
    """Median absolute deviation from the median, not scaled.

    No second sort: the m samples nearest to the median lie next to each other, so the m-th smallest deviation
    is the smallest of the larger deviations at both ends of m neighbours.
    """
    some = groups.some
    first, n, middle = groups.first[some], groups.n[some], median[some]
    out = np.full(len(median), np.nan)
    upper = _nth_deviation(ranked, first, n, middle, n // 2 + 1)
    even = n % 2 == 0
    lower = upper.copy()
    lower[even] = _nth_deviation(ranked, first[even], n[even], middle[even], n[even] // 2)
    out[some] = (lower + upper) / 2
    return out


def _nth_deviation(ranked: Floats, first: Ints, n: Ints, middle: Floats, nth: Ints) -> Floats:
    """Find the nth smallest deviation from the middle, in all groups at once."""
    low, high = first, first + n - nth + 1  # where the neighbours begin; high: none of them
    while np.any(low < high):
        half = (low + high) // 2
        beyond = np.minimum(half, first + n - nth)
        right = ranked[beyond + nth - 1] - middle >= middle - ranked[beyond]
        low, high = np.where(right, low, np.minimum(half + 1, high)), np.where(right, half, high)
    best = np.full(len(first), np.inf)
    for begin in (low - 1, low):
        inside = (begin >= first) & (begin <= first + n - nth)
        at = np.where(inside, begin, first)
        widest = np.maximum(middle - ranked[at], ranked[at + nth - 1] - middle)
        best = np.where(inside, np.minimum(best, widest), best)
    return best


def _in_time(rtt: Floats, groups: _Groups, wanted: Collection[str]) -> dict[str, Floats]:
    """Differences of successive RTTs; the first sample has none (Trippy takes it against zero)."""
    n, first, last = groups.n, groups.first, groups.last
    several = n > 1
    step = np.zeros(len(rtt))
    np.subtract(rtt[1:], rtt[:-1], out=step[1:])
    np.abs(step, out=step)
    step[first[groups.some]] = 0
    total = groups.reduced(np.add, step)
    columns = {
        "last_ms": groups.at(rtt, last),
        "jitter_ms": np.where(several, groups.at(step, last), np.nan),
        "javg_ms": np.divide(total, n - 1, out=np.full(len(n), np.nan), where=several),
        "jmax_ms": np.where(several, groups.reduced(np.maximum, step), np.nan),
    }
    if "jinta_ms" in wanted:
        # The recurrence unrolled: a difference that k others followed weighs gain * (1 - gain)**k.
        weight = _GAIN * (1 - _GAIN) ** np.arange(int(n.max(initial=0)))
        followers = np.repeat(last, n)
        followers -= np.arange(len(rtt))
        columns["jinta_ms"] = np.where(several, groups.reduced(np.add, step * weight[followers]), np.nan)
    return columns
