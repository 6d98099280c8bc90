"""How long parts of a long run and alerts over it take, and how many alerts a healthy line raises.

Run: python benchmarks/bench_matchers.py [probes]     (2 million by default: 1.5 GB of memory)

The probes are those of bench_paths.py, a round a second. The healthy line is a target that loses 1 % of its
probes by chance, one probe a round, for a million rounds: every alert on it is false.
"""

import argparse

import numpy as np
import pandas as pd
from bench_paths import FLOWS, HOPS, best_s, made

from trippy_nb import analysis
from trippy_nb.analysis import matchers
from trippy_nb.frames import PROBES, Tables, between, tables_from_probes, where
from trippy_nb.frames import columns as col
from trippy_nb.model import Status

ROUNDS, LOST = 1_000_000, 0.01
TARGET = "198.51.100.9"
NS = 10**9
ASKED: dict[str, matchers.Matcher] = {
    "CheckLoss(l=>100,x=>1)": matchers.CheckLoss(loss_ratio=1.0),
    "CheckLoss(l=>100,x=>3)": matchers.CheckLoss(loss_ratio=1.0, samples=3),
    ">0%,*12*,>0%,*12*,>0%": matchers.Pattern(text=">0%,*12*,>0%,*12*,>0%"),
    "ExpLoss(hist=>60,rising=>10)": matchers.ExpLoss(history=60, rising_ratio=0.1),
    "LossOver(0.1, of=60)": matchers.LossOver(loss_ratio=0.1, of=60),
    "Median(old=>60,new=>10,diff=>0.001)": matchers.Median(old=60, new=10, diff_ms=1.0),
    "MosBelow(3.5, of=60)": matchers.MosBelow(score=3.5, of=60),
}


def long_run(probes: int) -> Tables:
    """The probes of bench_paths, sent a round a second."""
    tables = made(probes)
    sent = col.moments(tables.probes["round"].to_numpy(np.int64) * NS)
    frames = {table.name: frame for table, frame in tables.items()}
    return Tables(**frames | {"probes": tables.probes.assign(sent_at=sent)})


def healthy(rounds: int) -> Tables:
    """One probe to the target each round; RTTs with a long tail."""
    rng = np.random.default_rng(0)
    lost = rng.random(rounds) < LOST
    status = np.where(lost, int(Status.TIMEOUT), int(Status.REPLY))
    columns = {
        "run_id": np.zeros(rounds, np.uint32),
        "round": np.arange(rounds, dtype=np.uint32),
        "flow": np.zeros(rounds, np.uint16),
        "ttl": np.ones(rounds, np.uint8),
        "attempt": np.zeros(rounds, np.uint8),
        "sent_at": col.moments(np.arange(rounds) * NS),
        "status": col.codes(status, PROBES.column("status").words),
        "addr": col.codes(np.where(lost, -1, 0), [TARGET]),
        "rtt_ms": np.where(lost, np.nan, 20 + rng.exponential(1.0, rounds)),
        "n_replies": (~lost).astype(np.uint8),
    }
    frame = col.frame_of(PROBES, columns, rounds)
    few = tables_from_probes(frame.head(10), runs=pd.DataFrame([{"run_id": 0, "dst_addr": TARGET}]))
    return Tables(**{table.name: one for table, one in few.items()} | {"probes": frame})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("probes", nargs="?", type=lambda text: int(float(text)), default=2_000_000)
    tables = long_run(parser.parse_args().probes)
    rounds = len(tables.probes) // (HOPS * FLOWS)
    print(f"{len(tables.probes):,} probes, {len(tables.replies):,} replies, {rounds:,} rounds; the best of 3")
    steps = {
        "a tenth, by time": lambda: between(tables, 0, rounds // 10),
        "nine tenths, by time": lambda: between(tables, rounds // 10, None),
        "one hop": lambda: where(tables, ttl=7),
        "one responder's network": lambda: where(tables, responder="10.0.1.0/24"),
        "samples of the target": lambda: matchers.sample_series(tables),
        "seven matchers": lambda: analysis.alerts(tables, ASKED),
    }
    for name, step in steps.items():
        print(f"{name:>24}: {best_s(step):6.2f} s")
    line = healthy(ROUNDS)
    print(f"\na healthy line, {LOST:.0%} lost by chance, {ROUNDS:,} rounds of one probe")
    found = analysis.alerts(line, ASKED)
    for name in ASKED:
        own = found[found["matcher"] == name]
        a_day, share = len(own) / ROUNDS * 86_400, own["n"].sum() / ROUNDS
        print(f"{name:>36}: {a_day:8.2f} alerts a day, raised {share:.4%} of the time")
    print(f"{'all of them':>36}: {best_s(lambda: analysis.alerts(line, ASKED)):6.2f} s")


if __name__ == "__main__":
    main()
