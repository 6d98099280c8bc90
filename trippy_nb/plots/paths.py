"""The paths of flows over time: one lane a flow, a letter a path."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from trippy_nb.analysis.ribbon import Ribbon
from trippy_nb.frames.schema import FLOWS
from trippy_nb.plots.theme import (
    TEXT_PT,
    Look,
    Theme,
    add_legend,
    counted,
    dress,
    rows_axes,
    say_empty,
    set_title,
    theme_of,
)
from trippy_nb.plots.timeaxis import across, change_words, dress_time, mark_moments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

_LANE_IN = 0.34
_BAND = 0.66
_LEAST_WIDTH = 0.006  # of the picture: what was seen once is seen
_LETTER_FROM = 0.018  # of the picture: in a narrower stretch a letter would not stand
_NAMED_UP_TO = 40
_MOST_KEYS, _MOST_TTLS = 8, 3
_SURE = "kept"


def plot_paths(ribbon: Ribbon, *, ax: "Axes | None" = None) -> "Axes":
    """Draw which path each flow took, and when.

    Parameters
    ----------
    ribbon
        As `analysis.ribbon` makes it.
    ax
        Where to draw; its background decides between light and dark.

    Returns
    -------
    ax
        A lane for each flow; in it a stretch for each epoch, from its first observation to its last, with
        the letter of the path. Between two, a dotted line: nobody looked, or the change lies there. Pale with
        a dashed outline: seen too seldom to count. Grey and hatched: not judged, as a balancer may have sent
        each probe another way. Dashed, over all lanes: changes of path.
    """
    if ax is None:
        ax = rows_axes(len(ribbon.names), _LANE_IN, within_in=(0.9, 10.0), around_in=1.5)
    theme = theme_of(ax)
    looks = {letter: theme.look(number) for number, letter in enumerate(ribbon.paths)}
    dress(ax, theme)
    x = across(ribbon.stretches[["start", "end"]].to_numpy(dtype=np.float64).ravel(), timed=ribbon.is_timed)
    dress_time(ax, theme, x, timed=ribbon.is_timed)
    _draw_stretches(ax, ribbon, looks, theme)
    _dress_lanes(ax, ribbon, theme)
    _mark(ax, ribbon, theme)
    if not len(x):
        say_empty(ax, theme, "no probes")
    add_legend(ax, [*_path_keys(ribbon, looks, theme), *_kind_keys(ribbon, theme)], theme, below_in=0.52)
    set_title(ax, theme, _title(ribbon), above_in=0.16 if len(ribbon.changes) else 0.0)
    return ax


def _draw_stretches(ax: "Axes", ribbon: Ribbon, looks: dict[str, Look], theme: Theme) -> None:
    low, high = ax.get_xlim()
    least = (high - low) * _LEAST_WIDTH
    groups: Any = ribbon.stretches.groupby("series")
    for series, part in groups:
        y = ribbon.lanes[int(series)]
        x = across(part[["start", "end"]].to_numpy(dtype=np.float64), timed=ribbon.is_timed).reshape(-1, 2)
        ax.plot([x.min(), x.max()], [y, y], color=theme.muted, linewidth=1.0, linestyle=":", zorder=1)
        for (begin, end), letter, standing in zip(x, part["letter"], part["standing"], strict=True):
            width = max(end - begin, least)
            left = begin if end > begin else begin - least / 2
            look = looks.get(letter)
            ax.add_patch(_stretch(left, y, width, look, theme, standing=standing, label=letter))
            if letter and width > (high - low) * _LETTER_FROM:
                _write_letter(ax, left + width / 2, y, letter, theme, sure=standing == _SURE)


def _stretch(
    left: float, y: float, width: float, look: Look | None, theme: Theme, *, standing: str, label: str
) -> Rectangle:
    colour = theme.muted if look is None else look.colour
    sure = standing == _SURE
    hatch = "//" if look is None else look.hatch
    return Rectangle(
        (left, y - _BAND / 2),
        width,
        _BAND,
        facecolor=colour if sure else theme.background,
        edgecolor=theme.background if sure else colour,
        hatch=hatch or None,
        linewidth=0.8,
        linestyle="solid" if sure else (0, (3, 1.5)),
        zorder=2,
        label=label or standing,
    )


def _write_letter(ax: "Axes", x: float, y: float, letter: str, theme: Theme, *, sure: bool) -> None:
    ax.text(
        x,
        y,
        letter,
        ha="center",
        va="center_baseline",
        fontsize=TEXT_PT,
        fontweight="bold" if sure else "normal",
        color=theme.ink,
        bbox={"boxstyle": "round,pad=0.18", "facecolor": theme.background, "edgecolor": "none"},
        zorder=3,
        clip_on=True,
    )


def _dress_lanes(ax: "Axes", ribbon: Ribbon, theme: Theme) -> None:
    count = len(ribbon.names)
    ax.set_ylim(max(count, 1) - 0.4, -0.6)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    if count <= _NAMED_UP_TO:
        ax.set_yticks(range(count), list(ribbon.names))
    else:
        ax.set_yticks([])
        ax.set_ylabel(f"{FLOWS.column('flow').label}: {len(ribbon.lanes):,}")
    for label in ax.get_yticklabels():
        label.set_color(theme.ink)


def _mark(ax: "Axes", ribbon: Ribbon, theme: Theme) -> None:
    """Mark each moment once, however many flows changed in it."""
    once = ribbon.changes.drop_duplicates(["place", "kind"])
    x = across(once["place"], timed=ribbon.is_timed)
    words = [change_words(row["kind"], row["first_ttl"], row["last_ttl"]) for row in once.to_dict("records")]
    mark_moments(ax, theme, zip(x.tolist(), words, strict=True), above_in=0.03)


def _path_keys(ribbon: Ribbon, looks: dict[str, Look], theme: Theme) -> list[Patch]:
    differing = ribbon.differences
    keys = []
    for letter in list(ribbon.paths)[:_MOST_KEYS]:
        look = looks[letter]
        where = "; ".join(f"hop {ttl}: {ribbon.at(letter, ttl)}" for ttl in differing[:_MOST_TTLS])
        more = f"; {len(differing) - _MOST_TTLS} more hops differ" if len(differing) > _MOST_TTLS else ""
        words = f"{letter}  {where}{more}" if where else f"{letter}  the only path"
        keys.append(
            Patch(facecolor=look.colour, edgecolor=theme.background, hatch=look.hatch or None, label=words)
        )
    return keys


def _kind_keys(ribbon: Ribbon, theme: Theme) -> "Sequence[Patch | Line2D]":
    keys: list[Patch | Line2D] = []
    standings = {*ribbon.stretches["standing"]}
    style = {"facecolor": theme.background, "edgecolor": theme.muted}
    if standings & {"outlier", "unconfirmed"}:
        keys.append(Patch(linestyle=(0, (3, 1.5)), label="seen too seldom to count", **style))  # type: ignore[arg-type]  # of mixed types
    if "not judged" in standings:
        keys.append(Patch(hatch="//", linestyle=(0, (3, 1.5)), label="not judged", **style))  # type: ignore[arg-type]  # of mixed types
    if len(ribbon.stretches) > len(ribbon.lanes):
        keys.append(Line2D([], [], color=theme.muted, linestyle=":", linewidth=1.0, label="not seen"))
    return keys


def _title(ribbon: Ribbon) -> str:
    paths, flows = len(ribbon.paths), len(ribbon.lanes)
    words = f"{counted(paths, 'path')} of {counted(flows, 'flow')}"
    if not paths:
        words = "No path can be told: a balancer may send each probe another way"
    if paths > _MOST_KEYS:
        words += f"; the first {_MOST_KEYS} are named below"
    return words
