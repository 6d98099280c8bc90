"""SmokePing's pattern language: comparisons of successive samples, oldest first.

As its manual says (smokeping_config, section Alerts) and `init_alerts` of `lib/Smokeping.pm` compiles it: the
last comparison is of the latest sample. Three things differ, and are meant to:

* `*X*` skips up to X - 1 samples, as SmokePing does, though its manual says X;
* `==S`, the moment at which measuring began, may come before a gap (SmokePing never looks at its oldest
  entry behind one);
* all ways to place the gaps are tried (SmokePing gives up if a later gap finds nothing at an earlier one's
  first place).
"""

import re
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from trippy_nb.analysis.arrays import Bools, Floats
from trippy_nb.analysis.matchers.base import Judged, Matcher, window_sums
from trippy_nb.analysis.matchers.series import Samples
from trippy_nb.errors import ConfigError

_ENTRY: Final = re.compile(
    r"(==|!=|<=|>=|<|>)(?:(\d+(?:\.\d*)?)(%?)|(U)|(S)|(\*))(?:(<=|>=|<|>)(\d+(?:\.\d*)?)(%?))?"
)
_GAP: Final = re.compile(r"\*([1-9]\d*)\*")
_COMPARE: Final = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    ">": np.greater,
    "<=": np.less_equal,
    ">=": np.greater_equal,
}
_LOSS, _RTT = "loss", "rtt"


@dataclass(frozen=True, slots=True)
class _Step:
    """One comparison, and the samples that may be skipped before it."""

    tests: tuple[tuple[str, float], ...]
    """Operators and numbers; a share for loss, ms for RTT."""
    unknown: bool | None = None
    """Whether the value must be unknown (True) or known (False)."""
    is_start: bool = False
    slack: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern(Matcher):
    """A pattern of SmokePing's.

    Parameters
    ----------
    text
        Entries with commas between them: ``>20%``, ``==0%``, ``<10``, ``>=10<20``, ``==U`` (unknown),
        ``==S`` (the beginning), ``==*`` (anything), ``*12*`` (a gap). Loss in percent, RTT in ms.
    kind
        ``loss`` or ``rtt``; by default ``loss`` if there is a percent sign in it.

    Examples
    --------
    >>> Pattern(text=">0%,*12*,>0%").kind
    'loss'
    """

    text: str
    kind: str = ""
    _steps: tuple[_Step, ...] = field(init=False, repr=False, compare=False, default=())
    _slack: int = field(init=False, repr=False, compare=False, default=0)

    def __post_init__(self) -> None:
        """Read the text.

        Raises
        ------
        ConfigError
            If an entry is none, loss is not in percent, or a percent sign is on an RTT.
        """
        Matcher.__post_init__(self)
        if not self.kind:
            object.__setattr__(self, "kind", _LOSS if "%" in self.text else _RTT)
        if self.kind not in (_LOSS, _RTT):
            raise ConfigError(f"a pattern is of loss or of rtt, not of {self.kind!r}")
        steps, slack = _read(self.text, self.kind)
        object.__setattr__(self, "_steps", steps)
        object.__setattr__(self, "_slack", slack)

    @property
    def title(self) -> str:
        """The pattern as it was written."""
        return f"{self.kind} {self.text}"

    @property
    def unit(self) -> str:
        """Unit of the value."""
        return "ms" if self.kind == _RTT else "ratio"

    @property
    def says(self) -> str:
        """The condition, in words."""
        return f"{self.kind} went {self.text}, old to new"

    def judge(self, samples: Samples) -> Judged:
        """Tell after which samples the pattern fits."""
        value = samples.loss_ratio if self.kind == _LOSS else samples.rtt_ms
        fits = _fits(self._steps, self._slack, value)
        return Judged(fits, ~fits, value)


def _read(text: str, kind: str) -> tuple[tuple[_Step, ...], int]:
    steps: list[_Step] = []
    slack = 0
    for entry in re.split(r"\s*,\s*", text.strip()):
        if gap := _GAP.fullmatch(entry):
            slack += int(gap[1]) - 1
            continue
        found = _ENTRY.fullmatch(entry)
        if found is None:
            raise ConfigError(
                f"pattern {text!r}: {entry!r} is no entry, "
                "which are such as >20%, ==0%, <10, ==U, ==S, ==*, *12*"
            )
        steps.append(_step(found, slack if steps else 0, kind, text))
        slack = 0
    if not steps:
        raise ConfigError(f"pattern {text!r} compares nothing")
    return tuple(steps), slack


def _step(found: re.Match[str], slack: int, kind: str, text: str) -> _Step:
    operator, number, percent, unknown, start, anything, second, limit, its_percent = found.groups()
    wrong = f"pattern {text!r}: {found[0]!r}"
    if number is None:
        if second is not None:
            raise ConfigError(f"{wrong} has a second comparison, which only a number can have")
        if operator != "==" and not (unknown and operator == "!="):
            raise ConfigError(f"{wrong}: U goes with == and !=, S and * go with == only")
        if unknown:
            return _Step((), unknown=operator == "==", slack=slack)
        return _Step((), is_start=bool(start), slack=slack)
    tests = [(operator, number, percent)] + ([(second, limit, its_percent)] if second else [])
    for _, value, sign in tests:
        if (sign == "%") != (kind == _LOSS):
            raise ConfigError(f"{wrong}: loss is in percent ({value}%), rtt in ms ({value})")
    scale = 100.0 if kind == _LOSS else 1.0
    del anything
    return _Step(tuple((sign, float(value) / scale) for sign, value, _ in tests), unknown=False, slack=slack)


def _fits(steps: tuple[_Step, ...], slack: int, values: Floats) -> Bools:
    """Tell after which samples all steps fit, the last of them to this one (or to one within the last gap).

    Place 0 is the beginning. Step by step it is kept where what came before fits, anywhere within the gap.
    """
    known = np.append(False, ~np.isnan(values))
    padded = np.append(np.nan, values)
    before: Bools | None = None
    for step in steps:
        here = _holds(step, padded, known)
        if before is not None:
            here &= _lately(np.append(False, before[:-1]), step.slack)
        before = here
    assert before is not None
    return _lately(before, slack)[1:]


def _holds(step: _Step, values: Floats, known: Bools) -> Bools:
    start: Bools = np.arange(len(values)) == 0
    if step.is_start:
        return start
    holds: Bools = np.ones(len(values), dtype=np.bool_)
    if step.unknown is not None:
        holds = (~known if step.unknown else known) & ~start
    for operator, number in step.tests:
        holds &= known & _COMPARE[operator](values, number)
    return holds


def _lately(holds: Bools, slack: int) -> Bools:
    """Tell where it holds, or did up to `slack` places before."""
    lately: Bools = window_sums(holds.astype(np.int64), slack + 1) > 0 if slack else holds
    return lately
