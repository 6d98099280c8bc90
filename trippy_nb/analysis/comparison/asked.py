"""What each aspect of a comparison was asked by which test, what came out, and what to bear in mind."""

from dataclasses import dataclass
from math import isfinite
from typing import Any

from trippy_nb.analysis.comparison.ways import Tests
from trippy_nb.analysis.comparison.words import Finding

_NAMES = ("Paths", "Round-trip time", "Unanswered")
_FEW_SAMPLES = 8
"""Fewer than these say nothing of how much they resemble one another."""
_LUCK = {
    "flow": "Each flow is compared with itself, so that a balancer of flows plays no part.",
    "matched": "Flows that swapped branches and were seen once each are not told from a balancer of packets.",
    "sampled": "The flows of the two sides differ. Which branch a flow takes is luck, so flows are counted.",
}


@dataclass(frozen=True, slots=True)
class Aspect:
    """One of the three things that a comparison asks about."""

    name: str
    verdict: str
    test: str
    """How it was asked."""
    found: str
    """What came out, in numbers."""


def aspects_of(tests: Tests, findings: tuple[Finding, Finding, Finding], level: float) -> tuple[Aspect, ...]:
    """Put each aspect into words: paths, round-trip time, unanswered probes."""
    path, rtt, responses = findings
    return (
        Aspect(_NAMES[0], path.verdict, tests.test, _path_numbers(tests, level)),
        Aspect(
            _NAMES[1],
            rtt.verdict,
            "Hodges and Lehmann's shift and its interval, beside a margin",
            _rtt_numbers(rtt.row) if rtt.row else rtt.reason,
        ),
        Aspect(
            _NAMES[2],
            responses.verdict,
            "Fisher's exact test; Newcombe's interval, beside a margin of 5 points",
            _response_numbers(responses.row) if responses.row else responses.reason,
        ),
    )


def _path_numbers(tests: Tests, level: float) -> str:
    n, m = tests.n
    counted = f"{n} and {m} {tests.unit}"
    if not tests.p:
        return f"no hop has a second responder, so that there is nothing to test ({counted})"
    key = min(tests.p, key=lambda key: (tests.p[key], key))
    count = len(tests.p)
    of = "1 test" if count == 1 else f"{count} tests"
    least = f"least p {_p_text(tests.p[key])} at hop {key[1]}, of {of}"
    return f"{least}; a change from {level:.3g} down ({counted})"


def _rtt_numbers(row: dict[str, Any]) -> str:
    ends = ""
    if isfinite(row["low_ms"]) and isfinite(row["high_ms"]):
        ends = f", interval {row['low_ms']:+.2f} to {row['high_ms']:+.2f}"
    return (
        f"{row['addr']}: shift {row['shift_ms']:+.2f} ms{ends}; the same within {row['margin_ms']:.3g} ms "
        f"({row['a_n']} and {row['b_n']} samples, worth {row['a_worth']:.0f} and {row['b_worth']:.0f})"
    )


def _response_numbers(row: dict[str, Any]) -> str:
    low, high = (100 * row[name] for name in ("low_ratio", "high_ratio"))
    counts = ", then ".join(f"{row[f'{side}_unanswered']} of {row[f'{side}_sent']}" for side in "ab")
    return (
        f"{row['addr'] or 'the last hop'}: {counts}; difference {low:+.1f} to {high:+.1f} points, "
        f"p {_p_text(row['p_value'])}"
    )


def _p_text(p: float) -> str:
    least = 0.0001
    return f"< {least}" if p < least else f"{p:.2g}"


def caveats_of(
    kind: str, findings: tuple[Finding, Finding, Finding], sentence: str, *, partial: bool
) -> tuple[str, ...]:
    """List what whoever reads the verdict should bear in mind, but for what its sentence says already."""
    rtt = findings[1]
    said = [_LUCK[kind]]
    row = rtt.row
    if row is not None and min(row["a_n"], row["b_n"]) < _FEW_SAMPLES:
        said.append(
            f"Fewer than {_FEW_SAMPLES} samples: nothing is known of how much they resemble one another."
        )
    elif row is not None and any(2 * row[f"{side}_worth"] < row[f"{side}_n"] for side in "ab"):
        said.append("Samples in a row resemble one another here: they count for less than they are.")
    if partial:
        said.append(
            "Hops were left out after a look at the data: alpha holds for the comparison of all hops."
        )
    untold = [
        f"{name} cannot be told: {finding.reason}."
        for name, finding in zip(_NAMES, findings, strict=True)
        if finding.reason and finding.reason not in sentence
    ]
    return (*said, *untold)
