"""The hop graph turned, coloured by loss, with tunnels and autonomous systems behind it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.text import Text

from tests.analysis.handmade import TARGET, Row, a, probe, replaced, rounds, tables
from tests.plots.drawing import diamond, keys, overlapping, spots, texts
from trippy_nb.analysis import evidence, hop_graph
from trippy_nb.errors import ConfigError
from trippy_nb.frames import HOPS, PROBES, Tables
from trippy_nb.plots import DARK, LIGHT, Theme, new_axes, plot_graph
from trippy_nb.plots.graph.scene import Direction

WAY = [a(1), a(2), a(3), a(4), TARGET]


def labelled(made: Tables, ttls: Iterable[int], stack: str = "24001/0/1/1") -> Tables:
    """The same answers, some of them with a label."""
    mpls = [stack if ttl in set(ttls) else None for ttl in made.replies["ttl"]]
    return replaced(made, replies=made.replies.assign(mpls=pd.Categorical(mpls)))


def tubes(ax: Axes) -> list[PathPatch]:
    return [patch for patch in ax.patches if isinstance(patch, PathPatch) and patch.get_label() == "tunnel"]


def cells(ax: Axes) -> list[Rectangle]:
    return [patch for patch in ax.patches if isinstance(patch, Rectangle)]


# --- which way ---


def test_across_is_the_same_picture_turned():
    graph = hop_graph(diamond(3, 5))
    down, across = plot_graph(graph), plot_graph(graph, direction="across")
    turned = [[y, x] for points in down.collections for x, y in spots(points)]
    assert [spot for points in across.collections for spot in spots(points)] == turned
    assert texts(across) == texts(down)
    assert (across.get_xlabel(), across.get_ylabel()) == (PROBES.label("ttl"), "")
    assert across.get_xlim()[0] < across.get_xlim()[1]


@pytest.mark.parametrize("width", [1, 3])
def test_labels_across_the_page_do_not_overlap(width: int):
    ax = plot_graph(hop_graph(diamond(width)), direction="across")
    assert overlapping(list(ax.texts), ax) == []


def v6(number: int) -> str:
    return f"2001:db8:f0f0:{number:x}:ffff:eeee:dddd:{4096 + number:x}"


def labels_of(ax: Axes) -> list[Text]:
    return [text for text in ax.texts if text.get_text() != "*"]


@pytest.mark.parametrize(("width", "length"), [(1, 30), (3, 12), (1, 60)])
def test_a_long_way_across_the_page_has_upright_labels_that_do_not_overlap(width: int, length: int):
    rows: list[Row] = []
    for flow in range(width):
        way = [v6(1), *(v6(64 * flow + ttl) for ttl in range(2, length)), v6(4000)]
        rows += [row for row in rounds(way, way, flow=flow) if row["round"] or row["ttl"] % 4]
    ax = plot_graph(hop_graph(tables(rows)), direction="across", asns={v6(1): 64496, v6(2): 64497})
    figure = ax.get_figure(root=True)
    assert figure is not None
    assert figure.get_figwidth() < 0.4 * length + 2
    assert {text.get_rotation() for text in labels_of(ax)} == {90.0}
    assert overlapping(labels_of(ax), ax) == []
    low = ax.get_window_extent().y0
    assert all(text.get_window_extent().y0 > low for text in labels_of(ax))


def test_a_short_way_across_the_page_has_level_labels():
    ax = plot_graph(hop_graph(tables(rounds(WAY))), direction="across")
    assert {text.get_rotation() for text in labels_of(ax)} == {0.0}


@pytest.mark.parametrize("direction", ["down", "across"])
def test_what_is_known_of_neighbours_does_not_overlap(direction: Direction):
    rows = [
        probe(number, ttl, None if number % 9 else addr, flow=flow)
        for flow in range(3)
        for number in range(18)
        for ttl, addr in enumerate([a(1), a(10 + flow), a(20 + flow), TARGET], start=1)
    ]
    ax = plot_graph(hop_graph(labelled(tables(rows), [2, 3])), direction=direction)
    assert any("unanswered, label 24001" in words for words in texts(ax))
    assert overlapping(labels_of(ax), ax) == []


def test_an_unknown_direction_or_colour_is_refused():
    graph = hop_graph(tables(rounds(WAY)))
    with pytest.raises(ConfigError, match="'down' or 'across'"):
        plot_graph(graph, direction="up")  # type: ignore[arg-type]  # the mistake tested
    with pytest.raises(ConfigError, match="by 'rtt' or 'loss'"):
        plot_graph(graph, colour="name")  # type: ignore[arg-type]  # the mistake tested


# --- loss ---


def test_coloured_by_loss_the_fill_follows_the_share_unanswered_and_the_bar_says_so():
    rows: list[Row] = [
        probe(number, ttl, None if ttl == 2 and number < 5 else addr)
        for number in range(10)
        for ttl, addr in enumerate(WAY, start=1)
    ]
    ax = plot_graph(hop_graph(tables(rows)), colour="loss")
    figure = ax.get_figure(root=True)
    assert figure is not None
    (bar,) = [other for other in figure.axes if other is not ax]
    assert bar.get_ylabel() == HOPS.label("loss_ratio")
    (routers,) = [points for points in ax.collections if points.get_label() == "router"]
    fills = [to_hex(tuple(fill)) for fill in np.asarray(routers.get_facecolor())]
    assert len({*fills}) == 2
    assert fills[1] == to_hex(LIGHT.scale(1.0))  # of the largest loss there is


# --- tunnels ---


def test_a_graph_says_which_nodes_showed_labels_and_which_edges_are_inside():
    graph = hop_graph(labelled(tables(rounds(WAY, WAY)), [2, 3], "24001/0/0/1;17/0/1/1"))
    assert {node: labels for node, labels in graph.nodes(data="mpls") if labels} == {
        a(2): (24001,),
        a(3): (24001,),
    }
    inside = {(near, far) for near, far, word in graph.edges(data="tunnel") if word == "labels"}
    assert inside == {(a(2), a(3))}


def test_labels_of_another_flow_make_no_tunnel():
    made = tables([*rounds(WAY), *rounds([a(1), a(2), a(6), TARGET], flow=1)])
    rows = made.replies
    wanted = ((rows["flow"] == 0) & (rows["ttl"] == 3)) | ((rows["flow"] == 1) & (rows["ttl"] == 2))
    mpls = pd.Categorical(["5/0/1/1" if one else None for one in wanted.tolist()])
    graph = hop_graph(replaced(made, replies=rows.assign(mpls=mpls)))
    assert {word for _, _, word in graph.edges(data="tunnel")} == {None}


def test_a_tunnel_is_a_tube_along_its_edges_and_named():
    ax = plot_graph(hop_graph(labelled(tables(rounds(WAY)), [2, 3, 4])))
    walls = [tube for tube in tubes(ax) if tube.get_zorder() == min(one.get_zorder() for one in tubes(ax))]
    ends = [np.asarray(tube.get_path().vertices)[[0, -1], 1].tolist() for tube in walls]
    assert ends == [[2.0, 3.0], [3.0, 4.0]]
    assert min(tube.get_linewidth() for tube in tubes(ax)) > 10  # around the nodes
    assert "MPLS tunnel" in keys(ax)
    assert any("label 24001" in words for words in texts(ax))


def test_a_label_alone_is_a_short_tube_and_without_labels_there_is_none():
    alone, none = (plot_graph(hop_graph(labelled(tables(rounds(WAY)), ttls))) for ttls in ([3], []))
    assert (len(tubes(alone)), len(tubes(none))) == (2, 0)
    assert [("MPLS tunnel" in keys(ax)) for ax in (alone, none)] == [True, False]


def test_a_tunnel_that_shows_no_labels_is_striped():
    made = tables(rounds(WAY))
    said = evidence(made).iloc[:0]
    row = dict.fromkeys(said.columns) | {"kind": "mpls-implicit", "addrs": (a(2), a(3))}
    graph = hop_graph(made, evidence=pd.DataFrame([row]))
    assert [word for _, _, word in graph.edges(data="tunnel")] == [None, None, "implicit", None, None]
    ax = plot_graph(graph)
    assert [tube.get_linestyle() in {"solid", "-"} for tube in tubes(ax)] == [False]
    assert "likely an MPLS tunnel" in keys(ax)


# --- autonomous systems ---


@pytest.mark.parametrize("make", [dict, pd.Series])
def test_a_band_lies_behind_the_nodes_of_each_system_and_says_its_number(make):
    asns = make({a(1): 64496, a(2): 64496, a(3): 64497, TARGET: "AS-EXAMPLE"})
    ax = plot_graph(hop_graph(tables(rounds(WAY))), asns=asns)
    named = [(cell.get_label(), cell.get_y(), cell.get_y() + cell.get_height()) for cell in cells(ax)]
    assert named == [
        ("AS64496", 0.5, 1.5),
        ("AS64496", 1.5, 2.5),
        ("AS64497", 2.5, 3.5),
        ("AS-EXAMPLE", 4.5, 5.5),
    ]
    assert [words for words in texts(ax) if words.startswith("AS")] == ["AS64496", "AS64497", "AS-EXAMPLE"]


def test_two_systems_in_one_layer_share_it_with_a_line_between():
    ways = [[a(1), a(2), TARGET], [a(1), a(3), TARGET]]
    made = tables([row for flow, way in enumerate(ways) for row in rounds(way, flow=flow)])
    ax = plot_graph(hop_graph(made), asns={a(2): 64496, a(3): 64497})
    one, two = sorted(cells(ax), key=lambda cell: cell.get_x())
    border = one.get_x() + one.get_width()
    assert border == pytest.approx(two.get_x())
    upright = [line for line in ax.lines if len({*np.asarray(line.get_xdata()).tolist()}) == 1]
    assert {float(np.asarray(line.get_xdata())[0]) for line in upright} == {border}


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_everything_together_is_drawn_on_the_axes_given(theme: Theme):
    graph = hop_graph(labelled(tables(rounds(WAY)), [2, 3]))
    ax = new_axes(9, 4, theme=theme)
    made = plot_graph(graph, direction="across", colour="loss", asns={a(2): 1.0, a(3): "$x_$"}, ax=ax)
    assert made is ax
    assert {text.get_color() for text in ax.texts} <= {theme.ink, theme.muted}
    assert overlapping(list(ax.texts), ax) == []
    assert "$x_$" in texts(ax)
