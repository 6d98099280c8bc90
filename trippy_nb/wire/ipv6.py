"""IPv6 headers and the chain of extension headers: RFC 8200 sections 3 and 4."""

import struct
from typing import NamedTuple

from trippy_nb.errors import BadPacketError
from trippy_nb.wire.packet import IpPacket

# offset  size  field
#      0     4  version 6 (4 bits), traffic class (8 bits), flow label (20 bits)
#      4     2  payload length: everything after these 40 bytes
#      6     1  next header
#      7     1  hop limit
#      8    16  source
#     24    16  destination
HEADER = struct.Struct("!IHBB16s16s")
HEADER_SIZE = HEADER.size
FLOW_LABEL_MASK = 0xFFFFF
MAX_PAYLOAD = 0xFFFF
_VERSION = 6
_HOP_LIMIT = 7

HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION_OPTIONS = 0, 43, 44, 51, 60
MOBILITY, HIP, SHIM6 = 135, 139, 140
_EXTENSION_HEADERS = frozenset(
    (HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION_OPTIONS, MOBILITY, HIP, SHIM6)
)
_SMALLEST_EXTENSION = 8
_FRAGMENT_OFFSET = 0xFFF8


class Chain(NamedTuple):
    """Where a chain of extension headers ends."""

    protocol: int
    """The header that is not an extension; an extension header's number if the bytes end in it."""
    offset: int
    """Where that header begins, in bytes from where the chain began."""
    fragment_offset: int
    """In bytes; only at 0 is there a transport header."""
    more_fragments: bool
    complete: bool
    """False if the bytes end inside the chain, as short quotes do."""


_NO_CHAIN = tuple(Chain(number, 0, 0, False, True) for number in range(256))  # noqa: FBT003 - fields in order
"""Nearly every packet's: made once, because making one takes 0.5 us."""


def walk_headers(octets: bytes, next_header: int, offset: int = 0) -> Chain:
    """Walk extension headers until the transport header. Cannot fail; each step is at least 8 bytes.

    Parameters
    ----------
    octets
        Bytes that hold the chain. Untrusted.
    next_header
        What the header before it says that comes first.
    offset
        Where the first extension header begins; not past the end.
    """
    if next_header not in _EXTENSION_HEADERS:
        return _NO_CHAIN[next_header]
    begin = offset
    fragment_offset, more = 0, False
    while next_header in _EXTENSION_HEADERS and not fragment_offset:
        if offset + _SMALLEST_EXTENSION > len(octets):
            return Chain(next_header, offset - begin, fragment_offset, more, complete=False)
        if next_header == FRAGMENT:
            word = octets[offset + 2] << 8 | octets[offset + 3]
            fragment_offset, more = word & _FRAGMENT_OFFSET, bool(word & 1)
            size = _SMALLEST_EXTENSION
        elif next_header == AUTHENTICATION:
            size = (octets[offset + 1] + 2) * 4  # RFC 4302 section 2.2
        else:
            size = (octets[offset + 1] + 1) * 8
        next_header = octets[offset]
        offset += size
    return Chain(next_header, offset - begin, fragment_offset, more, complete=offset <= len(octets))


def encode_ipv6(
    payload: bytes,
    *,
    source: bytes,
    target: bytes,
    protocol: int,
    hop_limit: int = 64,
    tclass: int = 0,
    flow_label: int = 0,
) -> bytes:
    """Encode an IPv6 packet without extension headers; addresses are packed.

    Raises
    ------
    ValueError
        If the payload is longer than 65535 bytes.
    """
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"an IPv6 payload of {len(payload)} bytes is longer than {MAX_PAYLOAD}")
    first = 0x60000000 | tclass << 20 | flow_label
    return HEADER.pack(first, len(payload), protocol, hop_limit, source, target) + payload


def decode_ipv6(packet: bytes, *, whole: bool = True) -> IpPacket:
    """Decode an IPv6 packet and walk its extension headers.

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
        If it is not IPv6, shorter than it should be, or ends inside an extension header. No other
        exception, whatever the bytes.
    """
    if len(packet) < HEADER_SIZE:
        raise BadPacketError(f"{len(packet)} bytes, an IPv6 header has {HEADER_SIZE}")
    first, length, next_header, hop_limit, source, target = HEADER.unpack_from(packet)
    if first >> 28 != _VERSION:
        raise BadPacketError(f"first byte 0x{packet[0]:02x} begins no IPv6 header")
    size = HEADER_SIZE + length
    if whole and size > len(packet):
        raise BadPacketError(f"{len(packet)} bytes, but the IPv6 header says {size}")
    payload = packet[HEADER_SIZE:size]
    chain = walk_headers(payload, next_header)
    if not chain.complete:
        raise BadPacketError(f"the IPv6 packet ends inside extension header {chain.protocol}")
    return IpPacket(
        6, source, target, hop_limit, chain.protocol, payload[chain.offset :], first >> 20 & 0xFF, size,
        HEADER_SIZE + chain.offset, None, first & FLOW_LABEL_MASK, False,  # noqa: FBT003 - fields in order, in order
        chain.more_fragments, chain.fragment_offset,
    )  # fmt: skip


def with_hop_limit(packet: bytes, hop_limit: int) -> bytes:
    """Replace the hop limit. IPv6 headers have no checksum."""
    return packet[:_HOP_LIMIT] + bytes((hop_limit,)) + packet[_HOP_LIMIT + 1 :]
