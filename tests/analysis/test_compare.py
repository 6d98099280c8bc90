"""A comparison calls changed only what changed, same only what is the same, and says why it cannot tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.handmade import TARGET, Row, a, probe, rounds, shuffled, tables
from tests.analysis.strategies import probe_rows
from trippy_nb.analysis import ComparisonTables, compare_tables
from trippy_nb.analysis.align import Place, align, change_of

WAY = [a(1), a(2), a(3), TARGET]


def repeated(way: Sequence[str | None], times: int = 10, **more: Any) -> list[Row]:
    return rounds(*[way] * times, **more)


def timed(rtts: Iterable[float], ttl: int = 1, addr: str = TARGET) -> list[Row]:
    return [probe(n, ttl, addr, float(rtt)) for n, rtt in enumerate(rtts)]


def of(one: list[Row], two: list[Row], **run: Any) -> ComparisonTables:
    return compare_tables(tables(one, **run), tables(two, **run))


def changes(comparison: ComparisonTables) -> list[str]:
    return comparison.paths["change"].tolist()


def test_a_run_compared_with_itself_is_the_same():
    found = of(repeated(WAY, 60), repeated(WAY, 60))
    assert (found.verdict, found.path_verdict, found.rtt_verdict) == ("same", "same", "same")
    assert (found.response_verdict, found.kind) == ("same", "flow")
    assert changes(found) == ["same"] * 4
    assert found.sentence.startswith("Same: the path is the same (4 common hops)")
    assert found.rounds_needed is None


def test_another_router_within_a_flow_is_a_change():
    found = of(repeated(WAY), repeated([a(1), a(20), a(3), TARGET]))
    assert (found.verdict, found.path_verdict) == ("changed", "changed")
    assert changes(found) == ["same", "changed", "same", "same"]
    assert "changed at hop 2 from 10.0.0.2 to 10.0.0.20" in found.sentence


def test_an_inserted_hop_shifts_the_rest_and_changes_nothing_else():
    longer = [a(1), a(20), a(2), a(3), TARGET]
    found = of(repeated(WAY), repeated(longer))
    assert changes(found) == ["same", "added", "same", "same", "same"]
    assert found.paths["a_ttl"].isna().tolist() == [False, True, False, False, False]
    assert found.paths["b_ttl"].tolist() == [1, 2, 3, 4, 5]
    assert changes(of(repeated(longer), repeated(WAY))) == ["same", "removed", "same", "same", "same"]
    assert found.rtt["a_ttl"].tolist() == [1, 2, 3, 4]
    assert found.rtt["b_ttl"].tolist() == [1, 3, 4, 5]


def test_silence_on_a_side_is_unknown_and_no_change():
    found = of(repeated([a(1), None, a(3), TARGET]), repeated(WAY))
    assert changes(found) == ["same", "unknown", "same", "same"]
    assert found.path_verdict == "same"


def test_a_responder_at_several_ttls_is_compared_with_all_its_answers():
    """Ways of unequal length: neither TTL of the target has all flows, and each has flows of one length."""

    def side(short: int, long: int) -> list[Row]:
        ways: list[tuple[list[str | None], float]] = [([a(1), a(2), TARGET], 10.0)] * short
        ways += [([a(1), a(3), a(4), TARGET], 30.0)] * long
        return [
            row | {"rtt_ms": rtt} for flow, (way, rtt) in enumerate(ways) for row in rounds(way, flow=flow)
        ]

    found = of(side(10, 10), side(10, 10), sport=None)
    (row,) = found.rtt[found.rtt["is_target"]].to_dict("records")
    assert (row["a_n"], row["b_n"], row["shift_ms"]) == (20, 20, 0)
    assert found.rtt["addr"].is_unique
    assert found.rtt_verdict != "changed"


def test_a_level_that_moved_within_a_side_is_said_instead_of_a_number_of_rounds():
    moved = timed([10.0 + 0.01 * (n % 7) for n in range(40)] + [30.0 + 0.01 * (n % 7) for n in range(40)])
    found = of(moved, moved)
    assert found.rtt_verdict == "cannot tell"
    assert "they move within a side" in found.sentence
    assert found.rtt["rounds_needed"].isna().all()


@pytest.mark.parametrize(("one", "two"), [(1, 1), (3, 3), (2, 4)])
def test_few_rounds_cannot_tell_and_say_how_many_would(one: int, two: int):
    other = [a(1), a(20), a(3), TARGET]
    found = of(repeated(WAY, one), repeated(other, two))
    assert found.path_verdict == "cannot tell"
    assert changes(found) == ["same", "unknown", "same", "same"]
    enough = found.rounds_needed
    assert enough is not None
    assert of(repeated(WAY, enough), repeated(other, enough)).path_verdict == "changed"


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"stable": False}, "balancing could explain"),
        ({"sport": None}, "different flows"),
    ],
)
def test_runs_whose_flows_prove_nothing_never_count_as_changed(more: dict[str, Any], word: str):
    found = of(repeated(WAY, 50), repeated([a(1), a(20), a(21), TARGET], 50), **more)
    assert found.path_verdict == "cannot tell"
    assert not {*changes(found)} & {"changed", "added", "removed"}
    assert any(word in reason for reason in found.reasons)


@pytest.mark.parametrize("more", [{"sport": 6000}, {"src": "192.0.2.77"}, {"protocol": "tcp"}])
def test_another_flow_may_take_another_branch(more: dict[str, Any]):
    found = compare_tables(tables(repeated(WAY)), tables(repeated([a(1), a(20), a(3), TARGET]), **more))
    assert found.path_verdict == "cannot tell"
    assert changes(found) == ["same", "unknown", "same", "same"]
    same_way = compare_tables(tables(repeated(WAY)), tables(repeated(WAY), **more))
    assert same_way.path_verdict == "same"


def test_responders_that_take_turns_within_a_flow_are_no_change():
    turns = [[a(1), a(2 + n % 2), a(4), TARGET] for n in range(12)]
    found = of(rounds(*turns), rounds(*turns[1:]))
    assert found.path_verdict == "same"


def test_a_change_is_told_from_the_turns_that_responders_take_elsewhere_on_the_path():
    one = [[a(1), a(2 + n % 2), a(4), TARGET] for n in range(12)]
    two = [[a(1), a(2 + n % 2), a(5), TARGET] for n in range(12)]
    found = of(rounds(*one), rounds(*two))
    assert changes(found) == ["same", "same", "changed", "same"]


def test_each_flow_is_compared_with_itself():
    one = repeated(WAY) + repeated([a(1), a(9), a(3), TARGET], flow=1)
    two = repeated(WAY) + repeated([a(1), a(8), a(3), TARGET], flow=1)
    found = of(one, two)
    assert found.path_verdict == "changed"
    assert found.paths.loc[found.paths["change"] == "changed", "flow"].tolist() == [1]


def test_other_targets_are_not_compared_and_the_reason_names_them():
    found = compare_tables(tables(repeated(WAY)), tables(repeated(WAY), dst="203.0.113.5"))
    assert (found.verdict, found.path_verdict, found.rtt_verdict) == ("cannot tell",) * 3
    assert found.reasons == ("the targets differ (198.51.100.9 and 203.0.113.5)",)
    assert "\n" not in found.sentence
    nothing_is_compared(found)


def nothing_is_compared(found):
    for frame in (found.paths, found.edges, found.rtt, found.responses):
        assert frame.empty
    assert (found.power, found.aspects, found.caveats, found.kind) == ("", (), (), "none")


@pytest.mark.parametrize(
    ("sides", "says"),
    [
        ((tables([]), tables(repeated(WAY))), "Cannot tell: side before has no probes."),
        ((tables(repeated(WAY)), tables([])), "Cannot tell: side after has no probes."),
        ((tables([]), tables([])), "Cannot tell: sides before and after have no probes."),
    ],
)
def test_an_empty_side_is_said_to_be_empty(sides, says):
    found = compare_tables(*sides)
    assert found.sentence == says
    nothing_is_compared(found)


def test_a_target_that_is_not_known_is_not_said_to_differ():
    found = compare_tables(tables(repeated(WAY)), tables(repeated(WAY), dst=None))
    assert found.sentence == "Cannot tell: the target of one side is not known (198.51.100.9 and unknown)."


def test_another_protocol_is_said():
    found = compare_tables(tables(repeated(WAY)), tables(repeated(WAY), protocol="icmp"))
    assert "protocol udp against icmp" in found.sentence


def test_names_are_the_labels_of_the_runs_if_they_have_any():
    found = compare_tables(tables(repeated(WAY), label="Monday"), tables(repeated(WAY)))
    assert found.names == ("Monday", "after")


@pytest.mark.parametrize(
    ("by_ms", "n", "verdict"),
    [
        (0.0, 60, "same"),
        (0.3, 60, "same"),
        (8.0, 60, "changed"),
        (-8.0, 60, "changed"),
        (8.0, 3, "cannot tell"),
    ],
)
def test_the_round_trip_time_is_judged_by_its_interval_against_the_margin(by_ms: float, n: int, verdict: str):
    rng = np.random.default_rng(5)
    found = of(timed(20 + rng.gamma(2, 0.5, n)), timed(20 + by_ms + rng.gamma(2, 0.5, n)))
    assert found.rtt_verdict == verdict
    (row,) = found.rtt.to_dict("records")
    assert (row["is_target"], row["verdict"], row["a_n"], row["b_n"]) == (True, verdict, n, n)
    assert row["margin_ms"] == pytest.approx(0.1 * row["a_p50_ms"])


def test_the_verdict_is_about_the_target_and_not_about_a_router_slow_to_answer():
    slow = [
        row | {"rtt_ms": 90.0 + row["round"] / 9} if row["ttl"] == 2 else row for row in repeated(WAY, 60)
    ]
    found = of(repeated(WAY, 60), slow)
    assert found.rtt["verdict"].tolist() == ["same", "changed", "same", "same"]
    assert found.verdict == "same"


def test_rounds_needed_are_about_right():
    rng = np.random.default_rng(8)

    def draw(n: int) -> ComparisonTables:
        return of(timed(10 + rng.gamma(2, 1.5, n)), timed(10 + rng.gamma(2, 1.5, n)))

    first = draw(12)
    assert first.rtt_verdict == "cannot tell"
    assert first.rounds_needed is not None
    assert 12 < first.rounds_needed < 2000
    decided = [draw(2 * first.rounds_needed).rtt_verdict for _ in range(6)]
    assert decided.count("cannot tell") <= 2


def test_per_packet_balancing_is_cautious_even_if_one_run_saw_one_branch():
    found = of(rounds(*[[a(1), a(2), TARGET]] * 2), rounds([a(1), a(2), TARGET], [a(1), a(3), TARGET]))
    assert found.path_verdict == "same"


@given(probe_rows(), probe_rows(), st.integers(0, 2**32 - 1))
@settings(max_examples=6)
def test_the_order_of_rows_does_not_matter_and_nothing_breaks(one: list[Row], two: list[Row], seed: int):
    left, right = tables(one), tables(two)
    found, again = compare_tables(left, right), compare_tables(shuffled(left, seed), shuffled(right, seed))
    pd.testing.assert_frame_equal(found.paths, again.paths)
    pd.testing.assert_frame_equal(found.rtt, again.rtt)
    assert found.sentence == again.sentence
    assert found.verdict in ("same", "changed", "cannot tell")
    assert "\n" not in found.sentence


@given(probe_rows(), probe_rows())
@settings(max_examples=6)
def test_before_and_after_are_mirror_images(one: list[Row], two: list[Row]):
    there, back = of(one, two), of(two, one)
    assert there.path_verdict == back.path_verdict
    mirrored = {"added": "removed", "removed": "added"}
    counts = []
    for side, names in ((there, {}), (back, mirrored)):
        words = side.paths["change"].astype("str").replace(names)
        counts.append(words.groupby(side.paths["flow"].to_numpy()).value_counts().sort_index().to_dict())
    assert counts[0] == counts[1]


places = st.lists(
    st.sampled_from([{}, {"a": 1}, {"b": 1}, {"c": 1}, {"a": 1, "b": 2}]), max_size=6
).map(lambda answers: [Place(ttl, dict(found)) for ttl, found in enumerate(answers, start=1)])  # fmt: skip


def distance(one: Sequence[Place], two: Sequence[Place]) -> int:
    if not one or not two:
        return len(one) + len(two)
    fits = one[0].silent or two[0].silent or bool(one[0].answers.keys() & two[0].answers.keys())
    return min(
        distance(one[1:], two[1:]) + (not fits), distance(one[1:], two) + 1, distance(one, two[1:]) + 1
    )


@given(places, places)
def test_an_alignment_has_the_fewest_edits_there_are_and_keeps_every_place_in_order(
    one: list[Place], two: list[Place]
):
    pairs = align(one, two)
    assert [here for here, _ in pairs if here is not None] == one
    assert [there for _, there in pairs if there is not None] == two
    edits = sum(here is None or there is None or change_of(here, there) == "changed" for here, there in pairs)
    assert edits == distance(one, two)


@given(places)
def test_a_path_aligned_with_itself_has_no_edits(one: list[Place]):
    assert align(one, one) == [(place, place) for place in one]


def test_of_equal_alignments_the_one_with_more_common_responders_is_taken():
    here, there, silent = Place(1, {"a": 3}), Place(1, {"a": 5}), Place(2)
    assert align([here], [there, silent]) == [(here, there), (None, silent)]
