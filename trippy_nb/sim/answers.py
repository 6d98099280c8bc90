"""What routers and hosts write back: real bytes, made by `wire`.

An answer is a function of the packet as it arrived and of who answers; when, and whether at all, is
decided in `sim.forward`.
"""

from collections.abc import Sequence

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
    ExtensionObject,
    InterfaceInfo,
    IpPacket,
    MplsEntry,
    decode_icmp,
    decode_ip,
    decode_tcp,
    decode_udp,
    encode_echo_reply,
    encode_extensions,
    encode_icmp_error,
    encode_tcp_reply,
    encode_udp_reply,
    interface_object,
    largest_quote,
    mpls_object,
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
_TOO_BIG = {4: (3, 4), 6: (2, 0)}  # Fragmentation Needed: RFC 792; Packet Too Big: RFC 4443 section 3.2
_MOST_MTU_V4 = 0xFFFF  # the field has 16 bits: RFC 1191 section 4
_UDP_ANSWER = bytes(8)


def time_exceeded(
    arrived: bytes,
    router: Router,
    af: int,
    *,
    ttl: int,
    ip_id: int,
    source: str | None = None,
    stack: Sequence[MplsEntry] = (),
    interface: InterfaceInfo | None = None,
) -> bytes | None:
    """Write what a router says about a packet whose TTL ended at it; None if it has no address.

    Parameters
    ----------
    arrived
        The packet as it arrived: with the TTL that is to be quoted.
    router
        Who answers.
    af
        4 or 6.
    ttl, ip_id
        Of the answer, when it reaches the source.
    source
        Address that it answers from; None for its own.
    stack
        Label stack of the packet as it arrived, outermost first, if the router tells of it (RFC 4950).
    interface
        What the router knows of the interface that the packet came in by; told if it is of those that
        tell (`interfaces`, RFC 5837).
    """
    icmp = ICMP_TYPES[af].time_exceeded, 0
    said = _extensions(router, stack, interface)
    return _router_error(arrived, router, source, icmp=icmp, ttl=ttl, ip_id=ip_id, said=said)


def refusal(
    arrived: bytes,
    router: Router,
    af: int,
    *,
    ttl: int,
    ip_id: int,
    source: str | None = None,
    stack: Sequence[MplsEntry] = (),
    interface: InterfaceInfo | None = None,
) -> bytes | None:
    """Write what a router says about a packet that it does not let through; None if it just drops it.

    See Also
    --------
    time_exceeded : The parameters.
    """
    if router.filter is None or router.filter == "drop":
        return None
    icmp = ICMP_TYPES[af].unreachable, _CODES[router.filter][af]
    said = _extensions(router, stack, interface)
    return _router_error(arrived, router, source, icmp=icmp, ttl=ttl, ip_id=ip_id, said=said)


def too_big(
    arrived: bytes,
    router: Router,
    af: int,
    *,
    mtu: int,
    ttl: int,
    ip_id: int,
    source: str | None = None,
    stack: Sequence[MplsEntry] = (),
    interface: InterfaceInfo | None = None,
) -> bytes | None:
    """Write what a router says about a packet that the next link is too small for; None if nothing.

    Fragmentation Needed (RFC 1191 section 4), without the MTU where the router is `mtu_old`; or Packet Too
    Big (RFC 4443 section 3.2), which always says it and carries no extensions (RFC 4884 section 4.6).

    Parameters
    ----------
    mtu
        Of the next link, in bytes.

    See Also
    --------
    time_exceeded : The other parameters.
    """
    if router.mtu_silent:
        return None
    said = b""
    if af == 4:  # noqa: PLR2004 - the family
        mtu = 0 if router.mtu_old else min(mtu, _MOST_MTU_V4)
        said = _extensions(router, stack, interface)
    return _router_error(arrived, router, source, icmp=_TOO_BIG[af], ttl=ttl, ip_id=ip_id, said=said, mtu=mtu)


def host_answers(arrived: bytes, target: Target, af: int, *, ttl: int, ip_id: int) -> tuple[bytes, ...]:
    """Write what a target says to a packet that reached it, in order; empty if it says nothing.

    Parameters
    ----------
    arrived
        The packet as it arrived.
    target
        Who answers: from the address that was asked, or from the one it always answers from
        (`answers_from_v4`, `answers_from_v6`: a host with several interfaces).
    af
        4 or 6.
    ttl, ip_id
        Of each answer, when it reaches the source.
    """
    packet = decode_ip(arrived)
    own = target.answer_address(af) or packet.dst
    refused = ICMP_TYPES[af].unreachable, _CODES["port"][af]
    match PROTOCOL_WORDS.get(packet.protocol):
        case "udp" if target.udp == "closed" and decode_udp(packet.payload).dport not in target.udp_open:
            return (_error(arrived, target, own, icmp=refused, ttl=ttl, ip_id=ip_id),)
        case "udp" if target.udp == "answers":
            return (encode_udp_reply(arrived, _UDP_ANSWER, ttl=ttl, source=own, ip_id=ip_id),)
        case "tcp" if (flags := _tcp_flags(packet, target)) is not None:
            answer = encode_tcp_reply(arrived, flags=flags, ttl=ttl, source=own, ip_id=ip_id)
            if target.tcp != "both" or flags & SYN:
                return (answer,)
            return _error(arrived, target, own, icmp=refused, ttl=ttl, ip_id=ip_id), answer
        case "icmp" if target.icmp == "answers" and _is_echo_request(packet, af):
            return (encode_echo_reply(arrived, ttl=ttl, source=own, ip_id=ip_id),)
        case _:
            return ()


def _extensions(router: Router, stack: Sequence[MplsEntry], interface: InterfaceInfo | None) -> bytes:
    objects: list[ExtensionObject] = []
    if stack:
        objects.append(mpls_object(stack))
    if router.interfaces and interface is not None:
        objects.append(interface_object(interface))
    return encode_extensions(objects) if objects else b""


def _router_error(
    arrived: bytes,
    router: Router,
    source: str | None,
    *,
    icmp: tuple[int, int],
    ttl: int,
    ip_id: int,
    said: bytes = b"",
    mtu: int = 0,
) -> bytes | None:
    address = router.address(arrived[0] >> 4) if source is None else source
    if address is None:
        return None
    return _error(
        arrived, router, address, icmp=icmp, ttl=ttl, ip_id=ip_id, said=said, mtu=mtu,
        state_length=router.extension_length,
    )  # fmt: skip


def _error(
    arrived: bytes,
    sender: Router | Target,
    source: str,
    *,
    icmp: tuple[int, int],
    ttl: int,
    ip_id: int,
    said: bytes = b"",
    mtu: int = 0,
    state_length: bool = True,
) -> bytes:
    af = arrived[0] >> 4
    return encode_icmp_error(
        arrived,
        source=source,
        icmp_type=icmp[0],
        icmp_code=icmp[1],
        quote_size=_quote_size(sender, af, said),
        extensions=said,
        ttl=ttl,
        tos=_ERROR_TOS[af],
        ip_id=ip_id,
        mtu=mtu,
        state_length=state_length,
    )


def _quote_size(sender: Router | Target, af: int, said: bytes) -> int | None:
    """Bytes of the packet to quote; None for as many as fit. Never less than a sender can be told by."""
    if sender.quote == "full":
        return None
    if sender.quote == "short":
        return _SHORT_QUOTE[af]
    return min(max(sender.quote, _SHORT_QUOTE[af]), largest_quote(af, said))


def _is_echo_request(packet: IpPacket, af: int) -> bool:
    return decode_icmp(packet.payload, af=af).type == ICMP_TYPES[af].echo_request


def _tcp_flags(packet: IpPacket, target: Target) -> int | None:
    segment = decode_tcp(packet.payload)
    if segment.flags != SYN:
        return None
    if target.tcp == "open" or segment.dport in target.tcp_open:
        return SYN | ACK
    return RST | ACK if target.tcp in ("closed", "both") else None
