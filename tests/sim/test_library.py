"""The scenarios that come with the package."""

from __future__ import annotations

import ipaddress
import re
from itertools import pairwise
from pathlib import Path

import pytest

from tests.sim.world import FAMILIES, PROTOCOLS, trace
from trippy_nb import sim
from trippy_nb.errors import ConfigError, ScenarioError
from trippy_nb.model import ReplyKind
from trippy_nb.sim import library
from trippy_nb.wire import ICMP_TYPES

ALL = sim.scenarios()
NAMES = tuple(name for name in ALL if not name.startswith("case-"))
"""Those of lessons. The hard cases have tests of their own: test_cases_*.py."""
DOCUMENTATION = [
    ipaddress.ip_network(net)  # RFC 5737, RFC 3849
    for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052
HOPS = {
    "filtered": 6,
    "first-steps": 8,
    "late-answers": 5,
    "long-path": 15,
    "loopback": 1,
    "lossy-return": 6,
    "narrow-link": 6,
    "nested-diamonds": 5,
    "routing-loop": 255,
    "rush-hour": 6,
    "silent-destination": 6,
    "thirty-hops": 30,
}


def test_these_are_the_scenarios():
    assert tuple(HOPS) == NAMES


@pytest.mark.parametrize("name", ALL)
def test_a_scenario_uses_documentation_addresses_and_says_what_it_is(name):
    net = sim.load(name)
    assert net.scenario.name == name
    assert re.match(r"[A-Z].*\.$", sim.describe(name))
    addrs = {hop.addr for path in net.truth.paths for hop in path.hops if hop.addr}
    for af in FAMILIES:
        source = net.scenario.source.address(af)
        addrs |= {source} if source else set()
    translated = {addr for addr in addrs if ipaddress.ip_address(addr) in NAT64}
    addrs -= translated
    assert not translated or name == "case-38-nat64"
    for addr in addrs:
        parsed = ipaddress.ip_address(addr)
        assert any(parsed in block for block in DOCUMENTATION if block.version == parsed.version), addr
    for addr in addrs:
        known = net.reverse(addr, None) or "source.example"  # type: ignore[arg-type]  # it is not looked at
        assert known.endswith(".example") or name in ("long-path", "thirty-hops")


@pytest.mark.parametrize("af", FAMILIES)
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", NAMES)
def test_every_scenario_can_be_traced_over_every_protocol_and_family(name, protocol, af):
    net = sim.load(name)
    target = net.scenario.targets[0]
    done = trace(net, target.name, protocol=protocol.value, addr_family=f"ipv{af}", rounds=3, max_ttl=32)
    path, *others = net.truth.paths_to(target.addresses(af)[0])
    assert len(path.hops) == HOPS[name]
    hops: dict[int, set[str]] = {}
    for got in done.replies:
        assert got.probe is not None
        assert got.kind is not ReplyKind.UNMATCHED
        if got.reply.icmp_type == ICMP_TYPES[af].time_exceeded:
            hops.setdefault(got.probe.ttl, set()).add(got.reply.responder)
    reach = {"filtered": 3, "routing-loop": 32}.get(name, len(path.hops) - 1)
    always = [hop for hop in path.hops[:reach] if hop.delivery == 1]
    seen = {ttl: addrs for ttl, addrs in hops.items() if path.hops[ttl - 1].delivery == 1}
    if others:  # which of them were taken is chance
        for ttl, addrs in seen.items():
            assert addrs <= {one.hops[ttl - 1].addr for one in (path, *others)}
    else:
        assert seen == {hop.ttl: {hop.addr} for hop in always}
    reached = any(got.from_target for got in done.replies)
    assert reached == (name not in ("filtered", "routing-loop", "silent-destination"))


def test_no_answer_of_the_long_path_takes_over_100_ms_and_all_hops_answer():
    net = sim.load("long-path")
    for path in net.truth.paths:
        assert all(hop.delivery == 1 for hop in path.hops)
        assert all(soon.rtt_ms < late.rtt_ms for soon, late in pairwise(path.hops))
        assert 90 < path.hops[-1].rtt_ms < 100
    done = trace(net, "far.example", rounds=50)
    sent_ns = {sent.probe.key: sent.receipt.before_ns for sent in done.sent}
    rtts = [got.reply.read_ns - sent_ns[got.probe.key] for got in done.replies if got.probe is not None]
    assert 90e6 < max(rtts) <= 100e6


def test_filtered_says_prohibited_from_the_third_hop_on():
    done = trace(sim.load("filtered"), "behind.example", rounds=2)
    refused = {
        (got.reply.responder, got.reply.icmp_type, got.reply.icmp_code)
        for got in done.replies
        if got.probe is not None and got.probe.ttl > 3
    }
    assert refused == {("203.0.113.3", 3, 13)}


def test_an_unknown_name_names_those_that_are_near():
    with pytest.raises(
        ScenarioError, match=r"'frist-steps': did you mean 'first-steps'\? tn\.sim\.scenarios\(\)"
    ):
        sim.load("frist-steps")
    with pytest.raises(
        ScenarioError, match=r"did you mean 'case-23-mpls-invisible' or 'case-23-mpls-invisible-uhp'\? "
    ):
        sim.load("case-23")
    with pytest.raises(ScenarioError, match=rf"no scenario 'xyzzy': .* names all {len(sim.scenarios())}, "):
        sim.describe("xyzzy")


@pytest.mark.parametrize("wrap", [Path, str])
def test_a_file_of_your_own_is_loaded_by_its_path(tmp_path, wrap):
    mine = tmp_path / "mine.toml"
    mine.write_text((Path(library.__file__).parents[2] / "data/scenarios/loopback.toml").read_text())
    assert sim.load(wrap(mine)).scenario == sim.load("loopback").scenario
    with pytest.raises(ScenarioError, match=r"none\.toml:1: cannot be read"):
        sim.load(wrap(tmp_path / "none.toml"))


def test_a_seed_may_be_given():
    assert sim.load("loopback", seed=0).scenario.seed == 0
    assert sim.load("first-steps").scenario.seed == 1
    for bad in (-1, 1.5, "1", True):
        with pytest.raises(ConfigError, match="seed is a whole number"):
            sim.load("loopback", seed=bad)  # type: ignore[arg-type]  # on purpose


def test_in_a_wheel_the_scenarios_are_found_inside_the_package(tmp_path, monkeypatch):
    inside = tmp_path / "_data" / "scenarios"
    inside.mkdir(parents=True)
    (inside / "only.toml").write_text("x")
    (inside / "README.md").write_text("x")
    monkeypatch.setattr(library, "files", lambda _package: tmp_path)
    assert library.scenarios() == ("only",)
