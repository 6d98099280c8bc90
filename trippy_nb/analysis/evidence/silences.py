"""Hops that leave probes unanswered which hops behind them answer: nothing was lost on the way there.

Whether a rate limit is behind it shows in the order of answers and silences. A limiter that has run dry
answers one probe an interval, or all at first and then none; one that merely has other things to do answers
at random. So the lengths of the silences are compared with those of the same answers in random order: a
limiter makes them all alike, or few and long. What is compared is the sum of their squares (Greenwood, 1946).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from trippy_nb.analysis.arrays import Bools, Floats, Ints, distinct
from trippy_nb.analysis.cells import Cells, cell_numbers
from trippy_nb.analysis.evidence.statement import HINT, LIKELY, PROBES, SETTLED, OneRun, Statement

_FEWEST = 20  # probes, before anything is said
_FEWEST_SILENT, _FEWEST_SILENT_RATIO = 5, 0.1
_SURE_Z = 3.5  # one hop in 4,000 goes beyond, if it loses as many as those behind it
_TTLS, _SOURCE = 256, -2
_LOOKED_AT, _ORDERS, _SEED = 512, 1999, 0


@dataclass(frozen=True, slots=True)
class _Hop:
    """The probes of one hop, in the order they were sent."""

    ttl: int
    addr: str
    flows: tuple[int, ...]
    answered: Bools
    sent_ms: Floats
    """NaN where it is not known."""
    paths: Ints
    """Number of the path of each, as in `Cells`."""


def silence_statements(run: OneRun) -> Iterator[Statement]:
    """Say which hops answer less than those behind them, and whether a rate limit shows."""
    for hop in _hops(run):
        n, answers = len(hop.answered), int(hop.answered.sum())
        if n - answers < max(_FEWEST_SILENT, _FEWEST_SILENT_RATIO * n) or not answers:
            continue
        ttl, answers_behind, n_behind = _behind(run.cells, hop.paths, hop.ttl)
        if _z(answers, n, answers_behind, n_behind) < _SURE_Z:
            continue
        counts = (
            f"Hop {hop.ttl} ({hop.addr}) answered {answers} of {n} probes, hop {ttl} behind it "
            f"{answers_behind} of "
            f"{n_behind}: so the others were not lost on the way"
        )
        even = evenness(hop.answered)
        if even:
            says = f"{counts}. {_pattern(hop, even)}: it limits the rate of its answers."
        else:
            says = f"{counts}. Which ones it answered looks like chance."
        yield Statement(
            kind="rate-limit" if even else "non-response",
            strength=LIKELY if even else HINT,
            says=says,
            where=f"ttl == {hop.ttl} and {SETTLED}",
            table=PROBES,
            flows=hop.flows,
            ttl=hop.ttl,
            last_ttl=hop.ttl,
            addrs=(hop.addr,),
        )


def _z(answers: int, n: int, answers_behind: int, n_behind: int) -> float:
    """Return by how many standard deviations the share behind is greater: the test of two proportions."""
    if not n_behind:
        return 0.0
    share = (answers + answers_behind) / (n + n_behind)
    deviation = (share * (1 - share) * (1 / n + 1 / n_behind)) ** 0.5
    return (answers_behind / n_behind - answers / n) / deviation if deviation else 0.0


def evenness(answered: Bools) -> int:
    """Compare the order of answers with chance.

    Parameters
    ----------
    answered
        Of each probe, in the order they were sent; answers and silences among them. The first 512 are looked
        at.

    Returns
    -------
    evenness
        1 if silences are more alike than in each of 1,999 random orders, -1 if they are less alike than in
        each, else 0. Chance alone gives 1 or -1 once in a thousand times.
    """
    part = answered[:_LOOKED_AT]
    n, answers = len(part), int(part.sum())
    if answers in (0, n):
        return 0
    luck = np.random.default_rng(_SEED).random((_ORDERS, n))
    places = np.sort(np.argpartition(luck, answers - 1, axis=1)[:, :answers], axis=1)
    chance = _squares(places, n)
    (here,) = _squares(np.flatnonzero(part)[None, :], n)
    return int(here < chance.min()) - int(here > chance.max())


def _squares(places: Ints, n: int) -> Ints:
    """Sum the squared lengths of the silences between answers at these places of n, row by row."""
    ends = np.full((len(places), 1), n)
    silences = np.diff(np.concatenate([ends * 0 - 1, places, ends], axis=1), axis=1) - 1
    squares: Ints = (silences**2).sum(axis=1)
    return squares


def _pattern(hop: _Hop, even: int) -> str:
    if even < 0:
        return "It answers several in a row, then none for a while, more than chance would"
    gaps = np.diff(hop.sent_ms[hop.answered])
    every = f", one every {np.median(gaps):.0f} ms or so" if len(gaps) and not np.isnan(gaps).any() else ""
    return f"It answers more evenly than chance would{every}"


def _hops(run: OneRun) -> Iterator[_Hop]:
    probes, cells = run.probes, run.cells
    if not len(probes.run):
        return
    cell = cell_numbers(probes, cells)
    view = cells.in_view[cell] & probes.settled
    owner = np.where(view, _owners(cells)[cell], -1)
    path = cells.path[cell]
    sent_ms = run.sent_ms()
    rows = np.flatnonzero(owner >= 0)
    _, number, _ = distinct(probes.ttl[rows] * max(len(probes.names), 1) + owner[rows])
    order = np.lexsort((probes.attempt[rows], probes.flow[rows], probes.round[rows], sent_ms[rows], number))
    rows, number = rows[order], number[order]
    for part in np.split(rows, np.flatnonzero(np.diff(number)) + 1):
        if len(part) >= _FEWEST:
            yield _Hop(
                ttl=int(probes.ttl[part[0]]),
                addr=probes.names[int(owner[part[0]])],
                flows=tuple(np.unique(probes.flow[part]).tolist()),
                answered=probes.answered[part],
                sent_ms=sent_ms[part],
                paths=path[part],
            )


def _behind(cells: Cells, paths: Ints, ttl: int) -> tuple[int, int, int]:
    """Find the hop that answers most of those behind a TTL on these paths: TTL, cells answered, cells."""
    ours = np.zeros(int(cells.path[-1]) + 1, dtype=np.bool_)
    ours[paths] = True
    rows = np.flatnonzero(ours[cells.path] & (cells.ttl > ttl) & cells.in_view & cells.settled)
    asked = np.bincount(cells.ttl[rows], minlength=_TTLS)
    answers = np.bincount(cells.ttl[rows][cells.answered[rows]], minlength=_TTLS)
    share = np.where(asked >= _FEWEST, answers / np.maximum(asked, 1), -1.0)
    best = int(share.argmax())
    return (best, int(answers[best]), int(asked[best])) if share[best] >= 0 else (ttl, 0, 0)


def _owners(cells: Cells) -> Ints:
    """Return whose silence it would be, cell by cell; -1 where it may be that of several.

    It is that of the only address that ever answered at the (flow, TTL); where none did, of the only one that
    any flow showed there behind the same neighbour, or at that TTL at all. Who answered behind it must not
    matter, for that is what is to be found out.
    """
    nobody = np.zeros(len(cells.run), dtype=np.bool_)
    hop = cells.series * _TTLS + cells.ttl
    owner = _sole(hop, cells.addr, nobody)
    follows = cells.path[1:] == cells.path[:-1]
    before = np.full(len(cells.run), _SOURCE)
    before[1:][follows] = cells.addr[:-1][follows]
    place = cells.ttl * (int(cells.addr.max(initial=0)) + 1 - _SOURCE) + before - _SOURCE
    neighbours = _sole(place, cells.addr, before == -1)
    everywhere = _sole(cells.ttl, cells.addr, nobody)
    never = ~_any_of(hop, cells.addr >= 0)
    return np.where(never, np.where(everywhere >= 0, everywhere, neighbours), owner)


def _sole(groups: Ints, addr: Ints, left_out: Bools) -> Ints:
    """Return the only address of each group, row by row; -1 if there is not one."""
    _, number, counts = distinct(groups)
    seen = np.flatnonzero((addr >= 0) & ~left_out)
    sole = np.full(len(counts), -1, dtype=np.int64)
    sole[number[seen]] = addr[seen]
    sole[number[seen][sole[number[seen]] != addr[seen]]] = -1
    return np.where(left_out, -1, sole[number])


def _any_of(groups: Ints, flags: Bools) -> Bools:
    """Tell whether any row of its group has the flag, row by row."""
    _, number, counts = distinct(groups)
    found = np.zeros(len(counts), dtype=np.bool_)
    found[number[flags]] = True
    whole: Bools = found[number]
    return whole
