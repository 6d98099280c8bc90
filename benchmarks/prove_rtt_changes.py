"""Whether changes of RTT are found where people see them, where they were made, and nowhere else.

Run: python benchmarks/prove_rtt_changes.py [series]     (200 made series of each noise by default)

The labelled series lie in shared/data/rtt_changepoints, beside the project; without them that part is left
off. The baseline is PELT with a Poisson cost and MBIC. No number was fitted to the labels, but forms of the
model were compared on them (docs/rtt-changes.md): the lines "without" show how much of the result hangs on
one series, "costs" what another penalty would have brought.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.analysis.rtts_made import (
    LABELLED,
    NOISES,
    WINDOW,
    Floats,
    Score,
    labelled,
    made,
    pelt_poisson,
    score,
)
from trippy_nb import sim
from trippy_nb.analysis import rtt_changes
from trippy_nb.analysis.findings import findings
from trippy_nb.analysis.rtt_changes import change_points, segments
from trippy_nb.testing import simulated

NOTHING = Score(0, 0, 0)
SHORT, LONG = (12, 40, 100), (300, 1000)


def ours(rtt: Floats) -> list[int]:
    return [point.place for point in change_points(rtt)]


def judged(find: Callable[[Floats], list[int]], name: str) -> list[Score]:
    """Score all labelled series, one line each."""
    print(f"{name}\n  series    n     s    tp   fp   fn  prec. recall F1")
    scores = []
    for path in sorted(LABELLED.glob("*.csv")):
        rtt, truth = labelled(path)
        start = time.perf_counter()
        found = find(rtt)
        took = time.perf_counter() - start
        scores.append(score(truth, found))
        print(f"  {path.stem:6} {len(rtt):5} {took:5.2f}  {scores[-1]}")
    print(f"  all                 {sum(scores, NOTHING)}")
    return scores


def labels() -> None:
    plain, mine = judged(pelt_poisson, "PELT, Poisson, MBIC"), judged(ours, "ours")
    for number, path in enumerate(sorted(LABELLED.glob("*.csv"))):
        left = [sum(scores[:number] + scores[number + 1 :], NOTHING) for scores in (plain, mine)]
        print(f"  without {path.stem}: PELT {left[0]}; ours {left[1]}")
    for cost in (2.0, 2.4, 3.0, 3.6, 4.5):
        segments.PARAMETERS = cost
        series = [labelled(path) for path in sorted(LABELLED.glob("*.csv"))]
        total = sum((score(truth, ours(rtt)) for rtt, truth in series), NOTHING)
        print(f"  costs of {cost / 2:.1f} ln n: {total}")
    segments.PARAMETERS = 3


def quiet(count: int) -> None:
    print("series without a change that show one, of", count, "each; by length")
    for name, noise in NOISES.items():
        shares = []
        for n in (*SHORT, *LONG):
            rng = np.random.default_rng(n)
            times = count if n in SHORT else max(count // 4, 1)
            shares.append(f"{n}: {np.mean([bool(ours(np.abs(noise(rng, n)))) for _ in range(times)]):.3f}")
        print(f"  {name:32} {'  '.join(shares)}")


def truth(count: int) -> None:
    print("made series of 8,000: shifts, queues, spikes, losses;    tp   fp   fn  prec. recall F1")
    for name, least, rho in (
        ("2 to 20 ms", 2.0, 0.0),
        ("1 to 20 ms", 1.0, 0.0),
        ("2 to 20, corr. 0.6", 2.0, 0.6),
    ):
        for method, find in (("ours", ours), ("PELT", pelt_poisson)):
            total = NOTHING
            for seed in range(max(count // 40, 1)):
                rtt, cuts = made(seed, least_ms=least, rho=rho)
                total += score(cuts, find(rtt))
            print(f"  {name:20} {method:25} {total}")


def power(count: int) -> None:
    print("steps in normal noise of 1 ms that are found, within", WINDOW, "samples; by samples on each side")
    for step in (1.5, 2.0, 3.0, 5.0, 18.0):
        shares = []
        for side in (6, 10, 20, 50, 200):
            rng, found = np.random.default_rng(side), 0
            for _ in range(count):
                rtt = 50 + rng.normal(size=2 * side) + step * (np.arange(2 * side) >= side)
                found += any(abs(place - side) <= WINDOW for place in ours(rtt))
            shares.append(f"{side}: {found / count:.2f}")
        print(f"  {step:4.1f} ms  {'  '.join(shares)}")


def balanced(count: int) -> None:
    print("networks that balance and do not change,", count, "each: with a row of rtt_changes, and a finding")
    modes = {"UDP classic": "udp", "ICMP": "icmp"} | {"UDP paris": "udp", "ICMP paris": "icmp"}
    for name, protocol in modes.items():
        changed = told = 0
        for seed in range(count):
            balance = "flow" if seed % 3 else "packet"
            net = sim.random(seed, diamonds=(1, 2), silent=2, unequal=0.3, balance=balance)
            multipath = "paris" if "paris" in name else "classic"
            made = simulated(net, protocol=protocol, multipath=multipath, rounds=40).tables
            changed += not rtt_changes(made).empty
            told += "rtt-change" in set(findings(made)["kind"])
        print(f"  {name:12} {changed:3} {told:3}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("series", nargs="?", type=int, default=200)
    asked = parser.parse_args()
    if LABELLED.is_dir():
        labels()
    truth(asked.series)
    power(asked.series)
    quiet(asked.series)
    balanced(asked.series // 4)


if __name__ == "__main__":
    main()
