"""Room around one Axes and its colour bar, measured once; and the PNG of what was laid out.

matplotlib's constrained layout measures every text twice, and a tight PNG measures and draws all once more:
most of the time that a picture takes. What is not as the pictures here are is left to matplotlib.
"""

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.image import imsave
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.transforms import Bbox

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axes._base import _AxesBase
    from matplotlib.backend_bases import RendererBase
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.figure import Figure, SubFigure
    from numpy.typing import NDArray

_AIR_IN = 3 / 72  # as constrained layout leaves it
_LEAST_IN = 0.2  # of an Axes
PNG_LEVEL = {"compress_level": 3}  # of 9; pictures are flat, and more takes longer than it saves

Sides = tuple[float, float, float, float]
"""Left, bottom, right, top."""


class BarBox:
    """Where a colour bar stands: as thick in every picture, and no longer than a hand is wide.

    In the middle of a low picture, at the top of a high one. It holds in other people's figures, too.

    Parameters
    ----------
    bar
        The Axes of the bar.
    share
        How long it is, of the height of what it explains, up to `MOST_IN`.
    """

    THICK_IN, MOST_IN = 0.14, 3.0

    def __init__(self, bar: "Axes", share: float) -> None:
        given = bar.get_axes_locator()
        assert given is not None  # a colour bar has one
        self._given = given
        self._share = share
        self.get_subplotspec = bar.get_subplotspec  # which matplotlib's tight layout asks for
        bar.set_box_aspect(None)
        bar.set_axes_locator(self)

    def reach_in(self, height_in: float) -> tuple[float, float]:
        """Return how long a bar is beside a picture this high, and how far below its top."""
        long = min(height_in * self._share, self.MOST_IN)
        return long, max(min(height_in, self.MOST_IN) - long, 0.0) / 2

    def __call__(self, ax: "_AxesBase", renderer: "RendererBase") -> Bbox:
        """Return its place within what it was given, as a share of the figure."""
        box = self._given(ax, renderer)
        wide_in, high_in = _size_in(ax.figure)
        long, below = self.reach_in(box.height * high_in)
        thick = min(self.THICK_IN / wide_in, box.width)
        return Bbox.from_extents(
            box.x0, box.y1 - (below + long) / high_in, box.x0 + thick, box.y1 - below / high_in
        )


class OneAxesLayout(ConstrainedLayoutEngine):
    """Constrained layout, quicker where there is one Axes, with or without a colour bar to its right."""

    def __init__(self) -> None:
        super().__init__()
        self._is_at_rest = False

    def execute(self, fig: "Figure") -> Any:  # noqa: ANN401 - as it is in matplotlib
        """Lay out, unless `draw_once` did so already."""
        if self._is_at_rest:
            return None
        parts = _parts_of(fig)
        if parts is None or not isinstance(fig.canvas, FigureCanvasAgg):
            return super().execute(fig)
        ax, bar = parts
        renderer = fig.canvas.get_renderer()  # type: ignore[no-untyped-call]  # matplotlib's stubs lack it
        before = _ticks_of(ax)
        is_placed = _place(fig, ax, bar, renderer)
        if is_placed and _ticks_of(ax) != before:  # other numbers, of other lengths
            is_placed = _place(fig, ax, bar, renderer)
        return None if is_placed else super().execute(fig)

    def draw_once(self, fig: "Figure", canvas: FigureCanvasAgg) -> "NDArray[np.uint8]":
        """Lay out, draw, and return the pixels."""
        self.execute(fig)
        self._is_at_rest = True
        try:
            canvas.draw()  # type: ignore[no-untyped-call]  # matplotlib's stubs lack it
        finally:
            self._is_at_rest = False
        return np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]  # matplotlib's stubs lack it


def write_png(fig: "Figure", target: str | Path | BytesIO, *, dpi: float, pad_in: float) -> bool:
    """Write a figure as a PNG and nothing around it; False if that cuts something off, or is not for it."""
    engine, canvas = fig.get_layout_engine(), fig.canvas
    if not isinstance(engine, OneAxesLayout) or not isinstance(canvas, FigureCanvasAgg) or fig.dpi != dpi:
        return False
    pixels = engine.draw_once(fig, canvas)
    ground = (np.array(to_rgba(fig.get_facecolor())) * 255).round().astype(np.uint8)
    words = np.ascontiguousarray(pixels).view(np.uint32)[:, :, 0]
    drawn = words != ground.view(np.uint32)[0]
    if ground[3] != 255 or drawn[[0, -1]].any() or drawn[:, [0, -1]].any():  # noqa: PLR2004 - not opaque
        return False
    top, bottom, left, right = _extent(drawn, fig)
    pad = round(pad_in * dpi)
    high, wide = bottom - top + 2 * pad, right - left + 2 * pad
    whole = np.empty((high, wide, 4), dtype=np.uint8)
    whole[:] = ground
    whole[pad : high - pad, pad : wide - pad] = pixels[top:bottom, left:right]
    # The bare memory, as matplotlib's own canvas hands it over: an array would be looked at for colours.
    imsave(target, whole.data, dpi=dpi, format="png", origin="upper", pil_kwargs=PNG_LEVEL)
    return True


def _extent(drawn: "NDArray[np.bool_]", fig: "Figure") -> tuple[int, int, int, int]:
    """Return the first and the last row and column with something drawn, or of an Axes."""
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    height, width = drawn.shape
    boxes = [ax.bbox for ax in fig.axes]
    top = min([*rows[:1], *(int(height - box.y1) for box in boxes)])
    bottom = max([*(rows[-1:] + 1), *(int(np.ceil(height - box.y0)) for box in boxes)])
    left = min([*columns[:1], *(int(box.x0) for box in boxes)])
    right = max([*(columns[-1:] + 1), *(int(np.ceil(box.x1)) for box in boxes)])
    return max(top, 0), min(bottom, height), max(left, 0), min(right, width)


def _parts_of(fig: "Figure") -> "tuple[Axes, Axes | None] | None":
    """Return the Axes, and its colour bar; None if there is more, or if a place was given by hand."""
    bars = [ax for ax in fig.axes if getattr(ax, "_colorbar_info", None) is not None]
    mains = [ax for ax in fig.axes if ax not in bars]
    if len(mains) != 1 or len(bars) > 1 or fig.subfigs or fig.get_suptitle() or fig.legends:
        return None
    if not all(ax.get_in_layout() for ax in fig.axes) or mains[0].get_subplotspec() is None:
        return None
    if bars and _told(bars[0])["location"] != "right":
        return None
    return mains[0], bars[0] if bars else None


def _told(bar: "Axes") -> dict[str, Any]:
    told: dict[str, Any] = getattr(bar, "_colorbar_info")  # noqa: B009 - matplotlib has no public name for it
    return told


def _size_in(fig: "Figure | SubFigure") -> tuple[float, float]:
    return fig.bbox.width / fig.dpi, fig.bbox.height / fig.dpi


def _ticks_of(ax: "Axes") -> tuple[list[float], ...]:
    return tuple(np.asarray(axis.get_majorticklocs()).tolist() for axis in (ax.xaxis, ax.yaxis))


def _place(fig: "Figure", ax: "Axes", bar: "Axes | None", renderer: "RendererAgg") -> bool:
    """Give Axes and bar all of the figure that what stands around them leaves; False if that is nothing."""
    air = _AIR_IN * fig.dpi
    left, low, right, top = _around(
        ax, ax.get_position(original=True).transformed(fig.transSubfigure), renderer
    )
    height = fig.bbox.height - low - top - 2 * air
    thick, beside, gap = 0.0, 0.0, 0.0
    if bar is not None:
        gap = _told(bar)["pad"]
        _, bar_low, beside, bar_top = _around(bar, None, renderer)
        # Its label may be longer than the bar, and than the Axes.
        _, long, below = _bar_size(bar, height)
        more = (max(bar_low - low - (height - long - below), 0.0), max(bar_top - top - below, 0.0))
        low += more[0]
        height -= sum(more)
        thick = _bar_size(bar, height)[0]
    width = (fig.bbox.width - left - right - 2 * air - thick - beside) / (1 + gap)
    if min(width, height) < _LEAST_IN * fig.dpi:
        return False
    _put(fig, ax, (left + air, low + air, width, height))
    if bar is not None:
        if _box_of(bar) is None:
            _, long, below = _bar_size(bar, height)
        else:
            long, below = height, 0.0  # of which it takes its part itself
        x = left + air + width * (1 + gap) + right
        _put(fig, bar, (x, low + air + height - below - long, thick, long))
    return True


def _box_of(bar: "Axes") -> BarBox | None:
    box = bar.get_axes_locator()
    return box if isinstance(box, BarBox) else None


def _bar_size(bar: "Axes", height: float) -> tuple[float, float, float]:
    """Return how thick and long a bar is beside Axes of this height, and how far below their top; pixels."""
    box, dpi = _box_of(bar), bar.figure.dpi
    if box is not None:
        long, below = (inches * dpi for inches in box.reach_in(height / dpi))
        return box.THICK_IN * dpi, long, below
    told = _told(bar)
    long = height * told["shrink"]
    return long / told["aspect"], long, (height - long) / 2


def _around(ax: "Axes", place: "Bbox | None", renderer: "RendererAgg") -> Sides:
    """Return how far things reach out of an Axes."""
    # The label of a bar may be longer than the figure is high, which for layout only would not count.
    tight = ax.get_tightbbox(renderer, for_layout_only=place is not None)
    place = ax.bbox if place is None else place
    if tight is None:
        return 0.0, 0.0, 0.0, 0.0
    return (
        max(place.x0 - tight.x0, 0.0),
        max(place.y0 - tight.y0, 0.0),
        max(tight.x1 - place.x1, 0.0),
        max(tight.y1 - place.y1, 0.0),
    )


def _put(fig: "Figure", ax: "Axes", box: Sides) -> None:
    """Place an Axes, in pixels: left, bottom, width, height."""
    wide, high = fig.bbox.width, fig.bbox.height
    ax.set_position((box[0] / wide, box[1] / high, box[2] / wide, box[3] / high))
    ax.set_in_layout(True)  # which a place takes away
