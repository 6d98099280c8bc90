"""What a comparison calls changed: how often it is wrong, and how much it takes before it is right.

    python benchmarks/prove_compare.py [pairs] [repeats] [picture]

False alarms: pairs of traces of networks that did not change (`tests/analysis/alarms.py`: diamonds of 2 to
8 branches with delays far apart, lossy branches, a router that limits how often it answers), a share of
them for each way to measure. Beside it what comparing hop by hop says. Power: how often a change of known
size is called one, over rounds. Default: 1,000 pairs, 60 repeats (some fifteen minutes); `prove_compare.py
90 5` is done in two."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.analysis.alarms import WORLDS, alarm, delay, network
from trippy_nb.analysis import ALPHA, compare_tables
from trippy_nb.analysis.ratios import wilson
from trippy_nb.testing import simulated

ASPECTS = ("path", "rtt", "response")
SHARES = (0.05, 0.1, 0.2, 0.4, 0.8)
SHIFTS_MS = (1.0, 2.0, 3.0, 5.0, 8.0)
LOSSES = (0.02, 0.05, 0.1, 0.2, 0.4)


def alarms(pairs: int) -> None:
    print(f"{'way to measure':32} pairs changed  path   rtt resp. hop by hop")
    total: Counter[str] = Counter()
    for place, world in enumerate(WORLDS):
        count = pairs // len(WORLDS) + (place < pairs % len(WORLDS))
        seen: Counter[str] = Counter(pairs=count)
        for number in range(count):
            found, naive = alarm(world, 10_000 * (place + 1) + number)
            seen["naive"] += naive
            seen["changed"] += found.verdict == "changed"
            for aspect in ASPECTS:
                seen[aspect] += getattr(found, f"{aspect}_verdict") == "changed"
        print(_line(world, seen), flush=True)
        total += seen
    print(_line("all", total))
    low, high = wilson([total["changed"]], [total["pairs"]])
    share = total["changed"] / total["pairs"]
    print(f"false alarms: {share:.3%}, interval {low[0]:.3%} to {high[0]:.3%}; alpha is {ALPHA:.0%}")


def _line(world: str, seen: Counter[str]) -> str:
    counts = " ".join(f"{seen[aspect]:5}" for aspect in ASPECTS)
    return f"{world:32} {seen['pairs']:5} {seen['changed']:7} {counts} {seen['naive']:10}"


def _routers(**more: object) -> list[dict[str, object]]:
    names = ("r1", "r2", "b0", "b1", "b2", "b3", "new", "j")
    return [{"id": name, "delay": delay(2), **(more if name == "j" else {})} for name in names]


_BRANCHES = ["b0", "b1", "b2", "b3"]


def _rerouted(share: float):
    """So many flows in a hundred take a router that nobody saw before."""
    old = {"via": _BRANCHES[:1], "weight": round(1000 * (1 - share) / 4)}
    ways = [old | {"via": [name]} for name in _BRANCHES]
    return network(_routers(), ["r1", "r2", [*ways, {"via": ["new"], "weight": round(1000 * share)}], "j"])


def _plain(**more: object):
    return network(_routers(**more), ["r1", "r2", _BRANCHES, "j"])


def _power(size: float, rounds: int, repeats: int, aspect: str) -> float:
    """How often a change of this size is called one."""
    told = 0
    for number in range(repeats):
        if aspect == "path":
            before, after, options = (
                _plain(),
                _rerouted(size),
                {"protocol": "udp", "multipath_strategy": "paris"},
            )
        elif aspect == "rtt":
            before, after, options = _plain(), _plain(delay=delay(2 + size / 2)), {"protocol": "icmp"}
        else:
            before, after, options = _plain(), _plain(loss=size), {"protocol": "icmp"}
        sides = []
        for side, net in enumerate((before, after)):
            ports = {"source_port": 20_000 + 2 * number + side} if aspect == "path" else {}
            run = simulated(net, seed=number, at_s=1000.0 * side, rounds=rounds, **options, **ports)
            sides.append(run.tables)
        told += getattr(compare_tables(*sides), f"{aspect}_verdict") == "changed"
    return told / repeats


CURVES = (
    ("path", "share of flows that take a new hop", SHARES, (10, 30, 100)),
    ("rtt", "shift of the round-trip time, ms", SHIFTS_MS, (10, 30, 100)),
    ("response", "probes lost after, none before", LOSSES, (10, 30, 100)),
)


def power(repeats: int) -> dict[tuple[str, int], list[float]]:
    found = {}
    for aspect, title, sizes, numbers in CURVES:
        print(f"\n{title:36} " + " ".join(f"{size:>6g}" for size in sizes))
        for rounds in numbers:
            found[aspect, rounds] = [_power(size, rounds, repeats, aspect) for size in sizes]
            print(
                f"{rounds:>4} rounds of each                    "
                + " ".join(f"{told:6.2f}" for told in found[aspect, rounds]),
                flush=True,
            )
    return found


def draw(found: dict[tuple[str, int], list[float]], repeats: int, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.2), layout="constrained")
    for ax, (aspect, title, sizes, numbers) in zip(
        figure.subplots(1, len(CURVES), sharey=True), CURVES, strict=True
    ):
        for rounds, colour in zip(numbers, ("#56b4e9", "#0072b2", "#000000"), strict=True):
            ax.plot(sizes, found[aspect, rounds], marker="o", color=colour, label=f"{rounds} rounds")
        ax.axhline(0.8, color="#999999", linewidth=0.8, linestyle="dashed")
        ax.set_xscale("log")
        ax.set_xticks(sizes, [f"{size:g}" for size in sizes], minor=False)
        ax.minorticks_off()
        ax.set_xlabel(title)
        ax.set_ylim(-0.03, 1.03)
        ax.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel(f"called changed (of {repeats})")
    figure.axes[0].legend(frameon=False)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    repeats = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    began = perf_counter()
    alarms(pairs)
    curves = power(repeats)
    if len(sys.argv) > 3:
        draw(curves, repeats, Path(sys.argv[3]))
    print(f"\n{perf_counter() - began:.0f} s")
