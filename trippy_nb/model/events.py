"""What the engine tells the recorder. Plain facts; the union `Event` is closed."""

from dataclasses import dataclass

from trippy_nb.model.kinds import EndReason, Match, ReplyKind
from trippy_nb.model.probe import Probe, SendReceipt, Stamped
from trippy_nb.model.reply import Foreign, Reply


@dataclass(frozen=True, slots=True)
class ProbeSent:
    """A probe left."""

    probe: Probe
    receipt: SendReceipt


@dataclass(frozen=True, slots=True)
class ProbeFailed:
    """The operating system refused a probe (`receipt.errno`), for good."""

    probe: Probe
    receipt: SendReceipt


@dataclass(frozen=True, slots=True)
class ReplyReceived:
    """A reply was judged. `probe` is None if, and only if, its kind is UNMATCHED."""

    reply: Reply
    probe: Probe | None
    kind: ReplyKind
    match: Match | None
    from_target: bool
    """The answer shows that its probe reached the target."""


@dataclass(frozen=True, slots=True)
class ForeignSeen:
    """Somebody else's packet came by."""

    foreign: Foreign


@dataclass(frozen=True, slots=True)
class ClockSampled:
    """The two clocks, read together."""

    mono_ns: int
    offset_ns: int
    """Wall minus monotonic."""
    error_ns: int
    """The reading is not off by more than this."""


@dataclass(frozen=True, slots=True)
class FlowOpened:
    """A flow was first used. A port or field of None varies from probe to probe."""

    flow: int
    sport: int | None
    dport: int | None
    icmp_id: int | None
    icmp_checksum: int | None
    flow_label: int | None


@dataclass(frozen=True, slots=True)
class RoundEnded:
    """A round is over (replies to its probes may still come, and are late then)."""

    round: int
    started_ns: int
    at_ns: int
    target_ttl: int | None
    """TTL at which the target answered, as known at the end of this round."""
    largest_ttl: int
    """Last TTL worth showing: the target's, or one past the farthest answer."""


@dataclass(frozen=True, slots=True)
class TraceEnded:
    """The strategy will do nothing more; probes without an answer have expired, or never will."""

    at_ns: int
    reason: EndReason


Event = (
    ProbeSent
    | ProbeFailed
    | Stamped
    | ReplyReceived
    | ForeignSeen
    | ClockSampled
    | FlowOpened
    | RoundEnded
    | TraceEnded
)
