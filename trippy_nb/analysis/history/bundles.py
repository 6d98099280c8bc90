"""What several flows show at once is one event: each change is seen once per flow.

A change lies between the last sight of the old path and the first of the new one. Changes of different flows
whose intervals have a moment in common, and whose TTLs overlap, are taken for one: the fewest moments
that explain them all.
"""

from collections.abc import Sequence
from dataclasses import dataclass


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


@dataclass(slots=True)
class _Bundle:
    moment: int
    first_ttl: int
    last_ttl: int
    steps: list[Step]
    series: set[int]


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
            found.append(_Bundle(step.high, step.first_ttl, step.last_ttl, [step], {step.series}))
            continue
        home.steps.append(step)
        home.series.add(step.series)
        home.first_ttl = min(home.first_ttl, step.first_ttl)
        home.last_ttl = max(home.last_ttl, step.last_ttl)
    return [bundle.steps for bundle in found]


def _home(found: list[_Bundle], step: Step) -> _Bundle | None:
    for bundle in reversed(found):
        if bundle.moment < step.low:  # and so are all before it
            return None
        overlaps = bundle.first_ttl <= step.last_ttl and step.first_ttl <= bundle.last_ttl
        if overlaps and step.series not in bundle.series:
            return bundle
    return None
