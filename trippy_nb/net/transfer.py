"""What all channels share: sending a window, waiting, and draining, in as few system calls as can be."""

import errno
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from trippy_nb.errors import ChannelBrokenError
from trippy_nb.lifetimes import BATCH, SLOT, TICK_S, Datagram, Port, Vault
from trippy_nb.model import NS_PER_S, Foreign, Probe, SendReceipt, Stamped, seconds_to_ns
from trippy_nb.net import linux
from trippy_nb.net.ancillary import Ancillary, read_ancillary
from trippy_nb.net.stamps import TransmitStamps
from trippy_nb.tracing import Arrival, Clock

_FULL = (errno.EAGAIN, errno.ENOBUFS)
_FULL_TRIES = 4
_FULL_PAUSE_S = 0.005  # a full queue of 1 Mbit/s has room for another probe of 84 bytes after 0.7 ms
_TOO_LONG = f"{SLOT} bytes or more, the rest was left behind: no answer to a probe is that long"
_MOST_BATCHES = 16  # a flood must not keep us from sending, nor fill the memory: the rest waits its turn

Read = Callable[[Datagram, Ancillary, int], Arrival]
Encode = Callable[[Probe], Datagram]


@contextmanager
def breaking(doing: str) -> Iterator[None]:
    """Have the operating system's errors break the channel: `ChannelBrokenError`."""
    try:
        yield
    except OSError as error:
        said = os.strerror(error.errno) if error.errno else str(error)
        raise ChannelBrokenError(f"the channel broke while {doing}: {said}") from error


class Outbox:
    """Sends probes through one port.

    Parameters
    ----------
    port, vault, clock
        Where to send, who owns it, what time it is.
    stamps
        Transmit stamps of that port.
    again
        Errors of this kind of socket that say nothing about the packet at hand.
    """

    def __init__(
        self,
        port: Port,
        vault: Vault,
        clock: Clock,
        stamps: TransmitStamps,
        *,
        again: frozenset[int] = frozenset(),
    ) -> None:
        self.port = port
        self._vault = vault
        self._clock = clock
        self._stamps = stamps
        self._again = again

    def send(self, probes: Sequence[Probe], encode: Encode) -> list[SendReceipt]:
        """Send probes, up to 64 a system call; one receipt each, in order."""
        receipts: list[SendReceipt] = []
        for at in range(0, len(probes), BATCH):
            receipts += self._send_batch(probes[at : at + BATCH], encode)
        return receipts

    def _send_batch(self, probes: Sequence[Probe], encode: Encode) -> list[SendReceipt]:
        packets = [encode(probe) for probe in probes]
        receipts = self._hand_over(probes, packets)
        if receipts[0].errno == errno.EINVAL and self._stamps.count_instead():
            receipts = self._hand_over(probes, packets)  # this kernel does not know chosen numbers
        for _ in range(_FULL_TRIES):
            waiting = [i for i, receipt in enumerate(receipts) if receipt.errno in _FULL]
            if not waiting:
                break
            room = [self.port] if receipts[waiting[0]].errno == errno.EAGAIN else []
            with breaking("waiting for room to send"):
                self._vault.wait(room, _FULL_PAUSE_S, writable=True)
            later = self._hand_over([probes[i] for i in waiting], [packets[i] for i in waiting])
            for i, receipt in zip(waiting, later, strict=True):
                receipts[i] = receipt
        return receipts

    def _hand_over(self, probes: Sequence[Probe], packets: Sequence[Datagram]) -> list[SendReceipt]:
        control = self._stamps.control
        numbered = [
            Datagram(packet.data, packet.address, packet.control + control(probe.key))
            for probe, packet in zip(probes, packets, strict=True)
        ]
        breaks = self.port.send_breaks
        before_ns = self._clock.now_ns()
        errors = self.port.send_many(numbered, again=self._again)
        after_ns = self._clock.now_ns()
        keys = [probe.key for probe in probes]
        self._stamps.sent(keys, errors, undisturbed=self.port.send_breaks == breaks)
        return [
            SendReceipt(key, before_ns, after_ns, error, packet.data)
            for key, error, packet in zip(keys, errors, packets, strict=True)
        ]


class Inbox:
    """Waits on several ports and reads all they have.

    Parameters
    ----------
    vault, clock
        Who owns the ports, what time it is.
    read_timeout_s
        Longest single wait.
    """

    def __init__(self, vault: Vault, clock: Clock, read_timeout_s: float) -> None:
        self._vault = vault
        self._clock = clock
        self._longest_ns = seconds_to_ns(min(read_timeout_s, TICK_S))
        self._packets: dict[Port, Read] = {}
        self._errors: dict[Port, tuple[TransmitStamps, Read | None]] = {}
        self._ports: list[Port] = []

    def add(self, port: Port, read: Read) -> None:
        """Read packets from a port."""
        self._packets[port] = read
        if port not in self._errors:
            self._ports.append(port)

    def add_errors(self, port: Port, stamps: TransmitStamps, read: Read | None = None) -> None:
        """Read a port's error queue: transmit stamps, and ICMP errors if there is a `read` for them."""
        self._errors[port] = (stamps, read)
        if port not in self._packets:
            self._ports.insert(0, port)  # stamps first: the strategy likes to know them before the answer

    def drop(self, port: Port) -> None:
        """Read a port no more."""
        self._packets.pop(port, None)
        self._errors.pop(port, None)
        self._ports.remove(port)

    def receive(self, until_ns: int) -> list[Arrival]:
        """Wait until something is here, `until_ns`, or the read time-out; return all that is here."""
        left_ns = min(until_ns - self._clock.now_ns(), self._longest_ns)
        arrivals: list[Arrival] = []
        with breaking("waiting for answers"):
            ready = self._vault.wait(self._ports, left_ns / NS_PER_S)
        for port, usable, error in ready:
            with breaking(port.purpose):
                if error and port in self._errors:
                    self._drain_errors(port, arrivals)
                if usable and port in self._packets:
                    self._drain_packets(port, arrivals)
        return arrivals

    def _drain_packets(self, port: Port, arrivals: list[Arrival]) -> None:
        read = self._packets[port]
        for _ in range(_MOST_BATCHES):
            datagrams = port.receive_many(again=linux.QUEUED_ICMP)
            read_ns = self._clock.now_ns()
            arrivals += [
                read(datagram, read_ancillary(datagram.control), read_ns)
                if len(datagram.data) < SLOT
                else Foreign(_TOO_LONG, read_ns, datagram.data)
                for datagram in datagrams
            ]
            if len(datagrams) < BATCH:
                return

    def _drain_errors(self, port: Port, arrivals: list[Arrival]) -> None:
        stamps, read = self._errors[port]
        some = False
        for _ in range(_MOST_BATCHES):
            datagrams = port.receive_many(flags=socket.MSG_ERRQUEUE, again=linux.QUEUED_ICMP, count=False)
            read_ns = self._clock.now_ns()
            answers = 0
            for datagram in datagrams:
                arrival = _read_queued(datagram, read_ns, stamps, read)
                if arrival is not None:
                    arrivals.append(arrival)
                    answers += not isinstance(arrival, Stamped)
            port.count_received(answers)
            some = some or bool(datagrams)
            if len(datagrams) < BATCH:
                break
        if not some:
            # An error without an entry in the queue: it would wake every wait until it is asked for.
            port.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def _read_queued(
    datagram: Datagram, read_ns: int, stamps: TransmitStamps, read: Read | None
) -> Arrival | None:
    said = read_ancillary(datagram.control)
    if said.error is None:
        return None
    if said.error.origin == linux.EE_STAMP:
        key = stamps.key_of(said.error.number)
        return None if key is None or said.kernel_ns is None else Stamped(key, said.kernel_ns)
    if said.error.origin in (linux.EE_ICMP, linux.EE_ICMP6) and read is not None:
        return read(datagram, said, read_ns)
    return None  # a local error: the receipt of the send has said it
