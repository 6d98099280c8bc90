"""The noise of a series that has changes in it: from differences, which a change of level touches once.

Medians of differences over one and two samples tell how wide the noise is, and how much successive samples
resemble one another, whatever the level does in between.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from trippy_nb.analysis.arrays import Floats

_RESEMBLANCE = 0.2
"""Less is taken for none. Changes and busy hours bring some about (the labelled series have 0 to 0.1), and
up to here the penalty holds by itself (tests)."""
_CHANCE = 3  # times 1 / sqrt(n): independent samples seldom show more
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
    """Measure the noise of at least 3 samples, none missing, in the order of time.

    For normal noise with a lag-one correlation rho, of an autoregressive process of order one,
    the differences over two samples are sqrt(1 + rho) times as wide as those over one, and n samples are
    worth n (1 - rho) / (1 + rho).
    """
    one = float(np.median(np.abs(rtt[1:] - rtt[:-1])))
    two = float(np.median(np.abs(rtt[2:] - rtt[:-2])))
    rho = min((two / one) ** 2 - 1, _MOST_RESEMBLANCE) if one > 0 else 0.0
    if rho < max(_RESEMBLANCE, _CHANCE / sqrt(len(rtt))):
        rho = 0.0
    spread = one / sqrt(2 * (1 - rho))
    worth = max(min((1 + rho) / (1 - rho), len(rtt) / _LEAST_WORTH), 1.0)
    return Noise(max(spread, _finest(rtt, min_shift_ms)), worth)


def _finest(rtt: Floats, min_shift_ms: float) -> float:
    """Return the least spread worth telling apart: rounding to q ms spreads by q / sqrt(12)."""
    steps = np.diff(np.unique(rtt))
    rounding = min(float(steps.min()), min_shift_ms) if len(steps) else 0.0
    return max(min_shift_ms * _SHARE_OF_STEP, rounding / sqrt(12))
