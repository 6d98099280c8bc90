"""A TUN device: what the kernel routes into it is ours to read, what we write arrives as if from a wire.

The device lives as long as its descriptor: with the close go its addresses and routes.
"""

import errno
import fcntl
import os
import select
import struct
import sys
from io import FileIO
from typing import Final

from trippy_nb.lifetimes.vault import TICK_S, Loan, Vault

assert sys.platform == "linux"  # mypy reads on only where this holds

_PATH: Final = "/dev/net/tun"
_SET_INTERFACE: Final = 0x400454CA  # TUNSETIFF, linux/if_tun.h
_TUN_NO_HEADER: Final = 0x1001  # IFF_TUN | IFF_NO_PI: whole IP packets, and nothing before them
_NEW: Final = 0x8000  # IFF_TUN_EXCL: not one that `ip tuntap add` has left there, which would outlive us
_REQUEST: Final = struct.Struct("16sH22x")  # struct ifreq: name and flags
_LARGEST: Final = 65_535
_BATCH: Final = 64
_DROPPED: Final = (errno.ENOBUFS, errno.EINVAL, errno.EIO)  # full, no IP packet, or not up


def _open_tun(name: str) -> FileIO:
    tun = FileIO(_PATH, "r+")
    try:
        os.set_blocking(tun.fileno(), False)
        fcntl.ioctl(tun, _SET_INTERFACE, _REQUEST.pack(name.encode(), _TUN_NO_HEADER | _NEW))
    except BaseException:
        tun.close()
        raise
    return tun


class Device(Loan):
    """A borrowed view of a TUN device. It never blocks."""

    __slots__ = ()

    def read_many(self) -> list[bytes]:
        """Return packets that the kernel has routed here, at most 64.

        Raises
        ------
        OSError
            If the device is gone.
        """
        tun, packets = self._tun(), []
        for _ in range(_BATCH):
            packet = tun.read(_LARGEST)
            if packet is None:  # no more are here
                break
            packets.append(packet)
        self._vault.borrow(self).entry.received += len(packets)
        return packets

    def write(self, packet: bytes) -> bool:
        """Have a packet arrive; tell whether the kernel took it.

        Raises
        ------
        OSError
            If the device is gone.
        """
        try:
            written = self._tun().write(packet)
        except OSError as error:
            if error.errno not in _DROPPED:
                raise
            return False
        self._vault.borrow(self).entry.sent += written is not None
        return written is not None

    def wait(self, timeout_s: float) -> bool:
        """Wait until there is a packet, at most 50 ms; tell whether there is.

        By select(2), whose time-out is in microseconds: that of poll(2) is in milliseconds.
        """
        timeout_s = max(0.0, min(timeout_s, TICK_S))
        return bool(select.select([self._tun().fileno()], [], [], timeout_s)[0])

    def _tun(self) -> FileIO:
        resource = self._vault.borrow(self).resource
        assert isinstance(resource, FileIO)
        return resource


def open_device(vault: Vault, name: str, *, purpose: str) -> Device:
    """Make a TUN device that belongs to `vault`; it is not up, and has no address.

    Parameters
    ----------
    vault
        Its owner.
    name
        Of the interface, at most 15 bytes.
    purpose
        What it is for, as the ledger says it.

    Raises
    ------
    OSError
        If it cannot be made: PermissionError without CAP_NET_ADMIN, EBUSY where the name is taken.
    """
    held = vault.keep("device", purpose, lambda: _open_tun(name))
    return Device(vault, held.entry.handle, purpose)
