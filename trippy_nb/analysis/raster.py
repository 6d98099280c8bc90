"""Hop by time: how many of the probes of each cell nobody answered."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trippy_nb.analysis.along import along_of, round_keys
from trippy_nb.analysis.arrays import Floats, Ints
from trippy_nb.analysis.curves import Addrs, responders
from trippy_nb.analysis.hops import probes_in_view
from trippy_nb.errors import ConfigError
from trippy_nb.model import SETTLED, Status

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

_BREAK = 2.5
"""A round that begins later than so many usual intervals after the one before follows a pause."""


@dataclass(frozen=True, slots=True, eq=False)
class LossRaster:
    """Shares unanswered, hop by hop and stretch by stretch, of the probes that the hop table counts."""

    ttls: tuple[int, ...]
    """Rows, nearest first."""
    addrs: Addrs
    edges: Floats
    """Begin of each column, and the end of the last: places of :class:`trippy_nb.analysis.along.Along`."""
    sent: Ints
    """Probes whose fate is known, a row a TTL, a column a stretch; 0 where none was sent."""
    unanswered: Ints
    rounds_each: int
    """Rounds that a column takes together, at most."""
    is_timed: bool

    @property
    def ratio(self) -> Floats:
        """Share unanswered; NaN where none was sent."""
        ratio: Floats = np.divide(
            self.unanswered, self.sent, out=np.full(self.sent.shape, np.nan), where=self.sent > 0
        )
        return ratio


def loss_raster(tables: "Tables", *, columns: int = 100) -> LossRaster:
    """Count what nobody answered, by TTL and time.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.
    columns
        How many stretches of time there may be. Each is the same number of whole rounds, so that no stretch
        has fewer probes only because its border fell badly; a pause is a stretch of its own, without probes.

    Raises
    ------
    ConfigError
        If `columns` is below 1.
    """
    if columns < 1:
        raise ConfigError(f"columns={columns} is below 1")
    frame = probes_in_view(tables)
    frame = frame.loc[frame["status"].isin(SETTLED)].reset_index(drop=True)
    along = along_of(tables)
    number = np.searchsorted(along.rounds, round_keys(frame))
    begins = along.begins[number] if len(frame) else np.zeros(0)
    here = ~np.isnan(begins)
    frame, number = frame.loc[here].reset_index(drop=True), number[here]
    used = np.unique(number)
    used = used[np.argsort(along.begins[used], kind="stable")]
    each = max(-(-len(used) // columns), 1)
    place = np.empty(len(along.rounds), dtype=np.int64)
    edges, place[used] = _edges(along.begins[used], each)
    ttls, row = np.unique(frame["ttl"].to_numpy(dtype=np.int64), return_inverse=True)
    shape = (len(ttls), max(len(edges) - 1, 0))
    cell = row * shape[1] + place[number]
    size = shape[0] * shape[1]
    lost = (frame["status"] == Status.TIMEOUT.word).to_numpy()
    return LossRaster(
        ttls=tuple(ttls.tolist()),
        addrs=responders(frame),
        edges=edges,
        sent=np.bincount(cell, minlength=size).reshape(shape),
        unanswered=np.bincount(cell[lost], minlength=size).reshape(shape),
        rounds_each=each,
        is_timed=along.is_timed,
    )


def _edges(begins: Floats, each: int) -> tuple[Floats, Ints]:
    """Cut rounds, by the time they began, into columns; return their edges, and the column of each round."""
    if not len(begins):
        return np.zeros(0), np.zeros(0, dtype=np.int64)
    steps = np.diff(begins)
    usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else 1.0
    after_pause = np.flatnonzero(steps > usual * _BREAK) + 1
    part = np.zeros(len(begins), dtype=np.int64)
    part[after_pause] = 1
    part = np.cumsum(part)
    first = np.flatnonzero(np.append(True, np.diff(part) > 0))
    within = np.arange(len(begins)) - first[part]
    new = within % each == 0
    column = np.cumsum(new) - 1 + part  # each pause takes a column
    edges: list[float] = []
    for at in np.flatnonzero(new).tolist():
        if at in set(after_pause.tolist()):
            edges.append(float(begins[at - 1]) + usual)
        edges.append(float(begins[at]))
    edges.append(float(begins[-1]) + usual)
    return np.array(edges), column
