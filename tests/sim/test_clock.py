"""Virtual time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trippy_nb.sim import VirtualClock
from trippy_nb.tracing import Clock


@given(st.integers(0, 1 << 40), st.lists(st.integers(-(1 << 50), 1 << 50)))
def test_time_never_goes_back_and_stops_where_it_was_told(start_ns, moments):
    clock: Clock = (virtual := VirtualClock(start_ns=start_ns))
    before = start_ns
    for moment in moments:
        now = virtual.advance_to(moment)
        assert now == clock.now_ns() == max(before, moment)
        before = now


@given(st.integers(0, 1 << 62), st.integers(0, 1 << 50))
def test_the_two_clocks_agree_to_the_nanosecond_for_ever(epoch_ns, now_ns):
    clock = VirtualClock(epoch_ns, now_ns)
    sample = clock.sample()
    assert clock.wall_ns() - clock.now_ns() == sample.offset_ns == epoch_ns
    assert (sample.mono_ns, sample.error_ns) == (now_ns, 0)


def test_the_epoch_is_the_first_of_january_2000():
    assert VirtualClock().wall_ns() == 946_684_800 * 10**9
