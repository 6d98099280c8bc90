"""Colours for light and dark pages, and figures that no global state knows of.

Hues are those of Okabe and Ito, told apart in every common colour blindness; of the eight only four
have a contrast of 3:1 on white and on near-black: blue, green, vermillion and purple. The scale is
viridis without the end that would vanish in the background. Colour never stands alone: shapes,
dashes, signs or numbers say the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.transforms import offset_copy

from trippy_nb.model import settings_now
from trippy_nb.plots.layout import PNG_LEVEL, BarBox, OneAxesLayout, write_png

if TYPE_CHECKING:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colorbar import Colorbar

BLUE, GREEN, VERMILLION, PURPLE = "#0072B2", "#009E73", "#D55E00", "#CC79A7"
DPI = 150
TEXT_PT = 8.5
SMALL_PT = 7.5
WIDTH_IN = 8.4
"""Of pictures over time, and of rows: what a page takes."""

MANY = 5_000
"""More marks than that are drawn as pixels in vector files too, which would be slow to open."""

_STEPS = 256
_PAD_IN = 0.12
_MARKERS, _HATCHES = ("o", "s", "^", "D", "v"), ("", "////", "....", "xxxx", "----")
_LETTERS_AN_INCH = 13  # of DejaVu Sans at TEXT_PT + 0.5


@dataclass(frozen=True, slots=True)
class Look:
    """How one of several things looks: never by its colour alone."""

    colour: str
    marker: str
    hatch: str


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of one kind of page."""

    name: str
    background: str
    ink: str
    """Text and outlines."""
    muted: str
    """Edges, ticks, second lines."""
    faint: str
    """Grid."""
    blue: str
    scale_from: float
    scale_to: float
    """Part of viridis that stands out from the background."""

    @property
    def scale(self) -> Colormap:
        """Colours from small to large."""
        part = [self.scale_from + (self.scale_to - self.scale_from) * i / (_STEPS - 1) for i in range(_STEPS)]
        return LinearSegmentedColormap.from_list(
            f"trippy_nb_{self.name}", colormaps["viridis"](part), N=_STEPS
        )

    def look(self, number: int) -> Look:
        """Tell things apart: 20 different looks, then again from the first."""
        hues = (self.blue, VERMILLION, GREEN, PURPLE)
        # Four hues and five shapes: they come back together only after twenty.
        return Look(hues[number % 4], _MARKERS[number % 5], _HATCHES[(number // 4) % 5])


LIGHT = Theme("light", "#ffffff", "#1a1a1a", "#666666", "#e4e4e4", BLUE, 0.0, 0.80)
DARK = Theme("dark", "#111111", "#eeeeee", "#a8a8a8", "#333333", "#3A9BDC", 0.25, 1.0)


def new_axes(width_in: float, height_in: float, *, theme: Theme | None = None) -> Axes:
    """Make an Axes in a Figure of its own, unknown to pyplot.

    Parameters
    ----------
    width_in, height_in
        Size of the figure, inches; what does not fit is not cut off when it is saved.
    theme
        The session's, if none is given.
    """
    theme = theme or (DARK if settings_now().theme == DARK.name else LIGHT)
    size = (width_in, height_in)
    figure = Figure(figsize=size, dpi=DPI, layout=OneAxesLayout(), facecolor=theme.background)
    FigureCanvasAgg(figure)  # which measures and draws with one renderer: texts are laid out once
    return figure.add_subplot(facecolor=theme.background, axes_class=CellAxes)


def rows_axes(count: int, row_in: float, *, within_in: tuple[float, float], around_in: float) -> Axes:
    """Make Axes as high as so many rows take, within limits, and what stands above and below them."""
    least_in, most_in = within_in
    return new_axes(WIDTH_IN, min(max(count * row_in, least_in), most_in) + around_in)


class CellAxes(Axes):
    """Axes that a notebook shows when a cell ends with them, although pyplot does not know their figure."""

    def _repr_png_(self) -> bytes:
        out = BytesIO()
        save_figure(self, out)
        return out.getvalue()


def theme_of(ax: Axes) -> Theme:
    """Tell from the luminance of the background of an Axes which theme it needs."""
    red, green, blue = to_rgb(ax.get_facecolor())
    return LIGHT if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.5 else DARK  # noqa: PLR2004 - the middle


def dress(ax: Axes, theme: Theme) -> None:
    """Give the frame, ticks and labels of an Axes the theme's colours."""
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(theme.muted)
    ax.tick_params(colors=theme.muted, labelcolor=theme.ink, labelsize=TEXT_PT)
    for label in (ax.xaxis.label, ax.yaxis.label, ax.title):
        label.set_color(theme.ink)
        label.set_fontsize(TEXT_PT + 1)


def dress_bar(
    ax: Axes,
    scale: "ScalarMappable",
    theme: Theme,
    label: str,
    *,
    share: float = 1.0,
    **style: Any,  # noqa: ANN401 - as matplotlib takes them
) -> "Colorbar":
    """Put a colour bar beside an Axes: as thick in every picture, never longer than it takes to read it.

    Parameters
    ----------
    ax, scale, theme, label
        What it explains, with which colours, and what they say.
    share
        How long it is, of the height of a low picture.
    **style
        As ``Figure.colorbar`` takes it.
    """
    bar = ax.figure.colorbar(scale, ax=ax, pad=0.015, **style)
    BarBox(bar.ax, share)
    bar.set_label(label, color=theme.ink, size=TEXT_PT)
    bar.ax.tick_params(colors=theme.muted, labelcolor=theme.ink, labelsize=SMALL_PT, length=2.5)
    bar.outline.set_edgecolor(theme.muted)
    return bar


def save_figure(ax: Axes, target: str | Path | BytesIO) -> None:
    """Write the figure of an Axes, nothing cut off.

    Parameters
    ----------
    ax
        Any that is in it. It keeps its size in inches, as `new_axes` made it; a png has 150 dots an inch.
    target
        A file (png, svg or pdf by its suffix), or a buffer (png).
    """
    figure = ax.get_figure(root=True)
    assert figure is not None  # an Axes that was drawn on has a figure
    is_png = isinstance(target, BytesIO) or str(target).lower().endswith(".png")
    if is_png and write_png(figure, target, dpi=DPI, pad_in=_PAD_IN):
        return
    figure.savefig(
        target,
        dpi=DPI,
        bbox_inches="tight",
        pad_inches=_PAD_IN,
        facecolor=figure.get_facecolor(),
        pil_kwargs=PNG_LEVEL if is_png else None,
    )


def set_title(
    ax: Axes, theme: Theme, words: str, *, above_in: float = 0.0, across_in: float | None = None
) -> None:
    """Write a sentence above a picture and what stands on top of it, in as many lines as it takes.

    Parameters
    ----------
    ax, theme, words
        Where, how and what.
    above_in
        Room to leave above the picture, inches.
    across_in
        How long a line may be, inches; by default, as wide as the Axes are before they are laid out.
    """
    width = width_in(ax) if across_in is None else across_in
    text = fill(words, width=max(int(width * _LETTERS_AN_INCH), 30))
    pad = 6.0 + above_in * 72
    ax.set_title(text, loc="left", fontsize=TEXT_PT + 0.5, color=theme.ink, pad=pad, parse_math=False)


def add_legend(ax: Axes, handles: Sequence[Any], theme: Theme, *, below_in: float = 0.44) -> None:
    """Put a legend below the label of the lower axis, in as many columns as there is room for."""
    figure = ax.get_figure(root=True)
    if not handles or figure is None:
        return
    widest = max(len(str(handle.get_label())) for handle in handles) + 6
    columns = max(1, min(len(handles), int(width_in(ax) * _LETTERS_AN_INCH / widest)))
    ax.legend(
        handles=list(handles),
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        bbox_transform=offset_copy(ax.transAxes, fig=figure, y=-below_in, units="inches"),
        borderaxespad=0.0,
        ncols=columns,
        frameon=False,
        fontsize=SMALL_PT,
        labelcolor=theme.ink,
        columnspacing=1.4,
        handletextpad=0.6,
    )


def counted(number: int, word: str) -> str:
    """Write a number with its noun: ``1 probe``, ``2,000 probes``."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def say_empty(ax: Axes, theme: Theme, words: str) -> None:
    """Say in the middle of a picture that there is nothing to see."""
    ax.text(0.5, 0.5, words, transform=ax.transAxes, ha="center", va="center", color=theme.muted)


def width_of(ax: Axes, words: str) -> float:
    """Estimate how wide words at `SMALL_PT` are, with a gap after them: a share of the picture's width."""
    return (len(words) + 2) / _LETTERS_AN_INCH / max(width_in(ax), 1.0)


def width_in(ax: Axes) -> float:
    """Return the width of an Axes, in inches."""
    figure = ax.get_figure(root=True)
    return ax.bbox.width / figure.dpi if figure is not None else 0.0


def height_in(ax: Axes) -> float:
    """Return the height of an Axes, in inches."""
    figure = ax.get_figure(root=True)
    return ax.bbox.height / figure.dpi if figure is not None else 0.0
