"""The table of losses: one row for every link that flows took, and what is lost at its far end."""

from collections import defaultdict
from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

import pandas as pd

from trippy_nb.analysis.attribution.branches import lanes_of
from trippy_nb.analysis.attribution.lanes import Edge, Lane, Reading, Tally, joined, tally
from trippy_nb.analysis.attribution.places import SOURCE, Stop, Ways, ways_of
from trippy_nb.analysis.attribution.priors import LIMITS, LOSSY_LINK, NEVER_ANSWERS
from trippy_nb.analysis.attribution.verdicts import (
    CANNOT_TELL,
    NONE,
    POLICY,
    RATE_LIMIT,
    RETURN_LOSS,
    verdict_of,
)
from trippy_nb.analysis.attribution.words import Facts, sentence
from trippy_nb.analysis.evidence.statement import OneRun, any_of
from trippy_nb.analysis.ratios import wilson
from trippy_nb.frames.answers import LOSSES
from trippy_nb.frames.check import conform
from trippy_nb.frames.split import by_run

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

_PRIORS = LOSSY_LINK, LIMITS, NEVER_ANSWERS
_FACTORS = (2, 4, 8, 16, 32)
"""How many times as many probes are tried, where it cannot be told."""
_MOST_PROBES = 4000
_OUT_OF_THE_QUESTION = 0.05
_MOST_NAMED = 16  # flows in a query
_OF_THE_HOP = RATE_LIMIT, POLICY, RETURN_LOSS, CANNOT_TELL
_ANY_FATE = 'status in ("reply", "late", "timeout", "send_error", "in_flight")'


def attribute_loss(tables: "Tables") -> pd.DataFrame:
    """Say what the silences of each hop are due to.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.

    Returns
    -------
    losses
        The columns of :data:`trippy_nb.frames.answers.LOSSES`: one row for each link that flows took, and
        the hop it leads to, by run and TTL. The chances are of one probe without an answer, picked at
        random, and sum to 1 where there is one; `query` selects the probes of this hop and of those around
        it that the verdict rests on. Of a hop that several links lead to, `says` counts all of them at once
        where it is the hop that does not answer, and is the same in the row of each.

    Notes
    -----
    The model, its priors and what it cannot tell are in docs/loss.md. Each probe is a packet of its own.
    What a link loses, every hop behind it misses, and the target too; what one hop alone misses was not
    lost on the way there. Loss on the way out and on the way back over the same links look the same from
    one end: a verdict of ``link loss`` names the link, and its chance is shared out evenly between
    `p_forward` and `p_return`.
    """
    rows: list[dict[str, Any]] = []
    for run_id, part in by_run(tables):
        rows += _Links(OneRun(part), run_id).rows()
    return conform(pd.DataFrame(rows, columns=list(LOSSES.names)), LOSSES)


class _Links:
    """The links of one run, and what is said of each."""

    def __init__(self, run: OneRun, run_id: int) -> None:
        self.run, self.run_id = run, run_id
        self.ways = ways_of(run)
        self.stops: dict[Edge, list[Stop]] = defaultdict(list)
        for stop in self.ways.stops:
            self.stops[stop.near, stop.place].append(stop)
        lanes = lanes_of(self.ways) if any(stop.n > stop.answered for stop in self.ways.stops) else ()
        self.readings = _readings(lanes, 1.0)
        self.answers = _Answers(self.ways)
        self.tails = {edge for edge, stops in self.stops.items() if self.answers.is_tail(stops)}
        self.verdicts = {
            edge: verdict_of(tally(stops), self.readings.get(edge), is_tail=edge in self.tails)
            for edge, stops in self.stops.items()
        }
        open_ = [edge for edge, verdict in self.verdicts.items() if verdict.word == CANNOT_TELL]
        self.needed = _needed(lanes, self.stops, [edge for edge in open_ if edge not in self.tails])

    def rows(self) -> list[dict[str, Any]]:
        """Say it of each, nearest first."""
        places = self.ways.places
        edges = sorted(self.stops, key=lambda edge: (places[edge[1]].ttl, edge[1], edge[0]))
        return [self._row(edge) | {"link": number} for number, edge in enumerate(edges)]

    def _row(self, edge: Edge) -> dict[str, Any]:
        together = self._told_together(edge)
        said = self._facts(max(together, key=lambda one: tally(self.stops[one]).unanswered), together)
        return _row(self._facts(edge, (edge,))) | {
            "run_id": self.run_id,
            "flows": len(self._flows((edge,))),
            "n_needed": said.needed,
            "says": sentence(said),
            "query": self._query(together),
        }

    def _told_together(self, edge: Edge) -> tuple[Edge, ...]:
        """Return the links into one hop that are spoken of at once: where the hop matters, not the link.

        Those over which it answered all are among them, for it is the same hop.
        """
        word = self.verdicts[edge].word
        if word not in _OF_THE_HOP:
            return (edge,)
        is_tail = edge in self.tails
        return tuple(
            sorted(
                one
                for one, verdict in self.verdicts.items()
                if one[1] == edge[1] and verdict.word in (word, NONE) and (one in self.tails) is is_tail
            )
        )

    def _facts(self, edge: Edge, together: Sequence[Edge]) -> Facts:
        """Gather what is said of a link, with the counts of all that are spoken of together."""
        near, far = edge
        stops = [stop for one in together for stop in self.stops[one]]
        ahead, behind = self.answers.around(stops)
        return Facts(
            place=self.ways.places[far],
            near=None if near == SOURCE else self.ways.places[near],
            count=tally(stops),
            behind=behind,
            ahead=ahead,
            reading=self.readings.get(edge),
            verdict=self.verdicts[edge],
            needed=sum(self.needed.get(one, 0) for one in together) or None,
            is_tail=edge in self.tails,
        )

    def _flows(self, edges: Sequence[Edge]) -> tuple[int, ...]:
        ways = {stop.way for edge in edges for stop in self.stops[edge]}
        return tuple(sorted(flow for way in ways for flow in self.ways.flows[way]))

    def _query(self, edges: Sequence[Edge]) -> str:
        flows = self._flows(edges)
        where = [f"run_id == {self.run_id}"]
        if len(flows) <= _MOST_NAMED and flows != self.run.flows:
            where.append(any_of("flow", flows))
        where.append(f"ttl >= {max(self.ways.places[edges[0][1]].ttl - 1, 1)} and {_ANY_FATE}")
        return " and ".join(where)


class _Answers:
    """Looks up what was heard around stops."""

    def __init__(self, ways: Ways) -> None:
        heard = {stop.place for stop in ways.stops if stop.answered}
        self.by_way: dict[int, list[Stop]] = defaultdict(list)
        for stop in ways.stops:
            if stop.place in heard and stop.n:
                self.by_way[stop.way].append(stop)

    def around(self, stops: list[Stop]) -> tuple[tuple[Stop, ...], tuple[Stop, ...]]:
        """Return the stops before and behind on the same flows, of places that ever answered."""
        ahead: list[Stop] = []
        behind: list[Stop] = []
        for stop in stops:
            for other in self.by_way[stop.way]:
                if other.ttl != stop.ttl:
                    (ahead if other.ttl < stop.ttl else behind).append(other)
        return tuple(ahead), tuple(behind)

    def is_tail(self, stops: list[Stop]) -> bool:
        """Tell whether nothing was ever heard here, nor farther on."""
        return not any(
            other.answered and other.ttl >= stop.ttl for stop in stops for other in self.by_way[stop.way]
        )


def _readings(lanes: tuple[Lane, ...], factor: float) -> dict[Edge, Reading]:
    """Join what the lanes say."""
    said: dict[Edge, list[tuple[Reading, float]]] = defaultdict(list)
    for lane in lanes:
        found = lane.read(factor=factor)
        for edge in lane.edges:
            count = tally(stop for stop in lane.stops if (stop.near, stop.place) == edge)
            said[edge].append((found[edge], count.unanswered + count.n * 1e-9))
    return {
        edge: joined([one for one, _ in both], [weight for _, weight in both], _PRIORS)
        for edge, both in said.items()
    }


def _needed(lanes: tuple[Lane, ...], of_edge: dict[Edge, list[Stop]], edges: list[Edge]) -> dict[Edge, int]:
    """Find how many more probes would tell, if they were answered in the same shares."""
    found: dict[Edge, int] = {}
    counts: dict[Edge, Tally] = {edge: tally(of_edge[edge]) for edge in edges}
    most = _FACTORS[-1]
    few = [edge for edge in edges if counts[edge].n * most <= _MOST_PROBES]
    told = _told(lanes, counts, few, most)  # mostly, the most would not tell either
    hopeful = [edge for edge in edges if edge in told or edge not in few]
    for factor in _FACTORS:
        left = [edge for edge in hopeful if edge not in found and counts[edge].n * factor <= _MOST_PROBES]
        found |= {edge: ceil(counts[edge].n * (factor - 1)) for edge in _told(lanes, counts, left, factor)}
    return found


def _told(lanes: tuple[Lane, ...], counts: dict[Edge, Tally], edges: list[Edge], factor: float) -> set[Edge]:
    """Return those of some links of which so many times as many probes would tell."""
    if not edges:
        return set()
    readings = _readings(lanes, factor)
    return {
        edge for edge in edges if verdict_of(counts[edge], readings[edge], is_tail=False).word != CANNOT_TELL
    }


def _row(facts: Facts) -> dict[str, Any]:
    count, reading = facts.count, facts.reading
    low, high = wilson(count.unanswered, count.n)
    row: dict[str, Any] = {
        "ttl": facts.place.ttl,
        "addr": facts.place.addr,
        "from_addr": None if facts.near is None else facts.near.addr,
        "n": count.n,
        "unanswered": count.unanswered,
        "local": count.local,
        "unanswered_ratio": count.unanswered / count.n if count.n else None,
        "unanswered_low_ratio": float(low) if count.n else None,
        "unanswered_high_ratio": float(high) if count.n else None,
        "verdict": facts.verdict.word,
        "confidence": facts.verdict.confidence,
    }
    row |= _chances(count, reading)
    if reading is not None and reading.link.chance >= _OUT_OF_THE_QUESTION:
        row["link_loss_ratio"] = reading.link.ratio
        row["link_loss_low_ratio"], row["link_loss_high_ratio"] = reading.link.low, reading.link.high
    return row


def _chances(count: Tally, reading: Reading | None) -> dict[str, float]:
    """Share out the probes without an answer among the causes."""
    silent = count.unanswered + count.local
    if not silent:
        return {}
    network = count.unanswered / silent
    limits, policy, link, before, returns = reading.causes.shares if reading and network else (0.0,) * 5
    return {
        "p_rate_limit": network * limits,
        "p_forward": network * link / 2,
        "p_return": network * (link / 2 + returns),
        "p_policy": network * policy,
        "p_upstream": network * before,
        "p_local": count.local / silent,
    }
