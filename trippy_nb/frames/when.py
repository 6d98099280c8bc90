"""Moments as people write them, as nanoseconds since 1970."""

import re
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from trippy_nb.errors import ConfigError
from trippy_nb.frames.columns import NO_TIME
from trippy_nb.model import is_number

When = str | datetime | timedelta | float | np.datetime64
"""A time with a zone, or else in UTC; seconds since the run began; ``"14:03"`` is on the day it began."""

Nanoseconds = npt.NDArray[np.int64]

_CLOCK: Final = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?")
_DAY_NS: Final = 86_400 * 10**9
_NS: Final = 10**9
_FARTHEST_NS: Final = 2.0**62  # 146 years: such a sum still fits into 64 bits
_ISO: Final = re.compile(r"\d{4}-\d{2}")
_OF_NO_DAY: Final = "1970-01-01 "


def instants(when: When, starts: Nanoseconds) -> Nanoseconds:
    """Tell when this is, for runs that began at these times.

    Parameters
    ----------
    when
        A time (`datetime`, `pandas.Timestamp`, `numpy.datetime64`, ISO 8601 text; UTC where no zone is
        given), a time of day as text (``"14:03"``, UTC, on the day the run began), or seconds (a number, a
        `timedelta`) since the run began.
    starts
        Nanoseconds since 1970, one for each run; `NO_TIME` where nobody knows.

    Returns
    -------
    instants
        Nanoseconds since 1970, one for each run.

    Raises
    ------
    ConfigError
        If it is no time, or counts from the begin of a run that does not know it.
    """
    if isinstance(when, str):
        return _of_text(when, starts)
    if isinstance(when, bool):
        raise _error(when)
    if isinstance(when, int | float | np.integer | np.floating):
        if not is_number(when):
            raise _error(when)
        return _later(starts, float(when) * _NS, said=when)
    if isinstance(when, timedelta | np.timedelta64):  # Timedelta of pandas is a timedelta
        return _later(starts, _timedelta_ns(when), said=when)
    if isinstance(when, datetime | np.datetime64):  # Timestamp of pandas is a datetime
        return np.full(len(starts), _utc_ns(when))
    raise _error(when)


def iso(moment_ns: int | None) -> str:
    """Write a moment as people do; three dots where there is none."""
    return "..." if moment_ns is None else pd.Timestamp(moment_ns, unit="ns", tz="UTC").isoformat()


def _of_text(text: str, starts: Nanoseconds) -> Nanoseconds:
    stripped = text.strip()
    if _CLOCK.fullmatch(stripped):
        return _known(starts) // _DAY_NS * _DAY_NS + _utc_ns(_OF_NO_DAY + stripped, said=text)
    if not _ISO.match(stripped):  # "now" and "today" would ask the clock on the wall
        raise _error(text)
    return np.full(len(starts), _utc_ns(stripped, said=text))


def _timedelta_ns(span: timedelta | np.timedelta64) -> int:
    try:
        return int(pd.Timedelta(span).as_unit("ns").value)
    except (ValueError, OverflowError) as exc:
        raise _error(span) from exc


def _later(starts: Nanoseconds, ns: float, *, said: object) -> Nanoseconds:
    """Count from when runs began; what is beyond the times there are is none."""
    if not abs(ns) < _FARTHEST_NS:
        raise _error(said)
    return _known(starts) + round(ns)


def _known(starts: Nanoseconds) -> Nanoseconds:
    if (starts == NO_TIME).any():
        raise ConfigError("nobody knows when this run began: give a time with its date")
    return starts


def _utc_ns(when: str | datetime | np.datetime64, *, said: object = None) -> int:
    try:
        stamp = pd.Timestamp(when).as_unit("ns")
    except (ValueError, OverflowError) as exc:
        raise _error(when if said is None else said) from exc
    if pd.isna(stamp):
        raise _error(when if said is None else said)
    return int((stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp).value)


def _error(when: object) -> ConfigError:
    return ConfigError(
        f'{when!r} is no time: give a datetime, ISO 8601 text such as "2024-05-01T14:03Z" (UTC if no zone is '
        'said), a time of day ("14:03"), or seconds since the run began'
    )
