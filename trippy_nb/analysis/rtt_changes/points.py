"""The change points of one series of RTTs, each with what it is worth."""

from dataclasses import dataclass
from math import isnan, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from trippy_nb.analysis.arrays import Floats
from trippy_nb.analysis.ranks import Shift, shift_between
from trippy_nb.analysis.ratios import check_alpha
from trippy_nb.analysis.rtt_changes.chance import LEAST, kept
from trippy_nb.analysis.rtt_changes.noise import noise_of
from trippy_nb.analysis.rtt_changes.segments import cut
from trippy_nb.errors import ConfigError
from trippy_nb.model import check_number

MIN_SHIFT_MS = 1.0
"""Fontugne et al. (Pinpointing delay and forwarding anomalies, IMC 2017) let no smaller one pass, either."""
ALPHA = 0.05
_COMPARED = 500
"""Samples next to the change, on each side, that are compared: the level may drift farther off."""
_SMALLEST_P = 1e-300


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """One change of level."""

    place: int
    """First sample of the new level: its place in the series, lost ones counted."""
    last_place: int
    """Last sample of the old level: the change is after it."""
    before_ms: float
    after_ms: float
    """Median of what is compared, before and after."""
    shift: Shift
    """From before to after, ms."""
    n_before: int
    n_after: int
    """Samples that are compared: those of the levels on both sides, at most 500 nearest to the change."""


def change_points(
    rtt_ms: ArrayLike, *, min_shift_ms: float = MIN_SHIFT_MS, alpha: float = ALPHA
) -> tuple[ChangePoint, ...]:
    """Find where the level of RTTs changes.

    Parameters
    ----------
    rtt_ms
        One series, milliseconds, in the order of time, about evenly spaced; NaN where there is none.
    min_shift_ms
        Smallest change that is of interest, ms.
    alpha
        Chance that a series without changes shows one; also one minus the confidence of the intervals.

    Returns
    -------
    points
        In the order of time.

    Raises
    ------
    ConfigError
        If `min_shift_ms` or `alpha` is out of range, an RTT is negative or infinite, or there
        are several dimensions.

    Notes
    -----
    `segments` proposes, `chance` disposes. The shift is that of Hodges and Lehmann, its interval and p-value
    those of ranks (`analysis.ranks`), both for independent samples that are as many as these are worth
    (`noise`). The place was chosen to make the two sides differ, so p-values are too small: they rank
    changes, they do not prove them. What holds the number of false ones down is `alpha`.
    """
    check(min_shift_ms, alpha)
    try:
        rtt = np.asarray(rtt_ms, dtype=np.float64)
    except (TypeError, ValueError):
        raise ConfigError(f"rtt_ms: one series of numbers, not {type(rtt_ms).__name__}") from None
    if rtt.ndim != 1:
        raise ConfigError(f"rtt_ms: one series has one dimension, not {rtt.ndim}")
    places = np.flatnonzero(~np.isnan(rtt))
    rtt = rtt[places]
    if np.any(rtt < 0) or np.any(np.isinf(rtt)):
        raise ConfigError("rtt_ms: negative or infinite; mark a lost probe by NaN")
    if len(rtt) < 2 * LEAST:
        return ()
    noise = noise_of(rtt, min_shift_ms=min_shift_ms)
    cuts = cut(rtt, finest=noise.spread_ms, worth=noise.worth)
    cuts = kept(rtt, cuts, min_shift_ms=min_shift_ms, alpha=alpha, worth=noise.worth)
    bounds = [0, *cuts.tolist(), len(rtt)]
    found = []
    for start, here, end in zip(bounds[:-2], bounds[1:-1], bounds[2:], strict=True):
        before, after = rtt[max(start, here - _COMPARED) : here], rtt[here : min(end, here + _COMPARED)]
        found.append(
            ChangePoint(
                place=int(places[here]),
                last_place=int(places[here - 1]),
                before_ms=float(np.median(before)),
                after_ms=float(np.median(after)),
                shift=_shift(before, after, alpha, noise.worth),
                n_before=len(before),
                n_after=len(after),
            )
        )
    return tuple(found)


def check(min_shift_ms: float, alpha: float) -> None:
    """Refuse what makes no sense: ConfigError."""
    check_number("min_shift_ms", min_shift_ms, above=True)
    check_alpha(alpha)


def _shift(before: Floats, after: Floats, alpha: float, worth: float) -> Shift:
    """Compare two samples as if there were only so many as these are worth."""
    shift = shift_between(before, after, alpha=alpha)
    if worth == 1 or isnan(shift.p_value):
        return shift
    stretch = sqrt(worth)
    z = NormalDist().inv_cdf(max(shift.p_value, _SMALLEST_P) / 2) / stretch
    return Shift(
        shift.estimate,
        shift.estimate - (shift.estimate - shift.low) * stretch,
        shift.estimate + (shift.high - shift.estimate) * stretch,
        min(2 * NormalDist().cdf(z), 1.0),
    )
