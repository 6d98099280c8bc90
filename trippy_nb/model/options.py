"""The one table of options: Python keyword, command line, Trippy's name, type, default, limits.

`TraceConfig`, the command line, the docs page and the docstring of ``trace`` are made from it or
checked against it. Names, defaults and limits are Trippy's unless the row says otherwise.
"""

from dataclasses import dataclass
from typing import Literal

from trippy_nb.model.kinds import AddrFamily, Multipath, Protocol, ResolveMethod, SocketMode

Kind = Literal["int", "duration", "bool", "choice", "text", "ints"]

MAX_TTL = 254
MAX_SEQUENCE_PER_ROUND = 512  # slots a round, as in Trippy (trippy-core constants.rs)
MAX_INITIAL_SEQUENCE = 0xFFFF - 2 * MAX_SEQUENCE_PER_ROUND


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of a trace."""

    name: str
    """Python keyword, and field of `TraceConfig`."""
    flags: tuple[str, ...]
    """Spellings on the command line, short first; empty if it has none."""
    kind: Kind
    default: object
    help: str
    """One line: what it does, and what it is for."""
    group: str
    """Heading on the help page."""
    unit: str = ""
    low: float | None = None
    high: float | None = None
    """Inclusive limits, in the unit of the Python keyword."""
    choices: tuple[str, ...] = ()
    trippy: str | None = None
    """Trippy's long option; None where Trippy has none."""
    aliases: tuple[str, ...] = ()
    """Other Python keywords that mean the same."""
    since: str = "0.1"
    auto: str = ""
    """What None stands for."""


def _choice(enum: type) -> tuple[str, ...]:
    return tuple(str(member) for member in enum)  # type: ignore[attr-defined]  # StrEnum classes iterate


_PROBE, _TARGET, _TIME, _SOCKET, _NAMES, _KEEP = (
    "Probes",
    "Target and addresses",
    "Rounds and time",
    "Sockets",
    "Names",
    "What is kept",
)

OPTIONS: tuple[Option, ...] = (
    Option(
        name="protocol",
        flags=("-p", "--protocol"),
        kind="choice",
        default=None,
        choices=_choice(Protocol),
        auto="icmp if this process may, else udp",
        group=_PROBE,
        trippy="protocol",
        help="Protocol of the probes. One that is named is never swapped for another.",
    ),
    Option(
        name="multipath_strategy",
        flags=("-R", "--multipath-strategy"),
        kind="choice",
        default="classic",
        choices=_choice(Multipath),
        aliases=("multipath",),
        group=_PROBE,
        trippy="multipath-strategy",
        help="How probes are numbered: classic may change the flow with each, paris and dublin keep it.",
    ),
    Option(
        name="target_port",
        flags=("-P", "--target-port"),
        kind="int",
        default=None,
        low=1,
        high=65535,
        auto="80 for TCP, varies for UDP",
        group=_PROBE,
        trippy="target-port",
        help="Target port of UDP and TCP probes.",
    ),
    Option(
        name="source_port",
        flags=("-S", "--source-port"),
        kind="int",
        default=None,
        low=1024,
        high=65535,
        auto="chosen for each run for UDP, varies for TCP",
        group=_PROBE,
        trippy="source-port",
        help="Source port of UDP and TCP probes.",
    ),
    Option(
        name="first_ttl",
        flags=("-f", "--first-ttl"),
        kind="int",
        default=1,
        low=1,
        high=MAX_TTL,
        group=_PROBE,
        trippy="first-ttl",
        help="TTL to start from.",
    ),
    Option(
        name="max_ttl",
        flags=("-t", "--max-ttl"),
        kind="int",
        default=64,
        low=1,
        high=MAX_TTL,
        group=_PROBE,
        trippy="max-ttl",
        help="Largest TTL to send.",
    ),
    Option(
        name="ttls",
        flags=("--ttls",),
        kind="ints",
        default=None,
        low=1,
        high=MAX_TTL,
        auto="every TTL from first to max",
        group=_PROBE,
        help="Send these TTLs only, such as 11,12,16.",
    ),
    Option(
        name="max_inflight",
        flags=("-U", "--max-inflight"),
        kind="int",
        default=24,
        low=1,
        high=255,
        group=_PROBE,
        trippy="max-inflight",
        help="How many TTLs past the farthest answer may be under way.",
    ),
    Option(
        name="gap_limit",
        flags=("--gap-limit",),
        kind="int",
        default=None,
        low=1,
        high=255,
        auto="no limit",
        group=_PROBE,
        help="Go no further in a round than this many unanswered TTLs past the farthest answer of the run.",
    ),
    Option(
        name="initial_sequence",
        flags=("--initial-sequence",),
        kind="int",
        default=33434,
        low=0,
        high=MAX_INITIAL_SEQUENCE,
        group=_PROBE,
        trippy="initial-sequence",
        help="Number of the first probe; also the first varying port.",
    ),
    Option(
        name="packet_size",
        flags=("--packet-size",),
        kind="int",
        default=84,
        low=28,
        high=1024,
        unit="bytes",
        group=_PROBE,
        trippy="packet-size",
        help="Size of the whole IP packet (at least 48 for IPv6).",
    ),
    Option(
        name="payload_pattern",
        flags=("--payload-pattern",),
        kind="int",
        default=0,
        low=0,
        high=255,
        group=_PROBE,
        trippy="payload-pattern",
        help="Byte that fills the payload.",
    ),
    Option(
        name="tos",
        flags=("-Q", "--tos"),
        kind="int",
        default=0,
        low=0,
        high=255,
        group=_PROBE,
        trippy="tos",
        help="IPv4 type of service, or IPv6 traffic class, of the probes.",
    ),
    Option(
        name="trace_identifier",
        flags=("--trace-identifier",),
        kind="int",
        default=None,
        low=1,
        high=65535,
        auto="chosen for each run",
        group=_PROBE,
        help="ICMP identifier. 0 is not allowed: an unrelated echo with it would be credited.",
    ),
    Option(
        name="addr_family",
        flags=("-F", "--addr-family"),
        kind="choice",
        default="system",
        choices=_choice(AddrFamily),
        group=_TARGET,
        trippy="addr-family",
        help="Address family a name is resolved to.",
    ),
    Option(
        name="source_address",
        flags=("-A", "--source-address"),
        kind="text",
        default=None,
        auto="the one the routing table picks",
        group=_TARGET,
        trippy="source-address",
        help="Source address of the probes; must be this machine's own.",
    ),
    Option(
        name="interface",
        flags=("-I", "--interface"),
        kind="text",
        default=None,
        auto="any",
        group=_TARGET,
        trippy="interface",
        help="Send and receive through this interface only (or this VRF), from an address of its own.",
    ),
    Option(
        name="fwmark",
        flags=("--fwmark", "--mark"),
        kind="int",
        default=None,
        low=0,
        high=0xFFFFFFFF,
        auto="no mark",
        group=_TARGET,
        help="Mark probes for policy routing, as SO_MARK does (mtr's --mark); Linux, needs CAP_NET_ADMIN.",
    ),
    Option(
        name="rounds",
        flags=("-C", "--report-cycles", "--rounds"),
        kind="int",
        default=10,
        low=1,
        high=1_000_000_000,
        group=_TIME,
        trippy="report-cycles",
        aliases=("report_cycles",),
        auto="until stopped",
        help="How many rounds to trace; None (0 on the command line) goes on until stopped.",
    ),
    Option(
        name="duration",
        flags=("--duration",),
        kind="duration",
        default=None,
        low=0.001,
        high=31_536_000.0,
        unit="s",
        auto="no limit",
        group=_TIME,
        help="End after this time, whatever the round.",
    ),
    Option(
        name="min_round_duration",
        flags=("-i", "--min-round-duration"),
        kind="duration",
        default=1.0,
        low=0.0,
        high=3600.0,
        unit="s",
        group=_TIME,
        trippy="min-round-duration",
        help="A round lasts at least this long (the last one ends with its last answer).",
    ),
    Option(
        name="max_round_duration",
        flags=("-T", "--max-round-duration"),
        kind="duration",
        default=1.0,
        low=0.001,
        high=3600.0,
        unit="s",
        group=_TIME,
        trippy="max-round-duration",
        help="A round lasts at most this long.",
    ),
    Option(
        name="grace_duration",
        flags=("-g", "--grace-duration"),
        kind="duration",
        default=0.1,
        low=0.01,
        high=1.0,
        unit="s",
        group=_TIME,
        trippy="grace-duration",
        help="How long to wait for what is outstanding after the target and the latest answer.",
    ),
    Option(
        name="probe_timeout",
        flags=("--probe-timeout",),
        kind="duration",
        default=2.0,
        low=0.01,
        high=60.0,
        unit="s",
        group=_TIME,
        help="A probe without an answer for this long is a time-out; rounds go on meanwhile.",
    ),
    Option(
        name="read_timeout",
        flags=("--read-timeout",),
        kind="duration",
        default=0.01,
        low=0.01,
        high=0.1,
        unit="s",
        group=_TIME,
        trippy="read-timeout",
        help="Longest single wait on a socket; Stop is looked at after each.",
    ),
    Option(
        name="mode",
        flags=("--socket-mode",),
        kind="choice",
        default=None,
        choices=tuple(mode for mode in _choice(SocketMode) if mode != SocketMode.SIM),
        auto="raw if allowed, else what needs no privilege",
        group=_SOCKET,
        help="Kind of socket to use.",
    ),
    Option(
        name="unprivileged",
        flags=("-u", "--unprivileged"),
        kind="bool",
        default=False,
        group=_SOCKET,
        trippy="unprivileged",
        help="Use only what needs no privilege, even where more is allowed.",
    ),
    Option(
        name="icmp_extensions",
        flags=("-e", "--icmp-extensions"),
        kind="bool",
        default=False,
        group=_KEEP,
        trippy="icmp-extensions",
        help="Show MPLS labels and other ICMP extensions in hop tables (they are always recorded).",
    ),
    Option(
        name="dns",
        flags=("--dns/--no-dns",),
        kind="bool",
        default=True,
        group=_NAMES,
        help="Look up the names of hops, in the background, for card and table.",
    ),
    Option(
        name="dns_resolve_method",
        flags=("-r", "--dns-resolve-method"),
        kind="choice",
        default="system",
        choices=_choice(ResolveMethod),
        group=_NAMES,
        trippy="dns-resolve-method",
        help="Who answers for names: the system's resolver, or the servers in /etc/resolv.conf.",
    ),
    Option(
        name="dns_resolve_all",
        flags=("-y", "--dns-resolve-all"),
        kind="bool",
        default=False,
        group=_NAMES,
        trippy="dns-resolve-all",
        help="Trace every address of the target's name.",
    ),
    Option(
        name="dns_timeout",
        flags=("--dns-timeout",),
        kind="duration",
        default=5.0,
        low=0.01,
        high=60.0,
        unit="s",
        group=_NAMES,
        trippy="dns-timeout",
        help="Longest wait for a name.",
    ),
    Option(
        name="dns_ttl",
        flags=("--dns-ttl",),
        kind="duration",
        default=300.0,
        low=0.0,
        high=86_400.0,
        unit="s",
        group=_NAMES,
        trippy="dns-ttl",
        help="How long a looked-up name is remembered.",
    ),
    Option(
        name="max_samples",
        flags=("-s", "--max-samples"),
        kind="int",
        default=None,
        low=1,
        high=100_000_000,
        auto="every round of a bounded run, the newest 256 of an open-ended one",
        group=_KEEP,
        trippy="max-samples",
        help="Keep the probes of this many newest rounds.",
    ),
    Option(
        name="keep_packets",
        flags=("--keep-packets/--no-keep-packets",),
        kind="bool",
        default=True,
        group=_KEEP,
        help="Keep the bytes of probes and answers, up to 16 MB a run.",
    ),
)

BY_NAME: dict[str, Option] = {option.name: option for option in OPTIONS}
