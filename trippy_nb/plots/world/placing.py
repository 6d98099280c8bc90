"""Labels of places: beside their mark where there is room, or else farther off with a line to it."""

from typing import TYPE_CHECKING

from matplotlib.patheffects import withStroke

from trippy_nb.plots.theme import SMALL_PT, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POINTS = 72.0
_LETTER_PT, _HEIGHT_PT, _MARK_PT = 4.9, 9.5, 4.5
_WAYS = ((1, 0), (-1, 0), (0, 1), (0, -1), (0.75, 0.75), (-0.75, 0.75), (0.75, -0.75), (-0.75, -0.75))
_RINGS_PT = (3.0, 11.0, 22.0, 36.0, 54.0)
_LINE_FROM_PT = 10.0

Box = tuple[float, float, float, float]


def place_labels(
    ax: "Axes",
    spots: list[tuple[float, float]],
    words: list[str],
    theme: Theme,
    *,
    inches: float,
    bounds: Box,
) -> None:
    """Write words beside spots so that none lies on another, nor on a mark.

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
    """
    scale = inches * _POINTS
    edges = (bounds[0] * scale, bounds[1] * scale, bounds[2] * scale, bounds[3] * scale)
    at = [(x * scale, y * scale) for x, y in spots]
    taken: list[Box] = [(x - _MARK_PT, y - _MARK_PT, x + _MARK_PT, y + _MARK_PT) for x, y in at]
    for (x, y), spot, text in zip(at, spots, words, strict=True):
        width = _LETTER_PT * len(text)
        found = _free((x, y), width, taken, edges)
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


def _free(
    spot: tuple[float, float], width: float, taken: list[Box], edges: Box
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
            if _within(box, edges) and not any(_overlap(box, other) for other in taken):
                return (dx, dy), box, ring
    return None


def _within(box: Box, edges: Box) -> bool:
    return edges[0] <= box[0] and edges[1] <= box[1] and box[2] <= edges[2] and box[3] <= edges[3]


def _overlap(one: Box, two: Box) -> bool:
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]
