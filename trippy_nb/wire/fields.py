"""Header fields replaced in place, as boxes on the way do it: the checksums that cover them follow.

They follow by difference (RFC 1624 section 3, equation 3): a checksum that was wrong stays wrong, and what
is not there need not be known, so the functions also take the beginning of a packet as an error quotes
it: a checksum that was cut off is left out. None of them looks at anything but headers.
"""

from trippy_nb.wire import ipv4, ipv6, tcp
from trippy_nb.wire.checksum import update_checksum_span
from trippy_nb.wire.packet import ICMP, TCP, UDP

_IPV4, _IPV6 = 4, 6
_WORD = 2
_FLAGS, _TOS, _IP_ID, _IP_CHECKSUM = 6, 1, 4, 10  # offsets in an IPv4 header: see wire.ipv4
_PROTOCOL, _SOURCE, _TARGET = 9, 12, 16
_CHECKSUMS = {ICMP: 2, UDP: 6, TCP: 16}  # offsets in the transport header
_ECHO_ID = 4
_ECHOES = (b"\x00", b"\x08")  # ICMP types: reply, request
_HAVE_PORTS = (UDP, TCP)
_END_OF_OPTIONS, _NO_OPERATION, _MSS, _MSS_SIZE = 0, 1, 2, 4  # RFC 9293 section 3.2


def with_tos(packet: bytes, tos: int) -> bytes:
    """Copy a packet with another type of service or traffic class (0 to 255)."""
    if packet[0] >> 4 == _IPV4:
        return _patched(packet, 0, bytes((packet[0], tos)), _IP_CHECKSUM)
    first = int.from_bytes(packet[:4], "big") & ~(0xFF << 20) | tos << 20
    return first.to_bytes(4, "big") + packet[4:]


def with_flow_label(packet: bytes, flow_label: int) -> bytes:
    """Copy an IPv6 packet with another flow label (20 bits); an IPv4 packet has none and stays."""
    if packet[0] >> 4 == _IPV4:
        return packet
    first = int.from_bytes(packet[:4], "big") & ~ipv6.FLOW_LABEL_MASK | flow_label
    return first.to_bytes(4, "big") + packet[4:]


def with_ip_id(packet: bytes, ip_id: int) -> bytes:
    """Copy an IPv4 packet with another identification; an IPv6 packet has none and stays."""
    if packet[0] >> 4 == _IPV6:
        return packet
    return _patched(packet, _IP_ID, ip_id.to_bytes(_WORD, "big"), _IP_CHECKSUM)


def with_dont_fragment(packet: bytes, dont_fragment: bool) -> bytes:  # noqa: FBT001 - the field's value
    """Copy an IPv4 packet with the flag DF set or cleared; an IPv6 packet has none and stays."""
    if packet[0] >> 4 == _IPV6:
        return packet
    word = int.from_bytes(packet[_FLAGS : _FLAGS + _WORD], "big") & ~ipv4.DONT_FRAGMENT
    word |= ipv4.DONT_FRAGMENT if dont_fragment else 0
    return _patched(packet, _FLAGS, word.to_bytes(_WORD, "big"), _IP_CHECKSUM)


def with_clamped_mss(packet: bytes, mss: int) -> bytes:
    """Copy a SYN with its maximum segment size lowered to this, if it states a greater one.

    Any other packet stays as it is: one without the option too, for adding one would make it longer.
    """
    transport = _find_transport(packet, TCP)
    if transport is None or len(packet) < transport + tcp.HEADER_SIZE or not packet[transport + 13] & tcp.SYN:
        return packet
    at = find_mss(packet[transport:])
    if at is None or int.from_bytes(packet[transport + at : transport + at + _WORD], "big") <= mss:
        return packet
    place, new = transport + at, mss.to_bytes(_WORD, "big")
    if at % _WORD:  # options before it may leave it across two words of the sum
        place, new = place - 1, packet[place - 1 : place] + new + packet[place + 2 : place + 3]
    return _patched(packet, place, new, transport + _CHECKSUMS[TCP])


def find_mss(segment: bytes) -> int | None:
    """Find the value of the option Maximum Segment Size (RFC 9293 section 3.2) in a TCP segment.

    Parameters
    ----------
    segment
        From the TCP header on. Untrusted; it may be cut anywhere.

    Returns
    -------
    offset
        Of the two bytes of the value, from the beginning of the segment; None if they are not there.
    """
    if len(segment) <= tcp.HEADER_SIZE:
        return None
    offset, end = tcp.HEADER_SIZE, min((segment[12] >> 4) * 4, len(segment))
    while offset + 1 < end and segment[offset] != _END_OF_OPTIONS:
        if segment[offset] == _NO_OPERATION:
            offset += 1
            continue
        size = segment[offset + 1]
        if segment[offset] == _MSS:
            return offset + 2 if size == _MSS_SIZE and offset + size <= end else None
        if size < 2:  # noqa: PLR2004 - kind and length; a shorter option would not end
            return None
        offset += size
    return None


def with_source(
    octets: bytes, address: bytes, number: int | None = None, *, keep_checksum: bool = False
) -> bytes:
    """Copy an IPv4 packet, or the beginning of one, as if it came from elsewhere.

    Parameters
    ----------
    octets
        From the IPv4 header on; at least that header.
    address
        Packed source address.
    number
        Source port of UDP and TCP, or identifier of an echo; None, or a packet that has neither, changes
        the address alone.
    keep_checksum
        Leave the transport checksum as it is. That of the IP header follows in any case.
    """
    return _with_end(octets, _SOURCE, address, number, keep_checksum=keep_checksum)


def with_target(octets: bytes, address: bytes, number: int | None = None) -> bytes:
    """Copy an IPv4 packet as if it went elsewhere; `number` is the destination port, or an echo's identifier.

    See Also
    --------
    with_source
    """
    return _with_end(octets, _TARGET, address, number, keep_checksum=False)


def find_number(octets: bytes, *, of_target: bool = False) -> int | None:
    """Read what tells the connections of one IPv4 address apart: a port, or the identifier of an echo.

    Parameters
    ----------
    octets
        From the IPv4 header on; at least that header. It may be cut anywhere after it.
    of_target
        Read the destination port, not the source port.

    Returns
    -------
    number
        None if there is none: other protocols and messages, later fragments, and what was cut off.
    """
    place = _find_number(octets, of_target=of_target)
    return None if place is None else int.from_bytes(octets[place : place + _WORD], "big")


def find_checksum(octets: bytes) -> int | None:
    """Read the transport checksum of an IPv4 packet, or of its beginning.

    Returns
    -------
    checksum
        None if there is none: other protocols, later fragments, a datagram sent without, and what was cut
        off.
    """
    place = _find_checksum(octets)
    return None if place is None else int.from_bytes(octets[place : place + _WORD], "big")


def _find_number(octets: bytes, *, of_target: bool) -> int | None:
    protocol = octets[_PROTOCOL]
    transport = _find_transport(octets, protocol)
    if transport is None:
        return None
    if protocol in _HAVE_PORTS:
        place = transport + (_WORD if of_target else 0)
    elif protocol == ICMP and octets[transport : transport + 1] in _ECHOES:
        place = transport + _ECHO_ID
    else:
        return None
    return place if place + _WORD <= len(octets) else None


def _with_end(octets: bytes, end: int, address: bytes, number: int | None, *, keep_checksum: bool) -> bytes:
    changed = bytearray(octets)
    changed[end : end + len(address)] = address
    _follow(changed, octets, _IP_CHECKSUM, slice(end, end + len(address)))
    spans = [] if octets[_PROTOCOL] == ICMP else [slice(end, end + len(address))]  # the pseudo header
    place = None if number is None else _find_number(octets, of_target=end == _TARGET)
    if place is not None and number is not None:
        changed[place : place + _WORD] = number.to_bytes(_WORD, "big")
        spans.append(slice(place, place + _WORD))
    checksum = None if keep_checksum else _find_checksum(octets)
    if checksum is not None and spans:
        _follow(changed, octets, checksum, *spans)
        if octets[_PROTOCOL] == UDP and not any(changed[checksum : checksum + _WORD]):
            changed[checksum : checksum + _WORD] = b"\xff\xff"  # 0 would mean that there is none: RFC 768
    return bytes(changed)


def _find_transport(octets: bytes, protocol: int) -> int | None:
    """Find where a transport header of this protocol begins; it may be cut. None in later fragments."""
    if octets[0] >> 4 == _IPV6:
        chain = ipv6.walk_headers(octets, octets[6], ipv6.HEADER_SIZE)
        found = chain.protocol == protocol and chain.complete and not chain.fragment_offset
        return ipv6.HEADER_SIZE + chain.offset if found else None
    fragment = (octets[_FLAGS] << 8 | octets[_FLAGS + 1]) & ipv4.OFFSET_MASK
    return (octets[0] & 0xF) * 4 if octets[_PROTOCOL] == protocol and not fragment else None


def _find_checksum(octets: bytes) -> int | None:
    """Find the transport checksum of an IPv4 packet; None where there is none, or it was cut off."""
    protocol = octets[_PROTOCOL]
    transport = _find_transport(octets, protocol)
    if transport is None or protocol not in _CHECKSUMS:
        return None
    place = transport + _CHECKSUMS[protocol]
    if place + _WORD > len(octets):
        return None
    if protocol == UDP and not any(octets[place : place + _WORD]):  # RFC 768: none was made
        return None
    if protocol == TCP and not octets[transport + 12] >> 4:  # zeros that pad a quote (RFC 4884 section 4)
        return None
    return place


def _patched(octets: bytes, offset: int, new: bytes, checksum: int) -> bytes:
    """Replace whole words at an even offset, and update the checksum at another."""
    changed = bytearray(octets)
    changed[offset : offset + len(new)] = new
    _follow(changed, octets, checksum, slice(offset, offset + len(new)))
    return bytes(changed)


def _follow(changed: bytearray, octets: bytes, checksum: int, *spans: slice) -> None:
    """Update the checksum at an offset, for spans of whole words that differ."""
    before = b"".join([octets[span] for span in spans])
    after = b"".join([changed[span] for span in spans])
    if before != after:  # else a checksum might change from one spelling of zero to the other
        old = octets[checksum] << 8 | octets[checksum + 1]
        changed[checksum : checksum + _WORD] = update_checksum_span(old, before, after).to_bytes(_WORD, "big")
