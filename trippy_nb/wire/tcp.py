"""TCP: RFC 9293 section 3.1."""

import struct
from dataclasses import dataclass

from trippy_nb.errors import BadPacketError
from trippy_nb.wire.checksum import internet_checksum, pseudo_header
from trippy_nb.wire.packet import TCP

# offset  size  field
#      0     2  source port
#      2     2  destination port
#      4     4  sequence number
#      8     4  acknowledgment number
#     12     1  data offset in 32-bit words (4 bits), reserved (4 bits)
#     13     1  flags
#     14     2  window
#     16     2  checksum, over a pseudo header too
#     18     2  urgent pointer
#     20     -  options
HEADER = struct.Struct("!HHIIBBHHH")
HEADER_SIZE = HEADER.size
_MIN_WORDS = 5

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))

MSS_V4, MSS_V6 = 1460, 1440  # Ethernet's 1500 bytes less IP and TCP headers


@dataclass(frozen=True, slots=True)
class TcpSegment:
    """A TCP header and what follows it."""

    sport: int
    dport: int
    seq: int
    ack: int
    """Meaningless unless `flags` has ACK."""
    flags: int
    window: int
    checksum: int
    urgent: int
    options: bytes
    payload: bytes


def mss_option(mss: int) -> bytes:
    """Encode the option Maximum Segment Size: RFC 9293 section 3.2."""
    return struct.pack("!BBH", 2, 4, mss)


def encode_tcp(
    *,
    source: bytes,
    target: bytes,
    sport: int,
    dport: int,
    seq: int,
    flags: int,
    ack: int = 0,
    window: int = 0xFFFF,
    options: bytes = b"",
    payload: bytes = b"",
) -> bytes:
    """Encode a segment with its checksum; addresses are packed, options padded to whole words."""
    options += bytes(-len(options) % 4)
    size = HEADER_SIZE + len(options)
    words = size // 4 << 4
    header = HEADER.pack(sport, dport, seq, ack, words, flags, window, 0, 0) + options
    total = internet_checksum(header + payload, pseudo_header(source, target, TCP, size + len(payload)))
    return header[:16] + total.to_bytes(2, "big") + header[18:] + payload


def decode_tcp(segment: bytes) -> TcpSegment:
    """Decode a segment. Its checksum is not verified: a veth pair hands over unfinished ones.

    Raises
    ------
    BadPacketError
        If it is shorter than its header says. No other exception, whatever the bytes.
    """
    if len(segment) < HEADER_SIZE:
        raise BadPacketError(f"{len(segment)} bytes, a TCP header has at least {HEADER_SIZE}")
    sport, dport, seq, ack, words, flags, window, total, urgent = HEADER.unpack_from(segment)
    size = (words >> 4) * 4
    if words >> 4 < _MIN_WORDS or size > len(segment):
        raise BadPacketError(f"{len(segment)} bytes, but the TCP header says that {size} are its own")
    options, payload = segment[HEADER_SIZE:size], segment[size:]
    return TcpSegment(sport, dport, seq, ack, flags, window, total, urgent, options, payload)
