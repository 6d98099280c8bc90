"""Plans and windows of probes for tests that drive a channel by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from trippy_nb.model import Choice, Plan, Probe, Protocol, SocketMode, Target, TraceConfig

SECRET = b"\x01secret\xfe"


def make_plan(target: Target, config: TraceConfig, choice: Choice, **changes: Any) -> Plan:
    """Decide what is open as `capture` does, but without chance. Ports that vary are None."""
    sport, dport = config.source_port, config.target_port
    if choice.protocol is Protocol.UDP and sport is None and dport is None:
        sport = 47_123
    if choice.protocol is Protocol.TCP and sport is None and dport is None:
        dport = 80
    whole = choice.protocol is Protocol.ICMP and choice.mode is SocketMode.RAW
    fields: dict[str, Any] = {
        "config": config,
        "target": target,
        "protocol": choice.protocol,
        "mode": choice.mode,
        "reason": choice.reason,
        "source": choice.source,
        "sport": sport,
        "dport": dport,
        "trace_id": 0x7472,
        "secret": SECRET,
        "icmp_checksum": 0x1234 if whole else None,
    }
    return Plan(**fields | changes)


def window(plan: Plan, ttls: Iterable[int], *, round_: int = 0, first_key: int | None = None) -> list[Probe]:
    """Make a probe for each TTL; numbers go on from round to round, 100 apart."""
    probes = []
    start = round_ * 100 if first_key is None else first_key
    for i, ttl in enumerate(ttls):
        seq = plan.config.initial_sequence + start + i
        ports = (0, 0)
        if plan.protocol is not Protocol.ICMP:
            ports = (plan.sport or seq, plan.dport or seq)
        probes.append(
            Probe(
                key=start + i,
                round=round_,
                flow=0,
                ttl=ttl,
                attempt=0,
                seq=seq,
                sport=ports[0],
                dport=ports[1],
            )
        )
    return probes
