"""Where probes are sent from: found, checked, or refused in one line."""

from __future__ import annotations

import pytest

from tests.lifetimes.descriptors import open_sockets
from trippy_nb.errors import ConfigError
from trippy_nb.lifetimes import Vault
from trippy_nb.model import TraceConfig
from trippy_nb.net import LiveNetwork
from trippy_nb.net.source import choose_source

pytestmark = pytest.mark.netns


def source(target: str, **options) -> str:
    config = TraceConfig.from_options(**options)
    (found,) = LiveNetwork().resolve(target, config)
    before = open_sockets()
    with Vault() as vault:
        try:
            return choose_source(vault, found, config)
        finally:
            assert open_sockets() == before  # released even before the vault is closed


FOUND = [
    ("127.0.0.1", {}, "127.0.0.1"),
    ("::1", {}, "::1"),
    ("10.77.0.2", {}, "10.77.0.1"),
    ("198.51.100.1", {}, "10.77.0.1"),
    ("fd77::2", {}, "fd77::1"),
    ("2001:db8::1", {}, "fd77::1"),
    ("10.77.0.2", {"source_address": "10.77.0.1"}, "10.77.0.1"),
    ("10.77.0.2", {"interface": "right"}, "10.77.0.1"),
    ("fd77::2", {"interface": "right"}, "fd77::1"),
    ("::ffff:10.77.0.2", {}, "10.77.0.1"),
    ("127.0.0.5", {"source_address": "127.0.0.9"}, "127.0.0.9"),
    ("127.0.0.1", {"interface": "lo"}, "127.0.0.1"),
    ("::1", {"interface": "lo"}, "::1"),
]


@pytest.mark.parametrize(("target", "options", "expected"), FOUND)
def test_the_source_address(veth, target, options, expected):
    assert veth.call(lambda: source(target, **options)) == expected


def test_a_link_local_target_is_asked_for_through_its_zone(veth):
    listing = veth.inside("ip", "-6", "-o", "address", "show", "dev", "right", "scope", "link")
    own = listing.split("inet6 ")[1].split("/")[0]
    assert veth.call(lambda: source("fe80::1%right")) == own
    assert veth.call(lambda: source("fe80::1%right", interface="right")) == own
    assert veth.call(lambda: source("fe80::1%right", source_address=own)) == own


REFUSED = [
    ("10.77.0.2", {"source_address": "203.0.113.1"}, "203.0.113.1 is not an address of this machine"),
    ("fd77::2", {"source_address": "2001:db8::5"}, "2001:db8::5 is not an address of this machine"),
    ("10.77.0.2", {"interface": "nosuch0"}, "no interface 'nosuch0' here, only lo, right"),
    ("10.77.0.2", {"interface": "a-name-that-is-too-long"}, "no interface"),
    ("10.77.0.2", {"interface": "bare"}, "interface bare has no usable IPv4 address"),
    ("fd77::2", {"interface": "bare"}, "interface bare has no usable IPv6 address"),
    ("10.77.0.255", {}, "broadcast"),
    ("fe80::1", {}, "needs a zone, such as fe80::1%eth0"),
    ("198.51.100.1", {"source_address": "127.0.0.1"}, "no way from 127.0.0.1 to 198.51.100.1"),
]


@pytest.mark.parametrize(("target", "options", "message"), REFUSED)
def test_what_cannot_be_used_is_said_in_one_line(own_veth, target, options, message):
    own_veth.inside("ip", "link", "add", "bare", "type", "veth", "peer", "name", "bare2")
    own_veth.inside("sysctl", "-qw", "net.ipv6.conf.bare.disable_ipv6=1")
    with pytest.raises(ConfigError, match=message) as caught:
        own_veth.call(lambda: source(target, **options))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("target", ["198.51.100.1", "2001:db8::1"])
def test_no_route_is_said_in_one_line(own_veth, target):
    for family in ("-4", "-6"):
        own_veth.inside("ip", family, "route", "delete", "default")
    with pytest.raises(ConfigError, match=rf"no way from this machine to {target}: .*unreachable.*no route"):
        own_veth.call(lambda: source(target))


def test_a_machine_without_ipv6_says_so(own_veth):
    own_veth.inside(
        "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"
    )

    def choose() -> None:
        network, config = LiveNetwork(), TraceConfig()
        network.choose(network.resolve("2001:db8::1", config)[0], config)

    with pytest.raises(ConfigError, match="2001:db8::1"):
        own_veth.call(choose)


def test_choosing_leaves_nothing_open(veth):
    def choose() -> tuple[set[str], str]:
        before = open_sockets()
        network, config = LiveNetwork(), TraceConfig()
        choice = network.choose(network.resolve("10.77.0.2", config)[0], config)
        return open_sockets() - before, choice.source

    assert veth.call(choose) == (set(), "10.77.0.1")
