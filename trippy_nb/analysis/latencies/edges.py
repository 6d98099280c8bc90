"""Where the bins of a histogram begin and end."""

from collections.abc import Sequence

import numpy as np

from trippy_nb.analysis.arrays import Floats

_MOST = 200
"""More bins than that are not seen on a screen. Our choice."""


def edges_of(samples: Sequence[Floats], *, bins: int | None = None, log: bool = False) -> Floats:
    """Choose bins that suit all of these samples.

    Parameters
    ----------
    samples
        At least one, none empty; values of 0 and above.
    bins
        How many; by default what the rule says.
    log
        Choose them on a logarithmic axis. Values of 0 then get a bin of their own before the others.

    Returns
    -------
    edges
        Rising; the first is the smallest value, the last the largest. Of equal values, a bin around them.

    Notes
    -----
    Freedman and Diaconis: a width of 2 IQR n^(-1/3) (as numpy's histogram_bin_edges gives it).
    Where the range of the middle half is 0, Sturges' log2(n) + 1 bins. Of several samples the narrowest such
    width counts, so that none is smeared; in all there are at most 200 bins.
    """
    given = [np.log10(sample[sample > 0]) if log else sample for sample in samples]
    given = [sample for sample in given if len(sample)]
    zeros = log and any((sample <= 0).any() for sample in samples)
    if not given:
        return np.array([0.0, 1.0])
    low, high = min(float(sample.min()) for sample in given), max(float(sample.max()) for sample in given)
    if bins is None:
        bins = max((_bins_for(sample, high - low) for sample in given), default=1)
    edges = np.linspace(low, high, bins + 1) if high > low else np.array([low, high])
    if log:
        edges = 10.0**edges
        # Rounding must not leave the smallest and the largest outside.
        every = np.concatenate([sample[sample > 0] for sample in samples])
        edges[0], edges[-1] = every.min(), every.max()
    edges = np.unique(edges)
    if len(edges) == 1:
        edges = np.array([edges[0], max(np.nextafter(edges[0], np.inf), edges[0] * 1.001)])
    return np.concatenate([[0.0], edges]) if zeros else edges


def _bins_for(sample: Floats, span: float) -> int:
    quartiles = np.quantile(sample, (0.25, 0.75))
    width = 2 * float(quartiles[1] - quartiles[0]) * len(sample) ** (-1 / 3)
    if width <= 0:
        width = float(np.ptp(sample)) / (np.log2(len(sample)) + 1)
    if width <= 0 or span / width >= _MOST:
        return 1 if width <= 0 else _MOST
    return max(int(np.ceil(span / width)), 1)
