"""What came back changes no path by the order it came in, by coming twice, or by coming late."""

from __future__ import annotations

from functools import cache
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.handmade import Row, quoted, replaced, tables
from tests.analysis.strategies import probe_rows
from trippy_nb.analysis import diamonds, evidence, hop_graph, links, paths
from trippy_nb.frames import Tables
from trippy_nb.sim import random as random_network
from trippy_nb.testing import simulated

ANSWERED = ["reply", "reply", "late", "timeout"]


def everything(made: Tables) -> tuple[Any, ...]:
    return links(made), paths(made), diamonds(made), evidence(made), hop_graph(made)


def assert_same(one: tuple[Any, ...], two: tuple[Any, ...]) -> None:
    for before, after in zip(one[:-1], two[:-1], strict=True):
        pd.testing.assert_frame_equal(after, before)
    assert list(one[-1]) == list(two[-1])
    assert nx.utils.graphs_equal(one[-1], two[-1])


def came_otherwise(made: Tables, seed: int) -> Tables:
    """The same answers in another order of arrival."""
    order = np.random.default_rng(seed).permutation(len(made.replies))
    replies = made.replies.iloc[order].reset_index(drop=True)
    return replaced(made, replies=replies.assign(reply=np.arange(len(replies), dtype=np.uint32)))


def came_twice(made: Tables, seed: int) -> Tables:
    """Some answers came again, as duplicates."""
    luck = np.random.default_rng(seed)
    again = made.replies.iloc[np.flatnonzero(luck.random(len(made.replies)) < 0.4)]
    again = again.assign(
        kind=pd.Categorical(["dup"] * len(again), categories=made.replies["kind"].cat.categories)
    )
    again = again.assign(reply_no=np.uint8(1), rtt_ms=again["rtt_ms"] + 1000.0)
    whole = pd.concat([made.replies, again], ignore_index=True)
    return replaced(made, replies=whole.assign(reply=np.arange(len(whole), dtype=np.uint32)))


def came_late(made: Tables, seed: int) -> Tables:
    """Some answers came after their round: late, and no loss."""
    key = ["run_id", "round", "flow", "ttl", "attempt"]
    late = np.random.default_rng(seed).random(len(made.probes)) < 0.4
    late &= (made.probes["status"] == "reply").to_numpy()
    probes = made.probes.copy()
    probes.loc[late, "status"] = "late"
    which = pd.MultiIndex.from_frame(probes.loc[late, key])
    ours = pd.MultiIndex.from_frame(made.replies[key].astype("Int64").fillna(-1)).isin(which)
    replies = made.replies.copy()
    replies.loc[ours & (replies["kind"] == "first").to_numpy(), "kind"] = "late"
    return replaced(made, probes=probes, replies=replies)


CHANGES = [came_otherwise, came_twice, came_late]


@pytest.mark.parametrize("change", CHANGES)
@given(probe_rows(statuses=ANSWERED), st.integers(0, 2**32 - 1))
@settings(max_examples=15)
def test_handmade_answers(change: Any, rows: list[Row], seed: int):
    made = quoted(tables(rows, sport=None), q_ttl=lambda row: 0 if row.ttl == 3 else 1)
    assert_same(everything(made), everything(change(made, seed)))


@cache
def traced(seed: int) -> Tables:
    net = random_network(seed, unequal=0.5, nesting=0.3, meshing=0.3, silent=1, loss=0.02)
    return simulated(net, protocol="udp", multipath="paris", rounds=12).tables


@pytest.mark.parametrize("change", CHANGES)
@given(st.integers(0, 2), st.integers(0, 2**32 - 1))
@settings(max_examples=4)
def test_simulated_answers(change: Any, network: int, seed: int):
    made = traced(network)
    changed = change(made, seed)
    assert not changed.replies.equals(made.replies)
    assert_same(everything(made), everything(changed))
