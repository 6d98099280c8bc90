"""Nodes of a hop graph: a shape says what they are, a fill their RTT or loss."""

from typing import Any

from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_hex
from matplotlib.ticker import PercentFormatter

from trippy_nb.errors import ConfigError
from trippy_nb.frames.schema import HOPS, PROBES
from trippy_nb.plots.graph.scene import Colour, Scene
from trippy_nb.plots.theme import dress_bar

MARKERS = {"source": "^", "router": "o", "target": "s", "silent": "o"}
MEANINGS = {"source": "source", "router": "router", "target": "target", "silent": "silent hop"}
_SIZE_PT2 = 130
_COLUMNS = {"rtt": "rtt_p50_ms", "loss": "loss_ratio"}


def draw_nodes(scene: Scene, colour: Colour) -> None:
    """Draw all nodes, and the bar that explains their fill.

    Raises
    ------
    ConfigError
        If `colour` is something else.
    """
    if colour not in _COLUMNS:
        raise ConfigError(f"colour={colour!r}: nodes are coloured by 'rtt' or 'loss'")
    graph, theme = scene.graph, scene.theme
    values = dict(graph.nodes(data=_COLUMNS[colour]))
    known = [value for value in values.values() if value is not None]
    low, high = (0.0, 1.0) if colour == "loss" else (min(known, default=0.0), max(known, default=1.0))
    if colour == "loss" and known:
        high = max(*known, 0.05)  # a loss of 1 % is not to look like one of 100 %
    scale = ScalarMappable(Normalize(low, high if high > low else low + 1.0), theme.scale)
    for kind, marker in MARKERS.items():
        nodes = [node for node, data in graph.nodes(data=True) if data["kind"] == kind]
        if not nodes:
            continue
        shown = [None if kind == "silent" else values[node] for node in nodes]
        fills = [
            theme.background if value is None else to_hex(tuple(scale.to_rgba(value))) for value in shown
        ]
        spots = [scene.at(*scene.where[node]) for node in nodes]
        scene.ax.scatter(
            [x for x, _ in spots],
            [y for _, y in spots],
            s=_SIZE_PT2,
            marker=marker,
            c=fills,
            edgecolors=theme.muted if kind == "silent" else theme.ink,
            linewidths=1.1,
            linestyles=(0, (2, 1.3)) if kind == "silent" else "solid",
            zorder=3,
            label=MEANINGS[kind],
        )
    if known:
        _draw_bar(scene, scale, colour)


def _draw_bar(scene: Scene, scale: ScalarMappable, colour: Colour) -> None:
    style: dict[str, Any] = (
        {"format": PercentFormatter(1.0, decimals=0, symbol=" %")} if colour == "loss" else {}
    )
    title = PROBES.label("rtt_ms")
    words = f"{HOPS.column('p50_ms').label} {title[0].lower()}{title[1:]}"
    label = words if colour == "rtt" else HOPS.label("loss_ratio")
    dress_bar(scene.ax, scale, scene.theme, label, share=0.7, **style)
