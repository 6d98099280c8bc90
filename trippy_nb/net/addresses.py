"""Addresses as C spells them."""

import errno
import socket
import struct
from functools import lru_cache

from trippy_nb.errors import PortInUseError, PrivilegeError
from trippy_nb.lifetimes import Port
from trippy_nb.model import Plan, unpack_address

_IN = struct.Struct("!H4s8x")  # sockaddr_in after its family, ip(7)
_IN6 = struct.Struct("!HI16s")  # sockaddr_in6 after its family, ipv6(7); then the scope in host order
_FAMILY = struct.Struct("=H")
_SCOPE = struct.Struct("=I")
_SCOPE_AT = _FAMILY.size + _IN6.size


def family_of(af: int) -> int:
    """AF_INET or AF_INET6 from 4 or 6."""
    return socket.AF_INET6 if af == 6 else socket.AF_INET  # noqa: PLR2004 - the IP version


def pack(addr: str) -> bytes:
    """Pack an address into 4 or 16 bytes."""
    return socket.inet_pton(socket.AF_INET6 if ":" in addr else socket.AF_INET, addr)


def pack_sockaddr(addr: str, port: int = 0, scope: int = 0) -> bytes:
    """Make a `sockaddr` as `sendmmsg` wants it."""
    if ":" in addr:
        return _FAMILY.pack(socket.AF_INET6) + _IN6.pack(port, 0, pack(addr)) + _SCOPE.pack(scope)
    return _FAMILY.pack(socket.AF_INET) + _IN.pack(port, pack(addr))


_text = lru_cache(maxsize=4096)(unpack_address)  # the same few routers, and one target, again and again


def unpack_sockaddr(sockaddr: bytes) -> tuple[str, int, int] | None:
    """Read a `sockaddr`: normalised address, port and scope; None if it holds no IP address."""
    if len(sockaddr) < _FAMILY.size:
        return None
    (family,) = _FAMILY.unpack_from(sockaddr)
    if family == socket.AF_INET and len(sockaddr) >= _FAMILY.size + _IN.size:
        port, packed = _IN.unpack_from(sockaddr, _FAMILY.size)
        return _text(packed), port, 0
    if family == socket.AF_INET6 and len(sockaddr) >= _SCOPE_AT + _SCOPE.size:
        port, _flow, packed = _IN6.unpack_from(sockaddr, _FAMILY.size)
        return _text(packed), port, _SCOPE.unpack_from(sockaddr, _SCOPE_AT)[0]
    return None


def scope_of(zone: str | None) -> int:
    """Interface number of a zone, by name or number; 0 for none.

    Raises
    ------
    OSError
        If there is no such interface.
    """
    if zone is None:
        return 0
    return int(zone) if zone.isdecimal() else socket.if_nametoindex(zone)


@lru_cache(maxsize=256)
def zone_of(scope: int) -> str | None:
    """Name of an interface, as the zone of an address; None for 0."""
    if scope == 0:
        return None
    try:
        return socket.if_indextoname(scope)
    except OSError:  # gone meanwhile
        return str(scope)


def socket_address(addr: str, port: int = 0, zone: str | None = None) -> tuple[str | int, ...]:
    """Spell an address as `bind` and `connect` of Python want it."""
    return (addr, port, 0, scope_of(zone)) if ":" in addr else (addr, port)


def bind_fixed(port: Port, plan: Plan, sport: int) -> None:
    """Bind to the source port that all probes have.

    Raises
    ------
    PortInUseError
        If another program has it.
    PrivilegeError
        If it is one of those that not everybody may have.
    """
    try:
        port.bind(socket_address(plan.source, sport, plan.target.zone))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(
                f"source port {sport} of {plan.source} is in use: choose another source_port"
            ) from None
        if error.errno == errno.EACCES:
            raise PrivilegeError(
                f"source port {sport} needs CAP_NET_BIND_SERVICE: choose a source_port of 1024 or more"
            ) from None
        raise
