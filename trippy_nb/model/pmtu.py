"""What a user may ask of a path MTU run beyond what a trace has, checked before any packet leaves."""

from dataclasses import dataclass
from typing import Final

from trippy_nb.errors import ConfigError
from trippy_nb.model.discovery import check_rate, check_whole

SMALLEST_MTU: Final = {4: 68, 6: 1280}
"""What every link carries: RFC 791 section 3.2, RFC 8200 section 5."""
LARGEST_SIZE: Final = 2000  # answers to longer probes do not fit the channels' buffers
PLATEAUS: Final = (65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68)
"""Sizes to try next where a router does not say what would fit: RFC 1191 section 7.1, table 7-1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PmtuOptions:
    """How large a packet to try, and how long to ask."""

    max_size: int = 1500
    """Bytes of the largest packet."""
    attempts: int = 3
    """Probes without an answer after which a size is called lost; more where small ones are lost, too."""
    max_probes: int = 2_000
    probe_rate: float = 1000.0
    """Probes a second, at most."""

    def __post_init__(self) -> None:
        """Check each."""
        check_whole("max_size", self.max_size, LARGEST_SIZE, least=SMALLEST_MTU[4])
        check_whole("attempts", self.attempts, 20)
        check_whole("max_probes", self.max_probes, 60_000)
        check_rate(self.probe_rate)

    @property
    def algorithm(self) -> str:
        """What `runs.method` says."""
        return "pmtu"


def check_sizes(options: PmtuOptions, *, packet_size: int, af: int) -> None:
    """Check that there is something to search between the small probes and the large ones.

    Raises
    ------
    ConfigError
        If the largest size is not larger than the small one, or than what every link carries.
    """
    least = max(packet_size, SMALLEST_MTU[af])
    if options.max_size < least:
        raise ConfigError(f"max_size is {options.max_size}, but must be at least {least} bytes over IPv{af}")


def plateau_below(size: int) -> int:
    """Name the next lower plateau; that of the smallest is itself."""
    return next((plateau for plateau in PLATEAUS if plateau < size), PLATEAUS[-1])
