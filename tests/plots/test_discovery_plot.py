"""The picture of a discovery: a dot where a node stands, a mark where it may stop."""

from __future__ import annotations

import numpy as np
import pytest

from tests.analysis.handmade import TARGET, Row, a, rounds, tables
from tests.plots.drawing import keys, lines, overlapping, points, texts, title
from trippy_nb.analysis import discovery
from trippy_nb.frames import Tables
from trippy_nb.plots import DARK, LIGHT, Theme, new_axes, plot_discovery
from trippy_nb.plots.theme import SMALL_PT, theme_of


def fork(flows: int) -> Tables:
    """Hop 2 is one of two routers, by flow."""
    rows: list[Row] = []
    for flow in range(flows):
        rows += rounds([a(1), a(2 + flow % 2), TARGET], flow=flow)
    return tables(rows)


def test_a_dot_is_what_was_asked_and_a_mark_what_it_takes():
    found = discovery(fork(20))
    ax = plot_discovery(found)
    nodes = found.nodes.dropna(subset="flows_needed").reset_index(drop=True)
    marks = lines(ax, "stopping point")[0]
    assert points(marks) == [(float(n), float(row)) for row, n in enumerate(nodes["flows_needed"])]
    dots = sorted(points(lines(ax, "enough")[0]) + points(lines(ax, "too few")[0]), key=lambda spot: spot[1])
    assert [x for x, _ in dots] == nodes["flows_on"].tolist()
    assert texts(ax) == [
        f"{n} next hop{'s' if n > 1 else ''}; one more hidden: {100 * chance:.1f} %"
        for n, chance in zip(nodes["next_hops"], nodes["hidden_ratio"], strict=True)
    ]
    assert title(ax) == found.sentence


def test_too_few_flows_are_hollow_and_named():
    ax = plot_discovery(discovery(fork(3)))
    (dots,) = lines(ax, "too few")
    assert points(dots)
    assert dots.get_markerfacecolor() == LIGHT.background
    assert "not often enough" in keys(ax)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_it_is_drawn_on_the_axes_given_and_in_its_theme(theme: Theme):
    ax = new_axes(6, 4, theme=theme)
    assert plot_discovery(discovery(fork(20)), ax=ax) is ax
    assert theme_of(ax) is theme
    assert {text.get_color() for text in ax.texts} == {theme.ink}


@pytest.mark.parametrize("count", [30, 80, 250])
def test_of_many_nodes_as_many_are_named_as_can_be_read(count: int):
    rows = [row for flow in range(count - 1) for row in rounds([a(1), a(100 + flow), TARGET], flow=flow)]
    found = discovery(tables(rows))
    ax = plot_discovery(found)
    names = ax.get_yticklabels()
    assert np.isfinite(ax.get_xlim()).all()
    assert overlapping(list(ax.texts), ax) == []
    assert overlapping(names, ax) == []
    assert {label.get_fontsize() for label in [*names, *ax.texts]} == {SMALL_PT}
    if count == 30:
        assert (len(names), title(ax)) == (count, found.sentence)
    else:
        assert 40 <= len(names) == len(ax.texts) < count
        assert f"{len(names)} of {count} nodes are named" in title(ax)


def test_the_node_with_most_next_hops_and_those_in_doubt_are_named_first():
    ways = [
        [a(1), a(2 + flow % 90), a(100 + flow % 3 if flow % 90 == 44 else 110), TARGET] for flow in range(900)
    ]
    found = discovery(tables([row for flow, way in enumerate(ways) for row in rounds(way, flow=flow)]))
    names = [label.get_text().split()[0] for label in plot_discovery(found).get_yticklabels()]
    assert len(names) < 94
    assert {a(1), a(46)} <= {*names}
