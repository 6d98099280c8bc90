"""Interrupt sessions at random moments: while they start, run, are waited for and stop."""

# ruff: noqa: T201 - a program; its output is its result

from __future__ import annotations

import random
import signal
import socket
import sys
from time import monotonic

from tests.lifetimes.descriptors import open_handles, open_sockets
from trippy_nb import lifetimes

rounds = int(sys.argv[1])
chance = random.Random(7)
signal.signal(signal.SIGALRM, signal.default_int_handler)  # an alarm is as good as Ctrl-C


def job(vault: lifetimes.Vault, stop) -> None:
    ports = [
        vault.open_socket(socket.AF_INET, socket.SOCK_DGRAM, purpose=str(i))
        for i in range(chance.randrange(4))
    ]
    while not stop():
        vault.wait(ports, 0.01)


interrupts, slowest = 0, 0.0
before = open_sockets()
for _ in range(rounds):
    session = lifetimes.Session(job, name="x")
    try:
        signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.00002, 0.004))  # may strike at once
        session.start()
        session.wait(0.0035)
    except KeyboardInterrupt:
        interrupts += 1
    except TimeoutError:
        pass
    try:
        signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        interrupts += 1
    begun = monotonic()
    session.stop()
    slowest = max(slowest, monotonic() - begun)
    assert session.done
print(interrupts, len(open_sockets() - before), len(open_handles()), f"{slowest:.3f}")
