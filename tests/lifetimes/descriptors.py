"""What the operating system says is open: the oracle that no code of ours takes part in."""

from __future__ import annotations

from pathlib import Path

from trippy_nb import lifetimes
from trippy_nb.lifetimes.ledger import LEDGER


def open_sockets() -> set[str]:
    """Inodes of the sockets in this process's descriptor table."""
    inodes = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            where = str(entry.readlink())
        except FileNotFoundError:  # the descriptor that lists the folder
            continue
        if where.startswith("socket:"):
            inodes.add(where)
    return inodes


def last_handle() -> int:
    """Number of the latest handle in the ledger."""
    return LEDGER._last  # asked after every step: `records()` makes ten thousand objects


def open_handles(since: int = 0) -> list[lifetimes.HandleRecord]:
    """What the ledger says is open, of handles later than `since`."""
    return [entry.record() for entry in list(LEDGER._open.values()) if entry.handle > since]
