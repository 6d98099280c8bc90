"""What is new in a recorder: probes from a mark on, as arrays, for whoever looks several times a second.

No frame is made, and what is settled is not looked at again, so a look costs in proportion to what
happened since the last one. Fates, RTTs and times are those of the tables: by the same functions, or, of few
probes, by `frames.glance`, which tests hold to the same answers.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from trippy_nb.frames import columns as col
from trippy_nb.frames.build import reply_rtts, wall_stamps
from trippy_nb.frames.fates import find_fates
from trippy_nb.frames.glance import REPLY_KEY, Fate, Glance, fates_of
from trippy_nb.frames.records import NO_PROBE, Bools, Ints
from trippy_nb.frames.snapshot import Rows, Snapshot, sort_rows
from trippy_nb.frames.timing import Offsets
from trippy_nb.model import Status, split_zone

if TYPE_CHECKING:
    from trippy_nb.frames.recorder import Recorder


_FEW = 400
"""Records up to which they are looked at one by one."""
_IN_FLIGHT = int(Status.IN_FLIGHT)
_WHOLE = Fate._fields[:-1]
"""Fields of a fate that are whole numbers."""


class Mark(NamedTuple):
    """Where a look may begin: all before it is settled."""

    key: int
    """Of the first probe that may yet change."""
    reply: int
    """Number of the first reply that answers such a probe."""
    seen: int
    """Replies that were looked at, settled or not."""


BEGINNING = Mark(0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """Probes from a mark on, in the order of (round, flow, ttl, attempt); all arrays are one item a probe."""

    key: Ints
    """Number of the probe within the run, from 0, in the order of sending."""
    round: Ints
    flow: Ints
    ttl: Ints
    attempt: Ints
    status: Ints
    """Codes of `model.Status`."""
    responder: Ints
    """Place in `addresses`; -1 where nobody answered."""
    rtt_ms: npt.NDArray[np.float64]
    """NaN where there is none."""
    sent_ns: Ints
    """Since 1970."""
    from_target: Bools
    icmp_type: Ints
    """-1 where there is none."""
    addresses: list[str]
    """Who has answered so far in the whole run; an address that was seen in two zones is here twice."""
    af: int
    keep: int
    """First round that is kept."""
    next: Mark
    """Where the next look may begin."""
    was_settled: bool
    """An answer came since the last look to a probe that this look does not show."""

    def arrays(self) -> "Recent":
        """Return itself, as `Few` does what is the same."""
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Few:
    """A look that found few probes: the same as tuples, of which most of such looks need no array."""

    fates: list[Fate]
    """In the order of (round, flow, ttl, attempt)."""
    addresses: list[str]
    af: int
    keep: int
    next: Mark
    was_settled: bool

    def arrays(self) -> Recent:
        """Return it as arrays."""
        whole = np.array([fate[:-1] for fate in self.fates], np.int64).reshape(-1, len(_WHOLE)).T
        named = dict(zip(_WHOLE, whole, strict=True))
        from_target = named.pop("from_target") > 0
        return Recent(
            **named,
            from_target=from_target,
            rtt_ms=np.array([fate.rtt_ms for fate in self.fates], np.float64),
            addresses=self.addresses,
            af=self.af,
            keep=self.keep,
            next=self.next,
            was_settled=self.was_settled,
        )


def recent_probes(recorder: "Recorder", since: Mark = BEGINNING) -> Recent | Few:
    """Look at the probes from a mark on; any thread may ask, at any time.

    Parameters
    ----------
    recorder
        What is looked at.
    since
        `next` of the look before.
    """
    n_ended = recorder.rounds_ended  # first: what this look shows of a round that is over is complete
    glance = recorder.glance((since.key, since.reply), _FEW) if since != BEGINNING else None
    if glance is not None and len(glance.probes) <= _FEW:
        return _few_probes(glance, n_ended, since)
    snap = recorder.snapshot(since=(since.key, since.reply), packets=False)
    rows = sort_rows(snap)
    offsets = Offsets.of(snap.samples)
    rtts = reply_rtts(snap, rows, offsets)
    status = find_fates(snap, rows)
    key = np.empty(len(rows.keys), np.int64)
    key[rows.by_key] = rows.keys
    sent = {name: rows.probes[name].astype(np.int64) for name in ("round", "flow", "ttl", "attempt")}

    def of_first(values: Ints) -> Ints:
        return np.append(values, -1)[rows.first]

    newest = int(sent["round"].max(initial=-1))
    return Recent(
        key=key,
        **sent,
        status=status,
        responder=of_first(rows.replies["responder"].astype(np.int64)),
        rtt_ms=col.milliseconds(of_first(rtts.rtt_ns), missing=of_first(rtts.source) < 0),
        sent_ns=wall_stamps(rows.probes, "tx_ns", "before_ns", offsets),
        from_target=of_first(rows.replies["from_target"].astype(np.int64)) > 0,
        icmp_type=of_first(rows.replies["icmp_type"].astype(np.int64)),
        addresses=[split_zone(name)[0] for name in snap.responders],
        af=snap.plan.af,
        keep=0 if snap.max_rounds is None else max(0, newest - snap.max_rounds + 1),
        next=_next(snap, rows, key, _open_from(snap, sent["round"], status, n_ended), since),
        was_settled=bool(np.any(snap.replies["key"][snap.reply_numbers >= since.seen] < since.key)),
    )


def _few_probes(glance: Glance, n_ended: int, since: Mark) -> Few:
    """Make the same of few records, one by one."""
    fates = fates_of(glance)
    newest = fates[-1].round if fates else -1
    open_from = newest + 1 if glance.end_reason is not None else n_ended
    if glance.end_reason is None:
        for fate in fates:
            if fate.status == _IN_FLIGHT and fate.round < open_from:
                open_from = fate.round
    keys = [fate.key for fate in fates if fate.round >= open_from]
    first = min(keys) if keys else max((fate.key for fate in fates), default=since.key - 1) + 1
    replies = [(number, record[REPLY_KEY]) for number, record in glance.replies]
    seen = max(since.seen, replies[-1][0] + 1 if replies else 0)
    reply = next((number for number, key in replies if key >= first and key != NO_PROBE), seen)
    return Few(
        fates=fates,
        addresses=[split_zone(name)[0] if "%" in name else name for name in glance.responders],
        af=glance.plan.af,
        keep=0 if glance.max_rounds is None else max(0, newest - glance.max_rounds + 1),
        next=Mark(first, reply, seen),
        was_settled=any(number >= since.seen and key < since.key for number, key in replies),
    )


def _open_from(snap: Snapshot, round_: Ints, status: Ints, n_ended: int) -> int:
    """Return the first round that may yet change: it is not over, or a probe of it is in flight."""
    if snap.end_reason is not None:
        return int(round_.max(initial=-1)) + 1
    unsettled = round_[(status == Status.IN_FLIGHT) | (round_ >= n_ended)]
    return int(unsettled.min(initial=n_ended))


def _next(snap: Snapshot, rows: Rows, key: Ints, open_from: int, since: Mark) -> Mark:
    still = key[rows.probes["round"] >= open_from]
    end = int(key.max()) + 1 if len(key) else since.key
    first = int(still.min()) if len(still) else end
    answers = snap.reply_numbers[(snap.replies["key"] >= first) & (snap.replies["key"] != NO_PROBE)]
    seen = int(snap.reply_numbers[-1]) + 1 if len(snap.reply_numbers) else since.seen
    return Mark(first, int(answers[0]) if len(answers) else max(seen, since.seen), max(seen, since.seen))
