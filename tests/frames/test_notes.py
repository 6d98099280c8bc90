"""Labels and notes are the user's own words, and stay with the run."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.analysis.handmade import a, rounds, tables
from tests.frames.test_select import BEGIN, timed
from trippy_nb.errors import ConfigError
from trippy_nb.frames import (
    NOTES,
    RUNS,
    Tables,
    between,
    check_frame,
    notes_frame,
    read_tables,
    schema,
    where,
    with_label,
    with_note,
    write_tables,
)


def two_runs():
    return timed([*rounds([a(1), a(2)], [a(1), a(2)]), *rounds([a(1), a(2)], run_id=1)])


def test_notes_come_back_as_they_were_written():
    noted = with_note(with_note(two_runs(), "everywhere; ä"), "there", at="14:00:01", ttl=2)
    notes = notes_frame(noted)
    check_frame(notes, NOTES)
    assert notes["run_id"].tolist() == [0, 0, 1, 1]
    assert notes["note"].tolist() == [0, 1, 0, 1]
    assert notes["text"].tolist() == ["everywhere; ä", "there"] * 2
    assert notes["ttl"].tolist() == [pd.NA, 2] * 2
    assert notes["at"].tolist() == [pd.NaT, BEGIN + pd.Timedelta("1s")] * 2
    assert notes_frame(two_runs()).empty
    check_frame(notes_frame(two_runs()), NOTES)


def test_a_note_changes_no_identity_and_no_measurement():
    plain = two_runs()
    noted = with_label(with_note(plain, "x"), "before the change")
    assert noted.runs["run_uuid"].tolist() == plain.runs["run_uuid"].tolist()
    assert noted.runs["label"].tolist() == ["before the change"] * 2
    assert with_label(noted, None).runs["label"].isna().all()
    assert noted.probes is plain.probes


def test_a_nanosecond_is_kept():
    at = BEGIN + pd.Timedelta(1, unit="ns")
    assert notes_frame(with_note(two_runs(), "x", at=at))["at"].iloc[0] == at


def test_a_part_keeps_the_notes_that_are_about_it():
    noted = two_runs()
    for text, at, ttl in (("all", None, None), ("early", 0.5, None), ("late", 1.5, None), ("hop", None, 2)):
        noted = with_note(noted, text, at=at, ttl=ttl)
    part = between(where(noted, round=[0, 1], ttl=1), None, 1)
    by_run = notes_frame(part).groupby("run_id")["text"].agg(list)
    assert by_run[0] == ["all", "early"]
    assert by_run[1] == ["all", "early", "late"], "by time, all of this run is left"


@pytest.mark.parametrize("text", ["", "  ", None, 3])
def test_words_say_something(text):
    with pytest.raises(ConfigError, match="is a text that says something"):
        with_note(two_runs(), text)
    if text is not None:
        with pytest.raises(ConfigError, match="is a text that says something"):
            with_label(two_runs(), text)


@pytest.mark.parametrize("ttl", [0, 256, "2", True, 1.5])
def test_a_note_is_pinned_at_a_ttl_that_can_be(ttl):
    with pytest.raises(ConfigError, match="is no TTL to pin a note at"):
        with_note(two_runs(), "x", ttl=ttl)


def test_seconds_of_a_run_that_knows_no_begin_are_refused_and_dates_are_not():
    lost = tables(rounds([a(1)]))
    for at in (1.5, "14:00"):
        with pytest.raises(ConfigError, match="nobody knows when this run began"):
            with_note(lost, "x", at=at)
    assert notes_frame(with_note(lost, "x", at="2024-05-01"))["at"].item() == pd.Timestamp(
        "2024-05-01", tz="UTC"
    )


def test_a_file_of_the_version_before_has_no_notes_and_may_get_some(tmp_path, monkeypatch):
    old = schema.Table("runs", "", RUNS.key, tuple(one for one in RUNS.columns if one.name not in NEW))
    with monkeypatch.context() as patched:
        patched.setitem(schema.TABLES, "runs", old)
        patched.setattr(schema, "SCHEMA_VERSION", 2)
        whole = two_runs()
        before = Tables(
            **{table.name: frame for table, frame in whole.items()}
            | {"runs": whole.runs.drop(columns=[*NEW])}
        )
        write_tables(before, tmp_path / "old.parquet")
    back = read_tables(tmp_path / "old.parquet")
    check_frame(back.runs, RUNS)
    assert back.runs[[*NEW]].isna().all(axis=None)
    assert notes_frame(with_note(back, "new"))["text"].tolist() == ["new", "new"]


NEW = ("notes", "part_of", "selection")
