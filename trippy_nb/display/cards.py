"""Cards of frames: what handles are open and why, and what the doctor found."""

from typing import Any

import pandas as pd

from trippy_nb.display.sheet import Column, Row, Sheet
from trippy_nb.display.words import MISSING, count_text, list_text, moment_text

_MOST_ROWS = 40
_SHORT_UUID = 8
_KINDS = {"socket": "socket", "device": "device", "child": "child process"}


def handles_sheet(handles: pd.DataFrame) -> Sheet:
    """Make the card of a HANDLES frame: a line for each handle that is open, totals of the closed ones."""
    is_open = handles["closed_at"].isna()
    held, closed = handles[is_open], handles[~is_open]
    sent, received = int(closed["sent"].sum()), int(closed["received"].sum())
    facts = (
        ("Closed", _closed_words(closed)),
        ("Through them", f"{count_text(sent, 'packet')} out, {count_text(received, 'packet')} in"),
    )
    columns = (
        Column("Handle", numeric=True),
        Column("What"),
        Column("Run"),
        Column("Open since"),
        Column("Opened by", wraps=True),
        Column("Out", numeric=True),
        Column("In", numeric=True),
    )
    newest = held.sort_values("handle").tail(_MOST_ROWS)
    left_out = len(held) - len(newest)
    return Sheet(
        title="Handles",
        sentence=_open_words(held),
        facts=facts if len(closed) else (),
        columns=columns,
        rows=tuple(_handle_row(row) for row in newest.to_dict("records")),
        note=f"{count_text(left_out, 'older open handle')} not shown." if left_out else "",
    )


def _open_words(held: pd.DataFrame) -> str:
    if held.empty:
        return "Nothing is open."
    purposes = held["purpose"].value_counts(sort=False)
    why = list_text([f"{purpose} ({n})" if n > 1 else str(purpose) for purpose, n in purposes.items()])
    return f"{count_text(len(held), 'handle')} open: {why}."


def _closed_words(closed: pd.DataFrame) -> str:
    counts = closed["kind"].astype(str).value_counts(sort=False)
    words = []
    for kind, count in counts.items():
        name = _KINDS[str(kind)]
        plural = "child processes" if name == "child process" else f"{name}s"
        words.append(f"{count:,} {name if count == 1 else plural}")
    return list_text(words)


def _handle_row(row: dict[Any, Any]) -> Row:
    run = row["run_uuid"]
    since = moment_text(row["opened_at"], "%H:%M:%S")
    return Row(
        cells=(
            (str(row["handle"]),),
            (f"{_KINDS[str(row['kind'])]}: {row['purpose']}",),
            (MISSING if pd.isna(run) else str(run)[:_SHORT_UUID],),
            (since,),
            (str(row["opened_by"]),),
            (f"{row['sent']:,}",),
            (f"{row['received']:,}",),
        )
    )


def doctor_sheet(findings: pd.DataFrame) -> Sheet:
    """Make the card of a DOCTOR frame: what is possible in a sentence, then every finding."""
    rows = []
    before = None
    for row in findings.to_dict("records"):
        topic = str(row["topic"])
        lines = (str(row["detail"]),) + ((f"→ {row['remedy']}",) if row["remedy"] else ())
        state = str(row["state"])
        rows.append(
            Row(
                cells=((topic if topic != before else "",), (str(row["item"]),), (state,), lines),
                muted=state == "unknown",
                marked=(2,) if row["remedy"] and state != "yes" else (),
            )
        )
        before = topic
    columns = (Column("Topic"), Column("Item"), Column("State"), Column("What it rests on", wraps=True))
    return Sheet(
        "What this machine and this process may do", doctor_sentence(findings), (), columns, tuple(rows)
    )


def doctor_sentence(findings: pd.DataFrame) -> str:
    """Say in a few sentences what a DOCTOR frame comes to."""
    ways = findings[findings["topic"] == "choice"]
    families: dict[str, list[str]] = {}
    for item, state in zip(ways["item"], ways["state"], strict=True):
        what, _, family = str(item).rpartition(", ")
        families.setdefault(what, []).extend([family] if state == "yes" else [])
    everywhere = max((len(found) for found in families.values()), default=0)
    can = [
        what if len(found) == everywhere else f"{what} ({' and '.join(found)} only)"
        for what, found in families.items()
        if found
    ]
    cannot = [what for what, found in families.items() if not found]
    words = [f"This process may trace by {list_text(can)}." if can else "This process may not trace at all."]
    if cannot:
        words.append(f"It may not by {list_text(cannot)}.")
    tests = findings[findings["topic"] == "self-test"]["state"]
    if len(tests):
        failed, passed = int((tests == "no").sum()), int((tests == "yes").sum())
        words.append(
            f"Self-test on the loopback: {count_text(passed, 'way')} worked, {failed or 'none'} failed."
        )
    return " ".join(words)
