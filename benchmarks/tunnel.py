"""A path of our own behind a TUN device, in a network namespace of our own (Linux, root).

`Tunnel(hops=15, rtt_ms=100)` makes the namespace and a child process that answers as that many
routers and a target would; `tunnel.run(script, ...)` runs a program inside. Nothing leaves the machine.
"""

import argparse
import contextlib
import fcntl
import heapq
import os
import select
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from trippy_nb.wire import decode_ip, encode_echo_reply, encode_icmp_error

TARGET = {4: "10.201.9.9", 6: "fd77:201:9::9"}
_DEVICE = "path0"
_TUNSETIFF = 0x400454CA
_IFF_TUN_NO_PI = 0x1001
_ICMP, _ICMPV6 = 1, 58
_UNREACHABLE = {4: (3, 3), 6: (1, 4)}
_EXCEEDED = {4: (11, 0), 6: (3, 0)}


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextlib.contextmanager
def tunnel(*, hops: int, rtt_ms: float) -> Iterator[str]:
    """Make the namespace and its path; give its name."""
    name = f"trippy-bench-{os.getpid()}"
    _ip("netns", "add", name)
    server = None
    try:
        _ip("-n", name, "link", "set", "lo", "up")
        server = subprocess.Popen(
            ["ip", "netns", "exec", name, sys.executable, __file__, str(hops), str(rtt_ms)],
            stdout=subprocess.PIPE,
        )
        assert server.stdout is not None
        server.stdout.readline()  # it is there
        yield name
    finally:
        if server is not None:
            server.terminate()
            server.wait()
            server.stdout.close()
        _ip("netns", "del", name)


def run_inside(name: str, script: str, *words: str) -> None:
    """Run a script of this folder inside the namespace, with our own interpreter."""
    subprocess.run(["ip", "netns", "exec", name, sys.executable, script, *words], check=True)


def open_ping(name: str) -> None:
    """Allow datagram ICMP sockets inside the namespace."""
    words = ["sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647"]
    subprocess.run(["ip", "netns", "exec", name, *words], check=True)


def _answer(packet: bytes, hops: int) -> tuple[int, bytes] | None:
    ip = decode_ip(packet)
    if ip.ttl < hops:
        source = f"10.201.0.{ip.ttl}" if ip.af == 4 else f"fd77:201::{ip.ttl:x}"
        kind, code = _EXCEEDED[ip.af]
        return ip.ttl, encode_icmp_error(packet, source=source, icmp_type=kind, icmp_code=code)
    if ip.protocol in (_ICMP, _ICMPV6):
        if ip.payload[0] not in (8, 128):
            return None
        return hops, encode_echo_reply(packet)
    kind, code = _UNREACHABLE[ip.af]
    return hops, encode_icmp_error(packet, source=TARGET[ip.af], icmp_type=kind, icmp_code=code)


def _serve(hops: int, rtt_ms: float) -> None:
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", _DEVICE.encode(), _IFF_TUN_NO_PI))
    _ip("addr", "add", "10.201.1.1/24", "dev", _DEVICE)
    _ip("addr", "add", "fd77:201:1::1/64", "dev", _DEVICE, "nodad")
    _ip("link", "set", _DEVICE, "up")
    _ip("route", "add", "10.201.0.0/16", "dev", _DEVICE)
    _ip("route", "add", "fd77:201::/32", "dev", _DEVICE)
    print("ready", flush=True)
    due: list[tuple[float, int, bytes]] = []
    poll = select.poll()
    poll.register(device, select.POLLIN)
    count = 0
    while True:
        now = time.monotonic()
        while due and due[0][0] <= now:
            os.write(device, heapq.heappop(due)[2])
        wait_ms = max(0.0, (due[0][0] - now) * 1000) if due else 1000
        poll.poll(wait_ms)
        with contextlib.suppress(BlockingIOError):
            while True:
                packet = os.read(device, 2048)
                answer = _answer(packet, hops)
                if answer is not None:
                    count += 1
                    hop, reply = answer
                    heapq.heappush(due, (time.monotonic() + rtt_ms / 1000 * hop / hops, count, reply))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("hops", type=int)
    parser.add_argument("rtt_ms", type=float)
    arguments = parser.parse_args()
    _serve(arguments.hops, arguments.rtt_ms)
