"""Loss by hop and time: what was answered, partly, not at all, and what was never asked."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap, to_hex
from matplotlib.patches import Patch

from trippy_nb.analysis.raster import LossRaster
from trippy_nb.frames.schema import HOPS
from trippy_nb.plots.hopaxis import dress_hops
from trippy_nb.plots.theme import (
    LIGHT,
    Theme,
    add_legend,
    dress,
    dress_bar,
    rows_axes,
    say_empty,
    set_title,
    theme_of,
)
from trippy_nb.plots.timeaxis import across, dress_time

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_ROW_IN = 0.26
_EDGES = (0.0, 1e-9, 0.1, 0.25, 0.5, 0.75, 1 - 1e-9, 1.0)
_TICKS = {0.0: "0 %", 0.1: "10 %", 0.25: "25 %", 0.5: "50 %", 0.75: "75 %", 1.0: "100 %"}
_SILENT_HATCH, _BLANK_HATCH = "....", "////"


def plot_loss(raster: LossRaster, *, ax: "Axes | None" = None) -> "Axes":
    """Draw what nobody answered, by hop and time.

    Parameters
    ----------
    raster
        As `analysis.loss_raster` makes it.
    ax
        Where to draw; its background decides between light and dark.

    Returns
    -------
    ax
        A cell for each hop and stretch of time. The scale has steps: all answered, five shares between, and
        nobody answered, which is the strongest. Dotted: a hop that never answered at all, which is silence
        and no loss. Hatched: not probed.
    """
    if ax is None:
        ax = rows_axes(len(raster.ttls), _ROW_IN, within_in=(1.1, 11.0), around_in=1.3)
    theme = theme_of(ax)
    x = across(raster.edges, timed=raster.is_timed)
    rows = np.arange(len(raster.ttls) + 1, dtype=np.float64) - 0.5
    dress(ax, theme)
    dress_time(ax, theme, x, timed=raster.is_timed, air=0.0)
    if len(x):
        _draw_cells(ax, raster, x, rows, theme)
    else:
        say_empty(ax, theme, "no probes")
    _dress_rows(ax, raster, theme)
    add_legend(ax, _handles(raster, theme), theme, below_in=0.52)
    if raster.rounds_each > 1:
        set_title(ax, theme, f"Each cell: the probes of {raster.rounds_each:,} rounds, fewer at an end")
    return ax


def colours(theme: Theme) -> list[str]:
    """Return the steps of the scale: all answered, five shares, nobody; each further from the page."""
    # Both run from near the page's lightness to far from it, so that they are told apart in grey.
    if theme.name == LIGHT.name:
        part = [to_hex(colormaps["YlOrBr"](at)) for at in (0.30, 0.48, 0.62, 0.76, 0.90)]
        return ["#eef2f5", *part, "#1a1a1a"]
    part = [to_hex(colormaps["inferno"](at)) for at in (0.40, 0.52, 0.64, 0.76, 0.88)]
    return ["#26313a", *part, "#ffffff"]


def _never(raster: LossRaster) -> "NDArray[np.bool_]":
    never: NDArray[np.bool_] = (raster.sent > 0).any(axis=1) & (raster.unanswered == raster.sent).all(axis=1)
    return never


def _draw_cells(
    ax: "Axes", raster: LossRaster, x: "NDArray[np.float64]", rows: "NDArray[np.float64]", theme: Theme
) -> None:
    ratio, never = raster.ratio, _never(raster)
    ax.patch.set_hatch(_BLANK_HATCH)
    ax.patch.set_edgecolor(theme.faint)
    scale = ListedColormap(colours(theme))
    norm = BoundaryNorm(_EDGES, scale.N, clip=True)
    shown = np.ma.masked_where(np.isnan(ratio) | never[:, np.newaxis], ratio)
    many = ratio.size > 2_000  # noqa: PLR2004 - thinner lines between more cells
    ax.pcolormesh(
        x,
        rows,
        shown,
        cmap=scale,
        norm=norm,
        edgecolors="none" if many else theme.background,
        linewidth=0.0 if many else 0.5,
        rasterized=many,
        zorder=2,
        label="cells",
    )
    silent = np.where(never[:, np.newaxis] & ~np.isnan(ratio), 1.0, np.nan)
    if never.any():
        ax.pcolor(
            x,
            rows,
            np.ma.masked_invalid(silent),
            cmap=ListedColormap([theme.background]),
            hatch=_SILENT_HATCH,
            edgecolor=theme.muted,
            linewidth=0.0,
            zorder=2,
            label="never answered",
        )
    _add_bar(ax, ScalarMappable(norm, scale), theme)


def _add_bar(ax: "Axes", scale: ScalarMappable, theme: Theme) -> None:
    bar = dress_bar(ax, scale, theme, HOPS.column("loss_ratio").label, spacing="uniform")
    inner = [edge for edge in _EDGES if edge not in (1e-9, 1 - 1e-9)]
    middles = [0.5e-9, *inner[1:-1], 1 - 0.5e-9]
    bar.set_ticks(middles, labels=["all answered", *(_TICKS[edge] for edge in inner[1:-1]), "none answered"])


def _dress_rows(ax: "Axes", raster: LossRaster, theme: Theme) -> None:
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_ylim(max(len(raster.ttls), 1) - 0.5, -0.5)
    dress_hops(ax, raster.ttls, raster.addrs, theme)


def _handles(raster: LossRaster, theme: Theme) -> list[Patch]:
    style = {"linewidth": 0.5, "facecolor": theme.background}
    handles = []
    if _never(raster).any():
        handles.append(
            Patch(hatch=_SILENT_HATCH, edgecolor=theme.muted, label="never answered: a silent hop", **style)  # type: ignore[arg-type]  # of mixed types
        )
    if (raster.sent == 0).any():
        handles.append(Patch(hatch=_BLANK_HATCH, edgecolor=theme.muted, label="not probed", **style))  # type: ignore[arg-type]  # of mixed types
    return handles
