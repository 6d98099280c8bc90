"""Hops whose answers travelled by the end of a tunnel: their RTTs are not theirs."""

from typing import TYPE_CHECKING

import numpy as np

from trippy_nb.analysis.arrays import Bools
from trippy_nb.analysis.cells import Cells
from trippy_nb.analysis.evidence.statement import OneRun
from trippy_nb.analysis.evidence.tunnels import tunnel_statements
from trippy_nb.frames.split import by_run

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

_KIND = "icmp-tunnelled"


def tunnelled_cells(tables: "Tables", cells: Cells) -> Bools:
    """Tell which cells are of hops that `evidence` calls ``icmp-tunnelled``, however strongly."""
    odd = np.zeros(len(cells.run), dtype=np.bool_)
    labelled = set(tables.replies.loc[tables.replies["mpls"].notna(), "run_id"].tolist())
    if not labelled:
        return odd
    for run_id, part in by_run(tables):
        if run_id in labelled:
            for said in tunnel_statements(OneRun(part)):
                if said.kind == _KIND and said.ttl is not None and said.last_ttl is not None:
                    inside = (cells.run == run_id) & (cells.ttl >= said.ttl) & (cells.ttl <= said.last_ttl)
                    odd |= inside & (np.isin(cells.flow, said.flows) if said.flows else True)
    return odd
