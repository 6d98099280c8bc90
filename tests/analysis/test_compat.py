"""Trippy's and mtr's numbers, where they are not ours; statistics by responder; what came last."""

from __future__ import annotations

from itertools import pairwise
from math import sqrt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analysis.handmade import TARGET, Row, a, probe, quoted, rounds, shuffled, tables
from tests.analysis.strategies import probe_rows
from trippy_nb.analysis import hop_stats, hop_table
from trippy_nb.errors import ConfigError
from trippy_nb.frames import RESPONDERS, check_frame
from trippy_nb.testing import simulated

rtt = st.floats(0, 500).map(lambda ms: round(ms, 6))


def one(samples: list[float], **options: Any) -> dict[str, Any]:
    made = tables([probe(n, 1, a(1), float(ms)) for n, ms in enumerate(samples)])
    (row,) = hop_stats(made, **options).to_dict("records")
    return {str(name): value for name, value in row.items()}


@pytest.mark.parametrize(
    ("samples", "trippy", "mtr", "ours"),
    [
        ([10, 20], (5.0, 10.0, 10.0, 18.4), (7.07, 5.0, 10.0, 10.0), (7.07, 10.0, 10.0, 0.625)),
        ([100, 100, 100], (0.0, 33.3, 100.0, 87.5), (0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0)),
        (
            [10, 12, 11, 15, 10, 13] * 50,
            (1.759, 3.023, 10.0, 41.0),
            (1.775, 2.984, 5.0, 49.0),
            (1.775, 3.0, 5.0, 3.07),
        ),
    ],
)
def test_deviation_and_jitter_as_each_tool_has_them(samples, trippy, mtr, ours):
    names = ("stddev_ms", "javg_ms", "jmax_ms", "jinta_ms")
    for options, expected in (({"trippy_compat": True}, trippy), ({"mtr_compat": True}, mtr), ({}, ours)):
        row = one(samples, **options)
        assert [row[name] for name in names] == pytest.approx(expected, abs=0.051 if options else 0.006)


@given(st.lists(rtt, min_size=1, max_size=40))
def test_trippys_numbers_are_those_of_its_formulas_one_probe_after_the_other(samples: list[float]):
    # From the formulas that docs/statistics.md lists, in another form than the code: whole lists, not a loop.
    steps = np.abs(np.diff(np.array([0.0, *samples])))
    means = np.cumsum(samples) / np.arange(1, len(samples) + 1)
    jinta = 0.0
    for step in steps:
        jinta = jinta * 15 / 16 + max(step, 0.5) - 0.5
    row = one(samples, trippy_compat=True)
    found = [row[name] for name in ("stddev_ms", "javg_ms", "jmax_ms", "jinta_ms", "avg_ms", "last_ms")]
    squares = float(((np.array(samples) - means) ** 2).sum())
    stddev = sqrt(squares / (len(samples) - 1)) if len(samples) > 1 else 0.0
    expected = [stddev, steps.mean(), steps.max(), jinta, np.mean(samples), samples[-1]]
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-6)
    assert found[1:3] == pytest.approx(expected[1:3], rel=1e-9, abs=1e-9)


def test_trippy_counts_as_lost_what_was_late_or_in_flight_and_shows_0_for_nothing():
    rows = [probe(0, 1, a(1)), probe(1, 1, a(1), status="late"), probe(2, 1, None, status="in_flight")]
    (row,) = hop_stats(tables(rows), trippy_compat=True).to_dict("records")
    assert (row["sent"], row["recv"], row["late"]) == (3, 1, 0)
    assert row["loss_ratio"] == pytest.approx(2 / 3)
    ours = hop_table(tables(rows)).iloc[0]
    assert (ours["sent"], ours["recv"], ours["late"], ours["loss_ratio"]) == (2, 2, 1, 0.0)
    silent = hop_stats(tables([probe(0, 1)]), trippy_compat=True).iloc[0]
    assert (silent["avg_ms"], silent["stddev_ms"], silent["loss_ratio"]) == (0.0, 0.0, 1.0)
    assert np.isnan(hop_table(tables([probe(0, 1)])).iloc[0]["avg_ms"])


@pytest.mark.parametrize(
    ("second_round", "forward", "backward"),
    [
        ([a(1), None, None], [0, 1, 0], [0, 0, 1]),
        ([a(1), a(2), None], [0, 0, 0], [0, 0, 0]),
        ([None, None, None], [1, 0, 0], [0, 1, 1]),
        ([None, a(2), None], [0, 0, 0], [0, 0, 0]),
    ],
)
def test_trippys_forward_loss_believes_one_silent_hop_beyond(second_round, forward, backward):
    made = tables(rounds([a(1), a(2), TARGET], second_round))
    found = hop_stats(made, trippy_compat=True)
    assert found["forward_loss"].tolist() == forward
    assert found["backward_loss"].tolist() == backward


@given(st.lists(st.integers(0, 500_000), min_size=1, max_size=40))
def test_mtrs_numbers_are_whole_microseconds_and_follow_its_recurrences(us: list[int]):
    row = one([value / 1000 for value in us], mtr_compat=True)
    steps = [abs(two - before) for before, two in pairwise(us)]
    jinta = 0
    for step in [0, *steps]:
        jinta = jinta + step - (jinta + 8) // 16
    assert row["jinta_ms"] == pytest.approx(jinta / 1000)
    assert row["jmax_ms"] == pytest.approx(max(steps, default=0) / 1000)
    assert row["avg_ms"] == pytest.approx(np.mean(us) / 1000, abs=0.001 * len(us))
    for name in ("avg_ms", "stddev_ms", "gmean_ms", "javg_ms"):
        assert row[name] * 1000 == pytest.approx(round(row[name] * 1000), abs=1e-6)


@given(st.lists(rtt, min_size=1, max_size=40))
def test_the_geometric_mean_and_the_median_deviation_are_numpys(samples: list[float]):
    row = one(samples)
    with np.errstate(divide="ignore"):
        assert row["gmean_ms"] == pytest.approx(float(np.exp(np.log(samples).mean())), rel=1e-9)
    deviation = float(np.median(np.abs(np.array(samples) - np.median(samples))))
    assert row["mad_ms"] == pytest.approx(deviation, rel=1e-9, abs=1e-9)


@given(st.lists(st.floats(0, 500), min_size=1, max_size=30))
def test_rtts_that_are_no_whole_nanoseconds_are_ranked_as_they_are(samples: list[float]):
    row = one(samples)
    assert row["p90_ms"] == pytest.approx(np.percentile(samples, 90), rel=1e-9, abs=1e-12)
    assert row["best_ms"] == min(samples)


@given(probe_rows())
def test_by_responder_the_parts_make_the_whole(rows: list[Row]):
    made = tables(rows)
    hops, parts = hop_table(made), hop_stats(made, by="responder")
    check_frame(parts, RESPONDERS)
    pd.testing.assert_frame_equal(parts, hop_stats(shuffled(made, 3), by="responder"))
    assert parts["recv"].sum() == hops["recv"].sum()
    for hop in hops.to_dict("records"):
        mine = parts[(parts["run_id"] == hop["run_id"]) & (parts["ttl"] == hop["ttl"])]
        assert dict(zip(mine["addr"], mine["share"], strict=True)) == pytest.approx(
            dict(zip(hop["addrs"], hop["share"], strict=True))
        )
        assert hop["mixed"] == (len(mine) > 1)
        assert set(mine["n"]) <= {hop["recv"]}
    for row in parts.to_dict("records"):
        mine_ms = [
            float(one_row["rtt_ms"])
            for one_row in made.probes.query(
                f"run_id == {row['run_id']} and ttl == {row['ttl']} and addr == '{row['addr']}'"
            ).to_dict("records")
            if one_row["status"] in ("reply", "late")
        ]
        if len(mine_ms) == row["recv"]:  # all of them in view
            assert row["p50_ms"] == pytest.approx(np.median(mine_ms))
            assert row["best_ms"] == min(mine_ms)


def test_what_came_last_is_of_the_last_probe_and_of_the_last_answer():
    run = simulated("first-steps", protocol="udp", rounds=3)
    probes = run.probes[run.probes["status"].isin(["reply", "late", "timeout"])]
    for hop in hop_table(run.tables).to_dict("records"):
        mine = probes[probes["ttl"] == hop["ttl"]].sort_values("round")
        assert hop["last_dport"] == mine["dport"].iloc[-1]
        assert hop["last_seq"] == mine["seq"].iloc[-1]
        answered = mine[mine["addr"].notna()]
        if answered.empty:
            assert pd.isna(hop["last_icmp_type"])
        else:
            assert hop["last_icmp_type"] == answered["icmp_type"].iloc[-1]


def test_dscp_and_ecn_are_those_of_the_quoted_probe():
    made = quoted(tables(rounds([a(1), TARGET], [a(1), TARGET])), q_tos=lambda row: 0xB8 + int(row.round))
    hop = hop_table(made).iloc[0]
    assert (hop["dscp"], hop["ecn"]) == (46, 1)  # EF, and ECN 1, of the later round


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"by": "hop"}, "by='hop'"),
        ({"trippy_compat": True, "mtr_compat": True}, "one at a time"),
        ({"by": "responder", "mtr_compat": True}, "leave the compat option off"),
    ],
)
def test_what_cannot_be_had_is_said_in_a_line(options: dict[str, Any], words: str):
    with pytest.raises(ConfigError, match=words):
        hop_stats(tables([probe(0, 1, a(1))]), **options)


@pytest.mark.parametrize("options", [{}, {"trippy_compat": True}, {"mtr_compat": True}, {"by": "responder"}])
def test_of_nothing_there_is_an_empty_table(options: dict[str, Any]):
    assert hop_stats(tables([]), **options).empty
