"""Whether marks in a row come in spells, or as in any other order of them: the test of runs, exact.

Wald and Wolfowitz, On a test whether two samples are from the same population, Annals of Mathematical
Statistics 11, 1940: all orders of so many marked and unmarked ones are as likely; a run is a stretch of
equal ones.
"""

import numpy as np

from trippy_nb.analysis.arrays import Bools, Floats, Ints


def chance_of_runs(marks: Bools) -> float:
    """Return the chance of so few runs, of both kinds together, in any order of these marks."""
    some, every = int(np.count_nonzero(marks)), len(marks)
    few, many = sorted((some, every - some))
    if few == 0:
        return 1.0
    count = int(np.count_nonzero(marks[1:] != marks[:-1])) + 1
    short = np.arange(2, count + 1, dtype=np.int64) // 2
    long = np.arange(2, count + 1, dtype=np.int64) - short
    ways = np.logaddexp(_cuts(few, short) + _cuts(many, long), _cuts(few, long) + _cuts(many, short))
    return _sum(ways - _log_choose(every, some))


def chance_of_stretches(count: int, some: int, every: int) -> float:
    """Return the chance of so few runs, or fewer, of the marked ones alone.

    Each of them begins in a gap of its own between the others.

    Parameters
    ----------
    count
        How many there are.
    some, every
        How many are marked, and of how many.
    """
    runs = np.arange(1, min(count, every - some + 1) + 1)
    return _sum(_cuts(some, runs) + _log_choose(every - some + 1, runs) - _log_choose(every, some))


def _log_choose(whole: Ints | int, part: Ints | int) -> Floats:
    from scipy.special import gammaln

    result: Floats = (
        gammaln(np.add(whole, 1)) - gammaln(np.add(part, 1)) - gammaln(np.subtract(whole, part) + 1)
    )
    return result


def _cuts(total: int, parts: Ints) -> Floats:
    """Return the logarithm of the number of ways to cut a row into so many parts, none of them empty."""
    inside = (parts >= 1) & (parts <= total)
    ways: Floats = np.where(inside, _log_choose(total - 1, np.clip(parts, 1, total) - 1), -np.inf)
    return ways


def _sum(logs: Floats) -> float:
    return min(float(np.exp(logs).sum()), 1.0)
