"""What was asked wrongly is said in one line, before any socket is open and any packet leaves."""

from __future__ import annotations

import pytest

import trippy_nb as tn
from tests.net.kernel_net import kernel_net
from trippy_nb.errors import ConfigError, ResolveError
from trippy_nb.lifetimes import records

WRONG = [
    ({"protocol": "udp", "target_port": 0}, "target_port is 0"),
    ({"protocol": "tcp", "target_port": 65536}, "target_port is 65536"),
    ({"protocol": "udp", "source_port": 0}, "source_port is 0"),
    ({"first_ttl": 0}, "first_ttl is 0"),
    ({"first_ttl": 255}, "first_ttl is 255"),
    ({"max_ttl": 0}, "max_ttl is 0"),
    ({"max_ttl": 255}, "max_ttl is 255"),
    ({"ttls": [0, 1]}, "ttls is 0"),
    ({"ttls": [1, 255]}, "ttls is 255"),
    ({"ttls": []}, "ttls is empty"),
    ({"packet_size": 27}, "packet_size is 27"),
    ({"packet_size": 1025}, "packet_size is 1025"),
    ({"first_ttl": 9, "max_ttl": 8}, "first_ttl 9 is greater than max_ttl 8"),
    ({"protocol": "icmp", "target_port": 80}, "ICMP has no ports"),
    ({"target_port": 80}, "a port needs a protocol"),
    ({"protocol": "udp", "source_port": 5000, "target_port": 80}, "only one of source_port and target_port"),
    ({"protocol": "tcp", "multipath": "dublin"}, "dublin is for UDP"),
    ({"mode": "raw", "unprivileged": True}, "leave one out"),
    ({"protocol": "icmp", "mode": "error-queue"}, "'error-queue' is for UDP"),
    ({"source_address": "127.0.0.1", "interface": "lo"}, "give one of them"),
    ({"multipath": "paris", "multipath_strategy": "paris", "protocol": "udp"}, "given twice"),
    ({"min_round_duration": 2.0, "max_round_duration": 1.0}, "longer than"),
    ({"rounds": 0}, "rounds is 0"),
    ({"probe_timeout": float("nan")}, "probe_timeout is nan"),
    ({"no_such_option": 1}, "unknown option"),
    ({"source_address": "::1"}, "source_address ::1 is IPv6, but the target is IPv4"),
    ({"source_address": "203.0.113.9"}, "is not an address of this machine"),
    ({"interface": "nosuch0"}, "there is no interface 'nosuch0' here"),
    ({"interface": "a-name-much-too-long-for-one"}, "there is no interface"),
]


@pytest.mark.parametrize(("options", "words"), WRONG, ids=[words for _, words in WRONG])
def test_a_wrong_option_is_one_line_and_no_packet_leaves(options, words):
    since = max((record.handle for record in records()), default=0)
    with pytest.raises(ConfigError) as caught:
        tn.trace("127.0.0.1", progress=False, dns=False, rounds=options.pop("rounds", 1), **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    opened = [record for record in records() if record.handle > since]
    assert [record.sent for record in opened] == [0] * len(opened)
    assert all(record.closed_at is not None for record in opened)


@pytest.mark.needs("ipv6")
def test_a_packet_too_small_for_ipv6_only_is_said_once_the_target_is_known():
    with pytest.raises(ConfigError, match="packet_size 28 is too small here: at least 48 bytes"):
        tn.trace("::1", progress=False, packet_size=28)


@pytest.mark.parametrize(
    "options", [{"first_ttl": 254, "max_ttl": 254}, {"ttls": [1, 254]}, {"packet_size": 28}]
)
def test_the_last_values_that_are_allowed_work(options):
    run = tn.trace(
        "127.0.0.1", progress=False, dns=False, rounds=1, protocol="udp", mode="error-queue", **options
    )
    assert set(run.probes["status"]) <= {"reply", "beyond_target"}
    assert run.runs["outcome"].iloc[0] == "reached"


NO_HOST = [
    ("no-such-host.invalid", {}, "'no-such-host.invalid' has no address"),
    ("no-such-host.invalid", {"dns_resolve_method": "resolv", "dns_timeout": 0.2}, "no-such-host.invalid"),
    ("two words", {}, "two words"),
    ("a" * 300, {}, "is not a host name"),
    ("localhost\0.example", {}, "is not a host name"),
    ("300.1.2.3", {}, "300.1.2.3"),
    ("127.0.0.1", {"addr_family": "ipv6"}, "127.0.0.1 is an IPv4 address, but addr_family is ipv6"),
    ("::1", {"addr_family": "ipv4"}, "::1 is an IPv6 address, but addr_family is ipv4"),
]


@pytest.fixture(scope="module")
def island():
    """A namespace with nothing but its loopback: no query leaves this machine."""
    with kernel_net("tnfi", routers=-1, meet=False) as net:
        yield net


@pytest.mark.netns
@pytest.mark.parametrize(("name", "options", "words"), NO_HOST, ids=[words[:30] for *_, words in NO_HOST])
def test_an_unknown_host_or_wrong_family_is_one_line(island, name, options, words):
    with pytest.raises(ResolveError) as caught:
        island.call(lambda: tn.trace(name, progress=False, **options))
    assert words in str(caught.value)


@pytest.mark.netns
@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("203.0.113.1", "no way from this machine to 203.0.113.1: Network is unreachable"),
        ("2001:db8::1", "no way from this machine to 2001:db8::1"),
        ("255.255.255.255", "255.255.255.255"),
        ("fe80::1", "fe80::1"),
    ],
)
def test_an_unreachable_network_is_one_line_before_any_packet(island, target, words):
    since = max((record.handle for record in records()), default=0)
    with pytest.raises(ConfigError) as caught:
        island.call(lambda: tn.trace(target, progress=False, rounds=1))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sum(record.sent for record in records() if record.handle > since) == 0


@pytest.mark.netns
@pytest.mark.parametrize("kind", ["unreachable", "prohibit", "blackhole", "throw"])
@pytest.mark.parametrize("target", ["198.51.100.1", "2001:db8:1::1"])
def test_a_route_that_refuses_is_one_line(island, kind, target):
    family = "-6" if ":" in target else "-4"
    island.inside("ip", family, "route", "add", kind, target)
    try:
        with pytest.raises(ConfigError, match=f"no way from this machine to {target}"):
            island.call(lambda: tn.trace(target, progress=False, rounds=1))
    finally:
        island.inside("ip", family, "route", "del", kind, target)


@pytest.mark.netns
@pytest.mark.parametrize(("target", "af"), [("127.0.0.1", 4), ("::1", 6)])
def test_an_interface_without_an_address_is_one_line(island, target, af):
    island.inside("ip", "link", "add", "bare0", "type", "veth", "peer", "name", "bare1", check=False)
    with pytest.raises(ConfigError, match=f"interface bare0 has no usable IPv{af} address"):
        island.call(lambda: tn.trace(target, progress=False, interface="bare0"))
