"""Any stream of events gives the rows that a slow, plain reading of the rules gives."""

import pandas as pd
from hypothesis import given, settings

from tests.frames.oracle import Oracle
from tests.frames.play import FakeClock, play, streams
from trippy_nb.frames import check_frame


def as_rows(frame):
    """Rows as plain Python: None is missing, times are ns since 1970."""
    columns = {}
    for name in frame.columns:
        series = frame[name]
        if isinstance(series.dtype, pd.DatetimeTZDtype):
            values = [None if pd.isna(value) else value.value for value in series]
        else:
            values = [None if not isinstance(value, bytes) and pd.isna(value) else value for value in series]
        columns[name] = values
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def tables_of(stream):
    return play(stream.events, stream.plan, clock=FakeClock()).tables(now_ns=stream.now_ns)


@given(streams())
def test_probes_are_what_the_rules_say(stream):
    assert as_rows(tables_of(stream).probes) == list(Oracle(stream).probe_rows())


@given(streams())
def test_replies_are_what_the_rules_say(stream):
    assert as_rows(tables_of(stream).replies) == list(Oracle(stream).reply_rows())


@given(streams())
def test_packets_are_what_the_rules_say(stream):
    assert as_rows(tables_of(stream).packets) == list(Oracle(stream).packet_rows())


@given(streams())
def test_the_run_is_what_the_rules_say(stream):
    (row,) = as_rows(tables_of(stream).runs)
    facts = Oracle(stream).run_facts()
    assert {name: row[name] for name in facts} == facts


@given(streams())
def test_every_table_keeps_its_contract(stream):
    for table, frame in tables_of(stream).items():
        check_frame(frame, table)
        assert list(frame.columns) == list(table.names)


@given(streams())
@settings(max_examples=20)
def test_asking_twice_gives_the_same_tables(stream):
    recorder = play(stream.events, stream.plan, clock=FakeClock())
    once, again = recorder.tables(now_ns=stream.now_ns), recorder.tables(now_ns=stream.now_ns)
    for (_, one), (_, two) in zip(once.items(), again.items(), strict=True):
        pd.testing.assert_frame_equal(one, two)
