"""What the operating system says about this process, as plain values; None where it says nothing.

All is read from proc(5), from the calling thread's own page where threads may differ. Nothing here
opens a socket.
"""

import os
import platform
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

CAPABILITY_SETS: Final = ("effective", "permitted", "inheritable", "ambient", "bounding")
NET_ADMIN: Final = 12  # linux/capability.h
NET_RAW: Final = 13

_STATUS_SETS: Final = ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd")
_PING_GROUPS: Final = Path("/proc/sys/net/ipv4/ping_group_range")
_WHOLE_MAP: Final = ["0", "0", "4294967295"]  # user_namespaces(7): the initial one maps all of it
_CONTAINER_FILES: Final = ("/.dockerenv", "/run/.containerenv")
_SETUID: Final = 0o4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A thread of this process, as the kernel has it down."""

    user: int | None = None
    groups: frozenset[int] = frozenset()
    capabilities: dict[str, int] = field(default_factory=dict)
    """Bits of each of `CAPABILITY_SETS`; empty where there are none."""
    no_new_privs: bool | None = None
    seccomp: int | None = None
    """Mode: 0 none, 1 strict, 2 filter."""
    own_user_namespace: bool | None = None
    own_network_namespace: bool | None = None
    """Whether it differs from that of process 1."""
    container: str | None = None
    """What shows that this is a container; None if nothing does."""
    ping_groups: tuple[int, int] | None = None
    """Groups that may open datagram ICMP sockets; low is above high if none may."""
    open_files: int | None = None
    most_files: int | None = None
    """Soft limit."""

    def holds(self, capability: int, which: str = "effective") -> bool | None:
        """Whether a capability is in a set; None where that is not known."""
        bits = self.capabilities.get(which)
        return None if bits is None else bool(bits >> capability & 1)


def read_process() -> Process:
    """Ask about the calling thread."""
    if sys.platform == "win32":  # wine shows the /proc of the Linux below it
        return Process()
    status = _status()
    bits = {
        name: int(status[line], 16)
        for name, line in zip(CAPABILITY_SETS, _STATUS_SETS, strict=True)
        if line in status
    }
    return Process(
        user=os.geteuid() if hasattr(os, "geteuid") else None,
        groups=frozenset({os.getegid(), *os.getgroups()}) if hasattr(os, "getegid") else frozenset(),
        capabilities=bits,
        no_new_privs=status["NoNewPrivs"] == "1" if "NoNewPrivs" in status else None,
        seccomp=int(status["Seccomp"]) if "Seccomp" in status else None,
        own_user_namespace=_own_user_namespace(),
        own_network_namespace=_own_network_namespace(),
        container=_container(),
        ping_groups=_ping_groups(),
        open_files=_open_files(),
        most_files=_most_files(),
    )


def _text(path: str | Path) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _status() -> dict[str, str]:
    lines = (_text("/proc/thread-self/status") or "").splitlines()
    pairs = [line.partition(":") for line in lines]
    return {name: value.strip() for name, colon, value in pairs if colon and value.strip()}


def _own_user_namespace() -> bool | None:
    text = _text("/proc/thread-self/uid_map")
    return None if text is None else text.split() != _WHOLE_MAP


def _own_network_namespace() -> bool | None:
    try:
        ours = Path("/proc/thread-self/ns/net").readlink()
        return ours != Path("/proc/1/ns/net").readlink()
    except OSError:  # process 1 is not ours to look at
        return None


def _container() -> str | None:
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        return "KUBERNETES_SERVICE_HOST is set"
    return next((f"{name} exists" for name in _CONTAINER_FILES if Path(name).exists()), None)


def _ping_groups() -> tuple[int, int] | None:
    numbers = (_text(_PING_GROUPS) or "").split()
    return (int(numbers[0]), int(numbers[1])) if len(numbers) == 2 else None  # noqa: PLR2004 - from and to


def _open_files() -> int | None:
    try:
        return sum(1 for _ in Path("/proc/self/fd").iterdir()) - 1  # one of them is this look
    except OSError:
        return None


def _most_files() -> int | None:
    if sys.platform == "win32":
        return None
    import resource

    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


@dataclass(frozen=True, slots=True, kw_only=True)
class Helper:
    """The program `mtr-packet`, as it is installed."""

    path: str | None = None
    privileged: bool = False
    """It is setuid, or has capabilities of its own."""


def find_helper() -> Helper:
    """Look for `mtr-packet`, also where only root looks."""
    where = os.environ.get("PATH", os.defpath) + f"{os.pathsep}/usr/sbin{os.pathsep}/sbin"
    path = shutil.which("mtr-packet", path=where)
    if path is None:
        return Helper()
    return Helper(path=path, privileged=_is_setuid(path) or _has_capabilities(path))


def _is_setuid(path: str) -> bool:
    try:
        found = Path(path).stat()
    except OSError:
        return False
    return found.st_uid == 0 and bool(found.st_mode & _SETUID)


def _has_capabilities(path: str) -> bool:
    if sys.platform != "linux":
        return False
    try:
        return bool(os.getxattr(path, "security.capability"))
    except OSError:
        return False


def system_words() -> str:
    """Name operating system and Python in a few words."""
    python = f"Python {platform.python_version()}"
    if sys.platform == "win32":  # `platform` asks WMI from 3.12 on, and under wine that ends the process
        version = sys.getwindowsversion()
        return f"Windows {version.major}.{version.minor}.{version.build}, {python}"
    return f"{platform.system()} {platform.release()} ({platform.machine()}), {python}"


def under_wine() -> bool | None:
    """Whether this Windows is wine, which its own library says; None where it is no Windows."""
    if sys.platform == "win32":
        import ctypes

        return hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")
    return None
