"""The ways of flows as bands: a column a TTL, a bar a responder, as wide as flows pass it."""

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D
from matplotlib.patches import Patch, PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.patheffects import withStroke

from trippy_nb.analysis.flowbands import FlowBand, FlowBands, FlowNode
from trippy_nb.frames.schema import PROBES
from trippy_nb.plots.flowplaces import (
    BAR_IN,
    BEND_IN,
    LEVEL_IN,
    LINE_IN,
    FlowPlace,
    label_of,
    name_of,
    placed,
    reach_of,
)
from trippy_nb.plots.theme import (
    SMALL_PT,
    Theme,
    add_legend,
    counted,
    dress,
    new_axes,
    say_empty,
    set_title,
    theme_of,
    width_in,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDEST_IN, _TICK_IN = 36.0, 0.2
_LEAST_PT = 4.0
_SEVERAL = 2
_CHANGED_DASHES = (0, (3, 1.6))
_PALE, _FULL = 0.28, 0.62


def plot_flows(flows: FlowBands, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the ways that flows go.

    Parameters
    ----------
    flows
        As `analysis.flow_bands` makes them.
    ax
        Where to draw; its background decides between light and dark.

    Returns
    -------
    ax
        A band for all flows that go the same way, at each TTL as wide as many of them were probed there.
        A bar for each responder; hatched, with a star, where nobody answered. Dashed outline: a flow of the
        band had several responders at one of the TTLs, of which the most frequent is drawn.
    """
    place = placed(flows)
    reach = reach_of(flows, place)
    needed_in = reach[1] - reach[0]
    made = ax is None
    if ax is None:
        ax = new_axes(min(needed_in, _WIDEST_IN) + 0.2, max(reach[3] - reach[2], 0.8) + 1.2)
    theme = theme_of(ax)
    size = min(1.0, (min(needed_in, _WIDEST_IN) if made else width_in(ax)) / needed_in)
    for number, band in enumerate(flows.bands):
        _draw_band(ax, number, band, place, theme)
    for key, node in flows.nodes.items():
        _draw_node(ax, key, node, place, theme, size=size)
    _draw_names(ax, flows, place, theme, size=size)
    _dress(ax, place, reach, theme, every=int(_TICK_IN / (LEVEL_IN + BAR_IN) / size) + 1)
    if not flows.bands:
        say_empty(ax, theme, "no flows")
    add_legend(ax, _keys(flows, theme), theme, below_in=0.48)
    set_title(ax, theme, _title(flows))
    return ax


def _draw_band(ax: "Axes", number: int, band: FlowBand, place: FlowPlace, theme: Theme) -> None:
    colour = theme.look(place.order[number]).colour
    for near, far in pairwise(band.steps):
        x0, top0, low0 = place.band(number, near)
        x1, top1, low1 = place.band(number, far)
        several = max(near.several, far.several) >= _SEVERAL
        path = _ribbon((x0 + BAR_IN, top0, low0), (x1, top1, low1))
        unseen = far.ttl > near.ttl + 1
        ax.add_artist(  # not as a patch, which is measured for limits
            PathPatch(
                path,
                facecolor="none" if unseen else colour,
                edgecolor=theme.ink if several else theme.muted if unseen else theme.background,
                linestyle=_CHANGED_DASHES if several else ":" if unseen else "solid",
                linewidth=0.9 if several or unseen else 0.5,
                alpha=_PALE if near.several == 0 or far.several == 0 else _FULL,
                zorder=1.5 if several else 1,
                label=f"band {number}",
            )
        )


def _ribbon(near: tuple[float, float, float], far: tuple[float, float, float]) -> Path:
    """Leave and arrive level."""
    (x0, top0, low0), (x1, top1, low1) = near, far
    # Behind a long label the columns are far apart; all bends are as steep.
    half = max(x0, x1 - BEND_IN)
    middle = (half + x1) / 2
    return Path(
        [(x0, top0), (half, top0), (middle, top0), (middle, top1), (x1, top1),
         (x1, low1), (middle, low1), (middle, low0), (half, low0), (x0, low0), (x0, top0)],
        [1, 2, 4, 4, 4, 2, 4, 4, 4, 2, 79],
    )  # fmt: skip


def _draw_node(ax: "Axes", key: str, node: FlowNode, place: FlowPlace, theme: Theme, *, size: float) -> None:
    x, y, height = place.box(key, node)
    silent = node.kind == "silent"
    ax.add_patch(
        Rectangle(
            (x, y),
            BAR_IN,
            height,
            facecolor=theme.background if silent else theme.ink,
            edgecolor=theme.muted if silent else theme.ink,
            hatch="////" if silent else None,
            linestyle=(0, (2, 1.3)) if silent else "solid",
            linewidth=0.8,
            zorder=3,
            label=key,
        )
    )
    label = label_of(node)
    if key in place.turned and not silent:
        ax.text(
            x + BAR_IN / 2,
            y + height / 2,
            label,
            rotation=90,
            ha="center",
            va="center",
            rotation_mode="default",
            fontsize=max(SMALL_PT * size, _LEAST_PT),
            color=theme.background,
            zorder=4,
        )
        return
    ax.text(
        x,
        y - 0.03,
        label,
        ha="left",
        va="bottom",
        fontsize=max((SMALL_PT + (2 if silent else 0)) * size, _LEAST_PT),
        color=theme.ink,
        path_effects=[withStroke(linewidth=2.0, foreground=theme.background)],
        zorder=4,
    )


def _draw_names(ax: "Axes", flows: FlowBands, place: FlowPlace, theme: Theme, *, size: float) -> None:
    """Say at the left end of each band that begins at the source which flows it has."""
    first = min(place.x, default=0)
    free_from = -1e9
    beginning = [number for number, band in enumerate(flows.bands) if band.steps[0].ttl == first]
    for number in sorted(beginning, key=place.order.__getitem__):
        x, top, low = place.band(number, flows.bands[number].steps[0])
        y = max((top + low) / 2, free_from)
        free_from = y + LINE_IN
        ax.text(
            x - 0.06,
            y,
            name_of(flows.bands[number]),
            ha="right",
            va="center",
            fontsize=max(SMALL_PT * size, _LEAST_PT),
            color=theme.ink,
        )


def _dress(
    ax: "Axes", place: FlowPlace, reach: tuple[float, float, float, float], theme: Theme, *, every: int
) -> None:
    left, right, top, bottom = reach
    dress(ax, theme)
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, top)
    ttls = sorted(place.x)
    named = (ttls[1:] if len(ttls) > 1 else ttls)[::every]
    ax.set_xticks([place.x[ttl] + BAR_IN / 2 for ttl in named], [str(ttl) for ttl in named])
    ax.set_yticks([])
    ax.set_xlabel(PROBES.label("ttl"))
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _keys(flows: FlowBands, theme: Theme) -> list[Any]:
    steps = [step for band in flows.bands for step in band.steps]
    keys: list[Any] = []
    if any(step.several == 0 for step in steps):
        keys.append(
            Patch(facecolor=theme.background, edgecolor=theme.muted, hatch="////", label="nobody answered")
        )
    if any(step.several >= _SEVERAL for step in steps):
        keys.append(
            Patch(
                facecolor="none",
                edgecolor=theme.ink,
                linestyle=_CHANGED_DASHES,
                label="several responders to one flow: the usual one is drawn",
            )
        )
    gaps = (far.ttl > near.ttl + 1 for band in flows.bands for near, far in pairwise(band.steps))
    if any(gaps):
        keys.append(Line2D([], [], color=theme.muted, linestyle=":", label="not probed between"))
    return keys


def _title(flows: FlowBands) -> str:
    words = f"{counted(flows.flows, 'flow')} on {counted(len(flows.bands), 'way')}"
    if any(step.flows < len(band.flows) for band in flows.bands for step in band.steps):
        words += "; a band is as wide as flows were probed"
    if flows.left_out:
        words += f"; {counted(flows.left_out, 'flow')} more not drawn"
    return words
