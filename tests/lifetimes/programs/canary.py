"""Trace while a file takes the place of every socket that is closed: `canary.py MODE ADDRESS...`.

Prints how many files there were at the end, and how many of them were closed or written to. The modes
``closes-twice`` and ``writes-late`` are broken on purpose.
"""

# ruff: noqa: T201 - a program; its output is its result

from __future__ import annotations

import ctypes
import os
import socket
import sys

from tests.lifetimes.programs.traced import attempt

shim = ctypes.CDLL(None)

for mode, address in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
    if mode == "closes-twice":
        number = socket.socket(socket.AF_INET, socket.SOCK_DGRAM).detach()
        os.close(number)
        os.close(number)
    elif mode == "writes-late":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            number = sock.fileno()
        os.write(number, b"to whom it may concern")
    else:
        answer = attempt(mode, address)
        assert answer.get("end_reason") == "rounds", answer
print(shim.canary_count(), shim.canary_dead())
