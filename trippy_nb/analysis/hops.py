"""The hop table: what each TTL of a run answered, how fast, and what stayed silent.

Loss is only what nobody answered: a probe in flight, beyond the target, refused by the operating
system or never sent is not lost. A late answer is an answer. Statistics are over answers that have
an RTT, in order of (round, flow, attempt).
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.analysis.arrays import Bools, Floats, Ints, Probes, distinct, probe_arrays
from trippy_nb.analysis.cells import Cells, cells_of
from trippy_nb.analysis.compat import mtr_columns, trippy_columns
from trippy_nb.analysis.hopgroups import By, Groups, cell_keys, group_probes, latest_replies
from trippy_nb.analysis.loss import lost_on_the_way
from trippy_nb.analysis.ratios import wilson
from trippy_nb.analysis.samples import sample_columns
from trippy_nb.errors import ConfigError
from trippy_nb.frames import columns as col
from trippy_nb.frames.derived import RESPONDERS
from trippy_nb.frames.schema import HOPS, PROBES, Column
from trippy_nb.model import Status

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

_ECN_BITS = (
    2  # RFC 3168 section 5: the low two bits of the byte; the others are the DSCP (RFC 2474 section 3)
)
_STATUSES = len(Status)


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


def flow_hop_table(tables: "Tables") -> pd.DataFrame:
    """Summarise the probes of each (run, flow, TTL): `hop_stats` by flow."""
    return hop_stats(tables, by="flow")


def hop_stats(
    tables: "Tables", *, by: By = "ttl", trippy_compat: bool = False, mtr_compat: bool = False
) -> pd.DataFrame:
    """Summarise probes hop by hop.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.
    by
        What a row is: ``ttl``, each TTL of a run; ``flow``, each TTL of each flow, to its own target or one
        past its own last responder; ``responder``, each address that answered at a TTL of a run.
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
        If `by` is something else, or both sets of numbers are asked for, or either by responder: both tools
        mix responders.
    """
    if by not in ("ttl", "flow", "responder"):
        raise ConfigError(f"by={by!r}: a row is a 'ttl', a 'flow' or a 'responder'")
    if trippy_compat and mtr_compat:
        raise ConfigError("trippy_compat and mtr_compat exclude each other: ask for one at a time")
    if (trippy_compat or mtr_compat) and by == "responder":
        raise ConfigError("by='responder' is nothing that Trippy or mtr have: leave the compat option off")
    probes = probe_arrays(tables)
    cells = cells_of(probes)
    groups = group_probes(probes, cells, by)
    if by == "responder":
        return _responder_frame(tables, probes, groups)
    data = _columns(tables, probes, cells, groups, by)
    if trippy_compat:
        data |= trippy_columns(probes, groups.rows, groups.number, groups.count)
    if mtr_compat:
        data |= mtr_columns(probes, groups.rows, groups.number, groups.count)
    return _framed(data, ("run_id", "flow", "ttl") if by == "flow" else ("run_id", "ttl"))


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
    rows = group_probes(probes, cells_of(probes), "ttl").rows
    return tables.probes.take(rows if probes.order is None else probes.order[rows]).reset_index(drop=True)


def _columns(tables: "Tables", probes: Probes, cells: Cells, groups: Groups, by: By) -> dict[str, Any]:
    counts = _counts(probes, groups)
    recv = counts[:, Status.REPLY] + counts[:, Status.LATE]
    sent, failed = recv + counts[:, Status.TIMEOUT], counts[:, Status.SEND_ERROR]
    low, high = wilson(sent - recv, sent)
    begins, explained = _losses(cells, groups, by)
    data = _keys(probes, groups) | {
        "sent": sent,
        "recv": recv,
        "late": counts[:, Status.LATE],
        "failed": failed,
        "failed_ratio": _ratio(failed, sent + failed),
        "loss_ratio": _ratio(sent - recv, sent),
        "loss_low_ratio": low,
        "loss_high_ratio": high,
        "forward_loss": begins,
        "forward_loss_ratio": _ratio(begins, sent),
        "backward_loss": explained,
    }
    data |= _rtt_columns(probes, groups) | _responders(probes.addr[groups.rows], groups, probes.names)
    data["mixed"] = data["n_addrs"] > 1
    return data | _last_sent(tables, probes, groups) | _last_answers(tables, probes, groups, by)


def _keys(probes: Probes, groups: Groups) -> dict[str, Any]:
    columns = {"run_id": probes.run, "flow": probes.flow, "ttl": probes.ttl}
    return {name: column[groups.first] for name, column in columns.items()}


def _counts(probes: Probes, groups: Groups) -> Ints:
    """Count the probes of each row by status: a row of the result each, a column a status."""
    place = groups.number * _STATUSES
    place += probes.status[groups.rows]
    counts: Ints = np.bincount(place, minlength=groups.count * _STATUSES)
    return counts.reshape(groups.count, _STATUSES)


def _ratio(part: Ints, whole: Ints) -> Floats:
    ratio: Floats = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return ratio


def _rtt_columns(probes: Probes, groups: Groups) -> dict[str, Floats]:
    rtt = probes.rtt[groups.rows]
    timed = ~np.isnan(rtt) & (probes.addr[groups.rows] >= 0)
    return sample_columns(rtt[timed], groups.number[timed], groups.count)


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
    seen = addr >= 0
    pairs, _, counts = distinct(groups.number[seen] * max(len(names), 1) + addr[seen])
    number, code = np.divmod(pairs, max(len(names), 1))
    order = np.lexsort((code, -counts, number))
    number, counts = number[order], counts[order]
    share = (counts / np.bincount(number, weights=counts, minlength=groups.count)[number]).tolist()
    who = [names[one] for one in code[order].tolist()]
    ends = np.cumsum(np.bincount(number, minlength=groups.count)).tolist()
    starts = [0, *ends[:-1]]
    return {
        "n_addrs": np.diff(ends, prepend=0),
        "addrs": [tuple(who[start:end]) for start, end in zip(starts, ends, strict=False)],
        "share": [tuple(share[start:end]) for start, end in zip(starts, ends, strict=False)],
    }


def _last_sent(tables: "Tables", probes: Probes, groups: Groups) -> dict[str, Any]:
    """Return ports and number of the last probe of each row."""
    last = np.zeros(groups.count, dtype=np.int64)
    last[groups.number] = groups.rows  # the last one written is the latest
    return {f"last_{name}": _taken(tables, probes, name, last) for name in ("sport", "dport", "seq")}


def _last_answers(tables: "Tables", probes: Probes, groups: Groups, by: By) -> dict[str, Any]:
    """Return what the last answer of each row says."""
    answered = probes.addr[groups.rows] >= 0
    last = np.full(groups.count, -1, dtype=np.int64)
    last[groups.number[answered]] = groups.rows[answered]
    nothing = last < 0
    found: dict[str, Any] = {
        f"last_{name}": _taken(tables, probes, name, np.maximum(last, 0), nothing)
        for name in ("icmp_type", "icmp_code")
    }
    said = latest_replies(tables, probes, groups, by, ("q_tos", "nat", "mpls"))
    tos = said.pop("q_tos").astype("UInt8")
    return found | {"dscp": tos // 2**_ECN_BITS, "ecn": tos % 2**_ECN_BITS} | said


def _taken(
    tables: "Tables", probes: Probes, name: str, rows: Ints, nothing: Bools | None = None
) -> "pd.Series[Any]":
    frame = tables.probes
    if frame.empty:
        return frame[name]
    taken = frame[name].take(rows if probes.order is None else probes.order[rows]).reset_index(drop=True)
    return taken if nothing is None else taken.mask(nothing)


def _responder_frame(tables: "Tables", probes: Probes, groups: Groups) -> pd.DataFrame:
    counts = _counts(probes, groups)
    recv = counts[:, Status.REPLY] + counts[:, Status.LATE]
    keys = _keys(probes, groups)
    _, hop, _ = distinct(keys["run_id"] * 256 + keys["ttl"])
    n = np.bincount(hop, weights=recv)[hop].astype(np.int64) if len(hop) else recv
    low, high = wilson(recv, n)
    data = {name: keys[name] for name in ("run_id", "ttl")} | {
        "addr": col.codes(probes.addr[groups.first], probes.names),
        "recv": recv,
        "late": counts[:, Status.LATE],
        "n": n,
        "share": _ratio(recv, n),
        "share_low_ratio": low,
        "share_high_ratio": high,
    }
    data |= _rtt_columns(probes, groups) | _last_answers(tables, probes, groups, "responder")
    return pd.DataFrame({column.name: _series(column, data[column.name]) for column in RESPONDERS.columns})


def _framed(data: dict[str, Any], key_names: tuple[str, ...]) -> pd.DataFrame:
    keys = [PROBES.column(name) for name in key_names]
    columns = [*keys, *(column for column in HOPS.columns if column.name not in key_names)]
    return pd.DataFrame({column.name: _series(column, data[column.name]) for column in columns})


def _series(column: Column, values: Any) -> "pd.Series[Any]":  # noqa: ANN401 - arrays and lists
    if column.dtype == "list":
        return pd.Series(col.objects(values))
    if column.words:
        return pd.Series(pd.Categorical(values, categories=list(column.words)))
    if isinstance(values, pd.Categorical):
        return pd.Series(values)
    return pd.Series(values, dtype=column.dtype)
