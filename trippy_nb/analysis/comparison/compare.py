"""Two sides beside one another: what changed, what is the same, what nobody can tell.

One rule for all three aspects. What was seen to be the same is the same, within the margin that a user
would not mind. What was seen to differ changed, if neither chance nor balancing could explain it. The rest
cannot be told.

* Paths, where both sides sent the same flows (same addresses, protocol and header fields): a responder's
  share of the answers at some TTL differs by more than chance (Fisher's exact test, over rounds).
* Paths, where the flows differ, or each probe is one: which branches they took is a matter of luck, so
  flows are what is counted (permutation test, over flows). Both in `analysis.comparison.chance`.
* Round-trip times: the interval of the shift lies wholly beyond the margin, the larger of 1 ms and 10 % of
  the median before; or, the same, wholly within (Hodges and Lehmann; `analysis.ranks`).
* Unanswered probes: their shares differ significantly and by more than 5 points; or, the same, the interval
  of the difference lies within (Fisher; Newcombe).

The three share `alpha`: each may call changed what is not with a chance of alpha / 3, over all of its
tests. The verdict on the last two is about the target, or else the last hop both have: a router alone is
often slow, or unwilling, to answer.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.analysis.comparison.asked import Aspect, aspects_of, caveats_of
from trippy_nb.analysis.comparison.edges import edge_rows
from trippy_nb.analysis.comparison.responses import judge_responses, response_rows
from trippy_nb.analysis.comparison.routes import routes_of
from trippy_nb.analysis.comparison.shifts import Levels, judge_rtt, rtt_rows
from trippy_nb.analysis.comparison.sides import asked_differently, name_of, sides_of
from trippy_nb.analysis.comparison.turns import leave_out
from trippy_nb.analysis.comparison.ways import judge_paths, path_tests, places_rows
from trippy_nb.analysis.comparison.words import (
    CANNOT_TELL,
    Finding,
    Ttls,
    hops_text,
    overall,
    power_words,
    say,
)
from trippy_nb.analysis.ratios import check_alpha
from trippy_nb.frames.answers import COMPARED_EDGES, COMPARED_PATHS, COMPARED_RESPONSES, COMPARED_RTT
from trippy_nb.frames.columns import PLAIN, frame_of, objects, whole_numbers, words_of

if TYPE_CHECKING:
    from trippy_nb.frames import Tables
    from trippy_nb.frames.schema import Column, Table

ALPHA = 0.05
_ASPECTS = 3
_MOST_ALPHA = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class ComparisonTables:
    """What a comparison found."""

    paths: pd.DataFrame
    """One row a place of the aligned paths: `frames.answers.COMPARED_PATHS`."""
    rtt: pd.DataFrame
    """One row a place with a common responder: `frames.answers.COMPARED_RTT`."""
    responses: pd.DataFrame
    """One row a place that both have: `frames.answers.COMPARED_RESPONSES`."""
    verdict: str
    """``same``, ``changed`` or ``cannot tell``."""
    sentence: str
    """The verdict in words, in one line."""
    power: str
    """How small a change would have shown, in words; empty if nothing was compared."""
    path_level: float
    """p-value from which down a responder is a change."""
    path_verdict: str
    rtt_verdict: str
    response_verdict: str
    kind: str
    """What was set beside what: ``flow`` (equal flows, each with itself), ``matched`` (equal flows, all
    together), ``sampled`` (other flows on each side, all together), or ``none`` (targets differ, or a side
    is empty: nothing)."""
    detectable_share: float
    """Share of rounds (of flows, if sampled) by which a new hop would have been noticed with power 0.8; NaN
    if none."""
    rounds_needed: int | None
    """Rounds of each side that would be needed, if it cannot be told for lack of them."""
    flows_needed: int | None
    """Flows of each side that would be needed, if balancing could explain a difference."""
    reasons: tuple[str, ...]
    """Why something cannot be told, and what differs between the two that was not meant to be compared."""
    names: tuple[str, str]
    """What to call the two sides: their labels, or before and after."""
    aspects: tuple[Aspect, ...]
    """Paths, round-trip time and unanswered probes: which test was asked, and its numbers."""
    caveats: tuple[str, ...]
    """What to bear in mind, a sentence each."""
    without: tuple[Ttls, ...]
    """Places that were left out, by their TTLs on the two sides."""
    decided: tuple[dict[str, Any] | None, dict[str, Any] | None]
    """The rows of `rtt` and `responses` that decided."""
    links: Callable[[], list[dict[str, Any]]] = field(repr=False)
    """Makes the rows of `edges`, when they are first looked at."""

    @cached_property
    def edges(self) -> pd.DataFrame:
        """One row a link that either side saw: `frames.answers.COMPARED_EDGES`."""
        return frame_from(self.links(), COMPARED_EDGES)


def compare_tables(
    a: "Tables",
    b: "Tables",
    *,
    alpha: float = ALPHA,
    names: tuple[str, str] | None = None,
    without: Iterable[Ttls] = (),
) -> ComparisonTables:
    """Compare two sides: runs, sets of runs (each set taken as one), or windows of time of either.

    Parameters
    ----------
    a, b
        Before and after; or any two that have one target.
    alpha
        Probability of calling changed what is not; between 0 and 0.5.
    names
        What to call the two; by default the label that all runs of a side have, or before and after.
    without
        Places to leave out, each by its TTL on either side (None where it has none): nobody is asked who
        answers there (but for the target), how fast, or how often. The sentence says so.

    Returns
    -------
    comparison
        Frames, verdict and sentence; see :class:`ComparisonTables`.

    Raises
    ------
    ConfigError
        If alpha is out of bounds.
    """
    check_alpha(alpha)
    levels = Levels(same=alpha, changed=alpha / _ASPECTS)
    names = names or (name_of(a, "before"), name_of(b, "after"))
    other_target, notes, apart = asked_differently(a, b, names)
    without = tuple(without)
    if other_target:
        return _not_compared(other_target, notes, names=names, level=levels.changed, without=without)
    notes = (*notes, *([f"{hops_text(without)} left out"] if without else []))
    one, two = (
        leave_out(routes_of(side), ttls) for side, ttls in zip((a, b), _by_side(without), strict=True)
    )
    sides = sides_of(one, two, apart=apart)
    tests = path_tests(sides, levels.changed)
    path, significant = judge_paths(sides, tests, levels.changed)
    shifts, responses = rtt_rows(sides, levels), response_rows(sides, levels)
    rtt, answered = judge_rtt(shifts, sides), judge_responses(responses, sides)
    findings = (path, rtt, answered)
    verdict = overall(*(finding.verdict for finding in findings))
    reasons = tuple(dict.fromkeys(reason for reason in (*(f.reason for f in findings), *notes) if reason))
    sentence = say(verdict, *findings, notes)
    return ComparisonTables(
        paths=frame_from(places_rows(sides, tests, significant), COMPARED_PATHS),
        links=partial(edge_rows, a, b, matched=not sides.sampled),
        rtt=frame_from(shifts, COMPARED_RTT),
        responses=frame_from(responses, COMPARED_RESPONSES),
        verdict=verdict,
        sentence=sentence,
        power=power_words(tests.detectable, tests.unit, rtt.row, answered.row),
        path_level=levels.changed,
        path_verdict=path.verdict,
        rtt_verdict=rtt.verdict,
        response_verdict=answered.verdict,
        kind=sides.kind,
        detectable_share=tests.detectable,
        rounds_needed=_most(f.rounds_needed for f in findings) if verdict == CANNOT_TELL else None,
        flows_needed=_most(f.flows_needed for f in findings) if verdict == CANNOT_TELL else None,
        reasons=reasons,
        names=names,
        aspects=aspects_of(tests, findings, levels.changed),
        caveats=caveats_of(sides.kind, findings, sentence, partial=bool(without)),
        without=without,
        decided=(rtt.row, answered.row),
    )


def _not_compared(
    reason: str, notes: tuple[str, ...], *, names: tuple[str, str], level: float, without: tuple[Ttls, ...]
) -> ComparisonTables:
    """Say why nothing was set beside anything: no table has a row, and nothing would have shown."""
    untold = Finding(CANNOT_TELL, reason=reason)
    return ComparisonTables(
        paths=frame_from([], COMPARED_PATHS),
        links=list,
        rtt=frame_from([], COMPARED_RTT),
        responses=frame_from([], COMPARED_RESPONSES),
        verdict=CANNOT_TELL,
        sentence=say(CANNOT_TELL, untold, untold, untold, notes),
        power="",
        path_level=level,
        path_verdict=CANNOT_TELL,
        rtt_verdict=CANNOT_TELL,
        response_verdict=CANNOT_TELL,
        kind="none",
        detectable_share=np.nan,
        rounds_needed=None,
        flows_needed=None,
        reasons=(reason, *notes),
        names=names,
        aspects=(),
        caveats=(),
        without=without,
        decided=(None, None),
    )


def _by_side(without: tuple[Ttls, ...]) -> tuple[list[int | None], list[int | None]]:
    return [before for before, _ in without], [after for _, after in without]


def _most(numbers: Any) -> int | None:  # noqa: ANN401 - any iterable of them
    return max((number for number in numbers if number is not None), default=None)


def frame_from(rows: list[dict[str, Any]], table: "Table") -> pd.DataFrame:
    """Make a frame of rows."""
    columns = {column.name: _array([row[column.name] for row in rows], column) for column in table.columns}
    return frame_of(table, columns, len(rows))


def _array(values: list[Any], column: "Column") -> Any:  # noqa: ANN401 - an array of any kind
    if column.dtype == "list":
        return objects(values)
    if column.dtype == "category":
        return pd.Categorical(values, dtype=words_of(column))
    if column.dtype == "str":
        return pd.Series(values, dtype="str")
    if column.dtype in PLAIN:
        return np.array([np.nan if value is None else value for value in values], dtype=PLAIN[column.dtype])
    return whole_numbers(np.array([-1 if value is None else value for value in values]), column.dtype)
