"""Stop ends a trace within 250 ms at any moment, also one that is still choosing, opening, or waiting."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lifetimes.descriptors import last_handle, open_sockets
from tests.lifetimes.sweeping import BUILT, WHOLE
from trippy_nb.capture import Capture
from trippy_nb.lifetimes import Session, Vault, records
from trippy_nb.lifetimes.child import _Process
from trippy_nb.model import TraceConfig
from trippy_nb.net import LiveNetwork
from trippy_nb.net.stamps import await_stamping

ROOT = Path(__file__).parents[2]


@pytest.mark.netns
@pytest.mark.needs("raw_socket")
@pytest.mark.slow
def test_every_kind_of_trace_stops_within_250_ms_at_random_moments(loops):
    script = ROOT / "benchmarks" / "bench_stop.py"
    done = subprocess.run(
        ["ip", "netns", "exec", loops, sys.executable, str(script), "20" if WHOLE else "2"],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    alone, beside = done.stdout.split("beside a computing thread:")
    assert len(re.findall(r"max +[\d.]+ ms", alone)) == len(BUILT), done.stdout + done.stderr
    assert max(map(float, re.findall(r"max +([\d.]+) ms", alone))) < 250
    assert max(map(float, re.findall(r"p90 +([\d.]+)", beside))) < 250


class StoppedWhileItChooses(LiveNetwork):
    """Somebody stops the trace while its sockets are chosen."""

    capture: Capture

    def choose(self, target, config):
        choice = super().choose(target, config)
        self.capture._session._state.want_stop("test")
        return choice

    def open(self, plan, vault):
        raise AssertionError("opened after the stop")


def test_a_trace_that_is_stopped_while_it_chooses_opens_no_channel():
    network, config = StoppedWhileItChooses(), TraceConfig.from_options(protocol="udp", unprivileged=True)
    (target,) = network.resolve("127.0.0.1", config)
    network.capture = Capture(target, config, network)
    network.capture.start()
    assert network.capture.wait(5)
    tables = network.capture.collected.tables()
    assert tables.runs["end_reason"].astype(str).tolist() == ["interrupted"]
    assert len(tables.probes) == 0


def test_a_stopped_trace_does_not_wait_for_packets_to_be_stamped():
    since = last_handle()

    def job(vault: Vault, stop) -> bool:
        session._state.want_stop("test")
        await_stamping(vault)
        return stop() and vault.stop_wanted

    session = Session(job, name="x")
    session.start()
    assert session.wait(5)
    assert [record.sent for record in records() if record.handle > since] == [0]
    with Vault() as vault:
        assert not vault.stop_wanted  # no session, no stop


class FailsToClose:
    """A stream whose close says that it failed, and has closed."""

    def __init__(self, stream) -> None:
        self._stream = stream

    def close(self) -> None:
        self._stream.close()
        raise OSError(5, "Input/output error")


def test_a_child_is_waited_for_even_if_closing_its_stream_fails():
    before = open_sockets()
    process = _Process(["/bin/cat"])
    number = process._process.pid
    process.stream = FailsToClose(process.stream)  # type: ignore[assignment]  # close(2) may answer EIO
    with pytest.raises(OSError, match="Input/output"):
        process.close()
    assert open_sockets() == before
    assert process._process.returncode in (0, -signal.SIGKILL)
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)
