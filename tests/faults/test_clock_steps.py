"""Somebody sets the clock in the middle of a trace: no RTT is negative, and none is believed wrongly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

import trippy_nb as tn
from trippy_nb.lifetimes import Vault
from trippy_nb.model import ClockSampled, Plan, Probe, Reply, SendReceipt, Stamped
from trippy_nb.net import LiveNetwork
from trippy_nb.tracing import Arrival, Channel, MonotonicClock

pytestmark = [pytest.mark.raw_socket]
SECOND = 1_000_000_000
STEPS = [3600 * SECOND, -3600 * SECOND, SECOND // 100, -SECOND // 100, SECOND // 1000, -SECOND // 1000]


class SteppingClock(MonotonicClock):
    """The operating system's clocks, of which the wall clock is set; the real one is left alone."""

    step_ns = 0

    def wall_ns(self) -> int:
        return super().wall_ns() + self.step_ns

    def sample(self) -> ClockSampled:
        now = super().sample()
        return replace(now, offset_ns=now.offset_ns + self.step_ns)


class SteppingChannel:
    """Sets the clock after the second window has left: its answers are stamped by the new time."""

    def __init__(self, inner: Channel, clock: SteppingClock, step_ns: int) -> None:
        self._inner, self._clock, self._step_ns = inner, clock, step_ns
        self._windows = 0
        self._before: set[int] = set()

    def send(self, probes: Sequence[Probe]) -> Sequence[SendReceipt]:
        receipts = self._inner.send(probes)
        self._windows += 1
        if not self._clock.step_ns:
            self._before |= {probe.key for probe in probes}
        if self._windows == 2:
            self._clock.step_ns = self._step_ns
        return receipts

    def receive(self, until_ns: int) -> Sequence[Arrival]:
        return [self._stepped(arrival) for arrival in self._inner.receive(until_ns)]

    def _stepped(self, arrival: Arrival) -> Arrival:
        if isinstance(arrival, Reply) and arrival.kernel_ns is not None:
            return replace(arrival, kernel_ns=arrival.kernel_ns + self._clock.step_ns)
        if isinstance(arrival, Stamped) and arrival.key not in self._before:
            return replace(arrival, kernel_ns=arrival.kernel_ns + self._clock.step_ns)
        return arrival


class SteppingNetwork(LiveNetwork):
    def __init__(self, step_ns: int) -> None:
        super().__init__()
        self._clock = self.stepping = SteppingClock()
        self._step_ns = step_ns

    def open(self, plan: Plan, vault: Vault) -> Channel:
        return SteppingChannel(super().open(plan, vault), self.stepping, self._step_ns)


def traced(step_ns: int, **options: Any) -> tn.Run:
    quick: dict[str, Any] = {"rounds": 4, "ttls": [1], "min_round_duration": 0.02, "grace_duration": 0.01}
    run: tn.Run = tn.trace(
        "127.0.0.1", network=SteppingNetwork(step_ns), progress=False, dns=False, **quick, **options
    )
    return run


@pytest.mark.parametrize("step_ns", STEPS)
@pytest.mark.parametrize(
    "options", [{"protocol": "icmp"}, {"protocol": "udp", "mode": "error-queue"}], ids=["icmp", "queue"]
)
def test_a_step_between_probe_and_answer_makes_that_rtt_the_monotonic_one(step_ns, options):
    run = traced(step_ns, **options)
    probes = run.probes
    assert list(probes["status"]) == ["reply"] * 4
    assert list(probes["rtt_source"]) == ["kernel", "user", "kernel", "kernel"]
    assert probes["rtt_ms"].between(0, 50).all()
    assert run.runs["clock_suspect"].iloc[0] == 1
    assert list(run.replies["kind"]) == ["first"] * 4


def test_no_step_leaves_every_stamp_believed():
    run = traced(0, protocol="icmp")
    assert list(run.probes["rtt_source"]) == ["kernel"] * 4
    assert run.runs["clock_suspect"].iloc[0] == 0


def test_a_run_over_a_step_lasts_as_long_as_it_lasted():
    run = traced(-3600 * SECOND, protocol="icmp")
    row = run.runs.iloc[0]
    assert row["end_reason"] == "rounds"
    assert run.probes["round"].tolist() == [0, 1, 2, 3]
