"""Handles in rows: none is lost, none is counted twice, what is open stays apart, and few rows are few."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trippy_nb.analysis import holdings
from trippy_nb.frames import empty_frame, handles_frame
from trippy_nb.frames.schema import HANDLES

EPOCH_NS = 1_767_225_600_000_000_000


def held(
    handle: int,
    opened_s: float,
    closed_s: float | None,
    *,
    purpose: str = "sending probes",
    run: str | None = "11111111-one",
    kind: str = "socket",
    packets: tuple[int, int] = (0, 0),
) -> SimpleNamespace:
    """A page of the ledger."""
    return SimpleNamespace(
        handle=handle,
        kind=kind,
        purpose=purpose,
        run_uuid=run,
        opened_at=EPOCH_NS + round(opened_s * 1e9),
        opened_by="there.py:1 there",
        closed_at=None if closed_s is None else EPOCH_NS + round(closed_s * 1e9),
        closed_by=None if closed_s is None else "end of the session",
        sent=packets[0],
        received=packets[1],
    )


def connects(count: int, *, first: int = 1) -> list[SimpleNamespace]:
    """A socket a probe, each held for a second, ten of them opened a second."""
    return [
        held(first + i, i / 10, i / 10 + 1.0, purpose=f"connecting from port {33000 + i}", packets=(1, i % 2))
        for i in range(count)
    ]


handles = st.lists(
    st.tuples(
        st.integers(0, 20),
        st.one_of(st.none(), st.integers(0, 20)),
        st.sampled_from(["sending probes", "connecting to port 1", "connecting to port 22", "receiving"]),
        st.sampled_from([None, "a", "b", "c", "d", "e"]),
        st.sampled_from(HANDLES.column("kind").words),
        st.integers(0, 3),
    ),
    max_size=60,
).map(
    lambda drawn: [
        held(n, at, None if long is None else at + long, purpose=what, run=run, kind=kind, packets=(count, 2))
        for n, (at, long, what, run, kind, count) in enumerate(drawn, start=1)
    ]
)


@given(handles, st.integers(8, 40))
@settings(max_examples=60)
def test_every_handle_is_in_one_row_and_the_rows_fit(pages: list[SimpleNamespace], most: int):
    frame = handles_frame(pages)
    found = holdings(frame, most_rows=most)
    rows = found.rows
    assert len(rows) == len(found.steps) <= max(most, 6)
    assert found.handles == len(frame)
    for name in ("sent", "received"):
        assert rows[name].sum() == frame[name].sum()
    assert rows.loc[rows["open"], "handles"].sum() == frame["closed_at"].isna().sum()
    assert (rows["open"] == rows["closed_s"].isna()).all()


@given(handles, st.integers(8, 40), st.integers(0, 19))
@settings(max_examples=60)
def test_the_steps_say_how_many_were_open_at_any_moment(pages: list[SimpleNamespace], most: int, second: int):
    found = holdings(handles_frame(pages), most_rows=most)
    start = min((page.opened_at for page in pages), default=0)
    at = second + 0.5
    now = start + at * 1e9
    truly = sum(page.opened_at <= now and (page.closed_at is None or now < page.closed_at) for page in pages)
    told = 0
    for moments, counts in found.steps:
        before = np.searchsorted(moments, at, side="right")
        told += int(counts[before - 1]) if before else 0
        assert counts.min() >= 0
    assert told == truly


def test_few_handles_are_a_row_each_by_run_and_in_the_order_of_opening():
    pages = [held(1, 0.0, 2.0, run=None), held(2, 0.5, None), held(3, 0.75, 1.0, run=None), held(4, 0.9, 1.9)]
    found = holdings(handles_frame(pages))
    assert found.rows["handles"].tolist() == [1, 1, 1, 1]
    assert found.rows["opened_s"].tolist() == [0.0, 0.75, 0.5, 0.9]
    assert found.rows["run"].tolist() == [0, 0, 1, 1]
    assert found.span_s == 2.0
    assert found.earlier_runs == 0


def test_a_socket_a_probe_is_one_row_whose_purpose_lost_its_numbers():
    found = holdings(handles_frame([held(1, 0, 60, purpose="receiving ICMP"), *connects(500, first=2)]))
    assert found.rows["purpose"].tolist() == ["receiving ICMP", "connecting from port …"]
    assert found.rows["handles"].tolist() == [1, 500]
    assert found.rows["most_open"].tolist() == [1, 11]  # at one moment the eleventh opens as the first closes
    assert found.rows["received"].tolist() == [0, 250]


def test_what_is_still_open_never_shares_a_row_with_what_is_closed():
    found = holdings(handles_frame([*connects(100), held(900, 3.0, None, purpose="connecting from port 1")]))
    assert found.rows[["handles", "open"]].to_numpy().tolist() == [[100, False], [1, True]]


def test_of_many_runs_the_newest_keep_their_rows_and_a_handle_left_open_keeps_its_run():
    pages = [
        held(2 * n + half, n, n + 0.5, run=f"{n:08}-run", purpose=("sending", "receiving")[half])
        for n in range(200)
        for half in (0, 1)
    ]
    pages[42] = held(42, 21, None, run="00000021-run")
    found = holdings(handles_frame(pages), most_rows=12)
    rows = found.rows
    assert len(rows) == 12
    assert found.earlier_runs == 195
    assert rows["handles"].tolist() == [389, 1] + [1] * 10
    assert rows.loc[rows["open"], "run_uuid"].tolist() == ["00000021-run"]
    assert rows["run"].tolist() == [-1, -1] + [run for run in range(195, 200) for _ in "ab"]
    assert rows["purpose"].iloc[0] == "sending, and 1 other purpose"


def test_a_part_of_a_frame_and_an_empty_one_are_as_good():
    frame = handles_frame(connects(40))
    part = frame.loc[frame["received"] > 0]
    assert holdings(part).handles == 20
    assert holdings(part).rows["opened_s"].min() == 0.0
    none = holdings(empty_frame(HANDLES))
    assert (none.handles, none.span_s, none.started_at) == (0, 0.0, None)


def test_the_table_that_shows_itself_as_a_card_is_a_table():
    import trippy_nb as tn

    found = holdings(tn.handles())
    assert found.handles == len(tn.handles())
    assert isinstance(found.rows, pd.DataFrame)


@pytest.mark.parametrize("columns", [["handle"], ["opened_at", "closed_at"]])
def test_a_frame_without_its_columns_is_refused(columns: list[str]):
    with pytest.raises(KeyError):
        holdings(handles_frame(connects(3)).drop(columns=columns))
