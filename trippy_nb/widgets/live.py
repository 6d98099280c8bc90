"""The live view: a trace while it goes on, with a target box, options, Start and Stop.

The widget only shows and asks; `widgets.pump` feeds it from a thread, and who made it decides what Start
means. What travels are custom messages of binary deltas; the traits hold a snapshot, set when the trace ends,
so that saved widget state and a second view have it too.
"""

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import traitlets

from trippy_nb.analysis import hop_graph, hop_table, probes_in_view
from trippy_nb.display import RunCard, card_from_tables, esm, run_html, run_text, stylesheet
from trippy_nb.model import BY_NAME
from trippy_nb.widgets.feed import Feed
from trippy_nb.widgets.focused import FocusedWidget
from trippy_nb.widgets.hoptable import CHOICES, hops_within, told_table
from trippy_nb.widgets.runview import flows_of, responders_of, run_view
from trippy_nb.widgets.wire import pack_probes, places_on, time_axis

if TYPE_CHECKING:
    import pandas as pd

    from trippy_nb.frames import Tables

_log = logging.getLogger(__name__)

SETTINGS = (
    "protocol",
    "multipath_strategy",
    "addr_family",
    "mode",
    "rounds",
    "min_round_duration",
    "first_ttl",
    "max_ttl",
    "packet_size",
    "target_port",
)
"""Options that the panel offers; the others can be given from Python."""
_UNACKNOWLEDGED = 2
"""Deltas that may be on their way."""


class LiveView(FocusedWidget):
    """A trace under way.

    Parameters
    ----------
    target
        What the target box says.
    asked
        Options as the panel shows them, by name, as text.
    on_start, on_stop
        Called when the user presses Start (with target and options) or Stop. Any thread.
    """

    _esm = esm("live")
    _css = stylesheet()

    asked = traitlets.Dict().tag(sync=True)
    """What the form says: `target`, and text of each of SETTINGS."""
    settings: "traitlets.List[Any]" = traitlets.List().tag(sync=True)
    """What the panel offers; constant."""
    status = traitlets.Dict().tag(sync=True)
    """`running`, `words` (of the status line) and `error`."""

    def __init__(
        self,
        target: str,
        asked: Mapping[str, str],
        *,
        on_start: Callable[[str, dict[str, str]], None],
        on_stop: Callable[[], None],
    ) -> None:
        self._names: Mapping[str, str] = {}
        self._on_start, self._on_stop = on_start, on_stop
        self._feed = Feed()
        self._addresses: list[str] = []
        self._origin: pd.Timestamp | None = None
        self._tables: Tables | None = None
        self._sent_view: dict[str, Any] = {}
        self._number = 0
        self._acknowledged = 0
        self.is_new = False
        super().__init__(
            asked={"target": target, **asked},
            settings=[_setting(name) for name in SETTINGS],
            status={"running": False, "words": "", "error": ""},
        )
        self.on_msg(self._heard)

    @property
    def card(self) -> RunCard:
        """What is shown where no widget can be: the run as it was sent last."""
        if self._tables is None:
            return RunCard(title="Nothing traced yet", verdict="")
        return card_from_tables(self._tables, hop_table(self._tables), names=self._names)

    def say(self, words: str, *, running: bool, error: str = "") -> None:
        """Set the status line, if it says something else."""
        status = {"running": running, "words": words, "error": error}
        if status != self.status:
            self.status = status

    def begin(self) -> None:
        """Forget the trace before."""
        self._feed.whole()
        self._addresses, self._origin, self._tables, self._sent_view = [], None, None, {}
        self._responders, self._flows = {}, frozenset()
        with self.hold_sync():
            self.selected, self.responder, self.flow, self.focus = None, None, None, []
            self.columns, self.view, self.told = {}, {}, {}

    @property
    def _axis(self) -> Mapping[str, Any]:
        axis: Mapping[str, Any] = self._sent_view.get("axis", {})
        return axis

    @property
    def waits(self) -> bool:
        """The browser has not acknowledged what it was sent: what comes now is put off, not queued."""
        return self._number - self._acknowledged >= _UNACKNOWLEDGED

    def show(self, tables: "Tables", names: Mapping[str, str], *, final: bool = False) -> None:
        """Send what changed; at the end also keep it as a snapshot."""
        self._tables, self._names = tables, names
        if self.is_new:
            self.is_new = False
            self._feed.whole()
            self._sent_view = {}
        hops = hop_table(tables)
        probes = probes_in_view(tables)
        packed, view = self._packed(tables, hops, probes, names)
        focus = list(self.focus)
        within = hops if not focus else self._within(tables, view["axis"], focus)
        told = told_table(within, focus, CHOICES if final else self.shown)
        if final:
            with self.hold_sync():
                self.columns, self.view, self.told = packed, view, told
        delta = self._feed.delta(packed)
        if delta is None and view == self._sent_view:
            return
        frame = {name: part for name, part in view.items() if name not in ("axis", "verdict")}
        known = {name: part for name, part in self._sent_view.items() if name not in ("axis", "verdict")}
        self._sent_view = view
        self._number += 1
        rows = {} if delta is None else delta.rows
        content = {
            "type": "delta",
            "number": self._number,
            "keep": 0 if delta is None else delta.keep,
            "since": None if delta is None else delta.since,
            "columns": {name: dtype for name, (dtype, _) in rows.items()},
            "told": told | {"values": told["values"][0]},
            "view": frame if frame != known else None,
            "axis": view["axis"],
            "verdict": view["verdict"],
        }
        self.send(content, [*(data for _, data in rows.values()), told["values"][1]])

    def snapshot(self) -> None:
        """Have the next delta be everything: a view has come that knows nothing."""
        self.is_new = True
        self._acknowledged = self._number

    def _packed(
        self, tables: "Tables", hops: "pd.DataFrame", probes: "pd.DataFrame", names: Mapping[str, str]
    ) -> tuple[dict[str, list[Any]], dict[str, Any]]:
        known, seen = set(self._addresses), probes["addr"].dropna().astype("str").unique()
        self._addresses += [addr for addr in seen if addr not in known]
        if self._origin is None and probes["sent_at"].notna().any():
            self._origin = probes["sent_at"].min()
        axis, at = time_axis(probes, self._origin)
        words = card_from_tables(tables, hops, sparklines=False)
        view = run_view(
            tables, hops, hop_graph(tables), words, axis=axis, addresses=self._addresses, names=names
        )
        for edge in view["graph"]["edges"]:
            edge["share"] = round(edge["share"], 1)  # else the picture would be made anew at every look
        self._responders = responders_of(view["hops"])
        self._flows = flows_of(probes)
        return pack_probes(probes, self._addresses, at), view

    def _within(self, tables: "Tables", axis: Mapping[str, Any], focus: list[float]) -> "pd.DataFrame":
        return hops_within(tables, places_on(axis, tables.probes), focus)

    @traitlets.observe("focus", "shown")
    def _tell(self, _change: Mapping[str, Any]) -> None:
        tables, view = self._tables, self._sent_view
        if tables is not None and view:
            focus = list(self.focus)
            self.told = told_table(self._within(tables, view["axis"], focus), focus)

    def _heard(self, _widget: object, content: Mapping[str, Any], _buffers: object) -> None:
        match content.get("type"):
            case "start":
                asked = {str(name): str(text) for name, text in content.get("asked", {}).items()}
                self._on_start(asked.pop("target", ""), asked)
            case "stop":
                self._on_stop()
            case "hello":
                self.snapshot()
            case "shown":
                self._acknowledged = max(self._acknowledged, int(content.get("number", 0)))
            case _:
                _log.debug("the browser said what is not understood: %r", content)

    def _summary(self) -> str:
        title = self._sent_view.get("title", "nothing traced yet")
        return f"{title}, {'running' if self.status['running'] else 'stopped'}"

    def _card_text(self) -> str:
        return run_text(self.card)

    def _card_html(self) -> str:
        return run_html(self.card)


def _setting(name: str) -> dict[str, Any]:
    option = BY_NAME[name]
    return {
        "name": name,
        "help": option.help,
        "choices": [str(choice) for choice in option.choices],
        "unit": option.unit,
        "default": option.auto or ("" if option.default is None else str(option.default)),
    }
