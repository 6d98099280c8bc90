"""Time that passes only when somebody waits.

Monotonic time starts at 0; wall time is the scenario's epoch plus that, and plus what the clock was set by
meanwhile. All are exact, and a clock that was waited on for an hour cost nothing.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from trippy_nb.model import NS_PER_S, ClockSampled

DEFAULT_EPOCH_NS = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * NS_PER_S
"""2000-01-01T00:00Z, in nanoseconds since 1970."""


class VirtualClock:
    """The clock of one simulated network. It persists between traces, and its monotonic time never goes back.

    Parameters
    ----------
    epoch_ns
        Wall time at virtual time 0, in nanoseconds since 1970-01-01T00:00Z.
    start_ns
        Virtual time to start from.
    steps
        When the wall clock is set, and by how much: virtual time and nanoseconds.
    """

    __slots__ = ("_now_ns", "_steps", "epoch_ns")

    def __init__(
        self,
        epoch_ns: int = DEFAULT_EPOCH_NS,
        start_ns: int = 0,
        *,
        steps: Sequence[tuple[int, int]] = (),
    ) -> None:
        self.epoch_ns = epoch_ns
        self._now_ns = start_ns
        self._steps = tuple(steps)

    def now_ns(self) -> int:
        """Monotonic time."""
        return self._now_ns

    def wall_ns(self) -> int:
        """Time since 1970-01-01T00:00Z, as the clock on the wall has it."""
        return self.wall_at_ns(self._now_ns)

    def wall_at_ns(self, at_ns: int) -> int:
        """Tell what the clock on the wall showed, or will show, at a monotonic time."""
        return at_ns + self._offset_ns(at_ns)

    def sample(self) -> ClockSampled:
        """Both clocks, exact."""
        return ClockSampled(self._now_ns, self._offset_ns(self._now_ns), 0)

    def advance_to(self, at_ns: int) -> int:
        """Let time pass until `at_ns`, and return the time; a moment already over changes nothing."""
        self._now_ns = max(self._now_ns, at_ns)
        return self._now_ns

    def _offset_ns(self, at_ns: int) -> int:
        return self.epoch_ns + sum(step_ns for since_ns, step_ns in self._steps if since_ns <= at_ns)

    def __repr__(self) -> str:
        return f"VirtualClock({self._now_ns / NS_PER_S:g} s)"
