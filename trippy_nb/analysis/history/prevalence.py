"""How much of the time one path has, and how long it lasts.

Paxson, End-to-End Routing Behavior in the Internet, SIGCOMM 1996: the prevalence of a route is the share of
observations that see it, its persistence how long it lasts until the next one.
"""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from trippy_nb.analysis.arrays import Ints
from trippy_nb.analysis.history.looks import Looks
from trippy_nb.analysis.history.patterns import Pattern, gaps
from trippy_nb.analysis.history.rows import addrs_of_pattern, series_columns
from trippy_nb.analysis.history.spells import History, Spell, looked_at, spells_of
from trippy_nb.analysis.ratios import wilson
from trippy_nb.analysis.tracks import tracks_of
from trippy_nb.errors import ConfigError
from trippy_nb.frames import columns as col
from trippy_nb.frames.answers import PREVALENCE
from trippy_nb.frames.columns import NO_TIME, frame_of
from trippy_nb.model import NS_PER_S

if TYPE_CHECKING:
    import pandas as pd

    from trippy_nb.frames import Tables

_PER = ("flow", "target")


@dataclass(frozen=True, slots=True)
class _Share:
    """What the observations of one series, or of all flows to one target, come to."""

    series: int
    n: int
    n_dominant: int
    n_paths: int
    dominant: Pattern
    spells: list[Spell]
    exact: Counter[int]
    exact_transitions: int


def prevalence(tables: "Tables", *, per: str = "flow") -> "pd.DataFrame":
    """Say how much of each series its most frequent path has, and how long a path lasts.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order; see :func:`epochs` for what is one series.
    per
        ``flow``: one row a series. ``target``: one row for all flows of one vantage, source, target address
        and protocol together, as if they were one; `series` is then the first of them. With load balancing
        that tells how flows are spread as much as how routes change.

    Returns
    -------
    prevalence
        The columns of :data:`trippy_nb.frames.answers.PREVALENCE`, sorted by `series`. Every round whose
        fate is known counts, also of flows that do not look the same to a balancer.

    Raises
    ------
    ConfigError
        If `per` is none of the two.

    Notes
    -----
    Silence as a wildcard: a path with gaps counts as the most frequent of those that it fits. Transitions are
    counted without hysteresis, so each is two for an outlier.
    """
    if per not in _PER:
        raise ConfigError(f"per={per!r}: it is 'flow' or 'target'")
    history = looked_at(tables)
    shares = _shares(history, history.series if per == "flow" else history.group)
    seen = history.seen.series
    columns = _columns(history, shares) | series_columns([seen[one.series] for one in shares])
    if per == "target":
        columns["header"] = col.blank(PREVALENCE.column("header"), len(shares)).fillna("")
    return frame_of(PREVALENCE, columns, len(shares))


def _shares(history: History, owner: Ints) -> list[_Share]:
    rows = np.flatnonzero(history.judged)
    exact = tracks_of(history.cells).way
    spells = spells_of(history, rows, owner)
    order = rows[np.argsort(owner[rows], kind="stable")]
    ids, begins = np.unique(owner[order], return_index=True)
    shares: list[_Share] = []
    if not len(order):
        return shares
    for one, mine in zip(ids.tolist(), np.split(order, begins[1:]), strict=True):
        clusters = _clusters(history.looks, Counter(history.look[mine].tolist()))
        dominant, n_dominant = max(clusters, key=lambda found: found[1])
        ways = exact[mine].tolist()
        shares.append(
            _Share(
                series=int(history.series[mine].min()),
                n=len(mine),
                n_dominant=n_dominant,
                n_paths=len(clusters),
                dominant=dominant,
                spells=spells[one],
                exact=Counter(ways),
                exact_transitions=sum(a != b for a, b in pairwise(ways)),
            )
        )
    return sorted(shares, key=lambda share: share.series)


def _clusters(looks: Looks, counts: Counter[int]) -> list[tuple[Pattern, int]]:
    """Put looks together that may be one path, those without gaps first; and count their observations."""
    clusters: list[tuple[Pattern, int]] = []
    for which in sorted(counts, key=lambda one: (gaps(looks[one]), -counts[one], looks[one].places)):
        look, n = looks[which], counts[which]
        fitting = [place for place, (path, _) in enumerate(clusters) if path.fits(look)]
        if not fitting:
            clusters.append((look, n))
            continue
        place = max(fitting, key=lambda place: clusters[place][1])
        path, before = clusters[place]
        clusters[place] = (path.merged(look), before + n)
    return clusters


def _columns(history: History, shares: list[_Share]) -> dict[str, Any]:
    n = np.array([share.n for share in shares], dtype=np.int64)
    k = np.array([share.n_dominant for share in shares], dtype=np.int64)
    exact_k = np.array([max(share.exact.values()) for share in shares], dtype=np.int64)
    transitions = np.array([len(share.spells) - 1 for share in shares], dtype=np.int64)
    exact_transitions = np.array([share.exact_transitions for share in shares], dtype=np.int64)
    low, high = wilson(k, n)
    exact_low, exact_high = wilson(exact_k, n)
    steps = np.where(n > 1, n - 1, np.nan)
    return {
        "series": np.array([share.series for share in shares], dtype=np.uint32),
        "n": n.astype(np.uint32),
        "n_dominant": k.astype(np.uint32),
        "prevalence_ratio": k / n,
        "prevalence_low_ratio": low,
        "prevalence_high_ratio": high,
        "n_paths": np.array([share.n_paths for share in shares], dtype=np.uint32),
        "n_transitions": transitions.astype(np.uint32),
        "transition_ratio": transitions / steps,
        "persistence_n": n / (transitions + 1),
        "persistence_s": np.array([_lasting_s(history, share.spells) for share in shares], dtype=np.float64),
        "exact_n_dominant": exact_k.astype(np.uint32),
        "exact_prevalence_ratio": exact_k / n,
        "exact_prevalence_low_ratio": exact_low,
        "exact_prevalence_high_ratio": exact_high,
        "exact_n_paths": np.array([len(share.exact) for share in shares], dtype=np.uint32),
        "exact_n_transitions": exact_transitions.astype(np.uint32),
        "exact_transition_ratio": exact_transitions / steps,
        "addrs": col.objects([addrs_of_pattern(history, share.dominant) for share in shares]),
    }


def _lasting_s(history: History, spells: list[Spell]) -> float:
    """Return the median time that a spell was seen; NaN where times are not known."""
    at = history.seen.at_ns
    known = [
        float(at[spell.last] - at[spell.first]) / NS_PER_S
        for spell in spells
        if at[spell.first] != NO_TIME and at[spell.last] != NO_TIME
    ]
    return median(known) if known else float("nan")
