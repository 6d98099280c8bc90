"""The handle of Windows' own ICMP echo, which needs no privilege.

Calls are synchronous: without an event and without an APC the operating system writes into our buffer only
while we are in the call, so no buffer outlives one, and the handle is all there is to close. Nothing
that Windows documents cuts a call short: it lasts until the answer or the time-out.

Layouts are those of ipexport.h for 64-bit processes.
"""

import ctypes
import socket
import struct
import sys
from typing import NamedTuple

from trippy_nb.lifetimes.vault import Loan, Vault

assert sys.platform == "win32"  # mypy reads on only where this holds

TIMED_OUT = 11010
"""IP_REQ_TIMED_OUT: the status of a call that no answer ended."""

_INVALID = ctypes.c_void_p(-1).value
_IPV4 = 4
_ERROR_ROOM = 8 + 16  # the least that the documentation asks for after reply and data; an IO_STATUS_BLOCK
_DONT_FRAGMENT = 0x02  # IP_FLAG_DF
_REPLY = struct.Struct("=4sIIHH")  # ICMP_ECHO_REPLY: address, status, ms, bytes of data
_DATA_AT, _OPTIONS_AT, _REPLY_SIZE = 16, 24, 40
_POINTER = struct.Struct("=Q")
_REPLY6 = struct.Struct("=6x16sI2xII")  # ICMPV6_ECHO_REPLY: IPV6_ADDRESS_EX without padding, status, ms
_SOCKADDR6 = struct.Struct("=HHI16sI")


class _Options(ctypes.Structure):
    """IP_OPTION_INFORMATION."""

    _fields_ = (
        ("ttl", ctypes.c_ubyte),
        ("tos", ctypes.c_ubyte),
        ("flags", ctypes.c_ubyte),
        ("size", ctypes.c_ubyte),
        ("options", ctypes.c_void_p),
    )


_iphlpapi = ctypes.WinDLL("iphlpapi", use_last_error=True)
_COMMON = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)  # handle, event, APC, context
_REST = (
    ctypes.c_char_p,
    ctypes.c_ushort,
    ctypes.POINTER(_Options),
    ctypes.c_void_p,
    ctypes.c_uint32,
    ctypes.c_uint32,
)
_iphlpapi.IcmpCreateFile.restype = ctypes.c_void_p
_iphlpapi.Icmp6CreateFile.restype = ctypes.c_void_p
_iphlpapi.IcmpCloseHandle.argtypes = (ctypes.c_void_p,)
_iphlpapi.IcmpSendEcho2Ex.argtypes = (*_COMMON, ctypes.c_uint32, ctypes.c_uint32, *_REST)
_iphlpapi.Icmp6SendEcho2.argtypes = (*_COMMON, ctypes.c_char_p, ctypes.c_char_p, *_REST)


class EchoAnswer(NamedTuple):
    """What ended a call."""

    status: int
    """IP_STATUS of the answer, 0 for an echo reply; what GetLastError says where there is none."""
    responder: bytes | None = None
    """4 or 16 bytes; None where nobody answered."""
    scope: int = 0
    """Interface of a link-local responder."""
    rtt_ms: int = 0
    """As the operating system has it: whole milliseconds."""
    ttl: int | None = None
    """Of the answer; IPv6 has none."""
    data: bytes = b""
    """What was echoed."""


class _EchoHandle:
    def __init__(self, af: int) -> None:
        make = _iphlpapi.IcmpCreateFile if af == _IPV4 else _iphlpapi.Icmp6CreateFile
        self.number: int | None = make()
        if self.number in (None, _INVALID):
            raise ctypes.WinError(ctypes.get_last_error())

    def close(self) -> None:
        if not _iphlpapi.IcmpCloseHandle(self.number):
            raise ctypes.WinError(ctypes.get_last_error())


class Echo(Loan):
    """A borrowed view of an ICMP handle."""

    __slots__ = ()

    def ask(
        self, source: str, target: str, scope: int, data: bytes, *, ttl: int, tos: int, timeout_ms: int
    ) -> EchoAnswer:
        """Send an echo request and wait for what answers it.

        Parameters
        ----------
        source, target
            Addresses, of the family that the handle was opened for.
        scope
            Interface of both, for link-local addresses; 0 for none.
        data
            Payload.
        ttl, tos
            Of the request's IP header.
        timeout_ms
            Longest wait.
        """
        held = self._vault.borrow(self)
        number = held.resource.number if isinstance(held.resource, _EchoHandle) else None
        options = _Options(ttl=ttl, tos=tos, flags=_DONT_FRAGMENT)
        room = ctypes.create_string_buffer(_REPLY_SIZE + len(data) + _ERROR_ROOM)
        rest = (data, len(data), ctypes.byref(options), room, len(room), timeout_ms)
        is_v6 = ":" in target
        ctypes.set_last_error(0)
        held.entry.sent += 1
        if is_v6:
            ends = (_sockaddr6(source, scope), _sockaddr6(target, scope))
            count = _iphlpapi.Icmp6SendEcho2(number, None, None, None, *ends, *rest)
        else:
            count = _iphlpapi.IcmpSendEcho2Ex(number, None, None, None, _ipv4(source), _ipv4(target), *rest)
        if not count:
            return EchoAnswer(ctypes.get_last_error())
        answer = _read_v6(room, len(data)) if is_v6 else _read_v4(room)
        held.entry.received += answer.responder is not None
        return answer


def open_echo(vault: Vault, af: int, *, purpose: str) -> Echo:
    """Open an ICMP handle that belongs to `vault`.

    Raises
    ------
    OSError
        If the operating system has none to give.
    """
    held = vault.keep("device", purpose, lambda: _EchoHandle(af))
    return Echo(vault, held.entry.handle, purpose)


def _ipv4(addr: str) -> int:
    return int.from_bytes(socket.inet_pton(socket.AF_INET, addr), sys.byteorder)


def _sockaddr6(addr: str, scope: int) -> bytes:
    return _SOCKADDR6.pack(socket.AF_INET6, 0, 0, socket.inet_pton(socket.AF_INET6, addr), scope)


def _read_v4(room: "ctypes.Array[ctypes.c_char]") -> EchoAnswer:
    raw = room.raw
    address, status, rtt_ms, size, _reserved = _REPLY.unpack_from(raw)
    if status == TIMED_OUT:
        return EchoAnswer(status)
    at = _POINTER.unpack_from(raw, _DATA_AT)[0] - ctypes.addressof(room)
    data = raw[at : at + size] if _REPLY_SIZE <= at <= len(raw) - size else b""
    return EchoAnswer(status, address, 0, rtt_ms, raw[_OPTIONS_AT], data)


def _read_v6(room: "ctypes.Array[ctypes.c_char]", size: int) -> EchoAnswer:
    raw = room.raw
    address, scope, status, rtt_ms = _REPLY6.unpack_from(raw)
    if status == TIMED_OUT:
        return EchoAnswer(status)
    data = raw[_REPLY6.size : _REPLY6.size + size] if status == 0 else b""
    return EchoAnswer(status, address, scope, rtt_ms, None, data)
