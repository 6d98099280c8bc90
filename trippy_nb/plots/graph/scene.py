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

LEVEL_SIDE_IN = 0.72  # from one node of a layer to the next, if layers go across
ROOMY_UP_TO = 40
"""Layers; of more, each node has one line."""


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
    side_in: float | None = None
    """From one node of a layer to the next, if labels stand upright below their nodes."""

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
    def is_upright(self) -> bool:
        """Labels stand upright."""
        return self.side_in is not None

    def aside(self, level: float) -> float:
        """Scale what goes aside within a layer: upright labels set its nodes farther apart, and no more."""
        return level if self.side_in is None else level * LEVEL_SIDE_IN / self.side_in

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
