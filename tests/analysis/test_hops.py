"""The hop table says what the plainest code says, for any probes in any order."""

from __future__ import annotations

import statistics
import timeit
from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analysis import oracle
from tests.analysis.handmade import TARGET, Row, a, probe, replaced, rounds, shuffled, tables
from tests.analysis.strategies import probe_rows
from trippy_nb.analysis import hop_stats, hop_table, probes_in_view
from trippy_nb.frames import HOPS, PROBES, REPLIES, check_frame, concat_tables, conform

COUNTS = ("sent", "recv", "late", "failed", "forward_loss", "backward_loss", "n_addrs")


def same(one: pd.DataFrame, two: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, two, check_exact=False, rtol=1e-12)


@given(probe_rows())
def test_counts_and_responders_are_those_of_the_plainest_code(rows: list[Row]):
    table = hop_table(tables(rows))
    expected = oracle.hops(rows)
    assert list(zip(table["run_id"], table["ttl"], strict=True)) == list(expected)
    for row, wanted in zip(table.to_dict("records"), expected.values(), strict=True):
        assert {name: row[name] for name in COUNTS} == {name: wanted[name] for name in COUNTS}
        assert row["addrs"] == wanted["addrs"]
        assert row["share"] == pytest.approx(wanted["share"])
        assert row["loss_ratio"] == pytest.approx(wanted["loss_ratio"], nan_ok=True)


@given(probe_rows(runs=1))
def test_statistics_are_those_of_numpy_and_of_the_definitions(rows: list[Row]):
    table = hop_table(tables(rows))
    for row, wanted in zip(table.to_dict("records"), oracle.hops(rows).values(), strict=True):
        rtts = wanted["rtts"]
        known = {
            "last_ms": rtts[-1] if rtts else np.nan,
            "avg_ms": np.mean(rtts) if rtts else np.nan,
            "best_ms": min(rtts, default=np.nan),
            "worst_ms": max(rtts, default=np.nan),
            "stddev_ms": statistics.stdev(rtts) if len(rtts) > 1 else np.nan,
        } | {f"p{q}_ms": np.percentile(rtts, q) if rtts else np.nan for q in (50, 90, 95, 99)}
        steps = [abs(two - one) for one, two in pairwise(rtts)]
        known |= {
            "jitter_ms": steps[-1] if steps else np.nan,
            "javg_ms": np.mean(steps) if steps else np.nan,
            "jmax_ms": max(steps, default=np.nan),
            "jinta_ms": interarrival_jitter(steps) if steps else np.nan,
        }
        assert {name: row[name] for name in known} == {
            name: pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True) for name, value in known.items()
        }


def interarrival_jitter(steps: list[float]) -> float:
    jitter = 0.0
    for step in steps:
        jitter += (step - jitter) / 16
    return jitter


@pytest.mark.parametrize(
    ("rtts", "stddev", "javg", "jmax", "jinta"),
    [
        ([10, 20], 7.0710678, 10.0, 10.0, 0.625),
        ([100, 100, 100], 0.0, 0.0, 0.0, 0.0),
        ([10, 12, 11, 15, 10, 13] * 50, 1.775, 3.0, 5.0, 3.065),
    ],
)
def test_jitter_and_deviation_where_trippy_and_mtr_are_known_to_err(
    rtts: list[float], stddev: float, javg: float, jmax: float, jinta: float
):
    (row,) = hop_table(tables([probe(n, 1, a(1), float(rtt)) for n, rtt in enumerate(rtts)])).to_dict(
        "records"
    )
    found = [row[name] for name in ("stddev_ms", "javg_ms", "jmax_ms", "jinta_ms")]
    assert found == pytest.approx([stddev, javg, jmax, jinta], abs=0.005)


def test_statistics_follow_rounds_and_not_rows():
    rows = [probe(0, 1, a(1), 5.0), probe(1, 1, a(1), 50.0), probe(2, 1, a(1), 20.0)]
    (row,) = hop_table(tables(rows[::-1])).to_dict("records")
    assert (row["last_ms"], row["jitter_ms"]) == (20.0, 30.0)


def test_a_zero_rtt_is_an_answer():
    (row,) = hop_table(tables([probe(0, 1, a(1), 0.0), probe(1, 1, a(1), 2.0)])).to_dict("records")
    assert (row["recv"], row["avg_ms"], row["best_ms"]) == (2, 1.0, 0.0)


@pytest.mark.parametrize(
    ("status", "sent", "recv", "late", "failed", "loss"),
    [
        ("reply", 2, 2, 0, 0, 0.0),
        ("late", 2, 2, 1, 0, 0.0),
        ("timeout", 2, 1, 0, 0, 0.5),
        ("in_flight", 1, 1, 0, 0, 0.0),
        ("beyond_target", 1, 1, 0, 0, 0.0),
        ("send_error", 1, 1, 0, 1, 0.0),
        ("not_sent", 1, 1, 0, 0, 0.0),
    ],
)
def test_only_a_time_out_is_loss(status: str, sent: int, recv: int, late: int, failed: int, loss: float):
    addr = a(1) if status in ("reply", "late") else None
    (row,) = hop_table(tables([probe(0, 1, a(1)), probe(1, 1, addr, status=status)])).to_dict("records")
    assert [row[name] for name in ("sent", "recv", "late", "failed", "loss_ratio")] == [
        sent,
        recv,
        late,
        failed,
        loss,
    ]


def test_loss_is_missing_and_not_zero_where_nothing_was_sent():
    (row,) = hop_table(tables([probe(0, 1, None, status="send_error")])).to_dict("records")
    assert (row["sent"], row["failed"], row["addrs"]) == (0, 1, ())
    assert np.isnan(row["loss_ratio"])


@pytest.mark.parametrize(
    ("paths", "ttls"),
    [
        ([[a(1), None, TARGET]], [1, 2, 3]),
        ([[a(1), TARGET, TARGET, TARGET]], [1, 2]),
        ([[a(1), None, None, None]], [1, 2]),
        ([[None, None]], [1]),
        ([[a(1), a(2)]], [1, 2]),
        ([[a(1), TARGET], [a(1), None, TARGET]], [1, 2]),
        ([[a(1), TARGET], [a(1), a(2), TARGET]], [1, 2, 3]),
        ([[a(1), TARGET], [a(1), a(2), None, None]], [1, 2, 3]),
    ],
    ids=["reached", "target-answers-on", "silent-end", "all-silent", "cut-by-max-ttl", "target-lost-once",
         "longer-branch", "longer-branch-target-lost"],
)  # fmt: skip
def test_rows_go_to_the_target_or_one_past_the_last_responder(paths: list[list[str | None]], ttls: list[int]):
    assert hop_table(tables(rounds(*paths)))["ttl"].tolist() == ttls


def test_a_flow_that_never_arrives_counts_against_the_target():
    rows = rounds([a(1), a(2), TARGET]) + rounds([a(1), None, None], flow=1)
    table = hop_table(tables(rows)).set_index("ttl")
    assert table["loss_ratio"].tolist() == [0.0, 0.5, 0.5]
    assert hop_stats(tables(rows), by="flow").query("flow == 1")["ttl"].tolist() == [1, 2]


def test_a_target_that_answers_from_another_address_ends_the_path():
    made = tables(rounds([a(1), a(2), a(2)]))
    from_target = made.replies["addr"] == a(2)
    made = replaced(made, replies=conform(made.replies.assign(from_target=from_target), REPLIES))
    assert hop_table(made)["ttl"].tolist() == [1, 2]


def test_a_router_whose_address_is_the_targets_does_not_end_the_path_if_the_reply_says_so():
    made = tables(rounds([a(1), TARGET, a(3), TARGET]))
    said = [False, False, False, True]
    made = replaced(made, replies=conform(made.replies.assign(from_target=said), REPLIES))
    assert hop_table(made)["ttl"].tolist() == [1, 2, 3, 4]


def refused(paths: list[list[tuple[str, int]]], dst: str = TARGET) -> list[int]:
    """TTLs of the hop table of rounds of (responder, ICMP type)."""
    rows = rounds(*[[addr for addr, _ in path] for path in paths])
    made = tables(rows, dst=dst)
    types = [kind for path in paths for _, kind in path]
    probes = conform(made.probes.assign(icmp_type=types), PROBES)
    return hop_table(replaced(made, probes=probes))["ttl"].tolist()


@pytest.mark.parametrize(
    ("path", "ttls"),
    [
        ([(a(1), 11), (a(2), 11), (a(2), 3), (a(2), 3)], [1, 2]),
        ([(a(1), 11), (a(2), 3), (a(2), 3)], [1, 2]),
        ([(a(1), 11), (a(2), 3), (a(3), 11), (TARGET, 0)], [1, 2, 3, 4]),
        ([(a(1), 11), (a(2), 3), (a(3), 11), (a(3), 11)], [1, 2, 3, 4]),
        ([(a(1), 11), (a(2), 11), (a(1), 3), (a(1), 3)], [1, 2, 3]),
    ],
    ids=["its-own-ttl-first", "at-once", "but-the-target-answers", "but-others-answer-beyond", "from-behind"],
)
def test_a_router_that_refuses_to_forward_ends_the_path_once(path: list[tuple[str, int]], ttls: list[int]):
    assert refused([path]) == ttls


def test_in_icmpv6_unreachable_is_type_1_and_type_3_is_time_exceeded():
    one, two, target = "2001:db8::1", "2001:db8::2", "2001:db8::9"
    assert refused([[(one, 3), (two, 1), (two, 1)]], dst=target) == [1, 2]
    assert refused([[(one, 3), (two, 3), (two, 3)]], dst=target) == [1, 2, 3]


def test_the_label_stack_is_the_latest_that_came():
    made = tables(rounds([a(1), a(2)], [a(1), a(2)], [a(1), a(2)]))
    stacks = ["16/0/1/1", None, "17/0/1/1", "24/0/1/1", None, None]
    made = replaced(made, replies=conform(made.replies.assign(mpls=pd.Series(stacks)), REPLIES))
    by_ttl = dict(zip(made.replies["ttl"], made.replies["mpls"], strict=True))
    assert by_ttl  # the six replies are in key order: rounds 0, 1, 2 with TTL 1 and 2
    found = hop_table(made)["mpls"]
    assert found[0] == "17/0/1/1"
    assert found[1] == "24/0/1/1"


@given(probe_rows(), st.integers(0, 2**32 - 1))
def test_the_order_of_rows_does_not_matter(rows: list[Row], seed: int):
    made = tables(rows)
    for function in (hop_table, partial(hop_stats, by="flow")):
        same(function(shuffled(made, seed)), function(made))


@given(probe_rows(runs=1), probe_rows(runs=1))
def test_runs_taken_together_are_the_runs_taken_alone(one: list[Row], two: list[Row]):
    whole = hop_table(concat_tables([tables(one), tables(two)]))
    for run_id, rows in enumerate((one, two)):
        part = whole.loc[whole["run_id"] == run_id].reset_index(drop=True)
        same(part.drop(columns="run_id"), hop_table(tables(rows)).drop(columns="run_id"))


@given(probe_rows())
def test_flows_taken_alone_are_runs_of_one_flow(rows: list[Row]):
    whole = hop_stats(tables(rows), by="flow")
    for flow in {row["flow"] for row in rows}:
        part = whole.loc[whole["flow"] == flow].reset_index(drop=True)
        alone = hop_table(tables([row for row in rows if row["flow"] == flow]))
        same(part.drop(columns="flow"), alone)


@given(probe_rows())
def test_the_frame_keeps_the_contract_of_its_schema(rows: list[Row]):
    check_frame(hop_table(tables(rows)), HOPS)


@given(probe_rows())
def test_probes_in_view_are_those_the_table_counts(rows: list[Row]):
    made = tables(rows)
    seen, table = probes_in_view(made), hop_table(made)
    settled = seen.loc[seen["status"].isin(oracle.SETTLED)].groupby(["run_id", "ttl"]).size()
    expected = table.set_index(["run_id", "ttl"])["sent"]
    assert settled.to_dict() == expected[expected > 0].to_dict()


@pytest.mark.slow
def test_thirty_hops_of_a_thousand_rounds_take_no_time_to_speak_of():
    rng = np.random.default_rng(1)
    rows = [
        probe(n, ttl, a(ttl) if rng.random() < 0.98 else None, 10.0 * ttl + rng.random())
        for n in range(1000)
        for ttl in range(1, 31)
    ]
    made = tables(rows)
    best_s = min(timeit.repeat(lambda: hop_table(made), number=1, repeat=7))
    assert best_s < 0.060 * 3  # the goal is 60 ms on an idle machine
