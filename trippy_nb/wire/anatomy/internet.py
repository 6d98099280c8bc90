"""The network layer: IPv4 (RFC 791 section 3.1), IPv6 and its extension headers (RFC 8200 sections 3, 4)."""

from dataclasses import dataclass
from functools import partial

from trippy_nb.wire import ipv4, ipv6
from trippy_nb.wire.anatomy.scribe import BYTE, Cut, Scribe, Spec, bytes_words
from trippy_nb.wire.anatomy.sums import sum_words
from trippy_nb.wire.anatomy.words import (
    PROTOCOLS,
    dscp_words,
    ecn_words,
    flag_words,
    hex_words,
    named,
    reserved_words,
    size_words,
)
from trippy_nb.wire.packet import address_text

_V4, _V6 = 4, 6
_RFC791 = "RFC 791 section 3.1"
_RFC8200 = "RFC 8200 section 3"
_RFC8200_FRAGMENT = "RFC 8200 section 4.5"
_SMALLEST_QUOTE = 8  # bytes behind the header that every router quotes: RFC 792
_CHECKSUM = 10  # offset in an IPv4 header: see wire.ipv4


@dataclass(frozen=True, slots=True)
class Carried:
    """What an IP header says of what it carries."""

    af: int
    protocol: int
    source: bytes
    target: bytes
    whole: bool
    """All of the payload is there, and it begins with a transport header."""
    begins: bool
    """It begins with a transport header, but may be cut: no later fragment."""


def _address(size: int, number: int) -> str:
    return address_text(number.to_bytes(size, "big"))


def _words_of_four(number: int) -> str:
    return f"{number} words of 4 bytes: {number * 4} bytes"


_protocol = named(PROTOCOLS)
_DSCP = ("RFC 2474 section 3", "asks routers to treat the packet in a certain way; any router may rewrite it")
_ECN = ("RFC 3168 section 5", "lets a router mark congestion instead of dropping")
_V4_FIELDS = (
    Spec("ipv4.version", "Version", 4, _RFC791, "tells IPv4 from IPv6"),
    Spec("ipv4.header_length", "Header length", 4, _RFC791, "says where the payload begins", _words_of_four),
    Spec("ip.dscp", "DSCP", 6, *_DSCP, dscp_words),
    Spec("ip.ecn", "ECN", 2, *_ECN, ecn_words),
    Spec("ipv4.length", "Total length", 16, _RFC791, "header and payload together", size_words),
    Spec("ipv4.id", "Identification", 16, _RFC791, "the same in all fragments of a packet", hex_words(4)),
    Spec("ipv4.reserved", "Reserved flag", 1, _RFC791, "not used", reserved_words),
    Spec("ipv4.df", "Don't fragment", 1, _RFC791, "forbids routers to cut the packet", flag_words),
    Spec("ipv4.mf", "More fragments", 1, _RFC791, "set in all fragments but the last", flag_words),
    Spec("ipv4.offset", "Fragment offset", 13, _RFC791, "place of a fragment in its packet",
         lambda number: size_words(number * 8)),
    Spec("ip.ttl", "Time to live", 8, _RFC791, "each router takes 1 away, and answers when none is left"),
    Spec("ipv4.protocol", "Protocol", 8, _RFC791, "says what the payload is", _protocol),
)  # fmt: skip
_V4_CHECKSUM = Spec("ipv4.checksum", "Header checksum", 16, _RFC791,
                    "guards the header; every router writes it anew, for the TTL changed")  # fmt: skip
_V4_ADDRESSES = (
    Spec("ip.source", "Source", 32, _RFC791, "who sent it; errors go back there", partial(_address, 4)),
    Spec("ip.target", "Destination", 32, _RFC791, "where it goes; routers look at little else",
         partial(_address, 4)),
)  # fmt: skip
_V4_OPTIONS = {
    0: "end of options", 1: "no operation", 7: "record route", 68: "timestamp", 130: "security",
    131: "loose source route", 136: "stream identifier", 137: "strict source route", 148: "router alert",
}  # fmt: skip

_V6_FIELDS = (
    Spec("ipv6.version", "Version", 4, _RFC8200, "tells IPv6 from IPv4"),
    Spec("ip.dscp", "DSCP", 6, *_DSCP, dscp_words),
    Spec("ip.ecn", "ECN", 2, *_ECN, ecn_words),
    Spec("ipv6.flow_label", "Flow label", 20, _RFC8200, "the same in a whole flow; balancers hash it",
         hex_words(5)),
    Spec("ipv6.length", "Payload length", 16, _RFC8200, "everything behind these 40 bytes", size_words),
    Spec("ipv6.next", "Next header", 8, _RFC8200, "says what follows", _protocol),
    Spec("ip.ttl", "Hop limit", 8, _RFC8200, "each router takes 1 away, and answers when none is left"),
    Spec("ip.source", "Source", 128, _RFC8200, "who sent it; errors go back there", partial(_address, 16)),
    Spec("ip.target", "Destination", 128, _RFC8200, "where it goes; routers look at little else",
         partial(_address, 16)),
)  # fmt: skip
_EXTENSIONS = {
    ipv6.HOP_BY_HOP: ("Hop-by-hop options", "RFC 8200 section 4.3"),
    ipv6.ROUTING: ("Routing header", "RFC 8200 section 4.4"),
    ipv6.FRAGMENT: ("Fragment header", _RFC8200_FRAGMENT),
    ipv6.AUTHENTICATION: ("Authentication header", "RFC 4302 section 2"),
    ipv6.DESTINATION_OPTIONS: ("Destination options", "RFC 8200 section 4.6"),
    ipv6.MOBILITY: ("Mobility header", ""),
    ipv6.HIP: ("Host identity header", ""),
    ipv6.SHIM6: ("Shim6 header", ""),
}
_FRAGMENT_FIELDS = (
    Spec("ipv6.reserved", "Reserved", 8, _RFC8200_FRAGMENT, "not used", reserved_words),
    Spec("ipv6.offset", "Fragment offset", 13, _RFC8200_FRAGMENT, "place of a fragment in its packet",
         lambda number: size_words(number * 8)),
    Spec("ipv6.reserved", "Reserved", 2, _RFC8200_FRAGMENT, "not used", reserved_words),
    Spec("ipv6.mf", "More fragments", 1, _RFC8200_FRAGMENT, "set in all fragments but the last", flag_words),
    Spec("ipv6.id", "Identification", 32, _RFC8200_FRAGMENT, "the same in all fragments of a packet",
         hex_words(8)),
)  # fmt: skip


def read_ip(scribe: Scribe) -> Carried:
    """Take an IP header, and set the scribe's end to that of the packet.

    Raises
    ------
    Cut
        If there is no whole header of either family.
    """
    version = scribe.octets[scribe.at] >> 4 if scribe.left > 0 else 0
    if version == _V4:
        return _read_v4(scribe)
    if version == _V6:
        return _read_v6(scribe)
    raise Cut


def _read_v4(scribe: Scribe) -> Carried:
    begin = scribe.at
    scribe.layer("ipv4", "IPv4")
    header = scribe.take_all(_V4_FIELDS)
    size = header["ipv4.header_length"] * 4
    octets = scribe.octets[begin : min(begin + size, scribe.end)]
    words = sum_words(octets, _CHECKSUM, whole=len(octets) == size >= ipv4.HEADER_SIZE)
    scribe.take(_V4_CHECKSUM, words)
    ends = scribe.take_all(_V4_ADDRESSES)
    if size < ipv4.HEADER_SIZE:
        raise Cut
    _read_v4_options(scribe, begin + size)
    length = header["ipv4.length"]
    # Lengths of a quote may have been rewritten: they bound it only as in `decode_quote`.
    least = size + _SMALLEST_QUOTE if scribe.quoted else size
    if length >= least:
        scribe.end = min(scribe.end, begin + length)
    begins = not header["ipv4.offset"]
    return Carried(
        _V4,
        header["ipv4.protocol"],
        ends["ip.source"].to_bytes(4, "big"),
        ends["ip.target"].to_bytes(4, "big"),
        whole=begins and not header["ipv4.mf"] and scribe.end == begin + length,
        begins=begins,
    )


def _read_v4_options(scribe: Scribe, end: int) -> None:
    """Take options up to where the header ends; one that does not fit takes the rest with it."""
    purpose = "asks routers for something unusual; many drop such packets"
    while scribe.at < end:
        kind = scribe.bytes_ahead(1)[0]
        name = _V4_OPTIONS.get(kind, f"option {kind}")
        if kind == 1:
            scribe.take_bytes("ipv4.option.1", "Option", 1, _RFC791, "fills up to the next word", name)
            continue
        size = end - scribe.at if kind == 0 else (scribe.bytes_ahead(min(2, end - scribe.at)) + b"\0")[1]
        if kind and not 2 <= size <= end - scribe.at:  # noqa: PLR2004 - kind and length; less would not end
            size, name = end - scribe.at, f"{name}, of a length that cannot be"
        data = scribe.bytes_ahead(size)[2:]
        words = f"{name}: {bytes_words(data)}" if kind and data else name
        scribe.take_bytes(f"ipv4.option.{kind}", "Option", size, _RFC791, purpose, words)


def _read_v6(scribe: Scribe) -> Carried:
    begin = scribe.at
    scribe.layer("ipv6", "IPv6")
    header = scribe.take_all(_V6_FIELDS)
    length = ipv6.HEADER_SIZE + header["ipv6.length"]
    if not scribe.quoted or length >= ipv6.HEADER_SIZE + _SMALLEST_QUOTE:
        scribe.end = min(scribe.end, begin + length)
    protocol, fragmented, later = header["ipv6.next"], False, False
    while protocol in _EXTENSIONS and not later:
        kind, protocol, word = protocol, *_read_extension(scribe, protocol)
        fragmented = fragmented or (kind == ipv6.FRAGMENT and bool(word))
        later = kind == ipv6.FRAGMENT and word >> 1 != 0
    return Carried(
        _V6,
        protocol,
        header["ip.source"].to_bytes(16, "big"),
        header["ip.target"].to_bytes(16, "big"),
        whole=not fragmented and scribe.end == begin + length,
        begins=not later,
    )


def _read_extension(scribe: Scribe, kind: int) -> tuple[int, int]:
    """Take an extension header; return what follows it, and a fragment's offset and flag in one number."""
    title, rfc = _EXTENSIONS[kind]
    scribe.layer("ipv6.extension", title)
    follows = scribe.take(Spec("ipv6.next", "Next header", 8, rfc, "says what follows", _protocol))
    if kind == ipv6.FRAGMENT:
        found = scribe.take_all(_FRAGMENT_FIELDS)
        return follows, found["ipv6.offset"] << 1 | found["ipv6.mf"]
    unit, more = (4, 2) if kind == ipv6.AUTHENTICATION else (8, 1)
    size = (scribe.bytes_ahead(1)[0] + more) * unit
    purpose = "says where this header ends"
    scribe.take(Spec("ipv6.extension_length", "Length", BYTE, rfc, purpose), size_words(size))
    scribe.take_bytes("ipv6.extension_data", "Content", size - 2, rfc, "what this header is for")
    return follows, 0
