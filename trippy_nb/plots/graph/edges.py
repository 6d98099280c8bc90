"""Edges of a hop graph: curves as thick as flows go, dashed or dotted where they are less than certain."""

from typing import Any

from matplotlib.patches import FancyArrowPatch, PathPatch
from matplotlib.path import Path

from trippy_nb.plots.graph.scene import Scene, Spot

DASHES, DOTS = (0, (2.5, 1.2)), (0, (0.8, 1.2))
_IN_THE_WAY = 0.4  # of the room from one node to the next
_THIN_PT, _THICK_PT = 0.7, 4.2


def draw_edges(scene: Scene) -> None:
    """Draw all edges; those that do not lead on have a head."""
    for near, far, data in scene.graph.edges(data=True):
        style: dict[str, Any] = {
            "linewidth": _THIN_PT + (_THICK_PT - _THIN_PT) * data["share"],
            "linestyle": _line_style(data),
            "edgecolor": scene.theme.muted,
            "alpha": 0.75,
            "zorder": 1,
        }
        path = path_of(scene, near, far)
        if leads_on(scene, near, far):
            # As a patch it would be measured for limits, which are set anyway.
            scene.ax.add_artist(PathPatch(path, facecolor="none", capstyle="butt", **style))
        else:
            style |= {"arrowstyle": "-|>", "mutation_scale": 9, "facecolor": scene.theme.muted}
            scene.ax.add_patch(FancyArrowPatch(path=path, **style))


def leads_on(scene: Scene, near: str, far: str) -> bool:
    """Tell whether an edge leads to a later layer."""
    return scene.where[far][1] > scene.where[near][1]


def path_of(scene: Scene, near: str, far: str) -> Path:
    """Return the way of an edge, turned as the picture is."""
    (x0, y0), (x1, y1) = scene.where[near], scene.where[far]
    if y1 > y0:
        # Leave and arrive straight, so that no edge runs through the label beside a node.
        bend, bow = 0.75 * (y1 - y0), _bow((x0, y0), (x1, y1), scene)
        return scene.path([(x0, y0), (x0 + bow, y0 + bend), (x1 + bow, y1 - bend), (x1, y1)])
    return scene.path(_elsewhere(x0, y0, x1, y1, scene.aside(1.0)))


def nearest_bow(scene: Scene) -> float:
    """Return how far before the nodes edges go: the middle of a curve is three quarters out to its bend."""
    ends = [
        (scene.where[near], scene.where[far])
        for near, far in scene.graph.edges()
        if leads_on(scene, near, far)
    ]
    bows = [min(near[0], far[0]) + 0.75 * _bow(near, far, scene) for near, far in ends]
    return min([x for x, _ in scene.where.values()] + bows, default=0.0)


def _bow(near: Spot, far: Spot, scene: Scene) -> float:
    """Return how far an edge has to go around the nodes of the layers it passes."""
    (x0, y0), (x1, y1) = near, far
    passed = [
        abs(x0 + (x1 - x0) * (y - y0) / (y1 - y0) - x) < _IN_THE_WAY
        for x, y in scene.where.values()
        if y0 < y < y1
    ]
    return -scene.aside(0.22) * min(y1 - y0, 4) if any(passed) else 0.0


def _elsewhere(x0: float, y0: float, x1: float, y1: float, far: float) -> list[Spot]:
    """Go behind the nodes of a layer, or back before them, off the labels; `far` scales what is aside."""
    if (x0, y0) == (x1, y1):
        return [
            (x0, y0),
            (x0 - 0.3 * far, y0 + 0.45),
            (x0 - 0.3 * far, y0 - 0.45),
            (x1 - 0.05 * far, y1 - 0.1),
        ]
    if y0 == y1:
        return [(x0, y0), (x0, y0 + 0.55), (x1, y1 + 0.55), (x1, y1 + 0.16)]
    return [(x0, y0), (x0 - 0.25 * far, y0), (x1 - 0.25 * far, y1), (x1 - 0.07 * far, y1 + 0.03)]


def _line_style(data: dict[str, Any]) -> Any:  # noqa: ANN401 - a name, or a pattern
    if data["mark"] == "zero-ttl":
        return DOTS
    return "solid" if data["evidence"] == "flow" else DASHES
