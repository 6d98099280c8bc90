"""Conditions on probes, each on one column, as people write them: a value, several, a range, a network."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from trippy_nb.errors import ConfigError
from trippy_nb.model import Status

Numbers = int | range | slice | Iterable[int]
"""A number, several, or a range (a `slice` is one, too) without its end."""
Responders = str | Iterable[str]
"""An address, a network in CIDR notation, or several of them."""
Words = str | Iterable[str]

Bools = npt.NDArray[np.bool_]

_STATUSES: Final = Status.words()
_SHOWN: Final = 8  # more than that in a message is no help


@dataclass(frozen=True, slots=True)
class Condition(ABC):
    """A condition on one column of PROBES."""

    column: str

    @property
    @abstractmethod
    def words(self) -> str:
        """The condition, in one way only."""

    @abstractmethod
    def fits(self, probes: pd.DataFrame) -> Bools:
        """Tell which probes fulfil it."""

    def has(self, value: int) -> bool:
        """Tell whether a value of the column fulfils it."""
        raise NotImplementedError

    def none_of(self, probes: pd.DataFrame) -> str:
        """Say that none does, and what there is."""
        there = probes[self.column].dropna().unique()
        shown = [str(value) for value in sorted(there)[:_SHOWN]]
        more = f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
        return f"no probe has {self.words}: there is {', '.join(shown) or 'nothing'}{more}"


@dataclass(frozen=True, slots=True)
class _InSpan(Condition):
    start: int
    stop: int | None
    step: int

    @property
    def words(self) -> str:
        end = "..." if self.stop is None else str(self.stop - 1)
        return f"{self.column} {self.start} to {end}" + (f" by {self.step}" if self.step != 1 else "")

    def fits(self, probes: pd.DataFrame) -> Bools:
        values = probes[self.column].to_numpy(np.int64)
        fits: Bools = (values >= self.start) & ((values - self.start) % self.step == 0)
        return fits if self.stop is None else fits & (values < self.stop)

    def has(self, value: int) -> bool:
        inside = value >= self.start and (self.stop is None or value < self.stop)
        return inside and (value - self.start) % self.step == 0


@dataclass(frozen=True, slots=True)
class _OneOf(Condition):
    values: tuple[int, ...]

    @property
    def words(self) -> str:
        return f"{self.column} {', '.join(map(str, self.values))}"

    def fits(self, probes: pd.DataFrame) -> Bools:
        fits: Bools = np.isin(probes[self.column].to_numpy(np.int64), self.values)
        return fits

    def has(self, value: int) -> bool:
        return value in self.values


@dataclass(frozen=True, slots=True)
class _From(Condition):
    networks: tuple[IPv4Network | IPv6Network, ...]

    @property
    def words(self) -> str:
        names = [str(net[0]) if net.num_addresses == 1 else str(net) for net in self.networks]
        return f"{'responder'} {', '.join(names)}"

    def fits(self, probes: pd.DataFrame) -> Bools:
        category = pd.Categorical(probes["addr"])
        inside = np.array([self._is_inside(str(text)) for text in category.categories] + [False])
        fits: Bools = inside[category.codes]
        return fits

    def _is_inside(self, text: str) -> bool:
        try:
            addr = ip_address(text)
        except ValueError:
            return False  # an import may have names
        return any(addr in net for net in self.networks)


@dataclass(frozen=True, slots=True)
class _Is(Condition):
    values: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"{self.column} {', '.join(self.values)}"

    def fits(self, probes: pd.DataFrame) -> Bools:
        fits: Bools = probes[self.column].isin(self.values).to_numpy(dtype=np.bool_)
        return fits


def conditions(
    *,
    flow: Numbers | None,
    ttl: Numbers | None,
    responder: Responders | None,
    round: Numbers | None,  # noqa: A002 - the column is called round
    status: Words | None,
) -> tuple[Condition, ...]:
    """Read the conditions; None is no condition.

    Raises
    ------
    ConfigError
        If one is not of its kind, or asks for nothing.
    """
    numbers = (("flow", flow), ("ttl", ttl), ("round", round))
    asked: list[Condition] = [_numbers(name, given) for name, given in numbers if given is not None]
    if responder is not None:
        asked.append(_From("addr", _networks(responder)))
    if status is not None:
        asked.append(_Is("status", _statuses(status)))
    return tuple(asked)


def _numbers(name: str, given: object) -> Condition:
    if isinstance(given, range | slice):
        return _span(name, given)
    values = [given] if isinstance(given, int | np.integer) else given
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise _no_number(name, given)
    listed = list(values)
    if not listed:
        raise ConfigError(f"{name}={given!r} asks for nothing: leave {name} out, or name some")
    if any(isinstance(value, bool) or not isinstance(value, int | np.integer) for value in listed):
        raise _no_number(name, given)
    return _OneOf(name, tuple(sorted({int(value) for value in listed})))


def _span(name: str, given: range | slice) -> Condition:
    start, stop, step = given.start, given.stop, given.step
    parts = [part for part in (start, stop, step) if part is not None]
    if any(isinstance(part, bool) or not isinstance(part, int | np.integer) or part < 0 for part in parts):
        raise ConfigError(
            f"{name}={given!r}: a range goes up, from and to whole numbers that are not negative"
        )
    low, by = int(start or 0), int(1 if step is None else step)
    if by == 0 or (stop is not None and stop <= low):
        raise ConfigError(f"{name}={given!r} asks for nothing: a range ends before its second number")
    return _InSpan(name, low, None if stop is None else int(stop), by)


def _no_number(name: str, given: object) -> ConfigError:
    return ConfigError(
        f"{name}={given!r}: give a number, several ([1, 2]), or a range (range(1, 3) is 1 and 2)"
    )


def _networks(given: object) -> tuple[IPv4Network | IPv6Network, ...]:
    listed = [given] if isinstance(given, str) else list(given) if isinstance(given, Iterable) else []
    if not listed:
        raise ConfigError(f"responder={given!r} names nobody: give an address or a network, or several")
    found = set()
    for text in listed:
        try:
            found.add(ip_network(text))
        except (ValueError, TypeError) as exc:
            raise ConfigError(
                f'responder={text!r} is neither an address nor a network such as "192.0.2.0/24": {exc}'
            ) from exc
    return tuple(sorted(found, key=lambda net: (net.version, net)))


def _statuses(given: object) -> tuple[str, ...]:
    listed = [given] if isinstance(given, str) else list(given) if isinstance(given, Iterable) else []
    odd = [word for word in listed if word not in _STATUSES]
    if odd or not listed:
        raise ConfigError(f"status={given!r}: the words are {', '.join(_STATUSES)}")
    return tuple(word for word in _STATUSES if word in listed)
