"""Whole windows of packets in one system call: sendmmsg(2) and recvmmsg(2) through ctypes.

Each call gives up the interpreter lock once. Beside a computing notebook cell getting it back takes
about 5 ms, so 24 single sends would take 120 ms. Linux only; the buffers are made once per socket.
"""

import ctypes
import errno
import os
import socket
from collections.abc import Collection, Sequence

from trippy_nb.lifetimes.datagrams import BATCH, SLOT, Datagram

_ADDRESS = 32  # sockaddr_in6 has 28 bytes
_CONTROL = 512  # an error queue's stamp, error, hop limit and traffic class are about 250
_TRIES = 3
_FULL = (errno.EAGAIN, errno.ENOBUFS)


class _IoVec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("len", ctypes.c_size_t))


class _MsgHdr(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("namelen", ctypes.c_uint),
        ("iov", ctypes.c_void_p),
        ("iovlen", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("controllen", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _MMsgHdr(ctypes.Structure):
    _fields_ = (("hdr", _MsgHdr), ("len", ctypes.c_uint))


class _Vector:
    """An array of `mmsghdr` with a buffer, an address and ancillary data for each."""

    def __init__(self) -> None:
        self.store = bytearray(BATCH * (SLOT + _ADDRESS + _CONTROL))
        self._pin = (ctypes.c_char * len(self.store)).from_buffer(self.store)  # so it can never move
        base = ctypes.addressof(self._pin)
        self.addresses = BATCH * SLOT
        self.controls = self.addresses + BATCH * _ADDRESS
        self._iov = (_IoVec * BATCH)()
        self.messages = (_MMsgHdr * BATCH)()
        self.heads = [message.hdr for message in self.messages]
        self.iovecs = list(self._iov)
        for i, (head, iov) in enumerate(zip(self.heads, self.iovecs, strict=True)):
            iov.base = base + i * SLOT
            iov.len = SLOT
            head.iov = ctypes.addressof(self._iov) + i * ctypes.sizeof(_IoVec)
            head.iovlen = 1
            head.name = base + self.addresses + i * _ADDRESS
            head.namelen = _ADDRESS
            head.control = base + self.controls + i * _CONTROL
            head.controllen = _CONTROL


def _libc_call(name: str) -> "ctypes._NamedFuncPointer":
    # CDLL, not PyDLL: the interpreter lock is free during the call.
    return getattr(ctypes.CDLL(None, use_errno=True), name)  # type: ignore[no-any-return]  # by name


class BatchSender:
    """Sends datagrams of one socket, up to `BATCH` a system call."""

    def __init__(self) -> None:
        self._vector = _Vector()
        self._call = _libc_call("sendmmsg")
        self._call.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
        self._start = ctypes.addressof(self._vector.messages)
        self.breaks = 0
        """How often an error ended a system call early, ever."""

    def send(self, sock: socket.socket, datagrams: Sequence[Datagram], again: Collection[int]) -> list[int]:
        """Send at most `BATCH` datagrams; one errno each, 0 if it left.

        An errno of `again` (an ICMP error that was queued, reported once by the next send, whatever it
        sends) is followed by another try, a bounded number of times. When the buffer is full (EAGAIN,
        ENOBUFS) the rest is not tried and gets the same errno.
        """
        self._fill(datagrams)
        fd = sock.fileno()
        count = len(datagrams)
        errors = [0] * count
        done = tries = 0
        lasting: set[int] = set()  # what further tries did not help against: the errors are the packets' own
        while done < count:
            sent = self._call(fd, self._start + done * ctypes.sizeof(_MMsgHdr), count - done, 0)
            if sent > 0:
                done += sent
                tries = 0
                self.breaks += (
                    done < count
                )  # the next one failed; an error about an earlier one is gone with it
                continue
            error = ctypes.get_errno()
            self.breaks += 1
            if error in _FULL:
                errors[done:] = [error] * (count - done)
                break
            if (error in again or error == errno.EINTR) and error not in lasting and tries < _TRIES:
                tries += 1
                continue
            lasting.add(error)
            errors[done] = error
            done += 1
            tries = 0
        return errors

    def _fill(self, datagrams: Sequence[Datagram]) -> None:
        vector = self._vector
        store, addresses, controls = vector.store, vector.addresses, vector.controls
        for i, (data, address, control) in enumerate(datagrams):
            if len(data) > SLOT or len(address) > _ADDRESS or len(control) > _CONTROL:
                raise ValueError(f"a datagram of {len(data)} bytes does not fit into {SLOT}")
            store[i * SLOT : i * SLOT + len(data)] = data
            vector.iovecs[i].len = len(data)
            head = vector.heads[i]
            at = addresses + i * _ADDRESS
            store[at : at + len(address)] = address
            head.namelen = len(address)
            at = controls + i * _CONTROL
            store[at : at + len(control)] = control
            head.controllen = len(control)


class BatchReceiver:
    """Receives datagrams of one socket, up to `BATCH` a system call. Never waits."""

    def __init__(self) -> None:
        self._vector = _Vector()
        self._view = memoryview(self._vector.store)
        self._call = _libc_call("recvmmsg")
        self._call.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
        self._start = ctypes.addressof(self._vector.messages)

    def receive(self, sock: socket.socket, flags: int, again: Collection[int]) -> list[Datagram]:
        """Return what is here: `BATCH` datagrams if there may be more, else all there was.

        Raises
        ------
        OSError
            If the socket failed otherwise than by an error of `again`, which says something about a
            packet that was sent, not about the socket.
        """
        fd = sock.fileno()
        for _ in range(_TRIES):
            count = self._call(fd, self._start, BATCH, flags, None)
            if count >= 0:
                return self._take(count)
            error = ctypes.get_errno()
            if error == errno.EAGAIN:
                return []
            if error not in again and error != errno.EINTR:
                raise OSError(error, os.strerror(error))
        return []

    def _take(self, count: int) -> list[Datagram]:
        vector, view = self._vector, self._view
        addresses, controls = vector.addresses, vector.controls
        datagrams = []
        for i in range(count):
            head = vector.heads[i]
            at, to = addresses + i * _ADDRESS, controls + i * _CONTROL
            datagrams.append(
                Datagram(
                    bytes(view[i * SLOT : i * SLOT + vector.messages[i].len]),
                    bytes(view[at : at + head.namelen]),
                    bytes(view[to : to + head.controllen]),
                )
            )
            head.namelen = _ADDRESS  # the kernel wrote what it used
            head.controllen = _CONTROL
            head.flags = 0
        return datagrams
