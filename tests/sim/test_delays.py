"""Dice and distributions, against scipy."""

from __future__ import annotations

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.sim.world import bounds, delays
from trippy_nb.sim.delays import Bimodal, Constant, Dice, Gamma, Uniform, gamma_quantile, uniform

MANY = 20_000


def draws(seed: int, *places: str) -> list[list[float]]:
    dice = Dice(seed)
    marks = [dice.place(place) for place in places]
    packets = [dice.packet(number.to_bytes(4, "big"), number) for number in range(MANY)]
    return [[uniform(packet, mark) for packet in packets] for mark in marks]


def test_the_dice_are_fair():
    for values in draws(1, "a", "b"):
        assert min(values) >= 0
        assert max(values) < 1
        assert stats.kstest(values, "uniform").pvalue > 0.001


def test_what_happens_at_one_place_says_nothing_about_another():
    one, other = draws(7, "a", "b")
    assert abs(statistics.correlation(one, other)) < 4 / MANY**0.5


def test_consecutive_packets_are_independent():
    (values,) = draws(7, "a")
    assert abs(statistics.correlation(values[1:], values[:-1])) < 4 / MANY**0.5


@pytest.mark.parametrize(
    ("seed", "packet", "at_ns", "place"),
    [(2, b"p", 5, "a"), (1, b"q", 5, "a"), (1, b"p", 6, "a"), (1, b"p", 5, "b")],
)
def test_seed_bytes_moment_and_place_each_change_the_fate(seed, packet, at_ns, place):
    def fate(seed, packet, at_ns, place):
        dice = Dice(seed)
        return uniform(dice.packet(packet, at_ns), dice.place(place))

    assert fate(seed, packet, at_ns, place) != fate(1, b"p", 5, "a")
    assert fate(seed, packet, at_ns, place) == fate(seed, packet, at_ns, place)


@pytest.mark.parametrize("shape", [0.1, 0.5, 1.0, 2.0, 7.5, 100.0])
def test_gamma_is_scipys_gamma(shape):
    chances = [number / 1000 for number in range(1, 1000)] + [0.9999, 0.999999]
    for chance in chances:
        found = gamma_quantile(shape, chance)
        # Below a millionth of the scale every delay is the same to the nanosecond.
        assert (
            abs(stats.gamma.cdf(found, shape) - chance) < 0.002
            or max(found, stats.gamma.ppf(chance, shape)) < 1e-6
        )
    generator = random.Random(5)
    sample = [gamma_quantile(shape, generator.random()) for _ in range(MANY)]
    if shape >= 0.5:
        assert stats.kstest(sample, "gamma", args=(shape,)).pvalue > 0.001


@given(delays, st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True))
def test_a_delay_stays_within_its_bounds_and_grows_with_its_quantile(delay, one, other):
    low, high = bounds(delay)
    first, second = delay.draw_ns(min(one, other)), delay.draw_ns(max(one, other))
    assert low <= first <= second <= high
    assert isinstance(first, int)
    assert delay.base_ns == low


@pytest.mark.parametrize(
    "delay",
    [Constant(5_000_000), Uniform(10, 9_000_000), Gamma(1_000_000, 2.5, 400_000), Bimodal(10**6, 10**7, 0.2)],
)
def test_the_mean_is_what_it_says(delay):
    drawn = [delay.draw_ns((number + 0.5) / MANY) for number in range(MANY)]
    assert statistics.fmean(drawn) == pytest.approx(delay.mean_ns, rel=0.002)


def test_a_spike_strikes_as_often_as_it_says():
    delay = Bimodal(1, 10, 0.25)
    assert sum(delay.draw_ns(number / MANY) == 11 for number in range(MANY)) == MANY / 4
    assert {Bimodal(1, 10, 0.0).draw_ns(chance) for chance in (0.0, 0.999999999)} == {1}
    assert {Bimodal(1, 10, 1.0).draw_ns(chance) for chance in (0.0, 0.999999999)} == {11}
