"""What lies behind the nodes of a hop graph: tubes for MPLS tunnels, bands for autonomous systems."""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

from matplotlib.patches import PathPatch, Rectangle
from matplotlib.patheffects import withStroke

from trippy_nb.analysis import as_of
from trippy_nb.plots.graph.edges import path_of
from trippy_nb.plots.graph.scene import Scene, Spot
from trippy_nb.plots.theme import SMALL_PT

if TYPE_CHECKING:
    import pandas as pd

_TUBE_PT, _WALL_PT = 17.0, 1.4
STRIPES = (0, (0.16, 0.12))
_TINT = 0.13
_HALF = 0.5


def draw_tubes(scene: Scene) -> bool:
    """Draw a tube around each stretch inside of a tunnel; striped where only evidence says so.

    Returns
    -------
    drawn
        Whether there is one.
    """
    graph = scene.graph
    found = [(near, far, data["tunnel"]) for near, far, data in graph.edges(data=True) if data["tunnel"]]
    paths = [(path_of(scene, near, far), word == "labels") for near, far, word in found]
    inside = {node for near, far, _ in found for node in (near, far)}
    alone = [node for node, labels in graph.nodes(data="mpls") if labels and node not in inside]
    for node in alone:
        x, y = scene.where[node]
        paths.append((scene.path([(x, y - 0.01), (x, y + 0.01)], (1, 2)), True))
    striped: dict[str, Any] = {"capstyle": "butt", "linestyle": STRIPES}
    for width, colour, order in (
        (_TUBE_PT, scene.theme.muted, 0.5),
        (_TUBE_PT - 2 * _WALL_PT, scene.theme.faint, 0.6),
    ):
        style: dict[str, Any] = {
            "facecolor": "none",
            "edgecolor": colour,
            "linewidth": width,
            "zorder": order,
        }
        for path, shown in paths:
            if shown or width == _TUBE_PT:
                look = {"capstyle": "round"} if shown else striped
                scene.ax.add_patch(PathPatch(path, label="tunnel", **style, **look))
    return bool(paths)


def draw_systems(scene: Scene, asns: "Mapping[str, Any] | pd.Series", ends: tuple[float, float]) -> None:
    """Draw a band behind the nodes of each autonomous system, with its number.

    Parameters
    ----------
    scene
        The graph; its limits are set by whoever calls.
    asns
        System of each address; of what is missing there is no band.
    ends
        How far bands may go across their layers.
    """
    known = {node: as_of(data["addr"], asns) for node, data in scene.graph.nodes(data=True)}
    order = list(dict.fromkeys(known[node] for node in _by_layer(scene) if known[node] is not None))
    cells: dict[Hashable, dict[float, list[Spot]]] = defaultdict(lambda: defaultdict(list))
    for y, left, right, system in _cells(scene, known, ends):
        cells[system][y].append((left, right))
    for number, system in enumerate(order):
        colour = scene.theme.look(number).colour
        for y, row in cells[system].items():
            for left, right in row:
                spot, far = scene.at(left, y - _HALF), scene.at(right, y + _HALF)
                scene.ax.add_patch(
                    Rectangle(
                        spot,
                        far[0] - spot[0],
                        far[1] - spot[1],
                        facecolor=colour,
                        alpha=_TINT,
                        linewidth=0,
                        zorder=0.2,
                        label=system_words(system),
                    )
                )
            _outline(scene, y, row, cells[system], ends)
            if y - 1 not in cells[system]:
                _name_system(scene, system, y, row[0][0])


def _outline(scene: Scene, y: float, row: list[Spot], rows: Mapping[float, list[Spot]], ends: Spot) -> None:
    """Draw where a system ends: colours alone would be one in print."""
    lines = [[(x, y - _HALF), (x, y + _HALF)] for pair in row for x in pair if x not in ends]
    for edge, beyond in ((y - _HALF, y - 1), (y + _HALF, y + 1)):
        for pair in row:
            lines += [[(one, edge), (two, edge)] for one, two in _less(pair, rows.get(beyond, []))]
    for line in lines:
        turned = [scene.at(*spot) for spot in line]
        xs, ys = zip(*turned, strict=True)
        scene.ax.plot(xs, ys, color=scene.theme.muted, linewidth=0.6, zorder=0.3)


def _less(pair: Spot, taken: list[Spot]) -> list[Spot]:
    """Return what is left of a stretch without others, which are in order."""
    at, end = pair
    left = []
    for one, two in taken:
        if at < one < end:
            left.append((at, one))
        if one < end and two > at:
            at = two
    return [*left, (at, end)] if at < end else left


def system_words(system: Hashable) -> str:
    """Write the name of a system: ``AS64496``."""
    text = str(int(system)) if isinstance(system, float) and system.is_integer() else str(system)
    return f"AS{text}" if text.isdecimal() else text


def _by_layer(scene: Scene) -> list[str]:
    return sorted(scene.where, key=lambda node: scene.where[node][::-1])


def _cells(
    scene: Scene, known: dict[str, Hashable | None], ends: tuple[float, float]
) -> Iterator[tuple[float, float, float, Hashable]]:
    """Cut each layer between its nodes, and join neighbours of one system."""
    for y, nodes in groupby(_by_layer(scene), key=lambda node: scene.where[node][1]):
        row = list(nodes)
        places = [scene.where[node][0] for node in row]
        cuts = [ends[0], *((one + two) / 2 for one, two in pairwise(places)), ends[1]]
        at = 0
        for system, part in groupby(row, key=known.__getitem__):
            size = len(list(part))
            if system is not None:
                yield y, cuts[at], cuts[at + size], system
            at += size


def _name_system(scene: Scene, system: Hashable, y: float, left: float) -> None:
    scene.ax.annotate(
        system_words(system),
        scene.at(left, y - _HALF),
        xytext=(3, -2) if scene.is_down else (3, -3),
        textcoords="offset points",
        ha="left",
        va="top",
        rotation=90 if scene.is_upright else 0,
        fontsize=SMALL_PT,
        fontweight="bold",
        color=scene.theme.ink,
        zorder=4,
        path_effects=[withStroke(linewidth=2.5, foreground=scene.theme.background)],
        parse_math=False,
    )
