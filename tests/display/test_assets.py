from __future__ import annotations

import re
from collections import Counter

import pytest

from trippy_nb.display import esm, stylesheet
from trippy_nb.display.assets import _order, _travelling, asset

ENTRIES = ["explorer", "compare", "live", "lens", "player", "settings", "handles"]


@pytest.mark.parametrize("name", ENTRIES)
def test_a_joined_module_imports_nothing_and_exports_one_default(name):
    module = esm(name)
    assert not re.search(r"^\s*import\b|\bimport\(", module, re.MULTILINE)
    assert re.findall(r"^export .*", module, re.MULTILINE) == ["export default{render};"]


@pytest.mark.parametrize("name", ENTRIES)
def test_no_two_parts_of_a_joined_module_share_a_name(name):
    text = "".join(asset(f"{part}.js") for part in _order(name, []))  # with its indentation
    names = re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", text, re.MULTILINE)
    names += [
        word
        for several in re.findall(r"^(?:const|let) (\w+ = [^;\n]*, [A-Z_]+ = [^;\n]*);", text, re.MULTILINE)
        for word in re.findall(r", ([A-Z_]+) = ", several)
    ]
    twice = {word for word, count in Counter(names).items() if count > 1}
    assert not twice


@pytest.mark.parametrize("name", ["explorer", "compare"])
def test_a_module_is_joined_once_behind_what_it_needs(name):
    module = esm(name)
    assert module.count("function decimalsFor(") == 1
    assert module.index("function decimalsFor(") < module.index("function render(")


@pytest.mark.parametrize("text", [*map(esm, ENTRIES), stylesheet()], ids=[*ENTRIES, "css"])
def test_assets_speak_to_nobody(text):
    addresses = set(re.findall(r"(?:https?:)?//[\w.]+\.\w+[^\s\"']*", text)) - {"http://www.w3.org/2000/svg"}
    assert not addresses
    assert not re.search(
        r"\b(fetch|XMLHttpRequest|WebSocket|innerHTML|eval|localStorage)\b|@import|url\(", text
    )


def test_all_javascript_stays_small():
    """Each module counted once, as it travels."""
    parts = {part for name in ENTRIES for part in _order(name, [])}
    assert sum(len(_travelling(part).encode()) for part in parts) < 100_000


def test_nothing_that_travels_is_a_comment_or_runs_over_a_line_as_text():
    for name in ENTRIES:
        assert not re.search(r"^\s*(//|/\*|\*)", esm(name), re.MULTILINE)
        assert all(
            line.count("`") % 2 == 0 for line in esm(name).splitlines()
        )  # else its indentation is text


def test_every_rule_of_the_style_sheet_stays_within_our_elements():
    css = re.sub(r"/\*.*?\*/", "", asset("theme.css"), flags=re.DOTALL)
    selectors = re.findall(r"([^{}]+)\{", css)
    strays = [
        part.strip()
        for selector in selectors
        if not selector.strip().startswith("@")
        for part in re.split(r",(?![^(]*\))", selector)
        if ".tnb" not in part
    ]
    assert not strays
