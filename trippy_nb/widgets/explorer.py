"""The explorer of a run: everything about it around one focus window and one selection.

The browser computes only counts, quantiles and moments of the focus window while it moves (`stats.js`);
tests hold them against `analysis.hop_table`, which says the rest when it rests. What lies along time, loss
by hop and paths by flow, is computed once, here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import traitlets

from trippy_nb.analysis import probes_in_view
from trippy_nb.display import RunCard, esm, run_html, run_text, stylesheet
from trippy_nb.widgets.focused import FocusedWidget
from trippy_nb.widgets.hoptable import told_table
from trippy_nb.widgets.panels import panels_of
from trippy_nb.widgets.runview import flows_of, responders_of, run_view
from trippy_nb.widgets.wire import pack_probes, time_axis

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

    from trippy_nb.frames import Tables


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Explored:
    """What an explorer shows: tables of one run, and the answers made of them."""

    tables: "Tables"
    hops: "pd.DataFrame"
    graph: "nx.MultiDiGraph[str]"
    names: Mapping[str, str] = field(default_factory=dict)
    card: RunCard
    along: "Tables"
    """The same, or several runs that the tables show as one: for what lies along time."""
    epochs: "pd.DataFrame"
    changes: "pd.DataFrame"


class ExploringWidget(FocusedWidget):
    """A widget that shows one thing explored."""

    _esm = esm("explorer")
    _css = stylesheet()

    panels = traitlets.Dict().tag(sync=True)
    """Loss by hop and time, and paths by flow (see `widgets.panels`)."""

    def _state_of(self, made: Explored) -> dict[str, Any]:
        """Remember what is explored, and spell it for the browser."""
        self.card, self._tables = made.card, made.tables
        probes = probes_in_view(made.tables)
        addresses = sorted(probes["addr"].dropna().astype("str").unique())
        axis, at = time_axis(probes)
        view = run_view(
            made.tables, made.hops, made.graph, made.card, axis=axis, addresses=addresses, names=made.names
        )
        self._responders, self._flows = responders_of(view["hops"]), flows_of(probes)
        rounds = sorted(set(probes["round"].tolist()))
        return {
            "columns": pack_probes(probes, addresses, at),
            "told": told_table(made.hops),
            "panels": panels_of(made.along, axis, epochs=made.epochs, changes=made.changes, rounds=rounds),
            "view": view,
        }

    @traitlets.observe("focus", "flow")
    def _tell(self, _change: Mapping[str, Any]) -> None:
        self.told = self._told_of(self._tables)

    def _summary(self) -> str:
        return f"{self.card.title}, {len(self.card.hops)} hops"

    def _card_text(self) -> str:
        return run_text(self.card)

    def _card_html(self) -> str:
        return run_html(self.card)


class Explorer(ExploringWidget):
    """Explore one run.

    Parameters
    ----------
    made
        The run, and the answers made of it.
    """

    def __init__(self, made: Explored) -> None:
        super().__init__(**self._state_of(made))
