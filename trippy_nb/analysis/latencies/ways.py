"""Whether slow answers may be no more than answers that came another way.

Where branches have different lengths, RTTs of those behind them lie on several levels, and nothing queues.
Responders that differ show it; a silent router on each branch, a bundle of cables or a tunnel does not
(Pelsser et al., From Paris to Tokyo: on the suitability of ping to measure latency, IMC 2013, found flows
that differ by milliseconds between the same two hosts). Two things a branch cannot do:

* **come in spells.** Which way a flow or a packet takes does not go with the time. Where each flow was asked
  once, or packets of one flow are dealt out, slow and fast answers follow one another as in any other order;
* **leave a flow alone.** All packets of a flow take one way, so a flow that is slow at a hop is slow behind
  it. A queue that every packet meets anew is not.
"""

from dataclasses import dataclass

import numpy as np

from trippy_nb.analysis.arrays import Bools, Floats, Ints
from trippy_nb.analysis.orders import chance_of_runs
from trippy_nb.analysis.ratios import wilson


@dataclass(frozen=True, slots=True)
class Rows:
    """Answers of one responder, in the order of time, and what else was seen in their rounds."""

    excess: Floats
    """How far each was above the base, ms."""
    flow: Ints
    behind: Floats
    """How far answers of each TTL behind were above their base, ms; NaN where that is not known."""
    silent: float
    """At the TTL before it where most were: the share of these rows in which nobody answered."""


def may_be_ways(rows: Rows, limit_ms: float, *, hops: int, alpha: float) -> bool:
    """Tell whether ways that nobody showed may explain which answers are slow.

    Parameters
    ----------
    rows
        Some of them slow, and nobody seen to take turns before the hop.
    limit_ms
        How far above its base a slow answer is. Half of that is asked for where answers are compared: those
        of a way are about as slow as one another.
    hops
        How many hops this is asked of.
    alpha
        Chance that what ways explain is taken for something else, at any of them.

    Notes
    -----
    Hidden ways of the packets of one flow must be hidden somewhere: where at every TTL before the hop one
    router answers in all rows but half as many as are slow, there are none.
    """
    slow = rows.excess > limit_ms
    hidden = rows.silent >= slow.mean() / 2
    parted = bool(np.any(rows.flow != rows.flow[0]))
    if not (hidden or parted) or _come_in_spells(rows.excess > limit_ms / 2, rows.flow, alpha / hops):
        return False
    return hidden or not _leave_flows_alone(rows, limit_ms, alpha)


def _come_in_spells(slow: Bools, flow: Ints, alpha: float) -> bool:
    """Tell whether slow answers follow one another more often than in any other order of these flows."""
    if np.any(flow != flow[0]):
        first = np.append(True, flow[1:] != flow[:-1])  # attempts of a round are of one flow
        slow, flow = slow[first], flow[first]
        if len(np.unique(flow)) < len(flow):
            return False  # flows that are asked by turns bring their own order
    return chance_of_runs(slow) <= alpha


def _leave_flows_alone(rows: Rows, limit_ms: float, alpha: float) -> bool:
    """Tell whether most flows that are slow here are not slow at some hop behind.

    Nearly all would be if it were for their ways: so far from one half, `alpha` need not be divided by the
    number of hops.
    """
    behind = rows.behind[rows.excess > limit_ms]
    n = np.count_nonzero(~np.isnan(behind), axis=0)
    some = n > 0
    if not some.any():
        return False
    with np.errstate(invalid="ignore"):
        passed = np.count_nonzero(behind > limit_ms / 2, axis=0)
    high = wilson(passed[some], n[some], alpha=alpha)[1]
    return bool(np.any(high < 1 / 2))
