"""Putting frames together loses nothing: no dtype, no category, no order."""

import itertools
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.frames.play import FakeClock, Script, make_plan, play, small_trace, streams
from trippy_nb.errors import SchemaError
from trippy_nb.frames import (
    HANDLES,
    PROBES,
    TABLES,
    Recorder,
    Tables,
    check_frame,
    concat,
    concat_tables,
    conform,
    empty_frame,
    split_tables,
)


def same(one, two):
    for (table, left), (_, right) in zip(one.items(), two.items(), strict=True):
        pd.testing.assert_frame_equal(left, right, check_exact=True, obj=table.name)


def one_answer(addr, run_uuid="u"):
    script = Script()
    script.answer(script.send(1, packet=b"x"), addr)
    recorder = Recorder(make_plan(), run_uuid=run_uuid, source="live", clock=FakeClock())
    for event in script.events:
        recorder.record(event)
    return recorder.tables()


@given(streams(), st.lists(st.integers(0, 20), max_size=3))
def test_the_concat_of_a_split_is_the_whole(stream, cuts):
    for table, frame in play(stream.events, stream.plan).tables(now_ns=stream.now_ns).items():
        places = [0, *sorted(min(cut, len(frame)) for cut in cuts), len(frame)]
        parts = [frame.iloc[a:b] for a, b in itertools.pairwise(places)]
        pd.testing.assert_frame_equal(concat(parts), frame, check_exact=True, obj=table.name)


def test_differing_categories_are_united_and_stay_categories():
    parts = [one_answer(addr).probes for addr in ("10.0.0.2", "10.0.0.1", "10.0.0.2")]
    whole = concat(parts)
    assert list(whole["addr"]) == ["10.0.0.2", "10.0.0.1", "10.0.0.2"]
    assert list(whole["addr"].cat.categories) == ["10.0.0.2", "10.0.0.1"]
    assert dict(whole.dtypes.drop("addr")) == dict(parts[0].dtypes.drop("addr"))


def test_closed_vocabularies_stay_whole():
    whole = concat([small_trace().tables().probes, one_answer("10.0.0.9").probes])
    assert tuple(whole["status"].cat.categories) == PROBES.column("status").words


def test_missing_values_of_categories_stay_missing():
    probes = small_trace().tables().probes
    whole = concat([probes, one_answer("192.0.2.77").probes])
    assert list(whole["addr"].isna()) == [*probes["addr"].isna(), False]


def test_concat_refuses_what_it_would_have_to_guess():
    probes = one_answer("10.0.0.1").probes
    with pytest.raises(SchemaError, match="no frames"):
        concat([])
    with pytest.raises(SchemaError, match="rtt_ms"):
        concat([probes, probes.drop(columns="rtt_ms")])
    with pytest.raises(SchemaError, match="'round' is int64 and uint32"):
        concat([probes, probes.astype({"round": "int64"})])
    with pytest.raises(SchemaError, match="'addr' is category and str"):
        concat([probes, probes.astype({"addr": "str"})])


def test_runs_are_numbered_anew_in_every_table():
    whole = concat_tables([one_answer("10.0.0.1", "a"), small_trace().tables(), one_answer("10.0.0.2", "c")])
    assert list(whole.runs["run_id"]) == [0, 1, 2]
    assert list(whole.runs["run_uuid"]) == ["a", "6f9619ff", "c"]
    assert list(whole.probes["run_id"]) == [0] + [1] * 10 + [2]
    assert list(whole.replies["run_id"]) == [0] + [1] * 7 + [2]
    for table, frame in whole.items():
        check_frame(frame, table)


def test_the_tables_of_a_concat_can_be_put_together_again():
    a, b, c = (one_answer(f"10.0.0.{n}", str(n)) for n in range(3))
    same(concat_tables([concat_tables([a, b]), c]), concat_tables([a, concat_tables([b, c])]))


def test_tables_put_together_come_apart_again():
    parts = [one_answer("10.0.0.1", "a"), small_trace().tables(), one_answer("10.0.0.2", "c")]
    for part, whole in zip(split_tables(concat_tables(parts)), parts, strict=True):
        for (table, left), (_, right) in zip(part.items(), whole.items(), strict=True):
            pd.testing.assert_frame_equal(left, right, check_categorical=False, obj=table.name)
            check_frame(left, table)


def test_a_handle_goes_to_the_run_it_was_opened_for():
    handles = pd.DataFrame({"handle": [1, 2], "kind": "socket", "purpose": "send", "run_uuid": ["b", "a"],
                            "opened_at": pd.to_datetime(["2026-01-01"] * 2, utc=True), "opened_by": "f",
                            "sent": 0, "received": 0})  # fmt: skip
    whole = concat_tables([one_answer("10.0.0.1", "a"), one_answer("10.0.0.1", "b")])
    frames = {table.name: frame for table, frame in whole.items()} | {"handles": conform(handles, HANDLES)}
    assert [list(part.handles["handle"]) for part in split_tables(Tables(**frames))] == [[2], [1]]


def test_no_tables_make_empty_tables():
    for table, frame in concat_tables([]).items():
        assert len(frame) == 0
        check_frame(frame, table)


def test_a_row_of_no_run_is_an_error():
    tables = one_answer("10.0.0.1")
    stray = Tables(
        **{t.name: f for t, f in tables.items()} | {"probes": tables.probes.assign(run_id=np.uint32(7))}
    )
    with pytest.raises(SchemaError, match="run_id 7"):
        concat_tables([stray, tables])


def test_tables_survive_pickling():
    tables = small_trace().tables()
    same(pickle.loads(pickle.dumps(tables)), tables)


def test_tables_hold_nothing_of_the_recorder():
    recorder = play(small_trace().events)
    tables = recorder.tables()
    before = tables.probes.copy()
    script = Script()
    script.send(9)
    for event in script.events:
        recorder.record(event)
    pd.testing.assert_frame_equal(tables.probes, before)


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_an_empty_frame_keeps_the_contract_and_may_come_first(table):
    frame = empty_frame(table)
    check_frame(frame, table)
    assert list(frame.columns) == list(table.names)
    pd.testing.assert_frame_equal(conform(frame, table), frame)
