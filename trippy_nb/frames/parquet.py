"""The layout of a saved run: one Parquet file of probes that any tool reads, with all else inside it.

Each probe's row holds its replies as a list of structs. All other tables (runs, flows, packets, handles,
replies to no probe of ours) travel as Arrow IPC in the file's key-value metadata, in base64, because
readers in other languages demand UTF-8 there. RTTs are stored as whole nanoseconds, which delta-encode
well, if each float comes back from them exactly; else (from a tool that printed more digits) as floats.
"""

import base64
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trippy_nb.errors import FormatError, SchemaError
from trippy_nb.frames import schema
from trippy_nb.frames.arrow import arrow_table, columns_from_arrow
from trippy_nb.frames.check import check_frame
from trippy_nb.frames.columns import frame_of
from trippy_nb.frames.keys import probe_rows
from trippy_nb.frames.schema import PROBES, Table
from trippy_nb.frames.tables import Tables
from trippy_nb.model import NS_PER_MS

HEADER: Final = "trippy_nb"
BROKEN: Final = (
    pa.ArrowException,
    SchemaError,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    OverflowError,
    AttributeError,
)
"""What damaged bytes make the readers below us raise."""

_KEY: Final = PROBES.key
_ELEMENT: Final = "replies.list.element."
_DELTA: Final = (
    "sent_at",
    "rtt_ns",
    "round",
    f"{_ELEMENT}received_at",
    f"{_ELEMENT}rtt_ns",
    f"{_ELEMENT}reply",
)
_ROW_GROUP: Final = 1 << 20
_MOST: Final = 2**31 - 1
_LARGEST_NS: Final = 2.0**53

Raw = dict[str, pa.Table]


def _from_version_2(raw: Raw) -> Raw:
    """Version 3 has new columns in `runs`, which may all be missing; no old one means anything else."""
    return raw


UPGRADES: dict[int, Callable[[Raw], Raw]] = {2: _from_version_2}
"""Schema version -> what turns its tables into those of the next version."""


def write_file(tables: Tables, file: IO[bytes]) -> None:
    """Write tables that keep the contract."""
    arrow = _pack(tables)
    leaves = _leaves(arrow.schema)
    pq.write_table(
        arrow,
        file,
        compression="zstd",
        row_group_size=_ROW_GROUP,
        use_dictionary=[name for name in leaves if name not in _DELTA],
        column_encoding={name: "DELTA_BINARY_PACKED" for name in leaves if name in _DELTA},
        write_page_checksum=True,
    )


def read_file(path: Path) -> Tables:
    """Read a file.

    Raises
    ------
    FormatError
        If it is no saved run, or not of a version that can be read.
    Exception
        One of `BROKEN`, if it is damaged.
    """
    raw, header = _read(path)
    return _frames(raw, header)


def _pack(tables: Tables) -> pa.Table:
    row = probe_rows(tables.replies, tables.probes)
    nested = np.flatnonzero(row >= 0)
    nested = nested[np.argsort(row[nested], kind="stable")]
    replies = _rtt_stored(_decoded(arrow_table(tables.replies)))
    columns = replies.select([name for name in replies.column_names if name not in _KEY]).take(nested)
    counts = np.bincount(row[nested], minlength=len(tables.probes))
    lists = pa.ListArray.from_arrays(
        pa.array(np.append(0, np.cumsum(counts)).astype(np.int32)),
        pa.StructArray.from_arrays(
            [column.combine_chunks() for column in columns.columns], columns.column_names
        ),
    )
    others: Raw = {
        table.name: arrow_table(frame)
        for table, frame in tables.items()
        if table.name not in {"probes", "replies"}
    }
    others["other_replies"] = replies.take(np.flatnonzero(row < 0))
    if not _is_by_arrival(tables.replies):
        order = np.append(nested, np.flatnonzero(row < 0))
        others["reply_order"] = pa.table({"place": pa.array(order.astype(np.int64))})
    blobs = {name: _to_ipc(table) for name, table in others.items()}
    header = {
        "schema": schema.SCHEMA_VERSION,
        "categories": {table.name: _open_words(frame, table) for table, frame in tables.items()},
        "tables": {name: zlib.crc32(blob) for name, blob in blobs.items()},
    }
    metadata = {f"{HEADER}.{name}": base64.b64encode(blob) for name, blob in blobs.items()}
    probes = _rtt_stored(arrow_table(tables.probes)).append_column("replies", lists)
    return probes.replace_schema_metadata({HEADER: json.dumps(header, sort_keys=True), **metadata})


def _is_by_arrival(replies: pd.DataFrame) -> bool:
    run, number = replies["run_id"].to_numpy(np.int64), replies["reply"].to_numpy(np.int64)
    same = run[1:] == run[:-1]
    return bool(((run[1:] > run[:-1]) | (same & (number[1:] > number[:-1]))).all())


def _decoded(table: pa.Table) -> pa.Table:
    """Spell words out: pyarrow reads dictionaries inside lists back as text."""
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(pa.string()))
    return table


def _rtt_stored(table: pa.Table) -> pa.Table:
    place = table.schema.get_field_index("rtt_ms")
    rtt_ms = table["rtt_ms"].to_numpy()
    missing = np.isnan(rtt_ms)
    ns = np.rint(np.where(missing, 0.0, rtt_ms) * NS_PER_MS)
    back = ns / NS_PER_MS
    if not (missing | ((np.abs(ns) < _LARGEST_NS) & (back == rtt_ms))).all():
        return table
    return table.set_column(place, "rtt_ns", pa.array(ns.astype(np.int64), mask=missing))


def _open_words(frame: pd.DataFrame, table: Table) -> dict[str, list[str]]:
    return {
        column.name: list(frame[column.name].cat.categories)
        for column in table.columns
        if column.dtype == "category" and not column.words
    }


def _to_ipc(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _leaves(arrow_schema: pa.Schema) -> list[str]:
    """Names of all columns as Parquet has them."""
    names = [name for name in arrow_schema.names if name != "replies"]
    return names + [_ELEMENT + field.name for field in arrow_schema.field("replies").type.value_type]


def one_line(exc: BaseException) -> str:
    """Say an error in one line."""
    return (str(exc).splitlines() or [type(exc).__name__])[0]


def _read(path: Path) -> tuple[Raw, dict[str, Any]]:
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True, thrift_string_size_limit=_MOST)
    except (pa.ArrowException, OSError) as exc:
        raise FormatError(f"{path}: not a Parquet file, or a damaged one: {one_line(exc)}") from exc
    with file:
        metadata = file.metadata.metadata or {}
        if HEADER.encode() not in metadata:
            raise FormatError(f"{path}: a Parquet file, but not a run saved by trippy_nb")
        header = json.loads(metadata[HEADER.encode()])
        _check_version(path, header["schema"])
        arrow = file.read()
    raw = {}
    for name, checksum in header["tables"].items():
        blob = base64.b64decode(metadata[f"{HEADER}.{name}".encode()], validate=True)
        if zlib.crc32(blob) != checksum:
            raise FormatError(f"{path}: damaged, the checksum of table {name!r} is wrong")
        raw[name] = pa.ipc.open_stream(blob).read_all()
    raw["probes"] = _rtt_restored(arrow.drop_columns("replies"))
    raw["replies"] = _unnested(arrow, raw)
    for version in range(header["schema"], schema.SCHEMA_VERSION):
        raw = UPGRADES[version](raw)
    return raw, header


def _check_version(path: Path, version: object) -> None:
    now = schema.SCHEMA_VERSION
    if not isinstance(version, int) or version < 1:
        raise FormatError(f"{path}: damaged, {version!r} is not a schema version")
    if version > now:
        raise FormatError(
            f"{path}: schema version {version} is newer than {now}: update trippy_nb to read it"
        )
    if version < now - 1:
        raise FormatError(
            f"{path}: schema version {version} is older than {now - 1}: "
            "read and save it with an older trippy_nb first"
        )


def _unnested(arrow: pa.Table, raw: Raw) -> pa.Table:
    """Put the replies in the probes' rows and the other ones together, in their order."""
    lists = arrow["replies"].combine_chunks()
    if isinstance(lists, pa.ChunkedArray):
        lists = pa.concat_arrays(lists.chunks) if lists.num_chunks else pa.array([], arrow["replies"].type)
    parents = pc.list_parent_indices(lists)
    inner = lists.flatten()
    columns = {field.name: inner.field(place) for place, field in enumerate(inner.type)}
    other = raw["other_replies"]
    for name in _KEY:
        columns[name] = arrow[name].take(parents).cast(other.schema.field(name).type)
    nested = pa.table({name: columns[name] for name in other.column_names}).cast(other.schema)
    both = pa.concat_tables([nested, other])
    if "reply_order" in raw:
        order = np.argsort(raw["reply_order"]["place"].to_numpy(), kind="stable")
    else:
        order = np.lexsort((both["reply"].to_numpy(), both["run_id"].to_numpy()))
    return _rtt_restored(both.take(order))


def _rtt_restored(table: pa.Table) -> pa.Table:
    place = table.schema.get_field_index("rtt_ns")
    if place < 0:
        return table
    ms = table["rtt_ns"].to_numpy() / NS_PER_MS  # NaN for nulls
    return table.set_column(place, "rtt_ms", pa.array(ms, from_pandas=True))


def _frames(raw: Raw, header: dict[str, Any]) -> Tables:
    frames = {}
    for name in ("runs", "probes", "replies", "flows", "packets", "handles"):
        table = schema.TABLES[name]
        columns = columns_from_arrow(raw[name], table, header["categories"].get(name, {}))
        for column in table.columns:
            if column.name not in columns and not column.nullable:
                raise SchemaError(f"{name}: column {column.name!r} is missing")
        frames[name] = frame_of(table, columns, raw[name].num_rows)
        check_frame(frames[name], table)
    return Tables(**frames)
