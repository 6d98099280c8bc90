"""What chance explains: exact tests of counts, how often one may ask, and what a test could have shown.

Two kinds of chance come in here. Packets of one flow may be treated one by one: that is Fisher's exact
test, over rounds. And flows that are not the same may take other branches of a balancer: that is a
permutation test, over flows. If nothing changed, it does not matter which flow was sent on which side, so
that every way of dealing the flows to the two sides was as likely as the one that was seen
(exchangeability; no model of balancers is needed).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import combinations
from math import ceil, comb

import numpy as np

from trippy_nb.analysis.arrays import Bools, Floats
from trippy_nb.analysis.ratios import holm, wilson

POWER = 0.8
_SAME = 1 + 1e-7
"""Chances that differ by rounding only are equal: what scipy.stats.fisher_exact takes as well."""
_MOST = 100_000
_EXACT_SPLITS = 2_000
_RANDOM_SPLITS = 1_999
_SEED = 20_261_128

Counts = Mapping[str, int]


def fisher(x: int, n: int, y: int, m: int) -> float:
    """Return the two-sided p-value of x of n against y of m: Fisher's exact test.

    As scipy.stats.fisher_exact (equal to 1e-9 in the tests), which takes 0.3 ms a table and half a second to
    import; here a margin is worked out once for all tables that have it.
    """
    least, p_values = _fisher_all(n, m, x + y)
    return float(p_values[x - least])


def least_p(x: int, n: int, y: int, m: int) -> float:
    """Return the smallest p-value that a table with these margins can have."""
    return float(_fisher_all(n, m, x + y)[1].min())


@lru_cache(maxsize=4096)
def _fisher_all(n: int, m: int, drawn: int) -> tuple[int, Floats]:
    """Return the p-value of each x that is possible, and the first of them."""
    least, chance = _chances(n, m, drawn)
    order = np.argsort(chance, kind="stable")
    below = np.cumsum(chance[order])
    upto = np.searchsorted(chance[order], chance * _SAME, side="right")
    return least, np.minimum(below[upto - 1], 1.0)


@lru_cache(maxsize=4096)
def _chances(n: int, m: int, drawn: int) -> tuple[int, Floats]:
    """Return how likely each x is if so many are drawn of n and m (hypergeometric), and the first x."""
    from scipy.special import gammaln

    least = max(0, drawn - m)
    x = np.arange(least, min(n, drawn) + 1, dtype=np.float64)

    def ways(whole: int, part: "Floats | float") -> Floats:
        logs: Floats = gammaln(whole + 1) - gammaln(part + 1) - gammaln(whole - part + 1)
        return logs

    return least, np.exp(ways(n, x) + ways(m, drawn - x) - ways(n + m, float(drawn)))


def differences(a: Counts, b: Counts) -> list[tuple[str, float, float]]:
    """Test for each responder whether its share differs.

    Returns
    -------
    tests
        Responder, p-value, and the smallest p-value that such a table can have. Tables that cannot differ,
        and the mirror image of the only other one, are left out.
    """
    addrs = sorted(a.keys() | b.keys())
    n, m = sum(a.values()), sum(b.values())
    if len(addrs) < 2 or not n or not m:  # noqa: PLR2004 - nothing to tell apart
        return []
    if len(addrs) == 2:  # noqa: PLR2004 - the second table is the first, mirrored
        addrs = addrs[:1]
    tables = [(addr, a.get(addr, 0), b.get(addr, 0)) for addr in addrs]
    return [(addr, fisher(x, n, y, m), least_p(x, n, y, m)) for addr, x, y in tables]


def strata_p(tables: Sequence[tuple[int, int, int, int]]) -> tuple[float, float]:
    """Test whether a share differs, over several flows: each of them is compared with itself only.

    Parameters
    ----------
    tables
        x of n, and y of m, for each flow.

    Returns
    -------
    p, least
        Two-sided, and the smallest that these margins allow. The sum of all x, given the margins of every
        flow; outcomes no likelier than the one that was seen count, so that for one flow it is Fisher's test.
    """
    chance, seen = np.ones(1), 0
    for x, n, y, m in tables:
        least, one = _chances(n, m, x + y)
        chance, seen = np.convolve(chance, one), seen + x - least
    p = float(chance[chance <= chance[seen] * _SAME].sum())
    least_seen = float(chance.min())
    return min(p, 1.0), float(chance[chance <= least_seen * _SAME].sum())


def adjusted(p_values: Sequence[float], least: Sequence[float], alpha: float) -> Floats:
    """Correct p-values for how many tests there are that could have found anything.

    Parameters
    ----------
    p_values
        Of the tests.
    least
        The smallest p-value that each could have had, whatever was seen (from margins alone).
    alpha
        Level at which they are to be judged.

    Returns
    -------
    adjusted
        Holm's, over those tests that could have become significant among so many; 1 for the others.

    Notes
    -----
    Tarone, A modified Bonferroni method for discrete data, Biometrics 46, 1990: with k the smallest number
    such that at most k tests have a smallest p-value of up to alpha / k, only these need to be counted.
    """
    p, smallest = np.asarray(p_values, dtype=np.float64), np.asarray(least, dtype=np.float64)
    found = np.ones(len(p))
    k = next((k for k in range(1, len(p) + 1) if (smallest <= alpha / k).sum() <= k), len(p))
    able = smallest <= alpha / max(k, 1)
    found[able] = holm(p[able])
    return found


def splits(n: int, m: int) -> tuple[Bools, bool]:
    """Deal n + m flows to two sides, of n and of m.

    Returns
    -------
    first
        One row a way to do it: which flows are on the first side. The first row is the way it was.
    exact
        All ways are there; else they are drawn at random, with a fixed seed.
    """
    if comb(n + m, n) <= _EXACT_SPLITS:
        chosen = list(combinations(range(n + m), n))
        rows = np.zeros((len(chosen), n + m), dtype=np.bool_)
        rows[np.repeat(np.arange(len(chosen)), n), np.array(chosen, dtype=np.int64).reshape(-1)] = True
        return rows, True
    rng = np.random.default_rng(_SEED)
    rows = np.zeros((_RANDOM_SPLITS + 1, n + m), dtype=np.bool_)
    rows[:, :n] = True
    rows[1:] = rng.permuted(rows[1:], axis=1)
    return rows, False


def flows_p(a: Sequence[Mapping[int, str]], b: Sequence[Mapping[int, str]]) -> dict[tuple[int, str], float]:
    """Test, for who answers at which TTL, whether the choice of flows explains the difference.

    Parameters
    ----------
    a, b
        For each flow of a side: who answered first, by TTL.

    Returns
    -------
    adjusted
        By TTL and responder, the share of all ways to deal the flows to the sides in which some responder
        at some TTL differs as clearly as this one does: corrected for asking at all TTLs at once (minimal
        p-value: Westfall and Young, Resampling-based multiple testing, 1993). Fisher's p-value
        says how clear a difference is; a flow that was silent at a TTL does not count there.
    """
    flows = [*a, *b]
    names = sorted({(ttl, who) for flow in flows for ttl, who in flow.items()})
    if not a or not b or not names:
        return {}
    first, _ = splits(len(a), len(b))
    smallest = np.ones(len(first))
    seen: dict[tuple[int, str], float] = {}
    for ttl in sorted({ttl for ttl, _ in names}):
        here = np.array([ttl in flow for flow in flows], dtype=np.bool_)
        for name in (name for name in names if name[0] == ttl):
            has = np.array([flow.get(ttl) == name[1] for flow in flows], dtype=np.bool_)
            if has.sum() == here.sum():
                continue
            p = _split_p(first, has, here)
            seen[name] = float(p[0])
            smallest = np.minimum(smallest, p)
    return {name: float((smallest <= p * _SAME).mean()) for name, p in seen.items()}


def _split_p(first: Bools, has: Bools, here: Bools) -> Floats:
    """Return Fisher's p-value for each way to deal."""
    x, n = first[:, has].sum(axis=1), first[:, here].sum(axis=1)
    drawn, whole = int(has.sum()), int(here.sum())
    p = np.ones(len(first))
    for size in np.unique(n).tolist():
        if 0 < size < whole:
            least, values = _fisher_all(size, whole - size, drawn)
            rows = n == size
            p[rows] = values[x[rows] - least]
    return p


def means_p(a: Floats, b: Floats) -> float:
    """Test by dealing anew whether two means differ: one number for each flow, two-sided."""
    if not len(a) or not len(b):
        return np.nan
    first, _ = splits(len(a), len(b))
    both = np.concatenate([a, b])
    apart = np.abs(first @ both / len(a) - ~first @ both / len(b))
    return float((apart >= apart[0] / _SAME - 1e-12).mean())


def flows_least_p(n: int, m: int) -> float:
    """Return the smallest p-value that dealing n and m flows anew can give."""
    ways = comb(n + m, n)
    return (2 if n == m else 1) / ways if ways <= _EXACT_SPLITS else 1 / (_RANDOM_SPLITS + 1)


def enough(shares: tuple[float, float], level: float) -> int | None:
    """Return how many of each side it takes until such shares differ significantly; None if they never do."""
    a, b = shares
    if a == b:
        return None

    def shown(n: int) -> bool:
        return fisher(round(a * n), n, round(b * n), n) <= level

    n = 1
    while not shown(n):
        n *= 2
        if n > _MOST:
            return None
    return _first_true(shown, n // 2 + 1, n)


def _first_true(holds: Callable[[int], bool], low: int, high: int) -> int:
    """Search the first number for which it holds; it does for `high`."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return high


def detectable_share(x: int, n: int, m: int, level: float, *, beyond: float = 0.0) -> float:
    """Return the smallest share that m probes would have shown with power 0.8, where x of n were before.

    Parameters
    ----------
    x, n
        Before.
    m
        Probes after.
    level
        What the p-value must not exceed.
    beyond
        By how much the share must have grown, besides.

    Returns
    -------
    share
        NaN if none would have been shown.
    """
    from scipy.special import betaincinv

    if not n or not m:
        return np.nan
    least = ceil(m * (x / n + beyond) + 1e-9)

    def shown(y: int) -> bool:
        return y > m or (y / m > x / n + beyond and fisher(x, n, y, m) <= level)

    y = _first_true(shown, least, m + 1) if least <= m else m + 1
    # P(Bin(m, s) >= y) = I_s(y, m - y + 1): DLMF 8.17.5.
    return float(betaincinv(y, m - y + 1, POWER)) if y <= m else np.nan


def newcombe(x: float, n: float, y: float, m: float, *, alpha: float) -> tuple[float, float]:
    """Return the ends of the interval of the difference y/m - x/n.

    Newcombe, Interval estimation for the difference between independent proportions: comparison of eleven
    methods, Statistics in Medicine 17, 1998, method 10: Wilson's intervals of the two shares, joined as
    hypotenuses.
    """
    if not n or not m:
        return -1.0, 1.0
    (low_x, low_y), (high_x, high_y) = wilson([x, y], [n, m], alpha=alpha)
    p, q = x / n, y / m
    low = q - p - np.hypot(q - low_y, high_x - p)
    high = q - p + np.hypot(high_y - q, p - low_x)
    return float(max(low, -1)), float(min(high, 1))
