"""Medians of many groups at once, with intervals that hold for any distribution."""

from dataclasses import dataclass

import numpy as np

from trippy_nb.analysis.arrays import Floats, Ints
from trippy_nb.analysis.ratios import wilson


@dataclass(frozen=True, slots=True)
class Medians:
    """One for each group; NaN where there is none."""

    median: Floats
    low: Floats
    high: Floats
    """Ends of the interval of the median; NaN under six independent values (at an alpha of 0.05)."""


def medians(
    values: Floats, group: Ints, count: int, *, independent: Ints | None = None, alpha: float = 0.05
) -> Medians:
    """Return the median of each group, and the interval that its order statistics give.

    Parameters
    ----------
    values
        None missing.
    group
        Which of `count` groups each belongs to.
    independent
        For each group, how many independent values its values are worth, at most as many as it has; by
        default all of them.
    alpha
        One minus the confidence.

    Returns
    -------
    medians
        Of even numbers the mean of the middle two, as numpy's.

    Notes
    -----
    Fontugne, Aben, Pelsser and Bush (IMC 2017) take the values whose ranks are n times the ends
    of Wilson's interval of a share of one half. Their program, `rttAnalysis.py` of tartiflette, counts these
    ranks from 0, and cuts off: from 6 to 1,999 values its interval covers the median in 78 to 95 % of
    samples, by the binomial distribution. We count from 1, take the upper rank as far from the end as the
    lower one, and give none where the rank would be 0: this covers it in 95.2 % or more. Pairs that share a
    probe are worth less than their number: of a groups of r independent ones we take the rank for r, times n
    / r.
    """
    order = np.lexsort((values, group))
    ranked = values[order]
    n = np.bincount(group, minlength=count)
    first = np.cumsum(n) - n
    some = n > 0
    median = np.full(count, np.nan)
    lower, upper = first + np.maximum(n - 1, 0) // 2, first + n // 2
    median[some] = (ranked[lower[some]] + ranked[upper[some]]) / 2
    worth = n if independent is None else independent
    share, _ = wilson(worth / 2, worth, alpha=alpha)
    rank = np.floor(np.where(worth > 0, share, 0) * worth)
    rank = (rank * n // np.maximum(worth, 1)).astype(np.int64)
    sure = rank > 0
    low, high = np.full((2, count), np.nan)
    low[sure] = ranked[(first + rank - 1)[sure]]
    high[sure] = ranked[(first + n - rank)[sure]]
    return Medians(median, low, high)
