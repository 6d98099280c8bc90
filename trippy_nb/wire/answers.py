"""Answers to a probe, as routers and targets make them: for the built-in internet, and for tests."""

from trippy_nb.wire.icmp import ICMP_TYPES, decode_icmp, encode_echo, encode_error
from trippy_nb.wire.ip import decode_ip, encode_ip
from trippy_nb.wire.packet import TCP, UDP, pack_address
from trippy_nb.wire.tcp import ACK, FIN, MSS_V4, MSS_V6, SYN, decode_tcp, encode_tcp, mss_option
from trippy_nb.wire.udp import decode_udp, encode_udp

_HEADERS = {4: 28, 6: 48}
_LARGEST = {4: 576, 6: 1280}
"""Size of an error in bytes: RFC 1812 section 4.3.2.3, RFC 4443 section 2.4 (c)."""
_WRAP = 0xFFFFFFFF


def encode_icmp_error(
    probe_packet: bytes,
    *,
    source: str,
    icmp_type: int,
    icmp_code: int,
    quote_size: int | None = None,
    extensions: bytes = b"",
    ttl: int = 64,
    mtu: int = 0,
    tos: int = 0,
    ip_id: int = 0,
    state_length: bool = True,
) -> bytes:
    """Encode the whole packet of an ICMP or ICMPv6 error about a packet.

    Parameters
    ----------
    probe_packet
        The packet as it was when the router gave up on it: its TTL is quoted. Its family is the error's.
    source
        Address of the router. The error goes to the packet's source.
    icmp_type, icmp_code
        As that family counts: Time Exceeded is 11 (ICMP) or 3 (ICMPv6).
    quote_size
        Bytes to quote; None for as many as fit into 576 bytes (IPv4) or 1280 (IPv6). With
        extensions zeros are added up to 128 bytes and to whole words.
    extensions
        From `encode_extensions`.
    ttl, tos, ip_id
        Of the error's own IP header.
    mtu
        Next-hop MTU in bytes, for Fragmentation Needed and Packet Too Big.
    state_length
        False for a router of before RFC 4884, which states no length before its extensions.

    Raises
    ------
    ValueError
        If the packet is none, or messages of this type carry no extensions.
    """
    version = probe_packet[0] >> 4 if probe_packet else 0
    if version not in _HEADERS:
        raise ValueError(f"IP version {version}: no packet to quote")
    to = probe_packet[12:16] if version == 4 else probe_packet[8:24]  # noqa: PLR2004 - IPv4 or IPv6
    size = largest_quote(version, extensions) if quote_size is None else quote_size
    packed = pack_address(source)
    message = encode_error(
        probe_packet[:size],
        source=packed,
        target=to,
        kind=icmp_type,
        code=icmp_code,
        extensions=extensions,
        mtu=mtu,
        state_length=state_length,
    )
    protocol = ICMP_TYPES[version].protocol
    return encode_ip(message, source=packed, target=to, protocol=protocol, ttl=ttl, tos=tos, ip_id=ip_id)


def largest_quote(af: int, extensions: bytes = b"") -> int:
    """Tell how many bytes an error of a family (4 or 6) can quote at most, before these extensions."""
    size = _LARGEST[af] - _HEADERS[af] - len(extensions)
    return size - (size % 8 if extensions else 0)  # so that whole words do not exceed the largest size


def encode_echo_reply(
    probe_packet: bytes, *, ttl: int = 64, source: str | None = None, ip_id: int = 0
) -> bytes:
    """Encode the whole packet of the answer to an echo request: its identifier, sequence, payload and TOS.

    Parameters
    ----------
    probe_packet
        The echo request, as received.
    ttl, ip_id
        Of the answer's IP header.
    source
        Address that answers; None for the one that was asked.

    Raises
    ------
    ValueError
        If the packet is no echo request.
    """
    probe = decode_ip(probe_packet)
    types = ICMP_TYPES[probe.af]
    request = decode_icmp(probe.payload, af=probe.af) if probe.protocol == types.protocol else None
    if request is None or request.type != types.echo_request:
        raise ValueError("an echo reply answers an echo request, and this packet is none")
    packed = probe.dst_packed if source is None else pack_address(source)
    message = encode_echo(
        request.body,
        source=packed,
        target=probe.src_packed,
        identifier=request.identifier,
        sequence=request.sequence,
        reply=True,
    )
    return encode_ip(
        message,
        source=packed,
        target=probe.src_packed,
        protocol=types.protocol,
        ttl=ttl,
        tos=probe.tos,
        ip_id=ip_id,
    )


def encode_tcp_reply(
    probe_packet: bytes, *, flags: int, ttl: int = 64, source: str | None = None, ip_id: int = 0
) -> bytes:
    """Encode the whole packet of the answer to a SYN.

    With ACK among the flags it acknowledges all of the probe (RFC 9293 section 3.10.7). A SYN-ACK carries
    MSS, and the initial number of a host that knows no better: the complement of the probe's.

    Parameters
    ----------
    probe_packet
        The TCP probe, as received.
    flags
        Such as ``SYN | ACK`` or ``RST | ACK``.
    ttl, ip_id
        Of the answer's IP header.
    source
        Address that answers; None for the one that was asked.

    Raises
    ------
    ValueError
        If the packet is no TCP.
    """
    probe = decode_ip(probe_packet)
    if probe.protocol != TCP:
        raise ValueError(f"TCP answers TCP, and this packet is of IP protocol {probe.protocol}")
    packed = probe.dst_packed if source is None else pack_address(source)
    asked = decode_tcp(probe.payload)
    consumed = len(asked.payload) + bool(asked.flags & SYN) + bool(asked.flags & FIN)
    mss = mss_option(MSS_V4 if probe.af == 4 else MSS_V6)  # noqa: PLR2004 - the family
    segment = encode_tcp(
        source=packed,
        target=probe.src_packed,
        sport=asked.dport,
        dport=asked.sport,
        seq=asked.seq ^ _WRAP if flags & SYN else 0,
        flags=flags,
        ack=asked.seq + consumed & _WRAP if flags & ACK else 0,
        window=0xFFFF if flags & SYN else 0,
        options=mss if flags & SYN else b"",
    )
    return encode_ip(segment, source=packed, target=probe.src_packed, protocol=TCP, ttl=ttl, ip_id=ip_id)


def encode_udp_reply(
    probe_packet: bytes, payload: bytes, *, ttl: int = 64, source: str | None = None, ip_id: int = 0
) -> bytes:
    """Encode the whole packet of a datagram that answers one: its ports, the other way round.

    Parameters
    ----------
    probe_packet
        The datagram, as received.
    payload
        What the answer says.
    ttl, ip_id
        Of the answer's IP header.
    source
        Address that answers; None for the one that was asked.

    Raises
    ------
    ValueError
        If the packet is no UDP.
    """
    probe = decode_ip(probe_packet)
    if probe.protocol != UDP:
        raise ValueError(f"UDP answers UDP, and this packet is of IP protocol {probe.protocol}")
    asked = decode_udp(probe.payload)
    packed = probe.dst_packed if source is None else pack_address(source)
    datagram = encode_udp(
        payload, source=packed, target=probe.src_packed, sport=asked.dport, dport=asked.sport
    )
    return encode_ip(datagram, source=packed, target=probe.src_packed, protocol=UDP, ttl=ttl, ip_id=ip_id)
