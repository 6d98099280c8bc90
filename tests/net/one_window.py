"""Send one window of 24 and receive its answers, between two marks in the system call trace."""

from __future__ import annotations

import socket
import sys
import threading
from typing import Any

from tests.net.driving import Driver, drive

OPTIONS: dict[str, dict[str, Any]] = {
    "raw": {"protocol": "udp"},
    "raw-icmp": {"protocol": "icmp"},
    "error-queue": {"protocol": "udp", "mode": "error-queue"},
}


def steps(it: Driver) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mark:
        mark.getsockopt(socket.SOL_SOCKET, socket.SO_DEBUG)
        it.send(range(1, 25))
        threading.Event().wait(0.2)  # all answers are here: on the loopback they are there after the send
        it.arrivals += it.channel.receive(sys.maxsize)
        mark.getsockopt(socket.SOL_SOCKET, socket.SO_DEBUG)
    assert len(it.replies) == 24
    assert len(it.stamps) == 24


drive("127.0.0.1", steps, **OPTIONS[sys.argv[1]])
