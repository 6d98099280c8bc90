"""A packet taken apart to its last byte, the packet that it quotes included."""

from enum import StrEnum

from trippy_nb.wire.anatomy.appended import read_extensions
from trippy_nb.wire.anatomy.control import Body, read_icmp
from trippy_nb.wire.anatomy.internet import Carried, read_ip
from trippy_nb.wire.anatomy.payload import Ours, read_payload
from trippy_nb.wire.anatomy.scribe import Anatomy, Cut, Scribe
from trippy_nb.wire.anatomy.transport import read_tcp, read_udp
from trippy_nb.wire.anatomy.words import PROTOCOLS
from trippy_nb.wire.packet import ICMP, ICMPV6, TCP, UDP

_IPV4, _IPV6 = 4, 6
_FAMILY = {ICMP: _IPV4, ICMPV6: _IPV6}
NOTHING_OURS = Ours()


class Start(StrEnum):
    """What the first byte of some bytes begins: sockets do not always hand over the IP header."""

    IP = "ip"
    ICMP = "icmp"
    ICMPV6 = "icmpv6"
    UDP = "udp"
    TCP = "tcp"
    PAYLOAD = "payload"


_PROTOCOL = {Start.ICMP: ICMP, Start.ICMPV6: ICMPV6, Start.UDP: UDP, Start.TCP: TCP}


def anatomy(octets: bytes, *, start: Start = Start.IP, ours: Ours = NOTHING_OURS) -> Anatomy:
    """Take a packet apart. Cannot fail: what makes no sense is a field "not understood".

    Parameters
    ----------
    octets
        Untrusted, and cut anywhere.
    start
        What they begin with.
    ours
        What tells a payload of ours.

    Returns
    -------
    anatomy
        Its fields cover every bit once, in order.
    """
    scribe = Scribe(octets)
    try:
        if start is Start.IP:
            _read_packet(scribe, ours)
        elif start is Start.PAYLOAD:
            read_payload(scribe, ours)
        else:
            _read_transport(scribe, _PROTOCOL[start], None, ours)
    except Cut:
        scribe.not_understood(_why(scribe))
    scribe.end = len(octets)
    if scribe.left and scribe.layers:
        purpose = "the link fills up short packets"
        scribe.layer("padding", "Behind the packet")
        scribe.take_bytes("padding", "Padding", scribe.left, "", purpose)
    return scribe.anatomy()


def _why(scribe: Scribe) -> str:
    here = scribe.layers[-1].title if scribe.layers else "IP"
    return f"no whole {here} header: cut, or no such packet" if scribe.layers else "begins no IP packet"


def _read_packet(scribe: Scribe, ours: Ours) -> None:
    ip = read_ip(scribe)
    if not ip.begins:
        read_payload(scribe, ours)  # a later fragment has no transport header
    else:
        _read_transport(scribe, ip.protocol, ip, ours)


def _read_transport(scribe: Scribe, protocol: int, ip: Carried | None, ours: Ours) -> None:
    af = ip.af if ip else _FAMILY.get(protocol, _IPV4)
    if not scribe.left:
        return
    if _FAMILY.get(protocol) == af:
        _read_control(scribe, read_icmp(scribe, af, ip), ours)
    elif protocol == UDP:
        read_udp(scribe, ip)
        read_payload(scribe, ours)
    elif protocol == TCP:
        read_tcp(scribe, ip)
        read_payload(scribe, ours)
    else:
        scribe.layer("other", PROTOCOLS.get(protocol, f"Protocol {protocol}"))
        scribe.take_bytes("other.data", "Content", scribe.left, "", "of a protocol that probes do not use")


def _read_control(scribe: Scribe, body: Body, ours: Ours) -> None:
    if not body.is_error or scribe.quoted:
        read_payload(scribe, ours)
        return
    end = scribe.end
    stop = scribe.end = scribe.at + body.quote
    scribe.quoted = True
    try:
        _read_packet(scribe, ours)
    except Cut:
        scribe.not_understood(f"the quote ends here, after {body.quote} bytes")
    scribe.end = stop
    if scribe.left:
        scribe.layer("padding", "Padding")
        purpose = "zeros fill the quote up to 128 bytes, where extensions may begin"
        scribe.take_bytes("padding", "Padding", scribe.left, "RFC 4884 section 4", purpose)
    scribe.quoted = False
    scribe.end = end
    if body.extensions:
        read_extensions(scribe, body.extensions)
    scribe.not_understood("behind the quote, but no extensions")
