"""UDP without privilege: ordinary sockets, and what their error queues hold.

The TTL of each probe goes along as ancillary data, so one socket serves a whole trace. Only where the
source port varies there is a socket for each port; where it is the number, that socket also says whose
answer it is.

Paris works here, and dublin over IPv6: the payload that makes the checksum come out, or has the length, is
ours, and the kernel adds the header it leads to. To tell whose answer it is, the payload must come back: the
error queue holds what was quoted after the UDP header, not the header. A router that quotes no more than 28
bytes (RFC 792; RFC 1812 section 4.3.2.3 wants more) names no probe then, and its answer is unmatched.
"""

import errno
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from trippy_nb.lifetimes import Datagram, Port, Vault
from trippy_nb.model import Foreign, Multipath, Plan, Probe, Quote, Reply, SendReceipt, seconds_to_ns
from trippy_nb.net import linux
from trippy_nb.net.addresses import (
    bind_fixed,
    family_of,
    pack_sockaddr,
    scope_of,
    socket_address,
    unpack_sockaddr,
    zone_of,
)
from trippy_nb.net.ancillary import Ancillary
from trippy_nb.net.buffers import widen
from trippy_nb.net.queued import queue_errors, quoted_bytes, reply_from_queue, ttl_control
from trippy_nb.net.stamps import TransmitStamps, await_stamping
from trippy_nb.net.steering import steer
from trippy_nb.net.transfer import Inbox, Outbox
from trippy_nb.tracing import Arrival, Clock
from trippy_nb.wire import encode_message

_MOST_LINES = 256  # as many as Trippy keeps for TCP; an open-file limit of 1024 is usual


@dataclass(slots=True)
class _Line:
    """A socket with its source port, and the probe it was opened for if it was for one."""

    sport: int
    outbox: Outbox
    key: int | None
    opened_ns: int


class ErrorQueueChannel:
    """A channel over UDP sockets with IP_RECVERR.

    Parameters
    ----------
    plan
        The trace; UDP.
    vault
        Owner of all that is opened here.
    clock
        The monotonic clock.

    Raises
    ------
    PortInUseError
        If the source port is taken by another program.
    """

    def __init__(self, plan: Plan, vault: Vault, clock: Clock) -> None:
        self._plan = plan
        self._vault = vault
        self._clock = clock
        self._inbox = Inbox(vault, clock, plan.config.read_timeout)
        self._scope = scope_of(plan.target.zone)
        self._lines: dict[int, _Line] = {}
        self._life_ns = 2 * seconds_to_ns(plan.config.probe_timeout)
        self._is_number = plan.sport is None and plan.multipath is Multipath.CLASSIC
        if plan.sport is not None:
            self._open_line(plan.sport, key=None)
        await_stamping(vault, keep=plan.sport is None)  # before the first probe's socket is there

    def send(self, probes: Sequence[Probe]) -> Sequence[SendReceipt]:
        """Send a window of probes, see `Channel`."""
        if self._plan.sport is not None:
            return self._lines[self._plan.sport].outbox.send(probes, self._encode)
        self._close_lines_before(self._clock.now_ns() - self._life_ns)
        if self._is_number:
            return [self._send_alone(probe) for probe in probes]
        receipts: list[SendReceipt] = []
        for sport, group in groupby(probes, key=lambda probe: probe.sport):  # one: the round's
            receipts += self._send_together(sport, list(group))
        return receipts

    def receive(self, until_ns: int) -> Sequence[Arrival]:
        """Wait, and return all that is here, see `Channel`."""
        return self._inbox.receive(until_ns)

    def _send_alone(self, probe: Probe) -> SendReceipt:
        self._close_line(probe.sport)  # its number came round again
        if len(self._lines) >= _MOST_LINES:
            self._close_line(next(iter(self._lines)))
        now_ns = self._clock.now_ns()
        try:
            line = self._open_line(probe.sport, key=probe.key)
        except OSError as error:
            return SendReceipt(probe.key, now_ns, self._clock.now_ns(), error.errno or errno.EIO)
        return line.outbox.send([probe], self._encode)[0]

    def _send_together(self, sport: int, probes: Sequence[Probe]) -> Sequence[SendReceipt]:
        now_ns = self._clock.now_ns()
        line = self._lines.pop(sport, None)
        try:
            line = line or self._open_line(sport, key=None)
        except OSError as error:
            number, at_ns = error.errno or errno.EIO, self._clock.now_ns()
            return [SendReceipt(probe.key, now_ns, at_ns, number) for probe in probes]
        line.opened_ns = now_ns
        self._lines[sport] = line  # the last in order of age
        return line.outbox.send(probes, self._encode)

    def _encode(self, probe: Probe) -> Datagram:
        plan = self._plan
        return Datagram(
            encode_message(plan, probe),
            pack_sockaddr(plan.target.addr, probe.dport, self._scope),
            ttl_control(plan.af, probe.ttl),
        )

    def _open_line(self, sport: int, *, key: int | None) -> _Line:
        plan = self._plan

        def set_up(port: Port) -> None:
            queue_errors(port, plan.af, plan.config.tos)
            widen(port)
            steer(port, plan.config)
            if plan.sport is None:
                port.bind(socket_address(plan.source, sport, plan.target.zone))
            else:
                bind_fixed(port, plan, sport)

        port = self._vault.open_socket(
            family_of(plan.af), socket.SOCK_DGRAM, purpose="sending probes, receiving errors", setup=set_up
        )
        stamps = TransmitStamps(port)
        outbox = Outbox(port, self._vault, self._clock, stamps, again=linux.QUEUED_ICMP)
        line = self._lines[sport] = _Line(sport, outbox, key, self._clock.now_ns())

        def read_error(datagram: Datagram, said: Ancillary, read_ns: int) -> Arrival:
            return self._read_error(line, datagram, said, read_ns)

        def read_answer(datagram: Datagram, said: Ancillary, read_ns: int) -> Arrival:
            return self._read_answer(line, datagram, said, read_ns)

        self._inbox.add_errors(port, stamps, read_error)
        self._inbox.add(port, read_answer)
        return line

    def _close_lines_before(self, opened_ns: int) -> None:
        for line in list(self._lines.values()):  # the oldest first
            if line.opened_ns >= opened_ns:
                return
            self._close_line(line.sport)

    def _close_line(self, sport: int) -> None:
        line = self._lines.pop(sport, None)
        if line is not None:
            self._inbox.drop(line.outbox.port)
            self._vault.release(line.outbox.port)

    def _read_error(self, line: _Line, datagram: Datagram, said: Ancillary, read_ns: int) -> Arrival:
        about = unpack_sockaddr(datagram.address)
        quote = Quote(
            dst=about[0] if about else None,
            protocol=socket.IPPROTO_UDP,
            sport=line.sport,
            dport=about[1] if about else None,
            payload=quoted_bytes(datagram, said),
        )
        return reply_from_queue(datagram, said, read_ns, af=self._plan.af, quote=quote, key=line.key)

    def _read_answer(self, line: _Line, datagram: Datagram, said: Ancillary, read_ns: int) -> Arrival:
        """Read a datagram: an open port answers, and only its number says which probe."""
        sender = unpack_sockaddr(datagram.address)
        if sender is None or sender[0] != self._plan.target.addr:
            return Foreign("a datagram that is not from the target", read_ns, datagram.data)
        addr, port, scope = sender
        return Reply(
            responder=addr,
            zone=zone_of(scope),
            read_ns=read_ns,
            kernel_ns=said.kernel_ns,
            quote=Quote(dst=addr, protocol=socket.IPPROTO_UDP, sport=line.sport, dport=port),
            ttl=said.ttl,
            tos=said.tos,
            packet=datagram.data,
            key=line.key,
        )
