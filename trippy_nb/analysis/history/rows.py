"""Columns that the tables of this room have in common."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from trippy_nb.analysis.arrays import Ints
from trippy_nb.analysis.history.patterns import Pattern
from trippy_nb.analysis.history.series import Series
from trippy_nb.analysis.history.spells import History, Spell
from trippy_nb.frames import columns as col
from trippy_nb.frames.schema import RUNS

Addrs = tuple[str | None, ...]
_SIDES = ("vantage", "src_addr", "dst_addr", "protocol")


def series_columns(series: Sequence[Series]) -> dict[str, Any]:
    """Say which series each row is of."""
    columns: dict[str, Any] = {
        name: _texts([getattr(one, name) for one in series], RUNS.column(name).words) for name in _SIDES
    }
    columns["header"] = pd.Series([one.header for one in series], dtype="str")
    return columns


def _texts(values: Sequence[str | None], words: Sequence[str]) -> pd.Categorical:
    known = list(words) or sorted({value for value in values if value is not None})
    place = {word: number for number, word in enumerate(known)}
    codes = [-1 if value is None else place[value] for value in values]
    return col.codes(np.array(codes, dtype=np.int64), known)


def words(values: Sequence[str], vocabulary: Sequence[str]) -> pd.Categorical:
    """Make a category of words of a closed vocabulary."""
    return _texts(values, vocabulary)


def first_columns(history: History, first: Ints) -> dict[str, Any]:
    """Say where these observations came from."""
    seen = history.seen
    return {
        "run_id": seen.run[first].astype(np.uint32),
        "round": seen.round[first].astype(np.uint32),
        "flow": seen.flow[first].astype(np.uint16),
    }


def addrs_of(history: History, spell: Spell) -> Addrs:
    """Name the responders of an epoch, place by place."""
    return addrs_of_pattern(history, spell.pattern)


def addrs_of_pattern(history: History, pattern: Pattern) -> Addrs:
    """Name responders, place by place; None where nobody answered."""
    names = history.seen.probes.names
    return tuple(names[code] if code >= 0 else None for code in pattern.places)


def masked_of(history: History, spell: Spell) -> dict[int, tuple[str, ...]]:
    """Name those that take turns on the path of an epoch, by TTL."""
    names, group = history.seen.probes.names, int(history.group[spell.first])
    found = {}
    for place, code in enumerate(spell.pattern.places):
        ttl = history.base + place
        members = history.masks.turns.get((group, ttl), {}).get(code)
        if members is not None:
            found[ttl] = tuple(names[member] for member in members)
    return found
