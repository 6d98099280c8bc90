"""How long links, paths, the graph, diamonds and evidence take, and what of it is sorting the probes.

Run: python benchmarks/bench_paths.py [probes]     (10 million by default: 4 GB of memory)

The probes are of 16 flows over 15 hops with a diamond four wide, 2 % of them unanswered.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from trippy_nb import analysis
from trippy_nb.analysis.arrays import probe_arrays
from trippy_nb.analysis.cells import cells_of
from trippy_nb.frames import PROBES, REPLIES, Tables, tables_from_probes
from trippy_nb.frames import columns as col
from trippy_nb.model import Status

HOPS, FLOWS, WIDTH, LOST = 15, 16, 4, 0.02
BUDGETS_S = {"links": 2.0, "paths": 1.2}
REPEATS = 3


def made(probes: int) -> Tables:
    """Tables of so many probes: as a recorder makes them, without making them one by one."""
    n = max(probes // (HOPS * FLOWS), 1) * HOPS * FLOWS
    place = np.arange(n)
    ttl, flow = place % HOPS + 1, place // HOPS % FLOWS
    luck = np.random.default_rng(0)
    number = np.where((ttl >= 5) & (ttl < 8), 100 * (1 + flow % WIDTH) + ttl, ttl)
    names = [f"10.0.{one // 256}.{one % 256}" for one in np.unique(number)]
    addr = np.where(luck.random(n) < LOST, -1, np.searchsorted(np.unique(number), number))
    keys = {
        "run_id": np.zeros(n, np.uint32),
        "round": (place // (HOPS * FLOWS)).astype(np.uint32),
        "flow": flow.astype(np.uint16),
        "ttl": ttl.astype(np.uint8),
        "attempt": np.zeros(n, np.uint8),
    }
    frame = probes_frame(keys, addr, names, luck)
    few = tables_from_probes(frame.head(HOPS * FLOWS), runs=pd.DataFrame([run_of(f"10.0.0.{HOPS}")]))
    return Tables(
        runs=few.runs,
        probes=frame,
        replies=replies_frame(keys, addr, names),
        flows=few.flows,
        packets=few.packets,
        handles=few.handles,
    )


def run_of(target: str) -> dict[str, object]:
    return {"run_id": 0, "dst_addr": target, "flow_stable": True, "has_quote_header": True, "tos": 0}


def probes_frame(keys: dict[str, np.ndarray], addr: np.ndarray, names: list[str], luck) -> pd.DataFrame:
    n, lost = len(addr), addr < 0
    status = np.where(lost, int(Status.TIMEOUT), int(Status.REPLY))
    columns = keys | {
        "status": col.codes(status, PROBES.column("status").words),
        "addr": col.codes(addr, names),
        "rtt_ms": np.where(lost, np.nan, np.rint((keys["ttl"] * 2.0 + luck.random(n)) * 1e6) / 1e6),
        "icmp_type": col.whole_numbers(np.where(lost, -1, 11), "UInt8"),
        "n_replies": (~lost).astype(np.uint8),
    }
    return col.frame_of(PROBES, columns, n)


def replies_frame(keys: dict[str, np.ndarray], addr: np.ndarray, names: list[str]) -> pd.DataFrame:
    here = np.flatnonzero(addr >= 0)
    n = len(here)
    ttl = keys["ttl"][here].astype(np.int64)
    columns = {
        "run_id": np.zeros(n, np.uint32),
        "reply": np.arange(n, dtype=np.uint32),
        **{
            name: col.whole_numbers(keys[name][here].astype(np.int64), REPLIES.column(name).dtype)
            for name in ("round", "flow", "ttl", "attempt")
        },
        "reply_no": np.zeros(n, np.uint8),
        "kind": col.codes(np.zeros(n, np.int64), REPLIES.column("kind").words),
        "addr": col.codes(addr[here], names),
        "from_target": pd.arrays.BooleanArray(ttl == HOPS, np.zeros(n, bool)),
        "rtt_ms": ttl * 2.0,
        "icmp_type": col.whole_numbers(np.full(n, 11), "UInt8"),
        "reply_ttl": col.whole_numbers(256 - ttl, "UInt8"),
        "q_ttl": col.whole_numbers(np.ones(n, np.int64), "UInt8"),
        "nat": col.codes(np.full(n, 2), REPLIES.column("nat").words),
        "rewritten": col.codes(np.zeros(n, np.int64), [""]),
    }
    return col.frame_of(REPLIES, columns, n)


def best_s(function: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("probes", nargs="?", type=lambda text: int(float(text)), default=10_000_000)
    tables = made(parser.parse_args().probes)
    print(f"{len(tables.probes):,} probes, {len(tables.replies):,} replies; the best of {REPEATS}")
    steps = {
        "sorting": lambda: cells_of(probe_arrays(tables)),
        "links": lambda: analysis.links(tables),
        "paths": lambda: analysis.paths(tables),
        "graph": lambda: analysis.hop_graph(tables),
        "diamonds": lambda: analysis.diamonds(tables),
        "evidence": lambda: analysis.evidence(tables),
    }
    for name, step in steps.items():
        budget = f" (budget at 10 million: {BUDGETS_S[name]} s)" if name in BUDGETS_S else ""
        print(f"{name:>9}: {best_s(step):6.2f} s{budget}")


if __name__ == "__main__":
    main()
