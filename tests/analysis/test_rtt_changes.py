"""Changes of RTT by flow and responder, and the changes of path they go with."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pandas as pd
import pandas.testing as pdt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.handmade import TARGET, a, probe, shuffled, tables
from tests.analysis.strategies import probe_rows
from trippy_nb.analysis import joint_events, path_changes, rtt_changes
from trippy_nb.errors import ConfigError
from trippy_nb.frames import Tables
from trippy_nb.frames.answers import JOINT_EVENTS, RTT_CHANGES
from trippy_nb.frames.check import check_frame
from trippy_nb.sim import SimNetwork, parse_scenario
from trippy_nb.testing import simulated

CI = os.environ.get("TRIPPY_NB_PROFILE") == "ci"
N = 40
AT = 20
START = pd.Timestamp("2026-01-01T14:00:00Z")


def rows(*, n=N, late=None, extra_ms=18.0, flow=0, run_id=0, seed=1, **more):
    """Three routers and a target, a round each 10 s; from `AT` on, TTLs from `late` on take longer."""
    rng = np.random.default_rng([seed, flow])
    found = []
    for number in range(n):
        for ttl, addr in enumerate([a(1), a(2), a(3), TARGET], start=1):
            rtt = 5.0 * ttl + rng.gamma(1.5, 0.2)
            if late is not None and number >= AT and (ttl >= late if isinstance(late, int) else ttl in late):
                rtt += extra_ms
            sent = START + pd.Timedelta(seconds=10 * number) + pd.Timedelta(milliseconds=ttl)
            found.append(probe(number, ttl, addr, rtt, flow=flow, run_id=run_id) | {"sent_at": sent} | more)
    return found


def timed(found: list[dict[str, Any]], **run: Any) -> Tables:
    """Tables of these probes, with the times they were sent at."""
    made = tables([{k: v for k, v in row.items() if k != "sent_at"} for row in found], **run)
    key = ["run_id", "round", "flow", "ttl", "attempt"]
    times = pd.DataFrame(found).set_index(key)["sent_at"]
    at = times.reindex(pd.MultiIndex.from_frame(made.probes[key].astype("int64"))).to_numpy()
    probes = made.probes.assign(sent_at=pd.DatetimeIndex(at).tz_convert("UTC").as_unit("ns"))
    return Tables(**({table.name: frame for table, frame in made.items()} | {"probes": probes}))


def only(frame: pd.DataFrame) -> Any:
    """The one row of a frame."""
    (row,) = frame.itertuples()
    return row


def test_a_step_beyond_a_hop_is_one_event_from_there_on():
    changes = rtt_changes(timed(rows(late=2)))
    check_frame(changes, RTT_CHANGES)
    assert changes["ttl"].tolist() == [2, 3, 4]
    assert changes["addr"].tolist() == [a(2), a(3), TARGET]
    assert set(changes["event"]) == {0}
    assert set(changes["round"]) == {AT}
    assert set(changes["last_round"]) == {AT - 1}
    assert set(changes["first_ttl"]) == {2}
    assert changes["carried_to"].tolist() == [4, 4, pd.NA]
    assert changes["n_beyond"].tolist() == [2, 1, 0]
    assert changes["reach"].tolist() == ["carried", "carried", "nothing beyond"]
    assert (changes["shift_ms"] - 18).abs().max() < 0.5
    assert changes["at"].iloc[0] == START + pd.Timedelta(seconds=10 * AT, milliseconds=2)
    assert changes["last_seen_at"].iloc[0] == START + pd.Timedelta(seconds=10 * (AT - 1), milliseconds=2)
    assert set(changes["n"]) == {N}
    assert changes["observed_s"].iloc[0] == 10 * (N - 1)
    assert changes["lasted_s"].isna().all()


def test_a_step_that_hops_beyond_do_not_show_is_of_one_router():
    changes = rtt_changes(timed(rows(late={2})))
    assert changes["ttl"].tolist() == [2]
    assert changes["reach"].tolist() == ["here only"]
    assert changes["carried_to"].isna().all()


def test_steps_of_other_sizes_are_other_events():
    found = [
        row | {"rtt_ms": row["rtt_ms"] + (15 if row["ttl"] == 2 and row["round"] >= AT else 0)}
        for row in rows(late=2)
    ]
    changes = rtt_changes(timed(found))
    assert changes.groupby("event")["ttl"].agg(list).tolist() == [[2], [3, 4]]
    assert changes["reach"].tolist() == ["here only", "carried", "nothing beyond"]


def test_a_step_ends_when_the_next_begins():
    found = [
        row | {"rtt_ms": row["rtt_ms"] - (18 if row["round"] >= AT + 10 and row["ttl"] >= 2 else 0)}
        for row in rows(late=2)
    ]
    changes = rtt_changes(timed(found))
    assert changes["event"].tolist() == [0] * 3 + [1] * 3
    assert changes["lasted_s"].tolist()[:3] == [100.0] * 3
    assert changes["lasted_s"].iloc[3:].isna().all()


def test_the_target_is_followed_where_the_path_grows():
    longer = [
        row | {"ttl": row["ttl"] + (row["round"] >= AT and row["ttl"] == 4)} for row in rows(late={4})
    ] + [
        probe(number, 4, a(9), 20.0) | {"sent_at": START + pd.Timedelta(seconds=10 * number, milliseconds=5)}
        for number in range(AT, N)
    ]
    changes = rtt_changes(timed(longer))
    assert changes["addr"].tolist() == [TARGET]
    assert changes["ttl"].tolist() == [5]


def test_flows_that_show_it_together_are_one_event():
    changes = rtt_changes(timed([*rows(late=3), *rows(late=3, flow=1)]))
    assert set(changes["event"]) == {0}
    assert changes.groupby("series")["ttl"].agg(list).tolist() == [[3, 4], [3, 4]]
    assert changes["n_carried"].tolist() == [1, 1, 0, 0]


def test_flows_too_short_to_be_judged_are_pooled():
    found = [row | {"flow": row["round"] % 10} for row in rows(late=3)]
    made = timed(found)
    changes = rtt_changes(made)
    assert changes["ttl"].tolist() == [3, 4]
    assert changes["series"].isna().all()
    assert set(changes["header"]) == {""}
    pdt.assert_frame_equal(changes, rtt_changes(made, pool_flows=True))
    assert rtt_changes(made, pool_flows=False).empty


def test_flows_sent_by_turns_are_compared_with_themselves():
    """Six flows of which three are slower, eight rounds each by turns; then a step that all show."""

    def asked(extra_ms: float) -> pd.DataFrame:
        luck = np.random.default_rng(2)
        found = [
            probe(
                number,
                1,
                a(1),
                20 + 30 * (number // 8 % 6 > 2) + luck.gamma(1.5, 0.2) + extra_ms * (number >= 48),
            )
            | {"flow": number // 8 % 6}
            for number in range(96)
        ]
        return rtt_changes(tables(found), pool_flows=True)

    turns = asked(0)
    assert turns["round"].tolist() == [24, 48, 72]
    assert turns["n_by_chance"].min() > 0.5
    moved = asked(90)
    assert moved.loc[moved["round"] == 48, "n_by_chance"].item() < 1e-6


def test_many_runs_of_one_round_are_one_run_of_many_rounds():
    one = rtt_changes(timed(rows(late=2)))
    found = [row | {"run_id": row["round"], "round": 0} for row in rows(late=2)]
    many = rtt_changes(timed(found))
    assert many["run_id"].tolist() == one["round"].tolist()
    same = [
        name for name in RTT_CHANGES.names if name not in ("run_id", "round", "last_run_id", "last_round")
    ]
    pdt.assert_frame_equal(many[same], one[same])


@pytest.mark.slow
@settings(max_examples=4)
@given(st.integers(0, 1000))
def test_the_order_of_rows_does_not_matter(seed):
    made = timed([*rows(late=2), *rows(late=3, flow=1)])
    pdt.assert_frame_equal(rtt_changes(shuffled(made, seed)), rtt_changes(made))


@pytest.mark.slow
@settings(max_examples=40 if CI else 8)
@given(probe_rows())
def test_any_probes_make_a_sound_table(found):
    made = tables(found)
    changes = rtt_changes(made)
    check_frame(changes, RTT_CHANGES)
    joint = joint_events(changes, path_changes(made))
    check_frame(joint, JOINT_EVENTS)
    assert len(joint) == changes["event"].nunique()


def test_nothing_makes_an_empty_table():
    empty = tables([])
    check_frame(rtt_changes(empty), RTT_CHANGES)
    joint = joint_events(rtt_changes(empty), path_changes(empty))
    check_frame(joint, JOINT_EVENTS)
    assert joint.empty


def test_options_out_of_range_are_refused():
    with pytest.raises(ConfigError, match="min_shift_ms=-1"):
        rtt_changes(tables([]), min_shift_ms=-1)
    with pytest.raises(ConfigError, match=r"alpha is a probability above 0 and up to 0\.5, not 2"):
        rtt_changes(tables([]), alpha=2)
    with pytest.raises(ConfigError, match="pool_flows is True, False or None, not 'x'"):
        rtt_changes(tables([]), pool_flows="x")  # type: ignore[arg-type]  # what is refused
    with pytest.raises(ConfigError, match="window_s='x' is not a number from 0"):
        joint_events(rtt_changes(tables([])), paths_at(), window_s="x")  # type: ignore[arg-type]  # as above


def paths_at(*moments: float, first_ttl=2, last_ttl=2, flow=0, **more: Any) -> pd.DataFrame:
    """Changes of path so many seconds after the step of `rows`."""
    at = [START + pd.Timedelta(seconds=10 * AT + moment, milliseconds=2) for moment in moments]
    return pd.DataFrame(
        {
            "run_id": 0,
            "flow": flow,
            "round": AT,
            "at": pd.DatetimeIndex(at, tz="UTC"),
            "first_ttl": first_ttl,
            "last_ttl": last_ttl,
        }
        | more
    )


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (paths_at(0), 0),
        (paths_at(-25), 0),  # the interval begins 10 s before, the window is 20 s
        (paths_at(-31), None),
        (paths_at(20), 0),
        (paths_at(21), None),
        (paths_at(500, -12, 5), 1),  # 2 s from the interval, and 5 s: the nearer wins
        (paths_at(0, first_ttl=1, last_ttl=4), 0),
        (paths_at(0, first_ttl=3, last_ttl=3), None),  # beyond the hop
        (paths_at(0, flow=1), None),  # another flow
        (paths_at(), None),
    ],
)
def test_what_coincides(paths, expected):
    row = only(joint_events(rtt_changes(timed(rows(late=2))), paths))
    if expected is None:
        assert pd.isna(row.path_change)
        assert "no change of path" in row.says
    else:
        assert row.path_change == expected
        assert row.says.startswith("RTT +18.")
        assert row.lag_s == pytest.approx(-(paths["at"].iloc[expected] - row.at).total_seconds())


def test_each_change_of_path_is_matched_once():
    found = [
        row | {"rtt_ms": row["rtt_ms"] + (9 if row["round"] >= AT + 6 and row["ttl"] >= 2 else 0)}
        for row in rows(late=2)
    ]
    changes = rtt_changes(timed(found))
    assert changes["event"].nunique() == 2
    joint = joint_events(changes, paths_at(30), window_s=60)
    assert joint["path_change"].notna().sum() == 1
    both = joint_events(changes, paths_at(30, 62), window_s=60)
    assert both["path_change"].tolist() == [0, 1]


def test_the_chance_is_how_often_random_changes_lie_so_near():
    changes = rtt_changes(timed(rows(late=2)))
    head = only(joint_events(changes, paths_at(0, 50, -90)))
    rng = np.random.default_rng(8)
    at = rng.uniform(0, 10 * (N - 1), (20_000, 3)) - 10 * AT  # seconds after the step
    near = ((at >= -30) & (at <= 20)).any(axis=1)
    assert head.n_path_changes == 3
    assert head.chance_ratio == pytest.approx(near.mean(), abs=0.02)
    assert f"{100 * head.chance_ratio:.2g} %" in head.says


def test_flows_that_show_one_change_of_path_are_one_change():
    paths = paths_at(0, 0, event=[7, 7])
    row = only(joint_events(rtt_changes(timed(rows(late=2))), paths))
    assert row.n_path_changes == 1


def test_without_times_nothing_coincides():
    plain = [{k: v for k, v in row.items() if k != "sent_at"} for row in rows(late=2)]
    changes = rtt_changes(tables(plain))
    assert changes["round"].tolist() == [AT] * 3
    row = only(joint_events(changes, paths_at(0)))
    assert pd.isna(row.path_change)
    assert np.isnan(row.chance_ratio)


def test_wrong_frames_and_windows_are_refused():
    changes = rtt_changes(timed(rows(late=2)))
    with pytest.raises(ConfigError, match="path_changes: no column 'first_ttl'"):
        joint_events(changes, paths_at(0).drop(columns="first_ttl"))
    with pytest.raises(ConfigError, match="rtt_changes: no column"):
        joint_events(paths_at(0), paths_at(0))
    with pytest.raises(ConfigError, match="window_s=-1"):
        joint_events(changes, paths_at(0), window_s=-1)


SCENARIO = """\
[scenario]
name = "eighteen-more"
seed = 9

[source]
v4 = "192.0.2.10"

[[target]]
name = "target.example"
v4 = "198.51.100.80"
delay = { kind = "gamma", base = "1ms", shape = 1.5, scale = "200us" }

[[router]]
id = "r1"
v4 = "203.0.113.1"
delay = { kind = "gamma", base = "1ms", shape = 1.5, scale = "200us" }

[[router]]
id = "spiky"
v4 = "203.0.113.2"
delay = "2ms"
answer_delay = { kind = "bimodal", base = "1ms", spike = "35ms", chance = 0.2 }

[[router]]
id = "a"
v4 = "203.0.113.3"
delay = "2ms"

[[router]]
id = "b"
v4 = "203.0.113.4"
delay = "11ms"

[[router]]
id = "r2"
v4 = "203.0.113.5"
delay = { kind = "gamma", base = "1ms", shape = 1.5, scale = "200us" }

[[route]]
via = ["r1", "spiky", "a", "r2"]

[[route]]
at = "63s"
via = ["r1", "spiky", "b", "r2"]
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [{"protocol": "icmp"}, {"protocol": "udp", "multipath_strategy": "dublin"}],
    ids=["icmp", "udp"],
)
def test_a_detour_of_the_simulated_internet_is_named(options):
    run = simulated(
        SimNetwork(parse_scenario(SCENARIO)), rounds=120, min_round_duration=1.0, **options
    ).tables
    changes = rtt_changes(run)
    # The way there and back is 2 * (11 - 2) ms longer, and a router with spikes is no change.
    assert changes["ttl"].tolist() == [4, 5]
    assert changes["addr"].tolist() == ["203.0.113.5", "198.51.100.80"]
    assert (changes["shift_ms"] - 18).abs().max() < 0.5
    assert all(abs(number - 63) <= 1 for number in changes["round"])
    assert changes["reach"].tolist() == ["carried", "nothing beyond"]
    row = only(joint_events(changes, path_changes(run)))
    if options["protocol"] == "icmp":
        assert (row.path_first_ttl, row.path_last_ttl) == (3, 3)
        assert row.lag_s == pytest.approx(0, abs=2)
        assert row.chance_ratio < 0.1
        assert "coincides with the change at hop 3 (reroute): 203.0.113.3 -> 203.0.113.4" in row.says
        pooled = only(joint_events(rtt_changes(run, pool_flows=True), path_changes(run)))
        assert pooled.says == row.says
    else:  # a new flow each round: no path of a flow is seen twice, so no change of it
        assert pd.isna(row.path_change)
