"""The frames of one or more runs, together; and the only way to put frames one after another."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.errors import SchemaError
from trippy_nb.frames import schema
from trippy_nb.frames.columns import category_dtype

if TYPE_CHECKING:
    from trippy_nb.frames.schema import Table


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tables:
    """Everything that is known of one or more runs.

    Each frame is as the schema says, with a plain RangeIndex. To compare two, compare their frames.
    """

    runs: pd.DataFrame
    probes: pd.DataFrame
    replies: pd.DataFrame
    flows: pd.DataFrame
    packets: pd.DataFrame
    handles: pd.DataFrame

    def items(self) -> "Iterator[tuple[Table, pd.DataFrame]]":
        """Go through the tables: its schema and its frame."""
        for field in fields(self):
            yield schema.TABLES[field.name], getattr(self, field.name)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Hand the probes to any tool that speaks Arrow."""
        from trippy_nb.frames.arrow import arrow_table

        return arrow_table(self.probes).__arrow_c_stream__(requested_schema)


def concat(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Put frames of one kind one after another.

    Parameters
    ----------
    frames
        At least one; all with the same columns, of the same dtypes up to their categories.

    Returns
    -------
    whole
        All rows in the order given, dtypes kept, categories united in the order of their first
        appearance, a plain RangeIndex.

    Raises
    ------
    SchemaError
        If there is no frame, or columns or dtypes differ.

    Notes
    -----
    `pandas.concat` turns differing categories into text without a word: never use it on these frames.
    """
    parts = list(frames)
    if not parts:
        raise SchemaError("no frames to concat: an empty table is frames.empty_frame(TABLE)")
    first = parts[0]
    for part in parts[1:]:
        if list(part.columns) != list(first.columns):
            odd = sorted({*map(str, part.columns)} ^ {*map(str, first.columns)})
            raise SchemaError(
                f"frames to concat differ in columns {odd or 'order'}: frames.conform each first"
            )
    if len(parts) == 1:
        return first.reset_index(drop=True)
    n = sum(len(part) for part in parts)
    whole = {name: _column([part[name] for part in parts]) for name in first.columns}
    return pd.DataFrame(whole, index=pd.RangeIndex(n), copy=False)


def concat_tables(parts: Iterable[Tables]) -> Tables:
    """Put the tables of runs together under new run numbers, counted from 0 in the order given.

    Parameters
    ----------
    parts
        Tables, each of any number of runs; no parts make empty tables.

    Returns
    -------
    whole
        All runs. A handle that several parts list is listed once.
    """
    from trippy_nb.frames.check import empty_frame

    given = list(parts)
    if not given:
        return Tables(**{field.name: empty_frame(schema.TABLES[field.name]) for field in fields(Tables)})
    keyed: list[dict[str, pd.DataFrame]] = []
    n_runs = 0
    for part in given:
        keyed.append({table.name: _rekey(frame, part.runs, n_runs) for table, frame in part.items()})
        n_runs += len(part.runs)
    whole = {name: concat([part[name] for part in keyed]) for name in keyed[0]}
    whole["handles"] = whole["handles"].drop_duplicates(ignore_index=True)
    return Tables(**whole)


def _rekey(frame: pd.DataFrame, runs: pd.DataFrame, first: int) -> pd.DataFrame:
    if "run_id" not in frame.columns:
        return frame
    places = pd.Index(runs["run_id"]).get_indexer(frame["run_id"])
    if (places < 0).any():
        lost = frame["run_id"].to_numpy()[places < 0][0]
        raise SchemaError(f"run_id {lost} is in a table, but not in runs")
    return frame.assign(run_id=(places + first).astype(np.uint32))


def _column(parts: list[pd.Series]) -> pd.Series:
    dtypes = [part.dtype for part in parts]
    if all(dtype == dtypes[0] for dtype in dtypes) and not isinstance(dtypes[0], pd.CategoricalDtype):
        return _end_to_end(parts)
    if not all(isinstance(dtype, pd.CategoricalDtype) for dtype in dtypes):
        names = " and ".join(sorted({str(dtype) for dtype in dtypes}))
        raise SchemaError(f"column {parts[0].name!r} is {names}: frames.conform each frame first")
    united: dict[Any, None] = {}
    for part in parts:
        united |= dict.fromkeys(part.cat.categories.tolist())
    dtype = category_dtype(united)
    codes = [
        np.append(pd.Index(dtype.categories).get_indexer(part.cat.categories), -1)[part.cat.codes]
        for part in parts
    ]
    return pd.Series(pd.Categorical.from_codes(np.concatenate(codes), dtype=dtype), name=parts[0].name)


def _end_to_end(parts: list[pd.Series]) -> pd.Series:
    return pd.concat(parts, ignore_index=True)  # noqa: TID251 - the one place; dtypes are equal here
