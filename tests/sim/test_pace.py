"""A network in step with our clock: the same packets, and no sooner than they would come."""

from __future__ import annotations

import pytest

import trippy_nb as tn
from trippy_nb.errors import ConfigError
from trippy_nb.tracing import MonotonicClock


def traced(network, **options):
    run = tn.trace("target.example", network=network, progress=False, dns=False, **options)
    return run.probes.drop(columns=["run_id"])


def test_pace_changes_nothing_but_how_long_you_wait():
    net = tn.sim.load("first-steps")
    before = MonotonicClock().now_ns()
    paced = traced(net.paced(20), rounds=3)
    took_s = (MonotonicClock().now_ns() - before) / 1e9
    assert paced.equals(traced(net, rounds=3))
    assert took_s >= 3 / 20  # a round is a second


def test_a_paced_network_begins_when_the_other_is_now():
    net = tn.sim.load("first-steps")
    traced(net, rounds=2)
    paced = net.paced(1000)
    assert paced.clock.now_ns() == net.clock.now_ns() > 0
    assert paced.speed == 1000
    assert net.speed is None


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_a_speed_that_is_none_is_refused(speed):
    with pytest.raises(ConfigError, match="virtual seconds"):
        tn.sim.load("first-steps").paced(speed)
