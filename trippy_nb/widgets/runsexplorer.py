"""The explorer of several runs: one after the other, or all of them along one time axis."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import traitlets

from trippy_nb.errors import ConfigError
from trippy_nb.widgets.explorer import Explored, ExploringWidget

if TYPE_CHECKING:
    Made = Callable[[], Explored]

TOGETHER = -1
"""All runs along one time axis."""


class RunsExplorer(ExploringWidget):
    """Explore several runs.

    Parameters
    ----------
    runs
        For each run a line of text to choose it by, and what makes it when it is chosen.
    together
        What makes all of them as one, where they have one target: shown first.

    Raises
    ------
    ConfigError
        If there are no runs.
    """

    runs: "traitlets.List[Any]" = traitlets.List().tag(sync=True)
    """What can be chosen: `number` and `text`; constant."""
    chosen = traitlets.Int().tag(sync=True)
    """Position of the run that is shown; -1 is all of them together. Two-way. Another run keeps the selected
    hop, if it has such a hop, and lets go of the rest."""

    def __init__(self, runs: "Sequence[tuple[str, Made]]", *, together: "Made | None" = None) -> None:
        if not runs:
            raise ConfigError("there are no runs to explore")
        self._makers = {number: make for number, (_, make) in enumerate(runs)}
        texts = {number: f"{number}: {text}" for number, (text, _) in enumerate(runs)}
        if together is not None:
            self._makers[TOGETHER] = together
            texts = {TOGETHER: f"All {len(runs)} runs together"} | texts
        first = next(iter(texts))
        self._ready = False
        super().__init__(
            runs=[{"number": number, "text": text} for number, text in texts.items()],
            chosen=first,
            **self._state_of(self._makers[first]()),
        )
        self._ready = True

    @traitlets.validate("chosen")
    def _check_chosen(self, proposal: Mapping[str, Any]) -> int:
        number: int = proposal["value"]
        if number not in self._makers:
            raise traitlets.TraitError(f"there is no run {number} here, only {sorted(self._makers)}")
        return number

    @traitlets.observe("chosen")
    def _show_chosen(self, change: Mapping[str, Any]) -> None:
        if not self._ready:
            return
        state = self._state_of(self._makers[change["new"]]())
        with self.hold_sync():  # one message: the browser builds the view once
            self.responder, self.flow = None, None
            if self.selected not in self._responders:
                self.selected = None
            for name, value in state.items():
                setattr(self, name, value)
            self.focus = []
            self.told = state["told"]
