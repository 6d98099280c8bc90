"""Pairs of samples: did the second of each shift? Of equal flows that were each measured a few times.

Each flow is compared with itself, so that it does not matter how far the branches of a balancer lie apart.

* Test: Wilcoxon, Individual comparisons by ranking methods, 1945, signed ranks; exact for few pairs without
  ties, else normal with ties and continuity corrected; pairs that do not differ are left off. As
  scipy.stats.wilcoxon.
* Shift: Hodges and Lehmann, 1963: the median of the means of all two differences (and of each with itself).
* Interval: the same means between two of their order statistics, chosen by the distribution of the
  signed-rank sum, as `analysis.ranks` does it for two samples.

If nothing changed, it does not matter which of a pair came first, so differences are symmetric: that is all
that the method asks for.
"""

from functools import lru_cache
from math import erfc, floor, inf, sqrt
from statistics import NormalDist

import numpy as np

from trippy_nb.analysis.arrays import Floats
from trippy_nb.analysis.ranks import Shift

_EXACT_UP_TO = 50  # scipy.stats.wilcoxon, method="auto"


def paired_shift(a: Floats, b: Floats, *, alpha: float = 0.05, worth: float = 1.0) -> Shift:
    """Estimate the shift from `a` to `b`, pair by pair, with its interval at confidence 1 - `alpha`.

    Parameters
    ----------
    a, b
        As many, none missing.
    worth
        How many differences are worth one that is independent of the others.
    """
    n = len(a)
    if not n:
        return Shift(np.nan, -inf, inf, np.nan)
    differences = b - a
    first, second = np.triu_indices(n)
    means = np.sort((differences[first] + differences[second]) / 2)
    rank = _interval_rank(n, alpha, worth)
    low, high = (means[rank], means[-1 - rank]) if rank >= 0 else (-inf, inf)
    longer = float((differences > 0).mean() + (differences == 0).mean() / 2)
    return Shift(float(np.median(means)), float(low), float(high), _signed_ranks(differences, worth), longer)


def _interval_rank(n: int, alpha: float, worth: float) -> int:
    """Return the index, from 0, of the mean that begins the interval; -1 if there is none."""
    if n <= _EXACT_UP_TO and worth == 1:
        below = np.cumsum(_sums(n)) / 2.0**n
        return int(np.searchsorted(below, alpha / 2 * (1 + 1e-12), side="right")) - 1
    z = NormalDist().inv_cdf(1 - alpha / 2)
    spread = sqrt(worth * n * (n + 1) * (2 * n + 1) / 24)
    return max(floor(n * (n + 1) / 4 - z * spread - 0.5), -1)


def _signed_ranks(differences: Floats, worth: float) -> float:
    """Return the two-sided p-value."""
    given = differences[differences != 0]
    n = len(given)
    if not n:
        return 1.0
    _, inverse, ties = np.unique(np.abs(given), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(ties) - (ties - 1) / 2)[inverse]
    total = n * (n + 1) / 2
    up = float(ranks[given > 0].sum())
    larger = max(up, total - up)
    if worth == 1 and n == len(differences) and n <= _EXACT_UP_TO and ties.max() == 1:
        return min(2 * float(_sums(n)[round(larger) :].sum()) / 2.0**n, 1.0)
    tied = float((ties.astype(np.float64) ** 3 - ties).sum()) / 48
    spread = sqrt(max(worth * (n * (n + 1) * (2 * n + 1) / 24 - tied), 0.0))
    z = (larger - total / 2 - 0.5) / spread
    return min(erfc(z / sqrt(2)), 1.0)


@lru_cache(maxsize=64)
def _sums(n: int) -> Floats:
    """Count, for each sum of ranks from 0 on, the sets of ranks 1 to n that have it."""
    counts = np.ones(1)
    for rank in range(1, n + 1):
        more = np.zeros(len(counts) + rank)
        more[: len(counts)] += counts
        more[rank:] += counts
        counts = more
    return counts
