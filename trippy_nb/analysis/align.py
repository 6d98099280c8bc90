"""Two paths laid side by side, so that a hop inserted is one insertion and not a change of all that follow.

Edit alignment (Needleman and Wunsch, 1970) over places; a silent place fits any other at no cost.
Among alignments of equal cost the one with the most common responders is taken, then the one that
keeps places beside each other longest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

_EDIT = 1
Cost = tuple[int, int]
"""Edits, and minus the places with a common responder."""


@dataclass(frozen=True, slots=True)
class Place:
    """A TTL of a flow: who answered there, and how often."""

    ttl: int
    answers: dict[str, int] = field(default_factory=dict)

    @property
    def silent(self) -> bool:
        """Nobody ever answered."""
        return not self.answers

    @property
    def ranked(self) -> tuple[str, ...]:
        """Responders, most frequent first."""
        return tuple(sorted(self.answers, key=lambda addr: (-self.answers[addr], addr)))


Aligned = list[tuple[Place | None, Place | None]]
"""Pairs of places; None stands where the other path has a place of its own."""

FITTING = ("same", "silent")
"""Changes that are none."""


def change_of(here: Place | None, there: Place | None) -> str:
    """Say in a word what happened to a place: same, changed, added, removed or silent."""
    if here is None or there is None:
        alone = here or there
        silent = alone is None or alone.silent
        return "silent" if silent else ("added" if here is None else "removed")
    if here.silent or there.silent:
        return "silent"
    return "same" if here.answers.keys() & there.answers.keys() else "changed"


def align(a: Sequence[Place], b: Sequence[Place]) -> Aligned:
    """Pair the places of two paths; None stands where the other path has a place of its own."""
    best: list[list[Cost]] = [[(_EDIT * j, 0) for j in range(len(b) + 1)]]
    for i, here in enumerate(a, start=1):
        row = [(_EDIT * i, 0)]
        for j, there in enumerate(b, start=1):
            beside = _plus(best[i - 1][j - 1], _pairing(here, there))
            row.append(min(beside, _plus(best[i - 1][j], (_EDIT, 0)), _plus(row[j - 1], (_EDIT, 0))))
        best.append(row)
    pairs: Aligned = []
    i, j = len(a), len(b)
    while i or j:
        if i and j and best[i][j] == _plus(best[i - 1][j - 1], _pairing(a[i - 1], b[j - 1])):
            i, j = i - 1, j - 1
            pairs.append((a[i], b[j]))
        elif i and best[i][j] == _plus(best[i - 1][j], (_EDIT, 0)):
            i -= 1
            pairs.append((a[i], None))
        else:
            j -= 1
            pairs.append((None, b[j]))
    return pairs[::-1]


def _pairing(here: Place, there: Place) -> Cost:
    if here.silent or there.silent:
        return (0, 0)
    return (0, -1) if here.answers.keys() & there.answers.keys() else (_EDIT, 0)


def _plus(cost: Cost, more: Cost) -> Cost:
    return (cost[0] + more[0], cost[1] + more[1])
