"""The progress line: who has one, where, and what an awaited trace shows."""

from __future__ import annotations

import asyncio
import contextlib
import re
from types import SimpleNamespace
from typing import Any

import IPython
import pytest

import trippy_nb as tn
from trippy_nb.api import Tracing
from trippy_nb.display import TraceProgress
from trippy_nb.display.sheet import Sheet
from trippy_nb.errors import ConfigError


class Cell:
    """What is displayed in a notebook's cell, and how often it was drawn."""

    def __init__(self) -> None:
        self.drawn: list[str] = []

    def display(self, what: object, *, display_id: bool) -> Cell:
        assert display_id
        self.update(what)
        return self

    def update(self, what: object) -> None:
        self.drawn.append(repr(what))


@pytest.fixture
def cell(monkeypatch):
    it = Cell()
    monkeypatch.setattr(
        IPython,
        "get_ipython",
        lambda: SimpleNamespace(kernel=True, events=SimpleNamespace(register=lambda *_: None)),
    )
    monkeypatch.setattr("IPython.display.display", it.display)
    return it


def test_an_awaited_trace_draws_the_line_of_a_trace(cell):
    net = tn.sim.load("first-steps")
    asyncio.run(tn.trace_async("target.example", network=net, rounds=3, progress=True))
    assert cell.drawn[-1].startswith("round 3 of 3, ")


@pytest.mark.parametrize("wanted", [None, False])
def test_what_is_over_at_once_has_no_line(cell, wanted):
    net = tn.sim.load("first-steps")
    asyncio.run(tn.trace_async("target.example", network=net, rounds=3, progress=wanted))
    assert cell.drawn == []


def test_a_paced_network_has_a_line_once_a_second_has_gone_by(cell):
    net = tn.sim.load("first-steps")
    tn.trace("target.example", network=net.paced(1000), rounds=3)
    assert cell.drawn == []
    tn.trace("target.example", network=net.paced(2), rounds=3)
    assert not cell.drawn[0].startswith("round 0 ")
    assert cell.drawn[-1].startswith("round 3 of 3, ")


class Clock:
    """Time that goes by when a test says so."""

    s = 100.0

    def now_ns(self) -> int:
        return int(self.s * 1e9)


def test_a_card_that_comes_late_is_drawn_at_once_and_what_ends_before_it_has_none(cell):
    clock = Clock()
    sheet = Sheet("so far", "", (), (), ())
    with TraceProgress([], rounds=None, expected_s=0, now_ns=clock.now_ns, sheet=lambda _over: sheet) as bar:
        for _ in range(30):
            bar.update()
        assert cell.drawn == []
        clock.s += 1
        bar.update()
        assert cell.drawn[-1] == "so far"
    shown = len(cell.drawn)
    with TraceProgress([], rounds=1, expected_s=0, now_ns=clock.now_ns) as bar:
        bar.update()
        clock.s += 1
    assert len(cell.drawn) == shown


def test_a_line_of_a_terminal_that_comes_late_counts_from_the_beginning(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("trippy_nb.display.progress.in_notebook", lambda: False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with TraceProgress([], rounds=1, expected_s=0, now_ns=clock.now_ns) as bar:
        clock.s += 1.5
        bar.update()
        assert bar._terminal is not None
        assert bar._terminal.tasks[-1].elapsed == pytest.approx(1.5, abs=0.5)


def test_an_awaited_trace_redraws_its_line_twice_a_second(cell, monkeypatch):
    looks, advance = [], Tracing.advance

    def look(self: Tracing, wait_s: float) -> bool:
        looks.append(wait_s)
        return advance(self, wait_s)

    monkeypatch.setattr(Tracing, "advance", look)
    options: dict[str, Any] = {"rounds": 2, "max_ttl": 1, "min_round_duration": 0.2, "dns": False}
    asyncio.run(tn.trace_async("127.0.0.1", progress=True, **options))
    assert set(looks) == {0}
    assert 2 <= len(cell.drawn) <= len(looks) / 50 + 3
    assert len(set(cell.drawn[1:])) == len(cell.drawn[1:])  # what has not changed is not sent


def test_rounds_draw_a_line_in_a_notebook_only(cell, monkeypatch):
    net = tn.sim.load("first-steps")
    assert len(list(tn.rounds("target.example", network=net, rounds=2, progress=True))) == 2
    assert re.match(r"round 2 of 2, \d+ probes", cell.drawn[-1])
    monkeypatch.setattr(IPython, "get_ipython", lambda: None)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert tn.rounds("127.0.0.1")._progress_wanted() is False


def test_a_terminal_has_one_line_whoever_comes_first(monkeypatch):
    begun = []

    @contextlib.contextmanager
    def bar(**_kwargs: object) -> Any:
        begun.append(True)
        yield SimpleNamespace(
            add_task=lambda *_a, **_k: 0,
            update=lambda *_a, **_k: None,
            tasks=[SimpleNamespace(start_time=0.0, get_time=lambda: 0.0)],
        )

    monkeypatch.setattr("trippy_nb.display.progress._bar", bar)
    monkeypatch.setattr("trippy_nb.display.progress.in_notebook", lambda: False)
    lines = [TraceProgress([], rounds=1, expected_s=9, now_ns=Clock().now_ns, wanted=True) for _ in range(2)]
    with lines[0], lines[1]:
        assert begun == [True]
    with lines[1]:
        assert begun == [True, True]


def test_a_wrong_option_of_an_awaited_trace_leaves_no_line(cell):
    with pytest.raises(ConfigError):
        asyncio.run(tn.trace_async("target.example", max_ttl=0, progress=True))
    assert cell.drawn == []
