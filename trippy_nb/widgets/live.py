"""The live view: a trace while it goes on, with a target box, options, Start and Stop.

The widget only shows and asks; `widgets.pump` feeds it from a thread, and who made it decides what Start
means. What travels are custom messages: five times a second the probes that are new, as bytes, of which the
browser makes the numbers; now and then the picture around them, which takes Python tens of milliseconds. The
traits hold a snapshot, set when the trace ends, so that saved widget state and a second view have it too.
"""

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
import traitlets

from trippy_nb.analysis import hop_graph, hop_table, probes_in_view
from trippy_nb.display import RunCard, card_from_tables, esm, run_html, run_text, stylesheet
from trippy_nb.model import BY_NAME
from trippy_nb.widgets.focused import FocusedWidget
from trippy_nb.widgets.knobs import Knob
from trippy_nb.widgets.runview import flows_of, responders_of, run_view
from trippy_nb.widgets.traced import Traced, Urgency
from trippy_nb.widgets.watch import Watch
from trippy_nb.widgets.wire import pack_probes, time_axis

if TYPE_CHECKING:
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
_UNACKNOWLEDGED = 12
"""Deltas that may be on their way; the browser acknowledges every fifth: hearing it costs, too."""


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
        self._names_told: Mapping[str, str] = {}
        self._watch: Watch | None = None
        self._words = ""
        self._tables: Tables | None = None
        self._sent_view: dict[str, Any] = {}
        self._number = 0
        self._acknowledged = 0
        self.is_new = False
        super().__init__(
            asked={"target": target, **asked},
            settings=[_knob(name).spelled() for name in SETTINGS],
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
        self._watch = None
        self._tables, self._names, self._sent_view, self._words = None, {}, {}, ""
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

    @property
    def urgency(self) -> Urgency:
        """How much the picture is out of date: graph, names, verdict, and what Python computes."""
        if self.is_new or self._watch is None:
            return Urgency.NOW
        if self._watch.has_news or self._names_told != self._names:
            return Urgency.NEWS
        return Urgency.BEHIND if self._watch.is_behind else Urgency.NONE

    def look(self, traced: Traced, *, picture: bool = False) -> None:
        """Send what is new: probes and status line; with the picture, if that is asked for.

        A browser that has nothing (`is_new`) is sent everything, so the picture must be asked for then.
        """
        watch = self._watch = self._watch or Watch(traced.recent)
        self._names, words = traced.names(), traced.words()
        if picture and self.is_new:
            self.is_new = False
            watch.forget()
            self._sent_view = {}
        delta = watch.look(at_all=picture)
        content, buffers = self._picture(traced.tables(), watch) if picture else ({}, [])
        if delta is None and not content and words == self._words:
            return
        self._words = words
        self._number += 1
        base, count, data = (None, 0, b"") if delta is None else (delta.base, delta.count, delta.data)
        content |= {"type": "delta", "number": self._number, "words": words}
        content |= {"base": base, "count": count, "span": watch.span}
        self.send(content, [data, *buffers])

    def finish(self, tables: "Tables | None", names: Mapping[str, str], words: str, error: str = "") -> None:
        """Keep everything as a snapshot, exactly as `analysis` has it, and say that it is over."""
        with self.hold_sync():
            if tables is not None:
                hops, probes = hop_table(tables), probes_in_view(tables)
                axis, at = time_axis(probes, self._origin)
                addresses = list(dict.fromkeys(probes["addr"].dropna().astype("str")))
                self.view = self._sent_view = self._view_of(tables, hops, names, axis, addresses)
                self.columns = pack_probes(probes, addresses, at)
                self.told = self._told_of(tables, hops)
            self.say(words, running=False, error=error)

    def snapshot(self) -> None:
        """Have the next look tell everything: a view has come that knows nothing."""
        self.is_new = True
        self._acknowledged = self._number

    @property
    def _origin(self) -> "pd.Timestamp | None":
        origin_ns = None if self._watch is None else self._watch.origin_ns
        return None if origin_ns is None else pd.Timestamp(origin_ns, unit="ns", tz="UTC")

    def _picture(self, tables: "Tables", watch: Watch) -> tuple[dict[str, Any], list[bytes]]:
        """Make what is not rows, as far as the browser has another one."""
        hops, origin = hop_table(tables), self._origin
        axis = {
            "kind": "time",
            "origin": None if origin is None else origin.isoformat(),
            "span": watch.span or (0.0, 1.0),
        }
        view = self._view_of(tables, hops, self._names, axis, watch.addresses)
        known, self._sent_view = _outline(self._sent_view), view
        self._names_told = self._names
        told = self._told_of(tables, hops, self.shown)
        content = {
            "view": view if _outline(view) != known else None,
            "verdict": view["verdict"],
            "told": told | {"values": told["values"][0]},
        }
        return content, [told["values"][1]]

    def _view_of(
        self,
        tables: "Tables",
        hops: "pd.DataFrame",
        names: Mapping[str, str],
        axis: Mapping[str, Any],
        addresses: list[str],
    ) -> dict[str, Any]:
        self._tables, self._names = tables, names
        card = card_from_tables(tables, hops, sparklines=False)
        graph = hop_graph(tables)
        view = run_view(tables, hops, graph, card, axis=axis, addresses=addresses, names=names)
        for edge in view["graph"]["edges"]:
            edge["share"] = round(edge["share"], 1)  # else the picture would be made anew at every look
        self._responders = responders_of(view["hops"])
        self._flows = flows_of(tables.probes)
        return view

    @traitlets.observe("focus", "flow", "shown")
    def _tell(self, _change: Mapping[str, Any]) -> None:
        if self._tables is not None and self._sent_view:
            self.told = self._told_of(self._tables)

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


def _outline(view: Mapping[str, Any]) -> dict[str, Any]:
    """All but what changes as a trace goes on."""
    return {name: part for name, part in view.items() if name not in ("axis", "verdict")}


def _knob(name: str) -> Knob:
    """Make a field of an option; empty is its default."""
    option = BY_NAME[name]
    usual = option.auto or ("" if option.default is None else str(option.default))
    return Knob(
        key=name,
        help=option.help,
        usual=f"default: {usual}" if option.choices else usual,
        choices=option.choices,
        label=name.replace("_", " ") + (f" ({option.unit})" if option.unit else ""),
    )
