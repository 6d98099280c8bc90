"""Series: the observations of one flow, in the order of time, whatever runs they are from.

A thousand runs of one round and one run of a thousand rounds are the same thing. So the probes get other
keys before anything else is done with them: `run` becomes the number of a group (vantage, source, target
address, protocol), `round` the number of the moment in its group, `flow` the number of the series.
"""

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.analysis.arrays import (
    Ints,
    Probes,
    counted_from,
    distinct,
    example_of,
    pack,
    probe_arrays,
    sent_ns,
)
from trippy_nb.analysis.flowkeys import HEADER, Definition, definitions, known
from trippy_nb.frames.columns import NO_TIME, nanoseconds

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

_LAST = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Series:
    """What the observations of a series have in common."""

    group: int
    vantage: str | None
    src_addr: str | None
    dst_addr: str | None
    protocol: str | None
    header: str
    """The header fields that balancers hash: ``sport=5000 dport=33434``."""
    stable: bool
    """All its packets look the same to a balancer."""


@dataclass(frozen=True, slots=True)
class Observations:
    """All probes under their new keys, and where each observation came from."""

    probes: Probes
    """`run` is a group, `round` a moment, `flow` a series; a path of it is an observation."""
    series: tuple[Series, ...]
    run: Ints
    """Of each observation, in the order of `probes.path_starts`: run_id,"""
    round: Ints
    """... round,"""
    flow: Ints
    """... flow,"""
    at_ns: Ints
    """... and when it began, ns since 1970; `NO_TIME` where that is not known."""


def observations(tables: "Tables") -> Observations:
    """Sort the probes of all runs into series.

    Flows of two runs are of one series if vantage, source, target address and protocol are the same, and the
    header fields that balancers hash are known and the same. Where they are not known the series ends with
    its run.
    """
    probes = probe_arrays(tables)
    run, round_, flow = probes.path_run, probes.path_round, probes.path_flow
    pair, member = _pairs(run, flow)
    ids, rank = _ranks(tables)
    series, number = _number(tables, pair, dict(zip(ids.tolist(), rank.tolist(), strict=True)))
    group_of = np.array([one.group for one in series], dtype=np.int64)
    of_path = number[member]
    group = group_of[of_path] if len(series) else of_path
    moment = _moments(group, rank[np.searchsorted(ids, run)], round_)
    order = np.lexsort((of_path, moment, group))
    renamed = _renamed(probes, order, group, moment, of_path)
    return Observations(
        probes=renamed,
        series=series,
        run=run[order],
        round=round_[order],
        flow=flow[order],
        at_ns=_times(tables, renamed, run[order], round_[order]),
    )


def _pairs(run: Ints, flow: Ints) -> tuple[list[tuple[int, int]], Ints]:
    """List the (run, flow) pairs, and which one each path is of."""
    _, member, counts = distinct(pack(run, flow))
    example = example_of(member, len(counts))
    return list(zip(run[example].tolist(), flow[example].tolist(), strict=True)), member


def _number(
    tables: "Tables", pairs: list[tuple[int, int]], rank: dict[int, int]
) -> tuple[tuple[Series, ...], Ints]:
    """Number the series of these (run, flow) pairs, by first appearance in the order of time."""
    defined = definitions(tables)
    runs = tables.runs[["run_id", "vantage", "src_addr", "dst_addr", "protocol", "flow_stable"]]
    sides: dict[int, tuple[str | None, ...]] = {
        int(run): tuple(None if pd.isna(cell) else str(cell) for cell in side)
        for run, *side, _ in runs.itertuples(index=False)
    }
    stables = {int(run): bool(flag) for run, flag in zip(runs["run_id"], runs["flow_stable"], strict=True)}
    groups: dict[Any, int] = {}
    keys: dict[Any, int] = {}
    series: list[Series] = []
    number = np.zeros(len(pairs), dtype=np.int64)
    used: Counter[Any] = Counter()
    for place in sorted(range(len(pairs)), key=[(rank[run], flow) for run, flow in pairs].__getitem__):
        run, _ = pair = pairs[place]
        definition = defined.get(pair, ())
        header = definition[-len(HEADER) :] if known(definition) else ()
        group = groups.setdefault(sides[run], len(groups))
        key: Any = pair
        if header:
            # Two flows of one run that look the same are two series all the same.
            used[run, header] += 1
            key = (group, stables[run], header, used[run, header])
        if key not in keys:
            keys[key] = len(series)
            vantage, src, dst, protocol = sides[run]
            series.append(Series(group, vantage, src, dst, protocol, _spelled(header), stables[run]))
        number[place] = keys[key]
    return tuple(series), number


def _spelled(header: Definition) -> str:
    fields = zip(HEADER, header, strict=False)  # none where it is not known
    return " ".join(f"{name}={int(value)}" for name, value in fields if value is not None)


def _ranks(tables: "Tables") -> tuple[Ints, Ints]:
    """Return the ids of all runs, sorted, and rank them by their start; those without a time come last."""
    runs = tables.runs.sort_values("run_id")
    ids = runs["run_id"].to_numpy(dtype=np.int64)
    at = nanoseconds(runs["started_at"]).copy()
    if (at == NO_TIME).any():
        sent = tables.probes.groupby("run_id")["sent_at"].min().reindex(ids)
        at = np.where(at == NO_TIME, nanoseconds(sent), at)
    at[at == NO_TIME] = _LAST
    rank = np.empty(len(ids), dtype=np.int64)
    rank[np.lexsort((ids, at))] = np.arange(len(ids))
    return ids, rank


def _moments(group: Ints, rank: Ints, round_: Ints) -> Ints:
    """Number the (run, round) of each group in the order of time."""
    _, number, counts = distinct(pack(group, rank, round_))
    if not len(counts):
        return number
    owner = np.zeros(len(counts), dtype=np.int64)
    owner[number] = group
    first = np.searchsorted(owner, owner)
    moments: Ints = (np.arange(len(counts)) - first)[number]
    return moments


def _renamed(probes: Probes, order: Ints, group: Ints, moment: Ints, series: Ints) -> Probes:
    """Give the probes their new keys, and put them in the order of these."""
    if not np.array_equal(order, np.arange(len(order))):
        probes = _reordered(probes, order)
        group, moment, series = group[order], moment[order], series[order]
    elif _are_keys(probes, group, moment, series):
        return probes
    return replace(probes, path_run=group, path_round=moment, path_flow=series)


def _are_keys(probes: Probes, group: Ints, moment: Ints, series: Ints) -> bool:
    """Tell whether the new keys are the old ones, as in one run of rounds and flows counted from 0."""
    pairs = ((probes.path_run, group), (probes.path_round, moment), (probes.path_flow, series))
    return all(np.array_equal(old, new) for old, new in pairs)


def _reordered(probes: Probes, order: Ints) -> Probes:
    lengths = np.diff(np.append(probes.path_starts, len(probes.ttl)))[order]
    ends = np.cumsum(lengths)
    rows = counted_from(probes.path_starts[order], lengths)
    columns = ("ttl", "attempt", "status", "addr", "rtt", "from_target", "refused")
    moved = {name: getattr(probes, name)[rows] for name in columns}
    place = rows if probes.order is None else probes.order[rows]
    return replace(probes, **moved, path_starts=ends - lengths, order=place)


def _times(tables: "Tables", probes: Probes, run: Ints, round_: Ints) -> Ints:
    """Find when each observation began: its first probe, or a run's start for the first of its rounds."""
    if not len(run):
        return run
    at = sent_ns(tables, probes, probes.path_starts)
    unknown = np.flatnonzero((at == NO_TIME) & (round_ == 0))
    if len(unknown):
        runs = tables.runs.sort_values("run_id")
        began = nanoseconds(runs["started_at"])
        ids = runs["run_id"].to_numpy(dtype=np.int64)
        at[unknown] = began[np.searchsorted(ids, run[unknown])]
    return at
