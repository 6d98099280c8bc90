"""Files in the place of closed sockets stay whole, and the ledger is right whatever call fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lifetimes import fd_audit
from tests.lifetimes.sweeping import BUILT, PROGRAMS, WHOLE

pytestmark = [pytest.mark.needs("cc", "raw_socket"), pytest.mark.netns, pytest.mark.slow]


def compiled(source: Path, folder: Path) -> str:
    library = folder / f"{source.stem}.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return str(library)


@pytest.fixture(scope="module")
def canary(tmp_path_factory):
    return compiled(PROGRAMS / "canary.c", tmp_path_factory.mktemp("canary"))


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shim")
    source = folder / "shim.c"
    source.write_text(fd_audit.SHIM.replace("QBASE", str(fd_audit.QBASE)), encoding="utf-8")
    return compiled(source, folder)


def run(program: str, *arguments: str, inside: str, preload: str) -> list[int]:
    done = subprocess.run(
        ["ip", "netns", "exec", inside, sys.executable, str(PROGRAMS / program), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=os.environ | {"PYTHONPATH": str(PROGRAMS.parents[2]), "LD_PRELOAD": preload},
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return [int(number) for number in done.stdout.split()[-2:]]


def test_files_that_took_the_numbers_of_closed_sockets_are_intact_at_the_end(loops, canary):
    traces = [word for mode in BUILT for address in ("127.0.0.1", "::1") for word in (mode, address)]
    files, damaged = run("canary.py", *traces, inside=loops, preload=canary)
    assert files > 5 * len(BUILT)
    assert damaged == 0


@pytest.mark.parametrize("broken", ["closes-twice", "writes-late"])
def test_a_file_that_somebody_closes_or_writes_to_is_seen(loops, canary, broken):
    assert run("canary.py", broken, "-", inside=loops, preload=canary) == [1, 1]


def test_ledger_and_descriptor_table_agree_whatever_call_fails(loops, shim):
    examples = 120 if WHOLE else 25
    (failed,) = run("quiet_points.py", str(examples), inside=loops, preload=shim)
    assert failed > examples
