"""A network as the player draws it: nodes in layers, links, tunnels, ways back, and what may be changed."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import networkx as nx

from trippy_nb.analysis import place_nodes
from trippy_nb.analysis.layers import layers_of
from trippy_nb.model import NS_PER_MS, NS_PER_S, seconds_to_ns
from trippy_nb.sim import Part, Scenario, SimNetwork
from trippy_nb.sim.scenario import SOURCE, LinkSpec, Router, Target
from trippy_nb.widgets.knobs import turned

Link = tuple[str, str]
_LATE_NS = 365 * 86_400 * NS_PER_S  # nobody waits so long: a link that is down for good
_MOST_MOMENTS = 12


def link_name(near: str, far: str) -> str:
    """Name a link as the browser does."""
    return f"{near} \N{RIGHTWARDS ARROW} {far}"


def parts_of(scenario: Scenario) -> dict[str, Part]:
    """Name everything that can be selected."""
    parts: dict[str, Part] = {"scenario": None}
    parts |= {node.id: node.id for node in scenario.nodes}
    parts |= {link_name(*link): link for link in sorted(scenario.outward_links)}
    parts |= {_tunnel_name(number): number for number in range(len(scenario.tunnels))}
    return parts


def _tunnel_name(number: int) -> str:
    return f"tunnel {number + 1}"


def net_view(network: SimNetwork, target: str, at_s: float) -> dict[str, Any]:
    """Describe a network at a moment, as plain JSON.

    Parameters
    ----------
    network
        The network.
    target
        Name of the target whose ways stand out.
    at_s
        Virtual time.
    """
    scenario, at_ns = network.scenario, seconds_to_ns(at_s)
    used = set(_used(scenario, target, at_ns))
    backs = sorted({link for way in _ways_back(scenario, at_ns) for link in pairwise(way)})
    layers = _layers(scenario)
    passed_back = [link for link in backs if not set(link) <= layers.keys()]  # the others lie there already
    edges = sorted(scenario.outward_links) + [link for link in passed_back if not set(link) & layers.keys()]
    layers |= _layers_back(layers, _ways_back(scenario, at_ns))
    order = {node: (i, node) for i, node in enumerate(layers)}
    lanes = place_nodes(layers, edges, order, dict.fromkeys(layers, 1.0))
    specs = {spec.id: spec for spec in scenario.nodes}
    forks = {near for near, n in _fan(used).items() if n > 1}
    on_way = {node for link in (*used, *backs) for node in link}
    down = {gap.ends for gap in scenario.congestions if gap.cuts and gap.holds(at_ns)}
    busy = {gap.ends for gap in scenario.congestions if gap.holds(at_ns)} - down
    nodes = [
        {
            "id": node,
            "layer": layers[node],
            "lane": round(2 * lanes[node]) / 2,  # straight lines; the order stays, and the room
            "kind": _kind(specs.get(node), fork=node in forks),
            "silent": _is_silent(specs.get(node)),
            "words": _node_words(specs.get(node), fork=node in forks),
            "used": node in on_way,
        }
        for node in layers
    ]
    links = [
        {
            "id": link_name(*link),
            "a": link[0],
            "b": link[1],
            "words": "down" if link in down else _link_words(network, link, busy=link in busy),
            "used": link in used,
            "down": link in down,
        }
        for link in sorted(scenario.outward_links, key=lambda link: (order[link[0]], order[link[1]]))
    ]
    return {
        "nodes": nodes,
        "links": links,
        "backs": [{"a": a, "b": b} for a, b in backs],
        "tunnels": [
            {"id": _tunnel_name(i), "through": list(tunnel.through), "words": f"MPLS, {tunnel.kind}"}
            for i, tunnel in enumerate(scenario.tunnels)
        ],
        "parts": _parts(network),
        "moments": _moments(scenario),
        "targets": [one.name for one in scenario.targets],
    }


def _used(scenario: Scenario, target: str, at_ns: int) -> Iterator[Link]:
    for one in scenario.targets:
        for af in scenario.families(one) if one.name == target else ():
            route = scenario.route(target, af, at_ns)
            if route is not None:
                tables = route.tables(target)
                yield from ((near, hop.to) for near, hops in tables.items() for hop in hops)


def _ways_back(scenario: Scenario, at_ns: int) -> Iterator[tuple[str, ...]]:
    for back in scenario.returns:
        if back.holds(at_ns):
            yield from ((start, *back.via, SOURCE) for start in back.of or back.via[:1])


def _layers(scenario: Scenario) -> dict[str, int]:
    """Give each node that probes pass a layer: the longest way to it, circles cut open."""
    links = nx.DiGraph(sorted(scenario.outward_links))
    links.add_node(SOURCE)
    floor = nx.single_source_shortest_path_length(links, SOURCE)
    layers = layers_of({link: 1 for link in links.edges if link[0] in floor}, floor)
    return layers | {node.id: 1 for node in scenario.targets if node.id not in layers}


def _layers_back(layers: Mapping[str, int], ways: Iterable[tuple[str, ...]]) -> dict[str, int]:
    """Give nodes that only answers pass a layer: evenly between those before and behind them."""
    found: dict[str, int] = {}
    for way in sorted(ways, key=lambda way: -layers.get(way[0], 0)):
        known = [i for i, node in enumerate(way) if node in layers]
        for first, last in pairwise(known):
            high, low, steps = layers[way[first]], layers[way[last]], last - first - 1
            for i in range(first + 1, last):
                part = 0.5 if steps == 1 else (i - first - 1) / (steps - 1)
                found.setdefault(way[i], max(1, round(high + (low - high) * part)))
    return found


def _fan(links: Iterable[Link]) -> dict[str, int]:
    count: dict[str, int] = defaultdict(int)
    for near, _ in links:
        count[near] += 1
    return count


def _is_silent(spec: "Router | Target | None") -> bool:
    if isinstance(spec, Router):
        return spec.silent or spec.answer_ratio == 0
    return spec is not None and spec.icmp == "silent"


def _kind(spec: "Router | Target | None", *, fork: bool) -> str:
    if spec is None:
        return "source"
    return "target" if isinstance(spec, Target) else "fork" if fork else "router"


def _node_words(spec: "Router | Target | None", *, fork: bool) -> str:
    if not isinstance(spec, Router):
        return "silent" if _is_silent(spec) else ""
    words = {
        "silent": _is_silent(spec),
        f"answers {100 * spec.answer_ratio:.0f} %": 0 < spec.answer_ratio < 1,
        "rate limit": spec.limit is not None,
        f"balances by {spec.balance}": fork,
        "NAT": spec.nat is not None,
        "NAT64": spec.nat64 is not None,
        "rewrites": spec.rewrite is not None,
        f"filters {', '.join(spec.filter_protocols)}": spec.filter is not None,
        "forwards TTL 0": spec.zero_ttl,
    }
    return ", ".join(word for word, holds in words.items() if holds)


def _link_words(network: SimNetwork, link: Link, *, busy: bool) -> str:
    spec = _spec(network.scenario, link)
    words = [f"{spec.delay.mean_ns / NS_PER_MS:.3g} ms"] if spec.delay.mean_ns else []
    if spec.loss or spec.loss_back:
        words.append(f"loses {100 * max(spec.loss, spec.loss_back):.3g} %")
    if spec.duplicate or spec.duplicate_back:
        words.append("duplicates")
    if spec.reorder or spec.reorder_back:
        words.append("reorders")
    if spec.mtu is not None:
        words.append(f"MTU {spec.mtu}")
    if busy:
        words.append("congested")
    return ", ".join(words)


def _spec(scenario: Scenario, link: Link) -> LinkSpec:
    own = [one.link for one in scenario.links if one.ends == link]
    return (own or [node.link for node in scenario.nodes if node.id == link[1]])[0]


def _parts(network: SimNetwork) -> dict[str, dict[str, Any]]:
    """Describe what can be selected: its kind, a line about it, its values that are not as by default."""
    scenario = network.scenario
    parts: dict[str, dict[str, Any]] = {
        "scenario": {
            "kind": "scenario",
            "about": scenario.description,
            "says": "Click a router, a link or a tunnel to change it.",
            "values": turned("scenario", scenario),
        }
    }
    for node in scenario.nodes:
        kind = "router" if isinstance(node, Router) else "target"
        addrs = (node.v4, node.v6) if isinstance(node, Router) else (*node.v4, *node.v6)
        named = node.name if node.name != node.id else None
        says = ", ".join(word for word in (named, *addrs) if word)
        parts[node.id] = {"kind": kind, "says": says, "values": turned(kind, node)}
    for link in sorted(scenario.outward_links):
        spec = _spec(scenario, link)
        gone = [gap for gap in scenario.congestions if gap.ends == link and gap.cuts]
        says = "; ".join(f"down from {gap.at_ns / NS_PER_S:g} s" for gap in gone)
        parts[link_name(*link)] = {"kind": "link", "says": says, "values": turned("link", spec)}
    for number, tunnel in enumerate(scenario.tunnels):
        says = f"MPLS through {', '.join(tunnel.through)}"
        parts[_tunnel_name(number)] = {"kind": "tunnel", "says": says, "values": turned("tunnel", tunnel)}
    return parts


def _moments(scenario: Scenario) -> list[float]:
    """List when something changes, in seconds; of a flap its beginning. Nothing if it never does."""
    moments = [at_ns / NS_PER_S for at_ns in scenario.changes() if at_ns < _LATE_NS]
    return moments[:_MOST_MOMENTS] if len(moments) > 1 else []
