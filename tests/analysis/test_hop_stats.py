"""Hops by TTL, flow and responder: shares, intervals, and what the latest answer said."""

from __future__ import annotations

import sys
from collections import defaultdict
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.handmade import TARGET, Row, a, probe, quoted, replaced, rounds, said, shuffled, tables
from tests.analysis.strategies import probe_rows
from tests.analysis.test_samples import expected
from trippy_nb.analysis import hop_stats, hop_table, links, paths, probes_in_view
from trippy_nb.analysis.blocks import blocks_of
from trippy_nb.errors import ConfigError
from trippy_nb.frames import HOPS, PROBES, REPLIES, RESPONDERS, check_frame, concat, conform
from trippy_nb.testing import simulated


def interval(k: int, n: int) -> tuple[float, float]:
    from scipy.stats import binomtest

    found = binomtest(k, n).proportion_ci(0.95, "wilson")
    return found.low, found.high


def close(value: float) -> Any:
    return pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True)


@given(probe_rows())
def test_responders_are_told_apart_and_their_shares_are_of_all_answers(rows: list[Row]):
    made = tables(rows)
    seen = probes_in_view(made).sort_values(["run_id", "ttl", "round", "flow", "attempt"])
    groups: dict[tuple[int, int, str], list[float]] = defaultdict(list)
    for one in seen[seen["status"].isin(["reply", "late"])].to_dict("records"):
        groups[one["run_id"], one["ttl"], one["addr"]].append(one["rtt_ms"])
    table = hop_stats(made, by="responder")
    check_frame(table, RESPONDERS)
    assert list(zip(table["run_id"], table["ttl"], table["addr"], strict=True)) == sorted(groups)
    for row in table.to_dict("records"):
        rtts = groups[row["run_id"], row["ttl"], row["addr"]]
        n = sum(len(one) for key, one in groups.items() if key[:2] == (row["run_id"], row["ttl"]))
        low, high = interval(len(rtts), n)
        wanted = expected(rtts) | {"share": len(rtts) / n, "share_low_ratio": low, "share_high_ratio": high}
        assert (row["recv"], row["n"]) == (len(rtts), n)
        assert {name: row[name] for name in wanted} == {name: close(value) for name, value in wanted.items()}


@given(probe_rows())
def test_ratios_have_their_intervals_and_are_missing_without_a_probe(rows: list[Row]):
    for row in hop_stats(tables(rows)).to_dict("records"):
        lost, sent, failed = row["sent"] - row["recv"], row["sent"], row["failed"]
        low, high = interval(lost, sent) if sent else (np.nan, np.nan)
        assert (row["loss_low_ratio"], row["loss_high_ratio"]) == (close(low), close(high))
        assert row["failed_ratio"] == close(failed / (sent + failed) if sent + failed else np.nan)
        assert row["forward_loss_ratio"] == close(row["forward_loss"] / sent if sent else np.nan)


def test_a_mean_over_several_responders_says_so():
    table = hop_stats(tables(rounds([a(1), a(2), TARGET], [a(1), a(3), TARGET])))
    assert table["mixed"].tolist() == [False, True, False]
    assert hop_stats(tables(rounds([a(1), a(2), TARGET])), by="flow")["mixed"].tolist() == [False] * 3


LATEST = ("last_seq", "last_sport", "last_dport", "last_icmp_type", "last_icmp_code")


def with_headers(rows: list[Row], values: list[dict[str, Any]]) -> Any:
    """Tables of these probes, in key order, with more columns."""
    made = tables(rows)
    frame = pd.DataFrame(values, dtype=object)
    return replaced(
        made, probes=conform(made.probes.assign(**{str(name): frame[name] for name in frame}), PROBES)
    )


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]])
def test_ports_are_of_the_latest_probe_and_the_message_is_of_the_latest_answer(order: list[int]):
    rows = [probe(0, 1, a(1)), probe(1, 1, a(1)), probe(2, 1)]
    values: list[dict[str, Any]] = [
        {"seq": 5, "sport": 1000, "dport": 33434, "icmp_type": 11, "icmp_code": 0},
        {"seq": 6, "sport": 1001, "dport": 33435, "icmp_type": 3, "icmp_code": 13},
        {"seq": 7, "sport": 1002, "dport": None, "icmp_type": None, "icmp_code": None},
    ]
    made = with_headers(rows, values)
    made = replaced(made, probes=made.probes.iloc[order])
    (row,) = hop_stats(made)[list(LATEST)].to_dict("records")
    assert (row["last_seq"], row["last_sport"]) == (7, 1002)
    assert pd.isna(row["last_dport"])
    assert (row["last_icmp_type"], row["last_icmp_code"]) == (3, 13)


def test_a_hop_that_never_answered_has_no_latest_answer():
    table = hop_stats(tables(rounds([None, TARGET])))
    assert table.loc[0, ["last_icmp_type", "last_icmp_code", "nat", "dscp", "ecn", "mpls"]].isna().all()
    assert pd.api.types.is_dtype_equal(table["dscp"].dtype, pd.UInt8Dtype())


@pytest.mark.parametrize(("tos", "dscp", "ecn"), [(0, 0, 0), (184, 46, 0), (0b10111011, 46, 3), (1, 0, 1)])
def test_the_type_of_service_is_what_the_last_answer_quotes(tos: int, dscp: int, ecn: int):
    made = quoted(tables(rounds([a(1)], [a(1)])), q_tos=lambda row: 8 if row.round == 0 else tos)
    (row,) = hop_stats(made).to_dict("records")
    assert (row["dscp"], row["ecn"]) == (dscp, ecn)


def test_nat_is_what_the_latest_answer_shows():
    words = {(0, 1): "yes", (1, 1): "no", (0, 2): "no", (1, 2): "yes"}
    made = said(tables(rounds([a(1), a(2)], [a(1), a(2)])), nat=lambda row: words[row.round, row.ttl])
    assert hop_stats(made)["nat"].tolist() == ["no", "yes"]
    assert hop_stats(shuffled(made, 3))["nat"].tolist() == ["no", "yes"]


def test_a_duplicate_is_not_the_latest_answer():
    made = quoted(tables(rounds([a(1)])), q_tos=lambda _: 4)
    extra = made.replies.assign(
        reply=np.uint32(9), kind=pd.Categorical(["dup"], made.replies["kind"].cat.categories), q_tos=[255]
    )
    made = replaced(made, replies=concat([made.replies, conform(extra, REPLIES)]))
    (row,) = hop_stats(made).to_dict("records")
    assert (row["dscp"], row["ecn"]) == (1, 0)


@given(probe_rows(), st.sets(st.sampled_from(HOPS.names), min_size=1))
def test_wanted_columns_are_those_of_the_whole_table(rows: list[Row], names: set[str]):
    made = tables(rows)
    part, whole = hop_stats(made, by="flow", columns=names), hop_stats(made, by="flow")
    assert list(part) == [name for name in whole if name in {"run_id", "flow", "ttl", *names}]
    pd.testing.assert_frame_equal(part, whole[list(part)])


def test_a_column_that_there_is_not_is_named_in_a_line():
    made = tables(rounds([a(1)]))
    with pytest.raises(ConfigError, match="columns: hops have no 'p75_ms'"):
        hop_stats(made, columns=["sent", "p75_ms"])
    with pytest.raises(ConfigError, match="columns: responders have no 'sent'"):
        hop_stats(made, by="responder", columns=["sent"])


def test_probes_may_lack_what_may_be_missing():
    made = tables(rounds([a(1), None, TARGET], [a(1), a(2), TARGET]))
    few = ["run_id", "round", "flow", "ttl", "attempt", "status", "addr", "rtt_ms"]
    pd.testing.assert_frame_equal(hop_stats(replaced(made, probes=made.probes[few])), hop_stats(made))


@settings(max_examples=25)
@given(probe_rows(runs=4), st.integers(1, 9))
def test_blocks_of_runs_make_the_same_table(rows: list[Row], size: int):
    made = tables(rows)
    by_key = replaced(made, probes=made.probes.sort_values(["run_id", "round", "flow", "ttl", "attempt"]))
    whole = [function(by_key) for function in (hop_stats, links, paths)]
    with pytest.MonkeyPatch.context() as patch:
        for name in ("hops", "links", "paths"):
            module = sys.modules[f"trippy_nb.analysis.{name}"]  # some functions have the name of their module
            patch.setattr(module, "blocks_of", partial(blocks_of, rows=size))
        parts = [function(by_key) for function in (hop_stats, links, paths)]
    for one, other in zip(parts, whole, strict=True):
        pd.testing.assert_frame_equal(one, other)


def test_blocks_are_whole_runs_and_all_of_them():
    rows = [probe(n, 1, a(1), run_id=run) for run in (0, 1, 2, 5) for n in range(4)]
    made = list(blocks_of(tables(rows), rows=5))
    assert [block.probes["run_id"].unique().tolist() for block in made] == [[0], [1], [2], [5]]
    assert [block.runs["run_id"].tolist() for block in made] == [[0], [1], [2], [5]]
    assert [len(block.replies) for block in made] == [4, 4, 4, 4]
    assert len(list(blocks_of(shuffled(tables(rows), 1), rows=5))) == 1


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
