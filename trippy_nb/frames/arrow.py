"""Frames as Arrow tables and back, by the schema's dtypes (pandas' own metadata is not needed)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from trippy_nb.frames.columns import NULLABLE, PLAIN, category_dtype, moments, objects
from trippy_nb.frames.schema import Column, Table


def arrow_table(frame: pd.DataFrame) -> pa.Table:
    """Make an Arrow table of any of our frames; missing values are nulls, categories dictionaries.

    Parameters
    ----------
    frame
        A frame that keeps the contract of its table, or a part of one.

    Returns
    -------
    table
        The columns in order; the index is left off.
    """
    return pa.table({str(name): arrow_column(frame[name]) for name in frame.columns})


def arrow_column(series: pd.Series) -> pa.Array:
    """Make an Arrow array of a column."""
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        codes = series.cat.codes.to_numpy()
        indices = pa.array(np.where(codes < 0, 0, codes).astype(np.int32), mask=codes < 0)
        return pa.DictionaryArray.from_arrays(indices, pa.array(list(dtype.categories), pa.string()))
    if isinstance(dtype, pd.DatetimeTZDtype):
        return pa.array(series.to_numpy("M8[ns]"), pa.timestamp("ns", tz="UTC"))
    if isinstance(dtype, pd.StringDtype):
        return pa.array([None if value is None or value != value else value for value in series], pa.string())  # noqa: PLR0124 - NaN is not itself
    if pd.api.types.is_object_dtype(dtype):
        return _arrow_objects(list(series))
    return pa.array(series, from_pandas=True)


def _arrow_objects(values: list[Any]) -> pa.Array:
    if all(value is None or isinstance(value, bytes) for value in values):
        return pa.array(values, pa.binary())
    return pa.array([None if value is None else list(value) for value in values])


def columns_from_arrow(
    arrow: pa.Table, table: Table, categories: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Make the columns of a frame, one array each, of those columns of a table that Arrow has.

    Parameters
    ----------
    arrow
        The columns by name.
    table
        What they should be.
    categories
        Words of open vocabularies, in order; closed ones are in the schema.

    Raises
    ------
    ValueError
        If a value does not fit its column.
    """
    present = set(arrow.column_names)
    return {
        column.name: _pandas_column(arrow[column.name], column, categories.get(column.name, ()))
        for column in table.columns
        if column.name in present
    }


def _pandas_column(chunked: pa.ChunkedArray, column: Column, words: Sequence[str]) -> Any:  # noqa: ANN401 - values of any type
    token = column.dtype
    array = chunked.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # before pyarrow 20 of no chunks
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], chunked.type)
    if token in PLAIN:
        if array.null_count > 0 and PLAIN[token].kind != "f":
            raise ValueError(f"column {column.name!r} has nulls")
        return array.to_numpy(zero_copy_only=False).astype(PLAIN[token])
    if token in NULLABLE:
        missing = array.is_null().to_numpy(zero_copy_only=False)
        plain = array.fill_null(0).to_numpy(zero_copy_only=False).astype(token.lower())
        return pd.arrays.IntegerArray(plain, missing.copy())
    if token == "boolean":  # noqa: S105 - a dtype token, no password
        missing = array.is_null().to_numpy(zero_copy_only=False)
        return pd.arrays.BooleanArray(
            array.fill_null(fill_value=False).to_numpy(zero_copy_only=False).copy(), missing.copy()
        )
    if token == "utc":  # noqa: S105 - a dtype token, no password
        stamps = array.cast(pa.int64()).fill_null(np.iinfo(np.int64).min)
        return moments(stamps.to_numpy(zero_copy_only=False).copy())
    if token == "category":  # noqa: S105 - a dtype token, no password
        return _category(array, column, column.words or words)
    if token == "str":  # noqa: S105 - a dtype token, no password
        return pd.Series(array.to_pylist(), dtype="str")
    if token == "list":  # noqa: S105 - a dtype token, no password
        return objects([None if value is None else tuple(value) for value in array.to_pylist()])
    return objects(array.to_pylist())


def _category(array: pa.Array, column: Column, words: Sequence[str]) -> pd.Categorical:
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    dtype = category_dtype(words)
    indices = array.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    lookup = dtype.categories.get_indexer(pd.Index(array.dictionary.to_pylist(), dtype="str"))
    codes = np.append(lookup, -1).take(indices)
    if np.any(lookup < 0) and np.any((codes < 0) & (indices >= 0)):
        raise ValueError(f"column {column.name!r} has a word that is not among its categories")
    return pd.Categorical.from_codes(codes, dtype=dtype)
