"""Fork while a session holds sockets, and while this thread holds one itself."""

# ruff: noqa: T201 - a program; its output is its result

from __future__ import annotations

import os
import socket
import sys
import threading
import warnings

from tests.lifetimes.descriptors import open_sockets
from trippy_nb import lifetimes
from trippy_nb.errors import HandleClosedError

warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 and later warn of forking with threads
begun = threading.Event()


def job(vault: lifetimes.Vault, stop) -> int:
    port = vault.open_socket(socket.AF_INET, socket.SOCK_DGRAM, purpose="of the session")
    begun.set()
    rounds = 0
    while not stop():
        vault.wait([port], 0.01)
        rounds += 1
    return rounds


def refused(use) -> bool:
    try:
        use()
    except HandleClosedError as error:
        return "parent process" in str(error)
    return False


session = lifetimes.Session(job, name="x")
session.start()
begun.wait()
mine = lifetimes.Vault()
port = mine.open_socket(socket.AF_INET, socket.SOCK_DGRAM, purpose="mine")

child = os.fork()
if child == 0:
    checks = [
        open_sockets() == set(),
        all(record.closed_by == "fork" for record in lifetimes.records()),
        refused(lambda: port.bind(("127.0.0.1", 0))),
        refused(lambda: mine.open_socket(socket.AF_INET, socket.SOCK_DGRAM, purpose="more")),
        session.done,
        refused(session.wait),
    ]
    mine.close()
    session.stop()
    with lifetimes.Vault() as fresh:  # the child may do as it likes, of course
        fresh.open_socket(socket.AF_INET, socket.SOCK_DGRAM, purpose="the child's own")
    checks.append(open_sockets() == set())
    print("child", "clean" if all(checks) else checks)
    sys.stdout.flush()
    os._exit(0)
os.waitpid(child, 0)
port.bind(("127.0.0.1", 0))
mine.close()
session.stop()
print("parent", "works" if session.wait() > 0 and not open_sockets() else "broken")
