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
from functools import cache, partial
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


@cache
def find_python(version: str) -> str | None:
    """Find an interpreter of this version, as ``3.12``: on the path, or among pyenv's."""
    name = f"python{version}"
    roots = [Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser(), Path("/opt/pyenv")]
    among = [str(path) for root in roots for path in sorted(root.glob(f"versions/{version}.*/bin/{name}"))]
    for found in filter(None, [find_tool(name), *among]):
        ask = [found, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        try:  # pyenv's shims exist for Pythons that do not run
            done = subprocess.run(ask, capture_output=True, text=True, timeout=20, check=False)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.stdout.strip() == version:
            return found
    return None


def _is_there(version: str) -> bool:
    return find_python(version) is not None


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


def _can_make_vrf() -> bool:
    name = f"tnvrf{os.getpid()}"
    made = _succeeds("ip", "link", "add", name, "type", "vrf", "table", "4242")
    return made and _succeeds("ip", "link", "delete", name)


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


WINPY = ROOT / ".winpy"
"""Windows Pythons and a wine prefix: made by `make winpy`, about 750 MB."""
WINE = "/usr/lib/wine/wine64"


def _has_winpy() -> bool:
    return Path(WINE).exists() and all((WINPY / name / "verified").exists() for name in ("cp311", "cp313"))


KERNELS = Path(os.environ.get("TRIPPY_NB_KERNELS", ROOT / ".kernels"))
"""Older ipykernels and other front ends, a venv of each: made by `make kernels`."""


def find_kernel(name: str) -> str | None:
    """Find the interpreter of a venv of `make kernels`, as ``ipykernel-7.1`` or ``voila``."""
    place = KERNELS / name
    return str(place / "bin" / "python") if (place / "verified").exists() else None


def _has_kernel(name: str) -> bool:
    return find_kernel(name) is not None


NEEDS = {
    "atheris": Need(
        lambda: find_spec("atheris") is not None,
        None,
        "pip install atheris (Linux on x86-64, Python 3.11 to 3.14)",
    ),
    "axe": Need(
        lambda: find_spec("axe_playwright_python") is not None,
        None,
        "pip install --no-deps axe-playwright-python (for its axe.min.js, MPL-2.0)",
    ),
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
    **{
        name: Need(partial(_has_kernel, name), None, "make kernels", can_be_demanded=False)
        for name in ("ipykernel-6.31", "ipykernel-7.1", "ipykernel-7.3", "notebook", "voila", "marimo")
    },
    **{
        f"python{version}": Need(
            partial(_is_there, version), None, f"a Python {version} on the path", can_be_demanded=False
        )
        for version in ("3.12", "3.13", "3.14")
    },
    "raw_socket": Need(_can_open_raw_socket, None, "root, or CAP_NET_RAW"),
    "scamper": Need(_tools("scamper"), "scamper"),
    "setpriv": Need(_tools("setpriv"), "util-linux"),
    "setcap": Need(_tools("setcap", "capsh"), "libcap2-bin"),
    "shared-data": Need(
        SHARED_DATA.is_dir, None, "the folder shared/data beside the project", can_be_demanded=False
    ),
    "strace": Need(
        lambda: _succeeds("strace", "-o", os.devnull, "true"), "strace", "a machine that allows ptrace"
    ),
    "tcpdump": Need(_tools("tcpdump"), "tcpdump"),
    "tracepath": Need(_tools("tracepath"), "iputils-tracepath"),
    "traceroute": Need(_tools("traceroute"), "traceroute"),
    "vrf": Need(
        _can_make_vrf,
        None,
        "a kernel with the module vrf (Ubuntu: linux-modules-extra), and root",
        can_be_demanded=False,
    ),
    "tun": Need(_can_open_tun, None, "/dev/net/tun, and root or CAP_NET_ADMIN"),
    "wine": Need(_has_winpy, "wine64 osslsigncode unzip", "make winpy"),
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
        f"{count:5} test{'s' if count > 1 else ' '} skipped: no {name:14} {NEEDS[name].remedy}"
        for name, count in sorted(missing.items())
    ]


def doctor() -> int:
    """Print what this machine offers, and the one line that brings the rest."""
    for name in sorted(NEEDS):
        print(f"  {'yes' if has(name) else 'NO '}  {name:14} {'' if has(name) else NEEDS[name].remedy}")
    packages = sorted({str(NEEDS[name].package) for name in NEEDS if NEEDS[name].package and not has(name)})
    if packages:
        print(f"Tests that need these will be skipped. All at once: apt-get install {' '.join(packages)}")
    return 0


if __name__ == "__main__":
    sys.exit(doctor())
