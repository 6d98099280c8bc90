"""What the kernel says about a packet beside its bytes: stamps, TTL, and ICMP errors it queued."""

import struct
from dataclasses import dataclass

from trippy_nb.lifetimes import iter_control
from trippy_nb.net import linux
from trippy_nb.net.addresses import unpack_sockaddr

_TIMESPEC = struct.Struct("@qq")  # 64-bit Linux
_INT = struct.Struct("@i")
_ERROR = struct.Struct("@IBBBxII")  # sock_extended_err, errqueue.h: errno, origin, type, code, info, data
_RFC4884 = struct.Struct("@HB")  # sock_ee_data_rfc4884, in place of data: length of the quote, flags


@dataclass(slots=True)
class QueuedError:
    """One entry of an error queue."""

    origin: int
    icmp_type: int
    icmp_code: int
    info: int
    """MTU of a too-big error."""
    number: int
    """Of the packet, if this is a transmit stamp."""
    quote_length: int
    """Where ICMP extensions begin in the payload; 0 if there are none."""
    offender: str | None
    offender_scope: int


@dataclass(slots=True)
class Ancillary:
    """All there was."""

    kernel_ns: int | None = None
    ttl: int | None = None
    tos: int | None = None
    error: QueuedError | None = None


def read_ancillary(control: bytes) -> Ancillary:
    """Take ancillary data apart; what is unknown or cut short is left out."""
    found = Ancillary()
    for level, kind, value in iter_control(control):
        match level, kind:
            case (1, linux.SO_TIMESTAMPING) | (1, linux.SO_TIMESTAMPNS) if len(value) >= _TIMESPEC.size:
                seconds, nanoseconds = _TIMESPEC.unpack_from(value)  # the first of three is software's
                found.kernel_ns = seconds * 1_000_000_000 + nanoseconds or None
            case (linux.SOL_IP, linux.IP_TTL) | (linux.SOL_IPV6, linux.IPV6_HOPLIMIT) if (
                len(value) >= _INT.size
            ):
                (found.ttl,) = _INT.unpack_from(value)
            case (linux.SOL_IP, linux.IP_TOS) if value:
                found.tos = value[0]  # one byte here, an int for IPv6
            case (linux.SOL_IPV6, linux.IPV6_TCLASS) if len(value) >= _INT.size:
                (found.tos,) = _INT.unpack_from(value)
            case (linux.SOL_IP, linux.IP_RECVERR) | (linux.SOL_IPV6, linux.IPV6_RECVERR):
                found.error = _read_error(value)
            case _:
                pass
    return found


def _read_error(value: bytes) -> QueuedError | None:
    if len(value) < _ERROR.size:
        return None
    _errno, origin, icmp_type, icmp_code, info, number = _ERROR.unpack_from(value)
    length, flags = _RFC4884.unpack_from(value, _ERROR.size - 4)
    offender = unpack_sockaddr(value[_ERROR.size :])
    return QueuedError(
        origin=origin,
        icmp_type=icmp_type,
        icmp_code=icmp_code,
        info=info,
        number=number,
        quote_length=0 if flags & linux.EE_RFC4884_INVALID else length,
        offender=None if offender is None else offender[0],
        offender_scope=0 if offender is None else offender[2],
    )
