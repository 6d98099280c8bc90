"""Notebook 7, Voila and marimo in a real browser, and JupyterLab on older kernels.

The table of docs/notebooks.md says what was found. Playwright's selectors look into the shadow trees of
marimo; `document.querySelector` does not.
"""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.browser.chromium import blameless, visit
from tests.browser.every import EVERY, SELECTING
from tests.browser.lab import LabNotebook, free_port, lab_server, served, write_notebook
from tests.needs import find_kernel

pytestmark = [pytest.mark.browser, pytest.mark.kernel, pytest.mark.slow]

NET = "network=tn.sim.load('first-steps')"
LIVE = f"import trippy_nb as tn\nlive = tn.live('target.example', {NET}.paced(4))\nlive"
RUN = f"run = tn.trace('target.example', {NET}, rounds=5)\nrun"
CELLS = [LIVE, RUN, "run.explore()", "tn.compare(run, run).explore()", "run.lens(ttl=2)"]
BUSY = "import os\nwhile not os.path.exists('enough'): sum(i * i for i in range(10_000))"
OPEN = "print(int(tn.handles()['closed_at'].isna().sum()))"


def moves(page, by=3):
    """Wait until the live view has moved on by some rounds."""
    page.locator(".tnb-live .tnb-box").first.wait_for(state="attached", timeout=60_000)
    sent = page.locator(".tnb-live tbody tr").first.locator("td").nth(2)
    wanted = int(sent.inner_text()) + by
    further = "|".join(str(number) for number in range(wanted, wanted + 300))
    sent.filter(has_text=re.compile(f"^({further})$")).wait_for(timeout=60_000)


def works(page):
    """All is drawn, and the card too; a click selects, Stop stops, Start starts again."""
    moves(page)
    page.locator(".tnb-compare").wait_for(timeout=60_000)
    page.locator(".tnb-lens .tnb-byte").first.wait_for(timeout=60_000)
    page.locator("table:has-text('RTT, 0 to')").first.wait_for()
    explorer = page.locator(".tnb:not(.tnb-live)", has=page.locator(".tnb-strip")).first
    explorer.locator(".tnb-hop").nth(4).click()
    explorer.locator("tr.tnb-on th:text-is('5')").wait_for()
    assert page.locator(".tnb").count() == 4
    press = page.locator(".tnb-live .tnb-press")
    press.click()
    page.locator(".tnb-live .tnb-press:text-is('Start')").wait_for()
    press.click()
    page.locator(".tnb-live .tnb-press:text-is('Stop')").wait_for()
    moves(page, 1)


@pytest.mark.needs("notebook")
def test_notebook_7(browser, tmp_path):
    write_notebook(tmp_path / "all.ipynb", CELLS)
    # Its own: it throws this on opening any notebook, before a cell has run (7.6.5).
    own = "Cannot read properties of undefined (reading 'schema')"
    with (
        lab_server(tmp_path, app="notebook", python=find_kernel("notebook") or "") as url,
        visit(browser, width=1400, height=1000) as here,
    ):
        book = LabNotebook(here.page, url, "all.ipynb", at="notebooks").open()
        book.run_all()
        works(here.page)
        assert book.told("print(live.running, live.run.probes['round'].max() > 0)") == "True True"
        book.save()
        book.open()  # a reload finds the same trace again
        moves(here.page, 1)
        book.told("live.close()")
        assert book.told(OPEN) == "0"
        here.page.wait_for_selector(".tnb-live", state="detached")
        assert here.external == []
        assert {error for error in here.errors if "Failed to load resource" not in error} <= {own}


@pytest.mark.needs("voila")
def test_voila(browser, tmp_path):
    write_notebook(tmp_path / "all.ipynb", CELLS)
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    flags = ["--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1"]
    command = [find_kernel("voila") or "", "-m", "voila", "all.ipynb", *flags]
    with (
        tempfile.TemporaryDirectory() as home,
        served(command, tmp_path, Path(home), f"{url}voila/static/favicon.ico"),
        visit(browser, width=1400, height=1000) as here,
    ):
        here.page.goto(url, timeout=60_000)
        works(here.page)
        assert all("fontawesome" in asked for asked in here.external)  # Voila's own icons, from elsewhere
        assert [error for error in here.errors if "Failed to load resource" not in error] == []


@pytest.mark.needs("marimo")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_marimo(browser, tmp_path, theme):
    cells = "".join(
        f"@app.cell\ndef _({given}):\n    {code}\n    return ({made},)\n\n"
        for given, code, made in (
            ("", "import trippy_nb as tn", "tn"),
            ("tn", LIVE.split("\n", 1)[1].replace("\n", "\n    "), "live"),
            ("tn", RUN.replace("\n", "\n    "), "run"),
            ("run", "explorer = run.explore()\n    explorer", "explorer"),
            ("run, tn", "compared = tn.compare(run, run).explore()\n    compared", "compared"),
            ("run", "lens = run.lens(ttl=2)\n    lens", "lens"),
        )
    )
    (tmp_path / "app.py").write_text(f"import marimo\napp = marimo.App()\n\n{cells}", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(f'[tool.marimo.display]\ntheme = "{theme}"\n', encoding="utf-8")
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    flags = ["--headless", f"--port={port}", "--host=127.0.0.1", "--no-token"]
    command = [find_kernel("marimo") or "", "-m", "marimo", "run", "app.py", *flags]
    with (
        tempfile.TemporaryDirectory() as home,
        served(command, tmp_path, Path(home), url),
        blameless(browser, but="Failed to load resource", width=1400, height=1000) as here,
    ):
        here.page.goto(url, timeout=60_000)
        works(here.page)
        ground = here.page.locator(".tnb-live").evaluate("e => getComputedStyle(e).backgroundColor")
        assert (ground == "rgb(255, 255, 255)") == (theme == "light")


STATIC = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_a_front_end_without_widgets_shows_the_card(browser, tmp_path):
    """As VS Code does where its widgets do not load: text/html in a page that runs and fetches nothing."""
    with blameless(browser) as here:
        for name, making in EVERY.items():
            with making() as widget:
                bundle, _ = widget._repr_mimebundle_()
                widget.close()
            lines, rows, letters = (5, 4, 300) if name in SELECTING else (0, 0, 50)
            assert len(bundle["text/plain"].splitlines()) > lines
            assert "<script" not in bundle["text/html"]
            policy = f'<meta http-equiv="Content-Security-Policy" content="{STATIC}">'
            page = tmp_path / f"{name}.html"
            page.write_text(f"<meta charset=utf-8>{policy}{bundle['text/html']}", encoding="utf-8")
            here.page.goto(page.as_uri())
            assert here.page.locator("tbody tr").count() >= rows
            assert 0 not in here.page.locator("img").evaluate_all("all => all.map(i => i.naturalWidth)")
            assert len(here.page.locator("body").inner_text()) > letters


@contextmanager
def on_kernel(browser, folder, name):
    """JupyterLab, with a kernel of another version."""
    with (
        lab_server(folder, kernels={name: find_kernel(name) or ""}) as url,
        blameless(browser, but="Failed to load resource", width=1400, height=1000) as here,
    ):
        yield LabNotebook(here.page, url, "live.ipynb")


@pytest.mark.parametrize(
    "version",
    [pytest.param(one, marks=pytest.mark.needs(f"ipykernel-{one}")) for one in ("6.31", "7.1", "7.3")],
)
def test_jupyterlab_on_an_older_kernel_moves_while_a_cell_computes_stops_and_restarts(
    browser, tmp_path, version
):
    write_notebook(tmp_path / "live.ipynb", [LIVE, BUSY], kernel=f"ipykernel-{version}")
    with on_kernel(browser, tmp_path, f"ipykernel-{version}") as lab:
        page = lab.open().page
        assert lab.told("import ipykernel; print(ipykernel.__version__)").startswith(version)
        lab.command("notebook:run-all-cells")
        moves(page)
        assert page.locator(".jp-CodeCell .jp-InputPrompt").nth(1).inner_text() == "[*]:"
        (tmp_path / "enough").touch()
        lab.run_all()  # the live view's cell again, and the other, which is over at once
        moves(page, 1)
        assert lab.told("print((tn.sessions()['state'] == 'running').sum())") == "1"
        page.locator(".tnb-live .tnb-press").click()
        page.wait_for_selector(".tnb-live .tnb-press:text-is('Start')")
        assert lab.told("print(live.running, live.run.runs['end_reason'].iloc[0])") == "False interrupted"
        page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
        lab.open()
        lab.run_all()
        moves(page, 1)
        lab.told("live.close()")
        assert lab.told(OPEN) == "0"
