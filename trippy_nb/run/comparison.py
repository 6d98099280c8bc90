"""Two sides beside one another."""

from functools import cached_property
from typing import TYPE_CHECKING

from trippy_nb.analysis import ALPHA, ComparisonTables, compare_tables
from trippy_nb.frames import Tables
from trippy_nb.run.runs import Run, RunSet

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from trippy_nb.display import ComparisonCard
    from trippy_nb.widgets import CompareExplorer

Side = Run | RunSet | Tables
"""What can be compared."""


def tables_of(side: Side) -> Tables:
    """Return the tables of a side."""
    return side if isinstance(side, Tables) else side.tables


class Comparison:
    """Two sides beside one another: before and after, here and there, this protocol and that.

    Parameters
    ----------
    before, after
        Runs, sets of runs (each taken as one), or tables, as of a window of time.
    alpha
        Probability of calling changed what is not.
    """

    def __init__(self, before: Side, after: Side, *, alpha: float = ALPHA) -> None:
        self.before = before
        self.after = after
        self.alpha = alpha

    @cached_property
    def tables(self) -> ComparisonTables:
        """The frames of the comparison and its verdict."""
        return compare_tables(tables_of(self.before), tables_of(self.after), alpha=self.alpha)

    @property
    def verdict(self) -> str:
        """The outcome: same, changed or cannot tell."""
        return self.tables.verdict

    @property
    def sentence(self) -> str:
        """The verdict in words, with what it rests on."""
        return self.tables.sentence

    @property
    def power(self) -> str:
        """How small a change would have shown, in words."""
        return self.tables.power

    @property
    def paths(self) -> "pd.DataFrame":
        """The two paths of each flow, aligned: `frames.answers.COMPARED_PATHS`."""
        return self.tables.paths

    @property
    def edges(self) -> "pd.DataFrame":
        """The links that either side saw: `frames.answers.COMPARED_EDGES`."""
        return self.tables.edges

    @property
    def rtt(self) -> "pd.DataFrame":
        """The shift of the round-trip time of each hop that both have: `frames.answers.COMPARED_RTT`."""
        return self.tables.rtt

    @property
    def responses(self) -> "pd.DataFrame":
        """The unanswered probes of each hop that both have: `frames.answers.COMPARED_RESPONSES`."""
        return self.tables.responses

    def plot(self, *, ax: "Axes | None" = None) -> "Axes":
        """Draw both paths side by side, and what shifted."""
        from trippy_nb.plots import plot_comparison

        return plot_comparison(self.tables, ax=ax)

    def explore(self) -> "CompareExplorer":
        """Open the comparison in a widget."""
        from trippy_nb.widgets import CompareExplorer

        return CompareExplorer(self.tables, card=self._card())

    def _card(self) -> "ComparisonCard":
        from trippy_nb.display import comparison_card

        return comparison_card(self.tables, names=_names_of(self.before) | _names_of(self.after))

    def __repr__(self) -> str:
        """Return the comparison as plain text."""
        from trippy_nb.display import comparison_text

        return comparison_text(self._card())

    def _repr_html_(self) -> str:
        from trippy_nb.display import comparison_html

        return comparison_html(self._card())


def _names_of(side: Side) -> dict[str, str]:
    runs = side if isinstance(side, RunSet) else [side] if isinstance(side, Run) else []
    return {addr: name for run in runs for addr, name in run.names.items()}
