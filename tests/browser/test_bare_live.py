"""The live view in a bare page: what is told in pieces is what the hop table says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.browser.bare import _spell, bare_page, shown
from tests.browser.chromium import blameless
from tests.widgets.conftest import wire  # noqa: F401 - a fixture
from tests.widgets.watched import Played
from trippy_nb.analysis import hop_table
from trippy_nb.widgets import LiveView

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CELLS = """[...document.querySelectorAll('.tnb-table tbody tr')]
  .map(row => [...row.cells].map(one => one.textContent))"""

DOTS = "document.querySelector('.tnb-path canvas').dataset.shown"


def started(folder: Path) -> tuple[Played, LiveView, Path]:
    """A trace to play, a view that waits for it, and its page."""

    def nothing(*_: Any) -> None:
        """Nobody presses a button."""

    view = LiveView("target.example", {}, on_start=nothing, on_stop=nothing)
    view.say("starting", running=True)
    file = folder / "live.html"
    file.write_text(bare_page(view), encoding="utf-8")
    return Played(rounds=20), view, file


def test_the_table_counts_what_comes_in_pieces_and_says_once_a_second_what_it_has(
    browser,
    tmp_path,
    wire,  # noqa: F811 - the fixture
):
    played, view, file = started(tmp_path)
    with shown(browser, file, width=1000, height=900) as page:
        for number in range(1, 8):
            if number == 4:
                view.snapshot()  # as a second browser does: the next look makes the picture anew
            view.look(played.play(), picture=number in (1, 4))
            data, buffers = next(
                (data, parts) for _, data, parts in reversed(wire.messages) if "content" in data
            )
            page.evaluate("hear", json.dumps([data["content"], buffers], default=_spell))
            if number == 1:
                page.locator(".tnb-choice summary").click()
                page.locator(".tnb-choice [value=jmax_ms]").focus()
        hops = hop_table(played.tables())
        rows = page.evaluate(CELLS)
        acknowledged = page.evaluate("sent")
        kept = page.evaluate("[document.querySelector('.tnb-choice').open, document.activeElement.value]")
    view.close()
    assert [row[0] for row in rows] == hops["ttl"].astype(str).tolist()
    assert [row[3] for row in rows] == hops["sent"].astype(str).tolist()
    assert [row[4] for row in rows] == hops["recv"].astype(str).tolist()
    mean = hops["avg_ms"].map("{:.2f}".format).replace("nan", "\N{EN DASH}")
    assert [row[7] for row in rows] == mean.tolist()
    assert acknowledged == [{"type": "hello"}, {"type": "shown", "number": 5}]
    assert kept == [True, "jmax_ms"], "a picture that is made anew closed what the reader had open"


def test_new_dots_are_drawn_at_once_and_those_let_go_of_vanish_in_a_second(
    browser,
    tmp_path,
    wire,  # noqa: F811 - the fixture
):
    def nothing(*_: Any) -> None:
        """Nobody presses a button."""

    played = Played(rounds=20, max_samples=5)
    view = LiveView("target.example", {}, on_start=nothing, on_stop=nothing)
    view.say("starting", running=True)
    drawn = []
    with blameless(browser, width=1000, height=900) as here:
        page = tmp_path / "live.html"
        page.write_text(bare_page(view), encoding="utf-8")
        here.page.clock.install(time=0)
        here.page.goto(page.as_uri())
        here.page.wait_for_function("window.ready")
        here.page.clock.pause_at(60_000)
        for number in range(10):
            view.look(played.play(), picture=number == 0)
            data, buffers = next(
                (data, parts) for _, data, parts in reversed(wire.messages) if "content" in data
            )
            here.page.evaluate("hear", json.dumps([data["content"], buffers], default=_spell))
            if number == 0:
                for _ in range(100):  # until the width is known, which no clock of ours hastens
                    here.page.clock.run_for(500)
                    if here.page.evaluate(DOTS) is not None:
                        break
            drawn.append(int(here.page.evaluate(DOTS)))
        here.page.clock.run_for(1100)
        settled = int(here.page.evaluate(DOTS))
        rows = here.page.evaluate(CELLS)
    hops = hop_table(played.tables())
    view.close()
    assert drawn == sorted(set(drawn)), "a look that drew nothing"
    assert settled == hops["recv"].sum() < drawn[-1]
    assert [row[3] for row in rows] == hops["sent"].astype(str).tolist()
    assert [row[4] for row in rows] == hops["recv"].astype(str).tolist()


def test_a_picture_that_comes_under_a_drag_waits_until_the_pointer_is_up(
    browser,
    tmp_path,
    wire,  # noqa: F811 - the fixture
):
    played, view, file = started(tmp_path)
    with shown(browser, file, width=1000, height=900) as page:

        def look(*, picture: bool) -> None:
            view.look(played.play(), picture=picture)
            data, buffers = next(
                (data, parts) for _, data, parts in reversed(wire.messages) if "content" in data
            )
            page.evaluate("hear", json.dumps([data["content"], buffers], default=_spell))

        for number in range(6):
            look(picture=number == 0)
        page.wait_for_function("document.querySelector('.tnb-time')?.getAttribute('width') > 0")
        page.evaluate("document.querySelector('.tnb-time').mine = true")
        strip = page.locator(".tnb-time").bounding_box()
        assert strip is not None
        page.mouse.move(strip["x"] + 200, strip["y"] + 40)
        page.mouse.down()
        page.mouse.move(strip["x"] + 300, strip["y"] + 40)
        view.snapshot()
        for number in range(6):
            look(picture=number == 0)
        page.mouse.move(strip["x"] + 500, strip["y"] + 40)
        assert page.evaluate("document.querySelector('.tnb-time').mine")
        page.mouse.up()
        assert not page.evaluate("document.querySelector('.tnb-time').mine ?? false")
        assert page.locator(".tnb-narrowed").count() == 1
        end = float(page.locator(".tnb-grip").last.get_attribute("aria-valuemax") or "nan")
    assert view._watch is not None
    spanned = view._watch.span
    view.close()
    assert spanned is not None
    assert end == spanned[1], "the axis no longer grew"
