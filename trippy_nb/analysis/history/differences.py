"""Where two paths differ, so that a hop inserted is one insertion, and how far apart they are.

Distance: Levenshtein's edits over the places of the longer path, silence at no cost (after Schwartz, Shavitt
and Weinsberg, On the Diversity, Stability and Symmetry of End-to-End Internet Routes, GI 2010).
"""

from dataclasses import dataclass
from itertools import starmap
from typing import TYPE_CHECKING

from trippy_nb.analysis.align import ALIKE, APART, FREE, Cost, paired
from trippy_nb.analysis.history.patterns import GAP, Pattern

if TYPE_CHECKING:
    from collections.abc import Iterable

_EDITS = ("changed", "added", "removed")
_ADDED_AND_REMOVED = 2
_Pair = tuple[int | None, int | None]


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
    codes = [
        (None if here is None else old.places[here], None if there is None else new.places[there])
        for here, there in pairs
    ]
    words = list(starmap(_word, codes))
    at = [number for number, word in enumerate(words) if word in _EDITS]
    begin, end = at[0], at[-1] + 1
    places = [place for pair in pairs[begin:end] for place in pair if place is not None]
    return Difference(
        before=tuple(here for here, _ in codes[begin:end] if here is not None),
        after=tuple(there for _, there in codes[begin:end] if there is not None),
        first=min(places),
        last=max(places),
        edits=len(at),
        length=max(len(old.places), len(new.places)),
        words=frozenset(words[number] for number in at),
        around=(codes[begin - 1][1] if begin else None, codes[end][1] if end < len(codes) else None),
    )


def _word(here: int | None, there: int | None) -> str:
    """Say what happened to a place; a silent hop that came or went is an edit, too."""
    if here is None or there is None:
        return "added" if here is None else "removed"
    if GAP in (here, there):
        return "silent"
    return "same" if here == there else "changed"


def _aligned(old: tuple[int, ...], new: tuple[int, ...]) -> list[_Pair]:
    """Align what is between the common beginning and end, which cost nothing in any alignment."""
    n, m = len(old), len(new)
    shorter = min(n, m)
    head = 0
    while head < shorter and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < shorter - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    left, right = old[head : n - tail], new[head : m - tail]
    middle: Iterable[_Pair]
    if len(left) == len(right) and _is_in_step(left, right):
        middle = zip(range(len(left)), range(len(right)), strict=True)
    else:
        middle = paired(len(left), len(right), lambda i, j: _cost(left[i], right[j]))
    return [
        *((place, place) for place in range(head)),
        *((None if i is None else head + i, None if j is None else head + j) for i, j in middle),
        *zip(range(n - tail, n), range(m - tail, m), strict=True),
    ]


def _is_in_step(left: tuple[int, ...], right: tuple[int, ...]) -> bool:
    """Tell whether no other alignment of as many places is better than the one place by place.

    Without a responder in common nothing can be gained but by silence, and any other alignment costs at least
    one place that was added and one that was removed.
    """
    if ({*left} & {*right}) - {GAP}:
        return False
    changed = sum(GAP not in pair for pair in zip(left, right, strict=True))
    return changed <= _ADDED_AND_REMOVED or GAP not in left + right


def _cost(here: int, there: int) -> Cost:
    return ALIKE if here == there != GAP else FREE if GAP in (here, there) else APART
