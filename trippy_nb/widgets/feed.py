"""What is new of a run under way: the rows that changed since the last look, packed for the browser.

The browser keeps the rows of the rounds from `keep` on and before `since`, and puts the new ones behind
them. Nothing is assumed of what may change: the old and the new columns are compared.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from trippy_nb.widgets.wire import Packed

_Columns = dict[str, "np.typing.NDArray[Any]"]


@dataclass(frozen=True, slots=True)
class Delta:
    """What the browser is to do with what it has."""

    keep: int
    """First round to keep; earlier ones were let go of."""
    since: int
    """First round of `rows`: what the browser has of it and of later ones goes."""
    rows: Packed


class Feed:
    """Tells what changed from one look to the next."""

    def __init__(self) -> None:
        self._last: _Columns | None = None

    def whole(self) -> None:
        """Forget what was told: the next delta is everything."""
        self._last = None

    def delta(self, packed: Packed) -> Delta | None:
        """Compare with what was told before; None if nothing changed.

        Parameters
        ----------
        packed
            All probes, sorted by round (see `wire.pack_probes`).
        """
        now = {name: np.frombuffer(data, dtype=f"<{dtype}") for name, (dtype, data) in packed.items()}
        last, self._last = self._last, now
        round_ = now["round"]
        keep = int(round_[0]) if len(round_) else 0
        if last is None or any(last[name].dtype != now[name].dtype for name in now):
            return Delta(keep, 0, packed)
        gone = int(np.searchsorted(last["round"], keep))
        same = _same(last, now, gone)
        if same == len(round_) and gone == 0 and len(last["round"]) == same:
            return None
        since = _next_round(last["round"][gone:], round_, same)
        first = int(np.searchsorted(round_, since))
        fresh = {name: [dtype, now[name][first:].tobytes()] for name, (dtype, _) in packed.items()}
        return Delta(keep, since, fresh)


def _same(last: _Columns, now: _Columns, gone: int) -> int:
    """Count the rows at the beginning that are as they were."""
    count = min(len(last["round"]) - gone, len(now["round"]))
    differs = np.zeros(count, dtype=np.bool_)
    for name, values in now.items():
        old, new = last[name][gone : gone + count], values[:count]
        differs |= old.view(f"u{old.itemsize}") != new.view(f"u{new.itemsize}")  # NaN is as NaN was
    where = np.flatnonzero(differs)
    return int(where[0]) if len(where) else count


def _next_round(last: "np.typing.NDArray[Any]", now: "np.typing.NDArray[Any]", same: int) -> int:
    """Return the round of the first row that is new, gone, or other than it was."""
    rounds = [int(rows[same]) for rows in (last, now) if same < len(rows)]
    return min(rounds) if rounds else (int(now[-1]) + 1 if len(now) else 0)
