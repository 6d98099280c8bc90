"""`tn.rounds`: a loop that owns its trace. In a real kernel: tests/notebooks/test_magic_kernel.py."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from typing import Any

import pandas as pd
import pytest

import trippy_nb as tn
from tests.api.holding import HoldingNetwork
from trippy_nb.api.rounds import Rounds, _Ended
from trippy_nb.errors import ConfigError, PrivilegeError, ResolveError
from trippy_nb.frames import check_frame
from trippy_nb.frames.schema import PROBES
from trippy_nb.lifetimes import records, session_records
from trippy_nb.model import RoundEnded
from trippy_nb.sim import SimNetwork

LIVE: dict[str, Any] = {
    "protocol": "udp",
    "unprivileged": True,
    "dns": False,
    "min_round_duration": 0.0,
    "grace_duration": 0.01,
}


@pytest.fixture
def net():
    return tn.sim.load("first-steps")


def ended() -> tuple[str, str | None, str | None, bool]:
    """How the latest session ended, and whether every handle of the process is closed."""
    one = session_records()[-1]
    return (
        one.state,
        one.stopped_by,
        one.end_reason,
        all(record.closed_at is not None for record in records()),
    )


LEFT = ("ended", "its loop was left", "interrupted", True)


def test_each_round_is_a_turn_with_its_own_rows_and_the_run_so_far(net):
    rounds = tn.rounds("target.example", network=net, rounds=4)
    parts = []
    for number, one in enumerate(rounds):
        assert one.number == number
        check_frame(one.probes, PROBES)
        assert one.probes["sent_at"].between(one.started, one.ended).all()
        assert one.run.probes["round"].max() == number
        assert rounds.run.probes["round"].max() == number
        parts.append(one.probes[["round", "ttl", "sent_at"]])
    whole = tn.trace("target.example", network=net.fresh(), rounds=4)
    pd.testing.assert_frame_equal(rounds.run.probes, whole.probes)
    assert rounds.run is rounds.run
    assert sum(map(len, parts)) == len(whole.probes)
    assert ended() == ("ended", None, "rounds", True)


def test_times_of_a_round_are_those_of_the_wall_also_where_the_clock_is_real():
    before = pd.Timestamp.now("UTC")
    for one in tn.rounds("127.0.0.1", rounds=2, **LIVE):
        assert before <= one.started <= one.ended <= pd.Timestamp.now("UTC")


@pytest.mark.parametrize("where", ["live", "sim"])
def test_leaving_the_loop_ends_the_trace_before_the_next_line(net, where):
    target, more = ("127.0.0.1", LIVE) if where == "live" else ("target.example", {"network": net})
    rounds = tn.rounds(target, rounds=None, **more)
    for one in rounds:
        if one.number == 2:
            break
    assert ended() == LEFT
    assert rounds.run.probes["round"].max() >= 2
    assert rounds.run.runs["end_reason"].iloc[0] == "interrupted"


def test_in_the_built_in_internet_time_waits_for_the_loop(net):
    for one in tn.rounds("target.example", network=net, rounds=None):
        if one.number == 3:
            break
    assert net.clock.now_ns() < 5 * 10**9


def test_an_exception_in_the_body_ends_it_though_somebody_keeps_the_traceback():
    def body() -> None:
        for _one in tn.rounds("127.0.0.1", rounds=None, **LIVE):
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError) as caught:
        body()
    assert ended() == LEFT
    assert caught.value.__traceback__ is not None


def test_an_iterator_that_nobody_holds_ends_its_trace():
    turns = iter(tn.rounds("127.0.0.1", rounds=None, **LIVE))
    assert next(turns).number == 0
    assert session_records()[-1].state == "running"
    del turns
    assert ended() == LEFT


def test_an_iterator_in_a_circle_ends_its_trace_when_the_circle_is_collected():
    circle: list[Any] = [iter(tn.rounds("127.0.0.1", rounds=None, **LIVE))]
    circle.append(circle)
    next(circle[0])
    del circle
    gc.collect()
    assert ended() == ("ended", "nobody holds it any more", "interrupted", True)


def test_an_interrupt_while_it_waits_ends_the_loop_and_keeps_the_run():
    net = HoldingNetwork(after=60, interrupted=True)
    rounds = tn.rounds("target.example", network=net, rounds=None)
    turns = 0
    for _one in rounds:
        turns += 1
    assert turns > 0
    assert len(rounds.run.probes) > 0
    assert ended() == ("ended", "interrupt", "interrupted", True)


def test_stop_all_from_another_thread_ends_the_loop():
    rounds = tn.rounds("127.0.0.1", rounds=None, **LIVE)
    for one in rounds:
        if one.number == 0:
            threading.Thread(target=tn.stop_all).start()
    assert rounds.run.runs["end_reason"].iloc[0] == "interrupted"


def test_every_loop_traces_anew(net):
    rounds = tn.rounds("target.example", network=net, rounds=2)
    assert [one.number for one in rounds] == [0, 1]
    first = rounds.run
    assert [one.number for one in rounds] == [0, 1]
    assert rounds.run.uuid != first.uuid


def test_a_loop_that_is_slow_loses_no_round_and_does_not_hold_up_the_trace():
    """The body waits until the trace is over: all other rounds have ended by then."""
    rounds = tn.rounds("127.0.0.1", rounds=20, **LIVE)
    numbers, gate = [], threading.Event()
    for one in rounds:
        if one.number == 0:
            while session_records()[-1].state != "ended":
                gate.wait(0.005)
        numbers.append((one.number, one.probes["round"].unique().tolist()))
    assert numbers == [(number, [number]) for number in range(20)]


def test_an_open_ended_trace_that_is_far_ahead_has_let_rows_go_but_no_turn():
    rounds = tn.rounds("127.0.0.1", rounds=None, max_samples=3, **LIVE)
    found, gate = [], threading.Event()
    for one in rounds:
        if one.number == 0:
            assert rounds._look is not None
            while rounds._look[0].rounds_ended < 20:
                gate.wait(0.005)
        found.append((one.number, len(one.probes), pd.isna(one.started), pd.isna(one.ended)))
        if one.number == 5:
            break
    assert [row[0] for row in found] == [0, 1, 2, 3, 4, 5]
    assert [row[1:] for row in found[1:]] == [(0, True, True)] * 5


def test_of_a_round_that_was_let_go_of_there_is_its_number():
    told = _Ended(kept=2, in_turn=False)
    tracing: Any = type("Quiet", (), {"clock": SimNetwork(tn.sim.load("first-steps").scenario).clock})
    for number in range(5):
        told.hear(tracing, RoundEnded(number, number * 10, number * 10 + 9, None, 1))
    found = list(told.take())
    assert [number for number, _, _ in found] == [0, 1, 2, 3, 4]
    assert [start is None for _, start, _ in found] == [True] * 3 + [False] * 2
    assert list(told.take()) == []


def test_async_for_is_the_same_loop(net):
    async def collect() -> tuple[list[int], tn.Run]:
        rounds = tn.rounds("target.example", network=net, rounds=3)
        return [one.number async for one in rounds], rounds.run

    numbers, run = asyncio.run(collect())
    assert numbers == [0, 1, 2]
    pd.testing.assert_frame_equal(
        run.probes, tn.trace("target.example", network=net.fresh(), rounds=3).probes
    )


@pytest.mark.parametrize("way", ["break", "raise"])
def test_leaving_an_async_loop_ends_the_trace_before_the_next_line(way):
    async def leave() -> None:
        with contextlib.suppress(ZeroDivisionError):
            async for _one in tn.rounds("127.0.0.1", rounds=None, **LIVE):
                if way == "break":
                    break
                _ = 1 / 0
        assert ended() == LEFT

    asyncio.run(leave())


def test_a_task_that_is_cancelled_while_its_loop_waits_goes_on_with_what_there_is():
    async def cancelled() -> tuple[tn.Run, bool]:
        there = asyncio.Event()

        async def body() -> tn.Run:
            rounds = tn.rounds("127.0.0.1", rounds=None, **LIVE | {"min_round_duration": 0.5})
            async for _one in rounds:
                there.set()
            return rounds.run

        task = asyncio.create_task(body())
        await there.wait()
        task.cancel()
        return await task, task.cancelled()

    run, was_cancelled = asyncio.run(cancelled())
    assert (run.runs["end_reason"].iloc[0], was_cancelled) == ("interrupted", False)
    assert ended() == ("ended", "interrupt", "interrupted", True)


def test_a_task_that_is_cancelled_before_anything_was_sent_is_cancelled():
    class NoSockets(SimNetwork):
        def choose(self, *_args: object) -> Any:
            there.set()
            gate.wait(5)
            raise PrivilegeError("none left")

    there, gate = threading.Event(), threading.Event()

    async def cancelled() -> bool:
        async def body() -> None:
            async for _one in tn.rounds(
                "target.example", network=NoSockets(tn.sim.load("first-steps").scenario)
            ):
                pass

        task = asyncio.create_task(body())
        await asyncio.to_thread(there.wait, 5)
        threading.Timer(0.05, gate.set).start()
        task.cancel()
        await asyncio.wait([task], timeout=5)
        return task.cancelled()

    assert asyncio.run(cancelled())


def test_wrong_options_are_told_before_the_loop_and_a_wrong_name_by_it(net):
    with pytest.raises(ConfigError, match="did you mean 'protocol'"):
        tn.rounds("target.example", protcol="udp")  # type: ignore[call-arg]  # on purpose
    rounds = tn.rounds("nowhere.example", network=net)
    assert isinstance(rounds, Rounds)
    assert repr(rounds) == "<rounds of nowhere.example: loop over them>"
    with pytest.raises(ConfigError, match="no run before the loop"):
        _ = rounds.run
    with pytest.raises(ResolveError, match="nowhere"):
        next(iter(rounds))
    for target in (5, None, ["target.example"] * 2):
        with pytest.raises(ConfigError, match="a target is the text of a host name or an address, not"):
            tn.rounds(target, network=net)  # type: ignore[arg-type]  # on purpose
