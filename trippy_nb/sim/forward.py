"""The walk of a packet: out through the routers, and the answer's way back.

At a router the TTL is looked at first and the filter second, as Linux does: a probe whose TTL ends at a
filtering router gets Time Exceeded from it, and only a probe that would go on is refused.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from trippy_nb.sim.answers import PROTOCOL_WORDS, host_answers, refusal, time_exceeded, too_big
from trippy_nb.sim.crossings import COPY_NS
from trippy_nb.sim.delays import Constant, Dice, uniform
from trippy_nb.sim.nodes import Router
from trippy_nb.sim.paths import AT_SOURCE, Node, Outcome, Path
from trippy_nb.sim.topology import Topology
from trippy_nb.wire import with_ttl

Delivery = tuple[int, bytes]
"""Virtual time of arrival at the source (ns), and the packet."""

_IPV4: Final = 4
_DONT_FRAGMENT: Final = 0x40
_ANSWER_LUCK: Final = 0xD1B54A32D192ED03  # odd: tells the second answer to a packet from the first
_MASK: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Pending:
    """An answer that is decided when its moment has come: a rate limiter sees answers in their order."""

    at_ns: int
    settle: Callable[[], Sequence[Delivery]]
    """Decides; called once, not before all earlier ones."""


class Forwarder:
    """Answers one question: what comes back for this packet, sent at this time.

    It has no memory but that of its rate limiters and of its translators' tables.

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

    def launch(self, packet: bytes, sent_ns: int) -> Sequence[Delivery | Pending]:
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
            What reaches the source, and when; and what a rate limiter has yet to decide on.
        """
        bits = self._dice.packet(packet, sent_ns)
        found = self._find(packet, sent_ns, bits)
        if found is None:
            return ()
        path, outcome = found
        if outcome.end == "nowhere" or outcome.index == AT_SOURCE or outcome.answer_ttl is None:
            return ()
        came: list[Delivery | Pending] = []
        for there_ns, luck in outcome.out.arrivals(bits, sent_ns):
            answer = _Answer(packet, path, outcome, bits, luck, there_ns)
            node = path.hops[outcome.index].node
            if not _bothers(node, luck):
                continue
            if node.limiter is None or outcome.end == "arrived":
                came += answer.settle()
            else:
                came.append(Pending(there_ns, answer.settle_if_allowed))
        return came

    def forward(self, packet: bytes, sent_ns: int) -> tuple[Delivery, ...]:
        """Send a packet that is alone in the network: as `launch`, with everything decided at once."""
        came: list[Delivery] = []
        for item in self.launch(packet, sent_ns):
            came += item.settle() if isinstance(item, Pending) else (item,)
        return tuple(came)

    def local_mtu(self, packet: bytes, sent_ns: int) -> int | None:
        """MTU of the source's own link, if the packet is too large for it; else None."""
        found = self._find(packet, sent_ns, 0) if self._topology.source_is_narrow else None
        if found is None or found[1].index != AT_SOURCE:
            return None
        return found[1].mtu

    def path(self, packet: bytes, sent_ns: int) -> Path | None:
        """Find the way that a packet takes; None if nobody has its destination."""
        destination = packet[16:20] if packet[0] >> 4 == _IPV4 else packet[24:40]
        return self._topology.path(packet, destination, sent_ns, self._dice.packet(packet, sent_ns))

    def _find(self, packet: bytes, sent_ns: int, bits: int) -> tuple[Path, Outcome] | None:
        if packet[0] >> 4 == _IPV4:
            ttl, protocol, destination = packet[8], packet[9], packet[16:20]
            size = len(packet) if packet[6] & _DONT_FRAGMENT else 0
        else:
            ttl, protocol, destination, size = packet[7], packet[6], packet[24:40], len(packet)
        path = self._topology.path(packet, destination, sent_ns, bits)
        if path is None:
            return None
        return path, path.outcome(ttl, PROTOCOL_WORDS.get(protocol, ""), size)


class _Answer:
    """What a node has to say about a packet that ended at it."""

    __slots__ = ("_bits", "_luck", "_outcome", "_packet", "_path", "_there_ns")

    def __init__(
        self, packet: bytes, path: Path, outcome: Outcome, bits: int, luck: int, there_ns: int
    ) -> None:
        self._packet = packet
        self._path = path
        self._outcome = outcome
        self._bits = bits
        self._luck = luck
        self._there_ns = there_ns

    def settle_if_allowed(self) -> Sequence[Delivery]:
        limiter = self._path.hops[self._outcome.index].node.limiter
        assert limiter is not None
        source = self._packet[12:16] if self._path.af == _IPV4 else self._packet[8:24]
        return self.settle() if limiter.allow(self._there_ns, source) else ()

    def settle(self) -> Sequence[Delivery]:
        outcome, hop = self._outcome, self._path.hops[self._outcome.index]
        steps = self._steps()
        arrived = steps[-1] if steps else self._packet
        if arrived[8 if self._path.af == _IPV4 else 7] != outcome.quoted_ttl:
            arrived = with_ttl(arrived, outcome.quoted_ttl)
        begin_ns = self._there_ns + _think_ns(hop.node, self._luck)
        came: list[Delivery] = []
        for number, answer in enumerate(self._write(arrived)):
            translated = self._translated(answer, steps)
            for copy in range(hop.node.spec.copies):
                luck = (self._luck + (number + copy) * _ANSWER_LUCK) & _MASK
                for back_ns, _ in outcome.back.arrivals(luck, begin_ns + copy * COPY_NS):
                    came.append((back_ns, translated))
        return came

    def _write(self, arrived: bytes) -> Sequence[bytes]:
        outcome, hop, af = self._outcome, self._path.hops[self._outcome.index], self._path.af
        spec, ttl, ip_id = hop.node.spec, outcome.answer_ttl, self._luck & 0xFFFF
        assert ttl is not None  # launch() has looked
        if not isinstance(spec, Router):
            return host_answers(arrived, spec, af, ttl=ttl, ip_id=ip_id)
        if hop.address is None:
            return ()
        about = {"ttl": ttl, "ip_id": ip_id}
        said = {"source": hop.address, "stack": outcome.stack, "interface": hop.interface}
        if outcome.end == "too big":
            answer = too_big(arrived, spec, af, mtu=outcome.mtu, **about, **said)  # type: ignore[arg-type]  # keywords by name
        else:
            write = time_exceeded if outcome.end == "exceeded" else refusal
            answer = write(arrived, spec, af, **about, **said)  # type: ignore[arg-type]  # keywords by name
        return () if answer is None else (answer,)

    def _steps(self) -> list[bytes]:
        """The packet behind each box that it passed before it ended."""
        steps, packet = [], self._packet
        for index in self._path.boxes:
            if index >= self._outcome.index:
                break
            packet = self._path.hops[index].node.pass_on(packet, self._bits)
            steps.append(packet)
        return steps

    def _translated(self, answer: bytes, steps: Sequence[bytes]) -> bytes:
        """Bring an answer back through the translators, whichever way it takes."""
        arrived = [self._packet, *steps]
        for place in range(len(steps) - 1, -1, -1):
            translator = self._path.hops[self._path.boxes[place]].node.translator
            if translator is not None:
                answer = translator.back(answer, before=arrived[place], after=steps[place])
        return answer


def _think_ns(node: Node, luck: int) -> int:
    delay = node.spec.answer_delay
    if isinstance(delay, Constant):  # nearly always: no need to throw dice
        return delay.base_ns
    return delay.draw_ns(uniform(luck, node.delay_place))


def _bothers(node: Node, luck: int) -> bool:
    spec = node.spec
    if isinstance(spec, Router) and spec.silent:
        return False
    return spec.answer_ratio >= 1 or uniform(luck, node.answer_place) < spec.answer_ratio
