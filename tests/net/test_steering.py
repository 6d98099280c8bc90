"""Interface, mark and VRF decide which way probes take, in every kind of socket; and who may not, is told."""

from __future__ import annotations

import os
import socket
from functools import partial

import pytest

from tests.needs import need
from tests.net.driving import drive
from tests.net.kernel_net import run
from tests.net.test_unprivileged import as_nobody
from tests.net.two_ways import MARK, two_ways
from trippy_nb.errors import ConfigError
from trippy_nb.lifetimes import Vault
from trippy_nb.model import SocketMode, TraceConfig
from trippy_nb.net.steering import check_steering, is_vrf

pytestmark = [pytest.mark.netns, pytest.mark.needs("raw_socket"), pytest.mark.slow]

MODES = [
    ("icmp", "raw"),
    ("udp", "raw"),
    ("tcp", "raw"),
    ("icmp", "datagram"),
    ("udp", "error-queue"),
    ("tcp", "connect"),
]
EACH_MODE = pytest.mark.parametrize(("protocol", "mode"), MODES, ids=["-".join(way) for way in MODES])
EACH_FAMILY = pytest.mark.parametrize("af", [4, 6])


@pytest.fixture(scope="module")
def ways():
    with two_ways(f"tns{os.getpid()}x") as net:
        yield net


def first_hop(ways, af, **options):
    def steps(it):
        it.send([1])
        it.collect(lambda driver: driver.replies, within_ms=3000)
        return it.plan.source, [reply.responder for reply in it.replies]

    return drive(ways.target(af), steps, enter=ways.net.enter, **options)


@EACH_MODE
@EACH_FAMILY
def test_without_steering_the_routing_table_decides(ways, af, protocol, mode):
    answer = first_hop(ways, af, protocol=protocol, mode=mode)
    assert answer == (ways.source(1, af), [ways.router(1, af)])


@EACH_MODE
@EACH_FAMILY
@pytest.mark.parametrize("number", [1, 2])
def test_probes_leave_by_the_interface_and_from_its_address(ways, af, protocol, mode, number):
    device = ("one", "two")[number - 1]
    answer = first_hop(ways, af, protocol=protocol, mode=mode, interface=device)
    assert answer == (ways.source(number, af), [ways.router(number, af)])


@EACH_MODE
@EACH_FAMILY
def test_a_mark_chooses_the_table_and_with_it_the_source_address(ways, af, protocol, mode):
    answer = first_hop(ways, af, protocol=protocol, mode=mode, fwmark=MARK)
    assert answer == (ways.source(2, af), [ways.router(2, af)])


@EACH_FAMILY
def test_each_socket_of_a_varying_source_port_is_steered(ways, af):
    answer = first_hop(
        ways, af, protocol="udp", mode="error-queue", target_port=33000, interface="two", fwmark=MARK
    )
    assert answer == (ways.source(2, af), [ways.router(2, af)])


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_nobody_may_bind_to_an_interface_but_not_mark(ways, protocol):
    bound = as_nobody(ways.net, ways.target(4), protocol=protocol, interface="two")
    hops = bound["hops"]
    assert isinstance(hops, dict)
    assert hops["1"] == ways.router(2, 4)
    refused = as_nobody(ways.net, ways.target(4), protocol=protocol, fwmark=MARK)
    assert refused["error"] == "PrivilegeError"
    assert "fwmark needs CAP_NET_ADMIN" in str(refused["message"])
    assert "\n" not in str(refused["message"])


def test_an_interface_that_goes_away_before_it_is_bound_is_named(ways):
    ways.net.inside("ip", "link", "add", "brief", "type", "veth", "peer", "name", "brief2")
    ways.net.inside("ip", "address", "add", "10.99.0.1/24", "dev", "brief")
    ways.net.inside("ip", "link", "delete", "brief")
    with pytest.raises(ConfigError, match="no interface 'brief' here"):
        first_hop(ways, 4, interface="brief")


def test_the_helper_is_not_asked_for_what_it_cannot_do():
    for options in ({"interface": "lo"}, {"fwmark": 1}, {"interface": "lo", "fwmark": 1}):
        with pytest.raises(ConfigError, match=f"mtr-packet cannot do {' and '.join(options)}"):
            check_steering(TraceConfig.from_options(**options), SocketMode.MTR_PACKET)
    check_steering(TraceConfig(), SocketMode.MTR_PACKET)


@pytest.mark.parametrize(("kind", "expected"), [("veth", False), ("vrf", True)])
def test_a_vrf_is_known_by_its_driver(ways, kind, expected):
    if kind == "vrf":
        need("vrf")
    more = {"vrf": ["table", "99"], "veth": ["peer", "name", "what2"]}.get(kind, [])
    run("ip", "-n", ways.net.source, "link", "add", "what", "type", kind, *more)

    def ask():
        with Vault() as vault:
            return is_vrf(vault.open_socket(socket.AF_INET, socket.SOCK_DGRAM, purpose="test"), "what")

    try:
        assert ways.net.call(ask) is expected
    finally:
        run("ip", "-n", ways.net.source, "link", "delete", "what")


@pytest.mark.needs("vrf")
@EACH_MODE
@EACH_FAMILY
def test_a_vrf_is_an_interface_with_a_table_of_its_own(af, protocol, mode):
    with two_ways(f"tnf{os.getpid()}x") as ways:
        inside = partial(ways.net.inside, "ip")
        inside("link", "add", "blue", "type", "vrf", "table", "88")
        inside("link", "set", "blue", "up")
        inside(
            "link", "set", "two", "master", "blue"
        )  # takes its IPv6 routes along, and its IPv4 routes away
        for family, router in (("-4", ways.router(2, 4)), ("-6", ways.router(2, 6))):
            inside(family, "route", "replace", "default", "via", router, "dev", "two", "table", "88")
        answer = first_hop(ways, af, protocol=protocol, mode=mode, interface="blue")
        assert answer == (ways.source(2, af), [ways.router(2, af)])
