"""What the engine itself costs: microseconds a probe, its reply included (goal: 8).

Making the replies is not counted; there is no channel, no packet, no recorder.
Run: python benchmarks/bench_strategy.py
"""

import gc
import time
from typing import Any

from trippy_nb.model import (
    Plan,
    Probe,
    Protocol,
    Quote,
    Reply,
    SendReceipt,
    SocketMode,
    Target,
    TraceConfig,
)
from trippy_nb.tracing import Done, EndRound, Send, Strategy, WaitUntil
from trippy_nb.wire import probe_secret, tcp_sequence

MS = 1_000_000
SOURCE, TARGET = "192.0.2.1", "198.51.100.9"
LENGTH = 15
GOAL_US = 8.0


def make_plan(rounds: int, **options: Any) -> Plan:
    config = TraceConfig.from_options(rounds=rounds, **options)
    protocol = config.protocol
    assert protocol is not None
    sport, dport = {
        Protocol.ICMP: (None, None),
        Protocol.UDP: (40_000, None),
        Protocol.TCP: (None, 80),
    }[protocol]
    return Plan(
        config=config,
        target=Target(TARGET, TARGET),
        protocol=protocol,
        mode=SocketMode.RAW,
        reason="benchmark",
        source=SOURCE,
        sport=sport,
        dport=dport,
        trace_id=7,
        secret=b"benchmrk",
        icmp_checksum=0x1234 if protocol is Protocol.ICMP else None,
    )


def reply_to(plan: Plan, probe: Probe, read_ns: int) -> Reply:
    reached = probe.ttl >= LENGTH
    icmp = plan.protocol is Protocol.ICMP
    tcp = plan.protocol is Protocol.TCP
    number = {Protocol.ICMP: 1, Protocol.UDP: 17, Protocol.TCP: 6}[plan.protocol]
    quote = Quote(
        src=SOURCE,
        dst=TARGET,
        protocol=number,
        ttl=1,
        ip_id=probe.seq,
        sport=probe.sport or None,
        dport=probe.dport or None,
        icmp_id=7 if icmp else None,
        icmp_seq=probe.seq if icmp else None,
        checksum=0x1234 if icmp else probe.seq,
        tcp_seq=tcp_sequence(plan, probe) if tcp else None,
        payload=None if tcp else (b"xx" if icmp else b"") + probe_secret(plan, probe) + bytes(30),
    )
    kind = {Protocol.ICMP: 0, Protocol.UDP: 3, Protocol.TCP: None}[plan.protocol] if reached else 11
    return Reply(
        responder=TARGET if reached else f"203.0.113.{probe.ttl}",
        read_ns=read_ns,
        icmp_type=kind,
        icmp_code=3 if kind == 3 else 0,
        tcp_flags=0x12 if kind is None else None,
        quote=quote,
    )


def drive(plan: Plan, *, batch: bool) -> tuple[int, float]:
    """Play a whole run; return the number of probes and the seconds spent inside the strategy."""
    strategy, now_ns, n, spent = Strategy(plan), 10**12, 0, 0.0
    clock = time.perf_counter
    waiting: list[Reply] = []
    while True:
        began = clock()
        action = strategy.next_action(now_ns)
        spent += clock() - began
        match action:
            case Send(probes):
                n += len(probes)
                receipts = [SendReceipt(probe.key, now_ns, now_ns) for probe in probes]
                began = clock()
                strategy.on_sent(receipts)
                spent += clock() - began
                waiting += [reply_to(plan, probe, now_ns + 10 * MS) for probe in probes]
            case WaitUntil(at_ns):
                if not waiting:
                    now_ns = at_ns
                    continue
                now_ns = waiting[0].read_ns
                here, waiting = (waiting, []) if batch else (waiting[:1], waiting[1:])
                began = clock()
                for reply in here:
                    strategy.on_reply(reply, now_ns)
                _ = strategy.deadline_ns  # as the tracer does, once a turn
                spent += clock() - began
            case EndRound():
                pass
            case Done():
                return n, spent


def main() -> None:
    cases: list[tuple[str, dict[str, Any]]] = [
        ("icmp", {"protocol": "icmp"}),
        ("udp classic", {"protocol": "udp"}),
        ("udp paris", {"protocol": "udp", "multipath": "paris"}),
        ("udp dublin", {"protocol": "udp", "multipath": "dublin"}),
        ("tcp", {"protocol": "tcp"}),
    ]
    gc.disable()
    print(f"microseconds a probe with its reply, {LENGTH} hops, best of 5 (goal {GOAL_US:g})")
    print(f"{'':14}{'batch of replies':>20}{'one at a time':>20}{'single round':>20}")
    for name, options in cases:
        row = []
        for rounds, batch in ((1000, True), (1000, False), (1, True)):
            plan = make_plan(rounds, **options)
            runs = [drive(plan, batch=batch) for _ in range(5 if rounds > 1 else 200)]
            row.append(min(spent / n for n, spent in runs) * 1e6)
        print(f"{name:14}" + "".join(f"{value:20.2f}" for value in row))


if __name__ == "__main__":
    main()
