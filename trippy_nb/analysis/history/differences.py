"""Where two paths differ, so that a hop inserted is one insertion, and how far apart they are.

Distance: Levenshtein's edits over the places of the longer path, silence at no cost (after Schwartz, Shavitt
and Weinsberg, On the Diversity, Stability and Symmetry of End-to-End Internet Routes, GI 2010).
"""

from dataclasses import dataclass

from trippy_nb.analysis.align import Aligned, Place, align, change_of
from trippy_nb.analysis.history.patterns import Pattern

_EDITS = ("changed", "added", "removed")


@dataclass(frozen=True, slots=True)
class Difference:
    """The places between the common beginning and the common end of two paths."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    """Codes; `GAP` is silence."""
    first: int
    last: int
    """Places, from 0, of the first and the last that differ; the last on the longer path."""
    edits: int
    length: int
    words: frozenset[str]
    """What happened to the places: changed, added, removed."""
    around: tuple[int | None, int | None]
    """What stands before and after them on the new path; None at its ends."""


def difference(old: Pattern, new: Pattern) -> Difference:
    """Lay two paths that contradict each other side by side."""
    pairs = _aligned(old.places, new.places)
    changes = [_word(here, there) for here, there in pairs]
    at = [number for number, word in enumerate(changes) if word in _EDITS]
    block = pairs[at[0] : at[-1] + 1]
    left, right = at[0] - 1, at[-1] + 1
    places = [place.ttl for pair in block for place in pair if place is not None]
    return Difference(
        before=tuple(old.places[here.ttl] for here, _ in block if here is not None),
        after=tuple(new.places[there.ttl] for _, there in block if there is not None),
        first=min(places),
        last=max(places),
        edits=len(at),
        length=max(len(old.places), len(new.places)),
        words=frozenset(changes[number] for number in at),
        around=(_code(pairs, new, left), _code(pairs, new, right)),
    )


def _word(here: Place | None, there: Place | None) -> str:
    """Say what happened to a place; a silent hop that came or went is an edit, too."""
    if here is None or there is None:
        return "added" if here is None else "removed"
    return change_of(here, there)


def _code(pairs: Aligned, new: Pattern, number: int) -> int | None:
    if not 0 <= number < len(pairs):
        return None
    place = pairs[number][1]
    return None if place is None else new.places[place.ttl]


def _aligned(old: tuple[int, ...], new: tuple[int, ...]) -> Aligned:
    """Align what is between the common beginning and end, which cost nothing in any alignment."""
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    middle = align(
        _places(old, head, len(old) - tail),
        _places(new, head, len(new) - tail),
    )
    begin: Aligned = list(zip(_places(old, 0, head), _places(new, 0, head), strict=True))
    end: Aligned = list(
        zip(_places(old, len(old) - tail, len(old)), _places(new, len(new) - tail, len(new)), strict=True)
    )
    return begin + middle + end


def _places(codes: tuple[int, ...], start: int, stop: int) -> list[Place]:
    """Make places for `align`; their TTL is the index here."""
    return [Place(index, {str(codes[index]): 1} if codes[index] >= 0 else {}) for index in range(start, stop)]
