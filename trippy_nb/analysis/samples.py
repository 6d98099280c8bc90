"""Statistics of RTT samples, group by group, without a loop over groups or samples."""

import numpy as np

from trippy_nb.analysis.arrays import Floats, Ints

_QUANTILES = {"p50_ms": 0.50, "p90_ms": 0.90, "p95_ms": 0.95, "p99_ms": 0.99}
_GAIN = 1 / 16  # RFC 3550 section 6.4.1: J(i) = J(i-1) + (|D(i-1,i)| - J(i-1))/16


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
    order = np.argsort(group, kind="stable")
    rtt, group = rtt[order], group[order]
    n = np.bincount(group, minlength=count)
    first = np.cumsum(n) - n
    some = n > 0
    columns = _quantiles(rtt, group, n, first)
    total = np.bincount(group, weights=rtt, minlength=count)
    mean = np.divide(total, n, out=np.full(count, np.nan), where=some)
    squares = np.bincount(group, weights=(rtt - mean[group]) ** 2, minlength=count)
    variance = np.divide(squares, n - 1, out=np.full(count, np.nan), where=n > 1)
    columns["last_ms"] = _at(rtt, first + n - 1, some)
    columns["avg_ms"] = mean
    columns["stddev_ms"] = np.sqrt(variance)
    return columns | _jitter(rtt, group, n, first)


def _at(values: Floats, places: Ints, where: "np.typing.NDArray[np.bool_]") -> Floats:
    out = np.full(len(places), np.nan)
    out[where] = values[places[where]]
    return out


def _quantiles(rtt: Floats, group: Ints, n: Ints, first: Ints) -> dict[str, Floats]:
    ranked = rtt[np.lexsort((rtt, group))]
    some = n > 0
    columns = {"best_ms": _at(ranked, first, some), "worst_ms": _at(ranked, first + n - 1, some)}
    for name, q in _QUANTILES.items():
        exact = q * np.maximum(n - 1, 0)
        below = np.floor(exact).astype(np.int64)
        low = _at(ranked, first + below, some)
        high = _at(ranked, first + np.minimum(below + 1, np.maximum(n - 1, 0)), some)
        columns[name] = low + (high - low) * (exact - below)
    return columns


def _jitter(rtt: Floats, group: Ints, n: Ints, first: Ints) -> dict[str, Floats]:
    """Differences of successive RTTs; the first sample has none (Trippy takes it against zero)."""
    count, several = len(n), n > 1
    step = np.abs(np.diff(rtt, prepend=rtt[:1]))
    within = np.ones(len(rtt), dtype=np.bool_)
    within[first[n > 0]] = False
    step, of = step[within], group[within]
    largest = np.full(count, -np.inf)
    np.maximum.at(largest, of, step)
    # The recurrence unrolled: a difference that k others followed weighs gain * (1 - gain)**k.
    followers = (first + n - 1)[group[within]] - np.flatnonzero(within)
    smoothed = np.bincount(of, weights=step * _GAIN * (1 - _GAIN) ** followers, minlength=count)
    total = np.bincount(of, weights=step, minlength=count)
    last = np.full(count, np.nan)
    last[of] = step  # the last one written is the latest
    return {
        "jitter_ms": last,
        "javg_ms": np.divide(total, n - 1, out=np.full(count, np.nan), where=several),
        "jmax_ms": np.where(several, largest, np.nan),
        "jinta_ms": np.where(several, smoothed, np.nan),
    }
