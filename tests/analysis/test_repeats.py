"""Loops and cycles are counted, and their cause is what came back with them, never a guess."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given

from tests.analysis import oracle
from tests.analysis.handmade import TARGET, Row, a, quoted, replaced, rounds, said, tables
from tests.analysis.strategies import probe_rows
from trippy_nb.analysis import hop_graph, links, paths
from trippy_nb.frames import PATHS, check_frame

LOOP = [a(1), a(2), a(2), TARGET]


def cause_of(made: Any) -> set[Any]:
    found = paths(made)
    return {*found["cause"].astype(object).where(found["cause"].notna(), None)}


@given(probe_rows())
def test_loops_and_cycles_are_those_of_the_plainest_code(rows: list[Row]):
    found = paths(tables(rows))
    check_frame(found, PATHS)
    for addrs, loops, cycles, cause in found[["addrs", "loops", "cycles", "cause"]].itertuples(index=False):
        again = [i for i, addr in enumerate(addrs) if addr is not None and addr in addrs[:i]]
        assert loops == sum(addrs[i] == addrs[i - 1] for i in again)
        assert cycles == len(again) - loops
        assert pd.isna(cause) == (not again)
    assert len(found) == len(oracle.path_of(rows))


def test_a_plain_path_has_no_repeats_and_no_cause():
    found = paths(quoted(tables(rounds([a(1), None, a(3), TARGET]))))
    assert found[["loops", "cycles"]].to_numpy().tolist() == [[0, 0]]
    assert found["cause"].isna().all()


def test_a_quoted_ttl_of_zero_and_then_one_is_zero_ttl_forwarding():
    made = quoted(tables(rounds(*[LOOP] * 3)), q_ttl=lambda row: 0 if row.ttl == 2 else 1)
    assert cause_of(made) == {"zero-ttl"}


def test_equal_ttls_quoted_and_on_return_are_a_tunnel_popped_at_its_end():
    made = quoted(tables(rounds(*[LOOP] * 3)), reply_ttl=lambda row: {1: 255, 4: 252}.get(row.ttl, 253))
    assert cause_of(made) == {"uhp"}


def test_a_falling_ttl_on_return_is_another_router_behind_the_address():
    assert cause_of(quoted(tables(rounds(*[LOOP] * 3)))) == {"address-rewriting"}


def test_a_quote_translated_from_the_second_on_is_another_router_behind_the_address():
    made = quoted(
        tables(rounds(*[LOOP] * 3)),
        reply_ttl=lambda _: 250,
        rewritten=lambda row: "src=203.0.113.5" if row.ttl > 2 else "",
    )
    assert cause_of(made) == {"address-rewriting"}


def test_a_router_that_answers_and_then_refuses_is_a_refusal():
    ways = [[a(1), a(2), a(2)], [a(1), a(2), a(3), TARGET]]  # it gets through once: no wall
    made = tables(rounds(*ways, ways[0], ways[0]))
    refused = made.probes["addr"].eq(a(2)) & made.probes["ttl"].eq(3)
    made = quoted(made, icmp_type=lambda row: 3 if (row.addr, row.ttl) in {(a(2), 3), (TARGET, 4)} else 11)
    probes = made.probes.assign(icmp_type=refused.map({True: 3, False: 11}).astype("UInt8"))
    assert cause_of(replaced(made, probes=probes)) == {"refusal", None}


def test_a_loop_that_vanishes_in_other_rounds_of_an_unstable_flow_is_unequal_branches():
    ways = [LOOP, [a(1), a(2), a(3), TARGET], LOOP, [a(1), a(4), a(2), TARGET]]
    made = quoted(tables(rounds(*ways), stable=False), reply_ttl=lambda _: 250)
    assert cause_of(made) == {"unequal-branches", None}


def test_two_routers_in_a_circle_to_the_end_are_a_routing_loop():
    way = [a(1), a(2), a(3), a(2), a(3), a(2)]
    made = quoted(tables(rounds(way, way)), reply_ttl=lambda row: {a(1): 255, a(2): 254, a(3): 253}[row.addr])
    assert cause_of(made) == {"routing-loop"}
    found = paths(made)
    assert found[["loops", "cycles", "reached"]].drop_duplicates().to_numpy().tolist() == [[0, 3, False]]


def test_a_circle_whose_other_half_is_silent_is_a_routing_loop_too():
    way = [a(1), a(2), None, a(2), None, a(2), None]
    made = quoted(tables(rounds(way)), reply_ttl=lambda _: 250)
    assert cause_of(made) == {"routing-loop"}


def test_a_circle_that_is_left_again_is_not_called_one():
    way = [a(1), a(2), a(3), a(2), a(3), a(4), TARGET]
    assert cause_of(quoted(tables(rounds(way)), reply_ttl=lambda _: 250)) == {"unknown"}


def test_without_replies_that_tell_more_the_cause_is_not_known():
    assert cause_of(tables(rounds(*[LOOP] * 3))) == {"unknown"}


@pytest.mark.parametrize(("q_ttl", "mark"), [({2: 0}, "zero-ttl"), ({2: 1}, "uhp")])
def test_links_and_edges_are_marked_and_kept(q_ttl: dict[int, int], mark: str):
    made = quoted(
        tables(rounds(*[LOOP] * 3)),
        q_ttl=lambda row: q_ttl.get(row.ttl, 1),
        reply_ttl=lambda row: 253 if row.addr == a(2) else 250,
    )
    found = links(made)
    marks = {
        (near, far): m for near, far, m in found[["from_addr", "to_addr", "mark"]].itertuples(index=False)
    }
    assert marks[a(2), a(2)] == mark
    assert (marks[a(1), a(2)] == "zero-ttl") == (mark == "zero-ttl")
    assert pd.isna(marks[a(2), TARGET])
    graph = hop_graph(made)
    assert graph.edges[a(2), a(2), 2]["mark"] == mark
    assert graph.edges[a(2), TARGET, 3]["mark"] is None


def test_what_forwards_a_ttl_of_zero_takes_a_layer_of_the_drawing():
    made = quoted(tables(rounds(*[LOOP] * 3)), q_ttl=lambda row: 0 if row.ttl == 2 else 1)
    graph = hop_graph(made)
    assert [graph.nodes[node]["layer"] for node in (a(1), a(2), TARGET)] == [1, 3, 4]


def test_repeats_of_two_runs_are_judged_each_by_its_own_answers():
    rows = rounds(*[LOOP] * 3) + rounds(*[LOOP] * 3, run_id=1)
    made = tables(rows)
    made = quoted_runs(made)
    found = paths(made)
    causes = found.astype({"cause": "str"}).groupby("run_id")["cause"]
    assert [sorted({*one}) for _, one in causes] == [["zero-ttl"], ["uhp"]]


def quoted_runs(made: Any) -> Any:
    return said(
        made,
        q_ttl=lambda row: 0 if (row.run_id, row.ttl) == (0, 2) else 1,
        reply_ttl=lambda row: 253 if row.addr == a(2) else 250,
    )
