"""The tables that follow from the tables of runs, each computed once, when somebody first asks for it."""

from functools import cached_property
from typing import TYPE_CHECKING

from trippy_nb.analysis.attribution import attribute_loss
from trippy_nb.analysis.diamonds import diamonds
from trippy_nb.analysis.evidence import evidence
from trippy_nb.analysis.history import path_changes
from trippy_nb.analysis.hops import hop_table
from trippy_nb.analysis.rtt_changes import joint_events, rtt_changes

if TYPE_CHECKING:
    import pandas as pd

    from trippy_nb.frames import Tables


class Answers:
    """What follows from the tables of any number of runs."""

    def __init__(self, tables: "Tables") -> None:
        self.tables = tables

    @cached_property
    def hops(self) -> "pd.DataFrame":
        """The hop table."""
        return hop_table(self.tables)

    @cached_property
    def losses(self) -> "pd.DataFrame":
        """What unanswered probes are due to."""
        return attribute_loss(self.tables)

    @cached_property
    def changes(self) -> "pd.DataFrame":
        """Changes of path."""
        return path_changes(self.tables)

    @cached_property
    def rtt_changes(self) -> "pd.DataFrame":
        """Changes in RTT."""
        return rtt_changes(self.tables)

    @cached_property
    def events(self) -> "pd.DataFrame":
        """Changes in RTT, and what changed with them."""
        return joint_events(self.rtt_changes, self.changes)

    @cached_property
    def diamonds(self) -> "pd.DataFrame":
        """Places where paths part and meet again."""
        return diamonds(self.tables)

    @cached_property
    def evidence(self) -> "pd.DataFrame":
        """What single answers show."""
        return evidence(self.tables)
