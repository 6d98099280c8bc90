"""The same with 2 % loss and a silent router; silence is scored by flow and TTL."""

from __future__ import annotations

import pytest

from tests.tracing.discovering import PROTOCOLS, discovered, some
from tests.tracing.test_discovery_truth import no_more_than_alpha, score
from trippy_nb import sim
from trippy_nb.tracing.atlas import SILENT


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
