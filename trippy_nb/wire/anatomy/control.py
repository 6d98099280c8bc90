"""ICMP (RFC 792) and ICMPv6 (RFC 4443): the header, and where its body parts into quote and extensions."""

from dataclasses import dataclass

from trippy_nb.wire import icmp
from trippy_nb.wire.anatomy.internet import Carried
from trippy_nb.wire.anatomy.scribe import Scribe, Spec
from trippy_nb.wire.anatomy.sums import sum_words
from trippy_nb.wire.anatomy.words import (
    ICMP_CODES,
    ICMP_NAMES,
    hex_words,
    named,
    reserved_words,
    size_words,
)

_IPV4, _IPV6 = 4, 6
_RFC = {4: "RFC 792", 6: "RFC 4443 section 2.1"}
_SECTIONS = {
    1: "RFC 4443 section 3.1",
    2: "RFC 4443 section 3.2",
    3: "RFC 4443 section 3.3",
    4: "RFC 4443 section 3.4",
    128: "RFC 4443 section 4.1",
    129: "RFC 4443 section 4.2",
}
_ECHOES = {4: (0, 8), 6: (128, 129)}
_LARGEST = "the largest packet that the next link takes"
_LENGTH = "RFC 4884 section 4"


@dataclass(frozen=True, slots=True)
class Body:
    """What follows an ICMP header."""

    quote: int = 0
    """Bytes of the packet that the error is about."""
    extensions: int = 0
    """Bytes of the extension structure behind it."""
    is_error: bool = False


def read_icmp(scribe: Scribe, af: int, ip: Carried | None) -> Body:
    """Take the eight bytes of an ICMP header.

    Raises
    ------
    Cut
        If they are not there.
    """
    begin = scribe.at
    scribe.layer("icmp" if af == _IPV4 else "icmpv6", "ICMP" if af == _IPV4 else "ICMPv6")
    rfc = _RFC[af]
    kind = scribe.take(Spec("icmp.type", "Type", 8, rfc, "says what happened", named(ICMP_NAMES[af])))
    rfc = rfc if af == _IPV4 else _SECTIONS.get(kind, rfc)
    code = scribe.take(Spec("icmp.code", "Code", 8, rfc, "says why", named(ICMP_CODES.get((af, kind), {}))))
    octets = scribe.octets[begin : scribe.end]
    whole = scribe.end == len(scribe.octets) and not scribe.quoted if ip is None else ip.whole
    # Without its IP header the pseudo header of an ICMPv6 message is not known.
    whole = whole and (af == _IPV4 or ip is not None)
    initial = icmp.icmp_initial(ip.source, ip.target, len(octets)) if ip else 0
    asks = kind == icmp.ICMP_TYPES[af].echo_request
    purpose = "guards the message" + (
        "; the same in all probes of a flow, for balancers hash it" if asks else ""
    )
    words = sum_words(octets, 2, whole=whole, initial=initial) if len(octets) >= icmp.HEADER_SIZE else None
    scribe.take(Spec("icmp.checksum", "Checksum", 16, rfc, purpose), words)
    rest = int.from_bytes(octets[4 : icmp.HEADER_SIZE], "big")
    scribe.take_all(_rest(af, kind, code, rfc))
    if kind not in icmp.ERRORS[af]:
        return Body()
    body = octets[icmp.HEADER_SIZE :]
    quote, extensions = icmp.split_body(af, kind, rest, body)
    return Body(len(quote), len(extensions or b""), is_error=True)


def _unused(bits: int, rfc: str) -> Spec:
    return Spec("icmp.unused", "Unused", bits, rfc, "should be 0", reserved_words)


def _length(af: int) -> Spec:
    unit = 4 if af == _IPV4 else 8

    def spell(number: int) -> str:
        return f"{number} words of {unit} bytes: {number * unit} bytes" if number else "0, not stated"

    purpose = "how much of the body is the quote; extensions follow"
    return Spec("icmp.length", "Length of the quote", 8, _LENGTH, purpose, spell)


def _rest(af: int, kind: int, code: int, rfc: str) -> tuple[Spec, ...]:
    """Say what the last four bytes of the header are: the table in `wire.icmp`."""
    types = icmp.ICMP_TYPES[af]
    if kind in _ECHOES[af]:
        return (
            Spec("icmp.id", "Identifier", 16, rfc, "who asks: the run; a translator uses it as a port"),
            Spec("icmp.seq", "Sequence number", 16, rfc, "which of the questions: the number of the probe"),
        )
    if kind not in icmp.ERRORS[af]:
        return (Spec("icmp.rest", "Rest of the header", 32, rfc, "depends on the type", hex_words(8)),)
    pointer = ("icmp.pointer", "Pointer")
    where = "place of what was wrong in the quote, in bytes"
    if af == _IPV6:
        if kind == icmp.PACKET_TOO_BIG:
            return (Spec("icmp.mtu", "MTU", 32, rfc, _LARGEST, size_words),)
        if kind == types.parameter_problem:
            return (Spec(*pointer, 32, rfc, where),)
        return (_length(af), _unused(24, rfc))
    if kind == types.parameter_problem:
        return (Spec(*pointer, 8, rfc, where), _length(af), _unused(16, rfc))
    if kind == types.unreachable and code == icmp.FRAGMENTATION_NEEDED:
        purpose = f"{_LARGEST}; 0 of routers that do not tell"
        mtu = Spec("icmp.mtu", "Next-hop MTU", 16, "RFC 1191 section 4", purpose, size_words)
        return (_unused(8, rfc), _length(af), mtu)
    return (_unused(8, rfc), _length(af), _unused(16, rfc))
