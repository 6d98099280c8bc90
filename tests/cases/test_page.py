"""docs/hard-cases.md, held against the scenarios and the tests it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trippy_nb import sim

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "hard-cases.md"
ROW = re.compile(r"^\| (\d+) \| (.+) \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
ROWS = ROW.findall(PAGE.read_text(encoding="utf-8"))
SCENARIOS = {name: sim.load(name).scenario for name in sim.scenarios()}
OF_THE_CASE = {int(row[0]): set(re.findall(r"scenarios/([\w-]+)\.toml", row[2])) for row in ROWS}
TESTS = {int(row[0]): re.findall(r"\]\(\.\./(tests/[\w/]+\.py)\)", row[4]) for row in ROWS}


def test_all_46_cases_are_there_in_their_order():
    assert [int(row[0]) for row in ROWS] == list(range(1, 47))


@pytest.mark.parametrize("name", [name for name, scenario in SCENARIOS.items() if scenario.cases])
def test_a_scenario_with_a_number_is_on_the_page(name):
    for case in SCENARIOS[name].cases:
        assert name in OF_THE_CASE[case] or name.startswith(tuple(OF_THE_CASE[case]))


@pytest.mark.parametrize("case", [int(row[0]) for row in ROWS])
def test_a_case_has_its_scenario_and_a_test_with_its_number(case):
    named = OF_THE_CASE[case]
    assert named <= set(SCENARIOS)
    assert TESTS[case], "no test"
    for test in TESTS[case]:
        assert (ROOT / test).is_file()
    numbered = {name for name in named if case in SCENARIOS[name].cases}
    if not named or named == {"first-steps"}:  # no scenario of its own: the row says why
        assert "none: " in ROWS[case - 1][2] or "strangers" in ROWS[case - 1][2]
        return
    assert numbered == named
    texts = [(ROOT / test).read_text(encoding="utf-8") for test in TESTS[case]]
    by_name = [re.search(rf"\btest_cases?_(\d+_and_)?{case}_", text) for text in texts]
    by_scenario = [any(name in text for name in named) or "case-(1[4-9]|2[0-4])" in text for text in texts]
    assert any(by_name) or any(by_scenario)
