"""docs/scenarios.md against the code: every key, every default, every example."""

from __future__ import annotations

import re
import tomllib
from dataclasses import MISSING, Field, fields
from typing import Any

import pytest

from tests.needs import ROOT
from trippy_nb.errors import ScenarioError
from trippy_nb.sim import keys, parse_scenario
from trippy_nb.sim.scenario import (
    BucketLimit,
    ClockStep,
    Congestion,
    Link,
    LinkSpec,
    LinuxLimit,
    Return,
    Route,
    Router,
    Scenario,
    Source,
    Target,
    Tunnel,
    WindowLimit,
)

PAGE = (ROOT / "docs" / "scenarios.md").read_text()
CLASSES = {
    "scenario": Scenario,
    "source": Source,
    "target": Target,
    "router": Router,
    "link": Link,
    "route": Route,
    "return": Return,
    "tunnel": Tunnel,
    "congestion": Congestion,
    "clock": ClockStep,
}
PARTS = {
    "source",
    "targets",
    "routers",
    "links",
    "routes",
    "returns",
    "tunnels",
    "congestions",
    "clock_steps",
    "link",
}  # fields that are tables of their own, or the link's keys


def documented(heading: str) -> dict[str, tuple[bool, str]]:
    """Read the keys of a table from the page: whether it must be there, and its default."""
    (section,) = re.findall(rf"### {re.escape(heading)}\n(.*?)(?=\n##|\Z)", PAGE, re.DOTALL)
    return rows_of(section.split("A **limit**")[0])


def rows_of(section: str) -> dict[str, tuple[bool, str]]:
    rows = re.findall(r"^\| (\*\*)?`(\w+)`(?:\*\*)? \|(.*?)\|(.+)\|$", section, re.MULTILINE)
    return {key: (bool(bold), default.strip(" `")) for bold, key, default, _ in rows}


def heading_of(table: str) -> str:
    return f"`[{table}]`" if table in ("scenario", "source") else f"`[[{table}]]`"


def own_keys(table: str) -> dict[str, keys.Key]:
    """Keys that stand in the section of the table itself."""
    shared = keys.LINK_KEYS if table in ("target", "router", "link") else {}
    return {name: key for name, key in keys.TABLES[table].items() if name not in shared}


def fields_of(kind: type) -> dict[str, Field[object]]:
    return {field.name: field for field in fields(kind) if field.name not in PARTS}


def check(found: dict[str, tuple[bool, str]], known: dict[str, keys.Key], kind: type) -> None:
    """Names, what must be there, and defaults: the page, the reader and the dataclass agree."""
    written = {None: {"none", "both", "every target", "as delay", "as `delay"}, "": {'""'}}
    here = fields_of(kind)
    assert list(found) == list(known)
    assert sorted(key.field or name for name, key in known.items()) == sorted(here)
    for name, key in known.items():
        must, default = found[name]
        field = here[key.field or name]
        assert must == key.required, name
        assert must <= (field.default is MISSING and field.default_factory is MISSING), name
        if must:
            continue
        if field.default in (None, ""):
            assert default in written[field.default], name
        elif field.default == ():
            assert default in ("[]", "none"), name
        else:
            value = tomllib.loads(f"x = {default}")["x"]
            assert key.read(value) == field.default, name


@pytest.mark.parametrize("table", list(CLASSES))
def test_every_table_is_described_as_it_is_read(table):
    check(documented(heading_of(table)), own_keys(table), CLASSES[table])


def test_links_are_described_as_they_are_read():
    check(documented("Keys of links"), keys.LINK_KEYS, LinkSpec)
    for table in ("target", "router", "link"):
        assert keys.TABLES[table].keys() >= keys.LINK_KEYS.keys()


@pytest.mark.parametrize("name", ["nat", "rewrite"])
def test_boxes_are_described_as_they_are_read(name):
    (section,) = re.findall(rf"^\| {name} \| default \| \|\n(.*?)\n\n", PAGE, re.DOTALL | re.MULTILINE)
    make, known = keys.BOXES[name]
    assert isinstance(make, type)
    check(rows_of(section), known, make)


def kinds_on_page(known: dict[str, Any]) -> dict[str, list[str]]:
    rows = re.findall(r"^\| `(\w+)` \| ((?:`\w+`(?:, )?)+) \|", PAGE, re.MULTILINE)
    return {kind: re.findall(r"`(\w+)`", names) for kind, names in rows if kind in known}


@pytest.mark.parametrize("known", [keys.DELAY_KINDS, keys.LIMIT_KINDS], ids=["delay", "limit"])
def test_the_kinds_are_all_there(known):
    assert kinds_on_page(known) == {kind: list(names) for kind, (_, names) in known.items()}


@pytest.mark.parametrize("make", [BucketLimit, LinuxLimit, WindowLimit])
def test_the_keys_of_a_limiter_are_its_fields(make):
    known = next(names for kind, names in keys.LIMIT_KINDS.values() if kind is make)
    assert [key.field or name for name, key in known.items()] == [field.name for field in fields(make)]


def test_the_examples_are_right():
    small, delays, ways, tables = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    scenario = parse_scenario(small)
    assert scenario.name == "two-routers"
    for value in tomllib.loads(delays).values():
        keys.read_delay(value)
    for line in ways.splitlines():
        assert keys.TABLES["route"]["via"].read(tomllib.loads(line)["via"])
    assert dict(keys.TABLES["route"]["next"].read(tomllib.loads(tables)["next"]))["r1"][1].weight == 2
    numbered = small.replace("loss = 0.02", "loss = 1.5")
    with pytest.raises(ScenarioError, match=r"router\.loss: 1\.5 is not a share: from 0 to 1"):
        parse_scenario(numbered)
    with pytest.raises(
        ScenarioError, match=r"route\.via: 'hme' is not the id .* \(there are: hidden, home\)"
    ):
        parse_scenario(small.replace('via = ["home"]', 'via = ["hme"]'))
