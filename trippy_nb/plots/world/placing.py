"""Labels of places: beside their mark where there is room, or else farther off with a line to it."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patheffects import withStroke

from trippy_nb.plots.theme import SMALL_PT, Theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from trippy_nb.plots.world.projection import Points

_POINTS = 72.0
_LETTER_PT, _HEIGHT_PT, _MARK_PT = 4.9, 9.5, 4.5
_WAYS = ((1, 0), (-1, 0), (0, 1), (0, -1), (0.75, 0.75), (-0.75, 0.75), (0.75, -0.75), (-0.75, -0.75))
_RINGS_PT = (3.0, 11.0, 22.0, 36.0, 54.0)
_LINE_FROM_PT = 10.0
_STEP_PT = 3.0

Box = tuple[float, float, float, float]


def place_labels(
    ax: "Axes",
    spots: list[tuple[float, float]],
    words: list[str],
    theme: Theme,
    *,
    inches: float,
    bounds: Box,
    ways: "Sequence[Points]" = (),
) -> None:
    """Write words beside spots so that none lies on another, nor on a mark, nor on a line if there is room.

    Parameters
    ----------
    ax, theme
        Where, and in which colours.
    spots, words
        What belongs together.
    inches
        How many inches one unit of the plane is.
    bounds
        Left, bottom, right and top of what words may lie on.
    ways
        Lines: the points each goes through, in the plane.
    """
    scale = inches * _POINTS
    edges = (bounds[0] * scale, bounds[1] * scale, bounds[2] * scale, bounds[3] * scale)
    at = [(x * scale, y * scale) for x, y in spots]
    taken: list[Box] = [(x - _MARK_PT, y - _MARK_PT, x + _MARK_PT, y + _MARK_PT) for x, y in at]
    lines = _dotted([way * scale for way in ways])
    for (x, y), spot, text in zip(at, spots, words, strict=True):
        width = _LETTER_PT * len(text)
        found = _free((x, y), width, taken, edges, lines) or _free((x, y), width, taken, edges)
        if found is None:
            continue  # the list beside the map has it
        (dx, dy), box, ring = found
        taken.append(box)
        ax.annotate(
            text,
            spot,
            xytext=(dx, dy),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=SMALL_PT,
            color=theme.ink,
            path_effects=[withStroke(linewidth=2.0, foreground=theme.background)],
            arrowprops={"arrowstyle": "-", "color": theme.muted, "linewidth": 0.6, "shrinkB": 3}
            if ring > _LINE_FROM_PT
            else None,
            zorder=6,
        )


def _dotted(ways: "Sequence[Points]") -> "Points":
    """Turn lines into points that lie so near each other that no label is between two."""
    dots = [np.empty((0, 2))]
    for way in ways:
        along = np.concatenate([[0.0], np.hypot(*np.diff(way, axis=0).T).cumsum()])
        at = np.linspace(0.0, along[-1], int(along[-1] / _STEP_PT) + 2)
        dots.append(np.column_stack([np.interp(at, along, way[:, axis]) for axis in (0, 1)]))
    return np.concatenate(dots)


def _free(
    spot: tuple[float, float], width: float, taken: list[Box], edges: Box, lines: "Points | None" = None
) -> tuple[tuple[float, float], Box, float] | None:
    """Find the middle of a label from its mark, the box it takes, and how far off it is."""
    x, y = spot
    for ring in _RINGS_PT:
        for right, up in _WAYS:
            dx = right * (ring + _MARK_PT + width / 2)
            dy = up * (ring + _MARK_PT + _HEIGHT_PT / 2)
            box = (
                x + dx - width / 2,
                y + dy - _HEIGHT_PT / 2,
                x + dx + width / 2,
                y + dy + _HEIGHT_PT / 2,
            )
            if not _within(box, edges) or any(_overlap(box, other) for other in taken):
                continue
            if lines is None or not _crossed(box, lines):
                return (dx, dy), box, ring
    return None


def _within(box: Box, edges: Box) -> bool:
    return edges[0] <= box[0] and edges[1] <= box[1] and box[2] <= edges[2] and box[3] <= edges[3]


def _overlap(one: Box, two: Box) -> bool:
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]


def _crossed(box: Box, dots: "Points") -> bool:
    x, y = dots.T
    return bool(((box[0] < x) & (x < box[2]) & (box[1] < y) & (y < box[3])).any())
