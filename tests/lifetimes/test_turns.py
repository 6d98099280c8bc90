"""Threads change places sooner while a session is under way, and as before after the last one."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from trippy_nb.lifetimes import Session
from trippy_nb.lifetimes.turns import TURN_S


@pytest.fixture(autouse=True)
def interval():
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.004)
    yield 0.004
    sys.setswitchinterval(before)


class Held:
    """A session that goes on until it is let go."""

    def __init__(self) -> None:
        self.there, self.go = threading.Event(), threading.Event()
        self.session = Session(self.job, name="held")
        self.session.start()
        assert self.there.wait(5)

    def job(self, _vault: object, _stop: object) -> float:
        self.there.set()
        assert self.go.wait(5)
        return sys.getswitchinterval()

    def end(self) -> float:
        self.go.set()
        return self.session.wait(5)


def test_they_are_short_until_the_last_session_ends_whichever_that_is(interval):
    first, second = Held(), Held()
    assert sys.getswitchinterval() == pytest.approx(TURN_S)
    assert first.end() == pytest.approx(TURN_S)
    assert sys.getswitchinterval() == pytest.approx(TURN_S)
    assert second.end() == pytest.approx(TURN_S)
    assert sys.getswitchinterval() == pytest.approx(interval)


def test_they_are_given_back_when_the_job_fails(interval):
    def job(_vault: object, _stop: object) -> None:
        raise ZeroDivisionError

    with Session(job, name="fails") as session, pytest.raises(ZeroDivisionError):
        session.wait(5)
    assert sys.getswitchinterval() == pytest.approx(interval)


def test_who_sets_them_meanwhile_keeps_what_he_set():
    held = Held()
    sys.setswitchinterval(0.003)
    held.end()
    assert sys.getswitchinterval() == pytest.approx(0.003)


def test_shorter_ones_are_left_alone():
    sys.setswitchinterval(0.0001)
    held = Held()
    assert sys.getswitchinterval() == pytest.approx(0.0001)
    held.end()
    assert sys.getswitchinterval() == pytest.approx(0.0001)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_what_was_before(interval):
    held = Held()
    child = os.fork()
    if child == 0:
        os._exit(0 if abs(sys.getswitchinterval() - interval) < 1e-5 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert sys.getswitchinterval() == pytest.approx(TURN_S)
    held.end()
