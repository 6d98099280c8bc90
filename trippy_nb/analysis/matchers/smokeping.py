"""SmokePing's matchers, from its own files (`lib/Smokeping/matchers/*.pm`), in units of ours.

What is unknown is not 0 here: SmokePing takes the RTT of a step in which everything was lost for a small one
(CheckLatency, Medratio), and a window that has not filled yet for one of zeros (Median).
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from trippy_nb.analysis.arrays import AnyArray, Bools, Floats, Ints
from trippy_nb.analysis.matchers.base import (
    Judged,
    Matcher,
    in_a_row,
    samples_text,
    share_text,
    window_sums,
)
from trippy_nb.analysis.matchers.series import Samples
from trippy_nb.errors import ConfigError

_COMPARE: Final = {
    "<": np.less,
    ">": np.greater,
    "<=": np.less_equal,
    ">=": np.greater_equal,
    "==": np.equal,
}
_OLDEST_WEIGHS: Final = 0.01  # ExpLoss.pm: "the oldest sample would have 1% significance"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLoss(Matcher):
    """Loss at or above a limit raises, loss below it clears, each after so many samples in a row."""

    loss_ratio: float
    samples: int = 1
    """Samples in a row, for raising and for clearing; `raise_after` and `clear_after` count on top of it."""

    def __post_init__(self) -> None:
        """See `Matcher`."""
        Matcher.__post_init__(self)
        self._check("loss_ratio", high=1)
        self._check("samples", low=1, whole=True)

    @property
    def says(self) -> str:
        """The condition, in words."""
        return f"loss of {share_text(self.loss_ratio)} or more in {samples_text(self.samples)}"

    def judge(self, samples: Samples) -> Judged:
        """Compare the loss."""
        loss = samples.loss_ratio
        return _runs(loss >= self.loss_ratio, loss, self.samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLatency(Matcher):
    """A median RTT at or above a limit raises, one below it clears, each after so many samples in a row."""

    rtt_ms: float
    samples: int = 1
    """Samples in a row, for raising and for clearing."""

    _unit: ClassVar[str] = "ms"

    def __post_init__(self) -> None:
        """See `Matcher`."""
        Matcher.__post_init__(self)
        self._check("rtt_ms")
        self._check("samples", low=1, whole=True)

    @property
    def says(self) -> str:
        """The condition, in words."""
        return f"RTT of {self.rtt_ms:g} ms or more in {samples_text(self.samples)}"

    def judge(self, samples: Samples) -> Judged:
        """Compare the median RTT; a sample without answers says nothing of it."""
        return _runs(samples.rtt_ms >= self.rtt_ms, samples.rtt_ms, self.samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsecutiveLoss(Matcher):
    """One limit of loss and one count of samples for raising, others for clearing."""

    raise_ratio: float
    raise_samples: int
    clear_ratio: float
    """Loss below it clears."""
    clear_samples: int

    def __post_init__(self) -> None:
        """See `Matcher`."""
        Matcher.__post_init__(self)
        for name in ("raise_ratio", "clear_ratio"):
            self._check(name, high=1)
        for name in ("raise_samples", "clear_samples"):
            self._check(name, low=1, whole=True)
        if self.clear_ratio > self.raise_ratio:
            raise ConfigError(
                f"ConsecutiveLoss: clear_ratio={self.clear_ratio} above raise_ratio={self.raise_ratio} would "
                "raise and clear at once"
            )

    @property
    def says(self) -> str:
        """The condition, in words."""
        return f"loss of {share_text(self.raise_ratio)} or more in {samples_text(self.raise_samples)}"

    def judge(self, samples: Samples) -> Judged:
        """Compare the loss with both limits."""
        loss = samples.loss_ratio
        return Judged(
            in_a_row(loss >= self.raise_ratio) >= self.raise_samples,
            in_a_row(loss < self.clear_ratio) >= self.clear_samples,
            loss,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpLoss(Matcher):
    """A weighted mean of the loss: the newer, the more.

    Parameters
    ----------
    history
        Samples that count; the oldest weighs 1 % of the newest.
    rising_ratio
        A mean of this or more raises.
    falling_ratio
        A mean below this clears; by default as `rising_ratio`.
    skip
        Samples at the start that raise nothing.
    fast
        This many samples in a row at or above `rising_ratio` raise at once, and at or below `falling_ratio`
        clear at once; 0 for neither.

    Notes
    -----
    `ExpLoss.pm`: r = (1 - a) r + a loss from r = 0, a = 1 - 0.01^(1 / history), over the n samples there are;
    plus their plain mean times (1 - a)^n, "as if it was initialized with average".
    """

    history: int
    rising_ratio: float
    falling_ratio: float | None = None
    skip: int = 0
    fast: int = 0

    def __post_init__(self) -> None:
        """See `Matcher`."""
        Matcher.__post_init__(self)
        self._check("history", low=1, whole=True)
        self._check("rising_ratio", high=1)
        for name in ("skip", "fast"):
            self._check(name, whole=True)
        if self.falling_ratio is not None:
            self._check("falling_ratio", high=self.rising_ratio)

    @property
    def says(self) -> str:
        """The condition, in words."""
        return f"weighted loss of {share_text(self.rising_ratio)} or more over {self.history} samples"

    def judge(self, samples: Samples) -> Judged:
        """Weigh the loss; samples of which nothing is known are passed over."""
        known = np.flatnonzero(samples.known)
        loss = samples.loss_ratio[known]
        mean = self._means(loss)
        falling = self.rising_ratio if self.falling_ratio is None else self.falling_ratio
        raises, clears = mean >= self.rising_ratio, mean < falling
        if self.fast:
            at_once = in_a_row(loss >= self.rising_ratio) >= self.fast
            over = (in_a_row(loss <= falling) >= self.fast) & ~at_once
            raises, clears = (raises | at_once) & ~over, (clears | over) & ~at_once
        ready = np.arange(len(loss)) >= self.skip
        return Judged(
            _spread(raises & ready, known, samples.count, nothing=False),
            _spread(clears & ready, known, samples.count, nothing=False),
            _spread(mean, known, samples.count, nothing=np.nan),
        )

    def _means(self, loss: Floats) -> Floats:
        keep = _OLDEST_WEIGHS ** (1 / self.history)  # 1 - a
        kernel = (1 - keep) * keep ** np.arange(self.history)
        n = np.minimum(np.arange(1, len(loss) + 1), self.history)
        weighted = np.convolve(loss, kernel)[: len(loss)] if len(loss) else loss
        means: Floats = weighted + window_sums(loss, self.history) / n * keep**n
        return means


@dataclass(frozen=True, slots=True, kw_only=True)
class Avgratio(Matcher):
    """The mean of the latest median RTTs, divided by the mean of those before.

    Parameters
    ----------
    historic, current
        Samples before, and latest ones.
    comparator
        ``<``, ``>``, ``<=``, ``>=`` or ``==``.
    ratio
        What the quotient is compared with: 1.5 for SmokePing's ``percentage => 150``.
    """

    historic: int
    current: int
    comparator: str = ">"
    ratio: float

    def __post_init__(self) -> None:
        """See `Matcher`."""
        Matcher.__post_init__(self)
        for name in ("historic", "current"):
            self._check(name, low=1, whole=True)
        self._check("ratio")
        if self.comparator not in _COMPARE:
            raise ConfigError(
                f"{type(self).__name__}: comparator={self.comparator!r} is none of {' '.join(_COMPARE)}"
            )

    @property
    def says(self) -> str:
        """The condition, in words."""
        return (
            f"{self._what} RTT of the latest {self.current} samples {self.comparator} {self.ratio:g} times "
            f"that of the {self.historic} before"
        )

    @property
    def smallest_is_worst(self) -> bool:
        """The smaller the quotient, the worse, if a small one raises the alert."""
        return self.comparator.startswith("<")

    def value_text(self, value: float) -> str:
        """Write the quotient."""
        return f"{value:.4g} times"

    @property
    def _what(self) -> str:
        return "mean"

    def judge(self, samples: Samples) -> Judged:
        """Divide; nothing is known before all samples are there, nor where either part has no answer."""
        old = _delayed(self._middle(samples.rtt_ms, self.historic), self.current)
        new = self._middle(samples.rtt_ms, self.current)
        usable = (old > 0) & (new > 0) & (np.arange(samples.count) >= self.historic + self.current - 1)
        value = np.divide(new, old, out=np.full(samples.count, np.nan), where=usable)
        return Judged.of(_COMPARE[self.comparator](value, self.ratio), value)

    def _middle(self, rtt: Floats, width: int) -> Floats:
        n = window_sums((~np.isnan(rtt)).astype(np.int64), width)
        total = window_sums(np.nan_to_num(rtt), width)
        mean: Floats = np.divide(total, n, out=np.full(len(rtt), np.nan), where=n > 0)
        return mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Medratio(Avgratio):
    """As `Avgratio`, with medians (the larger of the two middle ones) instead of means."""

    @property
    def _what(self) -> str:
        return "median"

    def _middle(self, rtt: Floats, width: int) -> Floats:
        ranked, n = _ranked(rtt, width)
        return _pick(ranked, n // 2, n)


@dataclass(frozen=True, slots=True, kw_only=True)
class Median(Matcher):
    """The median of the latest median RTTs differs from that of those before by more than so many ms."""

    old: int
    new: int
    diff_ms: float

    _unit: ClassVar[str] = "ms"

    def __post_init__(self) -> None:
        """See `Matcher`."""
        Matcher.__post_init__(self)
        for name in ("old", "new"):
            self._check(name, low=1, whole=True)
        self._check("diff_ms")

    @property
    def says(self) -> str:
        """The condition, in words."""
        return (
            f"median RTT of the latest {self.new} samples over {self.diff_ms:g} ms off that of the "
            f"{self.old} before"
        )

    def judge(self, samples: Samples) -> Judged:
        """Subtract; nothing is known before all samples are there, nor where either part has no answer."""
        old = _delayed(_median(samples.rtt_ms, self.old), self.new)
        value = np.abs(old - _median(samples.rtt_ms, self.new))
        value[: self.old + self.new - 1] = np.nan
        return Judged.of(value > self.diff_ms, value)


def _runs(condition: Bools, value: Floats, count: int) -> Judged:
    known = ~np.isnan(value)
    return Judged(in_a_row(condition & known) >= count, in_a_row(~condition & known) >= count, value)


def _spread(values: AnyArray, places: Ints, count: int, *, nothing: object) -> AnyArray:
    out = np.full(count, nothing, dtype=values.dtype)
    out[places] = values
    return out


def _delayed(values: Floats, by: int) -> Floats:
    late: Floats = np.concatenate([np.full(min(by, len(values)), np.nan), values[: max(len(values) - by, 0)]])
    return late


def _ranked(values: Floats, width: int) -> tuple[Floats, Ints]:
    """Sort the latest `width` values, up to each, unknown ones last; and count the known ones."""
    padded = np.append(np.full(width - 1, np.nan), values)
    ranked = (
        np.sort(np.lib.stride_tricks.sliding_window_view(padded, width), axis=1) if len(values) else padded
    )
    return ranked, np.count_nonzero(~np.isnan(ranked.reshape(len(values), -1)), axis=1)


def _pick(ranked: Floats, place: Ints, n: Ints) -> Floats:
    some = np.flatnonzero(n)
    out = np.full(len(n), np.nan)
    out[some] = ranked[some, place[some]]
    return out


def _median(values: Floats, width: int) -> Floats:
    ranked, n = _ranked(values, width)
    middle: Floats = (_pick(ranked, (n - 1) // 2, n) + _pick(ranked, n // 2, n)) / 2
    return middle
