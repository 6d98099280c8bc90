"""docs/scenarios.md against the code: every key, every default, every example."""

from __future__ import annotations

import re
import tomllib
from dataclasses import MISSING, Field, fields

import pytest

from tests.needs import ROOT
from trippy_nb.errors import ScenarioError
from trippy_nb.sim import parse_scenario, reading
from trippy_nb.sim.scenario import Link, LinkSpec, Route, Router, Scenario, Source, Target

PAGE = (ROOT / "docs" / "scenarios.md").read_text()
CLASSES = {
    "scenario": Scenario,
    "source": Source,
    "target": Target,
    "router": Router,
    "link": Link,
    "route": Route,
}
PARTS = {
    "source",
    "targets",
    "routers",
    "links",
    "routes",
    "link",
}  # fields that are tables of their own, or the link's keys
tables = pytest.mark.parametrize("table", list(CLASSES))


def documented(table: str) -> dict[str, tuple[bool, str]]:
    """Read the keys of a table from the page: whether it must be there, and its default."""
    (section,) = re.findall(rf"### `\[\[?{table}\]\]?`\n(.*?)(?=\n##|\Z)", PAGE, re.DOTALL)
    rows = re.findall(r"^\| (\*\*)?`(\w+)`(?:\*\*)? \|(.*?)\|(.+)\|$", section, re.MULTILINE)
    return {key: (bool(bold), default.strip(" `")) for bold, key, default, _ in rows}


def fields_of(table: str) -> dict[str, Field[object]]:
    found = {field.name: field for field in fields(CLASSES[table]) if field.name not in PARTS}
    if table in ("target", "router", "link"):
        found |= {field.name: field for field in fields(LinkSpec)}
    return found


@tables
def test_the_page_describes_exactly_the_keys_that_are_read(table):
    assert list(documented(table)) == list(reading.TABLES[table])


@tables
def test_the_keys_are_exactly_the_fields(table):
    keys = reading.TABLES[table]
    assert sorted(key.field or name for name, key in keys.items()) == sorted(fields_of(table))


@tables
def test_required_keys_and_defaults_are_those_of_the_code(table):
    written = {None: {"none", "both", "every target", "as delay", "as `delay"}, "": {'""'}}
    for name, key in reading.TABLES[table].items():
        must, default = documented(table)[name]
        field = fields_of(table)[key.field or name]
        assert must == key.required == (field.default is MISSING and field.default_factory is MISSING), name
        if must:
            continue
        if field.default in (None, ""):
            assert default in written[field.default], name
        elif field.default == ():
            assert default in ("[]", "none"), name
        else:
            value = tomllib.loads(f"x = {default}")["x"]
            assert key.read(value) == field.default, name


def test_the_kinds_of_delay_are_all_there():
    rows = re.findall(r"^\| `(\w+)` \| ((?:`\w+`(?:, )?)+) \|", PAGE, re.MULTILINE)
    kinds = {kind: re.findall(r"`(\w+)`", keys) for kind, keys in rows if kind in reading._DELAYS}
    assert kinds == {kind: list(keys) for kind, (_, keys) in reading._DELAYS.items()}


def test_the_examples_are_right():
    small, delays = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    scenario = parse_scenario(small)
    assert scenario.name == "two-routers"
    for value in tomllib.loads(delays).values():
        reading._delay(value)
    numbered = small.replace("loss = 0.02", "loss = 1.5")
    with pytest.raises(ScenarioError, match=r"router\.loss: 1\.5 is not a share: from 0 to 1"):
        parse_scenario(numbered)
    with pytest.raises(
        ScenarioError, match=r"route\.via: 'hme' is not the id .* \(there are: hidden, home\)"
    ):
        parse_scenario(small.replace('via = ["home"]', 'via = ["hme"]'))
