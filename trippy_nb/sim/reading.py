"""TOML to `Scenario`: every key is known, every value is checked, and an error says path, line and key."""

import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trippy_nb.errors import ScenarioError
from trippy_nb.sim.checks import check_scenario
from trippy_nb.sim.keys import LINK_KEYS, TABLES
from trippy_nb.sim.places import Place, find_places
from trippy_nb.sim.scenario import (
    ClockStep,
    Congestion,
    Link,
    LinkSpec,
    Return,
    Route,
    Router,
    Scenario,
    Source,
    Target,
    Tunnel,
)

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
        returns=tuple(Return(**row) for row in rows.get("return", ())),
        tunnels=tuple(Tunnel(**row) for row in rows.get("tunnel", ())),
        congestions=tuple(Congestion(**row) for row in rows.get("congestion", ())),
        clock_steps=tuple(ClockStep(**row) for row in rows.get("clock", ())),
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
    inline = LINK_KEYS if keys.keys() >= LINK_KEYS.keys() else {}
    for name, value in values.items():
        if name not in keys:
            raise page.error((table, number, name), f"unknown key{_did_you_mean(name, keys)}")
        try:
            read = keys[name].read(value)
        except ValueError as exc:
            raise page.error((table, number, name), str(exc)) from None
        (link if name in inline else row)[keys[name].field or name] = read
    for name, key in keys.items():
        if key.required and name not in values:
            raise page.error(header, f"the key {name!r} is missing")
    if inline:
        row["link"] = LinkSpec(**link)
    if table == "route" and ("via" in values) == ("next" in values):
        raise page.error(header, "a route has a via, or a next: one of them")
    return row


def _did_you_mean(word: str, words: Sequence[str] | Mapping[str, object]) -> str:
    close = difflib.get_close_matches(word, list(words), n=1)
    return f": did you mean {close[0]!r}?" if close else f" (there are: {', '.join(words)})"
