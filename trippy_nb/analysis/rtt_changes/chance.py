"""Which stretches are no more than noise: too short, too small a step, or spikes that happened to meet.

The penalty of `segments` holds for the noise it assumes. Answers of a slow path come at two levels by
turns; sooner or later several slow ones follow one another, and look like a short stretch. So each
stretch is asked: of all samples elsewhere, on levels on the other side, what share q lies as far off as
this stretch does? A run of L samples of which a share r is that far off comes about by chance at a given
place with a probability of at most exp(-L KL(r, q)), KL(r, q) = r ln(r/q) + (1-r) ln((1-r)/(1-q))
(Chernoff's bound for binomial counts; the tests hold it against the binomial distribution), and there
are n places.

That takes the share of the others for the truth, and in a short series they have few far samples because
the stretch has them. `by_chance` asks what does not depend on it: were any order of the samples as likely, as
where packets or flows are dealt out over ways of different length, how many such stretches would there be?
That is a hypergeometric tail.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import lgamma, log1p

import numpy as np

from trippy_nb.analysis.arrays import Bools, Floats, Ints

LEAST = 3
"""Samples in a stretch, as in the evaluation of Shao et al. (cpt_evaluation.py of their repository)."""


def kept(rtt: Floats, cuts: Ints, *, min_shift_ms: float, alpha: float, worth: float) -> Ints:
    """Return the changes that remain; where one goes, its two stretches are one.

    Parameters
    ----------
    rtt
        Milliseconds, none missing, in the order of time.
    cuts
        Where new stretches begin, in order, without 0.
    min_shift_ms
        Smallest difference of medians that counts.
    alpha
        Chance, for the series, of a stretch that is none.
    worth
        How many samples in a row are worth one that is independent of the others.
    """
    bounds, levels = _stretches(rtt, cuts.tolist())
    while True:
        _drop_small(rtt, bounds, levels, min_shift_ms)
        doubtful = np.log(alpha) < _log_chances(rtt, bounds, levels, worth)
        if not doubtful.any():
            return np.array(bounds[1:-1], dtype=np.int64)
        # The last first, so that those before keep their numbers; neighbours have to wait for their turn.
        last = len(levels) + 1
        for number in np.flatnonzero(doubtful)[::-1].tolist():
            if number >= last - 1:
                continue
            pair = min(number, _nearer(levels, number))
            if pair < last - 1:
                last = pair
                _join(rtt, bounds, levels, last)


def _stretches(rtt: Floats, cuts: Sequence[int]) -> tuple[list[int], list[float]]:
    """Return where stretches begin, and where the last ends; and the median of each."""
    bounds = [0, *cuts, len(rtt)]
    return bounds, [float(np.median(rtt[a:b])) for a, b in pairwise(bounds)]


def by_chance(rtt: Floats, cuts: Sequence[int], worth: float) -> Floats:
    """Return, for each change, how many like it there would be if any order of the samples were as likely.

    Of the stretches before and after, the one that is less likely to come about tells: it may be short, and
    the others what is usual.

    Parameters
    ----------
    rtt
        Milliseconds, none missing, in the order of time.
    cuts
        Where new stretches begin, in order, without 0.
    worth
        How many samples in a row are worth one that is independent of the others.
    """
    bounds, levels = _stretches(rtt, cuts)
    at = np.repeat(levels, np.diff(bounds))
    logs = np.empty(len(cuts))
    for number in range(len(cuts)):
        before, after = levels[number : number + 2]
        middle, rises = (before + after) / 2, after > before
        high, on_high = rtt > middle, at > middle
        # Samples of other levels on the same side as a stretch are left off: they may be changes, too.
        tails = [
            _tail(high == side, on_high != side, slice(*bounds[number + place : number + place + 2]))
            for place, side in ((0, not rises), (1, rises))
        ]
        logs[number] = np.log(len(rtt)) + min(tails) / worth
    result: Floats = np.exp(np.minimum(logs, 0.0))
    return result


def _tail(far: Bools, elsewhere: Bools, stretch: slice) -> float:
    """Return the logarithm of the chance that a stretch has so many of all far samples."""
    length, inside = stretch.stop - stretch.start, int(np.count_nonzero(far[stretch]))
    in_all = inside + int(np.count_nonzero(far & elsewhere))
    return log_tail(inside, length, in_all, length + int(np.count_nonzero(elsewhere)))


def log_tail(x: int, draws: int, good: int, n: int) -> float:
    """Return the logarithm of the chance to draw x or more of the good ones, of n in all, or a bound above.

    The terms of a hypergeometric tail fall faster and faster: it is at most the geometric series that begins
    like it. 0 if x is not above the mean.
    """
    if x * n <= draws * good:
        return 0.0
    first = _log_choose(good, x) + _log_choose(n - good, draws - x) - _log_choose(n, draws)
    ratio = (good - x) * (draws - x) / ((x + 1) * (n - good - draws + x + 1))
    return min(first - log1p(-ratio), 0.0)


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def _drop_small(rtt: Floats, bounds: list[int], levels: list[float], min_shift_ms: float) -> None:
    """Drop the smallest step while one is too small, then the shortest stretch while one is too short."""
    while len(levels) > 1:
        steps = np.abs(np.diff(levels))
        lengths = np.diff(bounds)
        if steps.min() < min_shift_ms:
            _join(rtt, bounds, levels, int(steps.argmin()))
        elif lengths.min() < LEAST:
            short = int(lengths.argmin())
            _join(rtt, bounds, levels, min(short, _nearer(levels, short)))
        else:
            return


def _join(rtt: Floats, bounds: list[int], levels: list[float], number: int) -> None:
    """Make one stretch of this one and the next."""
    del bounds[number + 1], levels[number + 1]
    levels[number] = float(np.median(rtt[bounds[number] : bounds[number + 1]]))


def _nearer(levels: Sequence[float], number: int) -> int:
    """Return the neighbour whose level is nearer."""
    around = [place for place in (number - 1, number + 1) if 0 <= place < len(levels)]
    return min(around, key=lambda place: abs(levels[place] - levels[number]))


def _log_chances(rtt: Floats, bounds: list[int], levels: list[float], worth: float) -> Floats:
    """Return, for each stretch, the logarithm of how many such runs there would be by chance."""
    if len(levels) < 2:  # noqa: PLR2004 - the whole series
        return np.full(len(levels), -np.inf)
    lengths = np.diff(bounds)
    at = np.repeat(np.array(levels), lengths)
    chances = np.empty(len(levels))
    for number, level in enumerate(levels):
        middle = (level + levels[_nearer(levels, number)]) / 2
        far: Bools = rtt > middle if level > middle else rtt < middle
        elsewhere: Bools = at < middle if level > middle else at > middle
        q = (np.count_nonzero(far & elsewhere) + 1) / (np.count_nonzero(elsewhere) + 2)
        r = np.count_nonzero(far[bounds[number] : bounds[number + 1]]) / lengths[number]
        chances[number] = np.log(len(rtt)) - lengths[number] / worth * _divergence(r, q)
    return chances


def _divergence(r: float, q: float) -> float:
    """Return the Kullback-Leibler divergence of two shares; 0 if the first is not the larger."""
    if r <= q:
        return 0.0
    return float(r * np.log(r / q) + ((1 - r) * np.log((1 - r) / (1 - q)) if r < 1 else 0.0))
