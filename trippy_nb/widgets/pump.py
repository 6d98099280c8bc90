"""The thread that feeds a live view: the only one that talks to the browser while a trace goes on.

It looks at what was collected five times a second, or as often as the session has set (less often where a
look costs much), and sends only what changed. The picture around the numbers is made anew when the path is
another, and else so rarely that it costs next to nothing. A browser that does not acknowledge is not sent
more: a closed tab would otherwise fill the memory of the notebook server, which keeps every message for it.
While a cell computes the kernel reads no acknowledgement, so none is waited for.
"""

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from trippy_nb.errors import TrippyError
from trippy_nb.model import NS_PER_S, settings_now
from trippy_nb.tracing import MonotonicClock, ThreadClock
from trippy_nb.widgets.traced import Traced

if TYPE_CHECKING:
    from trippy_nb.widgets.live import LiveView

_log = logging.getLogger(__name__)

_COST_SHARE = 10
"""A pause is as many times as long as the look before it, at least: a tenth of a processor at most."""
_EAGER_LOOKS, _RARE = 50, 10
"""While the kernel is busy each look of the first 10 s is sent, then every tenth: for a tab that was closed
the server keeps less than 0.2 MB of the first minute."""


class Pump:
    """Runs one trace for one view, on a thread of its own.

    Parameters
    ----------
    view
        What is fed.
    make
        Makes the trace: resolves the target, and may raise. Called on the thread.
    is_busy
        Tells whether the kernel runs a cell, and so reads no messages.
    on_end
        Called on the thread when all is over and the view has it.
    """

    def __init__(
        self,
        view: "LiveView",
        make: Callable[[], Traced],
        *,
        is_busy: Callable[[], bool] = lambda: False,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self._view = view
        self._make = make
        self._is_busy = is_busy
        self._stopped_by: str | None = None
        self._traced: Traced | None = None
        self._unread = 0
        self._clock, self._processor = MonotonicClock(), ThreadClock()
        self._pictured_ns = self._picture_cost_ns = self._due_ns = 0
        self._on_end = on_end
        self._lock = threading.RLock()  # a trace that is made after Stop is stopped by whoever comes second
        self._thread = threading.Thread(target=self._run, name="trippy_nb live view", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._view.begin()
        self._view.say("starting", running=True)
        self._thread.start()

    def stop(self, *, by: str = "stop()") -> None:
        """End the trace; its handles are closed when this returns. Any thread, any number of times."""
        traced = self._told_to_stop(by)
        if traced is not None:
            traced.stop(by=by)

    def request_stop(self, *, by: str) -> None:
        """Ask the trace to end, and do not wait."""
        traced = self._told_to_stop(by)
        if traced is not None:
            traced.request_stop(by=by)

    def _told_to_stop(self, by: str) -> Traced | None:
        with self._lock:
            self._stopped_by = self._stopped_by or by
            return self._traced

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the thread is over, and the view has all; tell whether it is."""
        if self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        error = ""
        try:
            self._pump()
        except TrippyError as refused:
            error = str(refused)
        except Exception as broken:  # noqa: BLE001 - the user shall see it, whatever it is
            _log.exception("a live view broke")
            error = f"{type(broken).__name__}: {broken}"
        finally:
            with contextlib.suppress(Exception):  # a view that was closed under way
                self._end(error)

    def _pump(self) -> None:
        traced = self._make()
        with self._lock:
            self._traced = traced
        if self._stopped_by is not None:
            traced.stop(by=self._stopped_by)
        over, pause_s = False, settings_now().refresh
        try:
            while not over:
                over = traced.advance(pause_s)
                pause_s = settings_now().refresh
                if traced.has_begun and self._may_send():
                    pause_s = self._look(traced, pause_s)
        finally:
            traced.stop(by="the live view ended")

    def _look(self, traced: Traced, pause_s: float) -> float:
        """Look once, and return how long to pause: at least what is asked for."""
        began_ns, before_ns = self._clock.now_ns(), self._processor.now_ns()
        picture = began_ns - self._pictured_ns >= self._view.urgency * self._picture_cost_ns
        self._view.look(traced, picture=picture)
        now_ns, cost_ns = self._clock.now_ns(), self._processor.now_ns() - before_ns
        if picture:
            self._pictured_ns, self._picture_cost_ns = now_ns, cost_ns
            cost_ns = 0  # it is rare: what it costs is seen to above
        # By the clock: beside a computing cell each wait is some milliseconds too long, which would add up.
        look_ns = round(pause_s * NS_PER_S)
        self._due_ns = max(self._due_ns, began_ns - look_ns) + look_ns
        return max(0, self._due_ns - now_ns, _COST_SHARE * cost_ns) / NS_PER_S

    def _may_send(self) -> bool:
        if not self._view.waits:
            self._unread = 0
            return True
        if not self._is_busy():
            return False
        self._unread += 1
        return self._unread <= _EAGER_LOOKS or self._unread % _RARE == 0

    def _end(self, error: str) -> None:
        traced = self._traced
        if traced is None:
            self._view.say("", running=False, error=error)
        else:
            tables = traced.tables() if traced.has_begun else None
            self._view.finish(tables, traced.names(), traced.words(), error)
        self._on_end()
