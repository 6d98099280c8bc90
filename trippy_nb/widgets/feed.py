"""What the browser has of a run under way, and what it must be told: the rows that differ, packed.

A row is a probe; its place is the probe's number within the run. The browser puts each row it is sent where
it belongs, and drops those before `base`. What the hop table does not count is told as a row that was never
sent. Nothing is assumed of what may change: what was told is kept here, 29 bytes a probe.
"""

import struct
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from trippy_nb.model import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

ROW: Final = np.dtype(
    [
        ("rtt", "<f8"),
        ("at", "<f8"),
        ("round", "<u4"),
        ("addr", "<u4"),
        ("flow", "<u2"),
        ("ttl", "u1"),
        ("status", "u1"),
    ]
)
"""A probe as the browser knows it (`wire.pack_probes`): 28 bytes."""
NOBODY: Final = 2**32 - 1
BLANK: Final = np.array((np.nan, np.nan, 0, NOBODY, 0, 0, Status.NOT_SENT), dtype=ROW)
_PACKED: Final = struct.Struct("<ddIIHBB")
_LEAST = 1024
_WORDS = ROW.itemsize // 4

Rows = npt.NDArray[np.void]
Places = npt.NDArray[np.int64]
Row = tuple[float, float, int, int, int, int, int]
"""One of them, as plain numbers."""


@dataclass(frozen=True, slots=True)
class Delta:
    """What the browser is to do with what it has."""

    base: int
    """Place of the first row to keep."""
    count: int
    """Rows that are told."""
    data: bytes
    """Columns, one behind the other, the widest first: those of `ROW`, and the place (u4) as the third."""


class Feed:
    """Tells what differs from one look to the next."""

    def __init__(self) -> None:
        self.whole()

    def whole(self) -> None:
        """Forget what was told: the next delta is everything it is given."""
        self._hold(np.full(_LEAST, BLANK))
        self._first = 0  # row of `held` that is place `base`: letting go moves nothing
        self._base = self._end = 0

    @property
    def span(self) -> tuple[float, float] | None:
        """Time of the first and of the last row that has one; None if there is none."""
        places = range(self._first, self._first + self._end - self._base)
        ends = (map(self._at, places), map(self._at, reversed(places)))
        first, last = (next((time for time in end if time == time), None) for end in ends)  # noqa: PLR0124 - NaN is not itself
        if first is None or last is None:
            return None
        return first, last if last > first else first + 1.0  # an axis has a length

    def _at(self, place: int) -> float:
        time: float = _PACKED.unpack_from(self._bytes, place * ROW.itemsize)[1]
        return time

    @property
    def _rows(self) -> Rows:
        return self._held[self._first : self._first + self._end - self._base]

    def delta(self, places: Places, rows: Rows, *, keep: int = 0) -> Delta | None:
        """Compare with what was told before; None if nothing differs.

        Parameters
        ----------
        places, rows
            What is known now, in any order; of rows that are not here what was told still holds.
        keep
            First round to keep.
        """
        let_go = self._let_go(keep)
        if self._end == 0 and len(places):
            self._base = self._end = int(places.min())
        here = places >= self._base
        places, rows = places[here] - self._base, rows[here]
        self._make_room(int(places.max(initial=-1)) + 1)
        differs = np.any(_words(self._rows[places]) != _words(rows), axis=1)
        places, rows = places[differs], rows[differs]
        self._rows[places] = rows
        if not len(places) and not let_go:
            return None
        columns: list[npt.NDArray[Any]] = [rows[name] for name in ROW.names or ()]
        columns.insert(2, (places + self._base).astype("<u4"))
        return Delta(self._base, len(rows), b"".join(column.tobytes() for column in columns))

    def few(self, rows: "Sequence[tuple[int, Row]]", *, keep: int = 0) -> Delta | None:
        """Compare few rows with what was told before: as `delta`, one by one.

        Parameters
        ----------
        rows
            Places, and what is known now; as the fields of `ROW`.
        keep
            First round to keep.
        """
        let_go = self._let_go(keep)
        places = [place for place, _ in rows]
        if self._end == 0 and rows:
            self._base = self._end = min(places)
        if places and min(places) < self._base:
            rows = [row for row in rows if row[0] >= self._base]
        self._make_room(max(places, default=-1) + 1 - self._base)
        held, size, told = self._bytes, ROW.itemsize, []
        for place, row in rows:
            at = (self._first + place - self._base) * size
            packed = _PACKED.pack(*row)
            if held[at : at + size] != packed:
                held[at : at + size] = packed
                told.append((*row[:2], place, *row[2:]))
        if not told and not let_go:
            return None
        kinds = "".join(f"{len(told)}{kind}" for kind in "ddIIIHBB")
        columns = chain.from_iterable(zip(*told, strict=True))
        return Delta(self._base, len(told), struct.pack(f"<{kinds}", *columns))

    def _let_go(self, keep: int) -> bool:
        if not keep or self._end == self._base:
            return False
        if _PACKED.unpack_from(self._bytes, self._first * ROW.itemsize)[2] >= keep:
            return False
        round_ = self._rows["round"]
        gone = int(np.argmax(round_ >= keep)) if round_[-1] >= keep else len(round_)
        self._base += gone
        self._first += gone
        return True

    def _make_room(self, count: int) -> None:
        self._end = max(self._end, self._base + count)
        if self._first + count > len(self._held):
            held = np.full(max(2 * count, _LEAST), BLANK)
            kept = self._held[self._first : self._first + count]
            held[: len(kept)] = kept
            self._hold(held)
            self._first = 0

    def _hold(self, rows: Rows) -> None:
        self._held = rows
        self._bytes = rows.view(np.uint8).data


def _words(rows: Rows) -> npt.NDArray[np.uint32]:
    """Look at rows as numbers, so that NaN is as NaN was."""
    return np.ascontiguousarray(rows).view("<u4").reshape(-1, _WORDS)
