"""What each flow showed, hop by hop, and over how many routers its answers came back.

Nobody knows the TTL an answer started with; nearly all systems use 32, 64, 128 or 255. The nearest of these
above is the guess, and the difference the number of routers on the way back.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from trippy_nb.analysis.evidence.statement import OneRun

_STARTS = (32, 64, 128, 255)
_FARTHEST = 40  # a way back of more routers would be unheard of: the guess is wrong. Our choice.


@dataclass(frozen=True, slots=True)
class Hop:
    """What a flow showed at one TTL, most of the time."""

    ttl: int
    addr: str
    q_ttl: int
    """-1 where it is not known."""
    back: int | None
    """Routers that its answers came back over, as `way_back` guesses; None where it cannot."""
    labels: tuple[tuple[int, int], ...]
    """(label, TTL) of the stack, outermost first."""
    rtt_ms: float
    expired: bool
    """It said Time Exceeded, and is not the target."""


def hops_of(run: OneRun) -> dict[int, list[Hop]]:
    """Return what each flow showed, hop by hop."""
    answers = run.answers
    if answers.empty:
        return {}
    top = answers.sort_values(["flow", "ttl", "n", "addr"], ascending=[True, True, False, True])
    rows = top.drop_duplicates(["flow", "ttl"])
    hops: dict[int, list[Hop]] = defaultdict(list)
    for row in rows.to_dict("records"):
        hops[int(row["flow"])].append(_hop(row))
    return dict(hops)


def _hop(row: dict[Any, Any]) -> Hop:
    entries = [entry.split("/") for entry in row["mpls"].split(";") if entry]
    return Hop(
        ttl=int(row["ttl"]),
        addr=str(row["addr"]),
        q_ttl=int(row["q_ttl"]),
        back=way_back(int(row["reply_ttl"])),
        labels=tuple((int(label), int(ttl)) for label, _, _, ttl in entries),
        rtt_ms=float(row["rtt_ms"]),
        expired=bool(row["expired"]) and not row["from_target"],
    )


def way_back(reply_ttl: int) -> int | None:
    """Guess over how many hops an answer came back, the answering one counted, as TTLs count the way there.

    Parameters
    ----------
    reply_ttl
        TTL on arrival; negative if it is not known.

    Returns
    -------
    hops
        None if it is not known, or nothing plausible.
    """
    if reply_ttl < 0:
        return None
    hops = next(start for start in _STARTS if start >= reply_ttl) - reply_ttl + 1
    return hops if hops <= _FARTHEST else None
