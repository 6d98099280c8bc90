"""A saved run comes back equal, is there whole or not at all, and any tool can read its probes."""

import base64
import contextlib
import json
import random

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from tests.frames.play import FakeClock, Script, make_plan, play, small_trace, streams
from trippy_nb.errors import FormatError, SchemaError
from trippy_nb.frames import (
    PROBES,
    Tables,
    concat_tables,
    empty_frame,
    parquet,
    read_tables,
    schema,
    tables_from_probes,
    write_tables,
)


def same(one, two):
    for (table, left), (_, right) in zip(one.items(), two.items(), strict=True):
        pd.testing.assert_frame_equal(left, right, check_exact=True, obj=table.name)


def changed(tables, **frames):
    return Tables(**{table.name: frame for table, frame in tables.items()} | frames)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.parquet"


@pytest.fixture
def saved(path):
    write_tables(small_trace().tables(), path)
    return path


def test_a_small_trace_comes_back_equal(path):
    tables = small_trace().tables()
    write_tables(tables, path)
    same(read_tables(path), tables)


@given(stream=streams())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_run_comes_back_equal(path, stream):
    tables = play(stream.events, stream.plan).tables(now_ns=stream.now_ns)
    write_tables(tables, path)
    same(read_tables(path), tables)


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]])
def test_many_runs_come_back_equal_in_their_order(path, order):
    runs = [
        small_trace().tables(),
        play([], clock=FakeClock()).tables(),
        small_trace().tables(make_plan(max_samples=1)),
    ]
    tables = concat_tables([runs[place] for place in order])
    write_tables(tables, path)
    same(read_tables(path), tables)


def test_empty_tables_come_back_equal(path):
    tables = concat_tables([])
    write_tables(tables, path)
    same(read_tables(path), tables)


def test_rows_that_are_not_sorted_keep_their_order(path):
    tables = small_trace().tables()
    shuffled = changed(
        tables,
        probes=tables.probes.sample(frac=1, random_state=1).reset_index(drop=True),
        replies=tables.replies.sample(frac=1, random_state=2).reset_index(drop=True),
    )
    assert list(shuffled.replies["reply"]) != sorted(shuffled.replies["reply"])
    write_tables(shuffled, path)
    same(read_tables(path), shuffled)


def test_categories_that_no_row_uses_are_kept_in_order(path):
    tables = small_trace().tables()
    probes = tables.probes.assign(addr=tables.probes["addr"].cat.add_categories(["zz", "aa"]))
    write_tables(changed(tables, probes=probes), path)
    same(read_tables(path), changed(tables, probes=probes))


def test_an_rtt_that_is_no_whole_number_of_nanoseconds_comes_back_exactly(path):
    rtts = [1.0000001234567, 1e300, 5e-324, np.nan]
    tables = tables_from_probes(pd.DataFrame({"ttl": [1, 2, 3, 4], "rtt_ms": rtts}))
    write_tables(tables, path)
    back = read_tables(path).probes["rtt_ms"].to_numpy()
    assert back.tobytes() == tables.probes["rtt_ms"].to_numpy().tobytes()


def test_recorded_rtts_are_stored_as_whole_nanoseconds(saved):
    file = pq.ParquetFile(saved)
    with file:
        assert file.schema_arrow.field("rtt_ns").type == pa.int64()
        encodings = {
            file.metadata.row_group(0).column(n).path_in_schema: file.metadata.row_group(0)
            .column(n)
            .encodings
            for n in range(file.metadata.num_columns)
        }
    for name in ("sent_at", "rtt_ns", "replies.list.element.received_at", "replies.list.element.rtt_ns"):
        assert "DELTA_BINARY_PACKED" in encodings[name], name
    assert "RLE_DICTIONARY" in encodings["addr"]


def test_any_tool_reads_the_probes_and_their_replies(saved):
    plain = pd.read_parquet(saved)
    assert len(plain) == 10
    assert plain["addr"].iloc[0] == "10.0.0.1"
    assert [reply["kind"] for reply in plain["replies"].iloc[0]] == ["first", "dup"]
    assert plain["rtt_ns"].iloc[0] == 995_000


def test_the_metadata_is_text_that_readers_in_other_languages_accept(saved):
    for name, value in pq.read_metadata(saved).metadata.items():
        assert name.decode("ascii")
        assert value.decode("ascii")
    header = json.loads(pq.read_metadata(saved).metadata[b"trippy_nb"])
    assert header["schema"] == schema.SCHEMA_VERSION


def test_the_same_tables_are_the_same_bytes(path, tmp_path):
    other = tmp_path / "other.parquet"
    for file in (path, other):
        write_tables(small_trace().tables(), file)
    assert path.read_bytes() == other.read_bytes()


# --- whole or not at all


def test_a_failed_write_leaves_the_old_file_and_nothing_else(saved, monkeypatch):
    before = saved.read_bytes()

    def fail(_tables, file):
        file.write(b"half a file")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parquet, "write_file", fail)
    with pytest.raises(OSError, match="No space"):
        write_tables(small_trace().tables(), saved)
    assert saved.read_bytes() == before
    assert [file.name for file in saved.parent.iterdir()] == [saved.name]


def test_an_interrupted_write_leaves_nothing_behind(path, monkeypatch):
    def interrupt(_tables, _file):
        raise KeyboardInterrupt

    monkeypatch.setattr(parquet, "write_file", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_tables(small_trace().tables(), path)
    assert list(path.parent.iterdir()) == []


def test_writing_over_a_file_replaces_it(saved):
    tables = concat_tables([])
    write_tables(tables, saved)
    same(read_tables(saved), tables)
    assert len(list(saved.parent.iterdir())) == 1


def test_a_frame_that_breaks_the_contract_is_not_written(path):
    tables = small_trace().tables()
    with pytest.raises(SchemaError, match="rtt_ms"):
        write_tables(changed(tables, probes=tables.probes.drop(columns="rtt_ms")), path)
    with pytest.raises(SchemaError, match="'mine' has no place"):
        write_tables(changed(tables, probes=tables.probes.assign(mine=1)), path)
    assert not path.exists()


# --- what cannot be read


def test_a_file_that_is_not_there_is_the_error_that_it_is(path):
    with pytest.raises(FileNotFoundError):
        read_tables(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"PAR1", b"PAR1" + bytes(100) + b"PAR1"])
def test_what_is_no_parquet_file_is_refused_in_one_line(path, content):
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"run\.parquet") as caught:
        read_tables(path)
    assert "\n" not in str(caught.value)


def test_somebody_elses_parquet_file_is_refused(path):
    pd.DataFrame({"ttl": [1]}).to_parquet(path)
    with pytest.raises(FormatError, match="not a run saved by trippy_nb"):
        read_tables(path)


def rewrite(path, **metadata):
    """Write the file again with other metadata."""
    table = pq.read_table(path)
    whole = dict(table.schema.metadata) | {name.encode(): value for name, value in metadata.items()}
    pq.write_table(table.replace_schema_metadata(whole), path)


def with_header(path, **facts):
    header = json.loads(pq.read_metadata(path).metadata[b"trippy_nb"])
    rewrite(path, trippy_nb=json.dumps(header | facts).encode())


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        (schema.SCHEMA_VERSION + 1, "is newer than"),
        (0, "damaged"),
        ("one", "damaged"),
        (None, "damaged"),
    ],
)
def test_a_version_that_we_cannot_know_is_refused_in_one_line(saved, version, reason):
    with_header(saved, schema=version)
    with pytest.raises(FormatError, match=reason) as caught:
        read_tables(saved)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "header", [b"", b"{", b"[]", b"{}", b'{"schema": 1}', b'{"schema": 1, "tables": []}']
)
def test_a_damaged_header_is_refused(saved, header):
    rewrite(saved, trippy_nb=header)
    with pytest.raises(FormatError, match="damaged"):
        read_tables(saved)


def test_a_damaged_table_is_found_by_its_checksum(saved):
    blob = base64.b64decode(pq.read_metadata(saved).metadata[b"trippy_nb.runs"])
    spoiled = blob[:200] + bytes((blob[200] ^ 1,)) + blob[201:]
    rewrite(saved, **{"trippy_nb.runs": base64.b64encode(spoiled)})
    with pytest.raises(FormatError, match="checksum of table 'runs'"):
        read_tables(saved)


def test_the_version_before_is_read_through_its_upgrade(saved, monkeypatch):
    def upgrade(raw):
        raw["runs"] = raw["runs"].set_column(
            raw["runs"].schema.get_field_index("label"), "label", pa.array(["from before"])
        )
        return raw

    monkeypatch.setattr(schema, "SCHEMA_VERSION", schema.SCHEMA_VERSION + 1)
    monkeypatch.setitem(parquet.UPGRADES, schema.SCHEMA_VERSION - 1, upgrade)
    assert read_tables(saved).runs["label"].item() == "from before"
    monkeypatch.setattr(schema, "SCHEMA_VERSION", schema.SCHEMA_VERSION + 1)
    with pytest.raises(FormatError, match="is older than"):
        read_tables(saved)


def test_every_version_but_the_first_can_be_upgraded_to():
    assert set(parquet.UPGRADES) == ({schema.SCHEMA_VERSION - 1} if schema.SCHEMA_VERSION > 1 else set())


def test_a_new_column_that_may_be_missing_is_missing_in_old_files(saved, monkeypatch):
    column = schema.Column("colour", "UInt8", "New", nullable=True)
    newer = schema.Table(PROBES.name, PROBES.meaning, PROBES.key, (*PROBES.columns, column))
    monkeypatch.setitem(schema.TABLES, "probes", newer)
    assert read_tables(saved).probes["colour"].isna().all()


def test_a_new_column_that_may_not_be_missing_needs_an_upgrade(saved, monkeypatch):
    column = schema.Column("colour", "uint8", "New")
    newer = schema.Table(PROBES.name, PROBES.meaning, PROBES.key, (*PROBES.columns, column))
    monkeypatch.setitem(schema.TABLES, "probes", newer)
    with pytest.raises(FormatError, match="'colour' is missing"):
        read_tables(saved)


def test_a_cut_file_is_refused(saved):
    whole = saved.read_bytes()
    for length in range(0, len(whole), max(1, len(whole) // 60)):
        saved.write_bytes(whole[:length])
        with pytest.raises(FormatError):
            read_tables(saved)


def test_a_flipped_bit_in_the_pages_is_found(path):
    tables = big_trace()
    write_tables(tables, path)
    whole = path.read_bytes()
    footer = int.from_bytes(whole[-8:-4], "little")
    pages = len(whole) - footer - 8
    rng = random.Random(1)
    for _ in range(60):
        place = rng.randrange(4, pages)
        path.write_bytes(whole[:place] + bytes((whole[place] ^ 1 << rng.randrange(8),)) + whole[place + 1 :])
        with contextlib.suppress(FormatError):
            same(read_tables(path), tables)  # a bit that nobody reads, such as an offset stated twice


def big_trace():
    script = Script()
    for number in range(60):
        for ttl in range(1, 20):
            probe = script.send(ttl, round=number, at=number * 10**9 + ttl * 1000)
            script.answer(probe, f"10.0.0.{ttl}", at=number * 10**9 + 5_000_000 + number * 37)
    script.end()
    return script.tables()


def test_probes_alone_can_be_written(path):
    tables = changed(small_trace().tables(), replies=empty_frame(schema.REPLIES))
    write_tables(tables, path)
    same(read_tables(path), tables)
