"""Where keys stand in a TOML text."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from trippy_nb.sim.places import find_places

SCENARIOS = sorted((Path(__file__).parents[2] / "data" / "scenarios").glob("*.toml"))

TRICKY = '''\
# [table] in a comment, key = 1
top = 1
[ scenario ] # spaces and a comment
name = "a # b [c] = 2"   # the rest
"quoted key" = 1
text = """
fake = 1
[[router]]
\\""" still = 2
"""
raw = \'\'\'
also_fake = 1\'\'\'
after = 3

  [[router]]
  id = 'x = 1'
  list = [
    "one", # ] not the end
    ["]", 2],
  ]
  last = { a = 1, b = [2, "}"] }
[[router]]
id="second"
a.b = 4

[other.nested]
c = 1
'''


def test_strings_comments_and_lists_hide_what_looks_like_keys():
    tomllib.loads(TRICKY)  # the premise
    assert find_places(TRICKY) == {
        ("", 0, "top"): (2, 2),
        ("scenario", 0, ""): (3, 3),
        ("scenario", 0, "name"): (4, 4),
        ("scenario", 0, "quoted key"): (5, 5),
        ("scenario", 0, "text"): (6, 10),
        ("scenario", 0, "raw"): (11, 12),
        ("scenario", 0, "after"): (13, 13),
        ("router", 0, ""): (15, 15),
        ("router", 0, "id"): (16, 16),
        ("router", 0, "list"): (17, 20),
        ("router", 0, "last"): (21, 21),
        ("router", 1, ""): (22, 22),
        ("router", 1, "id"): (23, 23),
        ("router", 1, "a"): (24, 24),
        ("other", 0, "nested"): (26, 26),
        ("other", 0, "c"): (27, 27),
    }


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_every_key_of_every_scenario_is_found_on_its_line(path, ending):
    text = path.read_text().replace("\n", ending)
    lines = text.splitlines()
    places = find_places(text)
    wanted = 0
    for table, value in tomllib.loads(text).items():
        for number, row in enumerate(value if isinstance(value, list) else [value]):
            assert table in lines[places[table, number, ""][0] - 1]
            for key in row:
                assert lines[places[table, number, key][0] - 1].startswith(f"{key} =")
            wanted += 1 + len(row)
    assert len(places) == wanted


@pytest.mark.parametrize("text", ["", "\n", "# nothing", "a=1", "a = [\n1\n]", '[x]\na = "b"'])
def test_the_end_of_the_text_may_come_anywhere(text):
    assert all(first <= last <= max(1, len(text.splitlines())) for first, last in find_places(text).values())
