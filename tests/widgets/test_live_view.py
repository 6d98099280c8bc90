"""The live view without a kernel: what goes over the wire, and when nothing does."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
import traitlets

from tests.display.made import NAMES, made_tables
from trippy_nb.analysis import hop_table, probes_in_view
from trippy_nb.errors import ResolveError
from trippy_nb.frames import Tables
from trippy_nb.widgets import LiveView, Pump


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


def partly(rounds: int) -> Tables:
    tables = made_tables()
    frames = {table.name: frame for table, frame in tables.items()}
    probes = tables.probes[tables.probes["round"] < rounds]
    return Tables(**(frames | {"probes": probes}))


def test_a_look_sends_bytes_of_what_is_new_and_the_picture_only_if_it_changed(view, wire):
    view.show(partly(10), NAMES)
    view.show(partly(11), NAMES)
    view.show(partly(11), NAMES)
    first, second = deltas(wire)
    rows = {rounds: len(probes_in_view(partly(rounds))) for rounds in (10, 11)}
    assert (first[0]["since"], second[0]["since"]) == (0, 10)
    assert len(first[1][0]) == 4 * rows[10]
    assert len(second[1][0]) == 4 * (rows[11] - rows[10])
    assert first[0]["view"]["title"]
    assert second[0]["view"] is None
    assert sum(map(len, second[1])) < 1500
    assert second[0]["told"]["ttls"] == hop_table(partly(11))["ttl"].tolist()


def test_a_view_that_says_hello_gets_everything(view, wire):
    view.show(partly(10), NAMES)
    heard(view, type="hello")
    assert view.is_new
    view.show(partly(10), NAMES)
    first, again = deltas(wire)
    assert again[0]["since"] == 0
    assert again[0]["view"] == first[0]["view"]
    assert again[1][:-1] == first[1][:-1]


def test_what_is_not_acknowledged_stops_the_flow(view):
    assert not view.waits
    view.show(partly(1), NAMES)
    view.show(partly(2), NAMES)
    assert view.waits
    heard(view, type="shown", number=1)
    assert not view.waits
    heard(view, type="shown", number=0)
    heard(view, type="nonsense")
    assert not view.waits


def test_the_end_is_kept_in_the_traits(view):
    view.show(partly(40), NAMES, final=True)
    assert view.view["verdict"] == view.card.verdict != ""
    assert len(view.columns["round"][1]) == 4 * len(probes_in_view(partly(40)))
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


class Steps:
    """A trace that makes a round with each look."""

    def __init__(self, rounds: int, view: LiveView, *, reads: bool = True) -> None:
        self.rounds, self.view, self.reads = rounds, view, reads
        self.done = 0
        self.stopped: list[str] = []

    def advance(self, _timeout_s: float) -> bool:
        self.done += 1
        if self.reads:
            heard(self.view, type="shown", number=self.done)
        return self.done >= self.rounds or bool(self.stopped)

    def stop(self, *, by: str = "stop()") -> None:
        self.stopped.append(by)

    request_stop = stop

    @property
    def pulse(self) -> object:
        return self.done

    def tables(self) -> Tables:
        return partly(self.done)

    def names(self) -> dict[str, str]:
        return NAMES

    def words(self) -> str:
        return f"{self.done} rounds"


def run(view: LiveView, make: Any, **options: Any) -> Pump:
    pump = Pump(view, make, **options)
    pump.start()
    assert pump.wait(30)
    return pump


def test_the_thread_sends_each_look_and_closes_at_the_end(view, wire):
    steps, ended = Steps(5, view), []
    run(view, lambda: steps, on_end=lambda: ended.append(view.status["running"]))
    assert len(list(deltas(wire))) == 5
    assert steps.stopped == ["the live view ended"]
    assert view.status == {"running": False, "words": "5 rounds", "error": ""}
    assert ended == [False]


def test_a_browser_that_does_not_read_is_sent_two_looks_and_the_end(view, wire):
    run(view, lambda: Steps(20, view, reads=False))
    assert [content["keep"] for content, _ in deltas(wire)] == [0, 0, 0]
    assert len(view.columns["round"][1]) == 4 * len(probes_in_view(partly(20)))


def test_while_a_cell_computes_nobody_can_read_so_it_goes_on(view, wire):
    run(view, lambda: Steps(20, view, reads=False), is_busy=lambda: True)
    assert len(list(deltas(wire))) == 20


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
    steps = Steps(1_000_000, view)

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
