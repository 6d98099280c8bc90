"""Several runs as if they were one: for what can look at one run only."""

from typing import Any

import numpy as np
import pandas as pd

from trippy_nb.frames.tables import Tables

_COUNTED = ("reply", "packet")
"""Numbers that each run counts from 0."""


def as_one_run(tables: Tables) -> Tables:
    """Number the rounds of all runs through, as if they were those of one run.

    Parameters
    ----------
    tables
        Of runs to one target, in the order in which their rounds shall follow each other.

    Returns
    -------
    one
        The same probes, replies and packets, all of run 0. What is said of the run itself is that of the
        first; so are the fields of a flow whose number several runs share.
    """
    runs = tables.runs
    most = tables.probes.groupby("run_id")["round"].max().reindex(runs["run_id"], fill_value=-1).to_numpy()
    first = np.concatenate([[0], np.cumsum(most.astype(np.int64) + 1)[:-1]]) if len(runs) else np.zeros(0)
    offset = dict(zip(runs["run_id"].tolist(), first.tolist(), strict=True))
    frames = {}
    for table, frame in tables.items():
        changed: dict[str, Any] = {}
        if "run_id" in frame.columns:
            changed["run_id"] = np.zeros(len(frame), dtype=np.uint32)
            if "round" in frame.columns:
                moved = frame["round"] + frame["run_id"].map(offset)
                changed["round"] = moved.astype(frame["round"].dtype)
            number = table.key[1] if len(table.key) > 1 else ""
            if number in _COUNTED and len(runs) > 1:
                changed[number] = (
                    pd.RangeIndex(len(frame)).to_series(index=frame.index).astype(frame[number].dtype)
                )
        frames[table.name] = frame.assign(**changed)
    frames["runs"] = frames["runs"].iloc[:1].reset_index(drop=True)
    frames["flows"] = frames["flows"].drop_duplicates("flow", ignore_index=True)
    return Tables(**frames)
