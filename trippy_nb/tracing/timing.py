"""When a reply arrived, in monotonic time.

The kernel stamps a datagram when it arrives, with CLOCK_REALTIME; a busy interpreter reads it milliseconds
later. Whether a reply was on time is judged by its stamp, so that a computing notebook cell makes no false
time-outs. But stamps are wall time, and somebody may set that clock: they are believed only if the
offset between the clocks held still, and only inside the bracket from `floor_ns` to the read.

RTTs are the tables' business (`frames.timing`), from the same recorded integers and by the same rule: a
kernel stamp is believed unless the offset moved by more than 200 us or a thousandth of the time between
(twice what adjtimex lets a clock be slewed), beyond the errors of reading, or the result leaves the
bracket.
"""

from typing import Final

from trippy_nb.model import ClockSampled, Reply

STEP_NS: Final = 200_000
"""The offset may move by this much: well under a useful RTT, well over the error of a reading."""
STEP_PER_NS: Final = 1_000
"""... or by a thousandth of the time between two samples."""


def has_stepped(before: ClockSampled, after: ClockSampled) -> bool:
    """Tell whether the wall clock was set between two samples."""
    between = abs(after.mono_ns - before.mono_ns)
    allowed = max(STEP_NS, between // STEP_PER_NS) + before.error_ns + after.error_ns
    return abs(after.offset_ns - before.offset_ns) > allowed


def arrival_ns(reply: Reply, *, before: ClockSampled, after: ClockSampled, floor_ns: int) -> int:
    """Tell when a reply arrived, in monotonic time.

    Parameters
    ----------
    reply
        As read.
    before, after
        The clocks before the wait that brought the reply, and after it was read.
    floor_ns
        Monotonic time before which nothing can have come, such as the start of the trace.

    Returns
    -------
    arrival_ns
        The kernel's stamp, translated; the time of the read where there is no stamp, the wall clock
        was set, or the stamp lies before `floor_ns`. Never later than the read.
    """
    read_ns = reply.read_ns
    if reply.kernel_ns is None or has_stepped(before, after):
        return read_ns
    at_ns = reply.kernel_ns - after.offset_ns
    if at_ns < floor_ns - after.error_ns:
        return read_ns
    return min(at_ns, read_ns)
