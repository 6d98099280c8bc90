"""The hop graph: hops down the page, one node a responder, one hollow node a silent hop."""

from typing import TYPE_CHECKING, Any

from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_hex
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, PathPatch
from matplotlib.path import Path
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from trippy_nb.frames.schema import HOPS, PROBES
from trippy_nb.plots.theme import SMALL_PT, TEXT_PT, Theme, dress, new_axes, theme_of

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.axes import Axes

_MARKERS = {"source": "^", "router": "o", "target": "s", "silent": "o"}
_MEANINGS = {"source": "source", "router": "router", "target": "target", "silent": "silent hop"}
_SIZE_PT2 = 130
_ROW_IN, _TIGHT_ROW_IN, _ROOMY_UP_TO = 0.62, 0.30, 40
_CHAR_IN = 0.070  # of DejaVu Sans at TEXT_PT, digits; measured
_NODE_IN = 0.45
_DASHES = (0, (2.5, 1.2))
_IN_THE_WAY = 0.4  # of the room from one node to the next
_DOTS = (0, (0.8, 1.2))
_LABEL_PT = 9  # from the middle of a node to its label
_CRAMPED = 0.85  # below this share of the room that labels want, they get smaller, and one line
_LEAST_PT = 4.0
_THIN_PT, _THICK_PT = 0.7, 4.2
_SECOND_LINE = 16  # what the smaller second line takes: median and share unanswered
_LONGEST_WAY = "Hops of the longest way"
_LONGEST_LABEL = 39  # an IPv6 address in full

Where = dict[str, tuple[float, float]]


def plot_graph(graph: "nx.MultiDiGraph[str]", *, ax: "Axes | None" = None) -> "Axes":
    """Draw a hop graph.

    Parameters
    ----------
    graph
        As `analysis.hop_graph` makes it.
    ax
        Where to draw; its background decides between light and dark. Without it a figure is made that
        is large enough for every label.

    Returns
    -------
    ax
        Width of an edge: its share of what was seen at its TTL. Dashed: positional evidence, the two
        ends may belong to different paths. Dotted: a router between the two forwards a TTL of 0, and is
        not seen. Fill: median RTT, which stands beside the node as well. Hollow and dashed with a star:
        a hop that never answered. A node is below all that lead to it: where branches have unequal
        lengths that is lower than its smallest TTL, and the axis counts hops of the longest way.
    """
    longest = max((len(data["label"]) for _, data in graph.nodes(data=True)), default=1)
    column_in = _NODE_IN + _CHAR_IN * max(min(longest, _LONGEST_LABEL), _SECOND_LINE)
    where = {node: (data["pos"][1], data["pos"][0]) for node, data in graph.nodes(data=True)}
    layers = [y for _, y in where.values()] or [0.0]
    across = [x for x, _ in where.values()] or [0.0]
    roomy = max(layers) - min(layers) <= _ROOMY_UP_TO
    if ax is None:
        row_in = _ROW_IN if roomy else _TIGHT_ROW_IN
        width = (max(across) - min(across) + 1.25) * column_in + 1.4
        ax = new_axes(max(width, 4.2), (max(layers) - min(layers) + 1) * row_in + 0.9)
        size = 1.0
    else:
        size = min(1.0, _width_in(ax) / (max(across) - min(across) + 1.25) / column_in)
    theme = theme_of(ax)
    _draw_edges(ax, graph, where, theme)
    _draw_nodes(ax, graph, where, theme)
    _draw_labels(ax, graph, where, theme, size=size, two_lines=roomy and size > _CRAMPED)
    ax.set_xlim(_left_of(graph, where) - 0.30, max(across) + 0.95)
    ax.set_ylim(max(layers) + 0.55, min(layers) - 0.45)
    _dress(ax, theme, layers, roomy=roomy)
    if any(data["layer"] > max(data["ttls"]) for _, data in graph.nodes(data=True)):
        ax.set_ylabel(_LONGEST_WAY)
    _add_legend(ax, graph, theme)
    return ax


def _width_in(ax: "Axes") -> float:
    figure = ax.get_figure(root=True)
    return ax.bbox.width / figure.dpi if figure is not None else 0.0


def _draw_edges(ax: "Axes", graph: "nx.MultiDiGraph[str]", where: Where, theme: Theme) -> None:
    for near, far, data in graph.edges(data=True):
        style: dict[str, Any] = {
            "linewidth": _THIN_PT + (_THICK_PT - _THIN_PT) * data["share"],
            "linestyle": _line_style(data),
            "edgecolor": theme.muted,
            "alpha": 0.75,
            "zorder": 1,
        }
        (x0, y0), (x1, y1) = where[near], where[far]
        if y1 > y0:
            bow = _bow((x0, y0), (x1, y1), where)
            path = _downward(x0, y0, x1, y1, bow)
            ax.add_patch(PathPatch(path, facecolor="none", capstyle="butt", **style))
        else:
            style |= {"arrowstyle": "-|>", "mutation_scale": 9, "facecolor": theme.muted}
            ax.add_patch(FancyArrowPatch(path=_elsewhere(x0, y0, x1, y1), **style))


def _line_style(data: dict[str, Any]) -> Any:  # noqa: ANN401 - a name, or a pattern
    if data["mark"] == "zero-ttl":
        return _DOTS
    return _DASHES if data["evidence"] == "positional" else "solid"


def _bow(near: tuple[float, float], far: tuple[float, float], where: Where) -> float:
    """Return how far left an edge has to go around the nodes of the layers it passes."""
    (x0, y0), (x1, y1) = near, far
    passed = [
        abs(x0 + (x1 - x0) * (y - y0) / (y1 - y0) - x) < _IN_THE_WAY for x, y in where.values() if y0 < y < y1
    ]
    return -0.22 * min(y1 - y0, 4) if any(passed) else 0.0


def _left_of(graph: "nx.MultiDiGraph[str]", where: Where) -> float:
    """Return how far left edges go: the middle of a curve comes three quarters near to its bend."""
    ends = [(where[near], where[far]) for near, far in graph.edges() if where[far][1] > where[near][1]]
    bows = [min(near[0], far[0]) + 0.75 * _bow(near, far, where) for near, far in ends]
    return min([x for x, _ in where.values()] + bows, default=0.0)


def _downward(x0: float, y0: float, x1: float, y1: float, bow: float) -> Path:
    """Leave and arrive vertically, so that no edge runs through the label beside a node."""
    bend = 0.75 * (y1 - y0)
    return Path([(x0, y0), (x0 + bow, y0 + bend), (x1 + bow, y1 - bend), (x1, y1)], [1, 4, 4, 4])


def _elsewhere(x0: float, y0: float, x1: float, y1: float) -> Path:
    """Go below the nodes of one layer, or up on the left, where no labels are."""
    if (x0, y0) == (x1, y1):
        return Path(
            [(x0, y0), (x0 - 0.3, y0 + 0.45), (x0 - 0.3, y0 - 0.45), (x1 - 0.05, y1 - 0.1)], [1, 4, 4, 4]
        )
    if y0 == y1:
        return Path([(x0, y0), (x0, y0 + 0.55), (x1, y1 + 0.55), (x1, y1 + 0.16)], [1, 4, 4, 4])
    return Path([(x0, y0), (x0 - 0.25, y0), (x1 - 0.25, y1), (x1 - 0.07, y1 + 0.03)], [1, 4, 4, 4])


def _draw_nodes(ax: "Axes", graph: "nx.MultiDiGraph[str]", where: Where, theme: Theme) -> None:
    known = [data["rtt_p50_ms"] for _, data in graph.nodes(data=True) if data["rtt_p50_ms"] is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    scale = ScalarMappable(Normalize(low, high if high > low else low + 1.0), theme.scale)
    for kind, marker in _MARKERS.items():
        nodes = [node for node, data in graph.nodes(data=True) if data["kind"] == kind]
        if not nodes:
            continue
        medians = [graph.nodes[node]["rtt_p50_ms"] for node in nodes]
        fills = [
            theme.background if median is None else to_hex(tuple(scale.to_rgba(median))) for median in medians
        ]
        ax.scatter(
            [where[node][0] for node in nodes],
            [where[node][1] for node in nodes],
            s=_SIZE_PT2,
            marker=marker,
            c=fills,
            edgecolors=theme.muted if kind == "silent" else theme.ink,
            linewidths=1.1,
            linestyles=(0, (2, 1.3)) if kind == "silent" else "solid",
            zorder=3,
            label=_MEANINGS[kind],
        )
    if known:
        bar = ax.figure.colorbar(scale, ax=ax, shrink=0.6, aspect=28, pad=0.02)
        title = PROBES.label("rtt_ms")
        bar.set_label(
            f"{HOPS.column('p50_ms').label} {title[0].lower()}{title[1:]}", color=theme.ink, size=TEXT_PT
        )
        bar.ax.tick_params(colors=theme.muted, labelcolor=theme.ink, labelsize=SMALL_PT)
        bar.outline.set_edgecolor(theme.muted)


def _draw_labels(
    ax: "Axes", graph: "nx.MultiDiGraph[str]", where: Where, theme: Theme, *, size: float, two_lines: bool
) -> None:
    halo = [withStroke(linewidth=2.5, foreground=theme.background)]
    for node, data in graph.nodes(data=True):
        if data["kind"] == "silent":
            ax.annotate(
                "*",
                where[node],
                ha="center",
                va="center_baseline",
                fontsize=TEXT_PT + 2,
                color=theme.ink,
                zorder=4,
                xytext=(0, -2),
                textcoords="offset points",
            )
            continue
        second = _second_line(data) if two_lines else ""
        style: dict[str, Any] = {
            "textcoords": "offset points",
            "ha": "left",
            "zorder": 4,
            "path_effects": halo,
        }
        ax.annotate(
            data["label"],
            where[node],
            xytext=(_LABEL_PT, 1.0 if second else 0.0),
            fontsize=max(TEXT_PT * size, _LEAST_PT),
            va="bottom" if second else "center",
            color=theme.ink,
            **style,
        )
        if second:
            ax.annotate(
                second,
                where[node],
                xytext=(_LABEL_PT, -0.5),
                fontsize=SMALL_PT,
                va="top",
                color=theme.muted,
                **style,
            )


def _milliseconds(value: float) -> str:
    return f"{value:.3g} ms" if value < 1000 else f"{value:.0f} ms"  # noqa: PLR2004 - no exponents


def _second_line(data: dict[str, Any]) -> str:
    words = [] if data["rtt_p50_ms"] is None else [_milliseconds(data["rtt_p50_ms"])]
    if data["kind"] == "source" and data["addr"]:
        words.append(data["addr"])
    if data["loss_ratio"]:
        words.append(f"{data['loss_ratio']:.0%} unanswered")
    return ", ".join(words)


def _dress(ax: "Axes", theme: Theme, layers: list[float], *, roomy: bool) -> None:
    dress(ax, theme)
    ax.set_xticks([])
    if roomy:
        ax.set_yticks(sorted({int(layer) for layer in layers}))
    else:
        ax.yaxis.set_major_locator(MaxNLocator(nbins=30, integer=True))
    ax.set_ylabel(PROBES.label("ttl"))
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.grid(axis="y", color=theme.faint, linewidth=0.6)
    ax.set_axisbelow(True)


def _add_legend(ax: "Axes", graph: "nx.MultiDiGraph[str]", theme: Theme) -> None:
    handles: list[Any] = []
    for kind in dict.fromkeys(data["kind"] for _, data in graph.nodes(data=True)):
        silent = kind == "silent"
        handles.append(
            Line2D(
                [],
                [],
                linestyle="",
                marker="$*$" if silent else _MARKERS[kind],
                markersize=7,
                markerfacecolor=theme.ink if silent else theme.background,
                markeredgecolor=theme.ink,
                label=_MEANINGS[kind],
            )
        )
    evidence = {data["evidence"] for _, _, data in graph.edges(data=True)}
    if "positional" in evidence:
        handles.append(Line2D([], [], color=theme.muted, linestyle=_DASHES, label="perhaps not one path"))
    if any(mark == "zero-ttl" for _, _, mark in graph.edges(data="mark")):
        handles.append(Line2D([], [], color=theme.muted, linestyle=_DOTS, label="skips a router"))
    legend = ax.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        ncols=min(len(handles), 3),
        frameon=False,
        fontsize=SMALL_PT,
        labelcolor=theme.ink,
    )
    legend.set_zorder(5)
