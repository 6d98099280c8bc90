"""Which probes a row of a hop table is about, and what came last of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from trippy_nb.analysis.arrays import Bools, Ints, Probes, distinct, group_numbers, is_first_answer, starts_of
from trippy_nb.analysis.cells import Cells
from trippy_nb.model import Status

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

By = Literal["ttl", "flow", "responder"]
_TTLS = 256
_FLOWS = 65_536
_SPARSE = 8  # numbers for each probe, before they are looked up instead of counted


@dataclass(frozen=True, slots=True)
class Groups:
    """Probe rows worth showing, and which row of the table each belongs to."""

    rows: Ints
    number: Ints
    key: Ints
    """Of each row of the table, ascending: see `keys_of`."""
    first: Ints
    """A probe row of each row of the table."""

    @property
    def count(self) -> int:
        """Rows of the table."""
        return len(self.key)

    def places(self, key: Ints) -> Ints:
        """Find rows of the table by key; -1 where there is none."""
        if not len(self.key):
            return np.full(len(key), -1, dtype=np.int64)
        place = np.minimum(np.searchsorted(self.key, key), len(self.key) - 1)
        return np.where(self.key[place] == key, place, -1)


def group_probes(probes: Probes, cells: Cells, by: By) -> Groups:
    """Say for each probe worth showing which row it belongs to."""
    shown = cells.in_view if by == "flow" else _worth_showing(cells)
    rows = np.flatnonzero(shown[_cell_of(probes, cells)] & (probes.status != Status.NOT_SENT))
    if by == "responder":
        rows = rows[probes.addr[rows] >= 0]
    key = _probe_keys(probes, cells, by)[rows]
    values, number = _numbered(key)
    first = np.zeros(len(values), dtype=np.int64)
    first[number[::-1]] = rows[::-1]
    return Groups(rows, number, values, first)


def cell_keys(cells: Cells, by: By) -> Ints:
    """Return the key of the row that each cell belongs to; not by responder: silence has none."""
    whole = cells.series if by == "flow" else _run_places(cells.run)
    return whole * _TTLS + cells.ttl


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
        place = np.searchsorted(distinct(probes.run * _FLOWS + probes.flow)[0], run * _FLOWS + flow)
    else:
        place = np.searchsorted(probes.run[starts_of(probes.run)], run)
    key: Ints = place * _TTLS + ttl
    if by == "responder":
        category = pd.Categorical(part["addr"])
        numbers = {name: number for number, name in enumerate(probes.names)}
        codes = np.array([numbers.get(str(name), 0) for name in category.categories] + [0], dtype=np.int64)
        key = key * max(len(probes.names), 1) + codes[category.codes]
    return key


def _probe_keys(probes: Probes, cells: Cells, by: By) -> Ints:
    if by == "flow":
        return cells.series[_cell_of(probes, cells)] * _TTLS + probes.ttl
    key: Ints = _run_places(probes.run) * _TTLS + probes.ttl
    return key * max(len(probes.names), 1) + probes.addr if by == "responder" else key


def _run_places(run: Ints) -> Ints:
    """Number sorted runs from 0."""
    return group_numbers(starts_of(run), len(run)) if len(run) else run


def _cell_of(probes: Probes, cells: Cells) -> Ints | slice:
    if len(cells.starts) == len(probes.run):
        return slice(None)
    lengths = np.diff(np.append(cells.starts, len(probes.run)))
    return np.repeat(np.arange(len(cells.starts), dtype=np.int64), lengths)


def _numbered(key: Ints) -> tuple[Ints, Ints]:
    bound = int(key.max(initial=-1)) + 1
    if bound > _SPARSE * len(key) + _TTLS:
        values, number, _ = distinct(key)
        return values, number
    there = np.zeros(bound, dtype=np.bool_)
    there[key] = True
    values = np.flatnonzero(there)
    rank = np.zeros(bound, dtype=np.int64)
    rank[values] = np.arange(len(values))
    return values, rank[key]


def _worth_showing(cells: Cells) -> Bools:
    """Cut each flow at its target; let a flow that never got there count as far as the run goes."""
    if not len(cells.run):
        return np.zeros(0, dtype=np.bool_)
    starts = starts_of(cells.run)
    last = np.maximum.reduceat(cells.end, starts)
    shown: Bools = np.where(
        cells.reached, cells.in_view, cells.ttl <= last[group_numbers(starts, len(cells.run))]
    )
    return shown
