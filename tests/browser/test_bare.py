"""The widgets in a page without Jupyter: drawn, clicked, dragged and typed at, in light and in dark."""

from __future__ import annotations

import re

import pytest

from tests.browser.bare import bare_page, said, shown
from tests.display.made import NAMES, explored, made_comparison, made_tables
from trippy_nb.analysis import hop_table, probes_in_view
from trippy_nb.display import words
from trippy_nb.frames import tables_from_probes
from trippy_nb.widgets import CompareExplorer, Explorer
from trippy_nb.widgets.wire import time_axis

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def tables():
    return made_tables()


@pytest.fixture(scope="module")
def many():
    return made_tables(rounds=1700)


@pytest.fixture(scope="module")
def pages(tmp_path_factory, tables, many):
    folder = tmp_path_factory.mktemp("bare")
    made = {
        "explorer": Explorer(explored(tables, names=NAMES)),
        "positional": Explorer(explored(made_tables(flow_stable=False))),
        "many": Explorer(explored(many)),
        "compare": CompareExplorer(made_comparison(), names=NAMES),
        "hostile": Explorer(
            explored(
                tables,
                names={"192.0.2.1": "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>"},
            )
        ),
    }
    for name, widget in made.items():
        (folder / f"{name}.html").write_text(bare_page(widget), encoding="utf-8")
        widget.close()
    return folder


@pytest.fixture
def show(browser, pages):
    def showing(name="explorer", **view):
        return shown(
            browser,
            pages / f"{name}.html",
            until="document.querySelector('.tnb svg')?.childElementCount > 0",
            **view,
        )

    return showing


MOVING = ("Sent", "Recv", "Late", "Unanswered", "Best", "Median", "Worst")


def table(page):
    """The hop table as it stands: TTL -> responder, and what moves with the brush."""
    heads = page.locator(".tnb-table thead th").all_text_contents()
    rows = page.locator(".tnb-table tbody tr").evaluate_all(
        "rows => rows.map(r => [...r.cells].map(c => c.textContent))"
    )
    places = [heads.index(name) for name in MOVING]
    return {int(row[0]): [row[1], *(row[place] for place in places)] for row in rows}


def expected_rows(tables, window=None):
    """The same from the Python analysis."""
    if window is not None:
        at = time_axis(probes_in_view(tables))[1]
        inside = probes_in_view(tables)[(at >= window[0]) & (at <= window[1])]
        tables = tables_from_probes(inside, runs=tables.runs)
    rows = {}
    for _, hop in hop_table(tables).iterrows():
        times = [words.ms_text(hop[name], 2) for name in ("best_ms", "p50_ms", "worst_ms")]
        counts = [f"{hop[name]:,}" for name in ("sent", "recv", "late")]
        rows[hop["ttl"]] = [*counts, words.ratio_text(hop["loss_ratio"]), *times]
    return rows


def drag(page, start, end):
    """Draw a window over the timeline, from one share of its width to another."""
    box = page.locator(".tnb-time").bounding_box()
    left, width, y = box["x"] + 50, box["width"] - 50 - 104, box["y"] + 40
    page.mouse.move(left + width * start, y)
    page.mouse.down()
    page.mouse.move(left + width * (start + end) / 2, y + 5)
    page.mouse.move(left + width * end, y + 9)
    page.mouse.up()


def test_an_explorer_shows_the_graph_the_latencies_and_the_hop_table(show, tables):
    with show() as page:
        assert page.locator(".tnb-title").inner_text() == "Trace to www.example.com (198.51.100.7)"
        assert (
            page.locator(".tnb-verdict").inner_text().startswith("Reached 198.51.100.7 in 5 hops; 400 probes")
        )
        assert page.locator(".tnb-node").count() == 8
        assert page.locator(".tnb-node.tnb-silent .tnb-star").all_text_contents() == ["*", "*"]
        assert page.locator(".tnb-edge").count() == 8
        assert page.locator(".tnb-dashed").count() == 0
        labels = page.locator(".tnb-hop").all_text_contents()
        assert labels == ["gateway.example.net", "203.0.113.1 +1", "*", "198.51.100.1", "www.example.com"]
        assert {ttl: row[1:] for ttl, row in table(page).items()} == expected_rows(tables)
        answered = int((probes_in_view(tables)["rtt_ms"].notna()).sum())
        assert dots(page) == answered


def dots(page, *, faint=False):
    """How many answers are drawn, and, if asked, how many of them faintly."""
    drawn = page.locator(".tnb-path .tnb-ink").evaluate("e => ({ ...e.dataset })")
    return int(drawn["faint"]) if faint else int(drawn["shown"]) + int(drawn["faint"])


def test_of_very_many_answers_some_are_drawn_all_are_counted_and_the_view_says_so(show, many):
    answers = int(probes_in_view(many)["rtt_ms"].notna().sum())
    assert answers > 12_000
    with show("many") as page:
        note = page.locator(".tnb-note")
        assert 4_000 < dots(page) <= 12_000
        assert note.inner_text() == f"{dots(page):,} of {answers:,} dots drawn; every number counts all"
        assert {ttl: row[1:] for ttl, row in table(page).items()} == expected_rows(many)
    with show() as page:
        assert page.locator(".tnb-note").inner_text() == ""


def test_hops_are_drawn_downwards_on_their_rows(show):
    with show() as page:
        tops = page.locator(".tnb-hop").evaluate_all("rows => rows.map(r => r.getBoundingClientRect().top)")
        numbers = page.locator(".tnb-ttl").evaluate_all(
            "rows => rows.map(r => r.getBoundingClientRect().top)"
        )
        assert tops == sorted(tops)
        assert all(abs(a - b) < 12 for a, b in zip(tops, numbers, strict=True))


def test_edges_that_balancing_could_explain_are_dashed(show):
    with show("positional") as page:
        assert page.locator(".tnb-dashed").count() > 0
        style = page.locator(".tnb-dashed").first.evaluate("e => getComputedStyle(e).strokeDasharray")
        assert style not in {"none", ""}


def test_a_click_on_a_hop_selects_it_everywhere_and_tells_python_once(show):
    with show() as page:
        page.locator(".tnb-hop").nth(3).click()
        assert said(page) == [["selected", 4], ["responder", None], ["saved"]]
        assert page.locator(".tnb-hop[aria-selected=true]").inner_text() == "198.51.100.1"
        assert page.locator(".tnb-table tr.tnb-on th").inner_text() == "4"
        assert page.locator(".tnb-node.tnb-on title").all_text_contents() == ["198.51.100.1"]
        assert page.locator(".tnb-timeline .tnb-caption").inner_text().startswith("Hop 4, 198.51.100.1")
        assert page.locator(".tnb-stage .tnb-ink").get_attribute("data-lost") == "10"
        page.locator(".tnb-table tbody tr").nth(4).click()
        page.locator(".tnb-strip").click(position={"x": 300, "y": 34 + 13})
        assert [value for name, *value in said(page) if name == "selected"] == [[5], [1]]


def test_a_click_on_a_node_singles_out_its_responder(show):
    with show() as page:
        page.locator(".tnb-node", has=page.locator("title", has_text="203.0.113.2")).click()
        assert said(page) == [["selected", 2], ["responder", "203.0.113.2"], ["saved"]]
        assert page.locator(".tnb-hop").nth(1).inner_text() == "203.0.113.2"
        assert page.locator(".tnb-node.tnb-on").count() == 1
        assert dots(page, faint=True) == 40  # those of the other responder


def test_python_selects_and_focuses_and_the_view_follows(show, tables):
    with show() as page:
        page.evaluate("window.tell('selected', 2)")
        assert page.locator(".tnb-table tr.tnb-on th").inner_text() == "2"
        page.evaluate("window.tell('focus', [10.01, 23.1])")
        shown = {ttl: row[1:] for ttl, row in table(page).items()}
        assert shown == expected_rows(tables, (10.01, 23.1))
        assert page.locator(".tnb-status").inner_text().startswith("10.0 s to 23.1 s: ")
        page.evaluate("window.tell('focus', [])")
        assert {ttl: row[1:] for ttl, row in table(page).items()} == expected_rows(tables)
        assert said(page) == []


def test_arrow_keys_move_over_hops_and_responders(show):
    with show() as page:
        page.locator(".tnb-hops").focus()
        picks = []
        for key in [
            "ArrowDown",
            "ArrowDown",
            "ArrowRight",
            "ArrowRight",
            "ArrowRight",
            "End",
            "ArrowUp",
            "Home",
            "Escape",
        ]:
            page.keyboard.press(key)
            told = dict(entry for entry in said(page) if len(entry) == 2)
            picks.append((told["selected"], told["responder"]))
        assert picks == [
            (1, None), (2, None), (2, "203.0.113.1"), (2, "203.0.113.2"), (2, None), (5, None), (4, None),
            (1, None), (None, None),
        ]  # fmt: skip
        assert page.locator(".tnb-band").is_hidden()


def test_the_active_option_is_announced(show):
    with show() as page:
        page.locator(".tnb-hops").focus()
        page.keyboard.press("End")
        active = page.locator(".tnb-hops").get_attribute("aria-activedescendant")
        label = page.locator(f"#{active}").get_attribute("aria-label")
        assert label == "hop 5, www.example.com, 80 of 80 answered, median 25.27 ms"


def test_dragging_over_the_timeline_recomputes_as_python_does_and_tells_it_on_release(show, tables):
    with show() as page:
        drag(page, 0.25, 0.6)
        told = said(page)
        assert [name for name, *_ in told] == ["focus", "saved"]
        window = told[0][1]
        assert window == pytest.approx([39.14 * 0.25, 39.14 * 0.6], abs=0.2)
        assert {ttl: row[1:] for ttl, row in table(page).items()} == expected_rows(tables, window)
        page.get_by_role("button", name="Show all").click()
        assert said(page) == [["focus", []], ["saved"]]
        assert {ttl: row[1:] for ttl, row in table(page).items()} == expected_rows(tables)


def test_numbers_follow_while_the_mouse_still_moves(show):
    with show() as page:
        box = page.locator(".tnb-time").bounding_box()
        page.mouse.move(box["x"] + 100, box["y"] + 40)
        page.mouse.down()
        page.mouse.move(box["x"] + 300, box["y"] + 40)
        page.wait_for_function(
            "document.querySelector('.tnb-table tbody td:nth-child(4)').textContent !== '80'"
        )
        assert said(page) == []
        page.mouse.up()
        assert len(said(page)) == 2


def test_a_window_can_be_moved_resized_and_let_go(show):
    with show() as page:
        drag(page, 0.2, 0.4)
        first = said(page)[0][1]
        drag(page, 0.3, 0.5)  # from inside: moves
        moved = said(page)[0][1]
        assert moved[1] - moved[0] == pytest.approx(first[1] - first[0])
        assert moved[0] - first[0] == pytest.approx(39.14 * 0.2, abs=0.3)
        drag(page, moved[1] / 39.14, 0.9)  # from its end: resizes
        grown = said(page)[0][1]
        assert grown == pytest.approx([moved[0], 39.14 * 0.9], abs=0.3)
        page.locator(".tnb-time").click(position={"x": 60, "y": 40})
        assert said(page) == [["focus", []], ["saved"]]


def test_the_window_is_set_by_keys_alone(show):
    with show() as page:
        start, end = (
            page.get_by_role("slider", name=f"{word} of the focus window") for word in ("Start", "End")
        )
        start.focus()
        page.keyboard.press("PageUp")
        page.keyboard.press("ArrowRight")
        end.focus()
        page.keyboard.press("Shift+ArrowLeft")
        assert said(page)[-2][1] == pytest.approx([39.14 * 0.11, 39.14 * 0.9])
        assert start.get_attribute("aria-valuetext") == "4.3 s"
        page.keyboard.press("Home")  # ends never meet
        low, high = said(page)[-2][1]
        assert 0 < high - low < 0.5
        page.keyboard.press("Escape")
        assert said(page) == [["focus", []], ["saved"]]


def test_the_table_sorts_by_any_column_either_way_with_gaps_last(show):
    with show() as page:
        head = page.locator("th", has=page.get_by_role("button", name="Median"))
        for click, order in (("ascending", [1, 2, 4, 5, 3]), ("descending", [5, 4, 2, 1, 3])):
            head.get_by_role("button").click()
            assert head.get_attribute("aria-sort") == click
            assert list(table(page)) == order
        page.locator(".tnb-table tbody").focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        assert [value for name, *value in said(page) if name == "selected"] == [[5], [4]]


def test_the_log_scale_moves_the_near_hops_apart(show):
    with show() as page:

        def median_x(i):
            return float(re.split("[M ]", page.locator(".tnb-median").nth(i).get_attribute("d"))[1])

        before = median_x(1) - median_x(0)
        button = page.get_by_role("button", name="Log scale")
        button.click()
        assert button.get_attribute("aria-pressed") == "true"
        assert median_x(1) - median_x(0) > 2 * before


def test_names_from_strangers_are_text(show):
    with show("hostile") as page:
        assert page.locator(".tnb-hop").first.inner_text().startswith("<img src=x onerror")
        assert page.evaluate("window.hacked") is None
        assert page.locator(".tnb img").count() == 0


_LUMINANCE = """(element, property) => {
  const rgb = (text) => {
    const c = document.createElement('canvas').getContext('2d');
    c.fillStyle = text;
    c.fillRect(0, 0, 1, 1);
    return [...c.getImageData(0, 0, 1, 1).data].slice(0, 3).map((v) => v / 255);
  };
  const light = (text) => rgb(text).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = light(getComputedStyle(document.querySelector('.tnb')).backgroundColor);
  const mark = light(getComputedStyle(element)[property]);
  return (Math.max(ground, mark) + 0.05) / (Math.min(ground, mark) + 0.05); }"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["explorer", "compare"])
def test_text_and_marks_can_be_read_in_either_theme(show, name, dark):
    with show(name, dark=dark) as page:
        page.evaluate("window.tell('selected', 4)")  # a hop with late answers, where there are hops
        ground = page.locator(".tnb").evaluate("e => getComputedStyle(e).backgroundColor")
        assert (ground != "rgb(255, 255, 255)") == dark
        texts = [(".tnb-title", "color"), (".tnb-status", "color")]
        texts += (
            [(".tnb-loss", "fill"), (".tnb-tick", "fill")]
            if name == "explorer"
            else [(".tnb-changed .tnb-change", "color")]
        )
        marks = [
            (".tnb-dots", "stroke"),
            (".tnb-median", "stroke"),
            (".tnb-dots.tnb-late", "stroke"),
            (".tnb-edge", "stroke"),
        ]
        marks = marks if name == "explorer" else [(".tnb-shift", "fill"), (".tnb-edge", "stroke")]
        # WCAG 2.1, 1.4.3 and 1.4.11: 4.5 for text, 3 for what must be seen.
        for pairs, least in ((texts, 4.5), (marks, 3.0)):
            for selector, prop in pairs:
                assert page.locator(selector).first.evaluate(_LUMINANCE, prop) >= least, selector


@pytest.mark.parametrize("width", [700, 1400])
@pytest.mark.parametrize("name", ["explorer", "many", "compare"])
def test_nothing_overflows_or_overlaps(show, name, width):
    with show(name, width=width) as page:
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        assert page.locator(".tnb-table").evaluate("t => t.scrollWidth <= t.clientWidth")
        if name != "compare":
            graph, list_, strip = (
                page.locator(f".tnb-{part}").bounding_box() for part in ("graph", "hops", "strip")
            )
            assert graph["x"] + graph["width"] <= list_["x"] + 1
            assert list_["x"] + list_["width"] <= strip["x"] + 1
            assert strip["width"] > width * 0.4


def test_a_narrower_page_is_drawn_anew(show):
    with show(width=1400) as page:
        wide = page.locator(".tnb-strip").bounding_box()["width"]
        page.set_viewport_size({"width": 700, "height": 900})
        page.wait_for_function(
            "w => document.querySelector('.tnb-strip').getBoundingClientRect().width < w / 1.5", arg=wide
        )
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize(("still", "duration"), [(False, "0.12s"), (True, "0s")])
def test_nothing_moves_for_those_who_asked_for_it(show, still, duration):
    with show(still=still) as page:
        assert page.locator(".tnb-band").evaluate("e => getComputedStyle(e).transitionDuration") == duration


def test_a_view_that_leaves_stops_listening(show):
    with show() as page:
        assert (
            page.evaluate("window.listening()") == 7
        )  # selected, responder, flow, focus, shown, told; and view
        page.evaluate("window.leave()")
        assert page.evaluate("window.listening()") == 0


def test_everything_that_can_be_reached_has_a_name(show):
    with show() as page:
        nameless = page.locator(".tnb").evaluate("""root => [
            ...root.querySelectorAll('button, [tabindex], [role=img]')]
            .filter(e => !(e.getAttribute('aria-label') || e.textContent.trim()))
            .map(e => e.outerHTML.slice(0, 80))""")
        assert nameless == []
        tree = page.locator(".tnb").aria_snapshot()
        for part in (
            'listbox "Hops of the path"',
            'slider "Start of the focus window"',
            "status",
            'rowheader "1"',
        ):
            assert part in tree, tree


def test_a_comparison_shows_both_paths_and_marks_what_changed(show):
    with show("compare") as page:
        assert page.locator(".tnb-verdict").inner_text().startswith("Changed: the path changed at hop 4")
        rows = page.locator(".tnb-compare tbody tr:not(.tnb-flow)")
        assert rows.count() == 10
        assert page.locator("tr.tnb-changed .tnb-word").all_inner_texts() == ["changed", "changed"]
        assert page.locator("tr.tnb-changed .tnb-who").all_inner_texts()[:2] == [
            "198.51.100.1",
            "198.51.100.2",
        ]
        assert page.locator(".tnb-flow").all_inner_texts() == ["Flow 0", "Flow 1"]
        assert page.locator(".tnb-shift").count() == 6
        zero, last = (page.locator(".tnb-shift").nth(i).bounding_box()["x"] for i in (0, 2))
        assert last > zero + 60  # 9 ms to the right
        page.evaluate("window.tell('selected', 3)")
        assert page.locator("tr.tnb-on").get_attribute("class") == "tnb-changed tnb-on"
        page.locator(".tnb-compare").focus()
        for key in ("ArrowDown", "End", "Escape"):
            page.keyboard.press(key)
        rows.nth(1).click()
        assert [entry[1] for entry in said(page) if entry[0] == "selected"] == [4, 9, None, 1]
