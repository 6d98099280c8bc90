"""The network as forwarding sees it: nodes, links between them, and the way a packet takes.

The ways to one address, in a stretch of time without a change, are a tree: its branches are the choices of
balancers, its leaves are paths. A packet climbs it, choosing at each fork; what lies between is worked out
once. A packet takes the way that was in force when it left: a route change overtakes nobody.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from trippy_nb.sim.balancing import Balancer
from trippy_nb.sim.crossings import Crossing, Way, crossings
from trippy_nb.sim.delays import Dice
from trippy_nb.sim.lifespan import Role, Station
from trippy_nb.sim.limits import make_limiter
from trippy_nb.sim.nat import Translator
from trippy_nb.sim.nodes import SOURCE, Link, LinkSpec, Router, Target
from trippy_nb.sim.paths import MAX_HOPS, Hop, Node, Path, find_barriers, find_narrows
from trippy_nb.sim.routes import Tables
from trippy_nb.sim.scenario import Congestion, Moment, Scenario
from trippy_nb.sim.tunnels import back_tunnels, roles
from trippy_nb.wire import InterfaceInfo, InterfaceRole, pack_address

Lane = tuple[bytes, Moment]
"""Packed destination, and the stretch of time."""

_MOST_PATHS: Final = 20_000  # some 40 MB; a network with more is worked out again and again
_IPV4, _IPV4_SIZE = 4, 4
_DAY_NS: Final = 86_400_000_000_000


@dataclass(slots=True)
class Fork:
    """A place in the tree of ways: the nodes up to here, and what may come next."""

    here: str
    tables: Tables
    destination: bytes
    at_ns: int
    hops: tuple[Hop, ...] = ()
    prefix: str | None = None
    """Of addresses behind the NAT64 that lies before."""
    balancer: Balancer | None = None
    branches: dict[int, "Fork"] = field(default_factory=dict)
    path: Path | None = None
    """At a leaf."""


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
        self._links = {link.ends: link for link in scenario.links}
        self._owners: dict[bytes, tuple[Target, ...]] = {}
        for target in scenario.targets:
            for addr in (*target.v4, *target.v6):
                packed = pack_address(addr)
                self._owners[packed] = (*self._owners.get(packed, ()), target)
        self._back_tunnels = back_tunnels(scenario.tunnels)
        self.source_is_narrow = any(
            self.link_spec(near, far).mtu is not None
            for near, far in scenario.outward_links
            if near == SOURCE
        )
        """Whether a packet may be too large for the source's own link."""
        self._roots: dict[Lane, Fork | None] = {}
        self._n_paths = 0

    def _make_node(self, spec: Router | Target) -> Node:
        place = self._dice.place
        limit = spec.limit if isinstance(spec, Router) else None
        nat = spec.nat if isinstance(spec, Router) else None
        return Node(
            spec,
            place("answer", spec.id),
            place("answer delay", spec.id),
            place("box", spec.id),
            None if limit is None else make_limiter(limit),
            None if nat is None else Translator(nat, place("nat", spec.id)),
        )

    def node(self, name: str) -> Node:
        """Find a node by its id."""
        return self._nodes[name]

    def owners(self, destination: bytes) -> tuple[Target, ...]:
        """Find who has an address: nobody, a target, or several of one anycast address."""
        return self._owners.get(destination, ())

    def path(self, packet: bytes, destination: bytes, at_ns: int, bits: int) -> Path | None:
        """Find the way of a packet; None if nobody has that address.

        Parameters
        ----------
        packet
            As it leaves the source.
        destination
            Its packed destination.
        at_ns
            When it leaves.
        bits
            64 bits that belong to this packet and moment.
        """
        fork = self.root(destination, at_ns)
        if fork is None:
            return None
        changed = 0  # hops whose changes are in the packet
        while fork.balancer is not None:
            for hop in fork.hops[changed:]:
                if hop.node.is_box:
                    packet = hop.node.pass_on(packet, bits)
            changed = len(fork.hops)
            fork = self.branch(fork, fork.balancer.choose(packet, bits))
        return fork.path

    def root(self, destination: bytes, at_ns: int) -> Fork | None:
        """Find the tree of ways to an address; None if nobody has it."""
        lane = destination, self.scenario.moment(at_ns)
        if lane not in self._roots:
            if self._n_paths > _MOST_PATHS:
                self._roots.clear()
                self._n_paths = 0
            tables = self.tables(destination, at_ns)
            fork = None if tables is None else Fork(SOURCE, tables, destination, at_ns)
            self._roots[lane] = None if fork is None else self._grown(fork)
        return self._roots[lane]

    def branch(self, fork: Fork, number: int) -> Fork:
        """Go on from a fork by one of its next hops."""
        known = fork.branches.get(number)
        if known is None:
            assert fork.balancer is not None
            known = Fork(fork.here, fork.tables, fork.destination, fork.at_ns, fork.hops, fork.prefix)
            self._step(known, fork.balancer.hops[number].to)
            fork.branches[number] = self._grown(known)
        return known

    def tables(self, destination: bytes, at_ns: int) -> Tables | None:
        """Find the forwarding tables for an address; None if nobody has it, or no route leads there."""
        best: tuple[int, Tables] | None = None
        for target in self.owners(destination):
            route = self.scenario.route(target.name, _family(destination), at_ns)
            if route is not None and (best is None or route.at_ns > best[0]):
                best = route.at_ns, route.tables(target.name)
        return None if best is None else best[1]

    def _grown(self, fork: Fork) -> Fork:
        """Follow the way to the next balancer, or to its end."""
        while True:
            hops = fork.tables.get(fork.here, ())
            spec = None if fork.here == SOURCE else self._nodes[fork.here].spec
            at_end = isinstance(spec, Target) or len(fork.hops) >= MAX_HOPS
            if at_end or not hops:
                fork.path = self._finish(fork)
                self._n_paths += 1
                return fork
            if len(hops) > 1:
                policy = {"policy": spec.balance, "fields": spec.hash} if isinstance(spec, Router) else {}
                fork.balancer = Balancer(fork.here, hops, **policy, dice=self._dice)  # type: ignore[arg-type]  # keywords by name
                return fork
            self._step(fork, hops[0].to)

    def _step(self, fork: Fork, far: str) -> None:
        """Add the next node to a way."""
        near, node, af = fork.here, self._nodes[far], _family(fork.destination)
        out, back = self.crossings(near, far, fork.at_ns)
        before = fork.hops[-1] if fork.hops else None
        link = self._links.get((near, far))
        incoming = self._incoming(node, link, af, fork.prefix)
        hop = Hop(
            node=node,
            address=incoming,
            incoming=incoming,
            link=out,
            mtu=self.link_spec(near, far).mtu,
            out=(Way() if before is None else before.out).then(out),
            back=(Way() if before is None else before.back).then(back),
            back_ids=() if before is None else (before.node.id, *before.back_ids),
            interface=self._interface(node, link, incoming, near),
        )
        fork.hops = (*fork.hops, hop)
        fork.here = far
        if isinstance(node.spec, Router) and node.spec.nat64 is not None and af != _IPV4:
            fork.prefix = node.spec.nat64

    @staticmethod
    def _incoming(node: Node, link: Link | None, af: int, prefix: str | None) -> str | None:
        spec = node.spec
        if isinstance(spec, Target):
            return None
        addr = None if link is None else link.address(af)
        if addr is None or spec.answers_from == "own":
            addr = spec.address(af) or addr
        if addr is None and prefix is not None and af != _IPV4:
            v4 = spec.v4 if link is None or link.v4 is None else link.v4
            addr = None if v4 is None else embed_v4(prefix, v4)
        return addr

    def _interface(self, node: Node, link: Link | None, addr: str | None, near: str) -> InterfaceInfo | None:
        spec = node.spec
        if not isinstance(spec, Router) or not spec.interfaces:
            return None
        return InterfaceInfo(
            role=InterfaceRole.INCOMING,
            index=None if link is None else link.ifindex,
            addr=addr,
            name=None if link is None else link.interface,
            mtu=self.link_spec(near, node.id).mtu,
        )

    def _finish(self, fork: Fork) -> Path:
        af = _family(fork.destination)
        ids = [hop.node.id for hop in fork.hops]
        found: Sequence[Role | None] = (None,) * len(ids)
        if self.scenario.tunnels:
            found = roles(ids, self.scenario.tunnels, self.scenario.seed, af=af)
        hops = tuple(self._with_way_back(hop, af, fork.at_ns) for hop in fork.hops)
        stations = tuple(
            Station(
                zero_ttl=isinstance(hop.node.spec, Router) and hop.node.spec.zero_ttl,
                role=role,
                is_target=isinstance(hop.node.spec, Target),
            )
            for hop, role in zip(hops, found, strict=True)
        )
        boxes = tuple(index for index, hop in enumerate(hops) if hop.node.is_box)
        return Path(af, hops, stations, find_barriers(hops), find_narrows(hops), boxes)

    def _with_way_back(self, hop: Hop, af: int, at_ns: int) -> Hop:
        """Give a hop the way of its answers, where that is one of its own, and tunnels on it."""
        here = hop.node.id
        back = self.scenario.return_of(here, af, at_ns)
        if back is not None:
            way = Way()
            for near, far in pairwise((here, *back.via, SOURCE)):
                way = way.then(self._inward(near, far, at_ns))
            address = hop.address
            if isinstance(hop.node.spec, Router) and hop.node.spec.answers_from == "outgoing":
                address = self._outgoing(hop, (*back.via, SOURCE)[0], af)
            hop = replace(hop, back=way, back_ids=back.via, address=address)
        if self._back_tunnels:
            ids = (here, *hop.back_ids)
            found = roles(ids, self._back_tunnels, self.scenario.seed, af=af)
            hop = replace(hop, back_roles=found)
        return hop

    def _outgoing(self, hop: Hop, towards: str, af: int) -> str | None:
        """Address of a router's interface towards the next router on the way back."""
        ahead, behind = self._links.get((hop.node.id, towards)), self._links.get((towards, hop.node.id))
        addr = None if ahead is None else ahead.near_address(af)
        if addr is None and behind is not None:
            addr = behind.address(af)
        return addr or hop.node.spec.address(af) or hop.incoming  # type: ignore[union-attr]  # asked of routers only

    def _inward(self, near: str, far: str, at_ns: int) -> Crossing:
        """Make the crossing of an answer, from a node to the next one on its way back.

        A link described in this direction counts as such, one described in the other by its values for the
        way back. Else what the node farther from the source says of the link to it: of the two, the one
        that some route reaches from the other; where none does, the one that the answer goes to.
        """
        if (near, far) in self._links:
            return self.crossings(near, far, at_ns)[0]
        if (far, near) in self._links or far == SOURCE or (far, near) in self.scenario.outward_links:
            return self.crossings(far, near, at_ns)[1]
        return self.crossings(near, far, at_ns)[0]

    def incoming(self, near: str, far: str, af: int) -> str | None:
        """Address of a router for what comes by a link; a NAT64 on the way is left aside."""
        return self._incoming(self._nodes[far], self._links.get((near, far)), af, None)

    def any_address(self, node: str, af: int) -> str | None:
        """Address of some interface of a router that has none of its own."""
        addrs = (link.address(af) for link in self._links.values() if link.ends[1] == node)
        return next((addr for addr in addrs if addr is not None), None)

    def link_spec(self, near: str, far: str) -> LinkSpec:
        """What the link between two neighbours does: described on its own, or at the farther node."""
        link = self._links.get((near, far))
        return self._nodes[far].spec.link if link is None else link.link

    def crossings(self, near: str, far: str, at_ns: int) -> tuple[Crossing, Crossing]:
        """Both directions of a link: out and back."""
        now = [c for c in self.scenario.congestions if c.ends == (near, far) and c.holds(at_ns)]
        return self._crossings(near, far, now)

    def plain_crossings(self, near: str, far: str) -> tuple[Crossing, Crossing]:
        """Both directions of a link, as they are without congestion."""
        return self._crossings(near, far, ())

    def _crossings(self, near: str, far: str, now: Sequence[Congestion]) -> tuple[Crossing, Crossing]:
        day_ns = self.scenario.epoch_ns % _DAY_NS
        return crossings(self.link_spec(near, far), near, far, now, self._dice, day_ns=day_ns)


def embed_v4(prefix: str, v4: str) -> str:
    """Spell an IPv4 address under a prefix of 96 bits: RFC 6052 section 2.2."""
    network = ipaddress.IPv6Network(prefix)
    return str(network[int(ipaddress.IPv4Address(v4))])


def _family(destination: bytes) -> int:
    return 4 if len(destination) == _IPV4_SIZE else 6
