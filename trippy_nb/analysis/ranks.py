"""Two samples: did the second shift, and by how much? Rank methods, without a model of RTTs.

* Test: Mann and Whitney, On a test of whether one of two random variables is stochastically larger
  than the other, 1947. Exact for small samples without ties, else normal with ties and continuity
  corrected, two-sided.
* Shift: Hodges and Lehmann, Estimates of location based on rank tests, 1963: the median of all
  differences b - a.
* Interval: the same differences between two of their order statistics, chosen by the distribution of
  Mann and Whitney's U (Bauer, Constructing confidence sets using rank statistics, 1972).

Successive RTTs on a busy path resemble one another. So each sample says how many of its values are worth one
(`analysis.autocorrelation`), and the variance of U is raised by the mean of the two, weighted as the
projections of U are (m for the first sample, n for the second): with 1 and 1 it is the textbook's.
scipy.stats.mannwhitneyu has no such thing, nor an interval; without it the p-values are equal to scipy's.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import comb, erfc, floor, inf, sqrt
from statistics import NormalDist

import numpy as np

from trippy_nb.analysis.arrays import Floats

EXACT_UP_TO = 20
"""Larger samples are judged by the normal approximation (tests: the interval differs by one rank at most)."""
_EXACT_P_UP_TO = 8  # scipy.stats.mannwhitneyu, method="auto"
_EXACT_PAIRS = 8_000  # counting orders takes some ten milliseconds there
_PAIRS_AT_ONCE = 4_000_000
_BISECTIONS = 80


@dataclass(frozen=True, slots=True)
class Shift:
    """How far the second sample lies from the first."""

    estimate: float
    """Median of all differences; NaN if a sample is empty."""
    low: float
    high: float
    """Ends of the confidence interval; infinite where the samples are too small for one."""
    p_value: float
    """That a shift as clear as this comes about by chance; NaN if a sample is empty."""
    longer_ratio: float = np.nan
    """Share of all pairs in which the second value is the larger one, equal ones counted half: the
    common-language effect size of McGraw and Wong (1992) as Vargha and Delaney (2000) have it for any values,
    (1 + Cliff's delta) / 2. NaN if a sample is empty."""


def shift_between(
    a: Floats, b: Floats, *, alpha: float = 0.05, worth: tuple[float, float] = (1.0, 1.0)
) -> Shift:
    """Estimate the shift from `a` to `b`, with its interval at confidence 1 - `alpha`.

    Parameters
    ----------
    a, b
        Samples, none missing, in any order.
    alpha
        One minus the confidence of the interval.
    worth
        How many values of each sample are worth one that is independent of the others.
    """
    n, m = len(a), len(b)
    if not n or not m:
        return Shift(np.nan, -inf, inf, np.nan)
    wider = (m * worth[0] + n * worth[1]) / (n + m)
    rank = interval_rank(n, m, alpha, wider=wider)
    middle = ((n * m - 1) // 2, n * m // 2)
    wanted = [*middle, *((rank, n * m - 1 - rank) if rank >= 0 else ())]
    found = _order_statistics(np.sort(a), np.sort(b), wanted)
    low, high = (found[2], found[3]) if rank >= 0 else (-inf, inf)
    p_value, longer = mann_whitney(a, b, wider=wider)
    return Shift((found[0] + found[1]) / 2, low, high, p_value, longer)


def interval_rank(n: int, m: int, alpha: float, *, wider: float = 1.0) -> int:
    """Return the index, from 0, of the difference that begins the interval; -1 if there is none.

    It is the largest k for which U <= k has a probability of at most alpha / 2. `wider` raises the variance
    of U.
    """
    if max(n, m) <= EXACT_UP_TO and wider == 1:
        counts = _u_counts(n, m)
        below = np.cumsum(np.array(counts, dtype=np.float64)) / comb(n + m, n)
        return int(np.searchsorted(below, alpha / 2 * (1 + 1e-12), side="right")) - 1
    z = NormalDist().inv_cdf(1 - alpha / 2)
    return max(floor(n * m / 2 - z * sqrt(wider * n * m * (n + m + 1) / 12) - 0.5), -1)


def mann_whitney(a: Floats, b: Floats, *, wider: float = 1.0) -> tuple[float, float]:
    """Return the two-sided p-value of Mann and Whitney's test, and the share of pairs in which b is larger.

    `wider` raises the variance of U.
    """
    n, m = len(a), len(b)
    both = np.concatenate([a, b])
    _, inverse, ties = np.unique(both, return_inverse=True, return_counts=True)
    ranks = np.cumsum(ties) - (ties - 1) / 2
    u = float(ranks[inverse[:n]].sum()) - n * (n + 1) / 2
    larger, longer = max(u, n * m - u), 1 - u / (n * m)
    if wider == 1 and min(n, m) <= _EXACT_P_UP_TO and ties.max() == 1 and n * m <= _EXACT_PAIRS:
        counts = _u_counts(n, m)
        tail = sum(counts[round(larger) :])
        return min(2 * tail / comb(n + m, n), 1.0), longer
    total = n + m
    tied = float((ties.astype(np.float64) ** 3 - ties).sum()) / (total * (total - 1))
    spread = sqrt(max(wider * n * m / 12 * (total + 1 - tied), 0.0))
    if spread == 0:
        return 1.0, longer
    z = (larger - n * m / 2 - 0.5) / spread
    return min(erfc(z / sqrt(2)), 1.0), longer


@lru_cache(maxsize=256)
def _u_counts(n: int, m: int) -> tuple[int, ...]:
    """Count, for each U from 0 to n*m, the orders of n and m things that give it.

    Coefficients of the Gaussian binomial: product over i = 1..n of (1 - q^(m+i)) / (1 - q^i).
    """
    n, m = min(n, m), max(n, m)
    size = n * m + 1
    counts = [1, *[0] * (size - 1)]
    for i in range(1, n + 1):
        for u in range(size - 1, m + i - 1, -1):
            counts[u] -= counts[u - m - i]
        for u in range(i, size):
            counts[u] += counts[u - i]
    return tuple(counts)


def _order_statistics(a: Floats, b: Floats, ranks: list[int]) -> list[float]:
    """Return the differences b - a at these ranks; `a` and `b` are sorted."""
    if len(a) * len(b) <= _PAIRS_AT_ONCE:
        differences = np.subtract.outer(b, a).ravel()
        ordered = np.partition(differences, sorted(set(ranks)))
        return [float(ordered[rank]) for rank in ranks]
    return [_bisected(a, b, rank) for rank in ranks]


def _bisected(a: Floats, b: Floats, rank: int) -> float:
    """Find a difference by counting those below: no memory for all pairs, right to the last bits."""
    low, high = float(b[0] - a[-1]), float(b[-1] - a[0])
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if int(np.searchsorted(b, a + middle, side="right").sum()) > rank:
            high = middle
        else:
            low = middle
    return high
