"""Exit with a session under way: one that looks at its stop flag, or one that does not."""

# ruff: noqa: T201 - a program; its output is its result

from __future__ import annotations

import atexit
import socket
import sys
import threading
from time import monotonic

deaf = sys.argv[1] == "deaf"
begun = threading.Event()
at_exit = [0.0]


@atexit.register  # runs last: handlers run in reverse order
def report() -> None:
    still_open = sum(record.closed_at is None for record in lifetimes.records())
    print(f"{monotonic() - at_exit[0]:.3f} {still_open}")


from trippy_nb import lifetimes  # noqa: E402 - registers its own exit handler, to run before `report`


def job(vault: lifetimes.Vault, stop) -> None:
    port = vault.open_socket(socket.AF_INET, socket.SOCK_DGRAM, purpose="until the end")
    begun.set()
    while deaf or not stop():
        vault.wait([port], 1)


session = lifetimes.Session(job, name="x")
session.start()
begun.wait()
atexit.register(lambda: at_exit.__setitem__(0, monotonic()))
