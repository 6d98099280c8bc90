"""The hop table: what each TTL of a run answered, how fast, and what stayed silent.

Loss is only what nobody answered: a probe in flight, beyond the target, refused by the operating
system or never sent is not lost. A late answer is an answer. Statistics are over answers that have
an RTT, in order of (round, flow, attempt).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.analysis.arrays import Bools, Ints, Probes, pack, probe_arrays
from trippy_nb.analysis.cells import Cells, cells_of
from trippy_nb.analysis.loss import LossCounts, lost_on_the_way
from trippy_nb.analysis.samples import sample_columns
from trippy_nb.frames.schema import HOPS, PROBES, Column
from trippy_nb.model import ReplyKind, Status

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

_COUNTED = (ReplyKind.FIRST.word, ReplyKind.LATE.word)


@dataclass(frozen=True, slots=True)
class _Groups:
    """Probe rows worth showing, and which row of the table each belongs to."""

    rows: Ints
    number: Ints
    keys: tuple[Ints, ...]
    """Key columns of the table."""

    @property
    def count(self) -> int:
        return len(self.keys[0])


def hop_table(tables: "Tables") -> pd.DataFrame:
    """Summarise the probes of each (run, TTL).

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.

    Returns
    -------
    hops
        A `HOPS` frame, sorted by (run_id, ttl): one row for each TTL that was probed, answered or
        not, up to the target's; where no flow reached the target, up to one past the last responder.

    Notes
    -----
    `forward_loss` follows Trippy's rule (`state.rs`, `is_forward_loss`), mended as `analysis.loss`
    says. `jinta_ms` is RFC 3550's estimate, without the factor 16 that Trippy and mtr show.
    """
    probes = probe_arrays(tables)
    cells = cells_of(probes)
    groups = _group(probes, _worth_showing(probes, cells), (probes.run, probes.ttl))
    return _table(tables, probes, cells, groups, ("run_id", "ttl"))


def probes_in_view(tables: "Tables") -> pd.DataFrame:
    """Return the probes that `hop_table` counts.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.

    Returns
    -------
    probes
        Rows of PROBES, in the order of their key: not those beyond a path's end, nor those never sent.
    """
    probes = probe_arrays(tables)
    shown = _worth_showing(probes, cells_of(probes)) & (probes.status != Status.NOT_SENT)
    rows = np.flatnonzero(shown) if probes.order is None else probes.order[shown]
    return tables.probes.take(rows).reset_index(drop=True)


def flow_hop_table(tables: "Tables") -> pd.DataFrame:
    """Summarise the probes of each (run, flow, TTL).

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.

    Returns
    -------
    hops
        The columns of `HOPS`, with `flow` after `run_id`, sorted by (run_id, flow, ttl); each flow
        ends at its own target TTL, or one past its own last responder.
    """
    probes = probe_arrays(tables)
    cells = cells_of(probes)
    shown = cells.in_view[_cell_of(probes, cells)]
    groups = _group(probes, shown, (probes.run, probes.flow, probes.ttl))
    return _table(tables, probes, cells, groups, ("run_id", "flow", "ttl"))


def _cell_of(probes: Probes, cells: Cells) -> Ints:
    lengths = np.diff(np.append(cells.starts, len(probes.run)))
    return np.repeat(np.arange(len(cells.starts), dtype=np.int64), lengths)


def _worth_showing(probes: Probes, cells: Cells) -> Bools:
    """Cut each flow at its target; let a flow that never got there count as far as the run goes."""
    if not len(cells.run):
        return np.zeros(0, dtype=np.bool_)
    run_number = np.unique(cells.run, return_inverse=True)[1]
    last = np.zeros(int(run_number.max()) + 1, dtype=np.int64)
    np.maximum.at(last, run_number, cells.end)
    shown = np.where(cells.reached, cells.in_view, cells.ttl <= last[run_number])
    result: Bools = shown[_cell_of(probes, cells)]
    return result


def _group(probes: Probes, shown: Bools, keys: tuple[Ints, ...]) -> _Groups:
    rows = np.flatnonzero(shown & (probes.status != Status.NOT_SENT))
    first, number = np.unique(pack(*(key[rows] for key in keys)), return_index=True, return_inverse=True)[1:]
    return _Groups(rows, number.astype(np.int64), tuple(key[rows][first] for key in keys))


def _table(
    tables: "Tables", probes: Probes, cells: Cells, groups: _Groups, key_names: tuple[str, ...]
) -> pd.DataFrame:
    status = probes.status[groups.rows]
    answered = probes.answered[groups.rows]
    sent = _count(groups, probes.settled[groups.rows])
    recv = _count(groups, answered)
    data: dict[str, Any] = dict(zip(key_names, groups.keys, strict=True))
    data |= {
        "sent": sent,
        "recv": recv,
        "late": _count(groups, status == Status.LATE),
        "failed": _count(groups, status == Status.SEND_ERROR),
        "loss_ratio": np.divide(sent - recv, sent, out=np.full(groups.count, np.nan), where=sent > 0),
    }
    rtt = probes.rtt[groups.rows]
    timed = answered & ~np.isnan(rtt)
    data |= sample_columns(rtt[timed], groups.number[timed], groups.count)
    data |= _loss_columns(lost_on_the_way(cells), cells, groups, key_names)
    data |= _responders(probes.addr[groups.rows], groups, probes.names)
    data["mpls"] = _latest_stack(tables.replies, data, key_names)
    return _framed(data, key_names)


def _count(groups: _Groups, rows: Bools) -> Ints:
    return np.bincount(groups.number[rows], minlength=groups.count)


def _loss_columns(
    loss: LossCounts, cells: Cells, groups: _Groups, key_names: tuple[str, ...]
) -> dict[str, Ints]:
    columns = {"run_id": cells.run, "flow": cells.flow, "ttl": cells.ttl}
    marked = np.flatnonzero(loss.begins | loss.explained)
    both = pack(
        *(
            np.concatenate([key, columns[name][marked]])
            for key, name in zip(groups.keys, key_names, strict=True)
        )
    )
    place = np.searchsorted(both[: groups.count], both[groups.count :])
    return {
        "forward_loss": np.bincount(place[loss.begins[marked]], minlength=groups.count),
        "backward_loss": np.bincount(place[loss.explained[marked]], minlength=groups.count),
    }


def _responders(addr: Ints, groups: _Groups, names: tuple[str, ...]) -> dict[str, Any]:
    seen = addr >= 0
    pairs, counts = np.unique(groups.number[seen] * max(len(names), 1) + addr[seen], return_counts=True)
    number, code = np.divmod(pairs, max(len(names), 1))
    order = np.lexsort((code, -counts, number))
    addrs: list[list[str]] = [[] for _ in range(groups.count)]
    tallies: list[list[int]] = [[] for _ in range(groups.count)]
    for row, name, count in zip(number[order], code[order], counts[order], strict=True):
        addrs[row].append(names[name])
        tallies[row].append(int(count))
    return {
        "n_addrs": np.array([len(names_) for names_ in addrs], dtype=np.int64),
        "addrs": [tuple(names_) for names_ in addrs],
        "share": [tuple(count / sum(tally) for count in tally) for tally in tallies],
    }


def _latest_stack(
    replies: pd.DataFrame, data: dict[str, Any], key_names: tuple[str, ...]
) -> list[str | None]:
    """Find the last label stack that came with a first answer, for each row of the table."""
    latest: dict[tuple[int, ...], str] = {}
    if len(replies) and replies["mpls"].notna().any():
        wanted = replies["mpls"].notna() & replies["kind"].isin(_COUNTED) & replies["ttl"].notna()
        found = replies.loc[wanted.to_numpy()].sort_values(["run_id", "reply"])
        keys = zip(*(found[name].astype("int64") for name in key_names), strict=True)
        latest = dict(zip(keys, found["mpls"].astype("str"), strict=True))
    rows = zip(*(data[name] for name in key_names), strict=True)
    return [latest.get(tuple(int(part) for part in row)) for row in rows]


def _framed(data: dict[str, Any], key_names: tuple[str, ...]) -> pd.DataFrame:
    keys = [PROBES.column(name) for name in key_names]
    columns = [*keys, *(column for column in HOPS.columns if column.name not in key_names)]
    return pd.DataFrame({column.name: _series(column, data[column.name]) for column in columns})


def _series(column: Column, values: Any) -> "pd.Series[Any]":  # noqa: ANN401 - arrays and lists
    if column.dtype == "list":
        boxed = np.empty(len(values), dtype=object)
        boxed[:] = values
        return pd.Series(boxed)
    return pd.Series(values, dtype=column.dtype)
