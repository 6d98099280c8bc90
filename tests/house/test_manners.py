"""Manners that no linter knows: reasons beside exceptions, sizes, no workplace in the tree."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Written so that this file does not match itself.
_WORKPLACE = re.compile(
    r"(?<![\w.])/(w[o]rk|r[o]ot|f[a]rm)/|\.lib[r]ary/|pyth[o]nhosted|py[p]i\.org|npmj[s]\.org"
)
_REGISTRY = re.compile(
    r"(ind[e]x-url|find-l[i]nks|registry)\s*[=: ]\s*\S*(http|file):|\"resolved\":\s*\"http"
)
_SUPPRESSION = re.compile(
    r"#\s*(noqa\b(:\s*[A-Z0-9, ]+)?|type:\s*ignore(\[[\w, -]+\])?|pragma: no (cover|branch))"
)
_LONGEST_FILE = 600
_LONGEST_FUNCTION = 60


def _committed() -> list[Path]:
    """Every text file that is in the tree, or would be with the next commit."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(
        listed, cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    ).stdout.split("\0")
    return [
        path for name in names if name and (path := ROOT / name).is_file() and b"\0" not in path.read_bytes()
    ]


def _places(paths: list[Path], wrong) -> list[str]:
    """Name file, line and text of every line that is wrong."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in paths
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if wrong(line)
    ]


def _python(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def test_no_file_names_a_registry_or_the_workplace():
    assert not _places(_committed(), lambda line: _WORKPLACE.search(line) or _REGISTRY.search(line))


def has_no_reason(line: str) -> bool:
    """Whether the line suppresses a check without saying why: a code, then words."""
    found = _SUPPRESSION.search(line)
    if found is None:
        return False
    codes, reason = found[2] or found[3] or found[4], line[found.end() :].strip(" -#:")
    return not codes or len(reason.split()) < 2


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("x = 1  # noqa: S101 - mypy needs it", False),
        ("x = 1  # type: ignore[arg-type]  # ctypes has no stub", False),
        ("x = 1  # no" + "qa: S101", True),
        ("x = 1  # no" + "qa", True),
        ("x = 1  # type: " + "ignore[arg-type]", True),
        ("x = 1  # type: " + "ignore  # because so", True),
        ("x = 1", False),
    ],
)
def test_a_suppression_without_code_and_reason_is_seen(line, wrong):
    assert has_no_reason(line) is wrong


def test_every_suppression_in_the_code_carries_its_reason():
    others = [
        path for path in _python("trippy_nb", "tests", "benchmarks", "docs", ".ci") if path != Path(__file__)
    ]
    assert not _places(others, has_no_reason)


def test_every_exception_in_the_project_file_carries_its_reason():
    text = (ROOT / "pyproject.toml").read_text()
    rules = re.findall(r'^  "[A-Z]+\d*",.*$|^"[^"]+" = \[.*"\].*$', text, re.MULTILINE)
    overrides = re.findall(r"^module = .*$", text, re.MULTILINE)
    warnings = re.findall(r'^  "(?:ignore|default):.*$', text, re.MULTILINE)
    assert len(rules) > 20
    assert [
        line for line in (*rules, *overrides, *warnings) if not re.search(r"[\"\]],? +# \w+,? \w+", line)
    ] == []


def test_no_file_has_outgrown_its_room():
    long = {
        path.name: n
        for path in _python("trippy_nb")
        if (n := len(path.read_text().splitlines())) > _LONGEST_FILE
    }
    assert not long


def test_no_function_is_longer_than_a_screen():
    functions = (
        (path, node)
        for path in _python("trippy_nb")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path, node in functions
        if _code_lines(node) > _LONGEST_FUNCTION
    ]
    assert not long


def _code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring: that is read elsewhere, and may explain."""
    doc = node.body[0] if ast.get_docstring(node) else None
    return (node.end_lineno or 0) - node.lineno - (((doc.end_lineno or 0) - doc.lineno + 1) if doc else 0)
