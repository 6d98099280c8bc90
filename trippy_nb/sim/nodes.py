"""What a scenario says of machines and of the links between them, as frozen values (docs/scenarios.md)."""

from dataclasses import dataclass, field
from typing import Literal

from trippy_nb.sim.delays import NO_DELAY, Delay
from trippy_nb.sim.specs import Nat, Rewrite

SOURCE = "source"
"""What routes and links call the machine that probes."""

Quote = Literal["full", "short"] | int
"""How much of a packet an error returns; a number is bytes."""
Filter = Literal["prohibited", "host-unreachable", "no-route", "drop"]
EchoBehaviour = Literal["answers", "silent"]
UdpBehaviour = Literal["closed", "open", "filtered", "answers"]
TcpBehaviour = Literal["closed", "open", "filtered", "both"]
Balance = Literal["flow", "packet", "destination"]
HashField = Literal["addresses", "protocol", "ports", "flow_label", "tos", "icmp_id"]
AnswersFrom = Literal["incoming", "own", "outgoing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the probes come from."""

    name: str = "source.example"
    v4: str | None = None
    v6: str | None = None

    def address(self, af: int) -> str | None:
        """The one address of a family."""
        return self.v4 if af == 4 else self.v6  # noqa: PLR2004 - IP version


@dataclass(frozen=True, slots=True)
class Reorder:
    """Some packets come later than those behind them."""

    chance: float
    """How often (0 to 1)."""
    by_ns: int
    """How much later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSpec:
    """What crossing a link does to a packet. One way each; the way back is drawn anew."""

    delay: Delay = NO_DELAY
    delay_back: Delay | None = None
    """None: distributed as on the way out."""
    loss: float = 0.0
    """Share of packets that vanish on the way out (0 to 1)."""
    loss_back: float = 0.0
    """Share of answers that vanish on the way back (0 to 1)."""
    duplicate: float = 0.0
    """Share of packets that arrive twice."""
    duplicate_back: float = 0.0
    reorder: Reorder | None = None
    reorder_back: Reorder | None = None
    mtu: int | None = None
    """Largest packet on the way out, bytes; None is any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A host that can be traced, under a name and any number of addresses."""

    name: str
    v4: tuple[str, ...] = ()
    v6: tuple[str, ...] = ()
    link: LinkSpec = field(default_factory=LinkSpec)
    icmp: EchoBehaviour = "answers"
    udp: UdpBehaviour = "closed"
    udp_open: tuple[int, ...] = ()
    tcp: TcpBehaviour = "closed"
    tcp_open: tuple[int, ...] = ()
    answers_from_v4: str | None = None
    """Address it answers from, whichever was asked; None is the one that was asked."""
    answers_from_v6: str | None = None
    anycast: bool = False
    """Others may own its addresses as well."""
    answer_delay: Delay = NO_DELAY
    answer_ratio: float = 1.0
    copies: int = 1
    """How many of each answer it sends."""
    quote: Quote = "full"
    reply_ttl: int = 64

    @property
    def id(self) -> str:
        """Its name among the nodes."""
        return self.name

    def addresses(self, af: int) -> tuple[str, ...]:
        """All addresses of a family."""
        return self.v4 if af == 4 else self.v6  # noqa: PLR2004 - IP version

    def answer_address(self, af: int) -> str | None:
        """Address it answers from; None is the one that was asked."""
        return self.answers_from_v4 if af == 4 else self.answers_from_v6  # noqa: PLR2004 - IP version


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketLimit:
    """A token bucket: so many answers a second, and a burst."""

    rate: float
    """Answers a second."""
    burst: int
    scope: Literal["source", "global"] = "global"
    """One bucket for each host that is answered, or one for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinuxLimit:
    """Linux's two buckets: one for all, and one for each host that is answered."""

    interval_ns: int = 1_000_000_000
    """net.ipv4.icmp_ratelimit: time between two answers to one host."""
    peer_burst: int = 6
    msgs_per_sec: int = 1000
    """net.ipv4.icmp_msgs_per_sec."""
    msgs_burst: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowLimit:
    """So many answers in each interval, counted anew at its beginning."""

    count: int
    every_ns: int = 1_000_000_000


Limit = BucketLimit | LinuxLimit | WindowLimit


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """A machine that forwards, and says so when a packet's TTL ends at it."""

    id: str
    name: str | None = None
    """Host name of its addresses; None where a reverse look-up finds nothing."""
    v4: str | None = None
    v6: str | None = None
    link: LinkSpec = field(default_factory=LinkSpec)
    silent: bool = False
    answer_delay: Delay = NO_DELAY
    """Time it takes to write an answer itself; packets passing through do not wait for it."""
    answer_ratio: float = 1.0
    """Share of expired packets that it bothers to answer (0 to 1)."""
    limit: Limit | None = None
    copies: int = 1
    """How many of each answer it sends."""
    quote: Quote = "full"
    reply_ttl: int = 255
    answers_from: AnswersFrom = "incoming"
    interfaces: bool = False
    """Its errors tell of the interface a packet came by (RFC 5837)."""
    extension_length: bool = True
    """Errors with extensions state the length of the quote (RFC 4884); False is older."""
    filter: Filter | None = None
    filter_protocols: tuple[str, ...] = ("icmp", "udp", "tcp")
    balance: Balance = "flow"
    hash: tuple[HashField, ...] = ("addresses", "protocol", "ports")
    zero_ttl: bool = False
    """Forwards a packet whose TTL has become 0."""
    nat: Nat | None = None
    nat64: str | None = None
    """Prefix of the addresses of routers behind it, on the way of IPv6."""
    rewrite: Rewrite | None = None
    mtu_silent: bool = False
    """Drops what is too large without a word."""
    mtu_old: bool = False
    """Says that a packet is too large, but not what would fit."""

    def address(self, af: int) -> str | None:
        """Its own address, whatever the interface."""
        return self.v4 if af == 4 else self.v6  # noqa: PLR2004 - IP version


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link of its own: where the way into a router depends on where one comes from."""

    ends: tuple[str, str]
    """Node nearer to the source, node farther away."""
    link: LinkSpec = field(default_factory=LinkSpec)
    v4: str | None = None
    """Address of the farther node's interface."""
    v6: str | None = None
    near_v4: str | None = None
    """Address of the nearer node's interface."""
    near_v6: str | None = None
    interface: str | None = None
    """Name of the farther node's interface."""
    ifindex: int | None = None

    def address(self, af: int) -> str | None:
        """Address of the farther node's interface."""
        return self.v4 if af == 4 else self.v6  # noqa: PLR2004 - IP version

    def near_address(self, af: int) -> str | None:
        """Address of the nearer node's interface."""
        return self.near_v4 if af == 4 else self.near_v6  # noqa: PLR2004 - IP version
