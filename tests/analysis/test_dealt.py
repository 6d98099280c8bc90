"""Many responders that a balancer of packets deals in turn, and routes that change behind it."""

from __future__ import annotations

from itertools import combinations

import pytest

import trippy_nb as tn
from tests.analysis.handmade import TARGET, a, rounds, tables
from trippy_nb.analysis.history import path_changes
from trippy_nb.analysis.orders import chance_of_stretches

DEALT = [2, 3, 3, 4, 5, 2, 6, 4, 7, 3, 5, 5, 6, 2, 7, 4, 6, 3, 2, 5, 7, 6, 4, 2, 3, 7, 5, 4, 6, 6]
"""Six responders of which many pairs never follow each other both ways."""


def changes(who: list[int]) -> list[tuple[int, str]]:
    """Round and kind of each change, of one flow whose second hop these answer."""
    table = path_changes(tables(rounds(*[[a(1), a(one), a(30), TARGET] for one in who])))
    return list(zip(table["round"].tolist(), table["kind"].tolist(), strict=True))


def test_six_that_are_dealt_never_change():
    assert changes(DEALT) == []


def test_one_that_is_new_and_seen_twice_at_the_end_is_one_of_them_and_one_that_stays_is_a_change():
    assert changes([*DEALT, 8, 8]) == []
    assert changes([*DEALT, *[8] * 6]) == [(len(DEALT), "reroute")]


def test_a_route_that_changes_to_six_others_is_one_change():
    assert changes([*DEALT, *[one + 10 for one in DEALT]]) == [(len(DEALT), "reroute")]


def test_a_route_that_comes_back_from_six_others_leaves_and_returns():
    found = changes([*DEALT, *[one + 10 for one in DEALT], *DEALT])
    assert found == [(len(DEALT), "reroute"), (2 * len(DEALT), "reroute")]


@pytest.mark.parametrize(("seed", "uneven"), [(40, {}), (11, {}), (22, {"silent": 2, "unequal": 0.3})])
def test_networks_that_deal_packets_do_not_change(seed, uneven):
    """Each told of changes once; the last has ways of unequal length."""
    net = tn.sim.random(seed, diamonds=(1, 2), balance="packet", **uneven)
    run = tn.trace("target.example", network=net, protocol="icmp", rounds=40, dns=False, progress=False)
    assert path_changes(run.tables).empty


@pytest.mark.parametrize(("some", "every"), [(1, 5), (3, 8), (4, 8), (7, 8)])
def test_the_chance_of_runs_is_that_of_all_orders(some, every):
    orders = [set(chosen) for chosen in combinations(range(every), some)]
    runs = [sum(one - 1 not in chosen for one in chosen) for chosen in orders]
    for most in range(1, some + 1):
        share = sum(count <= most for count in runs) / len(orders)
        assert chance_of_stretches(most, some, every) == pytest.approx(share)
