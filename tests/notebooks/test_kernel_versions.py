"""The ipykernels that people have: a cell run again, an interrupt, a restart, a live view beside a busy cell.

What a callback runs on has changed twice from 6.31 to 7.4 (the main thread, a thread beside it, the main
thread again), and so has what an interrupt meets.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from tests.needs import find_kernel
from tests.notebooks.kernels import UNPRIVILEGED, Kernel, kernel_of_our_own, wait_until

VERSIONS = ["6.31", "7.1", "7.3"]
INSTALLED = version("ipykernel")
pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.needs("raw_socket")]

TASK = f"import asyncio; task = asyncio.create_task({UNPRIVILEGED.replace('tn.trace(', 'tn.trace_async(')})"
OPEN = "print(int(tn.handles()['closed_at'].isna().sum()))"
LIVE = (
    "live = tn.live('127.0.0.1', protocol='udp', unprivileged=True, dns=False, min_round_duration=0.05); live"
)
BUSY = "import os\nwhile not os.path.exists({enough!r}): sum(i * i for i in range(10_000))"


@pytest.fixture(
    scope="module",
    params=[
        *(pytest.param(one, marks=pytest.mark.needs(f"ipykernel-{one}")) for one in VERSIONS),
        # Other tests have the installed one in detail: here it stands beside the others, if they are there.
        pytest.param(INSTALLED, marks=pytest.mark.needs("ipykernel-7.3")),
    ],
)
def kernel(request):
    with kernel_of_our_own(find_kernel(f"ipykernel-{request.param}")) as it:
        assert it.run("import ipykernel; print(ipykernel.__version__)").startswith(request.param)
        it.run("run = tn.trace('127.0.0.1', rounds=1, dns=False); run.probes", cell="warm")
        yield it


def test_it_is_this_worktree_that_runs_there(kernel):
    where = Path(kernel.run("print(tn.__file__)").strip())
    assert where == Path(__file__).parents[2] / "trippy_nb" / "__init__.py"


def test_a_cell_that_is_run_again_ends_its_earlier_trace(kernel):
    before = kernel.sockets()
    for _ in range(3):
        assert "Error" not in kernel.run(TASK, cell="A")
        kernel.wait_for_sockets(before)
    assert wait_until(lambda: kernel.sockets() == before + 1, 3)
    kernel.run("tn.stop_all()")
    assert kernel.run(OPEN).strip() == "0"
    assert wait_until(lambda: kernel.sockets() == before)


@pytest.mark.parametrize("how", ["run = tn.trace(", "run = await tn.trace_async("])
def test_an_interrupt_keeps_the_partial_run_and_closes_everything(kernel, how, tmp_path):
    before, over = kernel.sockets(), tmp_path / "a-round-is-over"
    note = f", on_round=lambda _: open({str(over)!r}, 'w').close())"
    message = kernel.send(UNPRIVILEGED.replace("tn.trace(", how)[:-1] + note, cell="B")
    assert wait_until(over.exists), "no round ended"
    said, _ = kernel.interrupt_until_over(message)
    assert "Traceback" not in said
    assert kernel.sockets() == before
    said = kernel.run("print(len(run.probes) > 0, run.runs['end_reason'].iloc[0])")
    assert said.split() == ["True", "interrupted"]
    assert kernel.run(OPEN).strip() == "0"


def deltas(kernel: Kernel, enough: int, message: str) -> int:
    """Count what the live view sends while the cell of this message computes."""
    seen = 0
    while seen < enough:
        reply = kernel.client.get_iopub_msg(timeout=60)
        is_over = (
            reply["parent_header"].get("msg_id") == message
            and reply["content"].get("execution_state") == "idle"
        )
        assert not is_over, "the cell was over before the view had moved"
        content = (
            reply["content"].get("data", {}).get("content", {}) if reply["msg_type"] == "comm_msg" else {}
        )
        seen += content.get("type") == "delta"
    return seen


def test_a_live_view_moves_while_a_cell_computes_and_its_cell_run_again_closes_it(kernel, tmp_path):
    before, enough = kernel.sockets(), tmp_path / "enough"
    kernel.run(LIVE, cell="L")
    kernel.wait_for_sockets(before)
    message = kernel.send(BUSY.format(enough=str(enough)), cell="busy")
    kernel.wait_until_busy(message)
    try:
        assert deltas(kernel, 5, message) == 5
    finally:
        enough.touch()
    kernel.answer(message)
    assert "Error" not in kernel.run(LIVE, cell="L")
    kernel.wait_for_sockets(before)
    assert kernel.run("print((tn.sessions()['state'] == 'running').sum())").strip() == "1"
    kernel.run("live.close()")
    assert kernel.run(OPEN).strip() == "0"
    assert wait_until(lambda: kernel.sockets() == before)


def test_a_restarted_kernel_has_left_nothing_and_traces_again(kernel):
    """The last: the module's kernel is another one afterwards."""
    before = kernel.sockets()
    kernel.run(TASK, cell="A")
    kernel.wait_for_sockets(before)
    old = kernel.pid
    kernel.manager.restart_kernel(now=False)
    assert not Path(f"/proc/{old}").exists()
    kernel.client.wait_for_ready(timeout=60)
    said = kernel.run(
        "import trippy_nb as tn; run = tn.trace('127.0.0.1', rounds=1, progress=False); " + OPEN
    )
    assert said.strip().endswith("0")
