from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests import needs
from tests.contract.worlds import LiveWorld, SimWorld, World
from tests.net.kernel_net import kernel_net


@pytest.fixture(scope="session")
def worlds():
    """Give a world by name; the kernel's is built when it is first asked for."""
    with ExitStack() as stack:
        built: dict[str, World] = {"sim": SimWorld()}

        def give(name: str) -> World:
            if name not in built:
                net = stack.enter_context(kernel_net("tnct", routers=1))
                net.inside("sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647")
                built[name] = LiveWorld(net)
            return built[name]

        yield give


@pytest.fixture
def world(channel, worlds):
    """The world of a channel in the suite's table."""
    if channel.world == "live":
        needs.need("netns", "raw_socket")
    if channel.options.get("mode") == "mtr-packet":
        needs.need("mtr")
    return worlds(channel.world)
