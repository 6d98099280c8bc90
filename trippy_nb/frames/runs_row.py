"""The one row that says what was asked, how it was done and how it ended."""

import dataclasses
import functools
import importlib.metadata
import json
from typing import Any, Final

import numpy as np
import pandas as pd

from trippy_nb.frames import columns as col
from trippy_nb.frames.circles import NOBODY, circle_of
from trippy_nb.frames.records import NO_PROBE, NO_TIME, Records
from trippy_nb.frames.schema import RUNS
from trippy_nb.frames.snapshot import Rows, Snapshot
from trippy_nb.frames.timing import Offsets
from trippy_nb.model import Multipath, Outcome, Plan, PmtuOptions, Protocol, SocketMode

IPV4, IPV6 = 4, 6
_UNREACHABLE_V4, _UNREACHABLE_V6 = 3, 1  # ICMP type of RFC 792, and of RFC 4443 section 3.1
_TOO_BIG_V4 = 4  # code of type 3 that tells of an MTU, RFC 1191 section 4
_SYN_SIZE: Final = {IPV4: 44, IPV6: 64}  # as wire encodes it: IP header, TCP header, MSS option
_PATHS_LOOKED_AT: Final = 100  # for a loop
_FULL_QUOTES: Final = (SocketMode.RAW, SocketMode.SIM)


def has_unreachable(replies: Records, af: int) -> bool:
    """Whether any of these replies says, not in the target's name, that it cannot be reached."""
    kind, code = replies["icmp_type"], replies["icmp_code"]
    says = kind == (_UNREACHABLE_V4 if af == IPV4 else _UNREACHABLE_V6)
    if af == IPV4:
        says &= code != _TOO_BIG_V4
    return bool((says & (replies["from_target"] == 0) & (replies["key"] != NO_PROBE)).any())


def runs_frame(snap: Snapshot, rows: Rows, *, n_suspect: int, packets_dropped: int) -> pd.DataFrame:
    """Make the RUNS frame of one run.

    Parameters
    ----------
    snap, rows
        The run.
    n_suspect
        RTTs whose kernel stamps were not believed.
    packets_dropped
        Packets that the PACKETS frame lacks.
    """
    plan, config = snap.plan, snap.plan.config
    known: dict[str, Any] = {
        "run_id": 0,
        "run_uuid": snap.run_uuid,
        "source": snap.source,
        "source_ref": snap.source_ref,
        "vantage": snap.vantage,
        "target": plan.target.name,
        "dst_addr": plan.target.addr,
        "src_addr": plan.source,
        "af": plan.af,
        "protocol": plan.protocol,
        "method": plan.multipath if plan.purpose is None else plan.purpose.algorithm,
        "mode": plan.mode,
        "reason": plan.reason,
        "sport": plan.sport,
        "dport": plan.dport,
        "started_at": snap.started_ns,
        "ended_at": _ended_ns(snap),
        "rounds": _count(rows.probes["round"]) or 0,
        "first_ttl": config.first_ttl,
        "max_ttl": config.max_ttl,
        "attempts": _count(rows.probes["attempt"]),
        "size": sent_size(plan),
        "tos": config.tos,
        "timeout_ms": config.probe_timeout * 1e3,
        "end_reason": _end_reason(snap),
        "outcome": _outcome(snap, rows),
        "error": snap.error,
        "target_ttl": snap.target_ttl,
        "foreign": snap.foreign,
        "unmatched": snap.unmatched,
        "dropped_probes": rows.dropped,
        "dropped_packets": packets_dropped,
        "clock_suspect": n_suspect,
        "tool": "trippy_nb",
        "tool_version": _version(),
        "clock": _clock(snap, rows),
        "has_probes": True,
        "has_losses": True,
        "has_send_times": True,
        "has_all_replies": True,
        "has_quote_header": plan.mode in _FULL_QUOTES,
        "flow_stable": plan.flow_stable,
        "config": _config_json(plan),
    }
    return one_row(known)


def one_row(known: dict[str, Any]) -> pd.DataFrame:
    """Make a RUNS frame of one row; times are ns since 1970, what is None or absent is missing."""
    columns: dict[str, Any] = {}
    for column in RUNS.columns:
        value = known.get(column.name)
        if value is None:
            continue
        token = column.dtype
        if token == "category":  # noqa: S105 - a dtype token
            columns[column.name] = col.repeated(str(value), 1, column.words or (str(value),))
        elif token == "str":  # noqa: S105 - a dtype token, no password
            columns[column.name] = pd.Series([str(value)], dtype="str")
        elif token == "utc":  # noqa: S105 - a dtype token, no password
            columns[column.name] = col.moments(np.array([value], np.int64))
        elif token in col.NULLABLE:
            columns[column.name] = col.whole_numbers(np.array([value], np.int64), token)
        else:
            columns[column.name] = np.array([value], dtype=col.PLAIN[token])
    return col.frame_of(RUNS, columns, 1)


def _count(numbers: Records) -> int | None:
    return int(numbers.max()) + 1 if len(numbers) else None


def _ended_ns(snap: Snapshot) -> int | None:
    if snap.end_reason is None and snap.error is None:
        return None
    return int(Offsets.of(snap.samples).wall(np.array([snap.at_ns]))[0])


def _end_reason(snap: Snapshot) -> str | None:
    if snap.end_reason is None and snap.error is not None:
        return "error"
    return snap.end_reason


def _outcome(snap: Snapshot, rows: Rows) -> Outcome | None:
    if snap.target_ttl is not None:
        return Outcome.REACHED
    if _end_reason(snap) is None:
        return None  # too early to say
    if not snap.answered:
        return Outcome.NOTHING
    if snap.unreachable or has_unreachable(rows.replies, snap.plan.af):
        return Outcome.FILTERED
    if _has_loop(rows):
        return Outcome.LOOP
    return Outcome.DESTINATION_SILENT


def _has_loop(rows: Rows) -> bool:
    """Whether most of the last paths went in circles."""
    probes = rows.probes
    path = probes["round"].astype(np.int64) << 16 | probes["flow"]
    starts = np.flatnonzero(np.diff(path, prepend=-1))[-_PATHS_LOOKED_AT:]
    responder = np.append(rows.replies["responder"].astype(np.int64), NOBODY)[rows.first]
    ways = np.split(responder[starts[0] :], starts[1:] - starts[0]) if len(starts) else []
    return 2 * sum(len(circle_of(way.tolist())) > 1 for way in ways) > len(ways)


def sent_size(plan: Plan) -> int | None:
    """Return the size of every probe, a whole IP packet, in bytes; None where it varies or is not known."""
    if plan.protocol is Protocol.TCP:
        return _SYN_SIZE[plan.af] if plan.mode in _FULL_QUOTES else None  # else the kernel's own SYN
    if plan.multipath is Multipath.DUBLIN and plan.af == IPV6:
        return None  # each probe has its own
    return plan.config.packet_size


def _clock(snap: Snapshot, rows: Rows) -> str:
    if snap.plan.mode is SocketMode.SIM:
        return "simulated"
    replies = rows.replies[rows.matched]
    if (replies["kernel_ns"] != NO_TIME).any() or (replies["rtt_ns"] != NO_TIME).any():
        return "kernel"
    return "user" if len(replies) else "unknown"


def _config_json(plan: Plan) -> str:
    config = dataclasses.asdict(plan.config)
    if plan.purpose is not None:
        name = "pmtu" if isinstance(plan.purpose, PmtuOptions) else "discovery"
        config[name] = dataclasses.asdict(plan.purpose)
    return json.dumps(config, sort_keys=True)


@functools.cache
def _version() -> str | None:
    try:
        return importlib.metadata.version("trippy_nb")
    except importlib.metadata.PackageNotFoundError:
        return None
