from __future__ import annotations

import pytest

from tests.net.kernel_net import kernel_net


@pytest.fixture(scope="session")
def veth():
    """Source and target, nothing between; nobody changes it."""
    with kernel_net("tnv") as net:
        net.inside("sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647")
        yield net


@pytest.fixture(scope="session")
def chain():
    """Source, two routers, target; nobody changes it."""
    with kernel_net("tnc", routers=2) as net:
        net.inside("sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647")
        yield net


@pytest.fixture
def own_veth():
    """A pair to be changed."""
    with kernel_net("tno", meet=False) as net:
        yield net
