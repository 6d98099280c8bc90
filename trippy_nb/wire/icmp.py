"""ICMP (RFC 792) and ICMPv6 (RFC 4443), which differ in numbers and in what the checksum covers."""

import struct
from dataclasses import dataclass
from typing import NamedTuple

from trippy_nb.errors import BadPacketError
from trippy_nb.wire.checksum import internet_checksum, pseudo_header, solve_word
from trippy_nb.wire.extensions import is_extension_structure
from trippy_nb.wire.packet import ICMP, ICMPV6

# offset  size  field
#      0     1  type
#      1     1  code
#      2     2  checksum; of ICMPv6 over a pseudo header too
#      4     4  rest: see below
#      8     -  body: payload of an echo, or the packet that an error is about
#
# rest of       byte 4      byte 5      bytes 6-7
# echo          identifier              sequence number
# v4 3 code 4   -           length      next-hop MTU (RFC 1191 section 4)
# v4 3, 11      -           length      -
# v4 12         pointer     length      -
# v6 1, 3       length      -           -
# v6 2          MTU, 32 bits
# v6 4          pointer, 32 bits
# length: of the quote, in words of 4 bytes (v4) or 8 (v6), RFC 4884 section 4; 0 = not stated
HEADER = struct.Struct("!BBHI")
HEADER_SIZE = HEADER.size
_ECHO = struct.Struct("!BBHHH")


class IcmpTypes(NamedTuple):
    """The numbers of one family for what both can say."""

    protocol: int
    echo_request: int
    echo_reply: int
    time_exceeded: int
    unreachable: int
    parameter_problem: int


ICMP_TYPES = {
    4: IcmpTypes(ICMP, 8, 0, 11, 3, 12),
    6: IcmpTypes(ICMPV6, 128, 129, 3, 1, 4),
}
FRAGMENTATION_NEEDED = 4  # code of the IPv4 Destination Unreachable
PACKET_TOO_BIG = 2  # ICMPv6 type
REASSEMBLY = 1  # code of Time Exceeded, both families: fragments, not hops

ERRORS = {4: frozenset((3, 11, 12)), 6: frozenset((1, 2, 3, 4))}
"""Types that tell of a packet's end. Source Quench (RFC 6633 did away with it) and Redirect do not."""
EXTENSIBLE = {4: frozenset((3, 11, 12)), 6: frozenset((1, 3))}
"""Types that may carry extensions: RFC 4884 section 4.6."""
_WORD_SIZE = {4: 4, 6: 8}
_LENGTH_SHIFT = {4: 16, 6: 24}
SMALLEST_QUOTE = 128
"""Bytes of the quote before an extension structure: at least (RFC 4884 section 4), or exactly where no
length is stated (section 5.5)."""


@dataclass(frozen=True, slots=True)
class IcmpMessage:
    """An ICMP or ICMPv6 message."""

    af: int
    """4 (ICMP) or 6 (ICMPv6)."""
    type: int
    code: int
    checksum: int
    rest: int
    """Bytes 4 to 7 as one number."""
    body: bytes

    @property
    def identifier(self) -> int:
        """Identifier of an echo."""
        return self.rest >> 16

    @property
    def sequence(self) -> int:
        """Sequence number of an echo."""
        return self.rest & 0xFFFF

    @property
    def is_error(self) -> bool:
        """Whether the body is a quote that tells of a packet's end."""
        return self.type in ERRORS[self.af]

    @property
    def mtu(self) -> int | None:
        """Next-hop MTU in bytes; None where there is none, or an old router left it 0."""
        return next_hop_mtu(self.af, self.type, self.code, self.rest)

    @property
    def pointer(self) -> int | None:
        """Offset that a Parameter Problem complains of, in bytes."""
        if self.type != ICMP_TYPES[self.af].parameter_problem:
            return None
        return self.rest >> 24 if self.af == 4 else self.rest  # noqa: PLR2004 - the family

    @property
    def quote(self) -> bytes:
        """The packet that an error is about, as far as it is quoted; empty for other messages."""
        return split_body(self.af, self.type, self.rest, self.body)[0] if self.is_error else b""

    @property
    def extensions(self) -> bytes | None:
        """Extension structure, header included; None if there is no valid one."""
        return split_body(self.af, self.type, self.rest, self.body)[1] if self.is_error else None


def next_hop_mtu(af: int, kind: int, code: int, rest: int) -> int | None:
    """Read the MTU of a Fragmentation Needed (RFC 1191) or a Packet Too Big. Cannot fail."""
    if af == 4:  # noqa: PLR2004 - the family
        named = kind == ICMP_TYPES[4].unreachable and code == FRAGMENTATION_NEEDED
        return rest & 0xFFFF or None if named else None
    return rest or None if kind == PACKET_TOO_BIG else None


def split_body(af: int, kind: int, rest: int, body: bytes) -> tuple[bytes, bytes | None]:
    """Split an error's body into the quote and the extension structure. Cannot fail.

    The structure is looked for where the length says (RFC 4884 section 4). Where none is stated, or
    nothing valid is there, it may come from a router of before that RFC, which put it after exactly
    128 bytes: there it must have a checksum, because nothing else tells it from the probe's payload.
    """
    if kind not in EXTENSIBLE[af]:
        return body, None
    stated = (rest >> _LENGTH_SHIFT[af] & 0xFF) * _WORD_SIZE[af]
    if 0 < stated < len(body) and is_extension_structure(body[stated:]):
        return body[:stated], body[stated:]
    if len(body) > SMALLEST_QUOTE and is_extension_structure(body[SMALLEST_QUOTE:], need_checksum=True):
        return body[:SMALLEST_QUOTE], body[SMALLEST_QUOTE:]
    return body[:stated] if stated else body, None


def decode_icmp(message: bytes, *, af: int) -> IcmpMessage:
    """Decode a message without its IP header. Its checksum is not verified.

    Raises
    ------
    BadPacketError
        If it has less than 8 bytes. No other exception, whatever the bytes.
    """
    if len(message) < HEADER_SIZE:
        raise BadPacketError(f"{len(message)} bytes, an ICMP header has {HEADER_SIZE}")
    kind, code, total, rest = HEADER.unpack_from(message)
    return IcmpMessage(af, kind, code, total, rest, message[HEADER_SIZE:])


def icmp_initial(source: bytes, target: bytes, length: int) -> int:
    """Sum what the checksum covers beside the message: nothing (v4), or the pseudo header (v6)."""
    return 0 if len(source) == 4 else pseudo_header(source, target, ICMPV6, length)  # noqa: PLR2004 - IPv4 or IPv6


def encode_icmp(*, source: bytes, target: bytes, kind: int, code: int, rest: int, body: bytes) -> bytes:
    """Encode a message with its checksum; addresses (packed) say which family."""
    initial = icmp_initial(source, target, HEADER_SIZE + len(body))
    total = internet_checksum(HEADER.pack(kind, code, 0, rest) + body, initial)
    return HEADER.pack(kind, code, total, rest) + body


def encode_echo(
    payload: bytes, *, source: bytes, target: bytes, identifier: int, sequence: int, reply: bool = False
) -> bytes:
    """Encode an echo request or reply with its checksum; addresses (packed) say which family."""
    types = ICMP_TYPES[4 if len(source) == 4 else 6]  # noqa: PLR2004 - bytes of an IPv4 address
    kind = types.echo_reply if reply else types.echo_request
    rest = identifier << 16 | sequence
    return encode_icmp(source=source, target=target, kind=kind, code=0, rest=rest, body=payload)


def encode_echo_solved(
    tail: bytes, *, source: bytes, target: bytes, identifier: int, sequence: int, wanted: int
) -> bytes:
    """Encode an echo request whose checksum is as wanted: a word before the tail makes it come out.

    So all probes of a run look the same to a balancer that hashes the first bytes of ICMP.
    """
    kind = ICMP_TYPES[4 if len(source) == 4 else 6].echo_request  # noqa: PLR2004 - the family
    initial = icmp_initial(source, target, HEADER_SIZE + 2 + len(tail))
    # The word is left out of the sum: two zero bytes more or less before the tail do not change it.
    word = solve_word(_ECHO.pack(kind, 0, 0, identifier, sequence) + tail, wanted, initial)
    return _ECHO.pack(kind, 0, wanted, identifier, sequence) + word.to_bytes(2, "big") + tail


def encode_error(
    quote: bytes,
    *,
    source: bytes,
    target: bytes,
    kind: int,
    code: int,
    extensions: bytes = b"",
    mtu: int = 0,
    state_length: bool = True,
) -> bytes:
    """Encode an error about a packet.

    Parameters
    ----------
    quote
        As much of the packet as is to be quoted.
    source, target
        Packed addresses of the error's own IP header; they say which family.
    kind, code
        ICMP type and code.
    extensions
        Extension structure. With one the quote is padded with zeros to 128 bytes or more, and to
        whole words, as RFC 4884 section 4 demands.
    mtu
        Next-hop MTU in bytes, for Fragmentation Needed and Packet Too Big.
    state_length
        False makes the message of a router of before RFC 4884: the quote cut or padded to 128 bytes,
        and no length. Without extensions no length is stated either way.

    Raises
    ------
    ValueError
        If a message of this type cannot carry extensions, or the quote is too long for its length field.
    """
    af = 4 if len(source) == 4 else 6  # noqa: PLR2004 - bytes of an IPv4 address
    rest = mtu
    if extensions:
        if kind not in EXTENSIBLE[af]:
            raise ValueError(f"ICMP type {kind} of IPv{af} carries no extensions")
        size = SMALLEST_QUOTE
        if state_length:
            words = -(-max(len(quote), SMALLEST_QUOTE) // _WORD_SIZE[af])
            if words > 0xFF:  # noqa: PLR2004 - the field is one byte
                raise ValueError(f"a quote of {len(quote)} bytes is too long to be followed by extensions")
            size = words * _WORD_SIZE[af]
            rest |= words << _LENGTH_SHIFT[af]
        quote = quote[:size].ljust(size, b"\0")
    return encode_icmp(source=source, target=target, kind=kind, code=code, rest=rest, body=quote + extensions)
