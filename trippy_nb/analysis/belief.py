"""Truth beside belief: what a trace drew, held against the network that it crossed.

Truth comes in as plain values, for a network whose truth is known was made by somebody: the built-in
internet, or a laboratory. What is believed is the hop graph (`analysis.graph`), links through silent hops
too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from trippy_nb.analysis.graph import SOURCE
from trippy_nb.analysis.links import FLOW
from trippy_nb.analysis.told import plural

if TYPE_CHECKING:
    import networkx as nx

_NAMED = 4  # more names than that nobody reads


@dataclass(frozen=True, slots=True)
class WayHop:
    """What a TTL shows on a true way."""

    node: str
    addr: str | None
    """None if it never answers."""
    rtt_ms: float
    """Expected."""
    delivery: float
    """Share of probes that are answered (0 to 1)."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way that packets really took."""

    nodes: tuple[str, ...]
    """All of them, hidden ones too, the source first."""
    hops: tuple[WayHop, ...]
    """By TTL."""
    cut: bool = False
    """Whether a link was down behind it: probes of larger TTLs were swallowed."""


class NodeFate(StrEnum):
    """What a trace knows of a true node."""

    SEEN = "seen"
    MISSED = "missed"
    """It answers, and was never heard."""
    SILENT = "silent"
    """It never answers: at most a star."""
    HIDDEN = "hidden"
    """No TTL ends there: not even a star."""


class LinkFate(StrEnum):
    """What a trace knows of a link, or believes."""

    RIGHT = "right"
    IMPLIED = "implied"
    """Through somebody silent: that there is one is right, who it is nobody can tell."""
    SKIPS = "skips"
    """Drawn between two that are no neighbours: those between are hidden, and no trace would show them."""
    WRONG = "wrong"
    """Drawn, and no packet ever went that way."""
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class LinkBelief:
    """A link, true or only believed."""

    near: str
    far: str
    fate: LinkFate
    over: tuple[str, ...] = ()
    """Nodes that it skips."""
    claimed: bool = True
    """Whether one flow showed both ends; else they only stood next to each other (``positional``)."""


@dataclass(frozen=True, slots=True)
class Belief:
    """A trace beside the truth."""

    nodes: Mapping[str, NodeFate]
    links: tuple[LinkBelief, ...]
    strangers: tuple[str, ...]
    """Addresses that answered, and that nobody on a true way has."""

    def having(self, fate: LinkFate | str) -> list[LinkBelief]:
        """Select the links of one fate."""
        return [link for link in self.links if link.fate == fate]

    @property
    def says(self) -> str:
        """In words: what was seen, what is wrong, what was missed and what nobody could see."""
        fates = list(self.nodes.values())
        seen, missed = fates.count(NodeFate.SEEN), fates.count(NodeFate.MISSED)
        parts = [f"Seen: {seen} of the {seen + missed} nodes that answer."]
        wrong = self.having(LinkFate.WRONG)
        if claimed := [link for link in wrong if link.claimed]:
            parts.append(f"Claimed, and not there: {_links(claimed)}.")
        if beside := [link for link in wrong if not link.claimed]:
            verb = "is no link" if len(beside) == 1 else "are no links"
            parts.append(f"Next to each other by chance, {_links(beside)} {verb}.")
        if skips := self.having(LinkFate.SKIPS):
            over = list(dict.fromkeys(node for link in skips for node in link.over))
            parts.append(
                f"{_links(skips)} {'skips' if len(skips) == 1 else 'skip'} what hides: {_some(over)}."
            )
        if lacking := self.having(LinkFate.MISSED):
            parts.append(f"Missed: {len(lacking)} {plural(len(lacking), 'link')}, {_links(lacking)}.")
        if silent := [node for node, fate in self.nodes.items() if fate is NodeFate.SILENT]:
            parts.append(f"{_some(silent)} never {'answers' if len(silent) == 1 else 'answer'}.")
        if self.strangers:
            parts.append(f"Nobody on the way has {_some(self.strangers)}, yet it answered.")
        return " ".join(parts)


def beside_truth(
    graph: "nx.MultiDiGraph[str]", ways: Sequence[Way], owners: Mapping[str, str] | None = None
) -> Belief:
    """Hold a hop graph against the ways that packets took.

    Parameters
    ----------
    graph
        What `hop_graph` made of the trace.
    ways
        All ways that were in force while it went on.
    owners
        Node by address, for addresses that a node has beside those the ways show.
    """
    known = {hop.addr: hop.node for way in ways for hop in way.hops if hop.addr is not None}
    owner = {**(owners or {}), **known}
    laid = dict.fromkeys(link for way in ways for link in pairwise(way.nodes))
    skips = _skips(ways)
    who = {node: _candidates(data, owner, ways) for node, data in graph.nodes(data=True)}
    drawn: dict[tuple[str, str], LinkBelief] = {}
    claimed = {(near, far) for near, far, data in graph.edges(data=True) if data["evidence"] == FLOW}
    for near, far in dict.fromkeys(graph.edges()):
        vague = graph.nodes[near]["kind"] == "silent" or graph.nodes[far]["kind"] == "silent"
        for found in _judged(who[near], who[far], laid, skips, vague=vague):
            ends = found.near, found.far
            if ends not in drawn or drawn[ends].fate is LinkFate.IMPLIED:
                drawn[ends] = replace(found, claimed=(near, far) in claimed)
    excused = {
        link for belief in drawn.values() for link in pairwise((belief.near, *belief.over, belief.far))
    }
    lacking = [LinkBelief(*link, LinkFate.MISSED) for link in laid if link not in excused]
    answered = {data["addr"] for _, data in graph.nodes(data=True) if data["kind"] in ("router", "target")}
    return Belief(
        _node_fates(ways, {owner.get(addr) for addr in answered}),
        (*drawn.values(), *lacking),
        tuple(sorted(addr for addr in answered if addr not in owner)),
    )


def _candidates(data: Mapping[str, object], owner: Mapping[str, str], ways: Sequence[Way]) -> list[str]:
    """List who a node of the graph may be: one who answered is known, a star is anybody at its TTL."""
    if data["kind"] == "source":
        return [SOURCE]
    if data["kind"] != "silent":
        known = owner.get(str(data["addr"]))
        return [] if known is None else [known]
    ttls = data["ttls"]
    assert isinstance(ttls, tuple)
    return list(dict.fromkeys(way.hops[ttl - 1].node for way in ways for ttl in ttls if ttl <= len(way.hops)))


def _judged(
    near: Iterable[str],
    far: Sequence[str],
    laid: Mapping[tuple[str, str], None],
    skips: Mapping[tuple[str, str], tuple[str, ...]],
    *,
    vague: bool,
) -> list[LinkBelief]:
    pairs = [(a, b) for a in near for b in far if a != b]
    if right := [pair for pair in pairs if pair in laid]:
        return [LinkBelief(*pair, LinkFate.IMPLIED if vague else LinkFate.RIGHT) for pair in right]
    if over := [pair for pair in pairs if pair in skips]:
        return [LinkBelief(*pair, LinkFate.SKIPS, skips[pair]) for pair in over]
    return [] if vague else [LinkBelief(*pair, LinkFate.WRONG) for pair in pairs]


def _skips(ways: Sequence[Way]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Find what a perfect trace would draw across nodes at which no TTL ends."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for way in ways:
        shown = [SOURCE, *dict.fromkeys(hop.node for hop in way.hops)]
        place = {node: i for i, node in reversed(list(enumerate(way.nodes)))}
        for near, far in pairwise(shown):
            between = way.nodes[place[near] + 1 : place[far]]
            if between:
                found[near, far] = between
    return found


def _node_fates(ways: Sequence[Way], seen: set[str | None]) -> dict[str, NodeFate]:
    answers = {hop.node for way in ways for hop in way.hops if hop.addr is not None}
    shown = {hop.node for way in ways for hop in way.hops}
    fates: dict[str, NodeFate] = {}
    for node in dict.fromkeys(node for way in ways for node in way.nodes[1:]):
        if node in seen:
            fates[node] = NodeFate.SEEN
        elif node in answers:
            fates[node] = NodeFate.MISSED
        else:
            fates[node] = NodeFate.SILENT if node in shown else NodeFate.HIDDEN
    return fates


def _links(links: Iterable[LinkBelief]) -> str:
    return _some([f"{link.near}\N{EN DASH}{link.far}" for link in links])


def _some(words: Sequence[str]) -> str:
    few = list(words[:_NAMED])
    if len(words) > _NAMED:
        return f"{', '.join(few)} and {len(words) - _NAMED} more"
    return few[0] if len(few) == 1 else f"{', '.join(few[:-1])} and {few[-1]}"
