"""What is wrong between the parts of a scenario: where, and why. Single values are `sim.reading`'s."""

from collections.abc import Iterator
from itertools import pairwise

from trippy_nb.sim.nodes import SOURCE
from trippy_nb.sim.places import Place
from trippy_nb.sim.routes import AmbiguousWayError, Route, links_of, nodes_of
from trippy_nb.sim.scenario import Router, Scenario, Target

Complaint = tuple[Place, str]

_IPV6 = 6


def check_scenario(scenario: Scenario) -> Iterator[Complaint]:
    """Find what is wrong between the parts of a scenario: where, and why."""
    yield from _check_names(scenario)
    yield from _check_addresses(scenario)
    broken = list(_check_routes(scenario))
    yield from broken
    if broken:
        return  # the rest walks the ways
    ways = _Ways(scenario)
    yield from _check_families(scenario, ways)
    yield from _check_links(scenario, ways)
    yield from _check_returns(scenario)
    yield from _check_tunnels(scenario)
    yield from _check_congestions(scenario, ways)


class _Ways:
    """Every link and node that some packet passes, by family."""

    def __init__(self, scenario: Scenario) -> None:
        self.links: dict[int, set[tuple[str, str]]] = {4: set(), _IPV6: set()}
        self.behind_nat64: set[str] = set()
        translators = {router.id for router in scenario.routers if router.nat64 is not None}
        for route in scenario.routes:
            for target in _ends(scenario, route):
                tables = route.tables(target.name)
                for af in scenario.families(target):
                    if route.family in (None, af):
                        self.links[af] |= set(links_of(tables))
                for translator in translators & tables.keys():
                    self.behind_nat64 |= {far for _, far in links_of(tables, translator)}

    def nodes(self, af: int) -> set[str]:
        return {far for _, far in self.links[af]}

    @property
    def all_links(self) -> set[tuple[str, str]]:
        return self.links[4] | self.links[_IPV6]


def _ends(scenario: Scenario, route: Route) -> list[Target]:
    return [target for target in scenario.targets if route.to in (None, target.name)]


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
    owners: dict[str, str] = {}
    yield from _check_target_claims(scenario, owners)
    # The source's own addresses may be a target's too (that is a loopback), but not a router's.
    owners |= {addr: "the source" for addr in (source.v4, source.v6) if addr is not None}
    yield from _check_router_claims(scenario, owners)


def _check_target_claims(scenario: Scenario, owners: dict[str, str]) -> Iterator[Complaint]:
    casts = {addr for t in scenario.targets if t.anycast for addr in (*t.v4, *t.v6)}
    for number, target in enumerate(scenario.targets):
        for af in (4, 6):
            for addr in target.addresses(af):
                both = target.anycast and owners.get(addr, "").startswith("anycast ")
                if addr in owners and not both:
                    why = ": give each of them anycast = true" if addr in casts else ""
                    yield ("target", number, f"v{af}"), f"{addr} belongs to {owners[addr]} already{why}"
                owners[addr] = f"{'anycast ' if target.anycast else ''}target {target.name!r}"
            own = target.answer_address(af)
            if own is not None:
                owners.setdefault(own, f"target {target.name!r}")


def _check_router_claims(scenario: Scenario, owners: dict[str, str]) -> Iterator[Complaint]:
    claims = [
        (("router", number, f"v{af}"), addr, router.id)
        for number, router in enumerate(scenario.routers)
        for af in (4, 6)
        if (addr := router.address(af)) is not None
    ]
    for number, link in enumerate(scenario.links):
        for key, addr, end in (
            ("v4", link.v4, 1), ("v6", link.v6, 1), ("near_v4", link.near_v4, 0), ("near_v6", link.near_v6, 0)
        ):  # fmt: skip
            if addr is not None:
                claims.append((("link", number, key), addr, link.ends[end]))
    for place, addr, router_id in claims:
        owner = f"router {router_id!r}"
        if owners.get(addr, owner) != owner:  # one router may have it on several interfaces
            yield place, f"{addr} belongs to {owners[addr]} already"
        elif place[0] == "router" and owners.get(addr) == owner:
            yield place, f"{addr} belongs to {owner} already"
        owners[addr] = owner


def _check_routes(scenario: Scenario) -> Iterator[Complaint]:
    routers = {router.id for router in scenario.routers}
    targets = {target.name for target in scenario.targets}
    seen: dict[tuple[int, str | None, int | None], int] = {}
    for number, route in enumerate(scenario.routes):
        if route.to is not None and route.to not in targets:
            yield ("route", number, "to"), f"{route.to!r} is not the name of a target"
            continue
        yield from _check_times(number, route)
        if route.via is None:
            yield from _check_next(number, route, routers, targets)
        else:
            yield from _check_via(number, route, routers)
        same = (route.at_ns, route.to, route.family)
        if same in seen:
            yield ("route", number, "at"), f"route number {seen[same] + 1} begins at the same moment"
        seen[same] = number


def _check_times(number: int, route: Route) -> Iterator[Complaint]:
    if (route.every_ns is None) != (route.lasts_ns is None):
        key = "every" if route.lasts_ns is None else "lasts"
        yield (
            ("route", number, key),
            "every and lasts belong together: how often it comes, and how long it stays",
        )
    elif route.every_ns is not None and route.lasts_ns is not None and route.lasts_ns >= route.every_ns:
        yield ("route", number, "lasts"), "it lasts until it comes again: leave both out"
    if route.until_ns is not None and route.until_ns <= route.at_ns:
        yield ("route", number, "until"), "it ends before it begins"


def _check_via(number: int, route: Route, routers: set[str]) -> Iterator[Complaint]:
    place = ("route", number, "via")
    assert route.via is not None
    for node in nodes_of(route.via):
        if node not in routers:
            known = ", ".join(sorted(routers)) or "none"
            yield place, f"{node!r} is not the id of a router (there are: {known})"
            return
    try:
        route.tables("\0")
    except AmbiguousWayError as odd:
        node = str(odd)
        if all(isinstance(element, str) for element in route.via):
            yield place, f"router {node!r} is on the way more than once"
        else:
            yield (
                place,
                f"{node!r} has other next hops in one alternative than in another: write the way as next",
            )


def _check_next(number: int, route: Route, routers: set[str], targets: set[str]) -> Iterator[Complaint]:
    place, tables = ("route", number, "next"), dict(route.next)
    if SOURCE not in tables:
        yield place, f"{SOURCE!r} has no next hop"
        return
    known = ", ".join(sorted(routers | targets))
    for node, hops in tables.items():
        if node != SOURCE and node not in routers:
            yield place, f"{node!r} is not the id of a router (there are: {', '.join(sorted(routers))})"
        for hop in hops:
            if hop.to not in routers and hop.to not in targets:
                yield place, f"{hop.to!r} is neither a router nor a target (there are: {known})"
            elif hop.to in routers and hop.to not in tables:
                yield place, f"{hop.to!r} has no next hop, and is no target"


def _check_families(scenario: Scenario, ways: _Ways) -> Iterator[Complaint]:
    for number, target in enumerate(scenario.targets):
        for af in scenario.families(target):
            if target.anycast:
                continue  # a route may lead to another instance of it
            if scenario.route(target.name, af, 0) is None:
                yield ("target", number, f"v{af}"), f"no [[route]] at 0s leads there over IPv{af}"
    addressed = {
        (link.ends[1], af) for link in scenario.links for af in (4, 6) if link.address(af) is not None
    }
    for number, router in enumerate(scenario.routers):
        for af in (4, 6):
            if router.id in ways.nodes(af) and not _has_address(router, af, addressed, ways):
                yield (
                    ("router", number, ""),
                    f"router {router.id!r} is on an IPv{af} route: give it v{af}, or make it silent",
                )
                break


def _has_address(router: Router, af: int, addressed: set[tuple[str, int]], ways: _Ways) -> bool:
    if router.silent or router.address(af) is not None or (router.id, af) in addressed:
        return True
    return af == _IPV6 and router.id in ways.behind_nat64 and router.v4 is not None


def _check_links(scenario: Scenario, ways: _Ways) -> Iterator[Complaint]:
    used = set(ways.all_links)
    for back in scenario.returns:
        nodes = (*back.via, SOURCE)
        used.update(pairwise(nodes))
        starts = back.of or tuple(far for _, far in ways.all_links)
        used.update((start, nodes[0]) for start in starts)
    seen: set[tuple[str, str]] = set()
    for number, link in enumerate(scenario.links):
        near, far = link.ends
        if link.ends not in used:
            yield ("link", number, "ends"), f"no route goes from {near!r} to {far!r}"
        if link.ends in seen:
            yield ("link", number, "ends"), f"the link from {near!r} to {far!r} is described twice"
        seen.add(link.ends)


def _check_returns(scenario: Scenario) -> Iterator[Complaint]:
    routers = {router.id for router in scenario.routers}
    nodes = routers | {target.name for target in scenario.targets}
    for number, back in enumerate(scenario.returns):
        for key, ids, known in (("via", back.via, routers), ("of", back.of or (), nodes)):
            for node in ids:
                if node not in known:
                    there = ", ".join(sorted(known)) or "none"
                    yield (
                        ("return", number, key),
                        f"{node!r} is not the id of a node here (there are: {there})",
                    )
        if back.until_ns is not None and back.until_ns <= back.at_ns:
            yield ("return", number, "until"), "it ends before it begins"


def _check_tunnels(scenario: Scenario) -> Iterator[Complaint]:
    routers = {router.id for router in scenario.routers}
    for number, tunnel in enumerate(scenario.tunnels):
        for node in tunnel.through:
            if node not in routers:
                known = ", ".join(sorted(routers)) or "none"
                yield (
                    ("tunnel", number, "through"),
                    f"{node!r} is not the id of a router (there are: {known})",
                )
        if len(tunnel.labels) >= len(tunnel.through):
            most = len(tunnel.through) - 1
            yield (
                ("tunnel", number, "labels"),
                f"{len(tunnel.labels)} labels, but only {most} routers get one",
            )


def _check_congestions(scenario: Scenario, ways: _Ways) -> Iterator[Complaint]:
    for number, congestion in enumerate(scenario.congestions):
        if congestion.ends not in ways.all_links:
            near, far = congestion.ends
            yield ("congestion", number, "ends"), f"no route goes from {near!r} to {far!r}"
        if congestion.until_ns <= congestion.at_ns:
            yield ("congestion", number, "until"), "it ends before it begins"
