"""The card of a SESSIONS frame: what is under way, what ended last, and why."""

from typing import Any

import pandas as pd

from trippy_nb.display.sheet import Column, Row, Sheet
from trippy_nb.display.words import MISSING, count_text

_MOST_ROWS = 20
_SHORT_CELL = 8


def sessions_sheet(sessions: pd.DataFrame) -> Sheet:
    """Make the card of a SESSIONS frame: a line each, those under way first, then the latest to end."""
    over = sessions["state"] == "ended"
    under_way, ended = sessions[~over], sessions[over].sort_values("session", ascending=False)
    shown = [*under_way.to_dict("records"), *ended.to_dict("records")][:_MOST_ROWS]
    left_out = len(sessions) - len(shown)
    columns = (
        Column("Session", numeric=True),
        Column("Target"),
        Column("State"),
        Column("Lasted", numeric=True),
        Column("Handles", numeric=True),
        Column("Cell"),
        Column("How it ended", wraps=True),
    )
    return Sheet(
        title="Sessions",
        sentence=_words(sessions, under_way),
        facts=(),
        columns=columns,
        rows=tuple(_row(row) for row in shown),
        note=f"{left_out:,} more not shown." if left_out else "",
    )


def _words(sessions: pd.DataFrame, under_way: pd.DataFrame) -> str:
    if sessions.empty:
        return "Nothing has been traced yet."
    if under_way.empty:
        return "Nothing is under way."
    handles = int(under_way["handles"].sum())
    return (
        f"{count_text(len(under_way), 'session')} under way, {count_text(handles, 'handle')} open; "
        "tn.stop_all() ends them."
    )


def _row(row: dict[Any, Any]) -> Row:
    cell, target = row["cell"], row["target"]
    return Row(
        cells=(
            (str(row["session"]),),
            (str(row["name"]) if pd.isna(target) else str(target),),
            (str(row["state"]),),
            (_lasted(row),),
            (str(row["handles"]),),
            (MISSING if pd.isna(cell) else str(cell)[:_SHORT_CELL],),
            (_how(row),),
        ),
        muted=row["state"] == "ended",
        marked=(4,) if row["state"] == "ended" and row["handles"] else (),
    )


def _lasted(row: dict[Any, Any]) -> str:
    if pd.isna(row["started_at"]) or pd.isna(row["ended_at"]):
        return MISSING
    return f"{(row['ended_at'] - row['started_at']).total_seconds():,.1f} s"


def _how(row: dict[Any, Any]) -> str:
    if not pd.isna(row["error"]):
        return str(row["error"])
    reason = "" if pd.isna(row["end_reason"]) else str(row["end_reason"]).replace("_", " ")
    by = "" if pd.isna(row["stopped_by"]) else str(row["stopped_by"])
    return ": ".join(filter(None, [reason, by])) or MISSING
