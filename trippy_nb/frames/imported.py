"""Tables from nothing but probes: what the source did not say stays missing, and the flags say so."""

import hashlib
import uuid
from collections.abc import Callable, Collection
from typing import Any, Final

import numpy as np
import pandas as pd

from trippy_nb.errors import SchemaError
from trippy_nb.frames import columns as col
from trippy_nb.frames.check import conform, empty_frame
from trippy_nb.frames.schema import FLOWS, HANDLES, PACKETS, PROBES, REPLIES, RUNS
from trippy_nb.frames.tables import Tables
from trippy_nb.model import Outcome, ReplyKind, RttSource, Status, normalise_address

_SILENT: Final = (Status.TIMEOUT.word, Status.IN_FLIGHT.word)
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
        If `ttl` is missing, or a column does not fit the schema; if an address is none, or an RTT negative.
    """
    if not isinstance(frame, pd.DataFrame):
        raise SchemaError(f"probes are a DataFrame, not {type(frame).__name__}")
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
    made = conform(probes, PROBES)
    _check_rtts(made["rtt_ms"].to_numpy())
    return made.assign(addr=_addresses(made["addr"]))


def _check_rtts(rtt_ms: np.ndarray) -> None:
    wrong = np.flatnonzero((rtt_ms < 0) | np.isinf(rtt_ms))
    if len(wrong):
        raise SchemaError(
            f"probes: column 'rtt_ms' has {rtt_ms[wrong[0]]} in row {wrong[0]}, which is no time from 0 on: "
            "NaN is none"
        )


def _addresses(addr: pd.Series) -> pd.Series:
    """Spell addresses as all tables do."""
    given = [str(name) for name in addr.cat.categories]
    spelled = {name: _address(name) for name in given}
    if all(name == spelled[name] for name in given):
        return addr
    return addr.astype("str").map(spelled, na_action="ignore").astype("str").astype("category")


def _address(text: str) -> str:
    if "%" in text:
        raise SchemaError(f"probes: column 'addr' has {text!r}: put the zone into the column 'zone'")
    try:
        return normalise_address(text)
    except ValueError:
        raise SchemaError(f"probes: column 'addr' has {text!r}, which is no address") from None


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
    if not len(ids):
        return empty_frame(RUNS)
    given = pd.DataFrame() if known is None else known.set_index("run_id").reindex(ids).reset_index(drop=True)
    columns: dict[str, Any] = {str(name): values for name, values in given.items() if values.notna().any()}
    whole = {name for name, values in columns.items() if values.notna().all()}
    for name, values in _derived(probes, ids, known=whole).items():
        told = columns.get(name)
        if told is None:
            columns[name] = values
        elif name not in whole:
            columns[name] = told.astype(object).where(
                told.notna(), pd.Series(values, told.index).astype(object)
            )
    derived = _with_outcome(pd.DataFrame(columns), probes)
    for column in RUNS.columns:
        if column.dtype == "utc" and column.name in derived.columns and derived[column.name].dtype != col.UTC:
            derived[column.name] = pd.to_datetime(derived[column.name], utc=True)
    return conform(derived, RUNS)


def _derived(probes: pd.DataFrame, ids: np.ndarray, *, known: Collection[str]) -> dict[str, Any]:
    """Say of each run what its probes show and nobody told; a run without probes has none of it."""
    place = np.searchsorted(ids, probes["run_id"])
    by_run = probes.groupby(place)
    runs = range(len(ids))

    def of_run(name: str, what: str) -> pd.Series:
        return by_run[name].agg(what).reindex(runs)

    silent = np.bincount(place[probes["status"].isin(_SILENT)], minlength=len(ids))
    unsent = np.bincount(place[probes["sent_at"].isna()], minlength=len(ids))
    n = np.bincount(place, minlength=len(ids))
    makers: dict[str, Callable[[], Any]] = {
        "run_uuid": lambda: _uuids(probes, place, ids),
        "dst_addr": lambda: _targets(probes, place, len(ids)),
        "af": lambda: _families(of_run("addr", "first").astype("str")),
        "started_at": lambda: of_run("sent_at", "min"),
        "ended_at": lambda: of_run("sent_at", "max"),
        "rounds": lambda: (of_run("round", "max").astype("UInt64") + 1).fillna(0),
        "first_ttl": lambda: of_run("ttl", "min"),
        "max_ttl": lambda: of_run("ttl", "max"),
        "attempts": lambda: of_run("attempt", "max").astype("UInt64") + 1,
    }
    return {
        "run_id": ids,
        "source": "imported",
        **{name: make() for name, make in makers.items() if name not in known},
        **dict.fromkeys(("foreign", "unmatched", "dropped_probes", "clock_suspect"), 0),
        **dict.fromkeys(("tool", "clock"), "unknown"),
        "has_probes": True,
        "has_losses": silent > 0,
        "has_send_times": (unsent == 0) & (n > 0),
        "has_all_replies": False,
        "has_quote_header": False,
        "flow_stable": False,
    }


def _families(addr: pd.Series) -> pd.Series:
    return addr.str.contains(":").map({True: 6, False: 4}).where(addr.notna())


def _targets(probes: pd.DataFrame, place: np.ndarray, count: int) -> list[str | None]:
    """Find for each run the one address whose answers only a target gives; None if there is not one.

    Echo replies, port unreachable, and answers that are not ICMP (SYN-ACK, RST): those without a type, if
    the source has types at all.
    """
    code = probes["addr"].cat.codes.to_numpy()
    names = probes["addr"].cat.categories
    answered = np.flatnonzero(code >= 0)
    code, place = code[answered], place[answered]
    kind, detail = (
        probes[name].to_numpy(dtype=np.int64, na_value=-1)[answered] for name in ("icmp_type", "icmp_code")
    )
    v6 = np.array([":" in name for name in names], dtype=bool)[code]
    by_v4 = ~v6 & ((kind == 0) | ((kind == 3) & (detail == 3)))  # noqa: PLR2004 - RFC 792
    by_v6 = v6 & ((kind == 129) | ((kind == 1) & (detail == 4)))  # noqa: PLR2004 - RFC 4443
    typed = np.bincount(place[kind >= 0], minlength=count) > 0
    final = by_v4 | by_v6 | ((kind < 0) & typed[place])
    found: list[str | None] = [None] * count
    several = set()
    for run, one in np.unique(np.stack([place[final], code[final]]), axis=1).T.tolist():
        several.update([run] if found[run] is not None else [])
        found[run] = str(names[one])
    return [None if run in several else addr for run, addr in enumerate(found)]


def _uuids(probes: pd.DataFrame, place: np.ndarray, ids: np.ndarray) -> list[str]:
    text = probes.drop(columns="run_id").astype({"addr": "str", "zone": "str"})
    hashes = pd.util.hash_pandas_object(text, index=False).to_numpy()
    order = np.argsort(place, kind="stable")
    parts = np.split(hashes[order], np.searchsorted(place[order], np.arange(1, len(ids))))
    return [
        str(uuid.uuid5(_NAMESPACE, f"{run_id} {hashlib.blake2b(part.tobytes(), digest_size=16).hexdigest()}"))
        for run_id, part in zip(ids.tolist(), parts, strict=True)
    ]


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
