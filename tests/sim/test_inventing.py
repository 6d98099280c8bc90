"""Random networks: right by construction, the same everywhere, and what their parameters say."""

from __future__ import annotations

import hashlib

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sim.world import plan_for, probe_at, trace
from trippy_nb import sim
from trippy_nb.errors import ConfigError
from trippy_nb.sim.checks import check_scenario
from trippy_nb.sim.inventing import TARGET

PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "hops": st.sampled_from([(1, 1), (4, 12), (20, 20)]),
        "diamonds": st.sampled_from([(0, 0), (1, 1), (0, 3)]),
        "width": st.sampled_from([(2, 2), (2, 6), (9, 16)]),
        "length": st.sampled_from([(1, 1), (1, 3), (4, 4)]),
        "meshing": st.sampled_from([0.0, 0.5, 1.0]),
        "unequal": st.sampled_from([0.0, 0.5, 1.0]),
        "nesting": st.sampled_from([0.0, 0.3]),
        "weighted": st.booleans(),
        "silent": st.integers(0, 2),
        "loss": st.sampled_from([0.0, 0.02]),
        "interfaces": st.sampled_from(["link", "router"]),
        "balance": st.sampled_from(["flow", "packet", "destination"]),
    },
)


def graph(net: sim.SimNetwork) -> nx.DiGraph:
    made = nx.DiGraph()
    for near, hops in net.scenario.routes[0].next:
        made.add_edges_from((near, hop.to) for hop in hops)
    return made


@given(st.integers(0, 2**32), PARAMETERS)
def test_every_one_is_a_right_scenario_and_can_be_kept_as_a_file(seed, parameters):
    if parameters.get("hops") == (1, 1):
        parameters["silent"] = 0  # the first router answers
    net = sim.random(seed, **parameters)
    assert not list(check_scenario(net.scenario))
    assert sim.parse_scenario(sim.scenario_toml(net.scenario)) == net.scenario
    made = graph(net)
    assert nx.is_directed_acyclic_graph(made)
    assert {node for node in made if not made.out_degree(node)} == {TARGET}
    assert {node for node in made if not made.in_degree(node)} == {"source"}
    assert made.out_degree("source") == 1


def test_it_is_the_same_network_on_every_machine():
    text = sim.scenario_toml(
        sim.random(7, meshing=0.5, unequal=0.5, nesting=0.2, weighted=True, silent=1).scenario
    )
    assert hashlib.blake2b(text.encode(), digest_size=8).hexdigest() == "5ba21ebcddc2bc7a"


@pytest.mark.parametrize("seed", range(5))
def test_width_and_length_are_those_of_its_diamonds(seed):
    made = graph(sim.random(seed, hops=(3, 3), diamonds=(1, 1), width=(5, 5), length=(2, 2)))
    assert max(made.out_degree(node) for node in made) == 5
    assert nx.dag_longest_path_length(made) == 3 + 2 + 1
    assert made.number_of_nodes() == 1 + 3 + 5 * 2 + 1


def test_meshing_nesting_and_unequal_branches_are_there_if_asked_for():
    plain = [graph(sim.random(seed, diamonds=(1, 1))) for seed in range(20)]
    meshed = [graph(sim.random(seed, diamonds=(1, 1), meshing=1.0, length=(2, 3))) for seed in range(20)]
    uneven = [graph(sim.random(seed, diamonds=(1, 1), unequal=1.0, length=(2, 3))) for seed in range(20)]

    def balancers(made: nx.DiGraph) -> int:
        return sum(made.out_degree(node) > 1 for node in made)

    def lengths(made: nx.DiGraph) -> set[int]:
        return {len(path) for path in nx.all_simple_paths(made, "source", TARGET)}

    assert {balancers(made) for made in plain} == {1}
    assert {len(lengths(made)) for made in plain} == {1}
    assert all(balancers(made) > 1 for made in meshed)
    assert all(len(lengths(made)) > 1 for made in uneven)


def test_silence_and_loss_are_where_they_were_asked_for():
    net = sim.random(3, silent=2, loss=0.02)
    routers = net.scenario.routers
    assert sum(router.silent for router in routers) == 2
    assert not routers[0].silent
    assert [router.link.loss for router in routers if router.link.loss] == [0.02]


def test_routers_answer_from_each_link_or_from_themselves():
    for same in (True, False):
        net = sim.random(2, diamonds=(1, 1), interfaces="router" if same else "link")
        meeting = next(node for node, degree in graph(net).in_degree() if degree > 1)
        addrs = {link.far_addr for link in net.truth.links if (link.far, link.af) == (meeting, 4)}
        assert (len(addrs) == 1) is (same or meeting == TARGET)


@pytest.mark.parametrize("seed", range(6))
def test_a_trace_of_it_shows_a_way_of_the_truth(seed):
    net = sim.random(seed, meshing=0.3, unequal=0.3)
    done = trace(net, TARGET, rounds=1)
    path = {sent.probe.ttl: None for sent in done.sent} | {
        got.probe.ttl: got.reply.responder for got in done.replies if got.probe
    }
    ways = {way.addrs for way in net.truth.paths_to("198.51.100.80")}
    length = min(ttl for ttl, addr in path.items() if addr == "198.51.100.80")
    assert tuple(path[ttl] for ttl in range(1, length + 1)) in ways


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"hops": (0, 3)}, "hops is"),
        ({"width": (1, 3)}, "width is"),
        ({"length": (3, 2)}, "length is"),
        ({"diamonds": (0, 99)}, "diamonds is"),
        ({"hops": 3}, "hops is 3, but is two whole numbers, from and to, within 1 to 60"),
        ({"hops": (1.5, 3)}, "hops is"),
        ({"loss": 2}, "loss=2 is not a number from 0 to 1"),
        ({"meshing": "x"}, "meshing='x' is not a number from 0 to 1"),
        ({"silent": -1}, "silent=-1 is not a whole number from 0"),
        ({"silent": 100}, "silent=100 is not a whole number from 0 to 60"),
        ({"limit": 3}, "limit is None or one of BucketLimit, LinuxLimit, WindowLimit .*, not 3"),
        ({"balance": "x"}, "balance is one of flow, packet, destination, not 'x'"),
        ({"interfaces": "x"}, "interfaces is one of link, router, not 'x'"),
        ({"seed": "x"}, "seed='x' is not a whole number from 0"),
        ({"seed": -1}, "seed=-1 is not a whole number from 0"),
    ],
)
def test_what_is_out_of_bounds_is_refused_in_one_line(parameters, message):
    with pytest.raises(ConfigError, match=message) as caught:
        sim.random(**{"seed": 1} | parameters)
    assert "\n" not in str(caught.value)


def test_too_many_ways_are_counted_not_listed():
    net = sim.random(1, hops=(30, 30), diamonds=(6, 6), width=(6, 6), length=(1, 1))
    with pytest.raises(ConfigError, match="more than 4096 ways"):
        net.truth.paths_to("198.51.100.80")
    assert len(net.truth.edges("198.51.100.80")) > 60
    plan = plan_for(net, protocol="udp")
    assert net.truth.path("198.51.100.80", flow={"protocol": "udp", "sport": 9}).target == TARGET
    assert probe_at(plan, 0, 1).ttl == 1
