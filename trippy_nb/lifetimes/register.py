"""The register: sessions that wait, run or have ended, as data.

A session that is over is a plain record here, so that the register keeps nothing alive.
"""

from collections import deque
from dataclasses import dataclass

KEEP_ENDED = 1_000

WAITING, RUNNING, STOPPING, ENDED = "waiting", "running", "stopping", "ended"


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """What the register knows of one session; the columns of the SESSIONS table."""

    session: int
    """Number in this process, from 1."""
    name: str
    target: str | None
    run_uuid: str | None
    state: str
    """``waiting`` (made, not started), ``running``, ``stopping`` (asked to end) or ``ended``."""
    started_at: int | None
    """Wall clock, ns; None if it never began."""
    ended_at: int | None
    """Wall clock, ns; None while it is not over."""
    handles: int
    """Handles that its thread holds open at this moment."""
    cell: str | None
    """Id of the notebook cell that made it."""
    stopped_by: str | None
    """Who asked it to end; None if nobody did."""
    end_reason: str | None
    """A word of `model.EndReason`; None while it is not over, or if it never began."""
    error: str | None


ended: deque[SessionRecord] = deque(maxlen=KEEP_ENDED)
"""The latest sessions that are over, in order of their end."""
