"""What the player lays over a network: the ways that were true during a trace, and what it believed."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pandas as pd

from trippy_nb.analysis import Belief, LinkFate, Way, WayHop, beside_truth, hop_graph, hop_table
from trippy_nb.display.words import MISSING, SILENT, decimals_for, ms_text, ratio_text
from trippy_nb.model import NS_PER_S, seconds_to_ns
from trippy_nb.sim import Scenario, SimNetwork, TruePath
from trippy_nb.sim.scenario import SOURCE
from trippy_nb.widgets.netview import link_name

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

_MOST_FLAPS = 40  # comings and goings that are looked at; the ways are the same again and again


def ways_between(network: SimNetwork, addr: str, since_s: float, until_s: float) -> list[Way]:
    """List the ways to an address that held within a stretch of virtual time, each once.

    Where a link was down a way ends before it: nothing beyond could be seen.

    Raises
    ------
    ConfigError
        If there are more ways than can be listed.
    """
    scenario = network.scenario
    found: dict[Way, None] = {}
    for at_s in _moments(scenario, since_s, until_s):
        down = {gap.ends for gap in scenario.congestions if gap.cuts and gap.holds(seconds_to_ns(at_s))}
        for path in network.truth.paths_to(addr, at_s=at_s):
            found[_way(path, down)] = None
    return list(found)


def _moments(scenario: Scenario, since_s: float, until_s: float) -> list[float]:
    inside = {since_s, *(at_ns / NS_PER_S for at_ns in scenario.changes())}
    for route in scenario.routes:
        if route.every_ns is not None and route.lasts_ns is not None:
            first = max(0, int((since_s - route.at_ns / NS_PER_S) // (route.every_ns / NS_PER_S)))
            for n in range(first, first + _MOST_FLAPS):
                comes_ns = route.at_ns + n * route.every_ns
                inside |= {comes_ns / NS_PER_S, (comes_ns + route.lasts_ns) / NS_PER_S}
    return sorted(at_s for at_s in inside if since_s <= at_s <= until_s)


def _way(path: TruePath, down: set[tuple[str, str]]) -> Way:
    nodes = (SOURCE, *path.way)
    end = next((i for i, link in enumerate(pairwise(nodes), 1) if link in down), len(nodes))
    cut, nodes = end < len(nodes), nodes[:end]
    hops = []
    for hop in path.hops:
        if hop.node not in nodes:
            break
        hops.append(WayHop(hop.node, hop.addr if hop.answers else None, hop.rtt_ms, hop.delivery))
    return Way(nodes, tuple(hops), cut=cut)


def owners_of(scenario: Scenario) -> dict[str, str]:
    """Tell whose each address is, those that only answers show too."""
    owners = {addr: SOURCE for addr in (scenario.source.v4, scenario.source.v6) if addr}
    for router in scenario.routers:
        own = (router.v4, router.v6, router.nat.v4 if router.nat is not None else None)
        owners |= {addr: router.id for addr in own if addr}
    for link in scenario.links:
        near, far = link.ends
        owners |= dict.fromkeys([addr for addr in (link.near_v4, link.near_v6) if addr], near)
        owners |= dict.fromkeys([addr for addr in (link.v4, link.v6) if addr], far)
    for target in scenario.targets:
        own_addrs = (*target.v4, *target.v6, target.answers_from_v4, target.answers_from_v6)
        owners |= {addr: target.id for addr in own_addrs if addr}
    return owners


def believed(tables: "Tables", ways: Sequence[Way], scenario: Scenario) -> Belief:
    """Hold the tables of a run against true ways."""
    return beside_truth(hop_graph(tables), ways, owners_of(scenario))


LEGEND = (
    (LinkFate.RIGHT, "drawn, and there"),
    (LinkFate.WRONG, "drawn, not there"),
    (LinkFate.MISSED, "there, not drawn"),
    (LinkFate.IMPLIED, "through somebody silent"),
    (LinkFate.SKIPS, "over what hides"),
)
HEADS = ("Hop", "Who answered", "Who is there", "Answered", "Expected", "Median RTT (ms)", "True RTT (ms)")


def belief_view(belief: Belief, tables: "Tables", ways: Sequence[Way]) -> dict[str, Any]:
    """Spell it for the browser: fates of nodes and links, and a row of words for each TTL."""
    fates = {link.fate for link in belief.links}
    return {
        "says": belief.says,
        "nodes": {node: str(fate) for node, fate in belief.nodes.items()},
        "links": [
            {"id": link_name(link.near, link.far), "a": link.near, "b": link.far, "fate": str(link.fate)}
            for link in belief.links
        ],
        "legend": [[str(fate), words] for fate, words in LEGEND if fate in fates],
        "heads": list(HEADS),
        "rows": _rows(hop_table(tables), ways),
    }


def _rows(hops: pd.DataFrame, ways: Sequence[Way]) -> list[list[str]]:
    true = {
        int(ttl): list(dict.fromkeys(way.hops[ttl - 1] for way in ways if ttl <= len(way.hops)))
        for ttl in hops["ttl"]
    }
    decimals = decimals_for([*hops["p50_ms"], *(one.rtt_ms for some in true.values() for one in some)])
    rows = []
    hops = hops.sort_values("ttl")
    columns = (hops[name] for name in ("ttl", "addrs", "loss_ratio", "p50_ms"))
    for ttl, addrs, loss_ratio, p50_ms in zip(*columns, strict=True):
        there = true[int(ttl)]
        heard = [one for one in there if one.addr is not None]
        swallowed = [0.0] if any(way.cut and ttl > len(way.hops) for way in ways) else []
        shares = sorted([*swallowed, *(one.delivery for one in there)])
        rows.append(
            [
                str(ttl),
                ", ".join(addrs) or SILENT,
                ", ".join(dict.fromkeys(one.node for one in there)) or MISSING,
                ratio_text(1 - loss_ratio),
                _range([ratio_text(share) for share in shares]),
                ms_text(p50_ms, decimals),
                _range([ms_text(rtt_ms, decimals) for rtt_ms in sorted(one.rtt_ms for one in heard)]),
            ]
        )
    return rows


def _range(words: Sequence[str]) -> str:
    """Spell the first and the last."""
    if not words:
        return MISSING
    return words[0] if words[0] == words[-1] else f"{words[0]} to {words[-1]}"
