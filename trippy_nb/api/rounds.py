"""Rounds: a trace as a loop, with a turn for each round when it is over.

The loop owns the trace: its iterator is a generator that holds the `Tracing`, and nobody else does. So
leaving the loop by whatever way drops the generator, which ends the trace and waits until all is closed.
"""

import asyncio
import contextlib
import itertools
import threading
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, Unpack, cast

from trippy_nb.api.document import document_options
from trippy_nb.api.tracing import (
    LOOKS,
    LOOKS_A_LINE,
    TICK_S,
    Tracing,
    check_one,
    finished,
    network_of,
    prepare,
    watch_cells,
)
from trippy_nb.capture import Collected
from trippy_nb.errors import ConfigError
from trippy_nb.frames import OPEN_ENDED_ROUNDS
from trippy_nb.model import RoundEnded, TraceConfig, TraceOptions
from trippy_nb.run import Run

if TYPE_CHECKING:
    import pandas as pd

    from trippy_nb.tracing import Network

_Told = tuple[int, int | None, int | None]  # number, wall time of start and end in ns


@dataclass(frozen=True, eq=False)
class Round:
    """A round that is over."""

    number: int
    """From 0, as in the column `round`."""
    started: "pd.Timestamp"
    """UTC; missing if the loop was so far behind that the round had been let go of."""
    ended: "pd.Timestamp"
    run: Run = field(repr=False)
    """The run so far, as it is when it is first looked at; probes of later rounds may be in flight in it."""

    @cached_property
    def probes(self) -> "pd.DataFrame":
        """Rows of this round, of `run.probes`."""
        probes = self.run.probes
        return probes[probes["round"] == self.number].reset_index(drop=True)


class _Ended:
    """Rounds that wait for their turn: told on the tracing thread, taken on the loop's.

    Ctrl-C may strike the loop's thread between any two byte codes, and must not leave a lock taken that the
    other thread wants: so both bells are plain locks, which are rung by a release.

    Parameters
    ----------
    kept
        Rounds that a run keeps, the newest; the times of older ones are let go of as well.
    in_turn
        Whether the trace waits until the turn of a round is over: it may where time is virtual.
    """

    def __init__(self, *, kept: int | None, in_turn: bool) -> None:
        self._told: deque[_Told] = deque(maxlen=kept)
        self._in_turn = in_turn
        self._told_one, self._turn_over = threading.Lock(), threading.Lock()
        self._told_one.acquire()
        self._turn_over.acquire()
        self._next = 0

    def hear(self, collected: Collected, event: RoundEnded) -> None:
        """Note a round; called on the tracing thread."""
        offset_ns = collected.clock.sample().offset_ns
        self._told.append((event.round, event.started_ns + offset_ns, event.at_ns + offset_ns))
        if self._told_one.locked():
            self._told_one.release()
        while self._in_turn and not collected.stop_wanted():
            if self._turn_over.acquire(timeout=TICK_S / LOOKS):
                return

    def wait(self, timeout_s: float) -> None:
        """Wait for a round, but no longer than this."""
        self._told_one.acquire(timeout=timeout_s)

    def take(self) -> Iterator[_Told]:
        """Go through what has been told, and rounds of which no more is known than that they were."""
        while self._told:
            told = self._told.popleft()
            for number in range(self._next, told[0]):
                yield number, None, None
            self._next = told[0] + 1
            yield told
            if self._turn_over.locked():
                self._turn_over.release()


class Rounds:
    """The rounds of a trace that a loop makes: each `for` and `async for` traces anew."""

    def __init__(
        self, target: str, config: TraceConfig, *, network: "Network | None", progress: bool | None
    ) -> None:
        self._target, self._config, self._network = target, config, network
        self._wanted = progress
        self._run: Run | None = None
        self._is_whole = False
        self._look: tuple[Collected, Any] | None = None

    def __repr__(self) -> str:
        return f"<rounds of {self._target}: loop over them>"

    @property
    def run(self) -> Run:
        """The run of the latest loop: whole when that is over, else as far as it has got.

        Raises
        ------
        ConfigError
            If there was no loop.
        """
        if self._look is None:
            raise ConfigError("there is no run before the loop: `for round in rounds` makes it")
        collected, names = self._look
        if self._run is None or not self._is_whole:
            self._is_whole = collected.over
            self._run = Run(collected.tables, names=names)
        return self._run

    def __iter__(self) -> Iterator[Round]:
        """Trace, and go through the rounds as they end."""
        turns = self._turns(*self._begin(), wait_s=TICK_S)
        return cast("Iterator[Round]", turns)  # it waits itself: there is no None among them

    def __aiter__(self) -> "_Awaited":
        """Trace, and go through the rounds as they end, without blocking the event loop."""
        return _Awaited(self)

    def _begin(self) -> tuple[Tracing, _Ended]:
        config = self._config
        network = network_of(self._network)
        open_ended = OPEN_ENDED_ROUNDS if config.rounds is None else None
        ended = _Ended(kept=config.max_samples or open_ended, in_turn=not network.parallel)
        tracing = prepare(self._target, config, network=network, heard=ended.hear)
        if len(tracing.captures) > 1:
            raise ConfigError(
                "rounds are those of one address: trace several in loops, or tasks, of their own"
            )
        (collected,) = tracing.collected
        self._look, self._run = (collected, tracing.names), None
        return tracing, ended

    def _turns(
        self, tracing: Tracing, ended: _Ended, *, wait_s: float
    ) -> Generator[Round | None, None, None]:
        """Give each round when it is over; None when there is nothing to give, unless it waits itself."""
        (collected,) = tracing.collected
        names, redraw = tracing.names, LOOKS_A_LINE // LOOKS if wait_s else LOOKS_A_LINE
        with finished(tracing), tracing.progress(wanted=self._progress_wanted()) as bar:
            try:
                for look in itertools.count():
                    over = tracing.advance(0)
                    if look % redraw == 0:
                        bar.update()
                    for number, started_ns, ended_ns in ended.take():
                        run = Run(collected.tables, names=names)
                        yield Round(number, _utc(started_ns), _utc(ended_ns), run)
                    if over:
                        return
                    if wait_s:
                        ended.wait(wait_s)
                    else:
                        yield None
            except GeneratorExit:
                tracing.stop(by="its loop was left")
                raise

    def _progress_wanted(self) -> bool | None:
        from trippy_nb.display import in_notebook

        # At a terminal rich would send what the loop's body prints to standard error.
        return self._wanted if self._wanted is not None or in_notebook() else False


def _utc(wall_ns: int | None) -> "pd.Timestamp":
    import pandas as pd

    return pd.NaT if wall_ns is None else pd.Timestamp(wall_ns, unit="ns", tz="UTC")  # type: ignore[return-value]  # NaT stands for one


class _Awaited:
    """The same turns, for an event loop. No asynchronous generator: one that is left ends some time later."""

    def __init__(self, rounds: Rounds) -> None:
        self._rounds = rounds
        self._turns: Generator[Round | None, None, None] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Round:
        if self._turns is None:
            watch_cells()
            begun = await asyncio.to_thread(self._rounds._begin)  # noqa: SLF001 - the same module
            self._turns = self._rounds._turns(*begun, wait_s=0)  # noqa: SLF001 - the same module
        try:
            for turn in self._turns:
                if turn is not None:
                    return turn
                await asyncio.sleep(TICK_S / LOOKS)
        except asyncio.CancelledError as error:
            with contextlib.suppress(StopIteration):
                self._turns.throw(error)  # it knows whether there is something to return
        raise StopAsyncIteration


def rounds(
    target: str,
    *,
    network: "Network | None" = None,
    progress: bool | None = None,
    **options: Unpack[TraceOptions],
) -> Rounds:
    """Trace a target in a loop: ``for round in tn.rounds(...)``, or ``async for``.

    Leaving the loop ends the trace, by whatever way: its last round, ``break``, an exception, an interrupt.
    All handles are closed before the next line runs. An interrupt while the loop waits for a round ends the
    loop, and the cell goes on.

    A slow loop loses no round and does not hold up the trace: it gets each one later. An open-ended trace
    keeps probes of the newest `max_samples` rounds (256 if not said); of a round that is let go of before its
    turn there is its number. In the built-in internet time waits for the loop.

    Parameters
    ----------
    target
        Host name or address.
    network
        World to trace in: the live one, or ``tn.sim.load("first-steps")``.
    progress
        Show a progress line; by default in a notebook, and only if it takes a while.
    **options
        {options}

    Returns
    -------
    rounds
        Gives objects with `number`, `started`, `ended`, `probes` (a PROBES frame) and `run` (so far);
        has itself a `run`: the whole one, after the loop.

    Raises
    ------
    ConfigError
        If an option is wrong, or the target is no text; what else a trace may raise comes from the loop.

    Examples
    --------
    >>> import trippy_nb as tn
    >>> rounds = tn.rounds("target.example", network=tn.sim.load("first-steps"), rounds=None)
    >>> for round in rounds:
    ...     if round.number == 2:
    ...         break
    >>> rounds.run.probes["round"].nunique()
    3
    """
    check_one(target)
    return Rounds(target, TraceConfig.from_options(**options), network=network, progress=progress)


document_options(rounds)
