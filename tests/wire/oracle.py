"""What the tests of the codec share: plans, packets to take apart, and scapy, the second opinion.

scapy is GPL-2.0-only: it is imported by tests, never by the codec.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # scapy's own imports warn of what cryptography plans to drop
    from scapy.layers.inet import ICMP, IP, TCP, UDP, ICMPerror, IPerror, TCPerror, UDPerror
    from scapy.layers.inet6 import (
        ICMPv6DestUnreach,
        ICMPv6EchoReply,
        ICMPv6EchoRequest,
        ICMPv6PacketTooBig,
        ICMPv6TimeExceeded,
        IPerror6,
        IPv6,
    )
    from scapy.layers.l2 import Ether
    from scapy.packet import Packet, Raw
    from scapy.utils import PcapReader

from trippy_nb import wire
from trippy_nb.errors import BadPacketError
from trippy_nb.model import Multipath, Plan, Probe, Protocol, SocketMode, Target, TraceConfig

__all__ = [
    "ICMP",
    "IP",
    "TCP",
    "UDP",
    "Ether",
    "ICMPerror",
    "ICMPv6DestUnreach",
    "ICMPv6EchoReply",
    "ICMPv6EchoRequest",
    "ICMPv6PacketTooBig",
    "ICMPv6TimeExceeded",
    "IPerror",
    "IPerror6",
    "IPv6",
    "Packet",
    "PcapReader",
    "Raw",
    "TCPerror",
    "UDPerror",
]

SOURCE = {4: "192.0.2.1", 6: "2001:db8::1"}
TARGET = {4: "198.51.100.9", 6: "2001:db8:1::9"}
ROUTER = {4: "203.0.113.5", 6: "2001:db8:2::5"}
SECRET = bytes.fromhex("a1b2c3d4e5f60718")
HEADERS = {4: 20, 6: 40}

KINDS = [
    (Protocol.ICMP, Multipath.CLASSIC),
    (Protocol.UDP, Multipath.CLASSIC),
    (Protocol.UDP, Multipath.PARIS),
    (Protocol.UDP, Multipath.DUBLIN),
    (Protocol.TCP, Multipath.CLASSIC),
]
CASES = [(protocol, multipath, af) for af in (4, 6) for protocol, multipath in KINDS]


def plan_for(
    protocol: Protocol,
    multipath: Multipath = Multipath.CLASSIC,
    af: int = 4,
    *,
    icmp_checksum: int | None = 0x1234,
    trace_id: int = 4242,
    flow_label: int = 0x12345,
    **options: Any,
) -> Plan:
    """Decide a plan as `capture.make_plan` would."""
    return Plan(
        config=TraceConfig(protocol=protocol, multipath_strategy=multipath, **options),
        target=Target(TARGET[af], TARGET[af]),
        protocol=protocol,
        mode=SocketMode.SIM,
        reason="test",
        source=SOURCE[af],
        sport=None,
        dport=None,
        trace_id=trace_id,
        secret=SECRET,
        icmp_checksum=icmp_checksum if protocol is Protocol.ICMP else None,
        flow_label=flow_label if af == 6 else 0,
    )


def probe_for(ttl: int = 5, seq: int = 33450, sport: int = 5000, dport: int = 33500) -> Probe:
    return Probe(key=0, round=0, flow=0, ttl=ttl, attempt=0, seq=seq, sport=sport, dport=dport)


def sent(protocol: Protocol, multipath: Multipath = Multipath.CLASSIC, af: int = 4, **options: Any) -> bytes:
    """Encode a probe as a router sees it when it gives up on it."""
    return wire.with_ttl(wire.encode_probe(plan_for(protocol, multipath, af, **options), probe_for()), 1)


def stack(*labels: int) -> bytes:
    """Make an extension structure with one label stack."""
    entries = [wire.MplsEntry(label, exp=1, bottom=label == labels[-1], ttl=7) for label in labels]
    return wire.encode_extensions([wire.mpls_object(entries)])


def answers() -> dict[str, bytes]:
    """One of every kind of answer, both families."""
    found = {}
    for protocol, multipath, af in CASES:
        name, probe, types = (
            f"{protocol} {multipath} v{af}",
            sent(protocol, multipath, af),
            wire.ICMP_TYPES[af],
        )

        def error(icmp_type: int, code: int = 0, probe: bytes = probe, af: int = af, **options: Any) -> bytes:
            return wire.encode_icmp_error(
                probe, source=ROUTER[af], icmp_type=icmp_type, icmp_code=code, **options
            )

        found[f"time exceeded: {name}"] = error(types.time_exceeded)
        found[f"short quote: {name}"] = error(types.time_exceeded, quote_size=HEADERS[af] + 8)
        found[f"MPLS: {name}"] = error(types.time_exceeded, extensions=stack(24001, 24002))
        found[f"old MPLS: {name}"] = error(types.time_exceeded, extensions=stack(24001), state_length=False)
        found[f"port unreachable: {name}"] = error(types.unreachable, 3 if af == 4 else 4)
        found[f"parameter problem: {name}"] = error(types.parameter_problem)
    found["fragmentation needed"] = wire.encode_icmp_error(
        sent(Protocol.UDP), source=ROUTER[4], icmp_type=3, icmp_code=4, mtu=1400
    )
    found["packet too big"] = wire.encode_icmp_error(
        sent(Protocol.UDP, af=6), source=ROUTER[6], icmp_type=2, icmp_code=0, mtu=1280
    )
    for af in (4, 6):
        found[f"echo reply v{af}"] = wire.encode_echo_reply(sent(Protocol.ICMP, af=af))
        syn = sent(Protocol.TCP, af=af)
        found[f"SYN-ACK v{af}"] = wire.encode_tcp_reply(syn, flags=wire.SYN | wire.ACK)
        found[f"RST v{af}"] = wire.encode_tcp_reply(syn, flags=wire.RST | wire.ACK)
    return found


def cut(packet: bytes, size: int) -> bytes:
    """Cut a packet to a size, and let its header tell the truth about it."""
    packet = packet[:size]
    if size < HEADERS.get(packet[0] >> 4 if packet else 0, len(packet) + 1):
        return packet
    if packet[0] >> 4 == 4:
        return packet[:2] + size.to_bytes(2, "big") + packet[4:]
    return packet[:4] + (size - 40).to_bytes(2, "big") + packet[6:]


def patched(packet: bytes, offset: int, *octets: int) -> bytes:
    return packet[:offset] + bytes(octets) + packet[offset + len(octets) :]


DECODERS: dict[str, Callable[[bytes], object]] = {
    "ip": wire.decode_ip,
    "udp": wire.decode_udp,
    "tcp": wire.decode_tcp,
    "extensions": wire.decode_extensions,
    "icmp v4": lambda octets: icmp_facts(wire.decode_icmp(octets, af=4)),
    "icmp v6": lambda octets: icmp_facts(wire.decode_icmp(octets, af=6)),
    "quote v4": lambda octets: wire.decode_quote(octets, af=4),
    "quote v6": lambda octets: wire.decode_quote(octets, af=6),
    "reply": lambda octets: wire.decode_reply(octets, read_ns=1),
    "beginning of a reply": lambda octets: wire.decode_reply(octets, read_ns=1, whole=False),
    "beginning of a datagram": lambda octets: wire.decode_udp(octets, whole=False),
    "message v4": lambda octets: wire.decode_reply_v4(octets, src=ROUTER[4], read_ns=1),
    "message v6": lambda octets: wire.decode_reply_v6(octets, src=ROUTER[6], read_ns=1),
    "segment v4": lambda octets: wire.decode_reply_v4(octets, src=ROUTER[4], protocol=wire.TCP, read_ns=1),
}


def icmp_facts(message: wire.IcmpMessage) -> tuple[object, ...]:
    """Read every property, so that a test of the message is a test of them too."""
    return (message.identifier, message.sequence, message.is_error, message.mtu, message.pointer,
            message.quote, message.extensions)  # fmt: skip


def decode_or_refuse(decode: Callable[[bytes], Any], octets: bytes) -> Any:
    """Decode; None where the bytes are refused in the one way they may be."""
    try:
        return decode(octets)
    except BadPacketError:
        return None
