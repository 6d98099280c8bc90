"""The words of a comparison: one line that says what was found, on what it rests, or what is lacking."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite, isnan
from typing import Any

from trippy_nb.analysis.told import plural

SAME = "same"
CHANGED = "changed"
CANNOT_TELL = "cannot tell"
LEFT_OUT = "left out"
"""A word for a place, not for a verdict."""

Ttls = tuple[int | None, int | None]
"""TTL of a place on the first side and on the second; None on a side that does not have it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one aspect: paths, round-trip times, or unanswered probes."""

    verdict: str
    reason: str = ""
    """Why it cannot be told."""
    rounds_needed: int | None = None
    flows_needed: int | None = None
    row: dict[str, Any] | None = None
    """What decided: the row of a frame, or, of paths, what differs first and how many places do."""


def judged_by(
    rows: list[dict[str, Any]],
) -> tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]]]:
    """Pick the rows that decide (the target's, else that of the last hop), and sort them by verdict."""
    about = [row for row in rows if row["is_target"]] or [max(rows, key=lambda row: row["b_ttl"])]
    of = {
        verdict: [row for row in about if row["verdict"] == verdict]
        for verdict in (SAME, CHANGED, CANNOT_TELL)
    }
    return about, of


def overall(*verdicts: str) -> str:
    """Join verdicts: a change is a change; what cannot be told is not the same."""
    if CHANGED in verdicts:
        return CHANGED
    return CANNOT_TELL if CANNOT_TELL in verdicts else SAME


def say(verdict: str, paths: Finding, rtt: Finding, responses: Finding, notes: tuple[str, ...]) -> str:
    """Write the sentence."""
    head = {SAME: "Same", CHANGED: "Changed", CANNOT_TELL: "Cannot tell"}[verdict]
    if verdict == CANNOT_TELL and paths.reason == rtt.reason == responses.reason:
        body = paths.reason
    else:
        body = "; ".join((_path_words(paths), _rtt_words(rtt), _response_words(responses)))
    aside = f" ({', '.join(notes)})" if notes else ""
    return f"{head}: {body}{aside}."


def _path_words(path: Finding) -> str:
    if path.verdict == CANNOT_TELL or path.row is None:
        return f"whether the path changed is open: {path.reason}{_needed(path)}"
    row = path.row
    if path.verdict == SAME:
        since = " from where they meet" if row["apart"] else ""
        if row["sampled"] and row["n"] != (1, 1):
            n, m = row["n"]
            return f"every hop{since} has a responder in common ({n} and {m} flows)"
        if row["flows"] > 1:
            return f"the paths of {row['flows']} flows are the same{since}"
        return f"the path is the same{since} ({_counted(row['common'], 'common hop')})"
    if row["first"] is None:
        what = "it ends elsewhere" if row["ends"] else f"hop {row['ttl']} answers in other shares"
        return f"the path changed: {what}"
    return _first_words(row)


def _first_words(row: dict[str, Any]) -> str:
    here, there = row["first"]
    where = here or there
    more = f", and {row['differing'] - 1} more" if row["differing"] > 1 else ""
    if here is None:
        return f"the path has a new hop {where.ttl}, {where.ranked[0]}{more}"
    if there is None:
        return f"the path lost hop {where.ttl}, {where.ranked[0]}{more}"
    return f"the path changed at hop {where.ttl} from {here.ranked[0]} to {there.ranked[0]}{more}"


def _rtt_words(rtt: Finding) -> str:
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
        why = ""
        if rtt.flows_needed is not None:
            why = ", and balancing could explain it"
        elif rtt.rounds_needed is None and not isfinite(row["low_ms"]):
            worth = " and ".join(f"{row[side]:.0f}" for side in ("a_worth", "b_worth"))
            why = f", worth {worth}: they move within a side, and shorter windows of time would tell more"
        return f"whether {to} changed is open ({numbers}{why}){_needed(rtt)}"
    longer = "longer" if row["shift_ms"] > 0 else "shorter"
    return f"{to} is {abs(row['shift_ms']):.3g} ms {longer} ({numbers})"


def _response_words(responses: Finding) -> str:
    row = responses.row
    if row is None:
        return f"whether as many probes stay unanswered is open: {responses.reason}"
    where = row["addr"] or f"hop {row['a_ttl']}"
    a, b = (f"{row[f'{side}_unanswered']} of {row[f'{side}_sent']}" for side in "ab")
    if responses.verdict == SAME:
        return f"{where} leaves as many probes unanswered within 5 points ({a}, then {b})"
    if responses.verdict == CANNOT_TELL:
        return f"whether {where} leaves as many probes unanswered is open ({a}, then {b}){_needed(responses)}"
    return f"{where} leaves {'more' if row['rise_ratio'] > 0 else 'fewer'} probes unanswered ({a}, then {b})"


def _needed(finding: Finding) -> str:
    if finding.flows_needed is not None:
        return f"; about {finding.flows_needed} flows of each would tell"
    return (
        "" if finding.rounds_needed is None else f"; about {finding.rounds_needed} rounds of each would tell"
    )


def power_words(
    detectable: float, unit: str, rtt: dict[str, Any] | None, response: dict[str, Any] | None
) -> str:
    """Say how small a change these numbers would have shown with power 0.8."""
    if isnan(detectable):
        said = ["no new hop, however many rounds or flows went by it"]
    else:
        said = [f"a new hop, if {100 * detectable:.0f} % of {unit} or more went by it"]
    if rtt is not None and isfinite(rtt["detectable_ms"]):
        said.append(f"a shift of {rtt['detectable_ms']:.3g} ms at {rtt['addr']}")
    else:
        said.append("no shift of the round-trip time")
    if response is not None and isfinite(response["detectable_ratio"]):
        before, after = (100 * response[name] for name in ("a_unanswered_ratio", "detectable_ratio"))
        said.append(f"a rise of unanswered probes from {before:.0f} % to {after:.0f} %")
    else:
        said.append("no rise of unanswered probes")
    return f"Would have shown, eight times in ten: {'; '.join(said)}."


def _counted(count: int, noun: str) -> str:
    return f"{count} {plural(count, noun)}"


def hops_text(hops: Iterable[Ttls]) -> str:
    """Name hops by their TTLs: ``hops 4 and 5 (6 after)``."""
    words = [_hop_words(ttls) for ttls in hops]
    listed = " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
    return f"{plural(len(words), 'hop')} {listed}"


def _hop_words(ttls: Ttls) -> str:
    before, after = ttls
    if before is None:
        return f"{after} after"
    return f"{before}" if after in {before, None} else f"{before} ({after} after)"
