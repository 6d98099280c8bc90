"""What a scenario says of tunnels, address translation and rewriting boxes, as frozen values."""

from dataclasses import dataclass
from typing import Literal

TunnelKind = Literal["explicit", "implicit", "opaque", "invisible"]
Pop = Literal["php", "uhp"]
"""Penultimate or ultimate hop popping."""
NatQuote = Literal["restored", "addresses", "kept"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tunnel:
    """An MPLS tunnel; it holds wherever a way passes its nodes, adjacent and in order."""

    through: tuple[str, ...]
    """Ingress, label switching routers, egress."""
    kind: TunnelKind = "explicit"
    pop: Pop = "php"
    labels: tuple[int, ...] = ()
    """One a label switching router; those missing are made from the seed."""
    exp: int = 0
    """Traffic class, 3 bits."""
    inner_label: int | None = None
    """Label at the bottom, that of a VPN."""
    icmp: Literal["direct", "tunnelled"] = "direct"
    """Tunnelled: errors from inside go on to the egress, and return from there."""
    back: bool = False
    """Answers go back through a like tunnel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nat:
    """Translation of the source of what passes outwards, IPv4 only."""

    v4: str
    """Address outside."""
    ports: tuple[int, int] = (1024, 65535)
    """First and last of its block of ports and identifiers."""
    quote: NatQuote = "restored"
    """What becomes of the packet quoted in errors: see `sim.nat.Translator.back`."""
    ids: bool = True
    """Whether identifiers of echoes are translated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """What is rewritten in what passes outwards. None leaves a field alone."""

    dscp: int | None = None
    ecn: int | None = None
    tos: int | None = None
    ip_id: int | Literal["random"] | None = None
    df: bool | None = None
    mss: int | None = None
    """SYNs that state more are lowered to it."""
    flow_label: int | None = None
