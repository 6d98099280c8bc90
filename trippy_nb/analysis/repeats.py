"""Addresses that come twice on one path, and what each is due to.

A loop is one address at two TTLs in a row, a cycle is one that comes back later (Augustin et al.,
Avoiding traceroute anomalies with Paris traceroute, IMC 2006; the causes are theirs, but `uhp`, which is
of Vanaubel et al., TNT, TMA 2019). A cause is named where something that came back says so.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.analysis.arrays import (
    Bools,
    Ints,
    Probes,
    distinct,
    example_of,
    is_first_answer,
    pack,
    reply_keys,
    spread,
    stable_order,
)
from trippy_nb.analysis.cells import Cells, cells_of
from trippy_nb.analysis.steady import sure_cells
from trippy_nb.analysis.tracks import SILENT, Tracks, Way, tracks_of
from trippy_nb.frames.circles import circle_of
from trippy_nb.frames.derived import CAUSE_WORDS

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

CAUSES = CAUSE_WORDS
_ZERO, _REFUSAL, _UNEQUAL, _CIRCLE, _REWRITING, _UHP, _UNKNOWN = range(len(CAUSES))
_TWICE = 2
_MOST = 0.5  # of the answers
_LASTING = 0.8  # share of the rounds; the rest may be a route that changed. Our choice.


@dataclass(frozen=True, slots=True)
class Repeats:
    """One row for each (run, flow, nearer TTL, farther TTL, address), in that order."""

    hop: Ints
    """Number of the (run, flow, nearer TTL): see `Cells.hop`."""
    far: Ints
    """Number of the (run, flow, farther TTL)."""
    addr: Ints
    count: Ints
    """Paths that showed it."""
    cause: Ints
    """Index into `CAUSES`."""


@dataclass(slots=True)
class _Answers:
    """What the answers of one address at one hop said."""

    n: int = 0
    reply_ttl: float = float("nan")
    """Median."""
    zero: bool = False
    """A TTL of 0 was quoted, by most."""
    quoted: bool = False
    """A TTL was quoted."""
    refused: bool = False
    translated: bool = False
    """Another source address was quoted, by most."""


@dataclass(slots=True)
class _Repeat:
    count: int = 0
    circles: int = 0
    """Paths that went round between several addresses until they ended."""
    lone: int = 0
    """Paths in which this address alone came back until they ended."""
    is_twice: bool = True
    """The address is at two places, and no more."""


def returns(way: Way) -> Iterator[tuple[int, int]]:
    """Go through the places where an address comes again: (the place before it, this place), from 0."""
    last: dict[int, int] = {}
    for place, addr in enumerate(way.places):
        if addr != SILENT:
            if addr in last:
                yield last[addr], place
            last[addr] = place


def zero_ttl_rows(tables: "Tables", probes: Probes) -> Ints:
    """Find the probes whose first answer quotes a TTL of 0: rows of `probes`, sorted."""
    quoted = tables.replies["q_ttl"].to_numpy(dtype=np.int16, na_value=-1)
    zero = np.flatnonzero(quoted == 0)
    if not len(zero):
        return zero
    zero = zero[is_first_answer(tables.replies)[zero]]
    rows = probes.rows_of(reply_keys(tables.replies, zero))
    return np.unique(rows[rows >= 0])


def repeats_of(
    tables: "Tables", probes: Probes, cells: Cells, sure: Bools | None = None, paths: Ints | None = None
) -> Repeats:
    """Find repeats, and the cause of each.

    Parameters
    ----------
    tables, probes, cells
        All of them.
    sure
        Cells whose flow decides who answers, if that is known already.
    paths
        Some in which an address comes twice, if they are known: their runs are looked at, which are few.

    Returns
    -------
    repeats
        All of these runs; all that there are by default.
    """
    tracks = None
    if paths is None:
        tracks = tracks_of(cells)
        paths = np.flatnonzero(tracks.repeating[tracks.way])
    path_hop, runs = cells.path_hop, np.unique(cells.path_run[paths])
    if len(runs) < len(tables.runs):
        ours = np.isin(cells.path_run, runs)
        path_hop, sure = path_hop[ours], None if sure is None else sure[cells.spread(ours)]
        probes = _of_runs(probes, runs)
        cells, tracks = cells_of(probes), None
    hop = cells.spread(path_hop) + cells.ttl
    tracks = tracks or tracks_of(cells)
    found = _found(hop, tracks)
    if not found:
        none = np.zeros(0, dtype=np.int64)
        return Repeats(none, none, none, none, none)
    if sure is None:
        sure = sure_cells(tables, probes, cells)
    keys = sorted(found)
    answers = _answers(tables, probes, cells, hop, keys)
    lasting = _lasting(cells, hop, keys, [found[key].count for key in keys])
    firm = _firm(hop, sure, keys)
    causes = [
        _cause(key, found[key], answers[key[0], key[2]], answers[key[1], key[2]], lasts=lasts, firm=is_firm)
        for key, lasts, is_firm in zip(keys, lasting, firm, strict=True)
    ]
    near, far, addr = np.array(keys, dtype=np.int64).T
    counts = np.array([found[key].count for key in keys], dtype=np.int64)
    return Repeats(near, far, addr, counts, np.array(causes, dtype=np.int64))


def _of_runs(probes: Probes, runs: Ints) -> Probes:
    """Return the probes of some of the runs."""
    ours = np.isin(probes.path_run, runs)
    rows = np.flatnonzero(spread(ours, probes.path_starts, len(probes.ttl)))
    columns = ("ttl", "attempt", "status", "addr", "rtt", "from_target", "refused")
    taken: dict[str, Any] = {name: getattr(probes, name)[rows] for name in columns}
    paths = ("path_run", "path_round", "path_flow")
    taken |= {name: getattr(probes, name)[ours] for name in paths}
    lengths = np.diff(np.append(probes.path_starts, len(probes.ttl)))[ours]
    order = rows if probes.order is None else probes.order[rows]
    return replace(probes, **taken, path_starts=np.cumsum(lengths) - lengths, order=order)


def _found(hop: Ints, tracks: Tracks) -> dict[tuple[int, int, int], _Repeat]:
    """Go through the ways with repeats: by nearer hop, farther hop and address."""
    at = np.flatnonzero(tracks.repeating[tracks.way])
    found: dict[tuple[int, int, int], _Repeat] = defaultdict(_Repeat)
    heads = tracks.heads[at]
    for first, number, reached, n in _combinations(hop[heads], tracks.way[at], tracks.reached[at]):
        way = tracks.ways[number]
        circle = frozenset() if reached else circle_of(way.places)
        for near, far in returns(way):
            repeat = found[first + near, first + far, way.places[near]]
            repeat.count += n
            repeat.circles += n if len(circle) > 1 else 0
            repeat.lone += n if len(circle) == 1 else 0
            repeat.is_twice &= way.places.count(way.places[near]) == _TWICE
    return found


def _combinations(first: Ints, way: Ints, reached: Bools) -> Iterator[tuple[int, int, bool, int]]:
    """Go through the distinct (hop of the first place, way, reached), with how many paths are so."""
    if not len(first):
        return
    _, number, counts = distinct(pack(first, way, reached.astype(np.int64)))
    example = example_of(number, len(counts))
    for row, n in zip(example.tolist(), counts.tolist(), strict=True):
        yield int(first[row]), int(way[row]), bool(reached[row]), n


def _cause(
    key: tuple[int, int, int], repeat: _Repeat, near: _Answers, far: _Answers, *, lasts: bool, firm: bool
) -> int:
    is_loop = key[1] == key[0] + 1
    if is_loop and near.zero and not far.zero:
        return _ZERO
    if far.refused:
        return _REFUSAL
    if not firm and not lasts:
        return _UNEQUAL
    if 2 * repeat.circles > repeat.count:
        return _CIRCLE
    # One router's answers come back with one TTL; where it falls, another stands behind the address.
    if near.reply_ttl - far.reply_ttl >= 1 or (far.translated and not near.translated):
        return _REWRITING
    if 2 * repeat.lone > repeat.count:
        return _CIRCLE
    if is_loop and repeat.is_twice and lasts and near.quoted and near.reply_ttl == far.reply_ttl:
        return _UHP
    return _UNKNOWN if firm else _UNEQUAL


def _lasting(cells: Cells, hop: Ints, keys: list[tuple[int, int, int]], counts: list[int]) -> list[bool]:
    """Tell which repeats show in most of the paths that were answered at both places."""
    heard = np.flatnonzero((cells.addr >= 0) & cells.in_view)
    wanted = np.array(sorted({number for near, far, _ in keys for number in (near, far)}), dtype=np.int64)
    heard = heard[np.isin(hop[heard], wanted)]
    paths: dict[int, set[int]] = defaultdict(set)
    for number, path in zip(hop[heard].tolist(), cells.path[heard].tolist(), strict=True):
        paths[number].add(path)
    return [
        count >= _LASTING * len(paths[near] & paths[far])
        for (near, far, _), count in zip(keys, counts, strict=True)
    ]


def _firm(hop: Ints, sure: Bools, keys: list[tuple[int, int, int]]) -> list[bool]:
    """Tell for which repeats the flow decided at both places."""
    order = stable_order(hop)
    ends = np.array([key[:2] for key in keys], dtype=np.int64)
    place = order[np.minimum(np.searchsorted(hop[order], ends), len(hop) - 1)]
    firm: list[bool] = (sure[place] & (hop[place] == ends)).all(axis=1).tolist()
    return firm


def _answers(
    tables: "Tables", probes: Probes, cells: Cells, hop: Ints, keys: list[tuple[int, int, int]]
) -> dict[tuple[int, int], _Answers]:
    """Look up what the answers of these addresses at these hops said."""
    said: dict[tuple[int, int], _Answers] = defaultdict(_Answers)
    wanted = {(number, addr) for near, far, addr in keys for number in (near, far)}
    replies = tables.replies
    if replies.empty:
        return said
    names = [probes.names[addr] for addr in sorted({addr for _, addr in wanted})]
    ours = np.flatnonzero(is_first_answer(replies) & replies["addr"].isin(names).to_numpy())
    rows = probes.rows_of(reply_keys(replies, ours))
    ours, rows = ours[rows >= 0], rows[rows >= 0]
    cell = np.searchsorted(cells.starts, rows, side="right") - 1
    few = replies.iloc[ours]
    frame = pd.DataFrame(
        {
            "hop": hop[cell],
            "addr": probes.addr[rows],
            "reply_ttl": few["reply_ttl"].to_numpy(dtype=np.float64, na_value=np.nan),
            "zero": (few["q_ttl"] == 0).fillna(value=False).to_numpy(dtype=np.float64),
            "quoted": few["q_ttl"].notna().to_numpy(),
            "refused": probes.refused[rows].astype(np.float64),
            "translated": few["rewritten"]
            .astype("str")
            .str.contains("src=", na=False)
            .to_numpy(dtype=np.float64),
        }
    )
    for number, addr in sorted(wanted):
        group = frame[(frame["hop"] == number) & (frame["addr"] == addr)]
        if len(group):
            said[number, addr] = _Answers(
                n=len(group),
                reply_ttl=float(group["reply_ttl"].median()),
                zero=group["zero"].mean() > _MOST,
                quoted=bool(group["quoted"].any()),
                refused=group["refused"].mean() > _MOST,
                translated=group["translated"].mean() > _MOST,
            )
    return said
