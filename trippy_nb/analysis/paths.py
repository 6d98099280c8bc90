"""The path of each round: who answered, TTL by TTL, up to where the path ended.

A silent place is None. Paths are per flow: answers of different flows are never strung together.
"""

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trippy_nb.analysis.arrays import Ints, distinct, example_of, pack, probe_arrays
from trippy_nb.analysis.blocks import blocks_of
from trippy_nb.analysis.cells import Cells, cells_of
from trippy_nb.analysis.repeats import CAUSES, repeats_of, returns
from trippy_nb.analysis.tracks import Tracks, Ways, tracks_of
from trippy_nb.frames import concat
from trippy_nb.frames.columns import codes, frame_of, objects
from trippy_nb.frames.derived import PATHS

if TYPE_CHECKING:
    from trippy_nb.analysis.arrays import Probes
    from trippy_nb.frames import Tables

_TABLE_DTYPES = {
    "run_id": "uint32",
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
    "addrs": "object",
}


def paths(tables: "Tables") -> pd.DataFrame:
    """Return the path of every round of every flow.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.

    Returns
    -------
    paths
        One row for each (run_id, round, flow), sorted by it, with the columns of
        :data:`trippy_nb.frames.derived.PATHS`: `path_id` (equal paths have equal ids in every run),
        `first_ttl`, `length` (places from `first_ttl` to the end), `stars` (places without an answer),
        `reached` (the target answered in this round), `complete` (the fate of every place is known),
        `loops` (places that repeat the address of the place before), `cycles` (places that repeat an
        earlier one), `cause` of the first of them (see :mod:`trippy_nb.analysis.repeats`), `addrs` (tuple;
        None where nobody answered).
    """
    return concat([_paths(block) for block in blocks_of(tables)])


def _paths(tables: "Tables") -> pd.DataFrame:
    probes = probe_arrays(tables)
    cells = cells_of(probes)
    tracks = tracks_of(cells)
    heads, way = tracks.heads, tracks.way
    loops, cycles = _counts(tracks)
    ways = tracks.ways
    columns: dict[str, Any] = {
        "run_id": cells.path_run.astype(np.uint32),
        "round": cells.path_round.astype(np.uint32),
        "flow": cells.path_flow.astype(np.uint16),
        "path_id": _path_ids(ways, probes.names)[way],
        "first_ttl": cells.ttl[heads].astype(np.uint8),
        "length": ways.length.astype(np.uint8)[way],
        "stars": ways.stars.astype(np.uint8)[way],
        "reached": tracks.reached,
        "complete": tracks.complete,
        "loops": loops[way],
        "cycles": cycles[way],
        "cause": codes(_first_causes(tables, probes, cells, tracks), CAUSES),
        "addrs": objects(ways.named([*probes.names, None]))[way],
    }
    return frame_of(PATHS, columns, len(heads))


def _counts(tracks: Tracks) -> tuple[Any, Any]:
    """Count the loops and the cycles of each way."""
    loops, cycles = np.zeros((2, len(tracks.ways)), dtype=np.uint8)
    for number in np.flatnonzero(tracks.repeating).tolist():
        pairs = list(returns(tracks.ways[number]))
        loops[number] = sum(far == near + 1 for near, far in pairs)
        cycles[number] = len(pairs) - loops[number]
    return loops, cycles


def _first_causes(tables: "Tables", probes: "Probes", cells: Cells, tracks: Tracks) -> Ints:
    """Find the cause of the first repeat of each path; -1 where it has none."""
    cause = np.full(len(tracks.way), -1, dtype=np.int64)
    at = np.flatnonzero(tracks.repeating[tracks.way])
    if not len(at):
        return cause
    repeats = repeats_of(tables, probes, cells, paths=at)
    keys = zip(repeats.hop.tolist(), repeats.far.tolist(), repeats.addr.tolist(), strict=True)
    known = dict(zip(keys, repeats.cause.tolist(), strict=True))
    heads = cells.path_hop[at] + cells.ttl[tracks.heads[at]]
    _, number, counts = distinct(pack(heads, tracks.way[at]))
    example = example_of(number, len(counts))
    causes = []
    for row in example.tolist():
        way, head = int(tracks.way[at[row]]), int(heads[row])
        near, far = next(returns(tracks.ways[way]))
        causes.append(known[head + near, head + far, tracks.ways[way].places[near]])
    cause[at] = np.array(causes, dtype=np.int64)[number]
    return cause


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
        return pd.DataFrame({name: pd.Series([], dtype=dtype) for name, dtype in _TABLE_DTYPES.items()})
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
    return table.astype(_TABLE_DTYPES)[list(_TABLE_DTYPES)].reset_index(drop=True)


def _path_ids(ways: Ways, names: tuple[str, ...]) -> NDArray[np.uint64]:
    # Text with its order, not a XOR of hashes: that loses the order and cancels pairs of stars.
    texts = zip(ways.first_ttl.tolist(), ways.texts([*names, "*"]), strict=True)
    digests = [blake2b(b"%d|%b" % one, digest_size=8).digest() for one in texts]
    return np.frombuffer(b"".join(digests), dtype=">u8").astype(np.uint64)
