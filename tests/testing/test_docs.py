"""docs/testing.md against the kit: every snippet runs, and the tables list all there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import trippy_nb as tn
from tests.needs import ROOT
from trippy_nb.testing import plugin

PAGE = (ROOT / "docs" / "testing.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def first_cells(heading: str) -> set[str]:
    """Names in the first column of the table below a heading row."""
    (table,) = re.findall(rf"^{re.escape(heading)}\n\|---.*\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return set(re.findall(r"^\| `(\w+)", table, re.MULTILINE))


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_each_snippet_runs_and_so_do_the_tests_in_it(number: int):
    names: dict[str, object] = {}
    exec(compile(SNIPPETS[number], f"testing.md, snippet {number}", "exec"), names)
    tests = [value for name, value in names.items() if name.startswith("test_")]
    assert len(tests) == SNIPPETS[number].count("def test_")
    for test in tests:
        assert callable(test)
        test()


def test_every_public_name_is_in_the_table():
    own = {name for name, value in vars(tn.testing).items() if callable(value) and not name.startswith("_")}
    assert first_cells("| | |") == own


def test_every_fixture_is_in_the_table():
    fixtures = re.findall(r"^@pytest\.fixture\ndef (\w+)", Path(plugin.__file__).read_text(), re.MULTILINE)
    assert first_cells("| fixture | |") == set(fixtures) != set()
