"""Frames go to Arrow and come back, column by column."""

import pandas as pd
import pyarrow as pa
import pytest

from tests.frames.play import small_trace
from trippy_nb.frames import HOPS, conform
from trippy_nb.frames.arrow import arrow_table, columns_from_arrow
from trippy_nb.frames.columns import frame_of


def test_each_table_comes_back_equal():
    for table, frame in small_trace().tables().items():
        words = {c.name: list(frame[c.name].cat.categories) for c in table.columns if c.dtype == "category"}
        columns = columns_from_arrow(arrow_table(frame), table, words)
        pd.testing.assert_frame_equal(frame_of(table, columns, len(frame)), frame)


def test_lists_come_back_as_tuples():
    row = {name: [0] for name in HOPS.names} | {"addrs": [("10.0.0.1", "10.0.0.2")], "share": [(0.5, 0.5)]}
    hops = conform(pd.DataFrame(row | {"mpls": ["a"], "mixed": [True], "nat": ["no"]}), HOPS)
    columns = columns_from_arrow(arrow_table(hops), HOPS, {})
    pd.testing.assert_frame_equal(frame_of(HOPS, columns, 1), hops)


def test_missing_values_are_nulls_and_types_are_the_plain_ones():
    arrow = arrow_table(small_trace().tables().probes)
    assert arrow["rtt_ms"].null_count == 6
    assert arrow["addr"].null_count == 6
    assert arrow.schema.field("ttl").type == pa.uint8()
    assert arrow.schema.field("seq").type == pa.uint16()
    assert arrow.schema.field("sent_at").type == pa.timestamp("ns", tz="UTC")
    assert arrow.schema.field("status").type == pa.dictionary(pa.int32(), pa.string())


def test_tables_are_an_arrow_stream_of_probes():
    tables = small_trace().tables()
    stream = pa.RecordBatchReader.from_stream(tables).read_all()
    assert stream.equals(arrow_table(tables.probes))


def test_a_word_that_is_not_among_the_categories_is_refused():
    table, frame = next(iter(small_trace().tables().items()))
    with pytest.raises(ValueError, match="word that is not among"):
        columns_from_arrow(arrow_table(frame), table, {"source": ["sim"]})


def test_importing_the_room_does_not_import_parquet():
    import subprocess
    import sys

    code = "import sys, trippy_nb.frames; sys.exit('pyarrow.parquet' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
