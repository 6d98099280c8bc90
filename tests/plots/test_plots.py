"""Pictures show what they are given: positions, labels and signs are read back from the artists."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patches import FancyArrowPatch, PathPatch

from tests.analysis.handmade import TARGET, Row, a, probe, quoted, rounds, tables
from tests.plots.drawing import diamond, legend, lines, luminance, overlapping, points, spots, texts, ways
from trippy_nb.analysis import compare_tables, hop_graph, hop_table, latency
from trippy_nb.frames import HOPS, PROBES, Tables
from trippy_nb.plots import (
    DARK,
    LIGHT,
    Theme,
    new_axes,
    plot_comparison,
    plot_graph,
    plot_latency,
    save_figure,
)
from trippy_nb.plots.theme import theme_of

WAY = [a(1), None, a(3), TARGET]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_pictures_are_drawn_on_the_axes_given_and_in_its_theme(theme: Theme):
    made = tables(rounds(WAY))
    pictures: list[tuple[Callable[..., Axes], Any]] = [
        (plot_graph, hop_graph(made)),
        (plot_latency, made),
        (plot_comparison, compare_tables(made, made)),
    ]
    for plot, thing in pictures:
        ax = new_axes(6, 4, theme=theme)
        assert plot(thing, ax=ax) is ax
        assert theme_of(ax) is theme
        assert {text.get_color() for text in ax.texts} <= {theme.ink, theme.muted}
        assert ax.yaxis.label.get_color() == theme.ink or plot is plot_comparison


def test_pictures_leave_no_trace_in_pyplot():
    import matplotlib.pyplot as plt

    plot_graph(hop_graph(tables(rounds(WAY))))
    plot_latency(tables(rounds(WAY)))
    assert plt.get_fignums() == []


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
@pytest.mark.parametrize(("name", "least"), [("ink", 7.0), ("muted", 4.5), ("blue", 3.0)])
def test_colours_stand_out_from_the_page(theme: Theme, name: str, least: float):
    pair = sorted([luminance(getattr(theme, name)), luminance(theme.background)])
    assert (pair[1] + 0.05) / (pair[0] + 0.05) >= least


# --- graph ---


def test_nodes_stand_where_the_graph_says_ttl_downwards():
    graph = hop_graph(diamond())
    ax = plot_graph(graph)
    found = {tuple(spot) for points in ax.collections for spot in spots(points)}
    assert found == {(data["pos"][1], data["pos"][0]) for _, data in graph.nodes(data=True)}
    low, high = ax.get_ylim()
    assert low > high
    assert ax.get_ylabel() == PROBES.label("ttl")


def test_every_responder_is_labelled_and_every_silent_hop_is_a_hollow_star():
    graph = hop_graph(tables(rounds(WAY)))
    ax = plot_graph(graph)
    assert {a(1), a(3), TARGET, "source", "*"} <= {*texts(ax)}
    by_label = {points.get_label(): points for points in ax.collections}
    silent, plain = by_label["silent hop"], by_label["router"]
    assert [to_hex(tuple(fill)) for fill in np.asarray(silent.get_facecolor())] == [LIGHT.background]
    assert silent.get_linestyle() != plain.get_linestyle()


def test_the_width_of_an_edge_grows_with_its_share_and_positional_ones_are_dashed():
    rows = rounds([a(1), a(2), TARGET], [a(1), a(2), TARGET], [a(1), a(2), TARGET], [a(1), a(3), TARGET])
    graph = hop_graph(tables(rows, stable=False))
    edges = [patch for patch in plot_graph(graph).patches if isinstance(patch, PathPatch)]
    shares = [data["share"] for _, _, data in graph.edges(data=True)]
    widths = [edge.get_linewidth() for edge in edges]
    assert np.argsort(widths, kind="stable").tolist() == np.argsort(shares, kind="stable").tolist()
    dashed = [edge.get_linestyle() not in ("solid", "-") for edge in edges]
    assert dashed == [data["evidence"] == "positional" for _, _, data in graph.edges(data=True)]


def test_an_edge_that_skips_a_router_is_dotted_and_the_legend_says_so():
    made = tables(rounds([a(1), a(2), a(2), TARGET]))
    skipped = quoted(made, q_ttl=lambda row: 0 if row.ttl == 2 else 1)
    plain, marked = plot_graph(hop_graph(made)), plot_graph(hop_graph(skipped))
    legends = [[text.get_text() for text in legend(ax).get_texts()] for ax in (plain, marked)]
    assert ["skips a router" in words for words in legends] == [False, True]
    styles = [{str(patch.get_linestyle()) for patch in ax.patches} for ax in (plain, marked)]
    assert styles[0] != styles[1]
    drawn = [corners(patch) for patch in marked.patches if isinstance(patch, PathPatch)]
    (skips,) = [curve for curve in drawn if curve[0, 1] == 1]
    assert len({*skips[:, 0].round(3)}) == 1  # nothing lies in its way


def corners(patch: PathPatch) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array(patch.get_path().vertices, dtype=float)


def test_an_edge_past_a_node_goes_around_it_within_the_picture():
    ways = [[a(1), a(2), TARGET], [a(1), TARGET]]
    graph = hop_graph(tables([row for flow, way in enumerate(ways) for row in rounds(way, flow=flow)]))
    ax = plot_graph(graph)
    curves = [corners(patch)[:, 0] for patch in ax.patches if isinstance(patch, PathPatch)]
    assert min(curve.min() for curve in curves) >= ax.get_xlim()[0]
    skipping = [
        one for one, (*_, data) in zip(curves, graph.edges(data=True), strict=True) if data["ttl"] == 1
    ]
    assert len(skipping) == 2


def test_where_branches_of_unequal_length_add_up_the_axis_counts_hops_of_the_longest_way():
    short, long = [a(1), a(2), a(5)], [a(1), a(3), a(4), a(5)]
    ways = [[*one, *(addr.replace("10.0.", "10.1.") for addr in two), TARGET]
            for one, two in ((short, long), (long, short))]  # fmt: skip
    rows = [row for flow, way in enumerate(ways) for row in rounds(way, flow=flow)]
    assert plot_graph(hop_graph(tables(rows))).get_ylabel() == "Hops of the longest way"
    assert plot_graph(hop_graph(tables(rows[: len(ways[0])]))).get_ylabel() == PROBES.label("ttl")


def test_the_colour_bar_says_what_it_shows_and_is_absent_without_rtts():
    ax = plot_graph(hop_graph(tables(rounds(WAY))))
    figure = ax.get_figure(root=True)
    assert figure is not None
    assert [other.get_ylabel() for other in figure.axes if other is not ax] == ["Median round-trip time (ms)"]
    silent = plot_graph(hop_graph(tables(rounds([None, None])))).get_figure(root=True)
    assert silent is not None
    assert len(silent.axes) == 1


def test_edges_that_do_not_lead_down_have_an_arrow_head():
    graph = hop_graph(tables(rounds([a(1), a(2), a(3), a(2), a(3), a(3)])))
    arrows = [patch for patch in plot_graph(graph).patches if isinstance(patch, FancyArrowPatch)]
    assert len(arrows) == 2  # 3 -> 2 is back, 3 -> 3 stays


@pytest.mark.parametrize("width", [1, 2, 4])
def test_labels_of_fifteen_hops_four_wide_do_not_overlap_and_none_is_cut_off(width: int):
    ax = plot_graph(hop_graph(diamond(width)))
    assert overlapping(list(ax.texts), ax) == []
    figure = ax.get_figure(root=True)
    assert figure is not None
    page = figure.bbox.padded(1)
    for label in ax.texts:
        box = label.get_window_extent()
        assert page.x0 <= box.x0
        assert box.x1 <= page.x1


# --- latency ---


def measured(n: int = 20) -> Tables:
    rng = np.random.default_rng(1)
    return tables(
        [
            probe(number, ttl, None if addr is None or (ttl == 3 and number % 4 == 0) else addr,
                  None if addr is None or (ttl == 3 and number % 4 == 0) else 10 * ttl + rng.random())
            for number in range(n)
            for ttl, addr in enumerate(WAY, start=1)
        ]
    )  # fmt: skip


def test_axis_labels_come_from_the_schema():
    ax = plot_latency(measured())
    assert (ax.get_xlabel(), ax.get_ylabel()) == (PROBES.label("ttl"), PROBES.label("rtt_ms"))
    legend = ax.get_legend()
    assert legend is not None
    assert HOPS.column("loss_ratio").label.lower() in [text.get_text() for text in legend.get_texts()]


def test_the_median_line_is_the_hop_table_and_breaks_at_a_silent_hop():
    ax = plot_latency(measured())
    (line,) = [line for line in ax.lines if line.get_label() == "median"]
    table = hop_table(measured())
    np.testing.assert_array_equal(line.get_xdata(), table["ttl"])
    np.testing.assert_allclose(np.asarray(line.get_ydata(), dtype=float), table["p50_ms"])
    assert np.isnan(np.asarray(line.get_ydata(), dtype=float)[1])


def test_every_answer_is_a_dot_beside_its_hop():
    found = latency(measured())
    (dots,) = [points for points in plot_latency(found).collections if points.get_label() == "answer"]
    offsets = np.array(spots(dots))
    np.testing.assert_allclose(offsets[:, 1], found.answers["rtt_ms"])
    assert (np.abs(offsets[:, 0] - found.answers["ttl"].to_numpy()) < 0.3).all()


def test_what_nobody_answered_is_a_cross_and_a_number():
    ax = plot_latency(measured())
    (crosses,) = [line for line in ax.lines if line.get_label() == "unanswered"]
    assert np.asarray(crosses.get_xdata()).tolist() == [2, 3]
    assert texts(ax) == ["100 %", "25 %"]


def test_late_answers_have_a_mark_of_their_own():
    rows = [probe(0, 1, TARGET, 3.0), probe(1, 1, TARGET, 2500.0, status="late")]
    late = [
        points for points in plot_latency(tables(rows)).collections if points.get_label() == "late answer"
    ]
    assert [spots(points)[0][1] for points in late] == [2500.0]


def test_a_frame_of_probes_is_drawn_like_its_tables():
    frame = pd.DataFrame({"ttl": [1, 2, 2], "addr": [a(1), a(2), a(2)], "rtt_ms": [1.0, 2.0, 4.0]})
    (line,) = [line for line in plot_latency(frame).lines if line.get_label() == "median"]
    assert np.asarray(line.get_ydata()).tolist() == [1.0, 3.0]


# --- comparison ---


def test_paths_stand_side_by_side_with_signs_where_they_differ():
    one = tables(rounds(*[[a(1), None, a(3), TARGET]] * 10))
    two = tables(rounds(*[[a(1), None, a(4), a(5), TARGET]] * 10))
    comparison = compare_tables(one, two)
    ax = plot_comparison(comparison)
    said = texts(ax)
    assert {"before", "after", f"1  {a(1)}", "2  *", f"3  {a(3)}", f"4  {TARGET}", f"5  {TARGET}"} <= {*said}
    signs = {"changed": "≠", "added": "+", "removed": "−", "unknown": "?"}  # noqa: RUF001 - the sign drawn
    expected = [signs[word] for word in comparison.paths["change"] if word != "same"]
    assert [text for text in said if text in signs.values()] == expected
    assert ax.get_title(loc="left").replace("\n", " ") == comparison.sentence


def test_the_shift_panel_shows_estimates_and_intervals_at_the_height_of_their_hop():
    rng = np.random.default_rng(2)
    one, two = (
        tables([probe(n, ttl, addr, 5 * ttl + by + rng.random())
                for n in range(12) for ttl, addr in enumerate([a(1), a(2), TARGET], start=1)])
        for by in (0.0, 9.0)
    )  # fmt: skip
    comparison = compare_tables(one, two)
    (panel,) = plot_comparison(comparison).child_axes
    assert isinstance(panel, Axes)
    (marks,) = lines(panel, "shift")
    assert points(marks) == list(zip(comparison.rtt["shift_ms"], [0.0, 1.0, 2.0], strict=True))
    assert marks.get_marker() == "D"
    bars = ways(panel, "interval")
    assert [[x for x, _ in bar] for bar in bars] == comparison.rtt[["low_ms", "high_ms"]].to_numpy().tolist()
    assert [{y for _, y in bar} for bar in bars] == [{0.0}, {1.0}, {2.0}]
    assert panel.get_xlabel() == "Shift of round-trip time (ms)"


def test_of_many_flows_four_are_drawn_those_that_differ_first_and_the_rest_is_counted():
    one: list[Row] = []
    two: list[Row] = []
    for flow in range(7):
        one += rounds(*[[a(1), TARGET]] * 10, flow=flow)
        two += rounds(*[[a(5) if flow == 6 else a(1), TARGET]] * 10, flow=flow)
    ax = plot_comparison(compare_tables(tables(one), tables(two)))
    assert [text for text in texts(ax) if text.startswith("flow")] == ["flow 6", "flow 0", "flow 1", "flow 2"]
    legend = ax.get_legend()
    assert legend is not None
    assert "and 3 more flows" in [text.get_text() for text in legend.get_texts()]


def test_labels_of_a_comparison_do_not_overlap():
    made = diamond(2)
    ax = plot_comparison(compare_tables(made, made))
    assert overlapping([text for text in ax.texts if text.get_text()], ax) == []


def test_a_saved_figure_has_its_own_background(tmp_path: Path):
    from PIL import Image

    path = tmp_path / "a.png"
    for theme in (LIGHT, DARK):
        save_figure(plot_latency(tables(rounds(WAY)), ax=new_axes(6, 4, theme=theme)), path)
        with Image.open(path) as image:
            corner = image.convert("RGB").getpixel((2, 2))
        assert corner == tuple(round(part * 255) for part in to_rgb(theme.background))


@given(st.integers(0, 2**16 - 1))
@settings(max_examples=5)
def test_the_same_graph_is_the_same_picture(seed: int):
    from tests.analysis.handmade import shuffled

    made = diamond(3, 5)
    one, two = (plot_graph(hop_graph(it)) for it in (made, shuffled(made, seed)))
    assert [(text.get_text(), text.get_position()) for text in one.texts] == [
        (text.get_text(), text.get_position()) for text in two.texts
    ]
    assert [spots(points) for points in one.collections] == [spots(points) for points in two.collections]
