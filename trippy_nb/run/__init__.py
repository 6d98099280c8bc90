"""What a user holds: `Run`, `RunSet`, `Comparison`. Thin: each method is one line into a room."""

from trippy_nb.run.comparison import Comparison as Comparison
from trippy_nb.run.comparison import Side as Side
from trippy_nb.run.comparison import tables_of as tables_of
from trippy_nb.run.latency import RunLatency as RunLatency
from trippy_nb.run.plots import RunPlots as RunPlots
from trippy_nb.run.runs import Run as Run
from trippy_nb.run.runs import RunSet as RunSet
from trippy_nb.run.runs import read_runs as read_runs
