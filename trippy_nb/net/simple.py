"""Sending windows and reading answers through one socket each, without stamps and error queues.

For platforms other than Linux: a datagram is a system call, and the only clock is ours, so RTTs are ``user``.
"""

import errno
from collections.abc import Callable, Sequence

from trippy_nb.lifetimes import BATCH, SLOT, TICK_S, Datagram, Port, Vault
from trippy_nb.model import NS_PER_S, Foreign, Probe, SendReceipt, seconds_to_ns
from trippy_nb.net.transfer import breaking
from trippy_nb.tracing import Arrival, Clock

_FULL = (errno.EAGAIN, errno.ENOBUFS)
_FULL_TRIES = 4
_FULL_PAUSE_S = 0.005
_MOST_BATCHES = 16  # a flood must not keep us from sending
_UNSETTLED = frozenset(
    getattr(errno, name)
    for name in ("ECONNRESET", "ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENETRESET", "EMSGSIZE")
    if hasattr(errno, name)
)
"""What an ICMP error to an earlier datagram, or one that is too long, makes of a receive."""


def send_window(
    vault: Vault, port: Port, clock: Clock, probes: Sequence[Probe], encode: Callable[[Probe], Datagram]
) -> list[SendReceipt]:
    """Send probes; one receipt each, in order. What finds the buffer full is tried again a few times."""
    receipts: dict[int, SendReceipt] = {}
    waiting = list(probes)
    for attempt in range(1 + _FULL_TRIES):
        if attempt:
            with breaking("waiting for room to send"):
                vault.wait([], _FULL_PAUSE_S)
        for probe in waiting:
            packet = encode(probe)
            before_ns = clock.now_ns()
            (error,) = port.send_many([packet])
            receipts[probe.key] = SendReceipt(probe.key, before_ns, clock.now_ns(), error, packet.data)
        waiting = [probe for probe in waiting if receipts[probe.key].errno in _FULL]
        if not waiting:
            break
    return [receipts[probe.key] for probe in probes]


def receive_all(
    vault: Vault,
    port: Port,
    clock: Clock,
    *,
    until_ns: int,
    read_timeout_s: float,
    read: Callable[[Datagram, int], Arrival],
) -> list[Arrival]:
    """Wait until something is here, `until_ns`, or the read time-out; return all that is here."""
    longest_ns = seconds_to_ns(min(read_timeout_s, TICK_S))
    left_ns = min(until_ns - clock.now_ns(), longest_ns)
    arrivals: list[Arrival] = []
    with breaking("waiting for answers"):
        ready = vault.wait([port], left_ns / NS_PER_S)
    for _ in range(_MOST_BATCHES if ready else 0):
        with breaking(port.purpose):
            datagrams = port.receive_many(again=_UNSETTLED)
        read_ns = clock.now_ns()
        arrivals += [
            read(datagram, read_ns)
            if len(datagram.data) < SLOT
            else Foreign(f"{SLOT} bytes or more: no answer to a probe is that long", read_ns, datagram.data)
            for datagram in datagrams
        ]
        if len(datagrams) < BATCH:
            break
    return arrivals
