"""How long a packet takes, and the dice that decide it.

Chance here has no state. A packet's fate is a pure function of (scenario seed, moment, bytes, place), so it
does not depend on what else was sent, nor on the order in which anybody asks; and changing one link
changes nothing on the others. A delay is drawn by inverting its distribution function at a uniform number.
"""

import hashlib
import math
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache

_MASK = (1 << 64) - 1
_TWO_TO_MINUS_53 = 2.0**-53


class Dice:
    """Uniform numbers for one scenario.

    Parameters
    ----------
    seed
        Any whole number; another seed is another world.
    """

    __slots__ = ("_keyed",)

    def __init__(self, seed: int) -> None:
        self._keyed = hashlib.blake2b(digest_size=8, key=repr(seed).encode())

    def packet(self, packet: bytes, at_ns: int) -> int:
        """64 bits that belong to these bytes at this moment."""
        state = self._keyed.copy()  # a copy costs 0.4 us, a keyed hash made anew 0.6 us
        state.update(at_ns.to_bytes(8, "big", signed=True))
        state.update(packet)
        return int.from_bytes(state.digest(), "big")

    def place(self, *name: object) -> int:
        """64 bits that belong to a place and purpose, such as one direction of one link."""
        state = self._keyed.copy()
        state.update(repr(name).encode())
        return int.from_bytes(state.digest(), "big")


def uniform(packet: int, place: int) -> float:
    """A number in [0, 1) for this packet at this place.

    The mixing is the 64-bit finaliser of MurmurHash3 (fmix64); both inputs are hashes already.
    """
    mixed = packet ^ place
    mixed = (mixed ^ (mixed >> 33)) * 0xFF51AFD7ED558CCD & _MASK
    mixed = (mixed ^ (mixed >> 33)) * 0xC4CEB9FE1A85EC53 & _MASK
    return ((mixed ^ (mixed >> 33)) >> 11) * _TWO_TO_MINUS_53


@dataclass(frozen=True, slots=True)
class Constant:
    """Always the same."""

    base_ns: int

    @property
    def mean_ns(self) -> float:
        """Expected delay."""
        return float(self.base_ns)

    def draw_ns(self, chance: float) -> int:  # noqa: ARG002 - one signature for all distributions
        """Delay at this quantile (0 to 1)."""
        return self.base_ns


@dataclass(frozen=True, slots=True)
class Uniform:
    """Anything between two bounds: jitter without a tail."""

    min_ns: int
    max_ns: int

    @property
    def base_ns(self) -> int:
        """Shortest delay."""
        return self.min_ns

    @property
    def mean_ns(self) -> float:
        """Expected delay."""
        return (self.min_ns + self.max_ns) / 2

    def draw_ns(self, chance: float) -> int:
        """Delay at this quantile (0 to 1)."""
        return self.min_ns + int(chance * (self.max_ns - self.min_ns))


@dataclass(frozen=True, slots=True)
class Gamma:
    """A base plus a gamma-distributed rest: the usual shape of queueing, with a long tail."""

    base_ns: int
    shape: float
    scale_ns: int

    @property
    def mean_ns(self) -> float:
        """Expected delay."""
        return self.base_ns + self.shape * self.scale_ns

    def draw_ns(self, chance: float) -> int:
        """Delay at this quantile (0 to 1)."""
        return self.base_ns + int(gamma_quantile(self.shape, chance) * self.scale_ns)


@dataclass(frozen=True, slots=True)
class Bimodal:
    """A base, and now and then a spike on top: a queue that is mostly empty."""

    base_ns: int
    spike_ns: int
    chance: float
    """How often the spike strikes (0 to 1)."""

    @property
    def mean_ns(self) -> float:
        """Expected delay."""
        return self.base_ns + self.chance * self.spike_ns

    def draw_ns(self, chance: float) -> int:
        """Delay at this quantile (0 to 1)."""
        return self.base_ns + self.spike_ns if chance >= 1 - self.chance else self.base_ns


Delay = Constant | Uniform | Gamma | Bimodal
NO_DELAY = Constant(0)

_CELLS = 2000  # the largest error of the distribution function, between the points, is then below 0.002


@lru_cache(maxsize=64)
def _gamma_table(shape: float) -> tuple[list[float], list[float]]:
    # The distribution function of a gamma variable of scale 1 at points that lie closer towards 0.
    end = shape + 9 * math.sqrt(shape) + 25  # beyond it is less than 1e-10
    points = [end * (cell / _CELLS) ** 3 for cell in range(_CELLS + 1)]
    return [_gamma_cdf(shape, point) for point in points], points


def _gamma_cdf(shape: float, point: float) -> float:
    # Regularised lower incomplete gamma function by its power series, DLMF 8.11.4:
    # P(a, x) = x^a e^-x / Gamma(a + 1) * (1 + x/(a+1) + x^2/((a+1)(a+2)) + ...)
    if point <= 0:
        return 0.0
    term = total = 1.0
    step = shape
    while term > total * 1e-12:
        step += 1
        term *= point / step
        total += term
    return min(1.0, total * math.exp(shape * math.log(point) - point - math.lgamma(shape + 1)))


def gamma_quantile(shape: float, chance: float) -> float:
    """Invert the distribution function of a gamma variable of scale 1, linearly between table points."""
    probabilities, points = _gamma_table(shape)
    above = bisect_right(probabilities, chance)
    if above >= len(points):
        return points[-1]
    low, high = probabilities[above - 1], probabilities[above]
    left, right = points[above - 1], points[above]
    return left + (right - left) * (chance - low) / (high - low)
