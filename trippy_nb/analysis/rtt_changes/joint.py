"""Changes of RTT and changes of path that coincide, and how easily they would by chance.

Both lie in an interval: after the last sight of the old, up to the first sight of the new. They coincide if
the two intervals are no farther apart than the window, the paths are of the same flow, and the path
changed at or before the nearest hop that shows the new RTT: what changes beyond a hop does not delay its
answers on their way there. Each is matched once at most, and all together so that as many as possible are,
as near as possible (Shao et al., One-to-one matching of RTT and path changes, ITC 29, 2017; the matching is
that of `benchmark.py` in their repository, a cheapest one of most pairs).

m changes of path, placed at random in the time D that RTTs were observed, leave a window of width W free
with a probability of (1 - W/D)^m: what is left of 1 is the chance to meet one.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trippy_nb.analysis.arrays import Bools, Floats, Ints
from trippy_nb.analysis.given import check_columns
from trippy_nb.analysis.rtt_changes.sentences import sentence
from trippy_nb.frames import columns as col
from trippy_nb.frames.answers import JOINT_EVENTS, RTT_CHANGES
from trippy_nb.model import check_number

_NEEDED = ("run_id", "flow", "round", "at", "first_ttl", "last_ttl")
_SIDES = ("vantage", "src_addr", "dst_addr", "protocol")
_SAMPLES = 2
"""The window, in times between two samples: how far off a change point may be placed."""
_OF_NEAREST = ("shift_ms", "shift_low_ms", "shift_high_ms", "n_before", "n_after", "lasted_s")
_NS_PER_S = 1e9


@dataclass(frozen=True, slots=True)
class _Events:
    """Events of RTT: one row each, that of the nearest hop."""

    rows: pd.DataFrame
    members: tuple[pd.DataFrame, ...]
    """All rows of each."""
    window: Floats
    """Seconds."""


def joint_events(
    rtt_changes: pd.DataFrame, path_changes: pd.DataFrame, *, window_s: float | None = None
) -> pd.DataFrame:
    """Match changes of RTT with changes of path.

    Parameters
    ----------
    rtt_changes
        What :func:`rtt_changes` returned.
    path_changes
        What :func:`trippy_nb.analysis.path_changes` returned for the same tables; or any frame with
        `run_id`, `flow`, `round`, `at`, `first_ttl` and `last_ttl`. Where it has a `series`, that and not
        (run_id, flow) says which flows are the same; where it has a `kind`, `before` and `after`, the
        sentences tell them.
    window_s
        How far apart the two may be, seconds; by default twice the mean time between two RTTs of the
        responder.

    Returns
    -------
    joint_events
        The columns of :data:`trippy_nb.frames.answers.JOINT_EVENTS`, one row for each event of
        `rtt_changes`, in its order. Where no change of path coincides, the columns about it are missing.
        Events without a time coincide with nothing.

    Raises
    ------
    ConfigError
        If a column is missing, or `window_s` is out of range.
    """
    _check(rtt_changes, path_changes, window_s)
    events = _events(rtt_changes, window_s)
    paths = path_changes.reset_index(drop=True)
    allowed = np.zeros((len(events.rows), len(paths)), dtype=np.bool_)
    for number, members in enumerate(events.members):
        allowed[number] = _near(events.rows.iloc[number], members, paths)
    gap = _gaps(events.rows, paths)
    matched = _matched(gap, allowed & (gap <= events.window[:, None]))
    return _framed(events, paths, allowed, matched)


def _check(rtt_changes: pd.DataFrame, path_changes: pd.DataFrame, window_s: float | None) -> None:
    for name, frame, needed in (
        ("rtt_changes", rtt_changes, RTT_CHANGES.names),
        ("path_changes", path_changes, _NEEDED),
    ):
        check_columns(name, frame, needed, made_by=f"{name}() returned")
    if window_s is not None:
        check_number("window_s", window_s)


def _events(rtt_changes: pd.DataFrame, window_s: float | None) -> _Events:
    members = tuple(group for _, group in rtt_changes.groupby("event", sort=True))
    heads = [int(group.sort_values(["ttl", "change"]).index[0]) for group in members]
    rows = rtt_changes.loc[heads]
    if window_s is None:
        n = rows["n"].to_numpy(dtype=np.float64)
        window = _SAMPLES * rows["observed_s"].to_numpy(dtype=np.float64) / np.maximum(n - 1, 1)
    else:
        window = np.full(len(rows), float(window_s))
    return _Events(rows.reset_index(drop=True), members, window)


def _near(event: "pd.Series[Any]", members: pd.DataFrame, paths: pd.DataFrame) -> Bools:
    """Tell which changes of path are of the flows of this event, and not beyond its nearest hop."""
    pooled = bool(members["series"].isna().any())
    if pooled and set(_SIDES) <= set(paths.columns):
        same = np.ones(len(paths), dtype=np.bool_)
        for side in _SIDES:
            here = event[side]
            same &= (paths[side].isna() if pd.isna(here) else paths[side] == here).to_numpy(dtype=np.bool_)
    elif pooled:
        same = paths["run_id"].isin(members["run_id"]).to_numpy()
    elif "series" in paths.columns:
        same = paths["series"].isin(members["series"]).to_numpy(dtype=np.bool_)
    else:
        pairs = set(zip(members["run_id"], members["flow"], strict=True))
        same = np.array(
            [pair in pairs for pair in zip(paths["run_id"], paths["flow"], strict=True)], np.bool_
        )
    first = paths["first_ttl"].to_numpy(dtype=np.float64, na_value=np.nan)
    upstream: Bools = same & (first <= float(event["ttl"]))
    return upstream


def _intervals(frame: pd.DataFrame) -> tuple[Ints, Ints]:
    """Return begin and end, ns; an end that is not known is the smallest integer."""
    end = col.nanoseconds(frame["at"])
    if "last_seen_at" not in frame.columns:
        return end, end
    begin = col.nanoseconds(frame["last_seen_at"])
    return np.where(begin == col.NO_TIME, end, begin), end


def _gaps(rows: pd.DataFrame, paths: pd.DataFrame) -> Floats:
    """Return how many seconds lie between the two intervals, 0 if they meet; infinite if not known."""
    (begin, end), (begin_, end_) = _intervals(rows), _intervals(paths)
    apart = np.maximum(np.subtract.outer(begin, end_), -np.subtract.outer(end, begin_))
    gap = np.maximum(apart, 0) / _NS_PER_S
    unknown = np.add.outer(end == col.NO_TIME, end_ == col.NO_TIME)
    return np.where(unknown, np.inf, gap)


def _matched(gap: Floats, allowed: Bools) -> Ints:
    """Return the change of path of each event; -1 where there is none."""
    found = np.full(len(gap), -1, dtype=np.int64)
    if not allowed.any():
        return found
    from scipy.optimize import linear_sum_assignment

    # More than all gaps together: one more pair is worth more than any distance.
    forbidden = 1.0 + float(gap[allowed].sum())
    event, path = linear_sum_assignment(np.where(allowed, gap, forbidden))
    good = allowed[event, path]
    found[event[good]] = path[good]
    return found


def _framed(events: _Events, paths: pd.DataFrame, allowed: Bools, matched: Ints) -> pd.DataFrame:
    rows, some = events.rows, matched >= 0
    place = matched[some]
    n = len(rows)
    columns: dict[str, Any] = {
        name: rows[name] for name in ("event", "series", "run_id", "round", "flow", "at", "ttl", *_OF_NEAREST)
    }
    columns["n_by_chance"] = np.array([group["n_by_chance"].min() for group in events.members], np.float64)
    columns["addr"] = rows["addr"].astype("str")
    columns["last_ttl"] = np.array([group["ttl"].max() for group in events.members], dtype=np.uint8)
    columns["path_change"] = col.whole_numbers(matched, "UInt32")
    for name, token in (("first_ttl", "UInt8"), ("last_ttl", "UInt8")):
        ttls = np.full(n, -1, dtype=np.int64)
        ttls[some] = paths[name].iloc[place].to_numpy(dtype=np.int64, na_value=-1)
        columns[f"path_{name}"] = col.whole_numbers(ttls, token)
    at, path_at = _intervals(rows)[1], np.full(n, col.NO_TIME, dtype=np.int64)
    path_at[some] = _intervals(paths)[1][place]
    columns["path_at"] = col.moments(path_at)
    columns["lag_s"] = np.where(some, (at - np.where(some, path_at, at)) / _NS_PER_S, np.nan)
    columns["window_s"] = events.window
    columns["n_path_changes"] = _counts(paths, allowed).astype(np.uint32)
    columns["chance_ratio"] = _chances(events, paths, allowed)
    made = col.frame_of(JOINT_EVENTS, columns, n)
    made["says"] = pd.Series(
        [
            sentence(row, paths.iloc[path] if path >= 0 else None)
            for (_, row), path in zip(made.iterrows(), matched.tolist(), strict=True)
        ],
        dtype="str",
    )
    return made


def _counts(paths: pd.DataFrame, allowed: Bools) -> Ints:
    """Count changes of path: several flows that show one event are one."""
    if "event" not in paths.columns:
        counts: Ints = np.count_nonzero(allowed, axis=1).astype(np.int64)
        return counts
    numbers = paths["event"].to_numpy()
    return np.array([len(np.unique(numbers[row])) for row in allowed], dtype=np.int64)


def _chances(events: _Events, paths: pd.DataFrame, allowed: Bools) -> Floats:
    """Return the chance of a change of path in the window; NaN where times are not known."""
    (begin, end), (begin_, end_) = _intervals(events.rows), _intervals(paths)
    widths: Floats = (end_ - begin_) / _NS_PER_S
    mean = np.array([_mean(widths[row]) for row in allowed], dtype=np.float64)
    width = 2 * events.window + (end - begin) / _NS_PER_S + mean
    observed = events.rows["observed_s"].to_numpy(dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.minimum(width / observed, 1.0)
    chances: Floats = 1 - (1 - share) ** _counts(paths, allowed)
    return np.where(np.isnan(share) | (end == col.NO_TIME), np.nan, chances)


def _mean(widths: Floats) -> float:
    return float(np.mean(widths)) if len(widths) else 0.0
