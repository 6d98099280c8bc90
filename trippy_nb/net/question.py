"""A first look at what a raw socket gets: whether it may be about a probe of ours."""

import socket
from collections.abc import Callable

from trippy_nb.errors import BadPacketError
from trippy_nb.model import Foreign, Plan, Protocol, Reply
from trippy_nb.net.addresses import pack
from trippy_nb.tracing import Arrival

ICMP_NUMBER = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}
ANSWERED_BY = {Protocol.TCP: socket.IPPROTO_TCP, Protocol.UDP: socket.IPPROTO_UDP}
_ECHO_REPLY = {4: 0, 6: 129}
_IPV4 = 4


def decoded(decode: Callable[[], Reply | None], packet: bytes, read_ns: int) -> Arrival:
    """Return what a decoder makes of a packet, or why it is nobody's answer."""
    try:
        reply = decode()
    except BadPacketError as error:
        return Foreign(str(error), read_ns, packet)
    return reply if reply is not None else Foreign("answers no probe", read_ns, packet)


class Question:
    """What we asked: a first look at ICMP, before it is decoded.

    A raw socket gets the answers to every program on this machine, other traces of ours among them.
    """

    def __init__(self, plan: Plan) -> None:
        self.echo_reply = _ECHO_REPLY[plan.af]
        self.target = pack(plan.target.addr)
        if plan.protocol is Protocol.ICMP:
            self.protocol: int = ICMP_NUMBER[plan.af]
            self.identifier: bytes | None = plan.trace_id.to_bytes(2, "big")
        else:
            self.protocol = ANSWERED_BY[plan.protocol]
            self.identifier = None
        # Of the quoted IP header: RFC 791 section 3.1, RFC 8200 section 3.
        self.protocol_at, self.target_at = (9, 16) if plan.af == _IPV4 else (6, 24)

    def strangeness(self, packet: bytes, start: int) -> str:
        """Say why an ICMP message, which begins at `start`, is not for us; empty if it may be."""
        quote = start + 8
        if len(packet) < quote:
            return f"{len(packet)} bytes are no ICMP message"
        if packet[start] == self.echo_reply:
            if self.identifier is None or packet[start + 4 : start + 6] != self.identifier:
                return "an echo reply of another identifier"
            return ""
        target = packet[quote + self.target_at : quote + self.target_at + len(self.target)]
        if target != self.target:
            return "about a packet to another address"
        if packet[quote + self.protocol_at] != self.protocol:
            return "about a packet of another protocol"
        return ""
