"""The packet lens in a page without Jupyter: pointed at, pinned, typed at, in light, dark and narrow."""

from __future__ import annotations

import pytest

import trippy_nb as tn
from tests.browser.bare import bare_page, said, shown
from tests.browser.test_bare import _LUMINANCE
from tests.wire import oracle
from trippy_nb import wire
from trippy_nb.model import Protocol

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def views(tmp_path_factory):
    """Write the pages, and keep what each shows."""
    folder = tmp_path_factory.mktemp("lens")
    nat = tn.trace("target.example", network=tn.sim.load("case-15-nat-kept"), rounds=1, protocol="udp")
    named = wire.InterfaceInfo(role=wire.InterfaceRole.INCOMING, name="<img src=x onerror=window.hacked=1>")
    hostile = wire.encode_icmp_error(
        oracle.sent(Protocol.UDP),
        source="192.0.2.1",
        icmp_type=11,
        icmp_code=0,
        extensions=wire.encode_extensions([wire.interface_object(named)]),
    )
    widgets = {
        "nat": tn.lens(nat, ttl=4),
        "hostile": tn.lens(hostile),
        "broken": tn.lens(b"\x45\x00\x00"),
        "long": tn.lens(oracle.sent(Protocol.UDP, packet_size=1000)),
    }
    kept = {}
    for name, widget in widgets.items():
        (folder / f"{name}.html").write_text(bare_page(widget), encoding="utf-8")
        kept[name] = widget.view
        widget.close()
    return folder, kept


@pytest.fixture
def show(browser, views):
    def showing(name="nat", **view):
        return shown(browser, views[0] / f"{name}.html", **view)

    return showing


@pytest.fixture(scope="module")
def answer(views):
    return views[1]["nat"]["packets"][1]


def field_at(packet, key, *, quoted):
    return next(
        i
        for i, field in enumerate(packet["fields"])
        if field["key"] == key and packet["layers"][field["layer"]]["quoted"] is quoted
    )


def selected(page):
    return [entry[1] for entry in said(page) if entry[0] == "selected"]


def bytes_with(page, name):
    """Places of the bytes that carry a class."""
    return page.locator(f".tnb-byte.{name}").evaluate_all("all => all.map(e => Number(e.dataset.at))")


def leaf(page, i):
    return page.locator(f".tnb-leaf[data-field='{i}']")


def test_the_first_answer_is_shown_byte_by_byte(show, answer):
    with show() as page:
        assert page.get_by_role("tab", selected=True).inner_text() == "Answer"
        assert page.locator(".tnb-verdict").inner_text() == answer["says"]
        assert "".join(page.locator(".tnb-byte").all_text_contents()) == answer["hex"]
        assert len(page.locator(".tnb-bytes-row .tnb-ascii").first.inner_text()) == 16
        assert page.locator(".tnb-leaf").count() == len(answer["fields"])
        titles = page.locator(".tnb-layer").evaluate_all("all => all.map(e => e.getAttribute('aria-label'))")
        assert titles == ["IPv4", "ICMP", "IPv4, quoted", "UDP, quoted", "Payload, quoted"]


def test_pointing_at_a_field_shows_its_bytes_and_pointing_at_a_byte_its_field(show, answer):
    i = field_at(answer, "udp.sport", quoted=True)
    at = answer["fields"][i]["bit"] // 8
    with show() as page:
        leaf(page, i).hover()
        assert bytes_with(page, "tnb-hot") == [at, at + 1]
        assert page.locator(".tnb-detail strong").inner_text() == "UDP in the quote: Source port"
        page.locator(f".tnb-byte[data-at='{at + 1}']").hover()
        assert page.locator(".tnb-leaf.tnb-hot").get_attribute("data-field") == str(i)
        assert page.locator("tr.tnb-hot th").inner_text() == "UDP: Source port"
        page.locator(".tnb-title").hover()
        assert bytes_with(page, "tnb-hot") == []
        assert said(page) == []  # pointing is nobody's business
        page.locator(".tnb-layer-title").first.hover()
        assert bytes_with(page, "tnb-hot") == list(range(20))


def test_a_click_pins_everywhere_and_tells_python_once(show, answer):
    i = field_at(answer, "ip.source", quoted=True)
    with show() as page:
        page.locator(".tnb-fates tr", has_text="IPv4: Source").click()
        assert said(page) == [["shown", 1], ["selected", i], ["saved"]]
        page.locator(".tnb-title").hover()
        assert bytes_with(page, "tnb-on") == [40, 41, 42, 43]
        assert page.locator(".tnb-ascii .tnb-on").count() == 4
        assert page.locator("tr.tnb-on th").inner_text() == "IPv4: Source"
        assert leaf(page, i).get_attribute("aria-selected") == "true"
        assert "a translator (NAT) stands on the way" in page.locator(".tnb-detail").inner_text()
        page.wait_for_timeout(60)
        tree, row = page.locator(".tnb-tree").bounding_box(), leaf(page, i).bounding_box()
        assert tree["y"] <= row["y"] <= tree["y"] + tree["height"] - row["height"]


def test_a_byte_of_several_fields_gives_one_after_the_other(show):
    with show() as page:
        byte = page.locator(".tnb-byte[data-at='0']")
        for _ in range(3):
            byte.click()
        assert selected(page) == [0, 1, 0]
        assert page.locator(".tnb-detail code").inner_text().strip() == "0100 ...."


def test_a_pinned_field_stays_pinned_in_the_other_packet(show, answer, views):
    i = field_at(answer, "ip.source", quoted=True)
    there = field_at(views[1]["nat"]["packets"][0], "ip.source", quoted=False)
    with show() as page:
        leaf(page, i).click()
        said(page)
        page.get_by_role("tab", name="Sent").click()
        assert said(page) == [["shown", 0], ["selected", there], ["saved"]]
        assert bytes_with(page, "tnb-on") == [12, 13, 14, 15]
        page.keyboard.press("ArrowRight")
        assert said(page) == [["shown", 1], ["selected", i], ["saved"]]


def test_arrow_keys_move_over_fields_and_layers(show, answer):
    with show() as page:
        page.locator(".tnb-tree").focus()
        for key in ("ArrowDown", "ArrowDown", "ArrowDown", "End", "Home", "ArrowDown", "Escape"):
            page.keyboard.press(key)
        assert selected(page) == [0, 1, len(answer["fields"]) - 1, None, 0, None]
        page.keyboard.press("ArrowDown")  # on the first layer
        page.keyboard.press("ArrowLeft")
        first = page.locator(".tnb-layer").first
        assert first.get_attribute("aria-expanded") == "false"
        assert page.locator(".tnb-tree").get_attribute("aria-activedescendant") == first.get_attribute("id")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        assert selected(page) == [field_at(answer, "icmp.type", quoted=False)]
        page.keyboard.press("ArrowLeft")  # to its layer
        assert page.locator(".tnb-layer.tnb-active").get_attribute("aria-label") == "ICMP"


def test_keys_move_on_while_the_mouse_rests_elsewhere(show):
    with show() as page:
        page.locator(".tnb-fates tr", has_text="IPv4: Source").hover()
        page.locator(".tnb-tree").focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        assert page.locator(".tnb-detail strong").inner_text() == "IPv4: Version"
        assert bytes_with(page, "tnb-hot") == []


def test_arrow_keys_move_over_bytes(show, answer):
    with show() as page:
        page.locator(".tnb-bytes").focus()
        for key in ("ArrowRight", "ArrowDown", "ArrowUp", "End", "Escape"):
            page.keyboard.press(key)
        dscp, target = (field_at(answer, key, quoted=False) for key in ("ip.dscp", "ip.target"))
        assert selected(page) == [dscp, target, dscp, len(answer["fields"]) - 1, None]
        active = page.locator(".tnb-bytes").get_attribute("aria-activedescendant")
        assert page.locator(f"#{active}").get_attribute("aria-label") == "byte 111, 0, Pattern"


def test_python_chooses_packet_and_field_and_the_view_follows(show):
    with show() as page:
        page.evaluate("window.tell('shown', 0)")
        page.evaluate("window.tell('selected', 13)")
        assert page.get_by_role("tab", selected=True).inner_text() == "Sent"
        assert bytes_with(page, "tnb-on") == [12, 13, 14, 15]
        assert said(page) == []


def test_differences_are_shown_first_and_all_on_demand(show, answer):
    with show() as page:
        rows = page.locator(".tnb-fates tbody tr")
        assert page.locator(".tnb-fates .tnb-fate-changed").count() == 3
        few = rows.count()
        button = page.get_by_role("button", name="All fields")
        button.click()
        assert page.get_by_role("button", name="All fields").get_attribute("aria-pressed") == "true"
        assert few < rows.count() == len(answer["fates"])


def test_the_bytes_are_copied_or_laid_out_to_copy(show, answer):
    with show() as page:
        page.get_by_role("button", name="Copy as hex").click()
        page.wait_for_function("document.querySelector('.tnb-bar .tnb-status').textContent")
        assert page.locator(".tnb-bar .tnb-status").inner_text() in {answer["hex"], "Copied 112 bytes"}


def test_words_from_strangers_are_text_and_broken_bytes_a_field(show):
    with show("hostile") as page:
        assert page.locator(".tnb-value", has_text="<img src=x onerror").count() == 1
        assert page.evaluate("window.hacked") is None
        assert page.locator(".tnb img").count() == 0
        assert page.locator(".tnb-fates").count() == 0
    with show("broken") as page:
        assert page.locator(".tnb-leaf").last.inner_text().startswith("Not understood")
        page.locator(".tnb-byte").last.click()
        assert len(selected(page)) == 1


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_and_marks_can_be_read_in_either_theme(show, dark):
    with show(dark=dark) as page:
        page.locator(".tnb-fates tr", has_text="IPv4: Source").click()
        texts = [
            ".tnb-byte",
            ".tnb-offset",
            ".tnb-ascii",
            ".tnb-field",
            ".tnb-detail .tnb-changed",
            ".tnb-fate-changed .tnb-fate",
        ]
        for selector in texts:
            assert page.locator(selector).first.evaluate(_LUMINANCE, "color") >= 4.5, selector
        for layer in range(5):
            cell = page.locator(f".tnb-byte.tnb-l{layer}").first
            assert cell.evaluate(_LUMINANCE, "borderBottomColor") >= 3.0, layer


@pytest.mark.parametrize("width", [420, 700, 1000, 1500])
@pytest.mark.parametrize("name", ["nat", "long"])
def test_nothing_overflows(show, name, width):
    with show(name, width=width) as page:
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        assert page.locator(".tnb-bytes").evaluate("e => e.scrollWidth <= e.clientWidth + 1")
        side = page.locator(".tnb-tree").bounding_box()["y"] < page.locator(".tnb-detail").bounding_box()["y"]
        assert side == (width >= 1000)


def test_everything_that_can_be_reached_has_a_name_and_a_view_that_leaves_stops_listening(show):
    with show() as page:
        reached = page.locator(".tnb button, .tnb [tabindex]")
        names = reached.evaluate_all("all => all.map(e => e.getAttribute('aria-label') ?? e.textContent)")
        assert all(name.strip() for name in names), names
        snapshot = page.locator(".tnb").aria_snapshot()
        parts = ('tab "Answer" [selected]', 'grid "Bytes of', 'tree "Fields by', 'treeitem "IPv4, quoted"')
        for part in parts:
            assert part in snapshot, snapshot
        assert page.evaluate("window.listening()") == 2
        page.evaluate("window.leave()")
        assert page.evaluate("window.listening()") == 0
