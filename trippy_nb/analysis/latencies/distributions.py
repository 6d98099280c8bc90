"""How RTTs are distributed: by rank, over time, in bins, as a smooth density. Long frames, ready to plot.

Each groups the probes that the hop table counts, by any of `run_id`, `flow`, `ttl` and `addr`. A group may
hold the answers of several responders: `n_addrs` says of how many, for a mixture has modes that no single one
of them has.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trippy_nb.analysis.arrays import Floats, Ints, distinct, pack
from trippy_nb.analysis.latencies.edges import edges_of
from trippy_nb.analysis.latencies.timed import Timed, bins_of, check_sent, timed_probes
from trippy_nb.analysis.ratios import check_alpha, wilson
from trippy_nb.errors import ConfigError
from trippy_nb.frames import columns as col
from trippy_nb.frames.answers import BANDS, DENSITY, ECDF, HISTOGRAM
from trippy_nb.model import check_number, is_number

if TYPE_CHECKING:
    import pandas as pd

    from trippy_nb.frames import Tables

HOP = ("run_id", "ttl")
_BANDS = (0.5, 0.8, 1.0)
_WHOLE_BINS = 200
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_LEAST_OF_DENSITY = 3
_MOST_OF_DENSITY = 5000
_REACH = 4  # standard deviations of the kernel: what is beyond is less than 1 in 10,000
_NOTHING = 39  # bandwidths; exp of minus half their square is 0 in floats


def ecdf(tables: "Tables", *, by: Iterable[str] = HOP, alpha: float = 0.05) -> "pd.DataFrame":
    """Return the empirical distribution function of the RTTs of each group.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.
    by
        Columns to group by, of `run_id`, `flow`, `ttl`, `addr`.
    alpha
        One minus the confidence of the interval at each point (not of the whole curve at once).

    Returns
    -------
    ecdf
        The columns of :data:`trippy_nb.frames.answers.ECDF`: one row for each different RTT of a group, in
        order.

    Raises
    ------
    ConfigError
        If `by` names something else.
    """
    check_alpha(alpha)
    timed = timed_probes(tables, by)
    rtt, group, n, _ = _ranked(timed)
    last = np.ones(len(rtt), dtype=np.bool_)
    last[:-1] = (rtt[1:] != rtt[:-1]) | (group[1:] != group[:-1])
    at = np.flatnonzero(last)
    rank = at + 1 - (np.cumsum(n) - n)[group[at]]
    low, high = wilson(rank, n[group[at]], alpha=alpha)
    return col.frame_of(
        ECDF,
        timed.columns(group[at])
        | {
            "rtt_ms": rtt[at],
            "share": rank / n[group[at]],
            "low_share": low,
            "high_share": high,
            "n": n[group[at]].astype(np.uint32),
            "n_addrs": timed.n_addrs(timed.group, timed.count)[group[at]].astype(np.uint32),
        },
        len(at),
    )


def quantile_bands(
    tables: "Tables",
    *,
    by: Iterable[str] = HOP,
    bin_s: float | None = None,
    bands: Iterable[float] = _BANDS,
) -> "pd.DataFrame":
    """Return how RTTs lie around their median as time goes by, and what stayed unanswered, as SmokePing.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.
    by
        Columns to group by, of `run_id`, `flow`, `ttl`, `addr`. A responder has no unanswered probes: by
        `addr` there is no loss ratio.
    bin_s
        Length of a stretch of time, seconds; by default the shortest usual one (1, 2, 5, 10, ... seconds)
        with which 200 make up the whole time.
    bands
        Share of the answers in each band, above 0 to 1: those between the quantiles (1 - share) / 2 and (1 +
        share) / 2.

    Returns
    -------
    bands
        The columns of :data:`trippy_nb.frames.answers.BANDS`, widest band first, as they are drawn. A stretch
        in which nothing was answered has loss, and no edges; one in which nothing was sent has no row.

    Raises
    ------
    ConfigError
        If `by` or `bands` are something else, `bin_s` is not above 0, or no probe has a time of sending.

    Notes
    -----
    SmokePing (`smokecol` in lib/Smokeping.pm) sorts the pings of a step, fills the space between
    the smallest and the largest, on top of it that between the second smallest and the second largest, and so
    on. Bands of fixed shares are the same where numbers of answers differ. Quantiles interpolate linearly, as
    numpy's.
    """
    shares = _shares(bands)
    if bin_s is not None:
        check_number("bin_s", bin_s, above=True)
    timed = timed_probes(tables, by, silent=True)
    check_sent(timed.sent_ns, "bands over time need one, ecdf does not")
    length = _usual_bin_s(timed.sent_ns) if bin_s is None else bin_s
    cut = _Stretches.of(timed, length)
    row = np.repeat(np.arange(cut.count), len(shares))
    share = np.tile(shares, cut.count)
    made: dict[str, Any] = timed.columns(cut.group[row]) | {
        "at": col.moments(cut.begun_ns[row]),
        "band_share": share,
        "low_ms": _quantile(cut.ranked, cut.n, row, (1 - share) / 2),
        "high_ms": _quantile(cut.ranked, cut.n, row, (1 + share) / 2),
        "p50_ms": _quantile(cut.ranked, cut.n, row, np.full(len(row), 0.5)),
        "n": cut.n[row].astype(np.uint32),
        "n_addrs": cut.n_addrs[row].astype(np.uint32),
        "bin_s": np.full(len(row), float(length)),
    }
    if "addr" not in timed.keys:
        made["sent"] = col.whole_numbers(cut.sent[row], "UInt32")
        made["loss_ratio"] = (cut.lost / np.maximum(cut.sent, 1))[row]
    return col.frame_of(BANDS, made, len(row))


def histograms(
    tables: "Tables",
    *,
    by: Iterable[str] = HOP,
    bins: int | None = None,
    log: bool = False,
    common: bool = True,
) -> "pd.DataFrame":
    """Count the RTTs of each group in bins.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.
    by
        Columns to group by, of `run_id`, `flow`, `ttl`, `addr`.
    bins
        How many; by default as many as :func:`trippy_nb.analysis.latencies.edges.edges_of` says.
    log
        Bins are as wide on a logarithmic axis; an RTT of 0 then has a bin of its own, from 0 to the smallest
        other.
    common
        All groups have the same bins, and can be compared; else each has its own.

    Returns
    -------
    histogram
        The columns of :data:`trippy_nb.frames.answers.HISTOGRAM`: one row for each bin of each group, in
        order, empty ones too. The counts of a group add up to its `n`.

    Raises
    ------
    ConfigError
        If `by` names something else, or `bins` is below 1.
    """
    if bins is not None:
        check_number("bins", bins, low=1, whole=True)
    timed = timed_probes(tables, by)
    samples = dict(_samples(timed))
    whole = edges_of(list(samples.values()), bins=bins, log=log) if common and samples else None
    n_addrs = timed.n_addrs(timed.group, timed.count)
    lows, highs, counts, groups = [], [], [], []
    for number, sample in samples.items():
        edges = edges_of([sample], bins=bins, log=log) if whole is None else whole
        counts.append(np.histogram(sample, edges)[0])
        lows.append(edges[:-1])
        highs.append(edges[1:])
        groups.append(np.full(len(edges) - 1, number, dtype=np.int64))
    group, count = _joined(groups, np.int64), _joined(counts, np.int64)
    n = np.array([len(sample) for sample in samples.values()], dtype=np.int64)[group]
    return col.frame_of(
        HISTOGRAM,
        timed.columns(group)
        | {
            "low_ms": _joined(lows, np.float64),
            "high_ms": _joined(highs, np.float64),
            "count": count.astype(np.uint32),
            "share": count / np.maximum(n, 1),
            "n": n.astype(np.uint32),
            "n_addrs": n_addrs[group].astype(np.uint32),
        },
        len(group),
    )


def densities(tables: "Tables", *, by: Iterable[str] = HOP, points: int = 200) -> "pd.DataFrame":
    """Estimate the density of the RTTs of each group with a Gaussian kernel.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.
    by
        Columns to group by, of `run_id`, `flow`, `ttl`, `addr`.
    points
        At how many RTTs to evaluate it, evenly over the sample and four standard deviations of the kernel
        around it.

    Returns
    -------
    density
        The columns of :data:`trippy_nb.frames.answers.DENSITY`. A group that has no density (under 3 answers,
        or all equal) has one row, at its median, without one.

    Raises
    ------
    ConfigError
        If `by` names something else, or `points` is below 2.

    Notes
    -----
    The bandwidth is Silverman's rule of thumb, 0.9 n^(-1/5) times the standard deviation, or the
    interquartile range over 1.349 if that is less and not 0 (as `statsmodels`' bw_silverman): a few spikes do
    not flatten everything else. No RTT is below 0: what the kernels put there is reflected. Of more than
    5,000 answers, 5,000 of evenly spaced ranks stand for all.
    """
    check_number("points", points, low=_LEAST_OF_DENSITY - 1, whole=True)
    timed = timed_probes(tables, by)
    n_addrs = timed.n_addrs(timed.group, timed.count)
    grids, values, widths, groups, numbers = [], [], [], [], []
    for number, sample in _samples(timed):
        grid, density, width = _density(sample, points)
        grids.append(grid)
        values.append(density)
        widths.append(np.full(len(grid), width))
        groups.append(np.full(len(grid), number, dtype=np.int64))
        numbers.append(np.full(len(grid), len(sample), dtype=np.int64))
    group = _joined(groups, np.int64)
    return col.frame_of(
        DENSITY,
        timed.columns(group)
        | {
            "rtt_ms": _joined(grids, np.float64),
            "density_per_ms": _joined(values, np.float64),
            "bandwidth_ms": _joined(widths, np.float64),
            "n": _joined(numbers, np.int64).astype(np.uint32),
            "n_addrs": n_addrs[group].astype(np.uint32),
        },
        len(group),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stretches:
    """The stretches of time in which something was sent, of each group one after another."""

    group: Ints
    begun_ns: Ints
    sent: Ints
    lost: Ints
    n: Ints
    """How many RTTs each has."""
    n_addrs: Ints
    ranked: Floats
    """The RTTs of the first, in order, then those of the second ..."""

    @property
    def count(self) -> int:
        """Count them."""
        return len(self.sent)

    @classmethod
    def of(cls, timed: Timed, length_s: float) -> "_Stretches":
        """Cut the time of each group; what was sent nobody knows when is in none."""
        when, begins = bins_of(timed.sent_ns, length_s)
        here = np.flatnonzero(when >= 0)
        _, number, sent = distinct(pack(timed.group[here], when[here]))
        stretch = np.full(len(when), -1, dtype=np.int64)
        stretch[here] = number
        count = len(sent)
        one = np.zeros(count, dtype=np.int64)
        one[number] = here
        answered = here[~np.isnan(timed.rtt[here])]
        return cls(
            group=timed.group[one],
            begun_ns=begins[when[one]],
            sent=sent,
            lost=np.bincount(stretch[here[timed.silent[here]]], minlength=count),
            n=np.bincount(stretch[answered], minlength=count),
            n_addrs=timed.n_addrs(stretch, count),
            ranked=timed.rtt[answered][np.lexsort((timed.rtt[answered], stretch[answered]))],
        )


def _ranked(timed: Timed) -> tuple[Floats, Ints, Ints, Ints]:
    """Sort RTTs within groups: RTT, group, how many each group has, and where it begins."""
    order = np.lexsort((timed.rtt, timed.group))
    n = np.bincount(timed.group, minlength=timed.count)
    return timed.rtt[order], timed.group[order], n, np.cumsum(n) - n


def _samples(timed: Timed) -> Iterator[tuple[int, Floats]]:
    """Go through the groups: number, and sorted RTTs."""
    rtt, _, n, first = _ranked(timed)
    for number in np.flatnonzero(n).tolist():
        yield number, rtt[first[number] : first[number] + n[number]]


def _joined(parts: "list[Any]", dtype: Any) -> Any:  # noqa: ANN401 - arrays of one dtype
    return np.concatenate(parts) if parts else np.zeros(0, dtype=dtype)


def _quantile(ranked: Floats, n: Ints, group: Ints, q: Floats) -> Floats:
    """Return a quantile of each of these groups; NaN of empty ones."""
    first, several = (np.cumsum(n) - n)[group], n[group]
    place = q * np.maximum(several - 1, 0)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(several - 1, 0))
    result = np.full(len(group), np.nan)
    some = several > 0
    low, high = ranked[(first + below)[some]], ranked[(first + above)[some]]
    result[some] = low + (high - low) * (place - below)[some]
    return result


def _shares(bands: object) -> Floats:
    """Check the shares of bands; the widest comes first."""
    given = tuple(bands) if isinstance(bands, Iterable) else ()
    if not given or not all(is_number(share) and 0 < share <= 1 for share in given):
        raise ConfigError(f"bands={bands!r} are not shares above 0, up to 1")
    return np.array(sorted(set(given), reverse=True), dtype=np.float64)


def _usual_bin_s(when_ns: Ints) -> float:
    known = when_ns[when_ns != col.NO_TIME]
    span_s = float(np.ptp(known)) / 1e9 if len(known) else 0.0
    least = span_s / _WHOLE_BINS
    return float(
        next((step for step in _STEPS_S if step >= least), np.ceil(least / _STEPS_S[-1]) * _STEPS_S[-1])
    )


def _density(sample: Floats, points: int) -> tuple[Floats, Floats, float]:
    """Return the grid, the density on it, and the bandwidth; of a sample that has none, one point without."""
    if len(sample) < _LEAST_OF_DENSITY or sample[0] == sample[-1]:
        return np.array([np.median(sample)]), np.array([np.nan]), np.nan
    few = sample
    if len(sample) > _MOST_OF_DENSITY:
        few = sample[np.linspace(0, len(sample) - 1, _MOST_OF_DENSITY).round().astype(np.int64)]
    deviation = float(np.std(few, ddof=1))
    quartiles = np.quantile(few, (0.25, 0.75))
    robust = float(quartiles[1] - quartiles[0]) / 1.349
    width = 0.9 * min(robust or deviation, deviation) * len(sample) ** -0.2
    check_number("bandwidth", width, above=True)
    grid = np.linspace(max(few[0] - _REACH * width, 0), few[-1] + _REACH * width, points)
    density = _kernels(few, grid, width)
    near = grid + few[0] < _NOTHING * width  # elsewhere nothing is left to reflect
    density[near] += _kernels(few, -grid[near], width)
    return grid, density, width


def _kernels(sample: Floats, grid: Floats, width: float) -> Floats:
    """Sum a Gaussian for each of the sample: plain arrays take a quarter of scipy's time (gaussian_kde)."""
    steps = grid[:, None] - sample
    steps *= 1 / width
    steps *= steps
    steps *= -0.5
    np.exp(steps, out=steps)
    total: Floats = steps.sum(axis=1) / (len(sample) * width * np.sqrt(2 * np.pi))
    return total
