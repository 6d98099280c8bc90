"""The Multipath Detection Algorithm: which flow to send where, so that no branch stays hidden.

No I/O, and no time. A node is done when so many flows have passed it, each with a known next node, that its
known next hops are all it has, with the confidence asked for (`model.stopping`). To know that a flow passes a
node it must have been seen there: that is node control (Augustin, Friedman, Teixeira, Multipath tracing with
Paris traceroute, E2EMON 2007). Here all nodes are worked on at once: what is asked of one is asked in the
same breath as what is asked of the others, and a flow is sent ahead of its answer where there is but one node
that it can pass. Behind a node that all flows pass, it need not be seen at that node at all; but an edge is
believed only if one flow showed both of its ends.

MDA-Lite (Vermeulen, Strowes, Fourmaux, Friedman, Multilevel MDA-Lite Paris traceroute, IMC 2018) takes
a hop as a whole: it supposes that diamonds are uniform and unmeshed, so a hop needs the flows that one
node with all of its nodes as next hops would. It tests what it supposed: two flows through each node of the
wider of two hops must not show two next (or previous) nodes; and nodes of one hop must not differ in how many
they have. Where they do, it goes on as the MDA.

Whether a balancer looks at flows or at packets is tested where two next hops are seen first: one flow is
sent there again, as often as it takes to tell two ways apart. With another answer nothing that follows is
decided by the flow, and nothing more is asked of that node.

Silence may be a branch, or nothing but losses. A node that is silent beside others that answer is looked for
with more flows, but not for ever: once an even branch would have shown itself with the confidence, the flows
that were silent are doubted and asked again. An answer ends it. Silence makes them a branch, if a rare one,
and the search goes on a little longer.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil
from typing import Final

from trippy_nb.model import Algorithm, flows_needed
from trippy_nb.tracing.atlas import SILENT, Atlas, Node, Place

AHEAD: Final = 4
"""TTLs that the first flow is sent beyond its farthest answer, until it arrives."""
MESH_FLOWS: Final = 2
"""Flows through each node that MDA-Lite tests for meshing with (phi in the paper)."""
_MOST_AT_ONCE: Final = 64  # new flows that are sent to look for one node, before their answers are waited for
_MOST_FLOWS: Final = 60_000  # their number has 16 bits, and ports begin at 1024
_TIMES_ROUND: Final = 3  # a router that one flow passes so often is on a loop
_MOST_LOSSES: Final = 10  # of a test: a router that answers so rarely is not asked for ever
_RAREST: Final = 1 / 32  # share of the rarest silent branch that more flows are looked for. Our choice
_ALONE: Final = 1


@dataclass(slots=True)
class _Test:
    """One flow sent again through a node that has several next hops."""

    flow: int
    left: int
    waiting: int = 0
    losses: int = 0
    names: set[str] = field(default_factory=set)


class Mda:
    """Decides which flows to send to which TTLs.

    Parameters
    ----------
    confidence
        Probability, for each node, to have found all of its next hops.
    algorithm
        ``mda`` or ``mda-lite``.
    first_ttl, max_ttl
        Where paths begin, and the last TTL that is sent.
    gap_limit
        Silent TTLs in a row after which nothing more is expected.
    """

    def __init__(
        self,
        *,
        confidence: float,
        algorithm: Algorithm = "mda",
        first_ttl: int = 1,
        max_ttl: int = 64,
        gap_limit: int = 5,
    ) -> None:
        self.atlas = Atlas(first_ttl)
        self.algorithm: Algorithm = algorithm
        self.switched = False
        """MDA-Lite met a diamond that it is not made for, and went on as the MDA."""
        self._confidence = confidence
        self._max_ttl = max_ttl
        self._gap_limit = gap_limit
        self._tests: dict[Place, _Test] = {}
        self._doubts: dict[tuple[int, int], bool] = {}  # flow, TTL -> whether it was silent for all that
        self._again: dict[tuple[int, int], None] = {}  # doubted, and not sent again yet
        self._news = {first_ttl - 1}  # TTLs to be looked at
        self._farthest = first_ttl - 1  # TTL at which the first flow was answered
        self._last_answer = first_ttl - 1  # ... and any flow

    @property
    def has_news(self) -> bool:
        """Whether something has come to be known since `wanted` was last asked to the end."""
        return bool(self._news or self._again) or any(test.left for test in self._tests.values())

    def wanted(self, most: int) -> list[tuple[int, int]]:
        """List what to send now: flow and TTL, the nearest first.

        Whoever sends it says so with `asked`.

        Parameters
        ----------
        most
            As many are wanted now; what else there is stays to be asked for.
        """
        self.atlas.add_flow(0)
        found: dict[tuple[int, int], None] = dict.fromkeys((0, ttl) for ttl in self._lead())
        while self._news and len(found) < most:
            ttl = min(self._news)
            for flow, at in self._hop(ttl):
                if flow not in self.atlas.asked[at]:
                    found[flow, at] = None
            if len(found) > most:
                break  # looked at again next time, for not all of it is sent
            self._news.discard(ttl)
        tests = [(test.flow, ttl + 1) for (ttl, _), test in self._tests.items() for _ in range(test.left)]
        return [*found, *self._again, *tests][:most]

    def _hop(self, ttl: int) -> Iterator[tuple[int, int]]:
        """What is asked about the nodes of a TTL."""
        if ttl >= self._max_ttl:
            return
        nodes = [node for node in list(self.atlas.layers.get(ttl, {}).values()) if self._goes_on(node)]
        if self.algorithm == "mda-lite" and not self.switched:
            yield from self._lite_hop(ttl, nodes)
        else:
            for node in nodes:
                yield from self._node(node)

    def _note(self, ttl: int) -> None:
        """Something came to be known at a TTL: its neighbours are to be looked at as well."""
        first = self.atlas.first_ttl - 1
        self._news.update(at for at in (ttl - 1, ttl, ttl + 1) if at >= first)

    def asked(self, flow: int, ttl: int) -> None:
        """Note that a probe is sent."""
        if flow not in self.atlas.asked[ttl]:
            self.atlas.add_flow(flow)
            self.atlas.ask(flow, ttl)
            return
        if (flow, ttl) in self._again:
            del self._again[flow, ttl]
            return
        test = self._test_of(flow, ttl)
        if test is not None and test.left:
            test.left -= 1
            test.waiting += 1

    def answered(self, flow: int, ttl: int, name: str, *, ends: bool) -> None:
        """Note who answered a probe; `ends` says that its path ends there."""
        known = self.atlas.seen[ttl].get(flow)
        self._note(ttl)
        if known not in (None, SILENT):
            self._answered_again(flow, ttl, name)
            return
        self.atlas.tell(flow, ttl, name)
        if ends or self._goes_round(flow, ttl, name):
            self.atlas.end(flow, ttl)
        if flow == 0:
            self._farthest = max(self._farthest, ttl)
        if ttl > self._last_answer:
            self._news.update(range(max(self._last_answer, self.atlas.first_ttl), ttl))
            self._last_answer = ttl
        self._begin_test(flow, ttl)

    def silent(self, flow: int, ttl: int) -> None:
        """Note that nobody answers a flow at a TTL, often enough that this is no loss."""
        self._note(ttl)
        if (flow, ttl) in self._doubts:
            self._doubts[flow, ttl] = True
        if flow not in self.atlas.seen[ttl]:
            self.atlas.tell(flow, ttl, SILENT)
            self._begin_test(flow, ttl)

    def lost_again(self, flow: int, ttl: int) -> None:
        """Note that a probe that was sent again is lost."""
        test = self._test_of(flow, ttl)
        if test is not None and test.waiting:
            test.waiting -= 1
            test.losses += 1
            test.left += test.losses <= _MOST_LOSSES

    def is_doubted(self, flow: int, ttl: int) -> bool:
        """Tell whether a flow was silent at a TTL where hardly another one is: that may be loss."""
        return (flow, ttl) in self._doubts

    def is_balanced_by_packet(self, place: Place) -> bool:
        """Tell whether a node sent one flow two ways."""
        test = self._tests.get(place)
        return test is not None and len(test.names) > _ALONE

    def _lead(self) -> Iterator[int]:
        """TTLs that the first flow goes to, ahead of its answers."""
        atlas = self.atlas
        last = min(
            self._farthest + max(AHEAD, self._gap_limit), self._max_ttl, atlas.ends.get(0, self._max_ttl)
        )
        first = atlas.first_ttl
        while first <= last and 0 in atlas.asked[first]:
            first += 1
        ahead = sum(0 in atlas.waiting[ttl] for ttl in range(self._farthest + 1, first))
        for ttl in range(first, last + 1):
            if ahead >= AHEAD:
                return
            ahead += 1
            yield ttl

    def _goes_on(self, node: Node) -> bool:
        """Whether more is to be asked about what follows a node."""
        if node.ttl < self.atlas.first_ttl:
            return True
        if self.is_balanced_by_packet((node.ttl, node.name)):
            return False
        if node.name == SILENT and node.ttl > self._last_answer:
            return False  # the first flow alone looks for what may come behind it
        return any(not self.atlas.is_over(flow, node.ttl + 1) for flow in node.flows)

    def _node(self, node: Node) -> Iterator[tuple[int, int]]:
        """What the MDA asks about one node."""
        if self._is_narrow(node):
            yield from self._narrow(node)
            return
        needed = flows_needed(max(len(node.after), 1), self._confidence)
        yield from self._flows_on(node, needed - node.known_after - node.waiting)

    def _is_narrow(self, node: Node) -> bool:
        """Tell whether every flow passes a node: it is alone at its TTL, and enough flows have been there."""
        atlas, ttl = self.atlas, node.ttl
        if ttl < atlas.first_ttl or len(atlas.layers[ttl]) > _ALONE or node.name == SILENT:
            return False
        return len(node.flows) >= flows_needed(_ALONE, self._confidence)

    def _narrow(self, node: Node) -> Iterator[tuple[int, int]]:
        """What is asked behind a node that every flow passes: they need not be seen there one by one.

        But an edge is believed only if one flow showed both of its ends.
        """
        atlas, ttl = self.atlas, node.ttl + 1
        following = atlas.layers.get(ttl, {})
        short = flows_needed(max(len(following), 1), self._confidence)
        short -= len(atlas.seen[ttl]) + len(atlas.waiting[ttl])
        if short > 0:
            yield from ((flow, ttl) for flow in self._new_flows(ttl, short))
        for far in following.values():
            if not far.before and not any(flow in atlas.waiting[node.ttl] for flow in far.flows):
                yield next(iter(far.flows)), node.ttl

    def _flows_on(self, node: Node, short: int) -> Iterator[tuple[int, int]]:
        """Send so many more flows from a node one TTL on; find some that pass it, if too few are known."""
        if short <= 0:
            return
        atlas, ttl = self.atlas, node.ttl
        over = [flow for flow in node.fresh if atlas.is_over(flow, ttl + 1)]
        for flow in over:
            del node.fresh[flow]
        for flow in list(node.fresh)[:short]:
            yield flow, ttl + 1
            short -= 1
        if not short:
            return
        if ttl < atlas.first_ttl:
            yield from ((flow, ttl + 1) for flow in self._new_flows(ttl + 1, short))
            return
        layer = atlas.layers[ttl]
        under_way = atlas.waiting[ttl]
        if len(layer) == _ALONE:  # where else should they pass? Sent on before they are seen here
            coming = [flow for flow in sorted(under_way) if flow not in atlas.asked[ttl + 1]]
            ahead = [flow for flow in under_way if flow in atlas.waiting[ttl + 1]]
            for flow in coming[: max(short - len(ahead), 0)]:
                yield flow, ttl + 1
            if len(ahead) + len(coming) >= short:
                return
            short -= len(ahead) + len(coming)
            for flow in self._new_flows(ttl, short):
                yield flow, ttl
                yield flow, ttl + 1
            return
        yield from ((flow, ttl) for flow in self._search(node, short))

    def _search(self, node: Node, short: int) -> Iterator[int]:
        """Choose flows to be sent to a node's TTL, so that enough of them pass it."""
        atlas, ttl = self.atlas, node.ttl
        layer = atlas.layers[ttl]
        if node.name == SILENT and self._is_in_vain(node):
            doubts = {(flow, ttl): None for flow in node.flows if (flow, ttl) not in self._doubts}
            self._again |= doubts
            self._doubts |= dict.fromkeys(doubts, False)
            return
        # A node that few have passed so far is no less likely than others: it takes no more to find it again.
        share = max(len(node.flows) / sum(len(other.flows) for other in layer.values()), 1 / len(layer))
        missing = short - ceil(len(atlas.waiting[ttl]) * share)
        if missing <= 0:
            return
        # Those that pass a node before it come first: fewer of them go elsewhere.
        for name in sorted(node.before):
            before = atlas.layers.get(ttl - 1, {}).get(name) or atlas.source
            if before is atlas.source and ttl > atlas.first_ttl:
                continue
            part = before.after.get(node.name, 0) / max(before.known_after, 1)
            if part <= share:
                continue
            flows = list(before.fresh)[: ceil(missing / part)]
            yield from flows
            missing -= ceil(len(flows) * part)
            if missing <= 0:
                return
        yield from self._new_flows(ttl, min(ceil(missing / share), _MOST_AT_ONCE))

    def _is_in_vain(self, node: Node) -> bool:
        """Tell whether more flows would pass a silent node by now, if it were a branch.

        As long as it may be loss, it would be one with the share of the others; then it is one, and rarer.
        """
        layer, seen = self.atlas.layers[node.ttl], self.atlas.seen[node.ttl]
        share = 1 / len(layer)
        if all(self._doubts.get((flow, node.ttl)) for flow in node.flows):
            share = min(share, len(node.flows) / node.seen_by, _RAREST)
        in_vain = len(seen) - node.seen_by
        return len(layer) > _ALONE and (1 - share) ** in_vain <= 1 - self._confidence

    def _new_flows(self, ttl: int, count: int) -> Iterator[int]:
        """Choose flows that have not been sent to a TTL: those used elsewhere first."""
        asked, flow = self.atlas.asked[ttl], 0
        while count > 0 and flow < _MOST_FLOWS:
            if flow not in asked and not self.atlas.is_over(flow, ttl):
                yield flow
                count -= 1
            flow += 1

    def _lite_hop(self, ttl: int, nodes: list[Node]) -> Iterator[tuple[int, int]]:
        """What MDA-Lite asks about the nodes of one hop."""
        if not nodes:
            return
        atlas = self.atlas
        following = atlas.layers.get(ttl + 1, {})
        known = sum(node.known_after for node in nodes)
        waiting = sum(node.waiting for node in nodes)
        short = flows_needed(max(len(following), 1), self._confidence) - known - waiting
        if short > 0:
            if len(nodes) == _ALONE:
                yield from self._flows_on(nodes[0], short)
            else:
                yield from self._spread(ttl, nodes, short)
        elif not waiting:
            yield from self._complete(ttl, nodes, list(following.values()))

    def _spread(self, ttl: int, nodes: list[Node], short: int) -> Iterator[tuple[int, int]]:
        """Send flows on from the nodes of a hop in turn, then new ones to both TTLs."""
        for place in range(max(len(node.fresh) for node in nodes)):
            for node in nodes:
                if place < len(node.fresh) and short > 0:
                    flow = list(node.fresh)[place]
                    if not self.atlas.is_over(flow, ttl + 1):
                        yield flow, ttl + 1
                        short -= 1
        if short > 0 and not self.atlas.waiting[ttl]:
            for flow in self._new_flows(ttl, short):
                yield flow, ttl
                yield flow, ttl + 1

    def _complete(self, ttl: int, nodes: list[Node], following: list[Node]) -> Iterator[tuple[int, int]]:
        """Find an edge for each node of two hops, then look for meshing and for uneven widths."""
        wide = len(nodes) > _ALONE and len(following) > _ALONE  # else there is nothing to mesh
        forwards = wide and len(nodes) >= len(following)
        for node in nodes:
            least = MESH_FLOWS if forwards else 1
            yield from self._flows_on(node, least - node.known_after - node.waiting)
        for node in following:
            least = MESH_FLOWS if wide and not forwards else 1
            flows = [flow for flow in node.flows if flow not in self.atlas.asked[ttl]]
            short = max(least - sum(node.before.values()), 0)
            yield from ((flow, ttl) for flow in flows[:short])
        if wide and self._is_uneven(nodes, following):
            self.switched = True
            self._news.update(self.atlas.layers)

    @staticmethod
    def _is_uneven(nodes: list[Node], following: list[Node]) -> bool:
        """Tell whether two hops are meshed, or some of their nodes have more neighbours than others."""
        if len(nodes) >= len(following):
            if any(len(node.after) > _ALONE for node in nodes):
                return True
            return len(nodes) > len(following) and len({len(node.before) for node in following}) > _ALONE
        if any(len(node.before) > _ALONE for node in following):
            return True
        return len({len(node.after) for node in nodes if node.after}) > _ALONE

    def _goes_round(self, flow: int, ttl: int, name: str) -> bool:
        """Tell whether a flow meets a router for the third time: a routing loop."""
        times = sum(self.atlas.seen[at].get(flow) == name for at in range(self.atlas.first_ttl, ttl + 1))
        return name != SILENT and times >= _TIMES_ROUND

    def _begin_test(self, flow: int, ttl: int) -> None:
        """Begin to send a flow again where a node is first seen to have two next hops."""
        near = self.atlas.node_of(flow, ttl - 1)
        if near is None or len([name for name in near.after if name != SILENT]) < 2:  # noqa: PLR2004 - two ways
            return
        place = near.ttl, near.name
        if place not in self._tests and self.atlas.seen[ttl].get(flow) not in (None, SILENT):
            again = flows_needed(_ALONE, self._confidence) - 1
            self._tests[place] = _Test(flow, again, names={self.atlas.seen[ttl][flow]})

    def _test_of(self, flow: int, ttl: int) -> _Test | None:
        near = self.atlas.node_of(flow, ttl - 1)
        test = None if near is None else self._tests.get((near.ttl, near.name))
        return test if test is not None and test.flow == flow else None

    def _answered_again(self, flow: int, ttl: int, name: str) -> None:
        test = self._test_of(flow, ttl)
        if test is not None:
            test.waiting = max(test.waiting - 1, 0)
            test.names.add(name)
            if len(test.names) > _ALONE:
                test.left = 0
