"""What several flows show at once is one event: each change is seen once per flow.

A change lies between the last sight of the old path and the first of the new one. Changes of different flows
whose intervals have a moment in common, and whose TTLs overlap, are taken for one: the fewest moments
that explain them all. Flows that swap ways, so that one takes what the other left, are not one event.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

Held = int | str
"""Who answered: a code or an address."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one flow saw of a change."""

    series: int
    low: int
    """Moment of the last sight of the old path. A round is no instant: the change may lie in this one."""
    high: int
    """Moment of the first sight of the new one."""
    first_ttl: int
    last_ttl: int
    item: int
    """The caller's number."""
    gone: frozenset[Held] = frozenset()
    come: frozenset[Held] = frozenset()
    """Responders that only the old path has, and that only the new one has."""


@dataclass(slots=True)
class _Bundle:
    moment: int
    first_ttl: int
    last_ttl: int
    steps: list[Step] = field(default_factory=list)
    series: set[int] = field(default_factory=set)
    gone: set[Held] = field(default_factory=set)
    come: set[Held] = field(default_factory=set)

    def takes(self, step: Step) -> bool:
        """Tell whether a step may be part of it."""
        overlaps = self.first_ttl <= step.last_ttl and step.first_ttl <= self.last_ttl
        swaps = not (self.gone.isdisjoint(step.come) and self.come.isdisjoint(step.gone))
        return overlaps and not swaps and step.series not in self.series

    def add(self, step: Step) -> None:
        """Put a step in."""
        self.steps.append(step)
        self.series.add(step.series)
        self.gone |= step.gone
        self.come |= step.come
        self.first_ttl = min(self.first_ttl, step.first_ttl)
        self.last_ttl = max(self.last_ttl, step.last_ttl)


def bundles(steps: Sequence[Step]) -> list[list[Step]]:
    """Put together what may be one event; all steps are of one group.

    Returns
    -------
    bundles
        In the order of the moment by which all of a bundle had begun; no series is twice in one.
    """
    found: list[_Bundle] = []
    for step in sorted(steps, key=lambda step: (step.high, step.low, step.series, step.item)):
        home = _home(found, step)
        if home is None:
            home = _Bundle(step.high, step.first_ttl, step.last_ttl)
            found.append(home)
        home.add(step)
    return [bundle.steps for bundle in found]


def _home(found: list[_Bundle], step: Step) -> _Bundle | None:
    for bundle in reversed(found):
        if bundle.moment < step.low:  # and so are all before it
            return None
        if bundle.takes(step):
            return bundle
    return None
