"""What a user may ask of a discovery beyond what a trace has, checked before any packet leaves."""

from dataclasses import dataclass
from typing import Final, Literal

from trippy_nb.errors import ConfigError

Algorithm = Literal["mda", "mda-lite"]
ALGORITHMS: Final[tuple[Algorithm, ...]] = ("mda", "mda-lite")
NOT_FOR_DISCOVERY: Final = (
    "multipath_strategy",
    "rounds",
    "min_round_duration",
    "max_round_duration",
    "grace_duration",
    "ttls",
    "max_inflight",
    "max_samples",
    "dns_resolve_all",
)
"""Options of a trace that have no meaning here: there are no rounds, and flows are always kept."""
MOST_PROBES: Final = 60_000  # their numbers have 16 bits
MOST_RATE: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveryOptions:
    """How sure to be that no path is hidden, and at what price."""

    confidence: float = 0.95
    """Probability, for each node, to have found all of its next hops, if it balances uniformly."""
    algorithm: Algorithm = "mda"
    """``mda``, or ``mda-lite``: fewer probes, and right where diamonds are uniform and unmeshed."""
    attempts: int = 4
    """Probes without an answer after which a flow is called silent at a TTL."""
    max_probes: int = 10_000
    probe_rate: float = 1000.0
    """Probes a second, at most."""

    def __post_init__(self) -> None:
        """Check each."""
        low, high = 0.5, 0.9999
        confidence: object = self.confidence
        if not isinstance(confidence, float) or not low <= confidence <= high:
            raise ConfigError(f"confidence is {confidence!r}, but must be from {low} to {high}")
        if self.algorithm not in ALGORITHMS:
            raise ConfigError(f"algorithm is one of {', '.join(ALGORITHMS)}, not {self.algorithm!r}")
        check_whole("attempts", self.attempts, 20)
        check_whole("max_probes", self.max_probes, MOST_PROBES)
        check_rate(self.probe_rate)


def check_whole(name: str, value: object, most: int, *, least: int = 1) -> None:
    """Refuse what is no whole number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ConfigError(f"{name} is {value!r}, but must be a whole number from {least} to {most}")


def check_rate(rate: object) -> None:
    """Refuse what is no rate of probes."""
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 1 <= rate <= MOST_RATE:
        raise ConfigError(f"probe_rate is {rate!r}, but must be from 1 to {MOST_RATE} probes a second")
