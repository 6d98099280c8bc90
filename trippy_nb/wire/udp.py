"""UDP: RFC 768."""

import struct
from dataclasses import dataclass

from trippy_nb.errors import BadPacketError
from trippy_nb.wire.checksum import internet_checksum, pseudo_header, solve_word
from trippy_nb.wire.packet import UDP

# offset  size  field
#      0     2  source port
#      2     2  destination port
#      4     2  length: header and payload
#      6     2  checksum, over a pseudo header too; 0 = none (IPv4 only)
HEADER = struct.Struct("!HHHH")
HEADER_SIZE = HEADER.size


@dataclass(frozen=True, slots=True)
class UdpSegment:
    """A UDP header and what follows it."""

    sport: int
    dport: int
    length: int
    """Header and payload in bytes, as the header says."""
    checksum: int
    payload: bytes


def encode_udp(payload: bytes, *, source: bytes, target: bytes, sport: int, dport: int) -> bytes:
    """Encode a datagram with its checksum; addresses are packed. A checksum of 0 is sent as 0xFFFF."""
    length = HEADER_SIZE + len(payload)
    initial = pseudo_header(source, target, UDP, length)
    total = internet_checksum(HEADER.pack(sport, dport, length, 0) + payload, initial) or 0xFFFF
    return HEADER.pack(sport, dport, length, total) + payload


def encode_udp_solved(
    tail: bytes, *, source: bytes, target: bytes, sport: int, dport: int, wanted: int
) -> bytes:
    """Encode a datagram whose checksum is as wanted: a word before the tail makes it come out.

    The datagram is valid, so that no router on the way has a reason to drop it.
    """
    length = HEADER_SIZE + 2 + len(tail)
    initial = pseudo_header(source, target, UDP, length)
    # The word is left out of the sum: two zero bytes more or less before the tail do not change it.
    word = solve_word(HEADER.pack(sport, dport, length, 0) + tail, wanted, initial)
    return HEADER.pack(sport, dport, length, wanted) + word.to_bytes(2, "big") + tail


def decode_udp(segment: bytes, *, whole: bool = True) -> UdpSegment:
    """Decode a datagram. Its checksum is not verified: a veth pair hands over unfinished ones.

    Parameters
    ----------
    segment
        Untrusted. Bytes after the stated length are left off.
    whole
        False accepts the beginning of a datagram, as captures keep it.

    Raises
    ------
    BadPacketError
        If it is shorter than its header, or its length does not fit. No other exception.
    """
    if len(segment) < HEADER_SIZE:
        raise BadPacketError(f"{len(segment)} bytes, a UDP header has {HEADER_SIZE}")
    sport, dport, length, total = HEADER.unpack_from(segment)
    if length < HEADER_SIZE or (whole and length > len(segment)):
        raise BadPacketError(f"{len(segment)} bytes, but the UDP header says {length}")
    return UdpSegment(sport, dport, length, total, segment[HEADER_SIZE:length])
