"""What a batch is made of, whoever sends it: datagrams, and the ancillary data beside them."""

import ctypes
import struct
from collections.abc import Iterator
from typing import NamedTuple

BATCH = 64
"""Packets a system call."""
SLOT = 2048
"""Bytes a packet may have: more than the largest probe, and than any ICMP error."""

_SIZE_T = ctypes.sizeof(ctypes.c_size_t)
_CMSG = struct.Struct("@Nii")  # cmsg(3): length with this header, level, type


class Datagram(NamedTuple):
    """One packet, with what the operating system says, or is told, about it."""

    data: bytes
    address: bytes = b""
    """A `sockaddr` as C has it; empty for none."""
    control: bytes = b""
    """Ancillary data, see :func:`pack_control` and :func:`iter_control`."""


def pack_control(level: int, kind: int, value: bytes) -> bytes:
    """Make one ancillary message, padded so that another may follow."""
    header = _CMSG.pack(_CMSG.size + len(value), level, kind)
    return header + value + bytes(-len(value) % _SIZE_T)


def iter_control(control: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Take ancillary data apart: level, type and value of each message. Ends at what makes no sense."""
    at, end = 0, len(control)
    while at + _CMSG.size <= end:
        length, level, kind = _CMSG.unpack_from(control, at)
        if length < _CMSG.size or at + length > end:
            return
        yield level, kind, control[at + _CMSG.size : at + length]
        at += length + -length % _SIZE_T
