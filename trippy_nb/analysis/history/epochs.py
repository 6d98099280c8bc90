"""Epochs: the stretches of time in which a flow kept to one path."""

from typing import TYPE_CHECKING, Any

import numpy as np

from trippy_nb.analysis.arrays import Ints
from trippy_nb.analysis.history.patterns import GAP, Pattern, gaps
from trippy_nb.analysis.history.rows import addrs_of, first_columns, masked_of, series_columns, words
from trippy_nb.analysis.history.spells import NOT_JUDGED, History, Spell, history_of
from trippy_nb.frames import columns as col
from trippy_nb.frames.answers import EPOCHS, STANDINGS
from trippy_nb.frames.columns import frame_of

if TYPE_CHECKING:
    import pandas as pd

    from trippy_nb.frames import Tables


def epochs(tables: "Tables", *, confirm: int = 2) -> "pd.DataFrame":
    """List the stretches of time in which each flow kept to one path.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order. Flows of different runs are one series where vantage,
        source, target address, protocol and the header fields that balancers hash are the same.
    confirm
        Observations it takes to believe in a path: of one flow, or of several at one moment.

    Returns
    -------
    epochs
        The columns of :data:`trippy_nb.frames.answers.EPOCHS`, one row for each (series, epoch), sorted by
        it. Only rows whose `standing` is ``kept`` are changes when they follow each other.

    Raises
    ------
    ConfigError
        If `confirm` is not at least 1.

    Notes
    -----
    A silent place fits anything: a lost probe is no change. Addresses that take turns within a flow (a
    balancer of packets) count as one. Rounds with a probe in flight, or with a place not probed, are not
    judged. Flows whose packets look different to a balancer (`runs.flow_stable` is False) are not
    judged at all: their path changes with every probe.
    """
    history = history_of(tables, confirm=confirm)
    spells = [spell for number in history.spells for spell in rows_of(history, number)]
    number = [place for one in history.spells for place, _ in enumerate(rows_of(history, one))]
    n = len(spells)
    first = np.array([spell.first for spell in spells], dtype=np.int64)
    last = np.array([spell.last for spell in spells], dtype=np.int64)
    looks = [addrs_of(history, spell) for spell in spells]
    masked = [masked_of(history, spell) for spell in spells]
    columns: dict[str, Any] = {
        "series": np.array([spell.series for spell in spells], dtype=np.uint32),
        "epoch": np.array(number, dtype=np.uint32),
        **series_columns([history.seen.series[spell.series] for spell in spells]),
        **first_columns(history, first),
        "last_run_id": history.seen.run[last].astype(np.uint32),
        "last_round": history.seen.round[last].astype(np.uint32),
        "started_at": col.moments(history.seen.at_ns[first]),
        "ended_at": col.moments(history.seen.at_ns[last]),
        "n": np.array([spell.n for spell in spells], dtype=np.uint32),
        "standing": words([spell.standing for spell in spells], STANDINGS),
        "path": _paths(spells),
        "first_ttl": np.full(n, history.base, dtype=np.uint8),
        "length": np.array([len(look) for look in looks], dtype=np.uint8),
        "stars": np.array([gaps(spell.pattern) for spell in spells], dtype=np.uint8),
        "reached": np.array([spell.pattern.ended for spell in spells], dtype=np.bool_),
        "addrs": col.objects(looks),
        "masked_ttls": col.objects([tuple(one) for one in masked]),
        "masked_addrs": col.objects([tuple(one.values()) for one in masked]),
    }
    return frame_of(EPOCHS, columns, n)


def rows_of(history: History, series: int) -> list[Spell]:
    """Return the spells of a series; one for all of it, if nothing of it can be judged."""
    return history.spells[series] or [_unjudged(history, series)]


def _unjudged(history: History, series: int) -> Spell:
    """Say from when to when a series was seen, and who answered most at each place."""
    cells = history.cells
    mine = np.flatnonzero((cells.flow == series) & cells.in_view)
    rows = np.flatnonzero(history.series == series)
    places = [GAP] * (int(cells.ttl[mine].max(initial=history.base)) - history.base + 1)
    for place in range(len(places)):
        here = cells.addr[mine[cells.ttl[mine] == history.base + place]]
        if len(here) and (here >= 0).any():
            places[place] = int(np.bincount(here[here >= 0]).argmax())
    reached = bool(cells.from_target[mine].any())
    return Spell(
        series,
        int(rows[0]),
        int(rows[-1]),
        Pattern(tuple(places), ended=reached and places[-1] != GAP),
        n=0,
        standing=NOT_JUDGED,
    )


def _paths(spells: list[Spell]) -> Ints:
    """Number the paths of each series: the first that fits, in the order of time."""
    known: dict[int, list[Pattern]] = {}
    numbers = []
    for spell in spells:
        mine = known.setdefault(spell.series, [])
        number = next((i for i, path in enumerate(mine) if path.fits(spell.pattern)), len(mine))
        if number == len(mine):
            mine.append(spell.pattern)
        numbers.append(number)
    return np.array(numbers, dtype=np.uint32)
