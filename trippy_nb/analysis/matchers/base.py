"""What a matcher is: what raises an alert, what clears it, and how long either has to hold."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np

from trippy_nb.analysis.arrays import Bools, Floats, Ints
from trippy_nb.analysis.matchers.series import Samples
from trippy_nb.model import check_number


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What a matcher says of each sample: never both; neither where it cannot be told."""

    raises: Bools
    clears: Bools
    value: Floats
    """What it looked at; NaN where there is nothing."""

    @classmethod
    def of(cls, condition: Bools, value: Floats, *, known: Bools | None = None) -> "Judged":
        """Raise where a condition holds, clear where it does not; known by default where the value is."""
        told = ~np.isnan(value) if known is None else known
        return cls(condition & told, ~condition & told, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher(ABC):
    """A condition for an alert.

    Parameters
    ----------
    raise_after
        Samples in a row that must raise it.
    clear_after
        Samples in a row that must clear it, once it is raised. A sample of which nothing is known breaks
        either row, and leaves an alert as it is.
    """

    raise_after: int = 1
    clear_after: int = 1

    _unit: ClassVar[str] = "ratio"

    def __post_init__(self) -> None:
        """Refuse what cannot be meant.

        Raises
        ------
        ConfigError
            If a number is out of its bounds.
        """
        for name in ("raise_after", "clear_after"):
            self._check(name, low=1, whole=True)

    @abstractmethod
    def judge(self, samples: Samples) -> Judged:
        """Say what raises it, and what clears it, sample by sample."""

    @property
    @abstractmethod
    def says(self) -> str:
        """The condition, in words."""

    @property
    def title(self) -> str:
        """The matcher as it is written, without what is left at its default."""
        given = [(one.name, getattr(self, one.name), one.default) for one in fields(self)]
        shown = [f"{name}={value!r}" for name, value, default in given if value != default]
        return f"{type(self).__name__}({', '.join(shown)})"

    @property
    def unit(self) -> str:
        """Unit of its value; ``ratio`` for a share or a quotient."""
        return self._unit

    @property
    def smallest_is_worst(self) -> bool:
        """The smaller its value, the worse."""
        return False

    def value_text(self, value: float) -> str:
        """Write its value with its unit."""
        return share_text(value) if self.unit == "ratio" else f"{value:.4g} {self.unit}"

    def states(self, samples: Samples) -> tuple[Bools, Judged]:
        """Return whether the alert is raised, after each sample, and what that rests on."""
        judged = self.judge(samples)
        up = in_a_row(judged.raises) >= self.raise_after
        down = in_a_row(judged.clears) >= self.clear_after
        turns = np.maximum.accumulate(np.where(up | down, np.arange(len(up)), -1))
        states: Bools = np.append(up, False)[turns]  # nothing yet: the last item, not raised
        return states, judged

    def _check(
        self, name: str, *, low: float = 0.0, high: float = np.inf, whole: bool = False, above: bool = False
    ) -> None:
        said = f"{type(self).__name__}: {name}"
        check_number(said, getattr(self, name), low=low, high=high, whole=whole, above=above)


def in_a_row(holds: Bools) -> Ints:
    """Count for each sample how many in a row, up to it, hold."""
    place = np.arange(len(holds))
    broken = np.maximum.accumulate(np.where(holds, -1, place))
    counts: Ints = place - broken
    return counts


def window_sums(values: Ints | Floats, width: int) -> Floats:
    """Return the sum of the latest `width` values, up to each; of fewer at the start."""
    total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    end = np.arange(1, len(values) + 1)
    sums: Floats = total[end] - total[np.maximum(end - width, 0)]
    return sums


def share_text(ratio: float) -> str:
    """Write a share in percent: ``2.5 %``."""
    return f"{100 * ratio:.4g} %"


def samples_text(count: int) -> str:
    """Write how many samples in a row: ``3 samples in a row``, or ``1 sample``."""
    return "1 sample" if count == 1 else f"{count} samples in a row"
