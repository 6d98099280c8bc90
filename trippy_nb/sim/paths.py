"""A way through the network, compiled: what becomes of a packet on it, whatever its TTL."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from trippy_nb.sim.crossings import NO_WAY, Crossing, Way
from trippy_nb.sim.lifespan import Role, Station, find_lifespan
from trippy_nb.sim.limits import Limiter
from trippy_nb.sim.nat import Translator
from trippy_nb.sim.nodes import Router, Target
from trippy_nb.sim.rewrite import rewritten
from trippy_nb.sim.tunnels import answer_ttl
from trippy_nb.wire import InterfaceInfo, MplsEntry

MAX_HOPS: Final = 255
"""A packet in a routing loop comes no farther, whatever its TTL."""
AT_SOURCE: Final = -1
"""Index of the machine that probes, before the first hop."""

End = Literal["exceeded", "refused", "too big", "arrived", "nowhere"]


@dataclass(frozen=True, slots=True)
class Node:
    """A router or a target, with the state that it keeps."""

    spec: Router | Target
    answer_place: int
    delay_place: int
    box_place: int
    limiter: Limiter | None = None
    translator: Translator | None = None

    @property
    def id(self) -> str:
        """What the scenario calls it."""
        return self.spec.id

    @property
    def is_box(self) -> bool:
        """Whether it changes what passes."""
        return self.translator is not None or (
            isinstance(self.spec, Router) and self.spec.rewrite is not None
        )

    def pass_on(self, packet: bytes, bits: int) -> bytes:
        """Change a packet as this node does when it passes outwards."""
        if self.translator is not None:
            packet = self.translator.outwards(packet)
        if isinstance(self.spec, Router) and self.spec.rewrite is not None:
            packet = rewritten(packet, self.spec.rewrite, bits ^ self.box_place)
        return packet


@dataclass(frozen=True, slots=True)
class Hop:
    """A node on a path, and the ways between it and the source."""

    node: Node
    address: str | None
    """Address that it answers from; None if it has none of this family, or if it is a target."""
    incoming: str | None
    """Address of the interface that packets arrive by."""
    link: Crossing
    """From the node before."""
    mtu: int | None
    """Of that link."""
    out: Way
    back: Way
    back_ids: tuple[str, ...]
    """Routers that its answers pass."""
    interface: InterfaceInfo | None = None
    """What it knows of the interface that packets arrive by."""
    back_roles: tuple[Role | None, ...] | None = None
    """Of the node itself and the routers on its way back; None where there are no tunnels back."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of packets of one TTL, protocol and size on a path, if none is lost."""

    end: End
    index: int
    """Of the hop where it ends; `AT_SOURCE` if it never leaves."""
    quoted_ttl: int = 0
    stack: tuple[MplsEntry, ...] = ()
    out: Way = NO_WAY
    back: Way = NO_WAY
    answer_ttl: int | None = None
    """TTL with which an answer arrives at the source; None if it runs out before."""
    mtu: int = 0
    """What would have fitted."""


@dataclass(frozen=True, slots=True)
class Path:
    """The nodes a packet passes; the target last, unless they are a loop."""

    af: int
    hops: tuple[Hop, ...]
    stations: tuple[Station, ...]
    barriers: Mapping[str, int]
    """By protocol: index of the router that does not let it through."""
    narrows: tuple[tuple[int, int], ...]
    """MTU of links smaller than all before, and the index of the node before each."""
    boxes: tuple[int, ...]
    """Indexes of the nodes that change what passes."""
    outcomes: dict[tuple[int, int, int], Outcome] = field(default_factory=dict)

    @property
    def target(self) -> Target | None:
        """The node at its end; None in a loop."""
        spec = self.hops[-1].node.spec
        return spec if isinstance(spec, Target) else None

    def outcome(self, ttl: int, protocol: str, size: int) -> Outcome:
        """Find what becomes of a packet.

        Parameters
        ----------
        ttl
            As it leaves the source.
        protocol
            As filters spell it; "" for any other.
        size
            Bytes; 0 for one that may be fragmented.
        """
        last = len(self.hops) - 1
        barrier = self.barriers.get(protocol, last + 1)
        narrow, mtu = last + 1, 0
        for limit, at in self.narrows:
            if size > limit:
                narrow, mtu = at, limit
                break
        key = (ttl, barrier, narrow)
        found = self.outcomes.get(key)
        if found is None:
            found = self.outcomes[key] = self._work_out(ttl, barrier, narrow, mtu)
        return found

    def _work_out(self, ttl: int, barrier: int, narrow: int, mtu: int) -> Outcome:
        if narrow == AT_SOURCE:
            return Outcome("too big", AT_SOURCE, mtu=mtu)
        last = min(barrier, narrow, len(self.hops) - 1)
        life = find_lifespan(self.stations[: last + 1], ttl)
        end: End = "exceeded"
        if not life.expired:
            if barrier == last:
                end = "refused"
            elif narrow == last:
                end = "too big"
            else:
                end = "nowhere" if self.target is None else "arrived"
        hop = self.hops[life.end]
        back, answer = self._way_back(life.end, life.detour)
        return Outcome(end, life.end, life.quoted_ttl, life.stack, hop.out, back, answer, mtu)

    def _way_back(self, index: int, detour: int | None) -> tuple[Way, int | None]:
        """Way of the answer of a hop, and the TTL that is left of it."""
        turn = index if detour is None else detour
        back = NO_WAY
        for hop in self.hops[index + 1 : turn + 1]:
            back = back.then(hop.link)
        back = back.joined(self.hops[turn].back)
        initial = self.hops[index].node.spec.reply_ttl
        roles = self.hops[turn].back_roles
        if roles is not None:
            return back, answer_ttl(initial, (*((None,) * (turn - index)), *roles))
        left = initial - (turn - index) - len(self.hops[turn].back_ids)
        return back, left if left > 0 else None


def find_barriers(hops: tuple[Hop, ...]) -> dict[str, int]:
    """Find the index of the first router that refuses a protocol, for each that is refused."""
    barriers: dict[str, int] = {}
    for index, hop in enumerate(hops):
        spec = hop.node.spec
        if isinstance(spec, Router) and spec.filter is not None:
            for protocol in spec.filter_protocols:
                barriers.setdefault(protocol, index)
    return barriers


def find_narrows(hops: tuple[Hop, ...]) -> tuple[tuple[int, int], ...]:
    """Find the links that are narrower than all before them: MTU, and index of the node before."""
    narrows: list[tuple[int, int]] = []
    for index, hop in enumerate(hops):
        if hop.mtu is not None and (not narrows or hop.mtu < narrows[-1][0]):
            narrows.append((hop.mtu, index - 1))
    return tuple(narrows)
