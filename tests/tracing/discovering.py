"""Discoveries on the built-in internet, and how they are scored against its truth."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from trippy_nb.capture import make_plan
from trippy_nb.model import (
    DiscoveryOptions,
    EndReason,
    Event,
    Plan,
    Probe,
    ProbeSent,
    Protocol,
    Reply,
    TraceConfig,
)
from trippy_nb.sim import SimNetwork
from trippy_nb.tracing import Arrival, Channel, Discovery, run_trace
from trippy_nb.tracing.atlas import SILENT, SOURCE
from trippy_nb.wire import encode_probe

TARGET = "198.51.100.80"
MANY = os.environ.get("TRIPPY_NB_PROFILE") == "ci"
"""CI looks at all 1,000 topologies; on the way there a sample does."""


def some(count: int, sample: int) -> range:
    """Seeds of topologies: all in CI, else the first."""
    return range(count if MANY else sample)


@dataclass
class Found:
    """A discovery, over."""

    net: SimNetwork
    plan: Plan
    search: Discovery
    reason: EndReason
    took_ms: float
    events: list[Event] = field(default_factory=list)

    @property
    def probes(self) -> list[Probe]:
        return [event.probe for event in self.events if isinstance(event, ProbeSent)]

    @property
    def edges(self) -> set[tuple[str, str]]:
        """Edges between nodes that answer."""
        found = {(near[1], far[1]) for near, far in self.search.mda.atlas.edges()}
        return {edge for edge in found if SOURCE not in edge and SILENT not in edge}

    @property
    def true_edges(self) -> set[tuple[str, str]]:
        edges = self.net.truth.edges(self.plan.target.addr)
        return {(near, far) for near, far in edges if near is not None and far is not None}

    @property
    def true_nodes(self) -> set[str]:
        edges = self.net.truth.edges(self.plan.target.addr)
        return {addr for edge in edges for addr in edge if addr is not None}

    @property
    def nodes(self) -> set[str]:
        layers = self.search.mda.atlas.layers.values()
        return {name for layer in layers for name in layer} - {SOURCE, SILENT}

    def true_path(self, flow: int) -> tuple[str | None, ...]:
        """What a perfect trace of a flow of this run shows."""
        probe = next(probe for probe in self.probes if probe.flow == flow)
        packet = encode_probe(self.plan, probe)
        return self.net.truth.path(self.plan.target.addr, flow=packet).addrs

    def forks(self) -> Iterable[tuple[str, bool]]:
        """Nodes that truly have several next hops and were found, and whether all of these were."""
        after: dict[str, set[str]] = {}
        for near, far in self.true_edges:
            after.setdefault(near, set()).add(far)
        for near, fars in after.items():
            if len(fars) > 1 and near in self.nodes:
                yield near, all((near, far) in self.edges for far in fars)


def discovered(
    net: SimNetwork,
    *,
    protocol: str = "udp",
    wrap: Callable[[Channel], Channel] = lambda channel: channel,
    asked: dict[str, Any] | None = None,
    **options: Any,
) -> Found:
    """Discover the only target of a network."""
    purpose = DiscoveryOptions(**(asked or {}))
    config = TraceConfig.from_options(protocol=protocol, multipath="paris", **options)
    target = net.resolve(net.scenario.targets[0].name, config)[0]
    plan = make_plan(
        target, config, net.choose(target, config), run_uuid=net.run_uuid(target, config, purpose)
    )
    search = Discovery(plan, purpose)
    events: list[Event] = []
    began_ns = net.clock.now_ns()
    channel = wrap(net.open(plan))
    reason = run_trace(plan, channel, net.clock, emit=events.append, stop=lambda: False, sender=search)
    return Found(net, plan, search, reason, (net.clock.now_ns() - began_ns) / 1e6, events)


class Tampered:
    """A channel whose answers are tampered with on the way."""

    def __init__(self, channel: Channel, change: Callable[[list[Arrival]], list[Arrival]]) -> None:
        self._channel = channel
        self._change = change

    def send(self, probes: Any) -> Any:
        return self._channel.send(probes)

    def receive(self, until_ns: int) -> list[Arrival]:
        return self._change(list(self._channel.receive(until_ns)))


PROTOCOLS = tuple(protocol.value for protocol in Protocol)
__all__ = ["MANY", "PROTOCOLS", "TARGET", "Found", "Reply", "Tampered", "discovered", "some"]
