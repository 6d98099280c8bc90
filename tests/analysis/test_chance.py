"""What chance explains, against scipy, brute force, and what a level means."""

from __future__ import annotations

from itertools import combinations, product
from math import comb
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter
from scipy.stats import binom, fisher_exact, hypergeom, mannwhitneyu, permutation_test, wilcoxon

from trippy_nb.analysis.autocorrelation import worth
from trippy_nb.analysis.comparison.chance import (
    adjusted,
    detectable_share,
    fisher,
    flows_least_p,
    flows_p,
    means_p,
    newcombe,
    splits,
    strata_p,
)
from trippy_nb.analysis.comparison.paired import _interval_rank, paired_shift
from trippy_nb.analysis.ranks import mann_whitney, shift_between
from trippy_nb.analysis.ratios import holm

LEVEL = 0.05


# --- counts ---


def test_large_tables_are_scipys_too():
    for table in ([[3, 9_997], [40, 9_960]], [[120, 880], [150, 850]], [[0, 5_000], [9, 4_991]]):
        (x, rest), (y, more) = table
        assert fisher(x, x + rest, y, y + more) == pytest.approx(fisher_exact(table).pvalue, rel=1e-7)


tables = st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)).map(
    lambda cells: (cells[0], cells[0] + cells[1], cells[2], cells[2] + cells[3])
)


@given(st.lists(tables, min_size=1, max_size=4))
def test_over_several_flows_the_p_value_is_that_of_all_ways_there_are(
    strata: list[tuple[int, int, int, int]],
):
    ranges = [range(max(0, x + y - m), min(n, x + y) + 1) for x, n, y, m in strata]
    chances: dict[int, float] = {}
    for xs in product(*ranges):
        chance = float(
            np.prod([hypergeom.pmf(k, n + m, x + y, n) for k, (x, n, y, m) in zip(xs, strata, strict=True)])
            if all(n + m for _, n, _, m in strata)
            else 1.0
        )
        chances[sum(xs)] = chances.get(sum(xs), 0.0) + chance
    if not all(n + m for _, n, _, m in strata):
        return
    here = chances[sum(x for x, *_ in strata)]
    p, least = strata_p(strata)
    assert p == pytest.approx(sum(c for c in chances.values() if c <= here * (1 + 1e-7)), abs=1e-9)
    smallest = min(chances.values())
    assert least == pytest.approx(sum(c for c in chances.values() if c <= smallest * (1 + 1e-7)), abs=1e-9)
    assert least <= p * (1 + 1e-9)


@given(tables)
def test_one_flow_is_fishers_test(table: tuple[int, int, int, int]):
    x, n, y, m = table
    if n and m:
        assert strata_p([table])[0] == pytest.approx(fisher(x, n, y, m), abs=1e-9)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=12))
def test_tests_that_could_find_nothing_do_not_count(pairs: list[tuple[float, float]]):
    least = [min(pair) for pair in pairs]
    p = [max(pair) for pair in pairs]
    corrected = adjusted(p, least, LEVEL)
    assert (corrected >= np.array(p) - 1e-12).all()
    everything = adjusted(p, [0.0] * len(p), LEVEL)
    assert everything == pytest.approx(holm(p))
    # Whatever Holm finds among all is found, for those that cannot be significant only get in the way.
    assert {*np.flatnonzero(everything <= LEVEL)} <= {*np.flatnonzero(corrected <= LEVEL)}


def test_of_many_tests_only_those_that_could_have_found_anything_are_counted():
    assert adjusted([0.01, 1.0, 1.0, 1.0], [0.01, 1.0, 0.6, 0.5], LEVEL)[0] == pytest.approx(0.01)
    assert adjusted([0.01, 0.3, 0.2, 0.4], [0.001] * 4, LEVEL)[0] == pytest.approx(0.04)


@pytest.mark.parametrize("counts", [(0, 30, 5), (3, 40, 60), (0, 100, 100), (10, 20, 30)])
def test_the_detectable_share_is_found_four_times_in_five(counts: tuple[int, int, int]):
    x, n, m = counts
    share = detectable_share(x, n, m, 0.01)
    found = [y for y in range(m + 1) if y / m > x / n and fisher(x, n, y, m) <= 0.01]
    assert binom.pmf(found, m, share).sum() == pytest.approx(0.8, abs=1e-6)


def test_too_few_probes_can_detect_nothing():
    assert np.isnan(detectable_share(0, 3, 3, 0.01))
    assert np.isnan(detectable_share(0, 0, 3, 0.01))
    assert np.isnan(detectable_share(29, 30, 30, 0.05, beyond=0.05))


def test_the_interval_of_a_difference_is_newcombes():
    """His own examples (56/70 and 48/80, 9/10 and 3/10, 5/56 and 0/29, 10/10 and 0/20), from memory."""
    known = {
        (48, 80, 56, 70): (0.0524, 0.3339),
        (3, 10, 9, 10): (0.1705, 0.8090),
        (0, 29, 5, 56): (-0.0381, 0.1926),
        (0, 20, 10, 10): (0.6791, 1.0),
    }
    for counts, ends in known.items():
        assert newcombe(*counts, alpha=0.05) == pytest.approx(ends, abs=1e-4)


# --- flows ---


@pytest.mark.parametrize(("n", "m"), [(1, 1), (2, 3), (5, 5), (6, 6)])
def test_few_flows_are_dealt_in_every_way_once(n: int, m: int):
    rows, exact = splits(n, m)
    assert exact
    assert len(rows) == comb(n + m, n) == len({tuple(row) for row in rows.tolist()})
    assert (rows.sum(axis=1) == n).all()
    assert rows[0].tolist() == [True] * n + [False] * m


def test_many_flows_are_dealt_at_random_and_alike_each_time():
    rows, exact = splits(20, 30)
    assert not exact
    assert (rows.sum(axis=1) == 20).all()
    assert rows[0].tolist() == [True] * 20 + [False] * 30
    assert (rows == splits(20, 30)[0]).all()


flow = st.dictionaries(st.integers(1, 3), st.sampled_from("abc"), max_size=3)
flows = st.lists(flow, min_size=1, max_size=3)


@given(flows, flows)
def test_what_the_choice_of_flows_explains_is_counted_over_all_choices(
    a: list[dict[int, str]], b: list[dict[int, str]]
):
    both = [*a, *b]

    def clearness(first: set[int]) -> dict[tuple[int, str], float]:
        found = {}
        for ttl, who in {(ttl, who) for one in both for ttl, who in one.items()}:
            here = [k for k, one in enumerate(both) if ttl in one]
            has = {k for k in here if both[k][ttl] == who}
            n = len(first & {*here})
            if len(has) < len(here):
                x = len(has & first)
                table = [[x, n - x], [len(has) - x, len(here) - n - len(has) + x]]
                found[ttl, who] = fisher_exact(table).pvalue if 0 < n < len(here) else 1.0
        return found

    seen = clearness({*range(len(a))})
    least = [min(clearness({*c}).values(), default=1.0) for c in combinations(range(len(both)), len(a))]
    expected = {key: float(np.mean([one <= p * (1 + 1e-7) for one in least])) for key, p in seen.items()}
    assert flows_p(a, b) == pytest.approx(expected)


def test_flows_that_took_other_ways_throughout_are_as_rare_as_it_gets():
    a, b = [{1: "x", 2: "a"}] * 5, [{1: "x", 2: "b"}] * 5
    assert flows_p(a, b)[2, "a"] == pytest.approx(flows_least_p(5, 5)) == pytest.approx(2 / 252)
    assert flows_p(a, []) == {}


@given(
    st.lists(st.integers(0, 4), min_size=2, max_size=5), st.lists(st.integers(0, 4), min_size=2, max_size=5)
)
def test_means_are_dealt_as_scipy_deals_them(a: list[int], b: list[int]):
    def apart(x: np.ndarray, y: np.ndarray, axis: int) -> Any:
        return np.abs(np.mean(x, axis=axis) - np.mean(y, axis=axis))

    expected = permutation_test((a, b), apart, alternative="greater", n_resamples=np.inf, vectorized=True)
    assert means_p(np.array(a, float), np.array(b, float)) == pytest.approx(expected.pvalue)


# --- samples ---


@pytest.mark.parametrize("n", [1, 4, 6, 9])
def test_the_rank_of_the_paired_interval_is_the_largest_that_enumeration_allows(n: int):
    sums = sorted(sum(chosen) for k in range(n + 1) for chosen in combinations(range(1, n + 1), k))
    for alpha in (0.05, 0.2):
        allowed = [t for t in range(len(sums)) if np.mean(np.array(sums) <= t) <= alpha / 2 + 1e-12]
        assert _interval_rank(n, alpha, 1.0) == max(allowed, default=-1)


@given(st.lists(st.floats(-50, 50, allow_subnormal=False), min_size=1, max_size=30, unique_by=abs))
def test_the_paired_p_value_is_scipys_and_the_shift_brute_force(differences: list[float]):
    d = np.array(differences)
    found = paired_shift(np.zeros(len(d)), d)
    means = [(x + y) / 2 for place, x in enumerate(d) for y in d[place:]]
    assert found.estimate == pytest.approx(np.median(means))
    assert found.low <= found.estimate <= found.high
    if (d != 0).all():
        assert found.p_value == pytest.approx(wilcoxon(d, method="exact").pvalue, abs=1e-9)


@given(st.lists(st.integers(-6, 6), min_size=2, max_size=40))
def test_the_paired_p_value_is_scipys_with_ties(differences: list[int]):
    d = np.array(differences, float)
    given_ = np.abs(d[d != 0])
    if len(given_) == 0 or len(given_) == len(d) == len(np.unique(given_)):
        return
    expected = wilcoxon(d, method="approx", correction=True).pvalue
    assert paired_shift(np.zeros(len(d)), d).p_value == pytest.approx(min(expected, 1.0), abs=1e-9)


def test_without_pairs_there_is_no_paired_shift():
    assert np.isnan(paired_shift(np.zeros(0), np.zeros(0)).estimate)
    assert paired_shift(np.ones(3), np.ones(3)).p_value == 1.0


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=20), st.lists(st.integers(0, 9), min_size=1, max_size=20)
)
def test_the_share_of_longer_ones_is_that_of_all_pairs(a: list[int], b: list[int]):
    apart = np.subtract.outer(np.array(b), np.array(a))
    expected = (apart > 0).mean() + (apart == 0).mean() / 2
    one, two = np.array(a, float), np.array(b, float)
    assert shift_between(one, two).longer_ratio == pytest.approx(expected)
    assert mannwhitneyu(two, one).statistic / apart.size == pytest.approx(expected)


def test_dependence_widens_the_interval_and_raises_the_p_value():
    rng = np.random.default_rng(4)
    a, b = rng.normal(0, 1, 60), rng.normal(0.6, 1, 60)
    plain, wide = shift_between(a, b), shift_between(a, b, worth=(4.0, 4.0))
    assert wide.low < plain.low
    assert wide.high > plain.high
    assert wide.p_value > plain.p_value == pytest.approx(mann_whitney(a, b)[0])


def series(rng: np.random.Generator, rho: float, size: tuple[int, int]) -> Any:
    noise = rng.standard_normal(size) * np.sqrt(1 - rho**2)
    noise[:, 0] /= np.sqrt(1 - rho**2)
    return lfilter([1], [1, -rho], noise, axis=1)


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_samples_that_follow_one_another_make_no_more_false_alarms(rho: float):
    """First-order dependence: the plain test is wrong three times in ten, this one as often as it says."""
    rng = np.random.default_rng(9)
    trials, n = 300, 100
    a, b = series(rng, rho, (trials, n)), series(rng, rho, (trials, n))
    pairs = list(zip(a, b, strict=True))
    plain = sum(mann_whitney(x, y)[0] <= LEVEL for x, y in pairs)
    weighed = sum(shift_between(x, y, worth=(worth(x), worth(y))).p_value <= LEVEL for x, y in pairs)
    assert weighed <= trials * LEVEL + 3 * (trials * LEVEL * (1 - LEVEL)) ** 0.5
    assert (plain > trials / 5) == (rho > 0)


def test_what_a_sample_is_worth():
    rng = np.random.default_rng(3)
    # tau of a first-order process is (1 + rho) / (1 - rho).
    assert np.mean([worth(one) for one in series(rng, 0.6, (40, 400))]) == pytest.approx(4.0, rel=0.15)
    assert np.mean([worth(one) for one in series(rng, 0.0, (40, 400))]) < 1.3
    assert worth(np.ones(50)) == worth(np.arange(5.0)) == worth(np.zeros(0)) == 1.0
