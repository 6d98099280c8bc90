"""The walk of a packet: out through the routers, and the answer's way back.

At a router the TTL is looked at first and the filter second, as Linux does: a probe whose TTL ends at a
filtering router gets Time Exceeded from it, and only a probe that would go on is refused.
"""

from trippy_nb.sim.answers import PROTOCOL_WORDS, host_answer, refusal, time_exceeded
from trippy_nb.sim.delays import Constant, Dice, uniform
from trippy_nb.sim.scenario import Router
from trippy_nb.sim.topology import Hop, Path, Topology
from trippy_nb.wire import with_ttl

Delivery = tuple[int, bytes]
"""Virtual time of arrival at the source (ns), and the packet."""

_IPV4 = 4


class Forwarder:
    """Answers one question: what comes back for this packet, sent at this time.

    It has no memory, so it may be asked in any order, and twice.

    Parameters
    ----------
    topology
        The network.
    dice
        What decides about loss and delay.
    """

    def __init__(self, topology: Topology, dice: Dice) -> None:
        self._topology = topology
        self._dice = dice

    def forward(self, packet: bytes, sent_ns: int) -> tuple[Delivery, ...]:
        """Send a packet through the network.

        Parameters
        ----------
        packet
            A whole IPv4 or IPv6 packet, as it leaves the source.
        sent_ns
            Virtual time at which it does.

        Returns
        -------
        deliveries
            What reaches the source, and when; empty if nothing does.
        """
        if packet[0] >> 4 == _IPV4:
            ttl, protocol, destination = packet[8], packet[9], packet[16:20]
        else:
            ttl, protocol, destination = packet[7], packet[6], packet[24:40]
        path = self._topology.path(destination, sent_ns)
        if path is None:
            return ()
        bits = self._dice.packet(packet, sent_ns)
        position = min(ttl, path.barriers.get(PROTOCOL_WORDS[protocol], len(path.hops)), len(path.hops))
        hop = path.hops[position - 1]
        out_ns = hop.out.cross_ns(bits)
        if out_ns is None:
            return ()
        answer = _answer(packet, ttl, path, position, bits)
        if answer is None:
            return ()
        back_ns = hop.back.cross_ns(bits)
        if back_ns is None:
            return ()
        return ((sent_ns + out_ns + _think_ns(hop, bits) + back_ns, answer),)


def _answer(packet: bytes, ttl: int, path: Path, position: int, bits: int) -> bytes | None:
    hop, passed = path.hops[position - 1], position - 1
    spec = hop.node.spec
    if not _bothers(hop, bits) or spec.reply_ttl <= passed:
        return None
    arrived = with_ttl(packet, ttl - passed) if passed else packet
    if not isinstance(spec, Router):
        return host_answer(arrived, spec, path.af, ttl=spec.reply_ttl - passed, ip_id=bits & 0xFFFF)
    speak = time_exceeded if ttl == position else refusal
    return speak(arrived, spec, path.af, ttl=spec.reply_ttl - passed, ip_id=bits & 0xFFFF)


def _think_ns(hop: Hop, bits: int) -> int:
    delay = hop.node.spec.answer_delay
    if isinstance(delay, Constant):  # nearly always: no need to throw dice
        return delay.base_ns
    return delay.draw_ns(uniform(bits, hop.node.delay_place))


def _bothers(hop: Hop, bits: int) -> bool:
    spec = hop.node.spec
    if isinstance(spec, Router) and spec.silent:
        return False
    return spec.answer_ratio >= 1 or uniform(bits, hop.node.answer_place) < spec.answer_ratio
