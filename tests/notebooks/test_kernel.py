"""A real Jupyter kernel: a trace in a cell, an interrupt, a re-run. What is open is counted from outside."""

import pytest

from tests.notebooks.kernels import kernel_of_our_own, wait_until

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.needs("raw_socket")]

ENDLESS = "run = tn.trace('127.0.0.1', rounds=None, protocol='udp', unprivileged=True, dns=False)"


@pytest.fixture(scope="module")
def kernel():
    with kernel_of_our_own() as it:
        yield it


def test_a_trace_in_a_cell_shows_its_card(kernel):
    html = kernel.run("tn.trace('127.0.0.1', rounds=2, dns=False)")
    assert "<table" in html
    assert "127.0.0.1" in html


def test_an_interrupt_returns_what_was_collected_and_closes_everything(kernel, tmp_path):
    before = kernel.sockets()
    over = tmp_path / "a-round-is-over"
    message = kernel.send(f"{ENDLESS[:-1]}, on_round=lambda _: open({str(over)!r}, 'w').close())")
    assert wait_until(over.exists), "no round ended"
    kernel.manager.interrupt_kernel()
    assert "Traceback" not in kernel.answer(message)
    assert kernel.sockets() == before
    said = kernel.run(
        "print(len(run.probes) > 0, run.runs['end_reason'].iloc[0], run.handles['closed_at'].notna().all())"
    )
    assert said.split() == ["True", "interrupted", "True"]


def test_running_the_cell_again_leaves_nothing_behind(kernel):
    before = kernel.sockets()
    for _ in range(5):
        message = kernel.send(ENDLESS)
        kernel.wait_for_sockets(before)
        kernel.manager.interrupt_kernel()
        kernel.answer(message)
    assert kernel.sockets() == before
    assert kernel.run("print(tn.handles()['closed_at'].isna().sum())").strip() == "0"


def test_await_works_in_a_cell_and_an_interrupt_returns_the_partial_run(kernel):
    assert kernel.run(
        "run = await tn.trace_async('127.0.0.1', rounds=1, dns=False); print(len(run.probes))"
    ).strip()
    before = kernel.sockets()
    message = kernel.send(ENDLESS.replace("tn.trace(", "await tn.trace_async("))
    kernel.wait_for_sockets(before)
    kernel.manager.interrupt_kernel()
    kernel.answer(message)
    assert kernel.sockets() == before
    assert kernel.run("print(run.runs['end_reason'].iloc[0])").strip() == "interrupted"
