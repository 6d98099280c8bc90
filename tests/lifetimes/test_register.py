"""The register knows every session: those that wait, run, are being stopped, and have ended."""

from __future__ import annotations

import subprocess
import sys
import threading
from time import monotonic

from tests.lifetimes.descriptors import open_handles
from tests.lifetimes.test_session import open_one, until_stopped, wait_until
from trippy_nb.lifetimes import Session, Vault, session_records, stop_all
from trippy_nb.lifetimes.register import KEEP_ENDED
from trippy_nb.model import EndReason


def latest(name: str):
    return next(record for record in reversed(session_records()) if record.name == name)


def test_a_session_is_known_from_its_making_to_its_end():
    session = Session(until_stopped, name="whole life", run_uuid="run-1", target="host.example")
    seen = [latest("whole life")]
    session.start()
    wait_until(lambda: latest("whole life").handles == 1)
    seen.append(latest("whole life"))
    session.stop()
    seen.append(latest("whole life"))
    assert [record.state for record in seen] == ["waiting", "running", "ended"]
    assert [record.handles for record in seen] == [0, 1, 0]
    assert {(record.target, record.run_uuid, record.cell) for record in seen} == {
        ("host.example", "run-1", None)
    }
    assert [record.stopped_by for record in seen] == [None, None, "stop()"]
    started_at, ended_at = seen[2].started_at, seen[2].ended_at
    assert started_at is not None
    assert ended_at is not None
    assert started_at <= ended_at
    assert seen[0].started_at is None
    assert seen[1].ended_at is None


def test_the_way_it_ended_is_told():
    with Session(lambda _vault, _stop: EndReason.ROUNDS, name="by itself") as session:
        session.wait()

    def fail(_vault: Vault, _stop) -> None:
        raise OSError("no such thing")

    with Session(fail, name="by an error") as failing:
        wait_until(lambda: failing.done)
    told = {name: latest(name) for name in ("by itself", "by an error")}
    assert (told["by itself"].end_reason, told["by itself"].error) == ("rounds", None)
    assert (told["by an error"].end_reason, told["by an error"].error) == ("error", "OSError: no such thing")
    assert told["by itself"].stopped_by is None


def test_stop_all_ends_those_that_run_and_those_that_wait_and_names_both():
    running = [Session(until_stopped, name=f"runs {n}") for n in range(30)]
    waiting = Session(until_stopped, name="waits")
    over = Session(lambda _vault, _stop: 1, name="is over")
    over.start()
    over.wait()
    for session in running:
        session.start()
    wait_until(lambda: len(open_handles()) == 30)
    begun = monotonic()
    stopped = stop_all()
    assert monotonic() - begun < 0.5  # each is asked first: not thirty times a wait
    assert open_handles() == []
    assert sorted(record.name for record in stopped) == sorted([f"runs {n}" for n in range(30)] + ["waits"])
    assert {(record.state, record.stopped_by) for record in stopped} == {("ended", "stop_all()")}
    assert waiting.given_up
    assert stop_all() == ()


def test_stop_all_gives_up_on_the_deaf_in_time_and_says_so():
    release = threading.Event()
    deaf = Session(lambda _vault, _stop: release.wait(20), name="deaf")
    deaf.start()
    wait_until(lambda: latest("deaf").state == "running")
    begun = monotonic()
    (record,) = stop_all(0.1)
    assert monotonic() - begun < 0.5
    assert (record.name, record.state, record.ended_at) == ("deaf", "stopping", None)
    release.set()
    deaf.stop()
    assert latest("deaf").state == "ended"


def test_a_session_may_stop_all_others_and_itself():
    other = Session(until_stopped, name="the other")
    other.start()

    def job(vault: Vault, stop) -> str:
        stop_all()
        return until_stopped(vault, stop)

    with Session(job, name="stops all") as session:
        assert session.wait(5) == "stopped"
    assert other.done


def test_a_forgotten_session_leaves_the_register_or_says_why_it_ended():
    session = Session(until_stopped, name="forgotten")
    session.start()
    wait_until(lambda: latest("forgotten").handles == 1)
    never = Session(until_stopped, name="never begun")
    del session, never
    wait_until(lambda: latest("forgotten").state == "ended")
    assert latest("forgotten").stopped_by == "nobody holds it any more"
    assert not [record for record in session_records() if record.name == "never begun"]


def test_the_register_keeps_no_more_than_the_latest_and_no_result():
    class Treasure:
        pass

    for _ in range(KEEP_ENDED // 20 + 5):
        sessions = [Session(lambda _vault, _stop: Treasure(), name="many") for _ in range(20)]
        for session in sessions:
            session.start()
        for session in sessions:
            session.wait()
    assert len(session_records()) <= KEEP_ENDED
    numbers = [record.session for record in session_records()]
    assert numbers == sorted(set(numbers))


def test_a_handle_that_a_session_left_open_elsewhere_is_not_counted_as_its_own():
    with Vault() as mine:
        open_one(mine)
        with Session(until_stopped, name="beside") as session:
            wait_until(lambda: latest("beside").handles == 1)
            session.stop()
    assert latest("beside").handles == 0


FORK = """
import os, socket, sys, threading
from trippy_nb.lifetimes import Session, session_records, stop_all
begun = threading.Event()
def job(vault, stop):
    port = vault.open_socket(socket.AF_INET, socket.SOCK_DGRAM, purpose="test")
    begun.set()
    while not stop():
        vault.wait([port], 10)
session = Session(job, name="parent's"); waiting = Session(job, name="waits")
session.start(); begun.wait(5)
child = os.fork()
if child == 0:
    mine = {record.name: record for record in session_records()}
    ok = mine["parent's"].state == "ended" and mine["parent's"].stopped_by == "fork" and session.done
    ok = ok and mine["waits"].state == "waiting" and stop_all(0.5)[0].name == "waits"
    os._exit(0 if ok else 7)
_, status = os.waitpid(child, 0)
assert not session.done
print(os.waitstatus_to_exitcode(status), [record.name for record in stop_all()])
"""


def test_a_forked_child_knows_that_the_sessions_are_not_its_own():
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout.strip() == "0 [\"parent's\", 'waits']", done.stdout + done.stderr
