from __future__ import annotations

from tests.display.made import made_tables
from trippy_nb.frames import as_one_run, concat_tables
from trippy_nb.frames.check import check_frame


def test_runs_become_one_with_their_rounds_numbered_through():
    parts = [made_tables(rounds=3), made_tables(rounds=2, seed=2), made_tables(rounds=4, seed=3)]
    one = as_one_run(concat_tables(parts))
    assert list(one.runs["run_id"]) == [0]
    assert set(one.probes["run_id"]) == {0}
    assert sorted(set(one.probes["round"])) == list(range(9))
    assert list(one.probes["rtt_ms"].dropna()) == [
        t for part in parts for t in part.probes["rtt_ms"].dropna()
    ]
    assert list(one.flows["flow"]) == [0, 1]
    for table, frame in one.items():
        check_frame(frame, table)


def test_one_run_stays_as_it_is():
    tables = made_tables(rounds=3)
    for table, frame in as_one_run(tables).items():
        assert frame.equals(getattr(tables, table.name)), table.name


def test_no_runs_stay_none():
    assert as_one_run(concat_tables([])).probes.empty
