"""A probe: one packet that we send, named by its place in the run."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Probe:
    """One packet to send. Together with the `Plan` it determines every byte of the packet."""

    key: int
    """Number of the probe in its run, from 0, without gaps: the row it becomes."""
    round: int
    flow: int
    """Index into the run's flows."""
    ttl: int
    attempt: int
    """Number within (round, flow, ttl), from 0."""
    seq: int
    """What tells it from its neighbours (16 bits): ICMP sequence, varying port, UDP checksum (paris),
    IP identification (dublin, IPv4) or payload length (dublin, IPv6)."""
    sport: int
    """Source port; 0 for ICMP."""
    dport: int
    """Destination port; 0 for ICMP."""
    size: int = 0
    """Bytes of the whole packet; 0 is the plan's `packet_size`."""


@dataclass(frozen=True, slots=True)
class SendReceipt:
    """What the channel knows right after it handed a probe to the operating system."""

    key: int
    before_ns: int
    """Monotonic time before the system call that sent it (one call may send a whole window)."""
    after_ns: int
    """Monotonic time after that call."""
    errno: int = 0
    """0, or why the operating system refused it."""
    packet: bytes | None = None
    """The bytes as sent, whole where the channel builds the headers, else the payload."""


@dataclass(frozen=True, slots=True)
class Stamped:
    """A kernel transmit stamp. It may arrive after the send, even after the reply."""

    key: int
    kernel_ns: int
    """CLOCK_REALTIME of the moment the packet was handed to the device."""
