"""Where a packet's life ends, by TTL alone: RFC 791, RFC 1812 section 5.3.1, and in MPLS RFC 3443.

A station looks at what the packet arrives with. A router takes one from the TTL on top, that of the label
where there is one, and gives the packet up if nothing is left. So:

* The ingress of a label switched path takes one from the IP TTL and writes the label's: a copy (uniform
  model, RFC 3443 section 3.1) or 255 (pipe). Routers inside count on the label only, and the IP TTL stays
  as the ingress left it: an error from inside quotes 1, 2, 3 ... in a uniform path.
* Where the last label is popped the IP TTL becomes the lesser of the two. Uniform paths copy, which is the
  same, and in pipes Cisco's and Juniper's routers do it because they do not know the ingress's mind (TNT
  technical report, Vanaubel et al. 2018, MPLS data plane). Only a pipe with ultimate hop popping leaves the
  IP TTL alone.
* A router that still gets a label at the end of the path pops first, then looks at the IP TTL, as Juniper
  documents (JunosE, TTL processing on incoming MPLS packets): it quotes the TTL after popping, and
  reports the stack as it arrived (RFC 4950 section 5).
* The egress of an invisible path with ultimate hop popping passes on a packet of IP TTL 1 as it is, so that
  the next hop shows up twice, and the egress never (TNT, "duplicate IP").
"""

from collections.abc import Sequence
from dataclasses import dataclass

from trippy_nb.wire import MplsEntry

_PIPE_TTL = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Lsp:
    """A label switched path (LSP), as its packets see it."""

    labels: tuple[int | None, ...]
    """The label on top as it arrives at each station after the ingress, the egress last; None at an
    egress that gets the packet with its outer label popped."""
    inner: int | None = None
    """Label at the bottom, that of a VPN: stays until the egress."""
    exp: int = 0
    """Traffic class in every entry."""
    propagates: bool = True
    """The ingress copies the IP TTL into the label (uniform model); else it writes 255 (pipe)."""
    least: bool = True
    """A popped label's TTL counts if it is less than the IP TTL."""
    reports: bool = True
    """Routers put the stack into their errors (RFC 4950)."""
    hides_egress: bool = False
    """The egress passes on a packet whose IP TTL ends at it."""
    detours: bool = False
    """Errors from inside go on to the egress, and return from there."""


@dataclass(frozen=True, slots=True)
class Ingress:
    """Pushes labels."""

    lsp: Lsp


@dataclass(frozen=True, slots=True)
class Lsr:
    """Swaps the label on top, or pops it for the egress."""

    lsp: Lsp
    position: int
    """From 1, counted from the ingress."""


@dataclass(frozen=True, slots=True)
class Egress:
    """Ends a label switched path."""

    lsp: Lsp
    then: Lsp | None = None
    """The path that begins where this one ends."""


Role = Ingress | Lsr | Egress


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """What a node on a packet's way is to the packet's TTL."""

    zero_ttl: bool = False
    """Passes on a packet whose TTL has become 0."""
    role: Role | None = None
    is_target: bool = False
    """Takes a packet whatever its TTL: RFC 1122 section 3.2.1.7."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifespan:
    """How far a packet comes."""

    end: int
    """Index of the station where it ends."""
    expired: bool
    """Its TTL ended there; else it arrived: at the target, or at the last station given."""
    quoted_ttl: int
    """IP TTL in what the station quotes."""
    stack: tuple[MplsEntry, ...] = ()
    """Label stack that the station reports, outermost first, as it arrived."""
    detour: int | None = None
    """Index of the station to which an error goes before it turns back."""
    arrivals: tuple[int, ...]
    """IP TTL in the header as it arrives at each station, up to the end."""


def find_lifespan(stations: Sequence[Station], ttl: int) -> Lifespan:
    """Follow a packet until its TTL ends, or until it arrives.

    Parameters
    ----------
    stations
        The nodes on its way, in order, as far as it would come with any TTL: up to the target, or to a
        router that refuses it for another reason (TTL is looked at first, as Linux does). A role inside a
        path needs all of that path before it.
    ttl
        As it leaves the source.

    Raises
    ------
    ValueError
        If there is no station.
    """
    if not stations:
        raise ValueError("a packet needs a way to go")
    load = _Load(ttl)
    arrivals: list[int] = []
    for index, station in enumerate(stations):
        arrivals.append(load.ip)
        arrives = station.is_target or index + 1 == len(stations)
        left = load.left_after(station)
        if left is None or arrives:
            expired = left is None and not station.is_target
            return Lifespan(
                end=index,
                expired=expired,
                quoted_ttl=load.quoted_at(station.role),
                stack=load.stack_at(station.role),
                detour=_find_detour(station.role, index) if expired else None,
                arrivals=tuple(arrivals),
            )
        load.forward(station.role, left)
    raise AssertionError("the last station ends every way")


class _Load:
    """The TTLs that a packet has on it."""

    __slots__ = ("bottom", "ip", "top")

    def __init__(self, ttl: int) -> None:
        self.ip = ttl
        self.top = 0
        """Of the label on top, where there is one."""
        self.bottom = 0
        """Of the label below it: as it was pushed."""

    def seen_by(self, role: Role | None) -> int:
        """TTL that decides at a station."""
        if isinstance(role, Lsr):
            return self.top
        return self.quoted_at(role)

    def quoted_at(self, role: Role | None) -> int:
        """IP TTL of the packet that a station would quote."""
        if isinstance(role, Egress) and role.lsp.least and _labels_at(role):
            return min(self.ip, self.top)
        return self.ip

    def left_after(self, station: Station) -> int | None:
        """TTL with which a station passes the packet on; None if it gives it up."""
        seen = self.seen_by(station.role)
        if seen - 1 >= (0 if station.zero_ttl else 1):
            return seen - 1
        hides = isinstance(station.role, Egress) and station.role.lsp.hides_egress
        return seen if hides else None

    def forward(self, role: Role | None, left: int) -> None:
        if isinstance(role, Lsr):
            self.top = left
            if not _labels_behind(role) and role.lsp.least:
                self.ip = min(self.ip, left)
            return
        self.ip = left
        lsp = role.lsp if isinstance(role, Ingress) else role.then if isinstance(role, Egress) else None
        if lsp is not None:
            self.top = self.bottom = left if lsp.propagates else _PIPE_TTL

    def stack_at(self, role: Role | None) -> tuple[MplsEntry, ...]:
        if not isinstance(role, Lsr | Egress) or not role.lsp.reports:
            return ()
        labels, last = _labels_at(role), len(_labels_at(role)) - 1
        return tuple(
            MplsEntry(label, role.lsp.exp, bottom=place == last, ttl=self.bottom if place else self.top)
            for place, label in enumerate(labels)
        )


def _labels_at(role: Lsr | Egress) -> tuple[int, ...]:
    position = role.position if isinstance(role, Lsr) else len(role.lsp.labels)
    return _labels(role.lsp, position)


def _labels_behind(role: Lsr) -> tuple[int, ...]:
    return _labels(role.lsp, role.position + 1)


def _labels(lsp: Lsp, position: int) -> tuple[int, ...]:
    return tuple(label for label in (lsp.labels[position - 1], lsp.inner) if label is not None)


def _find_detour(role: Role | None, index: int) -> int | None:
    if not isinstance(role, Lsr) or not role.lsp.detours:
        return None
    return index + len(role.lsp.labels) - role.position
