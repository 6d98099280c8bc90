"""The explorer of a comparison in a page without Jupyter: masks, names, and what is read beside the table."""

from __future__ import annotations

import pytest

import trippy_nb as tn
from tests.analysis.handmade import TARGET, a, rounds, tables
from tests.browser.bare import bare_page, said, shown
from trippy_nb.widgets import CompareExplorer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ASNS = {a(1): 64500, a(20): 64500, a(21): 64500, TARGET: 64511}
NAMES = {a(1): "gateway.example", TARGET: "<b>www.example</b>"}


def turning(shares):
    return tables(rounds(*[[a(1), a(20 + "xy".index(who)), a(3), TARGET] for who in shares]))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The page, and the views that Python answers a tick with, by what is ticked."""
    both = tn.compare(turning("xy" * 20), turning("xyyyyy" * 6))
    widget = CompareExplorer(
        both.tables, names=NAMES, asns=ASNS, turning=both.turning, compare=both._compared
    )
    page = tmp_path_factory.mktemp("bare") / "compare.html"
    page.write_text(bare_page(widget), encoding="utf-8")
    widget.masked = [0]
    part = dict(widget.view)
    widget.close()
    return page, part


@pytest.fixture
def show(browser, made):
    def showing(**view):
        return shown(browser, made[0], **view)

    return showing


def test_a_hop_is_masked_by_the_keyboard_and_python_answers_with_another_verdict(show, made):
    with show() as page:
        assert page.locator(".tnb-aspects b").all_inner_texts()[0] == "changed"
        assert page.locator(".tnb-told").count() == 1
        box = page.get_by_role("checkbox", name="Hop 2: 10.0.0.20, 10.0.0.21 take turns before and after")
        box.focus()
        page.keyboard.press("Space")
        assert said(page) == [["masked", [0]], ["saved"]]
        verdict = page.locator(".tnb-verdict")
        assert verdict.get_attribute("aria-busy") == "true"
        page.evaluate("view => window.tell('view', view)", made[1])
        assert verdict.get_attribute("aria-busy") == "false"
        assert "(hop 2 left out)" in verdict.inner_text()
        assert page.locator(".tnb-difference").inner_text() == made[1]["difference"]
        assert page.locator(".tnb-aspects b").all_inner_texts()[0] == "same"
        assert page.locator("tr.tnb-left-out td").first.inner_text() == "2"
        assert box.evaluate("e => e === document.activeElement")  # the table is new, the box is not
        assert page.get_by_role("status").count() == 1


def test_a_row_that_changed_is_marked_and_one_name_for_two_tells_their_addresses(show):
    with show() as page:
        row = page.locator("tr.tnb-other-shares")
        assert row.locator(".tnb-change").inner_text() == "\N{NOT EQUAL TO}other shares"
        page.get_by_role("button", name="AS").click()
        names = row.locator(".tnb-who").all_inner_texts()
        assert names == ["AS64500 (10.0.0.20)", "AS64500 (10.0.0.21)"]


def test_where_a_column_has_no_room_a_row_that_is_selected_is_told_below(show):
    with show(width=500) as page:
        assert not page.locator("th.tnb-interval").is_visible()
        page.locator("tbody tr").nth(1).click()
        p_value = page.locator("td.tnb-told").text_content()
        assert f"Hop 2: p {p_value}, interval " in page.locator(".tnb-panes-compare .tnb-status").inner_text()


def test_responders_are_called_by_name_address_or_system(show):
    who = "e => e.map(row => row.querySelectorAll('.tnb-who')[0].textContent)"
    rows = ".tnb-compare tbody tr"
    with show() as page:
        assert page.locator(rows).evaluate_all(who) == [
            "gateway.example",
            "10.0.0.20 +1",
            "10.0.0.3",
            NAMES[TARGET],
        ]
        page.get_by_role("button", name="AS").click()
        assert said(page) == [["naming", "as"], ["saved"]]
        assert page.locator(rows).evaluate_all(who) == [
            "AS64500",
            "AS64500 (10.0.0.20)",  # the other side has another one of it first
            "10.0.0.3",
            "AS64511",
        ]
        assert "1 responder without a known AS stays an address. AS path of both: AS64500" in (
            page.locator(".tnb-status").inner_text()
        )
        page.evaluate("window.tell('naming', 'ip')")
        assert page.locator("button[aria-pressed=true]").all_inner_texts() == ["IP"]
        assert page.locator(rows).evaluate_all(who)[0] == "10.0.0.1"
        assert page.locator(".tnb b:text-is('www.example')").count() == 0


@pytest.mark.parametrize(("width", "beside"), [(600, False), (1000, False), (1400, True)])
def test_the_tests_stand_beside_the_table_where_there_is_room(show, width, beside):
    with show(width=width) as page:
        table, tests = (page.locator(part).bounding_box() for part in (".tnb-table", ".tnb-aspects"))
        assert (tests["x"] >= table["x"] + table["width"]) is beside
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        assert page.locator(".tnb-table").evaluate("t => t.scrollWidth <= t.clientWidth")


def test_a_view_that_leaves_stops_listening(show):
    with show() as page:
        assert page.evaluate("window.listening()") == 4  # selected, view, masked, naming
        page.evaluate("window.leave()")
        assert page.evaluate("window.listening()") == 0
