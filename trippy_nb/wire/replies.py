"""Answers as bytes, read into `model.Reply`. Nothing is believed here; the strategy judges.

Not looked at: checksums of IP, ICMP and TCP. Whoever received the packet checked what it wanted to; a
router that rewrites quotes may leave a wrong ICMP checksum behind, and its answer is evidence all
the same; a veth pair hands over TCP whose checksum is not made yet. The fields must agree anyway.
"""

from typing import NamedTuple

from trippy_nb.errors import BadPacketError
from trippy_nb.model import Quote, Reply, normalise_address, split_zone
from trippy_nb.wire import icmp, ipv4, ipv6, tcp
from trippy_nb.wire.ip import decode_ip
from trippy_nb.wire.packet import ICMP, ICMPV6, TCP, UDP
from trippy_nb.wire.quotes import decode_quote
from trippy_nb.wire.udp import decode_udp

_WRAP = 0xFFFFFFFF
_MOST_MTU = 0xFFFF
_FAMILY = {ICMP: 4, ICMPV6: 6}


class _Envelope(NamedTuple):
    """What is known of an answer beside its transport message."""

    af: int
    responder: str
    zone: str | None
    to: str | None
    """Where it was sent to: our address."""
    ttl: int | None
    size: int
    tos: int | None
    ip_id: int | None
    read_ns: int
    kernel_ns: int | None
    packet: bytes


def decode_reply(
    packet: bytes, *, read_ns: int, kernel_ns: int | None = None, whole: bool = True
) -> Reply | None:
    """Decode a whole IPv4 or IPv6 packet that may answer a probe.

    Parameters
    ----------
    packet
        From the IP header on. Untrusted.
    read_ns
        Monotonic time when it was read.
    kernel_ns
        The kernel's receive stamp, CLOCK_REALTIME.
    whole
        False accepts the beginning of a packet, as captures keep it: `size` is then what its header says.

    Returns
    -------
    reply
        None if it is well-formed but answers no probe: requests, neighbour discovery, redirects, errors
        about packets that are no probes, Time Exceeded of a reassembly (code 1: it tells of fragments,
        not of hops), TCP other than SYN-ACK and RST, later fragments, other protocols. `extensions`
        is set only where the structure has version 2, a right checksum or none, and objects that fit, so
        `decode_extensions` reads it. `mtu` saturates at 65535. `packet` is what was passed.

    Raises
    ------
    BadPacketError
        If it is malformed. No other exception, whatever the bytes.
    """
    outer = decode_ip(packet, whole=whole)
    if outer.fragment_offset:
        return None
    envelope = _Envelope(
        outer.af, outer.src, None, outer.dst, outer.ttl, outer.size, outer.tos, outer.ip_id,
        read_ns, kernel_ns, packet,
    )  # fmt: skip
    return _decode_payload(outer.protocol, outer.payload, envelope)


def decode_udp_reply(
    segment: bytes,
    *,
    src: str,
    zone: str | None = None,
    ttl: int | None,
    tos: int | None,
    size: int,
    packet: bytes,
    read_ns: int,
    kernel_ns: int | None = None,
) -> Reply:
    """Decode a datagram that the target sent back: only its ports say which probe it answers.

    Parameters
    ----------
    segment
        From the UDP header on. Untrusted.
    src, zone, ttl, tos, size, packet, read_ns, kernel_ns
        As of the reply that is made.

    Raises
    ------
    BadPacketError
        If it is malformed. No other exception.
    """
    answer = decode_udp(segment)
    return Reply(
        responder=src,
        zone=zone,
        read_ns=read_ns,
        kernel_ns=kernel_ns,
        quote=Quote(dst=src, protocol=UDP, sport=answer.dport, dport=answer.sport),
        ttl=ttl,
        tos=tos,
        size=size,
        packet=packet,
    )


def decode_reply_v4(
    message: bytes,
    *,
    src: str,
    protocol: int = ICMP,
    ttl: int | None = None,
    tos: int | None = None,
    read_ns: int,
    kernel_ns: int | None = None,
) -> Reply | None:
    """Decode what an IPv4 datagram ICMP socket delivers: the message without its IP header.

    Parameters
    ----------
    message
        From the transport header on. Untrusted.
    src
        Sender, as the socket names it.
    protocol
        IP protocol number of the message.
    ttl, tos
        From ancillary data; None where the socket gives none.
    read_ns, kernel_ns
        As for `decode_reply`.

    Returns
    -------
    reply
        As of `decode_reply`; `size` supposes an IP header without options, `packet` is the message.

    Raises
    ------
    BadPacketError
        If the message is malformed. No other exception, whatever its bytes.
    ValueError
        If `src` is no address.
    """
    size = ipv4.HEADER_SIZE + len(message)
    envelope = _Envelope(
        4, normalise_address(src), None, None, ttl, size, tos, None, read_ns, kernel_ns, message
    )
    return _decode_payload(protocol, message, envelope)


def decode_reply_v6(
    message: bytes,
    *,
    src: str,
    next_header: int = ICMPV6,
    hop_limit: int | None = None,
    tclass: int | None = None,
    read_ns: int,
    kernel_ns: int | None = None,
) -> Reply | None:
    """Decode what a raw IPv6 socket delivers: the message without its IP header.

    Parameters
    ----------
    message
        From the transport header on. Untrusted.
    src
        Sender, as the socket names it; its zone (``%eth0``) goes to `Reply.zone`.
    next_header
        Protocol number of the message.
    hop_limit, tclass
        From ancillary data; None where the socket gives none.
    read_ns, kernel_ns
        As for `decode_reply`.

    Returns
    -------
    reply
        As of `decode_reply`; `size` supposes no extension headers, `packet` is the message.

    Raises
    ------
    BadPacketError
        If the message is malformed. No other exception, whatever its bytes.
    ValueError
        If `src` is no address.
    """
    bare, zone = split_zone(src)
    size = ipv6.HEADER_SIZE + len(message)
    envelope = _Envelope(
        6, normalise_address(bare), zone, None, hop_limit, size, tclass, None, read_ns, kernel_ns, message
    )
    return _decode_payload(next_header, message, envelope)


def _decode_payload(protocol: int, message: bytes, envelope: _Envelope) -> Reply | None:
    if _FAMILY.get(protocol) == envelope.af:
        return _decode_icmp(message, envelope)
    return _decode_tcp(message, envelope) if protocol == TCP else None


def _decode_icmp(message: bytes, envelope: _Envelope) -> Reply | None:
    if len(message) < icmp.HEADER_SIZE:
        raise BadPacketError(f"{len(message)} bytes, an ICMP header has {icmp.HEADER_SIZE}")
    af = envelope.af
    types = icmp.ICMP_TYPES[af]
    kind, code, _, rest = icmp.HEADER.unpack_from(message)
    if kind == types.echo_reply:
        echoed = Quote(
            src=envelope.to,
            dst=envelope.responder,
            protocol=types.protocol,
            icmp_id=rest >> 16,
            icmp_seq=rest & 0xFFFF,
            payload=message[icmp.HEADER_SIZE :],
        )
        return _reply(envelope, echoed, icmp_type=kind, icmp_code=code)
    if kind not in icmp.ERRORS[af] or (kind == types.time_exceeded and code == icmp.REASSEMBLY):
        return None
    quoted, extensions = icmp.split_body(af, kind, rest, message[icmp.HEADER_SIZE :])
    quote = decode_quote(quoted, af=af)
    if quote is None:
        return None
    mtu = icmp.next_hop_mtu(af, kind, code, rest)
    if mtu is not None and mtu > _MOST_MTU:
        mtu = _MOST_MTU
    return _reply(envelope, quote, icmp_type=kind, icmp_code=code, mtu=mtu, extensions=extensions)


def _decode_tcp(message: bytes, envelope: _Envelope) -> Reply | None:
    """SYN-ACK and RST answer a SYN; the acknowledgment, where there is one, is its number plus one."""
    segment = tcp.decode_tcp(message)
    answers = tcp.SYN | tcp.ACK
    if not segment.flags & tcp.RST and segment.flags & answers != answers:
        return None
    quote = Quote(
        src=envelope.to,
        dst=envelope.responder,
        protocol=TCP,
        sport=segment.dport,
        dport=segment.sport,
        tcp_seq=segment.ack - 1 & _WRAP if segment.flags & tcp.ACK else None,
    )
    return _reply(envelope, quote, tcp_flags=segment.flags)


def _reply(
    envelope: _Envelope,
    quote: Quote,
    *,
    icmp_type: int | None = None,
    icmp_code: int | None = None,
    tcp_flags: int | None = None,
    mtu: int | None = None,
    extensions: bytes | None = None,
) -> Reply:
    return Reply(
        responder=envelope.responder,
        zone=envelope.zone,
        read_ns=envelope.read_ns,
        kernel_ns=envelope.kernel_ns,
        icmp_type=icmp_type,
        icmp_code=icmp_code,
        tcp_flags=tcp_flags,
        quote=quote,
        ttl=envelope.ttl,
        size=envelope.size,
        tos=envelope.tos,
        ip_id=envelope.ip_id,
        mtu=mtu,
        extensions=extensions,
        packet=envelope.packet,
    )
