"""The latency of each hop: every answer, the middle half, the median, and what stayed unanswered."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from trippy_nb.analysis import Latency, latency
from trippy_nb.frames import Tables, tables_from_probes
from trippy_nb.frames.schema import HOPS, PROBES
from trippy_nb.plots.theme import SMALL_PT, VERMILLION, Theme, dress, new_axes, theme_of
from trippy_nb.plots.timeaxis import dress_rtt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HOP_IN, _NARROW_HOP_IN, _ROOMY_UP_TO = 0.42, 0.16, 30
_HEIGHT_IN = 3.8
_LEAST_WIDTH_IN = 7.0  # of the legend in one row
_BOX_WIDTH, _CAP_WIDTH = 0.62, 0.25
_SPREAD = 0.46
_LEAST_SPAN = 8  # hops; fewer stand in the middle, not wider


def plot_latency(source: "Tables | Latency | pd.DataFrame", *, ax: "Axes | None" = None) -> "Axes":
    """Draw the round-trip times of each hop.

    Parameters
    ----------
    source
        Tables of a run (of several: taken together, probe by probe), what `analysis.latency` made of
        them, or a frame of probes.
    ax
        Where to draw; its background decides between light and dark.

    Returns
    -------
    ax
        A dot for each answer, from left to right in the order they were sent (hollow if late); a box
        over the middle half, whiskers over the middle 90 %, a line through the medians; above, the
        share of probes that nobody answered, where there are any.
    """
    found = source if isinstance(source, Latency) else latency(_tables(source))
    hops = found.hops
    roomy = len(hops) <= _ROOMY_UP_TO
    if ax is None:
        ax = new_axes(
            max(len(hops) * (_HOP_IN if roomy else _NARROW_HOP_IN) + 1.2, _LEAST_WIDTH_IN), _HEIGHT_IN
        )
    theme = theme_of(ax)
    _draw_answers(ax, found.answers, theme)
    _draw_boxes(ax, hops, theme)
    _draw_unanswered(ax, hops, theme, roomy=roomy)
    dress(ax, theme)
    _scale(ax, found, roomy=roomy)
    ax.set_xlabel(PROBES.label("ttl"))
    dress_rtt(ax, theme, found.answers["rtt_ms"])
    _add_legend(ax, found, theme)
    return ax


def _tables(source: "Tables | pd.DataFrame") -> Tables:
    return tables_from_probes(source) if isinstance(source, pd.DataFrame) else source


def _draw_answers(ax: "Axes", answers: pd.DataFrame, theme: Theme) -> None:
    late = answers["late"].to_numpy()
    x = answers["ttl"].to_numpy() + _SPREAD * (answers["place"].to_numpy() - 0.5)
    y = answers["rtt_ms"].to_numpy()
    ax.scatter(x[~late], y[~late], s=7, color=theme.blue, alpha=0.55, linewidths=0, zorder=3, label="answer")
    if late.any():
        ax.scatter(
            x[late],
            y[late],
            s=22,
            marker="D",
            facecolors="none",
            edgecolors=theme.blue,
            linewidths=1.0,
            zorder=3,
            label="late answer",
        )


def _draw_boxes(ax: "Axes", hops: pd.DataFrame, theme: Theme) -> None:
    timed = hops.loc[hops["n"] > 0]
    x, half = timed["ttl"].to_numpy(dtype=np.float64), _BOX_WIDTH / 2
    lowest, low, median, high, highest = (
        timed[f"p{share}_ms"].to_numpy(dtype=np.float64) for share in ("05", "25", "50", "75", "95")
    )
    left, right = x - half, x + half
    boxes = [(left, low), (right, low), (right, high), (left, high), (left, low)]
    whiskers = [[(x, one), (x, two)] for one, two in ((low, lowest), (high, highest))]
    caps = [[(x - _CAP_WIDTH / 2, y), (x + _CAP_WIDTH / 2, y)] for y in (lowest, highest)]
    for words, ways, colour, wide_pt in (
        ("boxes", [boxes, *whiskers, *caps], theme.muted, 0.9),
        ("medians", [[(left, median), (right, median)]], theme.ink, 1.8),
    ):
        # One artist for all hops: a line each would take as long as all the rest.
        each = [way for points in ways for way in np.moveaxis(np.array(points), 2, 0)]
        lines = LineCollection(each, colors=colour, linewidths=wide_pt, capstyle="projecting", zorder=4)
        lines.set_label(words)
        ax.add_collection(lines, autolim=False)
    # A missing median breaks the line: nothing is drawn across a silent hop.
    ax.plot(hops["ttl"], hops["p50_ms"], color=theme.ink, linewidth=0.9, alpha=0.8, zorder=2, label="median")


def _draw_unanswered(ax: "Axes", hops: pd.DataFrame, theme: Theme, *, roomy: bool) -> None:
    lossy = hops.loc[hops["loss_ratio"] > 0]
    if lossy.empty:
        return
    across = ax.get_xaxis_transform()
    colour = VERMILLION
    ax.plot(
        lossy["ttl"],
        np.full(len(lossy), 1.02),
        linestyle="",
        marker="x",
        markersize=5,
        markeredgewidth=1.4,
        color=colour,
        transform=across,
        clip_on=False,
        zorder=5,
        label="unanswered",
    )
    for ttl, share in zip(lossy["ttl"].tolist(), lossy["loss_ratio"].tolist(), strict=True):
        ax.text(
            ttl,
            1.05,
            f"{100 * share:.0f} %",
            transform=across,
            ha="center",
            va="bottom",
            fontsize=SMALL_PT if roomy else SMALL_PT - 2,
            rotation=0 if roomy else 90,
            color=theme.ink,
        )


def _scale(ax: "Axes", found: Latency, *, roomy: bool) -> None:
    ttls = found.hops["ttl"].tolist()
    if roomy:
        ax.set_xticks(ttls)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(nbins=20, integer=True))
    air = max(0.6, (_LEAST_SPAN - len(ttls)) / 2)
    ax.set_xlim(min(ttls, default=1) - air, max(ttls, default=1) + air)


def _add_legend(ax: "Axes", found: Latency, theme: Theme) -> None:
    handles = [Line2D([], [], color=theme.blue, marker="o", markersize=3, linestyle="", label="answer")]
    if found.answers["late"].any():
        handles.append(
            Line2D(
                [],
                [],
                color=theme.blue,
                marker="D",
                markersize=5,
                markerfacecolor="none",
                linestyle="",
                label="late answer",
            )
        )
    handles.append(
        Line2D([], [], color=theme.ink, linewidth=1.4, label="median (box: middle 50 %, whiskers: 90 %)")
    )
    if (found.hops["loss_ratio"] > 0).any():
        share = HOPS.column("loss_ratio").label.lower()
        handles.append(Line2D([], [], color=VERMILLION, marker="x", markersize=5, linestyle="", label=share))
    figure = ax.get_figure(root=True)
    wide = figure is not None and figure.get_figwidth() >= _LEAST_WIDTH_IN
    ax.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.16),
        ncols=len(handles) if wide else 2,
        frameon=False,
        fontsize=SMALL_PT,
        labelcolor=theme.ink,
        columnspacing=1.4,
        handletextpad=0.5,
    )
