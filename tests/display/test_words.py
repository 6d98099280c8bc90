from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trippy_nb.display import words


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (0.0, "0.0 %"),
        (1.0, "100.0 %"),
        (1 / 7, "14.3 %"),
        (0.0001, "<0.1 %"),
        (0.9999, ">99.9 %"),
        (None, words.MISSING),
        (math.nan, words.MISSING),
    ],
)
def test_a_ratio_is_told_in_percent_and_never_rounded_to_none_or_all(ratio, text):
    assert words.ratio_text(ratio) == text


@given(st.floats(0, 1))
def test_only_nothing_reads_as_nothing_and_only_all_as_all(ratio):
    text = words.ratio_text(ratio)
    assert (text == "0.0 %") == (ratio == 0)
    assert (text == "100.0 %") == (100 * ratio >= 100)


@pytest.mark.parametrize(
    ("values", "decimals"),
    [
        ([0.04, 0.9], 3),
        ([0.04, 1.0], 2),
        ([99.9], 2),
        ([3.0, 100.0], 1),
        ([None, math.nan], 1),
        ([], 1),
        ([0.0], 3),
    ],
)
def test_a_table_has_one_number_of_decimals(values, decimals):
    assert words.decimals_for(values) == decimals


def test_missing_times_are_a_dash_and_zero_is_zero():
    assert words.ms_text(None, 2) == words.ms_text(math.nan, 2) == "–"
    assert words.ms_text(0.0, 2) == "0.00"


@pytest.mark.parametrize(
    ("shift", "text"),
    [
        ((3.14, 2.2, 4.0), "+3.1 (+2.2 to +4.0)"),
        ((-3.14, -4.0, 0.0), "\N{MINUS SIGN}3.1 (\N{MINUS SIGN}4.0 to 0.0)"),
        ((0.01, None, None), "0.0"),
        ((-0.01, None, None), "0.0"),
        ((1.0, -math.inf, math.inf), "+1.0"),
        ((None, None, None), "–"),
    ],
)
def test_a_shift_has_its_sign_and_its_interval(shift, text):
    assert words.shift_text(shift[0], shift[1], shift[2], 1) == text


@pytest.mark.parametrize(
    ("items", "text"), [([], ""), (["3"], "3"), (["3", "5"], "3 and 5"), (["3", "5", "9"], "3, 5 and 9")]
)
def test_lists_read_as_in_a_sentence(items, text):
    assert words.list_text(items) == text


@given(st.text())
def test_nothing_that_steers_a_terminal_or_turns_the_text_around_survives(text):
    assert words.clean(text).isprintable()
    assert len(words.clean(text)) == len(text)
