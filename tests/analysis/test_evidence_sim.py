"""End to end on the built-in internet: what is there is said, and of a plain network nothing."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import trippy_nb as tn
from trippy_nb.analysis import evidence
from trippy_nb.sim import SimNetwork, parse_scenario, scenario_toml
from trippy_nb.sim import random as random_network
from trippy_nb.testing import simulated

HEAD = """\
[scenario]
name = "made-here"
seed = 5

[source]
v4 = "192.0.2.10"
v6 = "2001:db8:10::10"

[[target]]
name = "target.example"
v4 = "198.51.100.80"
v6 = "2001:db8:80::80"
delay = "1ms"
"""
ROUTERS = ("r1", "r2", "r3", "r4", "r5")
FACTS = {"address-edge"}


def network(*, routes: str = "", tail: str = "", **keys: str) -> SimNetwork:
    """Five routers in a row; keys of each as TOML, by id."""
    routers = "".join(
        f'\n[[router]]\nid = "{name}"\nv4 = "203.0.113.{n}"\nv6 = "2001:db8:f::{n}"\ndelay = "2ms"\n'
        f"{keys.get(name, '')}\n"
        for n, name in enumerate(ROUTERS, start=1)
    )
    ways = routes or f"\n[[route]]\nvia = {list(ROUTERS)}\n".replace("'", '"')
    return SimNetwork(parse_scenario(HEAD + routers + ways + tail))


def trace(net: SimNetwork, **options: Any) -> Any:
    asked: dict[str, Any] = {"protocol": "udp", "multipath": "paris", "rounds": 12} | options
    return simulated(net, **asked)


def statements(run: Any) -> pd.DataFrame:
    found = evidence(run.tables)
    for table, query, n in zip(found["table"], found["query"], found["n"], strict=True):
        assert len(getattr(run, table).query(query)) == n
    return found[~found["kind"].isin(FACTS)]


def kinds(run: Any) -> set[tuple[str, str]]:
    found = statements(run)
    return {*zip(found["kind"], found["strength"], strict=True)}


def one(run: Any, kind: str) -> Any:
    found = statements(run)
    (row,) = found[found["kind"] == kind].itertuples()
    return row


PLAIN = {("nat", "none seen")}
PROTOCOLS: list[dict[str, Any]] = [
    {},
    {"protocol": "icmp", "multipath": None},
    {"protocol": "udp", "multipath": "dublin"},
    {"protocol": "tcp", "multipath": None},
    {"addr_family": "ipv6"},
    {"protocol": "icmp", "multipath": None, "addr_family": "ipv6"},
]


@pytest.mark.parametrize("options", PROTOCOLS, ids=str)
def test_a_plain_network_gives_no_reason_to_say_anything(options: dict[str, Any]):
    assert (
        kinds(trace(network(), **{k: v for k, v in options.items() if v is not None} | _classic(options)))
        == PLAIN
    )


def _classic(options: dict[str, Any]) -> dict[str, Any]:
    return {"multipath": "classic"} if "multipath" in options and options["multipath"] is None else {}


@pytest.mark.parametrize("seed", range(6))
def test_random_balanced_networks_give_no_false_alarm(seed: int):
    net = random_network(seed, unequal=0.3, meshing=0.3)
    assert kinds(trace(net, rounds=30)) == PLAIN


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("case-14-zero-ttl", {("zero-ttl", "shown")}),
        ("case-15-nat-kept", {("nat", "shown")}),
        ("case-16-nat-restored", set()),
        ("case-17-nat-checksum", {("nat", "likely")}),
        ("case-18-rewritten", {("rewritten", "shown")}),
        ("case-19-short-quotes", set()),
        ("case-20-mpls-explicit", {("mpls-explicit", "shown")}),
        ("case-21-mpls-implicit", {("mpls-implicit", "likely")}),
        ("case-22-mpls-opaque", {("mpls-opaque", "shown"), ("asymmetry", "hint")}),
        ("case-23-mpls-invisible", {("mpls-suspected", "hint"), ("asymmetry", "hint")}),
        ("case-23-mpls-invisible-uhp", {("mpls-suspected", "hint"), ("asymmetry", "hint")}),
        ("case-24-mpls-plateau", {("mpls-explicit", "shown"), ("icmp-tunnelled", "likely")}),
    ],
)
@pytest.mark.parametrize("protocol", ["udp", "icmp"])
def test_each_hard_case_shows_what_it_is_and_nothing_else(name: str, wanted: set[Any], protocol: str):
    run = trace(tn.sim.load(name), protocol=protocol, multipath="paris" if protocol == "udp" else "classic")
    shown_nat = any(kind == "nat" for kind, _ in wanted)
    assert kinds(run) == wanted | (set() if shown_nat else PLAIN)


def test_bleached_code_points_are_told_from_the_hop_behind_the_box():
    run = trace(network(r2="rewrite = { dscp = 0, ecn = 0 }"), tos=0xB9)
    rows = statements(run).query("kind == 'rewritten'")
    assert rows[["ttl", "last_ttl", "strength"]].to_numpy().tolist() == [[3, 6, "shown"]] * 2
    assert "DSCP is 0, sent as 46 (bleached)" in rows["says"].iloc[0]
    assert "ECN is 0, sent as 1 (bleached)" in rows["says"].iloc[1]


def test_a_lowered_segment_size_is_told_and_is_no_translator():
    run = trace(network(r3="rewrite = { mss = 1360 }"), protocol="tcp", multipath="classic")
    assert kinds(run) == PLAIN | {("rewritten", "shown")}
    assert one(run, "rewritten").ttl == 4


def test_a_bucket_that_runs_dry_is_a_rate_limit_and_no_loss():
    run = trace(network(r2='limit = { kind = "bucket", rate = 0.5, burst = 1, scope = "global" }'), rounds=60)
    row = one(run, "rate-limit")
    assert (row.ttl, row.strength, row.addrs) == (2, "likely", ("203.0.113.2",))
    assert run.hops.loc[run.hops["ttl"] == 2, "forward_loss"].item() == 0


def test_a_router_that_answers_when_it_likes_is_not_called_a_rate_limiter():
    run = trace(network(r2="answer_ratio = 0.6"), rounds=80)
    assert kinds(run) == PLAIN | {("non-response", "hint")}


def test_a_link_that_loses_packets_is_neither():
    run = trace(network(r3="loss = 0.3"), rounds=60)
    assert not kinds(run) & {("rate-limit", "likely"), ("non-response", "hint")}


def test_a_way_back_over_more_routers_is_asymmetry():
    extra = "".join(
        f'\n[[router]]\nid = "b{n}"\nv4 = "203.0.113.{100 + n}"\nv6 = "2001:db8:f::b{n}"\ndelay = "1ms"\n'
        for n in range(6)
    )
    back = '\n[[return]]\nof = ["r4"]\nvia = ["b0", "b1", "b2", "b3", "b4", "b5"]\n'
    run = trace(network(tail=extra + back))
    row = one(run, "asymmetry")
    assert (row.ttl, row.last_ttl, row.strength) == (4, 4, "hint")
    assert "3 hops longer" in row.says


def test_a_routing_loop_is_an_outcome_and_a_statement():
    route = (
        '\n[[route]]\nnext = { source = ["r1"], r1 = ["r2"], r2 = ["r3"], r3 = ["r2"], r4 = ["r5"], '
        'r5 = ["target.example"] }\n'
    )
    run = trace(network(routes=route), rounds=4, max_ttl=20)
    row = one(run, "routing-loop")
    assert (row.ttl, row.addrs) == (2, ("203.0.113.2", "203.0.113.3"))
    assert run.runs["outcome"].item() == "loop"
    assert {*run.paths["cause"]} == {"routing-loop"}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_balancer_of_packets_is_told_and_its_links_prove_nothing(seed: int):
    net = random_network(seed, diamonds=(1, 1), balance="packet")
    run = trace(net, multipath="paris", source_port=5000, target_port=33500, rounds=40)
    assert ("per-packet", "likely") in kinds(run)
    assert {*run.diamonds["balancing"]} & {"per-packet"}
    truth = net.truth.edges("198.51.100.80")
    proven = run.links[run.links["evidence"] == "flow"]
    assert {*zip(proven["from_addr"], proven["to_addr"], strict=True)} <= {*truth}


@pytest.mark.parametrize("seed", range(8))
def test_links_of_many_flows_are_links_of_the_network_and_diamonds_are_its_diamonds(seed: int):
    net = random_network(seed, unequal=0.4, nesting=0.3, meshing=0.3, width=(2, 4), silent=0)
    run = trace(net, rounds=64)
    addr = str(run.runs["dst_addr"].item())
    truth = {(near, far) for near, far in net.truth.edges(addr) if near is not None and far is not None}
    found = {*zip(run.links["from_addr"], run.links["to_addr"], strict=True)}
    assert found <= truth
    widest = run.diamonds["max_width"].max() if len(run.diamonds) else 1
    assert len(run.diamonds) > 0 or len({far for _, far in truth}) == len(truth)
    assert widest <= 64


def test_addresses_behind_nat64_are_told_with_those_inside_them():
    text = scenario_toml(network(r2='nat64 = "64:ff9b::/96"').scenario)
    text = text.replace("2001:db8:80::80", "64:ff9b::c633:6450")
    for n in (3, 4, 5):
        text = text.replace(f'v6 = "2001:db8:f::{n}"\n', "")
    run = trace(SimNetwork(parse_scenario(text)), addr_family="ipv6")
    row = one(run, "nat64")
    assert (row.strength, row.ttl, row.last_ttl) == ("shown", 3, 6)
    assert "64:ff9b::cb00:7103 is 203.0.113.3" in row.says


def test_a_run_and_a_set_of_runs_offer_the_same_tables_and_each_run_keeps_its_statements(tmp_path: Any):
    names = ("case-14-zero-ttl", "case-20-mpls-explicit")
    first, second = (trace(tn.sim.load(name), rounds=4) for name in names)
    paths = [run.save(tmp_path / f"{number}.parquet") for number, run in enumerate((first, second))]
    for path, run in zip(paths, (first, second), strict=True):
        again = tn.read(path).one()
        pd.testing.assert_frame_equal(again.evidence, run.evidence)
        pd.testing.assert_frame_equal(again.paths, run.paths)
        pd.testing.assert_frame_equal(again.diamonds, run.diamonds)
    both = tn.RunSet([first, second])
    kinds = both.evidence.astype({"kind": "str"})  # of a categorical, pandas 3.0.0 wants to hash the sets
    kinds_of = kinds.groupby("run_id")["kind"].agg(set).tolist()
    assert [("zero-ttl" in found, "mpls-explicit" in found) for found in kinds_of] == [
        (True, False),
        (False, True),
    ]
    assert len(both.paths) == len(first.paths) + len(second.paths)
    assert first.graph().nodes["203.0.113.3"]["evidence"] == ("zero-ttl",)
