"""Fifteen hops of kernel routers, of which the fifth is one of four; 100 ms away, if it is to be.

::

                       5a
                     / 5b \\
    src -- 1 .. 4 <        > 6 .. 14 -- dst        the balancer is hop 4; hashes layer 4
                     \\ 5c /
                       5d

Link `n` is 10.8.n.0/24 and fd08:n::/64. Kernels do not all have netem: the delay is a program of ours between
two TUN devices, one in the namespace of src and one in that of hop 1.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.netns.lab import SYSCTLS

HOPS = 15
BRANCHES = ("5a", "5b", "5c", "5d")
DST = {4: "10.8.99.2", 6: "fd08:99::2"}
_HERE = Path(__file__)
_ROOT = _HERE.parents[2]
_ITSELF = (sys.executable, "-m", "tests.netns.diamond")


@dataclass(frozen=True, slots=True)
class Link:
    """A cable, with the number that its addresses have."""

    number: int
    near: str
    far: str

    @property
    def device(self) -> str:
        return f"l{self.number}"

    def addr(self, host: str, af: int) -> str:
        """The address of one of its ends."""
        place = 1 if host == self.near else 2
        return f"10.8.{self.number}.{place}" if af == 4 else f"fd08:{self.number}::{place}"


def _links() -> list[Link]:
    chain = ["src", "1", "2", "3", "4"]
    pairs = [*itertools.pairwise(chain)]
    pairs += [("4", branch) for branch in BRANCHES] + [(branch, "6") for branch in BRANCHES]
    rest = [str(hop) for hop in range(6, HOPS)]
    pairs += [*itertools.pairwise(rest)]
    links = [Link(number, near, far) for number, (near, far) in enumerate(pairs, 1)]
    return [*links, Link(99, rest[-1], "dst")]


LINKS = _links()
HOSTS = tuple(dict.fromkeys(host for link in LINKS for host in (link.near, link.far)))


def true_edges(af: int) -> set[tuple[str, str]]:
    """Links between the addresses that answer: those by which a probe comes in."""
    into = {(link.near, link.far): link.addr(link.far, af) for link in LINKS}
    before: dict[str, set[str]] = {}
    for (_, far), addr in into.items():
        before.setdefault(far, set()).add(addr)
    return {(one, addr) for (near, _), addr in into.items() for one in before.get(near, ())}


@dataclass(frozen=True, slots=True)
class Diamond:
    """The network, up and running."""

    prefix: str

    def ns(self, host: str) -> str:
        return f"{self.prefix}-{host}"

    def run(self, *words: str, host: str = "src", stdin: str | None = None) -> str:
        """Run a program inside; its standard output."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.ns(host), *words],
            check=False, capture_output=True, text=True, input=stdin, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, f"{words} answered {done.returncode}: {done.stderr}"
        return done.stdout

    def jobs(self, jobs: list[dict[str, object]], folder: Path) -> list[Path]:
        """Do jobs from src, as `lab.Lab.trace` does."""
        wanted = [job | {"path": str(folder / f"{number}.parquet")} for number, job in enumerate(jobs)]
        self.run(sys.executable, str(_HERE.with_name("inside.py")), stdin=json.dumps(wanted))
        return [Path(str(job["path"])) for job in wanted]

    def batch(self, host: str, lines: list[str]) -> None:
        self.run("ip", "-batch", "-", host=host, stdin="".join(f"{line}\n" for line in lines))


@contextlib.contextmanager
def diamond(*, delay_ms: float = 0) -> Iterator[Diamond]:
    """Build the network; take it down on every way out."""
    it = Diamond(prefix=f"tnd{os.getpid()}")
    line = None
    try:
        for host in HOSTS:
            subprocess.run(["ip", "netns", "add", it.ns(host)], check=True)
            # One by one: a kernel that lacks one of them still takes the others.
            script = "".join(f"sysctl -qw '{setting}' 2>/dev/null;" for setting in SYSCTLS)
            it.run("sh", "-c", f"{script} ip link set lo up", host=host)
        first, *others = LINKS
        cabled = others if delay_ms else LINKS
        cables = [
            f"link add {link.device} netns {it.ns(link.near)} type veth peer name {link.device} "
            f"netns {it.ns(link.far)}\n"
            for link in cabled
        ]
        subprocess.run(["ip", "-batch", "-"], input="".join(cables), text=True, check=True)
        if delay_ms:
            words = [*_ITSELF, it.ns("src"), it.ns("1"), first.device, str(delay_ms)]
            line = subprocess.Popen(words, stdout=subprocess.PIPE, cwd=_ROOT)
            assert line.stdout is not None
            line.stdout.readline()  # both devices are there
        for host in HOSTS:
            it.batch(host, _setting_up(host))
        yield it
    finally:
        if line is not None:
            line.terminate()
            line.communicate(timeout=20)
        for host in HOSTS:
            subprocess.run(["ip", "netns", "del", it.ns(host)], check=False, capture_output=True)


def _setting_up(host: str) -> list[str]:
    lines = []
    for link in LINKS:
        if host in (link.near, link.far):
            lines += [
                f"link set {link.device} up",
                f"addr add {link.addr(host, 4)}/24 dev {link.device}",
                f"addr add {link.addr(host, 6)}/64 dev {link.device} nodad",
            ]
    onward, back = [link for link in LINKS if link.near == host], [link for link in LINKS if link.far == host]
    for af, everywhere, home in ((4, "0.0.0.0/0", "10.8.1.0/24"), (6, "::/0", "fd08:1::/64")):
        if onward:
            hops = [f"nexthop via {link.addr(link.far, af)} dev {link.device}" for link in onward]
            lines.append(f"route add {everywhere} {' '.join(hops)}")
        if back and host != "1":
            lines.append(f"route add {home} via {back[0].addr(back[0].near, af)} dev {back[0].device}")
    return lines


def _open_tun(device: str) -> None:
    """Make a TUN device in this namespace, and hand it to whoever holds the other end of standard input."""
    import fcntl
    import struct

    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", device.encode(), 0x1001))
    with socket.socket(fileno=os.dup(0)) as end:
        socket.send_fds(end, [b"."], [fd])


def _device_in(namespace: str, device: str) -> int:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        words = ["ip", "netns", "exec", namespace, *_ITSELF, device]
        subprocess.run(words, stdin=theirs.fileno(), check=True, cwd=_ROOT)
        return socket.recv_fds(ours, 1, 1)[1][0]


def _delay(near: str, far: str, device: str, delay_s: float) -> None:
    """Carry packets both ways, each so much later, until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ends = [_device_in(namespace, device) for namespace in (near, far)]
    os.write(1, b"ready\n")
    due: list[tuple[float, int, int, bytes]] = []
    count = 0
    while True:
        wait_s = max(0.0, due[0][0] - time.monotonic()) if due else 1.0
        for fd in select.select(ends, [], [], wait_s)[0]:
            with contextlib.suppress(BlockingIOError, OSError):  # not up yet
                while True:
                    packet = os.read(fd, 65_535)
                    count += 1
                    other = ends[1 - ends.index(fd)]
                    heapq.heappush(due, (time.monotonic() + delay_s, count, other, packet))
        while due and due[0][0] <= time.monotonic():
            _, _, fd, packet = heapq.heappop(due)
            with contextlib.suppress(OSError):
                os.write(fd, packet)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        _open_tun(sys.argv[1])
    else:
        _delay(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]) / 2000)
