"""The stopping rule: the published tables, and a plain count of what n flows show."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trippy_nb.model import flows_needed, hidden_ratio

# Veitch et al., INFOCOM 2009; scamper's trace/mda tables.
AT_95 = [6, 11, 16, 21, 27, 33, 38, 44, 51, 57, 63, 70, 76, 83, 90, 96]
AT_99 = [8, 15, 21, 28, 36, 43, 51, 58, 66, 74]


def test_the_numbers_are_those_of_the_papers():
    assert [flows_needed(k, 0.95) for k in range(1, 17)] == AT_95
    assert [flows_needed(k, 0.99) for k in range(1, 11)] == AT_99


@pytest.mark.parametrize(("known", "flows"), [(1, 1), (1, 5), (2, 4), (2, 6), (3, 5)])
def test_what_is_hidden_is_what_a_count_of_all_cases_says(known, flows):
    ways = known + 1
    cases = list(product(range(ways), repeat=flows))
    missed = sum(len(set(case)) < ways for case in cases)
    assert hidden_ratio(known, flows) == pytest.approx(missed / len(cases), abs=1e-15)


@given(st.integers(1, 64), st.sampled_from([0.5, 0.9, 0.95, 0.99, 0.9999]))
def test_the_number_is_the_least_that_is_sure_enough(known, confidence):
    needed = flows_needed(known, confidence)
    assert hidden_ratio(known, needed) <= (1 - confidence) * (1 + 1e-9)
    assert hidden_ratio(known, needed - 1) > 1 - confidence


@given(st.integers(1, 100), st.integers(0, 500))
def test_more_flows_hide_less_and_more_ways_hide_more(known, flows):
    here = hidden_ratio(known, flows)
    assert 0 <= hidden_ratio(known, flows + 1) <= here <= hidden_ratio(known + 1, flows) <= 1
