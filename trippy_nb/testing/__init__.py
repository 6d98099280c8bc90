"""The test kit: what tests of code that uses trippy_nb need, without privilege, network or clock.

`simulated` traces a network of the built-in internet, the same rows each time. `simulated_channel` is the
channel under it, for senders of your own. The checks say what is wrong in one message.

`trippy_nb.testing.strategies` (hypothesis) and `trippy_nb.testing.plugin` (pytest fixtures) are imported by
name, for they need the extra ``trippy_nb[testing]``.
"""

from trippy_nb.testing.checks import assert_graph_true as assert_graph_true
from trippy_nb.testing.checks import assert_runs_equal as assert_runs_equal
from trippy_nb.testing.checks import assert_same_graph as assert_same_graph
from trippy_nb.testing.checks import assert_valid as assert_valid
from trippy_nb.testing.simulating import simulated as simulated
from trippy_nb.testing.simulating import simulated_channel as simulated_channel
