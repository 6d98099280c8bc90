"""Waiting for sockets, and asking them what has no name in `socket`, as each platform has it."""

import select
import socket
import sys
import threading
from collections.abc import Sequence

if sys.platform == "win32":
    from trippy_nb.lifetimes.winsock import ask_winsock as ask_system

    _pause = threading.Lock()
    _pause.acquire()  # for good: waiting for it is a pause, and select(2) of Winsock takes no empty sets

    def wait_ready(
        socks: Sequence[socket.socket], timeout_s: float, *, writable: bool
    ) -> list[tuple[int, bool, bool]]:
        """Wait; return place, usable and error of each socket that has something. No socket is a pause.

        Winsock's `WSAPoll` is not asked: before Windows 10 version 2004 it never reported a connection
        that failed. `select` reports that as an exceptional condition.
        """
        if not socks:
            if timeout_s > 0:
                _pause.acquire(timeout=timeout_s)
            return []
        readers, writers = ([], socks) if writable else (socks, [])
        can_read, can_write, in_trouble = select.select(readers, writers, socks, timeout_s)
        usable, error = {*can_read, *can_write}, set(in_trouble)
        return [(i, sock in usable, sock in error) for i, sock in enumerate(socks) if sock in usable | error]

else:
    import fcntl

    _TROUBLE = select.POLLERR | select.POLLHUP | select.POLLNVAL
    _USABLE = select.POLLIN | select.POLLOUT

    def wait_ready(
        socks: Sequence[socket.socket], timeout_s: float, *, writable: bool
    ) -> list[tuple[int, bool, bool]]:
        """Wait; return place, usable and error of each socket that has something. No socket is a pause."""
        poll = select.poll()
        places: dict[int, int] = {}
        for i, sock in enumerate(socks):
            places[sock.fileno()] = i
            poll.register(sock, select.POLLOUT if writable else select.POLLIN)  # POLLERR comes unasked
        events = poll.poll(timeout_s * 1000)
        return [(places[fd], bool(bits & _USABLE), bool(bits & _TROUBLE)) for fd, bits in events]

    def ask_system(sock: socket.socket, request: int, argument: bytes) -> bytes:
        """Make an ioctl(2) that fills in its argument; return that."""
        return fcntl.ioctl(sock, request, argument)


__all__ = ["ask_system", "wait_ready"]
