"""What a recorder knows at one moment, and its records in the order of the tables."""

from dataclasses import dataclass

import numpy as np

from trippy_nb.frames.records import EMPTY, NO_PROBE, Bools, Ints, Records
from trippy_nb.frames.rewritten import Noted
from trippy_nb.model import EndReason, FlowOpened, Plan, ReplyKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A recorder, copied."""

    plan: Plan
    run_uuid: str
    source: str
    source_ref: str | None
    vantage: str | None
    started_ns: int
    """Wall time."""
    probe_keys: Ints
    probes: Records
    """As long as `probe_keys`, empty records among them."""
    first_key: int
    """Probes below it were let go of."""
    max_rounds: int | None
    """Only so many newest rounds become rows; None is all."""
    reply_numbers: Ints
    replies: Records
    responders: list[str]
    """By code: address, or ``address%zone``."""
    extensions: list[bytes | Noted | None]
    """By code; some with what was rewritten."""
    samples: list[tuple[int, int, int]]
    """Monotonic time, offset, error."""
    target_ttls: bytes
    """By round, as known at its end; 0 or too short is not known."""
    flows: dict[int, FlowOpened]
    packets: list[int | bytes]
    """A reference before each packet: 2 * key of a probe, or 2 * number of a reply + 1."""
    packets_dropped: int
    foreign: int
    unmatched: int
    target_ttl: int | None
    answered: bool
    """Any probe was, also one let go of."""
    unreachable: bool
    """A reply that was let go of said so."""
    end_reason: EndReason | None
    """None while it goes on."""
    at_ns: int
    """Monotonic time at which probes are judged: the end, or now."""
    error: str | None
    handles: tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The probes and replies of a snapshot that become rows, and how they hang together."""

    probes: Records
    """By (round, flow, ttl, attempt)."""
    keys: Ints
    """Of `probes`, ascending."""
    by_key: Ints
    """Row in `probes` for each of `keys`."""
    dropped: int
    """Probes recorded, but let go of."""
    numbers: Ints
    replies: Records
    """By arrival."""
    row: Ints
    """Row of its probe for each reply; -1 if it is unmatched."""
    first: Ints
    """Place in `replies` of each probe's first answer; -1 if it has none."""

    @property
    def answered(self) -> Bools:
        """Whether each probe has an answer."""
        return self.first >= 0

    @property
    def matched(self) -> Bools:
        """Whether each reply has a probe."""
        return self.row >= 0

    def rows_of(self, keys: Ints) -> Ints:
        """Find the rows of probes by key; -1 for those that are not here."""
        places = find(self.keys, keys)
        return np.append(self.by_key, -1)[places]


def find(table: Ints, values: Ints) -> Ints:
    """Find the place of each value in an ascending table; -1 (the end) where it is not."""
    if not len(table):
        return np.full(len(values), -1)
    places = np.minimum(np.searchsorted(table, values), len(table) - 1)
    return np.where(table[places] == values, places, -1)


def sort_rows(snap: Snapshot) -> Rows:
    """Choose and sort the records of a snapshot."""
    here = snap.probes["state"] != EMPTY
    n_recorded = snap.first_key + int(here.sum())
    if snap.max_rounds is not None and here.any():
        newest = int(snap.probes["round"][here].max())
        here &= snap.probes["round"].astype(np.int64) > newest - snap.max_rounds
    probes, keys = snap.probes[here], snap.probe_keys[here]
    order = np.lexsort((probes["attempt"], probes["ttl"], probes["flow"], probes["round"]))
    by_key = np.empty(len(order), np.int64)
    by_key[order] = np.arange(len(order))

    reply_keys = snap.replies["key"].astype(np.int64)
    row = np.append(by_key, -1)[find(keys, reply_keys)]
    unmatched = reply_keys == NO_PROBE
    row[unmatched] = -1
    kept = (row >= 0) | unmatched
    row, replies = row[kept], snap.replies[kept]
    return Rows(
        probes=probes[order],
        keys=keys,
        by_key=by_key,
        dropped=n_recorded - len(probes),
        numbers=snap.reply_numbers[kept],
        replies=replies,
        row=row,
        first=_first_answers(row, replies["kind"], len(probes)),
    )


def _first_answers(row: Ints, kind: Ints, n: int) -> Ints:
    first = np.full(n, -1)
    places = np.flatnonzero((row >= 0) & ((kind == ReplyKind.FIRST) | (kind == ReplyKind.LATE)))
    first[row[places[::-1]]] = places[::-1]  # of several, the earliest is written last
    return first
