"""What a discovery knows: which node each flow passed at each TTL, and what follows from it.

A node is a (TTL, name): the name is an address, or `SILENT` for all that never answered at that TTL. An edge
joins two nodes that one flow passed at adjacent TTLs; nothing else does.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

SOURCE: Final = "source"
SILENT: Final = "*"

Place = tuple[int, str]
"""TTL and name of a node; the source is at TTL 0."""


@dataclass(slots=True)
class Node:
    """A node, and the flows that are known to pass it."""

    ttl: int
    name: str
    flows: dict[int, None] = field(default_factory=dict)
    """In the order in which they were found."""
    fresh: dict[int, None] = field(default_factory=dict)
    """Those that have not been sent one TTL farther."""
    after: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Next nodes, and by how many flows each was reached."""
    before: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Previous nodes, likewise."""
    waiting: int = 0
    """Flows of it that are under way one TTL farther."""
    known_after: int = 0
    """Flows whose next node is known."""
    seen_by: int = 0
    """Flows of which it was known what they pass at this TTL, when the last one of this node was found."""


class Atlas:
    """All nodes, flow by flow.

    Parameters
    ----------
    first_ttl
        The source stands one before it.
    """

    def __init__(self, first_ttl: int) -> None:
        self.first_ttl = first_ttl
        self.source = Node(first_ttl - 1, SOURCE)
        self.layers: dict[int, dict[str, Node]] = {first_ttl - 1: {SOURCE: self.source}}
        self.seen: dict[int, dict[int, str]] = defaultdict(dict)
        """TTL -> flow -> name of the node."""
        self.asked: dict[int, set[int]] = defaultdict(set)
        """TTL -> flows that were sent there."""
        self.waiting: dict[int, set[int]] = defaultdict(set)
        """TTL -> flows that are under way there."""
        self.ends: dict[int, int] = {}
        """Flow -> TTL at which its path ended."""

    def add_flow(self, flow: int) -> None:
        """Make a flow known: it passes the source."""
        if flow not in self.source.flows:
            self.source.flows[flow] = None
            if flow not in self.asked[self.first_ttl]:
                self.source.fresh[flow] = None

    def ask(self, flow: int, ttl: int) -> None:
        """Note that a flow is sent to a TTL for the first time."""
        self.asked[ttl].add(flow)
        self.waiting[ttl].add(flow)
        near = self.node_of(flow, ttl - 1)
        if near is not None:
            near.fresh.pop(flow, None)
            near.waiting += 1

    def tell(self, flow: int, ttl: int, name: str) -> None:
        """Note which node a flow passes at a TTL; a later word replaces an earlier one."""
        was = self.seen[ttl].get(flow)
        if was == name:
            return
        self._arrive(flow, ttl)
        if self.is_over(flow, ttl):
            return
        if was is not None:
            self._forget(flow, ttl, was)
        layer = self.layers.setdefault(ttl, {})
        node = layer.get(name)
        if node is None:
            node = layer[name] = Node(ttl, name)
        self.seen[ttl][flow] = name
        node.flows[flow] = None
        node.seen_by = len(self.seen[ttl])
        if flow not in self.asked[ttl + 1]:
            node.fresh[flow] = None
        elif flow in self.waiting[ttl + 1]:
            node.waiting += 1
        self._join(self.node_of(flow, ttl - 1), node, 1)
        self._join(node, self.node_of(flow, ttl + 1), 1)

    def end(self, flow: int, ttl: int) -> None:
        """Note that a flow's path ends at a TTL: the least that was told counts, and nothing beyond it."""
        self.ends[flow] = min(ttl, self.ends.get(flow, ttl))
        for beyond in [at for at in self.seen if at > self.ends[flow] and flow in self.seen[at]]:
            self._forget(flow, beyond, self.seen[beyond].pop(flow))

    def node_of(self, flow: int, ttl: int) -> Node | None:
        """Find the node that a flow passes at a TTL, if it is known."""
        if ttl < self.first_ttl:
            return self.source if ttl == self.first_ttl - 1 else None
        name = self.seen[ttl].get(flow)
        return None if name is None else self.layers[ttl][name]

    def is_over(self, flow: int, ttl: int) -> bool:
        """Tell whether a flow's path has ended before a TTL."""
        return self.ends.get(flow, ttl) < ttl

    def edges(self) -> Iterable[tuple[Place, Place]]:
        """Go through all edges, those from the source too."""
        for ttl, layer in self.layers.items():
            for name, node in layer.items():
                for following, count in node.after.items():
                    if count:
                        yield (ttl, name), (ttl + 1, following)

    def _arrive(self, flow: int, ttl: int) -> None:
        if flow in self.waiting[ttl]:
            self.waiting[ttl].discard(flow)
            near = self.node_of(flow, ttl - 1)
            if near is not None:
                near.waiting -= 1

    def _forget(self, flow: int, ttl: int, name: str) -> None:
        node = self.layers[ttl][name]
        node.flows.pop(flow, None)
        node.fresh.pop(flow, None)
        if flow in self.waiting[ttl + 1]:
            node.waiting -= 1
        self._join(self.node_of(flow, ttl - 1), node, -1)
        self._join(node, self.node_of(flow, ttl + 1), -1)
        if not node.flows:
            del self.layers[ttl][name]

    @staticmethod
    def _join(near: Node | None, far: Node | None, count: int) -> None:
        if near is None or far is None:
            return
        near.known_after += count
        for counts, name in ((near.after, far.name), (far.before, near.name)):
            counts[name] += count
            if not counts[name]:
                del counts[name]
