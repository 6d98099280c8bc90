"""The plugin, in a project of somebody else: one line in conftest.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFTEST = 'pytest_plugins = ["trippy_nb.testing.plugin"]\n'
REFUSAL = "this test may not use the live network: pass network=tn.sim.load(...)"
PASSES = """
import trippy_nb as tn

def test_network(sim_network):
    assert tn.trace("target.example", network=sim_network, rounds=1, progress=False).hops["ttl"].max() >= 8

def test_run(sim_run):
    assert sim_run("thirty-hops").hops["ttl"].max() == 30

def test_simulated_traces_go_on(no_live_network, sim_run):
    assert len(sim_run().probes)
"""
FAILS = """
import asyncio
import pytest
import trippy_nb as tn

@pytest.mark.parametrize("verb", [tn.trace, tn.discover, tn.pmtu])
def test_live(verb, no_live_network):
    verb("127.0.0.1", progress=False)

def test_live_in_a_task(no_live_network):
    asyncio.run(tn.trace_async("127.0.0.1"))

def test_live_by_name(no_live_network):
    tn.trace("no-such-host.invalid", progress=False)

def test_live_channel(no_live_network):
    from trippy_nb.net import LiveNetwork
    LiveNetwork().open(None, None)
"""


def project(folder: Path, tests: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(CONFTEST)
    return run_pytest(folder, tests)


def run_pytest(folder: Path, tests: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_theirs.py").write_text(tests)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", folder, folder],
        capture_output=True, text=True, timeout=120, check=False, cwd=folder, env={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip


@pytest.mark.slow
def test_a_project_that_names_the_plugin_has_its_fixtures(tmp_path):
    done = project(tmp_path, PASSES)
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


def test_the_page_says_the_same_line():
    assert f"```python\n{CONFTEST}```" in (ROOT / "docs" / "testing.md").read_text()


@pytest.mark.slow
def test_a_project_that_does_not_ask_has_none_of_it(tmp_path):
    (tmp_path / "conftest.py").write_text("")
    done = run_pytest(tmp_path, "def test_theirs(sim_network): ...")
    assert "fixture 'sim_network' not found" in done.stdout


@pytest.mark.slow
def test_a_live_trace_fails_in_one_line(tmp_path):
    done = project(tmp_path, FAILS)
    assert done.returncode == 1
    assert "6 failed" in done.stdout
    told = [line[2:].strip() for line in done.stdout.splitlines() if line.startswith("E ")]
    assert told == [f"trippy_nb.errors.TrippyError: {REFUSAL}"] * 6


@pytest.mark.slow
@pytest.mark.parametrize(("module", "missing"), [("strategies", "hypothesis"), ("plugin", "pytest")])
def test_without_the_extra_the_message_names_it(module, missing):
    program = f"""
import sys
sys.modules["{missing}"] = None
import trippy_nb.testing
from trippy_nb.errors import MissingDependencyError
try:
    import trippy_nb.testing.{module}
except MissingDependencyError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True, cwd=ROOT
    )
    wanted = f"trippy_nb.testing.{module} needs {missing}: pip install 'trippy_nb[testing]'"
    assert done.stdout.strip() == wanted
