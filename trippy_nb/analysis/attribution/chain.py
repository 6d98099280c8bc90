"""One path, hop by hop: where packets were lost, given how many of each hop's probes were answered.

Each probe is a packet of its own. The one sent to hop t is answered with the chance

    S(t) * (1 - g(t)) * (1 - s),    S(t) = (1 - f(1)) ... (1 - f(t))

S(t) is what survives the links up to t; a link that loses the share f takes it from every hop behind it,
and from the target. g(t) is what the way back of this stretch of hops alone loses; it ends before the path
does, else nothing would tell it from f. s is what the hop itself leaves unanswered. Along the path (S, g)
is a Markov chain whose steps are mostly none; s is each hop's own. So all of them are weighed together,
exactly on a grid, by the forward and the backward recursion of a hidden Markov model: any number of lossy
links, of limiters and of silent hops.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from trippy_nb.analysis.arrays import Floats
from trippy_nb.analysis.attribution.priors import (
    PATTERN_IF_LIMITED,
    PATTERN_IF_LOST,
    PATTERNS,
    Grid,
    grid,
)

MOST_COUNTED = 1000
"""Probes of one hop that callers should give; of more, the shares of so many. Losses come in bursts: they
are no tosses of a coin, and what the grid cannot resolve would look like a cause."""


@dataclass(frozen=True, slots=True)
class Spot:
    """One hop as the chain sees it: counts of one responder at one TTL."""

    n: float
    """Probes whose fate is known."""
    answered: float
    pattern: str = "untested"
    """One of `PATTERNS`."""
    target: bool = False
    """It is the target: no router like those before it."""

    def scaled(self, factor: float) -> "Spot":
        """The same shares of more probes."""
        return replace(self, n=self.n * factor, answered=self.answered * factor)


@dataclass(frozen=True, slots=True)
class SpotCauses:
    """Of one hop: how sure each cause is, and how many silences it accounts for."""

    limits: float
    """Chance that the hop leaves some unanswered itself."""
    never: float
    """Chance that it never answers."""
    returns: float
    """Chance that the way back of this stretch of hops loses some."""
    before: float
    """Chance that some link before the one into this hop loses some."""
    shares: tuple[float, float, float, float, float]
    """Share of its silences that is expected to be due to limit, policy, the link into the hop, links
    before it, and the way back of this stretch. They sum to 1."""
    answers: float
    """Share of probes that it is expected to answer."""


NOTHING = SpotCauses(0.0, 0.0, 0.0, 0.0, (0.0, 0.0, 0.0, 0.0, 0.0), 1.0)
"""Of a hop that answered all: it is not asked what its silences are due to."""


@dataclass(frozen=True, slots=True)
class LinkLoss:
    """Of one link: how sure it is that it loses some, and how much."""

    chance: float
    ratio: float
    """Expected share it loses, if it loses any."""
    low: float
    high: float
    """Ends of the interval that holds it with 95 %, if it loses any."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """What the counts of one path say."""

    log_evidence: float
    links: tuple[LinkLoss, ...]
    """One for each level: the link into it."""
    spots: tuple[tuple[SpotCauses, ...], ...]
    """One for each spot of each level."""


def weigh(levels: Sequence[Sequence[Spot]]) -> Weighed:
    """Weigh all explanations of the silences along one path.

    Parameters
    ----------
    levels
        Hop by hop, nearest first. Those of one level share what survives the way there (branches of a
        balancer), and differ in what they leave unanswered themselves.

    Returns
    -------
    weighed
        Levels and spots in the same order.
    """
    chain = _Chain(levels)
    return Weighed(
        log_evidence=chain.log_evidence,
        links=tuple(chain.link(t) for t in range(len(levels))),
        spots=tuple(
            tuple(chain.spot(t, spot) if spot.answered < spot.n else NOTHING for spot in level)
            for t, level in enumerate(levels)
        ),
    )


def log_evidence(levels: Sequence[Sequence[Spot]]) -> float:
    """Return the logarithm of the chance of these counts, whatever the causes: what `weigh` would say."""
    return _Chain(levels).log_evidence


class _Chain:
    """The recursions of Rabiner, scaled level by level."""

    def __init__(self, levels: Sequence[Sequence[Spot]]) -> None:
        self.grid: Grid = grid()
        self.shape = len(self.grid.depth), len(self.grid.back)
        self.known: dict[Spot, tuple[Floats, Floats, float]] = {}
        seen = [self._level(level) for level in levels]
        self.log_evidence = sum(log for _, log in seen)
        self.chances = self._ended([chance for chance, _ in seen], levels)
        self.forward: list[Floats] = []
        """What is thought of the level before, and then of each level, of all that was seen up to it. (G,
        R)"""
        start = np.zeros(self.shape)
        start[0, 0] = 1.0
        self.forward.append(start)
        for chance in self.chances:
            ahead = (self.grid.steps.T @ (self.forward[-1] @ self.grid.turns)) * chance
            total = ahead.sum()
            self.log_evidence += float(np.log(total))
            self.forward.append(ahead / total)
        self.backward = self._backward()

    def _level(self, level: Sequence[Spot]) -> tuple[Floats, float]:
        chance, log = np.ones(self.shape), 0.0
        for spot in level:
            _, one, scale = self._spot(spot)
            chance = chance * one.reshape(self.shape)
            log += scale
        return chance, log

    def _spot(self, spot: Spot) -> tuple[Floats, Floats, float]:
        """Weigh its counts, but for a factor, whose logarithm comes last.

        First their chance in each state and for each share of its own, (G * R, K); then in each state.
        """
        if spot not in self.known:
            silent = spot.n - spot.answered
            log = spot.answered * self.grid.log_answered + silent * self.grid.log_silent
            scale = float(log.max())
            number = PATTERNS.index(spot.pattern)
            own = np.exp(log - scale) * (self.grid.own_weights * PATTERN_IF_LIMITED[number])
            # What does not limit its answers, neither by itself nor as its neighbours do.
            lost = np.tile(~self.grid.alike, len(self.grid.depth))
            own[lost, 0] *= PATTERN_IF_LOST[number] / PATTERN_IF_LIMITED[number]
            self.known[spot] = own, own.sum(axis=1), scale
        return self.known[spot]

    def _ended(self, chances: list[Floats], levels: Sequence[Sequence[Spot]]) -> list[Floats]:
        """Let the way back be sound from the farthest level on that answered, and the target be no router."""
        heard = [t for t, level in enumerate(levels) if any(spot.answered for spot in level)]
        last = heard[-1] if heard else 0
        over = np.ones(len(self.grid.back), dtype=np.bool_)
        if not any(spot.target for spot in levels[last]):
            over &= ~self.grid.alike
        over[0] = False
        for t in range(last, len(levels)):
            chances[t] = chances[t].copy()
            chances[t][:, over] = 0.0
        return chances

    def _backward(self) -> list[Floats]:
        """What is seen beyond each level, given its state; in the order of levels."""
        beyond = [np.ones(self.shape)]
        for chance in reversed(self.chances):
            back = self.grid.steps @ (chance * beyond[-1]) @ self.grid.turns.T
            beyond.append(back / back.max())
        return beyond[-2::-1]

    def _here(self, t: int) -> Floats:
        state: Floats = self.forward[t + 1] * self.backward[t]
        state /= state.sum()
        return state

    def link(self, t: int) -> LinkLoss:
        """Weigh the link into a level."""
        came = self.forward[t] @ self.grid.turns
        seen = self.chances[t] * self.backward[t]
        both = (came @ seen.T) * self.grid.steps  # from depth (rows) to depth
        both /= both.sum()
        step = np.triu(both, 1)
        chance = float(step.sum())
        if chance <= 0:
            return LinkLoss(0.0, np.nan, np.nan, np.nan)
        near, far = np.nonzero(step > chance * 1e-9)
        weights = step[near, far] / step[near, far].sum()
        lost = 1 - np.exp(self.grid.depth[near] - self.grid.depth[far])
        low, high = _quantiles(lost, weights, (0.025, 0.975))
        return LinkLoss(min(chance, 1.0), float(weights @ lost), low, high)

    def spot(self, t: int, spot: Spot) -> SpotCauses:
        """Weigh what the silences of one spot are due to."""
        made, here, (own, total, _) = self.grid, self._here(t), self._spot(spot)
        weight = here.ravel() / np.maximum(total, np.finfo(float).tiny)
        kinds = weight[:, None] * (own @ made.kinds)
        alike, mute = (np.tile(which, len(made.depth)) for which in (made.alike, made.mute))
        stretch_limits = alike & ~mute
        never = float(kinds[~mute, 1].sum() + here[:, made.mute].sum())
        # Who never answers limits nothing, whatever its neighbours do.
        limits = float(
            kinds[~alike, 0].sum() + here.ravel()[stretch_limits].sum() - kinds[stretch_limits, 1].sum()
        )
        # Of a silence in each state: what of it is due to which cause.
        kept, policy, any_, passed = (weight[:, None] * ((own / made.silent) @ made.parts)).T
        before, arrived = self._arrived(t)
        there = np.repeat(made.survival, len(made.back))
        back = np.tile(made.back, len(made.depth))
        stretch = there * back * passed
        parts = np.array(
            [
                (there * kept)[~mute].sum() + stretch[stretch_limits].sum(),
                there @ policy + (there * kept + stretch)[mute].sum(),
                (arrived - there) @ any_,
                (1 - arrived) @ any_,
                stretch[~alike].sum(),
            ]
        )
        shares = np.maximum(parts, 0.0)
        share = (shares / shares.sum()).tolist()
        return SpotCauses(
            limits=limits,
            never=never,
            returns=float(here[:, 1:][:, ~made.alike[1:]].sum()),
            before=float(here.ravel() @ before),
            shares=(share[0], share[1], share[2], share[3], share[4]),
            answers=float((weight * there * (1 - back)) @ (own @ (1 - made.own))),
        )

    def _arrived(self, t: int) -> tuple[Floats, Floats]:
        """Return, of each state, the chance that a nearer link loses some, and what those let pass."""
        came = self.forward[t] @ self.grid.turns
        through = np.maximum(self.grid.steps.T @ came, np.finfo(float).tiny)
        arrived = self.grid.steps.T @ (self.grid.survival[:, None] * came) / through
        whole = self.grid.steps[0][:, None] * came[0] / through
        return (1 - whole).ravel(), arrived.ravel()


def _quantiles(values: Floats, weights: Floats, at: tuple[float, float]) -> tuple[float, float]:
    """Return where a weighted sample has these shares below it."""
    order = np.argsort(values, kind="stable")
    values, weights = values[order], weights[order]
    middle = np.cumsum(weights) - weights / 2
    low, high = np.interp(at, middle, values)
    return float(low), float(high)
