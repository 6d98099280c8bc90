"""A trace as `capture` drives it, with a stand-in for the tables: no third-party package is needed."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from types import ModuleType
from typing import Any

from trippy_nb.model import (
    Event,
    ProbeFailed,
    ProbeSent,
    ReplyReceived,
    RoundEnded,
    TraceConfig,
    TraceEnded,
)


class Recorder:
    """Keeps the events of a run."""

    responders = ()
    foreign_sample = ()
    foreign_seen = 0

    def __init__(self, _plan: object, **_about: object) -> None:
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        """Keep an event."""
        self.events.append(event)

    @property
    def probes_sent(self) -> int:
        """Probes that left so far."""
        return sum(isinstance(event, ProbeSent) for event in self.events)

    @property
    def rounds_ended(self) -> int:
        """Rounds that are over."""
        return sum(isinstance(event, RoundEnded) for event in self.events)

    def tables(self, *, error: str | None, handles: Any, **_when: object) -> dict[str, Any]:
        """Return the run in numbers."""
        kinds = (ProbeSent, ProbeFailed, ReplyReceived)
        if any(record.closed_at is None for record in handles):
            raise AssertionError(f"open: {handles}")
        ended = [event.reason for event in self.events if isinstance(event, TraceEnded)]
        return {
            "end_reason": str(ended[0]) if ended else "none",
            "error": error,
            "rounds": self.rounds_ended,
            "statuses": dict(
                Counter(type(event).__name__ for event in self.events if isinstance(event, kinds))
            ),
        }


stand_in = ModuleType("trippy_nb.frames")
stand_in.Recorder = Recorder  # type: ignore[attr-defined]  # a module made by hand
stand_in.Tables = dict  # type: ignore[attr-defined]  # as above
for name in ("BEGINNING", "Mark", "recent_probes"):
    setattr(stand_in, name, None)  # what only live views ask for
sys.modules.setdefault("trippy_nb.frames", stand_in)

from trippy_nb.capture import Capture  # noqa: E402 - after the stand-in, which it is to find
from trippy_nb.net import LiveNetwork  # noqa: E402 - as above


def trace(address: str, on_round: Callable[[object], None], options: dict[str, Any]) -> dict[str, Any]:
    """Trace as `tn.trace` does; return the run in numbers."""
    network, config = LiveNetwork(), TraceConfig.from_options(**options)
    (target,) = network.resolve(address, config)
    capture = Capture(target, config, network, on_round=lambda collected, _event: on_round(collected))
    try:
        capture.start()
        while not capture.wait(0.05):
            pass
    except KeyboardInterrupt:
        capture.stop()
        if capture.collected.plan is None:
            raise
    except BaseException:
        capture.stop()
        raise
    answer: Any = capture.collected.tables()
    return dict(answer)
