"""A trace under way, as a live view and its pump see it."""

from collections.abc import Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from trippy_nb.frames import Few, Mark, Recent, Tables


class Traced(Protocol):
    """A trace under way."""

    def advance(self, timeout_s: float) -> bool:
        """Wait a little; tell whether it is over."""

    def stop(self, *, by: str = "stop()") -> None:
        """End it; everything is closed when this returns."""

    def request_stop(self, *, by: str = "stop()") -> None:
        """Ask it to end, and do not wait."""

    @property
    def has_begun(self) -> bool:
        """There is something to look at."""

    def recent(self, since: "Mark") -> "Recent | Few":
        """Look at the probes from a mark on."""

    def tables(self) -> "Tables":
        """Return the tables so far."""

    def names(self) -> Mapping[str, str]:
        """Return the host names known by now."""

    def words(self) -> str:
        """Say how far it is: for the status line."""


class Urgency(IntEnum):
    """How soon the picture of the path should be made anew: its cost times this is how long it may wait."""

    NOW = 0
    """Nothing is there."""
    NEWS = 10
    """A hop, a link or a name is missing: a tenth of a processor, while that goes on."""
    BEHIND = 50
    """A probe was answered late."""
    NONE = 200
    """Only numbers are old that the browser does not compute: half a percent of a processor."""
