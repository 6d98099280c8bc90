"""The checks of the kit: each lets what is right pass, and catches what is not, by name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import trippy_nb as tn
from trippy_nb.errors import ConfigError
from trippy_nb.testing import (
    assert_graph_true,
    assert_runs_equal,
    assert_same_graph,
    assert_valid,
    simulated,
    simulated_channel,
)
from trippy_nb.wire import encode_probe


@pytest.fixture(scope="module")
def run():
    return simulated("nested-diamonds", protocol="udp", multipath="paris", rounds=8)


def spoilt(run, table, column, row, value):
    frame = getattr(run.tables, table).copy()
    frame.loc[frame.index[row], column] = value
    return replace(run.tables, **{table: frame})


def changed(run, table, column, row, value):
    return tn.RunSet.from_tables(spoilt(run, table, column, row, value)).one()


@pytest.mark.parametrize("name", tn.sim.scenarios())
def test_every_scenario_gives_valid_tables_and_a_true_graph(name):
    run, network = simulated(name), tn.sim.load(name)
    assert_valid(run)
    assert_graph_true(run, network)


def test_a_set_of_runs_is_valid_too(run):
    assert_valid(tn.RunSet([run, simulated()]))


@pytest.mark.parametrize(
    ("table", "column", "row", "value", "words"),
    [
        ("probes", "rtt_ms", 0, -1.0, r"probes\.rtt_ms: row 0 is negative"),
        ("probes", "addr", 0, None, r"probes\.addr: row 0 is missing in an answer"),
        ("probes", "status", 2, "timeout", r"probes\.addr: row 2 is set, but nobody answered"),
        ("probes", "flow", 3, 99, r"probes: row 3 is of no row of flows \(run_id=0, flow=99\)"),
        ("probes", "run_id", 3, 7, r"probes: row 3 is of no row of runs \(run_id=7\)"),
        ("flows", "run_id", 0, 7, r"flows: row 0 is of no row of runs \(run_id=7\)"),
        ("packets", "run_id", 5, 7, r"packets: row 5 is of no row of runs"),
        ("packets", "ttl", 5, 250, r"packets: row 5 is of no row of probes .*ttl=250"),
        ("replies", "run_id", 1, 7, "replies: row 1 is of no row of runs"),
        ("replies", "round", 1, 77, r"replies: row 1 is of no row of probes \(run_id=0, round=77, "),
        ("probes", "ttl", 1, 1, "row 1 has the key of an earlier row"),
    ],
)
def test_what_does_not_fit_is_caught_with_its_place(run, table, column, row, value, words):
    with pytest.raises(AssertionError, match=words):
        assert_valid(spoilt(run, table, column, row, value))


def test_a_column_of_another_dtype_is_caught(run):
    frame = run.tables.probes.astype({"ttl": "int64"})
    with pytest.raises(AssertionError, match="ttl"):
        assert_valid(replace(run.tables, probes=frame))


def test_the_same_trace_is_equal_and_one_changed_cell_is_not(run):
    again = simulated("nested-diamonds", protocol="udp", multipath="paris", rounds=8)
    assert_runs_equal(run, again)
    other = changed(run, "probes", "rtt_ms", 5, 1.5)
    with pytest.raises(
        AssertionError, match=r"^probes\.rtt_ms: row 5 is [\d.]+ in the first, 1\.5 in the second"
    ):
        assert_runs_equal(run, other)
    assert_runs_equal(run, other, ignore=("handles", "probes.rtt_ms"))
    assert_runs_equal(run, other, ignore=("probes",))


@pytest.mark.parametrize(
    ("table", "column", "row", "value", "words"),
    [
        ("probes", "status", 2, "late", "probes.status: row 2 is 'reply' in the first, 'late' in the second"),
        ("probes", "addr", 2, None, "probes.addr: row 2 is '"),
        ("probes", "rtt_ms", 2, np.nan, "in the first, None in the second (1 such rows)"),
        ("probes", "rtt_ms", slice(3, 5), 1.0, "(2 such rows)"),
        ("flows", "sport", 0, None, "flows.sport: row 0 is "),
        ("packets", "bytes", 3, b"", "packets.bytes: row 3 is b'"),
    ],
)
def test_any_cell_that_differs_is_told_with_its_place(run, table, column, row, value, words):
    with pytest.raises(AssertionError) as told:
        assert_runs_equal(run, changed(run, table, column, row, value))
    assert words in str(told.value)


def test_rtts_are_compared_to_the_last_bit(run):
    rtt_ms = np.nextafter(run.probes["rtt_ms"].iloc[0], 1e9)
    with pytest.raises(AssertionError, match=r"probes\.rtt_ms: row 0"):
        assert_runs_equal(run, changed(run, "probes", "rtt_ms", 0, rtt_ms))


def test_rows_columns_and_dtypes_that_differ_are_told(run):
    def with_probes(probes):
        return tn.RunSet.from_tables(replace(run.tables, probes=probes)).one()

    probes, n = run.tables.probes, len(run.tables.probes)
    with pytest.raises(AssertionError, match=f"^probes: {n} rows in the first, {n - 1} in the second"):
        assert_runs_equal(run, with_probes(probes.iloc[:-1]))
    more = with_probes(probes.assign(mine=1))
    with pytest.raises(AssertionError, match=r"columns of probes differ: .* only in the second mine"):
        assert_runs_equal(run, more)
    assert_runs_equal(run, more, ignore=("probes.mine",))
    with pytest.raises(AssertionError, match=r"probes\.mine: is int64 in the first, float64 in the second"):
        assert_runs_equal(more, with_probes(probes.assign(mine=1.0)))


def test_of_a_category_only_its_values_count(run):
    probes = run.tables.probes
    more = probes.assign(addr=probes["addr"].cat.add_categories(["192.0.2.99"]))
    assert_runs_equal(run, tn.RunSet.from_tables(replace(run.tables, probes=more)).one())


@pytest.mark.parametrize("name", ["probe", "probes.rtt", "rtt_ms"])
def test_a_slip_in_ignore_is_no_licence(run, name):
    with pytest.raises(ConfigError, match=f"ignore has '{name}'"):
        assert_runs_equal(run, run, ignore=(name,))


def test_graphs_are_compared_by_nodes_and_links(run):
    graph, other = run.graph(), run.graph().copy()
    assert_same_graph(graph, other)
    other.add_edge("203.0.113.2", "203.0.113.7")
    with pytest.raises(AssertionError, match="links differ: only in the first none; only in the second"):
        assert_same_graph(graph, other)
    other.add_node("203.0.113.99")
    with pytest.raises(AssertionError, match=r"nodes differ.*203\.0\.113\.99"):
        assert_same_graph(graph, other)


def test_a_node_that_is_not_there_is_named_whatever_its_links(run):
    net, home = (
        tn.sim.load("first-steps"),
        simulated("first-steps", protocol="udp"),
    )  # classic: no link is proof
    assert_graph_true(home, net)
    last = len(home.probes) - 1
    ghost = home.probes["addr"].astype("str")
    ghost.iloc[last] = "192.0.2.99"
    probes = home.probes.assign(addr=ghost.astype("category"))
    with pytest.raises(AssertionError, match=r"^nodes that are not there: 192\.0\.2\.99"):
        assert_graph_true(tn.RunSet.from_tables(replace(home.tables, probes=probes)).one(), net)


def test_a_target_of_another_network_is_a_key_error(run):
    with pytest.raises(KeyError):
        assert_graph_true(run, tn.sim.load("loopback"))


@pytest.mark.slow
def test_a_false_link_and_a_missing_one_are_named(run):
    net = tn.sim.load("nested-diamonds")
    assert_graph_true(run, net)
    assert_graph_true(run, net.truth)
    whole = tn.discover("target.example", network=net, confidence=0.9999, progress=False)
    assert_graph_true(whole, net, complete=True)
    once = simulated("nested-diamonds", protocol="udp", multipath="paris", rounds=1)
    with pytest.raises(AssertionError, match=r"nodes that were not found: 203\.0\.113"):
        assert_graph_true(once, net, complete=True)
    mesh = tn.sim.random(
        0, hops=(2, 2), diamonds=(1, 1), width=(3, 3), length=(2, 2), meshing=1.0, interfaces="router"
    )
    few = simulated(mesh, protocol="udp", multipath="paris", rounds=6)
    assert_graph_true(few, mesh)
    with pytest.raises(
        AssertionError, match=r"^links that were not found: \('198\.18\.0\.3', '198\.18\.0\.7'\)$"
    ):
        assert_graph_true(few, mesh, complete=True)
    probes = whole.probes.copy()
    swapped = (probes["ttl"] == 3) & (probes["addr"] == "203.0.113.4")
    probes.loc[swapped, "addr"] = "203.0.113.7"
    false = tn.RunSet.from_tables(replace(whole.tables, probes=probes)).one()
    with pytest.raises(AssertionError, match=r"links that are not there: .*203\.0\.113\.7"):
        assert_graph_true(false, net)


def test_a_classic_trace_claims_nothing_and_so_nothing_false():
    assert_graph_true(simulated("nested-diamonds", protocol="udp", rounds=12), tn.sim.load("nested-diamonds"))


def test_a_network_given_begins_anew_and_keeps_its_own_time():
    net = tn.sim.load("first-steps")
    assert_runs_equal(simulated(net), simulated(net))
    assert net.clock.now_ns() == 0
    assert not simulated(net, seed=9).probes.equals(simulated(net).probes)


def test_a_run_begins_at_the_virtual_time_asked_for():
    now, then = (
        simulated("case-43-change", protocol="icmp"),
        simulated("case-43-change", protocol="icmp", at_s=40),
    )
    net = tn.sim.load("case-43-change")
    assert_graph_true(now, net)
    assert_graph_true(then, net, at_s=40)
    with pytest.raises(AssertionError, match="nodes that are not there"):
        assert_graph_true(then, net)


def test_the_channel_answers_probes_of_ones_own(run):
    plan, channel = simulated_channel("thirty-hops", protocol="udp", multipath="paris")
    from trippy_nb.model import Probe, Reply

    probe = Probe(0, 0, 0, 3, 0, 33434, plan.sport or 0, plan.dport or 0)
    (receipt,) = channel.send([probe])
    assert receipt.packet == encode_probe(plan, probe)
    replies = [one for one in channel.receive(10**10) if isinstance(one, Reply)]
    (path,) = tn.sim.load("thirty-hops").truth.paths_to(plan.target.addr)
    assert [reply.responder for reply in replies] == [path.hops[2].addr]
    assert isinstance(replies[0].packet, bytes)
    assert pd.notna(run.runs["run_uuid"].iloc[0])
