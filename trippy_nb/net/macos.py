"""ICMP on macOS without privilege: datagram sockets. Written from documentation, never run on a Mac.

icmp(4) of macOS: ICMP sockets of type SOCK_DGRAM need no root, send echo requests, and deliver what comes
with its IP header, errors included; the identifier is the sender's own. IPv6 comes without a header. The
length in an IPv4 header that BSD delivers is in host order and lacks the header's own, so that header is
taken off by hand and not decoded. There are no kernel stamps: RTTs are ``user``.
"""

import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from trippy_nb.lifetimes import Datagram, Port, Vault, pack_control
from trippy_nb.model import IPV6, Foreign, Plan, Probe, SendReceipt, SocketMode
from trippy_nb.net.addresses import (
    family_of,
    pack_sockaddr,
    scope_of,
    socket_address,
    unpack_sockaddr,
    zone_of,
)
from trippy_nb.net.question import ICMP_NUMBER, Question, decoded
from trippy_nb.net.simple import receive_all, send_window
from trippy_nb.tracing import Arrival, Channel, Clock
from trippy_nb.wire import decode_reply_v4, decode_reply_v6, encode_message

_TTL: Final = {4: (socket.IPPROTO_IP, socket.IP_TTL), 6: (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS)}
_INT: Final = struct.Struct("@i")
_SHORTEST: Final = 20
_TOS_AT, _TTL_AT = 1, 8  # RFC 791 section 3.1


class MacDatagramChannel:
    """A channel over one datagram ICMP socket of macOS.

    Parameters
    ----------
    plan
        The trace; ICMP, without a constant checksum.
    vault
        Owner of the socket.
    clock
        The clock.
    """

    def __init__(self, plan: Plan, vault: Vault, clock: Clock) -> None:
        self._plan = plan
        self._vault = vault
        self._clock = clock
        self._address = pack_sockaddr(plan.target.addr, scope=scope_of(plan.target.zone))
        self._asks = Question(plan)
        self._port = vault.open_socket(
            family_of(plan.af),
            socket.SOCK_DGRAM,
            ICMP_NUMBER[plan.af],
            purpose="sending probes, receiving ICMP",
            setup=self._set_up,
        )

    def send(self, probes: Sequence[Probe]) -> Sequence[SendReceipt]:
        """Send a window of probes, see `Channel`."""
        return send_window(self._vault, self._port, self._clock, probes, self._encode)

    def receive(self, until_ns: int) -> Sequence[Arrival]:
        """Wait, and return all that is here, see `Channel`."""
        return receive_all(
            self._vault,
            self._port,
            self._clock,
            until_ns=until_ns,
            read_timeout_s=self._plan.config.read_timeout,
            read=self._read_v6 if self._plan.af == IPV6 else self._read_v4,
        )

    def _set_up(self, port: Port) -> None:
        port.bind(socket_address(self._plan.source, zone=self._plan.target.zone))

    def _encode(self, probe: Probe) -> Datagram:
        ttl = pack_control(*_TTL[self._plan.af], _INT.pack(probe.ttl))
        return Datagram(encode_message(self._plan, probe), self._address, ttl)

    def _read_v4(self, datagram: Datagram, read_ns: int) -> Arrival:
        packet, sender = datagram.data, unpack_sockaddr(datagram.address)
        start = (packet[0] & 0x0F) * 4 if packet else 0
        strange = self._asks.strangeness(packet, start)
        if sender is None or start < _SHORTEST or strange:
            return Foreign(strange or "no sender, or no IP header", read_ns, packet)
        return decoded(
            lambda: decode_reply_v4(
                packet[start:], src=sender[0], ttl=packet[_TTL_AT], tos=packet[_TOS_AT], read_ns=read_ns
            ),
            packet,
            read_ns,
        )

    def _read_v6(self, datagram: Datagram, read_ns: int) -> Arrival:
        message, sender = datagram.data, unpack_sockaddr(datagram.address)
        strange = self._asks.strangeness(message, 0)
        if sender is None or strange:
            return Foreign(strange or "no sender", read_ns, message)
        zone = zone_of(sender[2])
        src = f"{sender[0]}%{zone}" if zone else sender[0]
        return decoded(lambda: decode_reply_v6(message, src=src, read_ns=read_ns), message, read_ns)


CHANNELS: Final[Mapping[SocketMode, Callable[[Plan, Vault, Clock], Channel]]] = {
    SocketMode.DATAGRAM: MacDatagramChannel
}
