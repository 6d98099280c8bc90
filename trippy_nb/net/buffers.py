"""Room in the kernel for answers that come while the notebook computes."""

import contextlib
import socket

from trippy_nb.lifetimes import Port
from trippy_nb.net import linux

_RECEIVE_BUFFER = 4 << 20  # thousands of small packets, each of which counts with about 800 bytes


def widen(port: Port) -> None:
    """Give a port a generous receive buffer, which the error queue shares."""
    with contextlib.suppress(OSError):  # capped at net.core.rmem_max without CAP_NET_ADMIN
        port.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    with contextlib.suppress(PermissionError):
        port.setsockopt(socket.SOL_SOCKET, linux.SO_RCVBUFFORCE, _RECEIVE_BUFFER)
