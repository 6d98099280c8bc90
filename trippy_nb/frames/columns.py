"""Arrays of the schema's dtypes, made from plain numpy without going through Python objects."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from trippy_nb.frames.schema import Column, Table
from trippy_nb.model import NS_PER_MS

UTC: Final = pd.DatetimeTZDtype("ns", "UTC")
NULLABLE: Final = {
    "UInt8": pd.UInt8Dtype(),
    "UInt16": pd.UInt16Dtype(),
    "UInt32": pd.UInt32Dtype(),
    "UInt64": pd.UInt64Dtype(),
}
PLAIN: Final[dict[str, np.dtype[Any]]] = {
    "uint8": np.dtype("uint8"),
    "uint16": np.dtype("uint16"),
    "uint32": np.dtype("uint32"),
    "uint64": np.dtype("uint64"),
    "float64": np.dtype("float64"),
    "bool": np.dtype("bool"),
}
TEXT: Final = pd.Series([], dtype="str").dtype
NO_TIME: Final = int(np.iinfo(np.int64).min)
"""A time that nobody knows, among nanoseconds."""

AnyInts = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]


def whole_numbers(
    values: AnyInts, token: str, *, missing: Bools | None = None
) -> pd.api.extensions.ExtensionArray:
    """Make a nullable integer array; by default what is negative is missing.

    Parameters
    ----------
    values
        Any integers; those too large for the dtype saturate.
    token
        ``UInt8`` to ``UInt64``.
    missing
        True where there is no value.
    """
    dtype = np.dtype(token.lower())
    mask = values < 0 if missing is None else missing
    most = min(np.iinfo(dtype).max, np.iinfo(np.int64).max)
    numbers = np.minimum(np.where(mask, 0, values), most).astype(dtype)
    return pd.arrays.IntegerArray(numbers, mask)


def moments(wall_ns: npt.NDArray[np.int64]) -> pd.DatetimeIndex:
    """Make UTC times of nanoseconds since 1970; `NO_TIME` is a missing one."""
    return pd.DatetimeIndex(wall_ns.view("M8[ns]")).tz_localize("UTC")


def nanoseconds(times: "pd.Series[Any]") -> npt.NDArray[np.int64]:
    """Make nanoseconds since 1970 of UTC times; `NO_TIME` where one is missing."""
    return times.to_numpy(dtype="M8[ns]").view(np.int64)


def milliseconds(ns: npt.NDArray[np.int64], *, missing: Bools) -> npt.NDArray[np.float64]:
    """Turn nanoseconds into float milliseconds; NaN where missing.

    The float is the one nearest to ns / 1e6: it rounds back to the same nanoseconds below 2**51 (26 days).
    """
    ms = ns / NS_PER_MS
    ms[missing] = np.nan
    return ms


def words_of(column: Column) -> pd.CategoricalDtype:
    """Make the dtype of a column with a closed vocabulary."""
    return category_dtype(column.words)


def category_dtype(words: Iterable[str]) -> pd.CategoricalDtype:
    """Make an unordered category dtype of these texts."""
    return pd.CategoricalDtype(pd.Index([str(word) for word in words], dtype="str"))


def codes(values: AnyInts, words: Iterable[str]) -> pd.Categorical:
    """Make a category of codes; -1 is missing."""
    return pd.Categorical.from_codes(values.astype(np.int32, copy=False), dtype=category_dtype(words))


def repeated(word: str | None, n: int, words: Sequence[str]) -> pd.Categorical:
    """Make a category that says the same n times."""
    code = -1 if word is None else list(words).index(word)
    return codes(np.full(n, code), words)


def objects(values: Sequence[object]) -> npt.NDArray[np.object_]:
    """Make an object array, one item each, whatever the items are."""
    array = np.empty(len(values), object)
    array[:] = values
    return array


def blank(column: Column, n: int) -> pd.Series:
    """Make n missing values of a column's dtype (of an empty one, if nothing may be missing)."""
    return pd.Series(_blank(column, n), name=column.name)


def _blank(column: Column, n: int) -> Any:  # noqa: ANN401 - any array pandas takes
    token = column.dtype
    if token in PLAIN:
        return np.full(n, np.nan) if token == "float64" else np.zeros(n, PLAIN[token])  # noqa: S105 - a dtype token, no password
    if token in {"list", "bytes"}:
        return objects([None] * n)
    return _missing(token, column.words).take(np.zeros(n, np.intp))


@cache
def _missing(token: str, words: tuple[str, ...]) -> pd.api.extensions.ExtensionArray:
    """One missing value: making it costs more than repeating it."""
    if token in NULLABLE:
        return whole_numbers(np.full(1, -1), token)
    if token == "utc":  # noqa: S105 - a dtype token, no password
        return moments(np.full(1, NO_TIME)).array
    if token == "category":  # noqa: S105 - a dtype token, no password
        return codes(np.full(1, -1), words)
    if token == "boolean":  # noqa: S105 - a dtype token, no password
        return pd.arrays.BooleanArray(np.zeros(1, bool), np.ones(1, bool))
    return pd.array([None], dtype="str")


def frame_of(table: Table, columns: dict[str, Any], n: int) -> pd.DataFrame:
    """Put columns together in the order of the schema; those not given are missing throughout."""
    return pd.DataFrame(
        {
            column.name: columns[column.name] if column.name in columns else _blank(column, n)
            for column in table.columns
        },
        index=pd.RangeIndex(n),
        copy=False,
    )
