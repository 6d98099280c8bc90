"""How a router chooses among several next hops.

A flow goes one way: the choice follows from header fields and from the router's own salt, so that routers in
a row do not all choose alike. Which fields, `hash` says; by default the 5-tuple. Of ICMP the place of the
ports holds type, code and checksum, and balancers take them for ports (Augustin et al., Avoiding traceroute
anomalies with Paris traceroute, IMC 2006).
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from trippy_nb.sim.delays import Dice, uniform
from trippy_nb.sim.nodes import Balance, HashField
from trippy_nb.sim.routes import NextHop

_IPV4: Final = 4
_ICMP_ID: Final = slice(4, 6)
_ECHOES: Final = (1, 58)


class Balancer:
    """A node with several next hops.

    Parameters
    ----------
    node
        Its id: the salt.
    hops
        Where it may send a packet.
    policy, fields
        What it looks at.
    dice
        Where the salt comes from.
    """

    __slots__ = ("_bounds", "_dice", "_place", "fields", "hops", "policy")

    def __init__(
        self,
        node: str,
        hops: Sequence[NextHop],
        *,
        policy: Balance = "flow",
        fields: tuple[HashField, ...] = ("addresses", "protocol", "ports"),
        dice: Dice,
    ) -> None:
        self.hops = tuple(hops)
        self.policy = policy
        self.fields: tuple[HashField, ...] = ("addresses",) if policy == "destination" else fields
        total = sum(hop.weight for hop in hops)
        self._bounds = [bound / total for bound in accumulate(hop.weight for hop in hops)][:-1]
        self._place = dice.place("balance", node)
        self._dice = dice

    @property
    def shares(self) -> tuple[float, ...]:
        """Share of flows, or packets, that each next hop gets."""
        ends = [*self._bounds, 1.0]
        return tuple(end - begin for begin, end in zip([0.0, *self._bounds], ends, strict=True))

    def choose(self, packet: bytes, bits: int) -> int:
        """Choose a next hop, by its number.

        Parameters
        ----------
        packet
            As it is here.
        bits
            64 bits that belong to this packet and moment: what a balancer of packets goes by.
        """
        if self.policy != "packet":
            bits = self._dice.packet(hashed_fields(packet, self.fields), 0)
        return bisect_right(self._bounds, uniform(bits, self._place))


def hashed_fields(packet: bytes, fields: Sequence[HashField]) -> bytes:
    """Take the header fields that a balancer looks at; what a packet does not have is left out."""
    parts = []
    if packet[0] >> 4 == _IPV4:
        begin, protocol, addresses = (packet[0] & 0xF) * 4, packet[9], packet[12:20]
    else:
        begin, protocol, addresses = 40, packet[6], packet[8:40]
    for field in fields:
        match field:
            case "addresses":
                parts.append(addresses)
            case "protocol":
                parts.append(bytes((protocol,)))
            case "ports":
                parts.append(packet[begin : begin + 4])
            case "tos":
                parts.append(_tos(packet))
            case "flow_label":
                parts.append(_flow_label(packet))
            case "icmp_id":
                parts.append(packet[begin:][_ICMP_ID] if protocol in _ECHOES else b"")
    return b"|".join(parts)


def _flow_label(packet: bytes) -> bytes:
    return b"" if packet[0] >> 4 == _IPV4 else bytes((packet[1] & 0xF, packet[2], packet[3]))


def _tos(packet: bytes) -> bytes:
    if packet[0] >> 4 == _IPV4:
        return packet[1:2]
    return bytes(((packet[0] << 4 | packet[1] >> 4) & 0xFF,))
