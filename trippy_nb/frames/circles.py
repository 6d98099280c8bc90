"""Whether a path goes in circles."""

from collections.abc import Sequence
from typing import Final

NOBODY: Final = -1
"""Stands for a place without an answer."""
_RETURNS: Final = 2  # one return may be an artefact, such as a translated address


def circle_of(places: Sequence[int]) -> frozenset[int]:
    """Find who a path goes round between.

    Parameters
    ----------
    places
        Who answered, place by place: any numbers; `NOBODY` where nobody did.

    Returns
    -------
    circle
        Those who came back, at least twice in all, in a path that from the first return to its end showed
        nobody new; else empty. One alone is no proof of a circle: a translator puts its address on all
        that is behind it.
    """
    seen: set[int] = set()
    again: list[int] = []
    for place in places:
        if place == NOBODY:
            continue
        if place in seen:
            again.append(place)
        elif again:
            return frozenset()
        seen.add(place)
    return frozenset(again) if len(again) >= _RETURNS else frozenset()
