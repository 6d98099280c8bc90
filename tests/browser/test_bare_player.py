"""The player in a page without Jupyter: drawn, clicked, typed at, with truth over it; light, dark, narrow."""

from __future__ import annotations

import pytest

import trippy_nb as tn
from tests.browser.bare import bare_page, sent, shown
from tests.browser.test_bare import _LUMINANCE

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ARROW = "\N{RIGHTWARDS ARROW}"
HOSTILE = "<img src=x onerror=window.hacked=1>"


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Write the pages."""
    folder = tmp_path_factory.mktemp("player")
    made = {
        name: tn.play(name) for name in ("nested-diamonds", "case-23-mpls-invisible", "case-25-asymmetric")
    }
    made["traced"] = tn.play("nested-diamonds")
    made["traced"].trace(rounds=12)
    made["case-23-mpls-invisible"].trace(rounds=2)
    made["broken"] = tn.play("nested-diamonds")
    made["broken"].break_link("r1", "r2", at=5)
    made["broken"].look_at(5)
    made["hostile"] = tn.play("nested-diamonds")
    made["hostile"].write(made["hostile"].scenario.replace('"r5"', f'"{HOSTILE}"'))
    made["hostile"].trace(rounds=12)
    made["settings"] = tn.settings()
    for name, player in made.items():
        (folder / f"{name}.html").write_text(bare_page(player), encoding="utf-8")
        player.close()
    return folder


@pytest.fixture
def show(browser, pages):
    def showing(name="nested-diamonds", **view):
        return shown(browser, pages / f"{name}.html", until="document.querySelector('.tnb-map')", **view)

    return showing


def field(page, name):
    return page.locator(f".tnb-player [name='{name}']")


def test_the_network_is_drawn_from_the_source_downwards(show):
    with show() as page:
        assert page.locator(".tnb-router").count() == 9
        assert page.locator(".tnb-link").count() == 10
        height = {
            name: page.locator(".tnb-router", has_text=name).bounding_box()["y"]
            for name in ("source", "r1", "r3", "r5", "r6", "target.example")
        }
        assert sorted(height, key=height.__getitem__) == list(height)
        assert (
            page.locator(".tnb-router", has_text="r1").locator("text").text_content() == "r1balances by flow"
        )
        assert page.get_by_role("img", name="The network: 9 nodes, 10 links").count() == 1
        assert page.locator(".tnb-table table").count() == 0


def test_a_router_and_a_link_are_clicked_and_chosen_by_keys_and_their_knobs_are_turned(show):
    with show() as page:
        page.locator(".tnb-router", has_text="r5").click(position={"x": 4, "y": 9})
        assert field(page, "part").input_value() == "r5"
        assert page.evaluate("window.said") == [["selected", "r5"], ["saved"]]
        field(page, "silent").select_option("true")
        field(page, "limit").fill('{ kind = "linux" }')
        field(page, "limit").press("Enter")
        assert field(page, "limit").evaluate("e => e === document.activeElement")
        assert sent(page) == [
            {"type": "change", "part": "r5", "key": "silent", "text": "true"},
            {"type": "change", "part": "r5", "key": "limit", "text": '{ kind = "linux" }'},
        ]
        field(page, "part").select_option(f"r3 {ARROW} r7")
        assert page.locator(".tnb-link.tnb-on title").text_content() == f"r3 {ARROW} r7: 6 ms"
        field(page, "until").fill("9")
        page.get_by_role("button", name="Break this link").click()
        assert sent(page) == [
            {"type": "break", "part": f"r3 {ARROW} r7", "at": "0", "until": "9", "reroute": ""}
        ]


def test_the_form_asks_the_button_traces_and_undo_waits_for_a_change(show):
    with show("broken") as page:
        field(page, "rounds").fill("3")
        field(page, "rounds").press("Enter")
        field(page, "how").select_option("discover")
        described = field(page, "name").locator("option[value=nested-diamonds]").text_content()
        assert described.startswith("nested-diamonds: A diamond of two branches, of which")
        page.get_by_role("button", name="Trace").click()
        page.get_by_role("button", name="0 s").click()
        page.get_by_role("button", name="Undo").click()
        assert sent(page) == [
            {"type": "ask", "key": "rounds", "text": "3"},
            {"type": "ask", "key": "how", "text": "discover"},
            {"type": "trace"},
            {"type": "ask", "key": "at", "text": "0"},
            {"type": "undo"},
        ]
        assert page.locator(".tnb-says:text-is('down')").count() == 1
        page.get_by_role("button", name="Trace").focus()
        page.evaluate("tell('status', {words: 'tracing', busy: true, error: '', undo: 0})")
        assert page.get_by_role("button", name="Trace").is_disabled()
        assert page.get_by_role("button", name="Undo").is_disabled()
        assert page.evaluate("document.activeElement.textContent") == "Trace"  # who pressed it by key stays
        page.keyboard.press("Enter")
        assert sent(page) == []
        assert page.get_by_role("status").first.inner_text() == "tracing"


def test_what_cannot_be_is_said_and_the_field_says_again_what_is(show):
    with show() as page:
        field(page, "rounds").fill("many")
        field(page, "rounds").press("Enter")
        page.evaluate("tell('status', {words: '', busy: false, error: 'rounds is a whole number', undo: 0})")
        assert page.get_by_role("alert").inner_text() == "rounds is a whole number"
        assert field(page, "rounds").input_value() == "10"


def test_the_file_is_shown_and_what_somebody_writes_there_is_sent(show):
    with show() as page:
        page.locator("summary").click()
        text = page.get_by_label("Scenario file")
        assert text.input_value().startswith('[scenario]\nname = "nested-diamonds"')
        text.fill("[scenario]")
        page.get_by_role("button", name="Use this").click()
        assert sent(page) == [{"type": "write", "text": "[scenario]"}]


def test_truth_and_belief_lie_over_each_other(show):
    with show("traced") as page:
        ends = "all => all.map(e => e.querySelector('title').textContent.split(':')[0])"
        assert page.locator(".tnb-map .tnb-is-wrong").evaluate_all(ends) == [
            f"r2 {ARROW} r5", f"r2 {ARROW} r7", f"r3 {ARROW} r4",
        ]  # fmt: skip
        assert page.locator(".tnb-map .tnb-is-missed").evaluate_all(ends) == [f"r3 {ARROW} r7"]
        assert page.locator(".tnb-router.tnb-is-seen").count() == 8
        assert page.locator(".tnb-legend span").all_inner_texts() == [
            "drawn, and there", "drawn, not there", "there, not drawn",
        ]  # fmt: skip
        assert page.locator(".tnb-player tbody tr").nth(1).inner_text().split("\t")[:3] == [
            "2", "203.0.113.2, 203.0.113.3", "r2, r3",
        ]  # fmt: skip
        page.evaluate("tell('belief_shown', {})")
        assert page.locator(".tnb-is-wrong, .tnb-is-seen, .tnb-player tbody").count() == 0


def test_a_tunnel_is_a_tube_that_hides_and_ways_back_are_dotted(show):
    with show("case-23-mpls-invisible") as page:
        assert page.locator(".tnb-is-hidden .tnb-who").all_text_contents() == [
            "p1hidden",
            "p2hidden",
            "p3hidden",
        ]
        assert page.locator(".tnb-is-skips .tnb-drawn").count() == 2  # and one in the legend
        page.locator(".tnb-tube").dispatch_event("click")
        assert field(page, "kind").input_value() == "invisible"
    with show("case-25-asymmetric") as page:
        assert page.locator(".tnb-back").count() == 6


def test_names_are_text_and_nothing_else(show):
    with show("hostile") as page:
        assert HOSTILE in page.locator(".tnb-map").text_content()
        assert page.evaluate("window.hacked") is None
        assert page.locator(".tnb img").count() == 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_words_can_be_read_and_marks_be_seen_in_either_theme(show, dark):
    with show("traced", dark=dark) as page:
        for selector, kind, least in [
            (".tnb-id", "fill", 7), (".tnb-words", "fill", 4.5), (".tnb-is-right .tnb-drawn", "stroke", 3),
            (".tnb-is-wrong .tnb-drawn", "stroke", 3), (".tnb-is-missed .tnb-wire", "stroke", 3),
        ]:  # fmt: skip
            assert page.locator(selector).first.evaluate(_LUMINANCE, kind) >= least, selector


@pytest.mark.parametrize("width", [420, 1400])
def test_it_fits_its_width(show, width):
    with show("traced", width=width) as page:
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        box, who = page.locator(".tnb").bounding_box(), page.locator(".tnb-who")
        assert all(
            box["x"] <= one["x"] and one["x"] + one["width"] <= box["x"] + box["width"]
            for one in (who.nth(i).bounding_box() for i in range(who.count()))
        )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_panel_of_settings_asks_and_shows_what_holds(browser, pages, dark):
    with shown(browser, pages / "settings.html", dark=dark) as page:
        page.get_by_label("Pictures").select_option("dark")
        page.get_by_label("Time zone").fill("Mars")
        page.get_by_label("Time zone").press("Enter")
        page.get_by_label("Median").check()
        page.get_by_role("button", name="Defaults").click()
        assert sent(page) == [
            {"type": "set", "key": "theme", "text": "dark"},
            {"type": "set", "key": "time_zone", "text": "Mars"},
            {"type": "column", "name": "p50_ms", "on": True},
            {"type": "reset"},
        ]
        now = page.evaluate(
            "({names: 'hidden', theme: 'dark', time_zone: 'UTC', refresh: 1, columns: ['sent']})"
        )
        page.evaluate("now => { tell('error', 'there is no such zone'); tell('now', now); }", now)
        assert page.get_by_label("Host names").input_value() == "hidden"
        assert page.get_by_label("Refresh every (s)").input_value() == "1"
        assert page.locator(":checked[type=checkbox]").evaluate_all("all => all.map(e => e.name)") == ["sent"]
        assert page.get_by_role("alert").inner_text() == "there is no such zone"
        assert page.locator("legend").evaluate(_LUMINANCE, "color") >= 4.5
        page.evaluate("window.leave()")
        assert page.evaluate("window.listening()") == 0


def test_a_view_that_is_left_listens_no_more(show):
    with show() as page:
        assert page.evaluate("window.listening()") == 6
        page.evaluate("window.leave()")
        assert page.evaluate("window.listening()") == 0
