"""The transport layer: UDP (RFC 768) and TCP (RFC 9293 section 3.1) with its options."""

from trippy_nb.wire import tcp, udp
from trippy_nb.wire.anatomy.internet import Carried
from trippy_nb.wire.anatomy.scribe import Cut, Scribe, Spec, bytes_words
from trippy_nb.wire.anatomy.sums import sum_words
from trippy_nb.wire.anatomy.words import hex_words, reserved_words, size_words
from trippy_nb.wire.checksum import pseudo_header
from trippy_nb.wire.packet import TCP, UDP

_RFC768 = "RFC 768"
_RFC9293 = "RFC 9293 section 3.1"
_UDP_FIELDS = (
    Spec("udp.sport", "Source port", 16, _RFC768, "who at the source; balancers hash it"),
    Spec("udp.dport", "Destination port", 16, _RFC768, "which service; if none listens, an error comes back"),
    Spec("udp.length", "Length", 16, _RFC768, "header and payload together", size_words),
)
_UDP_CHECKSUM = Spec(
    "udp.checksum", "Checksum", 16, _RFC768, "guards addresses, ports and payload; carries our number (Paris)"
)
_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")


def _flags(number: int) -> str:
    return ", ".join(name for bit, name in enumerate(_FLAGS) if number >> bit & 1) or "none"


_TCP_FIELDS = (
    Spec("tcp.sport", "Source port", 16, _RFC9293, "who at the source; balancers hash it"),
    Spec("tcp.dport", "Destination port", 16, _RFC9293, "which service"),
    Spec("tcp.seq", "Sequence number", 32, _RFC9293, "place of the first byte; of a probe, its number"),
    Spec("tcp.ack", "Acknowledgment number", 32, _RFC9293, "the byte expected next: that of a SYN plus 1"),
    Spec("tcp.data_offset", "Data offset", 4, _RFC9293, "says where the payload begins",
         lambda number: f"{number} words of 4 bytes: {number * 4} bytes"),
    Spec("tcp.reserved", "Reserved", 4, _RFC9293, "not used", reserved_words),
    Spec("tcp.flags", "Flags", 8, _RFC9293, "SYN asks, SYN with ACK accepts, RST refuses", _flags),
    Spec("tcp.window", "Window", 16, _RFC9293, "how much the sender can take in", size_words),
)  # fmt: skip
_TCP_CHECKSUM = Spec("tcp.checksum", "Checksum", 16, _RFC9293, "guards addresses, header and payload")
_URGENT = Spec("tcp.urgent", "Urgent pointer", 16, _RFC9293, "means nothing unless URG is set", hex_words(4))
_UNKNOWN = "an option that we do not know"
_OPTIONS = {
    2: ("Maximum segment size", 4, "RFC 9293 section 3.2", "largest piece the sender takes; boxes lower it"),
    3: ("Window scale", 3, "RFC 7323", "shifts the window by so many bits"),
    4: ("SACK permitted", 2, "RFC 2018", "offers selective acknowledgment"),
    8: ("Timestamps", 10, "RFC 7323", "a clock of each end, to measure round trips"),
}  # fmt: skip


def read_udp(scribe: Scribe, ip: Carried | None) -> None:
    """Take a UDP header; the checksum is checked if the IP header and the whole datagram are there.

    Raises
    ------
    Cut
        If the header is not whole.
    """
    begin = scribe.at
    scribe.layer("udp", "UDP")
    length = scribe.take_all(_UDP_FIELDS)["udp.length"]
    octets = scribe.octets[begin : scribe.end]
    words = None
    if len(octets) >= udp.HEADER_SIZE:
        absent = not any(octets[6:8])
        whole = ip is not None and ip.whole and length == len(octets)
        initial = pseudo_header(ip.source, ip.target, UDP, length) if ip else 0
        words = "0, none was made" if absent else sum_words(octets, 6, whole=whole, initial=initial)
    scribe.take(_UDP_CHECKSUM, words)


def read_tcp(scribe: Scribe, ip: Carried | None) -> None:
    """Take a TCP header with its options.

    Raises
    ------
    Cut
        If it is not whole.
    """
    begin = scribe.at
    scribe.layer("tcp", "TCP")
    size = scribe.take_all(_TCP_FIELDS)["tcp.data_offset"] * 4
    octets = scribe.octets[begin : scribe.end]
    initial = pseudo_header(ip.source, ip.target, TCP, len(octets)) if ip else 0
    whole = ip is not None and ip.whole
    words = sum_words(octets, 16, whole=whole, initial=initial) if len(octets) >= tcp.HEADER_SIZE else None
    scribe.take(_TCP_CHECKSUM, words)
    scribe.take(_URGENT)
    if size < tcp.HEADER_SIZE:
        raise Cut
    _read_options(scribe, begin + size)


def _read_options(scribe: Scribe, end: int) -> None:
    """Take options up to where the header ends; one that does not fit takes the rest with it."""
    rfc = "RFC 9293 section 3.2"
    while scribe.at < end:
        kind = scribe.bytes_ahead(1)[0]
        if kind == 0:
            size = end - scribe.at
            scribe.take_bytes("tcp.option.0", "End of options", size, rfc, "fills up to a whole word")
            continue
        if kind == 1:
            scribe.take_bytes("tcp.option.1", "No operation", 1, rfc, "fills up to the next option", "1")
            continue
        name, expected, source, purpose = _OPTIONS.get(kind, (f"Option {kind}", 0, "", _UNKNOWN))
        size = (scribe.bytes_ahead(min(2, end - scribe.at)) + b"\0")[1]
        if not 2 <= size <= end - scribe.at:  # noqa: PLR2004 - kind and length; less would not end
            left = end - scribe.at
            scribe.take_bytes(f"tcp.option.{kind}", name, left, source, purpose, "of a length that cannot be")
            continue
        data = scribe.bytes_ahead(size)[2:]
        words = _option_words(kind, data) if size == expected else bytes_words(data) or "no data"
        scribe.take_bytes(f"tcp.option.{kind}", name, size, source, purpose, words)


def _option_words(kind: int, data: bytes) -> str:
    """Spell an option of the length it must have."""
    number = int.from_bytes(data, "big")
    if kind in {2, 3}:
        return size_words(number) if kind == 2 else str(number)  # noqa: PLR2004 - MSS, window scale
    if not data:
        return "yes"
    return f"{int.from_bytes(data[:4], 'big')}, echoing {int.from_bytes(data[4:], 'big')}"
