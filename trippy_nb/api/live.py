"""Live: a trace to watch while it goes on."""

import atexit
import threading
import uuid
import weakref
from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from trippy_nb.api.document import document_options
from trippy_nb.api.tracing import Tracing, check_one, network_of, prepare
from trippy_nb.display import in_ipython, show, show_again
from trippy_nb.errors import ConfigError, StoppedError, TrippyError
from trippy_nb.lifetimes import RUN_AGAIN, current_cell, is_cell_running, records, session_records
from trippy_nb.model import BY_NAME, TraceConfig, options_by_name, parse_duration
from trippy_nb.sim import SimNetwork
from trippy_nb.widgets import SETTINGS, LiveView, Pump

if TYPE_CHECKING:
    from trippy_nb.run import Run
    from trippy_nb.tracing import Network

_DEFAULTS: Final = {"rounds": None}  # what differs from other traces: it goes on until it is stopped
_JOIN_S = 3.0
_LOOKS_A_COUNT = 5
"""Handles are counted and names asked for once a second: the ledger has thousands of pages."""


def live(
    target: str = "",
    *,
    network: "Network | None" = None,
    start: bool | None = None,
    **options: Any,  # noqa: ANN401 - those of a trace
) -> "Live":
    """Trace a target and watch: target box, options, Start and Stop, hop graph, latency, timeline, table.

    The view moves while other cells compute. The trace ends by Stop, `stop()`, `close()`, at the end of a
    ``with`` block, when the cell is run again, with the kernel, and when nobody holds the object any more:
    every handle is closed then. The run so far is `live.run`, at any time.

    Parameters
    ----------
    target
        Host name or address; without one the view waits for you to type it.
    network
        World to trace in: the live one, or ``tn.sim.load("first-steps")``, whose clock keeps step with ours
        here (``.paced(10)`` is ten times as fast).
    start
        Begin at once; by default if there is a target.
    **options
        {options}
        Open-ended traces keep the latest 256 rounds unless `max_samples` says otherwise.

    Returns
    -------
    live
        Shows itself in a notebook. Elsewhere it traces in the background all the same.

    Raises
    ------
    ConfigError
        If an option is wrong, or ``dns_resolve_all`` is asked for; nothing was sent. What goes wrong later
        stands in the status line, and in `live.error`.

    Examples
    --------
    >>> import trippy_nb as tn
    >>> with tn.live("target.example", network=tn.sim.load("first-steps").paced(50), rounds=5) as watched:
    ...     watched.wait()
    True
    >>> watched.run.target
    'target.example'
    """
    made = Live(target, network, options)
    if start or (start is None and target):
        made.start()
    return made


_exiting = threading.Event()
atexit.register(_exiting.set)  # before IPython lets go of the notebook's names: the latest is called first


@dataclass(slots=True)
class _Held:
    """What outlives a `Live` that nobody holds: its finalizer ends it."""

    view: LiveView
    pump: Pump | None = None
    closing: bool = False

    def forget(self) -> None:
        """End the trace and close the view, without waiting: this may run on any thread, at any moment."""
        if _exiting.is_set():  # the trace ends by itself, and the front end has put the view away
            return
        self.closing = True
        if self.pump is None or self.pump.wait(0):
            self.view.close()
        else:
            self.pump.request_stop(by="nobody holds it any more")


class Live:
    """A trace to watch; made by :func:`live`."""

    def __init__(self, target: str, network: "Network | None", options: Mapping[str, Any]) -> None:
        self._network = None if network is None else _in_step(network_of(network))
        check_one(target)
        self._options = _DEFAULTS | options_by_name(options)
        _config(self._options)  # what is wrong is said here, before anything is shown
        current_cell()
        self._context = copy_context()  # Start in the browser acts for the cell that made the view
        self._tracing: Tracing | None = None
        self._display_id = uuid.uuid4().hex
        asked = _asked(self._options)
        view = LiveView(target, asked, on_start=_weakly(self._start_asked), on_stop=_weakly(self.stop))
        self._held = _Held(view)
        weakref.finalize(self, self._held.forget).atexit = False  # the trace itself has its own

    @property
    def widget(self) -> LiveView:
        """The widget, for layouts of your own. It lives as long as this object."""
        return self._held.view

    @property
    def running(self) -> bool:
        """Whether a trace goes on."""
        return bool(self.widget.status["running"])

    @property
    def error(self) -> str | None:
        """Why the latest trace could not begin, or broke off."""
        return self.widget.status["error"] or None

    @property
    def selected(self) -> int | None:
        """TTL of the selected hop; another can be chosen."""
        return self.widget.selected

    @selected.setter
    def selected(self, ttl: int | None) -> None:
        self.widget.selected = ttl

    @property
    def run(self) -> "Run":
        """The run so far, or the whole one when it is over.

        Raises
        ------
        StoppedError
            If nothing was traced yet.
        """
        runs = [] if self._tracing is None else self._tracing.runs()
        if not runs:
            raise StoppedError(self.error or "nothing was traced yet: press Start, or call start()")
        return runs[0]

    def start(self, target: str | None = None, **options: Any) -> None:  # noqa: ANN401 - those of a trace
        """Begin to trace; a trace that goes on is stopped first.

        Parameters
        ----------
        target
            Another target; by default what the target box says.
        **options
            Options that differ from now on.

        Raises
        ------
        ConfigError
            If an option is wrong, or there is no target.
        """
        target = (self.widget.asked["target"] if target is None else target).strip()
        if not target:
            raise ConfigError("a target is missing: give a host name or an address")
        options = options_by_name(options)
        config = _config(self._options | options)
        self.stop(by="a new start")
        self._options |= options
        self.widget.asked = {"target": target, **_asked(self._options)}
        context, network, mine = self._context.copy(), self._network, weakref.ref(self)

        def make() -> "_Watched":
            tracing = context.run(prepare, target, config, network=network)
            me = mine()
            if me is not None:
                me._tracing = tracing  # noqa: SLF001 - the same class
            return _Watched(tracing)

        held = self._held
        pump = Pump(held.view, make, is_busy=is_cell_running, on_end=lambda: _over(held, mine))
        held.pump = pump
        pump.start()

    def stop(self, *, by: str = "Stop") -> None:
        """End the trace; every handle is closed when this returns. Once is enough, more does no harm."""
        pump = self._held.pump
        if pump is not None:
            pump.stop(by=by)
            pump.wait(_JOIN_S)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the trace is over and shown, at most `timeout` seconds; tell whether it is."""
        pump = self._held.pump
        return pump is None or pump.wait(timeout)

    def close(self) -> None:
        """End the trace and close the view; what it showed last stays as a card. `run` stays, too."""
        self.stop(by="close()")
        if self.widget.comm is not None:
            self._show_again(live=False)  # first: a front end takes a view away only from where it was put
            self.widget.close()

    def __enter__(self) -> Self:
        """Show it, in a notebook."""
        if in_ipython():
            self._ipython_display_()
        return self

    def __exit__(self, *_exc: object) -> None:
        """End the trace, and close the view."""
        self.close()

    def __repr__(self) -> str:
        """Return the card as plain text."""
        return self.widget._card_text()  # noqa: SLF001 - a widget's repr is its name

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:  # noqa: ANN401 - IPython's protocol
        return self.widget._repr_mimebundle_(**kwargs)

    def _ipython_display_(self) -> None:
        """Show the view under an id, so that its card can be brought up to date when the trace is over."""
        show(self._bundle(), self._display_id)

    def _bundle(self, *, live: bool = True) -> dict[str, Any]:
        shown = self._repr_mimebundle_()
        bundle = dict(shown[0] if isinstance(shown, tuple) else shown)
        return bundle if live else {name: bundle[name] for name in ("text/plain", "text/html")}

    def _show_again(self, *, live: bool = True) -> None:
        """Bring the card up to date that is kept in the notebook, for whoever opens it without a kernel."""
        show_again(self._bundle(live=live), self._display_id)

    def _start_asked(self, target: str, asked: Mapping[str, str]) -> None:
        """Start as the browser asks; what is wrong goes to the status line."""
        try:
            given = {name: read_option(name, text) for name, text in asked.items() if name in SETTINGS}
            self.start(target, **given)
        except TrippyError as error:
            self.widget.say("", running=self.running, error=str(error))


def read_option(name: str, text: str) -> object:
    """Read what somebody typed for an option; nothing is its default (of `rounds`: until stopped).

    Raises
    ------
    ConfigError
        If it is no such value.
    """
    option = BY_NAME[name]
    text = text.strip()
    if not text:
        return None if name == "rounds" else option.default
    try:
        match option.kind:
            case "int":
                return int(text)
            case "duration":
                plain = text.removeprefix("-").replace(".", "", 1).isdecimal()
                return float(text) if plain else parse_duration(text)
            case _:
                return text
    except ValueError:
        raise ConfigError(f"{name} is a number, not {text!r}") from None


class _Watched:
    """A trace of one target, as the pump wants it."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing
        self._collected = tracing.collected[0]
        self.advance: Callable[[float], bool] = tracing.advance
        self.stop = tracing.stop
        self.request_stop = tracing.request_stop
        self.recent = self._collected.recent
        self.tables = self._collected.tables
        self._handles, self._words_said = "", 0
        self._names: Mapping[str, str] = {}

    @property
    def has_begun(self) -> bool:
        return self._collected.has_begun

    def names(self) -> Mapping[str, str]:
        if self._collected.over or self._words_said % _LOOKS_A_COUNT == 0:
            self._names = self._tracing.known_names()
        return self._names

    def words(self) -> str:
        collected, plan = self._collected, self._collected.plan
        if plan is None:
            return "starting"
        if collected.over or self._words_said % _LOOKS_A_COUNT == 0:
            held = records(run_uuid=collected.run_uuid)
            n_open = sum(record.closed_at is None for record in held)
            self._handles = (
                f"{n_open} handle{'' if n_open == 1 else 's'} open" if n_open else "no handle is open"
            )
        self._words_said += 1
        of = "" if plan.config.rounds is None else f" of {plan.config.rounds}"
        count = f"{collected.probes_sent:,} probes sent, {collected.rounds_ended:,}{of} rounds"
        return f"{count}; {plan.protocol}, {plan.mode}; {self._handles}"


def _config(options: Mapping[str, Any]) -> TraceConfig:
    """Check the options of a trace that is watched.

    Raises
    ------
    ConfigError
        If one is wrong, or it would be of several addresses.
    """
    config = TraceConfig(**options)
    if config.dns_resolve_all:
        raise ConfigError("a live view is of one address: leave dns_resolve_all out, or use tn.trace")
    return config


def _asked(options: Mapping[str, Any]) -> dict[str, str]:
    """Spell the options that the panel shows, as far as they were given."""
    return {name: str(options[name]) for name in SETTINGS if options.get(name) is not None}


def _in_step(network: "Network") -> "Network":
    """Have a built-in internet keep step with our clock, unless it was told how fast to go."""
    return network.paced() if isinstance(network, SimNetwork) and network.speed is None else network


def _over(held: _Held, mine: "weakref.ref[Live]") -> None:
    """Bring the card up to date, and close the view of a trace that nobody holds; on the pump's thread."""
    me = mine()
    if me is not None:
        if not _is_replaced(me):
            me._show_again()  # noqa: SLF001 - the same module
    elif held.closing:
        held.view.close()


def _is_replaced(live: Live) -> bool:
    """Tell whether it ended because its cell runs again: the output that it was in is gone."""
    tracing = live._tracing  # noqa: SLF001 - the same module
    mine = () if tracing is None else [collected.run_uuid for collected in tracing.collected]
    return any(one.stopped_by == RUN_AGAIN for one in session_records() if one.run_uuid in mine)


def _weakly(method: Callable[..., None]) -> Callable[..., None]:
    """Call a method of an object that this must not keep alive."""
    ref = weakref.WeakMethod(method)

    def call(*args: object) -> None:
        found = ref()
        if found is not None:
            found(*args)

    return call


document_options(live, without=("dns_resolve_all",), defaults=_DEFAULTS)
