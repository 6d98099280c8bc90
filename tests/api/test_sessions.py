"""`tn.sessions()` and `tn.stop_all()`: frames with a card, and what a stopped trace returns."""

import pickle
import threading
from typing import Any

import pandas as pd
import pytest

import trippy_nb as tn
from trippy_nb.api import prepare
from trippy_nb.errors import StoppedError
from trippy_nb.frames import check_frame
from trippy_nb.frames.schema import SESSIONS
from trippy_nb.model import TraceConfig

ENDLESS: dict[str, Any] = {
    "rounds": None,
    "protocol": "udp",
    "unprivileged": True,
    "dns": False,
    "min_round_duration": 0.02,
}


def test_a_trace_is_a_row_that_says_how_it_ended():
    run = tn.trace("target.example", network=tn.sim.load("first-steps"), rounds=2)
    frame = tn.sessions()
    check_frame(pd.DataFrame(frame), SESSIONS)
    row = frame.iloc[-1]
    assert (row["target"], row["run_uuid"], row["state"]) == ("target.example", run.uuid, "ended")
    assert (row["end_reason"], row["handles"]) == ("rounds", 0)
    assert pd.isna(row["stopped_by"])
    assert pd.isna(row["cell"])


def test_the_card_says_what_is_under_way_in_text_and_html():
    tn.stop_all()
    assert "Nothing is under way." in repr(tn.sessions())
    made = prepare("127.0.0.1", TraceConfig.from_options(**ENDLESS))
    made.advance(0.2)
    frame = tn.sessions()
    for words in ("1 session under way", "127.0.0.1", "running", "tn.stop_all()"):
        assert words in repr(frame)
        assert words in frame._repr_html_()  # type: ignore[operator]  # the stubs leave it out
    assert repr(pickle.loads(pickle.dumps(frame))) == repr(frame)
    stopped = tn.stop_all()
    assert "stop_all()" in repr(stopped)
    assert stopped["end_reason"].tolist() == ["interrupted"]
    assert repr(tn.stop_all().iloc[:0]).startswith("Empty DataFrame")


def test_a_trace_that_another_thread_stops_returns_what_it_has():
    stopper = threading.Timer(0.3, tn.stop_all)
    stopper.start()
    run = tn.trace("127.0.0.1", progress=False, **ENDLESS)
    stopper.join()
    assert run.runs["end_reason"].iloc[0] == "interrupted"
    assert len(run.probes) > 0
    assert run.handles["closed_at"].notna().all()


def test_many_targets_that_are_stopped_return_those_that_had_begun():
    made = prepare([f"127.0.0.{n}" for n in range(1, 31)], TraceConfig.from_options(**ENDLESS))
    made.advance(0.3)
    assert len(tn.stop_all()) == 30
    while not made.advance(0.1):
        pass
    assert 1 <= len(made.runs()) <= 16
    assert not tn.sessions()["state"].isin(["waiting", "running", "stopping"]).any()


def test_what_was_stopped_before_it_began_says_so():
    made = prepare("127.0.0.1", TraceConfig.from_options(**ENDLESS))
    tn.stop_all()
    assert made.advance(0.1)
    assert made.runs() == []


def test_a_trace_with_nothing_to_return_raises_one_line(monkeypatch):
    monkeypatch.setattr(
        "trippy_nb.api.Tracing.advance", lambda _self, _timeout_s: bool(len(tn.stop_all())) or True
    )
    with pytest.raises(StoppedError, match="nothing to return"):
        tn.trace("127.0.0.1", progress=False, **ENDLESS)
