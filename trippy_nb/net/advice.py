"""What would widen what a process may do, as commands. Never setcap on python: that arms every script."""

import sys
from typing import Final

from trippy_nb.net.facts import NET_ADMIN, NET_RAW, Process

AMBIENT: Final = (
    "as root: setpriv --reuid USER --init-groups --inh-caps +net_raw --ambient-caps +net_raw trippy-nb ...; "
    "in a systemd unit: AmbientCapabilities=CAP_NET_RAW"
)
HELPER: Final = "apt-get install mtr-tiny"
FIREWALL_DETAIL: Final = "Windows drops the ICMP errors that hops answer with, unless a rule lets them in"
FIREWALL: Final = (
    "as administrator: New-NetFirewallRule -DisplayName trippy_nb_v4 -Protocol ICMPv4 -Action Allow; "
    "New-NetFirewallRule -DisplayName trippy_nb_v6 -Protocol ICMPv6 -Action Allow"
)
_EVERYBODY: Final = "net.ipv4.ping_group_range='0 2147483647'"
_SIX: Final = 6


def raw(process: Process) -> str:
    """Say how to get what raw sockets take."""
    if sys.platform == "win32":
        return "run as administrator"
    return _capability(process, NET_RAW, "NET_RAW")


def mark(process: Process) -> str:
    """Say how to get what SO_MARK takes."""
    return _capability(process, NET_ADMIN, "NET_ADMIN")


def _capability(process: Process, number: int, name: str) -> str:
    if process.holds(number, "permitted"):
        return ""
    if process.container is not None or process.holds(number, "bounding") is False:
        start = f"start the container with --cap-add {name} (Kubernetes: securityContext.capabilities.add)"
        return f"{start}, as root inside it" if process.user else start
    if process.no_new_privs:
        return (
            "no-new-privs cannot be undone: start the parent (JupyterHub: the spawner) without it; "
            "what needs no privilege works all the same"
        )
    lower = name.lower()
    return (
        f"sudo trippy-nb ...; or as root: setpriv --reuid USER --init-groups --inh-caps +{lower} "
        f"--ambient-caps +{lower} trippy-nb ...; in a systemd unit: AmbientCapabilities=CAP_{name}"
    )


def ping_groups(process: Process) -> str:
    """Say how to allow datagram ICMP."""
    if process.container is not None:
        return f"start the container with --sysctl {_EVERYBODY}"
    return f"as root: sysctl -w {_EVERYBODY}"


def helper_caps(path: str) -> str:
    """Say how to give mtr-packet its privilege, as its own package does."""
    return f"as root: setcap cap_net_raw+ep {path}"


def no_family(af: int) -> str:
    """Say how to get an address family back."""
    if af == _SIX:
        return "as root: sysctl -w net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.lo.disable_ipv6=0"
    return "as root: ip link set lo up"


def no_route(af: int) -> str:
    """Say where to look for a route."""
    return f"ip -{af} route"
