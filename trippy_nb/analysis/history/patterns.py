"""Paths with gaps: when two of them can be one and the same, and what they tell together.

A place where nobody answered fits anything: a lost probe is no change of route.
"""

from dataclasses import dataclass

GAP = -1
"""Nobody answered here, or nobody was asked."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A path, as far as it is known: codes of responders from the first TTL of all on."""

    places: tuple[int, ...]
    ended: bool
    """The target answered at the last place: nothing is behind it."""

    def fits(self, other: "Pattern") -> bool:
        """Tell whether no place contradicts: both may be looks at one path."""
        short, long = (self, other) if len(self.places) <= len(other.places) else (other, self)
        if long.places[: len(short.places)] != short.places:  # said of whole paths at once: most are alike
            for a, b in zip(short.places, long.places, strict=False):
                if a != b and a >= 0 and b >= 0:
                    return False
        return not short.ended or max(long.places[len(short.places) :], default=GAP) == GAP

    def conflicts(self, other: "Pattern") -> list[int]:
        """List the places where one contradicts the other; none if they fit."""
        found = [
            place
            for place, (a, b) in enumerate(zip(self.places, other.places, strict=False))
            if a != b and a >= 0 and b >= 0
        ]
        short, long = (self, other) if len(self.places) <= len(other.places) else (other, self)
        if short.ended:
            found += [
                place for place in range(len(short.places), len(long.places)) if long.places[place] >= 0
            ]
        return found

    def merged(self, other: "Pattern") -> "Pattern":
        """Put together what the two know; they fit."""
        short, long = (self, other) if len(self.places) <= len(other.places) else (other, self)
        both = tuple(map(max, short.places, long.places))  # GAP is the least; two that answered are the same
        if short.ended:
            return Pattern(both, ended=True)
        return Pattern(both + long.places[len(short.places) :], ended=long.ended)


def gaps(pattern: Pattern) -> int:
    """Count the places that are not known."""
    return sum(code == GAP for code in pattern.places)
