"""What ends a trace in a notebook, and what does not: the facts of docs/notebooks.md, in a real kernel."""

from __future__ import annotations

import json

import pytest

from tests.notebooks.kernels import ENDLESS, UNPRIVILEGED, kernel_of_our_own, wait_until

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.needs("raw_socket")]

TASK = f"task = asyncio.create_task({UNPRIVILEGED.replace('tn.trace(', 'tn.trace_async(')})"
QUIET = TASK.replace("dns=False", "dns=False, progress=False")
MADE = (
    "from trippy_nb.api import prepare\n"
    "from trippy_nb.model import TraceConfig\n"
    f"made = prepare('127.0.0.1', TraceConfig.from_options(protocol='udp', unprivileged=True, {ENDLESS}))\n"
    "made.advance(0)\n"
)
"""What a widget does: it holds the captures itself."""


@pytest.fixture(scope="module")
def kernel():
    with kernel_of_our_own() as it:
        it.run("import asyncio, gc, json, threading")
        it.run("run = tn.trace('127.0.0.1', rounds=1, dns=False); run.probes", cell="warm")
        it.run("run = await tn.trace_async('127.0.0.1', rounds=1, dns=False)", cell="warm")
        yield it


@pytest.fixture
def before(kernel):
    """Descriptors before a test; the same afterwards, or it has left something open."""
    kernel.run("tn.stop_all()")
    table, tabs = kernel.descriptors(), kernel.tabs
    yield kernel.sockets()
    kernel.run("tn.stop_all()")
    if kernel.tabs == tabs:
        assert kernel.descriptors() == table
    else:  # the connections of the tabs are others now
        assert len(kernel.descriptors()) == len(table)


def latest(kernel, n: int = 1) -> list[dict[str, object]]:
    """The latest sessions, as the kernel itself tells."""
    said = kernel.run(
        "import dataclasses, json; from trippy_nb.lifetimes import session_records\n"
        f"print(json.dumps([dataclasses.asdict(one) for one in session_records()[-{n}:]]))"
    )
    found: list[dict[str, object]] = json.loads(said)
    return found


def test_a_cell_that_is_run_again_ends_what_its_earlier_run_began(kernel, before):
    for _ in range(3):
        assert "Error" not in kernel.run(TASK, cell="A")
        kernel.wait_for_sockets(before)
    assert wait_until(lambda: kernel.sockets() == before + 1, 2)
    states = [(one["cell"], one["state"], one["stopped_by"]) for one in latest(kernel, 3)]
    assert states == [("A", "ended", "its cell is run again")] * 2 + [("A", "running", None)]


def test_another_cell_leaves_it_alone_and_the_ended_task_has_its_run(kernel, before):
    kernel.run(TASK + "; first = task", cell="A")
    kernel.wait_for_sockets(before)
    kernel.run("1 + 1", cell="B")
    assert wait_until(lambda: kernel.sockets() == before + 1, 2)
    kernel.run("tn = tn", cell="A")
    assert kernel.sockets() == before
    said = kernel.run(
        "run = await asyncio.wait_for(first, 5); print(len(run.probes), run.runs['end_reason'].iloc[0])"
    )
    assert said.split()[1] == "interrupted"


def test_what_a_widget_holds_ends_with_its_cell_and_never_begins_the_rest(kernel, before):
    many = MADE.replace("'127.0.0.1'", "['127.0.0.%d' % i for i in range(1, 31)]")
    kernel.run(many, cell="W")
    kernel.wait_for_sockets(before)
    kernel.run("", cell="other")
    kernel.run("pass", cell="W")
    assert kernel.sockets() == before
    assert kernel.run("print(made.advance(0.5), made.advance(0), tn.stop_all().empty)").split()[-1] == "True"
    assert {one["state"] for one in latest(kernel, 30)} == {"ended"}
    assert kernel.run("while not made.advance(0.5): pass\nprint(len(made.runs()))").strip() == "16"


def test_a_sub_cell_is_the_cell_it_is_run_from(kernel, before):
    kernel.run(f"get_ipython().run_cell('1')\n{TASK}", cell="outer")
    kernel.wait_for_sockets(before)
    assert latest(kernel)[0]["cell"] == "outer"


def test_a_front_end_without_cell_ids_is_left_alone(kernel, before):
    kernel.run(TASK)
    kernel.wait_for_sockets(before)
    kernel.run(TASK)
    kernel.wait_for_sockets(before + 1)
    assert [one["cell"] for one in latest(kernel, 2)] == [None, None]


def test_a_thread_of_the_users_belongs_to_no_cell(kernel, before):
    trace = f"{UNPRIVILEGED[:-1]}, progress=False)"  # printing in a thread would open pipes of ipykernel's
    code = f"thread = threading.Thread(target=lambda: {trace}, daemon=True); thread.start()"
    kernel.run(code, cell="T")
    kernel.wait_for_sockets(before)
    kernel.run("pass", cell="T")
    assert wait_until(lambda: kernel.sockets() == before + 1, 2)
    assert latest(kernel)[0]["cell"] is None
    assert kernel.run("print(len(tn.stop_all())); thread.join(5); print(thread.is_alive())").split() == [
        "1",
        "False",
    ]


def test_the_cell_that_imports_it_owns_its_first_trace_already():
    with kernel_of_our_own() as fresh:
        before = fresh.sockets()
        fresh.run(
            f"import asyncio, trippy_nb as tn\n{TASK}; {TASK.replace('task =', 'second =')}", cell="first"
        )
        fresh.wait_for_sockets(before + 1)
        found = latest(fresh, 2)
        assert [one["cell"] for one in found] == ["first", "first"]
        fresh.run("pass", cell="first")
        assert fresh.sockets() == before


def test_stop_all_ends_everything_at_once_and_says_what_it_stopped(kernel, before):
    for cell in "ABCD":
        kernel.run(TASK, cell=cell)
    kernel.wait_for_sockets(before + 3)
    said = kernel.run(
        "import time; t = time.monotonic(); stopped = tn.stop_all(); took = time.monotonic() - t\n"
        "print(took, len(stopped), set(stopped['state']), int(stopped['handles'].sum()))"
    ).split()
    assert kernel.sockets() == before
    assert float(said[0]) < 0.25
    assert said[1:] == ["4", "{'ended'}", "0"]


def test_a_name_that_is_bound_again_or_deleted_ends_it(kernel, before):
    kernel.run(MADE, cell="A")
    kernel.wait_for_sockets(before)
    kernel.run("made = None", cell="B")
    assert wait_until(lambda: kernel.sockets() == before, 0.5)
    kernel.run(MADE, cell="A")
    kernel.wait_for_sockets(before)
    kernel.run("del made", cell="B")
    assert wait_until(lambda: kernel.sockets() == before, 0.5)
    assert latest(kernel)[0]["stopped_by"] == "nobody holds it any more"


def test_reset_ends_it_and_a_cells_last_expression_is_kept_until_then(kernel, before):
    kernel.run(f"{MADE}made", cell="A")
    kernel.wait_for_sockets(before)
    kernel.run("del made", cell="B")
    assert wait_until(lambda: kernel.sockets() == before + 1, 2)  # Out and _ still hold it
    kernel.run("%reset -f", cell="C")
    kernel.run("import asyncio, gc, json, threading, trippy_nb as tn; gc.collect()")
    assert wait_until(lambda: kernel.sockets() == before, 0.5)


def test_a_shown_run_holds_no_handle(kernel, before):
    kernel.run("tn.trace('127.0.0.1', rounds=2, dns=False)", cell="A")
    assert kernel.sockets() == before
    kept = "Out[max(Out)]"
    assert kernel.run(f"print(type({kept}).__name__, {kept}.handles['closed_at'].notna().all())").split() == [
        "Run",
        "True",
    ]
    said = kernel.run(
        "import pickle\n"
        "print(len(pickle.loads(pickle.dumps(_)).probes) if isinstance(_, tn.Run) else 'other')"
    )
    assert said.strip().isdigit()


@pytest.mark.parametrize("how", ["tn.trace(", "await tn.trace_async("])
def test_an_exception_closes_everything_though_the_traceback_is_kept(kernel, before, how):
    code = f"def fail(run): raise ZeroDivisionError('mine')\n{UNPRIVILEGED[:-1]}, on_round=fail)"
    assert "mine" in kernel.run(code.replace("tn.trace(", how), cell="E")
    assert kernel.sockets() == before
    said = kernel.run(
        "import sys; error = sys.last_value\n"
        "print(type(error).__name__, len(error.partial_run.probes) > 0, error.__traceback__ is not None)\n"
        "print(tn.handles()['closed_at'].isna().sum(), tn.sessions()['state'].iloc[-1])"
    )
    assert said.split() == ["ZeroDivisionError", "True", "True", "0", "ended"]


def test_an_exception_elsewhere_in_the_cell_leaves_a_background_trace_to_its_cell(kernel, before):
    kernel.run(f"{TASK}; await asyncio.sleep(0.05); 1 / 0", cell="E")
    kernel.wait_for_sockets(before)
    kernel.run("pass", cell="E")
    assert kernel.sockets() == before


def test_an_interrupt_ends_the_cells_own_trace_only(kernel, before):
    kernel.run(TASK, cell="A")
    kernel.wait_for_sockets(before)
    message = kernel.send(f"run = {UNPRIVILEGED}", cell="B")
    kernel.wait_for_sockets(before + 1)
    said, _ = kernel.interrupt_until_over(message)
    assert "Traceback" not in said
    assert wait_until(lambda: kernel.sockets() == before + 1, 2)
    assert [one["state"] for one in latest(kernel, 2)] == ["running", "ended"]


def test_a_task_that_is_cancelled_returns_what_it_has(kernel, before):
    said = kernel.run(
        f"{QUIET}; await asyncio.sleep(0.2); task.cancel(); run = await task\n"
        "print(len(run.probes) > 0, run.runs['end_reason'].iloc[0], task.cancelled())",
        cell="A",
    )
    assert said.split() == ["True", "interrupted", "False"]
    assert kernel.sockets() == before


@pytest.mark.parametrize("steps", range(4))
def test_a_task_that_is_cancelled_before_it_sent_anything_is_cancelled_and_the_kernel_lives(
    kernel, before, steps
):
    said = kernel.run(
        f"{TASK}\nfor _ in range({steps}): await asyncio.sleep(0)\ntask.cancel()\n"
        "await asyncio.wait([task], timeout=5)\n"
        "print('done', task.done(), task.cancelled() or task.result())",
        cell="A",
    )
    assert "done True" in said, said
    assert kernel.run("print('alive')").strip() == "alive"
    assert kernel.sockets() == before


def test_a_time_out_around_an_awaited_trace_returns_what_was_collected(kernel, before):
    awaited = QUIET.partition("create_task")[2]
    said = kernel.run(f"run = await asyncio.wait_for({awaited}, 0.2); print(run.runs['end_reason'].iloc[0])")
    assert said.strip() == "interrupted"
    assert kernel.sockets() == before


def test_a_closed_tab_is_not_heard_and_the_next_one_finds_the_trace(kernel, before):
    kernel.run(TASK, cell="A")
    kernel.wait_for_sockets(before)
    kernel.disconnect()
    kernel.connect()
    kernel.client.wait_for_ready(timeout=60)
    assert kernel.run("found = tn.sessions(); print(found['state'].iloc[-1])").strip() == "running"
    kernel.run("pass", cell="A")  # the same notebook, opened again, has the same cells
    assert latest(kernel)[0]["stopped_by"] == "its cell is run again"
    kernel.run("")


def test_a_fork_in_a_notebook_leaves_the_parents_trace_alone(kernel, before):
    kernel.run(TASK, cell="A")
    kernel.wait_for_sockets(before)
    said = kernel.run(
        "import subprocess, sys\n"
        "print(subprocess.run([sys.executable, '-c', 'import os; print(len(os.listdir(\"/proc/self/fd\")))'],"
        " capture_output=True, text=True).stdout)"
    )
    assert said.split() == ["4"]  # three, and the folder that is listed: nothing of ours is inherited
    assert latest(kernel)[0]["state"] == "running"


@pytest.mark.parametrize("how", ["tn.trace(", "await tn.trace_async("])
def test_an_interrupt_while_the_earlier_run_is_being_ended_is_not_lost(kernel, before, how):
    """IPython prints what a callback raises, and runs the cell all the same."""
    kernel.run(
        "from trippy_nb.lifetimes.cells import when_run_again\nstruck = []\n"
        "def strike(cell):\n"
        "    if cell == 'I' and not struck:\n        struck.append(1); raise KeyboardInterrupt\n"
        "when_run_again(strike)"
    )
    said = kernel.run(f"run = {UNPRIVILEGED.replace('tn.trace(', how)}", cell="I")
    assert "KeyboardInterrupt" in said or "CancelledError" in said
    assert kernel.sockets() == before
    assert kernel.run("print(struck)").strip() == "[1]"
    kernel.run("strike = None; struck.append(2)")


def test_a_task_that_is_cancelled_while_no_socket_can_be_had_is_cancelled_and_the_kernel_lives(
    kernel, before
):
    """A KeyboardInterrupt in a task would end the kernel's event loop, and with it the kernel."""
    said = kernel.run(
        "from trippy_nb.net import LiveNetwork\n"
        "class Slow(LiveNetwork):\n"
        "    def choose(self, target, config):\n"
        "        there.set(); gate.wait(5); raise OSError('none left')\n"
        "there, gate = threading.Event(), threading.Event()\n"
        "task = asyncio.create_task(tn.trace_async('127.0.0.1', network=Slow()))\n"
        "while not there.is_set(): await asyncio.sleep(0.01)\n"
        "threading.Timer(0.1, gate.set).start(); task.cancel()\n"
        "await asyncio.wait([task], timeout=5); print('done', task.cancelled())"
    )
    assert "done True" in said, said
    assert kernel.run("print('alive')").strip() == "alive"
    assert kernel.sockets() == before
