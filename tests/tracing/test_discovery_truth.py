"""1,000 random networks: no edge that is not there, and as many of those that are as was promised."""

from __future__ import annotations

from collections import Counter

import pytest
from scipy import stats

from tests.tracing.discovering import PROTOCOLS, discovered, some
from trippy_nb import sim
from trippy_nb.model import flows_needed, hidden_ratio

ALPHA = 0.05


def score(networks, *, asked=None) -> Counter[str]:
    """Count false nodes and edges, forks, and forks of which something is missing."""
    counts: Counter[str] = Counter()
    for number, net in enumerate(networks):
        found = discovered(net, protocol=PROTOCOLS[number % 3], asked=asked)
        counts["false edges"] += len(found.edges - found.true_edges)
        counts["false nodes"] += len(found.nodes - found.true_nodes)
        counts["edges"] += len(found.true_edges)
        counts["missed edges"] += len(found.true_edges - found.edges)
        for _node, whole in found.forks():
            counts["forks"] += 1
            counts["missed forks"] += not whole
        counts["networks"] += 1
        counts["whole networks"] += found.edges == found.true_edges
        counts["probes"] += len(found.probes)
    return counts


def no_more_than_alpha(counts: Counter[str], alpha: float = ALPHA) -> bool:
    """Whether misses may be chance: each fork misses a branch with at most this probability."""
    test = stats.binomtest(counts["missed forks"], counts["forks"], alpha, alternative="greater")
    return bool(test.pvalue > 0.001)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_nothing_false_is_found_and_what_is_there_as_often_as_promised(part):
    seeds = some(1000, 48)
    counts = score(sim.random(seed) for seed in seeds[part::4])
    assert counts["false edges"] == counts["false nodes"] == 0
    assert counts["forks"] > len(seeds) / 8
    assert no_more_than_alpha(counts)


@pytest.mark.slow
def test_meshed_nested_and_uneven_diamonds_fool_nobody():
    counts = score(
        sim.random(seed, hops=(3, 6), diamonds=(1, 1), meshing=0.4, unequal=0.4, nesting=0.2)
        for seed in some(120, 10)
    )
    assert counts["false edges"] == counts["false nodes"] == 0
    assert no_more_than_alpha(counts)


@pytest.mark.slow
def test_more_confidence_misses_less():
    seeds = some(150, 16)
    sure = score((sim.random(seed) for seed in seeds), asked={"confidence": 0.99})
    less = score((sim.random(seed) for seed in seeds), asked={"confidence": 0.9})
    assert no_more_than_alpha(sure, 0.01)
    assert no_more_than_alpha(less, 0.1)
    assert sure["probes"] > less["probes"]
    assert sure["missed edges"] <= less["missed edges"]


@pytest.mark.slow
def test_uneven_balancers_are_scored_apart_and_add_nothing_false():
    """The rule supposes even shares: a branch of a thirteenth is missed oftener than one time in twenty."""
    counts = score(sim.random(seed, weighted=True) for seed in some(150, 16))
    assert counts["false edges"] == counts["false nodes"] == 0
    assert counts["missed edges"] < counts["edges"] * 0.1


@pytest.mark.slow
def test_mda_lite_finds_nothing_false_and_takes_fewer_probes():
    seeds = some(200, 20)
    lite = score((sim.random(seed) for seed in seeds), asked={"algorithm": "mda-lite"})
    full = score(sim.random(seed) for seed in seeds)
    assert lite["false edges"] == lite["false nodes"] == 0
    assert lite["probes"] < 1.02 * full["probes"]
    assert lite["missed edges"] < 0.03 * lite["edges"]


def test_an_even_balancer_is_known_whole_as_often_as_the_rule_says():
    """A fork alone, often: the share that is missed is that of the formula, not just below the limit."""
    from tests.tracing.test_discovery import network

    missed, many = 0, 400
    for seed in range(many):
        net = network('["a", ["b", "c"], "d"]', seed=seed)
        found = discovered(net, asked={"confidence": 0.9})
        missed += found.edges != found.true_edges
    flows = flows_needed(1, 0.9)
    assert stats.binomtest(missed, many, hidden_ratio(1, flows)).pvalue > 0.001
