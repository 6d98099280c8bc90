"""The explorer of one run: hop graph, latency, timeline and hop table around one focus and one selection.

The browser computes only counts, quantiles and loss ratios of the focus window while it moves (`stats.js`);
tests hold them against `analysis.hop_table`, which says the rest when it rests.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import traitlets

from trippy_nb.analysis import probes_in_view
from trippy_nb.display import RunCard, card_from_tables, esm, run_html, run_text, stylesheet
from trippy_nb.widgets.focused import FocusedWidget
from trippy_nb.widgets.hoptable import hops_within, told_table
from trippy_nb.widgets.runview import responders_of, run_view
from trippy_nb.widgets.wire import pack_probes, places_on, time_axis

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

    from trippy_nb.frames import Tables


class Explorer(FocusedWidget):
    """Explore one run.

    Parameters
    ----------
    tables
        Tables of exactly one run.
    hops, graph
        Its `analysis.hop_table` and `analysis.hop_graph`.
    names
        Host name by address.
    card
        What to show where no widget can be; made from the tables if not given.

    Raises
    ------
    ConfigError
        If the tables hold no run, or several.
    """

    _esm = esm("explorer")
    _css = stylesheet()

    def __init__(
        self,
        tables: "Tables",
        hops: "pd.DataFrame",
        graph: "nx.MultiDiGraph[str]",
        *,
        names: Mapping[str, str] | None = None,
        card: RunCard | None = None,
    ) -> None:
        names = dict(names or {})
        self.card = card if card is not None else card_from_tables(tables, hops, names=names)
        self._tables = tables
        probes = probes_in_view(tables)
        addresses = sorted(probes["addr"].dropna().astype("str").unique())
        axis, at = time_axis(probes)
        view = run_view(tables, hops, graph, self.card, axis=axis, addresses=addresses, names=names)
        super().__init__(columns=pack_probes(probes, addresses, at), view=view, told=told_table(hops))
        self._responders = responders_of(view["hops"])

    @traitlets.observe("focus")
    def _tell(self, change: Mapping[str, Any]) -> None:
        at = places_on(self.view["axis"], self._tables.probes)
        self.told = told_table(hops_within(self._tables, at, change["new"]), change["new"])

    def _summary(self) -> str:
        return f"{self.card.title}, {len(self.card.hops)} hops"

    def _card_text(self) -> str:
        return run_text(self.card)

    def _card_html(self) -> str:
        return run_html(self.card)
