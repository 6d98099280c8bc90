"""Ratios with what they are worth: intervals, and corrections for asking often."""

from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from trippy_nb.analysis.arrays import Floats
from trippy_nb.errors import ConfigError
from trippy_nb.model import is_number

_MOST_ALPHA = 0.5


def check_alpha(alpha: object) -> None:
    """Refuse what is no probability of an error that one can live with.

    Raises
    ------
    ConfigError
        If it is none.
    """
    if not (is_number(alpha) and 0 < alpha <= _MOST_ALPHA):
        raise ConfigError(f"alpha is a probability above 0 and up to {_MOST_ALPHA}, not {alpha!r}")


def wilson(k: ArrayLike, n: ArrayLike, *, alpha: float = 0.05) -> tuple[Floats, Floats]:
    """Return the ends of the interval of a share: k of n.

    Parameters
    ----------
    k, n
        Counts, of one shape; k may be a float between 0 and n (as for the rank of a median).
    alpha
        One minus the confidence.

    Returns
    -------
    low, high
        Between 0 and 1; NaN where n is 0.

    Notes
    -----
    Wilson, Probable inference, the law of succession, and statistical inference, JASA 22, 1927: the shares p
    for which (k - n p)^2 = z^2 n p (1 - p).
    """
    k_, n_ = np.asarray(k, dtype=np.float64), np.asarray(n, dtype=np.float64)
    z = NormalDist().inv_cdf(1 - alpha / 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        share, room = k_ / n_, z * z / n_
        middle = (share + room / 2) / (1 + room)
        half = z * np.sqrt(share * (1 - share) / n_ + room / (4 * n_)) / (1 + room)
    # Rounding must not take an end out of the bounds, nor beyond a share of none or all.
    low = np.where(k_ == 0, 0.0 * share, np.maximum(middle - half, 0))
    high = np.where(k_ == n_, 1.0 + 0.0 * share, np.minimum(middle + half, 1))
    return low, high


def holm(p_values: ArrayLike) -> Floats:
    """Correct p-values for how many of them there are: Holm's step-down procedure.

    Parameters
    ----------
    p_values
        One for each test; NaN is no test, and stays NaN.

    Returns
    -------
    adjusted
        In the same order: those up to alpha are significant together, at a chance of alpha that any is so
        wrongly, whatever depends on what.

    Notes
    -----
    Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 1979.
    """
    p = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p.shape, np.nan)
    given = np.flatnonzero(~np.isnan(p))
    order = given[np.argsort(p[given], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1)
    return adjusted
