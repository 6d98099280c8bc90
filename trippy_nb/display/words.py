"""Numbers and names as people read them.

Missing is a dash, never 0. Percent exists only here and beyond: tables keep ratios.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from trippy_nb.model import settings_now

MISSING = "\N{EN DASH}"
SILENT = "*"
"""A hop that answered nothing, as every traceroute has printed it."""

_SMALL_MS = 1.0
_LARGE_MS = 100.0
_WHOLE = 2.0**53  # floats from here on have no fraction to round


def is_missing(value: float | None) -> bool:
    """Whether there is no number: None or NaN."""
    return value is None or math.isnan(value)


def decimals_for(values_ms: Iterable[float | None]) -> int:
    """Choose one number of decimals for a whole table, so that the points stand under each other."""
    known = [abs(value) for value in values_ms if value is not None and math.isfinite(value)]
    largest = max(known, default=0.0)
    if not known or largest >= _LARGE_MS:
        return 1
    return 3 if largest < _SMALL_MS else 2


def _fixed(value: float, decimals: int) -> str:
    # As JavaScript's toFixed, so that a card and its widget agree: Python's format rounds 1.25 to 1.2.
    if not abs(value) < _WHOLE:
        return f"{value:.{decimals}f}"
    return str(Decimal(value).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP))


def ms_text(value_ms: float | None, decimals: int) -> str:
    """Spell a time in ms, without its unit."""
    if value_ms is None or math.isnan(value_ms):
        return MISSING
    return _fixed(value_ms, decimals)


def shift_text(shift_ms: float | None, low_ms: float | None, high_ms: float | None, decimals: int) -> str:
    """Spell a difference in ms and its interval: ``+3.1 (+2.2 to +4.0)``."""
    if shift_ms is None or math.isnan(shift_ms):
        return MISSING
    text = _signed(shift_ms, decimals)
    if low_ms is None or high_ms is None or not math.isfinite(low_ms) or not math.isfinite(high_ms):
        return text  # too few samples for an interval
    return f"{text} ({_signed(low_ms, decimals)} to {_signed(high_ms, decimals)})"


def _signed(value: float, decimals: int) -> str:
    text = _fixed(abs(value), decimals)
    if float(text) == 0:
        return text
    return ("\N{MINUS SIGN}" if value < 0 else "+") + text


def ratio_text(ratio: float | None) -> str:
    """Spell a ratio (0 to 1) in percent; a little is never rounded to none, nor almost all to all."""
    if ratio is None or math.isnan(ratio):
        return MISSING
    percent = 100 * ratio
    text = _fixed(percent, 1)
    if text == "0.0" and percent > 0:
        return "<0.1 %"
    if text == "100.0" and percent < 100:  # noqa: PLR2004 - a hundred in a hundred
        return ">99.9 %"
    return f"{text} %"


def count_text(count: int, noun: str) -> str:
    """Spell a count with its noun: ``1 probe``, ``1,200 probes``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def moment_text(moment: datetime, how: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Spell a moment in the time zone of the session, with its name."""
    settings = settings_now()
    return f"{moment.astimezone(settings.zone):{how}} {settings.time_zone}"


def shown_names(names: Mapping[str, str] | None) -> Mapping[str, str]:
    """Leave host names away where the session does not want them."""
    return names if names and settings_now().names == "shown" else {}


def list_text(items: Sequence[str]) -> str:
    """Join as in a sentence: ``3, 5 and 9``."""
    if len(items) < 2:  # noqa: PLR2004 - no "and" without two
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def clean(text: str) -> str:
    """Replace what a terminal or a reader could be fooled by: control, format and private characters.

    Host names come from strangers' name servers.
    """
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
