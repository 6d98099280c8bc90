"""When a reply arrived: kernel stamps are translated, and not believed where they cannot be right."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracing.world import MS, START, WALL, S
from trippy_nb.model import ClockSampled, Quote, Reply
from trippy_nb.tracing import MonotonicClock, arrival_ns
from trippy_nb.tracing.timing import has_stepped

HOUR = 3600 * S
OFFSET = WALL - START


def sample(mono_ns: int, moved_ns: int = 0, error_ns: int = 0) -> ClockSampled:
    return ClockSampled(mono_ns, OFFSET + moved_ns, error_ns)


def reply(kernel_ns: int | None, read_ns: int = START + 100 * MS) -> Reply:
    return Reply(responder="203.0.113.1", read_ns=read_ns, kernel_ns=kernel_ns, quote=Quote())


READ = START + 100 * MS
STAMP = START + 30 * MS  # when it arrived


@pytest.mark.parametrize(
    ("kernel_ns", "moved_ns", "arrived_ns"),
    [
        pytest.param(STAMP + OFFSET, 0, STAMP, id="believed"),
        pytest.param(None, 0, READ, id="no-stamp"),
        pytest.param(STAMP + OFFSET, 200_000, STAMP - 200_000, id="slewed"),
        pytest.param(STAMP + OFFSET, 200_001, READ, id="stepped-a-little"),
        pytest.param(STAMP + OFFSET, HOUR, READ, id="set-forward"),
        pytest.param(STAMP + OFFSET, -HOUR, READ, id="set-back"),
        pytest.param(STAMP + OFFSET + HOUR, HOUR, READ, id="set-forward-before-it-came"),
        pytest.param(READ + OFFSET + MS, 0, READ, id="after-it-was-read"),
        pytest.param(START + OFFSET - MS, 0, READ, id="before-the-trace"),
        pytest.param(0, 0, READ, id="zero"),
    ],
)
def test_a_stamp_is_believed_inside_its_bracket_only(kernel_ns, moved_ns, arrived_ns):
    before, after = sample(START), sample(START + 101 * MS, moved_ns)
    assert arrival_ns(reply(kernel_ns), before=before, after=after, floor_ns=START) == arrived_ns


@pytest.mark.parametrize(
    ("between_ns", "error_ns", "bearable_ns"),
    [
        pytest.param(1 * MS, 0, 200_000, id="floor"),
        pytest.param(10 * S, 0, 10 * MS, id="adjtimex-may-slew"),
        pytest.param(1 * MS, 30_000, 260_000, id="reading-errors-add-up"),
    ],
)
def test_a_slewed_clock_is_no_step(between_ns, error_ns, bearable_ns):
    before = sample(START, 0, error_ns)
    for sign in (1, -1):
        assert not has_stepped(before, sample(START + between_ns, sign * bearable_ns, error_ns))
        assert has_stepped(before, sample(START + between_ns, sign * (bearable_ns + 1), error_ns))


@given(
    stamp=st.integers(-(10**19), 10**19),
    offsets=st.tuples(st.integers(-(10**19), 10**19), st.integers(-(10**19), 10**19)),
    waited_ns=st.integers(0, HOUR),
)
def test_no_clock_makes_an_arrival_outside_the_trace(stamp, offsets, waited_ns):
    before = ClockSampled(START, offsets[0], 50)
    after = ClockSampled(START + waited_ns, offsets[1], 50)
    at_ns = arrival_ns(reply(stamp, START + waited_ns), before=before, after=after, floor_ns=START)
    assert START - 50 <= at_ns <= START + waited_ns


def test_the_real_clocks_agree_with_their_sample():
    clock = MonotonicClock()
    first, second = clock.sample(), clock.sample()
    assert first.mono_ns < second.mono_ns <= clock.now_ns()
    assert 0 < first.error_ns < S
    assert abs(clock.wall_ns() - clock.now_ns() - first.offset_ns) < S


def test_the_tightest_reading_is_taken(monkeypatch):
    """Another thread runs between the readings, three times of four."""
    mono = iter([0, 900_000, 1_000_000, 1_100_000, 2_000_000, 2_050_000, 3_000_000, 3_500_000])
    wall = iter([10_000_000 + n for n in (450_000, 1_050_000, 2_025_000, 3_250_000)])
    monkeypatch.setattr("trippy_nb.tracing.clock._mono_ns", lambda: next(mono))
    monkeypatch.setattr("trippy_nb.tracing.clock.time.time_ns", lambda: next(wall))
    taken = MonotonicClock().sample()
    assert taken == ClockSampled(2_025_001, 10_000_000 - 1, 25_001)
