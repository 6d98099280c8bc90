"""Evidence, not verdicts: what answers give reason to say about the path, and the rows it rests on."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from trippy_nb.analysis.evidence.quotes import quote_statements
from trippy_nb.analysis.evidence.returns import return_statements
from trippy_nb.analysis.evidence.silences import silence_statements
from trippy_nb.analysis.evidence.statement import OneRun
from trippy_nb.analysis.evidence.tunnels import tunnel_statements
from trippy_nb.analysis.evidence.ways import address_statements, loop_statements, per_packet_statements
from trippy_nb.frames.check import conform
from trippy_nb.frames.columns import objects
from trippy_nb.frames.derived import EVIDENCE, KINDS
from trippy_nb.frames.split import by_run

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

_SEEKERS = (
    quote_statements,
    tunnel_statements,
    return_statements,
    silence_statements,
    per_packet_statements,
    loop_statements,
    address_statements,
)


def evidence(tables: "Tables") -> pd.DataFrame:
    """List what the answers of each run give reason to say.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.

    Returns
    -------
    evidence
        The columns of :data:`trippy_nb.frames.derived.EVIDENCE`: one row a statement, by run, kind, TTL and
        flow. `n` rows of the table named in `table` are what it rests on; `query` selects them.

    Notes
    -----
    Every rule, and what it cannot tell, is in docs/paths.md. Only first answers count, late ones too:
    duplicates, and the order in which answers came, change nothing.
    """
    rows: list[dict[str, Any]] = []
    for run_id, part in by_run(tables):
        rows += [row | {"run_id": run_id} for row in _rows(OneRun(part), run_id)]
    frame = pd.DataFrame(rows, columns=list(EVIDENCE.names))
    frame["addrs"] = objects(frame["addrs"].tolist())
    return conform(frame, EVIDENCE)


def _rows(run: OneRun, run_id: int) -> list[dict[str, Any]]:
    said = [statement for seek in _SEEKERS for statement in seek(run)]
    said.sort(key=lambda one: (KINDS.index(one.kind), one.ttl or 0, one.flows, one.says))
    return [
        {
            "statement": number,
            "kind": one.kind,
            "strength": one.strength,
            "flow": one.flows[0] if len(one.flows) == 1 and len(run.flows) > 1 else None,
            "ttl": one.ttl,
            "last_ttl": one.last_ttl,
            "addrs": one.addrs,
            "n": run.count(one),
            "says": one.says,
            "table": one.table,
            "query": run.query(one).replace(f"run_id == {run.facts['run_id']}", f"run_id == {run_id}", 1),
        }
        for number, one in enumerate(said)
    ]
