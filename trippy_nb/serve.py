"""The built-in internet behind a TUN device: any program of this network namespace can trace it in real time.

Real time drives virtual time: a packet that the kernel routes to the device is sent through the network at
the moment it is read, and its answers are written when they are due. Programs need no privilege that they
would not need elsewhere; only the device does.
"""

import errno
import re
import shutil
import struct
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trippy_nb.errors import ChannelError, ConfigError, PrivilegeError
from trippy_nb.lifetimes import TICK_S, Vault, open_child
from trippy_nb.model import NS_PER_S
from trippy_nb.sim import SimNetwork
from trippy_nb.tracing import Clock
from trippy_nb.wire import pack_address

if TYPE_CHECKING:
    from trippy_nb.lifetimes.device import Device

_LONGEST_NAME: Final = 15  # IFNAMSIZ without its zero
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")  # the kernel fills in a %d, `ip` reads # and quotes
_IPV4: Final = 4
_FRAGMENT_V4: Final = 0x3F  # more fragments, and the high bits of the offset (RFC 791 section 3.1)
_FRAGMENT_V6: Final = 44  # next header (RFC 8200 section 4.5)
_LEAST_MTU_V6: Final = 1280
_FULL_MTU: Final = 1500
_IP_PATH: Final = "/usr/sbin:/sbin:/usr/bin:/bin"
_HOW: Final = "ip netns add lab && ip netns exec lab trippy-nb sim serve SCENARIO --tun NAME"
_DEFAULT_V4: Final = ("00000000", "00000000")  # destination and mask, /proc/net/route
_DEFAULT_V6: Final = ("0" * 32, "00")  # destination and prefix, /proc/net/ipv6_route


def serve(
    network: SimNetwork,
    name: str,
    *,
    clock: Clock,
    stop: Callable[[], bool],
    on_ready: Callable[[], object] = lambda: None,
) -> Counter[str]:
    """Serve a network on a new TUN device, until it is told to stop.

    It gives the device the network's source addresses, and the namespace default routes through it. All of
    that goes with the device at the end.

    Parameters
    ----------
    network
        The network; its virtual time begins where it stands.
    name
        Of the device.
    clock
        What time it is outside.
    stop
        Asked at least every 50 ms.
    on_ready
        Called when packets can come.

    Returns
    -------
    counts
        ``in``, ``out``; and of what came: ``other source`` (not the network's own: such as multicast
        listeners of IPv6), ``fragments``, ``not understood``; of answers ``not taken`` by the kernel.

    Raises
    ------
    ConfigError
        If the name cannot be, or this namespace has a default route already; nothing was changed.
    PrivilegeError
        If this process may not make a device; nothing was changed.
    ChannelError
        If the device cannot be set up, or goes away.
    """
    check_place(name)
    from trippy_nb.lifetimes.device import open_device  # Linux only

    with Vault() as vault:
        try:
            device = open_device(vault, name, purpose=f"serving {network.scenario.name}")
        except OSError as error:
            raise _refusal(name, error) from error
        _set_up(vault, network, name)
        server = _Server(network, device, clock)
        on_ready()  # a broken pipe of its own is no failure of the device
        try:
            return server.run(stop)
        except OSError as error:
            raise ChannelError(f"the device {name} is gone: {error.strerror}") from error


def check_place(name: str) -> None:
    """Check the name, and that no traffic of anybody else would come here.

    Raises
    ------
    ConfigError
        If not.
    """
    if sys.platform != "linux":
        raise ConfigError(
            "serving needs a TUN device, and so Linux: tn.trace(..., network=...) needs neither"
        )
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise ConfigError(
            f"a device name has 1 to {_LONGEST_NAME} letters, digits, and _ - . inside, not {name!r}"
        )
    if _has_default_route():
        raise ConfigError(
            "this network namespace has a default route, whose traffic the built-in internet would take: "
            f"make a namespace of its own: {_HOW}"
        )


class _Server:
    def __init__(self, network: SimNetwork, device: "Device", clock: Clock) -> None:
        source = network.scenario.source
        self._traffic = network.traffic()
        self._sources = {pack_address(addr) for addr in (source.v4, source.v6) if addr}
        self._device = device
        self._clock = clock
        self._offset_ns = network.clock.now_ns() - clock.now_ns()
        self.counts: Counter[str] = Counter()

    def run(self, stop: Callable[[], bool]) -> Counter[str]:
        while not stop():
            self._device.wait(self._patience_s())
            for packet in self._device.read_many():
                self._take(packet)
            for _, answer in self._traffic.due(self._now_ns()):
                self.counts["out" if self._device.write(answer) else "not taken"] += 1
        return self.counts

    def _now_ns(self) -> int:
        return self._clock.now_ns() + self._offset_ns

    def _patience_s(self) -> float:
        next_ns = self._traffic.next_ns
        return TICK_S if next_ns is None else (next_ns - self._now_ns()) / NS_PER_S

    def _take(self, packet: bytes) -> None:
        source = packet[12:16] if packet[:1] and packet[0] >> 4 == _IPV4 else packet[8:24]
        if source not in self._sources:
            self.counts["other source"] += 1
            return
        self.counts["in"] += 1
        if _is_fragment(packet):
            self.counts["fragments"] += 1
            return
        try:
            self._traffic.put(packet, self._now_ns())
        except (ValueError, LookupError, struct.error):  # BadPacketError is a ValueError
            self.counts["not understood"] += 1


def _is_fragment(packet: bytes) -> bool:
    """Tell whether it is part of a packet only, which the network does not put together."""
    if packet[0] >> 4 == _IPV4:
        return bool(packet[6] & _FRAGMENT_V4 or packet[7])
    return packet[6] == _FRAGMENT_V6


def _refusal(name: str, error: OSError) -> Exception:
    if isinstance(error, PermissionError):
        return PrivilegeError(f"a TUN device needs root, or CAP_NET_ADMIN, in this namespace: {_HOW}")
    if isinstance(error, FileNotFoundError) or error.errno in (errno.ENXIO, errno.ENODEV):
        return ChannelError("there is no /dev/net/tun: modprobe tun; a container needs --device /dev/net/tun")
    if error.errno == errno.EBUSY:
        return ConfigError(f"there is a device {name} already: choose another name")
    return ChannelError(f"the device {name} cannot be made: {error.strerror}")


def _set_up(vault: Vault, network: SimNetwork, name: str) -> None:
    """Give the device addresses, and the namespace routes, as one `ip -batch`.

    Raises
    ------
    ChannelError
        If there is no `ip`, or it refuses.
    """
    program = shutil.which("ip") or shutil.which("ip", path=_IP_PATH)
    if program is None:
        raise ChannelError("setting the device up needs the program ip: apt-get install iproute2")
    mtu, source = _mtu(network), network.scenario.source
    lines = ["link set lo up", f"link set dev {name} mtu {mtu} addrgenmode none"]
    lines.append(f"link set dev {name} up")
    if source.v4:
        lines += [f"addr add {source.v4}/32 dev {name}", f"route add 0.0.0.0/0 dev {name} src {source.v4}"]
    if source.v6 and mtu >= _LEAST_MTU_V6:
        lines += [f"addr add {source.v6}/128 dev {name} nodad", f"route add ::/0 dev {name} src {source.v6}"]
    lines.append(f"link show dev {name}")  # its output says that all of it was done
    child = open_child(vault, [program, "-batch", "-"], purpose="setting the device up")
    child.write("".join(f"{line}\n" for line in lines).encode())
    try:
        while child.read() is None:
            child.wait(TICK_S)
    except EOFError as error:
        raise ChannelError(f"ip could not set the device {name} up: {error}") from error
    vault.release(child)


def _mtu(network: SimNetwork) -> int:
    """Tell what the source's own link carries."""
    return min([_FULL_MTU, *(link.mtu for link in network.truth.links if link.near == "source" and link.mtu)])


def _has_default_route() -> bool:
    v4 = any((row[1], row[7]) == _DEFAULT_V4 for row in _rows("/proc/net/route"))
    v6 = any((row[0], row[1]) == _DEFAULT_V6 and row[9] != "lo" for row in _rows("/proc/net/ipv6_route"))
    return v4 or v6


def _rows(path: str) -> list[list[str]]:
    try:
        text = Path(path).read_text(encoding="ascii")
    except FileNotFoundError:  # a kernel without that family
        return []
    return [line.split() for line in text.splitlines()]
