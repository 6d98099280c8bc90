"""Which clocks an RTT is taken from, and when kernel stamps are not believed.

Kernel stamps are CLOCK_REALTIME: better than user space by milliseconds beside a busy interpreter, and
wrong if somebody sets the clock in between. So each probe keeps a monotonic bracket as well: before the
system call that sent it, to the moment its answer was read. An RTT outside the bracket, or over a step of
the clock, is replaced by the bracket itself (``user``), and counted.

Bias: ``kernel-rx`` and ``user`` count from before the system call that sent a whole window, so they are too
long by up to that call's duration, and ``user`` by the wait for the interpreter besides; never too short. The
time after the call is no better: beside a busy cell it lies 5 ms late, often after the answer.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from trippy_nb.frames.records import NO_TIME, Bools, Ints
from trippy_nb.model import RttSource

STEP_NS: Final = 200_000
"""Offsets may move by this much unnoticed: well under what an RTT is good for, well over reading errors."""
STEP_PER_NS: Final = 1_000
"""... or by a thousandth of the time between: twice the 500 ppm that adjtimex lets a clock be slewed."""
SLACK_NS: Final = 50_000
"""A kernel RTT may be longer than its bracket by this much: the error of translating between the clocks."""


@dataclass(frozen=True, slots=True)
class Offsets:
    """Wall minus monotonic time as sampled, all in ns, by ascending monotonic time; never empty."""

    mono_ns: Ints
    offset_ns: Ints
    error_ns: Ints

    @classmethod
    def of(cls, samples: list[tuple[int, int, int]]) -> "Offsets":
        """Make them of (monotonic, offset, error) triples."""
        table = np.array(samples, np.int64).reshape(-1, 3)
        table = table[np.argsort(table[:, 0], kind="stable")]
        return cls(table[:, 0], table[:, 1], table[:, 2])

    def before(self, mono_ns: Ints) -> Ints:
        """Index of the last sample at or before each time (the first sample if there is none)."""
        return np.maximum(np.searchsorted(self.mono_ns, mono_ns, side="right") - 1, 0)

    def after(self, mono_ns: Ints) -> Ints:
        """Index of the first sample at or after each time (the last sample if there is none)."""
        return np.minimum(np.searchsorted(self.mono_ns, mono_ns, side="left"), len(self.mono_ns) - 1)

    def wall(self, mono_ns: Ints) -> Ints:
        """Translate monotonic to wall time."""
        return mono_ns + self.offset_ns[self.before(mono_ns)]


@dataclass(frozen=True, slots=True)
class Rtts:
    """RTT and its source (a code of `RttSource`) of each reply, and whose stamps were not believed."""

    rtt_ns: Ints
    source: Ints
    suspect: Bools


def find_rtts(
    *,
    before_ns: Ints,
    tx_ns: Ints,
    read_ns: Ints,
    kernel_ns: Ints,
    measured_ns: Ints,
    offsets: Offsets,
    simulated: bool,
    measured_by: RttSource = RttSource.KERNEL_TCP,
) -> Rtts:
    """Decide on the RTT of each reply; all arrays are one item a reply, `NO_TIME` is missing.

    Parameters
    ----------
    before_ns, read_ns
        Monotonic: before the probe was sent, and when the reply had been read.
    tx_ns, kernel_ns
        Wall: the kernel's stamps of the probe and of the reply.
    measured_ns
        RTT that somebody else measured: the kernel, or a helper.
    offsets
        The clock samples of the run.
    simulated
        The clocks are virtual: what is believed is ``simulated``.
    measured_by
        Who that was.

    Returns
    -------
    rtts
        RTTs, never negative.
    """
    bracket = np.maximum(read_ns - before_ns, 0)
    first, last = offsets.before(before_ns), offsets.after(read_ns)
    moved = np.abs(offsets.offset_ns[last] - offsets.offset_ns[first])
    allowed = np.maximum(STEP_NS, bracket // STEP_PER_NS) + offsets.error_ns[first] + offsets.error_ns[last]
    has_measured, has_rx, has_tx = measured_ns != NO_TIME, kernel_ns != NO_TIME, tx_ns != NO_TIME
    both, only_rx = has_rx & has_tx & ~has_measured, has_rx & ~has_tx & ~has_measured
    rtt = bracket.copy()
    rtt[has_measured] = measured_ns[has_measured]
    rtt[both] = kernel_ns[both] - tx_ns[both]
    rtt[only_rx] = kernel_ns[only_rx] - before_ns[only_rx] - offsets.offset_ns[first][only_rx]
    outside = (rtt < 0) | (rtt > bracket + SLACK_NS)
    suspect = (has_measured & outside) | ((both | only_rx) & (outside | (moved > allowed)))
    source = np.full(len(rtt), int(RttSource.USER))
    source[has_measured] = measured_by
    source[both] = RttSource.KERNEL
    source[only_rx] = RttSource.KERNEL_RX
    if simulated:
        source[:] = RttSource.SIMULATED
    rtt[suspect] = bracket[suspect]
    source[suspect] = RttSource.USER
    return Rtts(rtt, source, suspect)
