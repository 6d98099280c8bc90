"""The truth about a scenario: what a perfect measurement would find. Plain values, no frames.

Delays are expectations; a node's answer delay is its own affair, so it is in its RTT and not in its links.
Rate limits are no property of a path: `delivery` and `answers` do not know of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from trippy_nb.errors import ConfigError
from trippy_nb.model import NS_PER_MS, NS_PER_S, seconds_to_ns
from trippy_nb.sim.delays import Dice
from trippy_nb.sim.nodes import SOURCE, Router, Target
from trippy_nb.sim.paths import Hop, Path
from trippy_nb.sim.routes import links_of
from trippy_nb.sim.scenario import Scenario
from trippy_nb.sim.topology import Fork, Topology
from trippy_nb.wire import ICMP, ICMPV6, TCP, UDP, encode_ip, mpls_text, pack_address

MOST_PATHS: Final = 4096
"""More ways to one address are not listed one by one."""

_PROTOCOLS: Final = {"icmp": {4: ICMP, 6: ICMPV6}, "udp": {4: UDP, 6: UDP}, "tcp": {4: TCP, 6: TCP}}
_MAX_TTL: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueLink:
    """A link that some path uses."""

    near: str
    """Node nearer to the source, by its id (`source`, a router's id, a target's name)."""
    far: str
    near_addr: str | None
    """An address it answers from (its own where it has one); None if it has none of this family."""
    far_addr: str | None
    """Address it answers from when packets come by this link."""
    af: int
    delay_ms: float
    """Expected, on the way out; congestion not counted."""
    delay_back_ms: float
    loss: float
    """On the way out, 0 to 1; full queues counted in, congestion not."""
    loss_back: float
    mtu: int | None
    """Bytes; None is any."""
    since_s: float
    """Virtual time at which a path begins to use it."""
    until_s: float | None
    """Virtual time at which no path uses it any more; None if that never comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueHop:
    """What a TTL shows on a path."""

    ttl: int
    node: str
    """Where a probe of this TTL ends."""
    addr: str | None
    answers: bool
    """Whether a probe whose TTL ends here is ever answered (ICMP echo, if it is the target)."""
    rtt_ms: float
    """Expected RTT of its answers."""
    best_ms: float
    """Shortest possible RTT of its answers."""
    delivery: float
    """Share of probes of this TTL that are answered (0 to 1)."""
    q_ttl: int
    """TTL in the quoted probe."""
    labels: str | None
    """MPLS label stack that it reports, as `replies.mpls` spells it."""
    reply_ttl: int | None
    """TTL of its answers on arrival; None if it runs out before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TruePath:
    """A way to one address from one moment until another."""

    target: str
    """Node at its end; empty if it is a loop."""
    addr: str
    af: int
    since_s: float
    until_s: float | None
    """None: for ever."""
    share: float
    """Share of flows (of packets, where those are balanced) that take it, were headers drawn at random."""
    hops: tuple[TrueHop, ...]
    """By TTL, the target last; of a loop the first 255."""
    way: tuple[str, ...]
    """Ids of all nodes on it, hidden ones too."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """Ids of the nodes that TTLs end at, the target last."""
        return tuple(hop.node for hop in self.hops)

    @property
    def addrs(self) -> tuple[str | None, ...]:
        """What a perfect trace shows, TTL by TTL: None where nobody answers."""
        return tuple(hop.addr if hop.answers else None for hop in self.hops)


Edge = tuple[str | None, str | None]


class Truth:
    """All links and all ways of a scenario, over all its time.

    Parameters
    ----------
    scenario
        The scenario.
    topology
        Its network.
    """

    def __init__(self, scenario: Scenario, topology: Topology) -> None:
        self._scenario = scenario
        self._topology = topology
        self._dice = Dice(scenario.seed)
        self._known: dict[tuple[str, int], tuple[TruePath, ...]] = {}

    @property
    def links(self) -> tuple[TrueLink, ...]:
        """Every link that a route uses, once for each family, with the time in which it is used."""
        links: dict[tuple[str, str, int], TrueLink] = {}
        for addr, af, since_ns, until_ns in self._stretches():
            tables = self._topology.tables(pack_address(addr), since_ns)
            if tables is None:
                continue
            for near, far in links_of(tables):
                key = near, far, af
                link = self._link(near, far, addr, af, since_ns, until_ns)
                links[key] = _merged(links.get(key), link)
        return tuple(links.values())

    @property
    def paths(self) -> tuple[TruePath, ...]:
        """Every way to every address, in the order of targets, addresses and time.

        Raises
        ------
        ConfigError
            If there are more than 4,096 ways to one address at one time.
        """
        paths: list[TruePath] = []
        for addr, _af, since_ns, until_ns in self._stretches():
            until_s = None if until_ns is None else until_ns / NS_PER_S
            for path in self.paths_to(addr, at_s=since_ns / NS_PER_S):
                _append(paths, replace(path, since_s=since_ns / NS_PER_S, until_s=until_s))
        return tuple(paths)

    def paths_to(self, addr: str, *, at_s: float = 0.0) -> tuple[TruePath, ...]:
        """List the ways to an address at a time; the most used first.

        Raises
        ------
        KeyError
            If no target has that address.
        ConfigError
            If there are more than 4,096: ask for `edges`, or for the `path` of one flow.
        """
        at_ns = seconds_to_ns(at_s)
        since_ns, until_ns = self._stretch(at_ns)
        key = addr, at_ns if self._scenario.flaps else since_ns
        if key not in self._known:
            fork = self._topology.root(pack_address(addr), at_ns)
            if fork is None:
                raise KeyError(addr)
            leaves = list(self._leaves(fork, addr))
            until_s = None if until_ns is None else until_ns / NS_PER_S
            found = [
                self._true_path(path, addr, since_ns / NS_PER_S, until_s, share) for path, share in leaves
            ]
            self._known[key] = tuple(sorted(found, key=lambda path: (-path.share, path.way)))
        return self._known[key]

    def path(
        self, addr: str, *, at_s: float = 0.0, flow: bytes | Mapping[str, object] | None = None
    ) -> TruePath:
        """Find the way to an address at a time: the only one, or that of a flow.

        Parameters
        ----------
        addr
            Address of a target.
        at_s
            Virtual time.
        flow
            A packet; or header fields: `protocol` ("udp"), `sport`, `dport`, `checksum` (ICMP), `icmp_id`,
            `flow_label`, `tos`. Whoever balances packets decides about this one as about one of its own.

        Raises
        ------
        KeyError
            If no target has that address.
        ConfigError
            If there are several ways, and no flow is given.
        """
        at_ns = seconds_to_ns(at_s)
        if flow is None:
            paths = self.paths_to(addr, at_s=at_s)
            if len(paths) > 1:
                raise ConfigError(f"{len(paths)} ways lead to {addr}: say of which flow, or ask paths_to()")
            return paths[0]
        packet = flow if isinstance(flow, bytes) else self._packet(addr, flow)
        destination = pack_address(addr)
        path = self._topology.path(packet, destination, at_ns, self._dice.packet(packet, at_ns))
        if path is None:
            raise KeyError(addr)
        since_ns, until_ns = self._stretch(at_ns)
        until_s = None if until_ns is None else until_ns / NS_PER_S
        way = tuple(hop.node.id for hop in path.hops)
        share = self._share(destination, at_ns, way)
        return self._true_path(path, addr, since_ns / NS_PER_S, until_s, share)

    def edges(self, addr: str, *, at_s: float = 0.0) -> frozenset[Edge]:
        """List what a perfect multipath trace draws: pairs of addresses at adjacent TTLs of one flow.

        None stands for any node that does not answer. The source is not among them.

        Raises
        ------
        KeyError
            If no target has that address.
        ConfigError
            If tunnels or zero-TTL forwarding hide nodes, and there are too many ways to list.
        """
        at_ns = seconds_to_ns(at_s)
        routers = self._scenario.routers
        if self._scenario.tunnels or any(
            r.zero_ttl or r.filter or r.nat64 or r.answers_from == "outgoing" for r in routers
        ):
            paths = self.paths_to(addr, at_s=at_s)
            return frozenset(edge for path in paths for edge in pairwise(path.addrs))
        tables = self._topology.tables(pack_address(addr), at_ns)
        if tables is None:
            raise KeyError(addr)
        edges: set[Edge] = set()
        into: dict[str, set[str | None]] = {}  # addresses under which a node shows up
        links = list(links_of(tables))
        for near, far in links:
            into.setdefault(far, set()).add(self._shown(near, far, addr))
        for near, far in links:
            edges.update((shown, self._shown(near, far, addr)) for shown in into.get(near, ()))
        return frozenset(edges)

    def _shown(self, near: str, far: str, addr: str) -> str | None:
        """Address under which a node shows up to what comes by a link; None if it does not answer."""
        spec = self._topology.node(far).spec
        if isinstance(spec, Target):
            shows = spec.icmp == "answers" and spec.answer_ratio > 0
            return (spec.answer_address(_family(addr)) or addr) if shows else None
        if spec.silent or spec.answer_ratio == 0:
            return None
        return self._topology.incoming(near, far, _family(addr))

    def _stretches(self) -> Iterator[tuple[str, int, int, int | None]]:
        """Go through all addresses, and for each through the stretches of time without a change."""
        moments = self._scenario.changes()
        seen: set[str] = set()
        for target in self._scenario.targets:
            for af in self._scenario.families(target):
                for addr in target.addresses(af):
                    if addr in seen:
                        continue
                    seen.add(addr)
                    for since_ns, until_ns in zip(moments, (*moments[1:], None), strict=True):
                        if self._topology.tables(pack_address(addr), since_ns) is not None:
                            yield addr, af, since_ns, until_ns

    def _stretch(self, at_ns: int) -> tuple[int, int | None]:
        moments = self._scenario.changes()
        since_ns = max(moment for moment in moments if moment <= at_ns)
        return since_ns, min((moment for moment in moments if moment > at_ns), default=None)

    def _leaves(self, fork: Fork, addr: str, share: float = 1.0) -> Iterator[tuple[Path, float]]:
        waiting, count = [(fork, share)], 0
        while waiting:
            here, part = waiting.pop()
            if here.balancer is None:
                count += 1
                if count > MOST_PATHS:
                    raise ConfigError(
                        f"more than {MOST_PATHS} ways lead to {addr}: ask edges(), or path() of a flow"
                    )
                assert here.path is not None
                yield here.path, part
                continue
            for number, branch_share in enumerate(here.balancer.shares):
                waiting.append((self._topology.branch(here, number), part * branch_share))

    def _share(self, destination: bytes, at_ns: int, way: Sequence[str]) -> float:
        fork, share = self._topology.root(destination, at_ns), 1.0
        while fork is not None and fork.balancer is not None:
            following = way[len(fork.hops)]
            number = next(n for n, hop in enumerate(fork.balancer.hops) if hop.to == following)
            share *= fork.balancer.shares[number]
            fork = self._topology.branch(fork, number)
        return share

    def _link(self, near: str, far: str, addr: str, af: int, since_ns: int, until_ns: int | None) -> TrueLink:
        topology = self._topology
        out, back = topology.plain_crossings(near, far)
        return TrueLink(
            near=near,
            far=far,
            near_addr=self._own_address(near, addr, af),
            far_addr=self._far_address(near, far, addr, af),
            af=af,
            delay_ms=out.mean_ns / NS_PER_MS,
            delay_back_ms=back.mean_ns / NS_PER_MS,
            loss=out.loss,
            loss_back=back.loss,
            mtu=topology.link_spec(near, far).mtu,
            since_s=since_ns / NS_PER_S,
            until_s=None if until_ns is None else until_ns / NS_PER_S,
        )

    def _own_address(self, node: str, addr: str, af: int) -> str | None:
        if node == SOURCE:
            return self._scenario.source.address(af)
        spec = self._topology.node(node).spec
        if isinstance(spec, Target):
            return addr
        return spec.address(af) or self._topology.any_address(node, af)

    def _far_address(self, near: str, far: str, addr: str, af: int) -> str | None:
        spec = self._topology.node(far).spec
        return addr if isinstance(spec, Target) else self._topology.incoming(near, far, af)

    def _true_path(
        self, path: Path, addr: str, since_s: float, until_s: float | None, share: float
    ) -> TruePath:
        hops: list[TrueHop] = []
        for ttl in range(1, _MAX_TTL + 1):
            hop = _true_hop(path, addr, ttl)
            if hop is None:
                break
            hops.append(hop)
            if path.hops[path.outcome(ttl, "", 0).index].node.spec is path.target:
                break
        target = path.target
        return TruePath(
            target="" if target is None else target.name,
            addr=addr,
            af=path.af,
            since_s=since_s,
            until_s=until_s,
            share=share,
            hops=tuple(hops),
            way=tuple(hop.node.id for hop in path.hops),
        )

    def _packet(self, addr: str, fields: Mapping[str, object]) -> bytes:
        """Make the start of a packet with these header fields: as much as balancers look at."""
        known = {"protocol", "sport", "dport", "checksum", "icmp_id", "flow_label", "tos"}
        if odd := set(fields) - known:
            raise ConfigError(f"a flow has no {min(odd)!r}: it has {', '.join(sorted(known))}")
        af = _family(addr)
        number = {name: int(str(fields.get(name) or 0)) for name in known - {"protocol"}}
        protocol = str(fields.get("protocol", "icmp"))
        if protocol not in _PROTOCOLS:
            raise ConfigError(f"protocol is one of {', '.join(_PROTOCOLS)}, not {protocol!r}")
        if protocol == "icmp":
            words = (8 << 8 if af == 4 else 128 << 8, number["checksum"], number["icmp_id"], 0)  # noqa: PLR2004 - IPv4 or IPv6
        else:
            words = (number["sport"], number["dport"], 0, 0)
        source = self._scenario.source.address(af)
        assert source is not None  # a checked scenario
        return encode_ip(
            b"".join(word.to_bytes(2, "big") for word in words),
            source=pack_address(source),
            target=pack_address(addr),
            protocol=_PROTOCOLS[protocol][af],
            tos=number["tos"],
            flow_label=number["flow_label"],
        )


def _true_hop(path: Path, addr: str, ttl: int) -> TrueHop | None:
    """Describe where a TTL ends, filters and sizes left aside; None beyond a loop's end."""
    outcome = path.outcome(ttl, "", 0)
    if outcome.end == "nowhere":
        return None
    hop = path.hops[outcome.index]
    spec = hop.node.spec
    answers = _answers(hop, path, outcome.index) and outcome.answer_ttl is not None
    return TrueHop(
        ttl=ttl,
        node=hop.node.id,
        addr=hop.address if isinstance(spec, Router) else spec.answer_address(path.af) or addr,
        answers=answers,
        rtt_ms=(outcome.out.mean_ns + outcome.back.mean_ns + spec.answer_delay.mean_ns) / NS_PER_MS,
        best_ms=(outcome.out.base_ns + outcome.back.base_ns + spec.answer_delay.base_ns) / NS_PER_MS,
        delivery=outcome.out.delivery * outcome.back.delivery * spec.answer_ratio if answers else 0.0,
        q_ttl=outcome.quoted_ttl,
        labels=mpls_text(outcome.stack) or None,
        reply_ttl=outcome.answer_ttl,
    )


def _answers(hop: Hop, path: Path, index: int) -> bool:
    spec = hop.node.spec
    if index > path.barriers.get("icmp", index) or spec.answer_ratio == 0:
        return False
    if isinstance(spec, Router):
        return not spec.silent and hop.address is not None
    return spec.icmp == "answers"


def _append(paths: list[TruePath], path: TruePath) -> None:
    """Another target's route change is none of this path's: joined to what it was before."""
    for place in range(len(paths) - 1, -1, -1):
        last = paths[place]
        if last.addr != path.addr:
            break
        if last.until_s == path.since_s and (last.way, last.hops, last.share) == (
            path.way,
            path.hops,
            path.share,
        ):
            paths[place] = replace(last, until_s=path.until_s)
            return
    paths.append(path)


def _merged(known: TrueLink | None, link: TrueLink) -> TrueLink:
    if known is None:
        return link
    until_s = None if None in (known.until_s, link.until_s) else max(known.until_s or 0, link.until_s or 0)
    return replace(known, since_s=min(known.since_s, link.since_s), until_s=until_s)


def _family(addr: str) -> int:
    return 6 if ":" in addr else 4
