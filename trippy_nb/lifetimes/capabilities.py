"""Least privilege on Linux: capabilities that opening takes are effective only while something is opened.

A capability that the process has from a file or as ambient (capabilities(7)) leaves the effective set
of a session's thread at its start, and comes back for each opening. Threads have capabilities of their
own, and capset(2) changes the calling thread only, so whoever started the session keeps theirs. Plain
root is left alone: the owner of the machine's files gains nothing by it.
"""

import contextlib
import ctypes
import logging
import os
from collections.abc import Iterator

_log = logging.getLogger(__name__)

_VERSION_3 = 0x20080522  # linux/capability.h: _LINUX_CAPABILITY_VERSION_3, two words a set
_NET_ADMIN, _NET_RAW = 12, 13
_OPENING = 1 << _NET_ADMIN | 1 << _NET_RAW  # raw sockets; SO_MARK, SO_RCVBUFFORCE


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Word(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


_Words = _Word * 2


def _libc() -> ctypes.CDLL | None:
    if not hasattr(os, "geteuid"):  # Windows
        return None
    libc = ctypes.PyDLL(None, use_errno=True)  # PyDLL: no use in giving up the interpreter lock for this
    return libc if hasattr(libc, "capget") else None


_LIBC = _libc()


def _call(name: str, words: ctypes.Array[_Word]) -> bool:
    header = _Header(_VERSION_3, 0)  # 0 is the calling thread
    return bool(getattr(_LIBC, name)(ctypes.byref(header), words) == 0)


def _sets() -> ctypes.Array[_Word] | None:
    words = _Words()
    return words if _LIBC is not None and _call("capget", words) else None


def _set_effective(words: ctypes.Array[_Word], effective: int) -> None:
    words[0].effective = effective
    if not _call("capset", words):
        _log.warning("capabilities cannot be changed: %s", os.strerror(ctypes.get_errno()))


def drop_opening() -> bool:
    """Take what only opening needs out of this thread's effective set; tell whether there was something.

    Nothing changes for plain root, and where there are no capabilities.
    """
    words = None if _LIBC is None or os.geteuid() == 0 else _sets()
    if words is None or not words[0].effective & _OPENING:
        return False
    _set_effective(words, words[0].effective & ~_OPENING)
    _log.debug("least privilege: CAP_NET_RAW and CAP_NET_ADMIN are effective only while sockets are opened")
    return True


@contextlib.contextmanager
def raised_for_opening() -> Iterator[None]:
    """Have what opening needs, as far as it is permitted, effective on this thread; then as before."""
    words = _sets()
    missing = 0 if words is None else words[0].permitted & ~words[0].effective & _OPENING
    if words is None or not missing:
        yield
        return
    before = words[0].effective
    _set_effective(words, before | missing)
    try:
        yield
    finally:
        _set_effective(words, before)
