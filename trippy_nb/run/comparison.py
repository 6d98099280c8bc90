"""Two sides beside one another."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from trippy_nb.analysis import (
    ALPHA,
    Aspect,
    ComparisonTables,
    TurningHop,
    compare_tables,
    difference_text,
    turning_hops,
)
from trippy_nb.errors import ConfigError
from trippy_nb.frames import Tables
from trippy_nb.run.runs import Run, RunSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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
    leaving_out
        Hops of `turning` that are not compared.
    """

    def __init__(
        self,
        before: Side,
        after: Side,
        *,
        alpha: float = ALPHA,
        leaving_out: "Iterable[TurningHop]" = (),
    ) -> None:
        self.before = before
        self.after = after
        self.alpha = alpha
        self.left_out = tuple(leaving_out)

    @cached_property
    def tables(self) -> ComparisonTables:
        """The frames of the comparison and its verdict."""
        return self._compared(self.left_out)

    def _compared(self, left_out: "Iterable[TurningHop]") -> ComparisonTables:
        sides = tables_of(self.before), tables_of(self.after)
        return compare_tables(*sides, alpha=self.alpha, without=[hop.ttls for hop in left_out])

    @cached_property
    def _whole(self) -> ComparisonTables:
        return self._compared(()) if self.left_out else self.tables

    @cached_property
    def turning(self) -> tuple[TurningHop, ...]:
        """The hops whose responders take turns within a flow, before or after."""
        return turning_hops(self._whole, tables_of(self.before), tables_of(self.after))

    def without(self, *hops: TurningHop) -> "Comparison":
        """Compare the same two, but leave out these hops of `turning`; all of them, if none is named.

        It is a second look at the same data: `alpha` holds for the comparison of all hops.

        Raises
        ------
        ConfigError
            If no hop takes turns, or not one that is named.
        """
        left_out = hops or self.turning
        if not left_out or not {*left_out} <= {*self.turning}:
            raise ConfigError("no hop takes turns here" if not self.turning else "name hops of `turning`")
        return Comparison(self.before, self.after, alpha=self.alpha, leaving_out=left_out)

    @property
    def difference(self) -> str:
        """What leaving hops out has changed, in words; empty if none was."""
        return difference_text(self._whole, self.tables) if self.left_out else ""

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
        """How small a change would have shown, in words; empty if nothing was compared."""
        return self.tables.power

    @property
    def aspects(self) -> tuple[Aspect, ...]:
        """Paths, round-trip time and unanswered probes: which test was asked, and its numbers."""
        return self.tables.aspects

    @property
    def caveats(self) -> tuple[str, ...]:
        """What to bear in mind, a sentence each."""
        return self.tables.caveats

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

    def explore(self, *, asns: "Mapping[str, Any] | pd.Series | None" = None) -> "CompareExplorer":
        """Open the comparison in a widget.

        Parameters
        ----------
        asns
            Autonomous system of each address, a dict or a Series: the widget can then show systems in
            place of addresses. What is missing is not known, and stays an address.
        """
        from trippy_nb.widgets import CompareExplorer

        return CompareExplorer(
            self._whole,
            names=self._names,
            asns=asns,
            turning=self.turning,
            compare=self._compared,
            masked=[number for number, hop in enumerate(self.turning) if hop in self.left_out],
        )

    @property
    def _names(self) -> dict[str, str]:
        return _names_of(self.before) | _names_of(self.after)

    def _card(self) -> "ComparisonCard":
        from trippy_nb.display import comparison_card

        return comparison_card(self.tables, names=self._names)

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
