"""Runs made by hand: small enough to check by eye, with everything a picture must cope with.

Hop 1 answers always; hop 2 is a pair of responders, one flow each, and one probe went unanswered; hop 3
never answers; hop 4 is slow, late once, and its loss lies in the second half; hop 5 is the target.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.analysis import compare_tables, epochs, hop_graph, hop_table, path_changes
from trippy_nb.display import card_from_tables
from trippy_nb.frames import tables_from_probes
from trippy_nb.widgets import Explored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trippy_nb.analysis import ComparisonTables
    from trippy_nb.frames import Tables

TARGET = "198.51.100.7"
NAMES = {"192.0.2.1": "gateway.example.net", TARGET: "www.example.com"}
BASE_MS = {1: 1.0, 2: 4.0, 4: 20.0, 5: 24.0}


def _probe(
    round_: int, flow: int, ttl: int, rng: np.random.Generator, hop_4: str, extra_ms: float
) -> dict[str, Any]:
    start = pd.Timestamp("2026-11-23T20:00:00Z")
    row: dict[str, Any] = {
        "round": round_,
        "flow": flow,
        "ttl": ttl,
        "sent_at": start + pd.Timedelta(round_ * 1000 + flow * 100 + ttl * 10, unit="ms"),
        "status": "reply",
        "addr": {1: "192.0.2.1", 2: f"203.0.113.{1 + flow}", 4: hop_4, 5: TARGET}.get(ttl),
    }
    lost = ttl == 3 or (ttl, round_, flow) == (2, 5, 1) or (ttl == 4 and round_ >= 20 and round_ % 4 == 0)
    if lost:
        return row | {"status": "timeout", "addr": None}
    shift = extra_ms if ttl >= 4 else 0.0
    rtt_ms = BASE_MS[ttl] + shift + float(rng.gamma(1.5, 0.4 + ttl / 8))
    late = (ttl, round_, flow) == (4, 7, 0)
    return row | {"status": "late" if late else "reply", "rtt_ms": rtt_ms + (60.0 if late else 0.0)}


def made_tables(
    *,
    rounds: int = 40,
    flows: int = 2,
    hop_4: str = "198.51.100.1",
    extra_ms: float = 0.0,
    seed: int = 1,
    **run: Any,
) -> Tables:
    """Make the tables of one run."""
    rng = np.random.default_rng(seed)
    rows = [
        _probe(round_, flow, ttl, rng, hop_4, extra_ms)
        for round_ in range(rounds)
        for flow in range(flows)
        for ttl in range(1, 6)
    ]
    known = {
        "run_id": 0,
        "source": "live",
        "vantage": "laptop",
        "src_addr": "192.0.2.100",
        "target": "www.example.com",
        "dst_addr": TARGET,
        "protocol": "udp",
        "method": "paris",
        "mode": "raw",
        "end_reason": "rounds",
        "flow_stable": True,
        "tool": "trippy_nb",
    }
    tables = tables_from_probes(pd.DataFrame(rows), runs=pd.DataFrame([known | run]))
    ports = tables.flows.assign(
        sport=33000 + tables.flows["flow"].astype("UInt16"), dport=pd.array([33434] * flows, "UInt16")
    )
    return replace(tables, flows=ports)


def explored(tables: Tables, *, names: Mapping[str, str] | None = None) -> Explored:
    """What an Explorer shows of these tables."""
    hops, names = hop_table(tables), names or {}
    return Explored(
        tables=tables,
        hops=hops,
        graph=hop_graph(tables),
        names=names,
        card=card_from_tables(tables, hops, names=names),
        along=tables,
        epochs=epochs(tables),
        changes=path_changes(tables),
    )


def made_comparison(**after: Any) -> ComparisonTables:
    """Compare the run with one that takes another way at hop 4 and is 9 ms slower from there."""
    later: dict[str, Any] = {"hop_4": "198.51.100.2", "extra_ms": 9.0, "seed": 2} | after
    return compare_tables(made_tables(), made_tables(**later))
