"""A scenario: its parts, and which of them holds when. `sim.reading` makes one, `sim.checks` checks it."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from trippy_nb.sim.clock import DEFAULT_EPOCH_NS
from trippy_nb.sim.nodes import (
    SOURCE,
    BucketLimit,
    Limit,
    Link,
    LinkSpec,
    LinuxLimit,
    Reorder,
    Router,
    Source,
    Target,
    WindowLimit,
)
from trippy_nb.sim.routes import (
    Alternative,
    ClockStep,
    Congestion,
    NextHop,
    Return,
    Route,
    Tables,
    Via,
    links_of,
)
from trippy_nb.sim.specs import Nat, Rewrite, Tunnel

__all__ = [
    "SOURCE",
    "Alternative",
    "BucketLimit",
    "ClockStep",
    "Congestion",
    "Limit",
    "Link",
    "LinkSpec",
    "LinuxLimit",
    "Moment",
    "Nat",
    "NextHop",
    "Reorder",
    "Return",
    "Rewrite",
    "Route",
    "Router",
    "Scenario",
    "Source",
    "Tables",
    "Target",
    "Tunnel",
    "Via",
    "WindowLimit",
]

Moment = tuple[int, tuple[bool, ...]]
"""Stretch of time without a change: number of the last change, and which flapping routes hold."""

_Timed = TypeVar("_Timed", Route, Return)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A network, its history and its dice."""

    name: str
    description: str = ""
    cases: tuple[int, ...] = ()
    """Numbers of the hard cases it is about (docs/hard-cases.md)."""
    seed: int = 0
    epoch_ns: int = DEFAULT_EPOCH_NS
    source: Source
    targets: tuple[Target, ...]
    routers: tuple[Router, ...] = ()
    links: tuple[Link, ...] = ()
    routes: tuple[Route, ...] = ()
    returns: tuple[Return, ...] = ()
    tunnels: tuple[Tunnel, ...] = ()
    congestions: tuple[Congestion, ...] = ()
    clock_steps: tuple[ClockStep, ...] = ()

    def families(self, target: Target) -> tuple[int, ...]:
        """Address families in which a target can be traced."""
        return tuple(af for af in (4, 6) if target.addresses(af))

    def route(self, target: str, af: int, at_ns: int) -> Route | None:
        """Find the route in force: the latest that matches; of two at one moment, the later in the file."""
        return _latest((r for r in self.routes if r.to in (None, target) and r.family in (None, af)), at_ns)

    def return_of(self, node: str, af: int, at_ns: int) -> Return | None:
        """Find the way of a node's answers, if it is one of its own; chosen as routes are."""
        mine = (r for r in self.returns if (r.of is None or node in r.of) and r.family in (None, af))
        return _latest(mine, at_ns)

    @property
    def nodes(self) -> tuple[Router | Target, ...]:
        """Routers, and then targets: all but the source."""
        return (*self.routers, *self.targets)

    @cached_property
    def outward_links(self) -> frozenset[tuple[str, str]]:
        """The links that some route uses, at any time."""
        return frozenset(
            link
            for route in self.routes
            for target in self.targets
            if route.to in (None, target.name)
            for link in links_of(route.tables(target.name))
        )

    @cached_property
    def _changes(self) -> tuple[int, ...]:
        timed: list[Route | Return | Congestion] = [*self.routes, *self.returns, *self.congestions]
        ends = {thing.until_ns for thing in timed if thing.until_ns is not None}
        return tuple(sorted({0, *(thing.at_ns for thing in timed), *ends}))

    @cached_property
    def _flaps(self) -> tuple[Route, ...]:
        return tuple(route for route in self.routes if route.every_ns is not None)

    def changes(self) -> tuple[int, ...]:
        """Moments (ns of virtual time) at which something begins or ends, the first of them 0.

        Of a flap the beginning alone: it changes again and again after that.
        """
        return self._changes

    @property
    def flaps(self) -> bool:
        """Whether a route comes and goes for ever."""
        return bool(self._flaps)

    def moment(self, at_ns: int) -> Moment:
        """Name the stretch of time that a moment is in; the same name means the same network."""
        number = bisect_right(self._changes, at_ns)
        return number, tuple([route.holds(at_ns) for route in self._flaps]) if self._flaps else ()


def _latest(candidates: Iterable[_Timed], at_ns: int) -> _Timed | None:
    best: _Timed | None = None
    for candidate in candidates:
        if candidate.holds(at_ns) and (best is None or candidate.at_ns >= best.at_ns):
            best = candidate
    return best
