"""SmokePing's own notation for matchers and patterns, in its units."""

import re
from collections.abc import Callable
from typing import Final

from trippy_nb.analysis.matchers.base import Matcher
from trippy_nb.analysis.matchers.patterns import Pattern
from trippy_nb.analysis.matchers.smokeping import (
    Avgratio,
    CheckLatency,
    CheckLoss,
    ConsecutiveLoss,
    ExpLoss,
    Median,
    Medratio,
)
from trippy_nb.errors import ConfigError

_CALL: Final = re.compile(r"\s*([A-Z]\w*)\s*\((.*)\)\s*;?\s*", re.DOTALL)
_ARGUMENT: Final = re.compile(r"\s*(\w+)\s*=>\s*(?:'([^']*)'|\"([^\"]*)\"|([^\s'\",]+))\s*")

_Reader = Callable[[str], object]


def _percent(text: str) -> float:
    return float(text) / 100


def _from_seconds(text: str) -> float:
    return float(text) * 1000


_RATIO: Final[dict[str, tuple[str, _Reader]]] = {
    "historic": ("historic", int),
    "current": ("current", int),
    "comparator": ("comparator", str),
    "percentage": ("ratio", _percent),
}
_MATCHERS: Final[dict[str, tuple[type[Matcher], dict[str, tuple[str, _Reader]], tuple[str, ...]]]] = {
    "CheckLoss": (CheckLoss, {"l": ("loss_ratio", _percent), "x": ("samples", int)}, ()),
    "CheckLatency": (CheckLatency, {"l": ("rtt_ms", float), "x": ("samples", int)}, ()),
    "ConsecutiveLoss": (
        ConsecutiveLoss,
        {
            "pctlossraise": ("raise_ratio", _percent),
            "stepsraise": ("raise_samples", int),
            "pctlossclear": ("clear_ratio", _percent),
            "stepsclear": ("clear_samples", int),
        },
        (),
    ),
    "ExpLoss": (
        ExpLoss,
        {
            "hist": ("history", int),
            "rising": ("rising_ratio", _percent),
            "falling": ("falling_ratio", _percent),
            "skip": ("skip", int),
            "fast": ("fast", int),
        },
        ("falling", "skip", "fast"),
    ),
    "Avgratio": (Avgratio, _RATIO, ()),
    "Medratio": (Medratio, _RATIO, ()),
    "Median": (Median, {"old": ("old", int), "new": ("new", int), "diff": ("diff_ms", _from_seconds)}, ()),
}
"""Name -> class; SmokePing's arguments, ours, and how they are read; and those that may be left out."""


def from_smokeping(text: str, *, kind: str = "") -> Matcher:
    """Read what SmokePing's configuration has after ``pattern =``.

    Parameters
    ----------
    text
        A matcher (``CheckLoss(l=>20,x=>3)``) or a pattern (``>0%,*12*,>0%``), in SmokePing's units: percent,
        ms, and seconds for the ``diff`` of Median.
    kind
        For a pattern, SmokePing's ``type``: ``loss`` or ``rtt``; by default told from the percent sign.

    Returns
    -------
    matcher
        A frozen value.

    Raises
    ------
    ConfigError
        If there is no such matcher, an argument is unknown, missing or not of its kind, or a pattern is none.

    Examples
    --------
    >>> from_smokeping("CheckLoss(l=>20,x=>3)").title
    'CheckLoss(loss_ratio=0.2, samples=3)'
    """
    if not isinstance(text, str):
        raise ConfigError(f"{text!r} is neither a matcher nor the text of one")
    call = _CALL.fullmatch(text)
    if call is None:
        return Pattern(text=text, kind=kind)
    name, inside = call.groups()
    if name not in _MATCHERS:
        raise ConfigError(f"{text!r}: there is no matcher {name}; there are {', '.join(_MATCHERS)}")
    matcher, known, optional = _MATCHERS[name]
    given = _arguments(text, inside)
    odd = [key for key in given if key not in known]
    if odd:
        raise ConfigError(f"{text!r}: {name} has no argument {odd[0]!r}; it has {', '.join(known)}")
    missing = [key for key in known if key not in given and key not in optional]
    if missing:
        raise ConfigError(f"{text!r}: {name} needs {', '.join(missing)}")
    values: dict[str, object] = {}
    for key, value in given.items():
        ours, read = known[key]
        try:
            values[ours] = read(value)
        except ValueError as exc:
            raise ConfigError(f"{text!r}: {key} is {value!r}, which is no number of its kind") from exc
    return matcher(**values)  # type: ignore[arg-type]  # names and kinds are those of the table


def _arguments(text: str, inside: str) -> dict[str, str]:
    found: dict[str, str] = {}
    place = 0
    while place < len(inside):
        argument = _ARGUMENT.match(inside, place)
        if argument is None or (argument.end() < len(inside) and inside[argument.end()] != ","):
            raise ConfigError(f"{text!r}: arguments are name=>value, with commas between them")
        found[argument[1]] = next(part for part in argument.groups()[1:] if part is not None)
        place = argument.end() + 1
    return found
