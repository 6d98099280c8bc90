"""The table of changes in RTT."""

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from trippy_nb.analysis.arrays import Ints
from trippy_nb.analysis.history.rows import series_columns, words
from trippy_nb.analysis.history.series import Series
from trippy_nb.analysis.rtt_changes.points import ALPHA, MIN_SHIFT_MS, check
from trippy_nb.analysis.rtt_changes.samples import AllSamples, Samples, samples_of
from trippy_nb.analysis.rtt_changes.steps import Reach, Step, events_of, reach_of, steps_of
from trippy_nb.errors import ConfigError
from trippy_nb.frames import columns as col
from trippy_nb.frames.answers import REACHES, RTT_CHANGES

if TYPE_CHECKING:
    import pandas as pd

    from trippy_nb.frames import Tables

_NS_PER_S = 1e9


def rtt_changes(
    tables: "Tables",
    *,
    min_shift_ms: float = MIN_SHIFT_MS,
    alpha: float = ALPHA,
    pool_flows: bool | None = None,
) -> "pd.DataFrame":
    """List the changes in the level of RTTs.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.
    min_shift_ms
        Smallest change that is of interest, ms.
    alpha
        Chance that a series without changes shows one; also one minus the confidence of the intervals.
    pool_flows
        Take all flows of a vantage, source, target address and protocol together: more samples a series;
        but where flows take different ways, their differences pass for noise. By default, where half of
        the RTTs are of flows that have fewer than 20 of that responder.

    Returns
    -------
    rtt_changes
        The columns of :data:`trippy_nb.frames.answers.RTT_CHANGES`, sorted by event, that is by time, then
        from the nearest hop on.

    Raises
    ------
    ConfigError
        If `min_shift_ms` or `alpha` is out of range, or `pool_flows` is something else.

    Notes
    -----
    A series is one responder for one flow, across runs, as :func:`trippy_nb.analysis.path_changes` has flows:
    see :func:`change_points` for how it is judged. Answers beyond a path's end are left off.
    """
    check(min_shift_ms, alpha)
    if not isinstance(pool_flows, bool | None):
        raise ConfigError(f"pool_flows is True, False or None, not {pool_flows!r}")
    samples = samples_of(tables, pool_flows=pool_flows)
    steps = steps_of(samples.series, min_shift_ms=min_shift_ms, alpha=alpha)
    events = events_of(steps, min_shift_ms=min_shift_ms)
    events.sort(key=lambda event: _when(event[0]))
    return _framed(samples, events)


def _when(step: Step) -> tuple[bool, int, int, int, int, int]:
    at, moment = int(step.samples.at_ns[step.point.place]), step.moments[1]
    return at == col.NO_TIME, at, moment, step.samples.owner, step.ttl, step.samples.addr


def _framed(samples: AllSamples, events: list[list[Step]]) -> "pd.DataFrame":
    around: dict[int, list[Samples]] = defaultdict(list)
    for one in samples.series:
        around[one.owner].append(one)
    rows = [(number, step, event) for number, event in enumerate(events) for step in event]
    steps = [step for _, step, _ in rows]
    reaches = [reach_of(step, event, around[step.samples.owner]) for _, step, event in rows]
    n = len(rows)
    columns: dict[str, Any] = {
        "change": np.arange(n, dtype=np.uint32),
        "event": np.array([number for number, _, _ in rows], dtype=np.uint32),
        "first_ttl": np.array([event[0].ttl for _, _, event in rows], dtype=np.uint8),
    }
    owners = np.array([step.samples.owner for step in steps], dtype=np.int64)
    pooled = np.array([samples.is_pooled(step.samples) for step in steps], dtype=np.bool_)
    columns["series"] = col.whole_numbers(owners, "UInt32", missing=pooled)
    columns |= series_columns(_owners(samples, steps))
    columns |= _places(samples, steps)
    columns |= _numbers(steps)
    columns |= _reaches(reaches)
    return col.frame_of(RTT_CHANGES, columns, n)


def _owners(samples: AllSamples, steps: list[Step]) -> list[Series]:
    series = samples.seen.series
    by_group = {one.group: replace(one, header="") for one in reversed(series)}
    return [
        by_group[step.samples.group] if samples.is_pooled(step.samples) else series[step.samples.owner]
        for step in steps
    ]


def _places(samples: AllSamples, steps: list[Step]) -> dict[str, Any]:
    seen = samples.seen
    first = np.array([step.samples.path[step.point.place] for step in steps], dtype=np.int64)
    last = np.array([step.samples.path[step.point.last_place] for step in steps], dtype=np.int64)
    addrs = np.array([step.samples.addr for step in steps], dtype=np.int64)
    used = np.unique(addrs)
    return {
        "run_id": seen.run[first].astype(np.uint32),
        "round": seen.round[first].astype(np.uint32),
        "flow": seen.flow[first].astype(np.uint16),
        "at": col.moments(_ns(step.samples.at_ns[step.point.place] for step in steps)),
        "last_run_id": seen.run[last].astype(np.uint32),
        "last_round": seen.round[last].astype(np.uint32),
        "last_seen_at": col.moments(_ns(step.samples.at_ns[step.point.last_place] for step in steps)),
        "ttl": np.array([step.ttl for step in steps], dtype=np.uint8),
        "addr": col.codes(np.searchsorted(used, addrs), [seen.probes.names[code] for code in used]),
    }


def _numbers(steps: list[Step]) -> dict[str, Any]:
    points = [step.point for step in steps]
    floats = {
        "before_ms": [point.before_ms for point in points],
        "after_ms": [point.after_ms for point in points],
        "shift_ms": [point.shift.estimate for point in points],
        "shift_low_ms": [point.shift.low for point in points],
        "shift_high_ms": [point.shift.high for point in points],
        "p_value": [point.shift.p_value for point in points],
        "n_by_chance": [step.by_chance for step in steps],
        "lasted_s": [
            np.nan if step.next_place is None else _between(step.samples, step.point.place, step.next_place)
            for step in steps
        ],
        "observed_s": [_between(step.samples, 0, -1) for step in steps],
    }
    counts = {
        "n_before": [point.n_before for point in points],
        "n_after": [point.n_after for point in points],
        "n": [len(step.samples.rtt) for step in steps],
    }
    return {name: np.array(values, dtype=np.float64) for name, values in floats.items()} | {
        name: np.array(values, dtype=np.uint32) for name, values in counts.items()
    }


def _reaches(reaches: list[Reach]) -> dict[str, Any]:
    farthest = [-1 if reach.carried_to is None else reach.carried_to for reach in reaches]
    return {
        "carried_to": col.whole_numbers(np.array(farthest, dtype=np.int64), "UInt8"),
        "n_beyond": np.array([reach.n_beyond for reach in reaches], dtype=np.uint32),
        "n_carried": np.array([reach.n_carried for reach in reaches], dtype=np.uint32),
        "reach": words([reach.word for reach in reaches], REACHES),
    }


def _between(samples: Samples, start: int, end: int) -> float:
    """Return the seconds between two samples; NaN if one of their times is not known."""
    begin, finish = int(samples.at_ns[start]), int(samples.at_ns[end])
    return np.nan if col.NO_TIME in (begin, finish) else (finish - begin) / _NS_PER_S


def _ns(times: Any) -> Ints:  # noqa: ANN401 - a generator of numpy integers
    return np.fromiter(times, dtype=np.int64)
