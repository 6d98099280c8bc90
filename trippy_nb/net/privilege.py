"""What this process may open: asked of the operating system each time, by opening and closing."""

import errno
import logging
import socket
from pathlib import Path

from trippy_nb.lifetimes import Vault
from trippy_nb.net.addresses import family_of

_log = logging.getLogger(__name__)

_PING_GROUPS = Path("/proc/sys/net/ipv4/ping_group_range")  # for IPv6 too
_REFUSED = (errno.EPERM, errno.EACCES)
_ICMP = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}

_RAW_HELPS = {
    "win32": "run as administrator",
    "darwin": "run as root",
}
HELPER_HELPS = "install mtr-packet (Debian: apt-get install mtr-tiny)"


def raw_helps(platform: str) -> str:
    """Say what would allow raw sockets."""
    return _RAW_HELPS.get(platform, "run as root, or with CAP_NET_RAW (a container needs --cap-add NET_RAW)")


def may_open_raw(vault: Vault, af: int) -> bool:
    """Whether raw sockets of this family may be opened.

    Raises
    ------
    OSError
        If the answer is neither yes nor no, such as EAFNOSUPPORT.
    """
    return _may_open(vault, af, socket.SOCK_RAW, socket.IPPROTO_RAW)


def may_open_datagram_icmp(vault: Vault, af: int) -> bool:
    """Whether datagram ICMP sockets of this family may be opened.

    Raises
    ------
    OSError
        If the answer is neither yes nor no.
    """
    return _may_open(vault, af, socket.SOCK_DGRAM, _ICMP[af])


def _may_open(vault: Vault, af: int, kind: int, proto: int) -> bool:
    try:
        port = vault.open_socket(family_of(af), kind, proto, purpose="asking for permission")
    except OSError as error:
        if error.errno in _REFUSED:
            _log.debug(
                "a socket of type %d, protocol %d, IPv%d was refused: %s", kind, proto, af, error.strerror
            )
            return False
        raise
    vault.release(port)
    return True


def datagram_icmp_helps() -> str:
    """Say what would allow datagram ICMP sockets."""
    try:
        low, high = _PING_GROUPS.read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return "add this process's group to net.ipv4.ping_group_range"
    return (
        f"add this process's group to net.ipv4.ping_group_range (now {low} {high}): "
        "sysctl -w net.ipv4.ping_group_range='0 2147483647'"
    )
