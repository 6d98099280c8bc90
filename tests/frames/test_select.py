"""A part of a run is its probes, and all of theirs; it knows whose part it is."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.analysis.handmade import TARGET, Row, a, probe, replaced, rounds, shuffled, tables
from tests.analysis.strategies import probe_rows
from trippy_nb.errors import ConfigError
from trippy_nb.frames import (
    REPLIES,
    Tables,
    between,
    check_frame,
    concat,
    concat_tables,
    conform,
    read_tables,
    split_tables,
    tables_from_probes,
    where,
    with_note,
    write_tables,
)
from trippy_nb.frames.keys import probe_rows as rows_of_probes
from trippy_nb.testing import simulated

BEGIN = pd.Timestamp("2024-05-01T14:00:00Z")
EXAMPLES = 30 if os.environ.get("TRIPPY_NB_PROFILE") == "ci" else 6
KEY = ["run_id", "round", "flow", "ttl", "attempt"]


def timed(rows: list[Row], *, step_s: float = 1.0, **run: object) -> Tables:
    """A round a second; the probes of a round are a hundredth of a second apart."""
    frame = pd.DataFrame(rows, columns=list(probe(0, 1)))
    frame["addr"] = frame["addr"].astype("str")
    frame["rtt_ms"] = frame["rtt_ms"].astype("float64")
    seconds = frame["round"] * step_s + frame["ttl"] * 0.01
    frame["sent_at"] = BEGIN + pd.to_timedelta(seconds.to_numpy(dtype=float), unit="s")
    ids = sorted(set(frame["run_id"])) or [0]
    facts = {"dst_addr": TARGET, "started_at": BEGIN, "flow_stable": True} | run
    return tables_from_probes(frame, runs=pd.DataFrame([{"run_id": number} | facts for number in ids]))


@cache
def five() -> Tables:
    """Five rounds over two hops to the target; two flows."""
    way = [a(1), a(2), TARGET]
    return timed([*rounds(*[way] * 5), *rounds(*[way] * 5, flow=1)])


def check(part: Tables) -> None:
    """The contract of every table, and of all together."""
    for table, frame in part.items():
        check_frame(frame, table)
    assert set(part.probes["run_id"]) == set(part.runs["run_id"]) or part.probes.empty
    pairs = {*zip(part.flows["run_id"], part.flows["flow"], strict=True)}
    assert pairs == {*zip(part.probes["run_id"], part.probes["flow"], strict=True)}
    assert set(part.handles["run_uuid"]) <= set(part.runs["run_uuid"])


# --- between


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (1, 3, [1, 2]),
        (None, 2, [0, 1]),
        (3, None, [3, 4]),
        (np.int64(1), np.float64(2.0), [1]),
        (timedelta(seconds=1), timedelta(seconds=2), [1]),
        ("2024-05-01T14:00:01Z", "2024-05-01T14:00:03Z", [1, 2]),
        ("2024-05-01 14:00:01", "2024-05-01 14:00:03", [1, 2]),
        ("2024-05-01T16:00:01+02:00", "2024-05-01T16:00:03+02:00", [1, 2]),
        ("14:00:01", "14:00:03", [1, 2]),
        ("14:00", "14:01", [0, 1, 2, 3, 4]),
        (datetime(2024, 5, 1, 14, 0, 1, tzinfo=UTC), None, [1, 2, 3, 4]),
        (np.datetime64("2024-05-01T14:00:04"), None, [4]),
        (BEGIN.tz_convert("Asia/Tokyo") + pd.Timedelta("2s"), None, [2, 3, 4]),
        ("2024-05-01", "2024-05-02", [0, 1, 2, 3, 4]),
    ],
)
def test_a_window_is_half_open_however_its_ends_are_written(start, end, expected):
    part = between(five(), start, end)
    check(part)
    assert sorted(set(part.probes["round"])) == expected
    assert sorted(set(part.replies["round"])) == expected
    assert part.runs["rounds"].item() == len(expected)


def test_a_probe_sent_at_the_end_is_not_in_it_and_one_sent_at_the_start_is():
    whole = five()
    first = whole.probes["sent_at"].min()
    assert len(between(whole, first, first + pd.Timedelta(1, unit="ns")).probes) == 2  # one of each flow
    assert first not in set(between(whole, first + pd.Timedelta(1, unit="ns"), None).probes["sent_at"])


def test_the_times_of_a_part_are_those_of_its_window_as_far_as_the_run_was_there():
    whole = replaced(five(), runs=five().runs.assign(ended_at=pd.DatetimeIndex([BEGIN + pd.Timedelta("6s")])))
    part = between(whole, 1, 3).runs.iloc[0]
    assert (part["started_at"], part["ended_at"]) == (BEGIN + pd.Timedelta("1s"), BEGIN + pd.Timedelta("3s"))
    part = between(whole, 1, 90).runs.iloc[0]
    assert part["ended_at"] == BEGIN + pd.Timedelta("6s")


def test_a_run_that_goes_on_has_parts_that_are_over_and_one_that_is_not():
    whole = replaced(
        five(), runs=five().runs.assign(ended_at=pd.DatetimeIndex([pd.NaT], tz="UTC").as_unit("ns"))
    )
    assert between(whole, 1, 3).runs["ended_at"].item() == BEGIN + pd.Timedelta("3s")
    assert pd.isna(between(whole, 3, 90).runs["ended_at"].item())


def test_a_reply_follows_its_probe_and_one_to_no_probe_goes_by_its_own_time():
    whole = timed(rounds([a(1)], [a(1)]))
    late = whole.replies.assign(received_at=BEGIN + pd.Timedelta("1.2s"))  # though one probe is of round 0
    stray = late.iloc[[0]].drop(columns=["round", "flow", "ttl", "attempt"])
    stray = stray.assign(reply=7, kind="unmatched", received_at=BEGIN + pd.Timedelta("1.5s"))
    both = replaced(whole, replies=concat([conform(late, REPLIES), conform(stray, REPLIES)]))
    assert between(both, 0, 1).replies["reply"].tolist() == [0]
    assert between(both, 1, 2).replies["reply"].tolist() == [1, 7]
    assert where(both, round=1).replies["reply"].tolist() == [1]


def test_what_was_never_sent_goes_with_its_round():
    whole = timed([probe(0, 1, a(1)), probe(1, 1, a(1)), probe(1, 2, status="not_sent")])
    unsent = whole.probes.assign(sent_at=whole.probes["sent_at"].where(whole.probes["status"] != "not_sent"))
    part = between(replaced(whole, probes=unsent), 1, 2)
    assert len(part.probes) == 2


def test_the_outcome_is_that_of_the_part():
    away = [[a(1), a(2), TARGET]] * 2 + [[a(1), a(2), None]] * 2 + [[None, None, None]] * 2
    whole = timed(rounds(*away))
    assert whole.runs["outcome"].item() == "reached"
    told = [between(whole, at, at + 2).runs.iloc[0] for at in (0, 2, 4)]
    assert [run["outcome"] for run in told] == ["reached", "destination_silent", "nothing"]
    assert [run["target_ttl"] for run in told] == [3, pd.NA, pd.NA]


def test_a_refusal_in_the_part_is_told():
    rows = [probe(0, 1, a(1)), probe(0, 2, TARGET), probe(1, 1, a(1)), probe(1, 2, a(2))]
    whole = timed(rows)
    refused = pd.array([11, 3, 11, 3], dtype="UInt8")
    part = between(replaced(whole, probes=whole.probes.assign(icmp_type=refused)), 1, None)
    assert part.runs["outcome"].item() == "filtered"


# --- where


@pytest.mark.parametrize(
    ("condition", "column", "expected"),
    [
        ({"ttl": 2}, "ttl", {2}),
        ({"ttl": [1, 3]}, "ttl", {1, 3}),
        ({"ttl": range(2, 4)}, "ttl", {2, 3}),
        ({"ttl": slice(2, None)}, "ttl", {2, 3}),
        ({"ttl": slice(None, 3)}, "ttl", {1, 2}),
        ({"ttl": range(1, 9, 2)}, "ttl", {1, 3}),
        ({"round": range(1, 3)}, "round", {1, 2}),
        ({"round": np.array([0, 4])}, "round", {0, 4}),
        ({"flow": 1}, "flow", {1}),
        ({"flow": [1, 99]}, "flow", {1}),
        ({"responder": a(2)}, "addr", {a(2)}),
        ({"responder": "10.0.0.0/24"}, "addr", {a(1), a(2)}),
        ({"responder": [a(1), "198.51.100.0/24"]}, "addr", {a(1), TARGET}),
        ({"status": "reply"}, "status", {"reply"}),
    ],
)
def test_each_condition_keeps_what_it_says(condition, column, expected):
    part = where(five(), **condition)
    check(part)
    assert set(part.probes[column]) == expected
    whole = five().probes
    assert len(part.probes) == whole[column].isin(expected).sum()
    assert len(part.replies) == len(part.probes)


def test_conditions_join():
    part = where(five(), flow=0, ttl=2, round=[0, 1])
    assert part.probes[["flow", "ttl", "round"]].to_numpy().tolist() == [[0, 2, 0], [0, 2, 1]]
    assert part.flows["flow"].tolist() == [0]
    assert part.runs["target_ttl"].item() == 3, "known of the whole path, which this is not"


def test_chosen_rounds_have_times_of_their_own():
    part = where(five(), round=range(1, 3)).runs.iloc[0]
    assert part["started_at"] == BEGIN + pd.Timedelta("1.01s")
    assert part["ended_at"] == BEGIN + pd.Timedelta("2.03s")


# --- identity


def test_a_part_says_whose_it_is_and_what_was_chosen():
    whole = five()
    name = whole.runs["run_uuid"].item()
    part = between(whole, 1, 3)
    smaller = where(part, ttl=2)
    assert part.runs["part_of"].item() == smaller.runs["part_of"].item() == name
    assert part.runs["selection"].item() == "from 2024-05-01T14:00:01+00:00 to 2024-05-01T14:00:03+00:00"
    assert smaller.runs["selection"].item() == part.runs["selection"].item() + "; ttl 2"
    names = {tables.runs["run_uuid"].item() for tables in (whole, part, smaller)}
    assert len(names) == 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda t: between(t, 1, 3), lambda t: between(t, "14:00:01", "14:00:03")),
        (lambda t: where(t, ttl=[2, 1]), lambda t: where(t, ttl=(1, 2))),
        (lambda t: where(t, ttl=range(1, 3)), lambda t: where(t, ttl=slice(1, 3))),
        (lambda t: where(t, responder="10.0.0.1/32"), lambda t: where(t, responder=["10.0.0.1"])),
    ],
)
def test_the_same_choice_is_the_same_part(one, other):
    assert one(five()).runs["run_uuid"].item() == other(five()).runs["run_uuid"].item()


def test_a_choice_that_leaves_nothing_out_is_the_run_itself():
    whole = five()
    assert between(whole, None, None) is whole
    assert where(whole, ttl=range(1, 30)) is whole
    assert where(whole) is whole
    part = between(whole, 1, 3)
    assert between(part, "14:00:01", "14:00:03") is part


# --- errors


def odd(value: Any) -> Any:
    """What no type checker lets through."""
    return value


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda t: between(t, "now", None), "is no time"),
        (lambda t: between(t, "14h", None), "is no time"),
        (lambda t: between(t, "25:61", None), "is no time"),
        (lambda t: between(t, "2024-13-01", None), "is no time"),
        (lambda t: between(t, float("nan"), None), "is no time"),
        (lambda t: between(t, bool(1), None), "is no time"),
        (lambda t: between(t, odd([1]), None), "is no time"),
        (lambda t: between(t, odd(pd.NaT), None), "is no time"),
        (lambda t: between(t, 3, 3), "has no time in it"),
        (lambda t: between(t, 500, 600), "probes went from 2024-05-01T14:00:00.01"),
        (lambda t: where(t, flow=9), "no probe has flow 9: there is 0, 1"),
        (lambda t: where(t, ttl=range(7, 9)), "no probe has ttl 7 to 8: there is 1, 2, 3"),
        (lambda t: where(t, ttl=slice(7, None)), "no probe has ttl 7 to ...: there is"),
        (lambda t: where(t, ttl=range(3, 3)), "asks for nothing"),
        (lambda t: where(t, ttl=range(3, 0, -1)), "a range goes up"),
        (lambda t: where(t, ttl=[]), "asks for nothing"),
        (lambda t: where(t, ttl=odd("2")), "give a number"),
        (lambda t: where(t, ttl=odd(2.5)), "give a number"),
        (lambda t: where(t, ttl=[True]), "give a number"),
        (lambda t: where(t, responder="router"), "neither an address nor a network"),
        (lambda t: where(t, responder="10.0.0.1/24"), "has host bits set"),
        (lambda t: where(t, responder=[]), "names nobody"),
        (
            lambda t: where(t, responder="203.0.113.1"),
            "no probe has responder 203.0.113.1: there is 10.0.0.1, ",
        ),
        (lambda t: where(t, status="lost"), "the words are reply, late, timeout"),
        (lambda t: where(t, status="late"), "no probe has status late: there is reply"),
        (
            lambda t: where(t, ttl=1, responder=TARGET),
            "no probe fulfils all of ttl 1, responder 198.51.100.9",
        ),
    ],
)
def test_an_error_says_what_was_wrong_and_what_there_is(call, says):
    with pytest.raises(ConfigError, match=r"\A[^\n]+\Z") as caught:
        call(five())
    assert says in str(caught.value)


def test_a_run_without_send_times_says_so():
    with pytest.raises(ConfigError, match="nobody knows when the probes of round 0 of run 0 were sent"):
        between(tables(rounds([a(1)])), 0, 1)
    assert len(where(tables(rounds([a(1)], [a(1)])), round=1).probes) == 1


# --- several runs, any rows


def where_any(whole: Tables, **conditions: list[int]) -> bool:
    fits = [whole.probes[name].isin(list(values)) for name, values in conditions.items()]
    return bool(np.logical_and.reduce(fits).any())


def test_runs_of_which_nothing_is_left_are_left_off_and_the_others_stay_whole():
    both = timed([*rounds([a(1)], [a(1)]), *rounds([a(1)], run_id=1), *rounds([a(3)], run_id=2)])
    part = where(both, responder=a(1))
    check(part)
    assert part.runs["run_id"].tolist() == [0, 1]
    assert part.runs["run_uuid"].tolist() == both.runs["run_uuid"].tolist()[:2]
    assert part.runs["part_of"].isna().all()


@pytest.mark.slow
@settings(max_examples=EXAMPLES)
@given(rows=probe_rows(), cut_s=st.floats(0.001, 5))
def test_what_was_sent_before_and_after_a_moment_is_the_whole(rows: list[Row], cut_s: float):
    whole = timed(rows)
    parts = []
    for ends in ((None, cut_s), (cut_s, None)):
        with suppress(ConfigError):  # nothing was sent then
            parts.append(between(whole, *ends))
    for part in parts:
        check(part)
    for name in ("probes", "replies"):
        pieces = [getattr(part, name) for part in parts]
        keys = sorted(map(tuple, [row for piece in pieces for row in piece[KEY].astype("int64").to_numpy()]))
        assert keys == sorted(map(tuple, getattr(whole, name)[KEY].astype("int64").to_numpy()))


@pytest.mark.slow
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.filter_too_much])
@given(rows=probe_rows(), seed=st.integers(0, 99))
def test_the_order_of_rows_does_not_matter(rows: list[Row], seed: int):
    whole = timed(rows)
    mixed = shuffled(whole, seed)
    conditions: dict[str, Any] = {"ttl": [2, 3, 4], "flow": [0, 1]}
    assume(where_any(whole, **conditions))
    part = where(whole, **conditions)
    other_part = where(mixed, **conditions)
    for name, key in (("probes", KEY), ("runs", ["run_id"]), ("flows", ["run_id", "flow"])):
        left, right = (getattr(one, name).sort_values(key, ignore_index=True) for one in (part, other_part))
        pd.testing.assert_frame_equal(left, right)


@pytest.mark.slow
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.filter_too_much])
@given(rows=probe_rows(runs=3))
def test_choosing_and_taking_apart_can_change_places(rows: list[Row]):
    whole = timed(rows)
    assume(where_any(whole, flow=[0]))
    together = split_tables(where(whole, flow=0))
    apart = [where(one, flow=0) for one in split_tables(whole) if 0 in set(one.probes["flow"])]
    assert len(together) == len(apart)
    for one, other in zip(together, apart, strict=True):
        for (table, left), (_, right) in zip(one.items(), other.items(), strict=True):
            pd.testing.assert_frame_equal(left, right, obj=table.name)


@pytest.mark.slow
def test_a_simulated_part_keeps_its_packets_and_is_saved_and_read(tmp_path):
    whole = simulated("first-steps", rounds=4).tables
    part = with_note(between(whole, 1, 3), "look here", at=1.5, ttl=4)
    check(part)
    assert set(part.packets["round"].dropna()) == {1, 2}
    rows = rows_of_probes(part.packets, part.probes)
    assert (rows >= 0).all()
    assert len(part.packets) > len(part.probes)
    write_tables(part, tmp_path / "part.parquet")
    back = read_tables(tmp_path / "part.parquet")
    for (table, left), (_, right) in zip(part.items(), back.items(), strict=True):
        pd.testing.assert_frame_equal(left, right, obj=table.name)
    again = split_tables(concat_tables([whole, part]))[1]
    assert again.runs["notes"].item() == part.runs["notes"].item()
