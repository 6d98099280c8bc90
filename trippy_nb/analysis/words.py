"""The words of a comparison: one line that says what was found, on what it rests, or what is lacking."""

from dataclasses import dataclass
from math import isfinite
from typing import Any

from trippy_nb.analysis.align import Place

SAME = "same"
CHANGED = "changed"
CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class PathFinding:
    """What was found about the paths."""

    verdict: str
    reason: str = ""
    rounds_needed: int | None = None
    hops: int = 0
    """Places with a common responder."""
    flows: int = 1
    first: tuple[Place | None, Place | None] | None = None
    """The first place that differs."""
    differing: int = 0


@dataclass(frozen=True, slots=True)
class RttFinding:
    """What was found about the round-trip time."""

    verdict: str
    reason: str = ""
    rounds_needed: int | None = None
    row: dict[str, Any] | None = None
    """The row of the `rtt` frame that decided."""


def overall(path: str, rtt: str) -> str:
    """Join two verdicts: a change is a change; what cannot be told is not the same."""
    if CHANGED in (path, rtt):
        return CHANGED
    return CANNOT_TELL if CANNOT_TELL in (path, rtt) else SAME


def say(verdict: str, path: PathFinding, rtt: RttFinding, notes: tuple[str, ...]) -> str:
    """Write the sentence."""
    head = {SAME: "Same", CHANGED: "Changed", CANNOT_TELL: "Cannot tell"}[verdict]
    if path.verdict == rtt.verdict == CANNOT_TELL and path.reason == rtt.reason:
        body = path.reason
    else:
        body = f"{_path_words(path)}; {_rtt_words(rtt)}"
    aside = f" ({', '.join(notes)})" if notes else ""
    return f"{head}: {body}{aside}."


def _path_words(path: PathFinding) -> str:
    if path.verdict == SAME:
        if path.flows > 1:
            return f"the paths of {path.flows} flows are the same"
        return f"the path is the same ({path.hops} common hop{'s' if path.hops != 1 else ''})"
    if path.verdict == CANNOT_TELL:
        return f"whether the path changed is open: {path.reason}{_needed(path.rounds_needed)}"
    if path.first is None:
        return "the path changed: its hops answer in other shares"
    here, there = path.first
    where = here or there
    assert where is not None
    more = f", and {path.differing - 1} more" if path.differing > 1 else ""
    if here is None:
        return f"the path has a new hop {where.ttl}, {where.ranked[0]}{more}"
    if there is None:
        return f"the path lost hop {where.ttl}, {where.ranked[0]}{more}"
    return f"the path changed at hop {where.ttl} from {here.ranked[0]} to {there.ranked[0]}{more}"


def _rtt_words(rtt: RttFinding) -> str:
    row = rtt.row
    if row is None:
        return f"whether the round-trip time changed is open: {rtt.reason}"
    to = f"the round-trip time to {row['addr']}"
    numbers = f"n = {row['a_n']} and {row['b_n']}"
    if isfinite(row["low_ms"]) and isfinite(row["high_ms"]):
        ends = f"{row['low_ms']:+.2f} to {row['high_ms']:+.2f}"
        numbers = f"shift {row['shift_ms']:+.2f} ms, interval {ends}, {numbers}"
    if rtt.verdict == SAME:
        return f"{to} is the same within {row['margin_ms']:.3g} ms ({numbers})"
    if rtt.verdict == CANNOT_TELL:
        return f"whether {to} changed is open ({numbers}){_needed(rtt.rounds_needed)}"
    longer = "longer" if row["shift_ms"] > 0 else "shorter"
    return f"{to} is {abs(row['shift_ms']):.3g} ms {longer} ({numbers})"


def _needed(rounds: int | None) -> str:
    return "" if rounds is None else f"; about {rounds} rounds of each would tell"
