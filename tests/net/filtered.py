"""Refuse socket(2) by seccomp, then run the command: `filtered.py trippy-nb's words`. x86-64 and arm64."""

import ctypes
import errno
import platform
import struct
import sys

from trippy_nb.cli import main

_SOCKET = {"x86_64": 41, "aarch64": 198}
_SET_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 38, 22, 2  # linux/prctl.h, linux/seccomp.h


def refuse_sockets() -> None:
    number = _SOCKET[platform.machine()]
    program = b"".join(
        struct.pack("@HBBI", *instruction)
        for instruction in (
            (0x20, 0, 0, 0),  # load the number of the call
            (0x15, 0, 1, number),
            (0x06, 0, 0, 0x00050000 | errno.EPERM),  # SECCOMP_RET_ERRNO
            (0x06, 0, 0, 0x7FFF0000),  # SECCOMP_RET_ALLOW
        )
    )
    store = ctypes.create_string_buffer(program)
    filters = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(store)))
    libc = ctypes.CDLL(None)
    assert libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert libc.prctl(_SET_SECCOMP, _FILTER, filters, 0, 0) == 0


if __name__ == "__main__":
    refuse_sockets()
    main(sys.argv[1:], prog_name="trippy-nb")
