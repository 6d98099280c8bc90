"""Trace: from a name to runs."""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Unpack, cast, overload

from trippy_nb.api.document import document_options
from trippy_nb.capture import Capture, Collected, Purpose
from trippy_nb.enrich import NameBook
from trippy_nb.errors import ConfigError, StoppedError
from trippy_nb.lifetimes import current_cell
from trippy_nb.model import RoundEnded, Target, TraceConfig, TraceOptions
from trippy_nb.run import Run, RunSet
from trippy_nb.tracing import MonotonicClock

if TYPE_CHECKING:
    from trippy_nb.display import Sheet, TraceProgress
    from trippy_nb.tracing import Network

_log = logging.getLogger(__name__)

TICK_S = 0.05
"""How often whoever waits for a trace looks up."""
_NOTHING = "stopped before the first packet left: there is nothing to return"
LOOKS = 5
"""How often an event loop looks up in a tick: nobody else is held up by it."""
LOOKS_A_LINE = 50
"""How many make it redraw a progress line: that is twice a second. A task may trace for days, and a Jupyter
server keeps every message for a tab that was closed."""
_AT_ONCE = 16  # sessions under way at a time when several targets are traced

OnRound = Callable[[Run], bool | None]
Heard = Callable[[Collected, RoundEnded], None]
"""Told that a round is over, on the tracing thread; must not hold the `Tracing`."""


def live_network() -> "Network":
    """Return the operating system's own network."""
    from trippy_nb.net import LiveNetwork

    return LiveNetwork()


def network_of(given: object) -> "Network":
    """Return the world to trace in: the operating system's own, if none was given.

    Raises
    ------
    ConfigError
        If that is no network.
    """
    if given is None:
        return live_network()
    if not hasattr(given, "resolve"):
        raise ConfigError(f"network is what tn.sim.load or tn.sim.random returns, not {given!r}")
    return cast("Network", given)


class Tracing:
    """Captures under way, with the names of what they meet. The one driver of all front ends.

    They end when `stop` is called, when the notebook cell that made this object is run again, and when
    nobody holds it any more.

    Parameters
    ----------
    targets
        Resolved targets; they are traced at once in the live world, one after the other in the
        built-in internet, whose clock they share.
    config, network, on_round
        As for :func:`trace`.
    heard
        Told of the end of each round.
    purpose
        What the probes are for; None is Trippy's rounds.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        config: TraceConfig,
        network: "Network",
        *,
        on_round: OnRound | None = None,
        heard: Heard | None = None,
        purpose: Purpose | None = None,
    ) -> None:
        names = NameBook(lambda addr: network.reverse(addr, config), ttl_s=config.dns_ttl)
        self._names, self._config = names, config
        self._at_once = _AT_ONCE if network.parallel else 1

        def round_ended(collected: Collected, event: RoundEnded) -> bool | None:
            _want_names(names, collected)
            if heard is not None:
                heard(collected, event)
            return None if on_round is None else on_round(Run(collected.tables, names=names.peek))

        self.captures = [
            Capture(target, config, network, on_round=round_ended, purpose=purpose) for target in targets
        ]
        self._waiting = list(self.captures)
        self._under_way: list[Capture] = []

    def advance(self, timeout_s: float) -> bool:
        """Start what may start, wait a little; tell whether all is over.

        Raises
        ------
        Exception
            What ended a capture before it had sent anything.
        """
        while self._waiting and len(self._under_way) < self._at_once:
            capture = self._waiting.pop(0)
            self._under_way.append(capture)
            capture.start()
        if self._under_way and self._under_way[0].wait(timeout_s):
            _want_names(self._names, self._under_way.pop(0).collected)
        return not self._under_way and not self._waiting

    def request_stop(self, *, by: str = "stop()") -> None:
        """Ask every capture to end, and do not wait."""
        self._waiting.clear()
        for capture in self.captures:
            capture.request_stop(by=by)

    def stop(self, *, by: str = "stop()") -> None:
        """End every capture; each is closed when this returns."""
        self.request_stop(by=by)  # all are asked before one is waited for
        for capture in self._under_way:
            capture.stop(by=by)

    def known_names(self) -> dict[str, str]:
        """Return the host names of all responders, as far as they are known by now."""
        addrs = [addr for collected in self.collected for addr in collected.responders()]
        return {addr: name for addr in addrs if (name := self._names.peek(addr)) is not None}

    @property
    def collected(self) -> list[Collected]:
        """What each capture has collected, those that have not begun too."""
        return [capture.collected for capture in self.captures]

    def runs(self) -> list[Run]:
        """Return the runs of all captures that have begun."""
        return [self.run(collected) for collected in self.collected if collected.plan is not None]

    def run(self, collected: Collected) -> Run:
        """Return the run of one capture, as it is when it is first looked at."""
        return Run(collected.tables, names=self.names)

    @property
    def names(self) -> Callable[[str], str | None]:
        """Tells the host name of an address, if it is known by now; holds no capture."""
        return self._names.peek

    def progress(
        self,
        *,
        wanted: bool | None = None,
        words: Callable[[], str] | None = None,
        sheet: "Callable[[bool], Sheet | None] | None" = None,
    ) -> "TraceProgress":
        """Return a progress line for these captures, to be entered and updated.

        `words` says more in it; `sheet` makes the card that a notebook shows in its place.
        """
        from trippy_nb.display import TraceProgress

        # The clock of the built-in internet says nothing of ours: how long it takes, nobody knows.
        config, unknown = self._config, self._at_once == 1
        expected_s = config.max_round_duration * (config.rounds or 1_000_000)
        return TraceProgress(
            self.collected,
            rounds=config.rounds,
            expected_s=0.0 if unknown else min(expected_s, config.duration or expected_s),
            now_ns=MonotonicClock().now_ns,
            wanted=wanted,
            words=words,
            sheet=sheet,
        )

    def wait_for_names(self, timeout_s: float) -> None:
        """Give the background look-ups some time, for a report that is printed once."""
        self._names.wait(timeout_s)


def _want_names(names: NameBook, collected: Collected) -> None:
    if collected.config.dns:
        names.want(collected.responders())


@overload
def trace(  # type: ignore[overload-overlap]  # a str is an iterable of str, but the first overload takes it
    target: str,
    *,
    network: "Network | None" = ...,
    on_round: OnRound | None = ...,
    progress: bool | None = ...,
    **options: Unpack[TraceOptions],
) -> Run: ...
@overload
def trace(
    target: Iterable[str],
    *,
    network: "Network | None" = ...,
    on_round: OnRound | None = ...,
    progress: bool | None = ...,
    **options: Unpack[TraceOptions],
) -> RunSet: ...
def trace(
    target: str | Iterable[str],
    *,
    network: "Network | None" = None,
    on_round: OnRound | None = None,
    progress: bool | None = None,
    **options: Any,
) -> Run | RunSet:
    """Trace a target and return everything that was sent, came back, or stayed silent.

    Ctrl-C, or an interrupt in Jupyter, ends the trace and returns what was collected so far.

    Parameters
    ----------
    target
        Host name or address; several make a `RunSet`, as does ``dns_resolve_all=True``.
    network
        World to trace in: the live one, or ``tn.sim.load("first-steps")``.
    on_round
        Called with the run so far after each round, on the tracing thread; returning False ends
        the trace. What it raises ends it too, and is raised here with the run so far as
        its attribute ``partial_run``.
    progress
        Show a progress bar; by default where somebody is looking, and only if it takes a while.
    **options
        {options}

    Returns
    -------
    run
        A `Run`; see `docs/tables.md` for its frames.

    Raises
    ------
    ConfigError
        If an option is wrong; nothing was sent.
    ResolveError
        If the target has no address of the family asked for.
    PrivilegeError
        If this process may not send what was asked; the message says what would help.

    Examples
    --------
    >>> import trippy_nb as tn
    >>> run = tn.trace("target.example", network=tn.sim.load("first-steps"), rounds=3)
    >>> len(run.probes) > 0
    True
    """
    tracing, many = _prepare(target, options, network, on_round)
    with finished(tracing), tracing.progress(wanted=progress) as bar:
        while not tracing.advance(TICK_S):
            bar.update()
    return _result(tracing, many=many)


@contextlib.contextmanager
def finished(tracing: Tracing) -> Iterator[None]:
    """End captures on every way out; what was collected before an interrupt, or an error, is kept.

    A task that is cancelled while it waits in the block is not cancelled any more, if there is something
    to return.

    Raises
    ------
    KeyboardInterrupt, CancelledError
        If it came before the first packet left; otherwise it ends the block, and no more.
    """
    try:
        yield
    except KeyboardInterrupt:
        tracing.stop(by="interrupt")
        if not tracing.runs():
            raise KeyboardInterrupt(_NOTHING) from None
    except asyncio.CancelledError:
        tracing.stop(by="interrupt")
        task = _current_task()
        if task is None or not tracing.runs():
            raise
        task.uncancel()
    except BaseException as error:
        _attach_partial(error, tracing)
        raise
    if not tracing.runs():
        raise StoppedError(_NOTHING)


@overload
async def trace_async(  # type: ignore[overload-overlap]  # as for trace
    target: str,
    *,
    network: "Network | None" = ...,
    on_round: OnRound | None = ...,
    progress: bool | None = ...,
    **options: Unpack[TraceOptions],
) -> Run: ...
@overload
async def trace_async(
    target: Iterable[str],
    *,
    network: "Network | None" = ...,
    on_round: OnRound | None = ...,
    progress: bool | None = ...,
    **options: Unpack[TraceOptions],
) -> RunSet: ...
async def trace_async(
    target: str | Iterable[str],
    *,
    network: "Network | None" = None,
    on_round: OnRound | None = None,
    progress: bool | None = None,
    **options: Unpack[TraceOptions],
) -> Run | RunSet:
    """Trace without blocking the event loop; otherwise as :func:`trace`.

    Cancelling the task, or interrupting the cell that awaits it, ends the trace and returns what
    was collected so far; if nothing was, the task is cancelled as any other. In a notebook a task ends
    with what it has when the cell that made it is run again. `async for round in tn.rounds(...)` has a loop
    body on the event loop.

    Parameters
    ----------
    target, network, progress
        As for :func:`trace`.
    on_round
        Called with the run so far after each round, on the tracing thread; returning False ends the trace.
    **options
        {options}

    Returns
    -------
    run
        A `Run`, or a `RunSet` of several targets.

    Raises
    ------
    ConfigError, ResolveError, PrivilegeError
        As for :func:`trace`.
    """
    watch_cells()
    tracing, many = await asyncio.to_thread(_prepare, target, dict(options), network, on_round)
    with finished(tracing), tracing.progress(wanted=progress) as bar:
        for look in itertools.count():
            if tracing.advance(0):
                break
            if look % LOOKS_A_LINE == 0:
                bar.update()
            await asyncio.sleep(TICK_S / LOOKS)  # the worker is a thread that knows no loop
    return _result(tracing, many=many)


def watch_cells() -> None:
    """Watch a notebook's cells from here on; `asyncio.to_thread` passes on which one this is.

    Raises
    ------
    CancelledError
        If the cell was interrupted before it could begin: KeyboardInterrupt in a task would end the loop.
    """
    try:
        current_cell()
    except KeyboardInterrupt:
        raise asyncio.CancelledError from None


def prepare(
    target: str | Iterable[str],
    config: TraceConfig,
    *,
    network: "Network | None" = None,
    on_round: OnRound | None = None,
    heard: Heard | None = None,
    purpose: Purpose | None = None,
) -> Tracing:
    """Resolve the targets and make ready to trace them; nothing is open yet."""
    world = network_of(network)
    check_called("on_round", on_round)
    resolved: list[Target] = []
    for name in _names_of(target):
        found = world.resolve(name, config)
        resolved += found if config.dns_resolve_all else found[:1]
    return Tracing(resolved, config, world, on_round=on_round, heard=heard, purpose=purpose)


def _names_of(target: object) -> list[str]:
    names = [target] if isinstance(target, str) else [*target] if isinstance(target, Iterable) else []
    texts = [name.strip() for name in names if isinstance(name, str)]
    if not texts or len(texts) < len(names) or not all(texts):
        raise no_target(target)
    return texts


def check_called(name: str, function: object) -> None:
    """Refuse what cannot be called with the run so far; None is nobody to call.

    Raises
    ------
    ConfigError
        If it says so.
    """
    if function is not None and not callable(function):
        raise ConfigError(f"{name} is a function that is called with the run so far, not {function!r}")


def check_one(target: object) -> None:
    """Refuse what is not the text of one target, before its name is asked for.

    Raises
    ------
    ConfigError
        If it is something else, such as a list of several.
    """
    if not isinstance(target, str):
        raise no_target(target)


def no_target(given: object) -> ConfigError:
    """Make the error that says what a target is."""
    return ConfigError(f"a target is the text of a host name or an address, not {given!r}")


def _prepare(
    target: str | Iterable[str], options: dict[str, Any], network: "Network | None", on_round: OnRound | None
) -> tuple[Tracing, bool]:
    config = TraceConfig.from_options(**options)
    many = not isinstance(target, str) or config.dns_resolve_all
    return prepare(target, config, network=network, on_round=on_round), many


def _current_task() -> "asyncio.Task[Any] | None":
    try:
        return asyncio.current_task()
    except RuntimeError:  # no loop runs: `on_round` may raise what it likes
        return None


def _attach_partial(error: BaseException, tracing: Tracing) -> None:
    tracing.stop(by=type(error).__name__)
    runs = tracing.runs()
    if runs:
        error.partial_run = runs[0]  # type: ignore[attr-defined]  # documented under on_round
        error.add_note("What was collected before this is in the attribute partial_run of the error.")


def _result(tracing: Tracing, *, many: bool) -> Run | RunSet:
    runs = tracing.runs()
    if not runs:
        raise StoppedError(_NOTHING)
    return RunSet(runs) if many else runs[0]


document_options(trace)
document_options(trace_async)
