"""IPv4 headers: RFC 791 section 3.1."""

import struct

from trippy_nb.errors import BadPacketError
from trippy_nb.wire.checksum import internet_checksum, update_checksum
from trippy_nb.wire.packet import IpPacket

# offset  size  field
#      0     1  version 4, header length in 32-bit words
#      1     1  type of service
#      2     2  total length
#      4     2  identification
#      6     2  flags (0x4000 DF, 0x2000 MF), fragment offset in units of 8 bytes
#      8     1  time to live
#      9     1  protocol
#     10     2  checksum of the header
#     12     4  source
#     16     4  destination
#     20     -  options
HEADER = struct.Struct("!BBHHHBBH4s4s")
HEADER_SIZE = HEADER.size
DONT_FRAGMENT, MORE_FRAGMENTS, OFFSET_MASK = 0x4000, 0x2000, 0x1FFF
MAX_SIZE = 0xFFFF
_VERSION, _MIN_WORDS = 4, 5
_TTL_WORD = 8
_CHECKSUM = 10


def encode_ipv4(
    payload: bytes,
    *,
    source: bytes,
    target: bytes,
    protocol: int,
    ttl: int = 64,
    tos: int = 0,
    ip_id: int = 0,
    dont_fragment: bool = False,
) -> bytes:
    """Encode an IPv4 packet without options; addresses are packed.

    Raises
    ------
    ValueError
        If the packet would be longer than 65535 bytes.
    """
    size = HEADER_SIZE + len(payload)
    if size > MAX_SIZE:
        raise ValueError(f"an IPv4 packet of {size} bytes is longer than {MAX_SIZE}")
    flags = DONT_FRAGMENT if dont_fragment else 0
    header = HEADER.pack(0x45, tos, size, ip_id, flags, ttl, protocol, 0, source, target)
    return header[:_CHECKSUM] + internet_checksum(header).to_bytes(2, "big") + header[12:] + payload


def decode_ipv4(packet: bytes, *, whole: bool = True) -> IpPacket:
    """Decode an IPv4 packet. The header's checksum is not looked at: whoever received it did that.

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
        If it is not IPv4, or shorter than it should be. No other exception, whatever the bytes.
    """
    if len(packet) < HEADER_SIZE:
        raise BadPacketError(f"{len(packet)} bytes, an IPv4 header has at least {HEADER_SIZE}")
    first, tos, size, ip_id, fragment, ttl, protocol, _, source, target = HEADER.unpack_from(packet)
    header_size = (first & 0xF) * 4
    if first >> 4 != _VERSION or first & 0xF < _MIN_WORDS:
        raise BadPacketError(f"first byte 0x{first:02x} begins no IPv4 header")
    if header_size > min(size, len(packet)) or (whole and size > len(packet)):
        raise BadPacketError(
            f"{len(packet)} bytes, but the IPv4 header says {size}, {header_size} of them the header"
        )
    return IpPacket(
        4, source, target, ttl, protocol, packet[header_size:size], tos, size, header_size, ip_id, None,
        bool(fragment & DONT_FRAGMENT), bool(fragment & MORE_FRAGMENTS), (fragment & OFFSET_MASK) * 8,
    )  # fmt: skip


def with_ttl_v4(packet: bytes, ttl: int) -> bytes:
    """Replace the TTL and adjust the header's checksum as a router does."""
    protocol = packet[_TTL_WORD + 1]
    old = int.from_bytes(packet[_CHECKSUM : _CHECKSUM + 2], "big")
    new = update_checksum(old, packet[_TTL_WORD] << 8 | protocol, ttl << 8 | protocol)
    return packet[:_TTL_WORD] + bytes((ttl, protocol, new >> 8, new & 0xFF)) + packet[_CHECKSUM + 2 :]
