"""A session ends on every way out, and takes its handles with it."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from time import monotonic

import pytest

from tests.lifetimes.descriptors import last_handle, open_handles, open_sockets
from trippy_nb.errors import ConfigError, HandleClosedError
from trippy_nb.lifetimes import Session, Vault, records

PROGRAMS = Path(__file__).parent / "programs"


def open_one(vault: Vault):
    return vault.open_socket(socket.AF_INET, socket.SOCK_DGRAM, purpose="test")


def until_stopped(vault: Vault, stop) -> str:
    port = open_one(vault)
    while not stop():
        vault.wait([port], 10)
    return "stopped"


def wait_until(condition) -> None:
    end = monotonic() + 5
    while not condition():
        assert monotonic() < end
        threading.Event().wait(0.002)


def test_the_result_is_handed_over_and_everything_is_closed():
    since, before = last_handle(), open_sockets()
    session = Session(lambda vault, _stop: open_one(vault).handle, name="x")
    session.start()
    handle = session.wait()
    assert session.done
    assert handle == since + 1
    assert open_handles(since) == []
    assert open_sockets() == before
    assert session.wait() == handle  # as often as wanted


def test_stop_returns_within_250_ms_beside_a_computing_thread():
    computing = True

    def compute() -> None:
        while computing:
            sum(range(1000))

    thread = threading.Thread(target=compute)
    thread.start()
    try:
        for _ in range(5):
            session = Session(until_stopped, name="x")
            session.start()
            wait_until(lambda: open_handles() != [])
            begun = monotonic()
            session.stop()
            assert monotonic() - begun < 0.25
            assert session.done
            assert open_handles() == []
            assert session.wait() == "stopped"
    finally:
        computing = False
        thread.join()


def test_handles_belong_to_the_run_also_those_of_other_vaults_on_the_thread():
    def job(vault: Vault, _stop) -> None:
        open_one(vault)
        with Vault() as helper:
            open_one(helper)
        with Vault("its own") as other:
            open_one(other)

    with Session(job, name="x", run_uuid="run-7") as session:
        session.wait()
    assert len(records("run-7")) == 2
    assert len(records("its own")) == 1


def test_a_session_that_opens_nothing_opens_nothing():
    since, before = last_handle(), set(Path("/proc/self/fd").iterdir())
    seen = []
    with Session(
        lambda _vault, _stop: seen.append(set(Path("/proc/self/fd").iterdir())), name="x"
    ) as session:
        session.wait()
    assert last_handle() == since
    assert seen == [before]


def test_an_error_is_handed_over_without_the_frames_that_hold_sockets():
    class Treasure:
        pass

    kept = []

    def job(vault: Vault, _stop) -> None:
        treasure = Treasure()
        kept.append(weakref.ref(treasure))
        open_one(vault)
        try:
            raise OSError("first")  # noqa: TRY301 - a context for the second
        except OSError as error:
            raise ExceptionGroup("both", [ValueError("second")]) from error

    with Session(job, name="x") as session:
        with pytest.raises(ExceptionGroup) as caught:
            session.wait()
        gc.collect()
        assert kept[0]() is None
        assert caught.value.__cause__ is not None
        assert caught.value.__cause__.__traceback__ is None
        assert "in job" in caught.value.__notes__[0]  # where it happened is still there, as text
    assert open_handles() == []


def test_our_own_errors_carry_no_text_of_frames():
    def job(_vault: Vault, _stop) -> None:
        raise ConfigError("one line")

    with Session(job, name="x") as session, pytest.raises(ConfigError) as caught:
        session.wait()
    assert not hasattr(caught.value, "__notes__")


def test_waiting_may_end_before_the_job():
    with Session(until_stopped, name="x") as session:
        with pytest.raises(TimeoutError):
            session.wait(0)
        with pytest.raises(TimeoutError):
            session.wait(0.06)
        assert not session.done
    assert session.wait(0) == "stopped"


def test_many_may_wait():
    session = Session(until_stopped, name="x")
    session.start()
    results = []
    waiting = [threading.Thread(target=lambda: results.append(session.wait())) for _ in range(4)]
    for thread in waiting:
        thread.start()
    session.stop()
    for thread in waiting:
        thread.join()
    assert results == ["stopped"] * 4


def test_a_job_may_stop_itself_but_not_wait_for_itself():
    boxes: list[Session[str]] = []

    def job(vault: Vault, stop) -> str:
        boxes[0].stop()
        with pytest.raises(RuntimeError):
            boxes[0].wait()
        return until_stopped(vault, stop)

    boxes.append(Session(job, name="x"))
    boxes[0].start()
    assert boxes[0].wait(5) == "stopped"


def test_misuse_is_refused():
    session = Session(lambda _vault, _stop: 1, name="x")
    with pytest.raises(RuntimeError):
        session.wait()
    session.start()
    with pytest.raises(RuntimeError, match="once"):
        session.start()
    assert session.wait() == 1


def test_a_session_that_is_stopped_first_never_begins():
    ran = []
    session = Session(lambda _vault, _stop: ran.append(1), name="x")
    session.stop()
    assert session.done
    with pytest.raises(RuntimeError):
        session.start()
    with pytest.raises(RuntimeError, match="before it began"):
        session.wait()
    assert ran == []


def test_a_forgotten_session_stops_by_itself():
    since = last_handle()
    session = Session(until_stopped, name="x")
    session.start()
    wait_until(lambda: open_handles(since) != [])
    del session
    gc.collect()
    wait_until(lambda: open_handles(since) == [])


def test_no_thread_no_harm():
    session = Session(until_stopped, name="x")

    class NoThread:
        def start(self):
            raise RuntimeError("can't start new thread")

    session._thread = NoThread()  # type: ignore[assignment]  # what CPython raises when there are too many
    with pytest.raises(RuntimeError, match="new thread"):
        session.start()
    session.stop()
    assert session.done


def run_program(name: str, *args: str, timeout: float = 60) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", str(PROGRAMS / name), *args],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr, done.stderr
    return done.stdout


@pytest.mark.parametrize("way", ["listening", "deaf"])
def test_an_exiting_interpreter_closes_what_listens_and_waits_no_longer_than_a_second(way):
    output = run_program("exits_while_tracing.py", way)
    seconds, still_open = output.split()
    assert float(seconds) < (0.5 if way == "listening" else 1.05)
    assert still_open == ("0" if way == "listening" else "1")


def test_a_forked_child_has_no_copies_and_the_parent_goes_on():
    assert run_program("forks_while_tracing.py").split() == ["child", "clean", "parent", "works"]


@pytest.mark.slow
def test_interrupts_at_any_time_leave_nothing_open():
    interrupts, left_open, ledger_open, slowest = run_program("interrupt_storm.py", "500").split()
    assert int(interrupts) >= 250
    assert (left_open, ledger_open) == ("0", "0")
    assert float(slowest) < 2  # that a stop takes 250 ms at most: benchmarks/bench_stop.py


def test_a_vault_of_the_parent_is_dead_in_the_child():
    with Vault() as vault:
        open_one(vault)
        vault._over = "it belongs to the parent process"
        with pytest.raises(HandleClosedError, match="parent process"):
            open_one(vault)
        vault._over = None
