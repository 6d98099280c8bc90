"""What matchers look at: samples, one after another, of one hop of one run (or of one target, across runs).

A sample is what SmokePing calls a step: some probes to the target, how many of them were lost, and the median
of their RTTs. Here it is a round, or all rounds that began in one bin of time.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.analysis.arrays import (
    Bools,
    Floats,
    Ints,
    Probes,
    distinct,
    pack,
    probe_arrays,
    sent_ns,
)
from trippy_nb.analysis.cells import Cells, cell_numbers, cells_of, sightings
from trippy_nb.analysis.latencies.medians import medians
from trippy_nb.errors import ConfigError
from trippy_nb.frames.columns import NO_TIME
from trippy_nb.model import check_number

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

_MOST_SAMPLES = 10_000_000  # of one series: more are years of empty seconds
_NS = 10**9
_NEVER = np.iinfo(np.int64).max
_SIDES = ("vantage", "target", "dst_addr", "protocol")
"""What runs of one series have in common, if it goes across runs."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Samples:
    """The samples of one series, oldest first."""

    run: Ints
    """`run_id` of the (first) run."""
    first_round: Ints
    last_round: Ints
    begun_ns: Ints
    """When it began: nanoseconds since 1970; `NO_TIME` where nobody knows."""
    sent: Ints
    """Probes whose fate is known; 0 if nothing is known of this time."""
    lost: Ints
    """Those of them that the target (or anybody, where the hop is another one) left unanswered."""
    rtt_ms: Floats
    """Median RTT; NaN without answers."""
    changed: Bools
    """A path changed in it."""
    routed: Bools
    """Somebody answered on the way, so that something is known of the route."""
    seen_sample: Ints
    """One row for each address seen in a sample: the number of the sample ..."""
    seen_addr: Ints
    """... and the address, a place in `names`."""
    names: tuple[str, ...]
    ttl: int | None
    """The hop; None for the target."""
    ttls: tuple[int, ...]
    """TTLs that the probes had."""
    runs: tuple[int, ...]
    """Every run in it."""
    addr: str | None
    """Who answered, first of all."""

    @property
    def count(self) -> int:
        """Count them."""
        return len(self.sent)

    @property
    def known(self) -> Bools:
        """Something is known of this time."""
        known: Bools = self.sent > 0
        return known

    @property
    def loss_ratio(self) -> Floats:
        """Share of the probes that was lost; NaN where nothing is known."""
        ratio: Floats = np.divide(self.lost, self.sent, out=np.full(self.count, np.nan), where=self.known)
        return ratio


@dataclass(frozen=True, slots=True)
class _Rounds:
    """Every (run, round), in their order, and the sample that it is in."""

    run: Ints
    round: Ints
    begun_ns: Ints
    series: Ints
    sample: Ints
    """Numbers of all samples of all series, in the order of series and time, empty ones left out."""
    bin: Ints
    """Place in its series: numbers that skip where samples are empty."""
    runs: tuple[tuple[int, ...], ...]
    """The runs of each series."""

    @property
    def count(self) -> int:
        """Count the series."""
        return len(self.runs)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """All series, before they are taken apart."""

    probes: Probes
    rounds: _Rounds
    rows: list[Ints]
    """Probes of each series that count."""
    answered: Bools
    whole: dict[str, Any]
    seen: tuple[Ints, Ints]
    ttl: int | None
    is_binned: bool


def sample_series(
    tables: "Tables",
    *,
    ttl: int | None = None,
    step_s: float | None = None,
    across_runs: bool = False,
    changes: pd.DataFrame | None = None,
) -> list[Samples]:
    """Take samples.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.
    ttl
        Which hop; None for the target: the probes that ended each path, which are lost unless the target
        itself answered. (Of a flow that never reached it those are the ones sent after the farthest answer.)
    step_s
        A sample is all rounds that began in this many seconds, counted from 1970, so that samples of
        different runs are alike; bins without any are samples of which nothing is known. None: each round.
    across_runs
        Runs from one vantage to one target with one protocol are one series.
    changes
        A frame with `run_id` and `round`: where paths changed.

    Returns
    -------
    series
        One for each run (or each target), in the order of the first run of each.

    Raises
    ------
    ConfigError
        If the step is none, or nobody knows when the probes were sent.
    """
    if step_s is not None:
        check_number("step_s", step_s, above=True)
    probes = probe_arrays(tables)
    if not len(probes.run):
        return []
    cells = cells_of(probes)
    rounds, of_row = _rounds(tables, probes, step_s=step_s, across_runs=across_runs)
    chosen, answered = _of_hop(probes, cells, ttl)
    owner = rounds.series[of_row[chosen]]
    order = np.argsort(owner, kind="stable")
    chosen, owner = chosen[order], owner[order]
    asked = _Asked(
        probes=probes,
        rounds=rounds,
        rows=np.split(chosen, np.searchsorted(owner, np.arange(1, rounds.count))),
        answered=answered,
        whole=_columns(probes, rounds, chosen, of_row, answered) | {"changed": _changed(rounds, changes)},
        seen=_seen(probes, cells, rounds, of_row),
        ttl=ttl,
        is_binned=step_s is not None,
    )
    return [_one(asked, number) for number in range(rounds.count)]


def _of_hop(probes: Probes, cells: Cells, ttl: int | None) -> tuple[Ints, Bools]:
    """Return the settled probes to a hop (None: the target), and which probes of all count as answered."""
    cell = cell_numbers(probes, cells)
    if ttl is None:
        mine, answered = probes.ttl == cells.end[cell], probes.from_target & probes.answered
    else:
        mine, answered = (probes.ttl == ttl) & cells.in_view[cell], probes.answered
    return np.flatnonzero(mine & probes.settled), answered


def _rounds(
    tables: "Tables", probes: Probes, *, step_s: float | None, across_runs: bool
) -> tuple[_Rounds, Ints]:
    """Put rounds in the order of series and time; and find the round of each probe."""
    _, of_row, _ = distinct(pack(probes.run, probes.round))
    count = int(of_row.max()) + 1
    run, round_ = np.empty(count, np.int64), np.empty(count, np.int64)
    run[of_row], round_[of_row] = probes.run, probes.round
    at = _begun(tables, probes, of_row, count)
    ids, place = np.unique(run, return_inverse=True)
    own, rank, runs = _series_of(tables, ids, _least(at, place, len(ids)), across_runs=across_runs)
    series = own[place]
    if step_s is None:
        order = np.lexsort((round_, rank[place], series))
        bins = np.empty(count, np.int64)
        bins[order] = np.arange(count)
        return _Rounds(run, round_, at, series, bins, bins, runs), of_row
    lost = np.flatnonzero(at == NO_TIME)
    if len(lost):
        raise ConfigError(
            f"nobody knows when round {round_[lost[0]]} of run {run[lost[0]]} was begun, so there are no "
            "steps of time: leave step_s out, and each round is a sample"
        )
    bins = at // max(round(step_s * _NS), 1)
    _, sample, _ = distinct(pack(series, bins - bins.min()))
    return _Rounds(run, round_, at, series, sample, bins, runs), of_row


def _begun(tables: "Tables", probes: Probes, of_row: Ints, count: int) -> Ints:
    sent = sent_ns(tables, probes)
    told = sent != NO_TIME
    return _least(sent[told], of_row[told], count)


def _least(values: Ints, group: Ints, count: int) -> Ints:
    """Return the smallest of each group; `NO_TIME` of an empty one."""
    least = np.full(count, _NEVER)
    np.minimum.at(least, group, values)
    return np.where(least == _NEVER, NO_TIME, least)


def _series_of(
    tables: "Tables", ids: Ints, begun_ns: Ints, *, across_runs: bool
) -> tuple[Ints, Ints, tuple[tuple[int, ...], ...]]:
    """Return the series of each run, its place in time, and the runs of each series."""
    if not across_runs:
        place = np.arange(len(ids), dtype=np.int64)
        return place, place, tuple((run_id,) for run_id in ids.tolist())
    rank = np.empty(len(ids), dtype=np.int64)
    rank[np.lexsort((ids, begun_ns))] = np.arange(len(ids))
    sides = tables.runs.set_index("run_id")[list(_SIDES)].astype(object).reindex(ids)
    runs: dict[tuple[Any, ...], list[int]] = {}
    for run_id, *side in sides.where(sides.notna(), None).itertuples():
        runs.setdefault(tuple(side), []).append(int(run_id))
    number = {run_id: place for place, own in enumerate(runs.values()) for run_id in own}
    series = np.array([number[run_id] for run_id in ids.tolist()], dtype=np.int64)
    return series, rank, tuple(map(tuple, runs.values()))


def _columns(probes: Probes, rounds: _Rounds, chosen: Ints, of_row: Ints, answered: Bools) -> dict[str, Any]:
    count = int(rounds.sample.max()) + 1
    sample = rounds.sample[of_row[chosen]]
    first = np.lexsort((rounds.round, rounds.run, rounds.begun_ns, rounds.sample))
    heads = first[np.searchsorted(rounds.sample[first], np.arange(count))]
    last_round = np.full(count, -1, np.int64)
    np.maximum.at(last_round, rounds.sample, rounds.round)
    first_round = np.full(count, _NEVER)
    np.minimum.at(first_round, rounds.sample, rounds.round)
    got = answered[chosen]
    timed = got & ~np.isnan(probes.rtt[chosen])
    return {
        "run": rounds.run[heads],
        "first_round": first_round,
        "last_round": last_round,
        "begun_ns": rounds.begun_ns[heads],
        "sent": np.bincount(sample, minlength=count),
        "lost": np.bincount(sample[~got], minlength=count),
        "rtt_ms": medians(probes.rtt[chosen][timed], sample[timed], count).median,
        "series": rounds.series[heads],
        "bin": rounds.bin[heads],
    }


def _changed(rounds: _Rounds, changes: pd.DataFrame | None) -> Bools:
    changed = np.zeros(int(rounds.sample.max()) + 1, dtype=np.bool_)
    if changes is None or changes.empty:
        return changed
    where = pd.MultiIndex.from_arrays([rounds.run, rounds.round]).get_indexer(
        pd.MultiIndex.from_arrays([changes[name].to_numpy(np.int64) for name in ("run_id", "round")])
    )
    changed[rounds.sample[where[where >= 0]]] = True
    return changed


def _seen(probes: Probes, cells: Cells, rounds: _Rounds, of_row: Ints) -> tuple[Ints, Ints]:
    """List who answered on the way: (sample, address), each once."""
    cell, addr, _ = sightings(probes, cells)
    inside = cells.in_view[cell]
    sample = rounds.sample[of_row[cells.starts[cell[inside]]]]
    pairs = np.unique(pack(sample, addr[inside]), return_index=True)[1]
    return sample[pairs], addr[inside][pairs]


def _one(asked: _Asked, number: int) -> Samples:
    whole, seen, mine = asked.whole, asked.seen, asked.rows[number]
    low, high = np.searchsorted(whole["series"], (number, number + 1))
    own = {name: values[low:high] for name, values in whole.items() if name not in ("series", "bin")}
    first = mine[asked.answered[mine]][:1]
    start, end = np.searchsorted(seen[0], (low, high))
    seen_sample = seen[0][start:end] - low
    routed = np.zeros(high - low, dtype=np.bool_)
    routed[seen_sample] = True
    samples = Samples(
        **own,
        routed=routed,
        seen_sample=seen_sample,
        seen_addr=seen[1][start:end],
        names=asked.probes.names,
        ttl=asked.ttl,
        ttls=tuple(np.unique(asked.probes.ttl[mine]).tolist()),
        runs=asked.rounds.runs[number],
        addr=asked.probes.names[int(asked.probes.addr[first[0]])] if len(first) else None,
    )
    return _with_gaps(samples, whole["bin"][low:high]) if asked.is_binned else samples


def _with_gaps(samples: Samples, bins: Ints) -> Samples:
    """Put in the bins in which no round began: nothing is known of them."""
    place = bins - bins[0]
    count = int(place[-1]) + 1
    if count == samples.count:
        return samples
    if count > _MOST_SAMPLES:
        raise ConfigError(f"step_s makes {count:,} samples, most of them empty: choose a longer step")
    before = np.searchsorted(place, np.arange(count), side="right") - 1
    gap = place[before] != np.arange(count)
    spread: dict[str, Any] = {
        name: getattr(samples, name)[before]
        for name in (
            "run",
            "first_round",
            "last_round",
            "begun_ns",
            "sent",
            "lost",
            "rtt_ms",
            "changed",
            "routed",
        )
    }
    unknown = {
        "begun_ns": NO_TIME,
        "sent": 0,
        "lost": 0,
        "rtt_ms": np.nan,
        "changed": False,
        "routed": False,
    }
    for name, nothing in unknown.items():
        spread[name] = np.where(gap, nothing, spread[name])
    return replace(samples, **spread, seen_sample=place[samples.seen_sample])
