"""What a progress line says beside the number of probes, of verbs that have no rounds."""

from abc import ABC, abstractmethod
from typing import Final

from trippy_nb.api.tracing import Tracing
from trippy_nb.run import Run

LOOK_EVERY: Final = 4  # ticks: making tables takes some milliseconds


class Telling(ABC):
    """Says what is known by now, looking only now and then.

    Parameters
    ----------
    tracing
        What is under way.
    """

    _words = ""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing
        self._calls = 0

    def __call__(self) -> str:
        """Return the words."""
        self._calls += 1
        if self._calls % LOOK_EVERY == 1 and (runs := self._tracing.runs()):
            self._words = self._say(runs[0])
        return self._words

    @abstractmethod
    def _say(self, run: Run) -> str:
        """Put into words what a run shows so far."""
