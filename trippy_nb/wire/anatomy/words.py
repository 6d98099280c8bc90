"""Numbers of the protocols as words: what IANA's registries call them, as far as traces meet them."""

from collections.abc import Callable, Mapping
from typing import Final

PROTOCOLS: Final = {
    0: "hop-by-hop options", 1: "ICMP", 2: "IGMP", 4: "IPv4 in IP", 6: "TCP", 17: "UDP", 41: "IPv6 in IP",
    43: "routing header", 44: "fragment header", 47: "GRE", 50: "ESP", 51: "authentication header",
    58: "ICMPv6", 59: "nothing", 60: "destination options", 89: "OSPF", 103: "PIM", 112: "VRRP", 115: "L2TP",
    132: "SCTP", 135: "mobility header", 136: "UDP-Lite", 139: "host identity", 140: "shim6",
}  # fmt: skip

_UNREACHABLE = {
    0: "network unreachable", 1: "host unreachable", 2: "protocol unreachable", 3: "port unreachable",
    4: "fragmentation needed and DF set", 5: "source route failed", 6: "network unknown", 7: "host unknown",
    9: "network administratively prohibited", 10: "host administratively prohibited",
    11: "network unreachable for this TOS", 12: "host unreachable for this TOS",
    13: "communication administratively prohibited", 14: "host precedence violation", 15: "precedence cutoff",
}  # fmt: skip
_EXCEEDED = {0: "in transit", 1: "while reassembling fragments"}

ICMP_NAMES: Final = {
    4: {
        0: "Echo reply", 3: "Destination unreachable", 4: "Source quench", 5: "Redirect", 8: "Echo request",
        9: "Router advertisement", 10: "Router solicitation", 11: "Time exceeded", 12: "Parameter problem",
        13: "Timestamp request", 14: "Timestamp reply", 42: "Extended echo request",
        43: "Extended echo reply",
    },
    6: {
        1: "Destination unreachable", 2: "Packet too big", 3: "Time exceeded", 4: "Parameter problem",
        128: "Echo request", 129: "Echo reply", 133: "Router solicitation", 134: "Router advertisement",
        135: "Neighbour solicitation", 136: "Neighbour advertisement", 137: "Redirect",
        160: "Extended echo request", 161: "Extended echo reply",
    },
}  # fmt: skip
ICMP_CODES: Final = {
    (4, 3): _UNREACHABLE,
    (4, 11): _EXCEEDED,
    (4, 12): {0: "the pointer says where", 1: "a required option is missing", 2: "bad length"},
    (6, 1): {
        0: "no route", 1: "administratively prohibited", 2: "beyond scope of source",
        3: "address unreachable", 4: "port unreachable", 5: "source address failed policy", 6: "reject route",
    },
    (6, 3): _EXCEEDED,
    (6, 4): {0: "erroneous header field", 1: "unknown next header", 2: "unknown option"},
}  # fmt: skip

_ECN: Final = ("not capable", "ECT(1)", "ECT(0)", "congestion experienced")
_CLASS_STEP, _EXPEDITED, _LAST_AF, _AF_DROPS = 8, 46, 4, 3


def icmp_words(af: int, kind: int, code: int) -> tuple[str, str]:
    """Name an ICMP message and its code; the code may have no name."""
    return ICMP_NAMES[af].get(kind, "ICMP"), ICMP_CODES.get((af, kind), {}).get(code, "")


def named(names: Mapping[int, str]) -> Callable[[int], str]:
    """Make what spells a number with its name."""

    def spell(number: int) -> str:
        name = names.get(number)
        return f"{number} ({name})" if name else str(number)

    return spell


def dscp_words(dscp: int) -> str:
    """Spell a DSCP with the name of its behaviour: ``46 (EF)``."""
    step, within = divmod(dscp, _CLASS_STEP)
    if dscp == _EXPEDITED:
        return f"{dscp} (EF)"
    if not within:
        return f"{dscp} (CS{step})" if step else "0 (default)"
    drop, odd = divmod(within, 2)
    if not odd and 1 <= step <= _LAST_AF and 1 <= drop <= _AF_DROPS:
        return f"{dscp} (AF{step}{drop})"
    return str(dscp)


def ecn_words(ecn: int) -> str:
    """Spell the two ECN bits."""
    return f"{ecn} ({_ECN[ecn]})"


def hex_words(digits: int) -> Callable[[int], str]:
    """Make what spells a number in hexadecimal."""
    return lambda number: f"0x{number:0{digits}x}"


def size_words(number: int) -> str:
    """Spell a number of bytes."""
    return f"{number:,} byte" if number == 1 else f"{number:,} bytes"


def flag_words(number: int) -> str:
    """Spell one bit."""
    return "1 (set)" if number else "0 (not set)"


def reserved_words(number: int) -> str:
    """Spell bits that should be zero."""
    return "0" if not number else f"0x{number:x}, though it should be 0"
