"""Changes of path: when, where, from what to what, of what kind, and which flows showed it."""

from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from trippy_nb.analysis.history.bundles import Held, Step, bundles
from trippy_nb.analysis.history.change import MOVED, SILENCE, Change
from trippy_nb.analysis.history.differences import difference
from trippy_nb.analysis.history.epochs import rows_of
from trippy_nb.analysis.history.kinds import Crossing, Kinds
from trippy_nb.analysis.history.moves import moves_of
from trippy_nb.analysis.history.rows import first_columns, series_columns, words
from trippy_nb.analysis.history.silences import silences_of
from trippy_nb.analysis.history.spells import KEPT, History, history_of, last_sight
from trippy_nb.errors import ConfigError
from trippy_nb.frames import columns as col
from trippy_nb.frames.answers import CHANGE_KINDS, CHANGES
from trippy_nb.frames.columns import NO_TIME, frame_of

if TYPE_CHECKING:
    import pandas as pd

    from trippy_nb.frames import Tables


def path_changes(tables: "Tables", *, confirm: int = 2, flap: int = 10) -> "pd.DataFrame":
    """List the changes of path.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order; see :func:`epochs` for what is one series.
    confirm
        Observations it takes to believe in a path: of one flow, or of several at one moment.
    flap
        A path that is left for at most so many observations of its flow flaps.

    Returns
    -------
    path_changes
        The columns of :data:`trippy_nb.frames.answers.CHANGES`, one row for each (event, series), sorted by
        it. Changes that several flows of one vantage, source, target address and protocol show at once are
        one event: count events, not rows.

    Raises
    ------
    ConfigError
        If `confirm` or `flap` is less than 1.

    Notes
    -----
    `kind`, the first that applies: ``destination-moved``: the name led to another address, or another
    address answers as the target. ``tunnel-appeared``, ``tunnel-vanished``: hops with MPLS labels came or
    went and nothing else changed, or hops went (came) where the hop behind them took on (lost) labels.
    ``resampled``: other flows took the new way before and others take the old one after, so that a
    balancer only dealt anew. ``flap``: a path that was left for at most `flap` observations; both leaving
    and coming back. ``silence``: a place stopped answering, or began to, longer than its losses explain,
    while the route stayed. ``reroute``: all others.
    """
    if flap < 1:
        raise ConfigError(f"flap={flap}: a path is left for at least 1 observation")
    history = history_of(tables, confirm=confirm)
    routes = _crossings(tables, history, flap)
    changes = [*routes, *silences_of(history), *moves_of(tables, history)]
    return _framed(history, _events(history, changes))


def _crossings(tables: "Tables", history: History, flap: int) -> list[Change]:
    """List the changes between epochs that count."""
    kinds = Kinds(tables, history, flap=flap)
    differ = lru_cache(maxsize=None)(difference)
    names = history.seen.probes.names
    changes = []
    for number in history.spells:
        rows = rows_of(history, number)
        kept = [(place, spell) for place, spell in enumerate(rows) if spell.standing == KEPT]
        for i in range(1, len(kept)):
            old, (epoch, new) = kept[i - 1][1], kept[i]
            parts = differ(old.pattern, new.pattern)
            crossing = Crossing(
                old,
                new,
                kept[i - 2][1] if i > 1 else None,
                kept[i + 1][1] if i + 1 < len(kept) else None,
                parts,
            )
            changes.append(
                Change(
                    kind=kinds.kind(crossing),
                    series=number,
                    first=new.first,
                    last=last_sight(history, old, new),
                    before=tuple(names[code] if code >= 0 else None for code in parts.before),
                    after=tuple(names[code] if code >= 0 else None for code in parts.after),
                    n_before=old.n,
                    n_after=new.n,
                    epoch=epoch,
                    first_ttl=history.base + parts.first,
                    last_ttl=history.base + parts.last,
                    edits=parts.edits,
                    length=parts.length,
                )
            )
    return changes


def _events(history: History, changes: list[Change]) -> list[list[Change]]:
    """Put together what several flows showed at once; in the order of time."""
    alone: list[list[Change]] = [
        [change] for change in changes if change.kind == MOVED and change.epoch is None
    ]
    steps: dict[tuple[int, bool], list[Step]] = defaultdict(list)
    for item, change in enumerate(changes):
        if change.first_ttl is None or change.last_ttl is None:
            continue
        place = int(history.group[change.first]), change.kind == SILENCE
        low, high = int(history.moment[change.last]), int(history.moment[change.first])
        before, after = ({*filter(None, addrs)} for addrs in (change.before, change.after))
        sides = frozenset[Held](before - after), frozenset[Held](after - before)
        steps[place].append(Step(change.series, low, high, change.first_ttl, change.last_ttl, item, *sides))
    events = alone + [
        sorted((changes[step.item] for step in bundle), key=lambda change: change.series)
        for found in steps.values()
        for bundle in bundles(found)
    ]

    def when(event: list[Change]) -> tuple[int, int, int, int]:
        first = min(change.first for change in event)
        times = [int(history.seen.at_ns[change.first]) for change in event]
        known = [at for at in times if at != NO_TIME]
        kind = CHANGE_KINDS.index(event[0].kind)
        return (min(known, default=0), first, kind, event[0].first_ttl or 0)

    return sorted(events, key=when)


def _framed(history: History, events: list[list[Change]]) -> "pd.DataFrame":
    rows = [change for event in events for change in event]
    first = np.array([change.first for change in rows], dtype=np.int64)
    last = np.array([change.last for change in rows], dtype=np.int64)
    flows = [tuple(change.series for change in event) for event in events for _ in event]

    def numbers(values: list[int | None]) -> Any:  # noqa: ANN401 - a nullable array
        return col.whole_numbers(np.array([-1 if one is None else one for one in values], np.int64), "UInt8")

    edits = np.array([np.nan if one.edits is None else one.edits for one in rows], dtype=np.float64)
    length = np.array([one.length or np.nan for one in rows], dtype=np.float64)
    epoch = np.array([-1 if one.epoch is None else one.epoch for one in rows], np.int64)
    columns: dict[str, Any] = {
        "event": np.repeat(np.arange(len(events)), [len(event) for event in events]).astype(np.uint32),
        "series": np.array([one.series for one in rows], dtype=np.uint32),
        "epoch": col.whole_numbers(epoch, "UInt32"),
        **series_columns([history.seen.series[one.series] for one in rows]),
        **first_columns(history, first),
        "last_run_id": history.seen.run[last].astype(np.uint32),
        "last_round": history.seen.round[last].astype(np.uint32),
        "at": col.moments(history.seen.at_ns[first]),
        "last_seen_at": col.moments(history.seen.at_ns[last]),
        "kind": words([one.kind for one in rows], CHANGE_KINDS),
        "first_ttl": numbers([one.first_ttl for one in rows]),
        "last_ttl": numbers([one.last_ttl for one in rows]),
        "before": col.objects([one.before for one in rows]),
        "after": col.objects([one.after for one in rows]),
        "edits": numbers([one.edits for one in rows]),
        "length": numbers([one.length for one in rows]),
        "distance_ratio": edits / length,
        "n_before": np.array([one.n_before for one in rows], dtype=np.uint32),
        "n_after": np.array([one.n_after for one in rows], dtype=np.uint32),
        "n_flows": np.array([len(one) for one in flows], dtype=np.uint32),
        "flows": col.objects(flows),
    }
    return frame_of(CHANGES, columns, len(rows))
