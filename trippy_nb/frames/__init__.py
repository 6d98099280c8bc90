"""Tables: the schema, the recorder that fills them, and the one file format of ours."""

from trippy_nb.frames.build import handles_frame as handles_frame
from trippy_nb.frames.check import check_frame as check_frame
from trippy_nb.frames.check import conform as conform
from trippy_nb.frames.check import empty_frame as empty_frame
from trippy_nb.frames.imported import tables_from_probes as tables_from_probes
from trippy_nb.frames.recorder import Recorder as Recorder
from trippy_nb.frames.schema import FLOWS as FLOWS
from trippy_nb.frames.schema import HANDLES as HANDLES
from trippy_nb.frames.schema import HOPS as HOPS
from trippy_nb.frames.schema import PACKETS as PACKETS
from trippy_nb.frames.schema import PROBES as PROBES
from trippy_nb.frames.schema import REPLIES as REPLIES
from trippy_nb.frames.schema import RUNS as RUNS
from trippy_nb.frames.schema import SCHEMA_VERSION as SCHEMA_VERSION
from trippy_nb.frames.schema import TABLES as TABLES
from trippy_nb.frames.schema import Column as Column
from trippy_nb.frames.schema import Table as Table
from trippy_nb.frames.split import split_tables as split_tables
from trippy_nb.frames.store import read_tables as read_tables
from trippy_nb.frames.store import write_tables as write_tables
from trippy_nb.frames.tables import Tables as Tables
from trippy_nb.frames.tables import concat as concat
from trippy_nb.frames.tables import concat_tables as concat_tables
