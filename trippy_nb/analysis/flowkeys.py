"""What a balancer sees of a flow: by this, flows of different runs are told to be the same or not."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

HEADER = ("sport", "dport", "icmp_checksum", "paris_id", "flow_label")
"""What balancers hash. Not the ICMP identifier: it tells runs apart, and Paris traceroute's premise for ICMP
is that the checksum, which lies where others have their ports, is what counts."""

Definition = tuple[Any, ...]
"""Source, target, protocol and the header fields of `HEADER`, None where one is not known."""


def definitions(tables: "Tables") -> dict[tuple[int, int], Definition]:
    """Return the definition of each (run_id, flow) that `flows` lists."""
    runs, flows = tables.runs, tables.flows
    ids = runs["run_id"].tolist()
    sides = dict(zip(ids, _rows(runs, ("src_addr", "dst_addr", "protocol")), strict=True))
    keys = zip(flows["run_id"].tolist(), flows["flow"].tolist(), strict=True)
    return {
        key: (*sides.get(key[0], ()), *header) for key, header in zip(keys, _rows(flows, HEADER), strict=True)
    }


def _rows(frame: pd.DataFrame, names: tuple[str, ...]) -> Iterator[Definition]:
    """Return some columns row by row; None where nothing is known."""
    columns = (frame[name].astype(object) for name in names)
    return zip(*(column.where(column.notna(), None).tolist() for column in columns), strict=True)


def known(definition: Definition) -> bool:
    """Tell whether a definition says what the header of its packets looks like."""
    return len(definition) > len(HEADER) and any(value is not None for value in definition[-len(HEADER) :])
