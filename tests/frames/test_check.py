"""The contract of a frame: what breaks it is named, what can be cast without loss is cast."""

import numpy as np
import pandas as pd
import pytest

from tests.frames.play import small_trace
from trippy_nb.errors import SchemaError
from trippy_nb.frames import (
    HOPS,
    PACKETS,
    PROBES,
    REPLIES,
    RUNS,
    TABLES,
    check_frame,
    conform,
    empty_frame,
)


@pytest.fixture
def tables():
    return small_trace().tables()


BREAKS = [
    (PROBES, lambda f: f.drop(columns="rtt_ms"), "'rtt_ms' is missing"),
    (PROBES, lambda f: f.assign(ttl=f["ttl"].astype("int64")), "'ttl' is int64, not uint8"),
    (PROBES, lambda f: f.assign(seq=f["seq"].astype("float64")), "'seq' is float64, not UInt16"),
    (PROBES, lambda f: f.assign(addr=f["addr"].astype("str")), "'addr' is str, not category"),
    (PROBES, lambda f: f.assign(sent_at=f["sent_at"].dt.tz_localize(None)), "'sent_at' is datetime64"),
    (PROBES, lambda f: f.assign(sent_at=f["sent_at"].dt.as_unit("us")), "'sent_at' is datetime64"),
    (PROBES, lambda f: f.assign(rtt_ms=f["rtt_ms"].astype("float32")), "'rtt_ms' is float32, not float64"),
    (PROBES, lambda f: f.assign(status=f["status"].where(f["ttl"] > 1)), "'status' has no value in row 0"),
    (
        PROBES,
        lambda f: f.assign(status=pd.Categorical(["gone"] * len(f))),
        "has 'gone', but its words are reply",
    ),
    (PROBES, lambda f: f.assign(status=f["status"].cat.remove_unused_categories()), "has the categories"),
    (PROBES, lambda f: f.assign(addr=pd.Categorical([1] * len(f))), "has 1 among its categories"),
    (PROBES, lambda f: f.assign(attempt=np.uint8(0), round=np.uint32(0)), "row 5 has the key of an earlier"),
    (REPLIES, lambda f: f.assign(from_target=True), "'from_target' is bool, not boolean"),
    (REPLIES, lambda f: f.assign(ext=["text"] * len(f)), "'ext' is str, not object"),
    (REPLIES, lambda f: f.assign(ext=pd.Series(["a"] * len(f), dtype=object)), "'ext' has 'a' in row 0"),
    (RUNS, lambda f: f.assign(run_uuid=pd.Series([None], dtype="str")), "'run_uuid' has no value in row 0"),
    (RUNS, lambda f: f.assign(tool=f["tool"].astype("str")), "'tool' is str, not category"),
    (PACKETS, lambda f: f.assign(bytes=pd.Series([None] * len(f), dtype=object)), "'bytes' has no value"),
]


@pytest.mark.parametrize(("table", "spoil", "reason"), BREAKS, ids=[reason for _, _, reason in BREAKS])
def test_a_broken_contract_is_named_by_column_and_reason(tables, table, spoil, reason):
    frame = getattr(tables, table.name)
    check_frame(frame, table)
    with pytest.raises(SchemaError, match=f"{table.name}: ") as caught:
        check_frame(spoil(frame), table)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_more_columns_and_any_order_are_no_offence(tables):
    check_frame(tables.probes[list(tables.probes.columns[::-1])].assign(more=1), PROBES)


def test_conforming_what_conforms_changes_nothing(tables):
    for table, frame in tables.items():
        pd.testing.assert_frame_equal(conform(frame, table), frame)


def test_plain_frames_are_cast_and_what_may_be_missing_is_filled_in():
    frame = pd.DataFrame({
        "run_id": [0, 0],
        "round": [0, 1],
        "flow": [0, 0],
        "ttl": [1.0, 255.0],
        "attempt": [0, 0],
        "sent_at": pd.to_datetime(pd.Series(["2026-01-01T00:00+02:00", None]), utc=True).array,
        "status": ["reply", "timeout"],
        "addr": ["10.0.0.1", None],
        "rtt_ms": pd.array([1, None], dtype="Int64"),
        "icmp_type": [11.0, np.nan],
        "n_replies": [1, 0],
        "more": ["x", "y"],
    }, index=[7, 9])  # fmt: skip
    probes = conform(frame, PROBES)
    check_frame(probes, PROBES)
    assert list(probes.columns) == list(PROBES.names)
    assert list(probes.index) == [0, 1]
    assert probes["ttl"].tolist() == [1, 255]
    assert probes["icmp_type"].tolist() == [11, pd.NA]
    assert probes["sent_at"].iloc[0] == pd.Timestamp("2025-12-31T22:00Z")
    assert probes["rtt_ms"].iloc[0] == 1.0
    assert probes["errno"].isna().all()


@pytest.mark.parametrize(
    ("column", "values", "reason"),
    [
        ("ttl", [256], "'ttl' has 256 in row 0, which is not a whole number from 0 to 255"),
        ("ttl", [-1], "'ttl' has -1 in row 0"),
        ("ttl", [1.5], "'ttl' has 1.5 in row 0"),
        ("ttl", [None], "'ttl' has no value in row 0"),
        ("ttl", ["one"], "'ttl' cannot be made uint8"),
        ("ttl", [True], "'ttl' is bool, not numbers"),
        ("seq", [2.0**60], "'seq' has"),
        ("status", ["lost"], "'status' has 'lost', but its words are reply"),
        ("status", [3], "'status' has 3 in row 0, which is not text"),
        ("sent_at", pd.to_datetime(["2026-01-01"]), "'sent_at' has no time zone"),
        ("sent_at", ["2026-01-01"], "'sent_at' is str, not times with a zone"),
        ("rtt_ms", ["fast"], "'rtt_ms' cannot be made float64"),
    ],
)
def test_what_would_lose_something_is_refused(column, values, reason):
    plain = {"run_id": [0], "round": [0], "flow": [0], "ttl": [1], "attempt": [0], "status": ["reply"]}
    plain |= {"n_replies": [1], column: values}
    with pytest.raises(SchemaError) as caught:
        conform(pd.DataFrame(plain), PROBES)
    assert reason in str(caught.value)


def test_a_missing_column_that_may_not_be_missing_is_refused(tables):
    with pytest.raises(SchemaError, match="probes: column 'ttl' is missing"):
        conform(tables.probes.drop(columns="ttl"), PROBES)


def test_lists_and_big_counters():
    hops = empty_frame(HOPS)
    check_frame(hops, HOPS)
    row = {name: [0] for name in HOPS.names} | {
        "addrs": [["10.0.0.1"]],
        "share": [[1.0]],
        "mpls": [None],
        "mixed": [False],
        "nat": [None],
    }
    conformed = conform(pd.DataFrame(row), HOPS)
    assert conformed["addrs"].item() == ("10.0.0.1",)


def test_every_dtype_of_the_schema_is_known():
    tokens = {column.dtype for table in TABLES.values() for column in table.columns}
    assert tokens == {
        *("uint8", "uint16", "uint32", "uint64", "float64", "bool", "boolean"),
        *("UInt8", "UInt16", "UInt32", "UInt64", "category", "str", "utc", "bytes", "list"),
    }


def test_a_key_is_made_of_columns_and_closed_vocabularies_are_categories():
    for table in TABLES.values():
        assert set(table.key) <= set(table.names)
        for column in table.columns:
            assert not column.words or column.dtype == "category"
