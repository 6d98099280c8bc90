"""The hop graph: one node a responder, one hollow node a silent hop, layer by layer."""

from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from trippy_nb.errors import ConfigError
from trippy_nb.frames.schema import PROBES
from trippy_nb.plots.graph.behind import STRIPES, draw_systems, draw_tubes
from trippy_nb.plots.graph.edges import DASHES, DOTS, draw_edges, nearest_bow
from trippy_nb.plots.graph.labels import draw_labels
from trippy_nb.plots.graph.nodes import MARKERS, MEANINGS, draw_nodes
from trippy_nb.plots.graph.room import ABOVE_IN, ABOVE_SYSTEMS_IN, room_of
from trippy_nb.plots.graph.scene import Colour, Direction, Scene, places_of
from trippy_nb.plots.theme import SMALL_PT, add_legend, dress, height_in, new_axes, theme_of, width_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    import networkx as nx
    import pandas as pd
    from matplotlib.axes import Axes

_LONGEST_WAY = "Hops of the longest way"
_SYSTEM_ROOM = 0.75  # for the names of systems, of the room from one node to the next


def plot_graph(
    graph: "nx.MultiDiGraph[str]",
    *,
    direction: Direction = "down",
    colour: Colour = "rtt",
    asns: "Mapping[str, Any] | pd.Series | None" = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw a hop graph.

    Parameters
    ----------
    graph
        As `analysis.hop_graph` makes it.
    direction
        Where TTLs grow: ``down`` the page, or ``across`` it.
    colour
        What the fill of a node says: ``rtt``, the median, or ``loss``, the share unanswered.
    asns
        Autonomous system of each address, a dict or a Series, for bands behind the nodes.
    ax
        Where to draw; its background decides between light and dark. Without it a figure is made that
        is large enough for every label; of a long path across the page they stand upright.

    Returns
    -------
    ax
        Width of an edge: its share of what was seen at its TTL. Dashed: assumed or positional
        evidence, the two ends may belong to different paths. Dotted: a router between the two forwards a TTL
        of 0, and is not seen. Fill: median RTT or share unanswered, which stand beside the node as well.
        Hollow and dashed with a star: a hop that never answered. Tube: an MPLS tunnel, striped if it shows no
        labels. A node is below all that lead to it: where branches have unequal lengths that is lower than
        its smallest TTL, and the axis counts hops of the longest way.

    Raises
    ------
    ConfigError
        If `direction` or `colour` is something else.
    """
    if direction not in ("down", "across"):
        raise ConfigError(f"direction={direction!r}: TTLs grow 'down' or 'across' the page")
    room = room_of(graph, direction)
    size = 1.0
    if ax is None:
        ax = new_axes(room.width, room.height)
    else:
        size = room.share(width_in(ax), height_in(ax))
    scene = Scene(ax, graph, places_of(graph), theme_of(ax), direction, size, room.side_in)
    draw_edges(scene)
    has_tubes = draw_tubes(scene)
    draw_nodes(scene, colour)
    draw_labels(scene, on_bands=asns is not None)
    ends = _set_limits(scene, with_systems=asns is not None)
    if asns is not None:
        draw_systems(scene, asns, ends)
    _dress(scene)
    _add_legend(scene, has_tubes=has_tubes)
    return ax


def _set_limits(scene: Scene, *, with_systems: bool) -> tuple[float, float]:
    """Leave room for labels and curves; return how far the layers go."""
    before = 0.30 + (_SYSTEM_ROOM if with_systems and scene.is_down else 0.0)
    layers, across = scene.layers, scene.across
    if scene.is_down:
        ends = (nearest_bow(scene) - before, max(across) + 0.95)
        scene.ax.set_xlim(*ends)
        scene.ax.set_ylim(max(layers) + 0.55, min(layers) - (0.5 if with_systems else 0.45))
        return ends
    ends = (nearest_bow(scene) - (0.7 if with_systems else 0.45), max(across) + 0.75)
    if scene.side_in is not None:
        above = (ABOVE_SYSTEMS_IN if with_systems else ABOVE_IN) / scene.side_in
        ends = (nearest_bow(scene) - above, max(across) + 1.0)
    scene.ax.set_ylim(ends[1], ends[0])
    scene.ax.set_xlim(min(layers) - 0.55, max(layers) + 0.55)
    return ends


def _dress(scene: Scene) -> None:
    ax, theme = scene.ax, scene.theme
    dress(ax, theme)
    along, other = (ax.yaxis, ax.xaxis) if scene.is_down else (ax.xaxis, ax.yaxis)
    other.set_ticks([])
    if scene.is_roomy:
        along.set_ticks(sorted({int(layer) for layer in scene.layers}))
    else:
        along.set_major_locator(MaxNLocator(nbins=30, integer=True))
    longer = any(data["layer"] > max(data["ttls"]) for _, data in scene.graph.nodes(data=True))
    along.set_label_text(_LONGEST_WAY if longer else PROBES.label("ttl"))
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.grid(axis="y" if scene.is_down else "x", color=theme.faint, linewidth=0.6)
    ax.set_axisbelow(True)


def _add_legend(scene: Scene, *, has_tubes: bool) -> None:
    theme, graph = scene.theme, scene.graph
    handles: list[Any] = []
    for kind in dict.fromkeys(data["kind"] for _, data in graph.nodes(data=True)):
        silent = kind == "silent"
        handles.append(
            Line2D(
                [],
                [],
                linestyle="",
                marker="$*$" if silent else MARKERS[kind],
                markersize=7,
                markerfacecolor=theme.ink if silent else theme.background,
                markeredgecolor=theme.ink,
                label=MEANINGS[kind],
            )
        )
    evidence = {data["evidence"] for _, _, data in graph.edges(data=True)}
    if evidence - {"flow"}:
        handles.append(Line2D([], [], color=theme.muted, linestyle=DASHES, label="perhaps not one path"))
    if any(mark == "zero-ttl" for _, _, mark in graph.edges(data="mark")):
        handles.append(Line2D([], [], color=theme.muted, linestyle=DOTS, label="skips a router"))
    tunnels = {word for _, _, word in graph.edges(data="tunnel")}
    if has_tubes and tunnels != {None, "implicit"}:
        handles.append(Line2D([], [], color=theme.muted, linewidth=7, alpha=0.5, label="MPLS tunnel"))
    if "implicit" in tunnels:
        handles.append(
            Line2D([], [], color=theme.muted, linewidth=7, linestyle=STRIPES, label="likely an MPLS tunnel")
        )
    if scene.is_down:
        scene.ax.legend(
            handles=handles,
            loc="upper center",
            bbox_to_anchor=(0.5, 0.0),
            ncols=min(len(handles), 3),
            frameon=False,
            fontsize=SMALL_PT,
            labelcolor=theme.ink,
        ).set_zorder(5)
    else:
        add_legend(scene.ax, handles, theme, below_in=0.48)
