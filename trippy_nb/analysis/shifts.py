"""The round-trip time of each hop that two runs share: its shift, and whether that is a change."""

from math import ceil, isfinite
from typing import Any

import numpy as np

from trippy_nb.analysis.align import Aligned, change_of
from trippy_nb.analysis.arrays import Floats
from trippy_nb.analysis.ranks import Shift, shift_between
from trippy_nb.analysis.routes import Route
from trippy_nb.analysis.words import CANNOT_TELL, CHANGED, SAME, RttFinding

MARGIN_MS = 1.0
MARGIN_SHARE = 0.10
_MOST_ROUNDS = 100_000
_LEAST_ROUNDS = 10
"""Enough for an interval to exist, with something to spare."""

_NONE: Floats = np.zeros(0)

Compared = tuple[Route, Route, Aligned]


def rtt_rows(aligned: list[Compared], alpha: float) -> list[dict[str, Any]]:
    """Measure the shift at each place with a common responder; targets of several flows share `alpha`."""
    found = []
    for one, two, places in aligned:
        for number, (here, there) in enumerate(places):
            if here is None or there is None or change_of(here, there) != "same":
                continue
            tally = {addr: min(count, there.answers.get(addr, 0)) for addr, count in here.answers.items()}
            addr = max(sorted(tally), key=tally.__getitem__)
            row: dict[str, Any] = {
                "flow": one.flow,
                "place": number,
                "a_ttl": here.ttl,
                "b_ttl": there.ttl,
                "addr": addr,
                "is_target": addr in one.targets and addr in two.targets,
            }
            found.append((row, one.rtt.get((here.ttl, addr), _NONE), two.rtt.get((there.ttl, addr), _NONE)))
    targets = sum(1 for row, _, _ in found if row["is_target"])
    return [row | _shift_columns(a, b, alpha / targets if row["is_target"] else alpha) for row, a, b in found]


def _shift_columns(a: Floats, b: Floats, alpha: float) -> dict[str, Any]:
    shift = shift_between(a, b, alpha=alpha)
    before, after = (float(np.median(samples)) if len(samples) else np.nan for samples in (a, b))
    margin = max(MARGIN_MS, MARGIN_SHARE * before) if len(a) else MARGIN_MS
    verdict = CANNOT_TELL
    if shift.low > margin or shift.high < -margin:
        verdict = CHANGED
    elif shift.low >= -margin and shift.high <= margin:
        verdict = SAME
    return {
        "a_n": len(a),
        "b_n": len(b),
        "a_p50_ms": before,
        "b_p50_ms": after,
        "shift_ms": shift.estimate,
        "low_ms": shift.low,
        "high_ms": shift.high,
        "margin_ms": margin,
        "p_value": shift.p_value,
        "verdict": verdict,
        "rounds_needed": _rounds_needed(shift, margin, min(len(a), len(b)))
        if verdict == CANNOT_TELL
        else None,
    }


def _rounds_needed(shift: Shift, margin: float, n: int) -> int | None:
    """Guess when the interval, whose width shrinks with the root of n, leaves the edge of the margin."""
    if not isfinite(shift.low) or not isfinite(shift.high):
        return _LEAST_ROUNDS
    half = (shift.high - shift.low) / 2
    room = abs(abs(shift.estimate) - margin)
    if room * np.sqrt(_MOST_ROUNDS) <= half * np.sqrt(n):
        return None
    return max(n + 1, ceil(n * (half / room) ** 2))


def judge_rtt(rows: list[dict[str, Any]], other_target: str) -> RttFinding:
    """Judge the target, or the last hop that both share."""
    if other_target:
        return RttFinding(CANNOT_TELL, reason=other_target)
    measured = [row for row in rows if row["a_n"] and row["b_n"]]
    if not measured:
        return RttFinding(CANNOT_TELL, reason="no round-trip time was measured at a hop that both runs share")
    about = [row for row in measured if row["is_target"]] or [max(measured, key=lambda row: row["b_ttl"])]
    by_verdict = {
        verdict: [row for row in about if row["verdict"] == verdict]
        for verdict in (SAME, CHANGED, CANNOT_TELL)
    }
    if by_verdict[CHANGED]:
        return RttFinding(CHANGED, row=max(by_verdict[CHANGED], key=lambda row: abs(row["shift_ms"])))
    if not by_verdict[CANNOT_TELL]:
        return RttFinding(SAME, row=max(about, key=lambda row: abs(row["shift_ms"])))
    open_row = max(by_verdict[CANNOT_TELL], key=lambda row: row["high_ms"] - row["low_ms"])
    numbers = [row["rounds_needed"] for row in by_verdict[CANNOT_TELL]]
    needed = None if None in numbers else max(numbers)
    return RttFinding(
        CANNOT_TELL, row=open_row, rounds_needed=needed, reason="the interval of the shift is too wide"
    )
