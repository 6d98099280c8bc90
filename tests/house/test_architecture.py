"""The contracts in pyproject.toml are kept, and each of them bites.

A contract that cannot fail is decoration. So a copy of the package is broken in one place at a time, and
the contract that stands against it must say so. One process does it all.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTRACTS = PYPROJECT["tool"]["importlinter"]["contracts"]

LAYERS = "Rooms look only downwards; neighbours on one floor are strangers"
FRONT = "Nobody inside comes in by the front door"
ENGINE = "Whoever has a file needs no engine: frames, analysis, plots, reports and runs stay clear of it"
FORMATS = "No format knows another"
CIRCLES = "No circles inside a room"

# (file that gets it, what it gets, the contract that must break)
BORDERS = [
    ("errors.py", "from trippy_nb.model import seeded", LAYERS),
    ("model/seeded.py", "from trippy_nb import wire", LAYERS),
    ("wire/seeded.py", "from trippy_nb.tracing import clock", LAYERS),
    ("wire/seeded.py", "def late():\n    from trippy_nb.frames import schema", LAYERS),
    ("lifetimes/seeded.py", "import trippy_nb.net", LAYERS),
    ("net/seeded.py", "from trippy_nb.sim import seeded", LAYERS),
    ("sim/seeded.py", "from trippy_nb.net import seeded", LAYERS),
    ("tracing/seeded.py", "from trippy_nb import net", LAYERS),
    ("analysis/seeded.py", "from trippy_nb.enrich import seeded", LAYERS),
    ("plots/seeded.py", "from trippy_nb.widgets import seeded", LAYERS),
    ("reports/seeded.py", "from trippy_nb.widgets import seeded", LAYERS),
    ("cli/seeded.py", "from trippy_nb.magic import seeded", LAYERS),
    ("utils.py", "HELPFUL = True", LAYERS),
    ("misc/__init__.py", "HELPFUL = True", LAYERS),
    ("model/seeded.py", "from trippy_nb import __version__", FRONT),
    ("analysis/seeded.py", "from trippy_nb.tracing import clock", ENGINE),
    ("frames/seeded.py", "import trippy_nb.sim", ENGINE),
    ("formats/seeded.py", "from trippy_nb.formats import another", FORMATS),
    ("wire/seeded.py", "from trippy_nb.wire import another", CIRCLES),
]
_ANOTHER = {"formats": "", "wire": "from trippy_nb.wire import seeded"}
_ROOMS = (
    "analysis",
    "enrich",
    "formats",
    "cli",
    "frames",
    "lifetimes",
    "magic",
    "net",
    "plots",
    "reports",
    "sim",
    "tracing",
    "widgets",
    "wire",
)

DOORS = [contract for contract in CONTRACTS if contract["name"].startswith("Door: ")]
SEEDS = BORDERS + [
    ("model/seeded.py", f"import {module}", door["name"])
    for door in DOORS
    for module in door["protected_modules"]
]

# In the copy: seeds one, asks, takes it back, and prints which contracts broke each time.
_BREAK_EACH = """
import json, sys
from pathlib import Path
from importlinter import api  # configures import-linter
from importlinter.application import use_cases
options = use_cases.read_user_options("pyproject.toml")
use_cases._register_contract_types(options)  # has no public name in 2.16
answers = []
for file, text, contract in json.load(sys.stdin):
    path = Path("trippy_nb", file)
    before = path.read_text() if path.exists() else None
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{before or ''}\\n{text}\\n")
    report = use_cases.create_report(options, cache_dir=None)
    answers.append([found.name for found, check in report.get_contracts_and_checks() if not check.kept])
    path.write_text(before) if before is not None else path.unlink()
    if path.parent.name == "misc":
        path.parent.rmdir()
json.dump(answers, sys.stderr)
"""


@pytest.fixture(scope="module")
def broken(tmp_path_factory) -> dict[tuple[str, str], list[str]]:
    """Which contracts break for each seed; `None` stands for none at all."""
    copy = tmp_path_factory.mktemp("broken")
    python_only = shutil.ignore_patterns("__pycache__", "*.js", "*.css", "*.toml")
    shutil.copytree(ROOT / "trippy_nb", copy / "trippy_nb", ignore=python_only)
    for file in ("pyproject.toml", "tests/house/doors.py"):
        (copy / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, copy / file)
    for room in _ROOMS:  # the seeds below speak of rooms that may not be built yet
        (copy / "trippy_nb" / room).mkdir(exist_ok=True)
        (copy / "trippy_nb" / room / "__init__.py").touch()
    for file in {file for file, _text, _contract in SEEDS if file.endswith("seeded.py")}:
        (copy / "trippy_nb" / file).touch()
    for room, text in _ANOTHER.items():
        (copy / "trippy_nb" / room / "another.py").write_text(text)
    whole = ("model/seeded.py", "", "")
    done = subprocess.run(
        [sys.executable, "-c", _BREAK_EACH],
        cwd=copy,
        input=json.dumps([whole, *SEEDS]),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stderr)
    return {(file, text): names for (file, text, _), names in zip([whole, *SEEDS], answers, strict=True)}


def test_the_contracts_are_kept():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_unbroken_copy_keeps_them_all(broken):
    assert broken["model/seeded.py", ""] == []


@pytest.mark.parametrize(("file", "text", "contract"), SEEDS)
def test_a_broken_border_is_caught(broken, file, text, contract):
    assert contract in broken[file, text]


def test_every_contract_is_broken_once():
    assert {contract for _file, _text, contract in SEEDS} == {contract["name"] for contract in CONTRACTS}


def test_every_dependency_has_a_door():
    imported_as = {"dnspython": "dns"}
    needed = {name.partition(">")[0] for name in PYPROJECT["project"]["dependencies"]}
    guarded = {module for door in DOORS for module in door["protected_modules"]}
    assert {imported_as.get(name, name) for name in needed} <= guarded
