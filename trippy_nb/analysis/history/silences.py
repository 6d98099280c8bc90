"""Places that fall silent, or begin to answer, while the route stays as it is."""

from collections import defaultdict

import numpy as np

from trippy_nb.analysis.arrays import Ints, starts_of
from trippy_nb.analysis.cells import hop_numbers
from trippy_nb.analysis.history.change import SILENCE, Change
from trippy_nb.analysis.history.patterns import GAP
from trippy_nb.analysis.history.spells import History, Spell

_CHANCE = 1e-3
"""At most so likely is a silence so long, anywhere in its series, by the losses elsewhere. Our choice."""

Span = tuple[int, int, int]
"""Series, first and last observation of a silence."""


def silences_of(history: History) -> list[Change]:
    """Find the silences that are too long to be chance, and where they begin and end."""
    spans: dict[Span, list[int]] = defaultdict(list)
    for series, ttl, first, last in _stretches(history):
        spans[series, first, last].append(ttl)
    order, begin, rank = _ordered(history)
    changes = []
    for (series, first, last), ttls in sorted(spans.items()):
        spell = _spell(history, series, first, last)
        if spell is None:
            continue
        mine = order[begin[series] : begin[series + 1]]
        known = [ttl for ttl in sorted(ttls) if spell.pattern.places[ttl - history.base] != GAP]
        if not known:
            continue
        n = int(rank[last] - rank[first]) + 1
        if first > spell.first:
            changes.append(_change(history, spell, known, int(mine[rank[first] - 1]), first, n, falls=True))
        if last < spell.last:
            changes.append(_change(history, spell, known, last, int(mine[rank[last] + 1]), n, falls=False))
    return changes


def _ordered(history: History) -> tuple[Ints, Ints, Ints]:
    """Return the judged observations series by series, where each series begins, and the rank of each."""
    rows = np.flatnonzero(history.judged)
    order = rows[np.argsort(history.series[rows], kind="stable")]
    begin = np.searchsorted(history.series[order], np.arange(len(history.seen.series) + 1))
    rank = np.full(len(history.judged), -1, dtype=np.int64)
    rank[order] = np.arange(len(order)) - begin[history.series[order]]
    return order, begin, rank


def _stretches(history: History) -> list[tuple[int, int, int, int]]:
    """List series, TTL, first and last observation of every silence that is no chance."""
    cells = history.cells
    hop, count = hop_numbers(cells)
    stable = np.array([one.stable for one in history.seen.series], dtype=np.bool_)
    if not stable.any():
        return []
    judged = cells.in_view & (history.judged & stable[history.series])[cells.path]
    answers = np.bincount(hop[judged & cells.answered], minlength=count)
    quiet = np.flatnonzero(judged & ~cells.answered & (answers[hop] > 0))
    quiet = quiet[np.argsort(hop[quiet], kind="stable")]
    if not len(quiet):
        return []
    _, _, rank = _ordered(history)
    where = rank[cells.path[quiet]]
    starts = starts_of(hop[quiet], where - np.arange(len(quiet)))
    length = np.diff(np.append(starts, len(quiet)))
    here = hop[quiet[starts]]
    lost = np.bincount(hop[quiet], minlength=count)[here]
    total = lost + answers[here]
    # Laplace's rule of succession: of the rounds outside this silence, one more lost and one more answered.
    usual = (lost - length + 1) / (total - length + 2)
    rare = np.flatnonzero(total * usual**length < _CHANCE)
    one = quiet[starts[rare]]
    two = quiet[starts[rare] + length[rare] - 1]
    return list(
        zip(
            cells.flow[one].tolist(),
            cells.ttl[one].tolist(),
            cells.path[one].tolist(),
            cells.path[two].tolist(),
            strict=True,
        )
    )


def _spell(history: History, series: int, first: int, last: int) -> Spell | None:
    """Find the epoch that the whole silence is in: else the route changed, and that explains it."""
    for spell in history.kept(series):
        if spell.first <= first and last <= spell.last:
            return spell
    return None


def _change(
    history: History, spell: Spell, ttls: list[int], last: int, first: int, n: int, *, falls: bool
) -> Change:
    names = history.seen.probes.names
    heard = tuple(names[spell.pattern.places[ttl - history.base]] for ttl in ttls)
    nobody = (None,) * len(ttls)
    return Change(
        kind=SILENCE,
        series=spell.series,
        first=first,
        last=last,
        before=heard if falls else nobody,
        after=nobody if falls else heard,
        n_before=spell.n - n if falls else n,
        n_after=n if falls else spell.n - n,
        first_ttl=ttls[0],
        last_ttl=ttls[-1],
        edits=0,
        length=len(spell.pattern.places),
    )
