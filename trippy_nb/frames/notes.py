"""The user's own words: a label for a run, and notes pinned at a time or a hop. They travel with the run."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from trippy_nb.errors import ConfigError
from trippy_nb.frames import columns as col
from trippy_nb.frames.derived import NOTES
from trippy_nb.frames.tables import Tables
from trippy_nb.frames.when import When, instants, iso

_LAST_TTL: Final = 255

Note = dict[str, Any]
"""`text`; `at` (ISO 8601) and `ttl` where it is pinned there."""


def run_starts(tables: Tables) -> npt.NDArray[np.int64]:
    """Return when each run began: nanoseconds since 1970; the smallest integer where nobody knows.

    Where the source does not say, the first probe began it.
    """
    ids = tables.runs["run_id"].to_numpy()
    starts = col.nanoseconds(tables.runs["started_at"])
    if (starts == col.NO_TIME).any():
        sent = tables.probes[["run_id", "sent_at"]].dropna()
        first = sent.groupby("run_id")["sent_at"].min().reindex(ids)
        starts = np.where(starts == col.NO_TIME, col.nanoseconds(first), starts)
    return starts


def with_label(tables: Tables, label: str | None) -> Tables:
    """Name the runs in the user's own words; None takes the label away.

    Raises
    ------
    ConfigError
        If it is no text, or an empty one.
    """
    if label is not None:
        label = _text(label, "a label")
    labels = pd.Series([label] * len(tables.runs), dtype="str")
    return replace(tables, runs=tables.runs.reset_index(drop=True).assign(label=labels))


def with_note(tables: Tables, text: str, *, at: When | None = None, ttl: object = None) -> Tables:
    """Add a note to each run.

    Parameters
    ----------
    tables
        Of any number of runs.
    text
        What it says.
    at
        When it is about, as `frames.when.instants` reads it; None for the whole time.
    ttl
        Hop that it is about; None for all.

    Returns
    -------
    tables
        The same, but for the column `notes` of `runs`.

    Raises
    ------
    ConfigError
        If the text is empty, the TTL none, or the time none (or one of a run whose begin is not known).
    """
    note: Note = {"text": _text(text, "a note")}
    if ttl is not None:
        if isinstance(ttl, bool) or not isinstance(ttl, int | np.integer) or not 1 <= ttl <= _LAST_TTL:
            raise ConfigError(f"{ttl!r} is no TTL to pin a note at: a whole number from 1 to {_LAST_TTL}")
        note["ttl"] = int(ttl)
    pinned: list[Note] = [note] * len(tables.runs)
    if at is not None:
        pinned = [note | {"at": iso(moment)} for moment in instants(at, run_starts(tables)).tolist()]
    notes = [
        _written([*notes_of(before), new]) for before, new in zip(tables.runs["notes"], pinned, strict=True)
    ]
    written = pd.Series(notes, dtype="str")
    return replace(tables, runs=tables.runs.reset_index(drop=True).assign(notes=written))


def notes_of(cell: object) -> list[Note]:
    """Read a cell of `runs.notes`."""
    return json.loads(cell) if isinstance(cell, str) else []


def notes_kept(runs: pd.DataFrame, keep: Callable[[int, Note], bool]) -> pd.Series:
    """Return `runs.notes` with the notes that a function of row and note keeps."""
    kept = [
        _written([note for note in notes_of(cell) if keep(row, note)])
        for row, cell in enumerate(runs["notes"])
    ]
    return pd.Series(kept, dtype="str", index=runs.index)


def notes_frame(tables: Tables) -> pd.DataFrame:
    """List the notes of all runs: a `NOTES` frame, in the order in which they were written."""
    rows = [
        (run_id, number, note)
        for run_id, cell in zip(tables.runs["run_id"].tolist(), tables.runs["notes"], strict=True)
        for number, note in enumerate(notes_of(cell))
    ]
    at = [pd.Timestamp(note["at"]).value if "at" in note else col.NO_TIME for *_, note in rows]
    columns = {
        "run_id": np.array([run_id for run_id, *_ in rows], dtype=np.uint32),
        "note": np.array([number for _, number, _ in rows], dtype=np.uint32),
        "at": col.moments(np.array(at, dtype=np.int64)),
        "ttl": col.whole_numbers(
            np.array([note.get("ttl", -1) for *_, note in rows], dtype=np.int64), "UInt8"
        ),
        "text": pd.Series([note["text"] for *_, note in rows], dtype="str"),
    }
    return col.frame_of(NOTES, columns, len(rows))


def _text(text: object, what: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise ConfigError(f"{what} is a text that says something, not {text!r}")
    return text


def _written(notes: list[Note]) -> str | None:
    return json.dumps(notes, ensure_ascii=False, sort_keys=True) if notes else None
