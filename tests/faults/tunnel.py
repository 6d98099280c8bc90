"""A path of our own making behind a TUN device, in a namespace of our own: whatever answers we like."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import trippy_nb as tn
from tests.net.kernel_net import KernelNet, kernel_net
from trippy_nb.errors import BadPacketError
from trippy_nb.wire import (
    ICMP,
    ICMP_TYPES,
    ICMPV6,
    SYN,
    TCP,
    UDP,
    IpPacket,
    decode_ip,
    decode_tcp,
    encode_ip,
    internet_checksum,
    pack_address,
    pseudo_header,
)

TARGET = {4: "10.201.9.9", 6: "fd77:201:9::9"}
ROUTER = {4: "10.201.0.7", 6: "fd77:201::7"}
_DEVICE = "path0"
_TUNSETIFF = 0x400454CA
_IFF_TUN_NO_PI = 0x1001

Answer = Callable[[bytes, IpPacket], Iterable[bytes]]


def wrap(message: bytes, *, source: str, to: bytes) -> bytes:
    """Make a whole packet of an ICMP message, with a right checksum as far as there is room for one."""
    packed = pack_address(source)
    protocol = ICMP if len(packed) == 4 else ICMPV6
    if len(message) >= 4:
        initial = 0 if protocol == ICMP else pseudo_header(packed, to, protocol, len(message))
        bare = message[:2] + b"\0\0" + message[4:]
        message = bare[:2] + internet_checksum(bare, initial).to_bytes(2, "big") + bare[4:]
    return encode_ip(message, source=packed, target=to, protocol=protocol)


def _is_probe(ip: IpPacket) -> bool:
    """Not so the kernel's own answers to what it was answered."""
    if ip.protocol == TCP:
        return decode_tcp(ip.payload).flags == SYN
    return ip.protocol == UDP or ip.payload[0] == ICMP_TYPES[ip.af].echo_request


class Tunnel:
    """A namespace with a device whose packets a function answers."""

    def __init__(self, net: KernelNet) -> None:
        self._net = net
        self.answer: Answer = lambda _packet, _ip: ()
        self.failure: BaseException | None = None
        self._device = -1
        self._over = threading.Event()

    def enter(self) -> None:
        """Move this thread into the namespace, for good."""
        self._net.enter()

    def trace(self, answer: Answer, af: int, **options: Any) -> tn.Run:
        """Trace the target while a function answers."""
        self.answer = answer
        quick: dict[str, Any] = {"rounds": 1, "probe_timeout": 0.25, "max_inflight": 255, "dns": False}
        run: tn.Run = self._net.call(lambda: tn.trace(TARGET[af], progress=False, **(quick | options)))
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure
        return run

    def _open(self) -> None:
        self._device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(self._device, _TUNSETIFF, struct.pack("16sH22x", _DEVICE.encode(), _IFF_TUN_NO_PI))

    def _serve(self) -> None:
        poll = select.poll()
        poll.register(self._device, select.POLLIN)
        while not self._over.is_set():
            poll.poll(50)
            try:
                while True:
                    self._respond(os.read(self._device, 4096))
            except BlockingIOError:
                pass
            except BaseException as error:  # noqa: BLE001 - raised by `trace`
                self.failure = error

    def _respond(self, packet: bytes) -> None:
        try:
            ip = decode_ip(packet)
        except BadPacketError:
            return
        if ip.dst in TARGET.values() and _is_probe(ip):
            for reply in self.answer(packet, ip):
                os.write(self._device, reply)

    @contextmanager
    def up(self) -> Iterator[Tunnel]:
        self._net.call(self._open)
        thread = threading.Thread(target=self._serve)
        try:
            for words in (
                f"address add 10.201.1.1/24 dev {_DEVICE}",
                f"address add fd77:201:1::1/64 dev {_DEVICE} nodad",
                f"link set {_DEVICE} up",
                f"route add 10.201.0.0/16 dev {_DEVICE}",
                f"route add fd77:201::/32 dev {_DEVICE}",
            ):
                self._net.inside("ip", *words.split())
            thread.start()
            yield self
        finally:
            self._over.set()
            if thread.ident is not None:
                thread.join()
            os.close(self._device)


@contextmanager
def tunnel() -> Iterator[Tunnel]:
    """Make the namespace and its device; take both down on every way out."""
    with kernel_net("tnft", routers=-1, meet=False) as net:
        net.inside("sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647")
        with Tunnel(net).up() as it:
            yield it
