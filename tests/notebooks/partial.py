"""Runs inside the kernel: is a partial run as good as a whole one?"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pandas as pd

import trippy_nb as tn
from trippy_nb.frames import TABLES, check_frame
from trippy_nb.lifetimes import records, session_records


def faults_of(run: tn.Run) -> list[str]:
    """What is wrong with a run, its frames, or what comes back from a file."""
    faults: list[str] = []
    for name, table in TABLES.items():
        try:
            check_frame(getattr(run, name), table)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
            faults.append(f"{name}: {error!r}")
    counted = run.probes["status"].value_counts().sum()
    if counted != len(run.probes):
        faults.append(f"{counted} of {len(run.probes)} probes have a status")
    if run.handles["closed_at"].isna().any():
        faults.append("a handle of the run is open")
    if run.runs["end_reason"].iloc[0] != "interrupted":
        faults.append(f"it ended by {run.runs['end_reason'].iloc[0]}")
    with tempfile.TemporaryDirectory() as folder:
        again = tn.read(run.save(Path(folder) / "run.parquet")).one()
    for name in TABLES:
        try:
            pd.testing.assert_frame_equal(getattr(again, name), getattr(run, name))
        except AssertionError as error:
            faults.append(f"{name} is not what was saved: {error}")
    return faults


def verdict(found: object) -> str:
    """Say as JSON how many runs there are, what is wrong with them, and what this process still holds.

    Of a set that is the first run, the last, and the set itself.
    """
    runs = [] if found is None else [found] if isinstance(found, tn.Run) else list(found)  # type: ignore[call-overload]  # a RunSet
    looked_at = runs if len(runs) < 3 else [runs[0], runs[-1]]
    return json.dumps(
        {
            "runs": len(runs),
            "faults": [fault for run in looked_at for fault in faults_of(run)],
            "open": sum(record.closed_at is None for record in records()),
            "under_way": sum(record.state not in ("ended", "waiting") for record in session_records()),
            "closed_at": max((record.closed_at or 0 for record in records()), default=0),
        }
    )
