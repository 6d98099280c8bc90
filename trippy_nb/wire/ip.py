"""One door for both families: the version is in the first byte."""

from trippy_nb.errors import BadPacketError
from trippy_nb.wire.ipv4 import HEADER_SIZE as IPV4_SIZE
from trippy_nb.wire.ipv4 import decode_ipv4, encode_ipv4, with_ttl_v4
from trippy_nb.wire.ipv6 import HEADER_SIZE as IPV6_SIZE
from trippy_nb.wire.ipv6 import decode_ipv6, encode_ipv6, with_hop_limit
from trippy_nb.wire.packet import IpPacket

_IPV4, _IPV6 = 4, 6


def decode_ip(packet: bytes, *, whole: bool = True) -> IpPacket:
    """Decode an IPv4 or IPv6 packet.

    Parameters
    ----------
    packet
        Untrusted. Bytes after the stated length are padding of the link, and are left off.
    whole
        False accepts the beginning of a packet, as captures keep it: `IpPacket.size` is then what the
        header says.

    Raises
    ------
    BadPacketError
        If it is neither, or shorter than it should be. No other exception, whatever the bytes.
    """
    version = packet[0] >> 4 if packet else 0
    if version == _IPV4:
        return decode_ipv4(packet, whole=whole)
    if version == _IPV6:
        return decode_ipv6(packet, whole=whole)
    raise BadPacketError(f"IP version {version} in a packet of {len(packet)} bytes")


def encode_ip(
    payload: bytes,
    *,
    source: bytes,
    target: bytes,
    protocol: int,
    ttl: int = 64,
    tos: int = 0,
    ip_id: int = 0,
    flow_label: int = 0,
    dont_fragment: bool = False,
) -> bytes:
    """Encode a packet of the family of its addresses (packed); fields of the other family are left out."""
    if len(source) == 4:  # noqa: PLR2004 - bytes of an IPv4 address
        return encode_ipv4(
            payload,
            source=source,
            target=target,
            protocol=protocol,
            ttl=ttl,
            tos=tos,
            ip_id=ip_id,
            dont_fragment=dont_fragment,
        )
    return encode_ipv6(
        payload,
        source=source,
        target=target,
        protocol=protocol,
        hop_limit=ttl,
        tclass=tos,
        flow_label=flow_label,
    )


def with_ttl(packet: bytes, ttl: int) -> bytes:
    """Copy a packet with another TTL or hop limit; the checksum of an IPv4 header follows.

    Parameters
    ----------
    packet
        Whole packet. Only its header is looked at.
    ttl
        0 to 255.

    Raises
    ------
    ValueError
        If the packet has no whole IP header, or the TTL does not fit a byte.
    """
    version = packet[0] >> 4 if packet else 0
    if version == _IPV4 and len(packet) >= IPV4_SIZE:
        return with_ttl_v4(packet, ttl)
    if version == _IPV6 and len(packet) >= IPV6_SIZE:
        return with_hop_limit(packet, ttl)
    raise ValueError(f"{len(packet)} bytes of IP version {version} are no packet")
