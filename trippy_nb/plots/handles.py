"""Who held what, and for how long: a bar from opening to closing."""

from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.patches import Patch
from matplotlib.transforms import offset_copy

from trippy_nb.analysis import Holdings, holdings
from trippy_nb.frames.schema import HANDLES
from trippy_nb.plots.theme import (
    SMALL_PT,
    TEXT_PT,
    Theme,
    dress,
    new_axes,
    theme_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW_IN, _HEAD_IN = 0.24, 1.15
_TIME_IN = 5.0
_COLUMNS_IN = {"open": 0.3, "sent": 0.76, "received": 1.36}
"""Right edges of the columns beside the time axis."""
_CHAR_IN = 0.068  # of DejaVu Sans at TEXT_PT; measured
_LONGEST = 52  # characters of a purpose
_BAR = 0.62  # of a row
_LEAST = 0.2  # of a shared row's height: one of very many is seen
_OPEN_ROOM = 0.06  # of the time axis, to the right of the last moment known
_HATCHES = {"socket": "", "device": "////", "child": "xxxx"}
_UNITS = ((0.002, "µs", 1e6), (2.0, "ms", 1e3), (120.0, "s", 1.0), (7200.0, "min", 1 / 60))
_HOURS = ("h", 1 / 3600)


def plot_handles(source: "pd.DataFrame | Holdings", *, ax: "Axes | None" = None) -> "Axes":
    """Draw which handles were held, from opening to closing.

    Parameters
    ----------
    source
        A HANDLES frame, such as ``tn.handles()`` or ``run.handles`` or a part of one; or what
        `analysis.holdings` made of it.
    ax
        Where to draw; its background decides between light and dark.

    Returns
    -------
    ax
        A bar a handle, in the colour of its run; its hatch is its kind. A bar that ends in an arrow is
        open to this day. At the right: packets sent and received. Of many handles those that are alike
        share a row: then its height is how many of them were open at the moment, and the title says so.
    """
    found = source if isinstance(source, Holdings) else holdings(source)
    labels = [_label(row) for row in found.rows.itertuples()]
    if ax is None:
        longest = max((len(line) for label in labels for line in label.splitlines()), default=8)
        width = _TIME_IN + _COLUMNS_IN["received"] + _CHAR_IN * longest + 0.3
        ax = new_axes(width, _ROW_IN * _height(found) + _HEAD_IN)
    theme = theme_of(ax)
    places = _places(found)
    unit, scale = _unit(found.span_s)
    end = found.span_s * scale or 1.0
    for place, row, steps in zip(places, found.rows.itertuples(), found.steps, strict=True):
        _draw_row(ax, place, row, (steps[0] * scale, steps[1]), end, theme)
    _draw_runs(ax, places, found, theme)
    _dress(ax, places, labels, found, theme)
    ax.set_xlim(-0.01 * end, end * (1 + _OPEN_ROOM))
    ax.set_xlabel(f"Time since the first was opened ({unit})")
    _add_legend(ax, found, theme)
    return ax


def _label(row: Any) -> str:  # noqa: ANN401 - a named tuple made by pandas
    words = str(row.purpose) if len(row.purpose) <= _LONGEST else f"{row.purpose[: _LONGEST - 1]}…"
    if row.handles > 1:
        words = f"{row.handles:,} × {words}\nat most {row.most_open:,} at once"
    elif row.run < 0 and not pd.isna(row.run_uuid):
        words += f" ({_short(row.run_uuid)})"
    return words


def _short(run_uuid: object) -> str:
    return f"run {str(run_uuid)[:8]}"


def _places(found: Holdings) -> list[float]:
    """Heights of the rows, downwards; above each run there is room for its name."""
    places: list[float] = []
    y, before = -1.0, None
    for run in found.rows["run"]:
        y += 1.0 if run == before else 2.0
        places.append(y)
        before = run
    return places


def _height(found: Holdings) -> float:
    return max(_places(found), default=1.0) + 1.0


def _unit(span_s: float) -> tuple[str, float]:
    return next(((unit, scale) for below, unit, scale in _UNITS if span_s < below), _HOURS)


def _colour(run: int, theme: Theme) -> str:
    return theme.muted if run < 0 else theme.look(run).colour


def _draw_row(
    ax: "Axes",
    place: float,
    row: Any,  # noqa: ANN401 - a named tuple made by pandas
    steps: tuple[np.ndarray, np.ndarray],
    end: float,
    theme: Theme,
) -> None:
    at, held = steps
    if row.open:
        at, held = np.append(at, end * (1 + _OPEN_ROOM * 0.6)), np.append(held, held[-1])
    base = place + _BAR / 2
    part = np.where(held > 0, np.maximum(held / row.most_open, _LEAST), 0.0)
    tops = base - _BAR * part
    colour, hatch = _colour(row.run, theme), _HATCHES[row.kind]
    ax.fill_between(
        at,
        tops,
        base,
        step="post",
        facecolor=colour,
        edgecolor=theme.background,  # of the hatch
        hatch=hatch or None,
        linewidth=0.0,
        zorder=3,
        label=row.purpose,
    )
    # A line has a width on paper however short the time was: nothing vanishes.
    ax.vlines(at[held > 0], tops[held > 0], base, color=colour, linewidth=1.2, zorder=3)
    if row.open:
        ax.plot(at[-1:], [place], marker=">", markersize=6.5, color=colour, clip_on=False, zorder=4)
        _write(ax, "open", place, "open", theme.ink, fontweight="bold")
    _write(ax, "sent", place, f"{row.sent:,}", theme.ink)
    _write(ax, "received", place, f"{row.received:,}", theme.ink)


def _write(ax: "Axes", column: str, y: float, words: str, colour: str, **style: Any) -> None:  # noqa: ANN401 - as matplotlib takes them
    figure = ax.get_figure(root=True)
    ax.text(
        1.0,
        y,
        words,
        transform=offset_copy(ax.get_yaxis_transform(), fig=figure, x=_COLUMNS_IN[column], units="inches"),
        ha="right",
        va="center_baseline",
        fontsize=SMALL_PT,
        color=colour,
        **style,
    )


def _draw_runs(ax: "Axes", places: list[float], found: Holdings, theme: Theme) -> None:
    """Write the name of each run above its bars."""
    before = None
    for place, run, uuid in zip(places, found.rows["run"], found.rows["run_uuid"], strict=True):
        if run != before:
            words = "of no run" if pd.isna(uuid) else _short(uuid)
            if run < 0:
                words = f"{found.earlier_runs:,} earlier run{'' if found.earlier_runs == 1 else 's'}"
            ax.text(
                0.0,
                place - 0.9,
                words,
                transform=ax.get_yaxis_transform(),
                va="center_baseline",
                fontsize=SMALL_PT,
                color=theme.muted,
            )
            ax.axhline(place - 1.4, color=theme.faint, linewidth=0.8, zorder=1)
        before = run
    for column in ("sent", "received"):
        _write(ax, column, min(places, default=1.0) - 0.9, column, theme.muted)


def _title(found: Holdings) -> str:
    rows = found.rows
    count = found.handles
    still = int(rows.loc[rows["open"], "handles"].sum())
    words = f"{count:,} handle{'' if count == 1 else 's'}, {still:,} still open" if count else "no handles"
    if count > len(rows):
        words += f", in {len(rows):,} rows: those that are alike share one, filled as high as many were open"
    return words


def _dress(ax: "Axes", places: list[float], labels: list[str], found: Holdings, theme: Theme) -> None:
    dress(ax, theme)
    ax.spines["left"].set_visible(False)
    ax.set_yticks(places, labels)
    ax.tick_params(axis="y", length=0)
    for label, shared in zip(ax.get_yticklabels(), found.rows["handles"] > 1, strict=True):
        label.set_fontsize(SMALL_PT if shared else TEXT_PT)
    ax.set_ylim(max(places, default=1.0) + 0.7, -0.4)
    ax.grid(axis="x", color=theme.faint, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set_title(fill(_title(found), width=72), loc="left", fontsize=TEXT_PT + 0.5, color=theme.ink)


def _add_legend(ax: "Axes", found: Holdings, theme: Theme) -> None:
    kinds = [kind for kind in HANDLES.column("kind").words if kind in set(found.rows["kind"])]
    if kinds in ([], ["socket"]):
        return
    patches = [
        Patch(facecolor=theme.muted, edgecolor=theme.background, hatch=_HATCHES[kind] or None, label=kind)
        for kind in kinds
    ]
    ax.legend(
        handles=patches,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.5 / (_ROW_IN * _height(found))),
        ncols=len(patches),
        frameon=False,
        fontsize=SMALL_PT,
        labelcolor=theme.ink,
    )
