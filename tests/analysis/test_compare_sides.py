"""Flows that differ, protocols, vantages, silence: what is compared with what, and what may be concluded."""

from __future__ import annotations

import os
import pickle
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.analysis.alarms import WORLDS, alarm
from tests.analysis.handmade import TARGET, Row, a, probe, replaced, rounds, tables
from trippy_nb.analysis import ComparisonTables, compare_many, compare_tables
from trippy_nb.errors import ConfigError
from trippy_nb.frames import Tables, concat_tables
from trippy_nb.frames.answers import (
    COMPARED_EDGES,
    COMPARED_HOPS,
    COMPARED_PAIRS,
    COMPARED_PATHS,
    COMPARED_RESPONSES,
    COMPARED_RTT,
)
from trippy_nb.frames.check import check_frame

WAY: list[str | None] = [a(1), a(2), a(3), TARGET]
OTHER: list[str | None] = [a(1), a(20), a(3), TARGET]
CI = os.environ.get("TRIPPY_NB_PROFILE") == "ci"


def one_flow_each(*ways: Sequence[str | None], sport: int, times: int = 1, **more: Any) -> Tables:
    """As many flows as ways, each traced so many times."""
    rows = [row for flow, way in enumerate(ways) for row in rounds(*[way] * times, flow=flow)]
    return tables(rows, sport=sport, **more)


def by_probe(way: Sequence[str | None], sport: int, times: int = 20) -> Tables:
    """A classic trace: each probe has a port of its own."""
    made = tables(rounds(*[way] * times), stable=False, sport=sport)
    ports = pd.array(np.arange(len(made.probes)) + 33_434, dtype="UInt16")
    return replaced(made, probes=made.probes.assign(dport=ports))


# --- flows that differ ---


@pytest.mark.parametrize(
    ("flows", "verdict"), [(1, "cannot tell"), (4, "cannot tell"), (5, "changed"), (12, "changed")]
)
def test_other_flows_on_other_ways_are_a_change_once_there_are_enough_of_them(flows: int, verdict: str):
    """Five against five that share nothing: 2 of the 252 ways to deal them, below 0.05 / 3. Four are not
    enough."""
    found = compare_tables(
        one_flow_each(*[WAY] * flows, sport=5000), one_flow_each(*[OTHER] * flows, sport=7000)
    )
    assert (found.kind, found.path_verdict) == ("sampled", verdict)
    assert found.paths["change"].tolist() == [
        "same",
        "changed" if verdict == "changed" else "unknown",
        "same",
        "same",
    ]
    assert found.paths["a_flows"].tolist() == [flows] * 4
    if verdict == "cannot tell":
        assert found.flows_needed == 5
        assert "5 flows of each would tell" in found.sentence


def test_many_rounds_of_one_flow_are_one_flow():
    found = compare_tables(
        one_flow_each(WAY, sport=5000, times=200), one_flow_each(OTHER, sport=7000, times=200)
    )
    assert found.path_verdict == "cannot tell"


def test_a_branch_that_only_some_of_the_flows_saw_is_luck():
    one = one_flow_each(*[WAY, OTHER] * 3, sport=5000)
    two = one_flow_each(*[OTHER] * 5, WAY, sport=7000)
    found = compare_tables(one, two)
    assert (found.path_verdict, found.kind) == ("same", "sampled")
    assert "every hop has a responder in common (6 and 6 flows)" in found.sentence


def test_probes_that_each_are_a_flow_count_each():
    found = compare_tables(by_probe(WAY, 5000), by_probe(OTHER, 7000))
    assert (found.kind, found.path_verdict) == ("sampled", "changed")
    assert found.edges["evidence"].unique().tolist() == ["positional"]
    assert found.edges["p_value"].isna().all()  # decision 9: links of such probes never count as changed


def test_a_compared_link_is_no_better_proven_than_on_its_weaker_side():
    often, once = ([[a(1), a(2 + n % 2), a(4 + n % 2), TARGET] for n in range(k)] for k in (12, 4))
    proven = tables([row for n, way in enumerate(often) for row in rounds(*[way] * 2, flow=n)])
    found = compare_tables(proven, one_flow_each(*once, sport=7000)).edges
    words = {edge: found.loc[found["from_addr"] == edge, "evidence"].tolist() for edge in (a(1), a(2), a(4))}
    assert words == {a(1): ["flow"] * 2, a(2): ["assumed"], a(4): ["assumed"]}
    assert set(compare_tables(proven, proven).edges["evidence"]) == {"flow"}


def test_one_header_sent_again_and_again_is_one_flow():
    def again(way: Sequence[str | None], sport: int) -> Tables:
        made = by_probe(way, sport)
        return replaced(
            made, probes=made.probes.assign(dport=pd.array([33_434] * len(made.probes), dtype="UInt16"))
        )

    assert compare_tables(again(WAY, 5000), again(OTHER, 7000)).path_verdict == "cannot tell"


def test_flows_whose_header_nobody_knows_may_all_be_one():
    def runs(way: Sequence[str | None]) -> Tables:
        return concat_tables([tables(rounds(way), sport=None) for _ in range(6)])

    assert compare_tables(runs(WAY), runs(OTHER)).path_verdict == "cannot tell"


def test_a_branch_that_is_farther_away_is_no_shift_of_the_round_trip_time():
    """One flow each, 40 ms apart: another branch would explain it; five of each would not."""

    def side(base: float, flows: int, sport: int) -> Tables:
        rows: list[Row] = [
            probe(n, 1, TARGET, base + flow / 9 + n * 7 % 11 / 9, flow=flow)
            for n in range(30)
            for flow in range(flows)
        ]
        return tables(rows, sport=sport)

    alone = compare_tables(side(20, 1, 5000), side(60, 1, 7000))
    assert alone.rtt_verdict == "cannot tell"
    assert "balancing could explain it" in alone.sentence
    assert alone.rtt["flows_needed"].tolist() == [5]
    many = compare_tables(side(20, 5, 5000), side(60, 5, 7000))
    assert many.rtt_verdict == "changed"
    assert many.rtt["a_flows"].tolist() == [5]
    assert compare_tables(side(20, 1, 5000), side(60, 1, 5000)).rtt_verdict == "changed"


# --- equal flows of few rounds ---


def test_equal_flows_of_one_round_each_are_tested_together():
    found = compare_tables(one_flow_each(*[WAY] * 12, sport=5000), one_flow_each(*[OTHER] * 12, sport=5000))
    assert (found.kind, found.path_verdict) == ("matched", "changed")
    assert found.paths["flow"].tolist() == [0] * 4


def test_equal_flows_that_swapped_branches_cannot_be_told_from_turns():
    one = one_flow_each(*[WAY, OTHER] * 8, sport=5000)
    found = compare_tables(one, one_flow_each(*[OTHER, WAY] * 8, sport=5000))
    assert found.path_verdict == "cannot tell"
    assert any("16 of 16 flows took other hops" in reason for reason in found.reasons)
    assert compare_tables(one, one).path_verdict == "same"


def test_each_of_equal_flows_is_compared_with_itself_however_far_apart_they_are():
    rng = np.random.default_rng(6)

    def side(shift: float) -> Tables:
        far = np.tile([10.0, 30.0, 50.0], 10)
        return tables(
            [
                probe(0, 1, TARGET, float(base + shift + rng.gamma(2, 0.2)), flow=k)
                for k, base in enumerate(far)
            ]
        )

    same, shifted = compare_tables(side(0), side(0)), compare_tables(side(0), side(9))
    assert (same.kind, same.rtt_verdict) == ("matched", "same")
    assert shifted.rtt_verdict == "changed"
    assert shifted.rtt["shift_ms"].item() == pytest.approx(9, abs=0.5)


# --- unanswered probes ---


@cache
def lossy(share: float, n: int = 120, *, hop: int = 4, clumped: bool = False) -> Tables:
    lost = (
        {*range(int(n * share))}
        if clumped
        else {int(k / share) for k in range(int(n * share))}
        if share
        else set()
    )
    ways = [[None if n in lost and ttl == hop else addr for ttl, addr in enumerate(WAY, 1)] for n in range(n)]
    return tables(rounds(*ways))


@pytest.mark.parametrize(
    ("before", "after", "n", "verdict"),
    [
        (0.0, 0.0, 60, "same"),
        (0.0, 0.0, 40, "cannot tell"),
        (0.0, 0.2, 120, "changed"),
        (0.3, 0.0, 120, "changed"),
        (0.0, 0.02, 400, "same"),
        (0.0, 0.05, 40, "cannot tell"),
    ],
)
def test_unanswered_probes_at_the_target(before: float, after: float, n: int, verdict: str):
    found = compare_tables(lossy(before, n), lossy(after, n))
    row = found.responses[found.responses["is_target"]].iloc[0]
    assert (found.response_verdict, row["verdict"]) == (verdict, verdict)
    assert row["b_unanswered_ratio"] == pytest.approx(after, abs=0.01)
    assert row["rise_ratio"] == pytest.approx(row["b_unanswered_ratio"] - row["a_unanswered_ratio"])


@pytest.mark.parametrize("n", [10, 30])
def test_the_rounds_said_to_be_needed_for_no_loss_suffice(n: int):
    needed = compare_tables(lossy(0, n), lossy(0, n)).rounds_needed
    assert needed is not None
    assert compare_tables(lossy(0, needed), lossy(0, needed)).response_verdict == "same"
    assert compare_tables(lossy(0, needed - 4), lossy(0, needed - 4)).response_verdict == "cannot tell"


def test_a_router_that_answers_less_changes_nothing():
    found = compare_tables(lossy(0), lossy(0.8, hop=2))
    assert found.response_verdict == found.verdict == "same"
    assert found.responses.set_index("a_ttl")["verdict"].to_dict()[2] == "changed"


def test_a_target_that_went_dark_leaves_all_unanswered():
    dark = tables(rounds(*[[a(1), a(2), a(3), None, None, None]] * 60))
    found = compare_tables(lossy(0, 60), dark)
    assert (found.verdict, found.response_verdict) == ("changed", "changed")
    assert f"{TARGET} leaves more probes unanswered (0 of 60, then 60 of 60)" in found.sentence
    back = compare_tables(dark, lossy(0, 60))
    assert f"{TARGET} leaves fewer probes unanswered (60 of 60, then 0 of 60)" in back.sentence


def test_a_target_that_was_not_probed_did_not_go_dark():
    short = tables(rounds(*[[a(1), a(2), a(3)]] * 60))
    assert compare_tables(lossy(0, 60), short).response_verdict != "changed"


def test_probes_lost_in_one_go_are_worth_less_than_as_many_lost_here_and_there():
    spread, clumped = (compare_tables(lossy(0), lossy(0.15, clumped=one)) for one in (False, True))
    assert spread.response_verdict == "changed"
    assert clumped.response_verdict == "cannot tell"


# --- links ---


def test_links_are_weighed_against_what_else_followed():
    found = compare_tables(tables(rounds(*[WAY] * 20)), tables(rounds(*[OTHER] * 20))).edges
    rows = {(row["from_addr"], row["to_addr"]): row for row in found.to_dict("records")}
    gone, new = rows[a(1), a(2)], rows[a(1), a(20)]
    assert [gone[name] for name in ("a_rounds", "b_rounds", "a_flows", "b_flows")] == [20, 0, 1, 0]
    assert gone["p_value"] < 1e-6
    assert (new["a_share"], new["b_share"]) == (0.0, 1.0)
    assert np.isnan(rows[a(2), a(3)]["b_share"])  # nobody left from there
    assert np.isnan(rows[a(3), TARGET]["p_value"])  # nothing else ever followed


# --- vantages, protocols ---


def test_ways_from_two_sources_are_compared_from_where_they_meet():
    here = one_flow_each(*[[a(1), a(2), a(3), a(4), TARGET]] * 6, sport=5000, times=20)
    there: dict[str, Any] = {"sport": 7000, "times": 20, "src": "192.0.2.77"}
    same = compare_tables(here, one_flow_each(*[[a(11), a(3), a(4), TARGET]] * 6, **there))
    assert same.path_verdict == "same"
    assert same.paths["change"].tolist() == ["unknown", "unknown", "same", "same", "same"]
    other = compare_tables(here, one_flow_each(*[[a(11), a(3), a(5), TARGET]] * 6, **there))
    assert other.path_verdict == "changed"
    assert other.paths["change"].tolist() == ["unknown", "unknown", "same", "changed", "same"]
    assert "source 192.0.2.1 against 192.0.2.77" in other.sentence


def test_protocols_are_compared_each_with_each():
    sides = {
        "icmp": one_flow_each(*[WAY] * 8, sport=1, times=20, protocol="icmp"),
        "udp": one_flow_each(*[WAY] * 8, sport=1, times=20, protocol="udp"),
        "tcp": one_flow_each(*[OTHER] * 8, sport=1, times=20, protocol="tcp"),
    }
    found = compare_many(sides)
    verdicts = {(row.a, row.b): row.verdict for row in found.pairs.itertuples()}
    assert verdicts == {("icmp", "udp"): "same", ("icmp", "tcp"): "changed", ("udp", "tcp"): "changed"}
    assert found.verdict == "changed"
    assert found.sentence == "Changed: icmp and tcp, udp and tcp; same: icmp and udp."
    assert found.sentence in repr(found)
    second = found.hops[found.hops["ttl"] == 2]
    assert second["side"].tolist() == ["icmp", "udp", "tcp"]
    assert second["addrs"].tolist() == [(a(2),), (a(2),), (a(20),)]
    assert (second["flows"].tolist(), second["n"].tolist()) == ([8] * 3, [160] * 3)
    assert found.comparisons["icmp", "tcp"].names == ("icmp", "tcp")
    check_frame(found.pairs, COMPARED_PAIRS)
    check_frame(found.hops, COMPARED_HOPS)


def test_one_side_has_nothing_to_be_compared_with():
    with pytest.raises(ConfigError, match="at least two sides"):
        compare_many({"alone": tables(rounds(WAY))})


@pytest.mark.parametrize("alpha", [0.0, -1.0, 0.6, float("nan")])
def test_alpha_is_a_probability(alpha: float):
    made = tables(rounds(WAY))
    with pytest.raises(ConfigError, match="alpha is a probability"):
        compare_tables(made, made, alpha=alpha)


# --- power, shape, false alarms ---


def test_power_is_said_in_words_and_numbers():
    found = compare_tables(lossy(0, 60), lossy(0, 60))
    assert found.power.startswith("Would have shown, eight times in ten: a new hop, if")
    assert 0.1 < found.detectable_share < 0.2
    few = compare_tables(lossy(0, 2), lossy(0, 2))
    assert np.isnan(few.detectable_share)
    assert "no new hop" in few.power
    assert "no rise of unanswered probes" in few.power


@cache
def kinds() -> dict[str, ComparisonTables]:
    return {
        "flow": compare_tables(lossy(0, 9), lossy(0.3, 9)),
        "matched": compare_tables(one_flow_each(WAY, OTHER, sport=1), one_flow_each(OTHER, WAY, sport=1)),
        "sampled": compare_tables(one_flow_each(WAY, WAY, sport=1), one_flow_each([a(1), None], sport=9)),
        "probes": compare_tables(by_probe(WAY, 1), by_probe([a(1)], 9)),
        "nothing": compare_tables(tables([]), lossy(0, 2)),
    }


@pytest.mark.parametrize("kind", ["flow", "matched", "sampled", "probes", "nothing"])
def test_every_frame_keeps_to_its_columns(kind: str):
    found = kinds()[kind]
    check_frame(found.paths, COMPARED_PATHS)
    check_frame(found.edges, COMPARED_EDGES)
    check_frame(found.rtt, COMPARED_RTT)
    check_frame(found.responses, COMPARED_RESPONSES)
    assert "\n" not in found.sentence
    again = pickle.loads(pickle.dumps(found))
    pd.testing.assert_frame_equal(again.edges, found.edges)


@pytest.mark.slow
def test_networks_that_did_not_change_are_called_changed_no_more_often_than_alpha():
    """Simulated: other seeds, other ports, lossy branches, rate limits. `benchmarks/prove_compare.py` is
    larger."""
    each = 12 if CI else 3
    seen: Counter[str] = Counter()
    for place, world in enumerate(WORLDS):
        for number in range(each):
            found, naive = alarm(world, 10_000 * (place + 1) + number, rounds=8)
            seen["changed"] += found.verdict == "changed"
            seen["naive"] += naive
    pairs = each * len(WORLDS)
    assert seen["changed"] <= pairs * 0.05 + 2 * (pairs * 0.05 * 0.95) ** 0.5
    assert seen["naive"] > pairs / 2
