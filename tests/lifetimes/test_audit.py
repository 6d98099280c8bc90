"""The auditor from outside: strace replayed into descriptor tables, numbers never reused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
AUDITOR = HERE / "fd_audit.py"

pytestmark = [pytest.mark.needs("strace"), pytest.mark.slow]


def audit(*arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(AUDITOR), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env=os.environ | {"PYTHONPATH": str(HERE.parents[1])},
    )


def test_the_auditor_catches_18_broken_programs_and_passes_the_correct_ones():
    done = audit("--self-test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("caught") >= 18
    assert "SELF-TEST ok" in done.stdout


@pytest.mark.parametrize(
    "mode",
    [
        pytest.param("raw", marks=pytest.mark.raw_socket),
        pytest.param("raw-icmp", marks=pytest.mark.raw_socket),
        pytest.param("raw-tcp", marks=pytest.mark.raw_socket),
        "error-queue",
        "lines",
    ],
)
def test_a_trace_opens_and_closes_every_handle_once(mode):
    program = str(HERE / "programs" / "traces.py")
    done = audit(
        "--quarantine",
        "--strict",
        "--require",
        "socket=1",
        "--expect-rc",
        "0",
        "--",
        sys.executable,
        program,
        mode,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fd_audit: clean" in done.stdout
