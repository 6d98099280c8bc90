"""Probes over routes that really change, and when: silence, losses and balancers of two kinds lie over it.

After the generator behind the scale measurements: 8 % of the routers are silent, 5 % leave 30 % of probes
unanswered, 0.5 % of all answers are lost, 18 % of the places in mid-path are balanced by flow over 2 to 4
routers, 4 % packet by packet over 2. A change replaces 1 to 4 hops in a row, a third of them by one more
or one less.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trippy_nb.analysis import paths
from trippy_nb.frames import FLOWS, PROBES, REPLIES, Tables, conform, empty_frame, tables_from_probes
from trippy_nb.frames import columns as col
from trippy_nb.model import Status

SILENT, LIMITED, LIMITED_LOSS, LOST = 0.08, 0.05, 0.3, 0.005
BALANCED, BY_PACKET = 0.18, 0.04
FLOWS_EACH = 16
ROUNDS_A_CHANGE = 80
_ROUTERS = 20_000
_HEAD, _TAIL = 3, 2
"""Hops at both ends that never change."""


@dataclass(frozen=True, slots=True)
class Truth:
    """A change that was made."""

    run: int
    round: int
    """The first round on the new route."""
    seen: bool
    """Some router that answers is on one of the two routes, and not on the other at the same place."""


@dataclass(frozen=True, slots=True)
class Route:
    """Places of a route: routers to choose from, and who chooses."""

    members: tuple[tuple[int, ...], ...]
    by_packet: tuple[bool, ...]


def _place(luck: np.random.Generator) -> tuple[tuple[int, ...], bool]:
    draw = luck.random()
    if draw < BY_PACKET:
        return tuple(luck.integers(0, _ROUTERS, 2).tolist()), True
    width = int(luck.integers(2, 5)) if draw < BY_PACKET + BALANCED else 1
    return tuple(luck.integers(0, _ROUTERS, width).tolist()), False


def _first(luck: np.random.Generator, run: int) -> Route:
    length = int(np.clip(luck.normal(14, 3), 7, 26))
    single = [((_ROUTERS + run * 8 + i,), False) for i in range(_HEAD + _TAIL)]
    middle = [_place(luck) for _ in range(length - _HEAD - _TAIL)]
    places = single[:_HEAD] + middle + single[_HEAD:]
    return Route(tuple(one for one, _ in places), tuple(two for _, two in places))


def _changed(luck: np.random.Generator, route: Route) -> Route:
    places = list(zip(route.members, route.by_packet, strict=True))
    free = len(places) - _HEAD - _TAIL
    size = int(luck.integers(1, min(4, free) + 1))
    start = _HEAD + int(luck.integers(0, free - size + 1))
    extra = int(luck.choice([-1, 0, 0, 0, 1])) if 9 < len(places) < 28 else 0
    places[start : start + size] = [_place(luck) for _ in range(max(size + extra, 1))]
    return Route(tuple(one for one, _ in places), tuple(two for _, two in places))


def _visible(old: Route, new: Route, silent: np.ndarray) -> bool:
    """Tell whether a place of one has responders that the other has not at this TTL, whatever the flow."""
    for ttl in range(max(len(old.members), len(new.members))):
        here = set(old.members[ttl]) if ttl < len(old.members) else set()
        there = set(new.members[ttl]) if ttl < len(new.members) else set()
        if here and there and not here & there:
            heard = [one for one in here if not silent[one]], [one for one in there if not silent[one]]
            if all(heard):
                return True
    return False


def made(probes: int, seed: int = 0) -> tuple[Tables, list[Truth]]:
    """Tables of about so many probes, and the changes in them."""
    luck = np.random.default_rng(seed)
    silent = luck.random(_ROUTERS + probes // 100) < SILENT
    silent[_ROUTERS:] = False
    limited = luck.random(len(silent)) < LIMITED
    parts: list[tuple[np.ndarray, ...]] = []
    truths: list[Truth] = []
    total = run = 0
    while total < probes:
        rounds = int(np.clip(luck.lognormal(4.6, 0.5), 40, 300))
        manner = luck.choice(["one flow", "in turns", "all"], p=[0.5, 0.3, 0.2])
        part, found = _run(luck, run, rounds, str(manner), silent, limited)
        truths += found
        parts.append(part)
        total += len(part[0])
        run += 1
    return _tables(*(np.concatenate(column) for column in zip(*parts, strict=True))), truths


def _run(
    luck: np.random.Generator, run: int, rounds: int, manner: str, silent: np.ndarray, limited: np.ndarray
) -> tuple[tuple[np.ndarray, ...], list[Truth]]:
    count = luck.poisson(rounds / ROUNDS_A_CHANGE)
    cuts = sorted({*luck.integers(1, rounds, count).tolist()})
    routes = [_first(luck, run)]
    truths = []
    for cut in cuts:
        routes.append(_changed(luck, routes[-1]))
        truths.append(Truth(run, cut, _visible(routes[-2], routes[-1], silent)))
    columns = []
    for number, (begin, end) in enumerate(zip([0, *cuts], [*cuts, rounds], strict=True)):
        columns.append(_walk(luck, routes[number], np.arange(begin, end), manner))
    round_, flow, ttl, router = (np.concatenate(column) for column in zip(*columns, strict=True))
    target = ttl == np.concatenate(
        [np.full(len(part[0]), len(route.members)) for part, route in zip(columns, routes, strict=True)]
    )
    lost = (luck.random(len(ttl)) < LOST) | silent[router] & ~target
    lost |= limited[router] & (luck.random(len(ttl)) < LIMITED_LOSS) & ~target
    return (np.full(len(ttl), run), round_, flow, ttl, np.where(lost, -1, router)), truths


def _walk(luck: np.random.Generator, route: Route, rounds: np.ndarray, manner: str) -> tuple[np.ndarray, ...]:
    """Send a round, or several, over one route: round, flow, TTL and router of each probe."""
    flows = np.arange(FLOWS_EACH) if manner == "all" else np.zeros(1, np.int64)
    length = len(route.members)
    round_ = np.repeat(rounds, len(flows) * length)
    ttl = np.tile(np.arange(1, length + 1), len(rounds) * len(flows))
    flow = np.tile(np.repeat(flows, length), len(rounds))
    if manner == "in turns":
        flow = round_ % FLOWS_EACH
    router = np.zeros(len(ttl), np.int64)
    for place, (members, by_packet) in enumerate(zip(route.members, route.by_packet, strict=True)):
        at = np.flatnonzero(ttl == place + 1)
        salt = members[0]
        which = (
            luck.integers(0, len(members), len(at))
            if by_packet
            else (flow[at] * 2654435761 + salt * 40503 >> 7) % len(members)
        )
        router[at] = np.array(members)[which]
    return round_, flow, ttl, router


def _tables(
    run: np.ndarray, round_: np.ndarray, flow: np.ndarray, ttl: np.ndarray, router: np.ndarray
) -> Tables:
    lost = router < 0
    used, code = np.unique(router, return_inverse=True)
    names = [f"10.{one >> 16 & 255}.{one >> 8 & 255}.{one & 255}" for one in used.tolist() if one >= 0]
    columns = {
        "run_id": run.astype(np.uint32),
        "round": round_.astype(np.uint32),
        "flow": flow.astype(np.uint16),
        "ttl": ttl.astype(np.uint8),
        "attempt": np.zeros(len(run), np.uint8),
        "status": col.codes(
            np.where(lost, int(Status.TIMEOUT), int(Status.REPLY)), PROBES.column("status").words
        ),
        "addr": col.codes(code - int(used[0] < 0), names),
        "rtt_ms": np.where(lost, np.nan, ttl * 1.0),
        "n_replies": (~lost).astype(np.uint8),
    }
    frame = col.frame_of(PROBES, columns, len(run))
    ids = np.unique(run)
    targets = [f"10.{one >> 16 & 255}.{one >> 8 & 255}.{one & 255}" for one in _ROUTERS + ids * 8 + 4]
    runs = pd.DataFrame({"run_id": ids, "dst_addr": targets, "target": targets, "flow_stable": True})
    few = tables_from_probes(pd.DataFrame({"run_id": ids, "ttl": 1}), runs=runs)
    pairs = np.unique(np.stack([run, flow]), axis=1)
    flows = pd.DataFrame({"run_id": pairs[0], "flow": pairs[1], "sport": 5000 + pairs[1]})
    return Tables(
        runs=few.runs,
        probes=frame,
        replies=empty_frame(REPLIES),
        flows=conform(flows, FLOWS),
        packets=few.packets,
        handles=few.handles,
    )


@dataclass(frozen=True, slots=True)
class Score:
    """How the events of an answer compare to the changes that were made."""

    made: int
    visible: int
    found: int
    events: int

    @property
    def recall(self) -> float:
        return self.found / self.visible

    @property
    def precision(self) -> float:
        return self.found / self.events

    @property
    def count_ratio(self) -> float:
        return self.events / self.visible


def score(changes: pd.DataFrame, truths: list[Truth]) -> Score:
    """Match events and changes one to one: a change lies after the last sight of the old path."""
    routes = changes[~changes["kind"].isin(("silence", "resampled"))]
    spans: dict[int, list[tuple[int, int]]] = {}
    for _, rows in routes.groupby("event"):
        low, high = int(rows["last_round"].max()), int(rows["round"].min())
        spans.setdefault(int(rows["run_id"].iloc[0]), []).append((high, low))
    wanted: dict[int, list[int]] = {}
    for truth in truths:
        if truth.seen:
            wanted.setdefault(truth.run, []).append(truth.round)
    found = 0
    for run, moments in wanted.items():
        left = sorted(moments)
        for high, low in sorted(spans.get(run, [])):
            hit = next((one for one in left if min(low, high - 1) < one <= high), None)
            if hit is not None:
                left.remove(hit)
                found += 1
    return Score(
        made=len(truths),
        visible=sum(truth.seen for truth in truths),
        found=found,
        events=sum(len(one) for one in spans.values()),
    )


def naive_changes(tables: Tables) -> int:
    """Count the successive paths of a run that differ in anything, whatever the flow."""
    every = paths(tables)
    same_run = (every["run_id"].diff() == 0).to_numpy()
    return int((same_run & (every["path_id"].diff() != 0).to_numpy()).sum())
