"""A real Jupyter kernel of our own, driven as a front end drives it; what is open is counted from outside."""

from __future__ import annotations

import contextlib
import os
import queue
import select
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, time_ns

from jupyter_client.manager import KernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

ROOT = Path(__file__).parents[2]
ENDLESS = "rounds=None, dns=False, min_round_duration=0.02, grace_duration=0.01"
UNPRIVILEGED = f"tn.trace('127.0.0.1', protocol='udp', unprivileged=True, {ENDLESS})"


class Kernel:
    """A kernel of our own, and what it says.

    Parameters
    ----------
    python
        The interpreter that runs it; by default the one that runs the tests.
    """

    def __init__(self, python: str | None = None) -> None:
        self.manager = KernelManager(kernel_name="python3")
        if python is not None:
            assert self.manager.kernel_spec is not None
            self.manager.kernel_spec.argv[0] = python
        # IPython's history is a file that a thread of its own opens and closes as it likes.
        paths = {} if python is None else {"env": os.environ | {"PYTHONPATH": str(ROOT)}}
        self.manager.start_kernel(extra_arguments=["--HistoryManager.enabled=False"], **paths)
        self.tabs = 0
        self.connect()
        self.client.wait_for_ready(timeout=60)
        self.pid = int(self.run("import os, trippy_nb as tn; print(os.getpid())"))

    def connect(self) -> None:
        """Open a tab."""
        self.tabs += 1
        self.client = self.manager.client()
        self.client.start_channels()

    def disconnect(self) -> None:
        """Close the tab."""
        self.client.stop_channels()

    def close(self) -> None:
        self.disconnect()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()

    def send(self, code: str, cell: str | None = None) -> str:
        """Run a cell, as a notebook does that gives its cells ids."""
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,  # what comes next is the check, not the next cell
        }
        metadata = {} if cell is None else {"cellId": cell}
        message = self.client.session.msg("execute_request", content, metadata=metadata)
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def wait_until_busy(self, message: str) -> None:
        while True:
            reply = self.client.get_iopub_msg(timeout=60)
            if reply["parent_header"].get("msg_id") == message and reply["msg_type"] == "status":
                return

    def answer(self, message: str, timeout_s: float = 60) -> str:
        """Everything the cell wrote, until it is over; `queue.Empty` if it is not by then."""
        text, is_over = self._heard(message, timeout_s)
        if not is_over:
            raise queue.Empty(f"the cell goes on after {timeout_s:g} s; it has written {text!r}")
        return text

    def _heard(self, message: str, timeout_s: float) -> tuple[str, bool]:
        text, end = "", monotonic() + timeout_s
        while True:
            try:
                reply = self.client.get_iopub_msg(timeout=max(0.0, end - monotonic()))
            except queue.Empty:
                return text, False
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
                    return text, True

    def run(self, code: str, cell: str | None = None) -> str:
        return self.answer(self.send(code, cell))

    def interrupt(self) -> None:
        """What Jupyter does for the stop button, without its round trip."""
        os.kill(self.pid, signal.SIGINT)

    def interrupt_until_over(
        self, message: str, *, every_s: float = 5, most: int = 2
    ) -> tuple[str, list[int]]:
        """Interrupt a cell until it ends; return what it wrote, and when it was interrupted.

        One that meets no cell, or a finalizer, Python drops: then people press again; `most` says how often.
        """
        text, pressed_ns = "", list[int]()
        while len(pressed_ns) < most:
            pressed_ns.append(time_ns())
            self.interrupt()
            more, is_over = self._heard(message, every_s)
            text += more
            if is_over:
                return text, pressed_ns
        raise AssertionError(f"the cell goes on after {most} interrupts; it has written {text!r}")

    def descriptors(self) -> dict[int, str]:
        """The kernel's descriptor table, read from outside; empty once it is gone."""
        table = {}
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for entry in Path(f"/proc/{self.pid}/fd").iterdir():
                with contextlib.suppress(FileNotFoundError):
                    table[int(entry.name)] = str(entry.readlink())
        return table

    def sockets(self) -> int:
        """How many of them are sockets."""
        return sum(link.startswith("socket:") for link in self.descriptors().values())

    def wait_for_sockets(self, more_than: int) -> None:
        assert wait_until(lambda: self.sockets() > more_than), "the trace never opened a socket"

    def is_gone(self) -> bool:
        """Whether the process is over, all its threads too (a killed leader may be a zombie before them)."""
        provisioner = self.manager.provisioner
        assert isinstance(provisioner, LocalProvisioner)
        return provisioner.process is None or provisioner.process.poll() is not None


def wait_until(condition: Callable[[], bool], timeout_s: float = 12.0) -> bool:
    """Look every 5 ms; tell whether it came true."""
    end = monotonic() + timeout_s
    while not condition():
        if monotonic() > end:
            return False
        select.select([], [], [], 0.005)
    return True


@contextlib.contextmanager
def kernel_of_our_own(python: str | None = None) -> Iterator[Kernel]:
    """A kernel that is gone afterwards, whatever happened."""
    it = Kernel(python)
    try:
        yield it
    finally:
        it.close()
