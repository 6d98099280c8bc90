"""The path of each round: who answered, TTL by TTL, up to where the path ended.

A silent place is None. Paths are per flow: answers of different flows are never strung together.
"""

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.analysis.arrays import Bools, Ints, probe_arrays, starts_of
from trippy_nb.analysis.cells import Cells, cells_of

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

_DTYPES = {
    "run_id": "uint32",
    "round": "uint32",
    "flow": "uint16",
    "path_id": "uint64",
    "rounds": "uint32",
    "share": "float64",
    "first_round": "uint32",
    "last_round": "uint32",
    "first_ttl": "uint8",
    "length": "uint8",
    "stars": "uint8",
    "reached": "bool",
    "complete": "bool",
    "addrs": "object",
}
_PATHS = (
    "run_id",
    "round",
    "flow",
    "path_id",
    "first_ttl",
    "length",
    "stars",
    "reached",
    "complete",
    "addrs",
)
_PATH_TABLE = (
    "run_id", "flow", "path_id", "rounds", "share", "first_round", "last_round",
    "first_ttl", "length", "stars", "reached", "addrs",
)  # fmt: skip


def paths(tables: "Tables") -> pd.DataFrame:
    """Return the path of every round of every flow.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.

    Returns
    -------
    paths
        One row for each (run_id, round, flow), sorted by it: `path_id` (uint64; equal paths have equal
        ids in every run), `first_ttl`, `length` (places from `first_ttl` to the end), `stars` (places
        without an answer), `reached` (the target answered in this round), `complete` (the fate of every
        place is known), `addrs` (tuple; None where nobody answered).
    """
    probes = probe_arrays(tables)
    cells = cells_of(probes)
    first = starts_of(cells.run, cells.round, cells.flow)
    grid, complete, reached = _grid(cells, first)
    addrs, ids = _distinct(grid, cells.ttl[first], probes.names)
    count = len(first)
    data = {
        "run_id": cells.run[first],
        "round": cells.round[first],
        "flow": cells.flow[first],
        "path_id": np.array(ids, dtype=np.uint64),
        "first_ttl": cells.ttl[first],
        "length": np.array([len(path) for path in addrs], dtype=np.int64),
        "stars": np.array([path.count(None) for path in addrs], dtype=np.int64),
        "reached": reached,
        "complete": complete,
        "addrs": _boxed(addrs) if count else np.empty(0, dtype=object),
    }
    return pd.DataFrame({name: pd.Series(data[name], dtype=_DTYPES[name]) for name in _PATHS})


def path_table(tables: "Tables") -> pd.DataFrame:
    """Count the distinct paths of each flow.

    Returns
    -------
    path_table
        One row for each (run_id, flow, path_id), the most frequent of a flow first: `rounds` (that took
        it), `share` (of the flow's rounds), `first_round`, `last_round`, then as in :func:`paths`.
    """
    every = paths(tables)
    if every.empty:
        return pd.DataFrame({name: pd.Series([], dtype=_DTYPES[name]) for name in _PATH_TABLE})
    grouped = every.groupby(["run_id", "flow", "path_id"], sort=True)
    table = grouped.agg(
        rounds=("round", "size"),
        first_round=("round", "min"),
        last_round=("round", "max"),
        first_ttl=("first_ttl", "first"),
        length=("length", "first"),
        stars=("stars", "first"),
        reached=("reached", "max"),
        addrs=("addrs", "first"),
    ).reset_index()
    table["share"] = table["rounds"] / table.groupby(["run_id", "flow"])["rounds"].transform("sum")
    table = table.sort_values(
        ["run_id", "flow", "rounds", "first_round", "path_id"], ascending=[True, True, False, True, True]
    )
    return table.astype({name: _DTYPES[name] for name in _PATH_TABLE})[list(_PATH_TABLE)].reset_index(
        drop=True
    )


def _grid(cells: Cells, first: Ints) -> tuple[Ints, Bools, Bools]:
    """Lay each path into a row: address code + 1, 0 for a silent place, -1 beyond the end."""
    count = len(first)
    start, end = cells.ttl[first], cells.end[first]
    width = max(int((end - start).max(initial=-1)) + 1, 0)
    seen = cells.in_view
    place = cells.ttl - start[cells.path] if count else cells.ttl
    grid = np.where(np.arange(width) <= (end - start)[:, None], 0, -1)
    grid[cells.path[seen], place[seen]] = cells.addr[seen] + 1
    settled = np.bincount(cells.path[seen & cells.settled], minlength=count)
    complete = settled == np.maximum(end - start + 1, 0)
    reached = np.bincount(cells.path[seen & cells.from_target], minlength=count) > 0
    return grid.astype(np.int64), complete, reached


def _distinct(
    grid: Ints, first_ttl: Ints, names: tuple[str, ...]
) -> tuple[list[tuple[str | None, ...]], list[int]]:
    words: list[str | None] = [None, *names]
    known: dict[tuple[int, bytes], tuple[tuple[str | None, ...], int]] = {}
    addrs, ids = [], []
    for start, row in zip(first_ttl.tolist(), grid, strict=True):
        key = (start, row.tobytes())
        if key not in known:
            path = tuple(words[code] for code in row.tolist() if code >= 0)
            known[key] = (path, _path_id(start, path))
        path, number = known[key]
        addrs.append(path)
        ids.append(number)
    return addrs, ids


def _path_id(first_ttl: int, path: tuple[str | None, ...]) -> int:
    # Text with its order, not a XOR of hashes: that loses the order and cancels pairs of stars.
    text = f"{first_ttl}|" + ",".join(addr or "*" for addr in path)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def _boxed(items: list[Any]) -> "np.typing.NDArray[np.object_]":
    boxed = np.empty(len(items), dtype=object)
    boxed[:] = items
    return boxed
