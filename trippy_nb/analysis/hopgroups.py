"""Which probes a row of a hop table is about, and what came last of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from trippy_nb.analysis.arrays import (
    Bools,
    Ints,
    Probes,
    distinct,
    group_numbers,
    is_first_answer,
    spread,
    starts_of,
)
from trippy_nb.analysis.cells import Cells
from trippy_nb.model import Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trippy_nb.frames import Tables

By = Literal["ttl", "flow", "responder"]
_TTLS = 256
_FLOWS = 65_536


@dataclass(frozen=True, slots=True)
class Groups:
    """Probe rows worth showing, and which row of the table each belongs to."""

    rows: Ints | slice
    """Of the probes; a slice of all of them if all are shown."""
    number: Ints
    key: Ints
    """Of each row of the table, ascending."""
    columns: dict[str, Ints]
    """Key columns of the table."""

    @property
    def count(self) -> int:
        """Rows of the table."""
        return len(self.key)

    def tally(self, which: Bools) -> Ints:
        """Count some of the rows in each group."""
        return np.bincount(self.number.take(np.flatnonzero(which)), minlength=self.count)

    def last(self, which: Bools) -> Ints:
        """Return the last of some of the rows in each group, as a row of the probes; -1 if there is none."""
        last = np.full(self.count, -1, dtype=np.int64)
        here = np.flatnonzero(which)
        last[self.number[here]] = here  # the last one written stays
        if isinstance(self.rows, slice) or not len(self.rows):
            return last
        return np.where(last >= 0, self.rows[last], -1)

    def places(self, key: Ints) -> Ints:
        """Find rows of the table by key; -1 where there is none."""
        if not len(self.key):
            return np.full(len(key), -1, dtype=np.int64)
        place = np.minimum(np.searchsorted(self.key, key), len(self.key) - 1)
        return np.where(self.key[place] == key, place, -1)


def group_probes(probes: Probes, cells: Cells, by: By) -> Groups:
    """Say for each probe worth showing which row it belongs to."""
    shown = cells.in_view if by == "flow" else _worth_showing(cells)
    show = _of_probes(probes, cells, shown) & (probes.status != Status.NOT_SENT)
    if by == "responder":
        show &= probes.addr >= 0
    rows = slice(None) if show.all() else np.flatnonzero(show)
    key = _of_probes(probes, cells, cell_keys(cells, by))[rows]
    names = max(len(probes.names), 1)
    if by == "responder":
        key = key * names + probes.addr[rows]
    values, number, _ = distinct(key)
    columns = {}
    hop = values
    if by == "responder":
        hop, columns["addr"] = np.divmod(values, names)
    place, columns["ttl"] = np.divmod(hop, _TTLS)
    path = _examples(cells, by)[place]
    columns |= {"run_id": cells.path_run[path], "flow": cells.path_flow[path]}
    return Groups(rows, number, values, columns)


def cell_keys(cells: Cells, by: By) -> Ints:
    """Return the key of the row that each cell belongs to; not by responder: silence has none."""
    key = cells.spread(_wholes(cells, by) * _TTLS)
    key += cells.ttl
    return key


def _wholes(cells: Cells, by: By) -> Ints:
    """Number the run, or the (run, flow), of each path, from 0, in their order."""
    if by == "flow":
        return cells.path_series
    return group_numbers(starts_of(cells.path_run), len(cells.heads))


def _examples(cells: Cells, by: By) -> Ints:
    """Return a path of each of these numbers."""
    if by != "flow":
        return starts_of(cells.path_run)
    paths: Ints = np.unique(cells.path_series, return_index=True)[1]
    return paths


def latest_replies(
    tables: "Tables", probes: Probes, groups: Groups, by: By, names: Sequence[str]
) -> "dict[str, pd.Series[Any]]":
    """Find for each row the last first answer that has something in a column of REPLIES, and what it is.

    Returns
    -------
    values
        For each of these columns, by row of the table; missing where no answer has it.
    """
    replies = tables.replies
    if replies.empty:
        return {name: replies[name].reindex(range(groups.count)) for name in names}
    there = {name: replies[name].notna().to_numpy() for name in names}
    found = np.flatnonzero(is_first_answer(replies) & np.logical_or.reduce(list(there.values())))
    part = replies.iloc[found]
    run, number = (part[name].to_numpy() for name in ("run_id", "reply"))
    again = (run[1:] == run[:-1]) & (number[1:] < number[:-1])
    sorted_ = not np.any(again | (run[1:] < run[:-1]))
    order = slice(None) if sorted_ else np.lexsort((number, run))
    found, place = found[order], groups.places(_reply_keys(probes, part, by))[order]
    said = {}
    for name, has in there.items():
        mine = has[found] & (place >= 0)
        latest = np.full(groups.count, -1, dtype=np.int64)
        latest[place[mine]] = found[mine]  # the last one written is the latest
        said[name] = replies[name].take(np.maximum(latest, 0)).where(latest >= 0).reset_index(drop=True)
    return said


def _reply_keys(probes: Probes, part: "pd.DataFrame", by: By) -> Ints:
    run, flow, ttl = (part[name].to_numpy(dtype=np.int64, na_value=0) for name in ("run_id", "flow", "ttl"))
    if by == "flow":
        place = np.searchsorted(distinct(probes.path_run * _FLOWS + probes.path_flow)[0], run * _FLOWS + flow)
    else:
        place = np.searchsorted(probes.path_run[starts_of(probes.path_run)], run)
    key: Ints = place * _TTLS + ttl
    if by == "responder":
        category = pd.Categorical(part["addr"])
        numbers = {name: number for number, name in enumerate(probes.names)}
        codes = np.array([numbers.get(str(name), 0) for name in category.categories] + [0], dtype=np.int64)
        key = key * max(len(probes.names), 1) + codes[category.codes]
    return key


def _of_probes(probes: Probes, cells: Cells, values: "NDArray[Any]") -> "NDArray[Any]":
    """Give each probe what its cell has."""
    if len(cells.starts) == len(probes.ttl):
        return values
    return spread(values, cells.starts, len(probes.ttl))


def _worth_showing(cells: Cells) -> Bools:
    """Cut each flow at its target; let a flow that never got there count as far as the run goes."""
    if cells.path_reached.all():
        return cells.in_view
    starts = starts_of(cells.path_run)
    farthest = spread(np.maximum.reduceat(cells.path_end, starts), starts, len(cells.heads))
    return cells.up_to(np.where(cells.path_reached, cells.path_end, farthest))
