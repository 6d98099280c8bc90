"""The layout of one Axes, and the PNG that is written of it."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgb
from matplotlib.figure import Figure
from PIL import Image

from tests.analysis.handmade import a, rounds, tables
from tests.plots.drawing import drawn
from trippy_nb.analysis import hop_graph, loss_raster
from trippy_nb.frames import handles_frame
from trippy_nb.plots import (
    DARK,
    LIGHT,
    Theme,
    new_axes,
    plot_graph,
    plot_handles,
    plot_loss,
    save_figure,
)
from trippy_nb.plots.layout import BarBox, write_png
from trippy_nb.plots.theme import dress_bar

DPI, PAD = 150, 18


def pixels_of(ax: object) -> np.ndarray:
    out = BytesIO()
    save_figure(ax, out)  # type: ignore[arg-type]  # an Axes, whose stubs are not exact
    with Image.open(out) as image:
        image.load()
        assert round(image.info["dpi"][0]) == DPI
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_around_what_is_drawn_there_is_a_margin_of_the_page_and_nothing_is_lost(theme: Theme):
    ax = new_axes(3, 2, theme=theme)
    ax.set_ylabel("a label")
    pixels = pixels_of(ax)
    ground = [round(255 * part) for part in to_rgb(theme.background)]
    drawn_on = (pixels != ground).any(axis=2)
    assert not drawn_on[:PAD].any()
    assert not drawn_on[:, -PAD:].any()
    assert drawn_on[:, PAD].any()  # the label begins there
    assert (~drawn_on).mean() > 0.9


def test_a_title_longer_than_the_figure_is_in_the_picture_all_the_same():
    ax = new_axes(3, 2, theme=LIGHT)
    plain = pixels_of(ax)
    ax.set_title("no line is broken in a title of one's own", loc="left")
    wide = pixels_of(ax)
    assert plain.shape[1] <= 3 * DPI + 2 * PAD < wide.shape[1]
    assert (wide[:, PAD:-PAD] != 255).any(axis=(0, 2))[-PAD:].any()


def test_other_figures_are_left_to_matplotlib():
    figure = Figure(dpi=DPI)
    FigureCanvasAgg(figure)
    figure.add_subplot()
    assert not write_png(figure, BytesIO(), dpi=DPI, pad_in=0.12)
    two = new_axes(4, 3)
    figure = two.get_figure(root=True)  # type: ignore[assignment]  # a figure of its own
    figure.add_subplot(1, 2, 2)
    save_figure(two, BytesIO())  # constrained layout, which knows of several Axes
    assert two.get_position().x1 > 0.5


def test_all_of_the_figure_is_used_and_a_second_look_changes_nothing():
    ax = new_axes(5, 3)
    ax.set_ylabel("a label")
    figure = drawn(ax).get_figure(root=True)
    assert figure is not None
    bar = figure.colorbar(ax.imshow([[0.0, 100.0]], aspect="auto"), ax=ax)
    bar.set_label("what it is")
    places = np.array([one.get_position().bounds for one in drawn(ax).figure.axes])
    tight = figure.get_tightbbox()
    assert tight.x0 > 0
    assert tight.x1 < 5
    assert tight.width > 4.8
    again = np.array([one.get_position().bounds for one in drawn(ax).figure.axes])
    np.testing.assert_allclose(places, again, atol=0.01)


def barred(width_in: float, height_in: float, **options: Any) -> tuple[Axes, Axes]:
    """Axes of a figure this large, and their bar; both are laid out."""
    ax = new_axes(width_in, height_in)
    bar = dress_bar(ax, ScalarMappable(Normalize(0, 5)), LIGHT, "what it is", **options)
    return drawn(ax), bar.ax


@pytest.mark.parametrize("height_in", [1.5, 4, 12, 60])
@pytest.mark.parametrize("share", [0.7, 1.0])
def test_a_colour_bar_is_as_thick_in_every_picture_and_never_long(height_in: float, share: float):
    ax, bar = barred(6, height_in, share=share)
    box, whole = (one.get_window_extent() for one in (bar, ax))
    assert box.width / DPI == pytest.approx(BarBox.THICK_IN)
    assert box.height / DPI == pytest.approx(min(share * whole.height / DPI, BarBox.MOST_IN))
    assert whole.y0 - 1 <= box.y0 < box.y1 <= whole.y1 + 1
    assert box.x0 > whole.x1
    tight = ax.figure.get_tightbbox()
    assert tight.x1 < 6  # nothing of it is cut off
    assert tight.y1 <= height_in


def test_in_the_figure_of_somebody_else_a_bar_is_no_thicker():
    figure = Figure(figsize=(8, 40), dpi=DPI)
    FigureCanvasAgg(figure)
    ax, _ = figure.subplots(2, 1)
    bar = dress_bar(ax, ScalarMappable(Normalize(0, 5)), LIGHT, "what it is").ax
    figure.tight_layout()
    drawn(ax)
    box = bar.get_window_extent()
    assert box.width / DPI == pytest.approx(BarBox.THICK_IN)
    assert box.height / DPI == pytest.approx(BarBox.MOST_IN)


@pytest.mark.parametrize("count", [30, 200])
def test_of_many_hops_the_bar_is_thinner_than_the_picture(count: int):
    made = tables(rounds([a(n) for n in range(count)]))
    for picture in (plot_loss(loss_raster(made)), plot_graph(hop_graph(made))):
        main, bar = drawn(picture).figure.axes
        assert bar.get_window_extent().width < main.get_window_extent().width / 8


def test_an_empty_picture_of_handles_has_an_axis_without_an_offset():
    ax = drawn(plot_handles(handles_frame([])))
    assert ax.xaxis.get_offset_text().get_text() == ""
