"""Findings: what is worth telling about a run, in words, with the rows behind each."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from trippy_nb.analysis.answers import Answers
from trippy_nb.analysis.findings.catalogue import CATALOGUE as CATALOGUE
from trippy_nb.analysis.findings.changed import change_findings, rtt_findings
from trippy_nb.analysis.findings.finding import Finding, Seen
from trippy_nb.analysis.findings.lost import loss_findings
from trippy_nb.analysis.findings.outcome import outcome_findings
from trippy_nb.analysis.findings.recording import recording_findings
from trippy_nb.analysis.findings.signs import balancing_findings, sign_findings
from trippy_nb.analysis.findings.slow import slow_findings
from trippy_nb.analysis.findings.told import Explanation as Explanation
from trippy_nb.analysis.findings.told import explanation as explanation
from trippy_nb.frames.answers import FINDING_KINDS, FINDINGS, WEIGHTS
from trippy_nb.frames.check import conform
from trippy_nb.frames.columns import objects

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

_RULES = (
    outcome_findings,
    loss_findings,
    change_findings,
    rtt_findings,
    recording_findings,
    sign_findings,
    balancing_findings,
    slow_findings,
)


def findings(tables: "Tables", *, answers: Answers | None = None) -> pd.DataFrame:
    """Tell what is worth telling about each run.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.
    answers
        What has been computed of these tables already; None for nothing.

    Returns
    -------
    findings
        The columns of :data:`trippy_nb.frames.answers.FINDINGS`: one row a finding, by run; problems
        first, then what explains the rest, then what these probes cannot tell. `n` rows of the table named in
        `table` are what a finding rests on; `query` selects them.

    Notes
    -----
    Every rule is in docs/findings.md. Nothing is found here that another table does not hold: the
    rules choose, and word.
    """
    seen = Seen(answers or Answers(tables))
    found = sorted((one for rule in _RULES for one in rule(seen)), key=_rank)
    numbers: dict[int, int] = {}
    rows: list[dict[str, Any]] = []
    for one in found:
        number = numbers.get(one.run_id, 0)
        numbers[one.run_id] = number + 1
        rows.append(_row(seen, one) | {"finding": number})
    frame = pd.DataFrame(rows, columns=list(FINDINGS.names))
    frame["addrs"] = objects(frame["addrs"].tolist())
    return conform(frame, FINDINGS)


def _weight(one: Finding) -> str:
    return one.weight or CATALOGUE[one.kind].weight


def _rank(one: Finding) -> tuple[object, ...]:
    order = (WEIGHTS.index(_weight(one)), FINDING_KINDS.index(one.kind))
    return (one.run_id, *order, one.ttl or 0, one.flow or 0, one.says)


def _row(seen: Seen, one: Finding) -> dict[str, Any]:
    kind = CATALOGUE[one.kind]
    query = f"run_id == {one.run_id} and {one.query}"
    return {
        "run_id": one.run_id,
        "kind": one.kind,
        "weight": _weight(one),
        "strength": one.strength,
        "flow": one.flow,
        "ttl": one.ttl,
        "last_ttl": one.last_ttl,
        "addrs": one.addrs,
        "says": one.says,
        "is_not": one.is_not or kind.is_not,
        "n": len(seen.of_run(one.table, one.run_id).query(one.query, engine="python")),
        "table": one.table,
        "query": query,
        "more_probes": one.more_probes,
        "scenario": kind.scenario,
    }
