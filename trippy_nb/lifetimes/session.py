"""A session: a job on a thread of its own, which opens, uses and closes every handle.

Whoever starts it only sets a flag and waits. `Thread.join` and `is_alive` are not asked whether it
is over: on Python up to 3.12 a join that Ctrl-C interrupts marks a running thread as dead (cpython
issue 90882). A plain lock and a flag of our own say so instead.
"""

import atexit
import itertools
import logging
import threading
import traceback
import weakref
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Generic, Self, TypeVar, cast

from trippy_nb.errors import HandleClosedError, TrippyError
from trippy_nb.lifetimes import register
from trippy_nb.lifetimes.capabilities import drop_opening
from trippy_nb.lifetimes.cells import current_cell, when_run_again
from trippy_nb.lifetimes.forks import in_forked_child
from trippy_nb.lifetimes.ledger import LEDGER
from trippy_nb.lifetimes.register import SessionRecord
from trippy_nb.lifetimes.turns import forget_turns, short_turns
from trippy_nb.lifetimes.vault import TICK_S, Vault, bind_thread_to_run, held_by_thread
from trippy_nb.model import EndReason

_log = logging.getLogger(__name__)

T = TypeVar("T")
Job = Callable[[Vault, Callable[[], bool]], T]

STOP_TIMEOUT_S = 1.0
RUN_AGAIN = "its cell is run again"
"""Who asked a session to end, if its cell did."""
_EXIT_S = 0.9  # an exiting interpreter waits less than a second for all sessions together
_PATIENCE_S = 1.0  # how long stop() goes on in spite of Ctrl-C

_numbers = itertools.count(1)


class _State(Generic[T]):
    """Shared by the worker and the `Session`; knows neither, so that both can be garbage.

    Ctrl-C may strike the main thread between any two byte codes, so what it has to be sure of is one
    call of a C function: who runs the job is decided by one `dict.setdefault`.
    """

    __slots__ = (
        "_fate",
        "_finished",
        "_over",
        "cell",
        "error",
        "name",
        "number",
        "result",
        "run_uuid",
        "started",
        "started_at",
        "stopping",
        "target",
        "thread",
    )

    def __init__(self, name: str, target: str | None, run_uuid: str | None) -> None:
        self.number = next(_numbers)
        self.name = name
        self.target = target
        self.run_uuid = run_uuid
        self.cell = current_cell()
        self.started = False
        """Its thread is sure to run."""
        self.started_at: int | None = None
        self.stopping = False
        self.thread: int | None = None
        self.result: T | None = None
        self.error: BaseException | None = None
        self._fate: dict[str, str] = {}
        self._finished = False
        self._over = threading.Lock()
        self._over.acquire()

    @property
    def done(self) -> bool:
        """Whether the job is over, or will never begin."""
        return self._finished or self.given_up

    @property
    def given_up(self) -> bool:
        """Whether the job will never begin."""
        return self._fate.get("run by") == "nobody"

    @property
    def has_thread(self) -> bool:
        """Whether a thread has been started for it, as far as anybody can know."""
        return self.started or self._fate.get("run by") == "worker"

    def begin(self) -> bool:
        """Claim the job for this thread; False if it was given up before."""
        if self._fate.setdefault("run by", "worker") != "worker":
            return False
        self.thread = threading.get_ident()
        self.started_at = LEDGER.now_ns()
        _running[self.number] = cast("_State[object]", self)
        _waiting.pop(self.number, None)
        return True

    def give_up(self) -> None:
        """Have the job never begin, unless it has."""
        mine = self._fate.setdefault("run by", "nobody") == "nobody"
        if mine and _waiting.pop(self.number, None) is not None:
            register.ended.append(self.record(ended_at=LEDGER.now_ns()))

    def stop_wanted(self) -> bool:
        """Tell the job whether to end."""
        return self.stopping

    def want_stop(self, by: str) -> None:
        """Ask the job to end; the first who asks is on record."""
        self.stopping = True
        self._fate.setdefault("stopped by", by)

    def forget(self) -> None:
        """Ask the job to end, or never to begin, because its session is garbage."""
        self.want_stop("nobody holds it any more")
        _waiting.pop(self.number, None)

    def finish(self) -> None:
        """Let everybody go who waits."""
        try:
            register.ended.append(self.record(ended_at=LEDGER.now_ns()))
        finally:
            self._finished = True
            _running.pop(self.number, None)
            _waiting.pop(self.number, None)
            self._over.release()

    def pause(self, seconds: float) -> bool:
        """Wait for the end, but no longer than this; tell whether it came."""
        if not self.done and self._over.acquire(timeout=seconds):
            self._over.release()  # the next one in line; if Ctrl-C comes here, they see `done` in a tick
        return self.done

    def record(self, ended_at: int | None = None) -> SessionRecord:
        """Say what is known, as plain data."""
        if ended_at is not None:
            state = register.ENDED
        elif self.stopping:
            state = register.STOPPING
        else:
            state = register.RUNNING if self.thread else register.WAITING
        reason = self.result if isinstance(self.result, EndReason) else None
        error = self.error
        return SessionRecord(
            session=self.number,
            name=self.name,
            target=self.target,
            run_uuid=self.run_uuid,
            state=state,
            started_at=self.started_at,
            ended_at=ended_at,
            handles=0 if self.thread is None else held_by_thread(self.thread),
            cell=self.cell,
            stopped_by=self._fate.get("stopped by"),
            end_reason=str(EndReason.ERROR if error is not None else reason) if error or reason else None,
            error=None if error is None else f"{type(error).__name__}: {error}",
        )


_waiting: dict[int, _State[object]] = {}
"""Made and not begun; the finalizer of each one's session takes it out."""
_running: dict[int, _State[object]] = {}


def _work(state: _State[T], job: Job[T]) -> None:
    if not state.begin():
        return
    bind_thread_to_run(state.run_uuid, state.stop_wanted)
    try:
        drop_opening()
        with short_turns():
            vault = Vault()
            try:
                state.result = job(vault, state.stop_wanted)
            finally:
                vault.close(by="end of the session")
    except BaseException as error:  # noqa: BLE001 - handed over to whoever waits
        state.error = _without_frames(error)
    finally:
        state.finish()


def _without_frames(error: BaseException) -> BaseException:
    """Take the frames off an exception and all it came from.

    A notebook keeps exceptions (`sys.last_value`), exceptions keep frames, and frames keep everything
    that was ever a local variable. Where the error is a fault in a program the text stays, as a note.
    """
    if isinstance(error, HandleClosedError) or not isinstance(error, TrippyError):
        error.add_note(
            "On the session's thread:\n" + "".join(traceback.format_tb(error.__traceback__)).rstrip()
        )
    todo: list[BaseException | None] = [error]
    seen: set[int] = set()
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.__traceback__ = None
        todo += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            todo += one.exceptions
    return error


class Session(Generic[T]):
    """Run a job on a daemon thread of its own, with a vault that is closed when the job is over.

    It ends when the job does; when it is told to `stop`; when the notebook cell that made it is run
    again; when it is garbage (the flag is set, no more: a job must not hold its own session); and when
    the interpreter exits, which waits up to a second.

    Parameters
    ----------
    job
        Called with the vault and with a function that says whether to stop, to be asked at least
        every `TICK_S` (50 ms) or so.
    name
        Name of the thread.
    run_uuid
        Run that all handles opened on that thread belong to.
    target
        What it is about, as the register says it.

    Examples
    --------
    >>> with Session(lambda vault, stop: 42, name="answer") as session:
    ...     session.wait()
    42
    """

    def __init__(
        self, job: Job[T], *, name: str, run_uuid: str | None = None, target: str | None = None
    ) -> None:
        state: _State[T] = _State(name, target, run_uuid)
        self._state = state
        self._thread = threading.Thread(target=_work, args=(state, job), name=name, daemon=True)
        weakref.finalize(self, state.forget).atexit = False
        _waiting[state.number] = cast("_State[object]", state)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin the job.

        Raises
        ------
        RuntimeError
            If it was started before, or there can be no more threads.
        """
        state = self._state
        if state.started or state.done:
            raise RuntimeError("a session is started once, and not after its end")
        try:
            self._thread.start()
            state.started = True
        except BaseException as error:
            state.want_stop("its start failed")
            state.give_up()
            if isinstance(error.__context__, KeyboardInterrupt):
                raise KeyboardInterrupt from None  # threading.Event.wait tripped over its own lock
            raise

    @property
    def done(self) -> bool:
        """Whether the job is over and every handle of its vault is closed."""
        return self._state.done

    @property
    def given_up(self) -> bool:
        """Whether it was stopped before it began; then it never does."""
        return self._state.given_up

    def request_stop(self, *, by: str = "stop()") -> None:
        """Ask the job to end, and do not wait; if it has not begun, it never will."""
        _request_stop(self._state, by)

    def stop(self, *, by: str = "stop()") -> None:
        """Ask the job to end, and wait until all its handles are closed.

        Called from the job itself it only asks. Ctrl-C does not shorten it, unless the job does not
        listen for a second.

        Parameters
        ----------
        by
            Who asks, as the register says it.
        """
        _request_stop(self._state, by)
        _wait_for([self._state])

    def wait(self, timeout_s: float | None = None) -> T:
        """Wait for the end and return what the job returned.

        An interrupt (Ctrl-C) passes through: the job goes on until `stop`, and may be waited for again.

        Parameters
        ----------
        timeout_s
            Longest wait; None is for ever.

        Raises
        ------
        TimeoutError
            If it is not over by then.
        Exception
            What the job raised, without its frames.
        """
        state = self._state
        if state.thread == threading.get_ident() or not (state.started or state.thread or state.done):
            raise RuntimeError("this session was not started, or is waited for by its own job")
        left = float("inf") if timeout_s is None else timeout_s
        while not state.done:
            if left <= 0:
                raise TimeoutError(f"the session is not over after {timeout_s} s")
            state.pause(min(left, TICK_S))  # short: a signal that another thread took is seen after it
            left -= TICK_S
        if state.error is not None:
            raise state.error.with_traceback(None)
        if state.thread is None:
            raise RuntimeError("this session was stopped before it began")
        return cast("T", state.result)


def session_records() -> tuple[SessionRecord, ...]:
    """Return the sessions of this process that wait, run, or have ended (the latest 1,000), by number."""
    found = {state.number: state.record() for state in _not_over()}
    found |= {record.session: record for record in register.ended.copy()}  # later looked at, so newer
    return tuple(found[number] for number in sorted(found))


def stop_all(timeout_s: float = STOP_TIMEOUT_S, *, by: str = "stop_all()") -> tuple[SessionRecord, ...]:
    """Stop every session of this process, those that have not begun too.

    Parameters
    ----------
    timeout_s
        Longest wait for all of them together. One listens within 50 ms, as a rule.
    by
        Who asks, as the register says it.

    Returns
    -------
    records
        What was stopped, by number; a session that did not listen in time is still ``stopping``.
    """
    numbers = {state.number for state in _stop_those(_not_over(), timeout_s, by)}
    return tuple(record for record in session_records() if record.session in numbers)


def _not_over() -> list[_State[object]]:
    return [*_waiting.copy().values(), *_running.copy().values()]


def _stop_those(states: list[_State[object]], timeout_s: float, by: str) -> list[_State[object]]:
    for state in states:  # all are asked before one is waited for
        _request_stop(state, by)
    _wait_for(states, timeout_s)
    return states


def _request_stop(state: _State[T], by: str) -> None:
    state.want_stop(by)
    if not state.started:  # or its start was interrupted: the worker may have begun all the same
        state.give_up()


def _wait_for(states: Iterable[_State[T]], timeout_s: float = float("inf")) -> None:
    """Wait until all are over, or the time is; not for the thread that asks.

    A wait that the end cuts short costs nothing, so that many which listen do not use up the time.
    """
    waited_s = 0.0
    for state in states:
        while not state.done and waited_s < timeout_s and state.thread != threading.get_ident():
            try:
                ended = state.pause(TICK_S)
            except KeyboardInterrupt:
                if waited_s > _PATIENCE_S:
                    raise
                ended = False
            if not ended:
                waited_s += TICK_S


def _run_again(cell: str) -> None:
    if not (_waiting or _running):  # nearly always: every cell of the notebook passes here
        return
    mine = [state for state in _not_over() if state.cell == cell]
    for state in _stop_those(mine, STOP_TIMEOUT_S, RUN_AGAIN):
        _log.info("the cell is run again: %s is stopped", state.name)


def _end_all() -> None:
    """Stop what is under way when the interpreter exits; daemon threads would be cut off."""
    _stop_those(_not_over(), _EXIT_S, "the interpreter exits")


def _forget_in_child() -> None:
    mine = _waiting | _running
    for state in mine.values():
        if not state.has_thread:
            continue
        state.error = HandleClosedError("this session belongs to the parent process")
        state.want_stop("fork")
        state.finish()
    _running.clear()
    forget_turns()


atexit.register(_end_all)
when_run_again(_run_again)
in_forked_child(_forget_in_child)
