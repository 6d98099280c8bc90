"""A namespace where every kind of socket is allowed, and a short path to trace."""

from __future__ import annotations

import pytest

from tests.net.kernel_net import kernel_net


@pytest.fixture(scope="module")
def loops():
    """Name of a namespace with a loopback, and datagram ICMP for everybody."""
    with kernel_net("tnsl", routers=-1, meet=False) as net:
        net.inside("sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647")
        yield net.source


@pytest.fixture(scope="module")
def path():
    """A router and a target behind it, seen from a namespace of its own."""
    with kernel_net("tnsw", routers=1) as net:
        net.inside("sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647")
        yield net
