"""Sides beside one another: what changed, what is the same, what nobody can tell.

`compare` holds the rule and makes the tables; `many` asks it of each pair of several sides. What a side
showed is in `routes`; which of its flows stands beside which of the other's, in `sides`. Then each aspect has
a module: paths `ways`, round-trip times `shifts`, unanswered probes `responses`, links `edges`. They ask
`chance` and `paired` what luck explains, and `words` says what was found.
"""

from trippy_nb.analysis.comparison.compare import ALPHA as ALPHA
from trippy_nb.analysis.comparison.compare import ComparisonTables as ComparisonTables
from trippy_nb.analysis.comparison.compare import compare_tables as compare_tables
from trippy_nb.analysis.comparison.many import ManySides as ManySides
from trippy_nb.analysis.comparison.many import compare_many as compare_many
