"""How soon a session's thread gets the interpreter back, while another thread computes.

A thread that asks for the interpreter lock waits for `sys.getswitchinterval()`, 5 ms unless it was set,
and after every system call it asks. Attempts to connect need five calls a probe: a round of 15 hops
beside a computing notebook cell took four round-trip times, and Stop 390 ms. So while a session is under
way the interval is shorter, for the whole process; after the last one it is what it was
(docs/decisions/0014-short-turns.md).
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from trippy_nb.lifetimes.forks import GATE

TURN_S: Final = 0.0005
"""Measured with a computing main thread: 0.2 ms wins little more."""

_BEFORE: list[float] = []
"""What it was, once for each session under way."""


@contextmanager
def short_turns() -> Iterator[None]:
    """Have threads that wait for the interpreter wait no longer than half a millisecond meanwhile."""
    with GATE:
        before = sys.getswitchinterval()
        _BEFORE.append(_BEFORE[0] if _BEFORE else before)
        if before > TURN_S:
            sys.setswitchinterval(TURN_S)
    try:
        yield
    finally:
        with GATE:
            _restore(_BEFORE.pop())


def forget_turns() -> None:
    """Undo it in a forked child, where no session runs."""
    if _BEFORE:
        _restore(_BEFORE[0], last=True)
        _BEFORE.clear()


def _restore(before: float, *, last: bool = False) -> None:
    """Set it back after the last session, unless somebody else has set it meanwhile."""
    ours = abs(sys.getswitchinterval() - TURN_S) < TURN_S / 100  # it is kept in whole microseconds
    if ours and (last or not _BEFORE):
        sys.setswitchinterval(before)
