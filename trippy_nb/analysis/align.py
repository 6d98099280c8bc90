"""Two paths laid side by side, so that a hop inserted is one insertion and not a change of all that follow.

Edit alignment (Needleman and Wunsch, 1970) over places; a silent place fits any other at no cost.
Among alignments of equal cost the one with the most common responders is taken, then the one that
keeps places beside each other longest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

_EDIT = 1
Cost = tuple[int, int]
"""Edits, and minus the places with a common responder."""

FREE, ALIKE, APART = (0, 0), (0, -1), (_EDIT, 0)
"""What two places beside each other cost: one is silent, they have a responder in common, they have none."""


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
    pairs = paired(len(a), len(b), lambda i, j: _pairing(a[i], b[j]))
    return [(None if i is None else a[i], None if j is None else b[j]) for i, j in pairs]


def paired(n: int, m: int, cost: Callable[[int, int], Cost]) -> list[tuple[int | None, int | None]]:
    """Pair `n` places with `m` others, by number; `cost` is what it costs to put two beside each other."""
    beside = [[cost(i, j) for j in range(m)] for i in range(n)]
    best: list[list[Cost]] = [[(_EDIT * j, 0) for j in range(m + 1)]]
    for i in range(n):
        above, row = best[i], [(_EDIT * (i + 1), 0)]
        for j in range(m):
            alone = min(above[j + 1], row[j])
            row.append(min(_plus(above[j], beside[i][j]), _plus(alone, (_EDIT, 0))))
        best.append(row)
    pairs: list[tuple[int | None, int | None]] = []
    i, j = n, m
    while i or j:
        if i and j and best[i][j] == _plus(best[i - 1][j - 1], beside[i - 1][j - 1]):
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif i and best[i][j] == _plus(best[i - 1][j], (_EDIT, 0)):
            i -= 1
            pairs.append((i, None))
        else:
            j -= 1
            pairs.append((None, j))
    return pairs[::-1]


def _pairing(here: Place, there: Place) -> Cost:
    if here.silent or there.silent:
        return FREE
    return ALIKE if here.answers.keys() & there.answers.keys() else APART


def _plus(cost: Cost, more: Cost) -> Cost:
    return (cost[0] + more[0], cost[1] + more[1])
