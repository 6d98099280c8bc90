"""What routers and hosts write back: real bytes, made by `wire`.

An answer is a function of the packet as it arrived and of who answers; when, and whether at all, is
decided in `sim.forward`.
"""

from trippy_nb.sim.scenario import Router, Target
from trippy_nb.wire import (
    ACK,
    ICMP,
    ICMP_TYPES,
    ICMPV6,
    RST,
    SYN,
    TCP,
    UDP,
    IpPacket,
    decode_icmp,
    decode_ip,
    decode_tcp,
    decode_udp,
    encode_echo_reply,
    encode_icmp_error,
    encode_tcp_reply,
)

PROTOCOL_WORDS = {ICMP: "icmp", ICMPV6: "icmp", UDP: "udp", TCP: "tcp"}
"""IP protocol numbers, as scenarios spell them."""

_SHORT_QUOTE = {4: 20 + 8, 6: 40 + 8}  # the IP header and 8 bytes: RFC 792
_ERROR_TOS = {4: 0xC0, 6: 0}  # RFC 1812 section 4.3.2.5: internetwork control. IPv6 has no such rule.
_CODES = {  # of Destination Unreachable: RFC 792, RFC 1812 section 5.2.7.1; RFC 4443 section 3.1
    "no-route": {4: 0, 6: 0},
    "host-unreachable": {4: 1, 6: 3},
    "prohibited": {4: 13, 6: 1},
    "port": {4: 3, 6: 4},
}


def time_exceeded(arrived: bytes, router: Router, af: int, *, ttl: int, ip_id: int) -> bytes | None:
    """Write what a router says about a packet whose TTL ended at it; None if it has no address.

    Parameters
    ----------
    arrived
        The packet as it arrived, TTL 1.
    router
        Who answers.
    af
        4 or 6.
    ttl, ip_id
        Of the answer, when it reaches the source.
    """
    source = router.address(af)
    if source is None:
        return None
    return _error(arrived, router, source, icmp=(ICMP_TYPES[af].time_exceeded, 0), ttl=ttl, ip_id=ip_id)


def refusal(arrived: bytes, router: Router, af: int, *, ttl: int, ip_id: int) -> bytes | None:
    """Write what a router says about a packet that it does not let through; None if it just drops it."""
    source = router.address(af)
    if source is None or router.filter is None or router.filter == "drop":
        return None
    icmp = ICMP_TYPES[af].unreachable, _CODES[router.filter][af]
    return _error(arrived, router, source, icmp=icmp, ttl=ttl, ip_id=ip_id)


def host_answer(arrived: bytes, target: Target, af: int, *, ttl: int, ip_id: int) -> bytes | None:
    """Write what a target says to a packet that reached it; None if it says nothing."""
    packet = decode_ip(arrived)
    match PROTOCOL_WORDS.get(packet.protocol):
        case "udp" if target.udp == "closed" and decode_udp(packet.payload).dport not in target.udp_open:
            icmp = ICMP_TYPES[af].unreachable, _CODES["port"][af]
            return _error(arrived, target, packet.dst, icmp=icmp, ttl=ttl, ip_id=ip_id)
        case "tcp" if (flags := _tcp_flags(packet, target)) is not None:
            return encode_tcp_reply(arrived, flags=flags, ttl=ttl, ip_id=ip_id)
        case "icmp" if target.icmp == "answers" and _is_echo_request(packet, af):
            return encode_echo_reply(arrived, ttl=ttl, ip_id=ip_id)
        case _:
            return None


def _error(
    arrived: bytes, sender: Router | Target, source: str, *, icmp: tuple[int, int], ttl: int, ip_id: int
) -> bytes:
    af = arrived[0] >> 4
    return encode_icmp_error(
        arrived,
        source=source,
        icmp_type=icmp[0],
        icmp_code=icmp[1],
        quote_size=_SHORT_QUOTE[af] if sender.quote == "short" else None,
        ttl=ttl,
        tos=_ERROR_TOS[af],
        ip_id=ip_id,
    )


def _is_echo_request(packet: IpPacket, af: int) -> bool:
    return decode_icmp(packet.payload, af=af).type == ICMP_TYPES[af].echo_request


def _tcp_flags(packet: IpPacket, target: Target) -> int | None:
    segment = decode_tcp(packet.payload)
    if segment.flags != SYN:
        return None
    if target.tcp == "open" or segment.dport in target.tcp_open:
        return SYN | ACK
    return RST | ACK if target.tcp == "closed" else None
