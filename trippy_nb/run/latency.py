"""What round-trip times say, one line a question."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from trippy_nb.analysis import (
    daily_swing,
    delay_anomalies,
    delays,
    densities,
    ecdf,
    histograms,
    last_mile,
    light_check,
    quantile_bands,
    spikes,
)

if TYPE_CHECKING:
    import pandas as pd

    from trippy_nb.frames import Tables

_BY_HOP = ("run_id", "ttl")


class RunLatency:
    """Distributions and differences of the round-trip times of runs: docs/latency.md says how.

    `by` is any of run_id, flow, ttl and addr; what is not in it is taken together.

    Parameters
    ----------
    tables
        Of any number of runs.
    """

    def __init__(self, tables: "Tables") -> None:
        self._tables = tables

    def ecdf(self, *, by: Sequence[str] = _BY_HOP) -> "pd.DataFrame":
        """Share of answers up to each RTT: see `analysis.ecdf`."""
        return ecdf(self._tables, by=by)

    def bands(self, *, by: Sequence[str] = _BY_HOP, bin_s: float | None = None) -> "pd.DataFrame":
        """Bands around the median as time goes by, as SmokePing draws them: see `analysis.quantile_bands`."""
        return quantile_bands(self._tables, by=by, bin_s=bin_s)

    def histograms(self, *, by: Sequence[str] = _BY_HOP, log: bool = False) -> "pd.DataFrame":
        """Counts in bins that all groups have in common: see `analysis.histograms`."""
        return histograms(self._tables, by=by, log=log)

    def densities(self, *, by: Sequence[str] = _BY_HOP) -> "pd.DataFrame":
        """Smooth densities: see `analysis.densities`."""
        return densities(self._tables, by=by)

    def delays(self, *, by: Sequence[str] = _BY_HOP, bin_s: float | None = None) -> "pd.DataFrame":
        """RTT of each link's farther end less that of its nearer end: see `analysis.delays`."""
        return delays(self._tables, by=by, bin_s=bin_s)

    def anomalies(self, *, by: Sequence[str] = _BY_HOP, bin_s: float = 3600) -> "pd.DataFrame":
        """Such differences beside what was usual before: see `analysis.delay_anomalies`."""
        return delay_anomalies(self.delays(by=by, bin_s=bin_s))

    def spikes(self) -> "pd.DataFrame":
        """Whose the slow answers are: see `analysis.spikes`."""
        return spikes(self._tables)

    def light(self, places: Mapping[str, tuple[float, float]]) -> "pd.DataFrame":
        """Whether light could have been so fast: see `analysis.light_check`."""
        return light_check(self._tables, places)

    def last_mile(self, *, bin_s: float = 1800) -> "pd.DataFrame":
        """RTT from the last private hop to the first public one: see `analysis.last_mile`."""
        return last_mile(self._tables, bin_s=bin_s)

    def daily_swing(self) -> "pd.DataFrame":
        """How much of the last mile's delay follows the day: see `analysis.daily_swing`."""
        return daily_swing(self.last_mile())
