"""Tables from nothing but probes: what the source did not say stays missing, and the flags say so."""

import hashlib
import uuid
from typing import Any, Final

import numpy as np
import pandas as pd

from trippy_nb.errors import SchemaError
from trippy_nb.frames import columns as col
from trippy_nb.frames.check import check_frame, conform, empty_frame
from trippy_nb.frames.columns import AnyInts, Bools
from trippy_nb.frames.schema import FLOWS, HANDLES, PACKETS, PROBES, REPLIES, RUNS
from trippy_nb.frames.tables import Tables
from trippy_nb.model import Outcome, ReplyKind, RttSource, Status

_SILENT: Final = (Status.TIMEOUT.word, Status.IN_FLIGHT.word)
_LOOKED_AT: Final = ("round", "ttl", "attempt", "sent_at", "status", "addr")
_NAMESPACE: Final = uuid.UUID("6f0d8f2e-6a70-5c0b-9d0a-7d4f2a8f6b11")  # ours; any constant would do


def tables_from_probes(frame: pd.DataFrame, *, runs: pd.DataFrame | None = None) -> Tables:
    """Make tables of probes that came from anywhere.

    Parameters
    ----------
    frame
        Like PROBES, at least with `ttl`. Defaults: `run_id`, `round` and `flow` 0; `attempt` counts within
        (run_id, round, flow, ttl); `status` is ``reply`` where there is an address or an RTT, else
        ``timeout``; `rtt_source` is ``imported``.
    runs
        What is known of the runs: any columns of RUNS, by `run_id`.

    Returns
    -------
    tables
        `replies` has one row for each answered probe; its source knew no others. `run_uuid` is made from
        the content, so the same probes are the same run.

    Raises
    ------
    SchemaError
        If `ttl` is missing, or a column does not fit the schema.
    """
    probes = _complete_probes(frame)
    runs_frame = _complete_runs(probes, runs)
    flows = probes[["run_id", "flow"]].drop_duplicates().sort_values(["run_id", "flow"], ignore_index=True)
    return Tables(
        runs=runs_frame,
        probes=probes,
        replies=_first_replies(probes, runs_frame),
        flows=conform(flows, FLOWS),
        packets=empty_frame(PACKETS),
        handles=empty_frame(HANDLES),
    )


def _complete_probes(frame: pd.DataFrame) -> pd.DataFrame:
    if "ttl" not in frame.columns:
        raise SchemaError("probes: column 'ttl' is missing")
    probes = frame.reset_index(drop=True)
    for name in ("run_id", "round", "flow"):
        if name not in probes.columns:
            probes[name] = 0
    if "attempt" not in probes.columns:
        probes["attempt"] = probes.groupby(["run_id", "round", "flow", "ttl"]).cumcount()
    for name in ("addr", "rtt_ms"):
        if name not in probes.columns:
            probes[name] = col.blank(PROBES.column(name), len(probes))
    answered = probes["addr"].notna() | probes["rtt_ms"].notna()
    if "status" not in probes.columns:
        probes["status"] = np.where(answered, Status.REPLY.word, Status.TIMEOUT.word)
    if "rtt_source" not in probes.columns:
        probes["rtt_source"] = probes["rtt_ms"].notna().map({True: RttSource.IMPORTED.word})
    if "n_replies" not in probes.columns:
        probes["n_replies"] = answered.astype(np.uint8)
    return conform(probes, PROBES)


def _first_replies(probes: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    answered = probes[probes["addr"].notna()].reset_index(drop=True)
    target = (
        runs.set_index("run_id")["dst_addr"].astype("str").reindex(answered["run_id"]).reset_index(drop=True)
    )
    # Another responder says nothing: targets answer from other addresses of theirs, too.
    from_target = (target == answered["addr"].astype("str")).astype("boolean").where(lambda same: same)
    late = answered["status"] == Status.LATE.word
    replies = answered.assign(
        reply=answered.groupby("run_id").cumcount(),
        reply_no=np.uint8(0),
        kind=np.where(late, ReplyKind.LATE.word, ReplyKind.FIRST.word),
        received_at=answered["sent_at"] + pd.to_timedelta(np.rint(answered["rtt_ms"] * 1e6), unit="ns"),
        from_target=from_target,
        nat="unknown",
    )
    return conform(replies, REPLIES)


def _complete_runs(probes: pd.DataFrame, known: pd.DataFrame | None) -> pd.DataFrame:
    ids = np.unique(probes["run_id"]).astype(np.uint32)
    if known is not None:
        ids = np.unique(np.append(ids, known["run_id"].astype(np.uint32)))
    rows = probes.groupby("run_id").indices
    # Over all rows at once: there may be a run for every few of them.
    hashes, final = _row_hashes(probes), _only_from_targets(probes)
    none = np.zeros(0, dtype=np.int64)
    derived = pd.DataFrame(
        [_derive_run(int(i), probes, np.asarray(rows.get(i, none)), hashes, final) for i in ids]
    )
    if not len(ids):
        return empty_frame(RUNS)
    if known is not None:
        given = known.set_index("run_id").reindex(ids)
        for name in given.columns:
            told = pd.Series(given[name].to_numpy(object), dtype=object)
            before = derived[name].astype(object) if name in derived.columns else None
            derived[name] = told if before is None else told.where(told.notna(), before)
    derived = _with_outcome(derived, probes)
    for column in RUNS.columns:
        if column.dtype == "utc" and column.name in derived.columns:
            derived[column.name] = pd.to_datetime(derived[column.name], utc=True)
    runs = conform(derived, RUNS)
    check_frame(runs, RUNS)
    return runs


def _derive_run(
    run_id: int, every: pd.DataFrame, rows: AnyInts, hashes: AnyInts, final: Bools
) -> dict[str, Any]:
    probes = every[list(_LOOKED_AT)].take(rows)
    addr = probes["addr"].dropna()
    sent_at = probes["sent_at"]
    n = len(probes)
    targets = probes["addr"][final[rows]].unique()
    return {
        "run_id": run_id,
        "run_uuid": _uuid_of(hashes[rows], run_id),
        "source": "imported",
        "dst_addr": str(targets[0]) if len(targets) == 1 else None,
        "af": None if addr.empty else 6 if ":" in addr.iloc[0] else 4,
        "started_at": sent_at.min(),
        "ended_at": sent_at.max(),
        "rounds": int(probes["round"].max()) + 1 if n else 0,
        "first_ttl": int(probes["ttl"].min()) if n else None,
        "max_ttl": int(probes["ttl"].max()) if n else None,
        "attempts": int(probes["attempt"].max()) + 1 if n else None,
        "foreign": 0,
        "unmatched": 0,
        "dropped_probes": 0,
        "clock_suspect": 0,
        "tool": "unknown",
        "clock": "unknown",
        "has_probes": True,
        "has_losses": bool(probes["status"].isin(_SILENT).any()),
        "has_send_times": bool(n and sent_at.notna().all()),
        "has_all_replies": False,
        "has_quote_header": False,
        "flow_stable": False,
    }


def _only_from_targets(probes: pd.DataFrame) -> Bools:
    """Find the answers that only a target gives; if one address gave all those of a run, it is the target.

    Echo replies, port unreachable, and answers that are not ICMP (SYN-ACK, RST): those without a type, if
    the run has types at all.
    """
    answered = probes["addr"].notna().to_numpy()
    v6 = probes["addr"].astype("str").str.contains(":").fillna(value=False).to_numpy(dtype=bool)
    kind = probes["icmp_type"].to_numpy(dtype=np.int64, na_value=-1)
    code = probes["icmp_code"].to_numpy(dtype=np.int64, na_value=-1)
    by_v4 = ~v6 & ((kind == 0) | ((kind == 3) & (code == 3)))  # noqa: PLR2004 - RFC 792
    by_v6 = v6 & ((kind == 129) | ((kind == 1) & (code == 4)))  # noqa: PLR2004 - RFC 4443
    has_types = np.isin(probes["run_id"], probes["run_id"][answered & (kind >= 0)].unique())
    final: Bools = answered & (by_v4 | by_v6 | (has_types & (kind < 0)))
    return final


def _row_hashes(probes: pd.DataFrame) -> AnyInts:
    text = probes.drop(columns="run_id").astype({"addr": "str", "zone": "str"})
    return pd.util.hash_pandas_object(text, index=False).to_numpy()


def _uuid_of(hashes: AnyInts, run_id: int) -> str:
    digest = hashlib.blake2b(hashes.tobytes(), digest_size=16)
    return str(uuid.uuid5(_NAMESPACE, f"{run_id} {digest.hexdigest()}"))


def _with_outcome(runs: pd.DataFrame, probes: pd.DataFrame) -> pd.DataFrame:
    """Say that a target was reached where an answer came from its address; else nothing is known."""
    if "dst_addr" not in runs.columns:
        return runs
    target = runs.set_index("run_id")["dst_addr"].astype("str")
    hits = probes[probes["addr"].astype("str") == target.reindex(probes["run_id"]).to_numpy()]
    nearest = hits.groupby("run_id")["ttl"].min().reindex(runs["run_id"]).reset_index(drop=True)
    told = {"target_ttl": nearest, "outcome": nearest.map(lambda _: str(Outcome.REACHED), na_action="ignore")}
    for name, values in told.items():
        before = runs[name] if name in runs.columns else pd.Series([None] * len(runs), dtype=object)
        runs[name] = before.where(before.notna(), values.astype(object))
    return runs
