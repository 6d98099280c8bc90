"""Deltas: whoever applies them has what a fresh look would give, whatever changed in between."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.widgets.test_stats_js import in_node
from trippy_nb.widgets.feed import Delta, Feed
from trippy_nb.widgets.wire import Packed, pack

Row = tuple[int, int, float]
"""Round, TTL, RTT."""


def packed(rows: list[Row]) -> Packed:
    round_, ttl, rtt = zip(*rows, strict=True) if rows else ((), (), ())
    return {"round": pack(round_, "u4"), "ttl": pack(ttl, "u1"), "rtt": pack(rtt, "f8")}


def arrays(rows: Packed) -> dict[str, Any]:
    return {name: np.frombuffer(data, dtype=f"<{dtype}") for name, (dtype, data) in rows.items()}


def applied(have: dict[str, Any] | None, delta: Delta) -> dict[str, Any]:
    """What the browser does."""
    fresh = arrays(delta.rows)
    if have is None:
        return fresh
    kept = (have["round"] >= delta.keep) & (have["round"] < delta.since)
    return {name: np.concatenate([have[name][kept], fresh[name]]) for name in fresh}


rtts = st.sampled_from([float("nan"), 0.0, 1.5, 20.25])
looks = st.lists(
    st.lists(st.tuples(st.integers(0, 6), st.integers(1, 4), rtts), max_size=20).map(
        lambda rows: sorted(rows, key=lambda row: row[:2])
    ),
    min_size=1,
    max_size=6,
)


@given(looks)
def test_deltas_add_up_to_the_whole(looks):
    feed, have = Feed(), None
    for rows in looks:
        whole = packed(rows)
        delta = feed.delta(whole)
        if delta is not None:
            have = applied(have, delta)
        assert have is not None
        for name, values in arrays(whole).items():
            np.testing.assert_array_equal(have[name], values)


@given(looks)
def test_what_did_not_change_is_not_sent(looks):
    feed = Feed()
    for rows in looks:
        feed.delta(packed(rows))
        assert feed.delta(packed(rows)) is None


def test_a_round_that_ends_costs_its_own_rows_only():
    rows = [(round_, ttl, 1.0) for round_ in range(200) for ttl in range(1, 16)]
    feed = Feed()
    feed.delta(packed(rows))
    settled = [*rows[:-1], (199, 15, 2.0), *((200, ttl, 1.0) for ttl in range(1, 16))]
    delta = feed.delta(packed(settled))
    assert delta is not None
    assert (delta.keep, delta.since) == (0, 199)
    assert len(arrays(delta.rows)["round"]) == 30
    gone = settled[5 * 15 :]
    delta = feed.delta(packed(gone))
    assert delta is not None
    assert (delta.keep, len(arrays(delta.rows)["round"])) == (5, 0)


def test_a_new_view_gets_everything():
    feed = Feed()
    feed.delta(packed([(0, 1, 1.0)]))
    feed.whole()
    delta = feed.delta(packed([(0, 1, 1.0)]))
    assert delta is not None
    assert delta.since == 0
    assert len(arrays(delta.rows)["round"]) == 1


@pytest.mark.needs("node")
def test_the_browser_does_the_same():
    before = packed([(0, 1, 1.0), (1, 1, 2.0), (2, 1, float("nan"))])
    after = packed([(1, 1, 2.0), (2, 1, 5.0), (3, 1, 6.0)])
    feed = Feed()
    feed.delta(before)
    delta = feed.delta(after)
    assert delta is not None
    (merged,) = in_node([("merged", before, delta.rows, delta.keep, delta.since)])
    want = {name: values.tolist() for name, values in arrays(after).items()}
    assert {name: list(values.values()) for name, values in merged.items()} == want
