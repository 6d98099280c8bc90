"""Many runs, a block of whole runs at a time.

What is said of a run rests on its own rows, so that many runs need not be worked on at once. Ten million
probes in one table take about half the time so, and the memory of one million.
"""

from typing import TYPE_CHECKING

import numpy as np

from trippy_nb.analysis.arrays import AnyArray

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trippy_nb.frames import Tables

ROWS = 1 << 20
"""A file of a data set has about as many. Smaller blocks save no time: each one costs a few milliseconds."""


def blocks_of(tables: "Tables", *, rows: int = ROWS) -> "Iterator[Tables]":
    """Go through tables of some of the runs each, in the order of `run_id`.

    Parameters
    ----------
    tables
        Of any number of runs. Few rows, or rows that are not in the order of `run_id`, are one block.
    rows
        Probes of a block, about.

    Yields
    ------
    block
        With `probes`, `replies` and `runs` of its runs; the names of the responders are those of all, sorted.
    """
    run = tables.probes["run_id"].to_numpy()
    if len(run) < 2 * rows or not _is_sorted(run) or not _is_sorted(tables.replies["run_id"].to_numpy()):
        yield tables
        return
    yield from _cut(_named_in_order(tables), np.unique(run[::rows]))


def _is_sorted(run: AnyArray) -> bool:
    return not np.any(run[1:] < run[:-1])


def _named_in_order(tables: "Tables") -> "Tables":
    """Sort the names once, for all blocks."""
    from trippy_nb.frames import Tables

    addr = tables.probes["addr"]
    ordered = addr.cat.reorder_categories(sorted(addr.cat.categories))
    frames = {table.name: frame for table, frame in tables.items()}
    return Tables(**(frames | {"probes": tables.probes.assign(addr=ordered)}))


def _cut(tables: "Tables", firsts: AnyArray) -> "Iterator[Tables]":
    """Cut before each of these runs."""
    from trippy_nb.frames import Tables

    frames = {table.name: frame for table, frame in tables.items()}
    cuts = {}
    for name in ("probes", "replies"):
        run = frames[name]["run_id"].to_numpy()
        cuts[name] = [*np.searchsorted(run, firsts.astype(run.dtype)).tolist(), len(run)]
    of_runs = np.searchsorted(firsts, tables.runs["run_id"].to_numpy().astype(firsts.dtype), side="right") - 1
    for number in range(len(firsts)):
        parts = {name: frames[name].iloc[cut[number] : cut[number + 1]] for name, cut in cuts.items()}
        yield Tables(**(frames | parts | {"runs": tables.runs[of_runs == number]}))
