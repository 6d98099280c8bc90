"""The piece of our probe that an ICMP error returns.

Routers quote anything from the IP header and 8 bytes (RFC 792) to the whole packet, and what lies between
here and there may have rewritten it, lengths and checksums included. So only what is there is read, a
field at a time: a field that was not quoted is None, and lengths bound nothing but the payload.
"""

import struct
from typing import TypedDict

from trippy_nb.errors import BadPacketError
from trippy_nb.model import Quote
from trippy_nb.wire import ipv4, ipv6
from trippy_nb.wire.fields import find_mss
from trippy_nb.wire.packet import ICMP, ICMPV6, TCP, UDP, address_text

_IPV4, _IPV6 = 4, 6
_EIGHT = struct.Struct("!HHHH")
_ECHO_REQUEST = {ICMP: 8, ICMPV6: 128}
_PORTS_SIZE = 4
_TCP_CHECKSUM = 16
_TCP_OFFSET = 12


class _Fields(TypedDict, total=False):
    """Fields of a `Quote` that come from the transport header."""

    sport: int
    dport: int
    icmp_id: int
    icmp_seq: int
    checksum: int
    udp_length: int
    tcp_seq: int
    tcp_mss: int
    payload: bytes | None


def decode_quote(quote: bytes, *, af: int) -> Quote | None:
    """Decode a quoted probe.

    Parameters
    ----------
    quote
        From the quoted IP header on. Untrusted; cut anywhere.
    af
        Family of the error, which can only quote its own.

    Returns
    -------
    quote
        None if what is quoted is no probe: an ICMP message other than an echo request, or a later
        fragment (probes fit into one packet, and IPv4 ones forbid fragments).

    Raises
    ------
    BadPacketError
        If there is no whole IP header of that family. No other exception, whatever the bytes.
    """
    return _decode_v4(quote) if af == _IPV4 else _decode_v6(quote)


def _decode_v4(quote: bytes) -> Quote | None:
    if len(quote) < ipv4.HEADER_SIZE:
        raise BadPacketError(f"a quote of {len(quote)} bytes has no whole IPv4 header")
    first, tos, length, ip_id, fragment, ttl, protocol, _, source, target = ipv4.HEADER.unpack_from(quote)
    offset = (first & 0xF) * 4
    if first >> 4 != _IPV4 or offset < ipv4.HEADER_SIZE:
        raise BadPacketError(f"a quote whose first byte is 0x{first:02x} is no IPv4 packet")
    end = length if offset + _EIGHT.size <= length < len(quote) else len(quote)
    fields = _segment_fields(protocol, quote[offset:end])
    if fields is None or fragment & ipv4.OFFSET_MASK:
        return None
    return Quote(
        src=address_text(source),
        dst=address_text(target),
        protocol=protocol,
        ttl=ttl,
        tos=tos,
        length=length,
        ip_id=ip_id,
        dont_fragment=bool(fragment & ipv4.DONT_FRAGMENT),
        **fields,
    )


def _decode_v6(quote: bytes) -> Quote | None:
    if len(quote) < ipv6.HEADER_SIZE:
        raise BadPacketError(f"a quote of {len(quote)} bytes has no whole IPv6 header")
    first, length, next_header, hop_limit, source, target = ipv6.HEADER.unpack_from(quote)
    if first >> 28 != _IPV6:
        raise BadPacketError(f"a quote whose first byte is 0x{quote[0]:02x} is no IPv6 packet")
    size = ipv6.HEADER_SIZE + length
    chain = ipv6.walk_headers(quote, next_header, ipv6.HEADER_SIZE)
    offset = ipv6.HEADER_SIZE + chain.offset
    end = size if offset + _EIGHT.size <= size < len(quote) else len(quote)
    fields = _segment_fields(chain.protocol, quote[offset:end] if chain.complete else b"")
    if fields is None or chain.fragment_offset:
        return None
    return Quote(
        src=address_text(source),
        dst=address_text(target),
        protocol=chain.protocol,
        ttl=hop_limit,
        tos=first >> 20 & 0xFF,
        length=size,
        flow_label=first & ipv6.FLOW_LABEL_MASK,
        **fields,
    )


def _segment_fields(protocol: int, segment: bytes) -> _Fields | None:
    """Read what there is of a transport header. Cannot fail; None if it is of no probe."""
    if protocol == UDP:
        return _udp_fields(segment)
    if protocol in _ECHO_REQUEST:
        return _echo_fields(segment, _ECHO_REQUEST[protocol])
    return _tcp_fields(segment) if protocol == TCP else {}


def _udp_fields(segment: bytes) -> _Fields:
    if len(segment) < _EIGHT.size:
        return _port_fields(segment)
    sport, dport, length, total = _EIGHT.unpack_from(segment)
    return {
        "sport": sport,
        "dport": dport,
        "udp_length": length,
        "checksum": total,
        "payload": segment[_EIGHT.size :] or None,
    }


def _echo_fields(segment: bytes, request: int) -> _Fields | None:
    if segment and segment[0] != request:
        return None
    if len(segment) < _EIGHT.size:
        return {}
    _, total, identifier, sequence = _EIGHT.unpack_from(segment)
    return {
        "icmp_id": identifier,
        "icmp_seq": sequence,
        "checksum": total,
        "payload": segment[_EIGHT.size :] or None,
    }


def _tcp_fields(segment: bytes) -> _Fields:
    fields = _port_fields(segment)
    if len(segment) >= _EIGHT.size:
        fields["tcp_seq"] = int.from_bytes(segment[_PORTS_SIZE : _EIGHT.size], "big")
    # Zeros that pad a quote (RFC 4884 section 4) are no checksum; one that ends in them is left out, too.
    if len(segment.rstrip(b"\0")) >= _TCP_CHECKSUM + 2:
        fields["checksum"] = int.from_bytes(segment[_TCP_CHECKSUM : _TCP_CHECKSUM + 2], "big")
        fields["payload"] = segment[(segment[_TCP_OFFSET] >> 4) * 4 :] or None
        mss = find_mss(segment)
        if mss is not None:
            fields["tcp_mss"] = int.from_bytes(segment[mss : mss + 2], "big")
    return fields


def _port_fields(segment: bytes) -> _Fields:
    if len(segment) < _PORTS_SIZE:
        return {}
    return {
        "sport": int.from_bytes(segment[:2], "big"),
        "dport": int.from_bytes(segment[2:_PORTS_SIZE], "big"),
    }
