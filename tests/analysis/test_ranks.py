"""Tests and intervals agree with scipy, with brute force, and with what confidence means."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact, mannwhitneyu

from trippy_nb.analysis import ranks
from trippy_nb.analysis.comparison.chance import differences, enough, fisher, least_p
from trippy_nb.analysis.ranks import interval_rank, mann_whitney, shift_between

numbers = st.integers(0, 30).map(lambda n: n / 4)  # many ties
distinct = st.floats(0, 1000, allow_subnormal=False)


def sample(values: st.SearchStrategy[float], largest: int) -> st.SearchStrategy[list[float]]:
    return st.lists(values, min_size=1, max_size=largest)


@given(sample(numbers, 30), sample(numbers, 30))
def test_the_p_value_is_scipys_with_ties(a: list[float], b: list[float]):
    expected = mannwhitneyu(a, b).pvalue
    if np.isnan(expected):  # scipy has no answer where all values are equal
        expected = 1.0
    assert mann_whitney(np.array(a), np.array(b))[0] == pytest.approx(float(expected), abs=1e-9)


@given(st.lists(distinct, min_size=2, max_size=40, unique=True), st.data())
def test_the_p_value_is_scipys_without_ties_exact_for_small_samples(both: list[float], data: st.DataObject):
    cut = data.draw(st.integers(1, len(both) - 1))
    a, b = np.array(both[:cut]), np.array(both[cut:])
    assert mann_whitney(a, b)[0] == pytest.approx(float(mannwhitneyu(a, b).pvalue), abs=1e-9)


@given(sample(numbers, 12), sample(numbers, 12))
def test_the_shift_is_the_median_of_all_differences_and_lies_in_its_interval(a: list[float], b: list[float]):
    shift = shift_between(np.array(a), np.array(b))
    assert shift.estimate == pytest.approx(float(np.median(np.subtract.outer(b, a))))
    assert shift.low <= shift.estimate <= shift.high


@given(sample(numbers, 12), sample(numbers, 12), st.integers(-40, 40))
def test_moving_a_sample_moves_the_interval_with_it(a: list[float], b: list[float], by: int):
    one, two = (shift_between(np.array(a), np.array(b) + offset) for offset in (0, by))
    assert (two.estimate, two.low, two.high) == pytest.approx(
        (one.estimate + by, one.low + by, one.high + by)
    )


@given(sample(numbers, 12), sample(numbers, 12))
def test_before_and_after_are_mirror_images(a: list[float], b: list[float]):
    there, back = shift_between(np.array(a), np.array(b)), shift_between(np.array(b), np.array(a))
    assert (there.estimate, there.low, there.high) == pytest.approx((-back.estimate, -back.high, -back.low))
    assert there.p_value == pytest.approx(back.p_value)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 3), (3, 4), (4, 4), (5, 3), (6, 6), (2, 8)])
@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_the_rank_of_the_interval_is_the_largest_that_enumeration_allows(n: int, m: int, alpha: float):
    counts = np.zeros(n * m + 1)
    for places in combinations(range(n + m), n):
        counts[sum(places) - n * (n - 1) // 2] += 1
    below = np.cumsum(counts) / counts.sum()
    allowed = [u for u in range(n * m + 1) if below[u] <= alpha / 2 + 1e-12]
    assert interval_rank(n, m, alpha) == max(allowed, default=-1)


def test_too_few_samples_have_no_interval():
    shift = shift_between(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0]))
    assert (shift.low, shift.high) == (-np.inf, np.inf)
    nothing = shift_between(np.zeros(0), np.array([1.0]))
    assert np.isnan(nothing.estimate)
    assert np.isnan(nothing.p_value)


@pytest.mark.parametrize("n", [ranks.EXACT_UP_TO, 15, 10])
def test_the_approximate_rank_is_within_one_of_the_exact_one(n: int, monkeypatch: pytest.MonkeyPatch):
    exact = interval_rank(n, n, 0.05)
    monkeypatch.setattr(ranks, "EXACT_UP_TO", 0)
    assert abs(interval_rank(n, n, 0.05) - exact) <= 1


@pytest.mark.parametrize(("n", "m"), [(6, 6), (10, 25), (40, 30)])
def test_the_interval_holds_the_true_shift_as_often_as_it_says(n: int, m: int):
    rng = np.random.default_rng(20)
    trials, missed = 1000, 0
    for _ in range(trials):
        shift = shift_between(rng.gamma(2, 3, n), rng.gamma(2, 3, m) + 2.5)
        missed += not shift.low <= 2.5 <= shift.high
    assert missed / trials <= 0.05 + 3 * (0.05 * 0.95 / trials) ** 0.5


@given(sample(numbers, 20), sample(numbers, 20), st.data())
def test_large_samples_are_bisected_to_the_same_differences(
    a: list[float], b: list[float], data: st.DataObject
):
    one, two = np.sort(np.array(a)), np.sort(np.array(b))
    rank = data.draw(st.integers(0, len(a) * len(b) - 1))
    expected = np.sort(np.subtract.outer(two, one).ravel())[rank]
    assert ranks._bisected(one, two, rank) == pytest.approx(expected, abs=1e-9)


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12), st.integers(0, 12))
def test_fishers_test_is_scipys(x: int, not_x: int, y: int, not_y: int):
    n, m = x + not_x, y + not_y
    if not n or not m:
        return
    expected = float(fisher_exact([[x, not_x], [y, not_y]]).pvalue)
    assert fisher(x, n, y, m) == pytest.approx(expected, abs=1e-9)


def test_tables_that_cannot_differ_are_no_tests_and_two_responders_are_one():
    assert differences({"a": 5}, {"a": 7}) == []
    assert differences({}, {"a": 7}) == []
    assert len(differences({"a": 5}, {"b": 7})) == 1
    assert len(differences({"a": 5, "b": 1}, {"b": 7, "c": 1})) == 3


@pytest.mark.parametrize("level", [0.05, 0.01, 0.05 / 30])
def test_the_rounds_a_change_needs_are_the_fewest_that_suffice(level: float):
    n = enough((1.0, 0.0), level)
    assert n is not None
    assert fisher(n, n, 0, n) <= level < fisher(n - 1, n - 1, 0, n - 1)
    assert enough((0.4, 0.4), level) is None


@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_the_least_p_value_is_that_of_the_most_extreme_table(n: int, m: int, data: st.DataObject):
    drawn = data.draw(st.integers(0, n + m))
    possible = range(max(0, drawn - m), min(n, drawn) + 1)
    values = [fisher_exact([[x, n - x], [drawn - x, m - drawn + x]]).pvalue for x in possible]
    assert least_p(possible[0], n, drawn - possible[0], m) == pytest.approx(min(values), abs=1e-9)
