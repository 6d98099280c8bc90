"""Differential RTT: by how much the answers of a link's farther end took longer than those of its nearer end.

It is no delay of the link. An answer comes back on a way of its own: the difference is the link's delay on
the way out, and all by which the two ways back differ; that may be more, and less than nothing. What it is
good for is to be watched: while the ways stay, a change of the difference is a change of the link, or of one
of the ways back.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trippy_nb.analysis.arrays import Bools, Ints, Probes, distinct, example_of, pack, probe_arrays, sent_ns
from trippy_nb.analysis.cells import Cells, cell_numbers, cells_of
from trippy_nb.analysis.latencies.medians import medians
from trippy_nb.analysis.latencies.plateaus import tunnelled_cells
from trippy_nb.analysis.latencies.timed import DTYPES, all_pairs, bins_of, check_groups, different
from trippy_nb.analysis.links import EVIDENCE, adjacent
from trippy_nb.analysis.ratios import check_alpha
from trippy_nb.analysis.steady import sure_cells, untested
from trippy_nb.frames import columns as col
from trippy_nb.frames.answers import DELAYS

if TYPE_CHECKING:
    import pandas as pd

    from trippy_nb.frames import Tables

APART = ("run_id", "flow", "ttl")
"""What the differences of one link may be kept apart by."""


def delays(
    tables: "Tables",
    *,
    by: Iterable[str] = ("run_id", "ttl"),
    bin_s: float | None = None,
    alpha: float = 0.05,
) -> "pd.DataFrame":
    """Compare the RTTs of both ends of every link.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.
    by
        What to keep apart, of `run_id`, `flow`, `ttl`; the rest is pooled. Whatever it is, only RTTs of one
        round of one flow are ever subtracted.
    bin_s
        Length of the stretches of time to keep apart, seconds; by default all is one. Links whose probes have
        no time of sending then have no `at`.
    alpha
        One minus the confidence of the interval.

    Returns
    -------
    delays
        The columns of :data:`trippy_nb.frames.answers.DELAYS`, one row for each link (and stretch of time),
        sorted by its key.

    Raises
    ------
    ConfigError
        If `by` names something else, or `bin_s` is not above 0.

    Notes
    -----
    Fontugne, Aben, Pelsser and Bush, Pinpointing Delay and Forwarding Anomalies Using Large-Scale
    Traceroute Measurements, IMC 2017: all pairs of RTTs of both ends within a traceroute; the median, with
    the interval that `medians` describes. Pairs of one round share probes, so the interval rests on rounds.
    Their program takes one difference of medians a traceroute, leaves private addresses out, and puts the two
    directions of a link together; we do not.
    """
    apart = check_groups(by, APART)
    check_alpha(alpha)
    probes = probe_arrays(tables)
    cells = cells_of(probes)
    pairs = _pairs(probes, cells)
    when, begun_ns = _stretches(tables, probes, pairs, bin_s)
    kept = {"run_id": cells.run[pairs.at], "flow": cells.flow[pairs.at], "ttl": cells.ttl[pairs.at]}
    near, far = probes.addr[pairs.one], probes.addr[pairs.two]
    _, group, counts = distinct(pack(*(kept[name] for name in apart), near, far, when + 1))
    example = example_of(group, len(counts))
    made: dict[str, Any] = {name: col.whole_numbers(kept[name][example], DTYPES[name]) for name in apart}
    made |= {
        "from_addr": col.codes(near[example], probes.names),
        "to_addr": col.codes(far[example], probes.names),
        "at": col.moments(begun_ns[when[example]]),
    }
    made |= _numbers(probes, pairs, group, counts, alpha=alpha)
    made |= _doubts(tables, probes, cells, pairs, group, len(counts))
    return col.frame_of(DELAYS, made, len(counts))


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Answers of both ends of a link in one round of one flow, each with each."""

    at: Ints
    """Cell of the nearer end; that of the farther one is the next."""
    one: Ints
    two: Ints
    """Rows of probes, of the nearer end and the farther."""


def _pairs(probes: Probes, cells: Cells) -> _Pairs:
    rows = np.flatnonzero(probes.answered & ~np.isnan(probes.rtt))
    cell = cell_numbers(probes, cells)[rows]
    at = adjacent(cells)
    pair, one, two = all_pairs(cell, at, cell, at + 1)
    one, two = rows[one], rows[two]
    apart = probes.addr[one] != probes.addr[two]
    return _Pairs(at[pair][apart], one[apart], two[apart])


def _stretches(tables: "Tables", probes: Probes, pairs: _Pairs, bin_s: float | None) -> tuple[Ints, Ints]:
    """Return the stretch of time of each pair, -1 for none; and when each began, `NO_TIME` at the end."""
    if bin_s is None:
        return np.full(len(pairs.at), -1, dtype=np.int64), np.array([col.NO_TIME])
    when, begins = bins_of(sent_ns(tables, probes)[pairs.one], bin_s)
    return when, np.append(begins, col.NO_TIME)


def _numbers(probes: Probes, pairs: _Pairs, group: Ints, counts: Ints, *, alpha: float) -> dict[str, Any]:
    """Make the columns that say by how much RTTs differ."""
    difference = probes.rtt[pairs.two] - probes.rtt[pairs.one]
    rounds = different(group, pairs.at, len(counts))
    found = medians(difference, group, len(counts), independent=rounds, alpha=alpha)
    negative = np.bincount(group[difference < 0], minlength=len(counts))
    return {
        "n": counts.astype(np.uint32),
        "n_rounds": rounds.astype(np.uint32),
        "median_ms": found.median,
        "low_ms": found.low,
        "high_ms": found.high,
        "negative_share": negative / np.maximum(counts, 1),
    }


def _doubts(
    tables: "Tables", probes: Probes, cells: Cells, pairs: _Pairs, group: Ints, count: int
) -> dict[str, Any]:
    """Make the columns that say why two RTTs may not be of one way."""
    sure, odd, at = sure_cells(tables, probes, cells), tunnelled_cells(tables, cells), pairs.at
    proven, tested = sure[at] & sure[at + 1], ~untested(probes, cells, at)
    return {
        "evidence": col.codes(
            np.where(_any(~proven, group, count), 2, _any(~tested, group, count)), EVIDENCE
        ),
        "tunnelled": _any(odd[at] | odd[at + 1], group, count) > 0,
    }


def _any(flags: Bools, group: Ints, count: int) -> Ints:
    return (np.bincount(group[flags], minlength=count) > 0).astype(np.int64)
