"""Where a loss began: one case a line, then whatever the plainest code says."""

from __future__ import annotations

import pytest

from tests.analysis.handmade import TARGET, Row, a, probe, rounds, tables
from trippy_nb.analysis import hop_table

GOOD = [a(1), a(2), a(3), a(4), TARGET]


def counts(rows: list[Row]) -> tuple[list[int], list[int]]:
    table = hop_table(tables(rows))
    return table["forward_loss"].tolist(), table["backward_loss"].tolist()


@pytest.mark.parametrize(
    ("second_round", "forward", "backward"),
    [
        ([a(1), a(2), None, None, None], [0, 0, 1, 0, 0], [0, 0, 0, 1, 1]),
        ([None, None, None, None, None], [1, 0, 0, 0, 0], [0, 1, 1, 1, 1]),
        ([a(1), a(2), a(3), None, None], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]),
        ([a(1), a(2), a(3), a(4), None], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]),
        ([a(1), None, a(3), None, TARGET], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]),
        ([None, a(2), None, None, None], [0, 0, 1, 0, 0], [0, 0, 0, 1, 1]),
    ],
    ids=["from-3-on", "everything", "before-the-target", "target-alone", "here-and-there", "one-more-before"],
)
def test_silence_to_the_end_is_a_loss_where_it_began(
    second_round: list[str | None], forward: list[int], backward: list[int]
):
    assert counts(rounds(GOOD, second_round)) == (forward, backward)


def test_a_hop_that_never_answers_neither_begins_a_loss_nor_confirms_one():
    silent_3 = [a(1), a(2), None, a(4), TARGET]
    assert counts(rounds(silent_3, [a(1), a(2), None, None, None])) == ([0, 0, 0, 1, 0], [0, 0, 0, 0, 1])
    silent_4 = [a(1), a(2), a(3), None, TARGET]
    assert counts(rounds(silent_4, [a(1), a(2), a(3), None, None]))[0] == [0, 0, 0, 0, 0]


def test_a_hop_that_limits_its_answers_makes_no_forward_loss_of_a_loss_at_the_target():
    limited = [a(1), a(2), a(3), None, TARGET]
    assert counts(rounds(GOOD, limited, [a(1), a(2), a(3), None, None]))[0] == [0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("status", "forward"),
    [("send_error", [0, 1, 0, 0, 0]), ("not_sent", [0, 1, 0, 0, 0]), ("in_flight", [0, 0, 0, 0, 0])],
)
def test_a_probe_that_was_not_sent_hides_no_loss_and_one_in_flight_leaves_it_open(
    status: str, forward: list[int]
):
    lost = [probe(1, ttl, addr) for ttl, addr in enumerate([a(1), None, None, None], start=1)]
    lost.append(probe(1, 5, None, status=status))
    assert counts(rounds(GOOD) + lost)[0] == forward


def test_a_late_answer_ends_a_silence():
    rows = rounds(GOOD) + [row | {"round": 1} for row in rounds([a(1), None, None, None])]
    rows.append(probe(1, 5, TARGET, 2500.0, status="late"))
    assert counts(rows) == ([0] * 5, [0] * 5)


def test_another_flows_answers_do_not_hide_a_loss():
    rows = rounds(GOOD, [a(1), a(2), None, None, None]) + rounds(GOOD, GOOD, flow=1)
    assert counts(rows) == ([0, 0, 1, 0, 0], [0, 0, 0, 1, 1])


def test_a_second_attempt_that_is_answered_is_no_loss_and_two_lost_ones_are_one():
    rows = rounds(GOOD, [a(1), a(2), None, None, None])
    again = [probe(1, ttl, None, attempt=1) for ttl in (3, 4, 5)]
    assert counts(rows + again) == ([0, 0, 1, 0, 0], [0, 0, 0, 1, 1])
    again[2] = probe(1, 5, TARGET, attempt=1)
    assert counts(rows + again) == ([0] * 5, [0] * 5)
