"""A channel into the built-in internet: whole packets through the codecs, time that jumps.

It opens nothing, so there is nothing to close. Sending takes no virtual time; waiting takes none of yours.
"""

from collections.abc import Sequence
from heapq import heappop, heappush

from trippy_nb.errors import BadPacketError
from trippy_nb.model import Foreign, Plan, Probe, Reply, SendReceipt, Stamped
from trippy_nb.sim.clock import VirtualClock
from trippy_nb.sim.forward import Forwarder
from trippy_nb.tracing import Arrival
from trippy_nb.wire import decode_reply, encode_probe


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
        self._under_way: list[tuple[int, int, bytes]] = []
        self._stamps: list[Arrival] = []
        self._count = 0  # of answers: those that arrive together come in the order they were caused

    def send(self, probes: Sequence[Probe]) -> Sequence[SendReceipt]:
        """Send a window of probes, all at the same moment; the network never refuses one."""
        now_ns, wall_ns = self._clock.now_ns(), self._clock.wall_ns()
        receipts = []
        for probe in probes:
            packet = encode_probe(self._plan, probe)
            for at_ns, answer in self._forwarder.forward(packet, now_ns):
                self._count += 1
                heappush(self._under_way, (at_ns, self._count, answer))
            receipts.append(SendReceipt(probe.key, now_ns, now_ns, 0, packet))
            self._stamps.append(Stamped(probe.key, wall_ns))
        return receipts

    def receive(self, until_ns: int) -> Sequence[Arrival]:
        """Let time pass until the next answer arrives, or until `until_ns`; return all that is here then.

        Transmit stamps come first. They do not end the wait: they are handed over with whatever does.
        """
        clock, under_way = self._clock, self._under_way
        if under_way and under_way[0][0] <= until_ns:
            now_ns = clock.advance_to(under_way[0][0])
        else:
            now_ns = clock.advance_to(until_ns)
        arrivals, self._stamps = self._stamps, []
        while under_way and under_way[0][0] <= now_ns:
            at_ns, _, packet = heappop(under_way)
            arrivals.append(self._decode(packet, now_ns, clock.epoch_ns + at_ns))
        return arrivals

    @staticmethod
    def _decode(packet: bytes, read_ns: int, kernel_ns: int) -> Reply | Foreign:
        try:
            reply = decode_reply(packet, read_ns=read_ns, kernel_ns=kernel_ns)
        except BadPacketError as exc:
            return Foreign(str(exc), read_ns, packet)
        return Foreign("answers no probe", read_ns, packet) if reply is None else reply
