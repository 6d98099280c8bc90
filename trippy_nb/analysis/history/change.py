"""One change, as one flow showed it."""

from dataclasses import dataclass

from trippy_nb.frames.answers import CHANGE_KINDS

REROUTE, FLAP, RESAMPLED, MOVED, APPEARED, VANISHED, SILENCE = CHANGE_KINDS
Addrs = tuple[str | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one series went over from, and to."""

    kind: str
    series: int
    first: int
    """First observation of the new path."""
    last: int
    """Last observation of the old one."""
    before: Addrs
    after: Addrs
    n_before: int
    n_after: int
    epoch: int | None = None
    first_ttl: int | None = None
    last_ttl: int | None = None
    edits: int | None = None
    length: int | None = None
