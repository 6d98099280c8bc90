"""Boxes that rewrite headers of what passes: DSCP bleaching, cleared DF, new identifications, MSS clamping.

What such boxes do: Revealing Middlebox Interference with Tracebox (IMC 2013).
"""

from trippy_nb.sim.scenario import Rewrite
from trippy_nb.wire import (
    decode_ip,
    with_clamped_mss,
    with_dont_fragment,
    with_flow_label,
    with_ip_id,
    with_tos,
)

_ECN_BITS = 2
_ECN_MASK = 0b11  # the lower bits of the type of service: RFC 3168 section 23.1
_IP_ID_SHIFT = 16  # the lowest 16 bits are the identification of the answer


def rewritten(packet: bytes, spec: Rewrite, bits: int) -> bytes:
    """Rewrite a packet as it passes; checksums follow, and what the scenario does not name stays.

    Parameters
    ----------
    packet
        A whole packet. `df` and `ip_id` mean IPv4, `flow_label` IPv6, `mss` a SYN of either that states
        one: it is lowered, never raised or added.
    spec
        What the scenario says. None of a field leaves it alone; `tos` comes first, then `dscp` and `ecn`.
    bits
        64 bits that belong to this packet at this place: what a random identification is made of.
    """
    if (spec.tos, spec.dscp, spec.ecn) != (None, None, None):
        packet = with_tos(packet, _rewritten_tos(packet, spec))
    if spec.ip_id is not None:
        random = bits >> _IP_ID_SHIFT & 0xFFFF
        packet = with_ip_id(packet, random if spec.ip_id == "random" else spec.ip_id)
    if spec.df is not None:
        packet = with_dont_fragment(packet, spec.df)
    if spec.flow_label is not None:
        packet = with_flow_label(packet, spec.flow_label)
    return packet if spec.mss is None else with_clamped_mss(packet, spec.mss)


def _rewritten_tos(packet: bytes, spec: Rewrite) -> int:
    tos = decode_ip(packet).tos if spec.tos is None else spec.tos
    if spec.dscp is not None:
        tos = spec.dscp << _ECN_BITS | tos & _ECN_MASK
    return tos if spec.ecn is None else tos & ~_ECN_MASK | spec.ecn
