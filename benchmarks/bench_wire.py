"""What the codec costs: microseconds for each operation, best of five.

Run: python benchmarks/bench_wire.py
"""

from collections.abc import Callable
from functools import partial
from timeit import repeat

from trippy_nb.model import Multipath, Plan, Probe, Protocol, SocketMode, Target, TraceConfig
from trippy_nb.wire import (
    ACK,
    ICMP_TYPES,
    SYN,
    MplsEntry,
    decode_extensions,
    decode_ip,
    decode_reply,
    encode_echo_reply,
    encode_extensions,
    encode_icmp_error,
    encode_probe,
    encode_tcp_reply,
    mpls_object,
    with_ttl,
)

LOOPS, TRIES = 20_000, 5
ENDS = {4: ("192.0.2.1", "198.51.100.9"), 6: ("2001:db8::1", "2001:db8:1::9")}
FLOW_LABEL = {4: 0, 6: 0x12345}
ROUTER = {4: "203.0.113.5", 6: "2001:db8:2::5"}


def plan_for(protocol: Protocol, multipath: Multipath, af: int) -> Plan:
    source, target = ENDS[af]
    return Plan(
        config=TraceConfig(protocol=protocol, multipath_strategy=multipath),
        target=Target(target, target),
        protocol=protocol,
        mode=SocketMode.SIM,
        reason="benchmark",
        source=source,
        sport=5000,
        dport=None,
        trace_id=4242,
        secret=b"\xa1\xb2\xc3\xd4\xe5\xf6\x07\x18",
        icmp_checksum=0x1234 if protocol is Protocol.ICMP else None,
        flow_label=FLOW_LABEL[af],
    )


def show(name: str, work: Callable[[], object]) -> None:
    best = min(repeat(work, number=LOOPS, repeat=TRIES)) / LOOPS
    print(f"{best * 1e6:7.2f} us  {name}")


def main() -> None:
    probe = Probe(0, 0, 0, 5, 0, 33450, 5000, 33450)
    kinds = [(Protocol.ICMP, Multipath.CLASSIC), (Protocol.TCP, Multipath.CLASSIC)]
    kinds += [(Protocol.UDP, multipath) for multipath in Multipath]
    stack = encode_extensions([mpls_object([MplsEntry(24001, 1, True, 7)])])
    for af in (4, 6):
        for protocol, multipath in kinds:
            plan = plan_for(protocol, multipath, af)
            show(f"encode_probe {protocol} {multipath} v{af}", partial(encode_probe, plan, probe))
        sent = with_ttl(encode_probe(plan_for(Protocol.UDP, Multipath.PARIS, af), probe), 1)
        refuse = partial(
            encode_icmp_error,
            sent,
            source=ROUTER[af],
            icmp_type=ICMP_TYPES[af].time_exceeded,
            icmp_code=0,
        )
        ping = encode_probe(plan_for(Protocol.ICMP, Multipath.CLASSIC, af), probe)
        syn = encode_probe(plan_for(Protocol.TCP, Multipath.CLASSIC, af), probe)
        for name, packet in (
            ("time exceeded", refuse()),
            ("time exceeded with MPLS", refuse(extensions=stack)),
            ("echo reply", encode_echo_reply(ping)),
            ("SYN-ACK", encode_tcp_reply(syn, flags=SYN | ACK)),
        ):
            show(f"decode_reply {name} v{af}", partial(decode_reply, packet, read_ns=1))
        show(f"decode_ip v{af}", partial(decode_ip, sent))
        show(f"with_ttl v{af}", partial(with_ttl, sent, 9))
        show(f"encode_icmp_error v{af}", refuse)
        show(f"encode_echo_reply v{af}", partial(encode_echo_reply, ping))
        show(f"encode_tcp_reply v{af}", partial(encode_tcp_reply, syn, flags=SYN | ACK))
    show("decode_extensions, one label", partial(decode_extensions, stack))


if __name__ == "__main__":
    main()
