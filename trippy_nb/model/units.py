"""Durations as people type them, and addresses in one spelling.

Inside the engine time is an integer number of nanoseconds (``_ns``), in frames a float of
milliseconds (``_ms``), in Python arguments a float of seconds, on the command line ``10ms`` or ``1s``.
"""

import ipaddress
import re

from trippy_nb.errors import ConfigError

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ns|us|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds_to_ns(seconds: float) -> int:
    """Convert seconds to whole nanoseconds."""
    return round(seconds * NS_PER_S)


def parse_duration(text: str) -> float:
    """Read a duration such as ``10ms``, ``1s`` or ``1m30s``; the result is in seconds.

    Raises
    ------
    ConfigError
        If the text is not a duration. A bare number is refused, because nobody can tell its unit.
    """
    stripped = text.strip()
    parts = _DURATION.findall(stripped)
    if not parts or _DURATION.sub("", stripped).strip():
        raise ConfigError(f"{text!r} is not a duration: write a number and a unit, such as 10ms, 1s or 1m30s")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def format_duration(seconds: float) -> str:
    """Write seconds as the command line takes them: ``0.01`` is ``10ms``."""
    if seconds >= 1 or seconds == 0:
        return f"{seconds:g}s"
    if seconds >= 1e-3:  # noqa: PLR2004 - one millisecond
        return f"{seconds * 1e3:g}ms"
    return f"{seconds * 1e6:g}us"


def split_zone(addr: str) -> tuple[str, str | None]:
    """Split ``fe80::1%eth0`` into address and zone; the zone is None where there is none."""
    bare, percent, zone = addr.partition("%")
    return bare, zone if percent else None


def normalise_address(addr: str) -> str:
    """Spell an address as RFC 5952 section 4 does; an IPv4-mapped IPv6 address becomes IPv4.

    The zone, if any, is left off: it has a column of its own.

    Raises
    ------
    ValueError
        If the text is not an address.
    """
    parsed = ipaddress.ip_address(split_zone(addr)[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped if mapped is not None else parsed)


def unpack_address(packed: bytes) -> str:
    """Spell a packed address (4 or 16 bytes) as :func:`normalise_address` does."""
    parsed = ipaddress.ip_address(packed)
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped if mapped is not None else parsed)
