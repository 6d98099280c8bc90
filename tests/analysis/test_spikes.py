"""Slow answers on networks whose truth is known: the processor, a queue, the way back, or nothing."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analysis.handmade import Row, a, probe, shuffled, tables
from tests.analysis.strategies import probe_rows
from tests.analysis.timing import WIDE, few
from trippy_nb import sim
from trippy_nb.analysis import delays, evidence, spikes
from trippy_nb.analysis.findings import findings
from trippy_nb.analysis.orders import chance_of_runs
from trippy_nb.errors import ConfigError
from trippy_nb.frames import Tables, check_frame, concat_tables
from trippy_nb.frames.answers import SPIKES
from trippy_nb.sim import SimNetwork, parse_scenario
from trippy_nb.testing import simulated

HEAD = """\
[scenario]
name = "made-here"
seed = {seed}

[source]
v4 = "192.0.2.10"

[[target]]
name = "target.example"
v4 = "198.51.100.80"
delay = "1ms"
"""
BIMODAL = '{{ kind = "bimodal", base = "{base}", spike = "20ms", chance = {chance} }}'
QUEUE = '{ kind = "uniform", min = "1900us", max = "2300us" }'


def network(tail: str = "", seed: int = 1, **keys: str) -> SimNetwork:
    """Five routers in a row, with a little queueing on every link; more keys of each as TOML, by id."""
    text = HEAD.format(seed=seed)
    for ttl in range(1, 6):
        given_keys = keys.get(f"r{ttl}", "")
        delay = "" if "delay =" in given_keys.replace("answer_delay", "") else f"delay = {QUEUE}\n"
        text += f'\n[[router]]\nid = "r{ttl}"\nv4 = "203.0.113.{ttl}"\n{delay}{given_keys}\n'
    return SimNetwork(parse_scenario(text + '\n[[route]]\nvia = ["r1", "r2", "r3", "r4", "r5"]\n' + tail))


def judged(source: Any, rounds: int = 100, **options: Any) -> pd.DataFrame:
    run = simulated(source, protocol="icmp", rounds=rounds, **options)
    frame = spikes(run.tables)
    check_frame(frame, SPIKES)
    return frame.set_index("ttl")


def words(frame: pd.DataFrame) -> dict[int, str]:
    return dict(zip(frame.index.tolist(), frame["verdict"].astype("str").tolist(), strict=True))


def test_a_slow_processor_is_told_and_nobody_else_is_blamed():
    frame = judged("case-26-slow-path")
    assert words(frame) == {1: "none", 2: "slow-path", 3: "none", 4: "none", 5: "none"}
    row = frame.loc[2]
    assert row["base_ms"] == pytest.approx(6.3)
    assert 0.15 < row["spike_share"] < 0.45
    assert (row["later_share"], row["later_n"]) == (0, 100)


def test_a_longer_way_back_is_unshared_and_no_spike():
    frame = judged("case-25-asymmetric")
    assert words(frame) == {1: "none", 2: "unshared", 3: "unshared", 4: "none", 5: "none"}
    assert frame.loc[[2, 3], "own_low_ms"].tolist() == [22, 24]
    assert frame.loc[[2, 3], "own_ttl"].tolist() == [4, 4]
    run = simulated("case-25-asymmetric", protocol="icmp", rounds=20)
    # Differences say so, too: they are negative, and no delay of a link.
    links = delays(run.tables).set_index("ttl")
    assert links.loc[3, "median_ms"] == -24
    assert links.loc[3, "negative_share"] == 1
    assert "asymmetry" in set(evidence(run.tables)["kind"])


@pytest.mark.parametrize("protocol", ["icmp", "udp"])
def test_the_plateau_of_a_tunnel_is_marked_and_no_congestion(protocol: str):
    run = simulated("case-24-mpls-plateau", protocol=protocol, rounds=40)
    frame = spikes(run.tables, by=("ttl",)).set_index("ttl")
    assert set(frame["verdict"]) == {"none"}
    assert [int(ttl) for ttl in frame.index[frame["tunnelled"]]] == [3, 4, 5]
    links = delays(run.tables).set_index("ttl")
    assert [int(ttl) for ttl in links.index[links["tunnelled"]]] == [2, 3, 4, 5]
    assert links.loc[[3, 4, 5], "median_ms"].tolist() == [0, 0, 0]


def test_a_congested_link_is_shared_by_all_behind_it_from_that_link_on():
    net = network('\n[[congestion]]\nends = ["r2", "r3"]\nat = "30s"\nuntil = "60s"\ndelay = "15ms"\n')
    frame = judged(net)
    assert words(frame) == {1: "none", 2: "none"} | dict.fromkeys((3, 4, 5), "shared-downstream") | {
        6: "cannot tell"  # the target: nothing is behind it
    }
    assert frame.loc[[3, 4, 5], "since_ttl"].tolist() == [3, 3, 3]
    assert (frame.loc[[3, 4, 5], "rank_correlation"] > 0.5).all()  # in the same rounds
    assert frame["needs_n"].isna().loc[[6]].item()


def test_a_link_that_holds_up_single_packets_is_shared_too_though_not_in_the_same_rounds():
    frame = judged(network(r3=f"delay = {BIMODAL.format(base='2ms', chance=0.2)}"), rounds=300)
    assert words(frame) == {1: "none", 2: "none", 6: "cannot tell"} | dict.fromkeys(
        (3, 4, 5), "shared-downstream"
    )
    assert frame.loc[[3, 4, 5], "since_ttl"].tolist() == [3, 3, 3]
    assert frame["rank_correlation"].abs().loc[[3]].item() < 0.2


def test_a_plain_network_has_nothing_to_tell():
    assert set(judged(network()).loc[:5, "verdict"]) == {"none"}


def test_few_answers_cannot_tell_and_say_how_many_would():
    frame = judged(network(), rounds=12)
    assert set(frame["verdict"]) == {"cannot tell"}
    assert set(frame.loc[frame["spikes"] == 0, "needs_n"]) == {35}
    again = judged(network(), rounds=35)
    assert "cannot tell" not in set(again.loc[again["spikes"] == 0, "verdict"])


def test_as_many_answers_as_it_asks_for_do_tell():
    slow = f"answer_delay = {BIMODAL.format(base='100us', chance=0.3)}"
    first = judged(network(r3=slow), rounds=14)
    assert first.loc[3, "verdict"] == "cannot tell"
    needed = int(first["needs_n"].loc[[3]].item())
    assert 14 < needed < 400
    assert judged(network(r3=slow), rounds=2 * needed).loc[3, "verdict"] == "slow-path"


def branches(*, shift: bool) -> Tables:
    """Sixty rounds by two branches of which one is 20 ms longer: in turns, or a change of route."""
    rows: list[Row] = []
    for number in range(60):
        branch = number % 2 if not shift else int(number >= 30)
        flow = branch if not shift else 0
        for ttl, addr in enumerate([a(1), a(2 + branch), a(9), a(10)], 1):
            extra = 20 * branch if ttl > 1 else 0
            rows.append(probe(number, ttl, addr, 5.0 * ttl + extra + number % 5 / 10, flow=flow))
    return tables(rows)


@pytest.mark.parametrize("shift", [False, True], ids=["balanced", "rerouted"])
def test_a_slower_branch_is_no_queue(*, shift: bool):
    frame = spikes(branches(shift=shift))
    behind = frame[frame["ttl"] == 3].iloc[0]
    assert behind["spike_share"] == 0.5
    assert (behind["verdict"], behind["evidence"]) == ("cannot tell", "positional")
    assert "shared-downstream" not in set(frame["verdict"])


PARIS: dict[str, Any] = {"protocol": "udp", "multipath": "paris"}
"""Each round is another flow."""


def test_branches_that_silent_routers_hide_are_no_queue():
    made = simulated("case-08-silent", rounds=30, **PARIS).tables
    behind = spikes(made).set_index("ttl").loc[4]
    assert 0.2 < behind["spike_share"] < 0.7
    assert (behind["verdict"], behind["evidence"]) == ("cannot tell", "positional")
    assert not {"congestion", "slow-path"} & set(findings(made)["kind"])


def test_what_most_answers_take_is_usual_and_no_spike():
    net = sim.random(30, diamonds=(1, 2), silent=2, unequal=0.3, balance="packet")
    made = simulated(net, rounds=40, **PARIS).tables
    frame = spikes(made)
    assert frame["spike_share"].max() > 0.7
    assert set(frame.loc[frame["spike_share"] > 0.5, "verdict"]) == {"cannot tell"}
    assert "slow-path" not in set(findings(made)["kind"])


def behind_silence(slow: list[list[bool]], *, flows: bool) -> Tables:
    """Rounds through a silent router; hops 3 and 4 are 10 ms slower where it is said so."""
    rows: list[Row] = []
    for number, pair in enumerate(slow):
        late = [0.0, 0.0, *(10.0 * one for one in pair)]
        for ttl, addr in enumerate([a(1), None, a(3), a(4)], 1):
            rtt = None if addr is None else 5.0 * ttl + late[ttl - 1] + number % 5 / 10
            rows.append(probe(number, ttl, addr, rtt, flow=number if flows else 0))
    return tables(rows)


@pytest.mark.parametrize("flows", [False, True], ids=["packets dealt out", "flows shared out"])
def test_slow_answers_behind_silence_are_a_queue_only_where_no_branch_can_make_them(*, flows: bool):
    luck = np.random.default_rng(5)
    levels = [[bool(one)] * 2 for one in luck.random(100) < 0.3]
    dealt = levels if flows else [[bool(one) for one in pair] for pair in luck.random((100, 2)) < 0.3]
    verdict = spikes(behind_silence(dealt, flows=flows)).set_index("ttl").loc[3]
    assert (verdict["verdict"], verdict["evidence"]) == ("cannot tell", "positional")
    spell = sorted(dealt)
    verdict = spikes(behind_silence(spell, flows=flows)).set_index("ttl").loc[3]
    assert (verdict["verdict"], verdict["evidence"]) == ("shared-downstream", "flow")


def test_queues_are_found_where_each_round_is_a_flow():
    rush = simulated("rush-hour", rounds=240, **PARIS)
    assert words(spikes(rush.tables).set_index("ttl")) == {1: "none", 2: "none", 6: "cannot tell"} | (
        dict.fromkeys((3, 4, 5), "shared-downstream")
    )
    anew = simulated(network(r3=f"delay = {BIMODAL.format(base='2ms', chance=0.15)}"), rounds=200, **PARIS)
    assert words(spikes(anew.tables).set_index("ttl"))[3] == "shared-downstream"


@pytest.mark.parametrize("n", range(2, 9))
def test_the_chance_of_runs_is_that_of_all_orders(n: int):
    for ones in range(1, n):
        rows = [np.isin(np.arange(n), places) for places in combinations(range(n), ones)]
        runs = np.array([1 + np.count_nonzero(np.diff(row)) for row in rows])
        for row, count in zip(rows, runs, strict=True):
            assert chance_of_runs(row) == pytest.approx(np.mean(runs <= count))
    assert chance_of_runs(np.zeros(n, dtype=np.bool_)) == 1


def test_flows_alone_see_no_spikes_on_branches():
    frame = spikes(branches(shift=False), by=("run_id", "flow", "ttl", "addr"))
    assert frame["flow"].dropna().unique().tolist() == [0, 1]
    assert frame["spikes"].sum() == 0


@few
@given(probe_rows(), st.integers(0, 9), st.booleans())
def test_the_order_of_rows_changes_nothing(rows: list[Row], seed: int, flows: bool):  # noqa: FBT001 - drawn by hypothesis
    by = ("flow",) if flows else ("ttl",)
    made = tables(rows)
    one = spikes(made, by=by)
    check_frame(one, SPIKES)
    pd.testing.assert_frame_equal(spikes(shuffled(made, seed), by=by), one)


def test_runs_together_are_the_runs_alone():
    parts = [
        simulated(name, protocol="icmp", rounds=20).tables
        for name in ("case-25-asymmetric", "case-26-slow-path")
    ]
    whole = spikes(concat_tables(parts))
    for number, part in enumerate(parts):
        alone = spikes(part)
        mine = whole[whole["run_id"] == number].reset_index(drop=True)
        assert mine["verdict"].tolist() == alone["verdict"].tolist()
        np.testing.assert_allclose(mine["base_ms"], alone["base_ms"])


def test_an_empty_run_has_no_rows():
    check_frame(spikes(tables([])), SPIKES)
    assert spikes(tables([probe(0, 1, None)])).empty


def test_what_is_asked_wrongly_is_said():
    with pytest.raises(ConfigError, match="least_ms=0 is not a number above 0"):
        spikes(tables([]), least_ms=0)
    with pytest.raises(ConfigError, match=r"alpha is a probability above 0 and up to 0\.5, not 2"):
        spikes(tables([]), alpha=2)


@pytest.mark.slow
def test_over_many_networks_the_right_hop_is_named_and_no_other_one():
    named = blamed = 0
    trials = 30 if WIDE else 3
    for seed in range(trials):
        luck = np.random.default_rng(seed)
        place, chance = int(luck.integers(1, 6)), luck.uniform(0.2, 0.5)
        slow = f"answer_delay = {BIMODAL.format(base='100us', chance=round(chance, 3))}"
        found = words(judged(network(seed=seed, **{f"r{place}": slow})))
        named += found.pop(place) == "slow-path"
        blamed += bool({"slow-path", "unshared"} & set(found.values()))
        queue = f"delay = {BIMODAL.format(base='2ms', chance=round(chance / 3, 3))}"
        found = words(judged(network(seed=seed, **{f"r{place}": queue})))
        blamed += bool({"slow-path", "unshared"} & set(found.values()))
    assert named == trials
    assert blamed <= 0.05 * trials
