"""Drive a channel by hand: open, send windows, collect what comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.net.plans import make_plan, window
from trippy_nb.lifetimes import Session, Vault
from trippy_nb.model import Foreign, Plan, Probe, Reply, SendReceipt, Stamped, TraceConfig
from trippy_nb.net import LiveNetwork
from trippy_nb.tracing import Arrival, Channel

MS = 1_000_000


@dataclass
class Driver:
    """A channel and everything that went through it."""

    network: LiveNetwork
    plan: Plan
    channel: Channel
    vault: Vault
    sent: list[Probe] = field(default_factory=list)
    receipts: list[SendReceipt] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)

    def send(self, ttls: Iterable[int]) -> Sequence[SendReceipt]:
        probes = window(self.plan, ttls, first_key=len(self.sent))
        receipts = self.channel.send(probes)
        assert [receipt.key for receipt in receipts] == [probe.key for probe in probes]
        self.sent += probes
        self.receipts += receipts
        return receipts

    def collect(self, enough: Callable[[Driver], bool], within_ms: int = 2000) -> Driver:
        end_ns = self.network.clock.now_ns() + within_ms * MS
        while not enough(self) and self.network.clock.now_ns() < end_ns:
            self.arrivals += self.channel.receive(end_ns)
        return self

    def replies_and_stamps(self, count: int, within_ms: int = 2000) -> Driver:
        return self.collect(lambda it: len(it.replies) >= count and len(it.stamps) >= count, within_ms)

    @property
    def inside(self) -> Any:
        """The channel, for a test that looks inside."""
        return self.channel

    @property
    def replies(self) -> list[Reply]:
        return [arrival for arrival in self.arrivals if isinstance(arrival, Reply)]

    @property
    def stamps(self) -> dict[int, int]:
        return {arrival.key: arrival.kernel_ns for arrival in self.arrivals if isinstance(arrival, Stamped)}

    @property
    def foreign(self) -> list[Foreign]:
        return [arrival for arrival in self.arrivals if isinstance(arrival, Foreign)]

    def probe_of(self, reply: Reply) -> Probe:
        """Find the one probe whose number came back."""
        quote = reply.quote
        (probe,) = [
            probe
            for probe in self.sent
            if (quote.icmp_seq is not None and quote.icmp_seq == probe.seq)
            or (quote.dport is not None and (quote.sport, quote.dport) == (probe.sport, probe.dport))
        ]
        return probe


def drive(
    target: str,
    steps: Callable[[Driver], Any],
    *,
    enter: Callable[[], None] | None = None,
    changes: dict[str, Any] | None = None,
    **options: Any,
) -> Any:
    """Open a channel to a target on a session's thread, and do something with it.

    `enter` is called first on that thread; `changes` are fields of the plan.
    """
    network = LiveNetwork()
    config = TraceConfig.from_options(**options)

    def job(vault: Vault, _stop: Callable[[], bool]) -> Any:
        if enter is not None:
            enter()
        (found,) = network.resolve(target, config)
        plan = make_plan(found, config, network.choose(found, config), **changes or {})
        return steps(Driver(network, plan, network.open(plan, vault), vault))

    with Session(job, name="drive") as session:
        return session.wait(60)
