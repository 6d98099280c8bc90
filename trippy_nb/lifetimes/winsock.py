"""Winsock's ioctl, which Python's `socket` has for three requests only."""

import ctypes
import socket
import sys

assert sys.platform == "win32"  # mypy reads on only where this holds

_ANSWER_SIZE = 1024
_ws2_32 = ctypes.WinDLL("ws2_32", use_last_error=True)
_ws2_32.WSAIoctl.argtypes = (
    ctypes.c_size_t,  # SOCKET
    ctypes.c_uint32,
    ctypes.c_char_p,
    ctypes.c_uint32,
    ctypes.c_void_p,
    ctypes.c_uint32,
    ctypes.c_void_p,
    ctypes.c_void_p,  # OVERLAPPED: never
    ctypes.c_void_p,  # completion routine: never
)


def ask_winsock(sock: socket.socket, request: int, argument: bytes) -> bytes:
    """Make a WSAIoctl, which waits for its answer; return that.

    Raises
    ------
    OSError
        If Winsock refuses.
    """
    answer = ctypes.create_string_buffer(_ANSWER_SIZE)
    size = ctypes.c_uint32()
    failed = _ws2_32.WSAIoctl(
        sock.fileno(), request, argument, len(argument), answer, _ANSWER_SIZE, ctypes.byref(size), None, None
    )
    if failed:
        raise ctypes.WinError(ctypes.get_last_error())
    return answer.raw[: size.value]
