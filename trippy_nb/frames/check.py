"""Whether a frame keeps the contract of its table; and how to make one keep it."""

import contextlib
from functools import cache
from typing import Any, Final

import numpy as np
import pandas as pd

from trippy_nb.errors import SchemaError
from trippy_nb.frames.columns import NULLABLE, PLAIN, TEXT, UTC, blank, frame_of, objects, words_of
from trippy_nb.frames.schema import Column, Table

_EXACT_FLOAT: Final = 2**53


def empty_frame(table: Table) -> pd.DataFrame:
    """Make a frame of no rows with all columns of a table, in order, of the right dtypes."""
    return _empty(table).copy()


@cache
def _empty(table: Table) -> pd.DataFrame:
    return frame_of(table, {}, 0)


def check_frame(frame: pd.DataFrame, table: Table) -> None:
    """Check that a frame keeps the contract of its table; more columns than that are no offence.

    Parameters
    ----------
    frame
        Any frame.
    table
        The contract.

    Raises
    ------
    SchemaError
        If a column is missing or of another dtype, a value is missing where none may be, a word is not of
        the vocabulary, or two rows have the same key. The message names table, column and reason.
    """
    for column in table.columns:
        if column.name not in frame.columns:
            raise _error(table, column, "is missing")
        series = frame[column.name]
        _check_dtype(series, table, column)
        _check_missing(series, table, column)
    _check_key(frame, table)


def _check_missing(values: pd.Series, table: Table, column: Column) -> None:
    if column.nullable or (column.dtype in PLAIN and column.dtype != "float64"):
        return
    missing = pd.isna(values)
    if missing.any():
        what = "NaN" if column.dtype == "float64" else f"no value in row {int(np.flatnonzero(missing)[0])}"
        raise _error(table, column, f"has {what}, but may not be missing")


def _check_key(frame: pd.DataFrame, table: Table) -> None:
    twice = frame.duplicated(list(table.key))
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        key = ", ".join(f"{name}={frame[name].iloc[row]}" for name in table.key)
        raise SchemaError(f"{table.name}: row {row} has the key of an earlier row ({key})")


def conform(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Cast to the contract of a table what can be cast without losing anything.

    Parameters
    ----------
    frame
        Any frame with the columns of the table that may not be missing. Columns that may be missing
        are filled in, other columns are left off.
    table
        The contract.

    Returns
    -------
    conformed
        A new frame that `check_frame` accepts: all columns in order, a plain RangeIndex.

    Raises
    ------
    SchemaError
        If a column is missing that may not be, or has a value that does not fit; or see `check_frame`.
    """
    given = dict(frame.reset_index(drop=True).items())
    columns: dict[str, Any] = {}
    for column in table.columns:
        if column.name in given:
            columns[column.name] = _cast(given[column.name], table, column)
            _check_missing(columns[column.name], table, column)
        elif not column.nullable:
            raise _error(table, column, "is missing")
    conformed = frame_of(table, columns, len(frame))
    _check_key(conformed, table)
    return conformed


def _error(table: Table, column: Column, reason: str) -> SchemaError:
    return SchemaError(f"{table.name}: column {column.name!r} {reason}")


def _check_dtype(series: pd.Series, table: Table, column: Column) -> None:
    dtype, token = series.dtype, column.dtype
    if token == "category":  # noqa: S105 - a dtype token
        _check_category(series, table, column)
        return
    expected: Any = {"utc": UTC, "str": TEXT, "boolean": pd.BooleanDtype()}.get(token)
    expected = expected or PLAIN.get(token) or NULLABLE.get(token) or np.dtype(object)
    if dtype != expected:
        raise _error(table, column, f"is {dtype}, not {expected}: frames.conform casts what it can")
    if token in {"bytes", "list"}:
        kind: Any = bytes if token == "bytes" else tuple  # noqa: S105 - a dtype token, no password
        for row, value in enumerate(series):
            if value is not None and not isinstance(value, kind):
                raise _error(table, column, f"has {value!r} in row {row}, which is not of kind {token}")


def _check_category(series: pd.Series, table: Table, column: Column) -> None:
    dtype = series.dtype
    if not isinstance(dtype, pd.CategoricalDtype):
        raise _error(table, column, f"is {dtype}, not category: frames.conform casts what it can")
    categories = list(dtype.categories)
    strange = [word for word in categories if not isinstance(word, str)]
    if strange:
        raise _error(table, column, f"has {strange[0]!r} among its categories, which is not text")
    if column.words:
        outside = [word for word in categories if word not in column.words]
        if outside:
            raise _error(table, column, f"has {outside[0]!r}, but its words are {', '.join(column.words)}")
        if categories != list(column.words):
            raise _error(table, column, f"has the categories {categories}, not all of {list(column.words)}")


def _cast(series: pd.Series, table: Table, column: Column) -> Any:  # noqa: ANN401 - any array pandas takes
    token = column.dtype
    with contextlib.suppress(SchemaError):
        _check_dtype(series, table, column)
        return series
    if len(series) and series.isna().all() and column.nullable:
        return blank(column, len(series))
    try:
        if token in PLAIN and token not in {"bool", "float64"}:
            return _whole(series, table, column).astype(PLAIN[token])
        if token in NULLABLE:
            return _whole(series, table, column).astype(NULLABLE[token])
        return _CASTS[token](series, table, column)
    except (TypeError, ValueError, OverflowError) as exc:
        if isinstance(exc, SchemaError):
            raise
        raise _error(table, column, f"cannot be made {token}: {exc}") from exc


def _whole(series: pd.Series, table: Table, column: Column) -> pd.Series:
    """Check that all values are whole numbers in bounds; the result is nullable 64-bit integers."""
    if series.dtype.kind in "iu" and isinstance(series.dtype, np.dtype):  # the usual case, in two looks
        values = series.to_numpy()
        if not len(values) or (values.min() >= 0 and values.max() <= np.iinfo(column.dtype.lower()).max):
            return pd.Series(values)
    if pd.api.types.is_bool_dtype(series):
        raise _error(table, column, f"is {series.dtype}, not numbers")
    is_numeric = pd.api.types.is_numeric_dtype(series)
    numbers = series if is_numeric else pd.to_numeric(series.astype(object))
    missing = numbers.isna()
    if missing.any() and not column.nullable:
        raise _error(
            table, column, f"has no value in row {int(np.flatnonzero(missing)[0])}, but may not be missing"
        )
    given = numbers[~missing]
    high = int(np.iinfo(column.dtype.lower()).max)
    bad = (given < 0) | (given > high)
    if pd.api.types.is_float_dtype(given.dtype):
        bad |= (given % 1 != 0) | (given >= _EXACT_FLOAT)
    if bad.any():
        row = given.index[np.flatnonzero(bad)[0]]
        raise _error(
            table, column, f"has {given[row]} in row {row}, which is not a whole number from 0 to {high}"
        )
    wide = np.zeros(len(numbers), np.uint64)
    wide[~missing.to_numpy()] = given.to_numpy().astype(np.uint64)
    return pd.Series(pd.arrays.IntegerArray(wide, missing.to_numpy(dtype=bool)))


def _cast_float(series: pd.Series, _table: Table, _column: Column) -> Any:  # noqa: ANN401 - values of any type
    return series.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)


def _cast_category(series: pd.Series, table: Table, column: Column) -> Any:  # noqa: ANN401 - values of any type
    text = _cast_text(series, table, column)
    if not column.words:
        if isinstance(series.dtype, pd.CategoricalDtype):
            return series
        return text.astype("category")
    outside = ~text.isin(column.words) & text.notna()
    if outside.any():
        word = text[outside].iloc[0]
        raise _error(table, column, f"has {word!r}, but its words are {', '.join(column.words)}")
    return text.astype(words_of(column))


def _cast_text(series: pd.Series, table: Table, column: Column) -> pd.Series:
    if series.dtype == TEXT:
        return series
    values = series.astype(object)
    for row, value in values.items():
        if not isinstance(value, str) and not pd.isna(value):
            raise _error(table, column, f"has {value!r} in row {row}, which is not text")
    return values.astype("str")


def _cast_utc(series: pd.Series, table: Table, column: Column) -> Any:  # noqa: ANN401 - values of any type
    if not isinstance(series.dtype, pd.DatetimeTZDtype):
        reason = "has no time zone: tz_localize('UTC') it if it is UTC"
        if not pd.api.types.is_datetime64_dtype(series.dtype):
            reason = f"is {series.dtype}, not times with a zone: use pandas.to_datetime(..., utc=True)"
        raise _error(table, column, reason)
    return series.dt.tz_convert("UTC").dt.as_unit("ns")


def _cast_bool(series: pd.Series, table: Table, column: Column) -> Any:  # noqa: ANN401 - values of any type
    for row, value in series.astype(object).items():
        if not isinstance(value, bool | np.bool_) and not (column.nullable and pd.isna(value)):
            raise _error(table, column, f"has {value!r} in row {row}, which is neither True nor False")
    return series.astype("boolean" if column.dtype == "boolean" else bool)


def _cast_bytes(series: pd.Series, _table: Table, _column: Column) -> Any:  # noqa: ANN401 - values of any type
    return objects([None if value is None or value is pd.NA or value != value else value for value in series])  # noqa: PLR0124 - NaN is not itself


def _cast_list(series: pd.Series, _table: Table, _column: Column) -> Any:  # noqa: ANN401 - values of any type
    return objects([value if value is None else tuple(value) for value in series])


_CASTS: Final = {
    "float64": _cast_float,
    "category": _cast_category,
    "str": _cast_text,
    "utc": _cast_utc,
    "bool": _cast_bool,
    "boolean": _cast_bool,
    "bytes": _cast_bytes,
    "list": _cast_list,
}
