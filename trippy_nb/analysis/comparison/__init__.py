"""Sides beside one another: what changed, what is the same, what nobody can tell.

`compare` holds the rule and makes the tables; `many` asks it of each pair of several sides. What a side
showed is in `routes`; which of its flows stands beside which of the other's, in `sides`. Then each aspect has
a module: paths `ways`, round-trip times `shifts`, unanswered probes `responses`, links `edges`. They ask
`chance` and `paired` what luck explains, `words` says what was found, and `asked` by which tests. `turns`
finds the hops that are better left out, and leaves them out.
"""

from trippy_nb.analysis.comparison.asked import Aspect as Aspect
from trippy_nb.analysis.comparison.compare import ALPHA as ALPHA
from trippy_nb.analysis.comparison.compare import ComparisonTables as ComparisonTables
from trippy_nb.analysis.comparison.compare import compare_tables as compare_tables
from trippy_nb.analysis.comparison.many import ManySides as ManySides
from trippy_nb.analysis.comparison.many import compare_many as compare_many
from trippy_nb.analysis.comparison.turns import TurningHop as TurningHop
from trippy_nb.analysis.comparison.turns import difference_text as difference_text
from trippy_nb.analysis.comparison.turns import turning_hops as turning_hops
