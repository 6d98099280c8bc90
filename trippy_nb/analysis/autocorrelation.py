"""Successive samples resemble one another: how many of them are worth one that does not."""

import numpy as np

from trippy_nb.analysis.arrays import Floats

_LEAST_SERIES = 8
"""Fewer samples say nothing of how they depend on one another."""


def worth(series: Floats) -> float:
    """Return how many samples in a row are worth one that is independent of the others; at least 1.

    The integrated autocorrelation time of ranks, tau = 1 + 2 sum rho_k, over the initial positive monotone
    sequence (Geyer, Practical Markov chain Monte Carlo, Statistical Science 7, 1992; as the documentation of
    initseq in his R package mcmc states it), with the estimates raised by the bias tau / n that a mean taken
    from the same samples brings, and cut where sums drown in noise.
    """
    n = len(series)
    if n < _LEAST_SERIES or (series == series[0]).all():
        return 1.0
    rho = autocorrelation(_ranks(series))
    raw = _integrated(rho[: n // 2 * 2], 0.0)
    rho = rho + raw / n * (1 - rho)
    return _integrated(rho[: max(n // 3, 2) // 2 * 2], 1 / n**0.5)


def _integrated(rho: Floats, least: float) -> float:
    pairs = rho[::2] + rho[1::2]
    ends = np.flatnonzero(pairs <= least)
    kept = pairs[: ends[0]] if len(ends) else pairs
    return max(float(2 * np.minimum.accumulate(kept).sum() - 1), 1.0) if len(kept) else 1.0


def _ranks(series: Floats) -> Floats:
    _, inverse, ties = np.unique(series, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(ties) - (ties - 1) / 2)[inverse]
    ranks -= ranks.mean()
    return ranks


def autocorrelation(centred: Floats) -> Floats:
    """Return the autocorrelation of series of mean 0 along the last axis, at lags from 0 on."""
    n = centred.shape[-1]
    spectrum = np.fft.rfft(centred, 2 * n)
    sums: Floats = np.fft.irfft(spectrum * np.conj(spectrum))[..., :n]
    sums /= sums[..., :1].copy()
    return sums
