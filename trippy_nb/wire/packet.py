"""What both families share: the IP packet as a value, protocol numbers, addresses as bytes and as text."""

import ipaddress
from dataclasses import dataclass
from functools import lru_cache

from trippy_nb.model import normalise_address, unpack_address

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
"""IP protocol numbers (IPv6: next header)."""

_MANY = 1 << 16  # a run meets hundreds of addresses; what a flood can cost is bounded to about 20 MB


@lru_cache(maxsize=_MANY)
def address_text(packed: bytes) -> str:
    """Spell a packed address as `model.unpack_address` does; 60 ns instead of 2 us when it is known."""
    return unpack_address(packed)


@lru_cache(maxsize=_MANY)
def pack_address(text: str) -> bytes:
    """Pack an address of 4 or 16 bytes; a zone is left off.

    Raises
    ------
    ValueError
        If the text is not an address.
    """
    return ipaddress.ip_address(normalise_address(text)).packed


@dataclass(frozen=True, slots=True)
class IpPacket:
    """An IPv4 or IPv6 packet: the fields of its header, and what it carries."""

    af: int
    """4 or 6."""
    src_packed: bytes
    dst_packed: bytes
    ttl: int
    """TTL or hop limit."""
    protocol: int
    """IP protocol number; of IPv6 the next header after the last extension header."""
    payload: bytes
    """From the transport header on, without what the link padded."""
    tos: int
    """Type of service, or traffic class."""
    size: int
    """Length of the whole packet in bytes, as its header says."""
    header_size: int
    """Bytes before the payload: options and extension headers included."""
    ip_id: int | None = None
    """IPv4 identification."""
    flow_label: int | None = None
    """IPv6 flow label."""
    dont_fragment: bool = False
    """IPv4 flag DF."""
    more_fragments: bool = False
    fragment_offset: int = 0
    """In bytes. Only at 0 does the payload begin with a transport header."""

    @property
    def src(self) -> str:
        """Source address, normalised."""
        return address_text(self.src_packed)

    @property
    def dst(self) -> str:
        """Destination address, normalised."""
        return address_text(self.dst_packed)
