"""How far a discovery came: flows asked at each node, against how many its confidence needs."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from trippy_nb.frames.derived import DISCOVERY
from trippy_nb.plots.theme import (
    SMALL_PT,
    VERMILLION,
    Theme,
    add_legend,
    dress,
    rows_axes,
    say_empty,
    set_title,
    theme_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from trippy_nb.analysis import Discovery

_ROW_IN = 0.24
_SMALL_FROM = 45  # rows; more take smaller letters
_LEAST_PT = 3.5


def plot_discovery(discovery: "Discovery", *, ax: "Axes | None" = None) -> "Axes":
    """Draw how many flows were asked at each node, and what may still be hidden behind it.

    Parameters
    ----------
    discovery
        As `analysis.discovery` makes it.
    ax
        Where to draw; its background decides between light and dark.

    Returns
    -------
    ax
        A row for each node that is not the end of a path, nearest first. Dot: flows through it whose next
        hop is known; full if they are enough, hollow and vermillion if not. Upright mark: the stopping point,
        how many its confidence asks for with so many next hops. To the right: next hops found, and the
        chance that it has one more, if it has, which no flow has shown.
    """
    nodes = discovery.nodes.loc[discovery.nodes["flows_needed"].notna()].reset_index(drop=True)
    if ax is None:
        ax = rows_axes(len(nodes), _ROW_IN, within_in=(1.0, 11.0), around_in=1.3)
    theme = theme_of(ax)
    dress(ax, theme)
    letters_pt = (
        SMALL_PT if len(nodes) <= _SMALL_FROM else max(SMALL_PT * _SMALL_FROM / len(nodes), _LEAST_PT)
    )
    rows = np.arange(len(nodes), dtype=np.float64)
    asked = nodes["flows_on"].to_numpy(dtype=np.float64)
    needed = nodes["flows_needed"].to_numpy(dtype=np.float64)
    enough = nodes["complete"].to_numpy(dtype=bool)
    ax.hlines(rows, 0, asked, color=theme.muted, linewidth=1.0, zorder=2)
    _draw_dots(ax, (asked[enough], rows[enough]), theme, enough=True)
    _draw_dots(ax, (asked[~enough], rows[~enough]), theme, enough=False)
    ax.plot(
        needed,
        rows,
        linestyle="",
        marker="|",
        markersize=14,
        markeredgewidth=1.8,
        color=theme.ink,
        label="stopping point",
    )
    for y, node in zip(rows.tolist(), nodes.to_dict("records"), strict=True):
        ax.text(
            1.01,
            y,
            _words(node),
            transform=ax.get_yaxis_transform(),
            va="center_baseline",
            fontsize=letters_pt,
            color=theme.ink,
        )
    _dress(ax, nodes.to_dict("records"), float(max([1.0, *asked, *needed])), theme, letters_pt=letters_pt)
    set_title(ax, theme, discovery.sentence)
    add_legend(ax, _handles(theme, enough.tolist(), discovery.confidence), theme)
    return ax


def _draw_dots(ax: "Axes", spots: "tuple[Any, Any]", theme: Theme, *, enough: bool) -> None:
    ax.plot(*spots, zorder=3, label="enough" if enough else "too few", **_dot(theme, enough=enough))


def _dot(theme: Theme, *, enough: bool) -> dict[str, Any]:
    colour = theme.blue if enough else VERMILLION
    face = colour if enough else theme.background
    return {
        "linestyle": "",
        "marker": "o",
        "markersize": 6,
        "color": colour,
        "markerfacecolor": face,
        "markeredgewidth": 1.4,
    }


def _words(node: dict[Any, Any]) -> str:
    count = int(node["next_hops"])
    hidden = f"{100 * float(node['hidden_ratio']):.1f} %"
    words = f"{count} next hop{'' if count == 1 else 's'}; one more hidden: {hidden}"
    return words if node["balancing"] != "per-packet" else f"{words}; packet by packet"


def _dress(ax: "Axes", nodes: list[dict[Any, Any]], most: float, theme: Theme, *, letters_pt: float) -> None:
    ax.set_ylim(max(len(nodes), 1) - 0.4, -0.6)
    ax.set_xlim(0, most * 1.05)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True))
    ax.set_xlabel("Flows whose next hop is known")
    ax.set_ylabel(DISCOVERY.label("ttl"))
    names = [f"{node['addr'] if isinstance(node['addr'], str) else '*'}  {node['ttl']}" for node in nodes]
    ax.set_yticks(range(len(nodes)), names)
    for label in ax.get_yticklabels():
        label.set_fontsize(letters_pt)
        label.set_color(theme.ink)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x", color=theme.faint, linewidth=0.6)
    ax.set_axisbelow(True)
    if not nodes:
        say_empty(ax, theme, "no node has a next hop")


def _handles(theme: Theme, enough: list[bool], confidence: float) -> list[Line2D]:
    handles = []
    if True in enough:
        handles.append(Line2D([], [], label="asked often enough", **_dot(theme, enough=True)))
    if False in enough:
        handles.append(Line2D([], [], label="not often enough", **_dot(theme, enough=False)))
    if enough:
        words = f"stopping point, {100 * confidence:.0f} %"
        handles.append(
            Line2D(
                [],
                [],
                linestyle="",
                marker="|",
                markersize=14,
                markeredgewidth=1.8,
                color=theme.ink,
                label=words,
            )
        )
    return handles
