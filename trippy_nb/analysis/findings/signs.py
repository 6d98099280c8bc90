"""What single answers show, and where paths part: evidence and diamonds, as findings."""

from collections.abc import Iterator
from typing import Final

from trippy_nb.analysis.findings.catalogue import LIMIT
from trippy_nb.analysis.findings.finding import (
    CANNOT_BE_SEEN,
    HINT,
    NONE_SEEN,
    SHOWN,
    Finding,
    Row,
    Seen,
    rows_of,
)
from trippy_nb.analysis.steady import REPEATS_THAT_TELL

_WEIGHED_ELSEWHERE: Final = ("rate-limit", "non-response")
"""Against loss, by `analysis.attribution`."""
_NO_CHANCE: Final = 0.01
_MAY_BE_A_CHANGE: Final = "No proof of balancing, nor of a change."
_SAME: Final = ("run_id", "kind", "says", "table", "strength", "flow", "ttl", "last_ttl", "addrs")


def sign_findings(seen: Seen) -> Iterator[Finding]:
    """Pass on what evidence says, but for what was looked for and not found."""
    for row in rows_of(seen.answers.evidence):
        if row["kind"] in _WEIGHED_ELSEWHERE or row["strength"] in (NONE_SEEN, CANNOT_BE_SEEN):
            continue
        query = row["query"].removeprefix(f"run_id == {row['run_id']} and ")
        yield Finding(query=query, **{name: row[name] for name in _SAME})


def balancing_findings(seen: Seen) -> Iterator[Finding]:
    """Say where flows part, and where they meet again."""
    for row in rows_of(seen.answers.diamonds):
        if row["nested_in"] is None and (row["balancing"] == "per-flow" or _is_untested(row)):
            first, last = row["ttl"] + 1, row["ttl"] + max(row["max_length"] - 1, 1)
            in_spells = _is_untested(row) and (row["order_chance"] or 1.0) <= _NO_CHANCE
            yield Finding(
                run_id=row["run_id"],
                kind="balancing",
                says=_one_after_the_other(row) if in_spells else _parting(row),
                is_not=_MAY_BE_A_CHANGE if in_spells else None,
                weight=LIMIT if in_spells else None,
                query=f"{first} <= ttl <= {last}",
                strength=SHOWN if row["evidence"] == "flow" and not in_spells else HINT,
                ttl=first,
                last_ttl=last,
                addrs=tuple(addr for addr in (row["divergence"], row["convergence"]) if addr),
            )


def _one_after_the_other(row: Row) -> str:
    return (
        f"{_where(row)} {row['flows']} flows took {row['max_width']} ways, one after the other: chance "
        f"hardly has them in so few spells ({row['order_chance']:.1g}). The route changed, or a balancer "
        "goes by what counts up from flow to flow, as ports do; flows sent again, with fixed "
        "ports, would tell."
    )


def _is_untested(row: Row) -> bool:
    """Tell whether flows parted, but too few were seen again to say that they keep to their ways."""
    return row["repeats"] is not None and row["repeats"] < REPEATS_THAT_TELL and row["flows"] > 1


def _where(row: Row) -> str:
    return "From the source on" if row["ttl"] == 0 else f"Behind hop {row['ttl']} ({row['divergence']})"


def _parting(row: Row) -> str:
    meet = f", and meet again at {row['convergence']}" if row["convergence"] else ""
    lengths = ""
    if row["min_length"] != row["max_length"]:
        lengths = f" The ways are {row['min_length']} to {row['max_length']} links long."
    return (
        f"{_where(row)} flows part: {row['flows']} flows took {row['max_width']} ways side by side{meet}."
        f"{lengths}{_untold(row)}"
    )


def _untold(row: Row) -> str:
    if not _is_untested(row):
        return ""
    lack = REPEATS_THAT_TELL - row["repeats"]
    return (
        " Whether flows keep to their ways, or packets are dealt out one by one, cannot be told: "
        f"{lack} more of them sent again would tell (`tn.discover` does so)."
    )
