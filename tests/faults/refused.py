"""Trace the loopback once, options as JSON on standard input; what became of it on standard output."""

import json
import sys

import trippy_nb as tn
from trippy_nb.errors import TrippyError


def main() -> None:
    answer: dict[str, object]
    try:
        run = tn.trace("127.0.0.1", progress=False, dns=False, **json.load(sys.stdin))
    except TrippyError as error:
        answer = {"raised": type(error).__name__, "message": str(error), "probes": []}
    else:
        row = run.runs.iloc[0]
        rows = run.probes[["round", "status", "errno"]].astype(object)
        answer = {
            "error": row["error"] if isinstance(row["error"], str) else None,
            "end_reason": row["end_reason"],
            "probes": rows.where(rows.notna(), None).to_numpy().tolist(),
            "open": int(run.handles["closed_at"].isna().sum()),
        }
    json.dump(answer, sys.stdout, default=int)


if __name__ == "__main__":
    main()
