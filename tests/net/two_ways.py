"""A source with two ways to a target: by router 1 over interface `one`, or by router 2 over interface `two`.

::

             one -- router 1 --
    source --                   -- target
             two -- router 2 --

The main table prefers router 1. What is marked 7 goes by table 77, which knows router 2 only.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.net.kernel_net import KernelNet, run

MARK: Final = 7
_SETTINGS: Final = (
    "net.ipv4.ip_forward=1",
    "net.ipv6.conf.all.forwarding=1",
    "net.ipv4.conf.all.rp_filter=0",
    "net.ipv4.conf.default.rp_filter=0",
    "net.ipv4.icmp_ratelimit=0",
    "net.ipv4.icmp_ratemask=0",
    "net.ipv6.icmp.ratelimit=0",
    "net.ipv4.ping_group_range=0 2147483647",
)


@dataclass(frozen=True)
class TwoWays:
    """The network; `net` runs programs and threads in its source."""

    net: KernelNet

    def target(self, af: int) -> str:
        return "10.78.90.9" if af == 4 else "fd78:90::9"

    def router(self, number: int, af: int) -> str:
        """Address that answers where a probe by this way runs out at its first hop."""
        return f"10.78.{number}.2" if af == 4 else f"fd78:{number}::2"

    def source(self, number: int, af: int) -> str:
        return f"10.78.{number}.1" if af == 4 else f"fd78:{number}::1"


def _link(left: str, device: str, right: str, peer: str, net: int) -> None:
    run("ip", "link", "add", device, "netns", left, "type", "veth", "peer", "name", peer, "netns", right)
    for name, end, host in ((left, device, 1), (right, peer, 2)):
        run("ip", "-n", name, "address", "add", f"10.78.{net}.{host}/24", "dev", end)
        run("ip", "-n", name, "address", "add", f"fd78:{net}::{host}/64", "dev", end, "nodad")
        run("ip", "-n", name, "link", "set", end, "up")


def _route(name: str, what: tuple[str, str], via: tuple[str, str], *more: str) -> None:
    run("ip", "-n", name, "route", "add", what[0], "via", via[0], *more)
    run("ip", "-n", name, "-6", "route", "add", what[1], "via", via[1], *more)


def _up(names: list[str]) -> None:
    source, routers, target = names[0], names[1:3], names[3]
    for name in names:
        run("ip", "netns", "add", name)
        run("ip", "-n", name, "link", "set", "lo", "up")
        for setting in _SETTINGS:
            run("ip", "netns", "exec", name, "sysctl", "-qw", setting, check=False)
    for number, (router, device) in enumerate(zip(routers, ("one", "two"), strict=True), 1):
        _link(source, device, router, "near", number)
        _link(router, "far", target, f"to{number}", 10 + number)
        _route(
            target,
            (f"10.78.{number}.0/24", f"fd78:{number}::/64"),
            (f"10.78.1{number}.1", f"fd78:1{number}::1"),
        )
        _route(router, ("10.78.90.9/32", "fd78:90::9/128"), (f"10.78.1{number}.2", f"fd78:1{number}::2"))
        via = (f"10.78.{number}.2", f"fd78:{number}::2")
        _route(source, ("default", "default"), via, "dev", device, "metric", str(100 * number))
    _route(source, ("default", "default"), ("10.78.2.2", "fd78:2::2"), "dev", "two", "table", "77")
    for family in ("-4", "-6"):
        run("ip", "-n", source, family, "rule", "add", "fwmark", str(MARK), "lookup", "77")
    run("ip", "-n", target, "address", "add", "10.78.90.9/32", "dev", "lo")
    run("ip", "-n", target, "address", "add", "fd78:90::9/128", "dev", "lo", "nodad")


@contextlib.contextmanager
def two_ways(prefix: str) -> Iterator[TwoWays]:
    """Build it; take it down on every way out."""
    net = KernelNet(prefix, routers=2)
    try:
        _up(net.names)
        yield TwoWays(net)
    finally:
        net.down()
