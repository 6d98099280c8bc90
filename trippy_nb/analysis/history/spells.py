"""Spells: how long each series kept to one path.

First a series is cut wherever an observation contradicts all that the spell has shown so far. Then what was
seen too seldom is set aside: a spell counts if enough observations of its own contradict the path before it,
or if as many did in several flows at once. What is left and fits is joined.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING

import numpy as np

from trippy_nb.analysis.arrays import Bools, Ints, distinct, starts_of
from trippy_nb.analysis.cells import Cells, cells_of
from trippy_nb.analysis.history.bundles import Held, Step, bundles
from trippy_nb.analysis.history.looks import Looks, disputes, looks_of, merged
from trippy_nb.analysis.history.masks import Masks, masks_of
from trippy_nb.analysis.history.patterns import GAP, Pattern
from trippy_nb.analysis.history.series import Observations, observations
from trippy_nb.analysis.tracks import Tracks, tracks_of
from trippy_nb.errors import ConfigError
from trippy_nb.frames.answers import STANDINGS

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

_A_ROUND_BETWEEN = 2
KEPT, OUTLIER, UNCONFIRMED, NOT_JUDGED = STANDINGS


@dataclass(slots=True)
class Spell:
    """A stretch of a series with one path."""

    series: int
    first: int
    """First observation (index into those of `Observations`)."""
    last: int
    pattern: Pattern
    n: int = 0
    """Observations that fit it."""
    clear: int = 0
    """Those that contradict the spell before it; all of them, if there is none."""
    last_clear: int = -1
    """The last of those."""
    standing: str = KEPT
    trail: list[tuple[int, int]] = field(default_factory=list)
    """First and last observation of each stretch with one look."""


@dataclass(frozen=True, slots=True)
class History:
    """All spells of all series."""

    seen: Observations
    masks: Masks
    cells: Cells
    """As they were seen, under the keys of `seen`."""
    base: int
    """TTL of the first place of each pattern."""
    group: Ints
    moment: Ints
    series: Ints
    """Of each observation."""
    judged: Bools
    looks: Looks
    """What observations look like."""
    look: Ints
    """... and which of these each is."""
    spells: dict[int, list[Spell]]
    """Of each series, in the order of their first observation."""

    def kept(self, series: int) -> list[Spell]:
        """Return the spells of a series that count."""
        return [spell for spell in self.spells[series] if spell.standing == KEPT]


def history_of(tables: "Tables", *, confirm: int = 2) -> History:
    """Cut every series into spells.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.
    confirm
        Observations it takes to believe in a path.

    Raises
    ------
    ConfigError
        If `confirm` is not at least 1.
    """
    if confirm < 1:
        raise ConfigError(f"confirm={confirm}: it takes at least 1 observation to believe in a path")
    history = looked_at(tables)
    stable = np.array([one.stable for one in history.seen.series], dtype=np.bool_)
    rows = np.flatnonzero(history.judged & stable[history.series]) if len(stable) else history.look
    history.spells.update({one: [] for one in range(len(stable))} | spells_of(history, rows, history.series))
    believed = _believed(history, confirm)
    for number, spells in history.spells.items():
        history.spells[number] = _joined(spells, believed)
    return history


def looked_at(tables: "Tables") -> History:
    """Sort the observations of all series, and say what each looks like; nothing is cut yet."""
    seen = observations(tables)
    cells = cells_of(seen.probes)
    masks = masks_of(seen.probes, cells)
    tracks = tracks_of(replace(cells, addr=masks.addr))
    base = int(tracks.ways.first_ttl.min()) if len(tracks.ways) else 1
    group = cells.run[tracks.heads]
    looks, look = looks_of(tracks, group, masks, base)
    return History(
        seen=seen,
        masks=masks,
        cells=cells,
        base=base,
        group=group,
        moment=cells.round[tracks.heads],
        series=cells.flow[tracks.heads],
        judged=tracks.complete & ~_open(cells, tracks),
        looks=looks,
        look=look,
        spells={},
    )


def _open(cells: Cells, tracks: Tracks) -> Bools:
    """Tell which paths have a probe in view whose answer may still come."""
    if not len(tracks.heads):
        return np.zeros(0, dtype=np.bool_)
    result: Bools = np.logical_or.reduceat(cells.open & cells.in_view, tracks.heads)
    return result


def spells_of(history: History, rows: Ints, owner: Ints) -> dict[int, list[Spell]]:
    """Cut observations wherever one contradicts all of its owner since the last cut.

    Parameters
    ----------
    history
        With what each observation looks like.
    rows
        The observations, in order of time.
    owner
        Series of each observation, or whatever else is to be cut.
    """
    ids, number, _ = distinct(owner[rows])
    order = np.argsort(number, kind="stable")
    rows, number = rows[order], number[order]
    disputed, patterns = disputes(history.looks, number, history.look[rows], len(ids))
    begins = starts_of(number, disputed)
    ends = np.append(begins[1:], len(rows)) - 1 if len(begins) else begins
    stretches = list(
        zip(
            rows[begins].tolist(),
            rows[ends].tolist(),
            disputed[begins].tolist(),
            (ends - begins + 1).tolist(),
            strict=True,
        )
    )
    bounds = [*starts_of(number[begins]).tolist(), len(stretches)]
    spells = {
        one: list(_spells(one, stretches[begin:end], patterns))
        for one, (begin, end) in zip(ids.tolist(), pairwise(bounds), strict=True)
    }
    every = [spell for mine in spells.values() for spell in mine]
    whose = np.repeat(np.arange(len(every)), [spell.n for spell in every])
    for spell, pattern in zip(
        every, merged(history.looks, whose, history.look[rows], len(every)), strict=True
    ):
        spell.pattern = pattern
    return spells


def _spells(
    series: int, stretches: Sequence[tuple[int, int, int, int]], patterns: Sequence[Pattern]
) -> Iterator[Spell]:
    """Cut the observations of one owner, going by what its looks disagree about."""
    if len(stretches) == 1:  # as of most
        first, last, which, n = stretches[0]
        yield Spell(series, first, last, patterns[which], n, n, last, trail=[(first, last)])
        return
    spell: Spell | None = None
    before: Pattern | None = None
    fits: dict[int, bool] = {}
    clear: dict[int, bool] = {}
    for first, last, which, n in stretches:
        look = patterns[which]
        if spell is not None and which not in fits:
            fits[which] = spell.pattern.fits(look)
            if fits[which] and (both := spell.pattern.merged(look)) != spell.pattern:
                spell.pattern = both
                fits = {which: True}
        if spell is None or not fits[which]:
            if spell is not None:
                yield spell
                before = spell.pattern
            spell, fits, clear = Spell(series, first, last, look), {which: True}, {}
        if which not in clear:
            clear[which] = before is None or not before.fits(look)
        spell.last = last
        spell.n += n
        if clear[which]:
            spell.clear += n
            spell.last_clear = last
        spell.trail.append((first, last))
    if spell is not None:
        yield spell


def _believed(history: History, confirm: int) -> set[tuple[int, int]]:
    """Return the spells (series, number) that were seen often enough, alone or with those of other flows."""
    believed: set[tuple[int, int]] = set()
    steps: dict[int, list[Step]] = defaultdict(list)
    for number, spells in history.spells.items():
        believed |= {(number, place) for place, spell in enumerate(spells) if spell.clear >= confirm}
        for place, (before, after) in enumerate(pairwise(spells), start=1):
            steps[int(history.group[after.first])].append(step_of(history, before, after, place))
    for found in steps.values():
        for bundle in bundles(found):
            believed |= _enough(history, bundle, confirm)
    return believed


def step_of(history: History, before: Spell, after: Spell, item: int) -> Step:
    """Say when and where a series went over to another path, place by place.

    TTLs are compared as they are: a hop more shifts all that follow, in all flows alike.
    """
    places = before.pattern.conflicts(after.pattern)
    old, new = {*before.pattern.places} - {GAP}, {*after.pattern.places} - {GAP}
    return Step(
        series=after.series,
        low=int(history.moment[last_sight(history, before, after)]),
        high=int(history.moment[after.first]),
        first_ttl=history.base + places[0],
        last_ttl=history.base + places[-1],
        item=item,
        gone=frozenset[Held](old - new),
        come=frozenset[Held](new - old),
    )


def last_sight(history: History, before: Spell, after: Spell) -> int:
    """Return the last observation that shows the old path, and cannot be one of the new.

    One with gaps may be either: it says nothing of when the route changed.
    """
    ends = [end for begin, end in before.trail if begin < after.first]
    for end in reversed(ends):
        if not history.looks[int(history.look[end])].fits(after.pattern):
            return end
    return ends[-1]


def _enough(history: History, bundle: Sequence[Step], confirm: int) -> set[tuple[int, int]]:
    """Return what the flows of a bundle came from, and went to, where they saw that often enough together."""
    old, new = [], []
    for step in bundle:
        spells = history.spells[step.series]
        if step.item == 1:
            old.append((step.series, 0))
        if not _is_halfway(history, spells, step.item):
            new.append((step.series, step.item))
    return {
        name
        for side in (old, new)
        if sum(history.spells[one][place].clear for one, place in side) >= confirm
        for name in side
    }


def _is_halfway(history: History, spells: Sequence[Spell], place: int) -> bool:
    """Tell whether a path is half of the one before and half of the one after: changed within a round."""
    if place + 1 >= len(spells) or spells[place].n > 1:
        return False
    old, now, new = spells[place - 1 : place + 2]
    moment = history.moment
    if int(moment[new.first]) - int(moment[old.last]) > _A_ROUND_BETWEEN:
        return False  # two changes, of which nobody saw more than one sight each
    places = zip_longest(old.pattern.places, now.pattern.places, new.pattern.places, fillvalue=GAP)
    return all(here in (GAP, before, after) for before, here, after in places)


def _joined(spells: list[Spell], believed: set[tuple[int, int]]) -> list[Spell]:
    """Set aside what was seen too seldom, and join what fits across it."""
    result: list[Spell] = []
    kept: Spell | None = None
    for place, spell in enumerate(spells):
        if (spell.series, place) not in believed:
            edge = place in (0, len(spells) - 1)
            spell.standing = UNCONFIRMED if edge and len(spells) > 1 else OUTLIER if len(spells) > 1 else KEPT
            if spell.standing == OUTLIER and kept is not None:
                # What fits both was a look at the path that went on.
                kept.n += spell.n - spell.clear
                spell.n, spell.last = spell.clear, spell.last_clear
            result.append(spell)
        elif kept is not None and kept.pattern.fits(spell.pattern):
            kept.pattern = kept.pattern.merged(spell.pattern)
            kept.last, kept.n, kept.clear = spell.last, kept.n + spell.n, kept.clear + spell.clear
            kept.trail += spell.trail
        else:
            kept = spell
            result.append(spell)
    return result
