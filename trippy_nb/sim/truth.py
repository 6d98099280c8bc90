"""The truth about a scenario: what a perfect measurement would find. Plain values, no frames.

Delays are expectations; a node's answer delay is its own affair, so it is in its RTT and not in its links.
"""

from dataclasses import dataclass
from math import prod

from trippy_nb.model import NS_PER_MS, NS_PER_S
from trippy_nb.sim.scenario import SOURCE, Router, Scenario, Target
from trippy_nb.sim.topology import Crossing, Node, Path, Topology
from trippy_nb.wire import pack_address


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueLink:
    """A link that some path uses."""

    near: str
    """Node nearer to the source, by its id (`source`, a router's id, a target's name)."""
    far: str
    near_addr: str | None
    """Address it answers from; None if it has none of this family."""
    far_addr: str | None
    af: int
    delay_ms: float
    """Expected, on the way out."""
    delay_back_ms: float
    loss: float
    """On the way out, 0 to 1."""
    loss_back: float
    since_s: float
    """Virtual time at which a path begins to use it."""
    until_s: float | None
    """Virtual time at which no path uses it any more; None if that never comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueHop:
    """A node on a path."""

    ttl: int
    node: str
    addr: str | None
    answers: bool
    """Whether a probe whose TTL ends here is ever answered (ICMP echo, if it is the target)."""
    rtt_ms: float
    """Expected RTT of its answers."""
    best_ms: float
    """Shortest possible RTT of its answers."""
    delivery: float
    """Share of probes of this TTL that are answered (0 to 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TruePath:
    """The way to one address from one moment until another."""

    target: str
    addr: str
    af: int
    since_s: float
    until_s: float | None
    """None: for ever."""
    hops: tuple[TrueHop, ...]

    @property
    def nodes(self) -> tuple[str, ...]:
        """Ids of the nodes, the target last."""
        return tuple(hop.node for hop in self.hops)


@dataclass(frozen=True, slots=True)
class Truth:
    """All links and all paths of a scenario, over all its time."""

    links: tuple[TrueLink, ...]
    paths: tuple[TruePath, ...]

    def path(self, addr: str, *, at_s: float = 0.0) -> TruePath:
        """Find the path to an address at a time.

        Raises
        ------
        KeyError
            If no target has that address.
        """
        for path in self.paths:
            if path.addr == addr and path.since_s <= at_s and (path.until_s is None or at_s < path.until_s):
                return path
        raise KeyError(addr)


def find_truth(scenario: Scenario, topology: Topology) -> Truth:
    """Work out every path between route changes, and the links they use."""
    paths: list[TruePath] = []
    links: dict[tuple[str, str, int], TrueLink] = {}
    moments = scenario.changes()
    for target in scenario.targets:
        for af in scenario.families(target):
            for addr in target.addresses(af):
                for since_ns, until_ns in zip(moments, (*moments[1:], None), strict=True):
                    path = topology.path(pack_address(addr), since_ns)
                    if path is None:
                        continue
                    since_s = since_ns / NS_PER_S
                    until_s = None if until_ns is None else until_ns / NS_PER_S
                    _add_links(links, topology, path, addr, since_s, until_s)
                    _add_path(paths, _true_path(path, addr, since_s, until_s))
    return Truth(tuple(links.values()), tuple(paths))


def _add_path(paths: list[TruePath], path: TruePath) -> None:
    # Another target's route change is none of this path's: joined to what it was before.
    last = paths[-1] if paths else None
    if last is not None and (last.addr, last.hops) == (path.addr, path.hops):
        paths[-1] = TruePath(
            target=last.target, addr=last.addr, af=last.af, since_s=last.since_s, until_s=path.until_s,
            hops=last.hops,
        )  # fmt: skip
    else:
        paths.append(path)


def _true_path(path: Path, addr: str, since_s: float, until_s: float | None) -> TruePath:
    hops = []
    delivered = 1.0
    mean_ns = best_ns = 0.0
    crossed: tuple[Crossing, ...] = ()
    for ttl, hop in enumerate(path.hops, 1):
        spec = hop.node.spec
        crossed = (*hop.out.chancy, *hop.back.chancy)
        certain_ns = hop.out.certain_ns + hop.back.certain_ns
        mean_ns = certain_ns + sum(crossing.delay.mean_ns for crossing in crossed)
        best_ns = certain_ns + sum(crossing.delay.base_ns for crossing in crossed)
        delivered = prod(1 - crossing.loss for crossing in crossed)
        answers = _answers(hop.node, path, ttl)
        hops.append(
            TrueHop(
                ttl=ttl,
                node=hop.node.id,
                addr=_address(spec, path.af, addr),
                answers=answers,
                rtt_ms=(mean_ns + spec.answer_delay.mean_ns) / NS_PER_MS,
                best_ms=(best_ns + spec.answer_delay.base_ns) / NS_PER_MS,
                delivery=delivered * spec.answer_ratio if answers else 0.0,
            )
        )
    return TruePath(
        target=path.target.name, addr=addr, af=path.af, since_s=since_s, until_s=until_s, hops=tuple(hops)
    )


def _answers(node: Node, path: Path, ttl: int) -> bool:
    spec = node.spec
    if ttl > path.barriers.get("icmp", ttl) or spec.answer_ratio == 0 or spec.reply_ttl < ttl:
        return False
    return not spec.silent if isinstance(spec, Router) else spec.icmp == "answers"


def _address(spec: Router | Target, af: int, addr: str) -> str | None:
    return spec.address(af) if isinstance(spec, Router) else addr


def _add_links(
    links: dict[tuple[str, str, int], TrueLink],
    topology: Topology,
    path: Path,
    addr: str,
    since_s: float,
    until_s: float | None,
) -> None:
    near, near_addr = SOURCE, topology.scenario.source.address(path.af)
    for hop in path.hops:
        spec = topology.link(near, hop.node)
        far_addr = _address(hop.node.spec, path.af, addr)
        key = (near, hop.node.id, path.af)
        known = links.get(key)
        back = spec.delay if spec.delay_back is None else spec.delay_back
        links[key] = TrueLink(
            near=near,
            far=hop.node.id,
            near_addr=near_addr,
            far_addr=far_addr if known is None else known.far_addr,
            af=path.af,
            delay_ms=spec.delay.mean_ns / NS_PER_MS,
            delay_back_ms=back.mean_ns / NS_PER_MS,
            loss=spec.loss,
            loss_back=spec.loss_back,
            since_s=since_s if known is None else min(known.since_s, since_s),
            until_s=until_s if known is None else _later(known.until_s, until_s),
        )
        near, near_addr = hop.node.id, far_addr


def _later(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else max(one, other)
