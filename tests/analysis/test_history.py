"""Paths over time: what is a change, what only looks like one, and what cannot be told."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.handmade import TARGET, Row, a, probe, quoted, replaced, rounds, shuffled, tables
from tests.analysis.strategies import probe_rows
from trippy_nb.analysis.history import epochs, path_changes, prevalence
from trippy_nb.analysis.history.bundles import Step, bundles
from trippy_nb.analysis.history.differences import difference
from trippy_nb.analysis.history.patterns import GAP, Pattern
from trippy_nb.analysis.ratios import wilson
from trippy_nb.errors import ConfigError
from trippy_nb.frames import Tables, check_frame
from trippy_nb.frames.answers import CHANGES, EPOCHS, PREVALENCE


def only(frame: pd.DataFrame) -> Any:
    """The one row of a frame."""
    (row,) = frame.itertuples()
    return row


Path = list[str | None]
EXAMPLES = 50 if os.environ.get("TRIPPY_NB_PROFILE") == "ci" else 5

A: Path = [a(1), a(2), a(3), TARGET]
B: Path = [a(1), a(5), a(3), TARGET]
LONG: Path = [a(1), a(2), a(6), a(3), TARGET]
LOST: Path = [a(1), None, a(3), TARGET]
"""Fits both A and B."""


def kept(made: Tables, **options: Any) -> list[tuple[int, int, int]]:
    """First round, last round and observations of the epochs that count."""
    table = epochs(made, **options)
    table = table[table["standing"] == "kept"]
    return list(zip(table["round"], table["last_round"], table["n"], strict=True))


def kinds(made: Tables, **options: Any) -> list[str]:
    return path_changes(made, **options)["kind"].tolist()


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        pytest.param([A, A, A], [(0, 2, 3)], id="one path"),
        pytest.param([A, LOST, A, LOST], [(0, 3, 4)], id="a lost probe is no change"),
        pytest.param([LOST, LOST, A, A], [(0, 3, 4)], id="nor is one at the beginning"),
        pytest.param([A, A, B, B], [(0, 1, 2), (2, 3, 2)], id="a change"),
        pytest.param([A, A, LOST, B, B], [(0, 2, 3), (3, 4, 2)], id="silence just before it"),
        pytest.param([A, A, B, A, A], [(0, 4, 4)], id="once is an outlier"),
        pytest.param([A, A, B, LOST, A, A], [(0, 5, 5)], id="and silence does not confirm it"),
        pytest.param([A, A, LONG, LONG], [(0, 1, 2), (2, 3, 2)], id="a hop more"),
        pytest.param([A, A, [*A[:3], None], A], [(0, 3, 4)], id="a target that is silent once"),
    ],
)
def test_epochs_of_one_flow(paths, expected):
    assert kept(tables(rounds(*paths))) == expected


@pytest.mark.parametrize(("confirm", "n"), [(1, 3), (2, 1), (3, 1)])
def test_how_often_a_path_must_be_seen_is_a_choice(confirm, n):
    assert len(kept(tables(rounds(A, A, A, B, A, A, A)), confirm=confirm)) == n


@pytest.mark.parametrize(
    ("paths", "standings"),
    [
        ([A, B], ["unconfirmed", "unconfirmed"]),
        ([A, A, B], ["kept", "unconfirmed"]),
        ([B, A, A], ["unconfirmed", "kept"]),
        ([A, A, B, A, A], ["kept", "outlier"]),
        ([A], ["kept"]),
    ],
)
def test_what_was_seen_too_seldom_says_so(paths, standings):
    assert epochs(tables(rounds(*paths)))["standing"].tolist() == standings
    assert path_changes(tables(rounds(*paths))).empty


def test_a_change_tells_where_and_what():
    row = only(path_changes(tables(rounds(A, A, LONG, LONG))))
    assert (row.kind, row.first_ttl, row.last_ttl) == ("reroute", 3, 3)
    assert (row.before, row.after) == ((), (a(6),))  # one insertion, not a change of all that follows
    assert (row.edits, row.length, row.distance_ratio) == (1, 5, 0.2)
    assert (row.last_round, row.round, row.n_before, row.n_after, row.n_flows) == (1, 2, 2, 2, 1)


def test_a_hop_that_vanished_leaves_no_place_behind():
    row = only(path_changes(tables(rounds(LONG, LONG, A, A))))
    assert (row.first_ttl, row.last_ttl, row.before, row.after) == (3, 3, (a(6),), ())


def test_flows_that_do_not_look_the_same_to_a_balancer_never_change():
    made = tables(rounds(A, A, B, B), stable=False)
    assert path_changes(made).empty
    assert epochs(made)["standing"].tolist() == ["not judged"]
    assert epochs(made)["n"].tolist() == [0]


@pytest.mark.parametrize("status", ["in_flight", "send_error", "not_sent"])
def test_a_round_whose_fate_is_not_known_is_not_judged(status):
    rows = rounds(A, A, B, B)
    for row in rows:
        if row["round"] >= 2 and row["ttl"] == 3:
            row |= {"status": status, "addr": None, "rtt_ms": None}
    assert kept(tables(rows)) == [(0, 1, 2)]


def test_addresses_that_take_turns_are_one():
    other: Path = [a(1), a(7), a(3), TARGET]
    made = tables(rounds(*[A, other] * 10))
    row = only(epochs(made))
    assert (row.n, row.masked_ttls, row.masked_addrs) == (20, (2,), ((a(2), a(7)),))
    assert path_changes(made).empty


def test_attempts_of_one_round_that_differ_mask_a_hop():
    rows = rounds(A, A, A)
    rows += [probe(number, 2, a(7), attempt=1) for number in range(3)]
    assert epochs(tables(rows))["masked_ttls"].tolist() == [(2,)]


def test_a_route_that_changes_behind_a_balancer_of_packets_is_seen():
    other: Path = [a(1), a(7), a(3), TARGET]
    later = [[a(1), a(8), a(3), TARGET], [a(1), a(9), a(3), TARGET]]
    made = tables(rounds(*[A, other] * 10, *later * 10))
    row = only(path_changes(made))
    assert (row.round, row.first_ttl, row.last_ttl) == (20, 2, 2)
    assert row.before[0] in (a(2), a(7))
    assert row.after[0] in (a(8), a(9))


def test_a_balancer_of_packets_that_was_there_for_a_while_does_not_flap():
    other: Path = [a(1), a(7), a(3), TARGET]
    assert kinds(tables(rounds(*[A] * 60, *[A, other] * 10))) == []


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        pytest.param([A] * 12 + [B] * 12, ["reroute"], id="for good"),
        pytest.param([A] * 4 + [B] * 3 + [A] * 4, ["flap", "flap"], id="there and back"),
        pytest.param([A] * 12 + [B] * 12 + [A] * 12, ["reroute", "reroute"], id="too long to be a flap"),
    ],
)
def test_kinds_of_one_flow(paths, expected):
    assert kinds(tables(rounds(*paths))) == expected


def test_another_address_that_answers_as_the_target_is_a_destination_that_moved():
    made = tables(rounds(*[A] * 3, *[[*A[:3], a(99)]] * 3))
    replies = made.replies.copy()
    replies["from_target"] = replies["addr"].astype("str").isin([TARGET, a(99)]).astype("boolean")
    assert kinds(replaced(made, replies=replies)) == ["destination-moved"]


def test_a_name_that_leads_elsewhere_is_a_destination_that_moved():
    rows = rounds(A, run_id=0) + rounds([*A[:3], "198.51.100.10"], run_id=1)
    made = tables(rows, target="target.example")
    times = pd.to_datetime(["2026-01-01 00:00", "2026-01-01 01:00"], utc=True).as_unit("ns")
    runs = made.runs.assign(started_at=times, ended_at=times + pd.Timedelta("1min"))
    runs["dst_addr"] = pd.Categorical([TARGET, "198.51.100.10"])
    runs["target"] = pd.Series(["target.example"] * 2, dtype="str")
    moved = replaced(made, runs=runs)
    row = only(path_changes(moved))
    assert (row.kind, row.before, row.after) == ("destination-moved", (TARGET,), ("198.51.100.10",))
    assert pd.isna(row.first_ttl)
    assert pd.isna(row.epoch)
    # Runs at one time went to several addresses on purpose.
    together = replaced(moved, runs=runs.assign(ended_at=times + pd.Timedelta("2h")))
    assert path_changes(together).empty


def of_flows(*looks: list[Path]) -> list[Row]:
    return [row for flow, paths in enumerate(looks) for row in rounds(*paths, flow=flow)]


def test_what_all_flows_show_at_once_is_one_event():
    made = tables(of_flows(*[[A] * 5 + [B] * 5] * 16))
    changes = path_changes(made)
    assert changes["event"].tolist() == [0] * 16
    assert changes["flows"].iloc[0] == tuple(range(16))
    assert (changes["n_flows"] == 16).all()


def test_flows_confirm_each_other():
    assert len(kept(tables(of_flows([A, A, B], [A, A, B])))) == 4
    assert len(kept(tables(of_flows([A, A, B], [A, A, A])))) == 2


def test_a_change_in_the_midst_of_a_round_is_one_event_and_no_path_of_its_own():
    # Of each flow one round saw the old first half and the new second half.
    half: Path = [a(1), a(2), a(13), a(14), TARGET]
    old: Path = [a(1), a(2), a(3), a(4), TARGET]
    new: Path = [a(1), a(12), a(13), a(14), TARGET]
    made = tables(of_flows(*[[old] * 5 + [half] + [new] * 5] * 4))
    assert path_changes(made)["event"].tolist() == [0, 0, 0, 0]
    assert set(epochs(made)["standing"]) == {"kept", "outlier"}


def test_flows_that_change_at_different_times_are_different_events():
    made = tables(of_flows([A] * 5 + [B] * 15, [A] * 12 + [B] * 8))
    assert path_changes(made)["event"].tolist() == [0, 1]


def test_a_balancer_that_deals_anew_only_resamples():
    # Both ways are in use all the time; two flows swap.
    made = tables(of_flows([A] * 10 + [B] * 10, [B] * 10 + [A] * 10, [A] * 20, [B] * 20))
    assert kinds(made) == ["resampled", "resampled"]


def test_a_balancer_that_lost_a_way_is_a_reroute():
    made = tables(of_flows([A] * 10 + [B] * 10, [B] * 20, [A] * 10 + [B] * 10))
    assert kinds(made) == ["reroute", "reroute"]


def labelled(made: Tables, *addrs: str) -> Tables:
    return quoted(made, mpls=lambda row: "16001/0/1/1" if row.addr in addrs else None)


TUNNEL: Path = [a(1), a(20), a(21), a(3), TARGET]
PLAIN: Path = [a(1), a(3), TARGET]


@pytest.mark.parametrize(
    ("paths", "labels", "expected"),
    [
        ([PLAIN] * 5 + [TUNNEL] * 5, [a(20), a(21)], "tunnel-appeared"),
        ([TUNNEL] * 5 + [PLAIN] * 5, [a(20), a(21)], "tunnel-vanished"),
        ([TUNNEL] * 5 + [PLAIN] * 5, [a(20)], "reroute"),
        ([TUNNEL] * 5 + [PLAIN] * 5, [], "reroute"),
    ],
)
def test_hops_with_labels_that_come_or_go_as_one_block(paths, labels, expected):
    assert kinds(labelled(tables(rounds(*paths)), *labels)) == [expected]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [([TUNNEL] * 5 + [PLAIN] * 5, "tunnel-appeared"), ([PLAIN] * 5 + [TUNNEL] * 5, "tunnel-vanished")],
)
def test_hops_that_hide_behind_a_label(paths, expected):
    # The hop after them has a label just as long as they are hidden.
    short = {number for number, path in enumerate(paths) if path is PLAIN}
    made = tables(rounds(*paths))
    hidden = quoted(
        made, mpls=lambda row: "16001/0/1/250" if row.addr == a(3) and row.round in short else None
    )
    assert kinds(hidden) == [expected]


def test_a_hop_that_falls_silent_and_comes_back():
    made = tables(rounds(*[A] * 20, *[LOST] * 12, *[A] * 20))
    table = path_changes(made)
    assert table["kind"].tolist() == ["silence", "silence"]
    assert table["before"].tolist() == [(a(2),), (None,)]
    assert table["after"].tolist() == [(None,), (a(2),)]
    assert table["round"].tolist() == [20, 32]
    assert table["edits"].tolist() == [0, 0]
    assert len(kept(made)) == 1


def test_a_hop_that_answers_now_and_then_does_not_fall_silent():
    rng = np.random.default_rng(5)
    made = tables(rounds(*[A if luck < 0.7 else LOST for luck in rng.random(300)]))
    assert path_changes(made).empty


def test_silence_where_the_route_changed_is_no_event_of_its_own():
    through: Path = [a(1), None, a(8), TARGET]
    assert kinds(tables(rounds(*[A] * 20, *[through] * 20))) == ["reroute"]


# --- across runs --------------------------------------------------------------------------------------------


def apart(rows: list[Row], order: list[int]) -> Tables:
    """The same rounds, but each a run of its own; run ids in this order."""
    moved = [row | {"run_id": order[row["round"]], "round": 0} for row in rows]
    made = tables(moved)
    began = pd.Timestamp("2026-01-01", tz="UTC").as_unit("ns")
    when = {run: number for number, run in enumerate(order)}
    times = [began + pd.Timedelta(minutes=when[int(run)]) for run in made.runs["run_id"]]
    return replaced(made, runs=made.runs.assign(started_at=pd.DatetimeIndex(times).as_unit("ns")))


SAME = [
    "series",
    "epoch",
    "n",
    "standing",
    "path",
    "first_ttl",
    "length",
    "stars",
    "reached",
    "addrs",
    "masked_ttls",
    "masked_addrs",
]
SAME_CHANGE = ["event", "series", "kind", "first_ttl", "last_ttl", "before", "after", "n_before", "n_after"]


def random_paths() -> st.SearchStrategy[list[list[Path]]]:
    place = st.sampled_from([None, a(2), a(2), a(3)])
    path = st.tuples(place, place).map(lambda two: [a(1), *two, TARGET])
    return st.integers(1, 9).flatmap(
        lambda n: st.lists(st.lists(path, min_size=n, max_size=n), min_size=1, max_size=3)
    )


@given(random_paths(), st.randoms(use_true_random=False))
@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None)
def test_one_run_of_many_rounds_is_many_runs_of_one(looks, luck):
    rows = of_flows(*looks)
    order = list(range(len(looks[0])))
    luck.shuffle(order)
    whole, parts = tables(rows), apart(rows, order)
    pd.testing.assert_frame_equal(epochs(whole)[SAME], epochs(parts)[SAME])
    pd.testing.assert_frame_equal(path_changes(whole)[SAME_CHANGE], path_changes(parts)[SAME_CHANGE])
    seen = [name for name in PREVALENCE.names if name != "persistence_s"]
    pd.testing.assert_frame_equal(prevalence(whole)[seen], prevalence(parts)[seen])


@given(probe_rows(), st.integers(0, 99))
@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None)
def test_answers_keep_their_contract_and_do_not_depend_on_the_order_of_rows(rows, seed):
    made = tables(rows)
    mixed = shuffled(made, seed)
    for function, table in ((epochs, EPOCHS), (path_changes, CHANGES), (prevalence, PREVALENCE)):
        answer = function(made)
        check_frame(answer, table)
        pd.testing.assert_frame_equal(answer, function(mixed))


@given(probe_rows())
@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None)
def test_epochs_that_count_contradict_each_other(rows):
    table = epochs(tables(rows), confirm=1)
    for _, one in table[table["standing"] == "kept"].groupby("series"):
        assert (one["path"].diff().dropna() != 0).all()


def test_flows_of_two_runs_are_one_series_only_if_their_headers_are_known_and_the_same():
    rows = rounds(A, A, run_id=0) + rounds(A, A, run_id=1)
    assert epochs(tables(rows))["series"].tolist() == [0]
    assert epochs(tables(rows, sport=None))["series"].tolist() == [0, 1]
    made = tables(rows)
    elsewhere = made.runs.assign(vantage=pd.Categorical(["here", "there"]))
    assert epochs(replaced(made, runs=elsewhere))["series"].tolist() == [0, 1]


def test_nothing_is_nothing():
    made = tables([])
    assert epochs(made).empty
    assert path_changes(made).empty
    assert prevalence(made).empty


@pytest.mark.parametrize(
    ("function", "options"),
    [(epochs, {"confirm": 0}), (path_changes, {"flap": 0}), (prevalence, {"per": "hop"})],
)
def test_a_wrong_choice_is_said_in_one_line(function, options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        function(tables(rounds(A)), **options)


# --- prevalence ---------------------------------------------------------------------------------------------


def test_prevalence_with_silence_as_symbol_and_as_wildcard():
    row = only(prevalence(tables(rounds(A, A, LOST, A, B, B))))
    assert (row.n, row.n_dominant, row.exact_n_dominant) == (6, 4, 3)
    assert (row.n_paths, row.exact_n_paths) == (2, 3)
    assert (row.n_transitions, row.exact_n_transitions) == (1, 3)
    assert (row.transition_ratio, row.persistence_n) == (1 / 5, 3)
    low, high = wilson(4, 6)
    assert (row.prevalence_low_ratio, row.prevalence_high_ratio) == (low, high)
    assert row.addrs == tuple(A)


def test_persistence_is_in_seconds():
    rows = of_flows([A, A, A, B, B])
    made = apart(rows, [0, 1, 2, 3, 4])
    assert prevalence(made)["persistence_s"].tolist() == [90.0]  # two minutes, and one


def test_prevalence_of_a_target_takes_its_flows_together():
    made = tables(of_flows([A] * 4, [B] * 4))
    assert prevalence(made)["prevalence_ratio"].tolist() == [1.0, 1.0]
    row = only(prevalence(made, per="target"))
    assert (row.n, row.prevalence_ratio, row.n_transitions) == (8, 0.5, 7)


# --- parts --------------------------------------------------------------------------------------------------


def levenshtein(one: tuple[int, ...], two: tuple[int, ...]) -> int:
    """By recursion without memory: the definition."""
    if not one or not two:
        return len(one) + len(two)
    if one[0] == two[0]:
        return levenshtein(one[1:], two[1:])
    return 1 + min(levenshtein(one[1:], two), levenshtein(one, two[1:]), levenshtein(one[1:], two[1:]))


codes = st.lists(st.integers(0, 3), min_size=1, max_size=5).map(tuple)


@given(codes, codes)
def test_the_distance_of_whole_paths_is_that_of_levenshtein(one, two):
    old, new = Pattern(one, ended=True), Pattern(two, ended=True)
    if old.fits(new):
        assert one == two
        return
    found = difference(old, new)
    assert found.edits == levenshtein(one, two)
    assert found.length == max(len(one), len(two))
    head, tail = found.first, found.before and len(one) - found.first - len(found.before)
    assert one[:head] + found.before + (one[len(one) - tail :] if tail else ()) == one or not found.before


patterns = st.builds(
    Pattern,
    st.lists(st.sampled_from([GAP, GAP, 0, 1]), min_size=1, max_size=5).map(tuple),
    ended=st.just(value=False),
) | st.builds(
    lambda places, last: Pattern((*places, last), ended=True),
    st.lists(st.sampled_from([GAP, GAP, 0, 1]), max_size=4).map(tuple),
    st.integers(2, 3),
)


@given(patterns, patterns)
def test_fitting_is_mutual_and_what_two_tell_fits_both(one, two):
    assert one.fits(one)
    assert one.fits(two) == two.fits(one) == (not one.conflicts(two))
    if one.fits(two):
        both = one.merged(two)
        assert both == two.merged(one)
        assert both.fits(one)
        assert both.fits(two)


@given(patterns, patterns)
def test_paths_that_contradict_each_other_are_some_edits_apart(one, two):
    if not one.fits(two):
        found = difference(one, two)
        assert 1 <= found.edits <= len(one.conflicts(two)) + abs(len(one.places) - len(two.places))
        assert 0 <= found.first <= found.last < found.length


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 6), st.integers(1, 3)), min_size=1, max_size=12))
def test_bundles_have_a_moment_in_common_and_take_every_step_once(spans):
    steps = [
        Step(number, low, low + width, ttl, ttl, number) for number, (low, width, ttl) in enumerate(spans)
    ]
    found = bundles(steps)
    assert sorted(step.item for bundle in found for step in bundle) == list(range(len(steps)))
    for bundle in found:
        assert max(step.low for step in bundle) <= min(step.high for step in bundle)
        assert len({step.first_ttl for step in bundle}) == 1
