"""The target's own TTL, where a flow lost the answer that would have shown it.

Where each round is a flow of its own, as with Paris probes over UDP, a lost answer of the target at TTL 5
makes a flow that heard nobody at 5 and the target at 6: a loss, or a longer way with a silent router. It is
taken for a loss as long as losses explain it. They do not if so many flows lost just one answer that some
should have lost the next one, too; nor if one flow lost answer after answer where the others got theirs.
The test is ours.
"""

import numpy as np

from trippy_nb.analysis.arrays import Bools, Ints, distinct, spread

NEVER = 1 << 20
"""Larger than any TTL."""
_HARDLY = 0.05
"""Less likely than this, losses are no explanation."""


def least_of(values: Ints, groups: Ints, count: int) -> Ints:
    """Return the least value of each group; NEVER where there is none."""
    out = np.full(count, NEVER, dtype=np.int64)
    np.minimum.at(out, groups, values)
    return out


def greatest_of(values: Ints, groups: Ints, count: int) -> Ints:
    """Return the greatest value of each group; -1 where there is none."""
    out = np.full(count, -1, dtype=np.int64)
    np.maximum.at(out, groups, values)
    return out


def pooled(
    nearest: Ints,
    here: Ints,
    last_router: Ints,
    of_path: tuple[Ints, Ints],
    of_cell: tuple[Ints, Bools, Ints],
) -> Ints:
    """Put the target of flows that lost its answer where other flows of the run met it.

    Parameters
    ----------
    nearest
        Of each flow: smallest TTL at which the target answered; NEVER if it did not.
    here, last_router
        Of each path (run, round, flow): the same, and the largest TTL of another answer, -1 if there is none.
    of_path
        Run and flow (its number, from 0) of each path.
    of_cell
        TTL of each cell, whether nobody answered there, and the first cell of each path.
    """
    run, series = of_path
    count = len(nearest)
    of_flow = np.zeros(count, dtype=np.int64)
    of_flow[series] = run
    _, number, sizes = distinct(of_flow)
    reached = nearest < NEVER
    soonest = least_of(nearest, number, len(sizes))[number]
    farthest = greatest_of(last_router, series, count)
    later = reached & (nearest > soonest) & (farthest < nearest - 1)
    if not later.any():
        return nearest
    ttl, quiet, heads = of_cell
    at = np.flatnonzero(quiet & later[spread(series, heads, len(ttl))])
    flow = series[np.searchsorted(heads, at, side="right") - 1]
    answers = np.bincount(number[series[here < NEVER]], minlength=len(sizes))
    found = nearest.copy()
    for which in np.unique(number[later]).tolist():
        flows = np.flatnonzero((number == which) & reached)
        ends = np.unique(nearest[flows[~later[flows]]])
        late = flows[later[flows]]
        place = np.searchsorted(ends, nearest[late]) - 1
        there = ends[place]
        kept = there > farthest[late]  # a router answered where the others met the target
        late, there = late[kept], there[kept]
        end = np.full(count, NEVER, dtype=np.int64)
        end[late] = there
        lost = np.bincount(flow[(ttl[at] >= end[flow]) & (ttl[at] < nearest[flow])], minlength=count)[late]
        explained = _explained(lost, int(answers[which]), len(flows))
        found[late[explained]] = there[explained]
    return found


def _explained(lost: Ints, answers: int, flows: int) -> Bools:
    """Tell which flows may have lost so many answers of the target, if it gave so many in all."""
    ratio = lost.sum() / max(lost.sum() + answers, 1)
    others = int((lost - 1).clip(min=0).sum())
    one_each = len(lost) if others == 0 else 0
    if (1 - ratio) ** one_each < _HARDLY:
        return np.zeros(len(lost), dtype=np.bool_)
    chance = np.where(lost > 1, flows * ratio ** (lost - 1.0).clip(min=0), 1.0)
    result: Bools = (lost > 0) & (chance >= _HARDLY)
    return result
