"""A session: a job on a thread of its own, which opens, uses and closes every handle.

Whoever starts it only sets a flag and waits. `Thread.join` and `is_alive` are not asked whether it
is over: on Python up to 3.12 a join that Ctrl-C interrupts marks a running thread as dead (cpython
issue 90882). A plain lock and a flag of our own say so instead.
"""

import atexit
import logging
import threading
import traceback
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeVar, cast

from trippy_nb.errors import HandleClosedError, TrippyError
from trippy_nb.lifetimes.forks import in_forked_child
from trippy_nb.lifetimes.vault import TICK_S, Vault, bind_thread_to_run

_log = logging.getLogger(__name__)

T = TypeVar("T")
Job = Callable[[Vault, Callable[[], bool]], T]

_EXIT_TICKS = 18  # of TICK_S: an exiting interpreter waits less than a second for all sessions together
_PATIENCE_TICKS = 20  # of TICK_S: how long stop() goes on in spite of Ctrl-C


class _State(Generic[T]):
    """Shared by the worker and the `Session`; knows neither, so that both can be garbage.

    Ctrl-C may strike the main thread between any two byte codes, so what it has to be sure of is one
    call of a C function: who runs the job is decided by one `dict.setdefault`.
    """

    __slots__ = ("_fate", "_finished", "_over", "error", "result", "started", "stopping", "thread")

    def __init__(self) -> None:
        self.started = False
        """Its thread is sure to run."""
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
        return self._finished or self._fate.get("run by") == "nobody"

    def begin(self) -> bool:
        """Claim the job for this thread; False if it was given up before."""
        return self._fate.setdefault("run by", "worker") == "worker"

    def give_up(self) -> None:
        """Have the job never begin, unless it has."""
        self._fate.setdefault("run by", "nobody")

    def stop_wanted(self) -> bool:
        """Tell the job whether to end."""
        return self.stopping

    def want_stop(self) -> None:
        """Ask the job to end."""
        self.stopping = True

    def finish(self) -> None:
        """Let everybody go who waits."""
        self._finished = True
        _running.pop(id(self), None)
        self._over.release()

    def pause(self, seconds: float) -> None:
        """Wait for the end, but no longer than this."""
        if not self.done and self._over.acquire(timeout=seconds):
            self._over.release()  # the next one in line; if Ctrl-C comes here, they see `done` in a tick


_running: dict[int, _State[object]] = {}


def _work(state: _State[T], job: Job[T], run_uuid: str | None) -> None:
    if not state.begin():
        return
    state.thread = threading.get_ident()
    bind_thread_to_run(run_uuid)
    try:
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

    It ends when the job does; when it is told to `stop`; when it is garbage (the flag is set, no more:
    a job must not hold its own session); and when the interpreter exits, which waits up to a second.

    Parameters
    ----------
    job
        Called with the vault and with a function that says whether to stop, to be asked at least
        every `TICK_S` (50 ms) or so.
    name
        Name of the thread.
    run_uuid
        Run that all handles opened on that thread belong to.

    Examples
    --------
    >>> with Session(lambda vault, stop: 42, name="answer") as session:
    ...     session.wait()
    42
    """

    def __init__(self, job: Job[T], *, name: str, run_uuid: str | None = None) -> None:
        self._state: _State[T] = _State()
        self._thread = threading.Thread(
            target=_work, args=(self._state, job, run_uuid), name=name, daemon=True
        )
        weakref.finalize(self, self._state.want_stop).atexit = False

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
            _running[id(state)] = cast("_State[object]", state)
            self._thread.start()
            state.started = True
        except BaseException as error:
            state.want_stop()
            state.give_up()
            if isinstance(error.__context__, KeyboardInterrupt):
                raise KeyboardInterrupt from None  # threading.Event.wait tripped over its own lock
            raise

    @property
    def done(self) -> bool:
        """Whether the job is over and every handle of its vault is closed."""
        return self._state.done

    def stop(self) -> None:
        """Ask the job to end, and wait until all its handles are closed.

        Called from the job itself it only asks. Ctrl-C does not shorten it, unless the job does not
        listen for a second.
        """
        state = self._state
        state.want_stop()
        if not state.started:  # or its start was interrupted: the worker may have begun all the same
            state.give_up()
        if state.thread == threading.get_ident():
            return
        ticks = 0
        while not state.done:
            try:
                state.pause(TICK_S)
            except KeyboardInterrupt:
                if ticks > _PATIENCE_TICKS:
                    raise
            ticks += 1

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


def _end_all() -> None:
    """Stop what is under way when the interpreter exits; daemon threads would be cut off."""
    states = list(_running.values())
    for state in states:
        state.want_stop()
    ticks = _EXIT_TICKS
    for state in states:
        while not state.done and ticks > 0:
            ticks -= 1
            try:
                state.pause(TICK_S)
            except KeyboardInterrupt:
                _log.debug("interrupted while the last sessions end")


def _forget_in_child() -> None:
    for state in list(_running.values()):
        state.error = HandleClosedError("this session belongs to the parent process")
        state.want_stop()
        state.finish()
    _running.clear()


atexit.register(_end_all)
in_forked_child(_forget_in_child)
