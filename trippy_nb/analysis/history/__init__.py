"""Paths over time: which path each flow kept to and for how long, what changed, and what only seemed to."""

from trippy_nb.analysis.history.changes import path_changes as path_changes
from trippy_nb.analysis.history.epochs import epochs as epochs
