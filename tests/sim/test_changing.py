"""A network with something changed: what can be, what cannot and is said so, and a link that goes down."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trippy_nb as tn
from trippy_nb.errors import ScenarioError
from trippy_nb.sim import parse_scenario, scenario_toml
from trippy_nb.sim.keys import TABLES


@pytest.fixture
def diamonds():
    return tn.sim.load("nested-diamonds")


def answered(network, **options):
    run = tn.trace("target.example", network=network, protocol="udp", multipath="paris", **options)
    probes = run.probes[run.probes["status"] != "beyond_target"]
    return probes.assign(got=probes["status"] == "reply").groupby("round")["got"].all().tolist()


def test_a_router_is_changed_and_the_network_before_stays_as_it_is(diamonds):
    silent = diamonds.changed("r1", silent=True, reply_ttl=64)
    assert [hop.answers for hop in silent.truth.paths_to("198.51.100.80")[0].hops] == [False] + 4 * [True]
    assert all(hop.answers for hop in diamonds.truth.paths_to("198.51.100.80")[0].hops)
    assert silent.changed("r1", silent=None, reply_ttl=None).scenario == diamonds.scenario


def test_a_link_is_changed_where_it_is_described(diamonds):
    only = diamonds.changed(("r1", "r2"), loss=0.25, delay="9ms").scenario
    assert only.links == ()  # the one way into r2
    assert only.routers[1].link.loss == 0.25
    of_several = diamonds.changed(("r4", "r6"), loss=0.25).scenario
    assert [(link.ends, link.link.loss) for link in of_several.links] == [(("r4", "r6"), 0.25)]
    assert of_several.links[0].link.delay == diamonds.scenario.routers[5].link.delay
    named = diamonds.changed(("r1", "r2"), interface="eth0").changed(("r1", "r2"), mtu=1280).scenario
    assert [(link.interface, link.link.mtu) for link in named.links] == [("eth0", 1280)]


def test_targets_tunnels_and_the_seed_are_changed(diamonds):
    assert diamonds.changed("target.example", udp="filtered", loss=0.5).scenario.targets[0].link.loss == 0.5
    assert diamonds.changed(seed=7).scenario.seed == 7
    tunnel = tn.sim.load("case-20-mpls-explicit").changed(0, kind="invisible")
    hops = tunnel.truth.paths_to("198.51.100.80")[0].nodes
    assert hops == ("home", "pe1", "pe2", "edge", "target.example")


@pytest.mark.parametrize(
    ("part", "values", "says"),
    [
        ("r9", {}, "there is no node 'r9' here, only r1, r2, r3, r4, r5, r6, r7, target.example"),
        ("r2", {"silent": 3}, "r2: silent: 3 is neither true nor false"),
        ("r2", {"id": "x"}, "r2: 'id' cannot be changed, only answer_delay, "),
        ("r2", {"speed": 1}, "r2: 'speed' cannot be changed"),
        ("r2", {"v4": None, "v6": None}, "router 'r2' is on an IPv4 route: give it v4, or make it silent"),
        ("r2", {"v4": "203.0.113.1"}, "203.0.113.1 belongs to router 'r1' already"),
        (("r1", "r5"), {"loss": 0.1}, "no route goes from 'r1' to 'r5'"),
        (("r1", "r9"), {"loss": 0.1}, "there is no node 'r9'"),
        (("r1", "source"), {"loss": 0.1}, "no route goes there"),
        (("r1", "r2"), {"loss": 2}, "r1 - r2: loss: 2 is not a share: from 0 to 1"),
        (0, {"kind": "implicit"}, "there is no tunnel 0 here"),
        (None, {"name": "x"}, "scenario: 'name' cannot be changed, only epoch, seed"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(diamonds, part, values, says):
    with pytest.raises(ScenarioError) as caught:
        diamonds.changed(part, **values)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@given(
    st.sampled_from(["r1", "target.example", ("r6", "target.example"), ("r4", "r6"), None, 0]),
    st.sampled_from(sorted({key for keys in TABLES.values() for key in keys})),
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.just({"kind": "linux"}),
)
def test_any_value_is_taken_or_refused_and_what_is_taken_can_be_written(part, key, value):
    network = tn.sim.load("nested-diamonds")
    try:
        made = network.changed(part, **{key: value}).scenario
    except ScenarioError:
        return
    assert parse_scenario(scenario_toml(made)) == made


def test_a_broken_link_swallows_what_comes_until_it_is_mended(diamonds):
    down = diamonds.changed("r1", balance="destination").broken("r1", "r2", at=2, until=5)
    other = diamonds.changed("r1", balance="destination").broken("r1", "r3", at=2, until=5)
    told = [answered(network, rounds=8) for network in (down, other)]
    assert sorted(told) == sorted([[True] * 8, [True, True, False, False, False, True, True, True]])


def test_routing_finds_the_way_round_after_a_while(diamonds):
    network = diamonds.broken("r1", "r2", at=0, reroute=4)
    assert {path.way[1] for path in network.truth.paths_to("198.51.100.80", at_s=0)} == {"r2", "r3"}
    assert {path.way[1] for path in network.truth.paths_to("198.51.100.80", at_s=4)} == {"r3"}
    assert network.scenario.routes[-1].family is None  # one for both
    assert parse_scenario(scenario_toml(network.scenario)) == network.scenario
    mended = diamonds.broken("r3", "r7", at=0, reroute=1, until=9)
    assert [len(mended.truth.paths_to("198.51.100.80", at_s=at_s)) for at_s in (0, 1, 9)] == [3, 2, 3]


@pytest.mark.parametrize(
    ("link", "when", "says"),
    [
        (("r6", "target.example"), {"reroute": 1}, "there is no way round it"),
        (("r1", "r6"), {}, "no route goes from 'r1' to 'r6'"),
        (("r1", "r2"), {"at": 9, "until": 3}, "it ends before it begins"),
        (("r1", "r2"), {"at": -1}, "virtual time begins at 0 s"),
    ],
)
def test_a_link_that_cannot_break_so(diamonds, link, when, says):
    with pytest.raises(ScenarioError, match=says):
        diamonds.broken(*link, **when)


def test_the_card_of_a_network_tells_what_a_perfect_trace_would_find_and_escapes_all():
    card = tn.sim.load("first-steps").at(61)._repr_html_()
    assert "target.example (198.51.100.80, 2001:db8:80::80)" in card
    assert "61 s" in card
    assert ">west<" in card
    assert ">east<" not in card
    assert "90.0 %" in card
    hostile = scenario_toml(tn.sim.load("loopback").scenario).replace("self.example", "<b>&.example")
    assert "<b>" not in tn.sim.SimNetwork(parse_scenario(hostile))._repr_html_()
    assert tn.sim.load("routing-loop")._repr_html_().count("<tr") < 50


def test_the_catalogue_says_of_all_what_describe_says():
    assert dict(tn.sim.catalogue()) == {name: tn.sim.describe(name) for name in tn.sim.scenarios()}
