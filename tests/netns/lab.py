"""A network of real kernel routers in namespaces of our own, and what a trace through it must find.

::

                  r2a
                 /   \\
      src -- r1 <     > r3 -- dst              equal cost, chosen by layer-4 hash
                 \\   /  \\
                  r2b     r4 -- deep           r4 never answers
                          (prohibited)         r3 answers for 10.9.99.0/24: administratively prohibited

Every link `n` is 10.9.n.0/24 and fd09:n::/64. New namespaces limit ICMP to an answer a second and a
peer, so the limits are set here, explicitly.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROUTERS = ("r1", "r2a", "r2b", "r3", "r4")
HOSTS = ("src", "dst", "deep")
LINKS = {
    1: ("src", "r1"),
    2: ("r1", "r2a"),
    3: ("r1", "r2b"),
    4: ("r2a", "r3"),
    5: ("r2b", "r3"),
    6: ("r3", "r4"),
    7: ("r4", "deep"),
    8: ("r3", "dst"),
}
DST = {4: "10.9.8.2", 6: "fd09:8::2"}
DEEP = {4: "10.9.7.2", 6: "fd09:7::2"}
PROHIBITED = {4: "10.9.99.1", 6: "fd09:99::1"}
PATH = ({"r1"}, {"r2a", "r2b"}, {"r3"}, {"dst"})
"""Who answers at TTL 1, 2, ... on the way to dst."""
DEEP_PATH: tuple[set[str], ...] = ({"r1"}, {"r2a", "r2b"}, {"r3"}, set(), {"deep"})

SYSCTLS = (
    "net.ipv4.ip_forward=1",
    "net.ipv6.conf.all.forwarding=1",
    "net.ipv6.conf.all.accept_dad=0",
    "net.ipv6.conf.default.accept_dad=0",
    "net.ipv4.fib_multipath_hash_policy=1",
    "net.ipv6.fib_multipath_hash_policy=1",
    "net.ipv4.icmp_ratelimit=0",
    "net.ipv4.icmp_ratemask=0",
    "net.ipv4.icmp_msgs_per_sec=1000000",
    "net.ipv4.icmp_msgs_burst=1000000",
    "net.ipv4.icmp_errors_use_inbound_ifaddr=1",
    "net.ipv4.conf.all.rp_filter=0",
    "net.ipv4.conf.default.rp_filter=0",
    "net.ipv6.icmp.ratelimit=0",
    "net.ipv6.icmp.ratemask=",
)
_SILENT = """
table inet quiet {
  chain out {
    type filter hook output priority 0;
    icmp type { time-exceeded, destination-unreachable } drop
    icmpv6 type { time-exceeded, destination-unreachable } drop
  }
}
"""


def _run(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, check=True, capture_output=True, text=True, **options)  # type: ignore[call-overload, no-any-return]  # options pass through


@dataclass(frozen=True, slots=True)
class Lab:
    """The network, up and running."""

    prefix: str
    owners: dict[str, str] = field(default_factory=dict)
    """Address -> router or host that has it."""

    def ns(self, host: str) -> str:
        return f"{self.prefix}-{host}"

    def ip(self, host: str, *words: str) -> None:
        _run("ip", "-n", self.ns(host), *words)

    def run(self, *words: str, host: str = "src", stdin: str | None = None) -> str:
        """Run a program inside; its standard output."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.ns(host), *words],
            check=False, capture_output=True, text=True, input=stdin, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, f"{words} answered {done.returncode}: {done.stderr}"
        return done.stdout

    def trace(self, jobs: Sequence[dict[str, object]], folder: Path) -> list[Path]:
        """Trace from src, one job after the other in one process; a Parquet file each.

        A job is keywords of `trippy_nb.trace`, with `target`, and `uid` to give up root for it; `verb` names
        another door, such as `pmtu`.
        """
        wanted = [job | {"path": str(folder / f"{number}.parquet")} for number, job in enumerate(jobs)]
        self.run(sys.executable, str(Path(__file__).with_name("inside.py")), stdin=json.dumps(wanted))
        return [Path(str(job["path"])) for job in wanted]

    def who(self, addr: str) -> str:
        """Who owns an address."""
        return self.owners.get(addr, addr)


@contextlib.contextmanager
def lab() -> Iterator[Lab]:
    """Build the network; take it down on every way out."""
    it = Lab(prefix=f"tnlab{os.getpid()}")
    everybody = (*HOSTS, *ROUTERS)
    try:
        for host in everybody:
            _run("ip", "netns", "add", it.ns(host))
            it.ip(host, "link", "set", "lo", "up")
            # One by one: a kernel that lacks one of them still takes the others.
            it.run("sh", "-c", "".join(f"sysctl -qw '{s}' 2>/dev/null;" for s in SYSCTLS) + "true", host=host)
        _cable(it)
        _route(it)
        it.run("nft", "-f", "-", host="r4", stdin=_SILENT)
        yield it
    finally:
        for host in everybody:
            subprocess.run(["ip", "netns", "del", it.ns(host)], check=False, capture_output=True)


def _cable(it: Lab) -> None:
    for number, (near, far) in LINKS.items():
        peer = ("type", "veth", "peer", "name", f"l{number}", "netns", it.ns(far))
        _run("ip", "link", "add", f"l{number}", "netns", it.ns(near), *peer)
        for place, host in ((1, near), (2, far)):
            for addr, length in ((f"10.9.{number}.{place}", 24), (f"fd09:{number}::{place}", 64)):
                flags = ("nodad",) if ":" in addr else ()
                it.ip(host, "addr", "add", f"{addr}/{length}", "dev", f"l{number}", *flags)
                it.owners[addr] = host
            it.ip(host, "link", "set", f"l{number}", "up")


def _route(it: Lab) -> None:
    for family, any_, at in (("-4", "10.9.0.0/16", "10.9.{}.{}"), ("-6", "fd09::/16", "fd09:{}::{}")):
        back = "10.9.1.0/24" if family == "-4" else "fd09:1::/64"

        def via(host: str, to: str, link: int, place: int, *, family: str = family, at: str = at) -> None:
            it.ip(host, family, "route", "add", to, "via", at.format(link, place))

        via("src", any_, 1, 2)
        one, other = at.format(2, 2), at.format(3, 2)
        it.ip("r1", family, "route", "add", any_, "nexthop", "via", one, "nexthop", "via", other)
        via("r2a", any_, 4, 2)
        via("r2b", any_, 5, 2)
        via("r2a", back, 2, 1)
        via("r2b", back, 3, 1)
        via("r3", back, 4, 1)
        deep = "10.9.7.0/24" if family == "-4" else "fd09:7::/64"
        via("r3", deep, 6, 2)
        via("r4", any_, 6, 1)
        via("dst", any_, 8, 1)
        via("deep", any_, 7, 1)
        nowhere = "10.9.99.0/24" if family == "-4" else "fd09:99::/64"
        it.ip("r3", family, "route", "add", "prohibit", nowhere)
