"""Findings rest on their rows, say what their scenarios are known for, and are told in words."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given

from tests.analysis.handmade import TARGET, Row, a, probe, rounds, shuffled, tables
from tests.analysis.strategies import probe_rows
from trippy_nb import sim
from trippy_nb.analysis import Answers
from trippy_nb.analysis.findings import CATALOGUE, explanation, findings
from trippy_nb.frames import conform
from trippy_nb.frames.answers import FINDING_KINDS, FINDINGS, WEIGHTS
from trippy_nb.testing import simulated

FIXED: dict[str, Any] = {"protocol": "udp", "multipath": "paris", "source_port": 5000, "target_port": 33500}
ASKED: dict[str, dict[str, Any]] = {
    "congestion": {"rounds": 240},
    "flap": {"rounds": 60},
    "slow-path": {"rounds": 100},
    "path-change": {"rounds": 60},
    "rtt-change": {"rounds": 60},
    "address-edge": {"target": "64:ff9b::c633:6450"},
    "balancing": {"protocol": "udp", "multipath": "paris", "rounds": 30},
    "icmp-tunnelled": FIXED | {"rounds": 20},
    "late": {"rounds": 10},
    "link-loss": FIXED | {"rounds": 100},
    "rate-limit": {"protocol": "udp", "rounds": 100},
    "silent-hop": {"rounds": 60},
    "local-error": {"packet_size": 1000},
    "nat64": {"target": "64:ff9b::c633:6450"},
    "per-packet": FIXED | {"rounds": 40},
    "routing-loop": {"max_ttl": 16},
    "unsteady-flows": {"protocol": "udp", "rounds": 3},
    "unexplained-loss": {"rounds": 200},
    "zero-ttl": FIXED | {"rounds": 5},
}
"""What shows them, beside the scenario."""


def kinds(found: pd.DataFrame) -> list[str]:
    return [str(kind) for kind in found["kind"]]


def of(rows: list[Row], **facts: Any) -> pd.DataFrame:
    return findings(tables(rows, **facts))


def test_every_kind_is_in_the_catalogue_in_order_and_its_scenario_exists():
    assert tuple(CATALOGUE) == FINDING_KINDS
    assert {kind.weight for kind in CATALOGUE.values()} == set(WEIGHTS)
    assert {kind.scenario for kind in CATALOGUE.values()} - {None} <= set(sim.scenarios())


@pytest.mark.parametrize("kind", [kind for kind in CATALOGUE if CATALOGUE[kind].scenario])
def test_the_scenario_of_a_kind_shows_it_and_its_rows_are_there(kind: str):
    options = {"rounds": 8} | ASKED.get(kind, {})
    run = simulated(str(CATALOGUE[kind].scenario), options.pop("target", None), **options)
    found = findings(run.tables)
    assert kind in kinds(found)
    for row in found.to_dict("records"):
        assert len(getattr(run, row["table"]).query(row["query"])) == row["n"] > 0
        assert row["says"].endswith(".")
        assert row["says"][0].isupper() or row["says"][0].isdigit()


def test_what_is_computed_already_is_taken_and_nothing_else_comes_out():
    made = simulated("case-06-rate-limit", **ASKED["rate-limit"]).tables
    answers = Answers(made)
    losses = answers.losses
    found = findings(made, answers=answers)
    assert answers.losses is losses
    assert "rate-limit" in kinds(found)
    pd.testing.assert_frame_equal(found, findings(made))
    answers.losses = losses.iloc[:0]
    assert "rate-limit" not in kinds(findings(made, answers=answers))


@given(probe_rows())
def test_the_order_of_rows_does_not_matter_and_the_frame_keeps_its_contract(rows: list[Row]):
    made = tables(rows)
    found = findings(made)
    pd.testing.assert_frame_equal(found, findings(shuffled(made, 1)))
    pd.testing.assert_frame_equal(found, conform(found, FINDINGS))
    assert not found.duplicated(["run_id", "finding"]).any()


def test_problems_come_first_then_what_explains_then_what_is_open():
    run = simulated("filtered", rounds=3)
    found = findings(run.tables)
    assert found["weight"].tolist() == sorted(found["weight"], key=WEIGHTS.index)


def test_no_loss_seen_is_not_called_no_loss_until_there_are_answers_enough():
    def asked(count: int) -> pd.DataFrame:
        return of(rounds(*[[a(1), TARGET]] * count), outcome="reached", target_ttl=2, has_losses=True)

    few = asked(10)
    (says,) = few.loc[few["kind"] == "smallest-loss", "says"]
    assert "28 %" in says  # Wilson's interval of 0 of 10 ends there
    assert few.loc[few["kind"] == "smallest-loss", "more_probes"].tolist() == [371]
    assert "smallest-loss" in kinds(asked(380))
    assert "smallest-loss" not in kinds(asked(381))
    lost = rounds([a(1), TARGET], [a(1), None])
    assert "smallest-loss" not in kinds(of(lost, outcome="reached", target_ttl=2, has_losses=True))


@pytest.mark.parametrize(
    ("outcome", "protocol", "kind", "words"),
    [
        ("destination_silent", "udp", "destination-silent", "another target_port"),
        ("destination_silent", "icmp", "destination-silent", f"farthest answer came from hop 1 ({a(1)})"),
        ("nothing", "icmp", "nothing-answers", "Nobody answered 1 probe "),
        ("filtered", "tcp", "filtered", "not let through"),
    ],
)
def test_a_target_that_is_not_reached_is_said_so(outcome: str, protocol: str, kind: str, words: str):
    silent = [probe(0, 1)] if outcome == "nothing" else [probe(0, 1, a(1)), probe(0, 2)]
    found = of(silent, outcome=outcome, protocol=protocol)
    (says,) = found.loc[found["kind"] == kind, "says"]
    assert words in says


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"end_reason": "error", "error": "no route"}, "(no route)"),
        ({"end_reason": "interrupted"}, "interrupted"),
        ({"source": "live"}, "goes on"),
    ],
)
def test_an_unfinished_run_is_said_so(facts: dict[str, Any], words: str):
    found = of([probe(0, 1, a(1))], **facts)
    (says,) = found.loc[found["kind"] == "unfinished", "says"]
    assert words in says
    assert "unfinished" not in kinds(of([probe(0, 1, a(1))], end_reason="rounds", source="live"))


def test_refusals_of_this_machine_are_named_by_their_reason():
    found = findings(simulated("case-13-local-error", packet_size=1000, rounds=2).tables)
    row = found[found["kind"] == "local-error"].iloc[0]
    assert "(EMSGSIZE)" in row["says"]
    assert row["ttl"] == 1
    assert row["table"] == "probes"


def test_the_explanation_tells_each_finding_once_and_escapes_it():
    made = tables(rounds([a(1), TARGET]), outcome="reached", target_ttl=2, label="<b>before</b>")
    found = findings(made)
    told = explanation(made, found)
    for says in found["says"]:
        assert str(told).count(says) == 1
    assert str(told).startswith("<b>before</b>: UDP")
    assert "<b>before" not in told._repr_html_()
    assert "&lt;b&gt;before" in told._repr_html_()
    assert repr(told) == str(told)


def of_rtt(source: Any, **options: Any) -> pd.DataFrame:
    found = findings(simulated(source, **options).tables)
    return found[found["kind"] == "rtt-change"].reset_index(drop=True)


def test_a_change_that_went_back_says_how_long_it_lasted_and_is_told_once():
    row = of_rtt("case-44-flap", protocol="icmp", rounds=30).iloc[0]
    assert row["says"].startswith("RTT +8.0 ms (+8.0 to +8.0 ms; n = 10 before, 4 after)")
    assert ", for 4.0 s, coincides with" in row["says"]
    assert row["says"].endswith(
        "chance of one so near: 37 %. It went back: RTT -8.0 ms at 2000-01-01 00:00:14."
    )
    assert row["strength"] == "hint"  # 37 %
    assert len(of_rtt("case-44-flap", protocol="icmp", rounds=30)) == 1


def test_a_change_that_stayed_says_so():
    (says,) = of_rtt("case-43-change", protocol="icmp", rounds=60)["says"]
    assert "n = 30 before, 30 after" in says
    assert says.endswith("It stayed so until the last answer.")


def test_a_router_that_is_slow_by_turns_did_not_change():
    assert of_rtt("case-26-slow-path", protocol="icmp", rounds=30).empty


@pytest.mark.parametrize("method", ["classic", "paris"])
@pytest.mark.parametrize("seed", [6, 8, 17, 39])
def test_balancing_makes_no_changes_of_rtt(seed: int, method: str):
    shape: dict[str, Any] = {"diamonds": (1, 2), "silent": 2, "unequal": 0.3}
    net = sim.random(seed, **shape, balance="flow" if seed % 3 else "packet")
    assert of_rtt(net, protocol="udp", multipath=method, rounds=40).empty


@pytest.mark.parametrize("multipath", ["classic", "paris"])
def test_a_change_is_found_also_where_each_round_is_a_flow(multipath: str):
    found = of_rtt("case-43-change", protocol="udp", multipath=multipath, rounds=60)
    assert found["says"].str.startswith("RTT +20.0 ms").tolist() == [True]
