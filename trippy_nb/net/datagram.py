"""ICMP without privilege: datagram sockets, where `net.ipv4.ping_group_range` has our group.

The kernel writes identifier (the "port" that the socket is bound to) and checksum, but the payload is ours:
with the word in it that solves for a checksum, probes have the one that we want, and are one flow. It gives
us echo replies of that identifier only; so whose answer it is, is the kernel's word. Errors come through the
error queue, whose payload begins with the quoted ICMP header.
"""

import errno
import socket
import struct
from collections.abc import Sequence
from dataclasses import replace

from trippy_nb.errors import BadPacketError, PortInUseError
from trippy_nb.lifetimes import Datagram, Port, Vault
from trippy_nb.model import Foreign, Plan, Probe, Quote, SendReceipt
from trippy_nb.net import linux
from trippy_nb.net.addresses import (
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
from trippy_nb.wire import decode_reply_v4, decode_reply_v6, encode_message

_ICMP = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}
_IPV4 = 4
_HEADER = struct.Struct("!BBHHH")  # RFC 792: type, code, checksum, identifier, sequence


class DatagramChannel:
    """A channel over one datagram ICMP socket.

    Parameters
    ----------
    plan
        The trace; ICMP.
    vault
        Owner of the socket.
    clock
        The monotonic clock.

    Raises
    ------
    PortInUseError
        If another program has the identifier, and the checksum is to be constant.
    """

    def __init__(self, plan: Plan, vault: Vault, clock: Clock) -> None:
        self._plan = plan
        self._address = pack_sockaddr(plan.target.addr, scope=scope_of(plan.target.zone))
        port = vault.open_socket(
            family_of(plan.af),
            socket.SOCK_DGRAM,
            _ICMP[plan.af],
            purpose="sending probes, receiving ICMP",
            setup=self._set_up,
        )
        stamps = TransmitStamps(port)
        self._outbox = Outbox(port, vault, clock, stamps, again=linux.QUEUED_ICMP)
        self._inbox = Inbox(vault, clock, plan.config.read_timeout)
        self._inbox.add_errors(port, stamps, self._read_error)
        self._inbox.add(port, self._read_echo)
        await_stamping(vault)

    def send(self, probes: Sequence[Probe]) -> Sequence[SendReceipt]:
        """Send a window of probes, see `Channel`."""
        return self._outbox.send(probes, self._encode)

    def receive(self, until_ns: int) -> Sequence[Arrival]:
        """Wait, and return all that is here, see `Channel`."""
        return self._inbox.receive(until_ns)

    def _set_up(self, port: Port) -> None:
        plan = self._plan
        queue_errors(port, plan.af, plan.config.tos)
        widen(port)
        steer(port, plan.config)
        try:
            port.bind(socket_address(plan.source, plan.trace_id, plan.target.zone))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            if plan.icmp_checksum is not None:  # it holds for this identifier alone
                raise PortInUseError(
                    f"trace_identifier {plan.trace_id} is taken by another program: choose another, or none"
                ) from None
            port.bind(socket_address(plan.source, 0, plan.target.zone))  # another identifier does as well

    def _encode(self, probe: Probe) -> Datagram:
        return Datagram(
            encode_message(self._plan, probe), self._address, ttl_control(self._plan.af, probe.ttl)
        )

    def _read_echo(self, datagram: Datagram, said: Ancillary, read_ns: int) -> Arrival:
        message = datagram.data
        sender = unpack_sockaddr(datagram.address)
        if sender is None:
            return Foreign("no sender's address", read_ns, message)
        addr, _port, scope = sender
        try:
            if self._plan.af == _IPV4:
                reply = decode_reply_v4(
                    message, src=addr, ttl=said.ttl, tos=said.tos, read_ns=read_ns, kernel_ns=said.kernel_ns
                )
            else:
                zone = zone_of(scope)
                reply = decode_reply_v6(
                    message,
                    src=f"{addr}%{zone}" if zone else addr,
                    hop_limit=said.ttl,
                    tclass=said.tos,
                    read_ns=read_ns,
                    kernel_ns=said.kernel_ns,
                )
        except BadPacketError as error:
            return Foreign(str(error), read_ns, message)
        if reply is None:
            return Foreign("answers no probe", read_ns, message)
        return replace(reply, quote=replace(reply.quote, icmp_id=None))

    def _read_error(self, datagram: Datagram, said: Ancillary, read_ns: int) -> Arrival:
        quoted = quoted_bytes(datagram, said) or b""
        about = unpack_sockaddr(datagram.address)
        dst = about[0] if about else None
        if len(quoted) < _HEADER.size:
            quote = Quote(dst=dst, protocol=_ICMP[self._plan.af])
        else:
            _type, _code, checksum, _identifier, sequence = _HEADER.unpack_from(quoted)
            quote = Quote(
                dst=dst,
                protocol=_ICMP[self._plan.af],
                icmp_seq=sequence,
                checksum=checksum,
                payload=quoted[_HEADER.size :] or None,
            )
        return reply_from_queue(datagram, said, read_ns, af=self._plan.af, quote=quote)
