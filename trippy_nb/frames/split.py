"""The tables of several runs, taken apart: the inverse of `concat_tables`."""

from operator import itemgetter

import pandas as pd

from trippy_nb.frames.tables import Tables, concat_tables


def split_tables(tables: Tables) -> list[Tables]:
    """Take the tables of several runs apart.

    Parameters
    ----------
    tables
        Any number of runs.

    Returns
    -------
    parts
        Tables of one run each, in the order of `runs`, under the `run_id` 0. A handle goes to the
        run that its `run_uuid` names.
    """
    return [_one(tables, run_id, uuid) for run_id, uuid in zip(*_runs(tables), strict=True)]


def by_run(tables: Tables) -> list[tuple[int, Tables]]:
    """Take the tables of several runs apart, by `run_id`; those of one run are returned as they are."""
    ids = tables.runs["run_id"].tolist()
    parts = [tables] if len(ids) == 1 else split_tables(tables)
    return sorted(zip(ids, parts, strict=True), key=itemgetter(0))


def _runs(tables: Tables) -> tuple[list[int], list[str]]:
    return tables.runs["run_id"].tolist(), tables.runs["run_uuid"].tolist()


def part_of(tables: Tables, run_id: int) -> Tables:
    """Take the tables of one run out of those of several.

    Parameters
    ----------
    tables
        Any number of runs.
    run_id
        Which.
    """
    uuid = tables.runs.loc[tables.runs["run_id"] == run_id, "run_uuid"].iloc[0]
    return _one(tables, run_id, uuid)


def _one(tables: Tables, run_id: int, uuid: str) -> Tables:
    def rows(frame: pd.DataFrame) -> pd.DataFrame:
        if "run_id" in frame.columns:
            return frame[frame["run_id"] == run_id].reset_index(drop=True)
        return frame[frame["run_uuid"] == uuid].reset_index(drop=True)

    return concat_tables([Tables(**{table.name: rows(frame) for table, frame in tables.items()})])
