"""Looks at what is new: together they show what the tables show, and each costs only its own probes."""

from __future__ import annotations

from dataclasses import fields
from typing import Any
from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.frames.play import MS, FakeClock, S, Script, make_recorder, play, streams
from trippy_nb.frames import BEGINNING, Mark, Recent, Recorder, recent
from trippy_nb.model import ReplyKind, Status

Row = tuple[int, int, int, int, str, str | None, float | None]


def look(recorder: Recorder, since: Mark = BEGINNING) -> Recent:
    return recent.recent_probes(recorder, since).arrays()


def rows_of(recent: Recent) -> dict[int, Row]:
    """Each probe by its key, as PROBES has it."""
    words = Status.words()
    rows = {}
    for i, key in enumerate(recent.key.tolist()):
        place = (int(getattr(recent, name)[i]) for name in ("round", "flow", "ttl", "attempt"))
        who, rtt = int(recent.responder[i]), float(recent.rtt_ms[i])
        addr = recent.addresses[who] if who >= 0 else None
        rows[key] = (*place, words[recent.status[i]], addr, None if np.isnan(rtt) else rtt)
    return rows


def rows_in(probes: Any) -> list[Row]:
    names = ["round", "flow", "ttl", "attempt", "status", "addr", "rtt_ms"]
    frame = probes[names].astype(object)
    return [tuple(row) for row in frame.where(frame.notna(), None).itertuples(index=False)]


@given(streams())
def test_a_look_at_everything_is_the_table(stream):
    recorder = make_recorder(stream.plan, FakeClock(stream.now_ns))
    for event in stream.events:
        recorder.record(event)
    recent = look(recorder)
    probes = recorder.tables().probes
    assert list(rows_of(recent).values()) == rows_in(probes)
    assert recent.sent_ns.tolist() == probes["sent_at"].astype("int64").tolist()
    codes = probes["icmp_type"].astype("Int64").fillna(-1)
    assert recent.icmp_type.tolist() == codes.tolist()


@given(streams(), st.lists(st.integers(0, 60), max_size=6))
def test_looks_from_mark_to_mark_add_up_to_a_look_at_everything(stream, cuts):
    clock = FakeClock(0)
    recorder = make_recorder(stream.plan, clock)
    rows: dict[int, Row] = {}
    mark, is_behind = BEGINNING, False
    for number, event in enumerate(stream.events):
        recorder.record(event)
        clock.mono_ns = max(clock.mono_ns, getattr(event, "at_ns", 0), getattr(event, "mono_ns", 0))
        if number in cuts:
            recent = look(recorder, mark)
            rows |= rows_of(recent)
            mark, is_behind = recent.next, is_behind or recent.was_settled
    clock.mono_ns = stream.now_ns
    recent = look(recorder, mark)
    rows |= rows_of(recent)
    whole = rows_of(look(recorder))
    rows = {key: row for key, row in rows.items() if row[0] >= look(recorder).keep}
    assert rows.keys() == whole.keys()
    # A clock that steps changes RTTs that were believed: a look at everything corrects them.
    steady = len(stream.samples) == 1
    if steady and not (is_behind or recent.was_settled):
        assert {key: row[:6] for key, row in rows.items()} == {key: row[:6] for key, row in whole.items()}


@given(streams(), st.lists(st.integers(0, 60), max_size=6))
def test_few_probes_are_looked_at_one_by_one_by_the_same_rules(stream, cuts):
    clock = FakeClock(0)
    recorder = make_recorder(stream.plan, clock)
    mark = BEGINNING
    for number, event in enumerate(stream.events):
        recorder.record(event)
        clock.mono_ns = max(clock.mono_ns, getattr(event, "at_ns", 0), getattr(event, "mono_ns", 0))
        if number in cuts:
            few = look(recorder, mark)
            with patch.object(recent, "_FEW", -1):
                many = look(recorder, mark)
            for field in fields(Recent):
                np.testing.assert_array_equal(getattr(few, field.name), getattr(many, field.name))
            mark = few.next


def test_what_is_settled_is_not_looked_at_again_until_it_is_answered_after_all():
    script, clock = Script(), FakeClock()
    probes = [script.send(ttl, round=number, at=number * S) for number in range(2) for ttl in (1, 2)]
    script.answer(probes[0], at=MS)
    script.end_round(0)
    recorder = play(script.events, clock=clock)
    clock.mono_ns = S + MS
    mark = look(recorder).next
    assert mark == (0, 0, 1)  # probe 1 is in flight
    clock.mono_ns = 2 * S + MS  # its time is up
    mark = look(recorder, mark).next
    assert mark == (2, 1, 1)
    again = look(recorder, mark)
    assert again.key.tolist() == [2, 3]
    assert not again.was_settled

    del script.events[:]
    script.answer(probes[1], at=2 * S + 2 * MS, kind=ReplyKind.LATE)
    script.answer(probes[2], at=2 * S + 3 * MS)
    for event in script.events:
        recorder.record(event)
    late = look(recorder, again.next)
    assert late.was_settled
    assert [row[4] for row in rows_of(late).values()] == ["reply", "in_flight"]
    assert not look(recorder, late.next).was_settled
    assert [row[4] for row in rows_of(look(recorder)).values()] == [
        "reply",
        "late",
        "reply",
        "in_flight",
    ]


def test_a_look_at_nothing():
    recent = look(make_recorder())
    assert (len(recent.key), recent.next, recent.keep) == (0, BEGINNING, 0)
