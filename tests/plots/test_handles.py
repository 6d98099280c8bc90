"""The Gantt of handles: a bar each, from opening to closing; what is open, shared or brief is said."""

from __future__ import annotations

import itertools
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import FillBetweenPolyCollection
from matplotlib.colors import to_hex, to_rgb
from PIL import Image

from tests.analysis.test_holdings import connects, held
from trippy_nb.frames import empty_frame, handles_frame
from trippy_nb.frames.schema import HANDLES
from trippy_nb.plots import DARK, LIGHT, Theme, new_axes, plot_handles, save_figure

SEVEN = [
    held(1, 0.0, 0.0004, purpose="finding the source address", run=None),
    held(2, 0.001, 1.0, purpose="sending probes", packets=(1200, 0)),
    held(3, 0.002, 1.0, purpose="receiving ICMP", packets=(0, 1180)),
    held(4, 0.6, 2.0, purpose="sending probes, receiving errors", run="22222222-two", packets=(25, 24)),
    held(5, 0.61, 0.611, purpose="waiting for packets to be stamped", run="22222222-two"),
    held(6, 1.2, None, purpose="lab0", run="33333333-three", kind="device"),
    held(7, 1.3, None, purpose="mtr-packet", run="33333333-three", kind="child"),
]
OPEN = {"lab0", "mtr-packet"}


def bars(ax: Axes) -> dict[str, FillBetweenPolyCollection]:
    """The filled areas, by their purpose."""
    return {str(it.get_label()): it for it in ax.collections if isinstance(it, FillBetweenPolyCollection)}


def corners(bar: FillBetweenPolyCollection) -> np.ndarray:
    """Where its outline turns."""
    (path,) = bar.get_paths()
    return np.asarray(path.vertices, dtype=float)


def box(bar: FillBetweenPolyCollection) -> tuple[float, float, float, float]:
    """Left, right, top and bottom."""
    (left, low), (right, high) = corners(bar).min(axis=0), corners(bar).max(axis=0)
    return left, right, low, high


def colour_of(bar: FillBetweenPolyCollection) -> str:
    return to_hex(tuple(np.asarray(bar.get_facecolor(), dtype=float)[0]))


def bytes_of(colour: str) -> np.ndarray:
    return np.round(np.array(to_rgb(colour)) * 255)


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def pixels(ax: Axes) -> np.ndarray:
    out = BytesIO()
    save_figure(ax, out)
    with Image.open(out) as image:
        return np.asarray(image.convert("RGB")).reshape(-1, 3)


def test_a_bar_reaches_from_opening_to_closing_on_the_row_of_its_purpose():
    ax = plot_handles(handles_frame(SEVEN))
    drawn = bars(ax)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == [page.purpose for page in SEVEN]
    assert {*drawn} == {*names}
    for page, y in zip(SEVEN, ax.get_yticks(), strict=True):
        left, right, top, bottom = box(drawn[page.purpose])
        assert left == pytest.approx((page.opened_at - SEVEN[0].opened_at) / 1e9)
        assert top < y < bottom
        if page.closed_at is not None:
            assert right == pytest.approx((page.closed_at - SEVEN[0].opened_at) / 1e9)
    low, high = ax.get_ylim()
    assert low > high  # downwards, in the order of opening
    assert ax.get_xlabel() == "Time since the first was opened (s)"


def test_what_is_open_runs_to_the_right_of_every_closing_and_says_so():
    ax = plot_handles(handles_frame(SEVEN))
    drawn = bars(ax)
    assert all(box(drawn[purpose])[1] > 2.0 for purpose in OPEN)
    assert texts(ax).count("open") == len(OPEN)
    assert [line.get_marker() for line in ax.lines].count(">") == len(OPEN)
    assert ax.get_title(loc="left") == "7 handles, 2 still open"


def test_colour_tells_the_run_and_hatch_the_kind_and_both_are_told_in_words_too():
    ax = plot_handles(handles_frame(SEVEN))
    drawn = bars(ax)
    colours = {page.run_uuid: colour_of(drawn[page.purpose]) for page in SEVEN}
    assert len({*colours.values()}) == 4
    for page in SEVEN:
        assert colour_of(drawn[page.purpose]) == colours[page.run_uuid]
    hatches = {page.kind: drawn[page.purpose].get_hatch() for page in SEVEN}
    assert len({*hatches.values()}) == 3
    assert not hatches["socket"]
    assert {"of no run", "run 11111111", "run 22222222", "run 33333333"} <= {*texts(ax)}
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == list(HANDLES.column("kind").words)


def test_packets_stand_at_the_height_of_their_bar():
    ax = plot_handles(handles_frame(SEVEN))
    by_row: dict[float, list[str]] = {}
    for text in ax.texts:
        by_row.setdefault(text.get_position()[1], []).append(text.get_text())
    told = [[word for word in by_row[y] if word != "open"] for y in ax.get_yticks()]
    assert told == [[f"{page.sent:,}", f"{page.received:,}"] for page in SEVEN]


@pytest.mark.parametrize(
    ("span_s", "unit"), [(0.0015, "µs"), (0.4, "ms"), (30.0, "s"), (1800.0, "min"), (90_000.0, "h")]
)
def test_the_axis_has_the_unit_of_its_span(span_s: float, unit: str):
    ax = plot_handles(handles_frame([held(1, 0.0, span_s)]))
    assert ax.get_xlabel().endswith(f"({unit})")
    assert 0 < ax.get_xlim()[1] < 2500


def test_a_handle_held_for_no_time_at_all_is_still_seen():
    long, brief = held(1, 0.0, 3600.0), held(2, 5.0, 5.0, run="22222222-two", purpose="brief")
    ax = plot_handles(handles_frame([long, brief]))
    colour = bytes_of(colour_of(bars(ax)["brief"]))
    assert (np.abs(pixels(ax) - colour).max(axis=1) < 40).sum() > 20


def test_a_thousand_handles_share_rows_and_the_picture_says_so():
    ax = plot_handles(
        handles_frame([held(1, 0.0, 130.0, purpose="receiving ICMP"), *connects(1200, first=2)])
    )
    assert "1,201 handles, 0 still open, in 2 rows" in ax.get_title(loc="left")
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["receiving ICMP", "1,200 × connecting from port …\nat most 11 at once"]
    tops = np.round(corners(bars(ax)["connecting from port …"])[:, 1], 6)
    assert len({*tops}) > 5  # as high as many were open


def test_one_of_very_many_is_still_seen_in_their_row():
    alone = held(900, 60.0, 61.0, purpose="connecting from port 7")
    ax = plot_handles(
        handles_frame([*(held(n, 0, 1, purpose=f"connecting from port {n}") for n in range(1, 401)), alone])
    )
    outline = corners(bars(ax)["connecting from port …"])
    inside = outline[outline[:, 0] > 59.0, 1]
    assert inside.max() - inside.min() > 0.1


def test_earlier_runs_share_rows_but_an_open_handle_of_theirs_keeps_its_name():
    pages = [held(n, n, n + 0.5, run=f"{n:08}-run") for n in range(100)]
    pages[7] = held(7, 7, None, run="00000007-run", purpose="forgotten")
    ax = plot_handles(handles_frame(pages))
    assert "70 earlier runs" in texts(ax)
    assert "forgotten (run 00000007)" in [label.get_text() for label in ax.get_yticklabels()]


@pytest.mark.parametrize(
    "pages", [[], SEVEN[:1], SEVEN[5:], connects(300)], ids=["none", "one", "open", "many"]
)
def test_odd_frames_can_be_drawn(pages: list[SimpleNamespace]):
    frame = handles_frame(pages) if pages else empty_frame(HANDLES)
    ax = plot_handles(frame)
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    assert ("no handles" in ax.get_title(loc="left")) == (not pages)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_it_is_drawn_on_the_axes_given_and_in_its_theme(theme: Theme):
    given = new_axes(8, 4, theme=theme)
    ax = plot_handles(handles_frame(SEVEN), ax=given)
    assert ax is given
    assert {text.get_color() for text in ax.texts} <= {theme.ink, theme.muted}
    image = pixels(ax)
    assert image[0].tolist() == [round(part * 255) for part in to_rgb(theme.background)]
    for purpose, bar in bars(ax).items():
        colour = bytes_of(colour_of(bar))
        assert (np.abs(image - colour).max(axis=1) < 60).sum() > 10, purpose


def test_words_do_not_overlap_and_none_is_cut_off():
    ax = plot_handles(handles_frame([*SEVEN, *connects(40, first=8)]))
    figure = ax.get_figure(root=True)
    assert figure is not None
    for _ in range(2):  # constrained layout comes to rest at the second look
        figure.draw_without_rendering()
    words = [text for text in [*ax.texts, *ax.get_yticklabels()] if text.get_text()]
    boxes = [(word.get_text(), word.get_window_extent()) for word in words]
    assert [(a, b) for (a, p), (b, q) in itertools.combinations(boxes, 2) if p.overlaps(q)] == []
    page = figure.bbox.padded(1)
    assert all(page.x0 <= box.x0 and box.x1 <= page.x1 for _, box in boxes)


def test_every_hue_of_a_run_stands_out_from_both_pages():
    from tests.plots.drawing import luminance

    pages = [held(n, n, n + 1, run=f"{n}") for n in range(4)]
    for theme in (LIGHT, DARK):
        drawn = plot_handles(handles_frame(pages), ax=new_axes(6, 4, theme=theme))
        for bar in drawn.collections:
            if isinstance(bar, FillBetweenPolyCollection):
                pair = sorted([luminance(colour_of(bar)), luminance(theme.background)])
                assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 2.8
