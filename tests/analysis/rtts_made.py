"""Series of RTTs whose changes are known: labelled by people, or made here; and plainer ways to find them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.signal import lfilter

from tests.needs import SHARED_DATA

Floats = NDArray[np.float64]
LABELLED = SHARED_DATA / "rtt_changepoints"
WINDOW = 2
MIN_LENGTH = 3
"""Both as in cpt_evaluation.py of WenqinSHAO/rtt."""


@dataclass(frozen=True)
class Score:
    tp: int
    fp: int
    fn: int

    def __add__(self, other: Score) -> Score:
        return Score(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def precision(self) -> float:
        return self.tp / max(self.tp + self.fp, 1)

    @property
    def recall(self) -> float:
        return self.tp / max(self.tp + self.fn, 1)

    @property
    def f1(self) -> float:
        return 2 * self.tp / max(2 * self.tp + self.fp + self.fn, 1)

    def __str__(self) -> str:
        counts = f"{self.tp:4} {self.fp:4} {self.fn:4}"
        return f"{counts}  {self.precision:.3f} {self.recall:.3f} {self.f1:.3f}"


def score(truth: Sequence[int], found: Sequence[int], window: int = WINDOW) -> Score:
    """Match each label with at most one finding, as many as possible."""
    if not len(truth) or not len(found):
        return Score(0, len(found), len(truth))
    apart = np.abs(np.subtract.outer(np.asarray(truth), np.asarray(found)))
    cost = np.where(apart <= window, apart, apart.size * (window + 1))
    rows, columns = linear_sum_assignment(cost)
    tp = int(np.count_nonzero(apart[rows, columns] <= window))
    return Score(tp, len(found) - tp, len(truth) - tp)


def labelled(path: Path) -> tuple[Floats, list[int]]:
    """Read a labelled series: RTTs, NaN where lost, and the places of the labels."""
    rows = [line.split(";") for line in path.read_text().splitlines()[1:] if line]
    rtt = np.array([float(row[1].replace(",", ".")) for row in rows])
    return np.where(rtt < 0, np.nan, rtt), [place for place, row in enumerate(rows) if row[2].strip() == "1"]


def pelt_poisson(rtt: Floats, *, min_length: int = MIN_LENGTH) -> list[int]:
    """PELT (Killick, Fearnhead, Eckley 2012), Poisson cost on round(rtt - min), MBIC; lost ones left off."""
    places = np.flatnonzero(~np.isnan(rtt))
    counts = np.round(rtt[places] - rtt[places].min())
    n, total = len(counts), np.concatenate([[0.0], np.cumsum(counts)])
    penalty = 3 * np.log(n)
    best, last = np.full(n + 1, np.inf), np.zeros(n + 1, dtype=np.int64)
    best[0] = -penalty
    candidates = np.array([0])
    for end in range(min_length, n + 1):
        length, within = end - candidates, total[end] - total[candidates]
        fit = 2 * within * (np.log(length) - np.log(np.where(within > 0, within, 1)))
        cost = best[candidates] + fit + np.log(length)
        least = int(cost.argmin())
        best[end], last[end] = cost[least] + penalty, candidates[least]
        candidates = candidates[cost <= best[end]]
        if end - min_length + 1 >= min_length:
            candidates = np.append(candidates, end - min_length + 1)
    found, end = [], n
    while (end := int(last[end])) > 0:
        found.append(int(places[end]))
    return found[::-1]


def resembling(rng: np.random.Generator, n: int, rho: float) -> Floats:
    """Normal noise of which successive samples correlate by rho."""
    noise: Floats = lfilter([1.0], [1.0, -rho], rng.normal(size=n) * np.sqrt(1 - rho**2))
    return noise


NOISES: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "normal, 10 ms": lambda rng, n: 100 + 10 * rng.normal(size=n),
    "queue (exponential), 10 ms": lambda rng, n: 50 + rng.exponential(10, n),
    "slow path: 20 % are 30 ms late": lambda rng, n: 20 + rng.normal(0, 0.2, n) + 30 * (rng.random(n) < 0.2),
    "5 % spikes (Pareto, 20 ms)": lambda rng, n: (
        20 + rng.gamma(2, 0.2, n) + 20 * (rng.random(n) < 0.05) * rng.pareto(1.0, n)
    ),
    "whole ms, 20 to 28": lambda rng, n: rng.integers(20, 29, n).astype(float),
    "whole ms, 20 or 21": lambda rng, n: 20 + (rng.random(n) < 0.3).astype(np.float64),
    "correlated (0.3), 10 ms": lambda rng, n: 100 + 10 * resembling(rng, n, 0.3),
    "correlated (0.5), 10 ms": lambda rng, n: 100 + 10 * resembling(rng, n, 0.5),
    "correlated (0.8), 10 ms": lambda rng, n: 100 + 10 * resembling(rng, n, 0.8),
}
"""Without any change."""


def made(seed: int, n: int = 8000, *, least_ms: float = 2.0, rho: float = 0.0) -> tuple[Floats, list[int]]:
    """Make a series with shifts of `least_ms` to 20 ms, queues, spikes and losses, and its changes."""
    rng = np.random.default_rng(seed)
    lengths = 10 + rng.exponential(250, n // 20).astype(np.int64)
    cuts = [int(place) for place in np.cumsum(lengths) if place < n - 10]
    steps = rng.uniform(least_ms, 20, len(cuts)) * rng.choice([-1, 1], len(cuts))
    level = np.zeros(n)
    for cut, step in zip(cuts, steps, strict=True):
        now = level[cut - 1]
        level[cut:] = now + (step if now + step > -60 else -step)  # the base is 100 ms
    rtt = 100 + level + rng.gamma(1.5, 0.3, n) + 0.3 * resembling(rng, n, rho)
    rtt += 30 * (rng.random(n) < 0.02) * rng.pareto(1.5, n)
    rtt[rng.random(n) < 0.01] = np.nan
    return rtt, cuts
