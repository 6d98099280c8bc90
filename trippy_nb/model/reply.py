"""What came back: the answer, and the piece of our probe that it quotes.

None always means "this was not in what came back" (an error queue or a 28-byte quote lacks much):
the strategy rejects a reply for a field that contradicts the probe, never for one that is missing.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The start of our probe as an ICMP error returns it, or the fields an answer echoes."""

    src: str | None = None
    dst: str | None = None
    protocol: int | None = None
    """IP protocol number, or the IPv6 next header."""
    ttl: int | None = None
    """TTL or hop limit when the router gave up on it: 1 (or 0) unless something hid the hops."""
    tos: int | None = None
    length: int | None = None
    """IPv4 total length, or IPv6 payload length + 40, as quoted."""
    ip_id: int | None = None
    dont_fragment: bool | None = None
    """IPv4 flag DF."""
    flow_label: int | None = None
    sport: int | None = None
    dport: int | None = None
    icmp_id: int | None = None
    icmp_seq: int | None = None
    checksum: int | None = None
    """Checksum of the quoted ICMP, UDP or TCP header."""
    udp_length: int | None = None
    tcp_seq: int | None = None
    tcp_mss: int | None = None
    """Option Maximum Segment Size of a quoted SYN."""
    payload: bytes | None = None
    """As much of our payload as was quoted; None if the quote ends before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A packet that claims to answer one of our probes. Nobody has believed it yet."""

    responder: str
    """Normalised address of the sender, without a zone."""
    zone: str | None = None
    read_ns: int
    """Monotonic time when it was read: it was here by then."""
    kernel_ns: int | None = None
    """CLOCK_REALTIME receive stamp of the kernel (virtual wall time in the simulator)."""
    rtt_ns: int | None = None
    """RTT that the kernel measured itself (TCP_INFO); None nearly always."""
    icmp_type: int | None = None
    icmp_code: int | None = None
    tcp_flags: int | None = None
    quote: Quote
    ttl: int | None = None
    """TTL or hop limit of the reply when it reached us."""
    size: int | None = None
    """Length of the whole IP packet in bytes."""
    tos: int | None = None
    ip_id: int | None = None
    mtu: int | None = None
    """Next-hop MTU of a Fragmentation Needed or Packet Too Big."""
    extensions: bytes | None = None
    """RFC 4884 extension structure as received, header included."""
    packet: bytes | None = None
    """The bytes as received, from the IP header where the channel sees it."""
    key: int | None = None
    """The probe, where the operating system itself ties the answer to one socket per probe."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """Bytes that arrived but answer nobody's probe of ours: counted, sampled, never credited."""

    reason: str
    """Why it is not ours, or why it could not be decoded."""
    read_ns: int
    packet: bytes = b""
