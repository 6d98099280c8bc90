"""`tn.live` without a notebook: a trace in the background that ends by every way there is."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import pytest

import trippy_nb as tn
from trippy_nb.api.live import read_option
from trippy_nb.errors import ConfigError, StoppedError
from trippy_nb.lifetimes import records

FAST: dict[str, Any] = {"dns": False, "min_round_duration": 0.02, "grace_duration": 0.01}


def net():
    return tn.sim.load("first-steps").paced(100)


def open_handles() -> int:
    return sum(record.closed_at is None for record in records())


def until(condition, tries: int = 200) -> bool:
    """Wait for a condition, by waiting on an event that never comes."""
    pause = threading.Event()
    return any(condition() or pause.wait(0.05) for _ in range(tries))


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if "live view" in thread.name]


def test_it_traces_to_its_end_and_has_the_run():
    with tn.live("target.example", network=net(), rounds=4) as live:
        assert live.wait(30)
        assert (live.running, live.error) == (False, None)
    assert live.run.runs["end_reason"].iloc[0] == "rounds"
    assert live.run.probes["round"].max() == 3
    assert live.widget.view["verdict"].startswith("Reached")
    assert "Reached" in repr(live)
    assert threads() == []


def test_it_is_a_plain_trace_of_the_same_network():
    with tn.live("target.example", network=net(), rounds=3, dns=False) as live:
        live.wait(30)
    whole = tn.trace(
        "target.example", network=tn.sim.load("first-steps"), rounds=3, dns=False, progress=False
    )
    assert live.run.probes.equals(whole.probes)


def test_without_a_target_it_waits():
    live = tn.live(network=net())
    with pytest.raises(StoppedError, match="nothing was traced yet"):
        _ = live.run
    with pytest.raises(ConfigError, match="a target is missing"):
        live.start()
    live.start("target.example", rounds=1)
    assert live.wait(30)
    assert live.widget.asked == {"target": "target.example", "rounds": "1"}
    live.close()


def test_wrong_options_are_refused_before_anything_is_shown():
    with pytest.raises(ConfigError, match="max_ttl"):
        tn.live("target.example", network=net(), max_ttl=999)
    with pytest.raises(ConfigError, match="haste"):
        tn.live("target.example", network=net(), haste=1)
    with pytest.raises(ConfigError, match="a live view is of one address: leave dns_resolve_all out"):
        tn.live("target.example", network=net(), dns_resolve_all=True)


def test_a_target_that_is_none_stands_in_the_status_line():
    live = tn.live("nowhere.example", network=net())
    assert live.wait(30)
    assert "nowhere.example" in (live.error or "")
    with pytest.raises(StoppedError, match=r"nowhere\.example"):
        _ = live.run
    live.close()


def press(live, **content) -> None:
    live.widget._handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})


def test_the_browser_starts_stops_and_starts_anew_with_other_options():
    live = tn.live(network=net())
    press(
        live,
        type="start",
        asked={"target": "target.example", "protocol": "udp", "rounds": "", "max_ttl": "6"},
    )
    assert until(lambda: live.running and len(live.widget.view) == 0 and live.widget._number > 1)
    press(live, type="stop")
    assert live.wait(30)
    first = live.run
    assert first.runs["end_reason"].iloc[0] == "interrupted"
    assert (first.probes["ttl"].max(), str(first.runs["protocol"].iloc[0])) == (6, "udp")
    press(live, type="start", asked={"target": "target.example", "protocol": "", "rounds": "2"})
    assert live.wait(30)
    assert str(live.run.runs["protocol"].iloc[0]) == "icmp"
    assert len(first.probes) > 0
    press(live, type="start", asked={"target": "target.example", "rounds": "many"})
    assert live.error == "rounds is a number, not 'many'"
    press(live, type="start", asked={"target": "target.example", "min_round_duration": "-1"})
    assert live.error == "min_round_duration is -1.0, but must be from 0 to 3,600 s"
    press(live, type="start", asked={"target": " "})
    assert "a target is missing" in (live.error or "")
    live.close()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [("rounds", "", None), ("rounds", " 7 ", 7), ("max_ttl", "", 64), ("min_round_duration", "20ms", 0.02),
     ("min_round_duration", "1.5", 1.5), ("protocol", "udp", "udp"), ("protocol", "", None)],
)  # fmt: skip
def test_what_is_typed_is_read(name, text, value):
    assert read_option(name, text) == value


@pytest.mark.parametrize("way", ["stop", "close", "with", "del", "stop_all", "start"])
@pytest.mark.needs("raw_socket")
def test_whatever_ends_it_closes_every_handle(way):
    before = open_handles()
    live = tn.live("127.0.0.1", protocol="icmp", **FAST)
    assert until(lambda: open_handles() > before)
    if way == "stop":
        live.stop()
        live.stop()
        assert not live.running
    elif way == "close":
        live.close()
        live.close()
    elif way == "with":
        with live:
            pass
    elif way == "del":
        gone = weakref.ref(live)
        del live
        gc.collect()
        assert gone() is None
        assert until(lambda: open_handles() == before)
    elif way == "stop_all":
        tn.stop_all()
    else:
        live.start("127.0.0.1", rounds=1)
        assert live.wait(30)
    assert open_handles() == before
    assert until(lambda: threads() == [])


@pytest.mark.parametrize("rounds", [None, 1])
def test_a_view_that_nobody_holds_is_closed_when_its_trace_is(rounds):
    live = tn.live("target.example", network=net(), rounds=rounds)
    widget = live.widget
    assert until(lambda: not threads() if rounds else widget.status["running"])
    del live
    gc.collect()
    assert until(lambda: widget.comm is None)
    assert until(lambda: threads() == [])
