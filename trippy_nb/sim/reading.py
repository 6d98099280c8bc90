"""TOML to `Scenario`: every key is known, every value is checked, and an error says path, line and key."""

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trippy_nb.errors import ScenarioError
from trippy_nb.model import NS_PER_S, normalise_address, parse_duration, seconds_to_ns
from trippy_nb.sim.delays import Bimodal, Constant, Delay, Gamma, Uniform
from trippy_nb.sim.places import Place, find_places
from trippy_nb.sim.scenario import Link, LinkSpec, Route, Router, Scenario, Source, Target, check_scenario

Reader = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table."""

    read: Reader
    """Turns the TOML value into ours; raises ValueError."""
    field: str = ""
    """Field of the dataclass, where it is not spelled as the key."""
    required: bool = False


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is not a text")
    return value.strip()


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")  # noqa: TRY004 - one exception for all readers
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < float("inf"):
        raise ValueError(f"{value!r} is not a number")
    return float(value)


def _ratio(value: object) -> float:
    number = _number(value)
    if not 0 <= number <= 1:
        raise ValueError(f"{value!r} is not a share: from 0 to 1")
    return number


def _shape(value: object) -> float:
    number = _number(value)
    if not 0.1 <= number <= 100:  # noqa: PLR2004 - where `delays.gamma_quantile` was held against scipy
        raise ValueError(f"{value!r} is not a shape: from 0.1 to 100")
    return number


def _whole(low: int, high: int) -> Reader:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"{value!r} is not a whole number from {low} to {high}")
        return value

    return read


def _choice(*words: str) -> Reader:
    def read(value: object) -> str:
        if value not in words:
            raise ValueError(f"{value!r} is not one of {', '.join(words)}")
        return str(value)

    return read


def _many(read_one: Reader) -> Reader:
    def read(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError(f"{value!r} is not a list")  # noqa: TRY004 - one exception for all readers
        return tuple(read_one(item) for item in value)

    return read


def _one_or_many(read_one: Reader) -> Reader:
    return lambda value: _many(read_one)(value if isinstance(value, list) else [value])


def _address(af: int) -> Reader:
    def read(value: object) -> str:
        try:
            addr = normalise_address(_text(value))
        except ValueError:
            raise ValueError(f"{value!r} is not an IP address") from None
        if (":" in addr) != (af == 6):  # noqa: PLR2004 - IP version
            raise ValueError(f"{value!r} is not an IPv{af} address")
        return addr

    return read


def _duration(value: object) -> int:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a duration: write a number and a unit in quotes, such as '10ms'")  # noqa: TRY004 - a file, not a call
    return seconds_to_ns(parse_duration(value))


def _epoch(value: object) -> int:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(f"{value} is not a moment with a time zone, such as 2000-01-01T00:00:00Z")
    since = value - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * 1000


def _family(value: object) -> int:
    return {"v4": 4, "v6": 6}[str(_choice("v4", "v6")(value))]


def _ends(value: object) -> tuple[str, ...]:
    ends: tuple[str, ...] = _many(_text)(value)
    if len(ends) != 2:  # noqa: PLR2004 - a link has two
        raise ValueError(f"{value!r} is not two nodes, near and far")
    return ends


_DELAYS: dict[str, tuple[Callable[..., Delay], dict[str, Key]]] = {
    "constant": (Constant, {"base": Key(_duration, "base_ns", required=True)}),
    "uniform": (
        Uniform,
        {
            "min": Key(_duration, "min_ns", required=True),
            "max": Key(_duration, "max_ns", required=True),
        },
    ),
    "gamma": (
        Gamma,
        {
            "base": Key(_duration, "base_ns", required=True),
            "shape": Key(_shape, required=True),
            "scale": Key(_duration, "scale_ns", required=True),
        },
    ),
    "bimodal": (
        Bimodal,
        {
            "base": Key(_duration, "base_ns", required=True),
            "spike": Key(_duration, "spike_ns", required=True),
            "chance": Key(_ratio, required=True),
        },
    ),
}


def _delay(value: object) -> Delay:
    if not isinstance(value, dict):
        return Constant(_duration(value))
    kind = value.get("kind")
    if kind not in _DELAYS:
        raise ValueError(f"a delay in braces has a kind: one of {', '.join(_DELAYS)}, not {kind!r}")
    make, keys = _DELAYS[kind]
    rest = {key: item for key, item in value.items() if key != "kind"}
    fields: dict[str, Any] = {}
    for name in rest:
        if name not in keys:
            raise ValueError(f"unknown key {name!r} in a {kind} delay, which has {', '.join(keys)}")
    for name, key in keys.items():
        if name not in rest:
            raise ValueError(f"a {kind} delay needs {name!r}")
        fields[key.field or name] = key.read(rest[name])
    delay = make(**fields)
    if isinstance(delay, Uniform) and delay.min_ns > delay.max_ns:
        raise ValueError(f"min {rest['min']} is longer than max {rest['max']}")
    return delay


_LINK = {"delay": Key(_delay), "delay_back": Key(_delay), "loss": Key(_ratio), "loss_back": Key(_ratio)}
_PORTS = _many(_whole(1, 65535))
_ANSWER = {
    "answer_delay": Key(_delay),
    "answer_ratio": Key(_ratio),
    "quote": Key(_choice("full", "short")),
    "reply_ttl": Key(_whole(1, 255)),
}
_PORT_BEHAVIOUR = _choice("open", "closed", "filtered")

TABLES: dict[str, dict[str, Key]] = {
    "scenario": {
        "name": Key(_text, required=True),
        "description": Key(_text),
        "seed": Key(_whole(0, 2**63 - 1)),
        "epoch": Key(_epoch, "epoch_ns"),
    },
    "source": {"name": Key(_text), "v4": Key(_address(4)), "v6": Key(_address(6))},
    "target": {
        "name": Key(_text, required=True),
        "v4": Key(_one_or_many(_address(4))),
        "v6": Key(_one_or_many(_address(6))),
        "icmp": Key(_choice("answers", "silent")),
        "udp": Key(_PORT_BEHAVIOUR),
        "udp_open": Key(_PORTS),
        "tcp": Key(_PORT_BEHAVIOUR),
        "tcp_open": Key(_PORTS),
        **_ANSWER,
        **_LINK,
    },
    "router": {
        "id": Key(_text, required=True),
        "name": Key(_text),
        "v4": Key(_address(4)),
        "v6": Key(_address(6)),
        "silent": Key(_flag),
        **_ANSWER,
        "filter": Key(_choice("prohibited", "host-unreachable", "no-route", "drop")),
        "filter_protocols": Key(_many(_choice("icmp", "udp", "tcp"))),
        **_LINK,
    },
    "link": {"ends": Key(_ends, required=True), **_LINK},
    "route": {
        "via": Key(_many(_text), required=True),
        "at": Key(_duration, "at_ns"),
        "to": Key(_text),
        "family": Key(_family),
    },
}
"""Every key of the format. docs/scenarios.md and the dataclasses are held against it by tests."""

_ONCE = ("scenario", "source")
_MUST = ("scenario", "source", "target", "route")


class _Page:
    """A text, and how to point at a place in it."""

    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.path = path
        self._places: dict[Place, tuple[int, int]] | None = None

    def error(self, place: Place, why: str) -> ScenarioError:
        """Path, line and key; the line is that of the key, of its table, or of the offending word itself."""
        if self._places is None:
            self._places = find_places(self.text)
        table, number, key = place
        first, last = self._places.get(place) or self._places.get((table, number, "")) or (1, 1)
        if first < last:
            first = self._line_of_quoted(why, first, last)
        name = ".".join(part for part in (table, key) if part)
        return ScenarioError(f"{self.path}:{first}: {name}: {why}")

    def _line_of_quoted(self, why: str, first: int, last: int) -> int:
        # A list over several lines: the message begins with the word that is wrong.
        if word := re.match(r"'([^']+)'|([\w.:]+)", why):
            lines = self.text.splitlines()[first - 1 : last]
            for number, line in enumerate(lines, first):
                if (word[1] or word[2]) in line:
                    return number
        return first


def parse_scenario(text: str, *, path: str = "<text>") -> Scenario:
    """Read a scenario from TOML.

    Parameters
    ----------
    text
        The whole file.
    path
        What errors call it.

    Raises
    ------
    ScenarioError
        If it is not TOML, or not a scenario: ``path:line: table.key: why``.
    """
    page = _Page(text, path)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        line = re.search(r"at line (\d+)", str(exc))
        at = line[1] if line else str(text.count("\n") + 1)
        raise ScenarioError(f"{path}:{at}: not TOML: {exc}") from exc
    for name in tables:
        if name not in TABLES:
            raise page.error((name, 0, ""), f"unknown table{_did_you_mean(name, TABLES)}")
    for name in _MUST:
        if name not in tables:
            raise page.error(("", 0, ""), f"no [{name}]" if name in _ONCE else f"no [[{name}]]")
    rows = {name: _read_rows(page, name, tables[name]) for name in TABLES if name in tables}
    scenario = Scenario(
        **rows["scenario"][0],
        source=Source(**rows["source"][0]),
        targets=tuple(Target(**row) for row in rows["target"]),
        routers=tuple(Router(**row) for row in rows.get("router", ())),
        links=tuple(Link(**row) for row in rows.get("link", ())),
        routes=tuple(Route(**row) for row in rows["route"]),
    )
    for place, why in check_scenario(scenario):
        raise page.error(place, why)
    return scenario


def read_scenario(path: str | Path) -> Scenario:
    """Read a scenario file.

    Raises
    ------
    ScenarioError
        If it cannot be opened, or is wrong: ``path:line: table.key: why``.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ScenarioError(f"{path}:1: cannot be read: {exc}") from exc
    return parse_scenario(text, path=str(path))


def _read_rows(page: _Page, table: str, value: object) -> list[dict[str, Any]]:
    if table in _ONCE:
        if not isinstance(value, dict):
            raise page.error((table, 0, ""), f"there is one of it: write [{table}]")
        return [_read_row(page, (table, 0, ""), value)]
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise page.error((table, 0, ""), f"there may be several: write [[{table}]]")
    return [_read_row(page, (table, number, ""), row) for number, row in enumerate(value)]


def _read_row(page: _Page, header: Place, values: Mapping[str, object]) -> dict[str, Any]:
    table, number, _ = header
    keys = TABLES[table]
    row: dict[str, Any] = {}
    link: dict[str, Any] = {}
    for name, value in values.items():
        if name not in keys:
            raise page.error((table, number, name), f"unknown key{_did_you_mean(name, keys)}")
        try:
            read = keys[name].read(value)
        except ValueError as exc:
            raise page.error((table, number, name), str(exc)) from None
        (link if name in _LINK else row)[keys[name].field or name] = read
    for name, key in keys.items():
        if key.required and name not in values:
            raise page.error(header, f"the key {name!r} is missing")
    if "delay" in keys:
        row["link"] = LinkSpec(**link)
    return row


def _did_you_mean(word: str, words: Sequence[str] | Mapping[str, object]) -> str:
    close = difflib.get_close_matches(word, list(words), n=1)
    return f": did you mean {close[0]!r}?" if close else f" (there are: {', '.join(words)})"
