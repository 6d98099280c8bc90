"""The hop table: what each TTL of a run answered, how fast, and what stayed silent.

Loss is only what nobody answered: a probe in flight, beyond the target, refused by the operating
system or never sent is not lost. A late answer is an answer. Statistics are over answers that have
an RTT, in order of (round, flow, attempt).
"""

from collections.abc import Callable, Collection, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.analysis.arrays import Floats, Ints, Probes, distinct, probe_arrays, starts_of
from trippy_nb.analysis.blocks import blocks_of
from trippy_nb.analysis.cells import Cells, cells_of
from trippy_nb.analysis.compat import mtr_columns, trippy_columns
from trippy_nb.analysis.hopgroups import By, Groups, cell_keys, group_probes, latest_replies
from trippy_nb.analysis.loss import lost_on_the_way
from trippy_nb.analysis.ratios import wilson
from trippy_nb.analysis.samples import SAMPLES, sample_columns
from trippy_nb.errors import ConfigError
from trippy_nb.frames import columns as col
from trippy_nb.frames import concat
from trippy_nb.frames.derived import RESPONDERS
from trippy_nb.frames.schema import HOPS, PROBES, Column
from trippy_nb.model import Status

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

_ECN_BITS = (
    2  # RFC 3168 section 5: the low two bits of the byte; the others are the DSCP (RFC 2474 section 3)
)
_STATUSES = len(Status)
_KEYS = {"ttl": ("run_id", "ttl"), "flow": ("run_id", "flow", "ttl"), "responder": ("run_id", "ttl", "addr")}
_LOSSES = ("forward_loss", "forward_loss_ratio", "backward_loss")
_RESPONDERS = ("n_addrs", "mixed", "addrs", "share")
_LAST_SENT = ("last_sport", "last_dport", "last_seq")
_LAST_ANSWER = ("last_icmp_type", "last_icmp_code", "nat", "dscp", "ecn", "mpls")


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
    says. `jinta_ms` is RFC 3550's estimate, without the factor 16 that Trippy and mtr show. Where several
    responders answer at one TTL, the statistics are over all of them, and `mixed` says so:
    `hop_stats(tables, by="responder")` takes them apart.
    """
    return hop_stats(tables)


def hop_stats(
    tables: "Tables",
    *,
    by: By = "ttl",
    columns: Collection[str] | None = None,
    trippy_compat: bool = False,
    mtr_compat: bool = False,
) -> pd.DataFrame:
    """Summarise probes hop by hop.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order. `probes` may lack columns that may be missing.
    by
        What a row is: ``ttl``, each TTL of a run; ``flow``, each TTL of each flow, to its own target or one
        past its own last responder; ``responder``, each address that answered at a TTL of a run.
    columns
        Those of the table that are wanted, besides its key; all by default. What only others need is not
        computed.
    trippy_compat, mtr_compat
        Give the numbers that Trippy 0.13 and mtr 0.95 would: see `analysis.compat`.

    Returns
    -------
    hops
        By TTL the columns of :data:`trippy_nb.frames.schema.HOPS`; by flow these, with `flow` after
        `run_id`; by responder those of :data:`trippy_nb.frames.derived.RESPONDERS`. Sorted by its key.

    Raises
    ------
    ConfigError
        If `by` is something else, or a column is, or both sets of numbers are asked for, or either by
        responder: both tools mix responders.
    """
    if by not in tuple(_KEYS):
        raise ConfigError(f"by={by!r}: a row is a 'ttl', a 'flow' or a 'responder'")
    if trippy_compat and mtr_compat:
        raise ConfigError("trippy_compat and mtr_compat exclude each other: ask for one at a time")
    if (trippy_compat or mtr_compat) and by == "responder":
        raise ConfigError("by='responder' is nothing that Trippy or mtr have: leave the compat option off")
    tool = trippy_columns if trippy_compat else mtr_columns if mtr_compat else None
    asked = _Asked(by, _wanted(by, columns), tool)
    return concat([_hops(block, asked) for block in blocks_of(tables)])


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a table shall have."""

    by: By
    wanted: AbstractSet[str]
    tool: Callable[[Probes, Groups], dict[str, Any]] | None

    def any_of(self, names: Collection[str]) -> bool:
        """One of these columns is wanted."""
        return not self.wanted.isdisjoint(names)


def _wanted(by: By, columns: Collection[str] | None) -> AbstractSet[str]:
    table = RESPONDERS if by == "responder" else HOPS
    names = {*table.names, *_KEYS[by]}
    if columns is None:
        return names
    if isinstance(columns, str) or not isinstance(columns, Iterable):
        raise ConfigError(f"columns={columns!r} is no list of columns: write columns=['p50_ms']")
    columns = tuple(columns)
    unknown = [name for name in columns if name not in tuple(names)]
    if unknown:
        raise ConfigError(
            f"columns: {table.name} have no {unknown[0]!r}; docs/tables.md lists what they have"
        )
    return {*columns, *_KEYS[by]}


def _hops(tables: "Tables", asked: _Asked) -> pd.DataFrame:
    probes = probe_arrays(tables)
    cells = cells_of(probes)
    groups = group_probes(probes, cells, asked.by)
    if asked.by == "responder":
        data = _responder_columns(tables, probes, groups, asked)
    else:
        data = _columns(tables, probes, cells, groups, asked)
    if asked.tool is not None:
        data |= asked.tool(probes, groups)
    return _framed(data, asked)


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
    rows = np.arange(len(probes.ttl))[group_probes(probes, cells_of(probes), "ttl").rows]
    return tables.probes.take(rows if probes.order is None else probes.order[rows]).reset_index(drop=True)


def _columns(tables: "Tables", probes: Probes, cells: Cells, groups: Groups, asked: _Asked) -> dict[str, Any]:
    data: dict[str, Any] = groups.columns | _shares_of_loss(probes, groups)
    if asked.any_of(SAMPLES):
        data |= _rtt_columns(probes, groups, asked.wanted)
    if asked.any_of(_LOSSES):
        begins, explained = _losses(cells, groups, asked.by)
        data |= {
            "forward_loss": begins,
            "forward_loss_ratio": _ratio(begins, data["sent"]),
            "backward_loss": explained,
        }
    if asked.any_of(_RESPONDERS):
        data |= _responders(probes.addr[groups.rows], groups, probes.names)
    if asked.any_of(_LAST_SENT):
        data |= _last_sent(tables, probes, groups)
    if asked.any_of(_LAST_ANSWER):
        data |= _last_answers(tables, probes, groups, asked.by)
    return data


def _shares_of_loss(probes: Probes, groups: Groups) -> dict[str, Any]:
    counts = _counts(probes, groups)
    recv = counts[:, Status.REPLY] + counts[:, Status.LATE]
    sent, failed = recv + counts[:, Status.TIMEOUT], counts[:, Status.SEND_ERROR]
    low, high = wilson(sent - recv, sent)
    return {
        "sent": sent,
        "recv": recv,
        "late": counts[:, Status.LATE],
        "failed": failed,
        "failed_ratio": _ratio(failed, sent + failed),
        "loss_ratio": _ratio(sent - recv, sent),
        "loss_low_ratio": low,
        "loss_high_ratio": high,
    }


def _counts(probes: Probes, groups: Groups) -> Ints:
    """Count the probes of each row by status: a row of the result each, a column a status."""
    place = groups.number * _STATUSES
    place += probes.status[groups.rows]
    counts: Ints = np.bincount(place, minlength=groups.count * _STATUSES)
    return counts.reshape(groups.count, _STATUSES)


def _ratio(part: Ints, whole: Ints) -> Floats:
    ratio: Floats = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return ratio


def _rtt_columns(probes: Probes, groups: Groups, wanted: Collection[str]) -> dict[str, Floats]:
    rtt = probes.rtt[groups.rows]
    timed = np.flatnonzero(~np.isnan(rtt) & probes.answered[groups.rows])
    return sample_columns(rtt.take(timed), groups.number.take(timed), groups.count, wanted=wanted)


def _losses(cells: Cells, groups: Groups, by: By) -> tuple[Ints, Ints]:
    """Count the forward losses that began at each row, and the silences that one before it explains."""
    loss = lost_on_the_way(cells)
    marked = np.flatnonzero(loss.begins | loss.explained)
    place = groups.places(cell_keys(cells, by)[marked]) if len(marked) else marked
    return (
        np.bincount(place[loss.begins[marked]], minlength=groups.count),
        np.bincount(place[loss.explained[marked]], minlength=groups.count),
    )


def _responders(addr: Ints, groups: Groups, names: tuple[str, ...]) -> dict[str, Any]:
    seen = np.flatnonzero(addr >= 0)
    span = max(len(names), 1)
    pairs = groups.number[seen] * span + addr[seen]
    pairs.sort()
    first = starts_of(pairs)
    number, code = np.divmod(pairs[first], span)
    counts = np.diff(np.append(first, len(pairs)))
    order = np.lexsort((code, -counts, number))
    number, counts = number[order], counts[order]
    share = (counts / np.bincount(number, weights=counts, minlength=groups.count)[number]).tolist()
    who = [names[one] for one in code[order].tolist()]
    n_addrs = np.bincount(number, minlength=groups.count)
    ends = np.cumsum(n_addrs).tolist()
    starts = [0, *ends[:-1]]
    return {
        "n_addrs": n_addrs,
        "mixed": n_addrs > 1,
        "addrs": [tuple(who[start:end]) for start, end in zip(starts, ends, strict=False)],
        "share": [tuple(share[start:end]) for start, end in zip(starts, ends, strict=False)],
    }


def _last_sent(tables: "Tables", probes: Probes, groups: Groups) -> dict[str, Any]:
    """Return ports and number of the last probe of each row."""
    last = groups.last(np.ones(len(groups.number), dtype=np.bool_))
    return {name: _taken(tables, probes, name, last) for name in _LAST_SENT}


def _last_answers(tables: "Tables", probes: Probes, groups: Groups, by: By) -> dict[str, Any]:
    """Return what the last answer of each row says."""
    last = groups.last(probes.addr[groups.rows] >= 0)
    found = {name: _taken(tables, probes, name, last) for name in ("last_icmp_type", "last_icmp_code")}
    said = latest_replies(tables, probes, groups, by, ("q_tos", "nat", "mpls"))
    tos = said.pop("q_tos").astype("UInt8")
    return found | {"dscp": tos // 2**_ECN_BITS, "ecn": tos % 2**_ECN_BITS} | said


def _taken(tables: "Tables", probes: Probes, name: str, rows: Ints) -> Any:  # noqa: ANN401 - a pandas array
    """Take a column of PROBES at these rows, whole numbers; missing where there is no row."""
    values = np.full(len(rows), -1, dtype=np.int64)
    there = np.flatnonzero(rows >= 0)
    frame, source = tables.probes, name.removeprefix("last_")
    if source in frame and len(there):
        places = rows[there] if probes.order is None else probes.order[rows[there]]
        values[there] = frame[source].iloc[places].to_numpy(dtype=np.int64, na_value=-1)
    return col.whole_numbers(values, HOPS.column(name).dtype)


def _responder_columns(tables: "Tables", probes: Probes, groups: Groups, asked: _Asked) -> dict[str, Any]:
    counts = _counts(probes, groups)
    recv = counts[:, Status.REPLY] + counts[:, Status.LATE]
    keys = groups.columns
    _, hop, _ = distinct(keys["run_id"] * 256 + keys["ttl"])
    n = np.bincount(hop, weights=recv)[hop].astype(np.int64) if len(hop) else recv
    low, high = wilson(recv, n)
    data: dict[str, Any] = keys | {
        "addr": col.codes(keys["addr"], probes.names),
        "recv": recv,
        "late": counts[:, Status.LATE],
        "n": n,
        "share": _ratio(recv, n),
        "share_low_ratio": low,
        "share_high_ratio": high,
    }
    if asked.any_of(SAMPLES):
        data |= _rtt_columns(probes, groups, asked.wanted)
    if asked.any_of(_LAST_ANSWER):
        data |= _last_answers(tables, probes, groups, "responder")
    return data


def _framed(data: dict[str, Any], asked: _Asked) -> pd.DataFrame:
    table = RESPONDERS if asked.by == "responder" else HOPS
    keys = [PROBES.column(name) for name in _KEYS[asked.by]]
    rest = [
        column
        for column in table.columns
        if column.name in asked.wanted and column.name not in _KEYS[asked.by]
    ]
    return pd.DataFrame({column.name: _series(column, data[column.name]) for column in (*keys, *rest)})


def _series(column: Column, values: Any) -> "pd.Series[Any]":  # noqa: ANN401 - arrays and lists
    if column.dtype == "list":
        return pd.Series(col.objects(values))
    if column.dtype in col.PLAIN:
        return pd.Series(np.asarray(values).astype(col.PLAIN[column.dtype], copy=False))
    if column.words:
        return pd.Series(pd.Categorical(values, categories=list(column.words)))
    if isinstance(values, pd.Categorical):
        return pd.Series(values)
    return pd.Series(values, dtype=column.dtype)
