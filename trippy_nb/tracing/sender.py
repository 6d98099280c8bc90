"""What the driver asks of whoever decides what to send: rounds, a discovery of paths, a search for an MTU."""

from collections.abc import Sequence
from typing import Protocol

from trippy_nb.model import EndReason, ProbeFailed, ProbeSent, Reply, ReplyReceived, SendReceipt
from trippy_nb.tracing.actions import Action


class Sender(Protocol):
    """Decides what to send and when, without I/O and without a clock: `Strategy` makes Trippy's rounds."""

    @property
    def deadline_ns(self) -> int:
        """When time alone will make `next_action` decide something."""

    def next_action(self, now_ns: int) -> Action:
        """Decide what to do now (monotonic time)."""

    def on_sent(self, receipts: Sequence[SendReceipt]) -> Sequence[ProbeSent | ProbeFailed]:
        """Take the receipts of what was to be sent; return the events to record, in order."""

    def on_reply(self, reply: Reply, at_ns: int) -> ReplyReceived:
        """Judge a reply that arrived at a monotonic time, and learn from it."""

    def request_end(self, reason: EndReason) -> None:
        """Ask for the end: at once for INTERRUPTED and ERROR, else after what is outstanding."""

    def give_up(self) -> Sequence[ProbeFailed]:
        """Report the probes that were to be issued again as refused, at the end."""
