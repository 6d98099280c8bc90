"""When the differential RTT of a link is not what it was."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from trippy_nb.analysis.given import check_columns
from trippy_nb.frames import columns as col
from trippy_nb.frames.answers import DELAY_ALARMS
from trippy_nb.model import check_number

_LINK = ["run_id", "flow", "ttl", "from_addr", "to_addr"]
_KEPT = (*_LINK, "at", "n", "n_rounds", "median_ms", "low_ms", "high_ms", "tunnelled")
_FOUND = ("ref_ms", "ref_low_ms", "ref_high_ms", "diff_ms", "deviation")

Row = tuple[float, float, float]
"""Median, and the ends of its interval."""


@dataclass(slots=True)
class _Reference:
    """What is usual: the median of the first stretches, then smoothed."""

    warm_up: int
    gain: float
    first: list[Row] = field(default_factory=list)
    usual: "np.typing.NDArray[np.float64] | None" = None

    def add(self, row: Row) -> None:
        if self.usual is not None:
            self.usual = (1 - self.gain) * self.usual + self.gain * np.array(row)
            return
        self.first.append(row)
        if len(self.first) >= self.warm_up:
            self.usual = np.median(np.array(self.first), axis=0)


def delay_anomalies(
    delays: pd.DataFrame, *, gain: float = 0.01, warm_up: int = 3, least_ms: float = 1.0
) -> pd.DataFrame:
    """Compare each stretch of time of each link with what was usual before it.

    Parameters
    ----------
    delays
        A `DELAYS` frame made with `bin_s`; rows without `at` are left out.
    gain
        How much a new stretch counts in what is usual, above 0 to 1.
    warm_up
        The median of so many first stretches is what is usual at first.
    least_ms
        By how much medians must differ for an alarm, ms.

    Returns
    -------
    alarms
        The columns of :data:`trippy_nb.frames.answers.DELAY_ALARMS`: one row for each stretch, in order of
        link and time. `alarm` is missing while nothing is usual yet, and where the stretch has too few rounds
        for an interval: such a stretch does not change what is usual.

    Raises
    ------
    ConfigError
        If a parameter is out of bounds, or `delays` is another frame.

    Notes
    -----
    Fontugne et al. (IMC 2017), with the parameters of their program (`outlierDetection` in
    `rttAnalysis.py` of tartiflette: gain 0.01, 3 stretches). They also ask that a link was seen from 3
    networks or more, which one vantage cannot: an alarm here may be about a way back. Stretches with an alarm
    count in what is usual, too, so a change that stays is usual in the end.
    """
    check_number("gain", gain, high=1, above=True)
    check_number("warm_up", warm_up, low=1, whole=True)
    check_number("least_ms", least_ms)
    check_columns("delays", delays, _KEPT, made_by="delays() returned")
    timed = delays[delays["at"].notna()]
    order = timed.sort_values([*_LINK, "at"], kind="stable").reset_index(drop=True)
    found = {name: np.full(len(order), np.nan) for name in _FOUND}
    alarm, known = np.zeros((2, len(order)), dtype=np.bool_)
    rows = order[["median_ms", "low_ms", "high_ms"]].to_numpy(dtype=np.float64)
    for places in order.groupby(_LINK, sort=False, dropna=False, observed=True).indices.values():
        reference = _Reference(warm_up, gain)
        for place in np.sort(places).tolist():
            row = tuple(rows[place].tolist())
            if np.isnan(row[1]):
                continue
            if reference.usual is not None:
                usual = tuple(reference.usual.tolist())
                gap, deviation = _gap(row, usual)
                found["ref_ms"][place], found["ref_low_ms"][place], found["ref_high_ms"][place] = usual
                found["diff_ms"][place], found["deviation"][place] = row[0] - usual[0], deviation
                alarm[place], known[place] = gap > 0 and abs(row[0] - usual[0]) >= least_ms, True
            reference.add(row)
    made: dict[str, Any] = {name: order[name] for name in _KEPT} | found
    made["alarm"] = pd.arrays.BooleanArray(alarm, ~known)
    return col.frame_of(DELAY_ALARMS, made, len(order))


def _gap(row: Row, usual: Row) -> tuple[float, float]:
    """Return the gap between the two intervals, ms, and in halves of the usual one; 0 where they meet."""
    above = row[1] - usual[2]
    below = usual[1] - row[2]
    gap = max(above, below)
    if gap <= 0:
        return 0.0, 0.0
    half = usual[2] - usual[0] if above > below else usual[0] - usual[1]
    return gap, gap / half if half > 0 else np.nan
