"""What a scenario says of ways and of time, as frozen values; and forwarding tables made of ways."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trippy_nb.sim.delays import NO_DELAY, Delay
from trippy_nb.sim.nodes import SOURCE


@dataclass(frozen=True, slots=True)
class NextHop:
    """Where a node may send a packet next."""

    to: str
    weight: float = 1.0


Tables = Mapping[str, tuple[NextHop, ...]]
"""For each node its next hops."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of several ways from a balancer on; without nodes it leads directly to what follows."""

    via: "Via" = ()
    weight: float = 1.0


Via = tuple["str | tuple[Alternative, ...]", ...]
"""Nodes in order; alternatives stand where the way divides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The routers between source and target, from a moment on: as a way, or as tables."""

    via: Via | None = None
    next: tuple[tuple[str, tuple[NextHop, ...]], ...] = ()
    """Forwarding tables, where `via` is None."""
    at_ns: int = 0
    until_ns: int | None = None
    every_ns: int | None = None
    """It comes back so often, and holds for `lasts_ns` each time."""
    lasts_ns: int | None = None
    to: str | None = None
    """Target; None is every target."""
    family: int | None = None
    """4 or 6; None is both."""

    def holds(self, at_ns: int) -> bool:
        """Tell whether it is in force."""
        if at_ns < self.at_ns or (self.until_ns is not None and at_ns >= self.until_ns):
            return False
        if self.every_ns is None or self.lasts_ns is None:
            return True
        return (at_ns - self.at_ns) % self.every_ns < self.lasts_ns

    def tables(self, end: str) -> dict[str, tuple[NextHop, ...]]:
        """Make the forwarding tables of the way to a target.

        Raises
        ------
        AmbiguousWayError
            If a router would have other next hops in one place of the way than in another.
        """
        if self.via is None:
            return dict(self.next)
        tables: dict[str, tuple[NextHop, ...]] = {}
        tables[SOURCE] = _lay(self.via, (NextHop(end),), tables)
        return tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """The way of answers, where it is not the way of the probes backwards."""

    via: tuple[str, ...]
    """Routers from the answering node on; the source follows."""
    of: tuple[str, ...] | None = None
    """Nodes whose answers go that way; None is all."""
    at_ns: int = 0
    until_ns: int | None = None
    family: int | None = None

    def holds(self, at_ns: int) -> bool:
        """Tell whether it is in force."""
        return self.at_ns <= at_ns and (self.until_ns is None or at_ns < self.until_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Congestion:
    """A link is slower, and loses more, for a while."""

    ends: tuple[str, str]
    at_ns: int
    until_ns: int
    delay: Delay = NO_DELAY
    """On top of the link's."""
    delay_back: Delay = NO_DELAY
    loss: float = 0.0
    """In place of the link's, if it is more."""
    loss_back: float = 0.0

    def holds(self, at_ns: int) -> bool:
        """Tell whether it is going on."""
        return self.at_ns <= at_ns < self.until_ns

    @property
    def cuts(self) -> bool:
        """Nothing passes: the link is down."""
        return self.loss == self.loss_back == 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockStep:
    """The wall clock of the machine that probes is set."""

    at_ns: int
    step_ns: int
    """Forwards, or backwards if negative."""


class AmbiguousWayError(ValueError):
    """A way names a router twice, with other next hops; its argument is the router."""


def links_of(tables: Tables, start: str = SOURCE) -> Iterator[tuple[str, str]]:
    """Go through the links that lead on from a node, each once."""
    seen, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        for hop in tables.get(here, ()):
            yield here, hop.to
            if hop.to not in seen:
                seen.add(hop.to)
                waiting.append(hop.to)


def nodes_of(via: Via) -> list[str]:
    """List the nodes of a way, those of all alternatives too, as often as they stand there."""
    found: list[str] = []
    for element in via:
        if isinstance(element, str):
            found.append(element)
        else:
            for alternative in element:
                found += nodes_of(alternative.via)
    return found


def _lay(via: Via, ahead: tuple[NextHop, ...], tables: dict[str, tuple[NextHop, ...]]) -> tuple[NextHop, ...]:
    """Enter a way into the tables, from its end; return what leads into it."""
    for element in reversed(via):
        if isinstance(element, str):
            if tables.setdefault(element, ahead) != ahead:
                raise AmbiguousWayError(element)
            ahead = (NextHop(element),)
        else:
            ahead = _divide(element, ahead, tables)
    return ahead


def _divide(
    alternatives: Sequence[Alternative], ahead: tuple[NextHop, ...], tables: dict[str, tuple[NextHop, ...]]
) -> tuple[NextHop, ...]:
    weights: dict[str, float] = {}
    for alternative in alternatives:
        entries = _lay(alternative.via, ahead, tables)
        whole = sum(hop.weight for hop in entries)
        for hop in entries:
            share = alternative.weight * hop.weight / whole
            weights[hop.to] = weights.get(hop.to, 0.0) + share
    return tuple(NextHop(to, weight) for to, weight in weights.items())
