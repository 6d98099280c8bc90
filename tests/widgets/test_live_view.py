"""The live view without a kernel: what goes over the wire, and when nothing does."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import traitlets

from tests.widgets.watched import NAMES, Played
from trippy_nb.analysis import hop_table, probes_in_view
from trippy_nb.errors import ResolveError
from trippy_nb.model import NS_PER_S
from trippy_nb.widgets import LiveView, Pump
from trippy_nb.widgets.traced import Urgency


@pytest.fixture
def asked():
    return []


@pytest.fixture
def view(wire, asked):
    made = LiveView(
        "www.example.com",
        {},
        on_start=lambda target, options: asked.append((target, options)),
        on_stop=lambda: asked.append("stop"),
    )
    yield made
    made.close()


def heard(view: LiveView, **content: Any) -> None:
    """Play the browser: a custom message."""
    view._handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})


def deltas(wire) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
    for _, data, buffers in wire.messages:
        content = data.get("content", {})
        if data.get("method") == "custom" and content.get("type") == "delta":
            yield content, buffers


@pytest.fixture
def played():
    return Played(rounds=20)


def test_a_look_sends_bytes_of_what_is_new_and_the_picture_only_if_it_is_asked_for(view, wire, played):
    view.look(played.play(10), picture=True)
    view.look(played.play())
    view.look(played)
    first, second = deltas(wire)
    assert first[0]["view"]["title"]
    assert first[0]["told"]["ttls"] == hop_table(played.tables())["ttl"].tolist()
    assert first[0]["count"] > 8 * second[0]["count"] > 0
    assert second[0]["base"] == 0
    assert "view" not in second[0]
    assert second[0]["words"] == "11 rounds"
    assert sum(map(len, second[1])) + len(repr(second[0])) < 1500


def test_a_picture_that_is_the_same_is_not_sent_again(view, wire, played):
    view.look(played.play(20), picture=True)
    view.look(played, picture=True)
    first, again = deltas(wire)
    assert first[0]["view"] is not None
    assert again[0]["view"] is None
    assert again[0]["verdict"] == first[0]["verdict"]
    assert (again[0]["count"], again[0]["base"]) == (0, None)


def test_a_view_that_says_hello_gets_everything(view, wire, played):
    view.look(played.play(10), picture=True)
    heard(view, type="hello")
    assert view.urgency is Urgency.NOW
    view.look(played, picture=True)
    first, again = deltas(wire)
    assert {**again[0], "number": 1} == first[0]
    assert again[1] == first[1]
    assert view.urgency is not Urgency.NOW


def test_a_name_or_a_hop_that_is_missing_is_urgent(view, played, monkeypatch):
    seen = [view.urgency]
    view.look(played.play(), picture=True)
    seen.append(view.urgency)
    monkeypatch.setattr(played, "names", dict)
    view.look(played)
    seen.append(view.urgency)
    view.look(played, picture=True)
    seen.append(view.urgency)
    assert seen == [Urgency.NOW, Urgency.NONE, Urgency.NEWS, Urgency.NONE]


def test_what_is_not_acknowledged_stops_the_flow(view, played):
    sent = 0
    while not view.waits:
        view.look(played.play(), picture=not sent)
        sent += 1
    assert 5 < sent < 20  # the browser acknowledges every fifth
    heard(view, type="shown", number=5)
    assert not view.waits
    heard(view, type="shown", number=0)
    heard(view, type="nonsense")
    assert not view.waits


def test_the_end_is_kept_in_the_traits_exactly_as_analysis_has_it(view, played):
    view.look(played.play(3), picture=True)
    tables = played.play(18).tables()
    view.finish(tables, NAMES, "over")
    assert view.status == {"running": False, "words": "over", "error": ""}
    assert view.view["verdict"] == view.card.verdict != ""
    probes, hops = probes_in_view(tables), hop_table(tables)
    assert np.frombuffer(view.columns["round"][1], "<u4").tolist() == probes["round"].tolist()
    told = np.frombuffer(view.told["values"][1], "<f8").reshape(len(hops), -1)
    for name in ("avg_ms", "stddev_ms", "jitter_ms", "n_addrs"):
        want = hops[name].to_numpy("f8", na_value=np.nan)
        np.testing.assert_array_equal(told[:, view.told["names"].index(name)], want)
    view.selected = 3
    view.focus = [10.0, 20.0]
    assert view.told["focus"] == [10.0, 20.0]
    with pytest.raises(traitlets.TraitError, match="no hop 77"):
        view.selected = 77
    with pytest.raises(traitlets.TraitError, match="no column 'speed'"):
        view.shown = ["sent", "speed"]
    view.begin()
    assert (view.selected, view.focus, view.columns, view.view) == (None, [], {}, {})


def test_start_and_stop_are_passed_on(view, asked):
    heard(view, type="start", asked={"target": "a.example", "protocol": "udp"})
    heard(view, type="stop")
    heard(view, type="stop")
    assert asked == [("a.example", {"protocol": "udp"}), "stop", "stop"]


# --- the thread -------------------------------------------------------------------------------------------


class Acknowledged(Played):
    """A trace whose browser reads all it is sent."""

    def __init__(self, view: LiveView, rounds: int) -> None:
        super().__init__(rounds=rounds)
        self._view = view

    def advance(self, timeout_s: float) -> bool:
        heard(self._view, type="shown", number=10_000)
        return super().advance(timeout_s)


def run(view: LiveView, make: Any, **options: Any) -> Pump:
    pump = Pump(view, make, **options)
    pump.start()
    assert pump.wait(30)
    return pump


def test_the_thread_sends_each_look_and_closes_at_the_end(view, wire):
    steps, ended = Acknowledged(view, 20), []
    run(view, lambda: steps, on_end=lambda: ended.append(view.status["running"]))
    assert len(list(deltas(wire))) >= 20
    assert steps.stopped == ["the live view ended"]
    assert view.status == {"running": False, "words": "21 rounds", "error": ""}
    assert ended == [False]


def test_a_browser_that_does_not_read_is_sent_a_few_looks_and_the_end(view, wire, played):
    run(view, lambda: played)
    assert len(list(deltas(wire))) == 12
    assert len(view.columns["round"][1]) == 4 * len(probes_in_view(played.tables()))


def test_while_a_cell_computes_nobody_can_read_so_it_goes_on(view, wire, played):
    run(view, lambda: played, is_busy=lambda: True)
    assert len(list(deltas(wire))) >= 20


def test_the_picture_is_made_again_for_a_new_browser_and_what_is_missing_not_for_numbers(
    view, played, monkeypatch
):
    made = []

    pump = Pump(view, lambda: played)
    for clock, step_ns in ((pump._clock, NS_PER_S // 10), (pump._processor, NS_PER_S // 50)):
        monkeypatch.setattr(clock, "now_ns", itertools.count(step_ns, step_ns).__next__)
    real = view.look

    def look(traced, *, picture=False):
        heard(view, type="shown", number=10_000)
        made.append(picture)
        if len(made) == 10:
            heard(view, type="hello")
        real(traced, picture=picture)

    view.look = look
    pump.start()
    assert pump.wait(30)
    assert made[0]
    assert made[10]
    assert sum(made) < 8


def test_what_goes_wrong_stands_in_the_status_line(view, caplog):
    def no_such_host():
        raise ResolveError("there is no host nowhere.example")

    def broken():
        raise ZeroDivisionError("a bug")

    run(view, no_such_host)
    assert view.status["error"] == "there is no host nowhere.example"
    assert not caplog.records
    run(view, broken)
    assert view.status == {"running": False, "words": "", "error": "ZeroDivisionError: a bug"}
    assert "a live view broke" in caplog.text


def test_stop_before_the_target_is_resolved_ends_it_all_the_same(view):
    steps = Played(rounds=20)

    def slowly():
        pump.stop(by="impatience")
        return steps

    pump = Pump(view, slowly)
    pump.start()
    assert pump.wait(30)
    assert steps.stopped[0] == "impatience"
    assert steps.done == 1
    pump.stop()
    gc.collect()


def test_an_empty_field_for_rounds_says_what_it_means(view):
    (rounds,) = (setting for setting in view.settings if setting["key"] == "rounds")
    assert rounds["usual"] == "until stopped"
