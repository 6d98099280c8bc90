"""Slow answers: a router that is slow to write them, or a queue that all that lies behind shares.

A router forwards in hardware and writes its errors on a processor that has better things to do (hard case
26). Who asks it learns how long that took; who passes it does not wait. So what is slow at one hop only is
that hop's own: a packet to any hop behind it crosses the same links, and a queue there would hold it up, too.

Spikes are compared by how often they come, not only round by round: two probes of one round may find the same
queue long and short. How well they agree round by round is said as well (`rank_correlation`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.analysis.arrays import Bools, Floats, Ints, Probes, distinct, pack, probe_arrays
from trippy_nb.analysis.cells import Cells, cell_numbers, cells_of
from trippy_nb.analysis.latencies.medians import medians
from trippy_nb.analysis.latencies.plateaus import tunnelled_cells
from trippy_nb.analysis.latencies.timed import check_groups
from trippy_nb.analysis.latencies.ways import Rows, may_be_ways
from trippy_nb.analysis.ratios import check_alpha, wilson
from trippy_nb.analysis.steady import sure_cells
from trippy_nb.frames.answers import SPIKES
from trippy_nb.frames.check import conform
from trippy_nb.model import check_number

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

_LEAST = 6
"""Answers without which there is neither a base nor an interval of a median."""
_RATIO = 0.1  # of the base: with least_ms, the house's bounds of "the same" RTT
_RARE = 0.1  # up to this share of spikes there are none to speak of. Our choice.
_ORDINARY = 7
"""Times the width of the lower quarter (25th less 5th percentile), which spikes in up to three quarters of
answers leave alone: beyond lie 6 % of sums of two exponential values, and no normal ones. Our choice: more
hides spikes, less takes ordinary queues for some."""
_MOST = 0.5
"""Share of spikes: a spike is above what is usual, and what more than half of the answers took is usual. More
are a level of its own, from which the others are down."""
_NEVER = 10**7  # answers: nobody sends as many


def spikes(
    tables: "Tables",
    *,
    by: Iterable[str] = ("run_id", "ttl", "addr"),
    least_ms: float = 1.0,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Say of every hop whether its slow answers are its own, or shared by the hops behind it.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.
    by
        With `flow` in it, each flow is judged alone: better, where each has answers enough. Runs, TTLs and
        responders are always kept apart.
    least_ms
        How far above its base an answer must be to be a spike, ms. It must also be a tenth of the base above
        it, half as far as the 95th percentile is, and seven times as far as the 25th.
    alpha
        One minus the confidence of the intervals; where one of several hops behind is enough for a verdict,
        it is divided by their number.

    Returns
    -------
    spikes
        The columns of :data:`trippy_nb.frames.answers.SPIKES`, one row for each responder, sorted by its key.

    Raises
    ------
    ConfigError
        If `by` names something else, or `least_ms` is not above 0.

    Notes
    -----
    Of the answers of a hop a share p were spikes; in the same rounds, of those of a hop behind it
    a share q were as far above their own base (the 5th percentile of that responder). If q - p/2 is below 0
    for some hop behind, by an interval made of Wilson's of p and of q (distances to their ends, added as
    squares), more than half of the spikes were not passed on: `slow-path`. If it is above 0 for all of them,
    and p is above 0.1, `shared-downstream`; then `since_ttl` is the nearest TTL from which on all hops to
    this one had at least half as many. If p is at most 0.1 by its interval (35 answers without a spike),
    `none`. Else `cannot tell`, and `needs_n` is the number with which the same shares would decide.

    A hop without spikes that is slower than something behind it by more than `least_ms` and a tenth, by the
    interval of the median of their differences, is `unshared`: its answers have a longer way back, or are
    always slow to be written. The two look the same; `evidence` knows from the TTL of answers whether their
    ways back differ.

    If surely more than half of the answers are that far off, they are no spikes, but a second level: `cannot
    tell`.

    If what was pooled came by several responders before the hop, a slower branch, or a longer route for a
    while, looks like a queue, or like a slow router where those behind are of one branch each: neither
    `shared-downstream` nor `slow-path` then, and `evidence` is `positional`. The same goes for
    `shared-downstream` where branches may be hidden: several flows were pooled, or nobody answered at a TTL
    before the hop in half as many rows as have a spike. But no branch makes spikes come in spells (a test of
    runs, where no flow was asked by turns with others), nor spikes at a hop that the same flow does not have
    behind it (fewer than half of them, by Wilson's interval): those are a queue.
    """
    check_number("least_ms", least_ms, above=True)
    check_alpha(alpha)
    keep_flow = "flow" in check_groups(by)
    probes = probe_arrays(tables)
    cells = cells_of(probes)
    sure = sure_cells(tables, probes, cells)
    odd = tunnelled_cells(tables, cells)
    rows: list[dict[str, Any]] = []
    for grid in _grids(probes, cells, sure, odd, keep_flow=keep_flow):
        for place in range(len(grid.ttls)):
            rows += _judged(grid, place, probes.names, least_ms=least_ms, alpha=alpha)
    frame = pd.DataFrame(rows, columns=list(SPIKES.names))
    return conform(frame, SPIKES)


@dataclass(frozen=True, slots=True)
class _Grid:
    """Answers of a run, or of a flow of it: a row for each round, flow and attempt, a column a TTL."""

    run: int
    flow: int | None
    flows: Ints
    """Flow of each row."""
    ttls: tuple[int, ...]
    rtt: Floats
    addr: Ints
    sure: Bools
    odd: Bools
    excess: Floats
    """RTT above the base of its responder at that TTL; NaN under six answers, and where chance decided."""
    base: Floats


def _grids(probes: Probes, cells: Cells, sure: Bools, odd: Bools, *, keep_flow: bool) -> Iterator[_Grid]:
    cell = cell_numbers(probes, cells)
    rows = np.flatnonzero(probes.answered & ~np.isnan(probes.rtt) & cells.in_view[cell])
    cell = cell[rows]
    series = pack(probes.run[rows], probes.flow[rows]) if keep_flow else probes.run[rows]
    ends = np.flatnonzero(np.diff(series[np.argsort(series, kind="stable")])) + 1
    for part in np.split(np.argsort(series, kind="stable"), ends):
        if len(part):
            here, at = rows[part], cell[part]
            line = distinct(pack(cells.path[at], probes.attempt[here]))[1]
            ttls, place, _ = distinct(probes.ttl[here])
            shape = (int(line.max()) + 1, len(ttls))
            rtt, base, excess = np.full((3, *shape), np.nan)
            addr = np.full(shape, -1, dtype=np.int64)
            is_sure, is_odd = np.zeros((2, *shape), dtype=np.bool_)
            flows = np.empty(shape[0], dtype=np.int64)
            flows[line] = probes.flow[here]
            rtt[line, place], addr[line, place] = probes.rtt[here], probes.addr[here]
            is_sure[line, place], is_odd[line, place] = sure[at], odd[at]
            base[line, place] = _bases(probes.rtt[here], pack(probes.ttl[here], probes.addr[here]))
            excess[line, place] = np.where(sure[at], probes.rtt[here] - base[line, place], np.nan)
            yield _Grid(
                run=int(probes.run[here[0]]),
                flow=int(probes.flow[here[0]]) if keep_flow else None,
                flows=flows,
                ttls=tuple(ttls.tolist()),
                rtt=rtt,
                addr=addr,
                sure=is_sure,
                odd=is_odd,
                excess=excess,
                base=base,
            )


def _bases(rtt: Floats, key: Ints) -> Floats:
    """Return the 5th percentile of each responder's RTTs, for each of them; NaN where there are too few."""
    _, group, n = distinct(key)
    ranked = rtt[np.lexsort((rtt, group))]
    place = 0.05 * (n - 1)
    first, below = np.cumsum(n) - n, np.floor(place).astype(np.int64)
    low, high = ranked[first + below], ranked[first + np.minimum(below + 1, n - 1)]
    base = np.where(n >= _LEAST, low + (high - low) * (place - below), np.nan)
    result: Floats = base[group]
    return result


def _judged(
    grid: _Grid, place: int, names: tuple[str, ...], *, least_ms: float, alpha: float
) -> Iterator[dict[str, Any]]:
    """Judge every responder at one TTL."""
    who, behind = grid.addr[:, place], grid.ttls[place + 1 :]
    for code in np.unique(who[who >= 0]).tolist():
        here = np.flatnonzero(who == code)
        rtt = grid.rtt[here, place]
        p05, p25, p50, p95 = (float(q) for q in np.quantile(rtt, (0.05, 0.25, 0.5, 0.95)))
        limit = max(least_ms, _RATIO * p05, (p95 - p05) / 2, _ORDINARY * (p25 - p05))
        count = int(np.count_nonzero(rtt - p05 > limit))
        later = _Later.of(grid, here, place, limit)
        own = _own(rtt, grid.rtt[here][:, place + 1 :], grid.sure[here][:, place + 1 :], alpha)
        verdict, worst, needs = _verdict(count, len(rtt), later, alpha)
        positional = _is_positional(grid, here, place)
        if verdict == "shared-downstream" and not positional:
            rows = _rows(grid, here, place, rtt - p05)
            positional = may_be_ways(rows, limit, hops=len(grid.ttls), alpha=alpha)
        if positional and verdict in ("shared-downstream", "slow-path"):
            verdict, needs = "cannot tell", None
        if verdict in ("none", "cannot tell") and own["low"] > max(least_ms, _RATIO * own["level"]):
            verdict, needs = "unshared", None
        yield {
            "run_id": grid.run,
            "flow": grid.flow,
            "ttl": grid.ttls[place],
            "addr": names[code],
            "n": len(rtt),
            "base_ms": p05,
            "p50_ms": p50,
            "p95_ms": p95,
            "threshold_ms": limit,
            "spikes": count,
            "spike_share": count / len(rtt),
            **later.columns(worst, behind),
            "own_ttl": None if own["place"] < 0 else behind[int(own["place"])],
            "own_ms": own["median"],
            "own_low_ms": own["low"],
            "own_high_ms": own["high"],
            "rank_correlation": own["correlation"],
            "n_both": int(own["n"]),
            "since_ttl": _since(grid, here, place, limit) if verdict == "shared-downstream" else None,
            "tunnelled": bool(grid.odd[here, place].any()),
            "evidence": "positional" if positional else "flow",
            "verdict": verdict,
            "needs_n": needs,
        }


def _is_positional(grid: _Grid, here: Ints, place: int) -> bool:
    """Chance decided who answered in these rows, or they came by several responders before the hop."""
    before = grid.addr[here][:, :place]
    parted = any(len(np.unique(column[column >= 0])) > 1 for column in before.T)
    return parted or not grid.sure[here, place].all()


def _rows(grid: _Grid, here: Ints, place: int, excess: Floats) -> Rows:
    """Collect what tells whether spikes go with a way."""
    silent = np.ones(max(grid.ttls[place] - 1, 1))  # by TTL, from 1 on
    silent[np.array(grid.ttls[:place], dtype=np.int64) - 1] = np.mean(grid.addr[here][:, :place] < 0, axis=0)
    return Rows(
        excess=excess,
        flow=grid.flows[here],
        behind=grid.excess[here][:, place + 1 :],
        silent=float(silent.max()) if grid.ttls[place] > 1 else 0.0,
    )


@dataclass(frozen=True, slots=True)
class _Later:
    """Spikes at the TTLs behind a hop, in its rounds: one for each TTL with answers enough."""

    place: Ints
    count: Ints
    n: Ints

    @classmethod
    def of(cls, grid: _Grid, here: Ints, place: int, limit: float) -> "_Later":
        excess = grid.excess[here][:, place + 1 :]
        n = np.count_nonzero(~np.isnan(excess), axis=0)
        with np.errstate(invalid="ignore"):
            count = np.count_nonzero(excess > limit, axis=0)
        kept = np.flatnonzero(n >= _LEAST)
        return cls(kept, count[kept], n[kept])

    def columns(self, which: int | None, ttls: tuple[int, ...]) -> dict[str, Any]:
        """Make the columns of the TTL that a verdict rests on; `ttls` are all those behind."""
        if which is None:
            return {"later_ttl": None, "later_n": None, "later_share": np.nan}
        return {
            "later_ttl": ttls[int(self.place[which])],
            "later_n": int(self.n[which]),
            "later_share": self.count[which] / self.n[which],
        }


def _own(rtt: Floats, later: Floats, sure: Bools, alpha: float) -> dict[str, float]:
    """Compare RTTs with those behind in the same rounds: whose they most surely exceed, and by how much.

    The smallest RTT behind would not do: where each packet of each hop may meet a queue, some packet of
    several hops has met none.
    """
    behind = np.where(sure, later, np.nan)
    least = np.min(np.where(np.isnan(behind), np.inf, behind), axis=1, initial=np.inf)
    both = np.isfinite(least)
    found = {"median": np.nan, "low": np.nan, "high": np.nan, "level": np.nan, "place": -1.0}
    found |= {"correlation": _spearman(rtt[both], least[both]), "n": float(np.count_nonzero(both))}
    gaps = rtt[:, None] - behind
    line, place = np.nonzero(~np.isnan(gaps))
    if not len(line):
        return found
    middle = medians(gaps[line, place], place, gaps.shape[1], alpha=alpha / len(np.unique(place)))
    known = ~np.isnan(middle.low)
    if known.any():
        most = int(np.argmax(np.where(known, middle.low, -np.inf)))
        found |= {"median": float(middle.median[most]), "low": float(middle.low[most])}
        found |= {"high": float(middle.high[most]), "place": float(most)}
        found["level"] = float(np.nanmedian(behind[:, most]))
    return found


def _spearman(one: Floats, two: Floats) -> float:
    if len(one) < _LEAST or np.ptp(one) == 0 or np.ptp(two) == 0:
        return np.nan
    from scipy.stats import spearmanr

    return float(spearmanr(one, two).statistic)


def _verdict(count: int, n: int, later: _Later, alpha: float) -> tuple[str, int | None, int | None]:
    """Return the verdict, which of `later` it rests on, and how many answers would tell if it cannot."""
    z, p = NormalDist().inv_cdf(1 - alpha / 2), count / n
    if wilson(count, n, alpha=alpha)[0] > _MOST:
        return "cannot tell", None, None
    # Wilson's interval of p ends below a share r as soon as n (r - p)^2 >= z^2 r (1 - r).
    rare_n = int(np.ceil(z * z * _RARE * (1 - _RARE) / (_RARE - p) ** 2)) if p < _RARE else _NEVER
    rare = wilson(count, n, alpha=alpha)[1] <= _RARE
    worst, needs = None, None
    if len(later.n):
        share = later.count / later.n
        gap = share - p / 2
        # Where one of several is enough, each is asked more strictly; where all must show it, none is.
        strict = alpha / len(later.n)
        q_high, p_low = wilson(later.count, later.n, alpha=strict)[1], wilson(count, n, alpha=strict)[0]
        q_low, p_high = wilson(later.count, later.n, alpha=alpha)[0], wilson(count, n, alpha=alpha)[1]
        up = np.hypot(q_high - share, (p - p_low) / 2)
        down = np.hypot(share - q_low, (p_high - p) / 2)
        worst = int(np.argmin(gap + up))
        if count and gap[worst] + up[worst] < 0:
            return "slow-path", worst, None
        whole = np.flatnonzero(2 * later.n >= n)  # where many answers are missing, ask the others
        whole = whole if len(whole) else np.arange(len(later.n))
        if p > _RARE and np.all(gap[whole] - down[whole] > 0):
            return "shared-downstream", worst, None
        needs = _needed(n, float(gap[worst]), float(up[worst] if gap[worst] < 0 else down[worst]))
    if rare:
        return "none", worst, None
    needed = min(rare_n, _NEVER if needs is None else needs)
    return "cannot tell", worst, needed if needed < _NEVER else None


def _needed(n: int, gap: float, reach: float) -> int | None:
    """Return with how many answers an interval would end at 0: widths fall with the root of their number."""
    if gap == 0:
        return None
    needed = int(np.ceil(n * (reach / abs(gap)) ** 2))
    return needed if n < needed <= _NEVER else None


def _since(grid: _Grid, here: Ints, place: int, limit: float) -> int:
    """Find the nearest TTL from which on all hops that can be judged had half as many spikes, or more."""
    excess = grid.excess[here][:, : place + 1]
    n = np.count_nonzero(~np.isnan(excess), axis=0)
    with np.errstate(invalid="ignore"):
        share = np.count_nonzero(excess > limit, axis=0) / np.maximum(n, 1)
    since = place
    for before in range(place - 1, -1, -1):
        if n[before] >= _LEAST:
            if share[before] < share[place] / 2:
                break
            since = before
    return grid.ttls[since]
