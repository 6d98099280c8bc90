"""What the explorer and the live view have in common: one selection, one focus window, one hop table."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pandas as pd
import traitlets

from trippy_nb.errors import ConfigError
from trippy_nb.frames import Tables
from trippy_nb.model import settings_now
from trippy_nb.widgets.base import CardWidget
from trippy_nb.widgets.hoptable import CHOICES, SHOWN, hops_within, told_table
from trippy_nb.widgets.wire import places_on


class FocusedWidget(CardWidget):
    """A widget that shows one run around one selection and one focus window."""

    columns = traitlets.Dict().tag(sync=True)
    """Probes of the hop table, as columns of bytes."""
    view = traitlets.Dict().tag(sync=True)
    """Hops, graph, names and words."""
    told = traitlets.Dict().tag(sync=True)
    """The hop table of the focus window as `analysis` computes it (see `widgets.hoptable`)."""
    selected = traitlets.Int(None, allow_none=True).tag(sync=True)
    """TTL of the selected hop, or None. Two-way: click a hop to set it."""
    responder = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    """Address within the selected hop that stands out, or None for all. Two-way."""
    flow = traitlets.Int(None, allow_none=True).tag(sync=True)
    """Flow that is singled out: all numbers are of its probes; None for all. Two-way."""
    focus = traitlets.List(traitlets.Float(), maxlen=2).tag(sync=True)
    """Window ``[from, to]``, ends included, that all numbers are computed for; empty is everything. In
    seconds since the first probe (rounds from 0, if the source has no times). Two-way: drag over the
    timeline to set it."""
    shown = traitlets.List(traitlets.Unicode()).tag(sync=True)
    """Columns of the hop table beside hop and responder, in order: names of HOPS. Two-way."""
    looks = traitlets.Dict(
        {"sort": {"key": "ttl", "descending": False}, "log": False, "columns": False, "options": False}
    ).tag(sync=True)
    """How the browser shows it: what the table is sorted by, whether times are on a log scale, and which
    lists are unfolded. A view that is made anew begins as the one before it was left."""

    _responders: Mapping[int, frozenset[str]] = MappingProxyType({})
    _flows: frozenset[int] = frozenset()

    @traitlets.default("shown")
    def _choose_columns(self) -> list[str]:
        return list(settings_now().columns or SHOWN)

    @traitlets.validate("selected")
    def _check_selected(self, proposal: Mapping[str, Any]) -> int | None:
        ttl: int | None = proposal["value"]
        if ttl is not None and ttl not in self._responders:
            known = sorted(self._responders)
            raise traitlets.TraitError(f"there is no hop {ttl} here, only {known}")
        return ttl

    @property
    def _axis(self) -> Mapping[str, Any]:
        axis: Mapping[str, Any] = self.view.get("axis", {})
        return axis

    @property
    def window(self) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
        """The focus window in UTC, as `run.between(*widget.window)` takes it; None is no bound.

        Raises
        ------
        ConfigError
            If there is a window over rounds, as no probe has a time.
        """
        if not self.focus:
            return None, None
        if self._axis.get("kind") != "time":
            raise ConfigError("no probe has a time: the window is one of rounds, for run.where(round=...)")
        origin = pd.Timestamp(self._axis["origin"])
        start, end = (origin + pd.Timedelta(round(at * 1e9), unit="ns") for at in self.focus)
        return start, end + pd.Timedelta(1, unit="ns")  # `between` leaves out its end

    def _told_of(
        self, tables: Tables, hops: pd.DataFrame | None = None, names: Sequence[str] = CHOICES
    ) -> dict[str, Any]:
        """Compute the hop table of the focus window and the flow, for the browser; `hops` is that of all."""
        focus, flow = list(self.focus), self.flow
        if hops is None or focus or flow is not None:
            hops = hops_within(tables, places_on(self._axis, tables.probes), focus, flow)
        return told_table(hops, focus, names, flow=flow)

    @traitlets.validate("flow")
    def _check_flow(self, proposal: Mapping[str, Any]) -> int | None:
        flow: int | None = proposal["value"]
        if flow is not None and flow not in self._flows:
            raise traitlets.TraitError(f"there is no flow {flow} here, only {sorted(self._flows)}")
        return flow

    @traitlets.validate("focus")
    def _check_focus(self, proposal: Mapping[str, Any]) -> Sequence[float]:
        focus: list[float] = proposal["value"]
        if not focus:
            return focus
        if len(focus) != 2 or not focus[0] <= focus[1]:  # noqa: PLR2004 - two ends; also refuses NaN
            raise traitlets.TraitError(f"focus is [from, to], in that order, or [] for all, not {focus}")
        return focus

    @traitlets.validate("shown")
    def _check_shown(self, proposal: Mapping[str, Any]) -> Sequence[str]:
        names: list[str] = proposal["value"]
        unknown = [name for name in names if name not in CHOICES]
        if unknown:
            choices = ", ".join(CHOICES)
            raise traitlets.TraitError(f"the hop table has no column {unknown[0]!r}, only {choices}")
        return list(dict.fromkeys(names))

    @traitlets.observe("selected")
    def _drop_foreign_responder(self, change: Mapping[str, Any]) -> None:
        ttl = change["new"]
        if self.responder is not None and (ttl is None or self.responder not in self._responders[ttl]):
            self.responder = None
