"""The Internet checksum (RFC 1071), and the arithmetic that makes it come out as wanted.

A one's complement sum of 16-bit words is a number modulo 0xFFFF, because 0x10000 leaves the remainder 1.
So the words need not be added one by one: the message as one long integer, modulo 0xFFFF, is their sum.
Zero has two spellings: a sum is 0 only if every byte is; any other multiple of 0xFFFF is spelled 0xFFFF.
"""

_ONES = 0xFFFF


def internet_checksum(octets: bytes, initial: int = 0) -> int:
    """Compute the checksum of a message whose checksum field is zero.

    Parameters
    ----------
    octets
        The message; one of odd length is padded with a zero byte (RFC 1071 section 1).
    initial
        Sum of what is covered too but not part of the message, such as a pseudo header.
    """
    number = (int.from_bytes(octets, "big") << (len(octets) % 2 * 8)) + initial
    remainder = number % _ONES
    return _ONES - remainder if remainder or not number else 0


def verify_checksum(octets: bytes, initial: int = 0) -> bool:
    """Tell whether a message, with its checksum field as received, sums to a spelling of zero."""
    return ((int.from_bytes(octets, "big") << (len(octets) % 2 * 8)) + initial) % _ONES == 0


def update_checksum(old: int, old_word: int, new_word: int) -> int:
    """Adjust a checksum for one 16-bit word that changed: RFC 1624 section 3, equation 3.

    A checksum that was wrong stays wrong, as it does when a router lowers the TTL.
    """
    total = (old ^ _ONES) + (old_word ^ _ONES) + new_word
    total = (total & _ONES) + (total >> 16)
    return ((total & _ONES) + (total >> 16)) ^ _ONES


def update_checksum_span(old: int, before: bytes, after: bytes) -> int:
    """Adjust a checksum for whole words that changed, all at once: what `update_checksum` does one by one.

    Parameters
    ----------
    old
        The checksum.
    before, after
        What it covers there, before and after the change: as many words, not necessarily adjacent ones.
    """
    number = (old ^ _ONES) + (int.from_bytes(before, "big") ^ (1 << 8 * len(before)) - 1)
    number += int.from_bytes(after, "big")
    return (number % _ONES or (_ONES if number else 0)) ^ _ONES


def solve_word(octets: bytes, wanted: int, initial: int = 0) -> int:
    """Find the 16-bit word that makes a checksum come out as wanted.

    Parameters
    ----------
    octets
        The message, with zeros in its checksum field and where the word will go. The word must go to
        an even offset; which one makes no difference to the sum.
    wanted
        The checksum. 0xFFFF is the other spelling of 0: no message but one of zeros has it as its
        checksum, but a message that carries it verifies, and UDP sends it in place of 0.
    initial
        As in :func:`internet_checksum`.
    """
    number = (int.from_bytes(octets, "big") << (len(octets) % 2 * 8)) + initial
    word = (_ONES - wanted - number) % _ONES
    return _ONES if word == 0 and number == 0 and wanted == 0 else word


def solve(octets: bytes, offset: int, wanted: int, initial: int = 0) -> bytes:
    """Put a 16-bit word at an offset, so that the checksum of the message comes out as wanted.

    Parameters
    ----------
    octets
        The message, with zeros in its checksum field. What is at the offset is replaced.
    offset
        Even offset of the word, in bytes; the word lies inside the message.
    wanted, initial
        As in :func:`solve_word`.

    Raises
    ------
    ValueError
        If the offset is odd or outside.
    """
    if offset % 2 or not 0 <= offset <= len(octets) - 2:
        raise ValueError(f"offset {offset} is odd, or outside a message of {len(octets)} bytes")
    head, tail = octets[:offset], octets[offset + 2 :]
    word = solve_word(head + b"\0\0" + tail, wanted, initial)
    return head + word.to_bytes(2, "big") + tail


def pseudo_header(source: bytes, target: bytes, protocol: int, length: int) -> int:
    """Sum the pseudo header of UDP, TCP and ICMPv6, for use as `initial`.

    RFC 768, RFC 9293 section 3.1 and RFC 8200 section 8.1 lay it out in different ways, but a sum
    knows no places: addresses, protocol and length (in bytes, of the transport header and all after it).
    """
    return int.from_bytes(source + target, "big") + protocol + length
