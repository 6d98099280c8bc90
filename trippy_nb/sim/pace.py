"""Virtual time that keeps step with ours: for whoever wants to watch the built-in internet at work."""

import threading
from collections.abc import Sequence

from trippy_nb.model import NS_PER_S, Probe, SendReceipt
from trippy_nb.sim.channel import SimChannel
from trippy_nb.sim.clock import VirtualClock
from trippy_nb.tracing import Arrival, MonotonicClock


class PacedChannel:
    """A channel whose answers come no sooner than they would on a real network.

    Parameters
    ----------
    channel
        What carries the probes.
    clock
        Its clock.
    speed
        Virtual seconds that go by in one of ours.
    """

    def __init__(self, channel: SimChannel, clock: VirtualClock, speed: float) -> None:
        self._channel = channel
        self._clock = clock
        self._speed = speed
        self._ours = MonotonicClock()
        self._began_ns = self._ours.now_ns(), clock.now_ns()
        self._pause = threading.Event()  # never set: waiting for it is a pause

    def send(self, probes: Sequence[Probe]) -> Sequence[SendReceipt]:
        """Send a window of probes: see `SimChannel`."""
        return self._channel.send(probes)

    def receive(self, until_ns: int) -> Sequence[Arrival]:
        """Let virtual time pass as `SimChannel` does, then wait until as much of ours has."""
        arrivals = self._channel.receive(until_ns)
        ours_ns, virtual_ns = self._began_ns
        due_ns = ours_ns + (self._clock.now_ns() - virtual_ns) / self._speed
        ahead_ns = due_ns - self._ours.now_ns()
        if ahead_ns > 0:
            self._pause.wait(ahead_ns / NS_PER_S)
        return arrivals
