"""The network: names, choices, time travel, and being a `tracing.Network`."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid

import pytest

from tests import needs
from tests.sim.world import small, trace
from trippy_nb import sim
from trippy_nb.errors import ConfigError, ResolveError
from trippy_nb.lifetimes import records
from trippy_nb.model import Choice, Protocol, SocketMode, Target, TraceConfig
from trippy_nb.tracing import Network

V4, V6 = "198.51.100.80", "2001:db8:80::80"


def config(**options: object) -> TraceConfig:
    return TraceConfig.from_options(**options)


def test_it_is_a_network_with_a_name_that_tells_it_from_a_real_one():
    net: Network = small()
    assert (net.name, net.parallel) == ("sim:small", False)


@pytest.mark.parametrize(
    ("name", "family", "found"),
    [
        ("target.example", "system", [V4, V6]),
        ("target.example", "ipv4", [V4]),
        ("target.example", "ipv6", [V6]),
        ("target.example", "ipv4-then-ipv6", [V4]),
        ("target.example", "ipv6-then-ipv4", [V6]),
        ("TARGET.Example.", "ipv4", [V4]),
        (V4, "system", [V4]),
        (V4, "ipv6-then-ipv4", [V4]),
        ("2001:DB8:80:0::80", "system", [V6]),
        ("::ffff:198.51.100.80", "system", [V4]),
    ],
)
def test_names_and_addresses_resolve_by_family(name, family, found):
    assert list(small().resolve(name, config(addr_family=family))) == [Target(name, addr) for addr in found]


@pytest.mark.parametrize(
    ("name", "family", "reason"),
    [
        ("example.com", "system", "not in the built-in internet 'small': try target.example"),
        ("192.0.2.1", "system", "not in the built-in internet"),
        (V4, "ipv6", "no ipv6 address"),
        (V6, "ipv4", "no ipv4 address"),
    ],
)
def test_what_does_not_resolve_says_what_would(name, family, reason):
    with pytest.raises(ResolveError, match=reason):
        small().resolve(name, config(addr_family=family))


@pytest.mark.parametrize("protocol", [None, "icmp", "udp", "tcp"])
@pytest.mark.parametrize(("addr", "source"), [(V4, "192.0.2.10"), (V6, "2001:db8:10::10")])
def test_it_needs_no_privilege_and_says_so(protocol, addr, source):
    chosen = small().choose(Target("target.example", addr), config(protocol=protocol, unprivileged=True))
    assert chosen == Choice(
        protocol=Protocol(protocol or "icmp"),
        mode=SocketMode.SIM,
        reason="built-in internet 'small': no privilege, no packets leave this machine",
        source=source,
    )


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"mode": "raw"}, "mode 'raw' needs sockets"),
        ({"mode": "datagram"}, "mode 'datagram' needs sockets"),
        ({"interface": "eth0"}, "no interface 'eth0'"),
        ({"source_address": "192.0.2.11"}, "192.0.2.11 is not 192.0.2.10"),
    ],
)
def test_what_it_has_not_is_refused(options, reason):
    with pytest.raises(ConfigError, match=reason):
        small().choose(Target("t", V4), config(**options))


def test_its_own_source_address_may_be_named():
    assert (
        small().choose(Target("t", V6), config(source_address="2001:DB8:10:0::10")).source
        == "2001:db8:10::10"
    )


def test_the_clock_goes_on_from_trace_to_trace():
    net = small()
    first, second = (trace(net, rounds=2) for _ in range(2))
    assert first.sent[-1].receipt.before_ns < second.sent[0].receipt.before_ns
    assert net.clock.now_ns() >= 2 * 10**9
    assert first.transcript != second.transcript


def test_time_travel_leaves_the_traveller_where_it_was():
    net = small()
    net.clock.advance_to(7)
    later = net.at(60)
    assert (net.clock.now_ns(), later.clock.now_ns()) == (7, 60 * 10**9)
    assert (later.fresh().clock.now_ns(), later.scenario) == (0, net.scenario)
    later.clock.advance_to(90 * 10**9)
    assert net.clock.now_ns() == 7
    with pytest.raises(ConfigError, match="begins at 0 s"):
        net.at(-0.5)


def test_reverse_names_come_from_the_scenario():
    net = sim.load("first-steps")
    names = {
        "192.0.2.10": "laptop.example",
        "2001:db8:10::1": "home.example",
        "203.0.113.9": "core1.isp.example",
        "2001:DB8:80:0::80": "target.example",
        "192.0.2.77": None,
    }
    assert {addr: net.reverse(addr, config()) for addr in names} == names
    assert small().reverse("192.0.2.1", config()) is None


def test_a_run_is_named_by_all_that_decides_it():
    net, target = sim.load("first-steps"), Target("t", V4)
    names = [
        net.run_uuid(target, config()),
        net.at(1).run_uuid(target, config()),
        net.run_uuid(target, config(rounds=11)),
        net.run_uuid(Target("t", V6), config()),
        sim.load("first-steps", seed=2).run_uuid(target, config()),
        sim.load("loopback").run_uuid(target, config()),
    ]
    assert len(set(names)) == len(names)
    assert {uuid.UUID(name).version for name in names} == {5}
    assert sim.load("first-steps").run_uuid(target, config()) == names[0]


_DIGEST = """
import hashlib
from tests import needs
from tests.sim.world import trace
from trippy_nb import sim
done = trace(sim.load("first-steps"), rounds=2)
print(hashlib.sha256(repr(done.transcript).encode()).hexdigest())
"""


def test_a_run_is_the_same_bytes_in_every_process():
    digests = {
        subprocess.run(
            [sys.executable, "-c", _DIGEST],
            cwd=needs.ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_a_trace_opens_no_handle():
    before = records()
    trace(small(), rounds=1)
    assert records() == before


def test_it_shows_what_and_when_it_is():
    assert repr(small().at(1.5)) == "<SimNetwork 'small' at 1.5 s>"
