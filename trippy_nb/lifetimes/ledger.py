"""The ledger: every handle that was ever opened, as data.

Its times are the operating system's, not a `Clock`'s: a handle is held in the real world even when
the network is simulated. They label rows; nothing is computed from them.
"""

import os
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import time_ns

from trippy_nb.lifetimes.forks import GATE

KEEP_CLOSED = 10_000  # about 2 MB; a run holds two to four handles

_ROOM = f"{Path(__file__).parent}{os.sep}"
_ABOVE_PACKAGE = f"{Path(__file__).parents[2]}{os.sep}"


@dataclass(frozen=True, slots=True)
class HandleRecord:
    """What the ledger knows of one handle; the columns of the HANDLES table."""

    handle: int
    """Number in this process, from 1, never given twice (unlike a descriptor's)."""
    kind: str
    """``socket``, ``device`` or ``child``."""
    purpose: str
    run_uuid: str | None
    opened_at: int
    """Wall clock, ns."""
    opened_by: str
    """``file:line function``."""
    closed_at: int | None
    """Wall clock, ns; None while it is open."""
    closed_by: str | None
    sent: int
    """Packets."""
    received: int
    """Packets."""


class Entry:
    """A handle's page in the ledger; its owner counts in it, without a lock."""

    __slots__ = (
        "closed_at",
        "closed_by",
        "handle",
        "kind",
        "opened_at",
        "opened_by",
        "purpose",
        "received",
        "run_uuid",
        "sent",
    )

    def __init__(
        self, handle: int, kind: str, purpose: str, run_uuid: str | None, opened_at: int, opened_by: str
    ) -> None:
        self.handle = handle
        self.kind = kind
        self.purpose = purpose
        self.run_uuid = run_uuid
        self.opened_at = opened_at
        self.opened_by = opened_by
        self.closed_at: int | None = None
        self.closed_by: str | None = None
        self.sent = 0
        self.received = 0

    def record(self) -> HandleRecord:
        """Return the page as it is now."""
        return HandleRecord(
            handle=self.handle,
            kind=self.kind,
            purpose=self.purpose,
            run_uuid=self.run_uuid,
            opened_at=self.opened_at,
            opened_by=self.opened_by,
            closed_at=self.closed_at,
            closed_by=self.closed_by,
            sent=self.sent,
            received=self.received,
        )


class Ledger:
    """All handles of a process: those that are open, and the latest `keep_closed` that were.

    Safe from any thread.
    """

    def __init__(self, *, keep_closed: int = KEEP_CLOSED, wall_ns: Callable[[], int] = time_ns) -> None:
        self._wall_ns = wall_ns
        self._open: dict[int, Entry] = {}
        self._closed: deque[Entry] = deque(maxlen=keep_closed)
        self._last = 0

    def now_ns(self) -> int:
        """Return the time that rows of the ledger and the register are labelled with."""
        return self._wall_ns()

    def opened(self, kind: str, purpose: str, run_uuid: str | None) -> Entry:
        """Begin a page; the caller outside this room is who opened it."""
        by = call_site()
        with GATE:
            self._last += 1
            entry = Entry(self._last, kind, purpose, run_uuid, self._wall_ns(), by)
            self._open[entry.handle] = entry
            return entry

    def closed(self, entry: Entry, by: str) -> None:
        """End a page."""
        with GATE:
            del self._open[entry.handle]
            entry.closed_at = self._wall_ns()
            entry.closed_by = by
            self._closed.append(entry)

    def page(self, handle: int) -> Entry | None:
        """Return the page of a handle; None if it was closed too long ago, or never was."""
        with GATE:
            closed = (page for page in reversed(self._closed) if page.handle == handle)
            return self._open.get(handle) or next(closed, None)

    def records(self, run_uuid: str | None = None) -> tuple[HandleRecord, ...]:
        """Return all pages, or those of one run, by number."""
        with GATE:
            pages = [*self._closed, *self._open.values()]
        wanted = pages if run_uuid is None else [page for page in pages if page.run_uuid == run_uuid]
        return tuple(page.record() for page in sorted(wanted, key=lambda page: page.handle))


LEDGER = Ledger()


def records(run_uuid: str | None = None) -> tuple[HandleRecord, ...]:
    """Return what this process holds open, and what it has closed (the latest 10,000).

    Parameters
    ----------
    run_uuid
        Only the handles of this run.

    Returns
    -------
    records
        By handle number, which is the order of opening.
    """
    return LEDGER.records(run_uuid)


def call_site() -> str:
    """Say who called into this room: ``file:line function``. About a microsecond; keeps no frame."""
    frame = sys._getframe(1)  # noqa: SLF001 - inspect.stack() reads source files: milliseconds
    while frame.f_code.co_filename.startswith(_ROOM) and frame.f_back is not None:
        frame = frame.f_back
    code = frame.f_code
    return f"{code.co_filename.removeprefix(_ABOVE_PACKAGE)}:{frame.f_lineno} {code.co_qualname}"
