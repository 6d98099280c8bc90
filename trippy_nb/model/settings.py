"""How things are shown in this session: settings of the person who looks, never of what was measured.

They are the one thing here that changes, and change as a whole: a frozen value takes the place of another.
They lie as low as this because pictures, cards and widgets all heed them and know nothing of each other. No
table, no number and no file depends on them.
"""

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from trippy_nb.errors import ConfigError

NAMES: Final = ("shown", "hidden")
THEMES: Final = ("light", "dark")
_FASTEST_S, _SLOWEST_S = 0.1, 60.0  # the server of a notebook drops what comes faster than it can pass on


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What can be set, and what holds if nothing is.

    Raises
    ------
    ConfigError
        If a value is none of those that a setting may have.
    """

    columns: tuple[str, ...] = ()
    """Columns of hop tables, names of HOPS; empty leaves the choice to each table."""
    names: str = "shown"
    """Host names beside addresses: ``shown`` or ``hidden``."""
    theme: str = "light"
    """Background of pictures: ``light`` or ``dark``. Cards and widgets follow the page they are on."""
    time_zone: str = "UTC"
    """Zone of times in cards and pictures, by its IANA name: ``Europe/Berlin``. Tables stay in UTC."""
    refresh: float = 0.2
    """Seconds from one look of a live view to the next."""

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        for name, value, choices in (("names", self.names, NAMES), ("theme", self.theme, THEMES)):
            if value not in choices:
                raise ConfigError(f"{name} is {' or '.join(choices)}, not {value!r}")
        if isinstance(self.refresh, bool) or not isinstance(self.refresh, int | float):
            raise ConfigError(f"refresh is a number of seconds, not {self.refresh!r}")
        if not _FASTEST_S <= self.refresh <= _SLOWEST_S:
            raise ConfigError(f"refresh is {_FASTEST_S:g} to {_SLOWEST_S:g} seconds, not {self.refresh:g}")
        _ = self.zone

    @property
    def zone(self) -> tzinfo:
        """The time zone."""
        if self.time_zone == "UTC":  # Windows has no list of zones, but where pandas is it brings one
            return UTC
        try:
            return ZoneInfo(self.time_zone)
        except (OSError, TypeError, ValueError, LookupError):  # ZoneInfoNotFoundError is a KeyError
            raise ConfigError(
                f"there is no time zone {self.time_zone!r} here: names are such as 'UTC' or 'Europe/Berlin'"
            ) from None


class _Held:
    """The settings that hold, and who wants to know when others do."""

    def __init__(self) -> None:
        self.now = Settings()
        self.listeners: list[weakref.WeakMethod[Callable[[], None]]] = []


_held = _Held()


def settings_now() -> Settings:
    """Return the settings that hold."""
    return _held.now


def use_settings(settings: Settings) -> None:
    """Have other settings hold from now on, and tell who listens."""
    _held.now = settings
    _held.listeners = [listener for listener in _held.listeners if listener() is not None]
    for listener in tuple(_held.listeners):
        call = listener()
        if call is not None:
            call()


def listen_to_settings(method: Callable[[], None]) -> None:
    """Call a method whenever other settings hold, as long as its object lives."""
    _held.listeners.append(weakref.WeakMethod(method))
