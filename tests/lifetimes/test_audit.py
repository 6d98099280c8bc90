"""The auditor from outside: strace replayed into descriptor tables, numbers never reused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lifetimes.sweeping import BUILT

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


def test_the_auditor_catches_19_broken_programs_and_passes_the_correct_ones():
    done = audit("--self-test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("caught") >= 20
    assert "SELF-TEST ok" in done.stdout


@pytest.mark.netns
@pytest.mark.needs("raw_socket", "cc")
def test_every_kind_of_trace_opens_and_closes_every_handle_once(loops):
    done = audit(
        *("--quarantine", "--strict", "--require", "socket=20", "--expect-rc", "0"),
        *("--foreign", "mtr-packet", "--"),
        *("ip", "netns", "exec", loops, sys.executable, str(HERE / "programs" / "traced.py")),
        *(word for mode in BUILT for word in (mode, "127.0.0.1", mode, "::1")),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fd_audit: clean" in done.stdout
