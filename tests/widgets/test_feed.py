"""Deltas: whoever applies them has what a fresh look would give, whatever changed in between."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.widgets.test_stats_js import in_node
from trippy_nb.widgets.feed import BLANK, ROW, Delta, Feed, Rows

Row = tuple[int, int, float]
"""Place, round, RTT."""


def made(rows: list[Row]) -> tuple[Any, Rows]:
    places = np.array([place for place, _, _ in rows], dtype=np.int64)
    packed = np.full(len(rows), BLANK, dtype=ROW)
    packed["round"], packed["rtt"] = [row[1] for row in rows], [row[2] for row in rows]
    packed["status"] = 0
    return places, packed


def columns_of(delta: Delta) -> dict[str, Any]:
    """Take the bytes apart as the browser does."""
    parts, start = {}, 0
    for name, dtype in (("rtt", "f8"), ("at", "f8"), ("place", "u4"), ("round", "u4"), ("addr", "u4")):
        parts[name] = np.frombuffer(delta.data, f"<{dtype}", delta.count, start)
        start += parts[name].nbytes
    assert len(delta.data) == 32 * delta.count
    return parts


def applied(have: dict[int, tuple[int, float]], delta: Delta) -> dict[int, tuple[int, float]]:
    fresh = columns_of(delta)
    rows = zip(fresh["place"].tolist(), fresh["round"].tolist(), fresh["rtt"].tolist(), strict=True)
    have |= {place: (round_, rtt) for place, round_, rtt in rows}
    return {place: row for place, row in have.items() if place >= delta.base}


rtts = st.sampled_from([-1.0, 0.0, 1.5, 20.25])
looks = st.lists(st.dictionaries(st.integers(0, 40), rtts, max_size=12), min_size=1, max_size=8)


@given(looks, st.integers(0, 2))
def test_deltas_add_up_to_all_that_was_ever_looked_at(looks, lag):
    have: dict[int, tuple[int, float]] = {}
    want: dict[int, tuple[int, float]] = {}
    feed, by_few = Feed(), Feed()
    for number, look in enumerate(looks):
        keep = max(0, number - lag)
        rows = [(place, place // 8, rtt) for place, rtt in look.items()]
        want |= {place: (round_, rtt) for place, round_, rtt in rows}
        places, packed = made(rows)
        delta = feed.delta(places, packed, keep=keep)
        assert by_few.few(list(zip(places.tolist(), packed.tolist(), strict=True)), keep=keep) == delta
        if delta is not None:
            have = applied(have, delta)
        gone = feed._base
        assert {place: row for place, row in have.items() if place >= gone} == {
            place: row for place, row in want.items() if place >= gone
        }


@given(looks)
def test_what_did_not_change_is_not_sent(looks):
    feed = Feed()
    for look in looks:
        rows = [(place, 0, rtt) for place, rtt in look.items()]
        feed.delta(*made(rows))
        assert feed.delta(*made(rows)) is None


def test_a_look_costs_what_is_new_only():
    feed = Feed()
    feed.delta(*made([(place, place // 15, 1.0) for place in range(3000)]))
    window = [*((place, 199, 1.0) for place in range(2985, 2999)), (2999, 199, 2.0), (3000, 200, 1.0)]
    delta = feed.delta(*made(window))
    assert delta is not None
    assert columns_of(delta)["place"].tolist() == [2999, 3000]
    delta = feed.delta(*made([]), keep=5)
    assert delta is not None
    assert (delta.base, delta.count) == (75, 0)


def test_a_missing_time_is_no_change():
    feed = Feed()
    assert feed.delta(*made([(0, 0, float("nan"))])) is not None
    assert feed.delta(*made([(0, 0, float("nan"))])) is None


def test_a_new_view_gets_everything_it_is_given():
    feed = Feed()
    feed.delta(*made([(7, 1, 1.0)]))
    feed.whole()
    delta = feed.delta(*made([(7, 1, 1.0)]))
    assert delta is not None
    assert (delta.base, delta.count) == (7, 1)


def test_the_span_is_that_of_the_rows_with_a_time():
    feed = Feed()
    spans = [feed.span]
    places, rows = made([(0, 0, 1.0), (1, 0, 1.0), (2, 0, 1.0), (3, 1, 1.0)])
    for place, at in ((1, 2.0), (2, 5.0)):
        rows["at"][place] = at
        feed.delta(places, rows)
        spans.append(feed.span)
    assert spans == [None, (2.0, 3.0), (2.0, 5.0)]  # an axis has a length


@pytest.mark.needs("node")
def test_the_browser_puts_rows_where_they_belong():
    feed = Feed()
    first = feed.delta(*made([(4, 0, 1.0), (5, 1, 2.0), (6, 1, float("nan"))]))
    second = feed.delta(*made([(6, 1, 3.0), (8, 2, 4.0)]), keep=1)
    assert first is not None
    assert second is not None
    (placed,) = in_node([("placed", [[delta.count, delta.base, delta.data] for delta in (first, second)])])
    columns = {name: list(values.values()) for name, values in placed.items()}
    assert columns["rtt"] == pytest.approx([2.0, 3.0, float("nan"), 4.0], nan_ok=True)
    assert columns["round"] == [1, 1, 0, 2]
    assert columns["status"] == [0, 0, 6, 0]
