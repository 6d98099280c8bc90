"""Tables made by hand: a run is a list of rounds, a round is a row of responders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from trippy_nb.frames import FLOWS, REPLIES, Tables, conform, tables_from_probes

TARGET = "198.51.100.9"
SOURCE = "192.0.2.1"

Row = dict[str, Any]


def a(number: int) -> str:
    """A router's address."""
    return f"10.0.{number // 256}.{number % 256}"


def probe(round: int, ttl: int, addr: str | None = None, rtt: float | None = None, **more: Any) -> Row:  # noqa: A002 - the column is called round
    """One probe: an address answers, None is silence, unless `status` says something else."""
    if rtt is None and addr is not None:
        rtt = float(ttl)
    return {
        "run_id": 0,
        "round": round,
        "flow": 0,
        "ttl": ttl,
        "attempt": 0,
        "status": "timeout" if addr is None else "reply",
        "addr": addr,
        "rtt_ms": rtt,
    } | more


def rounds(*paths: Sequence[str | None], flow: int = 0, first_ttl: int = 1, run_id: int = 0) -> list[Row]:
    """One round for each path; the places of a path are its TTLs."""
    return [
        probe(number, first_ttl + place, addr, flow=flow, run_id=run_id)
        for number, path in enumerate(paths)
        for place, addr in enumerate(path)
    ]


def tables(
    rows: Iterable[Row],
    *,
    stable: bool = True,
    dst: str | None = TARGET,
    src: str = SOURCE,
    protocol: str = "udp",
    sport: int | None = 5000,
    **run: Any,
) -> Tables:
    """Tables of these probes; flow f has the source port `sport` + f."""
    frame = pd.DataFrame(list(rows), columns=list(probe(0, 1)))
    frame["addr"] = frame["addr"].astype("str")
    frame["rtt_ms"] = frame["rtt_ms"].astype("float64")
    run_ids = sorted(set(frame["run_id"])) or [0]
    facts = {
        "target": dst,
        "dst_addr": dst,
        "src_addr": src,
        "protocol": protocol,
        "flow_stable": stable,
    } | run
    made = tables_from_probes(frame, runs=pd.DataFrame([{"run_id": run_id} | facts for run_id in run_ids]))
    pairs = sorted({*zip(frame["run_id"], frame["flow"], strict=True)})
    flows = pd.DataFrame(
        [
            {"run_id": run_id, "flow": flow, "sport": None if sport is None else sport + flow}
            for run_id, flow in pairs
        ],
        columns=["run_id", "flow", "sport"],
    )
    return replaced(made, flows=conform(flows, FLOWS))


def replaced(made: Tables, **frames: pd.DataFrame) -> Tables:
    """The same tables with other frames in some places."""
    return Tables(**({table.name: frame for table, frame in made.items()} | frames))


def said(made: Tables, **columns: Callable[[Any], Any]) -> Tables:
    """The same answers, with these columns of REPLIES made of each row."""
    replies = made.replies.copy()
    for name, value_of in columns.items():
        values = [value_of(row) for row in replies.itertuples(index=False)]
        replies[name] = pd.Series(values, dtype=object)
        if REPLIES.column(name).dtype in ("category", "str"):
            replies[name] = replies[name].astype("str")
    return replaced(made, replies=conform(replies, REPLIES))


def quoted(made: Tables, **columns: Callable[[Any], Any]) -> Tables:
    """The same answers as routers on a plain path give them, but for these columns."""
    plain: dict[str, Callable[[Any], Any]] = {
        "q_ttl": lambda _: 1,
        "q_tos": lambda _: 0,
        "reply_ttl": lambda row: 255 - (int(row.ttl) - 1),
        "rewritten": lambda _: "",
        "icmp_type": lambda row: 3 if row.addr == TARGET else 11,
        "icmp_code": lambda row: 3 if row.addr == TARGET else 0,
    }
    tos = pd.array([0] * len(made.runs), dtype="UInt8")
    return said(replaced(made, runs=made.runs.assign(has_quote_header=True, tos=tos)), **(plain | columns))


def shuffled(made: Tables, seed: int) -> Tables:
    """The same rows in another order, in frames with another index."""
    rng = np.random.default_rng(seed)
    return replaced(
        made,
        **{
            table.name: frame.iloc[rng.permutation(len(frame))]
            for table, frame in made.items()
            if table.name in ("probes", "replies", "flows", "runs")
        },
    )
