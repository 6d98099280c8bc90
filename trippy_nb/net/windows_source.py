"""The address that probes are sent from, on Windows: found by asking for the route, or checked if given.

`connect` and `getsockname`, the way of other systems, is not promised to work for datagrams: "the
address may not be available until I/O occurs on the socket" (documentation of getsockname). So the route is
asked for, with SIO_ROUTING_INTERFACE_QUERY, as Trippy does.
"""

import errno
import socket
from typing import Final

from trippy_nb.errors import ConfigError
from trippy_nb.lifetimes import Vault
from trippy_nb.model import Target, TraceConfig, normalise_address, split_zone
from trippy_nb.net.addresses import family_of, pack_sockaddr, scope_of, socket_address, unpack_sockaddr

_ROUTING_INTERFACE_QUERY: Final = 0xC8000014  # SIO_ROUTING_INTERFACE_QUERY, ws2def.h
_ANY_PORT: Final = 9
_WINE_HAS_NONE: Final = (10045, 10047)  # WSAEOPNOTSUPP, WSAEAFNOSUPPORT: wine has it for IPv4 only


def choose_source(vault: Vault, target: Target, config: TraceConfig) -> str:
    """Find the address to send from, as routing table or configuration have it.

    Returns
    -------
    source
        Normalised, without a zone.

    Raises
    ------
    ConfigError
        If the source address is not this machine's, if an interface was asked for, or if there is no route.
    """
    if config.interface is not None:
        raise ConfigError("interface is not built for Windows: give its address as source_address")
    if config.fwmark is not None:
        raise ConfigError("fwmark is Linux's: leave it out here")
    if config.source_address is not None:
        return _checked(vault, target, config.source_address)
    return _routed(vault, target)


def _checked(vault: Vault, target: Target, asked: str) -> str:
    # A stream socket: wine lets datagram sockets bind to addresses of others.
    addr, zone = split_zone(asked)
    port = vault.open_socket(family_of(target.af), socket.SOCK_STREAM, purpose="checking the source address")
    try:
        port.bind(socket_address(addr, zone=zone or target.zone))
        return normalise_address(str(port.local_address()[0]))
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise ConfigError(
                f"source_address {asked} is not an address of this machine: see `ipconfig`"
            ) from None
        raise ConfigError(f"source_address {asked} cannot be used: {error}") from None
    finally:
        vault.release(port)


def _routed(vault: Vault, target: Target) -> str:
    port = vault.open_socket(family_of(target.af), socket.SOCK_DGRAM, purpose="finding the source address")
    try:
        scope = scope_of(target.zone)
        try:
            answer = port.ioctl(_ROUTING_INTERFACE_QUERY, pack_sockaddr(target.addr, 0, scope))
        except OSError as error:
            if getattr(error, "winerror", None) not in _WINE_HAS_NONE:
                raise
            port.connect(socket_address(target.addr, _ANY_PORT, target.zone))
            return normalise_address(str(port.local_address()[0]))
        found = unpack_sockaddr(answer)
        if found is None:
            raise ConfigError(f"Windows names no source address for {target.addr}: give source_address")
        return found[0]
    except OSError as error:
        raise ConfigError(
            f"no way from this machine to {target.addr}: {error} (see `route print -{target.af}`)"
        ) from None
    finally:
        vault.release(port)
