"""The seams between the engine and the world: `Channel`, and `Network` that opens one.

A channel speaks probes and replies, not datagrams, because the worlds differ in who builds the
headers. It sends and receives whole windows: each call gives up the interpreter lock once, and
beside a computing notebook cell getting it back costs about 5 ms, so one call a probe would cost rounds.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from trippy_nb.model import Choice, Foreign, Plan, Probe, Reply, SendReceipt, Stamped, Target, TraceConfig
from trippy_nb.tracing.clock import Clock

if TYPE_CHECKING:
    from trippy_nb.lifetimes import Vault

Arrival = Stamped | Reply | Foreign


class Channel(Protocol):
    """Probes out, answers in. Whoever opened it closes it; there is no close here."""

    def send(self, probes: Sequence[Probe]) -> Sequence[SendReceipt]:
        """Send a window of probes; one receipt each, in order.

        A probe the operating system refuses has its errno in the receipt. A full socket buffer
        (ENOBUFS, EAGAIN) is tried again a bounded number of times first.

        Raises
        ------
        ChannelBrokenError
            If the channel itself failed, so that no later probe can leave either.
        """

    def receive(self, until_ns: int) -> Sequence[Arrival]:
        """Wait until something arrives or `until_ns` (monotonic) has come; return all that is here.

        It may return early with nothing: no single wait is longer than the read time-out, so that
        Stop is looked at. With `until_ns` in the past it drains what is here, without waiting.
        """


class Network(Protocol):
    """A world that packets can be sent into: the operating system's, or the built-in internet."""

    @property
    def clock(self) -> Clock:
        """The clock of this world."""

    @property
    def name(self) -> str:
        """What `runs.vantage` says."""

    @property
    def parallel(self) -> bool:
        """Whether traces may run side by side (the built-in internet has one clock: they may not)."""

    def resolve(self, name: str, config: TraceConfig) -> Sequence[Target]:
        """Find the addresses of a name or address, best first.

        Raises
        ------
        ResolveError
            If there is none of the family asked for, or no answer within `dns_timeout`.
        """

    def choose(self, target: Target, config: TraceConfig) -> Choice:
        """Decide on protocol, kind of socket and source address; nothing stays open.

        Raises
        ------
        PrivilegeError
            If this process may not do what was asked; the message says what would help.
        ConfigError
            If the source address or the interface is not usable for this target.
        """

    def run_uuid(self, target: Target, config: TraceConfig, purpose: object = None) -> str:
        """Name the next run.

        Random in the live world; in the built-in internet uuid5 of scenario, seed, virtual time and
        configuration, so that the same run is the same bytes.
        """

    def reverse(self, addr: str, config: TraceConfig) -> str | None:
        """Host name of an address, or None; may block for `dns_timeout`, so never called by a trace."""

    def open(self, plan: Plan, vault: "Vault") -> Channel:
        """Open a channel whose handles belong to `vault`. Called on the vault's thread."""
