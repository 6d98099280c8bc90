"""The closed vocabularies: every word that a column or an option may hold.

The order of :class:`Status`, :class:`ReplyKind`, :class:`Match` and :class:`RttSource` is the code
that the recorder stores (one byte), so new words go to the end.
"""

from enum import IntEnum, StrEnum


class Protocol(StrEnum):
    """What a probe is made of."""

    ICMP = "icmp"
    UDP = "udp"
    TCP = "tcp"


class Multipath(StrEnum):
    """How a probe tells its number without changing (or while changing) its flow."""

    CLASSIC = "classic"
    PARIS = "paris"
    DUBLIN = "dublin"


class AddrFamily(StrEnum):
    """Which address family a name is resolved to."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"
    IPV4_THEN_IPV6 = "ipv4-then-ipv6"
    IPV6_THEN_IPV4 = "ipv6-then-ipv4"
    SYSTEM = "system"


class ResolveMethod(StrEnum):
    """Who answers for host names."""

    SYSTEM = "system"
    RESOLV = "resolv"


class SocketMode(StrEnum):
    """How packets leave and answers come back."""

    RAW = "raw"
    ERROR_QUEUE = "error-queue"
    DATAGRAM = "datagram"
    CONNECT = "connect"
    """TCP without privilege: a connection attempt a probe, its errors from the socket's error queue."""
    ICMP_API = "icmp-api"
    """Windows: the operating system sends the echo itself."""
    MTR_PACKET = "mtr-packet"
    """A privileged helper of mtr sends, over a pipe."""
    SIM = "sim"


class Word(IntEnum):
    """A byte in a record, a word in a table."""

    @property
    def word(self) -> str:
        """The word as tables spell it."""
        return self.name.lower()

    @classmethod
    def words(cls) -> tuple[str, ...]:
        """All words, in the order of their codes, which start at 0 without a gap."""
        return tuple(member.word for member in cls)


class Status(Word):
    """What became of a probe. Only `TIMEOUT` is loss of an answer."""

    REPLY = 0
    LATE = 1  # answered after its round or its time-out: answered, with its RTT
    TIMEOUT = 2
    IN_FLIGHT = 3  # neither answered nor expired when the table was made
    BEYOND_TARGET = 4  # sent past the target, before the target's distance was known
    SEND_ERROR = 5  # the operating system refused it; see errno
    NOT_SENT = 6  # wanted, but the trace ended first


ANSWERED = (Status.REPLY.word, Status.LATE.word)
SETTLED = (*ANSWERED, Status.TIMEOUT.word)
"""Words of probes whose fate is known: what a hop table counts as sent."""


class ReplyKind(Word):
    """How a packet that came back relates to the probes."""

    FIRST = 0
    DUP = 1
    LATE = 2  # first answer to its probe, but after its round or its time-out
    UNMATCHED = 3  # looks like an answer to this run, but to none of its probes


class Match(Word):
    """How strongly a reply is tied to its probe."""

    TOKEN = 0  # a value that only this run knows came back
    HEADER = 1  # several header fields agree, none contradicts
    PORT_ONLY = 2  # the number alone came back


class RttSource(Word):
    """Which clocks an RTT was taken from, best first."""

    KERNEL = 0  # kernel transmit and receive stamps
    KERNEL_RX = 1  # user-space send time, kernel receive stamp
    KERNEL_TCP = 2  # TCP_INFO
    USER = 3  # monotonic clock at both ends
    SIMULATED = 4
    IMPORTED = 5
    HELPER = 6  # the clocks of a helper program

    @property
    def word(self) -> str:
        """The word as tables spell it, with hyphens: ``kernel-rx``."""
        return self.name.lower().replace("_", "-")


class EndReason(StrEnum):
    """Why a trace ended (what it found is the outcome, another column)."""

    ROUNDS = "rounds"
    DURATION = "duration"
    ON_ROUND = "on_round"  # the caller's callback said so
    INTERRUPTED = "interrupted"
    ERROR = "error"
    COMPLETE = "complete"  # nothing more was to be found
    BUDGET = "budget"  # all probes that were allowed are spent


class Outcome(StrEnum):
    """What became of the path."""

    REACHED = "reached"
    DESTINATION_SILENT = "destination_silent"
    FILTERED = "filtered"  # an ICMP prohibition or unreachable on the way
    NOTHING = "nothing"  # no answer at all
    LOOP = "loop"  # packets went in circles until their TTL ended
