"""The last mile: where home ends, what is left after the smallest, and whether it follows the day."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import welch

from tests.analysis.handmade import Row, probe, rounds, shuffled, tables
from tests.analysis.strategies import probe_rows
from tests.analysis.timing import EPOCH_S, few, sent
from trippy_nb.analysis import daily_swing, last_mile
from trippy_nb.errors import ConfigError
from trippy_nb.frames import check_frame, concat_tables, conform
from trippy_nb.frames.answers import DAILY, LAST_MILE
from trippy_nb.sim import SimNetwork, parse_scenario
from trippy_nb.testing import simulated

HOME, INNER, SHARED, ISP, CORE = "192.168.1.1", "10.0.0.1", "100.64.0.1", "8.8.4.1", "8.8.4.2"


def one(path: list[str | None], rtts: list[float | None], *, first_ttl: int = 1) -> pd.DataFrame:
    rows = [
        probe(number, first_ttl + place, addr, rtt)
        for number in range(3)
        for place, (addr, rtt) in enumerate(zip(path, rtts, strict=True))
    ]
    return last_mile(sent(rows), bin_s=60)


@pytest.mark.parametrize(
    ("path", "rtts", "wanted"),
    [
        ([HOME, ISP, CORE], [1.0, 8.0, 9.0], 7.0),
        ([HOME, INNER, ISP], [1.0, 3.0, 8.0], 5.0),  # the last private one
        ([HOME, SHARED, ISP], [1.0, 6.0, 9.0], 5.0),  # shared addresses are the provider's
        ([HOME, None, ISP], [1.0, None, 9.0], 8.0),  # silence on the border belongs to neither
        ([ISP, INNER, CORE], [4.0, 5.0, 6.0], 4.0),  # a host with a public address: its own end is 0
        ([None, ISP], [None, 8.0], None),  # nobody knows what lies before
        ([HOME, INNER], [1.0, 2.0], None),  # never left home
        (["fe80::1", "2001:4860::1"], [1.0, 9.5], 8.5),
    ],
)
def test_the_border_is_where_private_addresses_end(
    path: list[str | None], rtts: list[float | None], wanted: float | None
):
    frame = one(path, rtts)
    check_frame(frame, LAST_MILE)
    assert frame["median_ms"].tolist() == ([] if wanted is None else [wanted])
    assert frame["n_rounds"].tolist() == ([] if wanted is None else [3])


def test_what_was_not_probed_is_not_known_to_be_public():
    assert one([ISP, CORE], [4.0, 5.0], first_ttl=2).empty


def test_all_pairs_of_a_round_count_and_the_smallest_median_is_taken_off():
    rows = []
    for number in range(6):
        rows += [probe(number, 1, HOME, 1.0 + k, attempt=k) for k in range(3)]
        rows += [probe(number, 2, ISP, 10.0 + k * (number // 3 + 1), attempt=k) for k in range(3)]
    frame = last_mile(sent(rows, lambda row: row.round // 3 * 1800))
    assert frame["n"].tolist() == [27, 27]
    first = np.median([10 + i - 1 - j for i in range(3) for j in range(3)])
    second = np.median([10 + 2 * i - 1 - j for i in range(3) for j in range(3)])
    assert frame["median_ms"].tolist() == [first, second]
    assert frame["delay_ms"].tolist() == [0, second - first]


def test_a_stretch_with_few_rounds_has_no_delay_and_is_not_the_smallest():
    rows = [probe(n, 1, HOME, 1.0) for n in range(8)]
    rows += [probe(n, 2, ISP, 2.0 if n < 2 else 9.0 + n) for n in range(8)]
    frame = last_mile(sent(rows, lambda row: 0 if row.round < 2 else 1800 * (1 + (row.round - 2) // 3)))
    assert frame["n_rounds"].tolist() == [2, 3, 3]
    assert frame["delay_ms"].isna().tolist() == [True, False, False]
    assert frame["delay_ms"].iloc[1:].tolist() == [0, 3]


def test_runs_of_one_vantage_are_put_together_and_others_are_not():
    parts = [sent(rounds([HOME, ISP]), first_s=k * 100, vantage=name) for k, name in enumerate("aaab")]
    frame = last_mile(concat_tables(parts))
    assert frame[["vantage", "n"]].to_numpy().tolist() == [["a", 3], ["b", 1]]
    slow = sent([probe(0, 1, HOME, 1.0), probe(0, 2, ISP, 50.0)], vantage="c")
    own = last_mile(concat_tables([parts[0], slow]), least_rounds=1)
    assert own["delay_ms"].tolist() == [0, 0]  # less the vantage's own smallest
    unnamed = last_mile(sent(rounds([HOME, ISP]), src="192.168.1.7"))
    assert unnamed["vantage"].tolist() == ["192.168.1.7"]


@few
@given(probe_rows(), st.integers(0, 9))
def test_the_order_of_rows_changes_nothing(rows: list[Row], seed: int):
    swapped = {"10.0.0.2": ISP}
    made = sent([row | {"addr": swapped.get(row["addr"], row["addr"])} for row in rows])
    frame = last_mile(made, bin_s=2, least_rounds=1)
    check_frame(frame, LAST_MILE)
    pd.testing.assert_frame_equal(last_mile(shuffled(made, seed), bin_s=2, least_rounds=1), frame)


def test_without_times_or_bins_it_says_so():
    with pytest.raises(ConfigError, match="no probe has a time of sending"):
        last_mile(tables(rounds([HOME, ISP])))
    with pytest.raises(ConfigError, match="bin_s=0"):
        last_mile(sent(rounds([HOME, ISP])), bin_s=0)


def series(delays_ms: Any, *, bin_s: float = 1800.0) -> pd.DataFrame:
    """A LAST_MILE frame of one vantage; NaN is a stretch with too few rounds."""
    values = np.asarray(delays_ms, dtype=np.float64)
    ns = (EPOCH_S + np.arange(len(values)) * int(bin_s)) * 10**9
    frame = pd.DataFrame(
        {
            "vantage": "here",
            "at": pd.DatetimeIndex(ns, tz="UTC"),
            "n": 9,
            "n_rounds": 3,
            "median_ms": values + 5,
            "delay_ms": values,
            "n_addrs": 1,
            "bin_s": bin_s,
        }
    )
    frame["median_ms"] = frame["median_ms"].fillna(5.0)
    return conform(frame, LAST_MILE)


def hours(days: float) -> Any:
    return np.arange(round(days * 48)) / 2


@pytest.mark.parametrize(("swing_ms", "level"), [(0.3, "none"), (0.7, "low"), (2.0, "mild"), (5.0, "severe")])
def test_the_swing_of_a_day_is_its_peak_to_peak_height(swing_ms: float, level: str):
    wave = swing_ms / 2 * (1 + np.cos(2 * np.pi * hours(9) / 24))
    row = daily_swing(series(wave)).iloc[0]
    check_frame(daily_swing(series(wave)), DAILY)
    assert row["swing_ms"] == pytest.approx(swing_ms, rel=0.02)
    assert row["main_period_h"] == pytest.approx(24)
    assert (bool(row["daily"]), row["level"], row["n"]) == (True, level, 432)
    assert pd.isna(row["needs_days"])


def test_swings_are_those_of_welchs_mean_where_all_days_are_alike():
    wave = 1.5 * (1 + np.cos(2 * np.pi * hours(9) / 24)) + 0.4 * np.cos(2 * np.pi * hours(9) / 8)
    _, power = welch(wave, 2.0, nperseg=144, scaling="spectrum", detrend="linear")
    assert daily_swing(series(wave))["swing_ms"].item() == pytest.approx(
        2 * np.sqrt(2 * power.max()), rel=0.01
    )


def test_another_period_is_not_a_day():
    row = daily_swing(series(2 * (1 + np.cos(2 * np.pi * hours(9) / 12)))).iloc[0]
    assert row["main_period_h"] == pytest.approx(12)
    assert (bool(row["daily"]), row["level"]) == (False, "none")


def test_too_few_days_say_how_many_it_takes():
    row = daily_swing(series(np.ones(100))).iloc[0]
    assert row["days"] == pytest.approx(100 / 48)
    assert row["needs_days"] == 4.5
    assert pd.isna(row["daily"])
    assert pd.isna(row["level"])


def test_gaps_are_bridged_up_to_a_quarter():
    wave = 2 * (1 + np.cos(2 * np.pi * hours(9) / 24))
    holes = np.random.default_rng(1).random(len(wave))
    some, many = wave.copy(), wave.copy()
    some[holes < 0.2], many[holes < 0.4] = np.nan, np.nan
    whole, gappy, sparse = (daily_swing(series(values)).iloc[0] for values in (wave, some, many))
    assert gappy["swing_ms"] == pytest.approx(whole["swing_ms"], rel=0.05)
    assert gappy["filled_ratio"] == pytest.approx(0.8, abs=0.05)
    assert pd.isna(sparse["daily"])


def test_noise_is_seldom_called_a_day():
    luck = np.random.default_rng(7)
    called = sum(
        daily_swing(series(luck.exponential(1, 9 * 48)))["level"].item() != "none" for _ in range(25)
    )
    assert called <= 1


def test_nothing_makes_no_rows_and_only_unknown_delays_make_a_row_without_an_answer():
    assert daily_swing(series([])).empty
    row = daily_swing(series([np.nan] * 5)).iloc[0]
    assert (row["n"], row["needs_days"]) == (0, 4.5)


SCENARIO = """\
[scenario]
name = "home"
seed = 5

[source]
v4 = "192.168.1.10"

[[target]]
name = "target.example"
v4 = "198.51.100.80"
delay = "1ms"

[[router]]
id = "home"
v4 = "192.168.1.1"
delay = { kind = "uniform", min = "400us", max = "900us" }

[[router]]
id = "isp"
v4 = "203.0.113.2"
delay = QUEUE

[[route]]
via = ["home", "isp"]
"""
FULL = '{ kind = "diurnal", base = "4ms", peak = "2ms", period = "24h", peak_at = "20h" }'
PLAIN = '{ kind = "gamma", base = "4ms", shape = 1.0, scale = "500us" }'


@pytest.mark.slow
@pytest.mark.parametrize(("queue", "levels"), [(FULL, {"severe", "mild"}), (PLAIN, {"none"})])
def test_a_line_that_is_full_in_the_evening_is_told_from_one_that_is_not(queue: str, levels: set[str]):
    net = SimNetwork(parse_scenario(SCENARIO.replace("QUEUE", queue)))
    run = simulated(net, protocol="udp", rounds=6 * 144, min_round_duration=600.0, max_round_duration=600.0)
    frame = last_mile(run.tables)
    row = daily_swing(frame).iloc[0]
    assert row["level"] in levels
    assert frame["n_rounds"].max() == 3
    if levels != {"none"}:
        evening = frame.groupby(frame["at"].dt.hour)["delay_ms"].mean()
        assert 17 <= int(evening.to_numpy().argmax()) <= 23
