"""Datagrams one by one, where there is no sendmmsg: with the manners of `mmsg`, for every other platform.

Ancillary data of an outgoing datagram is taken as a socket option that has to be set before it is sent:
that is how a probe gets its TTL. There is none for those that come in. A `sockaddr` is spelled as on
Linux and Windows also where C has it otherwise (macOS puts a length first): it never gets as far as C.
"""

import errno
import socket
import struct
from collections.abc import Collection, Sequence

from trippy_nb.lifetimes.datagrams import BATCH, SLOT, Datagram, iter_control

_TRIES = 3
_FULL = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS)  # EWOULDBLOCK is a number of its own on Windows
_FAMILY = struct.Struct("=H")
_IN = struct.Struct("=H2s4s8x")
_IN6 = struct.Struct("=H2sI16sI")


def unpack_sockaddr(sockaddr: bytes) -> tuple[str | int, ...]:
    """Spell a `sockaddr` as `socket` wants it."""
    if _FAMILY.unpack_from(sockaddr)[0] == socket.AF_INET6:
        _family, port, flow, packed, scope = _IN6.unpack_from(sockaddr)
        return socket.inet_ntop(socket.AF_INET6, packed), int.from_bytes(port, "big"), flow, scope
    _family, port, packed = _IN.unpack_from(sockaddr)
    return socket.inet_ntop(socket.AF_INET, packed), int.from_bytes(port, "big")


def pack_sockaddr(family: int, address: tuple[str | int, ...]) -> bytes:
    """Make a `sockaddr` of what `socket` spells."""
    host, port = str(address[0]).partition("%")[0], int(address[1]).to_bytes(2, "big")
    packed = socket.inet_pton(family, host)
    if family == socket.AF_INET6:
        return _IN6.pack(family, port, int(address[2]), packed, int(address[3]))
    return _IN.pack(family, port, packed)


class BatchSender:
    """Sends datagrams, a system call each, and one more where an option changes."""

    def __init__(self) -> None:
        self.breaks = 0
        """How often an error ended a window early, ever."""

    def send(self, sock: socket.socket, datagrams: Sequence[Datagram], again: Collection[int]) -> list[int]:
        """Send at most `BATCH` datagrams; one errno each, 0 if it left, as `mmsg.BatchSender.send`."""
        errors: list[int] = []
        control = b""
        for datagram in datagrams:
            if len(datagram.data) > SLOT:
                raise ValueError(f"a datagram of {len(datagram.data)} bytes does not fit into {SLOT}")
            error = 0 if datagram.control == control else _set_options(sock, datagram.control)
            control = datagram.control
            error = error or _send_one(sock, datagram, again)
            self.breaks += error != 0
            if error in _FULL:
                # One number for "full" everywhere; the rest is not tried.
                rest = errno.ENOBUFS if error == errno.ENOBUFS else errno.EAGAIN
                return errors + [rest] * (len(datagrams) - len(errors))
            errors.append(error)
        return errors


def _set_options(sock: socket.socket, control: bytes) -> int:
    try:
        for level, option, value in iter_control(control):
            sock.setsockopt(level, option, value)
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def _send_one(sock: socket.socket, datagram: Datagram, again: Collection[int]) -> int:
    number = 0
    for _ in range(1 + _TRIES):
        try:
            if datagram.address:
                sock.sendto(datagram.data, unpack_sockaddr(datagram.address))
            else:
                sock.send(datagram.data)
        except OSError as error:
            number = error.errno or errno.EIO
            if number in again:
                continue
            return number
        return 0
    return number


class BatchReceiver:
    """Receives datagrams, a system call each. Never waits."""

    def receive(self, sock: socket.socket, flags: int, again: Collection[int]) -> list[Datagram]:
        """Return what is here: `BATCH` datagrams if there may be more, else all there was.

        Raises
        ------
        OSError
            If the socket failed otherwise than by an error of `again`.
        """
        datagrams: list[Datagram] = []
        tries = 0
        while len(datagrams) < BATCH and tries <= _TRIES:
            try:
                data, address = sock.recvfrom(SLOT, flags)
            except OSError as error:
                if error.errno in _FULL:
                    break
                if error.errno not in again:
                    raise
                tries += 1
                continue
            datagrams.append(Datagram(data, pack_sockaddr(sock.family, address) if address else b""))
        return datagrams
