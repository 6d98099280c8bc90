"""What is thought of hops and links before anything is seen, and the grids on which it is weighed.

Nothing here was measured on the Internet: the numbers say what an engineer would bet, and are few. A
verdict that needs more than 19 to 1 does not hang on them where the counts speak; docs/loss.md shows how
far it does.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from trippy_nb.analysis.arrays import Bools, Floats

LOSSY_LINK = 0.02
"""Chance that a link loses packets at all."""
LIMITS = 0.15
"""Chance that a router leaves probes unanswered: it should limit its errors (RFC 1812, 4.3.2.8)."""
NEVER_ANSWERS = 0.05
"""Chance that a hop is silent by policy."""
SILENT_BRANCH = 0.02
"""Chance that beside a router, the only one seen there, another one stands that never answers."""
RETURN_BEGINS, RETURN_ENDS = 0.002, 0.3
"""Chances, hop by hop, that answers begin to come back over a way that loses some, and that they no longer
do. Small beside LIMITS: one hop that answers less than those behind it is known for its limit in the first
place."""
ALIKE_BEGINS = 0.02
"""Chance, hop by hop, that routers begin which all limit their answers alike: one configuration, or one
default of their maker. It is over as soon as a way back is; the target, another machine, is none of them."""
ALIKE_MUTE = NEVER_ANSWERS / (LIMITS + NEVER_ANSWERS)
"""Of such stretches, those whose routers never answer."""

_LINK_SHAPE = 0.6, 3.0
"""Of the beta distribution of the share that a lossy link loses: mostly little, on average 17 %."""
_OUTAGE = 0.05
"""Of lossy links, those that lose everything."""

PATTERNS = ("untested", "random", "even", "bursts")
"""What the order of answers and silences looks like."""
PATTERN_IF_LOST = np.array([1.0, 0.699, 0.001, 0.3])
"""Chance of each if packets are lost: by the tests themselves chance is even about once in 1,000; congestion
comes in bursts, and all hops behind it show them, so they must not speak against loss at each of them."""
PATTERN_IF_LIMITED = np.array([1.0, 0.25, 0.5, 0.25])
"""Chance of each if a router limits its answers: a bucket that has run dry answers once an interval, one that
fills between rounds, in bursts; a router that is busy at random does so at random."""
PATTERN_IF_BESIDE = np.array([1.0, 0.96, 0.02, 0.02])
"""Chance of each if flows, one after the other, are shared out between who answers and who never does: a good
hash looks like chance; that of ports which count up may not."""

_LIMIT_SHAPE = 1.0, 2.0
"""Of the beta distribution of the share that a limiter leaves unanswered: any, but not all; on average a
third."""

_SMALLEST, _FINE, _DEAD = 8e-4, 0.1, 12.0
_FINE_STEPS, _COARSE_STEPS = 48, 62
_OWN, _RETURNS = 30, 20


@dataclass(frozen=True, slots=True)
class Grid:
    """States of a hop: what survives the way there, what the way back loses, what the hop keeps back."""

    depth: Floats
    """Minus the logarithm of the share of packets that arrive; from 0. (G,)"""
    steps: Floats
    """Chance of each step from one depth to another over one link. (G, G), rows sum to 1."""
    back: Floats
    """Share that a stretch of hops misses: 0; then those that a way back loses; then those that routers which
    limit alike keep back; then all, of those that are silent alike. (R,)"""
    turns: Floats
    """Chance of each step from one of those to another. (R, R), rows sum to 1."""
    own: Floats
    """Share of probes that the hop itself leaves unanswered: none, then those of limits, then all. (K,)"""
    own_weights: Floats
    """Chance of each, before anything is seen. (K,)"""
    log_answered: Floats
    """Logarithm of the chance of an answer. (G * R, K)"""
    log_silent: Floats
    """Logarithm of the chance of none. (G * R, K)"""

    silent: Floats
    """Chance of no answer. (G * R, K)"""
    kinds: Floats
    """Which of `own` are those of limits, and which is that of never. (K, 2)"""
    parts: Floats
    """What a hop keeps back by limits, what by never, one, and what it lets pass. (K, 4)"""

    @property
    def alike(self) -> Bools:
        """Which of `back` are those of routers alike, not of a way back: (R,)."""
        return np.arange(len(self.back)) > _RETURNS

    @property
    def mute(self) -> Bools:
        """Which of `back` is that of routers that never answer: (R,)."""
        mute: Bools = np.arange(len(self.back)) == 2 * _RETURNS + 1
        return mute

    @property
    def survival(self) -> Floats:
        """Share of packets that arrive, of each depth."""
        return np.exp(-self.depth)


@cache
def grid() -> Grid:
    """Make the grid: always the same one."""
    from scipy.special import betainc

    coarse = _shares(_COARSE_STEPS, from_=_FINE)[1:-1]
    depth = np.concatenate(
        [[0.0], np.geomspace(_SMALLEST, -np.log(1 - _FINE), _FINE_STEPS), -np.log(1 - coarse), [_DEAD]]
    )
    ways, limits = _shares(_RETURNS), _shares(_OWN)
    back = np.concatenate([[0.0], _middles(ways), _middles(ways), [1.0]])
    own = np.concatenate([[0.0], _middles(limits), [1.0]])
    shaped = np.diff(betainc(*_LIMIT_SHAPE, limits))
    weights = np.concatenate([[1 - LIMITS - NEVER_ANSWERS], LIMITS * shaped, [NEVER_ANSWERS]])
    answered = (np.exp(-depth)[:, None] * (1 - back)).reshape(-1, 1) * (1 - own)
    never = np.arange(len(own)) == len(own) - 1
    limited = (np.arange(len(own)) > 0) & ~never
    tiny = 1e-12  # an answer where none can be, or the reverse: out of the question, but a number
    return Grid(
        depth=depth,
        steps=_steps(depth),
        back=back,
        turns=_turns(np.diff(ways)),
        own=own,
        own_weights=weights,
        log_answered=np.log(np.maximum(answered, tiny)),
        log_silent=np.log(np.maximum(1 - answered, tiny)),
        silent=np.maximum(1 - answered, tiny),
        kinds=np.stack([limited, never], axis=1),
        parts=np.stack([own * limited, own * never, np.ones(len(own)), 1 - own], axis=1),
    )


def _shares(cells: int, *, from_: float = 0.0) -> Floats:
    """Cut shares up to 1 so that each cell is as wide as counts of one size are uncertain there (arcsine)."""
    return np.asarray(np.sin(np.linspace(np.arcsin(np.sqrt(from_)), np.pi / 2, cells + 1)) ** 2)


def _middles(edges: Floats) -> Floats:
    return (edges[1:] + edges[:-1]) / 2


def _steps(depth: Floats) -> Floats:
    """Weigh the steps over one link: none, mostly; else as the share lost is distributed."""
    from scipy.special import betainc

    edges = np.append((depth[1:] + depth[:-1]) / 2, np.inf)
    further = np.maximum(edges[None, :] - depth[:, None], 0.0)
    lost = 1 - np.exp(-further)
    mass = np.diff(betainc(*_LINK_SHAPE, lost), axis=1, prepend=0.0) * (1 - _OUTAGE)
    mass[:, -1] += _OUTAGE
    # What the grid is too coarse for is shared out among the steps that it has.
    steps: Floats = np.triu(mass, 1)
    steps *= LOSSY_LINK / np.maximum(steps.sum(axis=1, keepdims=True), LOSSY_LINK)
    steps[np.diag_indices(len(depth))] = 1 - steps.sum(axis=1)
    return steps


def _turns(weights: Floats) -> Floats:
    """Weigh the steps from one stretch of hops to another: of none, of a way back, of routers alike."""
    alike = ALIKE_BEGINS * np.append((1 - ALIKE_MUTE) * weights, ALIKE_MUTE)
    begins = np.concatenate([RETURN_BEGINS * weights, alike])
    turns = np.zeros((len(begins) + 1, len(begins) + 1))
    turns[0, 0], turns[0, 1:] = 1 - begins.sum(), begins
    turns[1:, 0] = RETURN_ENDS
    turns[np.arange(1, len(turns)), np.arange(1, len(turns))] = 1 - RETURN_ENDS
    return turns
