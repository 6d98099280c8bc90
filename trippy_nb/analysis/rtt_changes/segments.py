"""Where the level of a series changes: exact penalised likelihood over a grid of levels and spreads.

A stretch between two changes has a level and a spread, and its samples follow a Cauchy distribution: a
sample z spreads off the level costs ln(spread) + ln(1 + z^2). Its tails are so heavy that a spike costs
little more than none, and as the spread is a parameter, a busy hour is a stretch of its own with a wide
one, where a method of a fixed spread makes a change of each queued packet. A change costs
3/2 ln n: half a logarithm for each of its three parameters, when, level and spread (Schwarz,
Estimating the dimension of a model, Annals of Statistics 6, 1978).

The best segmentation is found without a search over segments. Levels and spreads are taken from a grid,
and for each state of it the cost of the best segmentation that ends in it is carried from sample to sample:
stay, or come from the best state of all and pay for a change. That is the recursion of optimal
partitioning with functional pruning (Fearnhead and Rigaill, Changepoint detection in the presence of
outliers, JASA 114, 2019, arXiv 1609.07363, solve it for pieces of a continuous level), and exact on the grid.
The time is that of n steps over a few hundred states, whatever number of changes there is; PELT needs changes
to prune. They show that only a bounded loss withstands outliers of any size. This one grows, if slowly, so
that busy hours are found; what outliers bring about all the same is for `chance` to drop.
"""

import numpy as np

from trippy_nb.analysis.arrays import Floats, Ints

_SAMPLES_AT_ONCE = 256
_LEAST_IN_CELL = 3
"""A level that fewer samples are near is nobody's."""
_BOTH_TAILS = (0.001, 0.999)
PARAMETERS = 3
"""Of a change: when, level, spread. Each costs half a logarithm of n."""


def cut(rtt: Floats, *, finest: float, worth: float = 1.0) -> Ints:
    """Return where new stretches begin: places in `rtt`, in order, without 0.

    Parameters
    ----------
    rtt
        Milliseconds, none missing, in the order of time.
    finest
        Smallest spread of the grid, ms.
    worth
        How many samples in a row are worth one that is independent of the others; at least 1.
    """
    n = len(rtt)
    if n < 2 * _LEAST_IN_CELL:
        return np.zeros(0, dtype=np.int64)
    level, spread = _grid(rtt, finest)
    # Samples that resemble one another say less than their number: the penalty grows instead.
    begins = _last_changes(rtt, level, spread, worth * PARAMETERS / 2 * np.log(n))
    found = []
    place = int(begins[n - 1])
    while place > 0:
        found.append(place)
        place = int(begins[place - 1])
    return np.array(found[::-1], dtype=np.int64)


def _grid(rtt: Floats, finest: float) -> tuple[Floats, Floats]:
    """Take spreads that double, and for each the levels, one spread apart, that samples are near."""
    low, high = np.quantile(rtt, _BOTH_TAILS)
    levels, spreads = [], []
    spread = finest
    while True:
        cells, counts = np.unique(np.round(rtt / spread), return_counts=True)
        cells = cells[counts >= _LEAST_IN_CELL]
        levels.append(cells * spread)
        spreads.append(np.full(len(cells), spread))
        if spread >= high - low and len(cells):
            return np.concatenate(levels), np.concatenate(spreads)
        spread *= 2


def _last_changes(rtt: Floats, level: Floats, spread: Floats, penalty: float) -> Ints:
    """Return, for each sample, where the last stretch of the best segmentation up to it begins."""
    cost = np.zeros(len(level))
    begin = np.zeros(len(level), dtype=np.int64)  # of the stretch that a state is in
    best = np.zeros(len(rtt), dtype=np.int64)
    wide = np.log(spread / spread[0])
    for start in range(0, len(rtt), _SAMPLES_AT_ONCE):
        loss = (rtt[start : start + _SAMPLES_AT_ONCE, None] - level) / spread
        loss *= loss
        np.log1p(loss, out=loss)
        loss += wide
        for place, here in enumerate(loss, start):
            least = int(cost.argmin())
            entry = cost[least] + penalty
            if place:
                best[place - 1] = begin[least]
                changed = cost > entry
                cost[changed] = entry
                begin[changed] = place
            cost += here
    best[-1] = begin[int(cost.argmin())]
    return best
