"""A trace that can be looked at after each round: its events are played to a recorder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.frames.play import FakeClock
from tests.sim.world import trace
from trippy_nb import sim
from trippy_nb.frames import Few, Mark, Recent, Recorder, Tables, recent_probes
from trippy_nb.model import RoundEnded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trippy_nb.model import Event

NAMES = {"192.0.2.1": "home.example", "198.51.100.80": "target.example"}


class Played:
    """A trace, as the pump wants it; `advance` plays one round more.

    Parameters
    ----------
    scenario
        The world that was traced.
    rounds
        How many rounds there are in all.
    """

    def __init__(self, scenario: str = "first-steps", rounds: int = 20, **options: object) -> None:
        net = sim.load(scenario)
        name = net.scenario.targets[0].name
        traced = trace(net, name, rounds=rounds, **options)
        self._rounds = _by_round(traced.events)
        self._clock = FakeClock()
        self._recorder = Recorder(
            traced.plan, run_uuid="6f9619ff", source="sim", source_ref=None, vantage=None, clock=self._clock
        )
        self.done = 0
        self.stopped: list[str] = []

    def play(self, rounds: int = 1) -> Played:
        """Let some rounds go by."""
        for _ in range(rounds):
            for event in next(self._rounds, ()):
                self._recorder.record(event)
                if isinstance(event, RoundEnded):
                    self._clock.mono_ns = event.at_ns
            self.done += 1
        return self

    def advance(self, _timeout_s: float) -> bool:
        self.play()
        return self._recorder._ended is not None or bool(self.stopped)

    def stop(self, *, by: str = "stop()") -> None:
        self.stopped.append(by)

    request_stop = stop

    @property
    def has_begun(self) -> bool:
        return self.done > 0

    def recent(self, since: Mark) -> Recent | Few:
        return recent_probes(self._recorder, since)

    def tables(self) -> Tables:
        return self._recorder.tables()

    def names(self) -> dict[str, str]:
        return NAMES

    def words(self) -> str:
        return f"{self.done} rounds"


def _by_round(events: list[Event]) -> Iterator[list[Event]]:
    """The events of a round and what follows its end before the next probe, one after the other."""
    part: list[Event] = []
    for event in events:
        part.append(event)
        if isinstance(event, RoundEnded):
            yield part
            part = []
    yield part
