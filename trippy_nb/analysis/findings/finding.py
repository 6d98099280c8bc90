"""What a finding is, and what findings are made from."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from trippy_nb.analysis.answers import Answers
from trippy_nb.analysis.latencies import spikes
from trippy_nb.frames.derived import STRENGTHS

SHOWN, LIKELY, HINT, NONE_SEEN, CANNOT_BE_SEEN = STRENGTHS
CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One row of FINDINGS, but for what its kind says and for its numbers."""

    run_id: int
    kind: str
    says: str
    query: str
    """Without the run."""
    table: str = "probes"
    strength: str = SHOWN
    weight: str | None = None
    """Another one than the kind's."""
    is_not: str | None = None
    """Something else than the kind's."""
    flow: int | None = None
    ttl: int | None = None
    last_ttl: int | None = None
    addrs: tuple[str, ...] = ()
    more_probes: int | None = None


Row = dict[str, Any]
"""A row of a frame."""


def rows_of(frame: pd.DataFrame) -> list[Row]:
    """Return the rows of a frame, with None for what is missing."""
    columns = {str(name): frame[name].astype(object) for name in frame.columns}
    values = [column.where(column.notna(), None).tolist() for column in columns.values()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]


class Seen:
    """Tables of any number of runs, and what follows from them."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.tables = answers.tables

    def of_run(self, table: str, run_id: int) -> pd.DataFrame:
        """Return the rows of a run, of a table."""
        frame: pd.DataFrame = getattr(self.tables, table)
        if table not in self._parts:
            self._parts[table] = {int(one): part for one, part in frame.groupby("run_id")}  # type: ignore[arg-type]  # whole numbers
        return self._parts[table].get(run_id, frame.iloc[:0])

    @cached_property
    def _parts(self) -> dict[str, dict[int, pd.DataFrame]]:
        return {}

    @cached_property
    def runs(self) -> list[Row]:
        """The runs."""
        return rows_of(self.tables.runs)

    @cached_property
    def spikes(self) -> list[Row]:
        """Whose the slow answers are."""
        return rows_of(spikes(self.tables))
