"""Smoke: how the RTTs of one hop lie around their median as time goes by, and what stayed unanswered."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.transforms import offset_copy

from trippy_nb.analysis.curves import Smoke
from trippy_nb.frames.columns import nanoseconds
from trippy_nb.frames.schema import HOPS
from trippy_nb.model import NS_PER_S
from trippy_nb.plots.hopaxis import responder_words
from trippy_nb.plots.theme import (
    SMALL_PT,
    VERMILLION,
    WIDTH_IN,
    Theme,
    add_legend,
    dress,
    new_axes,
    set_title,
    theme_of,
)
from trippy_nb.plots.timeaxis import across, dress_rtt, dress_time

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from trippy_nb.analysis.arrays import Floats

_HEIGHT_IN = 3.8
_STRIP, _STRIP_IN = 0.09, 0.36  # of the height, and what that is at most in a picture of ours
_DARKEST = 0.42


def plot_smoke(smoke: Smoke, *, ax: "Axes | None" = None) -> "Axes":
    """Draw how the RTTs of one hop lie around their median as time goes by.

    Parameters
    ----------
    smoke
        As `analysis.smoke` makes it.
    ax
        Where to draw; its background decides between light and dark.

    Returns
    -------
    ax
        For each stretch of time bands that hold a share of the answers, darkest in the middle, and a line at
        the median: thick and vermillion where a probe stayed unanswered. Above, bars: the share unanswered.
        Where nothing was sent, nothing is drawn.
    """
    if ax is None:
        ax = new_axes(WIDTH_IN, _HEIGHT_IN)
    theme = theme_of(ax)
    dress(ax, theme)
    bands = smoke.bands
    begins = across(nanoseconds(bands["at"]) / NS_PER_S, timed=True)
    step = across(bands["bin_s"], timed=True)
    dress_time(ax, theme, np.append(begins, begins + step), timed=True)
    shares = sorted(bands["band_share"].unique(), reverse=True)
    for number, share in enumerate(shares):
        mine = (bands["band_share"] == share).to_numpy()
        _draw_band(ax, begins[mine], step[mine], bands.loc[mine], theme, alpha=_alpha(number, len(shares)))
    if shares:
        mine = (bands["band_share"] == shares[0]).to_numpy()
        _draw_medians(ax, begins[mine], step[mine], bands.loc[mine], theme)
        loss = bands.loc[mine, "loss_ratio"].to_numpy(dtype=np.float64, na_value=0.0)
        _draw_loss(ax, begins[mine], step[mine], loss, theme)
    dress_rtt(ax, theme, bands["high_ms"])
    add_legend(ax, _handles(smoke, shares, theme), theme, below_in=0.52)
    is_lossy = bool((bands["loss_ratio"] > 0).any())
    set_title(ax, theme, _title(smoke), above_in=_STRIP_IN + 0.06 if is_lossy else 0.0)
    return ax


def _alpha(number: int, count: int) -> float:
    return _DARKEST * (number + 1) / count


def _draw_band(
    ax: "Axes",
    begins: "Floats",
    step: "Floats",
    part: pd.DataFrame,
    theme: Theme,
    *,
    alpha: float,
) -> None:
    """Fill a band; every stretch is as wide as it was long, and a gap stays one."""
    x = np.column_stack([begins, begins + step, begins + step]).ravel()
    low, high = (
        np.column_stack([part[name], part[name], np.full(len(part), np.nan)]).ravel()
        for name in ("low_ms", "high_ms")
    )
    ax.fill_between(
        x,
        low,
        high,
        facecolor=theme.ink,
        alpha=alpha,
        linewidth=0,
        zorder=2,
        label=f"{100 * part['band_share'].iloc[0]:.0f} %",
    )


def _draw_medians(
    ax: "Axes",
    begins: "Floats",
    step: "Floats",
    part: pd.DataFrame,
    theme: Theme,
) -> None:
    medians = part["p50_ms"].to_numpy(dtype=np.float64)
    lossy = part["loss_ratio"].to_numpy(dtype=np.float64, na_value=0.0) > 0
    for which, colour, width, label in (
        (~lossy, theme.blue, 1.6, "median"),
        (lossy, VERMILLION, 2.8, "median, lossy"),
    ):
        ax.hlines(
            medians[which],
            begins[which],
            (begins + step)[which],
            color=colour,
            linewidth=width,
            zorder=4,
            path_effects=[withStroke(linewidth=width + 1.4, foreground=theme.background)],
            label=label,
        )


def _draw_loss(
    ax: "Axes",
    begins: "Floats",
    step: "Floats",
    loss: "Floats",
    theme: Theme,
) -> None:
    """Draw the share unanswered as bars in a strip above the picture, a line of 0 to 100 % high."""
    some = loss > 0
    if not some.any():
        return
    base, full = 1.02, _STRIP
    strip = ax.get_xaxis_transform()
    ax.plot([0, 1], [base, base], transform=ax.transAxes, color=theme.faint, linewidth=0.8, clip_on=False)
    for begin, width, share in zip(begins[some], step[some], loss[some], strict=True):
        bar = Rectangle((begin, base), width, full * share, facecolor=VERMILLION, label="unanswered")
        bar.set(transform=strip, clip_on=False)  # as an artist, not a patch of the data: limits stay
        ax.add_artist(bar)
    figure = ax.get_figure(root=True)
    words = offset_copy(ax.transAxes, fig=figure, x=4, units="points")
    ax.text(
        1.0,
        base,
        HOPS.column("loss_ratio").label,
        transform=words,
        va="bottom",
        fontsize=SMALL_PT,
        color=theme.ink,
    )


def _handles(smoke: Smoke, shares: list[float], theme: Theme) -> list[Patch | Line2D]:
    if not shares:
        return []
    handles: list[Patch | Line2D] = [Line2D([], [], color=theme.blue, linewidth=1.6, label="median")]
    loss = smoke.bands["loss_ratio"].to_numpy(dtype=np.float64, na_value=0.0)
    if (loss > 0).any():
        handles.append(Line2D([], [], color=VERMILLION, linewidth=2.8, label="median, and some unanswered"))
    for number, share in reversed(list(enumerate(shares))):
        seen = 1 - np.prod([1 - _alpha(below, len(shares)) for below in range(number + 1)])
        words = "all answers" if share == 1 else f"middle {100 * share:.0f} %"
        handles.append(Patch(facecolor=theme.ink, alpha=float(seen), linewidth=0, label=words))
    return handles


def _title(smoke: Smoke) -> str:
    if smoke.bands.empty:
        return "No probes"
    step = f"{smoke.bands['bin_s'].iloc[0]:g}"
    return f"Hop {smoke.ttl}: {responder_words(smoke.addrs)}; a stretch is {step} s long"
