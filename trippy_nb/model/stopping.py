"""How many flows show all next hops of a balancer: the stopping rule of the MDA, exactly.

A node that balances uniformly over K next hops has shown all of them to n flows with the probability

    1 - sum over i = 1 .. K of (-1)^(i-1) C(K, i) ((K - i) / K)^n

(inclusion and exclusion). So if k are known, n_k flows are enough to say that there is no (k+1)th with an
error of at most alpha: the least n for which that sum, with K = k + 1, is at most alpha. For 95 % they are
6, 11, 16, 21, 27, 33, ...; for 99 % 8, 15, 21, 28, 36, 43, ...: the numbers of scamper's tracelb. (The
rule is that of Veitch, Augustin, Teixeira, Friedman, Failure control in multipath route tracing, INFOCOM
2009.) The bound of Augustin et al. 2007, which diamond-miner uses, is a little larger for small k.
"""

from functools import cache, lru_cache
from math import comb
from typing import Final

MOST_NEXT_HOPS: Final = 512
"""More next hops of one node are not reckoned with: what is asked of that many is asked of all."""


def hidden_ratio(next_hops: int, flows: int) -> float:
    """Tell how likely it is that a node hides one more next hop from so many flows, if it has one more.

    Parameters
    ----------
    next_hops
        Known next hops, 1 or more.
    flows
        Flows through the node whose next hop is known.

    Returns
    -------
    ratio
        From 0 to 1; of a node that balances uniformly over one more than are known.
    """
    return _missed(min(next_hops, MOST_NEXT_HOPS) + 1, flows)


@cache
def flows_needed(next_hops: int, confidence: float) -> int:
    """Tell how many flows must have passed a node before its known next hops are believed to be all.

    Parameters
    ----------
    next_hops
        Known next hops, 1 or more.
    confidence
        Probability, over 0 and under 1, to be right about a node that balances uniformly.
    """
    alpha = 1 - confidence
    low, high = 0, 1
    while hidden_ratio(next_hops, high) > alpha * (1 + 1e-12):  # 1 - 0.95 is a little more than 0.05
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if hidden_ratio(next_hops, middle) > alpha * (1 + 1e-12):
            low = middle
        else:
            high = middle
    return high


@lru_cache(maxsize=65_536)
def _missed(ways: int, flows: int) -> float:
    # In whole numbers: alternating floats of this size would leave nothing but rounding.
    total = sum((-1) ** (i - 1) * comb(ways, i) * (ways - i) ** flows for i in range(1, ways + 1))
    return float(total / ways**flows)
