"""Tables of answers: what `trippy_nb.analysis` concludes from the probes, and how sure it is.

Computed on demand, never stored, as those of `frames.derived`; but these weigh chances.
"""

from trippy_nb.frames.answers.findings import FINDING_KINDS as FINDING_KINDS
from trippy_nb.frames.answers.findings import FINDINGS as FINDINGS
from trippy_nb.frames.answers.findings import WEIGHTS as WEIGHTS
from trippy_nb.frames.schema import Table

_ALL: tuple[Table, ...] = (FINDINGS,)

ANSWER_TABLES: dict[str, Table] = {table.name: table for table in _ALL}
