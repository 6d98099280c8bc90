"""Ways of flows as bands: what is wide, what is said, and what is never drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgba
from matplotlib.patches import PathPatch, Rectangle

from tests.analysis.handmade import TARGET, Row, a, probe, rounds, shuffled, tables
from tests.plots.drawing import diamond, drawn, keys, overlapping, texts, title
from trippy_nb.analysis import flow_bands
from trippy_nb.frames import PROBES, Tables
from trippy_nb.plots import LIGHT, plot_flows


def bars(ax: Axes) -> dict[str, Rectangle]:
    return {str(patch.get_label()): patch for patch in ax.patches if isinstance(patch, Rectangle)}


def bands(ax: Axes) -> list[PathPatch]:
    return [patch for patch in ax.patches if isinstance(patch, PathPatch)]


def three_flows() -> Tables:
    """Two go one way, one the other, which is silent at hop 2."""
    one, other = [a(1), a(2), a(4), TARGET], [a(1), None, a(4), TARGET]
    return tables([*rounds(one, one), *rounds(one, one, flow=1), *rounds(other, other, flow=2)])


def test_flows_that_go_the_same_way_are_one_band():
    found = flow_bands(three_flows())
    assert [[flow for _, flow in band.flows] for band in found.bands] == [[0, 1], [2]]
    assert [step.node for step in found.bands[1].steps] == [
        "source",
        f"1 {a(1)}",
        f"2 * {a(1)} {a(4)}",
        f"3 {a(4)}",
        f"4 {TARGET}",
    ]
    assert {node.kind for node in found.nodes.values()} == {"source", "router", "silent", "target"}


def test_a_bar_is_as_high_as_flows_pass_it_and_silence_is_hatched_without_a_fill():
    ax = plot_flows(flow_bands(three_flows()))
    heights = {key: bar.get_height() for key, bar in bars(ax).items()}
    assert heights[f"1 {a(1)}"] == pytest.approx(3 * heights[f"2 * {a(1)} {a(4)}"])
    assert heights[f"2 {a(2)}"] == pytest.approx(2 * heights[f"2 * {a(1)} {a(4)}"])
    silent = bars(ax)[f"2 * {a(1)} {a(4)}"]
    assert silent.get_hatch()
    assert to_hex(silent.get_facecolor()) == LIGHT.background
    assert keys(ax) == ["nobody answered"]
    assert {"2 flows: 0, 1", "flow 2"} <= {*texts(ax)}
    assert title(ax) == "3 flows on 2 ways"
    assert ax.get_xlabel() == PROBES.label("ttl")


def test_bands_meet_the_bars_they_lead_to():
    found = flow_bands(three_flows())
    ax = plot_flows(found)
    boxes = bars(ax)
    ends = [
        (np.asarray(band.get_path().vertices)[4], np.asarray(band.get_path().vertices)[5])
        for band in bands(ax)
    ]
    steps = [step for band in found.bands for step in band.steps[1:]]
    for step, (top, low) in zip(steps, ends, strict=True):
        box = boxes[step.node]
        assert top[0] == pytest.approx(box.get_x())
        assert box.get_y() - 1e-6 <= top[1] < low[1] <= box.get_y() + box.get_height() + 1e-6


def test_a_flow_that_had_several_responders_is_dashed_and_the_usual_one_is_drawn():
    made = tables(rounds([a(1), a(2), TARGET], [a(1), a(3), TARGET], [a(1), a(3), TARGET]))
    (band,) = flow_bands(made).bands
    assert [(step.node, step.several) for step in band.steps[1:]] == [
        (f"1 {a(1)}", 1), (f"2 {a(3)}", 2), (f"3 {TARGET}", 1),
    ]  # fmt: skip
    ax = plot_flows(flow_bands(made))
    assert [patch.get_linestyle() in {"solid", "-"} for patch in bands(ax)] == [True, False, False]
    assert keys(ax) == ["several responders to one flow: the usual one is drawn"]


def test_a_flow_that_was_not_probed_everywhere_joins_the_only_way_it_fits():
    ways = [[a(1), a(2), a(4), TARGET], [a(1), a(3), a(4), TARGET]]
    rows: list[Row] = [row for flow, way in enumerate(ways) for row in rounds(way, flow=flow)]
    partial = [probe(0, 2, a(3), flow=2), probe(0, 3, a(4), flow=2)]
    found = flow_bands(tables([*rows, *partial, probe(0, 3, a(4), flow=3)]))
    assert [[flow for _, flow in band.flows] for band in found.bands] == [[0], [1, 2]]
    assert [step.flows for step in found.bands[1].steps] == [1, 1, 2, 2, 1]
    assert found.left_out == 1  # it fits both, and shows no way at all
    assert title(plot_flows(found)) == (
        "3 flows on 2 ways; a band is as wide as flows were probed; 1 flow more not drawn"
    )


def test_of_many_ways_the_commonest_are_kept():
    rows: list[Row] = [
        row for flow in range(9) for row in rounds([a(1), a(10 + flow // 2), TARGET], flow=flow)
    ]
    found = flow_bands(tables(rows), most=4)
    assert ([len(band.flows) for band in found.bands], found.left_out) == ([2, 2, 2, 2], 1)


def test_a_band_over_ttls_that_were_not_probed_is_only_an_outline():
    rows = [probe(0, 1, a(1)), probe(0, 4, TARGET)]
    ax = plot_flows(flow_bands(tables(rows)))
    assert [to_rgba(patch.get_facecolor())[3] > 0 for patch in bands(ax)] == [True, False]
    assert keys(ax) == ["not probed between"]


@pytest.mark.parametrize("width", [1, 3, 8])
def test_labels_of_bands_do_not_overlap_and_stay_within_the_picture(width: int):
    ax = plot_flows(flow_bands(diamond(width)))
    assert overlapping(list(ax.texts), ax) == []
    figure = ax.get_figure(root=True)
    assert figure is not None
    page = figure.bbox.padded(1)
    assert all(
        page.x0 <= text.get_window_extent().x0 < text.get_window_extent().x1 <= page.x1 for text in ax.texts
    )


def test_no_two_bars_of_a_column_overlap():
    ways = [[a(1), a(2 + flow % 4), a(10 + flow % 8), a(30 + flow % 2), TARGET] for flow in range(16)]
    found = flow_bands(tables([row for flow, way in enumerate(ways) for row in rounds(way, flow=flow)]))
    boxes = list(bars(plot_flows(found)).values())
    for one in boxes:
        for two in boxes:
            if one is not two and one.get_x() == two.get_x():
                assert (
                    one.get_y() + one.get_height() < two.get_y()
                    or two.get_y() + two.get_height() < one.get_y()
                )


def test_branches_that_can_be_drawn_without_crossing_are():
    ways = [[a(1), a(2), a(5), TARGET], [a(1), a(3), a(6), TARGET], [a(1), a(2), a(7), TARGET]]
    found = flow_bands(tables([row for flow, way in enumerate(ways) for row in rounds(way, flow=flow)]))
    top = found.layout(1.0).top
    for ttl in range(4):
        order = sorted(range(3), key=lambda band: top[band, ttl])
        assert order in ([0, 2, 1], [1, 2, 0], [2, 0, 1], [1, 0, 2])


@pytest.mark.slow
@given(st.integers(0, 2**16 - 1))
@settings(max_examples=5, deadline=None)
def test_the_same_flows_are_the_same_picture(seed: int):
    made = diamond(3, 5)
    one, two = (plot_flows(flow_bands(it)) for it in (made, shuffled(made, seed)))
    assert [(text.get_text(), text.get_position()) for text in one.texts] == [
        (text.get_text(), text.get_position()) for text in two.texts
    ]


def test_nothing_to_draw_is_said():
    assert "no flows" in texts(drawn(plot_flows(flow_bands(tables([])))))
