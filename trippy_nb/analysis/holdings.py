"""What a picture of handles needs: who held what from when to when, in no more rows than a page has.

Few handles are a row each. Of many, those that are alike (of one run, one kind, one state, and one
purpose but for its numbers) share a row, which keeps how many of them were open at each moment; if
that is not enough, runs that began earlier share their rows. Nothing is left out: each handle is in
exactly one row, and what is still open never shares a row with what is closed.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

MOST_ROWS = 32
"""Rows that a page holds with labels one can read."""

_FEW = 3  # alike; so many keep a row each
_SHARED = -1  # in place of a run's position
_DIGITS = re.compile(r"[0-9a-f.:]*\d[0-9a-f.:]*")

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Holdings:
    """Handles in rows, from the top of a page downwards."""

    rows: pd.DataFrame
    """`run` (position among the runs, by their first handle; -1: the earlier ones that share rows),
    `run_uuid` (missing: of no run, or of several), `kind`, `purpose`, `handles` (how many), `open`
    (whether they still are), `most_open` (at one moment), `sent`, `received`, `opened_s`, `closed_s`
    (missing while open; both since the first opening)."""
    steps: tuple[tuple[np.ndarray, np.ndarray], ...]
    """For each row: moments (s), and how many of its handles were open from then on."""
    started_at: pd.Timestamp | None
    """The first opening."""
    span_s: float
    """From the first opening to the last moment known."""
    earlier_runs: int
    """How many runs share rows."""

    @property
    def handles(self) -> int:
        """How many handles the rows hold."""
        return int(self.rows["handles"].sum())


class _Spell(NamedTuple):
    """One handle."""

    run: int
    run_uuid: str | None
    kind: str
    purpose: str
    opened_s: float
    closed_s: float
    sent: int
    received: int

    @property
    def open(self) -> bool:
        return self.closed_s != self.closed_s  # NaN is not itself


def holdings(handles: pd.DataFrame, *, most_rows: int = MOST_ROWS) -> Holdings:
    """Put handles into rows.

    Parameters
    ----------
    handles
        A HANDLES frame, whole or any part of it.
    most_rows
        Rows that there may be, from 8; handles that would need more share rows.
    """
    origin = None if handles.empty else handles["opened_at"].min()
    spells = _spells(handles, origin)
    rows, earlier = _arranged(spells, most_rows)
    latest = max((_last(spell) for spell in spells), default=0.0)
    return Holdings(_rows_frame(rows), tuple(_steps(row) for row in rows), origin, latest, earlier)


def _last(spell: _Spell) -> float:
    return spell.opened_s if spell.open else spell.closed_s


def _spells(handles: pd.DataFrame, origin: pd.Timestamp | None) -> list[_Spell]:
    if origin is None:
        return []
    frame = handles.sort_values("handle", kind="stable")
    uuids = frame["run_uuid"].astype(object).where(frame["run_uuid"].notna(), None).tolist()
    place = {uuid: number for number, uuid in enumerate(dict.fromkeys(uuids))}
    opened = (frame["opened_at"] - origin).dt.total_seconds().tolist()
    closed = (frame["closed_at"] - origin).dt.total_seconds().tolist()
    columns = [frame[name].astype(str).tolist() for name in ("kind", "purpose")]
    counts = [frame[name].astype(int).tolist() for name in ("sent", "received")]
    return [
        _Spell(place[uuid], uuid, *rest)
        for uuid, *rest in zip(uuids, *columns, opened, closed, *counts, strict=True)
    ]


def _alike(spell: _Spell) -> Key:
    return (spell.run, spell.kind, spell.open, _DIGITS.sub("…", spell.purpose))


def _of_a_kind(spell: _Spell) -> Key:
    return (spell.run, spell.kind, spell.open)


def _arranged(spells: list[_Spell], most_rows: int) -> tuple[list[list[_Spell]], int]:
    """Find the finest rows that fit; of the runs the newest keep theirs."""
    spells = sorted(spells, key=lambda spell: spell.run)
    if len(spells) <= most_rows:
        return [[spell] for spell in spells], 0
    by_run = [list(group) for _, group in groupby(spells, lambda spell: spell.run)]
    room = most_rows
    kept: list[list[_Spell]] = []
    while by_run:
        spare = room - len(_earlier(by_run[:-1]))
        fits = next((rows for rows in _ways(by_run[-1]) if len(rows) <= spare), None)
        if fits is None:
            break
        kept = fits + kept
        room -= len(fits)
        by_run.pop()
    return _earlier(by_run) + kept, len(by_run)


def _earlier(runs: list[list[_Spell]]) -> list[list[_Spell]]:
    return _together([spell._replace(run=_SHARED) for run in runs for spell in run], _of_a_kind)


def _ways(run: list[_Spell]) -> Iterator[list[list[_Spell]]]:
    """Rows of one run, from fine to coarse."""
    yield _together(run, _alike, few=_FEW)
    yield _together(run, _of_a_kind)


def _together(spells: list[_Spell], key: Callable[[_Spell], Key], *, few: int = 1) -> list[list[_Spell]]:
    groups: dict[Key, list[_Spell]] = {}
    for spell in spells:
        groups.setdefault(key(spell), []).append(spell)
    rows = [
        part for group in groups.values() for part in ([group] if len(group) > few else [[s] for s in group])
    ]
    return sorted(rows, key=lambda row: row[0].opened_s)


def _rows_frame(rows: list[list[_Spell]]) -> pd.DataFrame:
    return pd.DataFrame([_row(row) for row in rows], columns=list(_row([_NOBODY]))).astype(
        {"handles": "int64", "most_open": "int64", "sent": "int64", "received": "int64", "open": "bool"}
    )


def _row(row: list[_Spell]) -> dict[str, Any]:
    first = row[0]
    return {
        "run": first.run,
        "run_uuid": first.run_uuid if len({spell.run_uuid for spell in row}) == 1 else None,
        "kind": first.kind,
        "purpose": _common_words([spell.purpose for spell in row]),
        "handles": len(row),
        "open": first.open,
        "most_open": int(_steps(row)[1].max()),
        "sent": sum(spell.sent for spell in row),
        "received": sum(spell.received for spell in row),
        "opened_s": min(spell.opened_s for spell in row),
        "closed_s": max(spell.closed_s for spell in row),
    }


def _common_words(purposes: list[str]) -> str:
    different = list(dict.fromkeys(purposes))
    if len(different) > 1:
        different = list(dict.fromkeys(_DIGITS.sub("…", purpose) for purpose in different))
    if len(different) == 1:
        return different[0]
    return f"{different[0]}, and {len(different) - 1} other purpose{'s' if len(different) > 2 else ''}"  # noqa: PLR2004 - two make one other


def _steps(row: list[_Spell]) -> tuple[np.ndarray, np.ndarray]:
    # At one moment openings count first: a handle that was held for no time is one that was held.
    opened = [spell.opened_s for spell in row]
    closed = [spell.closed_s for spell in row if not spell.open]
    at = np.array(opened + closed)
    change = np.array([1] * len(opened) + [-1] * len(closed))
    order = np.lexsort((-change, at))
    return at[order], np.cumsum(change[order])


_NOBODY = _Spell(_SHARED, None, "", "", 0.0, 0.0, 0, 0)
