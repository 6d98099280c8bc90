"""Every widget by keyboard alone, with a system's few colours, without motion, and looked at by axe."""

from __future__ import annotations

from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest

from tests.browser.bare import said, shown
from tests.browser.every import EVERY, SELECTING, write_pages
from trippy_nb import widgets
from trippy_nb.widgets.base import CardWidget

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("every")
    return folder, write_pages(folder)


@pytest.fixture
def show(browser, written):
    def showing(name, **view):
        until = "document.querySelector('.tnb :is(button, tbody tr)')"
        return shown(browser, written[0] / f"{name}.html", until=until, **view)

    return showing


def test_every_widget_is_among_those_that_are_looked_at(written):
    kinds = [
        kind for kind in vars(widgets).values() if isinstance(kind, type) and issubclass(kind, CardWidget)
    ]
    # By name: ipywidgets gives each widget a class of its own, derived from ours.
    assert {kind.__name__ for kind in kinds} == {kind.__name__ for kind in written[1].values()}


@pytest.mark.parametrize("theme", ["true", "false"])
@pytest.mark.parametrize("name", ["lens", "explorer", "live"])
def test_with_few_colours_a_chosen_button_can_be_read_whatever_the_theme(show, name, theme):
    with show(name, forced=True) as page:
        page.evaluate("theme => { document.body.dataset.jpThemeLight = theme }", theme)
        assert (
            page.locator(".tnb").evaluate("e => getComputedStyle(e).getPropertyValue('--tnb-answer')")
            == "CanvasText"
        )
        page.locator(".tnb-button").first.evaluate("e => e.setAttribute('aria-pressed', 'true')")
        pairs = page.locator(".tnb-button:is([aria-pressed=true], [aria-selected=true])").evaluate_all(
            "all => all.map(e => { const s = getComputedStyle(e); return [s.color, s.backgroundColor]; })"
        )
        assert pairs
        assert all(text != ground for text, ground in pairs)


@pytest.mark.needs("axe")
@pytest.mark.parametrize("name", EVERY)
def test_axe_finds_nothing_in_light_and_dark(show, name):
    found = find_spec("axe_playwright_python")
    assert found is not None
    assert found.origin is not None
    with show(name) as page:
        page.locator("summary").evaluate_all("all => all.forEach(e => { e.parentElement.open = true })")
        if name in SELECTING:
            page.locator("tbody tr").last.click()  # a row that is selected, too
        page.evaluate(Path(found.origin).with_name("axe.min.js").read_text(encoding="utf-8"))
        for theme, rules in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
            page.emulate_media(color_scheme=theme)
            told = page.evaluate("how => axe.run('.tnb', how)", {"resultTypes": ["violations"]} | rules)
            assert len(told["passes"]) > (0 if rules else 15)
            wrong = [(rule["id"], node["html"]) for rule in told["violations"] for node in rule["nodes"]]
            assert wrong == [], theme


_FOCUSED = """() => {
  const e = document.activeElement, ring = (one) => {
    const s = getComputedStyle(one); return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2; };
  if (e === document.body) return null;
  const bar = e.querySelector('rect:last-child'); // a grip of the time line is framed itself
  return { visible: ring(e) || (bar !== null && parseFloat(getComputedStyle(bar).strokeWidth) >= 2
      && getComputedStyle(bar).stroke !== 'none'), top: e.getBoundingClientRect().top + scrollY,
    number: [...document.querySelectorAll('.tnb *')].indexOf(e) }; }"""
_OPERABLE = """() => [...document.querySelectorAll('.tnb *')].flatMap((e, i) =>
  e.matches('button:not(:disabled), input, select, summary, [tabindex]') && e.tabIndex >= 0
    && e.checkVisibility() ? [i] : [])"""


@pytest.mark.parametrize("name", EVERY)
def test_keys_alone_reach_all_from_top_to_bottom_show_where_they_are_and_select(show, name):
    with show(name) as page:
        stops = []
        page.keyboard.press("Tab")
        while (stop := page.evaluate(_FOCUSED)) is not None:
            stops.append(stop)
            page.keyboard.press("Tab")
        assert [stop["number"] for stop in stops] == page.evaluate(_OPERABLE)
        assert all(stop["visible"] for stop in stops)
        tops = [stop["top"] for stop in stops]
        assert all(later > earlier - 15 for earlier, later in pairwise(tops)), tops
        if name == "handles":  # a table to read
            assert not stops
            return
        page.keyboard.press("Shift+Tab")
        assert page.evaluate(_FOCUSED) == stops[-1]

        if name not in SELECTING:
            return
        page.locator({"lens": ".tnb-bytes", "compare": ".tnb-compare"}.get(name, ".tnb-hops")).focus()
        page.keyboard.press("ArrowDown")
        told = dict(entry for entry in said(page) if len(entry) == 2)
        assert told["selected"] is not None
        assert page.locator(".tnb-on").count() > 0


_MOVING = """() => [...document.querySelectorAll('.tnb *')].filter((e) => {
  const s = getComputedStyle(e), lasts = (time) => parseFloat(time) > 0;
  return lasts(s.transitionDuration) || lasts(s.animationDuration) || s.scrollBehavior === 'smooth';
}).length"""


@pytest.mark.parametrize("name", EVERY)
def test_a_selection_is_seen_where_the_system_chooses_the_colours_and_nothing_moves(show, name):
    with show(name, forced=True, still=True) as page:
        assert page.evaluate(_MOVING) == 0
        if name == "lens":
            page.locator(".tnb-byte").first.click()
            ground = "e => getComputedStyle(e).backgroundColor"
            assert page.locator(".tnb-byte.tnb-on").evaluate(ground) != page.locator(".tnb").evaluate(ground)
        elif name in SELECTING:
            page.locator("tbody tr").last.click()
            outline = page.locator("tbody tr.tnb-on").evaluate("e => getComputedStyle(e).outlineStyle")
            assert outline == "solid"
        if not page.locator("button[aria-pressed]").count():
            return
        button = page.locator("button[aria-pressed]").first
        if button.get_attribute("aria-pressed") == "false":
            button.click()
        grounds = page.locator("button:not([aria-disabled=true])").evaluate_all(
            "all => all.map(e => [e.ariaPressed === 'true', getComputedStyle(e).backgroundColor])"
        )
        pressed = {ground for is_pressed, ground in grounds if is_pressed}
        assert pressed
        if name != "lens":  # its tab that is chosen looks like a pressed button
            assert not pressed & {ground for is_pressed, ground in grounds if not is_pressed}
