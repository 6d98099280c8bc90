"""Paths over a map: places as marks, legs as the shortest ways, and what has no place in a list beside it."""

from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Polygon, Rectangle

from trippy_nb.analysis.ground import Ground, Stop, arc
from trippy_nb.frames.schema import PROBES
from trippy_nb.plots.theme import (
    SMALL_PT,
    VERMILLION,
    WIDTH_IN,
    Theme,
    add_legend,
    counted,
    new_axes,
    set_title,
    theme_of,
    width_in,
)
from trippy_nb.plots.world.placing import place_labels
from trippy_nb.plots.world.projection import View, land, meridian, parallel, project, view_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.axes import Axes

    from trippy_nb.analysis.latencies.light import Place
    from trippy_nb.plots.world.projection import Points

_LIST_IN, _GAP_IN, _LINE_IN = 2.55, 0.2, 0.165
_LEAST_PT = 4.5
_MARKERS = {"source": "^", "router": "o", "target": "s"}
_DASHES = (0, (4, 2))
_THIN_PT, _THICK_PT = 0.9, 2.6
_EVERY_DEG = 30
_ONE_MARK_IN = 0.08  # places so near share a label
_MOST_PARTS = 5  # of a label
_HEADS = 3  # lines of the list that are no hops


def plot_map(ground: Ground, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the ways of flows over a map.

    Parameters
    ----------
    ground
        As `analysis.ground` makes it.
    ax
        Where to draw; its background decides between light and dark.

    Returns
    -------
    ax
        A mark for each place, with the TTLs of its hops; of places within 140 degrees of longitude, only that
        part of the world. Legs are the shortest ways over the ground, as thick as flows take them;
        dashed where hops without a place are between. Beside it all hops: first those on the map, then those
        without a place. A cross: answers came back faster than light gets there and back.
    """
    placed = [stop for stop in ground.stops if stop.place is not None]
    view = view_of([stop.place for stop in placed if stop.place is not None])
    lines = _lines(ground.stops)
    if ax is None:
        map_in = WIDTH_IN - _LIST_IN
        ax = new_axes(WIDTH_IN, max(map_in / view.ratio, min(len(lines), 26) * _LINE_IN) + 0.95)
    theme = theme_of(ax)
    across_in = width_in(ax)
    map_share = max(1 - (_LIST_IN + _GAP_IN) / max(WIDTH_IN, across_in), 0.4)
    _draw_world(ax, view, theme)
    legs = _draw_legs(ax, ground, view, theme)
    _draw_places(ax, placed, legs, view, theme, map_in=across_in * map_share)
    whole = (view.right - view.left) / map_share
    ax.set_xlim(view.left, view.left + whole)
    ax.set_ylim(view.bottom, view.top)
    ax.set_aspect("equal", anchor="NW")
    ax.axis("off")
    _draw_list(ax, lines, theme, at=map_share + _GAP_IN / WIDTH_IN, size=min(1.0, across_in / WIDTH_IN))
    add_legend(ax, _keys(ground, theme), theme, below_in=0.08)
    set_title(ax, theme, _title(ground), across_in=across_in)
    return ax


def _draw_world(ax: "Axes", view: View, theme: Theme) -> None:
    # Its lines lie on the limits: clipped there, some would be half as wide, others not be drawn at all.
    style: dict[str, Any] = {"facecolor": "none", "linewidth": 0.7, "zorder": 5, "clip_on": False}
    style["edgecolor"] = theme.muted
    box: Any
    if view.is_whole:
        edge = np.concatenate([meridian(-180.0), meridian(180.0)[::-1]])
        edge[:, 1] = edge[:, 1].clip(view.bottom, view.top)
        box = Polygon(edge, **style)
    else:
        size = (view.right - view.left, view.top - view.bottom)
        box = Rectangle((view.left, view.bottom), *size, **style)
    box.set_label("edge")
    ax.add_patch(box)
    shape = PathPatch(land(view.middle), facecolor=theme.faint, edgecolor="none", zorder=0.5, label="land")
    ax.add_artist(shape)  # as a patch it would be measured for limits, which are set anyway
    shape.set_clip_path(box)
    turn = view.middle % _EVERY_DEG
    grid = [meridian(float(lon)) for lon in np.arange(-180, 181, _EVERY_DEG) - turn]
    grid += [parallel(float(lat)) for lat in range(-60, 90, _EVERY_DEG)]
    lines = LineCollection(grid, colors=theme.muted, linewidths=0.35, alpha=0.45, zorder=0.6)
    ax.add_collection(lines, autolim=False)
    lines.set_clip_path(box)


def _draw_legs(ax: "Axes", ground: Ground, view: View, theme: Theme) -> "list[Points]":
    """Draw the legs, and return where they go."""
    ways: list[Points] = []
    for leg in ground.legs:
        share = leg.flows / max(ground.flows, 1)
        for part in arc(leg.start, leg.end, middle=view.middle):
            points = project(part[:, 0], part[:, 1])
            ways.append(points)
            ax.plot(
                points[:, 0],
                points[:, 1],
                color=theme.blue,
                linewidth=_THIN_PT + (_THICK_PT - _THIN_PT) * min(share, 1.0),
                linestyle=_DASHES if leg.skipped else "solid",
                solid_capstyle="round",
                alpha=0.8,
                zorder=2,
                label="leg",
            )
    return ways


def _draw_places(
    ax: "Axes", placed: "list[Stop]", legs: "list[Points]", view: View, theme: Theme, *, map_in: float
) -> None:
    """Mark each place once, with the TTLs of all its hops."""
    places: dict[Place, list[Stop]] = {}
    for stop in placed:
        if stop.place is not None:
            places.setdefault(stop.place, []).append(stop)
    spots = {place: view.spot(place) for place in places}
    for place, stops in places.items():
        kinds = [stop.kind for stop in stops]
        kind = next((one for one in ("target", "source") if one in kinds), "router")
        wrong = any(stop.too_fast for stop in stops)
        ax.plot(
            *([part] for part in spots[place]),
            marker="X" if wrong else _MARKERS[kind],
            markersize=8.5 if wrong else 6.5,
            color=VERMILLION if wrong else theme.ink,
            markeredgecolor=theme.background,
            markeredgewidth=0.8,
            linestyle="",
            zorder=4,
            label=kind,
        )
    scale = map_in / (view.right - view.left)
    groups: dict[tuple[float, float], list[Stop]] = {}
    for place, stops in places.items():
        x, y = spots[place]
        beside = (spot for spot in groups if np.hypot(spot[0] - x, spot[1] - y) * scale < _ONE_MARK_IN)
        groups.setdefault(next(beside, (x, y)), []).extend(stops)
    words = [_ttls_words(stop.ttl for stop in stops) for stops in groups.values()]
    bounds = (view.left, view.bottom, view.right, view.top)
    place_labels(ax, list(groups), words, theme, inches=scale, bounds=bounds, ways=legs)


def _ttls_words(ttls: "Iterable[int]") -> str:
    """Write TTLs in short: ``1-3, 5``; 0 is the source."""
    rows: list[list[int]] = []
    for ttl in sorted(set(ttls)):
        if rows and ttl == rows[-1][-1] + 1 and rows[-1][0] > 0:
            rows[-1].append(ttl)
        else:
            rows.append([ttl])
    parts = [str(row[0]) if len(row) == 1 else f"{row[0]}–{row[-1]}" for row in rows]
    if len(parts) > _MOST_PARTS:
        parts = [*parts[: _MOST_PARTS - 1], "…", parts[-1]]
    return ", ".join("source" if part == "0" else part for part in parts)


def _lines(stops: "tuple[Stop, ...]") -> list[tuple[str, str, str]]:
    """List all hops: TTL, responder, RTT; then those without a place."""
    here = [stop for stop in stops if stop.place is not None and stop.kind != "source"]
    nowhere = [stop for stop in stops if stop.place is None]
    lines = [(str(stop.ttl), stop.addr or "*", _rtt(stop)) for stop in here]
    if not nowhere:
        return lines
    lines += ([("", "", "")] if lines else []) + [("", "no position", "")]
    for ttl, same in groupby(nowhere, key=lambda stop: stop.ttl):
        several = list(same)
        silent = [stop for stop in several if stop.addr is None and stop.kind != "source"]
        lines += [("", "source", "")] if any(stop.kind == "source" for stop in several) else []
        lines += [(str(ttl), stop.addr or "", _rtt(stop)) for stop in several if stop.addr]
        lines += [(str(ttl), "*", "")] if silent else []
    return lines


def _rtt(stop: Stop) -> str:
    words = "" if stop.rtt_p50_ms is None else f"{stop.rtt_p50_ms:.1f} ms"
    return f"{words} ×" if stop.too_fast else words


def _draw_list(
    ax: "Axes", lines: list[tuple[str, str, str]], theme: Theme, *, at: float, size: float
) -> None:
    points = max(SMALL_PT * size, _LEAST_PT)
    room = int((ax.bbox.height / ax.figure.dpi - 0.2) / (_LINE_IN * size))
    shown = lines if len(lines) <= max(room, _HEADS) else lines[: max(room, _HEADS) - 1]
    if len(shown) < len(lines):
        hops = sum(bool(ttl) for ttl, _, _ in lines[len(shown) :])
        shown = [*shown, ("", f"and {counted(hops, 'hop')} more", "")]
    style: dict[str, Any] = {
        "xycoords": ("axes fraction", "axes fraction"),
        "textcoords": "offset points",
        "fontsize": points,
        "va": "top",
        "annotation_clip": False,
    }
    heading = ("", f"{PROBES.label('ttl')}, {PROBES.column('addr').label.lower()}", "")
    for row, (ttl, addr, rtt) in enumerate([heading, *shown]):
        down = -row * _LINE_IN * size * 72
        head = not ttl and addr in {heading[1], "no position"}
        for words, x, align in ((ttl, 18, "right"), (addr, 24 if ttl else 0, "left"), (rtt, 24 + 92, "left")):
            if words:
                ax.annotate(
                    words,
                    (at, 1.0),
                    xytext=(x * size, down),
                    ha=align,
                    color=theme.muted if head or words == rtt else theme.ink,
                    fontweight="bold" if head else "normal",
                    **style,
                )


def _keys(ground: Ground, theme: Theme) -> list[Line2D]:
    kinds = {stop.kind for stop in ground.stops if stop.place is not None}
    style: dict[str, Any] = {"linestyle": "", "color": theme.ink, "markersize": 6}
    keys = [
        Line2D([], [], marker=mark, label=kind, **style) for kind, mark in _MARKERS.items() if kind in kinds
    ]
    if any(stop.too_fast for stop in ground.stops):
        style |= {"color": VERMILLION, "markersize": 7}
        keys.append(Line2D([], [], marker="X", label="× answered faster than light", **style))
    if any(leg.skipped for leg in ground.legs):
        line: dict[str, Any] = {"color": theme.blue, "linewidth": 1.6, "linestyle": _DASHES}
        keys.append(Line2D([], [], label="hops without a position between", **line))
    return keys


def _title(ground: Ground) -> str:
    hops = [stop for stop in ground.stops if stop.kind not in {"source", "silent"}]
    known = sum(stop.place is not None for stop in hops)
    words = f"{known:,} of {counted(len(hops), 'responder')} have a position"
    return f"{words}; {counted(ground.flows, 'flow')}" if ground.flows > 1 else words
