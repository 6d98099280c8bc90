"""What kind of change it is that a flow went over to another path."""

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trippy_nb.analysis.history.change import APPEARED, FLAP, MOVED, REROUTE, RESAMPLED, VANISHED
from trippy_nb.analysis.history.differences import Difference
from trippy_nb.analysis.history.labels import Labels
from trippy_nb.analysis.history.patterns import GAP, Pattern
from trippy_nb.analysis.history.spells import History, Spell

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

_BLOCK = 2  # hops that vanish together; one alone may be anything. Our choice.
_Codes = tuple[int, ...]
_Epoch = tuple[int, int, int, Pattern, frozenset[int]]
"""Series, moments of its first and its last observation, what it looks like, and who is on it."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """Two epochs of one series that follow each other, and what lies around them."""

    old: Spell
    new: Spell
    before_old: Spell | None
    after_new: Spell | None
    difference: Difference


class Kinds:
    """Tells kinds apart, the surest first."""

    def __init__(self, tables: "Tables", history: History, *, flap: int) -> None:
        self._history = history
        self._flap = flap
        self._labels = Labels(tables, history)
        self._kept: dict[int, list[Spell]] = defaultdict(list)
        for number in history.spells:
            for spell in history.kept(number):
                self._kept[int(history.group[spell.first])].append(spell)
        self._epochs: dict[int, list[_Epoch]] = {}
        """Of each group in which anything changed, which are few."""

    def kind(self, crossing: Crossing) -> str:
        """Name the kind of a change."""
        old, new = crossing.old.pattern, crossing.new.pattern
        if old.ended and new.ended and old.places[-1] != new.places[-1]:
            return MOVED
        tunnel = self._tunnel(crossing)
        if tunnel is not None:
            return tunnel
        if self._resampled(crossing):
            return RESAMPLED
        return FLAP if self._flaps(crossing) else REROUTE

    def _tunnel(self, crossing: Crossing) -> str | None:
        """Hops with labels that come or go as one block; or a block that goes where a label comes."""
        parts = crossing.difference
        if len(parts.words) != 1 or parts.words == {"changed"}:
            return None
        appears = parts.words == {"added"}
        spell, hops = (crossing.new, parts.after) if appears else (crossing.old, parts.before)
        heard = [code for code in hops if code != GAP]
        if heard and all((spell, code) in self._labels for code in heard):
            return APPEARED if appears else VANISHED
        other = crossing.old if appears else crossing.new
        behind = parts.around[1]
        if len(hops) >= _BLOCK and (other, behind) in self._labels and (spell, behind) not in self._labels:
            return VANISHED if appears else APPEARED
        return None

    def _flaps(self, crossing: Crossing) -> bool:
        """Tell whether the path went back to what it had been shortly before, or is about to."""
        back = crossing.before_old is not None and crossing.before_old.pattern.fits(crossing.new.pattern)
        gone = crossing.after_new is not None and crossing.after_new.pattern.fits(crossing.old.pattern)
        return (back and crossing.old.n <= self._flap) or (gone and crossing.new.n <= self._flap)

    def _resampled(self, crossing: Crossing) -> bool:
        """Tell whether other flows took the new way before, and others still take the old one after."""
        left, right = crossing.difference.around
        old, new = crossing.old, crossing.new
        moment = self._history.moment
        sides = (
            (crossing.difference.after, *_inner(int(moment[old.first]), int(moment[old.last]), -1)),
            (crossing.difference.before, *_inner(int(moment[new.first]), int(moment[new.last]), 1)),
        )
        epochs = self._epochs_of(int(self._history.group[old.first]))
        for block, begin, end in sides:
            codes, anchor = _joined(left, block, right)
            wanted = {*codes} - {GAP}
            if not any(
                series != old.series
                and first <= end
                and last >= begin
                and wanted <= who
                and _holds(pattern, codes, anchor)
                for series, first, last, pattern, who in epochs
            ):
                return False
        return True

    def _epochs_of(self, group: int) -> list[_Epoch]:
        if group not in self._epochs:
            moment, spells = self._history.moment, self._kept[group]
            if len({spell.series for spell in spells}) == 1:
                spells = []  # it takes others to tell
            self._epochs[group] = [
                (
                    spell.series,
                    int(moment[spell.first]),
                    int(moment[spell.last]),
                    spell.pattern,
                    frozenset(spell.pattern.places),
                )
                for spell in spells
            ]
        return self._epochs[group]


def _inner(begin: int, end: int, side: int) -> tuple[int, int]:
    """Leave out the moment next to the change, in which other flows may have changed already, or not yet."""
    if begin == end:
        return begin, end
    return (begin, end - 1) if side < 0 else (begin + 1, end)


def _joined(left: int | None, block: _Codes, right: int | None) -> tuple[_Codes, int | None]:
    """Put a block between what stands around it; and say which place of that is the first that is known."""
    codes = tuple(code for code in (left, *block, right) if code is not None)
    return codes, next((offset for offset, code in enumerate(codes) if code != GAP), None)


def _holds(pattern: Pattern, block: _Codes, anchor: int | None) -> bool:
    """Tell whether a path has these places in a row; a gap among them fits anything."""
    places = pattern.places
    if anchor is None:
        return len(block) <= len(places)
    start = -1
    for _ in range(places.count(block[anchor])):
        start = places.index(block[anchor], start + 1)
        part = places[max(start - anchor, 0) : start - anchor + len(block)]
        if len(part) == len(block) and all(
            code in (GAP, here) for code, here in zip(block, part, strict=True)
        ):
            return True
    return False
