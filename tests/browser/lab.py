"""A real JupyterLab on the loopback, and one notebook in it, driven through a page.

What was learnt the hard way: `notebook:run-all-cells` resolves only when the cells have finished, so it is
not awaited; `expose_app_in_browser` gives `window.jupyterapp`; news and update checks would go out.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat

from tests.needs import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

_SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


@contextmanager
def lab_server(
    folder: Path,
    *,
    app: str = "lab",
    python: str = sys.executable,
    kernels: dict[str, str] | None = None,
    timeout_s: float = 60,
) -> Iterator[str]:
    """Serve a folder without passwords, with settings of its own; the address is given.

    Parameters
    ----------
    folder
        What is served.
    app
        Or ``notebook``.
    python
        The interpreter that runs the server.
    kernels
        Interpreters by the names of their kernels; `python3` is that of the server.
    timeout_s
        How long to wait for it.
    """
    with tempfile.TemporaryDirectory(prefix="lab-") as name:
        home = Path(name)
        for setting, values in _SETTINGS.items():
            plugin, _, part = setting.partition("/")
            place = home / "settings" / "@jupyterlab" / plugin
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{part}.jupyterlab-settings").write_text(json.dumps(values), encoding="utf-8")
        for kernel, its_python in (kernels or {}).items():
            place = home / "data" / "kernels" / kernel
            place.mkdir(parents=True)
            argv = [its_python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            spec = {"argv": argv, "display_name": kernel, "language": "python"}
            (place / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        with served(_command(app, python, port, folder), folder, home, f"{url}/api/status", timeout_s):
            yield url


@contextmanager
def served(command: list[str], folder: Path, home: Path, probe: str, timeout_s: float = 60) -> Iterator[None]:
    """Run a server until the block is left; it is up when the address `probe` answers."""
    log = home / "server.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            command, env=_environment(home), stdout=out, stderr=out, cwd=folder, start_new_session=True
        )
    try:
        _wait_until_up(probe, server, log, timeout_s)
        yield
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _command(app: str, python: str, port: int, folder: Path) -> list[str]:
    settings = {
        "IdentityProvider.token": "",
        "ServerApp.password": "",
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.disable_check_xsrf": True,
        "ServerApp.root_dir": folder,
        f"{'LabApp' if app == 'lab' else 'JupyterNotebookApp'}.expose_app_in_browser": True,
    }
    flags = [f"--{name}={value}" for name, value in settings.items()]
    program = ["jupyter", "lab"] if app == "lab" else [app]
    return [python, "-m", *program, "--no-browser", "--allow-root", *flags]


def _environment(home: Path) -> dict[str, str]:
    ours = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    kept = {name: str(home / part) for name, part in ours.items()}
    kept |= {"XDG_CONFIG_HOME": str(home / "config"), "XDG_STATE_HOME": str(home / "state")}  # marimo's
    return os.environ | kept | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


def _wait_until_up(probe: str, server: subprocess.Popen[bytes], log: Path, timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    while True:
        try:
            with urllib.request.urlopen(probe, timeout=1) as answer:
                answer.read()
        except (urllib.error.URLError, OSError) as error:
            if server.poll() is not None or time.monotonic() > end:
                raise RuntimeError(log.read_text(encoding="utf-8")[-3000:]) from error
            time.sleep(0.1)
        else:
            return


class LabNotebook:
    """One notebook, open in JupyterLab, or (`at` is ``notebooks``) in Notebook 7."""

    def __init__(self, page: Page, url: str, name: str, *, at: str = "lab/tree") -> None:
        self.page, self.url, self.name, self.at = page, url, name, at

    def open(self, *, kernel: bool = True) -> LabNotebook:
        """Load (or reload) the whole page, and wait until the kernel is idle."""
        self.page.goto(f"{self.url}/{self.at}/{self.name}?reset", timeout=60_000)
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        if kernel:
            self._wait("idle")
        return self

    def command(self, name: str, **arguments: Any) -> None:
        """Ask for a command of JupyterLab; not awaited."""
        self.page.evaluate("([c, a]) => { window.jupyterapp.commands.execute(c, a) }", [name, arguments])

    def run_all(self) -> None:
        """Run all cells to their end."""
        self.command("notebook:run-all-cells")
        self.page.wait_for_function(
            "![...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]"
            ".some(e => /\\[[ *]\\]/.test(e.textContent))",
            timeout=60_000,
        )

    def save(self) -> None:
        """Save, and wait until it is saved."""
        saving = "window.jupyterapp.shell.currentWidget.context.save()"
        self.page.evaluate(f"async () => {{ await {saving} }}")

    def told(self, code: str) -> str:
        """Run code in the kernel without a cell, and return what it printed."""
        printed: str = self.page.evaluate(
            """code => {
            const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel; let out = '';
            const future = kernel.requestExecute({ code, store_history: false });
            future.onIOPub = m => { if (m.header.msg_type === 'stream') out += m.content.text;
              if (m.header.msg_type === 'error') out += m.content.evalue; };
            return future.done.then(() => out.trim()) }""",
            code,
        )
        return printed

    def _wait(self, status: str) -> None:
        self.page.wait_for_function(
            "s => window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.status === s",
            arg=status,
            timeout=60_000,
        )


def write_notebook(
    path: Path, code: list[str], outputs: list[dict[str, str]] | None = None, *, kernel: str = "python3"
) -> None:
    """Write a notebook; `outputs` (mime type -> text) stand under its first cell, as a stranger's would."""
    book = nbformat.v4.new_notebook()
    book.metadata["kernelspec"] = {"name": kernel, "display_name": kernel, "language": "python"}
    book.cells = [nbformat.v4.new_code_cell(cell) for cell in code]
    if outputs:
        book.cells[0].outputs = [nbformat.v4.new_output("display_data", data) for data in outputs]
        book.cells[0].execution_count = 1
    nbformat.write(book, path)
