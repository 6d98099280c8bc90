"""The noise of a series that has changes in it: from differences, which a change of level touches once.

How much successive samples resemble one another is estimated twice. For an autoregressive process of order
one with a correlation rho, differences over two samples are sqrt(1 + rho) times as wide as those
over one; and successive differences have a correlation of (rho - 1) / 2. The first, by medians, does not
see busy hours, but is uncertain by 3 to 5 / sqrt(n); the second, by ranks, is uncertain by 1.6 to
2 / sqrt(n), but takes queues that fill and empty for resemblance throughout. The smaller one is believed.
"""

from dataclasses import dataclass
from math import pi, sin, sqrt

import numpy as np

from trippy_nb.analysis.arrays import Floats

_RESEMBLANCE = 0.2
"""Less is taken for none. Changes and busy hours bring some about (the labelled series have 0 to 0.1), and
up to here the penalty holds by itself (tests)."""
_CHANCE = 3.2  # times 1 / sqrt(n): two standard deviations of the second estimate without resemblance
_MOST_RESEMBLANCE = 0.95
_LEAST_WORTH = 6
"""A series is taken to be worth so many independent samples, at least: a short one cannot show that it is
worth less, and with less no step would be found, however large."""
_SHARE_OF_STEP = 1 / 20  # finer noise than this share of the smallest step of interest does not matter


@dataclass(frozen=True, slots=True)
class Noise:
    """What the samples do while nothing changes."""

    spread_ms: float
    """Median distance of a sample from the level."""
    worth: float
    """How many samples in a row are worth one that is independent of the others; at least 1."""


def noise_of(rtt: Floats, *, min_shift_ms: float) -> Noise:
    """Measure the noise of at least 4 samples, none missing, in the order of time.

    n samples with a correlation rho are worth n (1 - rho) / (1 + rho) independent ones.
    """
    one = np.diff(rtt)
    rho = min(_by_width(rtt, one), _by_ranks(one), _MOST_RESEMBLANCE)
    if rho < max(_RESEMBLANCE, _CHANCE / sqrt(len(rtt))):
        rho = 0.0
    spread = float(np.median(np.abs(one))) / sqrt(2 * (1 - rho))
    worth = max(min((1 + rho) / (1 - rho), len(rtt) / _LEAST_WORTH), 1.0)
    return Noise(max(spread, _finest(rtt, min_shift_ms)), worth)


def _by_width(rtt: Floats, one: Floats) -> float:
    two = rtt[2:] - rtt[:-2]
    width = float(np.median(np.abs(one)))
    return (float(np.median(np.abs(two))) / width) ** 2 - 1 if width > 0 else 0.0


def _by_ranks(one: Floats) -> float:
    """Make Pearson's correlation of Spearman's, for normal noise: 2 sin(pi r / 6)."""
    from scipy.stats import rankdata

    ranks = rankdata(one)
    ranks -= ranks.mean()
    squares = float((ranks * ranks).sum())
    if squares == 0:
        return 0.0
    return 1 + 4 * sin(pi / 6 * float((ranks[1:] * ranks[:-1]).sum()) / squares)


def _finest(rtt: Floats, min_shift_ms: float) -> float:
    """Return the least spread worth telling apart: rounding to q ms spreads by q / sqrt(12)."""
    steps = np.diff(np.unique(rtt))
    rounding = min(float(steps.min()), min_shift_ms) if len(steps) else 0.0
    return max(min_shift_ms * _SHARE_OF_STEP, rounding / sqrt(12))
