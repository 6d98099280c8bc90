"""The worlds that a channel can be opened in, behind one handle: the built-in one, and kernel routers."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.net.kernel_net import KernelNet
from tests.sim.world import small
from trippy_nb.capture import make_plan
from trippy_nb.lifetimes import Vault
from trippy_nb.model import Foreign, Plan, Probe, Reply, SendReceipt, Stamped, TraceConfig
from trippy_nb.net import LiveNetwork
from trippy_nb.sim.channel import SimChannel
from trippy_nb.sim.forward import Delivery, Pending
from trippy_nb.tracing import Arrival, Channel, Clock, Send, Strategy

MS = 1_000_000
SECOND = 1_000 * MS
_IPV6_HDRINCL = 36
_UUID = "11111111-2222-4333-8444-555555555555"


@dataclass
class Opened:
    """A channel, opened, and a strategy that makes probes for it."""

    plan: Plan
    channel: Channel
    clock: Clock
    vault: Vault
    path: Sequence[str]
    """Addresses that answer TTL 1, 2, ...; the last is the target."""
    inject: Callable[[Sequence[bytes]], None]
    """Has whole packets arrive here, whoever they are from."""
    strategy: Strategy = field(init=False)
    sent: list[Probe] = field(default_factory=list)
    receipts: list[SendReceipt] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.strategy = Strategy(self.plan)

    def hop(self, ttl: int) -> str:
        return self.path[min(ttl, len(self.path)) - 1]

    def next_window(self) -> Sequence[Probe]:
        action = self.strategy.next_action(self.clock.now_ns())
        assert isinstance(action, Send)
        return action.probes

    def send(self, probes: Sequence[Probe] | None = None) -> Sequence[SendReceipt]:
        """Send what the strategy wants to send next, or these."""
        probes = self.next_window() if probes is None else probes
        receipts = self.channel.send(probes)
        self.strategy.on_sent(receipts)
        self.sent += probes
        self.receipts += receipts
        return receipts

    def collect(self, enough: Callable[[Opened], bool]) -> Opened:
        end_ns = self.clock.now_ns() + 3 * SECOND
        while not enough(self) and self.clock.now_ns() < end_ns:
            self.arrivals += self.channel.receive(end_ns)
        return self

    def of(self, kind: type[Any]) -> list[Any]:
        return [arrival for arrival in self.arrivals if isinstance(arrival, kind)]

    @property
    def replies(self) -> list[Reply]:
        return self.of(Reply)

    @property
    def stamps(self) -> list[Stamped]:
        return self.of(Stamped)

    @property
    def foreign(self) -> list[Foreign]:
        return self.of(Foreign)


class World(Protocol):
    """Where a channel is opened."""

    is_simulated: bool

    def play(self, steps: Callable[[Opened], Any], *, af: int, **options: Any) -> Any:
        """Open a channel and do something with it; everything is closed after it."""


class _Injecting:
    """A forwarder that also delivers what was injected, a nanosecond after the next packet leaves."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.pending: list[bytes] = []

    def local_mtu(self, packet: bytes, sent_ns: int) -> int | None:
        mtu: int | None = self._inner.local_mtu(packet, sent_ns)
        return mtu

    def launch(self, packet: bytes, sent_ns: int) -> tuple[Delivery | Pending, ...]:
        extras = tuple((sent_ns + 1, extra) for extra in self.pending)
        self.pending.clear()
        return extras + tuple(self._inner.launch(packet, sent_ns))


class SimWorld:
    """The built-in internet: two routers and a target."""

    is_simulated = True

    def play(self, steps: Callable[[Opened], Any], *, af: int, **options: Any) -> Any:
        net = small()
        config = TraceConfig.from_options(addr_family=f"ipv{af}", **options)
        target = net.resolve("target.example", config)[0]
        plan = make_plan(target, config, net.choose(target, config), run_uuid=_UUID)
        forwarder = _Injecting(net._forwarder)
        channel = SimChannel(plan, forwarder, net.clock)  # type: ignore[arg-type]  # all that a channel uses
        path = [router.address(af) for router in net.scenario.routers]
        with Vault(_UUID) as vault:
            hops = [*(addr for addr in path if addr), target.addr]
            return steps(Opened(plan, channel, net.clock, vault, hops, forwarder.pending.extend))


class LiveWorld:
    """Kernel routers in namespaces, and the operating system's sockets."""

    is_simulated = False

    def __init__(self, net: KernelNet) -> None:
        self._net = net

    def play(self, steps: Callable[[Opened], Any], *, af: int, **options: Any) -> Any:
        return self._net.call(lambda: self._play(steps, af, options))

    def _play(self, steps: Callable[[Opened], Any], af: int, options: dict[str, Any]) -> Any:
        net, network = self._net, LiveNetwork()
        config = TraceConfig.from_options(**options)
        target = network.resolve(net.target_addr(af), config)[0]
        plan = make_plan(target, config, network.choose(target, config), run_uuid=_UUID)
        hops = [net.hop(ttl, af) for ttl in range(1, len(net.names))]

        def inject(packets: Sequence[bytes]) -> None:
            net.call(lambda: _send_all(packets, plan), where=net.names[1])  # may speak for who is behind it

        with Vault(_UUID) as vault:
            channel = network.open(plan, vault)
            return steps(Opened(plan, channel, network.clock, vault, hops, inject))


def _send_all(packets: Sequence[bytes], plan: Plan) -> None:
    with _raw_sender(plan.af) as sock:
        for packet in packets:
            sock.sendto(packet, (plan.source, 0))


@contextmanager
def _raw_sender(af: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if af == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        if af == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_HDRINCL, 1)
        yield sock
