"""The whole way down: strategy, live channel, kernel; and what a window costs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from tests.lifetimes.descriptors import open_handles, open_sockets
from tests.net.driving import MS, Driver, drive
from tests.net.plans import make_plan
from trippy_nb.errors import ChannelBrokenError, ConfigError
from trippy_nb.lifetimes import Session, records
from trippy_nb.model import EndReason, ReplyReceived, RoundEnded, SocketMode, TraceConfig
from trippy_nb.net import LiveNetwork
from trippy_nb.tracing import run_trace

HERE = Path(__file__).parent
MODES = [
    {"protocol": "icmp"},
    {"protocol": "udp"},
    {"protocol": "tcp"},
    {"protocol": "udp", "mode": "error-queue"},
]
FAST = {"min_round_duration": 0.02, "max_round_duration": 0.5, "grace_duration": 0.02, "probe_timeout": 0.5}


@pytest.mark.netns
@pytest.mark.needs("raw_socket")
@pytest.mark.parametrize("af", [4, 6])
@pytest.mark.parametrize("options", MODES)
def test_the_engine_finds_the_target_through_every_channel(chain, options, af):
    network, config = LiveNetwork(), TraceConfig.from_options(rounds=3, **options, **FAST)
    events: list[object] = []

    def job(vault, stop) -> EndReason:
        chain.enter()
        (target,) = network.resolve(chain.target_addr(af), config)
        plan = make_plan(target, config, network.choose(target, config))
        return run_trace(plan, network.open(plan, vault), network.clock, emit=events.append, stop=stop)

    with Session(job, name="trace", run_uuid=f"test {af} {options}") as session:
        assert session.wait(20) is EndReason.ROUNDS
    rounds = [event for event in events if isinstance(event, RoundEnded)]
    assert [event.target_ttl for event in rounds] == [3, 3, 3]
    hops = {
        event.probe.ttl: event.reply.responder
        for event in events
        if isinstance(event, ReplyReceived) and event.probe is not None
    }
    assert {ttl: hops[ttl] for ttl in (1, 2, 3)} == {ttl: chain.hop(ttl, af) for ttl in (1, 2, 3)}
    mine = records(f"test {af} {options}")
    assert mine
    assert all(record.closed_at is not None for record in mine)
    assert sum(record.sent for record in mine if record.purpose.startswith("sending")) >= 9


def test_a_channel_that_cannot_be_opened_says_so_and_leaves_nothing(monkeypatch):
    before = open_sockets()

    def steps(it: Driver) -> None:
        plan = replace(it.plan, source="203.0.113.7")
        with pytest.raises(ChannelBrokenError, match=r"error-queue channel cannot be opened: Cannot assign"):
            it.network.open(plan, it.vault)
        with pytest.raises(ConfigError, match="mode sim"):
            it.network.open(replace(plan, mode=SocketMode.SIM), it.vault)

    drive("127.0.0.1", steps, protocol="udp", mode="error-queue")
    assert open_sockets() == before
    assert open_handles() == []


@pytest.mark.needs("raw_socket")
@pytest.mark.parametrize("options", MODES[:3])
def test_a_window_of_24_beside_a_computing_cell_takes_a_few_turns_at_the_lock(options):
    """24 single sends took 125 ms, and 24 receives would as much; a turn is 5 ms.

    Not the error queue: on the loopback each answer is there before the next probe leaves, and each
    stops the window once.
    """
    computing = True

    def compute() -> None:
        while computing:
            sum(range(100))

    def steps(it: Driver) -> int:
        thread = threading.Thread(target=compute)
        thread.start()
        begun = it.network.clock.now_ns()
        it.send(range(1, 25))
        it.replies_and_stamps(24)
        took = it.network.clock.now_ns() - begun
        nonlocal computing
        computing = False
        thread.join()
        assert len(it.replies) == 24
        return took

    best = min(drive("127.0.0.1", steps, **options) for _ in range(3) if [computing := True])
    assert best < 120 * MS


@pytest.mark.slow
@pytest.mark.needs("strace", "raw_socket")
@pytest.mark.parametrize(
    ("mode", "most"),
    [
        ("raw-icmp", {"sendmmsg": 1, "poll": 1, "recvmmsg": 2}),
        ("raw", {"sendmmsg": 1, "poll": 1, "recvmmsg": 2}),
        # A queued error stops sendmmsg; how often depends on how fast the answers come.
        ("error-queue", {"poll": 1, "recvmmsg": 2}),
    ],
)
def test_a_window_is_a_handful_of_system_calls(tmp_path, mode, most):
    trace = tmp_path / "trace"
    program = HERE / "one_window.py"
    calls = "sendmmsg,recvmmsg,poll,ppoll,sendto,sendmsg,recvmsg,recvfrom,getsockopt,setsockopt"
    done = subprocess.run(
        ["strace", "-f", "-o", str(trace), "-e", f"trace={calls}", sys.executable, str(program), mode],
        capture_output=True, text=True, check=False, timeout=60,
        env=os.environ | {"PYTHONPATH": str(HERE.parents[1])},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = trace.read_text(encoding="utf-8").split("SO_DEBUG")  # the program's own mark, before and after
    assert len(lines) == 3
    names = re.findall(r"^\d+ +(\w+)\(", lines[1].partition("\n")[2], re.MULTILINE)
    names = [name for name in names if name not in ("getsockopt", "setsockopt") or mode != "error-queue"]
    counts = {name: names.count(name) for name in names}
    counts.pop("getsockopt", None)  # the second mark
    for name, bound in most.items():
        assert counts.pop(name) <= bound
    counts.pop("sendmmsg", None)
    assert counts == {}
