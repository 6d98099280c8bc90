"""The handles of this process as they come and go: a bar each, from its opening to its closing.

A thread looks once a second, and says something only if something changed: it costs nothing to leave it open.
"""

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import traitlets

from trippy_nb.display import esm, handles_sheet, sheet_html, sheet_text, stylesheet
from trippy_nb.frames import handles_frame
from trippy_nb.model import NS_PER_S, settings_now
from trippy_nb.tracing import MonotonicClock
from trippy_nb.widgets.base import CardWidget

if TYPE_CHECKING:
    from trippy_nb.display import Sheet

_MOST_ROWS = 20
_LOOK_S = 1.0
"""From one look to the next, at least; `settings.refresh`, if that is more."""


class HandlesView(CardWidget):
    """Watch the handles of this process until it is closed.

    Parameters
    ----------
    read
        Returns what is known of all handles: objects with the columns of HANDLES as attributes, as
        `lifetimes.records` does.
    now_ns
        The clock that opened and closed them, ns since 1970.
    """

    _esm = esm("handles")
    _css = stylesheet()

    shown = traitlets.Dict(read_only=True).tag(sync=True)
    """`says`, `rows` (newest last), `span_s` of their bars, `more`: how many older ones are not shown."""

    def __init__(self, read: Callable[[], Sequence[Any]], *, now_ns: Callable[[], int] | None = None) -> None:
        self._read = read
        self._now_ns = now_ns or MonotonicClock().wall_ns
        self._over = threading.Event()
        super().__init__()
        self.look()
        self._thread = threading.Thread(target=self._follow, name="trippy_nb handles", daemon=True)
        self._thread.start()

    def look(self) -> None:
        """Bring the view up to date, as it does once a second by itself."""
        records = self._read()
        held = [one for one in records if one.closed_at is None]  # few of thousands
        shown = _told(records, self._now_ns()) | {"says": _sheet(held).sentence}
        if shown != self.shown:
            self.set_trait("shown", shown)

    def close(self) -> None:
        """Look no more; no handle is touched."""
        self._over.set()
        if self._thread is not threading.current_thread():
            self._thread.join()
        super().close()

    def _follow(self) -> None:
        while not self._over.wait(max(_LOOK_S, settings_now().refresh)):
            self.look()

    def _summary(self) -> str:
        return str(self.shown["says"])

    def _card_text(self) -> str:
        return sheet_text(_sheet(self._read()))

    def _card_html(self) -> str:
        return sheet_html(_sheet(self._read()))


def _sheet(records: Sequence[Any]) -> "Sheet":
    return handles_sheet(handles_frame(records))


def _told(records: Sequence[Any], now_ns: int) -> dict[str, Any]:
    """Tell of the newest handles; times in seconds since the first of them was opened."""
    newest = records[-_MOST_ROWS:]
    began_ns = min((one.opened_at for one in newest), default=now_ns)
    ends = [now_ns if one.closed_at is None else one.closed_at for one in newest]
    rows = [
        {
            "handle": one.handle,
            "kind": one.kind,
            "purpose": one.purpose,
            "from_s": (one.opened_at - began_ns) / NS_PER_S,
            "to_s": (max(end, one.opened_at) - began_ns) / NS_PER_S,
            "sent": one.sent,
            "received": one.received,
            "opened_by": one.opened_by,
            "closed_by": one.closed_by,
        }
        for one, end in zip(newest, ends, strict=True)
    ]
    span_s = max((row["to_s"] for row in rows), default=0.0)
    return {"rows": rows, "span_s": span_s, "more": len(records) - len(newest)}
