"""A name that leads to another address than in the run before: the target moved, not the route."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.analysis.history.change import MOVED, Change
from trippy_nb.analysis.history.spells import History

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

_SIDE = ("vantage", "protocol", "af", "target")


def moves_of(tables: "Tables", history: History) -> list[Change]:
    """Find the runs whose target has another address than in the run before, from one vantage.

    Runs that overlap in time went to several addresses on purpose.
    """
    runs = tables.runs
    if runs["dst_addr"].nunique() < 2:  # noqa: PLR2004 - nothing to move between
        return []
    first, count = _observed(history)
    latest: dict[tuple[Any, ...], Any] = {}
    moves = []
    ordered = runs.sort_values(["started_at", "run_id"], na_position="last")
    wanted = ordered[["run_id", "dst_addr", "started_at", "ended_at"]]
    sides: list[tuple[Any, ...]] = list(
        ordered[list(_SIDE)].astype(object).itertuples(index=False, name=None)
    )
    run: Any
    for cells, run in zip(sides, wanted.itertuples(index=False), strict=True):
        side = tuple(None if pd.isna(cell) else cell for cell in cells)
        if pd.isna(run.dst_addr) or side[-1] is None or int(run.run_id) not in first:
            continue
        old = latest.get(side)
        latest[side] = run
        if old is None or old.dst_addr == run.dst_addr or _overlap(old, run):
            continue
        here, there = first[int(run.run_id)], first[int(old.run_id)]
        moves.append(
            Change(
                kind=MOVED,
                series=int(history.series[here]),
                first=here,
                last=there,
                before=(str(old.dst_addr),),
                after=(str(run.dst_addr),),
                n_before=count[int(old.run_id)],
                n_after=count[int(run.run_id)],
            )
        )
    return moves


def _overlap(old: Any, run: Any) -> bool:  # noqa: ANN401 - rows of a frame
    return bool(not pd.isna(old.ended_at) and not pd.isna(run.started_at) and run.started_at < old.ended_at)


def _observed(history: History) -> tuple[dict[int, int], dict[int, int]]:
    """Return the first observation of each run, and how many it has."""
    order = np.lexsort((history.moment, history.seen.run))
    ids, at, n = np.unique(history.seen.run[order], return_index=True, return_counts=True)
    return (
        dict(zip(ids.tolist(), order[at].tolist(), strict=True)),
        dict(zip(ids.tolist(), n.tolist(), strict=True)),
    )
