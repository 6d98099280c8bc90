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
    height_in,
    rows_axes,
    say_empty,
    set_title,
    theme_of,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from trippy_nb.analysis import Discovery

_ROW_IN = 0.24
_NAMED_PT = 10.5  # from one name to the next, at least
_DOT_PT, _MARK_PT = 6.0, 14.0
_LEAST_PT = 2.2  # of a dot in the lowest row


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
        chance that it has one more, if it has, which no flow has shown. Of very many nodes some are named:
        first those that were not asked often enough, then those with the most next hops.
    """
    nodes = discovery.nodes.loc[discovery.nodes["flows_needed"].notna()].reset_index(drop=True)
    if ax is None:
        ax = rows_axes(len(nodes), _ROW_IN, within_in=(1.0, 11.0), around_in=1.3)
    theme = theme_of(ax)
    dress(ax, theme)
    row_pt = height_in(ax) * 72 / max(len(nodes), 1)
    rows = np.arange(len(nodes), dtype=np.float64)
    asked = nodes["flows_on"].to_numpy(dtype=np.float64)
    needed = nodes["flows_needed"].to_numpy(dtype=np.float64)
    enough = nodes["complete"].to_numpy(dtype=bool)
    ax.hlines(rows, 0, asked, color=theme.muted, linewidth=min(1.0, row_pt / 4), zorder=2)
    _draw_dots(ax, (asked[enough], rows[enough]), theme, row_pt, enough=True)
    _draw_dots(ax, (asked[~enough], rows[~enough]), theme, row_pt, enough=False)
    ax.plot(
        needed,
        rows,
        linestyle="",
        marker="|",
        markersize=min(_MARK_PT, 1.2 * row_pt),
        markeredgewidth=min(1.8, row_pt / 2),
        color=theme.ink,
        label="stopping point",
    )
    chosen = _named(nodes, row_pt)
    named = {row: node for row, node in enumerate(nodes.to_dict("records")) if row in chosen}
    for y, node in named.items():
        ax.text(
            1.01,
            y,
            _words(node),
            transform=ax.get_yaxis_transform(),
            va="center_baseline",
            fontsize=SMALL_PT,
            color=theme.ink,
        )
    _dress(ax, len(nodes), named, float(max([1.0, *asked, *needed])), theme)
    few = f" {len(named):,} of {len(nodes):,} nodes are named." if len(named) < len(nodes) else ""
    set_title(ax, theme, f"{discovery.sentence}{few}")
    add_legend(ax, _handles(theme, enough.tolist(), discovery.confidence), theme)
    return ax


def _named(nodes: "pd.DataFrame", row_pt: float) -> set[int]:
    """Choose the rows that have a name, none on another; the doubtful and the wide come first."""
    order = nodes.sort_values(["complete", "next_hops"], ascending=[True, False], kind="stable").index
    reach = max(int(np.ceil(_NAMED_PT / row_pt)), 1)
    free = np.ones(len(nodes), dtype=bool)
    named = set()
    for row in order.tolist():
        if free[row]:
            named.add(row)
            free[max(row - reach + 1, 0) : row + reach] = False
    return named


def _draw_dots(ax: "Axes", spots: "tuple[Any, Any]", theme: Theme, row_pt: float, *, enough: bool) -> None:
    size = min(_DOT_PT, max(0.8 * row_pt, _LEAST_PT))
    style = _dot(theme, enough=enough) | {"markersize": size, "markeredgewidth": min(1.4, size / 4)}
    ax.plot(*spots, zorder=3, label="enough" if enough else "too few", **style)


def _dot(theme: Theme, *, enough: bool) -> dict[str, Any]:
    colour = theme.blue if enough else VERMILLION
    face = colour if enough else theme.background
    return {
        "linestyle": "",
        "marker": "o",
        "markersize": _DOT_PT,
        "color": colour,
        "markerfacecolor": face,
        "markeredgewidth": 1.4,
    }


def _words(node: dict[Any, Any]) -> str:
    count = int(node["next_hops"])
    hidden = f"{100 * float(node['hidden_ratio']):.1f} %"
    words = f"{count} next hop{'' if count == 1 else 's'}; one more hidden: {hidden}"
    return words if node["balancing"] != "per-packet" else f"{words}; packet by packet"


def _dress(ax: "Axes", rows: int, named: dict[int, dict[Any, Any]], most: float, theme: Theme) -> None:
    ax.set_ylim(max(rows, 1) - 0.4, -0.6)
    ax.set_xlim(0, most * 1.05)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True))
    ax.set_xlabel("Flows whose next hop is known")
    ax.set_ylabel(DISCOVERY.label("ttl"))
    names = [
        f"{node['addr'] if isinstance(node['addr'], str) else '*'}  {node['ttl']}" for node in named.values()
    ]
    ax.set_yticks(list(named), names)
    for label in ax.get_yticklabels():
        label.set_fontsize(SMALL_PT)
        label.set_color(theme.ink)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x", color=theme.faint, linewidth=0.6)
    ax.set_axisbelow(True)
    if not rows:
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
                markersize=_MARK_PT,
                markeredgewidth=1.8,
                color=theme.ink,
                label=words,
            )
        )
    return handles
