"""From packed records to the frames of one run: whole columns at a time, no loop over probes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from trippy_nb.frames import columns as col
from trippy_nb.frames.fates import find_fates
from trippy_nb.frames.quotes import NAT_WORDS, find_nat, read_extensions
from trippy_nb.frames.records import NO_MATCH, NO_TIME, Ints, Records
from trippy_nb.frames.rewritten import NO_CHECKSUM, Noted, find_rewritten
from trippy_nb.frames.runs_row import runs_frame, sent_size
from trippy_nb.frames.schema import DOCTOR, FLOWS, HANDLES, PACKETS, PROBES, REPLIES, SESSIONS, Column, Table
from trippy_nb.frames.snapshot import Rows, Snapshot, find, sort_rows
from trippy_nb.frames.tables import Tables
from trippy_nb.frames.timing import Offsets, Rtts, find_rtts
from trippy_nb.model import Protocol, RttSource, SocketMode, split_zone

_MOST: Final = 255  # counters of one byte saturate
_WHOLE_MODES: Final = (SocketMode.RAW, SocketMode.SIM)
_TCP_LETTERS: Final = "FSRPAUEC"  # RFC 9293 section 3.1, from the lowest bit up


def build_tables(snap: Snapshot) -> Tables:
    """Make all tables of a run.

    Parameters
    ----------
    snap
        What a recorder knew at one moment.

    Returns
    -------
    tables
        The frames of one run, with `run_id` 0.
    """
    rows = sort_rows(snap)
    offsets = Offsets.of(snap.samples)
    rtts = reply_rtts(snap, rows, offsets)
    names = _Names.of(snap, rows.replies)
    sent_ns = wall_stamps(rows.probes, "tx_ns", "before_ns", offsets)
    received_ns = wall_stamps(rows.replies, "kernel_ns", "read_ns", offsets)
    packets = _packets_frame(snap, rows, sent_ns, received_ns)
    return Tables(
        runs=runs_frame(
            snap,
            rows,
            n_suspect=int(rtts.suspect.sum()),
            packets_dropped=snap.packets_dropped + len(snap.packets) // 2 - len(packets),
        ),
        probes=_probes_frame(snap, rows, rtts, names, sent_ns),
        replies=_replies_frame(snap, rows, rtts, names, received_ns),
        flows=_flows_frame(snap, rows.probes),
        packets=packets,
        handles=handles_frame(snap.handles),
    )


@dataclass(frozen=True, slots=True)
class _Names:
    """Addresses and zones of responders: sorted words, and the code of each for each reply."""

    addrs: list[str]
    addr: Ints
    zones: list[str]
    zone: Ints

    @classmethod
    def of(cls, snap: Snapshot, replies: Records) -> "_Names":
        responder = replies["responder"].astype(np.int64)
        used = np.unique(responder)
        parts = [split_zone(snap.responders[number]) for number in used.tolist()]
        addrs = sorted({addr for addr, _ in parts})
        zones = sorted({zone for _, zone in parts if zone is not None})
        addr_code = {addr: code for code, addr in enumerate(addrs)}
        zone_code = {zone: code for code, zone in enumerate(zones)}
        place = np.searchsorted(used, responder)
        by_addr = np.array([addr_code[addr] for addr, _ in parts], np.int64)
        by_zone = np.array([-1 if zone is None else zone_code[zone] for _, zone in parts], np.int64)
        return cls(addrs, by_addr[place], zones, by_zone[place])


def reply_rtts(snap: Snapshot, rows: Rows, offsets: Offsets) -> Rtts:
    """Find the RTT of each reply; source -1 for those without a probe."""
    matched = rows.matched
    probes, replies = rows.probes[rows.row[matched]], rows.replies[matched]
    found = find_rtts(
        before_ns=probes["before_ns"].astype(np.int64),
        tx_ns=probes["tx_ns"].astype(np.int64),
        read_ns=replies["read_ns"].astype(np.int64),
        kernel_ns=replies["kernel_ns"].astype(np.int64),
        measured_ns=replies["rtt_ns"].astype(np.int64),
        offsets=offsets,
        simulated=snap.plan.mode is SocketMode.SIM,
        measured_by=RttSource.HELPER if snap.plan.mode is SocketMode.MTR_PACKET else RttSource.KERNEL_TCP,
    )
    n = len(rows.replies)
    spread = Rtts(np.zeros(n, np.int64), np.full(n, -1), np.zeros(n, bool))
    spread.rtt_ns[matched] = found.rtt_ns
    spread.source[matched] = found.source
    spread.suspect[matched] = found.suspect
    return spread


def wall_stamps(records: Records, kernel: str, mono: str, offsets: Offsets) -> Ints:
    """Return the kernel's stamp of each record, or else the wall time of its monotonic one."""
    stamps = records[kernel].astype(np.int64)
    return np.where(stamps == NO_TIME, offsets.wall(records[mono].astype(np.int64)), stamps)


def _words(column: Column, codes: Ints) -> pd.Categorical:
    return col.codes(codes, column.words)


def _probes_frame(snap: Snapshot, rows: Rows, rtts: Rtts, names: _Names, sent_ns: Ints) -> pd.DataFrame:
    probes, n = rows.probes, len(rows.probes)

    def of_first(values: Ints) -> Ints:
        return np.append(values, -1)[rows.first]

    source = of_first(rtts.source)
    match = of_first(rows.replies["match"].astype(np.int64))
    no_port = np.full(n, snap.plan.protocol is Protocol.ICMP)
    columns: dict[str, Any] = {
        "run_id": np.zeros(n, np.uint32),
        **{name: probes[name].copy() for name in ("round", "flow", "ttl", "attempt")},
        "seq": col.whole_numbers(probes["seq"], "UInt16"),
        "sport": col.whole_numbers(probes["sport"], "UInt16", missing=no_port),
        "dport": col.whole_numbers(probes["dport"], "UInt16", missing=no_port),
        "size": col.whole_numbers(probes["size"], "UInt16", missing=probes["size"] == 0),
        "sent_at": col.moments(sent_ns),
        "status": _words(PROBES.column("status"), find_fates(snap, rows)),
        "addr": col.codes(of_first(names.addr), names.addrs),
        "zone": col.codes(of_first(names.zone), names.zones),
        "rtt_ms": col.milliseconds(of_first(rtts.rtt_ns), missing=source < 0),
        "rtt_source": _words(PROBES.column("rtt_source"), source),
        "icmp_type": col.whole_numbers(of_first(rows.replies["icmp_type"]), "UInt8"),
        "icmp_code": col.whole_numbers(of_first(rows.replies["icmp_code"]), "UInt8"),
        "n_replies": np.minimum(np.bincount(rows.row[rows.matched], minlength=n), _MOST).astype(np.uint8),
        "mode": col.repeated(snap.plan.mode, n, PROBES.column("mode").words),
        "match": _words(PROBES.column("match"), np.where(match == NO_MATCH, -1, match)),
        "errno": col.whole_numbers(probes["errno"], "UInt16", missing=probes["errno"] == 0),
    }
    return col.frame_of(PROBES, columns, n)


def _replies_frame(snap: Snapshot, rows: Rows, rtts: Rtts, names: _Names, received_ns: Ints) -> pd.DataFrame:
    replies, n = rows.replies, len(rows.replies)
    match = replies["match"].astype(np.int64)
    kept = [seen if isinstance(seen, Noted) else Noted(seen, "") for seen in snap.extensions]
    mpls, ext = read_extensions([seen.extension for seen in kept])
    stacks = sorted({text for text in mpls if text is not None})
    stack_code = np.array([-1 if text is None else stacks.index(text) for text in mpls], np.int64)
    flags = replies["tcp_flags"].astype(np.int64)
    flag_words, flag_codes = _tcp_words(flags)
    columns: dict[str, Any] = {
        "run_id": np.zeros(n, np.uint32),
        "reply": rows.numbers.astype(np.uint32),
        **_probe_keys(rows.probes, rows.row),
        "reply_no": _reply_numbers(rows.row),
        "kind": _words(REPLIES.column("kind"), replies["kind"]),
        "match": _words(REPLIES.column("match"), np.where(match == NO_MATCH, -1, match)),
        "received_at": col.moments(received_ns),
        "addr": col.codes(names.addr, names.addrs),
        "zone": col.codes(names.zone, names.zones),
        "from_target": pd.arrays.BooleanArray(replies["from_target"] != 0, ~rows.matched),
        "rtt_ms": col.milliseconds(rtts.rtt_ns, missing=~rows.matched),
        "rtt_source": _words(REPLIES.column("rtt_source"), rtts.source),
        "tcp_flags": col.codes(flag_codes, flag_words),
        "nat": col.codes(find_nat(snap.plan, rows), NAT_WORDS),
        "mpls": col.codes(stack_code[replies["extension"]], stacks),
        "ext": col.objects(ext)[replies["extension"]],
        "rewritten": _rewritten(snap, rows, [seen.text for seen in kept]),
    }
    for name, field in _SMALL_FIELDS.items():
        columns[name] = col.whole_numbers(replies[field], REPLIES.column(name).dtype)
    return col.frame_of(REPLIES, columns, n)


def _rewritten(snap: Snapshot, rows: Rows, noted: list[str | None]) -> pd.Categorical:
    usual = sent_size(snap.plan)
    sizes = np.append(rows.probes["size"].astype(np.int64), 0)[rows.row]
    sums = np.append(rows.probes["checksum"].astype(np.int64), NO_CHECKSUM)
    return find_rewritten(
        noted,
        rows.replies,
        sent_tos=snap.plan.config.tos,
        sent_size=np.where(sizes > 0, sizes, -1 if usual is None else usual),
        sent_checksum=sums[rows.row],
        known=rows.matched & (rows.replies["q_ttl"] >= 0) & (snap.plan.mode in _WHOLE_MODES),
    )


_SMALL_FIELDS: Final = {
    "icmp_type": "icmp_type",
    "icmp_code": "icmp_code",
    "reply_ttl": "ttl",
    "reply_size": "size",
    "reply_tos": "tos",
    "reply_ipid": "ip_id",
    "q_ttl": "q_ttl",
    "q_tos": "q_tos",
    "q_len": "q_len",
    "q_checksum": "q_checksum",
    "mtu": "mtu",
}


def _probe_keys(probes: Records, row: Ints) -> dict[str, Any]:
    """Key columns of the probe in each of these rows; missing for row -1."""
    missing = row < 0
    keys = {}
    for name in ("round", "flow", "ttl", "attempt"):
        values = np.append(probes[name].astype(np.int64), 0)[row]
        keys[name] = col.whole_numbers(values, REPLIES.column(name).dtype, missing=missing)
    return keys


def _reply_numbers(row: Ints) -> col.AnyInts:
    """Rank of each reply among those to its probe, by arrival; 0 for unmatched ones."""
    order = np.argsort(row, kind="stable")
    ordered = row[order]
    place = np.arange(len(row))
    begins = np.ones(len(row), bool)
    begins[1:] = ordered[1:] != ordered[:-1]
    rank = np.empty(len(row), np.int64)
    rank[order] = place - np.maximum.accumulate(np.where(begins, place, 0))
    rank[row < 0] = 0
    return np.minimum(rank, _MOST).astype(np.uint8)


def _tcp_words(flags: Ints) -> tuple[list[str], Ints]:
    distinct = np.unique(flags[flags >= 0])
    texts = [
        "".join(letter for bit, letter in enumerate(_TCP_LETTERS) if value >> bit & 1) for value in distinct
    ]
    words = sorted(texts)
    code = np.array([words.index(text) for text in texts], np.int64)
    return words, np.append(code, -1)[find(distinct, flags)]


def _flows_frame(snap: Snapshot, probes: Records) -> pd.DataFrame:
    flows = sorted({*snap.flows, *np.unique(probes["flow"]).tolist()})
    columns: dict[str, Any] = {
        "run_id": np.zeros(len(flows), np.uint32),
        "flow": np.array(flows, np.uint16),
    }
    for name in ("sport", "dport", "icmp_id", "icmp_checksum", "flow_label"):
        values = [getattr(snap.flows.get(flow), name, None) for flow in flows]
        numbers = np.array([-1 if value is None else value for value in values], np.int64)
        columns[name] = col.whole_numbers(numbers, FLOWS.column(name).dtype)
    return col.frame_of(FLOWS, columns, len(flows))


def _packets_frame(snap: Snapshot, rows: Rows, sent_ns: Ints, received_ns: Ints) -> pd.DataFrame:
    references = np.array(snap.packets[::2], np.int64)
    number, out = references >> 1, (references & 1) == 0
    row = np.full(len(number), -1)
    reply = np.full(len(number), -1)
    row[out] = rows.rows_of(number[out])
    reply[~out] = find(rows.numbers, number[~out])
    here = (row >= 0) | (reply >= 0)
    row[~out] = np.append(rows.row, -1)[reply[~out]]
    at_ns = np.where(out, np.append(sent_ns, NO_TIME)[row], np.append(received_ns, NO_TIME)[reply])
    n = int(here.sum())
    columns: dict[str, Any] = {
        "run_id": np.zeros(n, np.uint32),
        "packet": np.arange(n, dtype=np.uint32),
        "direction": _words(PACKETS.column("direction"), (~out[here]).astype(np.int64)),
        "at": col.moments(at_ns[here]),
        **_probe_keys(rows.probes, row[here]),
        "complete": np.full(n, snap.plan.mode in _WHOLE_MODES),
        "bytes": col.objects(snap.packets[1::2])[here],
    }
    return col.frame_of(PACKETS, columns, n)


def handles_frame(records: Iterable[object]) -> pd.DataFrame:
    """Make a HANDLES frame of the ledger's records.

    Parameters
    ----------
    records
        Objects with the columns of HANDLES as attributes; times in ns since 1970, None while open.
    """
    return _frame_of_records(HANDLES, records)


def sessions_frame(records: Iterable[object]) -> pd.DataFrame:
    """Make a SESSIONS frame of the register's records, objects with its columns as attributes."""
    return _frame_of_records(SESSIONS, records)


def doctor_frame(findings: Iterable[object]) -> pd.DataFrame:
    """Make a DOCTOR frame of findings: objects with its columns as attributes."""
    return _frame_of_records(DOCTOR, findings)


def _frame_of_records(table: Table, records: Iterable[object]) -> pd.DataFrame:
    given = list(records)
    columns: dict[str, Any] = {}
    for column in table.columns:
        values: Sequence[Any] = [getattr(record, column.name) for record in given]
        if column.dtype == "utc":
            columns[column.name] = col.moments(
                np.array([NO_TIME if at is None else at for at in values], np.int64)
            )
        elif column.dtype == "category":
            codes = [-1 if value is None else column.words.index(str(value)) for value in values]
            columns[column.name] = _words(column, np.array(codes, np.int64))
        elif column.dtype == "str":
            texts = [None if value is None else str(value) for value in values]
            columns[column.name] = pd.Series(texts, dtype="str")
        else:
            columns[column.name] = np.array(values, dtype=col.PLAIN[column.dtype])
    return col.frame_of(table, columns, len(given))
