"""The search for a size: its steps against a path that is known, without a network."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trippy_nb.model import plateau_below
from trippy_nb.model.pmtu import PLATEAUS
from trippy_nb.tracing.pmtu import Sizes

MOST, SMALL = 1500, 84
HONEST, OLD, SILENT = "honest", "old", "silent"


def search(mtu: int, word, *, most: int = MOST, least: int = 68) -> tuple[Sizes, int]:
    """Ask until nothing is left to ask, of a path that carries `mtu` bytes."""
    sizes = Sizes(SMALL, most, least)
    asked = 0
    batch = [SMALL, most]
    while batch:
        for size in batch:
            asked += 1
            said = word(size)
            if size <= mtu:
                sizes.pass_(size)
            elif said == SILENT:
                sizes.stop(size)
            else:
                sizes.refused(size, None if said == OLD else said)
        batch = sizes.next_sizes()
        assert asked < 200, "it goes round in circles"
    return sizes, asked


@pytest.mark.parametrize("mtu", [84, 85, 576, 1006, 1280, 1400, 1492, 1499, 1500])
@pytest.mark.parametrize(
    ("word", "most"),
    [(HONEST, 4), (OLD, 60), (SILENT, 30)],
)
def test_every_size_is_found_to_the_byte(mtu, word, most):
    sizes, asked = search(mtu, lambda size: mtu if word == HONEST else word)
    assert sizes.low == mtu
    assert sizes.high == mtu + 1
    assert asked <= most


@given(
    mtu=st.integers(SMALL, MOST),
    words=st.lists(st.sampled_from([OLD, SILENT]) | st.integers(0, 65535), min_size=1, max_size=8),
)
def test_nothing_that_a_router_says_leads_astray(mtu, words):
    turn = iter(range(10**6))
    sizes, _ = search(mtu, lambda size: words[next(turn) % len(words)])
    assert (sizes.low, sizes.high) == (mtu, mtu + 1)


def test_two_probes_do_where_all_pass_and_a_claim_is_checked_with_two_more():
    assert search(MOST, lambda size: SILENT)[1] == 2
    assert search(1400, lambda size: 1400)[1] == 4


def test_nothing_is_asked_where_nothing_gets_through():
    sizes = Sizes(SMALL, MOST, 68)
    sizes.stop(SMALL)
    sizes.stop(MOST)
    assert sizes.next_sizes() == []
    assert sizes.low == 0


def test_a_size_below_what_every_link_carries_is_no_hint():
    sizes = Sizes(SMALL, MOST, 1280)
    sizes.pass_(SMALL)
    sizes.refused(MOST, 600)
    assert 600 not in sizes.next_sizes()


def test_plateaus_are_those_of_rfc_1191_downwards():
    assert [plateau_below(size) for size in (1500, 1492, 1006, 69, 68)] == [1492, 1006, 508, 68, 68]
    assert list(PLATEAUS) == sorted(PLATEAUS, reverse=True)
