"""Where a hop graph is drawn: its layers go down the page, or across it.

Everything is thought of as going down, `x` across a layer and `y` from layer to layer; only what is drawn at
last is turned.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from matplotlib.path import Path

from trippy_nb.plots.theme import Theme

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.axes import Axes

Direction = Literal["down", "across"]
Colour = Literal["rtt", "loss"]
Spot = tuple[float, float]

NODE_IN = 0.45
CHAR_IN = 0.070  # of DejaVu Sans at TEXT_PT, digits; measured
SECOND_LINE = 16
"""Letters of the smaller second line: median and share unanswered."""
_LONGEST_LABEL = 39  # an IPv6 address in full
_ROW_IN, _TIGHT_ROW_IN, ROOMY_UP_TO = 0.62, 0.30, 40
_BELOW_IN = 0.14
_SIDE_IN = 0.72  # from one node of a layer to the next, if layers go across
_LEAST_IN = (4.2, 2.0)
_AIR = 1.25  # of the room between nodes, at both ends of a layer
_MARGIN_IN = 1.4


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A graph, and where its nodes are."""

    ax: "Axes"
    graph: "nx.MultiDiGraph[str]"
    where: dict[str, Spot]
    theme: Theme
    direction: Direction
    size: float
    """Of letters, where there is less room than they want: up to 1."""

    def at(self, x: float, y: float) -> Spot:
        """Turn a spot as the picture is turned."""
        return (x, y) if self.direction == "down" else (y, x)

    def path(self, spots: Sequence[Spot], codes: Sequence[int] = (1, 4, 4, 4)) -> Path:
        """Turn a path: by default one curve."""
        return Path([self.at(*spot) for spot in spots], list(codes))

    @property
    def is_down(self) -> bool:
        """Layers go down the page."""
        return self.direction == "down"

    @property
    def layers(self) -> list[float]:
        """Layer of each node; 0 if there is none."""
        return [y for _, y in self.where.values()] or [0.0]

    @property
    def across(self) -> list[float]:
        """Coordinate of each node within its layer; 0 if there is none."""
        return [x for x, _ in self.where.values()] or [0.0]

    @property
    def is_roomy(self) -> bool:
        """There is room for two lines at each node."""
        return max(self.layers) - min(self.layers) <= ROOMY_UP_TO


def places_of(graph: "nx.MultiDiGraph[str]") -> dict[str, Spot]:
    """Read where the nodes are."""
    return {node: (data["pos"][1], data["pos"][0]) for node, data in graph.nodes(data=True)}


def label_in(graph: "nx.MultiDiGraph[str]") -> float:
    """Return the width of a node with its label, inches."""
    longest = max((len(data["label"]) for _, data in graph.nodes(data=True)), default=1)
    return NODE_IN + CHAR_IN * max(min(longest, _LONGEST_LABEL), SECOND_LINE)


def wanted_in(graph: "nx.MultiDiGraph[str]", direction: Direction) -> Spot:
    """Return the width and height that a graph takes with all its labels, inches."""
    where = places_of(graph)
    layers = [y for _, y in where.values()] or [0.0]
    across = [x for x, _ in where.values()] or [0.0]
    depth, breadth = max(layers) - min(layers), max(across) - min(across)
    roomy = depth <= ROOMY_UP_TO
    if direction == "down":
        width = (breadth + _AIR) * label_in(graph) + _MARGIN_IN
        return max(width, _LEAST_IN[0]), (depth + 1) * (_ROW_IN if roomy else _TIGHT_ROW_IN) + 0.9
    beside = label_in(graph) - NODE_IN + _BELOW_IN  # labels stand below their nodes
    width = (depth + 1) * (beside if roomy else NODE_IN) + _MARGIN_IN
    return max(width, _LEAST_IN[0]), max((breadth + _AIR) * _SIDE_IN + 0.9, _LEAST_IN[1])
