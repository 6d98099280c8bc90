"""The address that probes are sent from: found, or checked if it was given. No packet leaves for it."""

import errno
import os
import socket
from ipaddress import IPv6Address
from pathlib import Path

from trippy_nb.errors import ConfigError
from trippy_nb.lifetimes import Port, Vault
from trippy_nb.model import Target, TraceConfig, normalise_address, split_zone, unpack_address
from trippy_nb.net.addresses import family_of, socket_address
from trippy_nb.net.steering import is_vrf, steer

_ANY_PORT = 9  # discard; connecting a datagram socket only asks the routing table
_SIOCGIFADDR = 0x8915
_IFREQ_SIZE = 40  # netdevice(7): name of 16 bytes, then a sockaddr; 64-bit Linux
_IFREQ_ADDR = slice(20, 24)
_LONGEST_NAME = 15
_UNUSABLE = 0x08 | 0x20 | 0x40  # linux/if_addr.h: IFA_F_DADFAILED, IFA_F_DEPRECATED, IFA_F_TENTATIVE
_IPV4 = 4


def choose_source(vault: Vault, target: Target, config: TraceConfig) -> str:
    """Find the address to send from, as routing table or configuration have it.

    Returns
    -------
    source
        Normalised, without a zone.

    Raises
    ------
    ConfigError
        If the source address is not this machine's, if the interface does not exist or has no address
        of the target's family, or if there is no route to the target.
    """
    asked: str | None = None
    zone = target.zone
    if config.source_address is not None:
        asked, own_zone = split_zone(config.source_address)
        zone = own_zone or zone
    elif config.interface is not None:
        asked = _interface_address(vault, config.interface, target)  # None: the table of a VRF knows
        zone = zone or config.interface
    return _routed(vault, target, asked, zone, config)


def _routed(vault: Vault, target: Target, asked: str | None, zone: str | None, config: TraceConfig) -> str:
    port = vault.open_socket(
        family_of(target.af),
        socket.SOCK_DGRAM,
        purpose="finding the source address",
        setup=lambda port: steer(port, config),
    )
    try:
        if asked is not None:
            _bind(port, asked, zone, config)
        _connect(port, target, zone, asked)
        return normalise_address(str(port.local_address()[0]))
    finally:
        vault.release(port)


def _bind(port: Port, asked: str, zone: str | None, config: TraceConfig) -> None:
    try:
        port.bind(socket_address(asked, zone=zone if _is_link_local(asked) else None))
    except OSError as error:
        given = (
            f"source_address {asked}" if config.source_address else f"{asked} of interface {config.interface}"
        )
        if error.errno == errno.EADDRNOTAVAIL:
            raise ConfigError(f"{given} is not an address of this machine: see `ip address`") from None
        raise ConfigError(f"{given} cannot be used: {_said(error)}") from None


def _connect(port: Port, target: Target, zone: str | None, asked: str | None) -> None:
    try:
        port.connect(socket_address(target.addr, _ANY_PORT, zone if _is_link_local(target.addr) else None))
    except OSError as error:
        origin = "this machine" if asked is None else asked
        raise ConfigError(f"no way from {origin} to {target.addr}: {_hint(error, target)}") from None


def _hint(error: OSError, target: Target) -> str:
    if error.errno == errno.EINVAL and _is_link_local(target.addr) and target.zone is None:
        return f"a link-local address needs a zone, such as {target.addr}%eth0"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{_said(error)} (is it a broadcast address?)"
    if error.errno in (errno.ENETUNREACH, errno.EADDRNOTAVAIL):
        return f"{_said(error)} (no route for IPv{target.af}; see `ip -{target.af} route`)"
    return _said(error)


def _said(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


def _is_link_local(addr: str) -> bool:
    return ":" in addr and IPv6Address(addr).is_link_local


def _interface_address(vault: Vault, name: str, target: Target) -> str | None:
    names = [known for _number, known in socket.if_nameindex()]
    if name not in names or len(name.encode()) > _LONGEST_NAME:
        raise ConfigError(f"there is no interface {name!r} here, only {', '.join(names)}")
    found = _ipv4_address(vault, name) if target.af == _IPV4 else _ipv6_address(name, target)
    if found is None and not _is_vrf(vault, name):
        raise ConfigError(
            f"interface {name} has no usable IPv{target.af} address: see `ip address show {name}`"
        )
    return found


def _is_vrf(vault: Vault, name: str) -> bool:
    port = vault.open_socket(socket.AF_INET, socket.SOCK_DGRAM, purpose="asking what an interface is")
    try:
        return is_vrf(port, name)
    finally:
        vault.release(port)


def _ipv4_address(vault: Vault, name: str) -> str | None:
    port = vault.open_socket(socket.AF_INET, socket.SOCK_DGRAM, purpose="asking for an interface's address")
    try:
        request = name.encode().ljust(_IFREQ_SIZE, b"\0")
        return unpack_address(port.ioctl(_SIOCGIFADDR, request)[_IFREQ_ADDR])
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            return None
        raise ConfigError(f"interface {name} cannot be asked for its address: {_said(error)}") from None
    finally:
        vault.release(port)


def _ipv6_address(name: str, target: Target) -> str | None:
    """Read `if_inet6`: address, interface number, prefix length, scope, flags, interface."""
    try:
        lines = Path("/proc/thread-self/net/if_inet6").read_text(encoding="utf-8").splitlines()
    except OSError:  # a kernel without IPv6
        return None
    wants_link_local = _is_link_local(target.addr)
    for line in lines:
        packed, _number, _prefix, _scope, flags, owner = line.split()
        addr = unpack_address(bytes.fromhex(packed))
        if owner == name and not int(flags, 16) & _UNUSABLE and _is_link_local(addr) == wants_link_local:
            return addr
    return None
