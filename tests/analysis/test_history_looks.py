"""What looks tell together is what they tell one by one; and what they dispute decides what fits."""

from __future__ import annotations

from functools import reduce
from itertools import combinations
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trippy_nb.analysis.align import paired
from trippy_nb.analysis.history.differences import _cost, _is_in_step
from trippy_nb.analysis.history.looks import Looks, disputes, merged
from trippy_nb.analysis.history.patterns import GAP, Pattern
from trippy_nb.analysis.tracks import Ways, _Places

places = st.lists(st.sampled_from([GAP, GAP, 0, 1]), max_size=5)
looks = st.tuples(st.integers(1, 3), places) | st.tuples(
    st.integers(1, 3), places.map(lambda given: [*given, 2]), st.just("ended")
)
"""First TTL, who answered from there on, and perhaps that the target did at last."""


def made_of(found: list[tuple[Any, ...]]) -> Looks:
    lengths = np.array([len(places) for _, places, *_ in found], dtype=np.int64)
    addr = np.array([code for _, places, *_ in found for code in places], dtype=np.int64)
    start = np.array([first for first, *_ in found], dtype=np.int64)
    first = np.cumsum(lengths) - lengths
    ttl = np.arange(len(addr)) + np.repeat(start - first, lengths)
    ended = np.array([len(one) > 2 for one in found], dtype=np.bool_)
    return Looks(Ways(_Places(addr, ttl, first, lengths, start)), np.arange(len(found)), ended, 1)


@given(st.lists(st.tuples(st.integers(0, 2), looks), min_size=1, max_size=12))
def test_what_is_in_dispute_fits_where_the_whole_looks_do(found):
    made = made_of([look for _, look in found])
    owner = np.array([one for one, _ in found], dtype=np.int64)
    which, short = disputes(made, owner, np.arange(len(found)), 3)
    for a, b in combinations(range(len(found)), 2):
        if owner[a] == owner[b]:
            assert short[which[a]].fits(short[which[b]]) == made[a].fits(made[b])
            if which[a] == which[b]:
                assert made[a].fits(made[b])


@given(st.lists(st.tuples(st.integers(0, 2), looks), min_size=1, max_size=12))
def test_looks_that_fit_are_merged_as_one_after_the_other(found):
    kept: list[tuple[int, tuple[Any, ...]]] = []
    for one, look in found:  # leave out what contradicts those before it
        mine = [other for owner, other in kept if owner == one]
        made = made_of([*mine, look])
        if all(made[number].fits(made[len(mine)]) for number in range(len(mine))):
            kept.append((one, look))
    made = made_of([look for _, look in kept])
    owner = np.array([one for one, _ in kept], dtype=np.int64)
    patterns = merged(made, owner, np.arange(len(kept)), 3)
    for one in set(owner.tolist()):
        alone = [made[number] for number in np.flatnonzero(owner == one).tolist()]
        assert patterns[one] == reduce(Pattern.merged, alone)


rows = st.lists(st.tuples(st.sampled_from([GAP, 0, 1, 2]), st.sampled_from([GAP, 2, 3, 4])), max_size=6)


@given(rows)
def test_paths_in_step_are_aligned_as_the_search_of_all_alignments_does(pairs):
    left, right = tuple(one for one, _ in pairs), tuple(two for _, two in pairs)
    found = paired(len(left), len(right), lambda i, j: _cost(left[i], right[j]))
    if _is_in_step(left, right):
        assert found == [(place, place) for place in range(len(pairs))]
