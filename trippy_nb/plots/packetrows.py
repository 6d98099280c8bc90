"""Which rows a packet takes where 32 bits are one, and what words fit in a field."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trippy_nb.analysis.lens import Shown
    from trippy_nb.wire.anatomy import Field

WORD, BYTE = 32, 8
_LONG = 5
"""Words; a longer field is drawn torn."""


@dataclass(frozen=True, slots=True)
class PacketRows:
    """Where words are drawn: what lies within a long field is left out."""

    at: dict[int, int]
    """Row of each word that is drawn."""
    torn: frozenset[int]
    """Rows that stand for several words."""

    @property
    def count(self) -> int:
        """How many rows there are."""
        return max(self.at.values(), default=-1) + 1


def rows_of(shown: "Shown") -> PacketRows:
    """Lay out a packet."""
    inner: set[int] = set()
    for field in shown.anatomy.fields:
        first, last = _words(field)
        if last - first >= _LONG:
            inner |= set(range(first + 1, last))
    at: dict[int, int] = {}
    torn = set()
    row = 0
    for word in range(-(-len(shown.anatomy.octets) * BYTE // WORD)):
        if word in inner:
            if word - 1 not in inner:
                torn.add(row)
                row += 1
            continue
        at[word] = row
        row += 1
    return PacketRows(at, frozenset(torn))


def _words(field: "Field") -> tuple[int, int]:
    """First and last word of a field."""
    return field.bit // WORD, (field.bit + field.bits - 1) // WORD


def pieces_of(field: "Field", rows: PacketRows) -> list[tuple[int, int, int, int]]:
    """Cut a field into boxes: first row, row behind the last, first column, column behind the last."""
    first, last = _words(field)
    left, right = field.bit % WORD, (field.bit + field.bits - 1) % WORD + 1
    top, bottom = rows.at[first], rows.at[last]
    if top == bottom:
        return [(top, top + 1, left, right)]
    pieces = []
    if left:
        pieces.append((top, top + 1, left, WORD))
        top += 1
    end = bottom if right < WORD else bottom + 1
    if end > top:
        pieces.append((top, end, 0, WORD))
    if right < WORD:
        pieces.append((bottom, bottom + 1, 0, right))
    return pieces


def rows_spanned(field: "Field", rows: PacketRows) -> tuple[int, int]:
    """First row of a field, and the row behind its last."""
    first, last = _words(field)
    return rows.at[first], rows.at[last] + 1


def fitting(value: str, letters: int) -> str:
    """Shorten a value where it may be: without what explains it, or else at its end."""
    plain, bare, last = value.partition(",")[0], value.partition(" (")[0], value.rpartition(": ")[2]
    for words in (value, plain, last, bare, bare.partition(",")[0]):
        if len(words) <= letters:
            return words
    return value[: max(letters - 1, 0)] + "…" if letters > 1 else value[:1]
