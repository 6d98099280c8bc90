"""How the RTTs of hops are distributed: ridges, and shares answered up to each RTT."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.collections import Collection, LineCollection, PolyCollection
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from trippy_nb.analysis.curves import Curves
from trippy_nb.frames.schema import PROBES
from trippy_nb.plots.hopaxis import dress_hops, responder_words
from trippy_nb.plots.theme import (
    SMALL_PT,
    WIDTH_IN,
    Theme,
    add_legend,
    dress,
    dress_bar,
    new_axes,
    rows_axes,
    say_empty,
    set_title,
    theme_of,
    width_in,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from trippy_nb.analysis.arrays import Floats

_ROW_IN = 0.36
_HEIGHT_IN = 3.8
_RIDGE = 0.86  # of a row: ridges do not hide each other
_TOLD_APART = 8  # lines; more are coloured by their TTL
_DASHES: tuple[Any, ...] = (
    "solid",
    (0, (5, 1.5)),
    (0, (1.2, 1.2)),
    (0, (5, 1.5, 1.2, 1.5)),
)
_STEPPED_DECADES_AN_INCH = 0.7  # of more, 1,000 and 2,000 would touch
_DECADES_AN_INCH = 1.3  # of more, 100,000 and 1,000,000 would
_WIDE_RANGE = 50  # largest over smallest RTT, from which an axis is logarithmic


def plot_ridges(curves: Curves, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the density of the RTTs of each hop, one above the other.

    Parameters
    ----------
    curves
        As `analysis.ridges` makes them.
    ax
        Where to draw; its background decides between light and dark.

    Returns
    -------
    ax
        A row for each hop: its density, as high as the row at its own peak, so that heights of different
        rows mean nothing; a line at the median. A sample without a density (under three answers, or all
        equal) is a line alone. To the right: what nobody answered.
    """
    ttls = [int(ttl) for ttl in curves.hops["ttl"]]
    if ax is None:
        ax = rows_axes(len(ttls), _ROW_IN, within_in=(1.2, 11.0), around_in=0.9)
    theme = theme_of(ax)
    dress(ax, theme)
    points: dict[Any, pd.DataFrame] = dict(list(curves.points.groupby("ttl")))
    ridges: dict[int, Floats] = {}
    medians: list[Floats] = []
    for row, hop in enumerate(curves.hops.to_dict("records")):
        if hop["ttl"] in points:
            part = points[hop["ttl"]]
            x, height = part["rtt_ms"].to_numpy(), part["height"].to_numpy()
            if len(x) > 1:
                ridges[row] = np.column_stack([x, row - _RIDGE * np.nan_to_num(height)])
            at = np.interp(hop["p50_ms"], x, np.nan_to_num(height, nan=1.0))
            medians.append(np.array([(hop["p50_ms"], row), (hop["p50_ms"], row - _RIDGE * at)]))
        _say_unanswered(ax, row, hop["loss_ratio"], theme)
    _draw_ridges(ax, ridges, medians, len(ttls), theme)
    ax.spines["left"].set_visible(False)
    ax.set_ylim(max(len(ttls), 1) - 0.6, -1.0)
    ax.set_xlim(*_ends(curves))
    dress_hops(ax, ttls, curves.addrs, theme)
    ax.set_xlabel(PROBES.label("rtt_ms"))
    if not len(curves.points):
        say_empty(ax, theme, "no round-trip times")
    return ax


def plot_answered_shares(curves: Curves, *, ax: "Axes | None" = None) -> "Axes":
    """Draw which share of the probes of each hop was answered within which RTT.

    Parameters
    ----------
    curves
        As `analysis.answered_shares` makes them.
    ax
        Where to draw; its background decides between light and dark.

    Returns
    -------
    ax
        A curve for each hop. It ends, with a dot, at the share that was answered at all: what is missing to
        100 % stayed unanswered. Up to eight hops differ in their dashes; of more, colour is the TTL. The
        axis is logarithmic if RTTs differ by more than a factor of 50.
    """
    if ax is None:
        ax = new_axes(WIDTH_IN, _HEIGHT_IN)
    theme = theme_of(ax)
    dress(ax, theme)
    few = len(curves.hops) <= _TOLD_APART
    scale = _scale(curves, theme)
    points: dict[Any, pd.DataFrame] = dict(list(curves.points.groupby("ttl")))
    handles: list[Line2D] = []
    for number, hop in enumerate(curves.hops.to_dict("records")):
        ttl = int(hop["ttl"])
        colour = theme.look(number).colour if few else scale.to_rgba(np.array([ttl]))[0]
        dashes: Any = _DASHES[(number + number // 4) % 4] if few else "solid"
        words = f"hop {ttl}: {responder_words(curves.addrs.get(ttl, ()))}"
        if ttl in points:
            _draw_share(ax, points[ttl], colour, dashes, label=str(ttl))
        handles.append(Line2D([], [], color=colour, linestyle=dashes, label=words))
        if ttl not in points:
            handles[-1].set_linestyle("")
    _dress_shares(ax, curves, theme)
    if few:
        add_legend(ax, handles, theme)
    elif len(curves.points):
        dress_bar(ax, scale, theme, PROBES.label("ttl"))
    silent = [str(ttl) for ttl in curves.hops["ttl"] if int(ttl) not in points]
    if silent and not few:
        set_title(ax, theme, f"Silent: hop {', '.join(silent)}")
    return ax


def _draw_ridges(
    ax: "Axes", ridges: "dict[int, Floats]", medians: "list[Floats]", count: int, theme: Theme
) -> None:
    """Draw all rows at once: an artist a row would take as long as all the rest."""
    floors = [np.array([(0.0, row), (1.0, row)]) for row in range(count)]
    bodies = [np.vstack([way, [(way[-1, 0], row), (way[0, 0], row)]]) for row, way in ridges.items()]
    ways = list(ridges.values())
    parts: list[tuple[str, Collection]] = [
        ("row", LineCollection(floors, colors=theme.faint, linewidths=0.8, zorder=1)),
        ("density", PolyCollection(bodies, facecolors=theme.blue, alpha=0.55, linewidths=0, zorder=2)),
        ("ridge", LineCollection(ways, colors=theme.blue, linewidths=1.2, zorder=3)),
        ("median", LineCollection(medians, colors=theme.ink, linewidths=1.6, zorder=4)),
    ]
    parts[0][1].set_transform(ax.get_yaxis_transform())
    for words, part in parts:
        part.set_label(words)
        ax.add_collection(part, autolim=False)


def _say_unanswered(ax: "Axes", row: int, share: float, theme: Theme) -> None:
    if not share > 0:  # nor if it is missing
        return
    ax.text(
        1.01,
        row,
        f"{100 * share:.0f} % unanswered",
        transform=ax.get_yaxis_transform(),
        va="bottom",
        fontsize=SMALL_PT,
        color=theme.ink,
    )


def _ends(curves: Curves) -> tuple[float, float]:
    """Return the ends of the axis of RTTs: all of every ridge, and some air."""
    rtts = curves.points["rtt_ms"]
    if rtts.empty:
        return 0.0, 1.0
    low, high = float(rtts.min()), float(rtts.max())
    air = (high - low) * 0.03 or max(high * 0.1, 1.0)
    return max(low - air, 0.0) if low > 0 else -air / 3, high + air


def _draw_share(
    ax: "Axes",
    part: "pd.DataFrame",
    colour: Any,  # noqa: ANN401 - as matplotlib takes them
    dashes: Any,  # noqa: ANN401 - as matplotlib takes them
    *,
    label: str,
) -> None:
    x, height = part["rtt_ms"].to_numpy(), part["height"].to_numpy()
    ax.step(
        [x[0], *x], [0.0, *height], where="post", linestyle=dashes, color=colour, linewidth=1.5, label=label
    )
    ax.plot(x[-1:], height[-1:], marker="o", markersize=4, linestyle="", color=colour, label="end")


def _scale(curves: Curves, theme: Theme) -> ScalarMappable:
    ttls = curves.hops["ttl"]
    ends = (float(ttls.min()), float(ttls.max())) if len(ttls) else (1.0, 2.0)
    return ScalarMappable(Normalize(*ends), theme.scale)


def _dress_shares(ax: "Axes", curves: Curves, theme: Theme) -> None:
    rtts = curves.points["rtt_ms"]
    ax.set_ylim(0, 1.03)
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    ax.set_ylabel("Share of probes answered")
    ax.set_xlabel(PROBES.label("rtt_ms"))
    ax.grid(color=theme.faint, linewidth=0.6)
    ax.set_axisbelow(True)
    if rtts.empty:
        ax.set_xlim(0, 1)
        say_empty(ax, theme, "no round-trip times")
    elif rtts.min() > 0 and rtts.max() / rtts.min() > _WIDE_RANGE:
        _dress_decades(ax, float(np.log10(rtts.max() / rtts.min())))
    else:
        ax.set_xlim(0, float(rtts.max()) * 1.03 or 1.0)


def _dress_decades(ax: "Axes", decades: float) -> None:
    """Make the lower axis logarithmic, with numbers as people write them, no more than there is room for."""
    ax.set_xscale("log")
    width = width_in(ax)
    steps = (1, 2, 5) if decades <= _STEPPED_DECADES_AN_INCH * width else (1,)
    ax.xaxis.set_major_locator(LogLocator(subs=steps, numticks=max(int(_DECADES_AN_INCH * width), 2)))
    ax.xaxis.set_major_formatter(lambda x, _: f"{x:,.6f}".rstrip("0").rstrip("."))
    ax.xaxis.set_minor_formatter(NullFormatter())
