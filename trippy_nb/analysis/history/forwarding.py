"""Routers that forward otherwise than they used to.

Fontugne, Aben, Pelsser and Bush, Pinpointing Delay and Forwarding Anomalies Using Large-Scale Traceroute
Measurements, IMC 2017: for each router and destination the packets that each next hop answered, and those
that nobody did, against a reference that follows slowly.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.analysis.arrays import Floats, Ints, Probes, pack, probe_arrays, sent_ns
from trippy_nb.analysis.cells import cell_numbers, cells_of
from trippy_nb.analysis.links import adjacent
from trippy_nb.frames import columns as col
from trippy_nb.frames.answers import FORWARDING
from trippy_nb.frames.columns import frame_of
from trippy_nb.model import NS_PER_S, Status, check_number

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

_GAIN = 0.01  # alpha of the reference, of the paper
_ALARM = -0.25  # rho below which it is an anomaly, of the paper


@dataclass(frozen=True, slots=True)
class _Alarm:
    router: int
    target: int
    bin: int
    hops: Ints
    """Codes; 0 for nobody, then addresses from 1 on."""
    packets: Floats
    reference: Floats
    rho: float
    responsibility: Floats


def forwarding_anomalies(
    tables: "Tables",
    *,
    bin_s: float = 3600.0,
    gain: float = _GAIN,
    alarm: float = _ALARM,
    min_packets: int = 10,
) -> pd.DataFrame:
    """Find routers whose packets went on otherwise than in the time before.

    Parameters
    ----------
    tables
        Of any number of runs, from any number of vantages, in any row order.
    bin_s
        Length of a bin of time, seconds.
    gain
        Part of each bin in the reference of the next: F' = gain F + (1 - gain) F'. The first bin of a router
        and target is its first reference.
    alarm
        Correlation with the reference below which a bin is an anomaly.
    min_packets
        Bins with fewer are no anomaly, nor are those of a reference with fewer. Our choice: two flows that
        another balancer hash sends elsewhere are none.

    Returns
    -------
    anomalies
        The columns of :data:`trippy_nb.frames.answers.FORWARDING`, sorted by `bin_at`, `router`, `dst_addr`
        and `next_hop`: all next hops of each anomaly, also those that got no packet.

    Raises
    ------
    ConfigError
        If `bin_s` is not positive, or `gain` is not between 0 and 1.

    Notes
    -----
    Pearson's rho of the packets F and the reference F' over all next hops of either, silence among them;
    responsibility r_i = -rho (F_i - F'_i) / sum_j |F_j - F'_j|. There is no rho with a single next hop, or
    where all have the same number. A packet is an attempt at the TTL after the router's, of a round and flow
    in which the router answered. What has no time is left out.
    """
    check_number("bin_s", bin_s, above=True)
    check_number("gain", gain, high=1, above=True)
    probes = probe_arrays(tables)
    names = probes.names
    targets = sorted({str(addr) for addr in tables.runs["dst_addr"].dropna()})
    router, target, bin_, hop = _packets(tables, probes, targets, int(bin_s * NS_PER_S))
    alarms = [
        one
        for one in _alarms(router, target, bin_, hop, gain=gain, alarm=alarm)
        if min(one.packets.sum(), one.reference.sum()) >= min_packets
    ]
    return _framed(alarms, names, targets, int(bin_s * NS_PER_S))


def _packets(
    tables: "Tables", probes: Probes, targets: list[str], bin_ns: int
) -> tuple[Ints, Ints, Ints, Ints]:
    """List the packets that passed a router: router, target, bin and next hop of each."""
    cells = cells_of(probes)
    near = adjacent(cells)
    near = near[cells.addr[near] >= 0]
    next_of = np.full(len(cells.run), -1, dtype=np.int64)
    next_of[near + 1] = near
    of_row = cell_numbers(probes, cells)
    came_by = next_of[of_row]
    rows = np.flatnonzero((came_by >= 0) & ((probes.addr >= 0) | (probes.status == Status.TIMEOUT)))
    runs = tables.runs.sort_values("run_id")
    ids = runs["run_id"].to_numpy(dtype=np.int64)
    place = np.searchsorted(ids, probes.run[rows])
    code = {name: number for number, name in enumerate(targets)}
    target = np.array([code.get(str(addr), -1) for addr in runs["dst_addr"]], dtype=np.int64)[place]
    at = _times(tables, runs, probes, rows, place)
    known = (at != col.NO_TIME) & (target >= 0)
    rows, target, at = rows[known], target[known], at[known]
    return cells.addr[came_by[rows]], target, at // bin_ns, probes.addr[rows] + 1


def _times(tables: "Tables", runs: pd.DataFrame, probes: Probes, rows: Ints, place: Ints) -> Ints:
    """Return when each probe was sent, ns since 1970; or when its run began, where only that is known."""
    at = sent_ns(tables, probes, rows)
    began = col.nanoseconds(runs["started_at"])[place]
    return np.where(at == col.NO_TIME, began, at)


def _alarms(router: Ints, target: Ints, bin_: Ints, hop: Ints, *, gain: float, alarm: float) -> list[_Alarm]:
    """Follow each router and target through its bins."""
    if not len(router):
        return []
    first = int(bin_.min())
    _, example, counts = np.unique(
        pack(router, target, bin_ - first, hop), return_index=True, return_counts=True
    )
    router, target, bin_, hop = (column[example] for column in (router, target, bin_, hop))
    starts = np.flatnonzero(np.diff(pack(router, target), prepend=-1))
    alarms = []
    for begin, end in zip(starts.tolist(), [*starts[1:].tolist(), len(router)], strict=True):
        hops, place = np.unique(hop[begin:end], return_inverse=True)
        reference: Floats | None = None
        for number in np.unique(bin_[begin:end]).tolist():
            here = bin_[begin:end] == number
            packets: Floats = np.zeros(len(hops))
            packets[place[here]] = counts[begin:end][here]  # one row for each next hop of a bin
            if reference is None:
                reference = packets
                continue
            rho = _pearson(packets, reference)
            if rho < alarm:
                part = responsibilities(packets, reference, rho)
                alarms.append(
                    _Alarm(
                        int(router[begin]), int(target[begin]), number, hops, packets, reference, rho, part
                    )
                )
            reference = gain * packets + (1 - gain) * reference
    return alarms


def _pearson(packets: Floats, reference: Floats) -> float:
    """Correlate over the next hops that either has; NaN where one does not vary."""
    either = (packets > 0) | (reference > 0)
    a, b = packets[either] - packets[either].mean(), reference[either] - reference[either].mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0 else float("nan")


def responsibilities(packets: Floats, reference: Floats, rho: float) -> Floats:
    """Share an anomaly out among the next hops."""
    gap = packets - reference
    total = np.abs(gap).sum()
    return -rho * gap / total if total > 0 else np.zeros_like(gap)


def _framed(alarms: list[_Alarm], names: tuple[str, ...], targets: list[str], bin_ns: int) -> pd.DataFrame:
    rows = [
        (one.bin, names[one.router], targets[one.target], names[hop - 1] if hop else None, one, place)
        for one in alarms
        for place, hop in enumerate(one.hops.tolist())
        if one.packets[place] > 0 or one.reference[place] > 0
    ]
    rows.sort(key=lambda row: (row[0], row[1], row[2], row[3] is None, row[3] or ""))
    routers = sorted({row[1] for row in rows})
    columns: dict[str, Any] = {
        "router": col.codes(np.array([routers.index(row[1]) for row in rows], dtype=np.int64), routers),
        "dst_addr": col.codes(np.array([targets.index(row[2]) for row in rows], dtype=np.int64), targets),
        "bin_at": col.moments(np.array([row[0] * bin_ns for row in rows], dtype=np.int64)),
        "next_hop": pd.Series([row[3] for row in rows], dtype="str"),
        "packets": np.array([row[4].packets[row[5]] for row in rows], dtype=np.uint32),
        "expected_packets": np.array([row[4].reference[row[5]] for row in rows], dtype=np.float64),
        "correlation": np.array([row[4].rho for row in rows], dtype=np.float64),
        "responsibility": np.array([row[4].responsibility[row[5]] for row in rows], dtype=np.float64),
        "n": np.array([row[4].packets.sum() for row in rows], dtype=np.uint32),
    }
    return frame_of(FORWARDING, columns, len(rows))
