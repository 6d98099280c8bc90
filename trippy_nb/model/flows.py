"""What a flow fixes besides ports: the ICMP checksum and the IPv6 flow label, by the number of the flow.

Balancers take the first four bytes after the IP header for ports; of ICMP they hold type, code and checksum.
So an ICMP flow is a checksum (Augustin et al., Avoiding traceroute anomalies with Paris traceroute, IMC
2006). IPv6 balancers may hash the flow label instead of ports, or with them (RFC 6438), so each flow has
its own.
"""

from typing import Final

from trippy_nb.model.plan import Plan

ICMP_FLOWS: Final = 0xFFFE
"""Checksums a flow may have: all but the two spellings of zero."""
_LABELS: Final = 0xFFFFF
_STEP: Final = 48_611  # a prime that divides neither: numbers that follow each other look nothing alike


def flow_checksum(plan: Plan, flow: int) -> int | None:
    """Return the checksum of every ICMP probe of a flow; None where it is not kept constant."""
    if not flow or plan.icmp_checksum is None:
        return plan.icmp_checksum
    return 1 + (plan.icmp_checksum - 1 + flow * _STEP) % ICMP_FLOWS


def flow_label(plan: Plan, flow: int) -> int:
    """Return the IPv6 flow label of every probe of a flow; 0 on IPv4."""
    if not flow or not plan.flow_label:
        return plan.flow_label
    return 1 + (plan.flow_label - 1 + flow * _STEP) % _LABELS
