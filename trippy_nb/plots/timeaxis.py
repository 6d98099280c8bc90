"""Time from left to right, the same way in every picture: times of day, or rounds where none are known."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, num2date
from matplotlib.ticker import FixedLocator, Locator, MaxNLocator
from matplotlib.transforms import offset_copy

from trippy_nb.frames.schema import PROBES
from trippy_nb.model import settings_now
from trippy_nb.plots.theme import SMALL_PT, Theme, say_empty, width_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_DAY_S = 86_400
_LEAST_SPAN_S = 1.0
_AIR = 0.02
_EMPTY_TOP_MS = 1.0
# A tick says the whole time of day, the corner the day: matplotlib's own seconds lack their minute.
_FORMATS = ["%Y", "%b", "%b %d", "%H:%M", "%H:%M", "%H:%M:%S.%f"]
_AT_ZERO = ["", "%Y", "%b", "%b %d", "%H:%M", "%H:%M:%S"]
_OFFSETS = ["", "%Y", "%Y", "%Y-%m-%d", "%Y-%m-%d", "%Y-%m-%d"]


class _TimesOfDay(ConciseDateFormatter):
    """Times of day at the ticks, the day in the corner; both days, if midnight lies between."""

    _days: "Sequence[str]" = ()

    def format_ticks(self, values: "Sequence[float]") -> list[str]:
        """Write all ticks, and keep their days for the corner."""
        assert self.axis is not None  # which asks for them
        low, high = sorted(self.axis.get_view_interval())
        seen = [num2date(at, self._tz) for at in values if low <= at <= high]  # type: ignore[no-untyped-call]  # matplotlib's stubs lack it
        self._days = [f"{moment:%Y-%m-%d}" for moment in seen]
        words: list[str] = super().format_ticks(values)  # type: ignore[no-untyped-call]  # matplotlib's stubs lack it
        return words

    def get_offset(self) -> str:
        """Write what stands in the corner."""
        words: str = super().get_offset()  # type: ignore[no-untyped-call]  # matplotlib's stubs lack it
        days = self._days
        return f"{days[0]} to {days[-1]}" if words in days and days[0] != days[-1] else words


def across(places: "NDArray[np.float64] | pd.Series[float]", *, timed: bool) -> "NDArray[np.float64]":
    """Turn places (seconds since 1970, or rounds) into what the axis counts in."""
    values = np.asarray(places, dtype=np.float64)
    return values / _DAY_S if timed else values


def dress_time(ax: "Axes", theme: Theme, x: "NDArray[np.float64]", *, timed: bool, air: float = _AIR) -> None:
    """Give the lower axis its limits, ticks and label: `x` is all that lies on it, as `across` returns it."""
    ends = (float(x.min()), float(x.max())) if len(x) else (0.0, 0.0)
    low, high = ends if np.isfinite(ends).all() else (0.0, 0.0)
    least = _LEAST_SPAN_S / _DAY_S if timed else 1.0
    margin = max((high - low) * air, (least - (high - low)) / 2 if high - low < least else 0.0)
    ax.set_xlim(low - margin, high + margin)
    if timed:
        settings = settings_now()
        locator: Locator = AutoDateLocator(tz=settings.zone, minticks=4, maxticks=7)  # type: ignore[no-untyped-call]  # matplotlib's stubs lack it
        if len(x) and low == high:
            locator = FixedLocator([low])  # fractions of a second around one moment say nothing
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(
            _TimesOfDay(  # type: ignore[no-untyped-call]  # matplotlib's stubs lack it
                locator, tz=settings.zone, formats=_FORMATS, zero_formats=_AT_ZERO, offset_formats=_OFFSETS
            )
        )
        offset = ax.xaxis.get_offset_text()
        offset.set_color(theme.muted)
        offset.set_fontsize(SMALL_PT)
        ax.set_xlabel(f"{PROBES.label('sent_at')} ({settings.time_zone})")
    else:
        ax.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True))
        ax.set_xlabel(PROBES.label("round"))


def dress_rtt(ax: "Axes", theme: Theme, rtt_ms: "pd.Series[float]") -> None:
    """Give the left axis its label, and limits from 0 to a little above the largest RTT."""
    ax.set_ylabel(PROBES.label("rtt_ms"))
    largest = float(rtt_ms.max()) if len(rtt_ms) else np.nan
    ax.set_ylim(0, largest * 1.08 if largest > 0 else _EMPTY_TOP_MS)
    if np.isnan(largest):
        say_empty(ax, theme, "no round-trip times")
    ax.grid(axis="y", color=theme.faint, linewidth=0.6)
    ax.set_axisbelow(True)


def mark_moments(
    ax: "Axes", theme: Theme, moments: "Iterable[tuple[float, str]]", *, above_in: float
) -> None:
    """Draw a dashed line at each moment, and write above the picture what it is, where there is room."""
    figure = ax.get_figure(root=True)
    above = offset_copy(ax.get_xaxis_transform(), fig=figure, y=above_in, units="inches")
    low, high = ax.get_xlim()
    free_from = -np.inf
    for x, words in sorted(moments):
        ax.axvline(x, color=theme.ink, linewidth=0.9, linestyle=(0, (4, 2)), zorder=2.5, label="change")
        length = width_of(ax, words)
        share = (x - low) / (high - low)
        begin = share if share + length <= 1 else share - length  # words stay within the picture
        if begin < free_from:
            continue
        ax.text(
            x,
            1.0,
            words,
            transform=above,
            ha="left" if begin == share else "right",
            va="bottom",
            fontsize=SMALL_PT,
            color=theme.ink,
        )
        free_from = begin + length


def change_words(kind: str, first_ttl: object, last_ttl: object) -> str:
    """Say what changed, and at which hops: ``reroute, hops 3-5``."""
    if not isinstance(first_ttl, int | np.integer):
        return kind
    if first_ttl == last_ttl or not isinstance(last_ttl, int | np.integer):
        return f"{kind}, hop {first_ttl}"
    return f"{kind}, hops {first_ttl}-{last_ttl}"
