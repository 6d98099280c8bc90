"""The same with 2 % loss and a silent router; silence is scored by flow and TTL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

import trippy_nb as tn
from tests.tracing.discovering import PROTOCOLS, discovered, some
from tests.tracing.test_discovery_truth import no_more_than_alpha, score
from trippy_nb import sim
from trippy_nb.model import flows_needed
from trippy_nb.tracing.atlas import SILENT
from trippy_nb.tracing.mda import Mda


def lossy(seed: int) -> sim.SimNetwork:
    return sim.random(seed, silent=1, loss=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_loss_and_a_silent_router_make_nothing_up(part):
    seeds = some(1000, 32)
    counts = score(lossy(seed) for seed in seeds[part::4])
    assert counts["false edges"] == counts["false nodes"] == 0
    assert counts["networks"] == len(seeds[part::4])


@pytest.mark.slow
def test_forks_between_routers_that_answer_are_found_as_often_as_promised_in_spite_of_loss():
    counts = score(sim.random(seed, loss=0.02) for seed in some(300, 24))
    assert counts["false edges"] == counts["false nodes"] == 0
    assert no_more_than_alpha(counts)


@pytest.mark.slow
def test_silence_is_where_the_truth_has_it_flow_by_flow():
    wrong = silent = 0
    for seed in some(250, 16):
        found = discovered(lossy(seed), protocol=PROTOCOLS[seed % 3])
        atlas = found.search.mda.atlas
        for flow in {probe.flow for probe in found.probes}:
            truth = found.true_path(flow)
            for ttl in range(1, len(truth) + 1):
                name = atlas.seen[ttl].get(flow)
                if name is not None:
                    wrong += (None if name == SILENT else name) != truth[ttl - 1]
                    silent += name == SILENT
    assert silent > 0
    assert wrong == 0


@pytest.mark.parametrize("algorithm", ["mda", "mda-lite"])
@pytest.mark.parametrize(
    ("net", "most"),
    [
        (sim.random(54, diamonds=(0, 0), hops=(3, 6), loss=0.2), 110),
        (sim.random(21, diamonds=(0, 0), hops=(3, 6), loss=0.1), 110),
        (sim.random(4, diamonds=(0, 0), hops=(3, 6), loss=0.3), 110),
        (sim.random(32, diamonds=(1, 1), loss=0.2), 450),
        (sim.random(56, diamonds=(1, 1), loss=0.2), 450),
    ],
)
def test_a_flow_whose_attempts_were_all_lost_makes_no_silent_branch_to_look_for(net, most, algorithm):
    """The MDA once asked for five more flows through it until its 10,000 probes were spent."""
    run = tn.discover("target.example", network=net.fresh(), algorithm=algorithm, dns=False, progress=False)
    assert run.discovery.nodes["addr"].notna().all()
    assert len(run.probes) < most


def asked_of(is_silent: Callable[[int], bool]) -> tuple[Mda, Counter[tuple[int, int]]]:
    """Search a chain of three at whose second TTL some flows are never answered."""
    mda, asked = Mda(confidence=0.95), Counter[tuple[int, int]]()
    while wanted := mda.wanted(64):
        for flow, ttl in wanted:
            mda.asked(flow, ttl)
            asked[flow, ttl] += 1
        for flow, ttl in wanted:
            if ttl == 2 and is_silent(flow):
                mda.silent(flow, ttl)
            else:
                mda.answered(flow, ttl, f"r{ttl}", ends=ttl == 3)
    return mda, asked


@pytest.mark.parametrize("one", range(6))
def test_one_flow_that_is_silent_for_ever_is_asked_again_and_then_left(one):
    mda, asked = asked_of(lambda flow: flow == one)
    assert set(mda.atlas.layers[2][SILENT].flows) == {one}
    assert asked[one, 2] == 2
    assert all(count == 1 for place, count in asked.items() if place != (one, 2))
    assert asked.total() < 200


@pytest.mark.parametrize("one_in", [2, 4, 8, 16])
def test_a_branch_that_is_truly_silent_is_looked_for_until_enough_flows_have_passed_it(one_in):
    mda, _ = asked_of(lambda flow: flow % one_in == 1)
    assert len(mda.atlas.layers[2][SILENT].flows) >= flows_needed(1, 0.95)
