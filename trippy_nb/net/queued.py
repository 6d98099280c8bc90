"""Sockets with an error queue, and its entries as replies (Linux, ip(7)). No privilege is needed.

The kernel gives back who answered, type and code, the destination of the probe, the payload that was
quoted and extensions; not the quoted IP header: what only that would show cannot be seen here.
"""

import contextlib
import struct
from functools import lru_cache

from trippy_nb.lifetimes import Datagram, Port, pack_control
from trippy_nb.model import Foreign, Quote, Reply
from trippy_nb.net import linux
from trippy_nb.net.addresses import zone_of
from trippy_nb.net.ancillary import Ancillary, QueuedError
from trippy_nb.tracing import Arrival

_FRAGMENTATION_NEEDED = (3, 4)  # RFC 1191 section 4
_PACKET_TOO_BIG = 2  # RFC 4443 section 3.2
_MOST_MTU = 0xFFFF
_SIX = 6

_WANTED = {
    4: (linux.IP_RECVERR, linux.IP_RECVTTL, linux.IP_RECVTOS),
    6: (linux.IPV6_RECVERR, linux.IPV6_RECVHOPLIMIT, linux.IPV6_RECVTCLASS),
}
_EXTENSIONS = {4: linux.IP_RECVERR_RFC4884, 6: linux.IPV6_RECVERR_RFC4884}
_LEVEL = {4: linux.SOL_IP, 6: linux.SOL_IPV6}
_INT = struct.Struct("@i")


def queue_errors(port: Port, af: int, tos: int) -> None:
    """Have ICMP errors queued with all the kernel knows of them, and probes sent as raw ones are."""
    level = _LEVEL[af]
    for option in _WANTED[af]:
        port.setsockopt(level, option, 1)
    with contextlib.suppress(OSError):  # since Linux 5.9
        port.setsockopt(level, _EXTENSIONS[af], 1)
    discover, mark = (
        (linux.IPV6_MTU_DISCOVER, linux.IPV6_TCLASS) if af == _SIX else (linux.IP_MTU_DISCOVER, linux.IP_TOS)
    )
    port.setsockopt(
        level, discover, linux.PMTUDISC_PROBE
    )  # else a known path MTU hides the router that has it
    port.setsockopt(level, mark, tos)


@lru_cache(maxsize=512)
def ttl_control(af: int, ttl: int) -> bytes:
    """Return the ancillary data that gives one packet its TTL."""
    return pack_control(_LEVEL[af], linux.IPV6_HOPLIMIT if af == _SIX else linux.IP_TTL, _INT.pack(ttl))


def reply_from_queue(
    datagram: Datagram, said: Ancillary, read_ns: int, *, af: int, quote: Quote, key: int | None = None
) -> Arrival:
    """Make a reply of an ICMP error that the kernel queued.

    The packet is not there: only the quoted payload, and the extensions after it (RFC 4884).
    """
    error = said.error
    if error is None or error.offender is None:
        return Foreign("an error without a sender", read_ns, datagram.data)
    extensions = datagram.data[error.quote_length :] if 0 < error.quote_length < len(datagram.data) else None
    return Reply(
        responder=error.offender,
        zone=zone_of(error.offender_scope),
        read_ns=read_ns,
        kernel_ns=said.kernel_ns,
        icmp_type=error.icmp_type,
        icmp_code=error.icmp_code,
        quote=quote,
        ttl=said.ttl,
        tos=said.tos,
        mtu=_mtu(error, af),
        extensions=extensions,
        packet=datagram.data,
        key=key,
    )


def quoted_bytes(datagram: Datagram, said: Ancillary) -> bytes | None:
    """Return what was quoted after the header that the kernel took off, without extensions."""
    length = said.error.quote_length if said.error is not None else 0
    return (datagram.data[:length] if length else datagram.data) or None


def _mtu(error: QueuedError, af: int) -> int | None:
    too_big = (
        error.icmp_type == _PACKET_TOO_BIG
        if af == _SIX
        else (error.icmp_type, error.icmp_code) == _FRAGMENTATION_NEEDED
    )
    return min(error.info, _MOST_MTU) or None if too_big else None
