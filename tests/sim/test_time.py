"""What changes with time: congestion, days, queues, and a clock that is set."""

from __future__ import annotations

import random
import statistics

import pytest
from scipy import stats

from tests.sim.world import MS, ask, plan_for, probe_at, small, trace
from trippy_nb.model import NS_PER_S
from trippy_nb.sim.clock import VirtualClock
from trippy_nb.sim.delays import Diurnal, Queue

HOUR_NS = 3600 * NS_PER_S
JAM = """
[[congestion]]
ends = ["r1", "r2"]
at = "10s"
until = "20s"
delay = "40ms"
delay_back = "5ms"
loss = 0.5
"""


def rtts_at(net, at_s: float, ttl: int = 2, count: int = 1) -> list[float]:
    plan = plan_for(net)
    there = net.at(at_s)
    replies = ask(there, plan, [probe_at(plan, key, ttl) for key in range(count)])
    return [(reply.read_ns - round(at_s * NS_PER_S)) / MS for reply in replies.values()]


def test_congestion_slows_its_link_in_its_time_and_no_other():
    net = small(extra=JAM.replace("loss = 0.5", ""))
    assert [rtts_at(net, at_s) for at_s in (0, 9.999, 10, 19.999, 20)] == [[10], [10], [55], [55], [10]]
    assert rtts_at(net, 12, ttl=1) == [4]
    assert rtts_at(net, 12, ttl=3) == [57]


def test_congestion_loses_more_than_the_link_does_alone():
    net = small(extra=JAM)
    assert len(rtts_at(net, 12, count=2000)) == pytest.approx(1000, abs=90)
    assert len(rtts_at(net, 22, count=200)) == 200
    assert {link.loss for link in net.truth.links} == {0.0}


def test_a_diurnal_link_is_busy_at_its_hour_and_empty_twelve_hours_later():
    day = 'delay = { kind = "diurnal", base = "3ms", peak = "20ms", peak_at = "20h" }'
    net = small(('delay = "3ms"', day))
    means = {}
    for hour in (8, 14, 20):
        means[hour] = statistics.fmean(rtts_at(net, hour * 3600, count=1500))
    assert means[8] == pytest.approx(10, abs=0.01)
    assert means[14] == pytest.approx(10 + 20, abs=1.5)  # half of 20 ms, both ways
    assert means[20] == pytest.approx(10 + 40, abs=3)


def test_time_of_day_begins_with_the_epoch():
    day = 'delay = { kind = "diurnal", base = "3ms", peak = "20ms", peak_at = "20h" }'
    net = small(('name = "small"', 'name = "small"\nepoch = 2024-05-01T20:00:00Z'), ('delay = "3ms"', day))
    assert statistics.fmean(rtts_at(net, 12 * 3600, count=300)) == pytest.approx(10, abs=0.01)


def test_a_diurnal_delay_is_exponential_above_its_base():
    delay = Diurnal(5 * MS, 10 * MS)
    draws = [delay.draw_ns((number + 0.5) / 4000, 20 * HOUR_NS) - 5 * MS for number in range(4000)]
    assert stats.kstest(draws, stats.expon(scale=10 * MS).cdf).pvalue > 0.99
    assert delay.mean_at_ns(20 * HOUR_NS) == 15 * MS
    assert statistics.fmean(delay.mean_at_ns(hour * HOUR_NS) for hour in range(24)) == pytest.approx(
        delay.mean_ns
    )


class Server:
    """An M/M/1/K queue, customer by customer."""

    def __init__(self, load: float, room: int, seed: int) -> None:
        self.chance, self.load, self.room = random.Random(seed), load, room

    def run(self, customers: int) -> tuple[float, float]:
        """Mean time in the system of those that were let in, in service times; and the share turned away."""
        now, refused = 0.0, 0
        leaving: list[float] = []
        spent: list[float] = []
        for _ in range(customers):
            now += self.chance.expovariate(self.load)
            leaving = [moment for moment in leaving if moment > now]
            if len(leaving) >= self.room:
                refused += 1
                continue
            begin = max([now, *leaving])
            leaving.append(begin + self.chance.expovariate(1.0))
            spent.append(leaving[-1] - now)
        return statistics.fmean(spent), refused / customers


@pytest.mark.parametrize(("load", "room"), [(0.3, 4), (0.8, 10), (1.5, 5)])
def test_a_queue_behaves_as_one_that_is_played_customer_by_customer(load, room):
    queue = Queue(2 * MS, MS, load, room)
    spent, refused = Server(load, room, 1).run(40_000)
    draws = [queue.draw_ns((number + 0.5) / 5000) / MS - 2 for number in range(5000)]
    assert statistics.fmean(draws) == pytest.approx(spent, rel=0.05)
    assert queue.mean_ns / MS - 2 == pytest.approx(spent, rel=0.05)
    assert queue.full_ratio == pytest.approx(refused, abs=0.01)


def test_a_full_queue_loses_packets_and_the_truth_says_how_many():
    busy = (
        'delay = { kind = "queue", base = "1ms", service = "1ms", load = 2.0, room = 3 }\ndelay_back = "3ms"'
    )
    net = small(('delay = "3ms"', busy))
    expected = Queue(0, 1, 2.0, 3).full_ratio
    assert len(rtts_at(net, 0, count=3000)) / 3000 == pytest.approx(1 - expected, abs=0.03)
    (link,) = [link for link in net.truth.links if (link.far, link.af) == ("r2", 4)]
    assert link.loss == pytest.approx(expected)


def test_a_clock_step_moves_wall_time_and_nothing_else():
    clock = VirtualClock(100, steps=[(50, -30), (80, 10)])
    seen = []
    for now in (0, 49, 50, 79, 80, 200):
        clock.advance_to(now)
        seen.append((clock.now_ns(), clock.wall_ns(), clock.sample().offset_ns))
    assert seen == [
        (0, 100, 100),
        (49, 149, 100),
        (50, 120, 70),
        (79, 149, 70),
        (80, 160, 80),
        (200, 280, 80),
    ]


def test_stamps_follow_the_clock_that_was_set_and_round_trip_times_do_not():
    net = small(('delay = "3ms"', 'delay = "100ms"'), extra='[[clock]]\nat = "50ms"\nstep = "-2s"\n')
    done = trace(net, rounds=1)
    got = next(got for got in done.replies if got.probe and got.probe.ttl == 2)
    assert got.reply.read_ns == 204 * MS
    assert got.reply.kernel_ns == net.scenario.epoch_ns + 204 * MS - 2 * NS_PER_S
