"""What a balancer sees of a flow: by this, flows of different runs are told to be the same or not."""

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
    sides = {
        int(run): tuple(map(_plain, side))
        for run, *side in runs[["run_id", "src_addr", "dst_addr", "protocol"]].itertuples(index=False)
    }
    return {
        (int(run), int(flow)): (*sides.get(int(run), ()), *map(_plain, header))
        for run, flow, *header in flows[["run_id", "flow", *HEADER]].itertuples(index=False)
    }


def _plain(value: Any) -> Any:  # noqa: ANN401 - a cell of a frame
    return None if pd.isna(value) else value


def known(definition: Definition) -> bool:
    """Tell whether a definition says what the header of its packets looks like."""
    return any(value is not None for value in definition[-len(HEADER) :]) and len(definition) > len(HEADER)
