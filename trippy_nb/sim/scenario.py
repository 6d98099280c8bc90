"""What a scenario says, as frozen values; every key of a file is a field here (docs/scenarios.md).

The values are checked against each other by `check_scenario`; `sim.reading` makes them from TOML.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from trippy_nb.sim.clock import DEFAULT_EPOCH_NS
from trippy_nb.sim.delays import NO_DELAY, Delay
from trippy_nb.sim.places import Place

SOURCE = "source"
"""What routes and links call the machine that probes."""

Quote = Literal["full", "short"]
Filter = Literal["prohibited", "host-unreachable", "no-route", "drop"]
EchoBehaviour = Literal["answers", "silent"]
PortBehaviour = Literal["open", "closed", "filtered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the probes come from."""

    name: str = "source.example"
    v4: str | None = None
    v6: str | None = None

    def address(self, af: int) -> str | None:
        """The one address of a family."""
        return self.v4 if af == 4 else self.v6  # noqa: PLR2004 - IP version


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSpec:
    """What crossing a link does to a packet. One way each; the way back is drawn anew."""

    delay: Delay = NO_DELAY
    delay_back: Delay | None = None
    """None: distributed as on the way out."""
    loss: float = 0.0
    """Share of packets that vanish on the way out (0 to 1)."""
    loss_back: float = 0.0
    """Share of answers that vanish on the way back (0 to 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A host that can be traced, under a name and any number of addresses."""

    name: str
    v4: tuple[str, ...] = ()
    v6: tuple[str, ...] = ()
    link: LinkSpec = field(default_factory=LinkSpec)
    icmp: EchoBehaviour = "answers"
    udp: PortBehaviour = "closed"
    udp_open: tuple[int, ...] = ()
    tcp: PortBehaviour = "closed"
    tcp_open: tuple[int, ...] = ()
    answer_delay: Delay = NO_DELAY
    answer_ratio: float = 1.0
    quote: Quote = "full"
    reply_ttl: int = 64

    @property
    def id(self) -> str:
        """Its name among the nodes."""
        return self.name

    def addresses(self, af: int) -> tuple[str, ...]:
        """All addresses of a family."""
        return self.v4 if af == 4 else self.v6  # noqa: PLR2004 - IP version


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """A machine that forwards, and says so when a packet's TTL ends at it."""

    id: str
    name: str | None = None
    """Host name of its addresses; None where a reverse look-up finds nothing."""
    v4: str | None = None
    v6: str | None = None
    link: LinkSpec = field(default_factory=LinkSpec)
    silent: bool = False
    answer_delay: Delay = NO_DELAY
    """Time it takes to write an answer itself; packets passing through do not wait for it."""
    answer_ratio: float = 1.0
    """Share of expired packets that it bothers to answer (0 to 1)."""
    quote: Quote = "full"
    reply_ttl: int = 255
    filter: Filter | None = None
    filter_protocols: tuple[str, ...] = ("icmp", "udp", "tcp")

    def address(self, af: int) -> str | None:
        """The address it answers from."""
        return self.v4 if af == 4 else self.v6  # noqa: PLR2004 - IP version


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link of its own: where the way into a router depends on where one comes from."""

    ends: tuple[str, str]
    """Node nearer to the source, node farther away."""
    link: LinkSpec = field(default_factory=LinkSpec)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The routers between source and target, from a moment on."""

    via: tuple[str, ...]
    at_ns: int = 0
    to: str | None = None
    """Target; None is every target."""
    family: int | None = None
    """4 or 6; None is both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A network, its history and its dice."""

    name: str
    description: str = ""
    seed: int = 0
    epoch_ns: int = DEFAULT_EPOCH_NS
    source: Source
    targets: tuple[Target, ...]
    routers: tuple[Router, ...] = ()
    links: tuple[Link, ...] = ()
    routes: tuple[Route, ...] = ()

    def families(self, target: Target) -> tuple[int, ...]:
        """Address families in which a target can be traced."""
        return tuple(af for af in (4, 6) if target.addresses(af))

    def route(self, target: str, af: int, at_ns: int) -> Route | None:
        """Find the route in force: the latest that matches; of two at one moment, the later in the file."""
        best: Route | None = None
        for route in self.routes:
            matches = route.at_ns <= at_ns and route.to in (None, target) and route.family in (None, af)
            if matches and (best is None or route.at_ns >= best.at_ns):
                best = route
        return best

    def changes(self) -> tuple[int, ...]:
        """Moments (ns of virtual time) at which some route begins, the first of them 0."""
        return tuple(sorted({0, *(route.at_ns for route in self.routes)}))


Complaint = tuple[Place, str]


def check_scenario(scenario: Scenario) -> Iterator[Complaint]:
    """Find what is wrong between the parts of a scenario: where, and why."""
    yield from _check_names(scenario)
    yield from _check_addresses(scenario)
    yield from _check_routes(scenario)
    yield from _check_paths(scenario)
    yield from _check_links(scenario)


def _check_names(scenario: Scenario) -> Iterator[Complaint]:
    taken = {SOURCE: "the source"}
    nodes = [(("target", number, "name"), node.name) for number, node in enumerate(scenario.targets)]
    nodes += [(("router", number, "id"), node.id) for number, node in enumerate(scenario.routers)]
    for place, name in nodes:
        if name in taken:
            yield place, f"{name!r} is the name of {taken[name]} already"
        taken[name] = f"{place[0]} number {place[1] + 1}"


def _check_addresses(scenario: Scenario) -> Iterator[Complaint]:
    source = scenario.source
    if source.v4 is None and source.v6 is None:
        yield ("source", 0, ""), "the source has no address: give it v4, v6 or both"
    for number, target in enumerate(scenario.targets):
        if not target.v4 and not target.v6:
            yield ("target", number, ""), f"target {target.name!r} has no address: give it v4, v6 or both"
        for af in scenario.families(target):
            if source.address(af) is None:
                yield ("target", number, f"v{af}"), f"the source has no IPv{af} address to trace it from"
    taken: dict[str, str] = {}
    yield from _check_claims(_target_claims(scenario), taken)
    # The source's own addresses may be a target's too (that is a loopback), but not a router's.
    taken |= {addr: "the source" for addr in (source.v4, source.v6) if addr is not None}
    yield from _check_claims(_router_claims(scenario), taken)


_Claim = tuple[Place, str, str]  # where it stands, the address, whose it is


def _target_claims(scenario: Scenario) -> Iterator[_Claim]:
    for number, target in enumerate(scenario.targets):
        for af in (4, 6):
            for addr in target.addresses(af):
                yield ("target", number, f"v{af}"), addr, f"target {target.name!r}"


def _router_claims(scenario: Scenario) -> Iterator[_Claim]:
    for number, router in enumerate(scenario.routers):
        for af in (4, 6):
            addr = router.address(af)
            if addr is not None:
                yield ("router", number, f"v{af}"), addr, f"router {router.id!r}"


def _check_claims(claims: Iterator[_Claim], taken: dict[str, str]) -> Iterator[Complaint]:
    for place, addr, owner in claims:
        if addr in taken:
            yield place, f"{addr} belongs to {taken[addr]} already"
        taken[addr] = owner


def _check_routes(scenario: Scenario) -> Iterator[Complaint]:
    routers = {router.id for router in scenario.routers}
    targets = {target.name for target in scenario.targets}
    seen: dict[tuple[int, str | None, int | None], int] = {}
    for number, route in enumerate(scenario.routes):
        for node in route.via:
            if node not in routers:
                known = ", ".join(sorted(routers)) or "none"
                yield ("route", number, "via"), f"{node!r} is not the id of a router (there are: {known})"
            elif route.via.count(node) > 1:
                yield ("route", number, "via"), f"router {node!r} is on the way more than once"
                break
        if route.to is not None and route.to not in targets:
            yield ("route", number, "to"), f"{route.to!r} is not the name of a target"
        same = (route.at_ns, route.to, route.family)
        if same in seen:
            yield ("route", number, "at"), f"route number {seen[same] + 1} begins at the same moment"
        seen[same] = number


def _check_paths(scenario: Scenario) -> Iterator[Complaint]:
    routers = {router.id: router for router in scenario.routers}
    numbers = {router.id: number for number, router in enumerate(scenario.routers)}
    complained: set[tuple[str, int]] = set()
    for target_number, target in enumerate(scenario.targets):
        for af in scenario.families(target):
            if scenario.route(target.name, af, 0) is None:
                yield ("target", target_number, f"v{af}"), f"no [[route]] at 0s leads there over IPv{af}"
            for at_ns in scenario.changes():
                route = scenario.route(target.name, af, at_ns)
                for node in route.via if route else ():
                    router = routers.get(node)
                    mute = router is None or router.silent or router.address(af) is not None
                    if mute or (node, af) in complained:
                        continue
                    complained.add((node, af))
                    yield (
                        ("router", numbers[node], ""),
                        f"router {node!r} is on an IPv{af} route: give it v{af}, or make it silent",
                    )


def _check_links(scenario: Scenario) -> Iterator[Complaint]:
    used: set[tuple[str, str]] = set()
    for route in scenario.routes:
        ends = [target.name for target in scenario.targets if route.to in (None, target.name)]
        for end in ends:
            nodes = (SOURCE, *route.via, end)
            used.update(pairwise(nodes))
    seen: set[tuple[str, str]] = set()
    for number, link in enumerate(scenario.links):
        near, far = link.ends
        if link.ends not in used:
            yield ("link", number, "ends"), f"no route goes from {near!r} to {far!r}"
        if link.ends in seen:
            yield ("link", number, "ends"), f"the link from {near!r} to {far!r} is described twice"
        seen.add(link.ends)
