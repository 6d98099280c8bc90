"""What became of each probe (decision 10): answered, lost, in flight, beyond the target, refused."""

import numpy as np

from trippy_nb.frames.records import FAILED, Ints
from trippy_nb.frames.snapshot import Rows, Snapshot
from trippy_nb.model import EndReason, ReplyKind, Status, seconds_to_ns

_UNKNOWN = 256
"""A TTL that no probe is beyond."""


def find_fates(snap: Snapshot, rows: Rows) -> Ints:
    """Find the `Status` of each row of probes.

    Probes beyond the target say nothing about the path, answered (by the target, once more) or not: they
    are neither loss, nor in flight, nor replies. An answer of somebody else from there is a reply: paths of
    different length exist. A probe is lost once its time-out is over, or the trace came to its own end
    (which it does only when it waits for nothing more). One of a size of its own asks whether the path
    carries it, wherever it ends: unanswered, it is lost.
    """
    probes = rows.probes
    status = np.full(len(probes), int(Status.TIMEOUT))
    if snap.end_reason is None or snap.end_reason in (EndReason.INTERRUPTED, EndReason.ERROR):
        timeout_ns = seconds_to_ns(snap.plan.config.probe_timeout)
        status[snap.at_ns - probes["before_ns"] < timeout_ns] = Status.IN_FLIGHT
    late = np.append(rows.replies["kind"], 0)[rows.first] == ReplyKind.LATE
    status[rows.answered] = Status.REPLY
    status[rows.answered & late] = Status.LATE
    by_other = rows.answered & (np.append(rows.replies["from_target"], 0)[rows.first] == 0)
    beyond = (probes["ttl"] > _target_ttls(snap, rows)) & ~by_other
    status[beyond & (rows.answered | (probes["size"] == 0))] = Status.BEYOND_TARGET
    status[probes["state"] == FAILED] = Status.SEND_ERROR
    return status


def _target_ttls(snap: Snapshot, rows: Rows) -> Ints:
    """Find the TTL of the target for each probe.

    Where the target answered in the probe's own round and flow, the smallest TTL at which it did; else
    what was known at the end of the round.
    """
    probes = rows.probes
    by_round = np.frombuffer(snap.target_ttls, np.uint8).astype(np.int64)
    by_round[by_round == 0] = _UNKNOWN
    limit = np.append(by_round, _UNKNOWN)[np.minimum(probes["round"].astype(np.int64), len(by_round))]

    shows = rows.matched & (rows.replies["from_target"] != 0)
    group = (probes["round"].astype(np.int64) << 16) | probes["flow"]
    groups, place = np.unique(group, return_inverse=True)
    nearest = np.full(len(groups), _UNKNOWN)
    np.minimum.at(nearest, place[rows.row[shows]], probes["ttl"][rows.row[shows]].astype(np.int64))
    own = nearest[place]
    return np.where(own < _UNKNOWN, own, limit)
