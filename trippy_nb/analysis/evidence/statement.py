"""What a statement is, and the one run that statements are made about."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from trippy_nb.analysis.arrays import Bools, Floats, Ints, Probes, probe_arrays
from trippy_nb.analysis.cells import Cells, cells_of
from trippy_nb.analysis.evidence.answers import answer_groups
from trippy_nb.analysis.steady import sure_cells
from trippy_nb.frames.derived import STRENGTHS

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

SHOWN, LIKELY, HINT, NONE_SEEN, CANNOT_BE_SEEN = STRENGTHS
REPLIES, PROBES = "replies", "probes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One row of EVIDENCE, but for its numbers."""

    kind: str
    strength: str
    says: str
    where: str
    """What selects the rows, beside the run: a pandas query."""
    table: str = REPLIES
    flows: tuple[int, ...] = ()
    """Empty if it is about all flows of the run."""
    ttl: int | None = None
    last_ttl: int | None = None
    addrs: tuple[str, ...] = field(default=())


class OneRun:
    """The tables of one run, and what several kinds of evidence look at."""

    def __init__(self, tables: "Tables") -> None:
        self.tables = tables
        self.facts = tables.runs.iloc[0]

    @property
    def has_headers(self) -> bool:
        """Answers come with the quoted header."""
        return bool(self.facts["has_quote_header"])

    @property
    def is_stable(self) -> bool:
        """All probes of one flow look the same to a balancer."""
        return bool(self.facts["flow_stable"])

    @cached_property
    def answers(self) -> pd.DataFrame:
        """First answers that are part of a path, counted by what they look like: see `answer_groups`."""
        return answer_groups(self.tables.replies, self.probes, self.cells)

    @cached_property
    def probes(self) -> Probes:
        """The probes as arrays."""
        return probe_arrays(self.tables)

    @cached_property
    def cells(self) -> Cells:
        """What was seen at each (round, flow, TTL)."""
        return cells_of(self.probes)

    @cached_property
    def sure(self) -> Bools:
        """Cells whose flow decided who answered."""
        return sure_cells(self.tables, self.probes, self.cells)

    @cached_property
    def flows(self) -> tuple[int, ...]:
        """All flows."""
        return tuple(np.unique(self.cells.flow).tolist())

    def sent_ms(self, rows: "Ints | slice" = slice(None)) -> Floats:
        """Return when these rows of `probes` were sent, after the first of them; NaN where not known."""
        order = self.probes.order
        at = self.tables.probes["sent_at"].iloc[rows if order is None else order[rows]]
        return np.asarray((at - at.min()).dt.total_seconds().to_numpy(dtype=np.float64) * 1e3)

    def count(self, statement: Statement) -> int:
        """Count the rows that a statement rests on."""
        frame = getattr(self.tables, statement.table)
        return len(frame.query(self.query(statement), engine="python"))

    def query(self, statement: Statement) -> str:
        """Write the query that selects those rows."""
        parts = [f"run_id == {int(self.facts['run_id'])}"]
        if statement.flows and statement.flows != self.flows:
            parts.append(any_of("flow", statement.flows))
        return " and ".join([*parts, statement.where])


FIRST = 'kind in ("first", "late")'
"""First answers, as a query on REPLIES."""
ANSWERED = 'status in ("reply", "late")'
"""Answered in time or late, as a query on PROBES."""
SETTLED = 'status in ("reply", "late", "timeout")'
"""Sent, and its fate is known: a query on PROBES."""


def any_of(name: str, values: Iterable[object]) -> str:
    """Write that a column has one of these values."""
    given = [f'"{value}"' if isinstance(value, str) else str(value) for value in values]
    return f"{name} == {given[0]}" if len(given) == 1 else f"{name} in ({', '.join(given)})"


def mentions(field_name: str) -> str:
    """Write that a reply's `rewritten` names this field."""
    return f'rewritten.str.contains("(?:^|;){field_name}=", na=False)'


def between(low: int, high: int, name: str = "ttl") -> str:
    """Write that a column is in these bounds."""
    return f"{name} == {low}" if low == high else f"{low} <= {name} <= {high}"


def hops_text(ttl: int, last_ttl: int) -> str:
    """Name hops in a sentence."""
    return f"hop {ttl}" if ttl == last_ttl else f"hops {ttl} to {last_ttl}"
