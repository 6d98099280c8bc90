"""The handles of this process in a widget: what opens and closes is told, what stays as it is is not."""

from __future__ import annotations

import threading

import pytest
from ipywidgets.widgets.widget import _instances

import trippy_nb as tn
from tests.analysis.test_holdings import EPOCH_NS, held
from tests.plots.test_handles import SEVEN
from trippy_nb.widgets import HandlesView


class Ledger:
    """Handles as a test says."""

    def __init__(self) -> None:
        self.held = [held(1, 0.0, None, purpose="sending probes")]
        self.s = 1.0

    def view(self) -> HandlesView:
        return HandlesView(lambda: self.held, now_ns=lambda: EPOCH_NS + round(self.s * 1e9))


@pytest.fixture
def ledger():
    return Ledger()


def test_a_bar_grows_while_a_handle_is_open_and_stays_when_it_is_closed(ledger, wire):
    view = ledger.view()
    (row,) = view.shown["rows"]
    assert (row["from_s"], row["to_s"], row["closed_by"]) == (0.0, 1.0, None)
    assert view.shown["says"] == "1 handle open: sending probes."
    ledger.s = 2.5
    view.look()
    assert view.shown["rows"][0]["to_s"] == view.shown["span_s"] == 2.5
    ledger.held, ledger.s = [held(1, 0.0, 3.0, packets=(7, 5))], 9.0
    view.look()
    (row,) = view.shown["rows"]
    assert (row["to_s"], row["sent"], row["received"], row["closed_by"]) == (3.0, 7, 5, "end of the session")
    assert view.shown["says"] == "Nothing is open."
    view.close()


def test_what_did_not_change_is_not_sent(ledger, wire):
    ledger.held = [held(1, 0.0, 3.0)]
    view = ledger.view()
    told = len(wire.messages)
    ledger.s = 50.0
    view.look()
    assert len(wire.messages) == told
    view.close()


def test_of_many_handles_the_newest_are_shown_and_the_others_counted(ledger, wire):
    ledger.held = [held(number, number, number + 1) for number in range(1, 31)]
    view = ledger.view()
    assert [row["handle"] for row in view.shown["rows"]] == list(range(11, 31))
    assert view.shown["more"] == 10
    assert view.shown["rows"][0]["from_s"] == 0.0
    view.close()


def test_a_process_that_never_opened_anything_says_so(ledger, wire):
    ledger.held = []
    view = ledger.view()
    assert view.shown == {"rows": [], "span_s": 0.0, "more": 0, "says": "Nothing is open."}
    view.close()


def test_closing_ends_the_thread_and_leaves_nothing(ledger, wire):
    before, threads = set(_instances), threading.active_count()
    view = ledger.view()
    assert threading.active_count() == threads + 1
    view.close()
    assert threading.active_count() == threads
    assert set(_instances) == before
    assert repr(view) == "<HandlesView: 1 handle open: sending probes., closed>"


def test_it_looks_by_itself(ledger, wire, monkeypatch):
    monkeypatch.setattr("trippy_nb.widgets.handles._LOOK_S", 0.0)
    monkeypatch.setattr("trippy_nb.widgets.handles.settings_now", lambda: tn.model.Settings(refresh=0.1))
    seen = threading.Event()
    view = ledger.view()
    view.observe(lambda _change: seen.set(), "shown")
    ledger.s = 7.0
    assert seen.wait(10)
    assert view.shown["span_s"] == 7.0
    view.close()


def test_it_has_three_forms_and_is_that_of_the_process(wire):
    view = tn.handles(live=True)
    bundle, _ = view._repr_mimebundle_()
    assert "Handles" in bundle["text/plain"]
    assert bundle["text/html"].startswith("<")
    assert "application/vnd.jupyter.widget-view+json" in bundle
    view.close()
    assert tn.handles(live=False).columns[0] == "handle"


def test_the_seven_of_the_gantt(wire):
    view = HandlesView(lambda: SEVEN, now_ns=lambda: EPOCH_NS + 2_000_000_000)
    assert [row["closed_by"] is None for row in view.shown["rows"]] == [False] * 5 + [True] * 2
    view.close()
