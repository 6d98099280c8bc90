"""What Windows' ICMP echo says, as ICMP type and code. Pure tables, so they are tested everywhere.

The status codes are those of ipexport.h (IP_STATUS_BASE is 11000). Windows folds several ICMP codes into one
status, so a code here is the one the status is named after; what Windows does not tell apart, nobody can.
"""

from typing import Final

_V4: Final = {
    0: (0, 0),  # IP_SUCCESS: echo reply, RFC 792
    11002: (3, 0),  # IP_DEST_NET_UNREACHABLE
    11003: (3, 1),  # IP_DEST_HOST_UNREACHABLE
    11004: (3, 2),  # IP_DEST_PROT_UNREACHABLE
    11005: (3, 3),  # IP_DEST_PORT_UNREACHABLE
    11009: (3, 4),  # IP_PACKET_TOO_BIG
    11012: (3, 5),  # IP_BAD_ROUTE: source route failed
    11013: (11, 0),  # IP_TTL_EXPIRED_TRANSIT
    11014: (11, 1),  # IP_TTL_EXPIRED_REASSEM
    11015: (12, 0),  # IP_PARAM_PROBLEM
    11016: (4, 0),  # IP_SOURCE_QUENCH
}
_V6: Final = {
    0: (129, 0),  # RFC 4443 section 4.2
    11002: (1, 0),  # IP_DEST_NO_ROUTE
    11003: (1, 3),  # IP_DEST_ADDR_UNREACHABLE
    11004: (1, 1),  # IP_DEST_PROHIBITED
    11005: (1, 4),  # IP_DEST_PORT_UNREACHABLE
    11009: (2, 0),  # IP_PACKET_TOO_BIG
    11013: (3, 0),  # IP_HOP_LIMIT_EXCEEDED
    11014: (3, 1),  # IP_REASSEMBLY_TIME_EXCEEDED
    11015: (4, 0),  # IP_PARAMETER_PROBLEM
    11040: (1, 0),  # IP_DEST_UNREACHABLE
    11041: (3, 0),  # IP_TIME_EXCEEDED
    11042: (4, 0),  # IP_BAD_HEADER
    11043: (4, 1),  # IP_UNRECOGNIZED_NEXT_HEADER
    11045: (1, 2),  # IP_DEST_SCOPE_MISMATCH
}
_TABLES: Final = {4: _V4, 6: _V6}
_TEXTS: Final = {
    5: "access is denied",
    87: "an argument is wrong",
    1214: "the address is not usable",
    1231: "the network cannot be reached",
    1232: "the host cannot be reached",
    11001: "the reply buffer is too small",
    11006: "no resources",
    11007: "a wrong IP option",
    11008: "a hardware error",
    11011: "a wrong request",
    11018: "a wrong destination",
    11032: "IPsec is being negotiated",
    11050: "a general failure",
}


def icmp_of_status(status: int, af: int) -> tuple[int, int] | None:
    """Tell which ICMP type and code a status stands for; None if it is no answer of the network.

    Parameters
    ----------
    status
        IP_STATUS, or an error of the system.
    af
        4 or 6.
    """
    return _TABLES[af].get(status)


def status_text(status: int) -> str:
    """Say in words what a status means that is no answer."""
    return f"{_TEXTS.get(status, 'an error')} (Windows error {status})"
