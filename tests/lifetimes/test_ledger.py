"""The ledger: bounded, safe from many threads, and it says who."""

from __future__ import annotations

import itertools
import threading
from dataclasses import fields

from trippy_nb.frames.schema import HANDLES
from trippy_nb.lifetimes import HandleRecord
from trippy_nb.lifetimes.ledger import Ledger


def ledger(keep_closed: int = 3) -> Ledger:
    ticks = itertools.count(1_000)
    return Ledger(keep_closed=keep_closed, wall_ns=lambda: next(ticks))


def test_a_record_has_the_columns_of_the_handles_table():
    assert tuple(field.name for field in fields(HandleRecord)) == HANDLES.names


def test_the_oldest_closed_records_are_dropped_and_open_ones_never():
    book = ledger(keep_closed=3)
    kept = book.opened("socket", "kept open", None)
    for _ in range(10):
        book.closed(book.opened("socket", "short", None), "test")
    assert [record.handle for record in book.records()] == [kept.handle, 9, 10, 11]


def test_records_of_one_run():
    book = ledger()
    book.opened("socket", "a", "run 1")
    entry = book.opened("device", "b", "run 2")
    (record,) = book.records("run 2")
    assert (record.kind, record.purpose, record.run_uuid) == ("device", "b", "run 2")
    assert (record.opened_at, record.closed_at, record.closed_by) == (1_001, None, None)
    book.closed(entry, "the test")
    (record,) = book.records("run 2")
    assert (record.closed_at, record.closed_by) == (1_002, "the test")


def test_who_opened_is_the_caller_outside_the_room():
    record = ledger().opened("socket", "x", None).record()
    assert record.opened_by.startswith("tests/lifetimes/test_ledger.py:")
    assert record.opened_by.endswith(" test_who_opened_is_the_caller_outside_the_room")


def test_many_threads_get_numbers_of_their_own():
    book = Ledger(keep_closed=100_000)

    def work() -> None:
        for _ in range(500):
            book.closed(book.opened("socket", "x", None), "y")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [record.handle for record in book.records()] == list(range(1, 4001))
