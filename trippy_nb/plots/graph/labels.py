"""What stands beside the nodes of a hop graph: who it is, its RTT and loss, its MPLS labels."""

from typing import Any

from matplotlib.patheffects import withStroke

from trippy_nb.plots.graph.scene import Scene
from trippy_nb.plots.theme import SMALL_PT, TEXT_PT

_BESIDE_PT, _BELOW_PT = 10, 10  # from the middle of a node to its label
_LINE_PT = 10
_TUBE_PT = 2.5  # that a tube reaches beyond its nodes
_CRAMPED = 0.85  # below this share of the room that labels want, they get smaller, and one line
_LEAST_PT = 4.0
_NO_EXPONENTS_FROM = 1000
_MOST_LABELS = 2
_SEEN: dict[str, Any] = {"annotation_clip": False}
"""No node is outside the limits: matplotlib need not ask for each."""


def draw_labels(scene: Scene, *, on_bands: bool) -> None:
    """Write beside each node, or below it if layers go across; with a halo where anything may lie behind."""
    alone = not on_bands and max(scene.across) == min(scene.across)
    halo = [] if alone else [withStroke(linewidth=2.5, foreground=scene.theme.background)]
    two_lines = scene.is_roomy and scene.size > _CRAMPED
    for node, data in scene.graph.nodes(data=True):
        spot = scene.at(*scene.where[node])
        if data["kind"] == "silent":
            _draw_star(scene, spot)
            continue
        second = second_line(data) if two_lines else ""
        style: dict[str, Any] = {"textcoords": "offset points", "zorder": 4, "path_effects": halo, **_SEEN}
        for words, place, colour, points in (
            (data["label"], 0, scene.theme.ink, max(TEXT_PT * scene.size, _LEAST_PT)),
            (second, 1, scene.theme.muted, SMALL_PT),
        ):
            if not words:
                continue
            style |= (
                _beside(place, two=bool(second))
                if scene.is_down
                else _upright(place, two=bool(second))
                if scene.is_upright
                else _below(place)
            )
            scene.ax.annotate(words, spot, fontsize=points, color=colour, parse_math=False, **style)


def _beside(place: int, *, two: bool) -> dict[str, Any]:
    if not two:
        return {"xytext": (_BESIDE_PT, 0.0), "ha": "left", "va": "center"}
    return {"xytext": (_BESIDE_PT, -0.5 if place else 1.0), "ha": "left", "va": "top" if place else "bottom"}


def _below(place: int) -> dict[str, Any]:
    return {"xytext": (0.0, -_BELOW_PT - place * _LINE_PT), "ha": "center", "va": "top"}


def _upright(place: int, *, two: bool) -> dict[str, Any]:
    aside = (place - 0.5) * _LINE_PT if two else 0.0
    return {"xytext": (aside, -_BELOW_PT - _TUBE_PT), "ha": "center", "va": "top", "rotation": 90}


def _draw_star(scene: Scene, spot: tuple[float, float]) -> None:
    scene.ax.annotate(
        "*",
        spot,
        ha="center",
        va="center_baseline",
        fontsize=TEXT_PT + 2,
        color=scene.theme.ink,
        zorder=4,
        xytext=(0, -2),
        textcoords="offset points",
        **_SEEN,
    )


def second_line(data: dict[str, Any]) -> str:
    """Say what is known of a node besides its address."""
    words = [] if data["rtt_p50_ms"] is None else [_milliseconds(data["rtt_p50_ms"])]
    if data["kind"] == "source" and data["addr"]:
        words.append(data["addr"])
    if data["loss_ratio"]:
        words.append(f"{100 * data['loss_ratio']:.0f} % unanswered")
    if data["mpls"]:
        few = len(data["mpls"]) <= _MOST_LABELS
        words.append(f"label {'/'.join(map(str, data['mpls']))}" if few else f"{len(data['mpls'])} labels")
    return ", ".join(words)


def _milliseconds(value: float) -> str:
    return f"{value:.3g} ms" if value < _NO_EXPONENTS_FROM else f"{value:.0f} ms"
