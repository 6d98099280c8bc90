"""Alerts: when a matcher raised one, when it cleared it, and the probes that say so."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.analysis.arrays import probe_arrays
from trippy_nb.analysis.evidence.statement import any_of, between
from trippy_nb.analysis.given import check_columns
from trippy_nb.analysis.latency import check_hops
from trippy_nb.analysis.matchers.base import Judged, Matcher
from trippy_nb.analysis.matchers.pingplotter import RouteChanged
from trippy_nb.analysis.matchers.reading import from_smokeping
from trippy_nb.analysis.matchers.series import Samples, sample_series
from trippy_nb.analysis.told import plural
from trippy_nb.errors import ConfigError
from trippy_nb.frames.answers import ALERTS
from trippy_nb.frames.columns import NO_TIME, frame_of, moments, whole_numbers

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

Matchers = Matcher | str | Iterable[Matcher | str] | Mapping[str, Matcher | str]
"""One or several, as values or in SmokePing's notation; a mapping gives them names."""


@dataclass(frozen=True, slots=True)
class _Alert:
    name: str
    matcher: Matcher
    samples: Samples
    judged: Judged
    first: int
    """Sample that raised it."""
    end: int
    """Sample that cleared it; the number of samples if none did."""


def alerts(
    tables: "Tables",
    matchers: Matchers,
    *,
    ttl: int | Iterable[int] | None = None,
    step_s: float | None = None,
    across_runs: bool = False,
    changes: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Look for alerts.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.
    matchers
        What raises them. Text is read by `from_smokeping`.
    ttl
        Hops to look at; None for the target. What a hop in between leaves unanswered need be no loss.
    step_s, across_runs
        What a sample is, and a series: see `sample_series`.
    changes
        For `RouteChanged`: a frame with `run_id` and `round`, a row for each change.

    Returns
    -------
    alerts
        An `ALERTS` frame, a row for each alert, in the order of run, time, hop and matcher.

    Raises
    ------
    ConfigError
        If a matcher is none, a hop was not probed, `RouteChanged` has no changes, or see `sample_series`.
    """
    named = _named(matchers)
    if changes is None and any(isinstance(matcher, RouteChanged) for matcher in named.values()):
        raise ConfigError("RouteChanged needs changes=: a frame with run_id and round of each change")
    if changes is not None:
        check_columns("changes", changes, ("run_id", "round"), made_by="run.changes holds")
    found: list[_Alert] = []
    probed = set(probe_arrays(tables).ttl.tolist())
    hops: list[int | None] = [None] if ttl is None else [*check_hops(ttl, probed)] if probed else []
    for hop in hops:
        series = sample_series(tables, ttl=hop, step_s=step_s, across_runs=across_runs, changes=changes)
        for samples in series:
            for name, matcher in named.items():
                found += _found(name, matcher, samples)
    return _framed(tables, found)


def _named(matchers: Matchers) -> dict[str, Matcher]:
    if isinstance(matchers, Mapping):
        return {str(name): _one(matcher) for name, matcher in matchers.items()}
    if isinstance(matchers, Matcher | str):
        matchers = [matchers]
    if not isinstance(matchers, Iterable):
        raise ConfigError(f"{matchers!r} is neither a matcher nor the text of one")
    given = [_one(matcher) for matcher in matchers]
    return {matcher.title: matcher for matcher in given}


def _one(matcher: Matcher | str) -> Matcher:
    return matcher if isinstance(matcher, Matcher) else from_smokeping(matcher)


def _found(name: str, matcher: Matcher, samples: Samples) -> list[_Alert]:
    states, judged = matcher.states(samples)
    edges = np.flatnonzero(np.diff(states.astype(np.int8), prepend=0, append=0))
    return [
        _Alert(name, matcher, samples, judged, int(first), int(end))
        for first, end in zip(edges[::2], edges[1::2], strict=True)
    ]


def _framed(tables: "Tables", found: list[_Alert]) -> pd.DataFrame:
    facts = tables.runs.set_index("run_id")["target"]
    rows = [_row(alert, facts) for alert in found]
    rows.sort(key=lambda row: (row["run_id"], row["raised_round"], row["ttl"], row["matcher"]))
    columns: dict[str, Any] = {"alert": np.arange(len(rows), dtype=np.uint32)}
    for column in ALERTS.columns[1:]:
        values = [row[column.name] for row in rows]
        if column.dtype == "utc":
            columns[column.name] = moments(np.array(values, dtype=np.int64))
        elif column.dtype.startswith("UInt"):
            columns[column.name] = whole_numbers(np.array(values, dtype=np.int64), column.dtype)
        elif column.dtype == "category":
            columns[column.name] = pd.Series(values, dtype="str").astype("category")
        else:
            columns[column.name] = pd.Series(values, dtype=column.dtype)
    return frame_of(ALERTS, columns, len(rows))


def _row(alert: _Alert, targets: "pd.Series[Any]") -> dict[str, Any]:
    samples, first, end = alert.samples, alert.first, alert.end
    spell = slice(first, end)
    cleared = end < samples.count
    run = int(samples.run[first])
    worst = _worst(alert.matcher, alert.judged.value[spell])
    probes = int(samples.sent[spell].sum())
    target = targets.get(run)
    return {
        "matcher": alert.name,
        "run_id": run,
        "target": None if pd.isna(target) else str(target),
        "ttl": -1 if samples.ttl is None else samples.ttl,
        "addr": samples.addr,
        "raised_at": int(samples.begun_ns[first]),
        "cleared_at": int(samples.begun_ns[end]) if cleared else NO_TIME,
        "raised_round": int(samples.first_round[first]),
        "cleared_run_id": int(samples.run[end]) if cleared else -1,
        "cleared_round": int(samples.first_round[end]) if cleared else -1,
        "n": end - first,
        "n_probes": probes,
        "worst": worst,
        "unit": alert.matcher.unit,
        "says": _sentence(alert, worst, probes, cleared=cleared),
        "query": _query(samples, first, end),
    }


def _worst(matcher: Matcher, values: "np.typing.NDArray[np.float64]") -> float:
    known = values[~np.isnan(values)]
    if not len(known):
        return np.nan
    return float(known.min() if matcher.smallest_is_worst else known.max())


def _sentence(alert: _Alert, worst: float, probes: int, *, cleared: bool) -> str:
    samples = alert.samples
    who = samples.addr or "nobody"
    where = f"The target ({who})" if samples.ttl is None else f"Hop {samples.ttl} ({who})"
    n = alert.end - alert.first
    lasted = f"for {_count_text(n, 'sample')} ({_count_text(probes, 'probe')})"
    worst_text = "" if np.isnan(worst) else f", at worst {alert.matcher.value_text(worst)}"
    ending = "then cleared" if cleared else "not cleared by the end"
    return f"{where}: {alert.matcher.says}; raised {lasted}{worst_text}; {ending}."


def _count_text(count: int, what: str) -> str:
    return f"{count} {plural(count, what)}"


def _query(samples: Samples, first: int, end: int) -> str:
    """Write what selects the probes of the samples while the alert was raised."""
    runs = np.unique(samples.run[first:end]).tolist()
    parts = [any_of("run_id", runs)]
    if len(runs) == 1:
        low, high = int(samples.first_round[first:end].min()), int(samples.last_round[first:end].max())
        parts.append(between(low, high, "round"))
    if samples.ttls:
        parts.append(any_of("ttl", samples.ttls))
    return " and ".join(parts)
