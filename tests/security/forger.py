"""Answers as they should be, and as liars, strangers and broken routers send them: whole packets, real bytes.

A forger is a function of a plan, a probe and the probe's packet as a router sees it. What it makes is
never an answer to that probe, unless its name is among `HONEST`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.tracing.world import SOURCE, router
from trippy_nb import wire
from trippy_nb.model import Plan, Probe, Protocol

ELSEWHERE = {4: "198.51.100.77", 6: "2001:db8:9::77"}
HEADER = {4: 20, 6: 40}
Forge = Callable[[Plan, Probe, bytes], list[bytes]]


def patched(packet: bytes, offset: int, *octets: int) -> bytes:
    return packet[:offset] + bytes(octets) + packet[offset + len(octets) :]


def flipped(packet: bytes, offset: int) -> bytes:
    """The packet with one byte changed; a header's own checksum is not made right again.

    Never to zero: a secret whose last bytes are zero may have been cut there and padded to 128 bytes (RFC
    4884), which contradicts nothing.
    """
    return patched(packet, offset, packet[offset] ^ (0xAA if packet[offset] == 0x55 else 0x55))


def exceeded(
    plan: Plan, quote: bytes, *, by: str | None = None, size: int | None = None, ext: bytes = b""
) -> bytes:
    types = wire.ICMP_TYPES[plan.af]
    return wire.encode_icmp_error(
        quote,
        source=by or router(3, plan.af),
        icmp_type=types.time_exceeded,
        icmp_code=0,
        quote_size=size,
        extensions=ext,
    )


def unreachable(plan: Plan, quote: bytes, *, by: str) -> bytes:
    types = wire.ICMP_TYPES[plan.af]
    return wire.encode_icmp_error(
        quote, source=by, icmp_type=types.unreachable, icmp_code=3 if plan.af == 4 else 4
    )


def l4(plan: Plan) -> int:
    return HEADER[plan.af]


def from_(packet: bytes, addr: str) -> bytes:
    """The packet as if another host had sent it (IPv4 header checksums are the receiver's business)."""
    packed = wire.pack_address(addr)
    return patched(packet, 12 if len(packed) == 4 else 8, *packed)


# --- strangers --------------------------------------------------------------------------------------------


def another_run(plan: Plan, probe: Probe, packet: bytes) -> list[bytes]:
    """Another trace of ours to the same target with the same numbers: at the same time, or an hour ago."""
    other = replace(plan, secret=bytes(b ^ 0x55 for b in plan.secret))
    twin = wire.with_ttl(wire.encode_probe(other, probe), 1)
    return [exceeded(plan, twin), *own_answers(other, twin)]


def another_program(plan: Plan, probe: Probe, packet: bytes) -> list[bytes]:
    """Somebody's ping and traceroute to the same target."""
    other = replace(plan, trace_id=plan.trace_id ^ 0x0101, secret=b"ping me!", icmp_checksum=None)
    other = replace(other, sport=None if plan.sport is None else plan.sport ^ 1)
    if plan.sport is None and plan.dport is not None:
        other = replace(other, dport=plan.dport ^ 1)
    ports = {"sport": other.sport or probe.sport, "dport": other.dport or probe.dport}
    twin = wire.with_ttl(wire.encode_probe(other, replace(probe, **ports)), 1)
    return [exceeded(plan, twin), *own_answers(other, twin)]


def own_answers(plan: Plan, packet: bytes) -> list[bytes]:
    """What the target itself says to a packet."""
    if plan.protocol is Protocol.ICMP:
        return [wire.encode_echo_reply(packet)]
    if plan.protocol is Protocol.TCP:
        return [
            wire.encode_tcp_reply(packet, flags=wire.SYN | wire.ACK),
            wire.encode_tcp_reply(packet, flags=wire.RST | wire.ACK),
        ]
    return [unreachable(plan, packet, by=plan.target.addr)]


# --- liars ------------------------------------------------------------------------------------------------


def another_target(plan: Plan, probe: Probe, packet: bytes) -> list[bytes]:
    other = wire.pack_address(ELSEWHERE[plan.af])
    quote = patched(packet, 16 if plan.af == 4 else 24, *other)
    return (
        [
            exceeded(plan, quote),
            exceeded(plan, quote, size=l4(plan) + 8),
            unreachable(plan, quote, by=router(9)),
        ]
        if (plan.af == 4)
        else [exceeded(plan, quote), exceeded(plan, quote, size=l4(plan) + 8)]
    )


def another_protocol(plan: Plan, probe: Probe, packet: bytes) -> list[bytes]:
    at = 9 if plan.af == 4 else 6
    return [exceeded(plan, patched(packet, at, number)) for number in (0x84, 2, 47)]


def another_port(plan: Plan, probe: Probe, packet: bytes) -> list[bytes]:
    """A port or identifier that is not ours, though our address is: no translator did that."""
    at = l4(plan)
    if plan.protocol is Protocol.ICMP:
        return [exceeded(plan, flipped(packet, at + 4)), exceeded(plan, flipped(packet, at + 5), size=at + 8)]
    fixed = at if plan.sport is not None else at + 2
    return [exceeded(plan, flipped(packet, fixed)), exceeded(plan, flipped(packet, fixed + 1), size=at + 8)]


def another_secret(plan: Plan, probe: Probe, packet: bytes) -> list[bytes]:
    at = l4(plan)
    if plan.protocol is Protocol.TCP:
        return [exceeded(plan, flipped(packet, at + 4)), exceeded(plan, flipped(packet, at + 5), size=at + 8)]
    offset = wire.secret_offset(plan, probe)
    if offset is None:
        return []
    return [exceeded(plan, flipped(packet, at + 8 + offset + i)) for i in (0, 7)]


def another_round(plan: Plan, probe: Probe, packet: bytes) -> list[bytes]:
    """The number was used in an earlier round, which nobody remembers any more: its answer comes now."""
    if plan.multipath != "classic":
        return []
    twin = wire.with_ttl(wire.encode_probe(plan, replace(probe, round=probe.round + 40_000)), 1)
    answers = [exceeded(plan, twin)]
    return answers if plan.protocol is Protocol.UDP else answers + own_answers(plan, twin)


def identifier_0(plan: Plan, probe: Probe, packet: bytes) -> list[bytes]:
    if plan.protocol is not Protocol.ICMP:
        return []
    nobody = patched(packet, l4(plan) + 4, 0, 0)
    rewritten = from_(nobody, ELSEWHERE[plan.af])
    return [
        exceeded(plan, nobody),
        exceeded(plan, nobody, size=l4(plan) + 8),
        exceeded(plan, rewritten),
        wire.encode_echo_reply(nobody),
    ]


def another_sender(plan: Plan, probe: Probe, packet: bytes) -> list[bytes]:
    """An answer without a token, from a host that was not asked."""
    if plan.protocol is Protocol.ICMP:
        mute = packet[: l4(plan) + 8]
        mute = truthful(mute)
        return [from_(wire.encode_echo_reply(mute), ELSEWHERE[plan.af])]
    if plan.protocol is Protocol.TCP:
        return [
            from_(wire.encode_tcp_reply(packet, flags=wire.RST), ELSEWHERE[plan.af]),
            from_(
                wire.encode_tcp_reply(flipped(packet, l4(plan) + 6), flags=wire.SYN | wire.ACK),
                ELSEWHERE[plan.af],
            ),
        ]
    return []


def truthful(packet: bytes) -> bytes:
    """The packet with the length of what is there."""
    if packet[0] >> 4 == 4:
        return patched(packet, 2, *len(packet).to_bytes(2, "big"))
    return patched(packet, 4, *(len(packet) - 40).to_bytes(2, "big"))


def error_about_an_error(plan: Plan, probe: Probe, packet: bytes) -> list[bytes]:
    inner = exceeded(plan, packet)
    to_target = patched(inner, 16 if plan.af == 4 else 24, *wire.pack_address(plan.target.addr))
    return [exceeded(plan, inner), exceeded(plan, from_(to_target, SOURCE[plan.af]))]


def nobodys_message(plan: Plan, probe: Probe, packet: bytes) -> list[bytes]:
    """Redirect, source quench, requests, timestamps, reassembly, neighbours: they tell of no hop."""
    good = exceeded(plan, packet)
    at = l4(plan)
    kinds = (
        [(5, 0), (4, 0), (8, 0), (13, 0), (11, 1)] if plan.af == 4 else [(137, 0), (128, 0), (135, 0), (3, 1)]
    )
    return [patched(good, at, kind, code) for kind, code in kinds]


def bad_headers(plan: Plan, probe: Probe, packet: bytes) -> list[bytes]:
    """Quoted and own headers of no version, of the other one, with a length that cannot be."""
    good = exceeded(plan, packet)
    quoted = l4(plan) + 8
    wrong = [patched(good, quoted, first) for first in (0x00, 0x95, 0x46 if plan.af == 6 else 0x60)]
    if plan.af == 4:
        wrong += [patched(good, quoted, 0x44), patched(good, 0, 0x4F), patched(good, 0, 0x41)]
        wrong += [patched(good, 2, 0xFF, 0xFF), patched(good, 2, 0, 27)]
    else:
        wrong += [patched(good, 4, 0xFF, 0xFF), patched(good, 4, 0, 7)]
    return wrong


def fragments(plan: Plan, probe: Probe, packet: bytes) -> list[bytes]:
    """A later fragment has no transport header; what looks like one is payload."""
    good = exceeded(plan, packet)
    if plan.af == 4:
        return [patched(good, 6, 0x00, 0x10), exceeded(plan, patched(packet, 6, 0x20, 0x04))]
    part = bytes((packet[6], 0, 0, 0x09, 0, 0, 0, 1))
    quote = patched(packet, 6, 44)[:40] + part + packet[40:]
    return [exceeded(plan, truthful(quote))]


def too_short(plan: Plan, probe: Probe, packet: bytes) -> list[bytes]:
    """Cut where no number is left, in the quote and in the message."""
    at = l4(plan)
    number_ends = {Protocol.ICMP: 8, Protocol.UDP: 2, Protocol.TCP: 2}[plan.protocol]
    if plan.multipath == "dublin" and plan.af == 4:
        return [exceeded(plan, packet, size=size) for size in range(20)]
    sizes = [*range(at + number_ends)]
    return [exceeded(plan, packet, size=size) for size in sizes]


def oversized_strangers(plan: Plan, probe: Probe, packet: bytes) -> list[bytes]:
    """64 kB from a host that does not mean us."""
    junk = bytes(64_000)
    other = another_target(plan, probe, packet)[0]
    big = [truthful(other + junk)]
    if plan.protocol is Protocol.ICMP:
        source, target = wire.pack_address(plan.target.addr), wire.pack_address(plan.source)
        message = wire.encode_echo(
            b"x" * 64_000,
            source=source,
            target=target,
            identifier=plan.trace_id,
            sequence=probe.seq,
            reply=True,
        )
        number = wire.ICMP_TYPES[plan.af].protocol
        big.append(wire.encode_ip(message, source=source, target=target, protocol=number))
    return big


FORGERS: dict[str, Forge] = {
    forge.__name__: forge
    for forge in (
        another_run,
        another_program,
        another_target,
        another_protocol,
        another_port,
        another_secret,
        another_round,
        identifier_0,
        another_sender,
        error_about_an_error,
        nobodys_message,
        bad_headers,
        fragments,
        too_short,
        oversized_strangers,
    )
}


# --- strange but honest -----------------------------------------------------------------------------------


def whole(plan: Plan, probe: Probe, packet: bytes) -> list[bytes]:
    return [exceeded(plan, packet)]


def first_eight_bytes(plan: Plan, probe: Probe, packet: bytes) -> list[bytes]:
    return [exceeded(plan, packet, size=l4(plan) + 8)]


def longer_than_sent(plan: Plan, probe: Probe, packet: bytes) -> list[bytes]:
    """A router that quotes what its buffer held after the packet, and one that says it was longer."""
    return [exceeded(plan, packet + b"\xa5" * 300)]


def own_header_with_options(plan: Plan, probe: Probe, packet: bytes) -> list[bytes]:
    good = exceeded(plan, packet)
    if plan.af == 4:
        options = bytes((0x94, 4, 0, 0))  # router alert, RFC 2113
        return [truthful(patched(good, 0, 0x46)[:20] + options + good[20:])]
    padding = bytes((58, 0, 1, 4, 0, 0, 0, 0))  # PadN, RFC 8200 section 4.2
    return [truthful(patched(good, 6, 0)[:40] + padding + good[40:])]


def quoted_header_with_options(plan: Plan, probe: Probe, packet: bytes) -> list[bytes]:
    if plan.af == 4:
        return [
            exceeded(plan, truthful(patched(packet, 0, 0x46)[:20] + bytes((0x94, 4, 0, 0)) + packet[20:]))
        ]
    padding = bytes((packet[6], 0, 1, 4, 0, 0, 0, 0))
    return [exceeded(plan, truthful(patched(packet, 6, 60)[:40] + padding + packet[40:]))]


def quote_with_a_wrong_length(plan: Plan, probe: Probe, packet: bytes) -> list[bytes]:
    return [exceeded(plan, patched(packet, 2 if plan.af == 4 else 4, 0xFF, 0xFF))]


def quote_with_a_wrong_header_checksum(plan: Plan, probe: Probe, packet: bytes) -> list[bytes]:
    return [exceeded(plan, flipped(packet, 10) if plan.af == 4 else packet)]


def extensions_that_lie(plan: Plan, probe: Probe, packet: bytes) -> list[bytes]:
    """Objects too long, shorter than their header, of a wrong version, with a length beyond the end."""
    structure = wire.encode_extensions([wire.mpls_object([wire.MplsEntry(16, 0, bottom=True, ttl=1)])])
    lies = [
        patched(structure, 4, 0xFF, 0xFF),
        patched(structure, 4, 0, 3),
        patched(structure, 0, 0x30),
        structure[:6],
    ]
    lies += [patched(structure, 2, 0, 1), structure[:4] + bytes(4)]
    answers = [exceeded(plan, packet, ext=lie) for lie in lies]
    stated = l4(plan) + (5 if plan.af == 4 else 4)
    return [*answers, patched(answers[0], stated, 0xFF)]


HONEST: dict[str, Forge] = {
    honest.__name__: honest
    for honest in (
        whole,
        first_eight_bytes,
        longer_than_sent,
        own_header_with_options,
        quoted_header_with_options,
        quote_with_a_wrong_length,
        quote_with_a_wrong_header_checksum,
        extensions_that_lie,
    )
}
