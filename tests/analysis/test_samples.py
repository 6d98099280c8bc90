"""Statistics of samples are numpy's and scipy's, for any samples, groups and order of groups."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trippy_nb.analysis.arrays import distinct, stable_order
from trippy_nb.analysis.samples import SAMPLES, sample_columns

NOT_NS = st.floats(0, 1e6)
NS = st.integers(0, 2**40).map(lambda ns: ns / 1e6)
RTTS = st.lists(st.tuples(st.integers(0, 5), st.one_of(NS, st.sampled_from([0.0, 1.0, 2.5]))), max_size=60)
ODD_RTTS = st.lists(st.tuples(st.integers(0, 5), NOT_NS), max_size=40)


def expected(rtts: list[float]) -> dict[str, float]:
    """By the plainest calls there are."""
    from scipy import stats

    if not rtts:
        return dict.fromkeys(SAMPLES, np.nan)
    steps = [abs(two - one) for one, two in pairwise(rtts)]
    jitter = 0.0
    for step in steps:
        jitter += (step - jitter) / 16
    return {
        "last_ms": rtts[-1],
        "avg_ms": np.mean(rtts),
        "best_ms": min(rtts),
        "worst_ms": max(rtts),
        "stddev_ms": np.std(rtts, ddof=1) if len(rtts) > 1 else np.nan,
        "jitter_ms": steps[-1] if steps else np.nan,
        "javg_ms": np.mean(steps) if steps else np.nan,
        "jmax_ms": max(steps, default=np.nan),
        "jinta_ms": jitter if steps else np.nan,
        **{f"p{q}_ms": np.percentile(rtts, q) for q in (50, 90, 95, 99)},
        "gmean_ms": stats.gmean(rtts) if min(rtts) > 0 else 0.0,
        "mad_ms": stats.median_abs_deviation(rtts),
    }


def check(samples: list[tuple[int, float]], count: int) -> None:
    group = np.array([number for number, _ in samples], dtype=np.int64)
    rtt = np.array([value for _, value in samples], dtype=np.float64)
    found = sample_columns(rtt, group, count)
    assert set(found) == set(SAMPLES)
    for number in range(count):
        wanted = expected([value for one, value in samples if one == number])
        got = {name: found[name][number] for name in SAMPLES}
        assert got == {
            name: pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True) for name, value in wanted.items()
        }


@given(RTTS)
def test_of_nanoseconds(samples: list[tuple[int, float]]):
    check(samples, 6)


@given(ODD_RTTS)
def test_of_any_other_numbers(samples: list[tuple[int, float]]):
    check(samples, 6)


@pytest.mark.parametrize("seed", range(3))
def test_of_many_samples_of_a_long_tail(seed: int):
    luck = np.random.default_rng(seed)
    rtt = np.rint(luck.lognormal(2, 1.5, 2000) * 1e6) / 1e6
    check(list(zip(luck.integers(0, 7, 2000).tolist(), rtt.tolist(), strict=True)), 8)


@pytest.mark.parametrize("wanted", [("javg_ms",), ("p50_ms",), ("mad_ms", "jinta_ms"), ("gmean_ms",)])
def test_what_is_wanted_is_what_it_is_among_all(wanted: tuple[str, ...]):
    luck = np.random.default_rng(4)
    rtt, group = luck.gamma(2, 5, 100), luck.integers(0, 3, 100)
    whole, part = sample_columns(rtt, group, 3), sample_columns(rtt, group, 3, wanted=wanted)
    for name in wanted:
        np.testing.assert_array_equal(part[name], whole[name])


def test_a_large_rtt_among_many_groups_has_no_room_in_the_key():
    days_ms = 40 * 86_400_000.0
    found = sample_columns(np.array([days_ms, 1.0, 3.0]), np.array([0, 0, 2**20]), 2**20 + 1)
    assert found["p50_ms"][[0, 2**20]].tolist() == [(days_ms + 1) / 2, 3.0]


@given(st.lists(st.one_of(st.integers(0, 9), st.integers(0, 2**62)), max_size=50))
def test_the_order_of_rows_is_the_stable_one(key: list[int]):
    array = np.array(key, dtype=np.int64)
    assert stable_order(array).tolist() == np.argsort(array, kind="stable").tolist()


@given(st.lists(st.one_of(st.integers(0, 9), st.integers(0, 2**62)), max_size=50))
def test_distinct_values_are_those_of_numpy(key: list[int]):
    array = np.array(key, dtype=np.int64)
    for found, wanted in zip(
        distinct(array), np.unique(array, return_inverse=True, return_counts=True), strict=True
    ):
        np.testing.assert_array_equal(found, wanted)
