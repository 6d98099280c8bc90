"""Intervals of ratios are scipy's; corrected p-values hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from trippy_nb.analysis.ratios import holm, wilson


@given(st.integers(1, 500), st.data(), st.sampled_from([0.01, 0.05, 0.2]))
def test_wilsons_interval_is_scipys(n: int, data: st.DataObject, alpha: float):
    k = data.draw(st.integers(0, n))
    low, high = wilson([k], [n], alpha=alpha)
    expected = binomtest(k, n).proportion_ci(confidence_level=1 - alpha, method="wilson")
    assert (low[0], high[0]) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert low[0] <= k / n <= high[0]


def test_of_nothing_there_is_no_interval():
    low, high = wilson([0], [0])
    assert np.isnan(low[0])
    assert np.isnan(high[0])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_as_stepping_down_does(p: list[float]):
    adjusted = holm(p)
    order = np.argsort(p, kind="stable")
    for alpha in (0.01, 0.05, 0.3):
        going = True
        for step, place in enumerate(order):
            going = going and p[place] * (len(p) - step) <= alpha
            assert (adjusted[place] <= alpha) == going


def test_a_test_that_was_not_made_is_not_counted():
    assert holm([0.02, np.nan, 0.04]).tolist() == pytest.approx([0.04, np.nan, 0.04], nan_ok=True)
