"""Colours for light and dark pages, and figures that no global state knows of.

Hues are those of Okabe and Ito, told apart in every common colour blindness; of the eight only four
have a contrast of 3:1 on white and on near-black: blue, green, vermillion and purple. The scale is
viridis without the end that would vanish in the background. Colour never stands alone: shapes,
dashes, signs or numbers say the same.
"""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure

BLUE, GREEN, VERMILLION, PURPLE = "#0072B2", "#009E73", "#D55E00", "#CC79A7"
DPI = 150
TEXT_PT = 8.5
SMALL_PT = 7.5

_STEPS = 256


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


LIGHT = Theme("light", "#ffffff", "#1a1a1a", "#666666", "#e4e4e4", BLUE, 0.0, 0.80)
DARK = Theme("dark", "#111111", "#eeeeee", "#a8a8a8", "#333333", "#3A9BDC", 0.25, 1.0)


def new_axes(width_in: float, height_in: float, *, theme: Theme = LIGHT) -> Axes:
    """Make an Axes in a Figure of its own, unknown to pyplot."""
    figure = Figure(figsize=(width_in, height_in), dpi=DPI, layout="constrained", facecolor=theme.background)
    return figure.add_subplot(facecolor=theme.background, axes_class=CellAxes)


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


def save_figure(ax: Axes, target: str | Path | BytesIO) -> None:
    """Write the figure of an Axes to a file (png, svg or pdf by its suffix) or buffer, nothing cut off."""
    figure = ax.get_figure(root=True)
    assert figure is not None  # an Axes that was drawn on has a figure
    figure.savefig(target, dpi=DPI, bbox_inches="tight", pad_inches=0.12, facecolor=figure.get_facecolor())
