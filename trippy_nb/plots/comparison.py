"""Two paths side by side, what differs between them, and by how much each common hop shifted."""

from collections import defaultdict
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.lines import Line2D

from trippy_nb.frames.schema import PROBES
from trippy_nb.plots.hopaxis import responder_words
from trippy_nb.plots.theme import (
    GREEN,
    PURPLE,
    SMALL_PT,
    TEXT_PT,
    VERMILLION,
    Theme,
    dress,
    new_axes,
    theme_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from trippy_nb.analysis import ComparisonTables

_SIGNS = {"same": "", "changed": "≠", "added": "+", "removed": "−", "unknown": "?", "left out": "∅"}  # noqa: RUF001 - a minus as wide as the plus
_HIGHLIGHT = {"changed": VERMILLION, "added": GREEN, "removed": PURPLE}
_MOST_FLOWS = 4
_ROW_IN, _TIGHT_ROW_IN, _ROOMY_UP_TO = 0.34, 0.2, 60
_CHAR_IN = 0.072
_GAP_IN = 1.1
_SHIFT_IN = 2.9
_AIR_IN = 0.35


def plot_comparison(comparison: "ComparisonTables", *, ax: "Axes | None" = None) -> "Axes":
    """Draw a comparison.

    Parameters
    ----------
    comparison
        As `analysis.compare_tables` makes it.
    ax
        Where to draw; its background decides between light and dark.

    Returns
    -------
    ax
        Left and right: the places of both paths, joined where they have a responder in common; a sign
        and a colour mark what differs. The inner Axes to the right (`ax.child_axes[0]`): the shift of
        the RTT of each common hop with its interval, and a band for what still counts as the same. Of
        many flows at most four are drawn, those that differ first.
    """
    rows, left_out = _rows(comparison.paths)
    label_in = _CHAR_IN * max([8, *(len(_words(row, side)) for row in rows for side in "ab")])
    main_in = 2 * label_in + _GAP_IN + 2 * _AIR_IN
    height = max([row["y"] for row in rows], default=0) + 1
    if ax is None:
        row_in = _ROW_IN if height <= _ROOMY_UP_TO else _TIGHT_ROW_IN
        ax = new_axes(main_in + _SHIFT_IN + 0.2, height * row_in + 2.0)
    theme = theme_of(ax)
    half = _GAP_IN / 2
    _draw_paths(ax, rows, half, theme)
    _draw_heads(ax, rows, comparison.names, half, theme)
    ax.set_xlim(-half - label_in - _AIR_IN, half + label_in + _AIR_IN + _SHIFT_IN)
    ax.set_ylim(height - 0.3, -1.4)
    ax.axis("off")
    share = _SHIFT_IN / (main_in + _SHIFT_IN)
    _draw_shifts(ax.inset_axes((1 - share, 0.0, share, 1.0), sharey=ax), comparison.rtt, rows, theme)
    title = fill(comparison.sentence, break_on_hyphens=False, width=int((main_in + _SHIFT_IN) / 0.075))
    ax.set_title(title, loc="left", fontsize=TEXT_PT + 0.5, color=theme.ink)
    _add_legend(ax, rows, left_out, theme)
    return ax


def _rows(paths: pd.DataFrame) -> tuple[list[dict[str, Any]], int]:
    """Put the places of the flows under one another; those that differ come first."""
    differing = paths.loc[paths["change"].isin(list(_HIGHLIGHT)), "flow"]
    flows = list(dict.fromkeys([*differing.tolist(), *paths["flow"].tolist()]))
    rows: list[dict[str, Any]] = []
    y = 0.0
    for flow in flows[:_MOST_FLOWS]:
        for row in paths.loc[paths["flow"] == flow].to_dict("records"):
            rows.append({str(key): value for key, value in row.items()} | {"y": y})
            y += 1
        y += 1
    return rows, max(len(flows) - _MOST_FLOWS, 0)


def _words(row: dict[str, Any], side: str) -> str:
    if pd.isna(row[f"{side}_ttl"]):
        return ""
    return f"{row[f'{side}_ttl']}  {responder_words(row[f'{side}_addrs'])}"


def _draw_paths(ax: "Axes", rows: list[dict[str, Any]], half: float, theme: Theme) -> None:
    # One artist for all that look alike: one a row would take as long as all the rest.
    joins: dict[tuple[Any, Any], list[list[tuple[float, float]]]] = defaultdict(list)
    marks: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        y, colour = row["y"], _HIGHLIGHT.get(row["change"], theme.ink)
        present = {side: not pd.isna(row[f"{side}_ttl"]) for side in "ab"}
        if row["change"] in _HIGHLIGHT:
            ax.axhspan(y - 0.45, y + 0.45, color=colour, alpha=0.16, linewidth=0, zorder=0)
        if all(present.values()):
            line = colour if row["change"] not in {"unknown", "left out"} else theme.muted
            joins[line, "solid" if row["change"] == "same" else (0, (1, 2))].append([(-half, y), (half, y)])
        for side, x in (("a", -half), ("b", half)):
            if present[side]:
                silent = not row[f"{side}_addrs"]
                marks[colour, theme.background if silent else colour].append((x, y))
                _write_place(ax, (x, y), _words(row, side), theme)
        if _SIGNS[row["change"]]:
            _write_sign(ax, y, _SIGNS[row["change"]], colour, theme)
    for (colour, dashes), ways in joins.items():
        ax.add_collection(
            LineCollection(ways, colors=colour, linestyles=[dashes], linewidths=1.2, zorder=1), autolim=False
        )
    for (edge, face), spots in marks.items():
        ax.plot(
            *zip(*spots, strict=True),
            linestyle="",
            marker="o",
            markersize=6,
            markeredgecolor=edge,
            markerfacecolor=face,
            zorder=2,
        )


def _write_place(ax: "Axes", spot: tuple[float, float], words: str, theme: Theme) -> None:
    is_left = spot[0] < 0
    ax.annotate(
        words,
        spot,
        xytext=(-8 if is_left else 8, 0),
        ha="right" if is_left else "left",
        va="center",
        textcoords="offset points",
        fontsize=TEXT_PT,
        color=theme.ink,
        annotation_clip=False,  # all rows are within the limits: matplotlib need not ask for each
    )


def _write_sign(ax: "Axes", y: float, sign: str, colour: str, theme: Theme) -> None:
    ax.annotate(
        sign,
        (0, y),
        ha="center",
        va="center",
        fontsize=TEXT_PT + 3,
        color=colour,
        fontweight="bold",
        bbox={"boxstyle": "circle,pad=0.12", "facecolor": theme.background, "edgecolor": "none"},
        zorder=3,
        annotation_clip=False,
    )


def _draw_heads(
    ax: "Axes", rows: list[dict[str, Any]], names: tuple[str, str], half: float, theme: Theme
) -> None:
    for name, x in zip(names, (-half, half), strict=True):
        ax.text(
            x,
            -0.85,
            name,
            ha="right" if x < 0 else "left",
            va="center",
            fontsize=TEXT_PT,
            fontweight="bold",
            color=theme.ink,
        )
    flows = dict.fromkeys(row["flow"] for row in rows)
    if len(flows) > 1:
        for flow in flows:
            first = min(row["y"] for row in rows if row["flow"] == flow)
            ax.text(
                0,
                first - 0.75,
                f"flow {flow}",
                ha="center",
                va="center",
                fontsize=SMALL_PT,
                color=theme.muted,
            )


def _draw_shifts(ax: "Axes", rtt: pd.DataFrame, rows: list[dict[str, Any]], theme: Theme) -> None:
    place = {(row["flow"], row["place"]): row["y"] for row in rows}
    shown = [
        (place[row["flow"], row["place"]], row)
        for row in rtt.to_dict("records")
        if (row["flow"], row["place"]) in place and np.isfinite(row["shift_ms"])
    ]
    ends = [row[name] for _, row in shown for name in ("low_ms", "high_ms", "shift_ms")]
    reach = [end for end in ends if np.isfinite(end)] + [
        sign * row["margin_ms"] for _, row in shown for sign in (-1, 1)
    ]
    low, high = min(reach, default=-1.0), max(reach, default=1.0)
    air = 0.08 * (high - low)
    ax.set_xlim(low - air, high + air)
    _draw_each(ax, [(y, {str(key): value for key, value in row.items()}) for y, row in shown], theme)
    ax.axvline(0, color=theme.muted, linewidth=0.8, zorder=0)
    dress(ax, theme)
    ax.set_facecolor("none")
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", left=False, labelleft=False)
    column = PROBES.column("rtt_ms")
    ax.set_xlabel(f"Shift of {column.label.lower()} ({column.unit})")
    if not shown:
        ax.text(
            0.5,
            0.5,
            "no RTTs to compare",
            transform=ax.transAxes,
            ha="center",
            va="center",
            fontsize=SMALL_PT,
            color=theme.muted,
        )


def _draw_each(ax: "Axes", shown: list[tuple[float, dict[str, Any]]], theme: Theme) -> None:
    """Draw band, interval and estimate of each common hop."""
    left, right = ax.get_xlim()
    bands, bars = [], []
    colours, dashes = [], []
    marks: dict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)
    for y, row in shown:
        margin, changed = row["margin_ms"], row["verdict"] == "changed"
        colour = VERMILLION if changed else theme.ink
        bands.append([(-margin, y - 0.4), (margin, y - 0.4), (margin, y + 0.4), (-margin, y + 0.4)])
        bars.append([(max(min(row[name], right), left), y) for name in ("low_ms", "high_ms")])
        colours.append(colour)
        dashes.append("solid" if np.isfinite(row["low_ms"]) and np.isfinite(row["high_ms"]) else "dotted")
        face = theme.background if row["verdict"] == "cannot tell" else colour
        marks["D" if changed else "o", colour, face].append((row["shift_ms"], y))
    same = PolyCollection(bands, facecolors=theme.muted, alpha=0.18, linewidths=0, zorder=1, label="same")
    ax.add_collection(same, autolim=False)
    lines = LineCollection(bars, colors=colours, linestyles=dashes or "solid", linewidths=1.6, zorder=2)
    lines.set_label("interval")
    ax.add_collection(lines, autolim=False)
    for (marker, edge, face), spots in marks.items():
        ax.plot(
            *zip(*spots, strict=True),
            linestyle="",
            marker=marker,
            markersize=5,
            color=edge,
            markerfacecolor=face,
            label="shift",
        )


def _add_legend(ax: "Axes", rows: list[dict[str, Any]], left_out: int, theme: Theme) -> None:
    changes = [
        change for change in _SIGNS if change != "same" and any(row["change"] == change for row in rows)
    ]
    handles = [
        Line2D(
            [],
            [],
            linestyle="",
            marker=f"${_SIGNS[change]}$",
            color=_HIGHLIGHT.get(change, theme.ink),
            markersize=7,
            label=change,
        )
        for change in changes
    ]
    if left_out:
        handles.append(
            Line2D([], [], linestyle="", label=f"and {left_out} more flow{'s' if left_out > 1 else ''}")
        )
    if handles:
        ax.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(0.0, 0.0),
            ncols=len(handles),
            frameon=False,
            fontsize=SMALL_PT,
            labelcolor=theme.ink,
        )
