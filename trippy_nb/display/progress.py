"""A progress line where somebody looks: rich in a terminal, one HTML element in a notebook.

Both are drawn from the main thread, by whoever waits for the trace, so that nothing prints from a
thread of ours (in a notebook that lands in whatever cell runs at the time).
"""

import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from html import escape
from typing import TYPE_CHECKING, Protocol, Self

from trippy_nb.display.sheet import Sheet, sheet_html, sheet_text
from trippy_nb.display.shown import in_notebook
from trippy_nb.model import NS_PER_S

if TYPE_CHECKING:
    from rich.progress import Progress

_WORTH_SHOWING_S = 1.0
_UPDATES_A_SHEET = 20
"""A card is redrawn once a second: it is some kilobytes, and tables are made for it."""
_TERMINAL = threading.Lock()
"""A terminal has one line: of traces side by side (tasks, threads) the first has it."""


class Counted(Protocol):
    """What progress is shown of: a capture."""

    @property
    def rounds_ended(self) -> int:
        """Rounds that are over."""

    @property
    def probes_sent(self) -> int:
        """Probes sent so far."""


class TraceProgress:
    """Show how far traces have come.

    Parameters
    ----------
    captures
        What is under way.
    rounds
        Rounds each of them will take; None if nobody knows.
    expected_s
        How long they will take, in seconds; 0 if nobody knows. Of less than a second nothing is shown
        before one has gone by, unless `wanted`.
    now_ns
        Tells the time of whoever looks, whatever that of the network is.
    wanted
        True shows it from the beginning, False never.
    words
        Says more than the number of probes; what has such words has no rounds.
    sheet
        Makes the card that a notebook shows in place of the line, if there is something to show; it is told
        whether this is the end.
    """

    def __init__(
        self,
        captures: Sequence[Counted],
        *,
        rounds: int | None,
        expected_s: float,
        now_ns: Callable[[], int],
        wanted: bool | None = None,
        words: Callable[[], str] | None = None,
        sheet: Callable[[bool], Sheet | None] | None = None,
    ) -> None:
        self._more = words
        self._sheet = sheet
        self._updates = 0
        self._captures = captures
        self._total = None if rounds is None else rounds * len(captures)
        self._stack = ExitStack()
        self._terminal: Progress | None = None
        self._cell: object | None = None
        self._drawn = ""
        somebody = in_notebook() or sys.stderr.isatty()
        # When to begin: how long it takes is not always known, nor what else the machine has to do.
        self._after_s = 0.0 if wanted or expected_s >= _WORTH_SHOWING_S else _WORTH_SHOWING_S
        self._wanted = somebody if wanted is None else wanted
        self._now_ns, self._entered_ns = now_ns, 0
        self._waiting = False

    def __enter__(self) -> Self:
        """Begin to show, if it is to be shown from the beginning."""
        self._waiting, self._entered_ns = self._wanted, self._now_ns()
        self._begin()
        return self

    def _begin(self) -> None:
        """Show, once it is time to."""
        since_s = (self._now_ns() - self._entered_ns) / NS_PER_S
        if not self._waiting or since_s < self._after_s:
            return
        self._waiting, self._updates = False, 0
        if in_notebook():
            from IPython.display import display

            self._cell = display(self._html(), display_id=True)  # type: ignore[no-untyped-call]  # IPython has no types
        elif _TERMINAL.acquire(blocking=False):
            self._stack.callback(_TERMINAL.release)
            self._terminal = self._stack.enter_context(_bar(rounds=self._more is None))
            self._task = self._terminal.add_task("tracing", total=self._total)
            line = self._terminal.tasks[-1]
            line.start_time = line.get_time() - since_s

    def __exit__(self, *_exc: object) -> None:
        """Show the end, and leave."""
        self._update(over=True)
        self._stack.close()

    def update(self) -> None:
        """Redraw; called by whoever waits, some times a second."""
        self._begin()
        self._update(over=False)

    def _update(self, *, over: bool) -> None:
        self._updates += 1
        if self._terminal is not None:
            self._terminal.update(self._task, completed=self._done, description=self._words)
        elif self._cell is not None and (
            over or self._sheet is None or self._updates % _UPDATES_A_SHEET == 1
        ):
            sheet = None if self._sheet is None else self._sheet(over)
            line = self._html() if sheet is None else _Html(sheet_html(sheet), sheet_text(sheet))
            if repr(line) != self._drawn:
                self._drawn = repr(line)
                self._cell.update(line)  # type: ignore[attr-defined]  # IPython's DisplayHandle

    @property
    def _done(self) -> int:
        return sum(capture.rounds_ended for capture in self._captures)

    @property
    def _words(self) -> str:
        count = f"{sum(capture.probes_sent for capture in self._captures)} probes"
        more = "" if self._more is None else self._more()
        return f"{count}, {more}" if more else count

    def _html(self) -> "_Html":
        limit = "" if self._total is None else f' max="{self._total}" value="{self._done}"'
        of = "" if self._total is None else f" of {self._total}"
        rounds = f"round {self._done}{of}, " if self._more is None else ""
        words = f"{rounds}{self._words}"
        return _Html(f"<progress{limit}></progress> {escape(words)}", words)


class _Html:
    """A piece of HTML, with its words as plain text."""

    def __init__(self, html: str, text: str) -> None:
        self._html, self._text = html, text

    def _repr_html_(self) -> str:
        return self._html

    def __repr__(self) -> str:
        return self._text


def _bar(*, rounds: bool) -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    # What has no rounds has no end that is known, so it needs no bar, and its words need the room.
    bar = (TextColumn("tracing"), BarColumn(), MofNCompleteColumn(), TextColumn("rounds,")) if rounds else ()
    return Progress(
        *bar,
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
