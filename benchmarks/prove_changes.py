"""Whether changes of route are found, and counted once, under silence, losses and balancers.

Run: python benchmarks/prove_changes.py [probes] [seeds]     (1 million probes and 5 seeds by default)

The routes and what lies over them: tests/analysis/routes_made.py. A naive comparison counts every pair of
successive paths that differ in anything. By flow: only paths of one flow, silence as a wildcard.
"""

import argparse
import sys
import time
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.analysis.routes_made import made, naive_changes, score
from trippy_nb.analysis import paths
from trippy_nb.analysis.history import path_changes
from trippy_nb.frames import Tables


def by_flow(tables: Tables) -> int:
    """Count the successive paths of one flow that contradict each other."""
    count = 0
    for _, flow in paths(tables).groupby(["run_id", "flow"], sort=False):
        for one, two in pairwise(flow["addrs"]):
            count += any(a != b and a and b for a, b in zip(one, two, strict=False))
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("probes", nargs="?", type=lambda text: int(float(text)), default=1_000_000)
    parser.add_argument("seeds", nargs="?", type=int, default=5)
    asked = parser.parse_args()
    for seed in range(asked.seeds):
        tables, truths = made(asked.probes, seed)
        start = time.perf_counter()
        changes = path_changes(tables)
        took = time.perf_counter() - start
        result = score(changes, truths)
        naive, keyed = naive_changes(tables), by_flow(tables)
        share = f"naive {naive} ({naive / result.visible:.0f} x), "
        share += f"by flow {keyed} ({keyed / result.visible:.1f} x)"
        print(
            f"seed {seed}: {len(tables.probes):,} probes, {len(tables.runs)} runs, {took:.1f} s; "
            f"{result.made} changes made, {result.visible} visible; {result.events} events "
            f"({result.count_ratio:.3f}), recall {result.recall:.3f}, precision {result.precision:.3f}; "
            f"{share}"
        )


if __name__ == "__main__":
    main()
