"""The network as forwarding sees it: nodes, links between them, and the way a packet takes.

`Topology.lane` says which packets go the same way: today those to one address between two route changes. A
path is worked out node by node (`next_node`), once a lane. Whatever else may decide a packet's way (its
flow, its own number) belongs into the lane and into `next_node`; nobody else knows how a path comes about.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from trippy_nb.sim.delays import Constant, Delay, Dice, uniform
from trippy_nb.sim.scenario import SOURCE, LinkSpec, Router, Scenario, Target
from trippy_nb.wire import pack_address

Lane = tuple[bytes, int]
"""Packed destination, and number of the epoch between two route changes."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """One direction of one link."""

    delay: Delay
    loss: float
    delay_place: int
    loss_place: int

    @property
    def is_certain(self) -> bool:
        """Whether every packet comes through in the same time."""
        return not self.loss and isinstance(self.delay, Constant)


@dataclass(frozen=True, slots=True)
class Way:
    """A sequence of crossings in one direction, with what is certain about it added up."""

    certain_ns: int = 0
    chancy: tuple[Crossing, ...] = ()

    def then(self, crossing: Crossing) -> "Way":
        """The way that goes one link farther."""
        if crossing.is_certain:
            return Way(self.certain_ns + crossing.delay.base_ns, self.chancy)
        return Way(self.certain_ns, (*self.chancy, crossing))

    def cross_ns(self, packet: int) -> int | None:
        """Time this packet takes; None if it is lost.

        Parameters
        ----------
        packet
            Its 64 bits, from `Dice.packet`.
        """
        total_ns = self.certain_ns
        for crossing in self.chancy:
            if crossing.loss and uniform(packet, crossing.loss_place) < crossing.loss:
                return None
            total_ns += crossing.delay.draw_ns(uniform(packet, crossing.delay_place))
        return total_ns


@dataclass(frozen=True, slots=True)
class Node:
    """A router or a target."""

    spec: Router | Target
    answer_place: int
    delay_place: int

    @property
    def id(self) -> str:
        """What the scenario calls it."""
        return self.spec.id


@dataclass(frozen=True, slots=True)
class Hop:
    """A node on a path, and the ways between it and the source."""

    node: Node
    out: Way
    back: Way


@dataclass(frozen=True, slots=True)
class Path:
    """The nodes a packet passes, the target last."""

    af: int
    hops: tuple[Hop, ...]
    barriers: Mapping[str, int]
    """By protocol: position (from 1) of the router that does not let it through."""

    @property
    def target(self) -> Target:
        """The node at its end."""
        spec = self.hops[-1].node.spec
        assert isinstance(spec, Target)
        return spec


def find_barriers(hops: tuple[Hop, ...]) -> dict[str, int]:
    """Find the position (from 1) of the first router that refuses a protocol, for each that is refused."""
    barriers: dict[str, int] = {}
    for position, hop in enumerate(hops, 1):
        spec = hop.node.spec
        if isinstance(spec, Router) and spec.filter is not None:
            for protocol in spec.filter_protocols:
                barriers.setdefault(protocol, position)
    return barriers


class Topology:
    """Nodes, links and routes of a scenario.

    Parameters
    ----------
    scenario
        A checked scenario.
    dice
        Where links and nodes get their places from.
    """

    def __init__(self, scenario: Scenario, dice: Dice) -> None:
        self.scenario = scenario
        self._dice = dice
        specs: tuple[Router | Target, ...] = (*scenario.routers, *scenario.targets)
        self._nodes = {spec.id: self._make_node(spec) for spec in specs}
        self._own_links = {link.ends: link.link for link in scenario.links}
        self._owners = {
            pack_address(addr): target
            for target in scenario.targets
            for addr in (*target.v4, *target.v6)
        }  # fmt: skip
        self._changes = scenario.changes()
        self._paths: dict[Lane, Path | None] = {}

    def _make_node(self, spec: Router | Target) -> Node:
        return Node(spec, self._dice.place("answer", spec.id), self._dice.place("answer delay", spec.id))

    def lane(self, destination: bytes, at_ns: int) -> Lane:
        """Name the way of a packet that leaves the source at this time."""
        return destination, bisect_right(self._changes, at_ns)

    def path(self, destination: bytes, at_ns: int) -> Path | None:
        """Find the way of a packet; None if nobody has that address.

        A packet takes the way that was in force when it left, and its answer goes the same way back: a
        route change overtakes nobody.
        """
        lane = self.lane(destination, at_ns)
        if lane not in self._paths:
            self._paths[lane] = self._work_out(destination, at_ns)
        return self._paths[lane]

    def _work_out(self, destination: bytes, at_ns: int) -> Path | None:
        hops: list[Hop] = []
        here, out, back = SOURCE, Way(), Way()
        while (node := self.next_node(here, destination, at_ns)) is not None:
            there, returning = self.crossings(here, node)
            out, back = out.then(there), back.then(returning)
            hops.append(Hop(node, out, back))
            here = node.id
        if not hops:
            return None
        return Path(4 if len(destination) == 4 else 6, tuple(hops), find_barriers(tuple(hops)))  # noqa: PLR2004 - IPv4 or IPv6

    def next_node(self, here: str, destination: bytes, at_ns: int) -> Node | None:
        """Forward one hop; None at the end of the way, or where nobody has that address."""
        target = self._owners.get(destination)
        if target is None or here == target.id:
            return None
        route = self.scenario.route(target.name, 4 if len(destination) == 4 else 6, at_ns)  # noqa: PLR2004 - IPv4 or IPv6
        if route is None:
            return None
        stations = (SOURCE, *route.via, target.id)
        return self._nodes[stations[stations.index(here) + 1]]

    def link(self, near: str, far: Node) -> LinkSpec:
        """What the link between two neighbours does: described on its own, or at the farther node."""
        return self._own_links.get((near, far.id), far.spec.link)

    def crossings(self, near: str, far: Node) -> tuple[Crossing, Crossing]:
        """Both directions of a link: out and back."""
        spec = self.link(near, far)
        place = self._dice.place
        out = Crossing(spec.delay, spec.loss, place(near, far.id, "delay"), place(near, far.id, "loss"))
        back_delay = spec.delay if spec.delay_back is None else spec.delay_back
        back = Crossing(back_delay, spec.loss_back, place(far.id, near, "delay"), place(far.id, near, "loss"))
        return out, back
