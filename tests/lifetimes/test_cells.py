"""A session belongs to the notebook cell it was made in, and ends when that cell is run again.

Here with IPython's own events and a front end that we play; in a real kernel: tests/notebooks.
"""

from __future__ import annotations

import contextvars
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import IPython
import pytest
from IPython.core.events import EventManager, available_events

from trippy_nb.lifetimes import Session, cells

if TYPE_CHECKING:
    from collections.abc import Callable


class Notebook:
    """A front end and its kernel: cells with ids, run one after the other as IPython runs them."""

    def __init__(self, cell_of_request: object = None) -> None:
        shell: Any = self
        self.events = EventManager(shell, available_events)
        self.parent: Any = {"metadata": {"cellId": cell_of_request}}
        self.kernel: Any = SimpleNamespace(get_parent=lambda: self.parent)

    def run(self, cell: str | None, code: Callable[[], object]) -> object:
        info = SimpleNamespace(cell_id=cell)
        self.events.trigger("pre_run_cell", info)
        try:
            return code()
        finally:
            self.events.trigger("post_run_cell", SimpleNamespace(info=info))


@pytest.fixture
def notebook(monkeypatch):
    """Play a notebook whose request names the cell "first", and forget it afterwards."""
    it = Notebook("first")
    monkeypatch.setattr(IPython, "get_ipython", lambda: it)
    return it


@pytest.fixture(autouse=True)
def in_a_context_of_its_own():
    token = cells._cell.set(cells._UNKNOWN)
    yield
    cells._cell.reset(token)


def started() -> Session[bool]:
    """Begin a session that does nothing until it is told to stop."""
    there = threading.Event()

    def job(vault: Any, stop: Callable[[], bool]) -> bool:
        there.set()
        while not stop():
            vault.wait([], 0.01)
        return True

    session = Session(job, name="held")
    session.start()
    assert there.wait(5)
    return session


def test_outside_a_notebook_nothing_belongs_to_a_cell():
    assert cells.current_cell() is None


@pytest.mark.parametrize(
    ("request_of_the_front_end", "known"),
    [
        ({"metadata": {"cellId": "first"}}, "first"),
        ({"metadata": {"cellId": 7}}, None),
        ({"metadata": {}}, None),
        ({}, None),
        (None, None),  # a foreign kernel: what it says has no metadata at all
    ],
)
def test_the_cell_that_was_running_before_anybody_watched_is_asked_for(
    notebook, request_of_the_front_end, known
):
    notebook.parent = request_of_the_front_end
    assert cells.current_cell() == known


def test_a_console_knows_no_cells(notebook):
    notebook.kernel = None
    assert cells.current_cell() is None


def test_a_cell_is_known_while_it_runs_and_not_after(notebook):
    assert cells.current_cell() == "first"
    assert notebook.run("second", cells.current_cell) == "second"
    assert cells.current_cell() is None


def test_what_a_cell_runs_as_a_cell_is_still_the_outer_one(notebook):
    cells.current_cell()
    assert notebook.run("outer", lambda: notebook.run(None, cells.current_cell)) == "outer"


def test_a_thread_of_the_users_belongs_to_no_cell_and_a_copy_of_the_context_does(notebook):
    cells.current_cell()

    def look() -> list[str | None]:
        seen: list[str | None] = []
        inherited = contextvars.copy_context()
        for ask in (cells.current_cell, lambda: inherited.run(cells.current_cell)):
            thread = threading.Thread(target=lambda ask=ask: seen.append(ask()))
            thread.start()
            thread.join()
        return seen

    assert notebook.run("second", look) == [None, "second"]


def test_a_cell_that_is_run_again_ends_its_own_session_and_no_other(notebook):
    cells.current_cell()
    mine, other = notebook.run("mine", started), notebook.run("other", started)
    assert notebook.run("mine", lambda: (mine.done, other.done)) == (True, False)
    assert mine.wait(5)
    notebook.run("other", lambda: None)
    assert other.done


def test_an_interrupt_while_the_earlier_run_is_ended_stops_the_cell_where_it_first_asks(
    notebook, monkeypatch
):
    calls = []

    def interrupted(cell: str) -> None:
        calls.append(cell)
        if len(calls) == 1:
            raise KeyboardInterrupt

    cells.current_cell()
    monkeypatch.setattr(cells, "_run_again", [interrupted])
    with pytest.raises(KeyboardInterrupt):
        notebook.run("second", cells.current_cell)
    assert calls == ["second", "second"]  # what it had opened was closed all the same
    assert notebook.run("third", cells.current_cell) == "third"  # only that cell owed it


def test_an_interrupted_cell_that_never_asks_owes_nothing_to_the_next(notebook, monkeypatch):
    def interrupted(_cell: str) -> None:
        monkeypatch.setattr(cells, "_run_again", [])
        raise KeyboardInterrupt

    cells.current_cell()
    monkeypatch.setattr(cells, "_run_again", [interrupted])
    notebook.run("second", lambda: None)
    assert notebook.run("second", cells.current_cell) == "second"
