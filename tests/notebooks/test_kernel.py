"""A real Jupyter kernel: a trace in a cell, an interrupt, a re-run. What is open is counted from outside."""

import select
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.needs("raw_socket")]

ENDLESS = "run = tn.trace('127.0.0.1', rounds=None, protocol='udp', unprivileged=True, dns=False)"


class Kernel:
    """A kernel of our own, and what it says."""

    def __init__(self) -> None:
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel()
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.pid = int(self.run("import os, trippy_nb as tn; print(os.getpid())"))

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()

    def send(self, code: str) -> str:
        return str(self.client.execute(code))

    def answer(self, message: str) -> str:
        """Everything the cell wrote, until it is over."""
        text = ""
        while True:
            reply = self.client.get_iopub_msg(timeout=60)
            if reply["parent_header"].get("msg_id") != message:
                continue
            content = reply["content"]
            match reply["msg_type"]:
                case "stream":
                    text += content["text"]
                case "execute_result" | "display_data":
                    text += content["data"].get("text/html", content["data"].get("text/plain", ""))
                case "error":
                    text += "\n".join(content["traceback"])
                case "status" if content["execution_state"] == "idle":
                    return text

    def run(self, code: str) -> str:
        return self.answer(self.send(code))

    def sockets(self) -> int:
        """Descriptors of the kernel that are sockets, counted from outside."""
        links = []
        for entry in Path(f"/proc/{self.pid}/fd").iterdir():
            try:
                links.append(str(entry.readlink()))
            except FileNotFoundError:
                continue
        return sum(link.startswith("socket:") for link in links)

    def wait_for_sockets(self, more_than: int) -> None:
        for _ in range(600):
            if self.sockets() > more_than:
                return
            select.select([], [], [], 0.02)
        raise AssertionError("the trace never opened a socket")


@pytest.fixture(scope="module")
def kernel():
    it = Kernel()
    yield it
    it.close()


def test_a_trace_in_a_cell_shows_its_card(kernel):
    html = kernel.run("tn.trace('127.0.0.1', rounds=2, dns=False)")
    assert "<table" in html
    assert "127.0.0.1" in html


def test_an_interrupt_returns_what_was_collected_and_closes_everything(kernel):
    before = kernel.sockets()
    message = kernel.send(ENDLESS)
    kernel.wait_for_sockets(before)
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


def test_a_restart_ends_a_trace_under_way():
    own = Kernel()
    try:
        before = own.sockets()
        own.send(ENDLESS)
        own.wait_for_sockets(before)
        own.manager.restart_kernel(now=False)
        assert not Path(f"/proc/{own.pid}").exists()
    finally:
        own.close()
