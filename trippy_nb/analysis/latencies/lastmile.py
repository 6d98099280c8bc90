"""The last mile: from the last private hop to the first one of the provider, as the day goes by.

Queues there follow the day where lines are full in the evening. The difference of two neighbours' RTTs has
the delay of the line in it, and its smallest value over the whole time takes that off: what is left is
queueing, there or on the ways back of the two.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.analysis.arrays import (
    Floats,
    Ints,
    Probes,
    distinct,
    pack,
    probe_arrays,
    sent_ns,
)
from trippy_nb.analysis.cells import Cells, cell_numbers, cells_of
from trippy_nb.analysis.evidence.ways import kind_of_address
from trippy_nb.analysis.given import check_columns
from trippy_nb.analysis.latencies.medians import medians
from trippy_nb.analysis.latencies.timed import all_pairs, bins_of, check_sent, different
from trippy_nb.frames import columns as col
from trippy_nb.frames.answers import CLASSES, DAILY, LAST_MILE
from trippy_nb.frames.check import conform
from trippy_nb.model import check_number

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

_HOME = ("private", "link-local")
"""Kinds of addresses at home. Shared ones (100.64.0.0/10) are the provider's side of the line."""
_DAY_S = 86400.0
_SEGMENT_DAYS = 3
_LEAST_DAYS = 4.5  # two segments that overlap by half: with one, any noise has some strongest period
_LEAST_FILLED = (
    0.75  # what is missing is drawn as a line between neighbours, which damps the swing. Our choice.
)
_LIMITS_MS = (0.5, 1.0, 3.0)
_NEAR_DAY_H = (23.0, 25.0)


def last_mile(tables: "Tables", *, bin_s: float = 1800.0, least_rounds: int = 3) -> pd.DataFrame:
    """Follow the queueing delay between home and provider over time.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order. Runs of one vantage are put together.
    bin_s
        Length of a stretch of time, seconds.
    least_rounds
        Stretches with fewer rounds have no `delay_ms`, and do not count for the smallest median.

    Returns
    -------
    last_mile
        The columns of :data:`trippy_nb.frames.answers.LAST_MILE`, by vantage and time. A round counts if it
        shows the first hop that is not private, and before it a private one; or if that hop is the first of
        all, at a TTL of 1 (the host has a public address itself: then its own end counts as 0 ms).

    Raises
    ------
    ConfigError
        If `bin_s` is not above 0, or no probe has a time of sending.

    Notes
    -----
    Fontugne, Shah and Cho, Persistent Last-mile Congestion: Not so Uncommon, IMC 2020; the pairs
    are those of their program (raclette, `timetrack/firsthop.py`): all RTTs of the first public hop with all
    of the last private one, the median of 30 minutes with 3 traceroutes or more, less the smallest. It also
    leaves out a first public hop that is not of the provider's own network; we do not look networks up.
    """
    check_number("bin_s", bin_s, above=True)
    probes = probe_arrays(tables)
    cells = cells_of(probes)
    when_ns = sent_ns(tables, probes)
    check_sent(when_ns, "the last mile over time needs one")
    at, two, difference = _differences(probes, cells)
    when, begins = bins_of(when_ns[two], bin_s)
    known = when >= 0
    at, two, difference, when = at[known], two[known], difference[known], when[known]
    names, vantage = _vantages(tables, probes.run[two])
    _, group, n = distinct(pack(vantage, when))
    count = len(n)
    one = np.zeros(count, dtype=np.int64)
    one[group] = np.arange(len(group))
    rounds = different(group, at, count)
    middle = medians(difference, group, count).median
    middle_of_enough = np.where(rounds >= least_rounds, middle, np.nan)
    made: dict[str, Any] = {
        "vantage": col.codes(vantage[one], names),
        "at": col.moments(begins[when[one]]),
        "n": n.astype(np.uint32),
        "n_rounds": rounds.astype(np.uint32),
        "median_ms": middle,
        "delay_ms": _above_least(middle_of_enough, vantage[one], len(names)),
        "n_addrs": different(group, probes.addr[two], count).astype(np.uint32),
        "bin_s": np.full(count, float(bin_s)),
    }
    return col.frame_of(LAST_MILE, made, count)


def _above_least(middle: Floats, vantage: Ints, count: int) -> Floats:
    """Take the smallest median of each vantage off all of its medians."""
    least = np.full(count, np.inf)
    np.fmin.at(least, vantage, middle)
    above: Floats = middle - least[vantage]
    return above


def _vantages(tables: "Tables", run: Ints) -> tuple[tuple[str, ...], Ints]:
    """Name the vantage of each row: the host, or else its address, or else nothing."""
    runs = tables.runs
    named = runs["vantage"].astype("str").where(runs["vantage"].notna(), runs["src_addr"].astype("str"))
    of_run = dict(zip(runs["run_id"].tolist(), named.fillna("").tolist(), strict=True))
    names = tuple(sorted(set(of_run.values())))
    number = {name: code for code, name in enumerate(names)}
    ids, place, _ = distinct(run)
    return names, np.array([number[of_run[one]] for one in ids.tolist()], dtype=np.int64)[place]


def _differences(probes: Probes, cells: Cells) -> tuple[Ints, Ints, Floats]:
    """Pair RTTs across the border of each path: path, row of the farther probe, difference (ms)."""
    home = np.array([kind_of_address(name) in _HOME for name in probes.names], dtype=np.bool_)
    rows = np.flatnonzero(probes.answered & ~np.isnan(probes.rtt))
    cell = cell_numbers(probes, cells)[rows]
    inner = home[probes.addr[rows]] if len(rows) else np.zeros(0, dtype=np.bool_)
    near, near_cell, far, far_cell = rows[inner], cell[inner], rows[~inner], cell[~inner]
    # Cells are in order of path and TTL: the first one beyond, and the last one at home before it.
    path, first = np.unique(cells.path[far_cell], return_index=True)
    border = far_cell[first]
    before = np.searchsorted(near_cell, border) - 1
    last = near_cell[np.maximum(before, 0)] if len(near_cell) else np.full(len(border), -1, dtype=np.int64)
    has_home = (before >= 0) & (last >= 0)
    has_home[has_home] = cells.path[last[has_home]] == path[has_home]
    at_head = ~has_home & (cells.ttl[border] == 1)
    pair, one, two = all_pairs(near_cell, last[has_home], far_cell, border[has_home])
    alone = np.flatnonzero(np.isin(far_cell, border[at_head]))
    return (
        np.concatenate([path[has_home][pair], cells.path[far_cell[alone]]]),
        np.concatenate([far[two], far[alone]]),
        np.concatenate([probes.rtt[far[two]] - probes.rtt[near[one]], probes.rtt[far[alone]]]),
    )


def daily_swing(last_mile: pd.DataFrame) -> pd.DataFrame:
    """Tell whether the queueing delay of each vantage's last mile follows the day, and how strongly.

    Parameters
    ----------
    last_mile
        A `LAST_MILE` frame. Stretches without `delay_ms` count as missing.

    Returns
    -------
    daily
        The columns of :data:`trippy_nb.frames.answers.DAILY`, one row for each vantage. With less than 4.5
        days, or less than three quarters of the stretches, nothing is told but how much there is.

    Notes
    -----
    Fontugne, Shah and Cho (IMC 2020), with the parameters of their program (`survey.py` and `welch.py` of
    last-mile): Welch's periodogram of segments of 3 days that overlap by half, linear trend taken off, scaled
    as a spectrum, the median of the segments. The swing is 2 sqrt(2 P) of its strongest period; `low` is
    above 0.5 ms, `mild` above 1, `severe` above 3, if that period is of 23 to 25 hours.

    Two things differ. They take what is missing out; we draw a line across it, for otherwise days change
    their length. And `scipy.signal.welch(average="median")` divides by what the median of noise is off its
    mean: a steady wave, whose segments are all alike, then comes out up to a fifth too high. We leave that
    out.
    """
    check_columns("last_mile", last_mile, LAST_MILE.names, made_by="last_mile() returned")
    rows = []
    for name, part in last_mile.groupby("vantage", observed=True, sort=True):
        given = part[part["delay_ms"].notna()].sort_values("at")
        rows.append({"vantage": name} | _swing(given))
    return conform(pd.DataFrame(rows, columns=list(DAILY.names)), DAILY)


def _swing(given: pd.DataFrame) -> dict[str, Any]:
    if given.empty:
        return {"n": 0, "days": 0.0, "filled_ratio": 0.0, "needs_days": _LEAST_DAYS}
    bin_s = float(given["bin_s"].iloc[0])
    length = round(bin_s * 1e9)
    place = col.nanoseconds(given["at"]) // length
    place -= place[0]
    count = int(place[-1]) + 1
    facts = {
        "n": len(given),
        "days": count * bin_s / _DAY_S,
        "filled_ratio": len(given) / count,
    }
    if facts["days"] < _LEAST_DAYS:
        return facts | {"needs_days": _LEAST_DAYS}
    if facts["filled_ratio"] < _LEAST_FILLED:
        return facts
    from scipy.signal import spectrogram

    series = np.interp(np.arange(count), place, given["delay_ms"].to_numpy(dtype=np.float64))
    segment = round(_SEGMENT_DAYS * _DAY_S / bin_s)
    frequency, _, powers = spectrogram(
        series,
        3600 / bin_s,
        window="hann",
        nperseg=segment,
        noverlap=segment // 2,
        scaling="spectrum",
        detrend="linear",
    )
    power = np.median(powers, axis=-1)
    strongest = 1 + int(np.argmax(power[1:]))
    period = 1 / float(frequency[strongest])
    swing = 2 * float(np.sqrt(2 * power[strongest]))
    daily = _NEAR_DAY_H[0] < period < _NEAR_DAY_H[1]
    level = sum(swing > limit for limit in _LIMITS_MS) if daily else 0
    return facts | {"main_period_h": period, "swing_ms": swing, "daily": daily, "level": CLASSES[level]}
