"""Trippy's numbers, and mtr's, beside programs that do one sample at a time what their sources say."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from tests.analysis.handmade import TARGET, Row, a, probe, rounds, tables
from tests.analysis.strategies import probe_rows
from trippy_nb.analysis import hop_stats, probes_in_view
from trippy_nb.analysis.arrays import probe_arrays
from trippy_nb.analysis.compat import trippy_losses
from trippy_nb.frames import Tables


@dataclass
class TrippyHop:
    """A hop of `state.rs`: durations are whole nanoseconds."""

    sent: int = 0
    recv: int = 0
    failed: int = 0
    last: int | None = None
    best: int | None = None
    worst: int | None = None
    jitter: int | None = None
    jmax: int | None = None
    javg: float = 0.0
    jinta: float = 0.0
    mean: float = 0.0
    m2: float = 0.0
    total: int = 0

    def take(self, fate: str, ns: int | None) -> None:
        self.sent += 1
        self.failed += fate == "failed"
        if fate != "complete" or ns is None:
            return
        self.recv += 1
        self.total += ns
        ms = ns / 1e9 * 1000
        jitter = abs(ms - (0.0 if self.last is None else self.last / 1e9 * 1000))
        whole = round(jitter / 1000 * 1e9)
        self.jitter = None if self.last is None else whole
        self.javg += (jitter - self.javg) / self.recv
        self.jinta += max(jitter, 0.5) - (self.jinta + 8.0) / 16.0
        self.jmax = whole if self.jmax is None else max(self.jmax, whole)
        self.last = ns
        self.best = ns if self.best is None else min(self.best, ns)
        self.worst = ns if self.worst is None else max(self.worst, ns)
        self.mean += (ms - self.mean) / self.recv
        self.m2 += (ms - self.mean) * (ms - self.mean)

    def columns(self) -> dict[str, float]:
        return {
            "sent": self.sent,
            "recv": self.recv,
            "late": 0,
            "failed": self.failed,
            "loss_ratio": (self.sent - self.recv) / self.sent if self.sent else 0.0,
            "last_ms": ms_of(self.last),
            "avg_ms": self.total / 1e9 * 1000 / self.recv if self.recv else 0.0,
            "best_ms": ms_of(self.best),
            "worst_ms": ms_of(self.worst),
            "stddev_ms": math.sqrt(self.m2 / (self.recv - 1)) if self.recv > 1 else 0.0,
            "jitter_ms": ms_of(self.jitter),
            "javg_ms": self.javg,
            "jmax_ms": ms_of(self.jmax),
            "jinta_ms": self.jinta,
        }


@dataclass
class MtrHop:
    """A host of `net.c`: all are C integers of microseconds, and division cuts off."""

    xmit: int = 0
    returned: int = 0
    last: int = 0
    best: int = 0
    worst: int = 0
    avg: int = 0
    ssd: int = 0
    gmean: int = 0
    jitter: int = 0
    javg: int = 0
    jworst: int = 0
    jinta: int = 0

    def take(self, us: int | None) -> None:
        self.xmit += 1
        if us is None:
            return
        self.jitter = abs(us - self.last)
        self.last = us
        if self.returned < 1:
            self.best = self.worst = self.gmean = us
            self.avg = self.ssd = 0
            self.jitter = self.jworst = self.jinta = 0
        self.best, self.worst = min(us, self.best), max(us, self.worst)
        self.jworst = max(self.jitter, self.jworst)
        self.returned += 1
        before = self.avg
        self.avg = int(self.avg + (us - before + 0.0) / self.returned)
        self.ssd = int(self.ssd + (us - before + 0.0) * (us - self.avg))
        self.javg += int((self.jitter - self.javg) / self.returned)
        self.jinta += self.jitter - ((self.jinta + 8) >> 4)
        if self.returned > 1:
            n = self.returned
            self.gmean = int(float(self.gmean) ** ((n - 1.0) / n) * float(us) ** (1.0 / n))

    def columns(self) -> dict[str, float]:
        deviation = int(math.sqrt(self.ssd / (self.returned - 1.0))) if self.returned > 1 else 0
        us = {
            "last_ms": self.last, "avg_ms": self.avg, "best_ms": self.best, "worst_ms": self.worst,
            "stddev_ms": deviation, "gmean_ms": self.gmean, "jitter_ms": self.jitter, "javg_ms": self.javg,
            "jmax_ms": self.jworst, "jinta_ms": self.jinta,
        }  # fmt: skip
        return {name: value / 1000 for name, value in us.items()} | {
            "sent": self.xmit,
            "recv": self.returned,
            "loss_ratio": 1 - self.returned / self.xmit,
        }


def ms_of(ns: int | None) -> float:
    return math.nan if ns is None else ns / 1e9 * 1000


def fate_of(row: Row) -> str:
    """What Trippy would call it."""
    fates = {"reply": "complete", "send_error": "failed", "not_sent": "not_sent"}
    if row["status"] == "beyond_target" and row["rtt_ms"] is not None:
        return "complete"
    return fates.get(row["status"], "awaited")


@dataclass
class Round:
    """`StateUpdater`, as far as losses go."""

    probes: list[tuple[int, str]]
    lost: list[int] = field(default_factory=list)
    explained: list[int] = field(default_factory=list)

    def apply(self) -> Round:
        for place, (ttl, fate) in enumerate(self.probes):
            if fate != "awaited":
                continue
            if self.lost:
                self.explained.append(place)
            elif self.is_forward_loss(ttl):
                self.lost.append(place)
        return self

    def is_forward_loss(self, ttl: int) -> bool:
        remaining = self.probes
        while remaining and (remaining[0][1] == "not_sent" or remaining[0][0] <= ttl):
            remaining = remaining[1:]
        return bool(remaining) and all(fate == "awaited" for _, fate in remaining)


def ordered(rows: list[Row]) -> list[Row]:
    return sorted(
        rows, key=lambda row: tuple(row[name] for name in ("run_id", "round", "flow", "ttl", "attempt"))
    )


def viewed(made: Tables, rows: list[Row]) -> dict[tuple[int, int], list[Row]]:
    """Rows that the hop table counts, by (run, TTL), in order of time."""
    seen = probes_in_view(made)
    keys = set(zip(*(seen[name] for name in ("run_id", "round", "flow", "ttl", "attempt")), strict=True))
    groups: dict[tuple[int, int], list[Row]] = defaultdict(list)
    for row in ordered(rows):
        if tuple(row[name] for name in ("run_id", "round", "flow", "ttl", "attempt")) in keys:
            groups[row["run_id"], row["ttl"]].append(row)
    return groups


def same(row: dict[Any, Any], wanted: dict[str, float]) -> None:
    assert {name: row[name] for name in wanted} == {
        name: pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True) for name, value in wanted.items()
    }


@given(probe_rows())
def test_trippys_statistics_are_those_of_its_own_steps(rows: list[Row]):
    made = tables(rows)
    table = hop_stats(made, trippy_compat=True, columns=[*TrippyHop().columns(), "failed_ratio"])
    groups = viewed(made, rows)
    assert set(zip(table["run_id"], table["ttl"], strict=True)) == set(groups)
    for row in table.to_dict("records"):
        hop = TrippyHop()
        for one in groups[row["run_id"], row["ttl"]]:
            ns = None if one["rtt_ms"] is None else round(one["rtt_ms"] * 1e6)
            hop.take("complete" if one["status"] == "reply" else fate_of(one), ns)
        same(row, hop.columns() | {"failed_ratio": hop.failed / hop.sent})


@given(probe_rows())
def test_trippys_losses_are_those_of_its_own_steps(rows: list[Row]):
    made = ordered(rows)
    paths: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    for place, row in enumerate(made):
        paths[row["run_id"], row["round"], row["flow"]].append(place)
    lost, explained = trippy_losses(probe_arrays(tables(rows)))
    wanted = np.zeros((2, len(made)), dtype=bool)
    for places in paths.values():
        judged = Round([(made[place]["ttl"], fate_of(made[place])) for place in places]).apply()
        wanted[0, [places[one] for one in judged.lost]] = True
        wanted[1, [places[one] for one in judged.explained]] = True
    assert lost.tolist() == wanted[0].tolist()
    assert explained.tolist() == wanted[1].tolist()


@given(probe_rows())
def test_mtrs_statistics_are_those_of_its_own_steps(rows: list[Row]):
    made = tables(rows)
    groups = viewed(made, rows)
    for row in hop_stats(made, mtr_compat=True, columns=list(MtrHop(1).columns())).to_dict("records"):
        hop = MtrHop()
        for one in groups[row["run_id"], row["ttl"]]:
            answered = one["status"] in ("reply", "late")
            hop.take(round(one["rtt_ms"] * 1e6) // 1000 if answered else None)
        same(row, hop.columns())


@pytest.mark.parametrize(
    ("rtts", "tool", "stddev", "javg", "jmax", "jinta"),
    [
        ([10, 20], "trippy", 5.0, 10.0, 10.0, 18.4),
        ([10, 20], "mtr", 7.07, 5.0, 10.0, 10.0),
        ([100, 100, 100], "trippy", 0.0, 33.3, 100.0, 87.5),
        ([100, 100, 100], "mtr", 0.0, 0.0, 0.0, 0.0),
        ([10, 12, 11, 15, 10, 13] * 50, "trippy", 1.759, 3.023, 10.0, 41.0),
        ([10, 12, 11, 15, 10, 13] * 50, "mtr", 1.775, 2.984, 5.0, 49.0),
    ],
)
def test_the_examples_in_the_docs(rtts, tool, stddev, javg, jmax, jinta):
    made = tables([probe(n, 1, a(1), float(rtt)) for n, rtt in enumerate(rtts)])
    (row,) = hop_stats(made, trippy_compat=tool == "trippy", mtr_compat=tool == "mtr").to_dict("records")
    found = [row[name] for name in ("stddev_ms", "javg_ms", "jmax_ms", "jinta_ms")]
    assert found == pytest.approx([stddev, javg, jmax, jinta], abs=0.06 if jinta > 10 else 0.04)


def test_the_mixed_scenario_of_trippys_own_tests():
    """`trippy-core/tests/resources/state/full_mixed.toml`: its numbers, exactly."""
    rows = [
        *(probe(0, 1, a(1), 10.0), probe(0, 2), probe(0, 3, a(3), 11.0)),
        *(probe(1, 1, a(1), 101.0), probe(1, 2), probe(1, 3, a(4), 111.0)),
    ]
    table = hop_stats(tables(rows), trippy_compat=True).set_index("ttl").T
    names = [
        "sent",
        "recv",
        "loss_ratio",
        "best_ms",
        "worst_ms",
        "avg_ms",
        "jitter_ms",
        "javg_ms",
        "jinta_ms",
        "jmax_ms",
    ]
    assert list(table[1][names]) == [2, 2, 0, 10, 101, 55.5, 91, 50.5, 99.40625, 91]
    assert list(table[3][names]) == [2, 2, 0, 11, 111, 61, 100, 55.5, 109.34375, 100]
    assert list(table[2][["sent", "recv", "loss_ratio", "avg_ms", "javg_ms", "jinta_ms"]]) == [
        2,
        0,
        1,
        0,
        0,
        0,
    ]
    assert table[2][["best_ms", "worst_ms", "last_ms", "jitter_ms", "jmax_ms"]].isna().all()


def test_the_loss_scenario_of_trippys_own_tests():
    """`trippy-core/tests/resources/state/floss_bloss.toml`."""
    whole, cut = [a(1), a(2), TARGET], [a(1), None, None]
    table = hop_stats(tables(rounds(whole, cut, whole)), trippy_compat=True)
    assert table["forward_loss"].tolist() == [0, 1, 0]
    assert table["backward_loss"].tolist() == [0, 0, 1]
    assert table["forward_loss_ratio"].tolist() == [0, 1 / 3, 0]


@pytest.mark.parametrize(
    ("fates", "first_ttl", "lost"),
    [
        ("AA", 1, [1]),
        ("AC", 1, []),
        ("AF", 1, []),
        ("AN", 1, []),
        ("ACAA", 1, [3]),
        ("AFNA", 1, []),
        ("AA", 4, [4]),
        ("AC", 4, []),
        ("ACAA", 4, [6]),
        ("ANA", 1, [1]),
    ],
)
def test_forward_loss_by_trippys_own_cases(fates: str, first_ttl: int, lost: list[int]):
    status = {"A": "timeout", "C": "reply", "F": "send_error", "N": "not_sent"}
    rows = [
        probe(0, ttl, a(ttl) if fate == "C" else None, status=status[fate])
        for ttl, fate in enumerate(fates, first_ttl)
    ]
    probes = probe_arrays(tables(rows))
    assert probes.ttl[trippy_losses(probes)[0]].tolist() == lost


@pytest.mark.parametrize(
    ("status", "trippy", "mtr", "ours"),
    [
        ("reply", (2, 2), (2, 2), (2, 2)),
        ("late", (2, 1), (2, 2), (2, 2)),
        ("timeout", (2, 1), (2, 1), (2, 1)),
        ("in_flight", (2, 1), (2, 1), (1, 1)),
        ("send_error", (2, 1), (2, 1), (1, 1)),
        ("not_sent", (1, 1), (1, 1), (1, 1)),
    ],
)
def test_what_counts_as_sent_and_as_answered(status: str, trippy, mtr, ours):
    answered = status in ("reply", "late")
    made = tables([probe(0, 1, a(1)), probe(1, 1, a(1) if answered else None, status=status)])
    tables_of = (hop_stats(made, trippy_compat=True), hop_stats(made, mtr_compat=True), hop_stats(made))
    assert [(row["sent"][0], row["recv"][0]) for row in tables_of] == [trippy, mtr, ours]


def test_columns_that_a_tool_does_not_have_are_ours():
    rows = [probe(0, 1, a(1), 10.0), probe(1, 1, a(2), 90.0, status="late"), probe(2, 1, a(1), 30.0)]
    (ours,), (theirs,) = (
        hop_stats(tables(rows), trippy_compat=flag).to_dict("records") for flag in (False, True)
    )
    assert (ours["p50_ms"], ours["n_addrs"], ours["late"]) == (30.0, 2, 1)
    assert (theirs["p50_ms"], theirs["n_addrs"], theirs["late"]) == (30.0, 2, 0)


@settings(max_examples=10)
@given(probe_rows(runs=1))
def test_flows_are_told_apart_as_well(rows: list[Row]):
    for trippy in (True, False):
        table = partial(hop_stats, trippy_compat=trippy, mtr_compat=not trippy)
        whole = table(tables(rows), by="flow")
        for flow in {row["flow"] for row in rows}:
            alone = table(tables([row for row in rows if row["flow"] == flow]))
            part = whole.loc[whole["flow"] == flow].reset_index(drop=True).drop(columns="flow")
            pd.testing.assert_frame_equal(part, alone)
