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

from trippy_nb.model import NS_PER_S

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

    def draw_ns(self, chance: float, at_ns: int = 0) -> int:  # noqa: ARG002 - one signature for all distributions
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

    def draw_ns(self, chance: float, at_ns: int = 0) -> int:  # noqa: ARG002 - one signature for all distributions
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

    def draw_ns(self, chance: float, at_ns: int = 0) -> int:  # noqa: ARG002 - one signature for all distributions
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

    def draw_ns(self, chance: float, at_ns: int = 0) -> int:  # noqa: ARG002 - one signature for all distributions
        """Delay at this quantile (0 to 1)."""
        return self.base_ns + self.spike_ns if chance >= 1 - self.chance else self.base_ns


@dataclass(frozen=True, slots=True)
class Diurnal:
    """A queue that follows the day: empty at one hour, fullest twelve hours later.

    What comes on top of the base is exponential; its mean goes from 0 to the peak and back as a raised
    cosine of the time of day.
    """

    base_ns: int
    peak_ns: int
    """Mean at the busiest hour, the base not counted."""
    period_ns: int = 86_400 * NS_PER_S
    peak_at_ns: int = 20 * 3600 * NS_PER_S
    """Time of day at which it is fullest."""

    @property
    def mean_ns(self) -> float:
        """Expected delay, over a whole day."""
        return self.base_ns + self.peak_ns / 2

    def mean_at_ns(self, at_ns: int) -> float:
        """Expected delay at a moment; of a clock that shows time of day 0 at 0."""
        phase = 2 * math.pi * ((at_ns - self.peak_at_ns) % self.period_ns) / self.period_ns
        return self.base_ns + self.peak_ns * (1 + math.cos(phase)) / 2

    def draw_ns(self, chance: float, at_ns: int = 0) -> int:
        """Delay at this quantile (0 to 1), at a moment."""
        return self.base_ns + int(-math.log1p(-chance) * (self.mean_at_ns(at_ns) - self.base_ns))


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue as M/M/1/K has it: other packets come and go at random, and there is room for so many.

    A packet finds n of them with the probability (1 - load) load^n / (1 - load^(K + 1)), where K is the room;
    that is what a Poisson stream sees. If n is K it is lost, else it waits for n of them, and for itself.
    (Kleinrock, Queueing Systems, volume 1.)
    """

    base_ns: int
    service_ns: int
    """Mean time to send one packet."""
    load: float
    """Share of the time that the link is busy, were there room for all (more than 1: overload)."""
    room: int
    """Packets that fit, the one being sent too."""

    @property
    def full_ratio(self) -> float:
        """Share of packets that find it full."""
        return self._weights()[-1] / sum(self._weights())

    @property
    def mean_ns(self) -> float:
        """Expected delay of packets that are not lost."""
        weights = self._weights()[:-1]
        found = sum(n * weight for n, weight in enumerate(weights)) / sum(weights)
        return self.base_ns + (found + 1) * self.service_ns

    def draw_ns(self, chance: float, at_ns: int = 0) -> int:  # noqa: ARG002 - one signature for all distributions
        """Delay at this quantile (0 to 1) of the packets before it, of one that is not lost."""
        weights = self._weights()[:-1]
        left = chance * sum(weights)
        for found, weight in enumerate(weights):
            if left < weight or found == self.room - 1:
                # What is left of the chance is uniform again: it decides how long they take.
                return self.base_ns + int(
                    gamma_quantile(found + 1, min(left / weight, 1.0)) * self.service_ns
                )
            left -= weight
        raise AssertionError("the room is at least 1")

    def _weights(self) -> list[float]:
        return [self.load**n for n in range(self.room + 1)]


Delay = Constant | Uniform | Gamma | Bimodal | Diurnal | Queue
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
