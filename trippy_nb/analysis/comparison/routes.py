"""What each flow of one side showed, over all its rounds; and all its flows taken as one."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from trippy_nb.analysis.align import Place
from trippy_nb.analysis.arrays import Bools, Floats, Ints, Probes, probe_arrays
from trippy_nb.analysis.cells import Cells, cell_numbers, cells_of
from trippy_nb.analysis.flowkeys import Definition, definitions, known

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

END = ""
"""Stands for a responder where the path had already reached its target."""

UNKNOWN: Definition = ()
"""Flows whose header nobody knows: they may be one flow, so they count as one."""

_NO_HEADER = -1

_Key = TypeVar("_Key")
_Array = TypeVar("_Array", Floats, Ints, Bools)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What one flow showed, or several taken together."""

    flow: int
    """The first of its numbers."""
    steady: bool
    """All its probes look the same to a balancer of flows (one of packets is left to the tests)."""
    places: tuple[Place, ...]
    past_end: Mapping[int, int]
    """Paths that had reached the target before this TTL."""
    first: Mapping[int, Mapping[str, int]]
    """Who answered first at a TTL, or `END`: one for each flow that a balancer sees, so a single one of a
    steady flow; of others one for each header that was sent there."""
    rtt: Mapping[tuple[int, str], Floats]
    """RTTs, ms, by TTL and responder, in the order they were sent."""
    rtt_of: Mapping[str, Floats]
    """The same by responder: with ways of unequal length one TTL has some of the flows only."""
    unanswered: Mapping[int, Bools]
    """By TTL: which of the probes whose fate is known nobody answered, in the order they were sent."""
    end: int | None
    """TTL of the target, the smallest; None if it never answered."""
    at_target: Bools
    """Which rounds left the target unanswered; empty if it never answered."""
    farthest: Ints
    """Of each round, the largest TTL at which the fate of a probe is known."""
    targets: frozenset[str]
    """Responders that are the target."""
    each_probe: bool = False
    """Each probe is a flow of its own, with a header that is known."""
    left_out: Mapping[int, Place] = field(default_factory=dict)
    """What was seen at the TTLs that are not compared."""
    parts: tuple["Route", ...] = field(default=(), repr=False)
    """The flows that are taken together here."""

    @property
    def flows(self) -> tuple["Route", ...]:
        """The flows, one or several."""
        return self.parts or (self,)

    @property
    def rounds(self) -> int:
        """Paths that were probed."""
        return len(self.farthest)

    def target_unanswered(self, end: int | None) -> Bools:
        """Tell which rounds left the target unanswered, if it is known to be at `end`."""
        if self.end is not None:
            return self.at_target
        if end is None:
            return np.zeros(0, dtype=np.bool_)
        return np.ones(int((self.farthest >= end).sum()), dtype=np.bool_)


def routes_of(tables: "Tables") -> dict[Definition, Route]:
    """Collect the routes, by what a balancer sees of the flow: addresses, protocol and header fields.

    Runs of one side that sent the same flow count as one.
    """
    probes = probe_arrays(tables)
    cells = cells_of(probes)
    names, flow_of, of_series = _numbered(tables, cells)
    number = of_series[cells.series]
    steady = np.ones(len(names), dtype=np.bool_)
    stable = tables.runs.loc[tables.runs["flow_stable"], "run_id"]
    steady[number[~np.isin(cells.run, stable.to_numpy(dtype=np.int64))]] = False
    parts = _parts(probes, cells, number, tables)
    return {name: parts.route(n, flow_of[n], steady=bool(steady[n])) for n, name in enumerate(names)}


def together(routes: Iterable[Route]) -> Route:
    """Take several flows as one."""
    parts = tuple(routes)
    if len(parts) == 1:
        return parts[0]
    answers: dict[int, Counter[str]] = defaultdict(Counter)
    first: dict[int, Counter[str]] = defaultdict(Counter)
    past_end: Counter[int] = Counter()
    for part in parts:
        past_end.update(part.past_end)
        for place in part.places:
            answers[place.ttl].update(place.answers)
        for ttl, who in part.first.items():
            first[ttl].update(who)
    ends = [part.end for part in parts if part.end is not None]
    end = min(ends, default=None)
    return Route(
        flow=min((part.flow for part in parts), default=0),
        steady=all(part.steady for part in parts),
        places=tuple(Place(ttl, dict(answers[ttl])) for ttl in sorted(answers)),
        past_end=past_end,
        first=first,
        rtt=_joined(part.rtt for part in parts),
        rtt_of=_joined(part.rtt_of for part in parts),
        unanswered=_joined(part.unanswered for part in parts),
        end=end,
        at_target=np.concatenate([np.zeros(0, dtype=np.bool_), *(p.target_unanswered(end) for p in parts)]),
        farthest=np.concatenate([np.zeros(0, dtype=np.int64), *(part.farthest for part in parts)]),
        targets=frozenset().union(*(part.targets for part in parts)),
        each_probe=all(part.each_probe for part in parts) and bool(parts),
        left_out=_joined_places(part.left_out for part in parts),
        parts=parts,
    )


def _joined_places(maps: Iterable[Mapping[int, Place]]) -> dict[int, Place]:
    answers: dict[int, Counter[str]] = defaultdict(Counter)
    for one in maps:
        for ttl, place in one.items():
            answers[ttl].update(place.answers)
    return {ttl: Place(ttl, dict(who)) for ttl, who in answers.items()}


def _joined(maps: Iterable[Mapping[_Key, _Array]]) -> dict[_Key, _Array]:
    pieces: dict[_Key, list[_Array]] = defaultdict(list)
    for one in maps:
        for key, values in one.items():
            pieces[key].append(values)
    return {key: np.concatenate(values) for key, values in pieces.items()}


def _numbered(tables: "Tables", cells: Cells) -> tuple[list[Definition], list[int], Ints]:
    """Number the definitions by (run, flow): they, the first flow of each, and the number of each series."""
    keys = definitions(tables)
    first = np.unique(cells.series, return_index=True)[1]
    numbers: dict[Definition, int] = {}
    flows: list[int] = []
    of_series = np.zeros(len(first), dtype=np.int64)
    for series, (run, flow) in enumerate(
        zip(cells.run[first].tolist(), cells.flow[first].tolist(), strict=True)
    ):
        name = keys.get((run, flow), UNKNOWN)
        name = name if known(name) else UNKNOWN
        if name not in numbers:
            numbers[name] = len(numbers)
            flows.append(flow)
        of_series[series] = numbers[name]
    return list(numbers), flows, of_series


@dataclass(frozen=True, slots=True)
class _Parts:
    """Everything of all flows, cut up once."""

    answers: dict[int, dict[int, dict[str, int]]]
    ends: dict[int, Ints]
    first: dict[int, dict[int, dict[str, int]]]
    first_ends: dict[int, Ints]
    headers: frozenset[int]
    rtt: dict[int, dict[tuple[int, str], Floats]]
    rtt_of: dict[int, dict[str, Floats]]
    unanswered: dict[int, dict[int, Bools]]
    at_target: dict[int, Bools]
    farthest: dict[int, Ints]
    targets: dict[int, frozenset[str]]

    def route(self, number: int, flow: int, *, steady: bool) -> Route:
        answers = self.answers.get(number, {})
        ends = self.ends.get(number, _NO_INTS)
        one_each = not steady and number in self.headers
        last = max(answers, default=0)
        return Route(
            flow=flow,
            steady=steady,
            places=tuple(Place(ttl, answers[ttl]) for ttl in sorted(answers)),
            past_end=_before(ends, last),
            first=self._first(number, ends, one_each=one_each),
            rtt=self.rtt.get(number, {}),
            rtt_of=self.rtt_of.get(number, {}),
            unanswered=self.unanswered.get(number, {}),
            end=int(ends.min()) if len(ends) else None,
            at_target=self.at_target.get(number, _NO_BOOLS) if len(ends) else _NO_BOOLS,
            farthest=self.farthest.get(number, _NO_INTS),
            targets=self.targets.get(number, frozenset()),
            each_probe=one_each,
        )

    def _first(self, number: int, ends: Ints, *, one_each: bool) -> dict[int, dict[str, int]]:
        found = self.first.get(number, {})
        if one_each:
            after = _before(self.first_ends.get(number, _NO_INTS), 255)
            return {
                ttl: found.get(ttl, {}) | ({END: after[ttl]} if after.get(ttl) else {})
                for ttl in found.keys() | after.keys()
            }
        single = {ttl: {next(iter(who)): 1} for ttl, who in found.items()}
        beyond = range(int(ends.min()) + 1, 256) if len(ends) else range(0)
        return {ttl: {END: 1} for ttl in beyond} | single


_NO_INTS: Ints = np.zeros(0, dtype=np.int64)
_NO_BOOLS: Bools = np.zeros(0, dtype=np.bool_)


def _before(ends: Ints, last: int) -> dict[int, int]:
    """Count the paths that ended before each TTL."""
    counts = np.cumsum(np.bincount(ends, minlength=1))
    return {
        ttl: int(counts[min(ttl - 1, len(counts) - 1)])
        for ttl in range(1, max(last, 255) + 1)
        if len(ends) and counts[min(ttl - 1, len(counts) - 1)]
    }


def _parts(probes: Probes, cells: Cells, number: Ints, tables: "Tables") -> _Parts:
    used = cells.in_view & (cells.settled | cells.open)
    seen = np.flatnonzero(used & (cells.addr >= 0))
    header = _headers(tables, probes, cells)
    probed = np.flatnonzero(used)
    answers: dict[int, dict[int, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for (n, ttl), _ in _stretches(number[probed], cells.ttl[probed]):
        answers[n][ttl] = {}
    for (n, ttl, code), rows in _stretches(number[seen], cells.ttl[seen], cells.addr[seen]):
        answers[n][ttl][probes.names[code]] = len(rows)
    new = seen[_first_of(number[seen], cells.ttl[seen], header[seen])]
    first: dict[int, dict[int, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for (n, ttl, code), rows in _stretches(number[new], cells.ttl[new], cells.addr[new]):
        first[n][ttl][probes.names[code]] = len(rows)
    arrived = np.flatnonzero(used & cells.from_target)
    settled = np.flatnonzero(used & cells.settled)
    at_end = np.flatnonzero(used & cells.settled & cells.reached & (cells.ttl == cells.end))
    sure = np.flatnonzero(cells.settled)
    unanswered: dict[int, dict[int, Bools]] = defaultdict(dict)
    for (n, ttl), rows in _stretches(number[settled], cells.ttl[settled]):
        unanswered[n][ttl] = ~cells.answered[settled[rows]]
    new_ends = new[cells.from_target[new]]
    rtt, rtt_of = _rtts(probes, cells, number, used)
    return _Parts(
        answers=answers,
        ends=_by_number(number[arrived], cells.ttl[arrived]),
        first=first,
        first_ends=_by_number(number[new_ends], cells.ttl[new_ends]),
        headers=frozenset(np.unique(number[header != _NO_HEADER]).tolist()),
        rtt=rtt,
        rtt_of=rtt_of,
        unanswered=unanswered,
        at_target=_by_number(number[at_end], ~cells.answered[at_end]),
        farthest=_farthest(cells, number, sure),
        targets={
            n: frozenset(probes.names[code] for code in np.unique(cells.addr[arrived[rows]]).tolist())
            for (n,), rows in _stretches(number[arrived])
        },
    )


def _headers(tables: "Tables", probes: Probes, cells: Cells) -> Ints:
    """Number what the header of the first probe of each cell looked like; -1 where that is not known."""
    frame = tables.probes
    rows = cells.starts if probes.order is None else probes.order[cells.starts]
    ports = [
        frame[name].to_numpy(dtype=np.int64, na_value=-1)[rows] if name in frame else np.full(len(rows), -1)
        for name in ("sport", "dport")
    ]
    both: Ints = np.where((ports[0] < 0) & (ports[1] < 0), _NO_HEADER, (ports[0] + 1) << 16 | (ports[1] + 1))
    return both


def _farthest(cells: Cells, number: Ints, sure: Ints) -> dict[int, Ints]:
    starts = np.flatnonzero(np.diff(cells.path[sure], prepend=-1))
    last = np.maximum.reduceat(cells.ttl[sure], starts) if len(starts) else _NO_INTS
    return _by_number(number[sure][starts], last)


def _rtts(
    probes: Probes, cells: Cells, number: Ints, used: Bools
) -> tuple[dict[int, dict[tuple[int, str], Floats]], dict[int, dict[str, Floats]]]:
    cell = cell_numbers(probes, cells)
    rows = np.flatnonzero(used[cell] & (probes.addr >= 0) & ~np.isnan(probes.rtt))
    found: dict[int, dict[tuple[int, str], Floats]] = defaultdict(dict)
    for (n, ttl, code), places in _stretches(number[cell[rows]], probes.ttl[rows], probes.addr[rows]):
        found[n][ttl, probes.names[code]] = probes.rtt[rows[places]]
    of: dict[int, dict[str, Floats]] = defaultdict(dict)
    for (n, code), places in _stretches(number[cell[rows]], probes.addr[rows]):
        of[n][probes.names[code]] = probes.rtt[rows[places]]
    return found, of


def _first_of(*keys: Ints) -> Ints:
    """Return the first place of each different key, in order."""
    if not len(keys[0]):
        return _NO_INTS
    order = np.lexsort(keys[::-1])
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = np.any([key[order][1:] != key[order][:-1] for key in keys], axis=0)
    return np.sort(order[new])


def _by_number(number: Ints, values: _Array) -> dict[int, _Array]:
    return {n: values[rows] for (n,), rows in _stretches(number)}


def _stretches(*keys: Ints) -> Iterator[tuple[Sequence[int], Ints]]:
    """Go through the places that have equal keys, in their order."""
    if not len(keys[0]):
        return
    order = np.lexsort(keys[::-1])
    changes = np.any([key[order][1:] != key[order][:-1] for key in keys], axis=0)
    for rows in np.split(order, np.flatnonzero(changes) + 1):
        yield tuple(int(key[rows[0]]) for key in keys), rows
