"""A channel into the built-in internet: whole packets through the codecs, time that jumps.

It opens nothing, so there is nothing to close. Sending takes no virtual time; waiting takes none of yours.
"""

import errno
from collections.abc import Sequence

from trippy_nb.errors import BadPacketError
from trippy_nb.model import Foreign, Plan, Probe, Protocol, Reply, SendReceipt, Stamped
from trippy_nb.sim.clock import VirtualClock
from trippy_nb.sim.forward import Forwarder
from trippy_nb.sim.traffic import Traffic
from trippy_nb.tracing import Arrival
from trippy_nb.wire import UDP, decode_ip, decode_reply, decode_udp_reply, encode_probe


class SimChannel:
    """Probes out, answers in: `tracing.Channel` for one run.

    Parameters
    ----------
    plan
        The run.
    forwarder
        The network.
    clock
        The network's clock; `receive` moves it.
    """

    def __init__(self, plan: Plan, forwarder: Forwarder, clock: VirtualClock) -> None:
        self._plan = plan
        self._forwarder = forwarder
        self._clock = clock
        self._traffic = Traffic(forwarder)
        self._stamps: list[Arrival] = []

    def send(self, probes: Sequence[Probe]) -> Sequence[SendReceipt]:
        """Send a window of probes, all at the same moment.

        A probe that is too large for the source's own link is refused, as Linux does: EMSGSIZE.
        """
        now_ns, wall_ns = self._clock.now_ns(), self._clock.wall_ns()
        receipts = []
        for probe in probes:
            packet = encode_probe(self._plan, probe)
            if self._forwarder.local_mtu(packet, now_ns) is not None:
                receipts.append(SendReceipt(probe.key, now_ns, now_ns, errno.EMSGSIZE))
                continue
            self._traffic.put(packet, now_ns)
            receipts.append(SendReceipt(probe.key, now_ns, now_ns, 0, packet))
            self._stamps.append(Stamped(probe.key, wall_ns))
        return receipts

    def receive(self, until_ns: int) -> Sequence[Arrival]:
        """Let time pass until the next answer arrives, or until `until_ns`; return all that is here then.

        Transmit stamps come first. They do not end the wait: they are handed over with whatever does.
        """
        clock, traffic = self._clock, self._traffic
        arrived = traffic.due(clock.now_ns())
        while not arrived:
            next_ns = traffic.next_ns
            if next_ns is None or next_ns > until_ns:
                clock.advance_to(until_ns)
                break
            arrived = traffic.due(clock.advance_to(next_ns))
        now_ns = clock.now_ns()
        arrivals, self._stamps = self._stamps, []
        for at_ns, packet in arrived:
            arrivals.append(self._decode(packet, now_ns, clock.wall_at_ns(at_ns)))
        return arrivals

    def _decode(self, packet: bytes, read_ns: int, kernel_ns: int) -> Reply | Foreign:
        try:
            reply = decode_reply(packet, read_ns=read_ns, kernel_ns=kernel_ns)
            if reply is None and self._plan.protocol is Protocol.UDP:
                reply = self._decode_udp(packet, read_ns, kernel_ns)
        except BadPacketError as exc:
            return Foreign(str(exc), read_ns, packet)
        return Foreign("answers no probe", read_ns, packet) if reply is None else reply

    def _decode_udp(self, packet: bytes, read_ns: int, kernel_ns: int) -> Reply | None:
        """Read what an open port of the target says, as a raw socket with its filter would."""
        outer = decode_ip(packet)
        if outer.protocol != UDP or outer.src != self._plan.target.addr:
            return None
        return decode_udp_reply(
            outer.payload,
            src=outer.src,
            ttl=outer.ttl,
            tos=outer.tos,
            size=outer.size,
            packet=packet,
            read_ns=read_ns,
            kernel_ns=kernel_ns,
        )
