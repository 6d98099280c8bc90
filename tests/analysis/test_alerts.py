"""Alerts over recorded runs: when, how long, on which probes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.handmade import TARGET, Row, a, probe, rounds, shuffled, tables
from tests.analysis.strategies import probe_rows
from tests.frames.test_select import BEGIN, timed
from trippy_nb.analysis import alerts
from trippy_nb.analysis.matchers import (
    AddressInRoute,
    Avgratio,
    CheckLatency,
    CheckLoss,
    ConsecutiveLoss,
    LatencyOver,
    LossOver,
    Matcher,
    MosBelow,
    Pattern,
    RouteChanged,
    sample_series,
)
from trippy_nb.errors import ConfigError
from trippy_nb.frames import Tables, check_frame, concat_tables, split_tables
from trippy_nb.frames.answers import ALERTS
from trippy_nb.sim import SimNetwork
from trippy_nb.sim.reading import parse_scenario
from trippy_nb.testing import simulated

HALF = CheckLoss(loss_ratio=0.5)
TWO = ConsecutiveLoss(raise_ratio=0.5, raise_samples=2, clear_ratio=0.5, clear_samples=1)
UP: list[str | None] = [a(1), a(2), TARGET]
DOWN: list[str | None] = [a(1), a(2), None]


def out(*ways: Sequence[str | None]) -> Tables:
    return timed(rounds(*ways))


def spells(found: pd.DataFrame) -> list[tuple[int, int | None]]:
    """(round of raising, round of clearing) of each."""
    cleared = [None if pd.isna(number) else int(number) for number in found["cleared_round"]]
    return list(zip(found["raised_round"].tolist(), cleared, strict=True))


def test_an_outage_is_an_alert_from_its_first_round_to_the_first_after():
    whole = out(UP, UP, DOWN, DOWN, UP, DOWN)
    found = alerts(whole, HALF)
    check_frame(found, ALERTS)
    assert spells(found) == [(2, 4), (5, None)]
    first, second = found.to_dict("records")
    assert (first["n"], first["n_probes"], first["worst"], first["unit"]) == (2, 2, 1.0, "ratio")
    assert first["raised_at"] == BEGIN + pd.Timedelta("2.01s")
    assert first["cleared_at"] == BEGIN + pd.Timedelta("4.01s")
    assert pd.isna(first["ttl"])
    assert first["addr"] == TARGET
    assert first["says"] == (
        f"The target ({TARGET}): loss of 50 % or more in 1 sample; raised for 2 samples (2 probes), "
        "at worst 100 %; then cleared."
    )
    assert second["says"].endswith("raised for 1 sample (1 probe), at worst 100 %; not cleared by the end.")
    assert pd.isna(second["cleared_at"])
    rows = whole.probes.query(first["query"])
    assert rows[["round", "ttl", "status"]].to_numpy().tolist() == [[2, 3, "timeout"], [3, 3, "timeout"]]


def test_a_middle_hop_is_asked_of_anybody_who_answers_there():
    whole = out(UP, [a(1), None, TARGET], [a(1), a(7), TARGET])
    assert alerts(whole, HALF).empty
    found = alerts(whole, HALF, ttl=[2, 1])
    assert found["ttl"].tolist() == [2]
    assert spells(found) == [(1, 2)]
    assert found["says"].item().startswith(f"Hop 2 ({a(2)}): ")


def test_a_target_that_moved_is_looked_for_where_it_is():
    longer = [a(1), a(2), a(3), TARGET]
    assert alerts(out(UP, UP, longer, longer, UP), HALF).empty


def test_a_target_that_never_answered_is_lost_and_one_that_refuses_by_another_too():
    never = out(DOWN, DOWN)
    assert spells(alerts(never, HALF)) == [(0, None)]
    assert "The target (nobody)" in alerts(never, HALF)["says"].item()


def test_flows_and_attempts_of_a_round_are_one_sample():
    rows = [*rounds(UP, UP), *rounds(UP, DOWN, flow=1)]
    rows += [row | {"attempt": 1} for row in rounds(UP, DOWN)]
    series = sample_series(timed(rows))
    assert [(one.sent.tolist(), one.lost.tolist()) for one in series] == [([3, 3], [0, 2])]
    assert spells(alerts(timed(rows), HALF)) == [(1, None)]


def test_the_rtt_of_a_sample_is_the_median():
    rows = [probe(0, 1, TARGET, float(rtt), flow=flow) for flow, rtt in enumerate([1, 2, 50, 60])]
    (series,) = sample_series(timed([*rows, probe(0, 1, flow=4)]))
    assert series.rtt_ms.tolist() == [26.0]
    assert series.loss_ratio.tolist() == [0.2]


def test_what_is_in_flight_or_was_not_sent_is_no_loss():
    rows = rounds(UP, UP, UP)
    for status in ("in_flight", "not_sent", "send_error", "beyond_target"):
        lost = [
            row | {"status": status, "addr": None, "rtt_ms": None} if row["round"] == 1 else row
            for row in rows
        ]
        assert alerts(timed(lost), HALF).empty
        assert sample_series(timed(lost))[0].sent.tolist() == [1, 0, 1]


# --- steps of time


def test_a_step_is_all_rounds_that_began_in_it_and_an_empty_one_is_unknown():
    whole = timed(
        [*rounds(*[UP] * 4, *[DOWN] * 4), *[row | {"round": row["round"] + 20} for row in rounds(UP)]]
    )
    (series,) = sample_series(whole, step_s=4)
    assert series.sent.tolist() == [4, 4, 0, 0, 0, 1]
    assert series.loss_ratio.tolist()[:2] == [0.0, 1.0]
    found = alerts(whole, [HALF, "==U"], step_s=4)
    assert spells(found[found["matcher"] == HALF.title]) == [(4, 20)]
    assert found[found["matcher"] == HALF.title]["n"].item() == 4


def test_steps_need_times():
    with pytest.raises(ConfigError, match="nobody knows when round 0 of run 0 was begun"):
        alerts(tables(rounds(UP)), HALF, step_s=5)
    assert alerts(tables(rounds(DOWN)), HALF)["raised_at"].isna().all()


# --- several runs


def later(whole: Tables, run_id: int) -> Tables:
    """The same an hour later for each run before it."""
    move = pd.Timedelta(hours=run_id)
    frames = {table.name: frame for table, frame in whole.items()}
    frames["probes"] = whole.probes.assign(sent_at=whole.probes["sent_at"] + move)
    return Tables(**frames)


def test_each_run_is_a_series_or_all_of_one_target():
    parts = [later(out(way), number) for number, way in enumerate([UP, DOWN, DOWN, UP])]
    whole = concat_tables(parts)
    one_each = alerts(whole, TWO)
    assert one_each.empty, "no run has two rounds"
    across = alerts(whole, TWO, across_runs=True)
    assert across[["run_id", "cleared_run_id", "n"]].to_numpy().tolist() == [[2, 3, 1]]
    assert across["cleared_at"].item() == BEGIN + pd.Timedelta(hours=3, milliseconds=10)
    mixed = concat_tables([parts[3], parts[1], parts[0], parts[2]])
    assert alerts(mixed, TWO, across_runs=True)["run_id"].item() == 3, "in the order of time"
    other = Tables(
        **{table.name: frame for table, frame in parts[2].items()}
        | {"runs": parts[2].runs.assign(target="b")}
    )
    assert alerts(concat_tables([parts[1], other]), TWO, across_runs=True).empty


def test_an_alert_over_several_runs_names_the_probes_of_each():
    whole = concat_tables([later(out(way, way), number) for number, way in enumerate([UP, DOWN, DOWN])])
    found = alerts(whole, HALF, across_runs=True)
    assert found["query"].item() == "run_id in (1, 2) and ttl == 3"
    assert len(whole.probes.query(found["query"].item())) == found["n_probes"].item() == 4


MATCHERS = [
    HALF,
    CheckLatency(rtt_ms=400, samples=2),
    Pattern(text=">0%,*3*,>0%"),
    LossOver(loss_ratio=0.3, of=2),
]


@pytest.mark.slow
@settings(max_examples=8)
@given(rows=probe_rows(), seed=st.integers(0, 99))
def test_neither_the_order_of_rows_nor_taking_apart_matters(rows: list[Row], seed: int):
    whole = timed(rows)

    def hops(part: Tables) -> list[int]:
        return sorted({1, 2, 3} & set(part.probes["ttl"].tolist()))

    if not hops(whole):
        return
    found = alerts(whole, MATCHERS, ttl=hops(whole))
    check_frame(found, ALERTS)
    pd.testing.assert_frame_equal(found, alerts(shuffled(whole, seed), MATCHERS, ttl=hops(whole)))
    apart = [alerts(part, MATCHERS, ttl=hops(part)) for part in split_tables(whole) if hops(part)]
    assert sum(map(len, apart)) == len(found)
    assert sorted(found["says"]) == sorted(text for one in apart for text in one["says"])
    for row in found.to_dict("records"):
        assert len(whole.probes.query(row["query"])) >= row["n_probes"]


# --- routes


def test_a_change_of_route_is_an_alert_in_its_round():
    whole = out(UP, UP, [a(1), a(7), TARGET], UP)
    changes = pd.DataFrame({"run_id": [0, 0], "round": [2, 3], "kind": ["reroute", "reroute"]})
    assert spells(alerts(whole, RouteChanged(), changes=changes)) == [(2, None)]
    assert spells(alerts(whole, RouteChanged(), changes=changes.iloc[:1])) == [(2, 3)]
    assert alerts(whole, RouteChanged(), changes=changes.iloc[:0]).empty
    with pytest.raises(ConfigError, match="RouteChanged needs changes="):
        alerts(whole, [HALF, RouteChanged()])


def test_an_address_in_the_route_is_an_alert():
    whole = out(UP, [a(1), a(7), TARGET], UP, [a(1), None, TARGET])
    assert spells(alerts(whole, AddressInRoute(network=a(7)))) == [(1, 2)]
    assert alerts(whole, AddressInRoute(network="10.9.0.0/16")).empty


# --- what is said


@pytest.mark.parametrize(
    ("matcher", "worst", "unit", "told"),
    [
        (Pattern(text=">2.5"), 3.0, "ms", "at worst 3 ms"),
        (Pattern(text="==0%"), 0.0, "ratio", "at worst 0 %"),
        (CheckLatency(rtt_ms=2), 3.0, "ms", "at worst 3 ms"),
        (Avgratio(historic=1, current=1, comparator="<=", ratio=1), 1.0, "ratio", "at worst 1 times"),
        (MosBelow(score=5, of=2), 4.4, "MOS", "at worst 4.4"),
        (LatencyOver(rtt_ms=2, samples=1, of=2), 2.0, "samples", "at worst 2 samples"),
    ],
)
def test_the_worst_value_has_its_unit(matcher: Matcher, worst: float, unit: str, told: str):
    (row,) = alerts(out(UP, UP, UP), matcher).to_dict("records")
    assert row["worst"] == pytest.approx(worst, abs=0.01)
    assert row["unit"] == unit
    assert told in row["says"]


# --- names and errors


def test_matchers_may_have_names_and_be_written_as_smokeping_does():
    whole = out(UP, DOWN)
    assert alerts(whole, {"down": "CheckLoss(l=>100,x=>1)"})["matcher"].tolist() == ["down"]
    assert alerts(whole, "CheckLoss(l=>100,x=>1)")["matcher"].tolist() == ["CheckLoss(loss_ratio=1.0)"]
    assert alerts(whole, ["==0%,>0%", HALF])["matcher"].tolist() == [
        "CheckLoss(loss_ratio=0.5)",
        "loss ==0%,>0%",
    ]
    assert alerts(whole, []).empty
    check_frame(alerts(whole, []), ALERTS)
    assert alerts(concat_tables([]), HALF).empty


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"ttl": 0}, "ttl=0: give one or more of the hops that were probed"),
        ({"ttl": "3"}, "ttl='3': give one or more"),
        ({"ttl": 99}, "ttl=99: give one or more of the hops that were probed"),
        ({"ttl": [1, 99]}, r"ttl=\[1, 99\]: give one or more"),
        ({"ttl": []}, r"ttl=\[\]: give one or more"),
        ({"changes": pd.DataFrame({"ttl": [1]})}, "changes: no column 'run_id'; pass what run.changes holds"),
        ({"changes": 5}, "changes is a DataFrame, not int"),
        ({"step_s": 0}, "step_s=0 is not a number above 0"),
        ({"step_s": "1h"}, "step_s='1h' is not a number above 0"),
        ({"step_s": float("nan")}, "step_s=nan is not a number above 0"),
        ({"step_s": 1e-9}, "samples, most of them empty"),
    ],
)
def test_an_error_says_what_to_do(options: dict[str, object], says: str):
    with pytest.raises(ConfigError, match=says):
        alerts(out(UP, UP), HALF, **options)  # type: ignore[arg-type]  # what is refused
    with pytest.raises(ConfigError, match="neither a matcher"):
        alerts(out(UP), 3)  # type: ignore[arg-type]  # what is refused


# --- simulated truth

BURST = """
[scenario]
name = "burst"
description = "A link loses most of what it carries, and is slow, from 40 s to 70 s."
[source]
v4 = "192.0.2.10"
[[target]]
name = "target.example"
v4 = "198.51.100.80"
delay = "1ms"
[[router]]
id = "home"
v4 = "192.0.2.1"
delay = "1ms"
[[router]]
id = "core"
v4 = "203.0.113.1"
delay = "5ms"
[[route]]
via = ["home", "core"]
[[congestion]]
ends = ["home", "core"]
at = "40s"
until = "70s"
loss = 0.6
delay = "20ms"
"""


@cache
def burst(seed: int) -> Tables:
    network = SimNetwork(parse_scenario(BURST, path=str(Path("burst.toml"))))
    return simulated(network, seed=seed, rounds=100, multipath_strategy="dublin", protocol="udp").tables


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_burst_of_loss_is_one_alert_that_lies_in_it(seed: int):
    found = alerts(burst(seed), [LossOver(loss_ratio=0.3, of=10), CheckLatency(rtt_ms=20)])
    assert len(found) == 2, found["says"].tolist()
    seconds = {
        row["matcher"].partition("(")[0]: [
            (row[end] - BURST_BEGIN).seconds for end in ("raised_at", "cleared_at")
        ]
        for row in found.to_dict("records")
    }
    raised, cleared = seconds["LossOver"]
    assert 42 <= raised <= 52
    assert 70 <= cleared <= 80, "ten samples after it at most"
    raised, cleared = seconds["CheckLatency"]
    assert 40 <= raised <= 45
    assert 70 <= cleared <= 71
    assert alerts(burst(seed), [LossOver(loss_ratio=0.3, of=10)], ttl=1).empty, "the hop before it"
    assert len(alerts(burst(seed), [LossOver(loss_ratio=0.3, of=10)], ttl=[1, 2])) == 1


BURST_BEGIN = pd.Timestamp("2000-01-01T00:00:00Z")
