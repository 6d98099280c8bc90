"""Hops whose responders take turns: found, left out, and what that changes."""

from __future__ import annotations

import pytest

from tests.analysis.handmade import TARGET, a, rounds, tables
from trippy_nb.analysis import compare_tables, difference_text, turning_hops
from trippy_nb.frames import Tables
from trippy_nb.frames.answers import COMPARED_PATHS
from trippy_nb.frames.check import check_frame


def turning(shares: str, *, last: str = TARGET, far: str | None = None) -> Tables:
    """Rounds of one flow; at hop 2 answers who the letters say: a pair that takes turns."""
    third = a(3) if far is None else far
    return tables(rounds(*[[a(1), a(20 + ord(who) - ord("x")), third, last] for who in shares]))


EVEN, DRIFTED = "xy" * 20, "xyyyy" * 4 + "yyxyyyyyyy" * 2


def test_a_hop_that_takes_turns_is_found_with_who_and_when():
    one, two = turning(EVEN), turning("x" * 40)
    (hop,) = turning_hops(compare_tables(one, two), one, two)
    assert (hop.ttls, hop.addrs, hop.sides) == ((2, 2), (a(20), a(21)), (True, False))
    steady = turning("x" * 40), turning("x" * 40)
    assert turning_hops(compare_tables(*steady), *steady) == ()


def test_an_address_that_comes_once_and_stays_takes_no_turns():
    sides = turning("x" * 40), turning("x" * 20 + "y" * 20)
    assert turning_hops(compare_tables(*sides), *sides) == ()


def test_shares_that_drift_are_a_change_until_the_hop_is_left_out():
    sides = turning(EVEN), turning(DRIFTED)
    whole = compare_tables(*sides)
    (hop,) = turning_hops(whole, *sides)
    part = compare_tables(*sides, without=[hop.ttls])
    assert (whole.path_verdict, part.path_verdict) == ("changed", "same")
    assert whole.paths["p_value"].iloc[1] <= whole.path_level
    assert part.sentence.endswith("(hop 2 left out).")
    assert list(part.paths["change"]) == ["same", "left out", "same", "same"]
    assert part.paths["a_addrs"].iloc[1] == whole.paths["a_addrs"].iloc[1]
    assert set(part.rtt["a_ttl"]) == set(part.responses["a_ttl"]) == {1, 3, 4}
    check_frame(part.paths, COMPARED_PATHS)
    said = difference_text(whole, part)
    assert said.startswith("Leaving out hop 2 changes ")
    assert "paths from changed to same" in said
    assert any("alpha holds for the comparison of all hops" in caveat for caveat in part.caveats)
    assert not any("left out" in caveat for caveat in whole.caveats)


def test_what_is_left_out_does_not_hide_a_change_elsewhere():
    sides = turning(EVEN), turning(DRIFTED, far=a(30))
    part = compare_tables(*sides, without=[(2, 2)])
    assert part.path_verdict == "changed"
    assert list(part.paths["change"]) == ["same", "left out", "changed", "same"]
    whole = compare_tables(*sides)
    assert difference_text(whole, part) == "Leaving out hop 2 changes no verdict, and no other row."


def test_a_target_that_takes_turns_with_a_router_stays_and_is_judged():
    """Branches of unequal length: hop 3 is the target in every other round."""
    longer, shorter = [a(1), a(2), a(3), TARGET], [a(1), a(2), TARGET, TARGET]
    sides = tables(rounds(*[longer, shorter] * 20)), tables(rounds(*[longer, shorter] * 20))
    part = compare_tables(*sides, without=[(3, 3)])
    assert part.rtt["is_target"].any()
    assert part.responses["is_target"].any()
    assert part.rtt_verdict == "same"


def test_nothing_but_left_out_hops_cannot_be_told():
    sides = turning(EVEN), turning(EVEN)
    part = compare_tables(*sides, without=[(1, 1), (2, 2), (3, 3), (4, 4)])
    assert part.verdict == "cannot tell"


@pytest.mark.parametrize(
    ("without", "words"),
    [([(2, 2)], "hop 2 left"), ([(2, 3), (None, 5)], "hops 2 (3 after) and 5 after left"), ([], "")],
)
def test_the_sentence_names_what_is_left_out(without, words):
    sentence = compare_tables(turning(EVEN), turning(EVEN), without=without).sentence
    assert (words in sentence) if words else ("left out" not in sentence)


@pytest.mark.parametrize("protocol", ["flow", "matched", "sampled"])
def test_every_aspect_says_its_test_and_numbers(protocol):
    ports = {"flow": (5000, 5000), "matched": (5000, 5000), "sampled": (5000, 7000)}[protocol]
    flows, times = (1, 20) if protocol == "flow" else (6, 2)
    rows = [row for flow in range(flows) for row in rounds(*[[a(1), a(2), TARGET]] * times, flow=flow)]
    found = compare_tables(*(tables(rows, sport=port) for port in ports))
    assert found.kind == protocol
    assert [aspect.name for aspect in found.aspects] == ["Paths", "Round-trip time", "Unanswered"]
    assert [aspect.verdict for aspect in found.aspects] == [
        found.path_verdict,
        found.rtt_verdict,
        found.response_verdict,
    ]
    assert all(aspect.test and aspect.found for aspect in found.aspects)
    assert found.caveats
