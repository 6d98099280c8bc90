"""RIPE Atlas traceroute results: https://atlas.ripe.net/docs/apis/measurement-result-format.

One result is one run of one round. There is no time of a single packet, and no quoted header; a late
answer names no probe, so it is a reply without one, and the probe stays unanswered.
"""

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.errors import FormatError
from trippy_nb.formats.ripe_atlas.hops import BadRecordError, Hops, hops_of, text_of, whole_of
from trippy_nb.frames import FLOWS, REPLIES, Tables, conform, tables_from_probes
from trippy_nb.model import Protocol, normalise_address

if TYPE_CHECKING:
    from os import PathLike

_LISTS = ("info", "results", "objects")
"""Keys under which files hold the list of results."""
_KEPT = ("msm_id", "msm_name", "group_id", "fw", "mver", "lts", "size", "ttr", "from", "paris_id", "edst")
"""Facts of a result that no column holds; they go to `runs.config`."""
_SHOWN = 60


@dataclass(slots=True)
class _Rows:
    """Rows of the tables, as they are found."""

    runs: list[dict[str, Any]] = field(default_factory=list)
    probes: list[dict[str, Any]] = field(default_factory=list)
    replies: list[dict[str, Any]] = field(default_factory=list)
    flows: list[dict[str, Any]] = field(default_factory=list)


def read_atlas(path: "str | PathLike[str]") -> Tables:
    """Read RIPE Atlas traceroute results.

    Parameters
    ----------
    path
        A JSON list of results, an object that holds one, or one result a line; may be gzipped.

    Returns
    -------
    tables
        One run a result, in the order of the file: `source` ``ripe-atlas``, `source_ref` measurement/probe,
        `vantage` the probe's number, `flow_stable` where the Paris id is not 0. The packet with TTL 255 that
        is sent after too much silence has the status ``beyond_target``. What is no traceroute result is a run
        without probes, whose `error` says where it is and why: nothing is left out in silence.

    Raises
    ------
    FormatError
        If the file cannot be read, or holds nothing that looks like a result of RIPE Atlas.
    """
    records = list(_records(Path(path)))
    rows = _Rows()
    for run_id, (place, record) in enumerate(records):
        _add(rows, run_id, place, record)
    if not any(run["has_probes"] for run in rows.runs):
        reason = rows.runs[0]["error"] if rows.runs else "it is empty"
        raise FormatError(f"{path}: no traceroute result of RIPE Atlas in it; {reason}")
    return _tables(rows)


def _records(path: Path) -> Iterator[tuple[str, Any]]:
    """Go through the results: where each is, and what it is; a text, if it is no JSON."""
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8", errors="replace")
    except (OSError, EOFError, zlib.error) as exc:
        raise FormatError(f"{path}: cannot be read: {exc}") from exc
    try:
        whole = json.loads(text)
    except ValueError:
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                yield f"line {number}", _parsed(line)
        return
    if isinstance(whole, dict):
        held = next((whole[name] for name in _LISTS if isinstance(whole.get(name), list)), [whole])
    else:
        held = whole if isinstance(whole, list) else [whole]
    yield from ((f"result {number}", record) for number, record in enumerate(held, start=1))


def _parsed(line: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(line)
    except ValueError:
        return line


def _add(rows: _Rows, run_id: int, place: str, record: Any) -> None:  # noqa: ANN401 - any JSON
    """Add a result, or a run that says why it is none."""
    try:
        _check(record)
        run = _run(record)
        hops = hops_of(record, run_id)
    except BadRecordError as exc:
        rows.runs.append({"run_id": run_id, **_flags(), "has_probes": False, "error": f"{place}: {exc}"})
        return
    notes = [*hops.notes, *([f"{hops.unreadable} answers could not be read"] if hops.unreadable else [])]
    run |= {"run_id": run_id, "error": f"{place}: {'; '.join(notes)}" if notes else None, **_extent(hops)}
    rows.runs.append(run)
    rows.probes += hops.probes
    rows.replies += hops.replies
    if hops.probes:
        rows.flows.append({"run_id": run_id, "flow": 0, "paris_id": whole_of(record, "paris_id", 0xFFFF)})


def _check(record: Any) -> None:  # noqa: ANN401 - any JSON
    if not isinstance(record, dict):
        raise BadRecordError(f"not a JSON object: {str(record)[:_SHOWN]}")
    if record.get("type", "traceroute") != "traceroute":
        raise BadRecordError(f"a result of type {str(record['type'])[:_SHOWN]}")


def _run(record: dict[str, Any]) -> dict[str, Any]:
    """Tell what a result says about all of its packets."""
    protocol = text_of(record, "proto")
    paris = whole_of(record, "paris_id", 0xFFFF)
    probe = whole_of(record, "prb_id")
    config = {name: record[name] for name in _KEPT if name in record}
    return {
        **_flags(),
        "source_ref": f"{record.get('msm_id', '?')}/{record.get('prb_id', '?')}",
        "vantage": None if probe is None else str(probe),
        "target": text_of(record, "dst_name") or text_of(record, "dst_addr"),
        "dst_addr": _address(record, "dst_addr"),
        "src_addr": _address(record, "src_addr"),
        "af": whole_of(record, "af", 6) or whole_of(record, "pf", 6),
        "protocol": protocol.lower() if protocol and protocol.lower() in tuple(Protocol) else None,
        "method": None if paris is None else "paris" if paris else "classic",
        "started_at": _moment(record, "timestamp"),
        "ended_at": _moment(record, "endtime"),
        "rounds": 1,
        "tos": whole_of(record, "tos", 0xFF),
        "tool_version": None if record.get("fw") is None else str(record["fw"]),
        "flow_stable": bool(paris),
        "config": json.dumps(config, sort_keys=True),
    }


def _flags() -> dict[str, Any]:
    return {
        "source": "ripe-atlas",
        "tool": "ripe-atlas",
        "has_probes": True,
        "has_losses": True,
        "has_send_times": False,
        "has_all_replies": True,
        "has_quote_header": False,
        "flow_stable": False,
    }


def _extent(hops: Hops) -> dict[str, Any]:
    """Tell the TTLs of a result, without that of the packet past the target."""
    ttls = [probe["ttl"] for probe in hops.probes if probe["status"] != "beyond_target"]
    return {"first_ttl": min(ttls, default=None), "max_ttl": max(ttls, default=None)}


def _address(record: dict[str, Any], name: str) -> str | None:
    text = text_of(record, name)
    try:
        return normalise_address(text) if text else None
    except ValueError:
        return None


def _moment(record: dict[str, Any], name: str) -> "pd.Timestamp | None":
    seconds = whole_of(record, name, 2**33)
    return None if seconds is None else pd.Timestamp(seconds, unit="s", tz="UTC")


def _tables(rows: _Rows) -> Tables:
    runs = pd.DataFrame(rows.runs, dtype=object)
    frame = pd.DataFrame(rows.probes)
    made = tables_from_probes(frame, runs=runs)
    return Tables(
        runs=_mended(made.runs, made.probes),
        probes=made.probes,
        replies=_replies(rows.replies, runs),
        flows=conform(pd.DataFrame(rows.flows), FLOWS),
        packets=made.packets,
        handles=made.handles,
    )


def _mended(runs: pd.DataFrame, probes: pd.DataFrame) -> pd.DataFrame:
    """Take back the TTL of a target that only the packet past it found."""
    past = probes.loc[probes["status"] == "beyond_target"].groupby("run_id")["ttl"].min()
    told = runs["target_ttl"].to_numpy(dtype=np.int64, na_value=0)
    untold = told == past.reindex(runs["run_id"]).to_numpy(dtype=np.float64)
    return runs.assign(target_ttl=runs["target_ttl"].mask(untold))


def _replies(rows: list[dict[str, Any]], runs: pd.DataFrame) -> pd.DataFrame:
    columns = {column.name: [row.get(column.name) for row in rows] for column in REPLIES.columns}
    frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})
    frame["reply"] = frame.groupby("run_id").cumcount()
    target = dict(zip(runs["run_id"], runs["dst_addr"], strict=True)) if "dst_addr" in runs else {}
    # Another responder says nothing: targets answer from other addresses of theirs, too.
    frame["from_target"] = [
        True if target.get(run) == addr else None
        for run, addr in zip(frame["run_id"], frame["addr"], strict=True)
    ]
    frame["nat"] = "unknown"
    return conform(frame, REPLIES)
