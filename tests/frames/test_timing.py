"""Which clocks an RTT is taken from; never a negative one, whatever the clocks do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.frames.play import MS, WALL, S, Script, make_plan
from trippy_nb.frames.records import NO_TIME
from trippy_nb.frames.timing import Offsets, find_rtts
from trippy_nb.model import ClockSampled, RttSource, SocketMode

US = 1_000


def rtt_of(
    *, tx=None, rx=None, read=10 * MS, measured=None, samples=((0, WALL, 100),), simulated=False, before=0
):
    def one(value):
        return np.array([NO_TIME if value is None else value])

    rtts = find_rtts(
        before_ns=one(before),
        tx_ns=one(tx),
        read_ns=one(read),
        kernel_ns=one(rx),
        measured_ns=one(measured),
        offsets=Offsets.of(list(samples)),
        simulated=simulated,
    )
    return int(rtts.rtt_ns[0]), RttSource(int(rtts.source[0])).word, bool(rtts.suspect[0])


STEPPED_UP = ((0, WALL, 100), (5 * MS, WALL + 3 * MS, 100))
DRIFTED = ((0, WALL, 100), (5 * MS, WALL + 150 * US, 100))


@pytest.mark.parametrize(
    ("given_stamps", "expected"),
    [
        ({"tx": WALL + MS, "rx": WALL + 4 * MS}, (3 * MS, "kernel", False)),
        ({"rx": WALL + 4 * MS}, (4 * MS, "kernel-rx", False)),
        ({"tx": WALL + MS}, (10 * MS, "user", False)),
        ({}, (10 * MS, "user", False)),
        ({"measured": 2 * MS}, (2 * MS, "kernel-tcp", False)),
        ({"measured": 2 * MS, "tx": WALL, "rx": WALL + MS}, (2 * MS, "kernel-tcp", False)),
        ({"measured": 11 * MS}, (10 * MS, "user", True)),
        ({"tx": WALL + MS, "rx": WALL + 4 * MS, "simulated": True}, (3 * MS, "simulated", False)),
        ({"simulated": True}, (10 * MS, "simulated", False)),
        # the reply's stamp is before the probe's
        ({"tx": WALL + 4 * MS, "rx": WALL + MS}, (10 * MS, "user", True)),
        # longer than from before the send to after the read
        ({"tx": WALL, "rx": WALL + 11 * MS}, (10 * MS, "user", True)),
        ({"tx": WALL, "rx": WALL + 10 * MS + 40 * US}, (10 * MS + 40 * US, "kernel", False)),
        # somebody set the clock by so little that the RTT stays inside its bracket
        ({"tx": WALL + MS, "rx": WALL + 7 * MS, "samples": STEPPED_UP}, (10 * MS, "user", True)),
        ({"rx": WALL + 7 * MS, "samples": STEPPED_UP}, (10 * MS, "user", True)),
        ({"rx": WALL + 7 * MS, "samples": DRIFTED}, (7 * MS, "kernel-rx", False)),
        ({"measured": 2 * MS, "samples": STEPPED_UP}, (2 * MS, "kernel-tcp", False)),
        ({"samples": STEPPED_UP}, (10 * MS, "user", False)),
        # a step before the probe, or after its answer, is none of its business
        ({"tx": WALL + 4 * MS, "rx": WALL + 5 * MS, "before": 5 * MS, "read": 7 * MS, "samples": STEPPED_UP},
         (MS, "kernel", False)),
        ({"tx": WALL + MS, "rx": WALL + 2 * MS, "read": 3 * MS,
          "samples": ((0, WALL, 100), (3 * MS, WALL, 100), (5 * MS, WALL + S, 100))}, (MS, "kernel", False)),
        # an uncertain reading is not a step
        ({"tx": WALL + MS, "rx": WALL + 4 * MS, "samples": ((0, WALL, 3 * MS), (5 * MS, WALL + 3 * MS, 100))},
         (3 * MS, "kernel", False)),
        # read before it was sent: the clocks lie, but not below zero
        ({"before": 20 * MS}, (0, "user", False)),
        ({"tx": WALL, "rx": WALL}, (0, "kernel", False)),
    ],
)  # fmt: skip
def test_the_best_clock_that_can_be_believed(given_stamps, expected):
    assert rtt_of(**given_stamps) == expected


times = st.none() | st.integers(WALL - 10 * S, WALL + 10 * S)


@given(
    tx=times,
    rx=times,
    measured=st.none() | st.integers(-S, 10 * S),
    before=st.integers(0, 5 * S),
    read=st.integers(0, 5 * S),
    step=st.integers(-S, S),
)
def test_an_rtt_is_never_negative_nor_longer_than_its_bracket(tx, rx, measured, before, read, step):
    rtt, _, _ = rtt_of(
        tx=tx,
        rx=rx,
        measured=measured,
        before=before,
        read=read,
        samples=[(0, WALL, 100), (2 * S, WALL + step, 100)],
    )
    assert 0 <= rtt <= max(read - before, 0) + 50_000


def test_a_stepped_clock_is_counted_in_the_run_and_named_in_the_probe():
    script = Script()
    script.events.append(ClockSampled(0, WALL, 100))
    probe = script.send(1, at=0, tx=WALL + 1000)
    script.events.append(ClockSampled(MS, WALL + 3 * S, 100))
    script.answer(probe, at=2 * MS, kernel_ns=WALL + 3 * S + MS)
    script.end()
    tables = script.tables()
    assert tables.runs["clock_suspect"].item() == 1
    assert tables.probes["rtt_source"].item() == "user"
    assert tables.probes["rtt_ms"].item() == 2.0


@pytest.mark.parametrize(
    ("mode", "fields", "clock"),
    [
        (SocketMode.RAW, {"kernel_ns": WALL + MS}, "kernel"),
        (SocketMode.RAW, {"rtt_ns": MS}, "kernel"),
        (SocketMode.RAW, {}, "user"),
        (SocketMode.SIM, {}, "simulated"),
        (SocketMode.RAW, None, "unknown"),
    ],
)
def test_the_run_says_where_its_times_come_from(mode, fields, clock):
    script = Script()
    probe = script.send(1)
    if fields is not None:
        script.answer(probe, at=2 * MS, **fields)
    assert script.tables(make_plan(mode=mode)).runs["clock"].item() == clock


@given(st.integers(0, 2**51 - 1))
def test_milliseconds_come_back_as_the_same_nanoseconds(ns):
    assert round(ns / 1e6 * 1e6) == ns
