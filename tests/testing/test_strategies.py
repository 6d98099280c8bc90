"""The strategies of the kit: what they draw is valid, varied, and shrinks."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

import trippy_nb as tn
from trippy_nb.frames import PROBES, check_frame
from trippy_nb.model import Status
from trippy_nb.sim import SimNetwork
from trippy_nb.testing import assert_graph_true, assert_valid
from trippy_nb.testing.strategies import networks, probes_frames, runs

TARGET = "198.51.100.80"
FEW = settings(max_examples=25, deadline=None)
SEARCH = settings(max_examples=300, deadline=None, derandomize=True, database=None)


@pytest.mark.slow
@FEW
@given(networks(lossy=True))
def test_networks_have_a_target_and_a_truth(network):
    assert network.truth.paths
    assert network.scenario.targets[0].name == "target.example"


@pytest.mark.slow
@FEW
@given(st.data())
def test_runs_are_valid_and_show_nothing_that_is_not_there(data):
    network = data.draw(networks())
    run = data.draw(runs(st.just(network)))
    assert_valid(run)
    assert_graph_true(run, network)


@pytest.mark.slow
@FEW
@given(runs(networks(most_hops=4), protocol="icmp", rounds=1))
def test_what_is_asked_for_is_not_drawn(run):
    assert run.runs["protocol"].iloc[0] == "icmp"
    assert run.runs["rounds"].iloc[0] == 1


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(probes_frames(most_runs=2))
def test_frames_of_probes_keep_the_contract_and_make_runs(frame):
    check_frame(frame, PROBES)
    assert_valid(tn.RunSet.from_probes(frame))


def ways(network: SimNetwork) -> int:
    return len(network.truth.paths_to(TARGET))


def test_networks_shrink_to_the_shortest_path_without_diamonds():
    smallest: SimNetwork = find(networks(), lambda network: True, settings=SEARCH)
    (path,) = smallest.truth.paths_to(TARGET)
    assert len(path.hops) == 3


@pytest.mark.slow
def test_what_needs_a_diamond_shrinks_to_one_of_two_ways():
    smallest = find(networks(), lambda network: ways(network) > 1, settings=SEARCH)
    assert ways(smallest) == 2
    assert {len(path.hops) for path in smallest.truth.paths_to(TARGET)} == {4}


@pytest.mark.slow
def test_what_needs_loss_or_silence_finds_it_only_where_it_may_be():
    find(
        networks(lossy=True), lambda network: any(link.loss for link in network.truth.links), settings=SEARCH
    )
    find(
        networks(lossy=True), lambda network: None in network.truth.paths_to(TARGET)[0].addrs, settings=SEARCH
    )
    with pytest.raises(NoSuchExample):
        find(networks(), lambda network: any(link.loss for link in network.truth.links), settings=FEW)


@pytest.mark.slow
def test_runs_shrink_to_one_round_across_the_shortest_path():
    smallest = find(runs(), lambda run: True, settings=SEARCH)
    assert smallest.runs["rounds"].iloc[0] == 1
    assert smallest.hops["ttl"].max() == 3


@pytest.mark.slow
@pytest.mark.parametrize("status", Status.words())
def test_frames_shrink_to_the_one_row_that_matters(status: str):
    smallest = find(probes_frames(), lambda frame: (frame["status"] == status).any(), settings=SEARCH)
    assert smallest["status"].tolist() == [status]
    assert smallest[["run_id", "round", "flow", "ttl", "attempt"]].to_numpy().tolist() == [[0, 0, 0, 1, 0]]
    assert smallest["addr"].notna().tolist() == [status in ("reply", "late")]


@pytest.mark.slow
def test_a_wrong_analysis_is_caught():
    @settings(SEARCH, max_examples=50, phases=[Phase.generate])
    @given(probes_frames())
    def loses_silence(probes: pd.DataFrame) -> None:
        assert probes.dropna(subset="rtt_ms").groupby("ttl").ngroups == probes["ttl"].nunique()

    with pytest.raises(AssertionError):
        loses_silence()
