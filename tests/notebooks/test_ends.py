"""How a kernel ends while it traces: restart, shutdown, SIGTERM, SIGKILL. It leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from time import monotonic

import pytest

from tests.notebooks.kernels import UNPRIVILEGED, Kernel, kernel_of_our_own, wait_until

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.needs("raw_socket")]

TASK = f"task = asyncio.create_task({UNPRIVILEGED.replace('tn.trace(', 'tn.trace_async(')})"
MANY = "import asyncio\n" + "\n".join([TASK] * 3)
RAW = UNPRIVILEGED.replace(", unprivileged=True", "")
# atexit calls the latest first: so ours runs between `begin` and `note`.
NOTES = """
import atexit, json, time
from pathlib import Path
import trippy_nb.lifetimes.session as ours
begun = []
def note():
    took_s = time.monotonic() - begun[0]
    rows = tn.sessions()
    Path({path!r}).write_text(json.dumps({{
        "states": rows["state"].astype(str).tolist(),
        "by": rows["stopped_by"].astype(str).tolist(),
        "open": int(tn.handles()["closed_at"].isna().sum()),
        "took_s": took_s,
    }}))
atexit.unregister(ours._end_all)
atexit.register(note)
atexit.register(ours._end_all)
atexit.register(lambda: begun.append(time.monotonic()))
"""


def graceful_shutdown(kernel: Kernel) -> None:
    """As jupyter_client's KernelManager does it: an interrupt, then the request on the control channel."""
    kernel.interrupt()
    kernel.client.shutdown()


def graceful_restart(kernel: Kernel) -> None:
    kernel.interrupt()
    kernel.client.shutdown(restart=True)


def exit_in_a_cell(kernel: Kernel) -> None:
    kernel.send("exit()")


def terminate(kernel: Kernel) -> None:
    os.kill(kernel.pid, signal.SIGTERM)


def kill(kernel: Kernel) -> None:
    os.kill(kernel.pid, signal.SIGKILL)


GRACEFUL = [graceful_shutdown, graceful_restart, exit_in_a_cell]


@pytest.mark.parametrize("end", GRACEFUL, ids=lambda end: end.__name__)
def test_a_kernel_that_shuts_down_closes_every_handle_itself_and_is_gone_in_a_second(end, tmp_path):
    path = tmp_path / "notes.json"
    with kernel_of_our_own() as kernel:
        before = kernel.sockets()
        kernel.run(MANY, cell="A")
        kernel.wait_for_sockets(before + 2)
        kernel.run(NOTES.format(path=str(path)))
        end(kernel)
        assert wait_until(kernel.is_gone)
    notes = json.loads(path.read_text())
    assert notes.pop("took_s") < 0.25  # of the second that is ours; the rest is the interpreter's own
    assert notes == {"states": ["ended"] * 3, "by": ["the interpreter exits"] * 3, "open": 0}


@pytest.mark.parametrize("traced", [UNPRIVILEGED, RAW], ids=["unprivileged", "raw"])
@pytest.mark.parametrize("end", [graceful_shutdown, terminate, kill], ids=lambda end: end.__name__)
def test_a_kernel_whose_cell_is_tracing_is_gone_in_a_second_and_leaves_no_process(end, traced):
    with kernel_of_our_own() as kernel:
        before = kernel.sockets()
        kernel.send(f"run = {traced}", cell="A")
        kernel.wait_for_sockets(before)
        inodes = {link for link in kernel.descriptors().values() if link.startswith("socket:")}
        children = Path(f"/proc/{kernel.pid}/task/{kernel.pid}/children").read_text().split()
        begun = monotonic()
        end(kernel)
        assert wait_until(kernel.is_gone)
        assert monotonic() - begun < 4.5  # by itself: Jupyter kills after five. A second on a quiet machine
        assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
        assert not inodes & sockets_of_the_system()


def sockets_of_the_system() -> set[str]:
    """Inodes of the UDP and raw sockets that the system knows: column `inode` of proc_net(5)."""
    found = set()
    for name in ("udp", "udp6", "raw", "raw6", "icmp", "icmp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            found.add(f"socket:[{line.split()[9]}]")
    return found


def test_a_restarted_kernel_traces_again():
    with kernel_of_our_own() as kernel:
        before = kernel.sockets()
        kernel.send(f"run = {UNPRIVILEGED}", cell="A")
        kernel.wait_for_sockets(before)
        old = kernel.pid
        kernel.manager.restart_kernel(now=False)
        assert not Path(f"/proc/{old}").exists()
        kernel.client.wait_for_ready(timeout=60)
        kernel.run("import os, trippy_nb as tn; run = tn.trace('127.0.0.1', rounds=1, progress=False)")
        assert int(kernel.run("print(os.getpid())")) != old
        assert kernel.run("print(len(run.probes) > 0, tn.sessions()['state'].iloc[0])").split() == [
            "True",
            "ended",
        ]
