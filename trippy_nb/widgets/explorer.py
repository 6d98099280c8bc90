"""The explorer of one run: hop graph, latency, timeline and hop table around one focus and one selection.

The browser computes only counts, quantiles and loss ratios of the focus window (`stats.js`); tests hold
them against `analysis.hop_table`.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import traitlets

from trippy_nb.analysis import probes_in_view
from trippy_nb.display import RunCard, card_from_tables, esm, run_html, run_text, stylesheet
from trippy_nb.widgets.base import CardWidget
from trippy_nb.widgets.wire import column_labels, graph_json, pack_probes, time_axis

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

    from trippy_nb.frames import Tables

_TABLE = ("ttl", "addr", "sent", "recv", "late", "loss_ratio", "best_ms", "p50_ms", "worst_ms")


class Explorer(CardWidget):
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

    columns = traitlets.Dict().tag(sync=True)
    """Probes of the hop table, as columns of bytes; constant."""
    view = traitlets.Dict().tag(sync=True)
    """Hops, graph, names and words; constant."""
    selected = traitlets.Int(None, allow_none=True).tag(sync=True)
    """TTL of the selected hop, or None. Two-way: click a hop to set it."""
    responder = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    """Address within the selected hop that stands out, or None for all. Two-way."""
    focus = traitlets.List(traitlets.Float(), maxlen=2).tag(sync=True)
    """Window ``[from, to]``, ends included, that all numbers are computed for; empty is everything. In
    seconds since the first probe (rounds from 0, if the source has no times). Two-way: drag over the
    timeline to set it."""

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
        probes = probes_in_view(tables)
        addresses = sorted(probes["addr"].dropna().astype("str").unique())
        axis, at = time_axis(probes)
        view = _view(tables, hops, graph, self.card) | {
            "axis": axis,
            "addresses": addresses,
            "names": {addr: name for addr, name in names.items() if addr in addresses},
        }
        self._responders = {hop["ttl"]: frozenset(hop["addrs"]) for hop in view["hops"]}
        super().__init__(columns=pack_probes(probes, addresses, at), view=view)

    @traitlets.validate("selected")
    def _check_selected(self, proposal: Mapping[str, Any]) -> int | None:
        ttl: int | None = proposal["value"]
        if ttl is not None and ttl not in self._responders:
            known = sorted(self._responders)
            raise traitlets.TraitError(f"there is no hop {ttl} here, only {known}")
        return ttl

    @traitlets.validate("focus")
    def _check_focus(self, proposal: Mapping[str, Any]) -> Sequence[float]:
        focus: list[float] = proposal["value"]
        if not focus:
            return focus
        if len(focus) != 2 or not focus[0] <= focus[1]:  # noqa: PLR2004 - two ends; also refuses NaN
            raise traitlets.TraitError(f"focus is [from, to], in that order, or [] for all, not {focus}")
        return focus

    @traitlets.observe("selected")
    def _drop_foreign_responder(self, change: Mapping[str, Any]) -> None:
        ttl = change["new"]
        if self.responder is not None and (ttl is None or self.responder not in self._responders[ttl]):
            self.responder = None

    def _summary(self) -> str:
        return f"{self.card.title}, {len(self.card.hops)} hops"

    def _card_text(self) -> str:
        return run_text(self.card)

    def _card_html(self) -> str:
        return run_html(self.card)


def _view(
    tables: "Tables", hops: "pd.DataFrame", graph: "nx.MultiDiGraph[str]", card: RunCard
) -> dict[str, Any]:
    rows = hops.sort_values("ttl")
    mpls = (stack if isinstance(stack, str) else None for stack in rows["mpls"])
    run = tables.runs.iloc[0]
    source = run["src_addr"] if isinstance(run["src_addr"], str) else run["vantage"]
    ttls = [int(ttl) for ttl in rows["ttl"]]
    target = run["target_ttl"]
    return {
        "title": card.title,
        "verdict": card.verdict,
        "source": source if isinstance(source, str) else "source",
        "target_ttl": int(target) if str(target).isdigit() and int(target) in ttls else max(ttls, default=0),
        "hops": [
            {"ttl": ttl, "addrs": list(addrs), "mpls": stack}
            for ttl, addrs, stack in zip(ttls, rows["addrs"], mpls, strict=True)
        ],
        "graph": graph_json(graph),
        "labels": column_labels(_TABLE),
    }
