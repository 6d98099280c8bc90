"""A trace through the front door, with its tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trippy_nb as tn


def trace(address: str, on_round: Callable[[object], None], options: dict[str, Any]) -> dict[str, Any]:
    """Trace; return the run in numbers."""
    run = tn.trace(address, progress=False, dns=False, on_round=on_round, **options)
    row = run.runs.iloc[0]
    if run.handles["closed_at"].isna().any():
        raise AssertionError(f"open: {run.handles}")
    probes = run.probes
    return {
        "end_reason": str(row["end_reason"]),
        "error": row["error"] if isinstance(row["error"], str) else None,
        "rounds": 0 if probes.empty else int(probes["round"].max()) + 1,
        "statuses": {str(k): int(v) for k, v in probes["status"].value_counts().items() if v},
    }
