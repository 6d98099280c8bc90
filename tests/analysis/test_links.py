"""Paths and links are observed within a flow, never made up of two."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analysis import oracle
from tests.analysis.handmade import TARGET, Row, a, probe, rounds, shuffled, tables
from tests.analysis.strategies import probe_rows
from trippy_nb.analysis import links, path_table, paths
from trippy_nb.frames import LINKS, check_frame


@given(probe_rows())
def test_links_are_those_of_the_plainest_code(rows: list[Row]):
    found = links(tables(rows))
    keys = zip(
        found["run_id"], found["flow"], found["ttl"], found["from_addr"], found["to_addr"], strict=True
    )
    assert dict(zip(keys, found["rounds"], strict=True)) == dict(oracle.links(rows))
    check_frame(found, LINKS)


@given(probe_rows())
def test_paths_are_those_of_the_plainest_code(rows: list[Row]):
    found = paths(tables(rows))
    keys = zip(found["run_id"], found["round"], found["flow"], strict=True)
    assert dict(zip(keys, found["addrs"], strict=True)) == oracle.path_of(rows)
    assert (found["length"] == found["addrs"].map(len)).all()
    assert (found["stars"] == found["addrs"].map(lambda addrs: addrs.count(None))).all()


@given(probe_rows(), st.integers(0, 2**32 - 1))
def test_the_order_of_rows_does_not_matter(rows: list[Row], seed: int):
    made = tables(rows)
    for function in (links, paths, path_table):
        pd.testing.assert_frame_equal(function(shuffled(made, seed)), function(made))


@st.composite
def diamonds(draw: st.DrawFn) -> tuple[list[tuple[str, ...]], list[Row]]:
    """Branches between a divergence and a convergence; each flow takes one, each round loses some."""
    count, length = draw(st.integers(2, 4)), draw(st.integers(1, 3))
    names = [tuple(a(100 * branch + place) for place in range(length)) for branch in range(1, count + 1)]
    ways = [(a(1), *branch, a(9), TARGET) for branch in names]
    rows: list[Row] = []
    for flow in range(draw(st.integers(1, 8))):
        way = ways[draw(st.integers(0, count - 1))]
        for number in range(draw(st.integers(1, 4))):
            heard = draw(st.lists(st.booleans(), min_size=len(way), max_size=len(way)))
            rows += [
                probe(number, ttl, addr if answered else None, flow=flow)
                for ttl, (addr, answered) in enumerate(zip(way, heard, strict=True), start=1)
            ]
    return ways, rows


@given(diamonds())
def test_a_stable_flow_through_a_diamond_makes_no_false_link(case: tuple[list[tuple[str, ...]], list[Row]]):
    ways, rows = case
    true = {pair for way in ways for pair in pairwise(way)}
    found = links(tables(rows))
    assert {*zip(found["from_addr"], found["to_addr"], strict=True)} <= true
    assert set(found["evidence"]) <= {"flow", "assumed"}
    for ttl, here in found.groupby("ttl"):
        parts = len({row["addr"] for row in rows if row["ttl"] == ttl and row["addr"]}) > 1
        heard = [row["flow"] for row in rows if row["ttl"] == ttl and row["addr"]]
        again = len(heard) - len(set(heard))
        assert set(here["evidence"]) == {"assumed" if parts and again < 5 else "flow"}


def test_a_flow_that_was_sent_again_to_the_nearer_end_alone_proves_the_link_but_none_behind_it():
    rows = [probe(0, ttl, addr) for ttl, addr in enumerate([a(1), a(2), a(4), TARGET], 1)]
    rows += [probe(0, ttl, addr, flow=1) for ttl, addr in enumerate([a(1), a(3), a(5), TARGET], 1)]
    rows += [probe(1 + again, 2, a(2)) for again in range(5)]
    found = links(tables(rows)).groupby("ttl")["evidence"].unique().map(list)
    assert found.tolist() == [["flow"], ["flow"], ["assumed"]]


@pytest.mark.parametrize(("every", "evidence"), [(2, "assumed"), (1, "flow")])
def test_flows_that_were_sent_twice_and_often_went_another_way_prove_nothing(every: int, evidence: str):
    ways = [[a(1), a(2), a(4), TARGET], [a(1), a(3), a(5), TARGET]]
    rows = []
    for flow in range(8):
        rows += rounds(ways[flow % 2], ways[flow // every % 2], flow=flow)  # every 2: half of them switch
    found = links(tables(rows))
    assert set(found.loc[found["ttl"] == 2, "evidence"]) == {evidence}


@pytest.mark.parametrize(("times", "evidence"), [(1, "assumed"), (3, "assumed"), (4, "flow")])
def test_links_of_flows_that_part_are_assumed_until_flows_were_sent_again(times: int, evidence: str):
    rows = rounds(*[[a(1), a(2), a(4), TARGET]] * times)
    rows += rounds(*[[a(1), a(3), a(5), TARGET]] * times, flow=1)
    found = links(tables(rows))
    assert found.groupby("ttl")["evidence"].unique().map(list).tolist() == [["flow"], [evidence], [evidence]]


def test_the_end_of_one_path_and_the_beginning_of_the_next_are_not_linked():
    rows = [probe(0, 2, a(2)), probe(1, 3, a(3)), probe(1, 4, a(4), flow=1), probe(2, 4, a(4))]
    assert links(tables(rows)).empty


def test_a_flow_that_is_not_stable_proves_nothing():
    found = links(tables(rounds([a(1), a(2), TARGET]), stable=False))
    assert found["evidence"].tolist() == ["positional", "positional"]


def test_responders_that_take_turns_within_a_flow_prove_nothing():
    turns = [[a(1), a(2 + n % 2), a(4 + (n // 2) % 2), a(6), TARGET] for n in range(20)]
    found = links(tables(rounds(*turns)))
    sure = found.loc[found["evidence"] == "flow"]
    assert {*zip(sure["from_addr"], sure["to_addr"], strict=True)} == {(a(6), TARGET)}


@pytest.mark.parametrize("changes", [1, 2])
def test_a_route_that_changed_once_or_twice_still_proves_its_links(changes: int):
    old, new = [a(1), a(2), a(4), TARGET], [a(1), a(3), a(5), TARGET]
    turns = [old] * 3 + [new] * 3 + ([old] * 3 if changes == 2 else [])
    assert (links(tables(rounds(*turns)))["evidence"] == "flow").all()


def test_equal_paths_have_equal_ids_in_every_run_and_stars_do_not_cancel():
    found = paths(
        tables(rounds([a(1), None, None, TARGET], [a(1), a(2), a(3), TARGET], [a(1), a(3), a(2), TARGET]))
    )
    assert found["path_id"].nunique() == 3
    again = paths(tables(rounds([a(1), a(2), a(3), TARGET], run_id=7)))
    assert again["path_id"].item() == found["path_id"][1]


def test_the_path_table_counts_rounds_and_puts_the_frequent_first():
    one, two = [a(1), a(2), TARGET], [a(1), a(3), TARGET]
    found = path_table(tables(rounds(one, two, two)))
    assert found["rounds"].tolist() == [2, 1]
    assert found["share"].tolist() == pytest.approx([2 / 3, 1 / 3])
    assert (found["first_round"].tolist(), found["last_round"].tolist()) == ([1, 0], [2, 0])
    assert found["addrs"].tolist() == [tuple(two), tuple(one)]


def test_a_path_with_a_probe_in_flight_is_not_complete():
    rows = rounds([a(1), a(2), TARGET], [a(1), a(2)])
    rows.append(probe(1, 3, None, status="in_flight"))
    found = paths(tables(rows))
    assert found["complete"].tolist() == [True, False]
    assert found["reached"].tolist() == [True, False]
