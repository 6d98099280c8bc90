"""The explorer in a real JupyterLab: clicked, read from the kernel, reloaded; and its card, untrusted."""

from __future__ import annotations

import pytest

from tests.browser.chromium import blameless
from tests.browser.lab import LabNotebook, lab_server, write_notebook
from tests.display.made import NAMES, explored, made_tables
from trippy_nb.display import run_html, run_text

pytestmark = [pytest.mark.browser, pytest.mark.kernel, pytest.mark.slow, pytest.mark.needs("jupyterlab")]

CELL = """from tests.display.made import NAMES, explored, made_tables
from trippy_nb.widgets import Explorer
widget = Explorer(explored(made_tables(), names=NAMES))
widget"""

LENS_CELL = """import trippy_nb as tn
network = tn.sim.load("case-15-nat-kept")
widget = tn.trace("target.example", network=network, rounds=1, protocol="udp").lens(ttl=4)
widget"""
PLAYER_CELL = "import trippy_nb as tn\nplayer = tn.play('nested-diamonds')\nplayer"


RUNS_CELL = """from tests.widgets.test_runs_explorer import run_at
from trippy_nb.run.runs import RunSet
runs = RunSet([run_at(0), run_at(30)])
widget = runs.explore()
widget"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    write_notebook(folder / "explore.ipynb", [CELL])
    write_notebook(folder / "runs.ipynb", [RUNS_CELL, "1"])
    write_notebook(folder / "lens.ipynb", [LENS_CELL, "1"])
    write_notebook(folder / "player.ipynb", [PLAYER_CELL])
    card = explored(made_tables(), names=NAMES).card
    bundle = {"text/html": run_html(card), "text/plain": run_text(card)}
    hostile = {"text/html": run_html(card).replace("Reached", "<style>.x{}</style><svg></svg>Reached")}
    write_notebook(folder / "stranger.ipynb", ["run"], [bundle, hostile])
    with lab_server(folder) as url:
        yield url


@pytest.fixture
def notebook(server, browser):
    """Open a notebook, and afterwards demand that nothing went out and nothing was thrown."""
    with blameless(browser, but="Failed to load resource", width=1400, height=1000) as here:
        yield lambda name, **how: LabNotebook(here.page, server, name).open(**how)


def test_a_click_reaches_the_kernel_the_kernel_reaches_the_view_and_a_reload_keeps_both(notebook, tmp_path):
    lab = notebook("explore.ipynb")
    page = lab.page
    lab.run_all()
    page.wait_for_selector(".tnb-strip .tnb-box")
    page.locator(".tnb-hop").nth(3).click()
    assert lab.told("print(widget.selected, widget.responder)") == "4 None"

    lab.told("widget.focus = [10, 20]; widget.selected = 2")
    page.wait_for_selector(".tnb-table tr.tnb-on th:text-is('2')")
    page.wait_for_selector(".tnb-status:text-matches('^10.0 s to 20.0 s')")

    lab.command("apputils:change-theme", theme="JupyterLab Dark")
    page.wait_for_selector("body[data-jp-theme-light=false]", state="attached")
    page.wait_for_function(
        "getComputedStyle(document.querySelector('.tnb')).backgroundColor === 'rgb(17, 17, 17)'"
    )
    dots = page.locator(".tnb-dots").first.evaluate("e => getComputedStyle(e).stroke")
    assert dots != "rgb(0, 114, 178)"  # the blue of light pages would be dim here
    page.wait_for_selector("#jupyterlab-splash", state="detached")
    page.screenshot(path=tmp_path / "dark.png")

    lab.save()
    lab.open()
    page.wait_for_selector(".tnb-table tr.tnb-on th:text-is('2')")
    page.locator(".tnb-hop").nth(4).click()
    assert lab.told("print(widget.selected, widget.focus)") == "5 [10.0, 20.0]"

    assert lab.told("widget.close()") == ""
    page.wait_for_selector(".tnb", state="detached")


def test_several_runs_are_brushed_chosen_and_replayed(notebook, tmp_path):
    lab = notebook("runs.ipynb")
    page = lab.page
    lab.run_all()
    page.wait_for_selector(".tnb-under .tnb-cell")
    strip = page.locator(".tnb-time")
    strip.scroll_into_view_if_needed()
    box = strip.bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 260, box["y"] + 44, steps=4)
    page.mouse.up()
    page.wait_for_selector(".tnb-status:text-matches(' of 200 probes')")
    inside = int(lab.told("print(len(runs.between(*widget.window).probes))"))
    assert 0 < inside < 200
    assert f": {inside} of 200 probes" in page.locator(".tnb-timeline .tnb-status").inner_text()

    page.get_by_label("Run", exact=True).select_option("1: www.example.com, 2026-11-23 20:00:30 UTC")
    page.wait_for_selector(".tnb-status:text-matches('^100 probes')")
    assert lab.told("print(widget.chosen, widget.focus)") == "1 []"

    page.get_by_role("button", name="Replay").click()
    active = "window.jupyterapp.shell.currentWidget.content.activeCellIndex"
    before = page.evaluate(active)
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert page.locator(".tnb-said").inner_text().startswith("Round 1: hop 2, ")
    sent = page.locator(".tnb-table tbody tr td:nth-child(4)").all_text_contents()
    assert sent == ["1", "1", "0", "0", "0"]
    assert page.evaluate(active) == before
    page.screenshot(path=tmp_path / "replay.png")
    lab.told("widget.chosen = -1")
    page.wait_for_selector(".tnb-status:text-matches('^200 probes')")
    assert page.locator(".tnb-replay").count() == 0


def test_a_lens_pins_fields_from_either_side_and_keeps_its_keys_to_itself(notebook, tmp_path):
    lab = notebook("lens.ipynb")
    page = lab.page
    lab.run_all()
    page.wait_for_selector(".tnb-lens .tnb-byte")
    page.locator(".tnb-fates tr", has_text="IPv4: Source").click()
    assert (
        lab.told("print(widget.shown, widget.view['packets'][1]['fields'][widget.selected]['key'])")
        == "1 ip.source"
    )
    lab.told("widget.selected = 0")
    page.wait_for_selector(".tnb-leaf.tnb-on[data-field='0']")
    page.locator(".tnb-tree").focus()
    active = "window.jupyterapp.shell.currentWidget.content.activeCellIndex"
    before = page.evaluate(active)
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    page.wait_for_selector(".tnb-leaf.tnb-on[data-field='3']")
    assert page.evaluate(active) == before
    page.screenshot(path=tmp_path / "lens.png")
    lab.told("widget.shown = 0")
    page.wait_for_selector("[role=tab][aria-selected=true]:text-is('Sent')")


def test_a_network_is_changed_broken_traced_and_taken_back_from_the_page(notebook, tmp_path):
    lab = notebook("player.ipynb")
    page = lab.page
    lab.run_all()
    page.wait_for_selector(".tnb-player .tnb-map")
    page.get_by_role("button", name="Trace", exact=True).click()
    page.wait_for_selector(".tnb-map .tnb-is-wrong", state="attached")
    assert int(lab.told("print(len(player.belief.having('wrong')))")) > 0
    page.locator(".tnb-knobs [name=part]").select_option("r1")
    page.locator(".tnb-knobs [name=answer_ratio]").fill("2")
    page.locator(".tnb-knobs [name=answer_ratio]").press("Enter")
    page.wait_for_selector(".tnb-error:has-text('2 is not a share')")
    page.locator(".tnb-knobs [name=silent]").select_option("true")
    page.wait_for_selector(".tnb-router.tnb-is-silent:has-text('r1')", state="attached")
    page.locator(".tnb-knobs [name=part]").select_option("r1 \N{RIGHTWARDS ARROW} r2")
    page.locator(".tnb-knobs button").click()
    page.wait_for_selector(".tnb-link.tnb-down", state="attached")
    assert lab.told("print(player.network.scenario.routers[0].silent, player.refused)") == "True 0"
    page.screenshot(path=tmp_path / "player.png")
    page.get_by_role("button", name="Undo", exact=True).click()
    page.wait_for_selector(".tnb-link.tnb-down", state="detached")
    lab.told("player.pick('first-steps')")
    page.wait_for_selector(".tnb-map .tnb-router:has-text('edge-west')", state="attached")
    assert lab.told("player.close()") == ""
    page.wait_for_selector(".tnb-player", state="detached")


def test_a_strangers_notebook_shows_the_whole_card(notebook):
    page = notebook("stranger.ipynb", kernel=False).page
    output = page.locator(".jp-OutputArea-output").first
    output.wait_for()
    assert page.evaluate("window.jupyterapp.shell.currentWidget.content.model.cells.get(0).trusted") is False
    assert "Reached 198.51.100.7 in 5 hops" in output.inner_text()
    assert output.locator("table").count() == 2
    assert output.locator("tbody tr").count() == 3 + 5
    assert output.locator("th[scope=col]").count() == 12
    assert output.locator("th[scope=row]").count() == 3 + 5
    widths = output.locator("img").evaluate_all("images => images.map(i => [i.naturalWidth, i.alt !== ''])")
    assert widths == [[96, True]] * 5
    styles = "e => (s => [s.backgroundColor, s.fontWeight, s.maxWidth])(getComputedStyle(e))"
    ground, weight, _ = output.locator("td", has_text="12.5 %").evaluate(styles)
    assert (ground, weight) == ("rgba(213, 94, 0, 0.18)", "600")
    responder = output.locator("td", has_text="(192.0.2.1)").last
    assert responder.evaluate(styles)[2].endswith("px")
    assert responder.locator("wbr").count() > 0  # long names may be broken
    # The sanitiser is at work: what a card must not rely on is gone from the second output.
    assert page.locator(".jp-OutputArea-output").nth(1).locator("style, svg").count() == 0
