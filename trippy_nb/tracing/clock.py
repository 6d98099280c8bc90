"""Two clocks read together; the only place that imports `time`.

RTTs come from kernel stamps or from the monotonic clock, never from the wall clock alone: the wall
clock only labels rows, and translates kernel stamps (CLOCK_REALTIME) to monotonic time.
"""

import sys
import time
from typing import Protocol

from trippy_nb.model import ClockSampled

_GOOD_ENOUGH_NS = 20_000  # a read that was not interrupted takes well under a microsecond
_TRIES = 4

# Before Python 3.13 `monotonic` of Windows is a counter that moves every 15.6 ms.
_mono_ns = time.perf_counter_ns if sys.platform == "win32" else time.monotonic_ns


class Clock(Protocol):
    """What time it is."""

    def now_ns(self) -> int:
        """Monotonic time."""

    def wall_ns(self) -> int:
        """Time since 1970-01-01T00:00Z."""

    def sample(self) -> ClockSampled:
        """Both clocks, read as one."""


class MonotonicClock:
    """The operating system's clocks."""

    def now_ns(self) -> int:
        """Monotonic time."""
        return _mono_ns()

    def wall_ns(self) -> int:
        """Time since 1970-01-01T00:00Z."""
        return time.time_ns()

    def sample(self) -> ClockSampled:
        """Read both clocks; another thread may run in between, so the tightest of a few tries."""
        best: ClockSampled | None = None
        for _ in range(_TRIES):
            before = _mono_ns()
            wall = time.time_ns()
            after = _mono_ns()
            error = (after - before) // 2 + 1
            if best is None or error < best.error_ns:
                best = ClockSampled(before + error, wall - before - error, error)
            if error <= _GOOD_ENOUGH_NS:
                break
        assert best is not None  # the loop ran
        return best


class ThreadClock:
    """Processor time of the thread that asks: what its work costs, whoever else keeps the machine busy."""

    def now_ns(self) -> int:
        """Time spent computing, from some moment on."""
        return time.thread_time_ns()
