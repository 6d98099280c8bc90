"""Paths over time: which path each flow kept to and for how long, what changed, and what only seemed to."""

from trippy_nb.analysis.history.autonomous import as_changes as as_changes
from trippy_nb.analysis.history.autonomous import as_of as as_of
from trippy_nb.analysis.history.autonomous import as_path as as_path
from trippy_nb.analysis.history.changes import path_changes as path_changes
from trippy_nb.analysis.history.epochs import epochs as epochs
from trippy_nb.analysis.history.forwarding import forwarding_anomalies as forwarding_anomalies
from trippy_nb.analysis.history.prevalence import prevalence as prevalence
