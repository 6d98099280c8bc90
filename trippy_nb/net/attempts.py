"""Attempts to connect, each on a socket of its own: what TCP without privilege is on every platform.

How a socket is set up, and what its end tells, the platform's channel says; this keeps the sockets. An
attempt is given up before the kernel would send its SYN again, because then nobody could tell which
of the two was answered.
"""

import errno
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from trippy_nb.lifetimes import TICK_S, Port, Vault
from trippy_nb.model import NS_PER_S, Plan, Probe, SendReceipt, seconds_to_ns
from trippy_nb.net.addresses import family_of, socket_address
from trippy_nb.net.transfer import breaking
from trippy_nb.tracing import Arrival, Clock

LIFE_NS: Final = 900_000_000
"""Longest an attempt lives: Linux and Windows repeat a SYN after 1 s, and we look at least every 50 ms."""

MOST_LINES: Final = 256
"""As many as Trippy keeps for TCP; an open-file limit of 1024 is usual."""


@dataclass(slots=True)
class Attempt:
    """A socket and the probe that it is."""

    probe: Probe
    port: Port
    opened_ns: int


class Attempts:
    """Attempts under way, at most `MOST_LINES` of them.

    Parameters
    ----------
    plan
        The trace; TCP.
    vault
        Owner of all that is opened here.
    clock
        The monotonic clock.
    set_up
        Prepares the socket of a probe, up to and with its binding.
    read
        Reads what ended an attempt, given the monotonic time at which that was seen; None if it was
        nobody's answer.
    taken
        Errno with which a pair of ports that is connected already refuses.
    """

    def __init__(
        self,
        plan: Plan,
        vault: Vault,
        clock: Clock,
        *,
        set_up: Callable[[Port, Probe], None],
        read: Callable[[Attempt, int], Arrival | None],
        taken: int | None = None,
    ) -> None:
        self._plan = plan
        self._vault = vault
        self._clock = clock
        self._set_up = set_up
        self._read = read
        self._taken = taken
        self._longest_ns = seconds_to_ns(min(plan.config.read_timeout, TICK_S))
        self._by_ports: dict[tuple[int, int], Attempt] = {}  # the oldest first

    def send(self, probes: Sequence[Probe]) -> Sequence[SendReceipt]:
        """Begin an attempt for each probe, see `Channel`."""
        self._give_up_before(self._clock.now_ns() - LIFE_NS)
        return [self._begin(probe) for probe in probes]

    def receive(self, until_ns: int) -> Sequence[Arrival]:
        """Wait, and return all that is here, see `Channel`."""
        now_ns = self._clock.now_ns()
        self._give_up_before(now_ns - LIFE_NS)
        left_ns = min(until_ns - now_ns, self._longest_ns)
        by_port = {attempt.port: attempt for attempt in self._by_ports.values()}
        with breaking("waiting for answers"):
            ready = self._vault.wait(list(by_port), left_ns / NS_PER_S, writable=True)
        read_ns = self._clock.now_ns()  # what is ready was here by now: an RST has no better time
        arrivals: list[Arrival] = []
        for port, _usable, _error in ready:
            attempt = by_port[port]
            with breaking(port.purpose):
                arrival = self._read(attempt, read_ns)
            if arrival is not None:
                port.count_received(1)
                arrivals.append(arrival)
            self._end((attempt.probe.sport, attempt.probe.dport))
        return arrivals

    def _begin(self, probe: Probe) -> SendReceipt:
        ports = (probe.sport, probe.dport)
        self._end(ports)  # its numbers came round again
        if len(self._by_ports) >= MOST_LINES:
            self._end(next(iter(self._by_ports)))
        target = self._plan.target
        before_ns = self._clock.now_ns()
        try:
            port = self._vault.open_socket(
                family_of(self._plan.af),
                socket.SOCK_STREAM,
                purpose="sending a SYN, receiving its answer",
                setup=lambda port: self._set_up(port, probe),
            )
        except OSError as error:
            return SendReceipt(probe.key, before_ns, self._clock.now_ns(), error.errno or errno.EIO)
        to = socket_address(target.addr, probe.dport, target.zone)
        before_ns = self._clock.now_ns()
        number = port.begin_connect(to)
        after_ns = self._clock.now_ns()
        if number:
            self._vault.release(port)
            taken = number == self._taken
            return SendReceipt(probe.key, before_ns, after_ns, errno.EADDRINUSE if taken else number)
        self._by_ports[ports] = Attempt(probe, port, after_ns)
        return SendReceipt(probe.key, before_ns, after_ns)

    def _give_up_before(self, opened_ns: int) -> None:
        for ports, attempt in list(self._by_ports.items()):
            if attempt.opened_ns >= opened_ns:
                return
            self._end(ports)

    def _end(self, ports: tuple[int, int]) -> None:
        attempt = self._by_ports.pop(ports, None)
        if attempt is not None:
            self._vault.release(attempt.port)
