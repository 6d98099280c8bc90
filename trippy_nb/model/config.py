"""What a user may ask of a trace, checked before any packet leaves.

Trippy's limits (`parity`): every violation is a `ConfigError` of one line that says what to do.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypedDict

from trippy_nb.errors import ConfigError
from trippy_nb.model.kinds import AddrFamily, Multipath, Protocol, ResolveMethod, SocketMode
from trippy_nb.model.options import OPTIONS, Option
from trippy_nb.model.units import normalise_address


class TraceOptions(TypedDict, total=False):
    """Keyword arguments of a trace, for type checkers; `model.options` has the whole story."""

    protocol: str | None
    multipath_strategy: str
    multipath: str
    target_port: int | None
    source_port: int | None
    first_ttl: int
    max_ttl: int
    ttls: Iterable[int] | None
    max_inflight: int
    gap_limit: int | None
    initial_sequence: int
    packet_size: int
    payload_pattern: int
    tos: int
    trace_identifier: int | None
    addr_family: str
    source_address: str | None
    interface: str | None
    fwmark: int | None
    rounds: int | None
    report_cycles: int | None
    duration: float | None
    min_round_duration: float
    max_round_duration: float
    grace_duration: float
    probe_timeout: float
    read_timeout: float
    mode: str | None
    unprivileged: bool
    icmp_extensions: bool
    dns: bool
    dns_resolve_method: str
    dns_resolve_all: bool
    dns_timeout: float
    dns_ttl: float
    max_samples: int | None
    keep_packets: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceConfig:
    """A checked set of options. The meaning of each field is in `model.options`."""

    protocol: Protocol | None = None
    multipath_strategy: Multipath = Multipath.CLASSIC
    target_port: int | None = None
    source_port: int | None = None
    first_ttl: int = 1
    max_ttl: int = 64
    ttls: tuple[int, ...] | None = None
    max_inflight: int = 24
    gap_limit: int | None = None
    initial_sequence: int = 33434
    packet_size: int = 84
    payload_pattern: int = 0
    tos: int = 0
    trace_identifier: int | None = None
    addr_family: AddrFamily = AddrFamily.SYSTEM
    source_address: str | None = None
    interface: str | None = None
    fwmark: int | None = None
    rounds: int | None = 10
    duration: float | None = None
    min_round_duration: float = 1.0
    max_round_duration: float = 1.0
    grace_duration: float = 0.1
    probe_timeout: float = 2.0
    read_timeout: float = 0.01
    mode: SocketMode | None = None
    unprivileged: bool = False
    icmp_extensions: bool = False
    dns: bool = True
    dns_resolve_method: ResolveMethod = ResolveMethod.SYSTEM
    dns_resolve_all: bool = False
    dns_timeout: float = 5.0
    dns_ttl: float = 300.0
    max_samples: int | None = None
    keep_packets: bool = True

    def __post_init__(self) -> None:
        """Check every option alone, then the combinations."""
        for option in OPTIONS:
            value = _checked(option, getattr(self, option.name))
            object.__setattr__(self, option.name, value)
        _check_combinations(self)

    @classmethod
    def from_options(cls, **options: Any) -> "TraceConfig":  # noqa: ANN401 - untrusted keywords
        """Make a configuration from keywords; aliases are understood, unknown words are refused.

        Raises
        ------
        ConfigError
            If a keyword is unknown or given twice under two names, or a value is out of bounds.
        """
        return cls(**options_by_name(options))


def options_by_name(options: Mapping[str, Any]) -> dict[str, Any]:
    """Call every option by its name, whatever alias it was given under; values are not looked at.

    Raises
    ------
    ConfigError
        If a keyword is unknown, or an option is given twice under two names.
    """
    names = {field.name for field in fields(TraceConfig)}
    aliases = {alias: option.name for option in OPTIONS for alias in option.aliases}
    known: dict[str, Any] = {}
    for keyword, value in options.items():
        name = aliases.get(keyword, keyword)
        if name not in names:
            raise ConfigError(f"unknown option {keyword!r}{_did_you_mean(keyword, names | set(aliases))}")
        if name in known:
            raise ConfigError(f"{name} is given twice, once under the name {keyword!r}: keep one")
        known[name] = value
    return known


def _did_you_mean(word: str, names: set[str]) -> str:
    import difflib

    close = difflib.get_close_matches(word, sorted(names), n=1)
    return f": did you mean {close[0]!r}?" if close else ": see trippy-nb trace --help for all of them"


_ENUMS: dict[str, Any] = {
    "protocol": Protocol,
    "multipath_strategy": Multipath,
    "addr_family": AddrFamily,
    "mode": SocketMode,
    "dns_resolve_method": ResolveMethod,
}


def _checked(option: Option, value: Any) -> Any:  # noqa: ANN401 - the option says the type
    if value is None:
        if option.default is None or option.name == "rounds":
            return None
        raise ConfigError(f"{option.name} needs a value (its default is {option.default!r})")
    return _CHECKS[option.kind](option, value)


def _checked_bool(option: Option, value: Any) -> bool:  # noqa: ANN401 - whatever the user gave
    if not isinstance(value, bool):
        raise ConfigError(f"{option.name} is True or False, not {value!r}")
    return value


def _checked_choice(option: Option, value: Any) -> Any:  # noqa: ANN401 - whatever the user gave
    word = str(value).lower()
    if word not in option.choices:
        raise ConfigError(f"{option.name} is one of {', '.join(option.choices)}, not {value!r}")
    return _ENUMS[option.name](word)


def _checked_text(option: Option, value: Any) -> str:  # noqa: ANN401 - whatever the user gave
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{option.name} is a text, not {value!r}")
    return value.strip()


def _checked_int(option: Option, value: Any) -> int:  # noqa: ANN401 - whatever the user gave
    number = _checked_number(option, value)
    if number != int(number):
        raise ConfigError(f"{option.name} is a whole number, not {value!r}")
    return int(number)


def _checked_number(option: Option, value: Any) -> float:  # noqa: ANN401 - whatever the user gave
    unit = f" {option.unit}" if option.unit else ""
    if isinstance(value, (bool, str)) or not hasattr(value, "__float__"):
        raise ConfigError(f"{option.name} is a number{' of' if unit else ''}{unit}, not {value!r}")
    number = float(value)
    low = -math.inf if option.low is None else option.low
    high = math.inf if option.high is None else option.high
    if not low <= number <= high:  # NaN is not between anything
        raise ConfigError(f"{option.name} is {value}, but must be from {low:,.12g} to {high:,.12g}{unit}")
    return number


def _checked_ints(option: Option, value: Any) -> tuple[int, ...]:  # noqa: ANN401 - whatever the user gave
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise ConfigError(f"{option.name} is a list of whole numbers, not {value!r}")
    numbers = tuple(sorted({_checked_int(option, item) for item in value}))
    if not numbers:
        raise ConfigError(f"{option.name} is empty: leave it out, or name at least one")
    return numbers


_CHECKS: dict[str, Callable[[Option, Any], Any]] = {
    "bool": _checked_bool,
    "choice": _checked_choice,
    "text": _checked_text,
    "ints": _checked_ints,
    "int": _checked_int,
    "duration": _checked_number,
}


def _check_combinations(config: TraceConfig) -> None:
    if config.first_ttl > config.max_ttl:
        raise ConfigError(f"first_ttl {config.first_ttl} is greater than max_ttl {config.max_ttl}")
    if config.min_round_duration > config.max_round_duration:
        raise ConfigError(
            f"min_round_duration {config.min_round_duration:g} s is longer than "
            f"max_round_duration {config.max_round_duration:g} s"
        )
    if config.source_address is not None:
        if config.interface is not None:
            raise ConfigError("source_address and interface both say where to send from: give one of them")
        try:
            normalise_address(config.source_address)
        except ValueError:
            raise ConfigError(f"source_address {config.source_address!r} is not an IP address") from None
    if config.multipath_strategy is not Multipath.CLASSIC:
        _check_multipath(config)
    _check_ports(config)
    _check_sockets(config)


def _check_ports(config: TraceConfig) -> None:
    protocol, multipath = config.protocol, config.multipath_strategy
    if config.target_port is None and config.source_port is None:
        return
    if protocol is None:
        raise ConfigError("a port needs a protocol: add protocol='udp' or protocol='tcp'")
    if protocol is Protocol.ICMP:
        raise ConfigError("ICMP has no ports: leave out source_port and target_port, or use udp or tcp")
    both = config.target_port is not None and config.source_port is not None
    if both and multipath is Multipath.CLASSIC:
        others = "paris" if protocol is Protocol.TCP else "paris or dublin"
        raise ConfigError(
            f"{protocol} {multipath} numbers its probes by a port, so only one of source_port and "
            f"target_port can be fixed: leave one out, or use multipath_strategy {others}"
        )


def _check_multipath(config: TraceConfig) -> None:
    multipath, protocol = config.multipath_strategy, config.protocol
    if protocol is None:
        raise ConfigError(f"multipath_strategy {multipath} needs a protocol: add protocol='udp'")
    if multipath is Multipath.DUBLIN and protocol is not Protocol.UDP:
        raise ConfigError(
            f"multipath_strategy dublin is for UDP, not {protocol}: use paris, or protocol='udp'"
        )
    able = _PARIS_BY[protocol]
    if config.mode not in (None, *able):
        raise ConfigError(
            f"multipath_strategy {multipath} by {protocol} is for {_PARIS_WORDS[protocol]}, not mode "
            f"{config.mode}: leave out mode, or use classic"
        )
    if config.initial_sequence == 0:
        raise ConfigError(f"initial_sequence must be at least 1 with multipath_strategy {multipath}")


_PARIS_BY = {
    Protocol.ICMP: (SocketMode.RAW, SocketMode.DATAGRAM),
    Protocol.UDP: (SocketMode.RAW, SocketMode.ERROR_QUEUE),
    Protocol.TCP: (SocketMode.RAW,),
}
_PARIS_WORDS = {
    Protocol.ICMP: "raw and datagram sockets",
    Protocol.UDP: "raw sockets and the error queue",
    Protocol.TCP: "raw sockets",  # a connecting socket does not choose its sequence number
}
_MODE_IS_FOR = {
    SocketMode.ERROR_QUEUE: Protocol.UDP,
    SocketMode.DATAGRAM: Protocol.ICMP,
    SocketMode.CONNECT: Protocol.TCP,
    SocketMode.ICMP_API: Protocol.ICMP,
}
_WITHOUT_PRIVILEGE = {
    Protocol.ICMP: SocketMode.DATAGRAM,
    Protocol.UDP: SocketMode.ERROR_QUEUE,
    Protocol.TCP: SocketMode.CONNECT,
}


def _check_sockets(config: TraceConfig) -> None:
    mode, protocol = config.mode, config.protocol
    if config.unprivileged and mode is SocketMode.RAW:
        raise ConfigError("mode 'raw' needs privilege, but unprivileged was asked for: leave one out")
    only = _MODE_IS_FOR.get(mode) if mode is not None else None
    if only is not None and protocol not in (None, only):
        raise ConfigError(
            f"mode '{mode}' is for {only.upper()}; {protocol.upper()} without privilege is mode "
            f"'{_WITHOUT_PRIVILEGE[protocol]}'"
        )
    if mode is SocketMode.MTR_PACKET and config.source_port is not None and protocol is Protocol.TCP:
        raise ConfigError("mtr-packet chooses the source ports of TCP itself: leave out source_port")


def check_family(config: TraceConfig, af: int) -> None:
    """Check what depends on the address family, once the target is known.

    Raises
    ------
    ConfigError
        If the packet is too small for IPv6, or the source address is of the other family.
    """
    smallest = 48 if af == 6 else 28  # noqa: PLR2004 - Trippy's limits: IP header + 8
    if config.protocol is Protocol.UDP and config.multipath_strategy is Multipath.PARIS:
        smallest += 2  # the two bytes that make the checksum come out as the number
    if config.packet_size < smallest:
        raise ConfigError(f"packet_size {config.packet_size} is too small here: at least {smallest} bytes")
    if config.source_address is not None:
        source_af = 6 if ":" in normalise_address(config.source_address) else 4
        if source_af != af:
            raise ConfigError(
                f"source_address {config.source_address} is IPv{source_af}, but the target is IPv{af}"
            )
