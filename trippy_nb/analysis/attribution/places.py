"""Whose silences they are: the hops of one run, flow by flow, and the links between them.

A place is a responder at a TTL, or what never answered there: that is one place, for nobody can say whether
it is one router or several. Where a flow got no answer at a TTL, it is
taken to have met the one that answers others there, behind the same place; but not if those that get
answers get them far more surely than chance would let these go without: then something silent stands beside
it, on another branch. If several answer there, nobody can say whose silence it was, and they are counted as
one place: to count answers by who gave them, and silences apart, would make every router answer all.

Flows that went by the same places are one way, and are counted together; each probe for itself, for each is a
packet of its own.
"""

from collections import defaultdict
from dataclasses import dataclass
from math import comb, exp, inf, lgamma, log

import numpy as np

from trippy_nb.analysis.arrays import Bools, Floats, Ints, distinct
from trippy_nb.analysis.autocorrelation import autocorrelation
from trippy_nb.analysis.cells import cell_numbers, sightings
from trippy_nb.analysis.evidence.silences import evenness
from trippy_nb.analysis.evidence.statement import OneRun
from trippy_nb.model import Status

SOURCE = -1
"""The place before the first."""
_FEWEST, _FEWEST_EACH = 20, 5
"""Probes, and answers and silences among them, before their order is looked at (as evidence.silences
does)."""
_TURNS_Z, _LOOKED_AT = 3.29, 1000
_MOST_IN_ORDER, _ORDERS, _SEED, _ABOVE, _WORTH_A_LOOK = 512, 1999, 0, 0.2, 3.0
_ASKED_AGAIN = 2  # probes of one flow that ended at one hop
_NO_CHANCE = 20
"""Odds from which two kinds of flows are taken to be no chance."""
_TINY = 1e-300
_ANSWERS_ALL = 0.8
"""Chance that a router leaves nothing unanswered: one minus those of `priors`."""


@dataclass(slots=True)
class Place:
    """A hop of the run."""

    ttl: int
    addrs: tuple[str, ...]
    """Who answers there; none if it is silent."""
    pattern: str = "untested"
    target: bool = False
    branch_log_odds: float = -inf
    """Logarithm of the odds that the silences are those of another router, on a branch of its own that never
    answers, before it is weighed how likely either is beforehand."""

    @property
    def addr(self) -> str | None:
        """The responder, if there is one and only one."""
        return self.addrs[0] if len(self.addrs) == 1 else None


@dataclass(frozen=True, slots=True)
class Stop:
    """A place on one way."""

    way: int
    ttl: int
    place: int
    near: int
    """The place before it on this way; SOURCE if there is none."""
    n: int
    """Probes that were answered or not: those whose fate is known."""
    answered: int
    local: int
    """Probes that could not be sent, or are still in flight."""


@dataclass(frozen=True, slots=True)
class Ways:
    """The places of a run, and its stops by way and TTL."""

    places: list[Place]
    stops: tuple[Stop, ...]
    flows: tuple[tuple[int, ...], ...]
    """Flows of each way."""


@dataclass(slots=True)
class _Cast:
    """One (flow, TTL), and what is found out about it."""

    flow: int
    ttl: int
    counts: tuple[int, int, int]
    heard: tuple[int, ...]
    steady: bool
    """Its flow decides who answers."""
    near: int = SOURCE
    place: int = SOURCE


def ways_of(run: OneRun) -> Ways:
    """Find the places of a run, and count the probes of each way at each."""
    probes, cells = run.probes, run.cells
    if not len(probes.run):
        return Ways([], (), ())
    cell = cell_numbers(probes, cells)
    _, number, _ = distinct(cells.hop)
    cast_of_row = number[cell]
    view = _counted(run)
    count = int(number.max()) + 1
    shown = view[cell]
    local = (probes.status == Status.SEND_ERROR) | (probes.status == Status.IN_FLIGHT)
    counts = [
        np.bincount(cast_of_row[rows & shown], minlength=count).tolist()
        for rows in (probes.settled, probes.answered, local)
    ]
    one = np.zeros(count, dtype=np.int64)
    one[number] = np.arange(len(cells.run))
    keys = zip(cells.flow[one].tolist(), cells.ttl[one].tolist(), strict=True)
    heard = _heard(run, number, count, view)
    casts = [
        _Cast(flow, ttl, each, who, steady)
        for (flow, ttl), each, who, steady in zip(
            keys, zip(*counts, strict=True), heard, run.sure[one].tolist(), strict=True
        )
    ]
    places = _placed([cast for cast in casts if cast.counts[0] + cast.counts[2]], run)
    _mark(run, places, np.array([cast.place for cast in casts])[cast_of_row], shown)
    return _joined(places, [cast for cast in casts if cast.place != SOURCE])


def _counted(run: OneRun) -> Bools:
    """Tell which cells count: as in HOPS, those up to the end; where the target was not heard, to its TTL."""
    cells = run.cells
    if not cells.reached.any():
        return cells.in_view
    counted: Bools = np.where(cells.reached, cells.in_view, cells.ttl <= cells.end[cells.reached].max())
    return counted


def _heard(run: OneRun, number: Ints, count: int, view: Bools) -> list[tuple[int, ...]]:
    """List who answered, for each (flow, TTL)."""
    cell, addr, _ = sightings(run.probes, run.cells)
    seen = view[cell]
    names = max(len(run.probes.names), 1)
    pairs = np.unique(number[cell[seen]] * names + addr[seen])
    heard: list[list[int]] = [[] for _ in range(count)]
    for cast, code in zip((pairs // names).tolist(), (pairs % names).tolist(), strict=True):
        heard[cast].append(code)
    return [tuple(codes) for codes in heard]


def _placed(casts: list[_Cast], run: OneRun) -> list[Place]:
    """Find the place of each, TTL by TTL."""
    by_ttl: dict[int, list[_Cast]] = defaultdict(list)
    for cast in casts:
        by_ttl[cast.ttl].append(cast)
    places: list[Place] = []
    known: dict[tuple[int, tuple[int, ...]], int] = {}
    last: dict[int, int] = {}
    last_heard: dict[int, int] = {}
    for ttl in sorted(by_ttl):
        alike: dict[tuple[int, int], list[_Cast]] = defaultdict(list)
        for cast in by_ttl[ttl]:
            cast.near = last.get(cast.flow, SOURCE)
            alike[last_heard.get(cast.flow, SOURCE), cast.near].append(cast)
        for group in sorted(alike):
            for cast, who in _met(alike[group], by_ttl[ttl]):
                key = ttl, who
                if key not in known:
                    known[key] = len(places)
                    places.append(Place(ttl, tuple(run.probes.names[code] for code in who)))
                cast.place = last[cast.flow] = known[key]
                if who:
                    last_heard[cast.flow] = known[key]
    _weigh_branches(places, by_ttl)
    return places


def _weigh_branches(places: list[Place], by_ttl: dict[int, list[_Cast]]) -> None:
    met: dict[int, list[_Cast]] = defaultdict(list)
    for casts in by_ttl.values():
        for cast in casts:
            met[cast.place].append(cast)
    heard = {ttl: {cast.flow: cast.heard for cast in by_ttl[ttl] if cast.heard} for ttl in sorted(by_ttl)}
    for place, those in met.items():
        if not places[place].addrs:
            continue
        if not all(cast.steady for cast in those):
            # Each probe went its own way, as a flow of its own would.
            n, answered = (sum(cast.counts[i] for cast in those) for i in (0, 1))
            branches = 1 + len(places[place].addrs)
            places[place].branch_log_odds = _log_odds(
                (answered, n - answered), (answered, answered), branches
            )
        elif len(those) > 1:
            places[place].branch_log_odds = _branch_log_odds(those) + _seen_behind(those, heard)


def _met(casts: list[_Cast], there: list[_Cast]) -> list[tuple[_Cast, tuple[int, ...]]]:
    """Say whom each flow met, of those that went by one place at the TTL before; and all that there are."""
    heard = {cast.heard for cast in casts if cast.heard}
    if not heard:
        return [(cast, _sole(casts, there)) for cast in casts]
    if all(cast.heard for cast in casts) or _has_silent_branch(casts):
        return [(cast, cast.heard) for cast in casts]
    everybody = tuple(sorted({code for who in heard for code in who}))
    return [(cast, everybody) for cast in casts]


def _sole(casts: list[_Cast], there: list[_Cast]) -> tuple[int, ...]:
    """Return the only address that answers others at the TTL, if the counts speak for it.

    Either it answers all with one chance, or those behind this place met somebody silent.
    """
    loud = [cast for cast in there if cast.heard]
    if len({cast.heard for cast in loud}) != 1:
        return ()
    asked, answered = (sum(cast.counts[i] for cast in loud) for i in (0, 1))
    silent = sum(cast.counts[0] for cast in casts)
    one = _log_beta(answered, asked - answered + silent)
    return loud[0].heard if one > _log_beta(answered, asked - answered) + _log_beta(0, silent) else ()


def _has_silent_branch(casts: list[_Cast]) -> bool:
    """Tell whether the flows without an answer must have met somebody else."""
    return _branch_log_odds(casts) > log(_NO_CHANCE)


def _branch_log_odds(casts: list[_Cast]) -> float:
    """Weigh two explanations of the flows without an answer; the logarithm of the odds for a silent branch.

    Either all flows met what answers each probe with one chance, any chance; or a balancer shared them out,
    evenly or in any shares, among those that answer (all probes, mostly) and one that never does. Where no
    flow is asked twice, that is nearly the same.
    """
    silent = [cast for cast in casts if not cast.heard and cast.counts[0]]
    loud = [cast for cast in casts if cast.heard]
    if not silent or not loud or _are_starved(silent, loud):
        return -inf
    branches = 1 + len({code for cast in loud for code in cast.heard})
    asked, answered = (sum(cast.counts[i] for cast in loud) for i in (0, 1))
    unheard = sum(cast.counts[0] for cast in silent)
    return _log_odds((len(loud), len(silent)), (asked, answered), branches, unheard)


def _are_starved(silent: list[_Cast], loud: list[_Cast]) -> bool:
    """Tell whether a limiter has nothing left for flows that come after all others in each round.

    They are taken to be so where it would be no chance that all the silent ones do. Where each round has
    flows of its own, those at the end are others than those at the beginning, and that tells nothing.
    """
    if all(cast.counts[0] < _ASKED_AGAIN for cast in silent + loud):
        return False
    last = min(cast.flow for cast in silent) > max(cast.flow for cast in loud)
    return last and comb(len(silent) + len(loud), len(silent)) >= _NO_CHANCE


def _log_odds(
    flows: tuple[int, int], loud: tuple[int, int], branches: int, unheard: int | None = None
) -> float:
    """Return the logarithm of those odds, from counts.

    Parameters
    ----------
    flows
        How many got answers, and how many none.
    loud
        How many probes of the former there are, and how many of them were answered.
    branches
        How many there would be.
    unheard
        How many probes the latter have; as many as they are, if it is not said.
    """
    asked, answered = loud
    silent = flows[1] if unheard is None else unheard
    evenly = flows[1] * log(1 / branches) + flows[0] * log(1 - 1 / branches)
    shared = _either(evenly, _log_beta(*flows))
    own = _ANSWERS_ALL * (asked == answered) + (1 - _ANSWERS_ALL) * exp(_log_beta(answered, asked - answered))
    return shared + log(max(own, _TINY)) - _log_beta(answered, asked - answered + silent)


def _seen_behind(casts: list[_Cast], heard: dict[int, dict[int, tuple[int, ...]]]) -> float:
    """Weigh what flows met behind; the logarithm of the odds for a silent branch, where that speaks for one.

    Branches may lead to others, or into the same router over links of their own: then whoever answers next
    was met by flows that got no answer here, or by flows that did, but not by both. Of a limit, flows to some
    of those may know more than flows to others do, or nothing. That both are met by the same is no sign: such
    branches there are, too. It is looked at the next TTL where flows of both kinds were answered: routers
    that limit in step are silent together, and would part the flows by how far behind that is.
    """
    loud, silent = ([cast.flow for cast in casts if bool(cast.heard) is one] for one in (True, False))
    behind = (heard[ttl] for ttl in heard if ttl > casts[0].ttl)
    near = next(
        (one for one in behind if not (one.keys().isdisjoint(loud) or one.keys().isdisjoint(silent))), {}
    )
    met: dict[tuple[int, ...], list[int]] = defaultdict(lambda: [0, 0])
    for kind, flows in enumerate((loud, silent)):
        for flow in flows:
            if flow in near:
                met[near[flow]][kind] += 1
    if len(met) <= 1:
        return 0.0
    alike = _log_beta(*(sum(column) for column in zip(*met.values(), strict=True)))
    parted = [bool(silent) for loud, silent in met.values() if not (loud and silent)]
    branches = _log_beta(sum(parted), len(parted) - sum(parted)) if len(parted) == len(met) else -inf
    some = sum(
        _either(0.0 if not silent else -inf, _log_limited(loud, silent)) for loud, silent in met.values()
    )
    return max(_either(branches, alike) - _either(some, alike), 0.0)


def _either(one: float, other: float) -> float:
    """Return the logarithm of the mean of two chances, from theirs."""
    most = max(one, other)
    return most + log((exp(one - most) + exp(other - most)) / 2)


def _log_limited(answered: int, silent: int) -> float:
    """Return the logarithm of the chance of these flows, in order, at one that limits as `priors` say."""
    return log(2) + _log_beta(answered + 1, silent)


def _log_beta(k: int, rest: int) -> float:
    """Return the logarithm of the chance of k answers and so many silences, in order; any share goes."""
    return lgamma(k + 1) + lgamma(rest + 1) - lgamma(k + rest + 2) if min(k, rest) >= 0 else -inf


def _joined(places: list[Place], casts: list[_Cast]) -> Ways:
    """Join the flows that went by the same places."""
    by_flow: dict[int, list[_Cast]] = defaultdict(list)
    for cast in casts:
        by_flow[cast.flow].append(cast)
    flows: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for flow, own in by_flow.items():
        flows[tuple(cast.place for cast in own)].append(flow)
    stops: list[Stop] = []
    for way, members in enumerate(flows.values()):
        for each in zip(*(by_flow[flow] for flow in members), strict=True):
            n, answered, local = (sum(column) for column in zip(*(cast.counts for cast in each), strict=True))
            stops.append(Stop(way, each[0].ttl, each[0].place, each[0].near, n, answered, local))
    return Ways(places, tuple(stops), tuple(tuple(sorted(members)) for members in flows.values()))


def _mark(run: OneRun, places: list[Place], place: Ints, view: Bools) -> None:
    """Say of each place what its order of answers looks like, and whether it is the target."""
    probes = run.probes
    rows = np.flatnonzero(view & probes.settled & (place >= 0))
    if not len(rows):
        return
    for number in np.flatnonzero(np.bincount(place[rows[probes.from_target[rows]]])).tolist():
        places[number].target = True
    rows = _first(rows, place, len(places))
    sent_ms = run.sent_ms(rows)
    # Probes of one moment, or of unknown ones, are in the order of round, flow and attempt.
    order = np.lexsort((probes.attempt[rows], probes.flow[rows], probes.round[rows], sent_ms, place[rows]))
    rows = rows[order]
    answered = probes.answered
    for part in np.split(rows, np.flatnonzero(np.diff(place[rows])) + 1):
        places[int(place[part[0]])].pattern = pattern_of(answered[part])


def _first(rows: Ints, place: Ints, count: int) -> Ints:
    """Return as many of the first rounds as it takes to have all of each place that is looked at."""
    wanted = np.minimum(np.bincount(place[rows], minlength=count), _LOOKED_AT)
    end = _LOOKED_AT * count
    while end < len(rows) and np.any(np.bincount(place[rows[:end]], minlength=count) < wanted):
        end *= 2
    return rows[:end]


def pattern_of(answered: Bools) -> str:
    """Say what an order of answers and silences looks like.

    Parameters
    ----------
    answered
        Of each probe, in the order they were sent.

    Returns
    -------
    pattern
        One of `PATTERNS`. ``even``: silences, or answers, are spread more evenly than in each of 1,999
        random orders, take turns more often than chance lets them once in 2,000 times, or come back at fixed
        distances; ``bursts``: less evenly, or less often; ``random``: neither; ``untested``: too few.
    """
    n, answers = len(answered), int(answered.sum())
    if n < _FEWEST or min(answers, n - answers) < _FEWEST_EACH:
        return "untested"
    found = evenness(answered), evenness(~answered), turns_taken(answered)
    if 1 in found or is_periodic(answered):
        return "even"
    return "bursts" if -1 in found else "random"


def is_periodic(answered: Bools) -> bool:
    """Tell whether answers come back after a fixed number of probes, as from a limiter that counts anew.

    Their autocorrelation is largest at a lag of 2 or more, by 0.2 above that at 1, where bursts have it; and
    so large as in none of 1,999 random orders. The first 512 are looked at.
    """
    part = answered[:_MOST_IN_ORDER].astype(np.float64)
    found = _correlations(part[None, :])[0]
    lag = int(found.argmax())
    if lag == 0 or found[lag] < found[0] + _ABOVE or found[lag] * len(part) ** 0.5 < _WORTH_A_LOOK:
        return False
    luck = np.random.default_rng(_SEED)
    chance = _correlations(luck.permuted(np.broadcast_to(part, (_ORDERS, len(part))), axis=1))
    return bool(found[lag] > chance.max())


def _correlations(series: Floats) -> Floats:
    """Return the autocorrelations of each row, at lags from 1 to a quarter of its length."""
    centred = series - series.mean(axis=1, keepdims=True)
    return autocorrelation(centred)[:, 1 : series.shape[1] // 4 + 1]


def turns_taken(answered: Bools) -> int:
    """Compare how often answers and silences take turns with chance: the runs test of Wald and Wolfowitz.

    Returns
    -------
    turns
        1 if they do so more often than chance would let them once in 2,000 times, -1 if less often, else 0.
        The first 1,000 probes are looked at.
    """
    answered = answered[:_LOOKED_AT]
    n, k = len(answered), int(answered.sum())
    runs = 1 + int(np.count_nonzero(answered[1:] != answered[:-1]))
    both = 2.0 * k * (n - k)
    expected, variance = both / n + 1, both * (both - n) / (n * n * (n - 1.0))
    z = (runs - expected) / variance**0.5 if variance > 0 else 0.0
    return int(z > _TURNS_Z) - int(z < -_TURNS_Z)
