"""Flows on the wire, as routers quote them."""

from __future__ import annotations

import pytest

from tests.contract.test_channel_contract import CHANNELS, QUICK, of, traced
from tests.contract.worlds import Opened
from trippy_nb.model import ReplyReceived, flow_checksum

ICMP = [spec for spec in CHANNELS if spec.options["protocol"] == "icmp" and not spec.is_kernels]


@pytest.mark.parametrize("af", [4, pytest.param(6, marks=pytest.mark.needs("ipv6"))], ids=["v4", "v6"])
@pytest.mark.parametrize("channel", [pytest.param(spec, id=spec.name) for spec in ICMP])
def test_every_probe_of_an_icmp_flow_has_the_checksum_of_its_flow(world, channel, af):
    """On datagram sockets the kernel wrote it, of our payload."""

    def steps(it: Opened) -> None:
        seen = {
            (event.probe.flow, event.reply.quote.checksum)
            for event in of(traced(it), ReplyReceived)
            if event.probe and event.probe.ttl < len(it.path)
        }
        flows = {0, 1, 2} if "multipath" in channel.options else {0}
        assert seen == {(flow, flow_checksum(it.plan, flow)) for flow in flows}

    world.play(steps, af=af, **channel.options, **QUICK)
