"""What some tests need from the machine: tools, privileges, real files.

`@pytest.mark.needs("tcpdump", "netns")` on a test, or `need("tcpdump")` inside one: where the thing is
missing the test is skipped, and the summary says so in a table nobody can overlook. With
TRIPPY_NB_REQUIRE_ALL=1 (`.ci/run` sets it) a missing thing is a failure instead, except for files that
lie outside the project.

Run as a script (`make doctor`), it prints the table for this machine.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"
"""Real files of many tools: too large, or not ours to publish. Beside a checkout, if at all."""


@dataclass(frozen=True, slots=True)
class Need:
    """One thing a test may need."""

    found: Callable[[], bool]
    package: str | None
    """The Debian package that brings it; None where no package would help."""
    otherwise: str = ""
    """What it takes besides the package."""
    can_be_demanded: bool = True
    """False: always a skip, even under TRIPPY_NB_REQUIRE_ALL."""

    @property
    def remedy(self) -> str:
        bring = [f"apt-get install {self.package}"] if self.package else []
        return ", and ".join([*bring, *filter(None, [self.otherwise])])


def find_tool(*names: str) -> str | None:
    """Find the first of these programs, also where only root looks."""
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    return next((where for name in names if (where := shutil.which(name, path=path))), None)


def _tools(*names: str) -> Callable[[], bool]:
    return lambda: all(find_tool(name) for name in names)


def _succeeds(*command: str) -> bool:
    program = find_tool(command[0])
    if program is None:
        return False
    done = subprocess.run([program, *command[1:]], capture_output=True, timeout=20, check=False)
    return done.returncode == 0


def _can_open_raw_socket() -> bool:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()
    except PermissionError:
        return False
    return True


def _can_make_network() -> bool:
    name = f"trippy-needs-{os.getpid()}"
    return _succeeds("ip", "netns", "add", name) and _succeeds("ip", "netns", "delete", name)


def _can_open_tun() -> bool:
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError:
        return False
    return True


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


NEEDS = {
    "cc": Need(_tools("cc"), "gcc"),
    "chromium": Need(
        lambda: find_tool("chromium", "chromium-browser", "google-chrome") is not None, "chromium"
    ),
    "ipv6": Need(_has_ipv6, None, "a kernel with IPv6 and ::1 on the loopback"),
    "jupyterlab": Need(lambda: find_spec("jupyterlab") is not None, None, "pip install jupyterlab"),
    "mtr": Need(_tools("mtr", "mtr-packet"), "mtr-tiny"),
    "node": Need(_tools("node"), "nodejs"),
    "netns": Need(_can_make_network, "iproute2", "root, or CAP_SYS_ADMIN and CAP_NET_ADMIN"),
    "nft": Need(_tools("nft"), "nftables"),
    "raw_socket": Need(_can_open_raw_socket, None, "root, or CAP_NET_RAW"),
    "scamper": Need(_tools("scamper"), "scamper"),
    "setcap": Need(_tools("setcap", "capsh"), "libcap2-bin"),
    "shared-data": Need(
        SHARED_DATA.is_dir, None, "the folder shared/data beside the project", can_be_demanded=False
    ),
    "strace": Need(
        lambda: _succeeds("strace", "-o", os.devnull, "true"), "strace", "a machine that allows ptrace"
    ),
    "tcpdump": Need(_tools("tcpdump"), "tcpdump"),
    "traceroute": Need(_tools("traceroute"), "traceroute"),
    "tun": Need(_can_open_tun, None, "/dev/net/tun, and root or CAP_NET_ADMIN"),
}
IMPLIED = {"raw_socket": "raw_socket", "netns": "netns", "browser": "chromium"}
"""Markers that need something by themselves."""


@cache
def has(name: str) -> bool:
    """Whether this machine offers it; asked once per process."""
    return NEEDS[name].found()


def must_have_all() -> bool:
    """Whether a missing thing is a failure here."""
    return os.environ.get("TRIPPY_NB_REQUIRE_ALL") == "1"


def need(*names: str) -> None:
    """Skip the running test unless the machine offers all of these; fail it where everything is demanded."""
    import pytest  # the doctor runs before anything is installed

    for name in names:
        if name not in NEEDS:
            raise pytest.UsageError(f"needs({name!r}): tests/needs.py knows only {', '.join(NEEDS)}")
        if has(name):
            continue
        reason = f"needs {name}: {NEEDS[name].remedy}"
        if must_have_all() and NEEDS[name].can_be_demanded:
            pytest.fail(f"{reason} (TRIPPY_NB_REQUIRE_ALL=1)", pytrace=False)
        pytest.skip(reason)


def missing_table(skip_reasons: list[str]) -> list[str]:
    """Count skips by what was missing; empty if nothing was."""
    missing = Counter(
        found[1] for reason in skip_reasons if (found := re.search(r"needs ([\w-]+): ", reason))
    )
    return [
        f"{count:5} test{'s' if count > 1 else ' '} skipped: no {name:12} {NEEDS[name].remedy}"
        for name, count in sorted(missing.items())
    ]


def doctor() -> int:
    """Print what this machine offers, and the one line that brings the rest."""
    for name in sorted(NEEDS):
        print(f"  {'yes' if has(name) else 'NO '}  {name:12} {'' if has(name) else NEEDS[name].remedy}")
    packages = sorted({str(NEEDS[name].package) for name in NEEDS if NEEDS[name].package and not has(name)})
    if packages:
        print(f"Tests that need these will be skipped. All at once: apt-get install {' '.join(packages)}")
    return 0


if __name__ == "__main__":
    sys.exit(doctor())
