"""A lost answer of the target is a loss, and no longer way; a longer way stays one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analysis import oracle
from tests.analysis.handmade import TARGET, Row, a, rounds, tables
from trippy_nb.analysis import diamonds, findings, hop_table, paths

Way = list[str | None]
SHORT: Way = [a(1), a(2), TARGET]
LOST: Way = [a(1), a(2), None, TARGET]
LOST_TWICE: Way = [a(1), a(2), None, None, TARGET]
LONGER: Way = [a(1), a(3), a(4), TARGET]


def flows(*ways: Way, again: int = 1) -> list[Row]:
    """Each way is a flow of its own, sent so many times."""
    return [row for flow, way in enumerate(ways) for row in rounds(*[way] * again, flow=flow)]


STUBBORN = [*flows(*[SHORT] * 5, again=20), *(row | {"flow": 9} for row in flows(LOST, again=20))]


@pytest.mark.parametrize(
    ("rows", "sent", "recv", "why"),
    [
        (flows(*[SHORT] * 9, LOST), [10], [9], "one flow of ten lost the answer"),
        (flows(SHORT, LOST), [2], [1], "one of two"),
        (flows(*[SHORT] * 19, LOST_TWICE), [20], [19], "one flow lost two in a row"),
        (flows(*[SHORT] * 25, *[LOST] * 4, LOST_TWICE), [30], [25], "five lost one, one of them two"),
        (flows(*[SHORT] * 15, *[LOST] * 15), [15 + 15, 15], [15, 15], "half of the flows, and none lost two"),
        (STUBBORN, [120, 20], [100, 20], "again and again"),
        (flows(*[SHORT] * 9, LONGER), [10, 1], [9, 1], "a router answered there"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)  # fmt: skip
def test_the_target_is_where_the_other_flows_met_it(
    rows: list[Row], sent: list[int], recv: list[int], why: str
):
    hops = hop_table(tables(rows))
    mine = hops[hops["ttl"] >= 3]
    answers = [
        round(count * dict(zip(addrs, shares, strict=True)).get(TARGET, 0))
        for count, addrs, shares in zip(mine["recv"], mine["addrs"], mine["share"], strict=True)
    ]
    assert (mine["sent"].tolist(), answers) == (sent, recv), why


@given(
    st.lists(
        st.sampled_from([SHORT, LOST, LOST_TWICE, LONGER, [a(1), None, TARGET], [a(1)]]),
        min_size=1,
        max_size=40,
    ),
    st.integers(1, 4),
)
def test_paths_end_where_a_plain_reading_says(ways: list[Way], again: int):
    rows = flows(*ways, again=again)
    ends, _ = oracle.ends(rows)
    found = paths(tables(rows))
    assert (found["length"] + found["first_ttl"] - 1).tolist() == [ends[path] for path in sorted(ends)]


def test_a_run_is_told_of_by_all_answers_of_its_target():
    uneven = flows(*[SHORT] * 4, *[LONGER] * 6)
    for row in uneven:
        row["rtt_ms"] = 10.0 * row["ttl"]
    found = findings(tables(uneven, outcome="reached"))
    (says,) = found.loc[found["kind"] == "reached", "says"]
    assert says == f"Reached {TARGET} in 3 or 4 hops: 10 of 10 probes answered, half of them within 40 ms."
    (query,) = found.loc[found["kind"] == "reached", "query"]
    assert len(tables(uneven).probes.query(query)) == 10
    lost = findings(tables(flows(*[SHORT] * 7, LOST, [a(1), a(2), None, None]), outcome="reached"))
    assert "Reached 198.51.100.9 in 3 hops: 7 of 9 probes answered" in lost["says"].iloc[0]


LOSSES = st.floats(0, 0.3)


@given(st.integers(3, 6), st.integers(2, 40), LOSSES, st.integers(0, 2**32 - 1))
def test_losses_make_no_branch(hops: int, count: int, loss: float, seed: int):
    """On one way of routers that all answer, whatever is lost, nothing parts."""
    luck = np.random.default_rng(seed)
    chain = [*map(a, range(1, hops)), TARGET, TARGET, TARGET, TARGET]
    ways: list[Way] = []
    for _ in range(count):
        heard = [None if luck.random() < loss else addr for addr in chain]
        met = next((place for place, addr in enumerate(heard) if addr == TARGET), len(chain))
        ways.append(heard[: met + 1])
    rows = flows(*ways)
    answered = pd.Series([row["addr"] for row in rows]).nunique()
    if answered == hops:
        assert diamonds(tables(rows)).empty
