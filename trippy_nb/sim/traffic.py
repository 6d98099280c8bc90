"""What is under way in a network: answers, and decisions that wait for their moment, in the order of time."""

from heapq import heappop, heappush

from trippy_nb.sim.forward import Delivery, Forwarder, Pending


class Traffic:
    """Packets under way, of one sender.

    Parameters
    ----------
    forwarder
        The network.
    """

    def __init__(self, forwarder: Forwarder) -> None:
        self._forwarder = forwarder
        self._heap: list[tuple[int, int, bytes | Pending]] = []
        self._count = 0  # what happens at one moment happens in the order in which it was caused

    def put(self, packet: bytes, sent_ns: int) -> None:
        """Send a packet; moments of sending never go back."""
        for item in self._forwarder.launch(packet, sent_ns):
            if isinstance(item, Pending):
                self._push(item.at_ns, item)
            else:
                self._push(*item)

    @property
    def next_ns(self) -> int | None:
        """When something happens next, an arrival or a decision; None if nothing will."""
        return self._heap[0][0] if self._heap else None

    def due(self, now_ns: int) -> list[Delivery]:
        """Take what has arrived by now, in the order of arrival."""
        heap, came = self._heap, []
        while heap and heap[0][0] <= now_ns:
            at_ns, _, item = heappop(heap)
            if isinstance(item, Pending):
                for delivery in item.settle():
                    self._push(*delivery)
            else:
                came.append((at_ns, item))
        return came

    def _push(self, at_ns: int, item: bytes | Pending) -> None:
        self._count += 1
        heappush(self._heap, (at_ns, self._count, item))
