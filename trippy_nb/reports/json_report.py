"""Our JSON: numeric, versioned, null for what is missing. The format is described in `docs/json.md`."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from trippy_nb.frames.schema import HOPS, PROBES, SCHEMA_VERSION
from trippy_nb.reports.hops import isoformat

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

SCHEMA_NAME = "trippy_nb/report"
REPORT_VERSION = 1

_RUN_FIELDS = (
    "run_uuid", "target", "dst_addr", "src_addr", "af", "protocol", "method", "mode", "reason",
    "started_at", "ended_at", "rounds", "end_reason", "outcome", "target_ttl", "error", "foreign",
    "unmatched", "clock", "flow_stable", "has_quote_header", "tool", "tool_version",
)  # fmt: skip
_HOP_FIELDS = tuple(name for name in HOPS.names if name not in ("run_id", "addrs", "share", "n_addrs"))
_PROBE_FIELDS = tuple(name for name in PROBES.names if name != "run_id")


def json_report(runs: Iterable[tuple["Tables", pd.DataFrame, Mapping[str, str]]]) -> str:
    """Write runs with their hop tables as one JSON document."""
    document = {
        "schema": SCHEMA_NAME,
        "version": REPORT_VERSION,
        "tables_version": SCHEMA_VERSION,
        "runs": [_run(tables, hops, names) for tables, hops, names in runs],
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def probe_lines(probes: pd.DataFrame, *, target: str) -> Iterator[str]:
    """Write each row of a PROBES frame as one JSON object on a line of its own."""
    for row in probes.to_dict("records"):
        fields = {name: _plain(row[name]) for name in _PROBE_FIELDS}
        yield json.dumps({"target": target, **fields}, ensure_ascii=False, allow_nan=False)


def _run(tables: "Tables", hops: pd.DataFrame, names: Mapping[str, str]) -> dict[str, Any]:
    row = tables.runs.iloc[0]
    run = {name: _plain(row[name]) for name in _RUN_FIELDS}
    config = row["config"]
    run["config"] = json.loads(config) if isinstance(config, str) else None
    run["hops"] = [_hop(hop, names) for hop in hops.to_dict("records")]
    return run


def _hop(row: Mapping[Any, Any], names: Mapping[str, str]) -> dict[str, Any]:
    hop = {name: _plain(row[name]) for name in _HOP_FIELDS}
    hop["responders"] = [
        {"addr": addr, "host": names.get(addr), "share": float(share)}
        for addr, share in zip(row["addrs"], row["share"], strict=True)
    ]
    return hop


def _plain(value: Any) -> Any:  # noqa: ANN401 - any cell of a frame
    """Turn a cell into what JSON has: missing is null, a time is RFC 3339, a numpy number a number."""
    if value is None or value is pd.NaT or value is pd.NA or value != value:  # NaN  # noqa: PLR0124 - NaN is not itself
        return None
    if isinstance(value, pd.Timestamp):
        return isoformat(value)
    return value.item() if hasattr(value, "item") else value
