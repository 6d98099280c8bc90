"""The live view in a real JupyterLab: it moves beside a computing cell, and Stop closes all."""

from __future__ import annotations

import json

import pytest

from tests.browser.chromium import blameless, visit
from tests.browser.lab import LabNotebook, lab_server, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.kernel, pytest.mark.slow, pytest.mark.needs("jupyterlab")]

MADE = "import trippy_nb as tn\nlive = tn.live('target.example', network=tn.sim.load('first-steps').paced(4))"
SIM = MADE + "\nlive"
LOOPBACK = "import trippy_nb as tn\nlive = tn.live('127.0.0.1', dns=False, min_round_duration=0.1)\nlive"
SENT = "+document.querySelector('.tnb-live tbody tr td:nth-of-type(3)')?.textContent.replace(',', '')"
BUSY = "import os\nwhile not os.path.exists('enough'): sum(i * i for i in range(10_000))"
OPEN = "import trippy_nb as tn; print(int(tn.handles()['closed_at'].isna().sum()))"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    write_notebook(folder / "live.ipynb", [SIM, BUSY])
    write_notebook(folder / "card.ipynb", [MADE.replace("paced(4)", "paced(50), rounds=3") + "\nlive"])
    slower = MADE.replace("paced(4)", "paced(4), rounds=16")
    write_notebook(folder / "card20.ipynb", [slower + "\nlive"])
    write_notebook(folder / "gone.ipynb", [SIM])
    write_notebook(folder / "two.ipynb", [SIM, "live"])
    write_notebook(folder / "sockets.ipynb", [LOOPBACK])
    write_notebook(
        folder / "box.ipynb",
        ["import trippy_nb as tn\nlive = tn.live(network=tn.sim.load('first-steps'))\nlive"],
    )
    with lab_server(folder) as url:
        yield url, folder


@pytest.fixture
def notebook(server, browser):
    """Open a notebook, and afterwards demand that nothing went out and nothing was thrown."""
    with blameless(browser, but="Failed to load resource", width=1400, height=1100) as here:
        yield lambda name, **how: LabNotebook(here.page, server[0], name).open(**how)


def grows(page, than: int) -> None:
    page.wait_for_function(f"{SENT} > {than}")


def test_it_moves_while_another_cell_computes_and_a_reload_finds_it_again(notebook, server):
    lab = notebook("live.ipynb")
    page = lab.page
    lab.command("notebook:run-all-cells")
    page.wait_for_selector(".tnb-live .tnb-box", state="attached")
    before = page.evaluate(SENT)
    grows(page, before + 3)
    # Not the status of the kernel: a message that a thread of it reads makes that idle for a moment.
    assert page.locator(".jp-CodeCell .jp-InputPrompt").nth(1).inner_text() == "[*]:"

    page.locator(".tnb-live .tnb-hop").nth(4).click()
    (server[1] / "enough").touch()
    lab.save()
    lab.open()  # waits until the kernel is idle
    grows(page, before + 4)
    assert lab.told("print(live.selected, live.running)") == "5 True"
    page.wait_for_selector(".tnb-live tr.tnb-on th:text-is('5')")

    page.locator(".tnb-live .tnb-press").click()
    page.wait_for_selector(".tnb-live .tnb-press:text-is('Start')")
    assert lab.told("print(live.running, live.run.runs['end_reason'].iloc[0])") == "False interrupted"
    lab.told("live.close()")
    page.wait_for_selector(".tnb-live", state="detached")


def test_what_stays_in_the_notebook_is_the_card_of_the_end(notebook, server):
    lab = notebook("card.ipynb")
    page = lab.page
    lab.run_all()
    page.wait_for_selector(".tnb-live .tnb-press:text-is('Start')")
    assert lab.told("print(live.wait(10))") == "True"
    for _ in range(2):  # what the kernel published has arrived when a later answer has
        assert lab.told("print(1)") == "1"
    lab.save()
    book = json.loads((server[1] / "card.ipynb").read_text())
    html = "".join(book["cells"][0]["outputs"][0]["data"]["text/html"])
    assert "Reached 198.51.100.80 in 8 hops" in html
    lab.told("live.close()")
    page.wait_for_selector(".jp-OutputArea-output table:has-text('core1.isp.example')")


def test_two_views_show_the_same_trace_and_select_together(notebook):
    lab = notebook("two.ipynb")
    page = lab.page
    lab.run_all()
    page.wait_for_function("document.querySelectorAll('.tnb-live .tnb-strip .tnb-box').length >= 16")
    first, second = (page.locator(".tnb-live").nth(i) for i in (0, 1))
    first.locator(".tnb-hop").nth(4).click()
    second.locator("tr.tnb-on th:text-is('5')").wait_for()
    second.locator(".tnb-press").click()
    first.locator(".tnb-press:text-is('Start')").wait_for()
    texts = [view.locator("tbody").inner_text() for view in (first, second)]
    assert texts[0] == texts[1]
    lab.told("live.close()")
    page.wait_for_selector(".tnb-live", state="detached")


def test_what_the_reader_opened_stays_when_the_card_is_brought_up_to_date(notebook):
    lab = notebook("card20.ipynb")
    page = lab.page
    lab.command("notebook:run-all-cells")
    page.wait_for_selector(".tnb-live .tnb-sort")
    page.locator(".tnb-options summary").click()
    page.locator("[data-keep='Log scale']").click()
    page.locator("[data-keep=sort-recv]").click()
    page.evaluate("document.querySelector('.tnb-live').mine = true")
    assert lab.told("print(live.wait(20))") == "True"
    page.wait_for_selector(".tnb-live .tnb-press:text-is('Start')")
    page.wait_for_function("document.querySelector('.tnb-live')?.mine !== true")  # JupyterLab made it anew
    page.wait_for_function("document.activeElement.dataset.keep === 'sort-recv'")
    assert page.locator(".tnb-options").evaluate("one => one.open")
    assert page.locator("[data-keep='Log scale']").get_attribute("aria-pressed") == "true"
    assert page.locator("th[aria-sort]").all_inner_texts() == ["Recv"]
    lab.told("live.close()")


def test_a_kernel_that_is_gone_is_said_to_be_gone(server, browser):
    with visit(browser, width=1400, height=1100) as here:  # JupyterLab itself logs what a restart breaks off
        page = here.page
        LabNotebook(page, server[0], "gone.ipynb").open().command("notebook:run-all-cells")
        page.wait_for_selector(".tnb-live .tnb-press:text-is('Stop')")
        page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
        gone = ".tnb-error:text-is('The kernel does not answer: run the cell again.')"
        page.wait_for_selector(gone)
        page.locator(".tnb-live .tnb-press:text-is('Start')").click()
        page.wait_for_selector(gone)
        assert not [error for error in here.errors if "Cannot send" in error]


@pytest.mark.needs("raw_socket")
def test_stop_in_the_browser_closes_every_handle_and_so_does_running_the_cell_again(notebook):
    lab = notebook("sockets.ipynb")
    page = lab.page
    lab.run_all()
    page.wait_for_selector(".tnb-live .tnb-box", state="attached")
    held = int(lab.told(OPEN))
    assert held > 0
    assert f"{held} handle" in page.locator(".tnb-live .tnb-form .tnb-status").inner_text()
    page.locator(".tnb-live .tnb-press").click()
    page.wait_for_selector(".tnb-live .tnb-press:text-is('Start')")
    assert lab.told(OPEN) == "0"
    page.locator(".tnb-live .tnb-press").click()
    page.wait_for_selector(".tnb-live .tnb-press:text-is('Stop')")
    grows(page, 1)
    assert int(lab.told(OPEN)) == held
    lab.run_all()  # the same cell again
    page.wait_for_selector(".tnb-live .tnb-box", state="attached")
    grows(page, 1)
    assert int(lab.told(OPEN)) == held
    assert lab.told("print(len([s for s in tn.sessions()['state'] if s == 'running']))") == "1"
    lab.told("live.close()")
    assert lab.told(OPEN) == "0"


def test_target_box_options_and_what_is_wrong(notebook, tmp_path):
    lab = notebook("box.ipynb")
    page = lab.page
    lab.run_all()
    page.wait_for_selector(".tnb-empty:has-text('press Start')")
    page.keyboard.press("Escape")
    page.locator(".tnb-options summary").click()
    page.locator(".tnb-target").fill("target.example")
    page.locator(".tnb-fields [name=protocol]").select_option("udp")
    page.locator(".tnb-fields [name=rounds]").fill("a few")
    page.locator(".tnb-target").press("Enter")
    page.wait_for_selector(".tnb-error:has-text(\"rounds is a number, not 'a few'\")")
    page.locator(".tnb-fields [name=rounds]").fill("2")
    page.locator(".tnb-fields [name=rounds]").press("Enter")
    page.wait_for_selector(".tnb-live .tnb-box", state="attached")
    page.wait_for_selector(".tnb-live .tnb-press:text-is('Start')")
    assert page.locator(".tnb-error").inner_text() == ""
    assert lab.told("print(live.run.runs['protocol'].iloc[0], live.run.probes['round'].max())") == "udp 1"
    page.locator(".tnb-choice summary").click()
    page.locator(".tnb-choice label:has-text('Max. jitter')").click()
    page.wait_for_selector(".tnb-table th:has-text('Max. jitter')")
    assert "jmax_ms" in lab.told("print(live.widget.shown)")
    page.screenshot(path=tmp_path / "live.png")
    lab.told("live.close()")
