"""A plan: the user's configuration, with everything decided that was left open.

The plan is what strategy, wire and channels share; with a `Probe` it fixes every byte sent.
"""

import hashlib
from dataclasses import dataclass

from trippy_nb.model.config import TraceConfig
from trippy_nb.model.discovery import DiscoveryOptions
from trippy_nb.model.kinds import Multipath, Protocol, SocketMode
from trippy_nb.model.pmtu import PmtuOptions

IPV4, IPV6 = 4, 6
IP_HEADER_SIZE = {IPV4: 20, IPV6: 40}
L4_HEADER_SIZE = {Protocol.ICMP: 8, Protocol.UDP: 8, Protocol.TCP: 20}


@dataclass(frozen=True, slots=True)
class Target:
    """Where a trace goes."""

    name: str
    """As the user asked for it."""
    addr: str
    """Normalised address."""
    zone: str | None = None

    @property
    def af(self) -> int:
        """4 or 6."""
        return IPV6 if ":" in self.addr else IPV4


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which sockets a trace uses, and why."""

    protocol: Protocol
    mode: SocketMode
    reason: str
    """One line for people: which mode, and why this one."""
    source: str
    """Normalised source address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A trace, decided."""

    config: TraceConfig
    target: Target
    protocol: Protocol
    mode: SocketMode
    reason: str
    source: str
    sport: int | None
    """Fixed source port; None where it varies, and for ICMP."""
    dport: int | None
    """Fixed destination port; None where it varies, and for ICMP."""
    trace_id: int
    """ICMP identifier, never 0."""
    secret: bytes
    """Eight bytes that only this run knows; where the packet has room they are in the payload."""
    icmp_checksum: int | None = None
    """Checksum of every ICMP probe of the first flow; None where it is not ours to keep constant."""
    flow_label: int = 0
    """IPv6 flow label of every probe of the first flow; 0 on IPv4, or where the system chooses it."""
    purpose: DiscoveryOptions | PmtuOptions | None = None
    """What the probes are for; None is Trippy's rounds."""

    @property
    def af(self) -> int:
        """4 or 6."""
        return self.target.af

    @property
    def multipath(self) -> Multipath:
        """How probes are numbered."""
        return self.config.multipath_strategy

    @property
    def is_sized(self) -> bool:
        """Whether probes differ in size."""
        return isinstance(self.purpose, PmtuOptions)

    @property
    def payload_size(self) -> int:
        """Bytes after the transport header (dublin on IPv6 sends its own lengths)."""
        if self.protocol is Protocol.TCP:
            return 0
        return self.config.packet_size - IP_HEADER_SIZE[self.af] - L4_HEADER_SIZE[self.protocol]

    @property
    def flow_stable(self) -> bool:
        """Whether all probes of one flow look the same to a balancer."""
        if self.protocol is Protocol.ICMP:
            return self.icmp_checksum is not None
        return self.multipath is not Multipath.CLASSIC


def derive_secret(*parts: object) -> bytes:
    """Eight bytes from anything printable; the same parts give the same bytes on every machine."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
