"""Differential RTTs are those of the plainest loop, and their intervals cover what they promise."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from tests.analysis import oracle
from tests.analysis.handmade import TARGET, Row, a, probe, rounds, shuffled, tables
from tests.analysis.strategies import probe_rows
from tests.analysis.timing import EPOCH_S, WIDE, few, sent
from tests.needs import SHARED_DATA
from trippy_nb.analysis import delay_anomalies, delays
from trippy_nb.analysis.latencies.medians import medians
from trippy_nb.analysis.ratios import wilson
from trippy_nb.errors import ConfigError
from trippy_nb.frames import check_frame, concat_tables
from trippy_nb.frames.answers import DELAY_ALARMS, DELAYS

APART = ("run_id", "flow", "ttl")


def differences(rows: list[Row]) -> dict[tuple[Any, ...], list[tuple[Any, float]]]:
    """Every pair of RTTs of adjacent TTLs of one round: its round and difference, by run, flow, TTL, ends."""
    end, _ = oracle.ends(rows)
    found = defaultdict(list)
    for path, places in oracle.cells(rows).items():
        heard = {
            ttl: [row for row in attempts if row["status"] in oracle.ANSWERED]
            for ttl, attempts in places.items()
            if ttl <= end[path]
        }
        for ttl, here in heard.items():
            for near, far in product(here, heard.get(ttl + 1, ())):
                if near["addr"] != far["addr"]:
                    key = (path[0], path[2], ttl, near["addr"], far["addr"])
                    found[key].append((path, far["rtt_ms"] - near["rtt_ms"]))
    return found


@few
@given(probe_rows(), st.sampled_from([APART, ("run_id", "ttl"), ("ttl",), ()]))
def test_all_pairs_of_a_round_and_nothing_else(rows: list[Row], by: tuple[str, ...]):
    frame = delays(tables(rows), by=by)
    check_frame(frame, DELAYS)
    wanted: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for (run, flow, ttl, near, far), pairs in differences(rows).items():
        kept = {"run_id": run, "flow": flow, "ttl": ttl}
        wanted[(*(kept[name] for name in by), near, far)] += pairs
    found = {
        tuple(record[name] for name in (*by, "from_addr", "to_addr")): record
        for record in frame.to_dict("records")
    }
    assert found.keys() == wanted.keys()
    for key, pairs in wanted.items():
        values = [difference for _, difference in pairs]
        assert found[key]["n"] == len(values)
        assert found[key]["n_rounds"] == len({path for path, _ in pairs})
        assert found[key]["median_ms"] == pytest.approx(np.median(values), rel=1e-9, abs=1e-9)
        assert found[key]["negative_share"] == pytest.approx(np.mean(np.array(values) < 0))
    for name in set(APART) - set(by):
        assert frame[name].isna().all()


@few
@given(probe_rows(), st.integers(0, 9))
def test_the_order_of_rows_changes_nothing(rows: list[Row], seed: int):
    made = sent(rows)
    one, two = delays(made, bin_s=2), delays(shuffled(made, seed), bin_s=2)
    pd.testing.assert_frame_equal(one, two)
    pd.testing.assert_frame_equal(delay_anomalies(one, warm_up=1), delay_anomalies(two.iloc[::-1], warm_up=1))


@few
@given(probe_rows(runs=1), probe_rows(runs=1))
def test_runs_together_are_the_runs_alone(one: list[Row], two: list[Row]):
    together = delays(concat_tables([tables(one), tables(two)]), by=APART)
    alone = [len(delays(tables(rows), by=APART)) for rows in (one, two)]
    assert together.groupby("run_id").size().to_dict() == {n: k for n, k in enumerate(alone) if k}


def test_stretches_of_time_are_kept_apart():
    rows = rounds(*[[a(1), a(2)]] * 40)
    frame = delays(sent(rows, lambda row: row.round * 60), bin_s=600)
    assert frame["n"].tolist() == [10] * 4
    assert [int(at.timestamp()) - EPOCH_S for at in frame["at"]] == [0, 600, 1200, 1800]
    assert delays(tables(rows))["at"].isna().all()


def test_what_chance_decided_is_positional():
    rows = rounds(*[[a(1), a(2)]] * 8)
    assert set(delays(tables(rows))["evidence"]) == {"flow"}
    assert set(delays(tables(rows, stable=False))["evidence"]) == {"positional"}
    mixed = [probe(n, 1, a(1)) for n in range(8)]
    mixed += [probe(n, 2, a(2 + k), attempt=k) for n in range(8) for k in range(2)]
    assert set(delays(tables(mixed))["evidence"]) == {"positional"}


@pytest.mark.parametrize(("times", "evidence"), [(3, "assumed"), (4, "flow")])
def test_delays_behind_flows_that_part_are_assumed_until_flows_were_sent_again(times: int, evidence: str):
    rows = rounds(*[[a(1), a(2), a(4), TARGET]] * times)
    rows += rounds(*[[a(1), a(3), a(5), TARGET]] * times, flow=1)
    found = delays(tables(rows)).groupby("ttl", observed=True)["evidence"].unique()
    assert found.map(list).tolist() == [["flow"], [evidence], [evidence]]


def test_an_address_that_answers_twice_is_no_link():
    assert delays(tables(rounds([a(1), a(1), a(2)])))["from_addr"].tolist() == [a(1)]


def _cover(n: int, rank: int) -> float:
    """Chance that the values of this rank, from either end, are on both sides of the median."""
    return float(binom.cdf(n - rank, n, 0.5) - binom.cdf(rank - 1, n, 0.5))


def test_the_interval_covers_the_median_in_95_percent_or_more_whatever_n_is():
    for n in range(1, 400):
        found = medians(np.arange(n, dtype=float), np.zeros(n, dtype=np.int64), 1)
        assert found.median[0] == (n - 1) / 2
        assert np.isnan(found.low[0]) == (n < 6)
        if n >= 6:
            assert found.low[0] + found.high[0] == n - 1
            assert _cover(n, int(found.low[0]) + 1) >= 0.95
            # ... and not much more: it is no wider than the binomial's own by more than two ranks.
            assert _cover(n, int(found.low[0]) + 3) < 0.95


def test_its_ranks_are_those_of_wilsons_interval_of_one_half():
    for n in (10, 99, 1000):
        low, _ = wilson(n / 2, n)
        found = medians(np.arange(n, dtype=float), np.zeros(n, dtype=np.int64), 1)
        assert found.low[0] == int(low * n) - 1


def test_pairs_that_share_a_probe_count_once():
    values = np.repeat(np.arange(20, dtype=float), 9)
    group = np.zeros(len(values), dtype=np.int64)
    alone = medians(np.arange(20, dtype=float), np.zeros(20, dtype=np.int64), 1)
    together = medians(values, group, 1, independent=np.array([20]))
    naive = medians(values, group, 1)
    assert (together.low[0], together.high[0]) == (alone.low[0], alone.high[0])
    assert naive.high[0] - naive.low[0] < together.high[0] - together.low[0]


@pytest.mark.slow
def test_with_three_attempts_the_interval_still_covers_the_truth():
    luck, hits, naive_hits = np.random.default_rng(3), 0, 0
    trials = 2000 if WIDE else 600
    for _ in range(trials):
        near, far = luck.exponential(2, (2, 15, 3))
        values = (far[:, :, None] - near[:, None, :]).ravel()  # its median is 0
        group = np.zeros(len(values), dtype=np.int64)
        found = medians(values, group, 1, independent=np.array([15]))
        naive = medians(values, group, 1)
        hits += bool(found.low[0] <= 0 <= found.high[0])
        naive_hits += bool(naive.low[0] <= 0 <= naive.high[0])
    assert hits / trials >= 0.95
    assert naive_hits / trials < 0.93


def series(medians_ms: list[float], *, half: float = 0.5, n_rounds: int = 8) -> pd.DataFrame:
    """A DELAYS frame of one link, a stretch an hour."""
    rows = []
    for number, median in enumerate(medians_ms):
        values = np.linspace(-half, half, n_rounds) * 3 + median
        rows += [probe(number * n_rounds + k, 1, a(1), 100.0) for k in range(n_rounds)]
        rows += [probe(number * n_rounds + k, 2, a(2), 100 + value) for k, value in enumerate(values)]
    return delays(sent(rows, lambda row: row.round * 3600 / n_rounds), bin_s=3600)


@pytest.mark.parametrize(
    ("medians_ms", "options", "alarms"),
    [
        ([5, 5, 5, 5, 9, 5], {}, [None, None, None, False, True, False]),
        ([5, 5, 5, 5, 1, 5], {}, [None, None, None, False, True, False]),
        ([5, 5, 5, 5.5], {}, [None, None, None, False]),  # intervals meet
        ([5, 5, 5, 9], {"least_ms": 5}, [None, None, None, False]),
        ([5, 9], {"warm_up": 1}, [None, True]),
        ([5, 9, 9], {"warm_up": 1, "gain": 1.0}, [None, True, False]),
        ([5, 50, 5, 5, 9], {}, [None, None, None, False, True]),  # one odd stretch at first
    ],
)
def test_a_stretch_is_an_alarm_when_the_intervals_part_and_medians_differ(
    medians_ms: list[float], options: dict[str, Any], alarms: list[bool | None]
):
    frame = delay_anomalies(series(medians_ms), **options)
    check_frame(frame, DELAY_ALARMS)
    assert [None if pd.isna(alarm) else bool(alarm) for alarm in frame["alarm"]] == alarms
    known = frame[frame["alarm"].fillna(value=False)]
    assert (known["deviation"] > 0).all()


def test_the_usual_is_smoothed_as_the_paper_says():
    values = [5.0, 6.0, 7.0, 8.0, 9.0]
    frame = delay_anomalies(series(values), gain=0.1)
    usual = 6.0
    for place in (3, 4):
        assert frame["ref_ms"].iloc[place] == pytest.approx(usual)
        assert frame["diff_ms"].iloc[place] == pytest.approx(values[place] - usual)
        usual = 0.9 * usual + 0.1 * values[place]


def test_a_stretch_without_an_interval_is_not_judged_and_not_learned_from():
    frame = delay_anomalies(series([5, 5, 5, 90, 5], n_rounds=5))
    assert frame["alarm"].isna().all()
    assert frame["ref_ms"].isna().all()


TEXT: Any = "1h"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda made: delays(made, by=("addr",)), "by='addr'"),
        (lambda made: delays(made, bin_s=-1), "bin_s=-1 is not a number above 0"),
        (lambda made: delays(made, bin_s=TEXT), "bin_s='1h' is not a number above 0"),
        (lambda made: delays(made, alpha=2), "alpha is a probability"),
        (
            lambda made: delay_anomalies(made.probes),
            r"delays: no column '\w+'; pass what delays\(\) returned",
        ),
        (lambda made: delay_anomalies(delays(made), gain=2), "gain=2 is not a number above 0 to 1"),
        (lambda made: delay_anomalies(delays(made), warm_up=0), "warm_up=0 is not a whole number from 1"),
    ],
)
def test_what_is_asked_wrongly_is_said(call: Any, message: str):
    with pytest.raises(ConfigError, match=message):
        call(tables(rounds([a(1)])))


@pytest.mark.slow
@pytest.mark.needs("shared-data")
def test_real_traceroutes_of_a_day_give_the_medians_of_a_plain_loop():
    """RIPE Atlas: 92 traceroutes of one probe to a root name server, three attempts, sixteen flows."""
    text = (SHARED_DATA / "ripe_atlas" / "2018-01-01_prb4247_msm5004.ndjson").read_text()
    rows, wanted = [], defaultdict(list)
    for number, line in enumerate(text.splitlines()):
        record = json.loads(line)
        heard: dict[int, list[tuple[str, float]]] = {}
        for hop in record["result"]:
            answers = [one for one in hop.get("result", []) if "rtt" in one]
            heard[hop["hop"]] = [(one["from"], one["rtt"]) for one in answers]
            rows += [
                probe(number, hop["hop"], one["from"], one["rtt"], flow=record["paris_id"], attempt=attempt)
                for attempt, one in enumerate(answers)
            ]
        for ttl, here in heard.items():
            for (near, one), (far, two) in product(here, heard.get(ttl + 1, ())):
                if near != far:
                    wanted[ttl, near, far].append(two - one)
    frame = delays(tables(rows, dst="192.5.5.241"), by=("ttl",))
    found = {
        (ttl, near, far): (n, median)
        for ttl, near, far, n, median in frame[["ttl", "from_addr", "to_addr", "n", "median_ms"]].itertuples(
            index=False
        )
    }
    expected = {key: (len(values), pytest.approx(np.median(values))) for key, values in wanted.items()}
    assert found == expected
    assert len(found) >= 2
