"""Which nodes of a way are in an MPLS tunnel, and as what.

Kinds of tunnel are told apart as by Donnet et al. (Revealing MPLS tunnels obscured from traceroute, CCR 2012)
and Vanaubel et al. (TNT, 2018): whether the ingress copies the IP TTL into the label, and whether routers
tell of labels.

=========  =======  ======  ================================================================
kind       copies   tells   what a trace shows
=========  =======  ======  ================================================================
explicit   yes      yes     every router, with labels, quoted TTL 1 2 3 ...
implicit   yes      no      every router, quoted TTL 1 2 3 ...
opaque     no       yes     ingress and egress; the egress with a label of TTL 255 - routers between
invisible  no       no      ingress and egress (php), or ingress and what follows, twice (uhp)
=========  =======  ======  ================================================================

An opaque tunnel ends because the egress never told the router before it to pop, so its label reaches the
egress whatever `pop` says.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from trippy_nb.sim.delays import Dice
from trippy_nb.sim.lifespan import Egress, Ingress, Lsp, Lsr, Role, Station, find_lifespan
from trippy_nb.sim.scenario import Tunnel

_FIRST_LABEL, _LABELS = 16, 1 << 20  # 0 to 15 are reserved: RFC 3032 section 2.1
_EXPLICIT_NULL = {4: 0, 6: 2}  # the same section


def roles(
    way: Sequence[str], tunnels: Sequence[Tunnel], seed: int, *, af: int = 4
) -> tuple[Role | None, ...]:
    """Tell what each node of a way is to the tunnels on it.

    A tunnel holds wherever the way passes all of its nodes, adjacent and in order. Where two would share a
    link, the earlier in the file has it; one may begin where another ends.

    Parameters
    ----------
    way
        Ids of the nodes that a packet passes, in its direction.
    tunnels
        In the order of the file.
    seed
        Of the scenario: labels that it does not state follow from it.
    af
        Family of the packets, 4 or 6: it decides which label is the explicit null of `pop` "uhp".
    """
    found: list[Role | None] = [None] * len(way)
    taken: set[int] = set()  # links of the way, by the index of their nearer node
    for tunnel in tunnels:
        for start in _find_runs(way, tunnel.through):
            links = set(range(start, start + len(tunnel.through) - 1))
            if links & taken:
                continue
            taken |= links
            _enter(found, start, _lsp(tunnel, seed, af))
    return tuple(found)


def back_tunnels(tunnels: Iterable[Tunnel]) -> tuple[Tunnel, ...]:
    """List the tunnels of answers (`back`): as those of probes, the other way round, with their own labels.

    Their nodes are looked for in the way of the answer, from the answering node on. So the egress enters
    the one back as well, but what a router inside says does not.
    """
    return tuple(
        replace(tunnel, through=tunnel.through[::-1], labels=()) for tunnel in tunnels if tunnel.back
    )


def answer_ttl(initial: int, way: Sequence[Role | None]) -> int | None:
    """Tell with which TTL an answer reaches the source.

    Through a tunnel that does not propagate TTLs, with penultimate hop popping, an answer that began with
    255 loses one for each hidden router, because the label's TTL is then the lesser; one that began with 64
    loses none of them. That difference is what FRPLA and RTLA measure (Vanaubel et al., Through the
    Wormhole, IMC 2017).

    Parameters
    ----------
    initial
        TTL of the answer as its sender writes it, 1 to 255.
    way
        Roles of the answering node and of the routers after it, from `roles` over that way with
        `back_tunnels`; the source left off. Where an error makes a detour by the end of its tunnel, the
        routers up to there come first, without a role: the label of an error from inside is a copy.

    Returns
    -------
    ttl
        None if it runs out on the way.
    """
    stations = (*(Station(role=role) for role in way), Station(is_target=True))
    life = find_lifespan(stations, initial + 1)  # so that the sender, as a router would, takes one from it
    return None if life.expired else life.arrivals[-1]


def _enter(found: list[Role | None], start: int, lsp: Lsp) -> None:
    """Write down who is what along one path, from the index of its ingress on."""
    end = start + len(lsp.labels)
    before, behind = found[start], found[end]
    found[start] = Egress(before.lsp, then=lsp) if isinstance(before, Egress) else Ingress(lsp)
    for position in range(1, len(lsp.labels)):
        found[start + position] = Lsr(lsp, position)
    found[end] = Egress(lsp, then=behind.lsp if isinstance(behind, Ingress) else None)


def _find_runs(way: Sequence[str], through: Sequence[str]) -> Iterator[int]:
    size = len(through)
    for start in range(len(way) - size + 1):
        if tuple(way[start : start + size]) == tuple(through):
            yield start


def _lsp(tunnel: Tunnel, seed: int, af: int) -> Lsp:
    propagates = tunnel.kind in ("explicit", "implicit")
    is_opaque = tunnel.kind == "opaque"
    uhp = tunnel.pop == "uhp" and not is_opaque
    last: int | None = None
    if is_opaque:
        last = _label(tunnel, len(tunnel.through) - 1, seed)
    elif uhp:
        last = _EXPLICIT_NULL[af]
    between = range(1, len(tunnel.through) - 1)
    return Lsp(
        labels=(*(_label(tunnel, position, seed) for position in between), last),
        inner=tunnel.inner_label,
        exp=tunnel.exp,
        propagates=propagates,
        least=propagates or not uhp,
        reports=tunnel.kind in ("explicit", "opaque"),
        hides_egress=uhp and tunnel.kind == "invisible",
        detours=tunnel.icmp == "tunnelled",
    )


def _label(tunnel: Tunnel, position: int, seed: int) -> int:
    """Label that arrives at a node, counted from the ingress: as stated, or of its own."""
    if position <= len(tunnel.labels):
        return tunnel.labels[position - 1]
    place = Dice(seed).place("label", tunnel.through, tunnel.through[position])
    return _FIRST_LABEL + place % (_LABELS - _FIRST_LABEL)
