"""Which way packets take where the routing table alone does not say: a mark, an interface, a VRF (Linux).

A VRF is an interface to its sockets (kernel documentation, networking/vrf.rst): binding to it chooses its
table, so naming one as the interface is all there is to it.
"""

import ctypes
import errno
import socket
import struct
import sys
from typing import Final

from trippy_nb.errors import ConfigError, PrivilegeError
from trippy_nb.lifetimes import Port
from trippy_nb.model import SocketMode, TraceConfig
from trippy_nb.net import linux

MARK_HELPS: Final = "run as root, or with CAP_NET_ADMIN (since Linux 5.17 CAP_NET_RAW will do)"
BIND_HELPS: Final = "run as root, or with CAP_NET_RAW, or on Linux 5.7 or later"
_NAME: Final = 16  # IFNAMSIZ, its NUL included
_SIOCETHTOOL: Final = 0x8946
_GET_DRIVER: Final = struct.pack("@I", 3)  # ETHTOOL_GDRVINFO, linux/ethtool.h
_DRIVER_INFO: Final = 196  # sizeof(struct ethtool_drvinfo): command, then the driver's name of 32 bytes
_DRIVER_NAME: Final = slice(4, 36)
_REQUEST: Final = struct.Struct("@16sP16x")  # ifreq with a pointer; 64-bit Linux


def check_steering(config: TraceConfig, mode: SocketMode) -> None:
    """Check that what was asked for can be done with this kind of sockets.

    Raises
    ------
    ConfigError
        If probes are sent by somebody else, who binds and marks no socket for us.
    """
    asked = [name for name in ("interface", "fwmark") if getattr(config, name) is not None]
    if mode is SocketMode.MTR_PACKET and asked:
        raise ConfigError(
            f"mode mtr-packet cannot do {' and '.join(asked)}, as its own program opens the sockets: "
            "leave it out, or give the interface's address as source_address"
        )


def steer(port: Port, config: TraceConfig) -> None:
    """Mark a port's packets and bind it to the interface, as far as that was asked for; before it is bound.

    A port that is bound to an interface also receives through that interface only.

    Raises
    ------
    PrivilegeError
        If this process may not.
    ConfigError
        If there is no such interface, or this platform has no such thing.
    """
    if config.fwmark is not None:
        _mark(port, config.fwmark)
    if config.interface is not None and sys.platform == "linux":  # elsewhere its address has to do
        bind_to(port, config.interface)


def _mark(port: Port, mark: int) -> None:
    if sys.platform != "linux":
        raise ConfigError("fwmark is Linux's: leave it out here")
    try:
        port.setsockopt(socket.SOL_SOCKET, linux.SO_MARK, struct.pack("@I", mark))
    except PermissionError:
        raise PrivilegeError(
            f"fwmark needs CAP_NET_ADMIN, which this process does not have: {MARK_HELPS}; or leave out fwmark"
        ) from None


def bind_to(port: Port, interface: str) -> None:
    """Bind a port to an interface.

    Raises
    ------
    PrivilegeError
        If this process may not; since Linux 5.7 everybody may.
    ConfigError
        If there is no such interface.
    """
    try:
        port.setsockopt(socket.SOL_SOCKET, linux.SO_BINDTODEVICE, interface.encode() + b"\0")
    except PermissionError:
        raise PrivilegeError(
            f"binding to interface {interface} needs privilege here: {BIND_HELPS}; "
            "or give its address as source_address"
        ) from None
    except OSError as error:
        if error.errno == errno.ENODEV:
            raise ConfigError(f"interface {interface} is gone") from None
        raise


def is_vrf(port: Port, interface: str) -> bool:
    """Whether an interface is a VRF, which need not have an address of its own: its driver says so."""
    info = ctypes.create_string_buffer(_GET_DRIVER, _DRIVER_INFO)
    request = _REQUEST.pack(interface.encode()[: _NAME - 1], ctypes.addressof(info))
    try:
        port.ioctl(_SIOCETHTOOL, request)
    except OSError:  # an interface without a driver, such as the loopback
        return False
    return info.raw[_DRIVER_NAME].split(b"\0")[0] == b"vrf"
