"""How much room a hop graph takes with all its labels, and how they have to stand for it to fit a page."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trippy_nb.plots.graph.labels import second_line
from trippy_nb.plots.graph.scene import LEVEL_SIDE_IN, ROOMY_UP_TO, Direction, places_of

if TYPE_CHECKING:
    import networkx as nx

_NODE_IN = 0.45
_CHAR_IN, _SECOND_CHAR_IN = 0.070, 0.058  # of DejaVu Sans: digits at TEXT_PT, words at SMALL_PT; measured
_LEAST_LETTERS, _MOST_LETTERS = 16, 39  # of what is written beside a node; an IPv6 address in full is longest
_ROW_IN, _TIGHT_ROW_IN = 0.62, 0.30
_COLUMN_IN, _TIGHT_COLUMN_IN = 0.36, 0.30  # of upright labels
_BELOW_IN = 0.14
_LEAST_IN = (4.2, 2.0)
_AIR = 1.25  # of the room between nodes, at both ends of a layer
_WIDEST_IN = 16.0
"""Of layers across the page with level labels: in a wider picture they stand upright."""

MARGIN_IN, AROUND_IN = 1.4, 0.9
"""What axis, colour bar and legend take: of the width, and of the height."""
ABOVE_IN, ABOVE_SYSTEMS_IN = 0.3, 0.8
"""Above the nodes, where labels stand upright; with the names of systems."""


@dataclass(frozen=True, slots=True)
class Room:
    """What a graph takes, inches."""

    width: float
    height: float
    side_in: float | None = None
    """As `Scene` has it."""

    def share(self, width_in: float, height_in: float) -> float:
        """Tell which part of it there is in Axes of this size: up to 1."""
        across = width_in / (self.width - MARGIN_IN)
        return min(
            1.0, across if self.side_in is None else min(across, height_in / (self.height - AROUND_IN))
        )


def room_of(graph: "nx.MultiDiGraph[str]", direction: Direction) -> Room:
    """Measure a graph."""
    where = places_of(graph)
    layers = [y for _, y in where.values()] or [0.0]
    across = [x for x, _ in where.values()] or [0.0]
    depth, breadth = max(layers) - min(layers), max(across) - min(across)
    roomy = depth <= ROOMY_UP_TO
    label_in = _label_in(graph, two=roomy)
    if direction == "down":
        width = (breadth + _AIR) * (_NODE_IN + label_in) + MARGIN_IN
        return Room(max(width, _LEAST_IN[0]), (depth + 1) * (_ROW_IN if roomy else _TIGHT_ROW_IN) + AROUND_IN)
    width = (depth + 1) * (label_in + _BELOW_IN) + MARGIN_IN  # labels stand below their nodes
    if roomy and width <= _WIDEST_IN:
        height = (breadth + _AIR) * LEVEL_SIDE_IN + AROUND_IN
        return Room(max(width, _LEAST_IN[0]), max(height, _LEAST_IN[1]))
    side = label_in + _NODE_IN
    width = (depth + 1) * (_COLUMN_IN if roomy else _TIGHT_COLUMN_IN) + MARGIN_IN
    return Room(max(width, _LEAST_IN[0]), (breadth + 1) * side + ABOVE_IN + AROUND_IN, side)


def _label_in(graph: "nx.MultiDiGraph[str]", *, two: bool) -> float:
    nodes = [data for _, data in graph.nodes(data=True) if data["kind"] != "silent"]
    first = max((min(len(data["label"]), _MOST_LETTERS) for data in nodes), default=1)
    second = max((min(len(second_line(data)), _MOST_LETTERS) for data in nodes), default=1) if two else 1
    return max(_CHAR_IN * max(first, _LEAST_LETTERS), _SECOND_CHAR_IN * second)
