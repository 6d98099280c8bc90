"""What an explorer has beside graph and table, in a page without Jupyter: panels, replay, pictures, runs."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from tests.browser.bare import bare_page, said, shown
from tests.display.made import NAMES, explored, made_tables
from tests.widgets.test_panels import rerouted
from tests.widgets.test_runs_explorer import run_at
from trippy_nb.analysis import hop_table
from trippy_nb.frames import tables_from_probes
from trippy_nb.run.runs import RunSet
from trippy_nb.widgets import Explorer

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explorer")
    made = {
        "explorer": Explorer(explored(made_tables(), names=NAMES)),
        "rerouted": Explorer(explored(rerouted())),
        "runs": RunSet([run_at(0), run_at(30), run_at(60)]).explore(),
    }
    for name, widget in made.items():
        (folder / f"{name}.html").write_text(bare_page(widget), encoding="utf-8")
        widget.close()
    return folder


@pytest.fixture
def show(browser, pages):
    def showing(name="explorer", **view):
        return shown(
            browser, pages / f"{name}.html", until="document.querySelector('.tnb-under text')", **view
        )

    return showing


def counts(page):
    """Sent and answered by TTL, as the table says."""
    rows = page.locator(".tnb-table tbody tr").evaluate_all(
        "rows => rows.map(r => [...r.cells].map(c => c.textContent))"
    )
    return {int(row[0]): (row[3], row[4]) for row in rows}


def test_the_raster_and_the_ribbon_lie_along_the_same_time_as_the_strip(show):
    with show("rerouted") as page:
        heads = page.locator(".tnb-under .tnb-head").all_text_contents()
        assert heads == ["Unanswered, by hop and time", "Path of each flow"]
        letters = page.locator(".tnb-letter").all_text_contents()
        assert letters == ["A", "C", "B", "D"]  # lane by lane
        assert page.locator(".tnb-paths span").count() == 4
        mark = page.locator(".tnb-change-mark").first.get_attribute("d")
        span = page.locator(".tnb-time").bounding_box()["width"] - 50 - 104
        assert float(re.split("[M ]", mark)[1]) == pytest.approx(50 + span * 40 / 79.14, abs=2)
        assert page.locator(".tnb-cell.tnb-s6").first.get_attribute("d").count("M") == 10  # hop 4, twice


def test_a_click_on_the_raster_selects_a_hop_and_one_on_the_ribbon_a_flow(show):
    with show() as page:
        page.mouse.move(0, 0)
        box = page.locator(".tnb-cell.tnb-s6").first.bounding_box()
        page.mouse.click(box["x"] + 3, box["y"] + box["height"] / 2)
        assert said(page) == [["selected", 4], ["responder", None], ["saved"]]
        assert page.locator(".tnb-ring").is_visible()
        lane = page.locator(".tnb-stretch").nth(1).bounding_box()
        page.mouse.click(lane["x"] + 40, lane["y"] + lane["height"] / 2)
        assert ["flow", 1] in said(page)
        assert page.get_by_label("Flow", exact=True).input_value() == "1"
        assert page.locator(".tnb-lane-of.tnb-dim").count() == 1
        assert page.locator(".tnb-node.tnb-dim title").all_text_contents() == ["203.0.113.1"]
        assert ", flow 1: RTT" in page.locator(".tnb-timeline .tnb-caption").inner_text()
        assert page.locator(".tnb-stage .tnb-ink").get_attribute("data-dots") == "35"  # of 40, 5 are lost
        page.get_by_label("Flow", exact=True).select_option("All flows")
        assert ["flow", None] in said(page)
        assert page.locator(".tnb-dim").count() == 0


def test_numbers_are_those_of_the_flow_that_is_singled_out_in_every_window_and_in_the_replay(show):
    tables = made_tables()
    with show() as page:
        page.get_by_label("Flow", exact=True).select_option("Flow 1")
        whole = hop_table(only(tables, tables.probes["flow"] == 1))
        assert counts(page) == spelled(whole)
        assert page.locator(".tnb-table-bar .tnb-caption").inner_text() == "Hops of flow 1 (times in ms)"
        page.evaluate("window.tell('focus', [10, 20])")
        at = (tables.probes["sent_at"] - tables.probes["sent_at"].min()).dt.total_seconds()
        inside = (tables.probes["flow"] == 1) & at.between(10, 20)
        assert counts(page) == spelled(hop_table(only(tables, inside)))
        page.get_by_role("button", name="Replay").click()
        page.keyboard.press("End")
        assert counts(page) == spelled(whole)


def responders(page):
    """What the table says who answered, by TTL; the names of the path beside the graph."""
    rows = page.locator(".tnb-table tbody tr").evaluate_all(
        "rows => rows.map(r => [Number(r.cells[0].textContent), r.cells[1].textContent])"
    )
    return dict(rows), page.locator(".tnb-hop").all_text_contents()


def test_who_answered_is_told_of_the_window_and_of_the_flow(show):
    with show("rerouted") as page:
        first, second = "198.51.100.1", "198.51.100.2"
        title = page.locator(".tnb-timeline .tnb-caption")
        assert responders(page)[0][4] == f"{first}  +1"
        page.evaluate("window.tell('selected', 4)")
        assert title.inner_text().startswith(f"Hop 4, {first} +1: RTT")
        page.evaluate("window.tell('focus', [40, 79])")
        table, names = responders(page)
        assert (table[4], names[3]) == (second, second)
        assert page.locator("tr.tnb-on td:nth-child(2)").get_attribute("title") == second
        assert title.inner_text().startswith(f"Hop 4, {second}: RTT")
        page.evaluate("window.tell('focus', [])")
        page.get_by_label("Flow", exact=True).select_option("Flow 1")
        table, names = responders(page)
        assert (table[2], names[1]) == ("203.0.113.2", "203.0.113.2")


def test_the_legend_counts_what_is_in_view(show):
    tables = made_tables()
    at = (tables.probes["sent_at"] - tables.probes["sent_at"].min()).dt.total_seconds()
    hop = tables.probes[(tables.probes["ttl"] == 4) & at.between(20, 30)]
    recv = int((hop["status"] == "reply").sum())
    with show() as page:
        page.evaluate("window.tell('selected', 4)")
        legend = page.locator(".tnb-timeline .tnb-legend span")
        assert legend.all_text_contents() == ["69 answered", "1 late", "10 unanswered"]
        page.evaluate("window.tell('focus', [20, 30])")
        assert legend.all_text_contents() == [f"{recv} answered", f"{len(hop) - recv} unanswered"]
        page.evaluate("window.tell('focus', [])")
        page.get_by_role("button", name="Replay").click()
        page.keyboard.press("Home")
        assert legend.all_text_contents() == []
        page.keyboard.press("End")
        assert legend.all_text_contents() == ["69 answered", "1 late", "10 unanswered"]


def test_a_responder_that_stands_out_has_numbers_of_its_own(show):
    tables = made_tables()
    mine = tables.probes[tables.probes["addr"] == "203.0.113.2"]
    with show() as page:
        page.evaluate("window.tell('selected', 2)")
        page.evaluate("window.tell('responder', '203.0.113.2')")
        label = page.locator(".tnb-hop").nth(1)
        median = f"median {mine['rtt_ms'].median():.2f} ms"
        assert label.get_attribute("aria-label") == f"hop 2, 203.0.113.2, {len(mine)} answers, {median}"
        alone = page.locator(".tnb-strip .tnb-median").nth(1).get_attribute("d")
        page.evaluate("window.tell('responder', null)")
        assert page.locator(".tnb-strip .tnb-median").nth(1).get_attribute("d") != alone
        assert ", 79 of 80 answered," in label.get_attribute("aria-label")


def test_a_drag_goes_on_while_the_board_would_be_made_anew(show):
    with show() as page:
        strip = page.locator(".tnb-time").bounding_box()
        page.locator(".tnb-time").evaluate("one => { one.mine = true }")
        page.mouse.move(strip["x"] + 150, strip["y"] + 40)
        page.mouse.down()
        page.mouse.move(strip["x"] + 200, strip["y"] + 40)
        page.evaluate("window.tell('view', window.state('view'))")
        page.mouse.move(strip["x"] + 400, strip["y"] + 40, steps=3)
        assert page.locator(".tnb-time").evaluate("one => one.mine")
        page.mouse.up()
        assert not page.locator(".tnb-time").evaluate("one => one.mine ?? false")
        assert [name for name, *_ in said(page)] == ["focus", "saved"]
        assert page.locator(".tnb-narrowed").count() == 1


@pytest.mark.parametrize("place", ["sort-sent", "Log scale", "svg-path", "png-timeline", "Copy CSV"])
def test_focus_stays_where_it_was_when_the_board_is_made_anew(show, place):
    with show() as page:
        page.locator(f"[data-keep='{place}']").focus()
        page.evaluate("window.tell('view', window.state('view'))")
        assert page.evaluate("document.activeElement.dataset.keep") == place


def only(tables, which):
    return tables_from_probes(tables.probes[which], runs=tables.runs)


def spelled(hops):
    return {
        ttl: (str(sent), str(recv))
        for ttl, sent, recv in hops[["ttl", "sent", "recv"]].itertuples(index=False, name=None)
    }


def test_the_distribution_is_that_of_the_window(show):
    with show() as page:
        page.evaluate("window.tell('selected', 4)")
        texts = page.locator(".tnb-time .tnb-spread")
        whole = texts.all_text_contents()
        bars = page.locator(".tnb-bars").get_attribute("d")
        page.evaluate("window.tell('focus', [0, 5])")
        assert page.locator(".tnb-bars").get_attribute("d") != bars
        median = page.locator(".tnb-table tbody tr").nth(3).locator("td").nth(8).inner_text()
        assert texts.first.text_content() == f"median {median}"
        assert texts.all_text_contents() != whole


def test_however_often_the_mouse_moves_a_frame_is_painted_once(show):
    with show() as page:
        before, moved, painted = page.evaluate("""async () => {
            const strip = document.querySelector('.tnb-time'), { left, top } = strip.getBoundingClientRect();
            const fire = (type, x) => strip.dispatchEvent(new PointerEvent(type,
              { clientX: left + x, clientY: top + 40, button: 0, pointerId: 1, bubbles: true }));
            strip.setPointerCapture = () => {};
            let paints = 0;
            const watch = new MutationObserver((records) => { paints += records.length; });
            watch.observe(document.querySelector(".tnb-shade"), { attributes: true });
            const sent = () => document.querySelector('.tnb-table tbody td:nth-child(4)').textContent;
            const texts = [sent()];
            fire('pointerdown', 100);
            for (let x = 110; x < 400; x += 10) fire('pointermove', x);
            texts.push(sent());
            await new Promise(requestAnimationFrame);
            await new Promise(requestAnimationFrame);
            return [...texts, paints];
        }""")
        assert before == moved == "80"
        assert painted == 1
        assert counts(page)[1][0] != "80"


def test_a_replay_counts_step_by_step_what_has_happened(show):
    with show(still=True) as page:
        page.get_by_role("button", name="Replay").click()
        assert (
            page.get_by_role("button", name="Play", exact=True).count() == 0
        )  # who asked for less motion steps
        words = page.locator(".tnb-said")
        assert words.inner_text() == "400 probes, in order of time"
        assert set(counts(page).values()) == {("0", "0")}
        assert page.locator(".tnb-node.tnb-unseen").count() == 7  # all but the source
        page.keyboard.press("ArrowRight")
        assert words.inner_text() == "Round 1: probe to hop 1 sent"
        assert page.locator(".tnb-flights .tnb-probe").count() == 1
        assert counts(page)[1] == ("0", "0")
        page.keyboard.press("ArrowRight")
        assert re.fullmatch(
            r"Round 1: hop 1, gateway.example.net, answered after \d+\.\d\d ms", words.inner_text()
        )
        assert counts(page)[1] == ("1", "1")
        assert page.locator(".tnb-node.tnb-unseen").count() == 6
        assert page.locator(".tnb-way.tnb-home").count() == 2
        page.keyboard.press("ArrowLeft")
        assert counts(page)[1] == ("0", "0")
        page.keyboard.press("PageUp")
        assert words.inner_text() == "Round 2: probe to hop 1 sent"
        page.keyboard.press("PageDown")
        assert words.inner_text() == "Round 1: probe to hop 1 sent"
        page.keyboard.press("End")
        recv = {1: "80", 2: "79", 3: "0", 4: "70", 5: "80"}
        assert counts(page) == {ttl: ("80", count) for ttl, count in recv.items()}
        page.get_by_role("button", name="Replay").click()
        assert page.locator(".tnb-unseen, .tnb-replay").count() == 0
        assert said(page) == []


def test_a_replay_plays_by_itself_and_the_space_bar_holds_it(show):
    with show() as page:
        page.evaluate("window.tell('focus', [10, 20])")
        page.get_by_role("button", name="Replay").click()
        assert page.locator(".tnb-said").inner_text().startswith("Round 11: ")
        before = page.locator(".tnb-scrub").input_value()
        page.keyboard.press(" ")
        page.wait_for_function("b => +document.querySelector('.tnb-scrub').value > +b + 5", arg=before)
        assert page.get_by_role("button", name="Pause").count() == 1
        page.keyboard.press(" ")
        held = page.locator(".tnb-scrub").input_value()
        page.evaluate("() => new Promise(requestAnimationFrame)")
        assert page.locator(".tnb-scrub").input_value() == held
        assert page.get_by_role("button", name="Play", exact=True).count() == 1
        page.evaluate("window.tell('focus', [])")  # another window ends it
        assert page.locator(".tnb-replay").count() == 0


def test_a_picture_is_whole_and_says_what_the_view_says(show, tmp_path):
    with show() as page:
        page.evaluate("""() => { window.copied = [];
            const value = { writeText: async text => copied.push(text) };
            Object.defineProperty(navigator, 'clipboard', { value }) }""")
        page.get_by_role("button", name="SVG").first.click()
        button = page.get_by_role("button", name="Copy as SVG").first
        assert button.inner_text() == "Copied"
        page.wait_for_function("document.querySelector('[data-keep=svg-path]').textContent === 'SVG'")
        text = page.evaluate("copied[0]")
        assert text.startswith("<svg ")
        assert "gateway.example.net" in text
        assert "data:image/png;base64," in text
        assert "class=" not in text
        assert "button" not in text
        with page.expect_download() as waiting:
            page.get_by_role("button", name="PNG").last.click()
        assert waiting.value.suggested_filename == "timeline.png"
        saved = tmp_path / "timeline.png"
        waiting.value.save_as(saved)
        assert Path(saved).read_bytes().startswith(b"\x89PNG")
        assert saved.stat().st_size > 10_000


def test_the_list_of_columns_lies_over_the_whole_width(show):
    with show() as page:
        page.locator(".tnb-choice summary").click()
        boxes = page.locator(".tnb-choice label").evaluate_all(
            "all => all.map(e => e.getBoundingClientRect().left)"
        )
        assert len(set(boxes)) > 3
        assert page.locator(".tnb-choice > div").bounding_box()["height"] < 150


@pytest.mark.parametrize("width", [700, 1000])
def test_a_name_that_is_cut_still_says_that_there_are_more(show, width):
    with show("rerouted", width=width) as page:
        name, more = page.locator(".tnb-hop").nth(3).locator("span").all()
        name.evaluate(
            "one => { one.textContent = 'a-name-of.a-router.that-is-too.long-for.this-column.example.net' }"
        )
        outer = page.locator(".tnb-hops").bounding_box()
        inner = more.bounding_box()
        assert more.inner_text() == " +1"
        assert inner["x"] + inner["width"] <= outer["x"] + outer["width"]


_ENDS = """span => {
  const view = window.state('view'), box = (e) => e.getBoundingClientRect();
  window.tell('view', { ...view, axis: { ...view.axis, span } });
  const all = (of) => [...document.querySelectorAll(of)].map(box);
  return [Math.max(...all('.tnb-under > g:first-child .tnb-tick').map(at => at.right)),
    Math.min(...all('.tnb-time .tnb-spread').map(at => at.left))]; }"""


def test_words_at_the_ends_of_the_axes_do_not_touch(show):
    with show() as page:
        for span in ([0, 1000], [0, 19], [0, 3]):
            last, words = page.evaluate(_ENDS, span)
            assert last < words
        heads = page.evaluate("""[...document.querySelectorAll('.tnb-strip .tnb-tick')]
            .map(e => [e.getBoundingClientRect().left, e.getBoundingClientRect().right])""")
        assert all(right + 3 < left for (_, right), (left, _) in pairwise(heads))
        grip = page.locator(".tnb-grip path").first.get_attribute("d")
        assert grip.count("M") == 3  # strip, raster and ribbon: not through the words between them


def test_a_run_is_chosen_and_the_view_is_of_that_run(show):
    with show("runs") as page:
        choice = page.get_by_label("Run", exact=True)
        options = choice.locator("option").all_text_contents()
        assert options[0] == "All 3 runs together"
        assert len(options) == 4
        assert page.locator(".tnb-status").first.inner_text().startswith("300 probes")
        choice.select_option("1: www.example.com, 2026-11-23 20:00:30 UTC")
        assert said(page) == [["chosen", 1], ["saved"]]


def test_on_one_page_everything_fits(show):
    with show("rerouted", width=700) as page:
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        page.get_by_role("button", name="Replay").click()
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
