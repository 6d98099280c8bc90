"""Two namespaces and a veth pair between them, or a chain of kernel routers: the real world, at home.

::

    with kernel_net("mine") as net:                  # source -- target
    with kernel_net("mine", routers=2) as net:       # source -- 1 -- 2 -- target

Link i is 10.77.i.0/24 and fd77:i::/64; its left end is .1, its right end is .2. New namespaces limit
ICMP errors to about one a second, so the limits are lifted explicitly.

A network namespace belongs to a thread: `net.call(function)` runs a function on a thread of its own
inside the source (or another) namespace, and a job of a `Session` calls `net.enter()` first.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

_CLONE_NEWNET = 0x40000000
_SYSCTLS = (
    "net.ipv4.ip_forward=1",
    "net.ipv6.conf.all.forwarding=1",
    "net.ipv6.conf.all.accept_dad=0",
    "net.ipv6.conf.default.accept_dad=0",
    "net.ipv4.icmp_ratelimit=0",
    "net.ipv4.icmp_ratemask=0",
    "net.ipv4.icmp_msgs_per_sec=1000000",
    "net.ipv4.icmp_msgs_burst=1000000",
    "net.ipv4.icmp_errors_use_inbound_ifaddr=1",
    "net.ipv6.icmp.ratelimit=0",
)


def run(*command: str, check: bool = True) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0 or not check, f"{command}: {done.stderr}"
    return done.stdout


class KernelNet:
    """The namespaces, from source to target."""

    def __init__(self, prefix: str, routers: int) -> None:
        self.names = [f"{prefix}{i}" for i in range(routers + 2)]

    @property
    def source(self) -> str:
        """Namespace that probes leave from."""
        return self.names[0]

    @property
    def target(self) -> str:
        """Namespace at the other end."""
        return self.names[-1]

    def source_addr(self, af: int) -> str:
        return "10.77.0.1" if af == 4 else "fd77::1"

    def hop(self, ttl: int, af: int) -> str:
        """Address that answers a probe of this TTL; the last is the target's."""
        link = min(ttl, len(self.names) - 1) - 1
        return f"10.77.{link}.2" if af == 4 else f"fd77:{link:x}::2".replace(":0::", "::")

    def target_addr(self, af: int) -> str:
        return self.hop(len(self.names), af)

    def inside(self, *command: str, where: str | None = None, check: bool = True) -> str:
        """Run a program inside a namespace (the source)."""
        return run("ip", "netns", "exec", where or self.source, *command, check=check)

    def enter(self, where: str | None = None) -> None:
        """Move this thread into a namespace (the source), for good."""
        descriptor = os.open(f"/run/netns/{where or self.source}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(descriptor, _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(descriptor)

    def call(self, function: Callable[[], Any], where: str | None = None) -> Any:
        """Call a function on a thread inside a namespace (the source); return or raise what it does."""
        results: list[Any] = []
        errors: list[BaseException] = []

        def work() -> None:
            try:
                self.enter(where)
                results.append(function())
            except BaseException as error:  # noqa: BLE001 - handed over
                errors.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]
        return results[0]

    def up(self, *, meet: bool) -> None:
        for name in self.names:
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
            for setting in _SYSCTLS:  # one by one: not every kernel has them all
                self.inside("sysctl", "-qw", setting, where=name, check=False)
        for i in range(len(self.names) - 1):
            self._cable(i)
        for i in range(len(self.names)):
            self._route(i)
        for af in (4, 6) if meet else ():
            self.call(partial(self._meet, af))

    def _meet(self, af: int) -> None:
        """Wait until the target refuses a datagram: neighbours know each other then (IPv6 takes a second)."""
        with socket.socket(socket.AF_INET6 if af == 6 else socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.1)
            sock.connect((self.target_addr(af), 9))
            for _ in range(50):
                try:
                    sock.send(b"hello")
                    sock.recv(1)
                except ConnectionRefusedError:
                    return
                except OSError:
                    continue
        raise AssertionError(f"{self.target_addr(af)} does not answer")

    def down(self) -> None:
        for name in self.names:
            if Path(f"/run/netns/{name}").exists():
                run("ip", "netns", "delete", name, check=False)

    def _cable(self, i: int) -> None:
        left, right = self.names[i], self.names[i + 1]
        pair = [
            (left, "right", f"10.77.{i}.1", f"fd77:{i:x}::1"),
            (right, "left", f"10.77.{i}.2", f"fd77:{i:x}::2"),
        ]
        run(
            "ip",
            "link",
            "add",
            "right",
            "netns",
            left,
            "type",
            "veth",
            "peer",
            "name",
            "left",
            "netns",
            right,
        )
        for name, device, v4, v6 in pair:
            run("ip", "-n", name, "address", "add", f"{v4}/24", "dev", device)
            run("ip", "-n", name, "address", "add", f"{v6}/64", "dev", device, "nodad")
            run("ip", "-n", name, "link", "set", device, "up")

    def _route(self, i: int) -> None:
        name, last = self.names[i], len(self.names) - 1
        if i < last:
            self._add_routes(name, "default", "default", (f"10.77.{i}.2", f"fd77:{i:x}::2"))
        for j in range(i - 1 if i else 0):
            self._add_routes(
                name, f"10.77.{j}.0/24", f"fd77:{j:x}::/64", (f"10.77.{i - 1}.1", f"fd77:{i - 1:x}::1")
            )

    def _add_routes(self, name: str, v4: str, v6: str, via: Sequence[str]) -> None:
        run("ip", "-n", name, "route", "add", v4, "via", via[0])
        run("ip", "-n", name, "-6", "route", "add", v6, "via", via[1])


@contextlib.contextmanager
def kernel_net(prefix: str, *, routers: int = 0, meet: bool = True) -> Iterator[KernelNet]:
    """Build a chain of namespaces; take it down on every way out.

    Parameters
    ----------
    prefix
        Of the namespaces' names; the process's number is added.
    routers
        Routers between source and target; 0 is a veth pair.
    meet
        Wait until neighbours know each other's addresses; else the first IPv6 packet may take a second.
    """
    net = KernelNet(f"{prefix}{os.getpid()}x", routers)
    try:
        net.up(meet=meet)
        yield net
    finally:
        net.down()
