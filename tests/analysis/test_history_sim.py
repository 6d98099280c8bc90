"""Changes that were made, and whether they are found: under silence, loss and balancing."""

from __future__ import annotations

import os
from typing import Any

import pandas as pd
import pytest

from tests.analysis.routes_made import made, naive_changes, score
from trippy_nb.analysis.history import epochs, path_changes
from trippy_nb.testing import simulated


def only(frame: pd.DataFrame) -> Any:
    """The one row of a frame."""
    (row,) = frame.itertuples()
    return row


ONE_FLOW: dict[str, Any] = {
    "protocol": "udp",
    "multipath": "paris",
    "source_port": 5000,
    "target_port": 33434,
}


@pytest.mark.parametrize("options", [{"protocol": "icmp"}, ONE_FLOW], ids=["icmp", "udp"])
def test_one_change_is_one_event(options):
    run = simulated("case-43-change", rounds=60, **options)
    row = only(path_changes(run.tables))
    assert (row.kind, row.round, row.first_ttl, row.last_ttl) == ("reroute", 30, 2, 2)
    assert (row.before, row.after) == (("203.0.113.2",), ("203.0.113.3",))
    assert row.last_round == 29
    assert row.last_seen_at < row.at == run.probes.loc[run.probes["round"] == 30, "sent_at"].min()


def test_a_route_that_flaps_is_told_from_a_balancer():
    run = simulated("case-44-flap", rounds=140, protocol="icmp")
    changes = path_changes(run.tables)
    assert changes["round"].tolist() == [10, 14, 30, 34, 50, 54, 70, 74, 90, 94, 100]
    # The last time, too, it went back to where it had been shortly before; that it stayed is in `n_after`.
    assert set(changes["kind"]) == {"flap"}
    assert changes["n_after"].iloc[-1] == 40
    table = epochs(run.tables)
    assert table["path"].tolist() == [0, 1] * 6


def test_a_balancer_of_packets_is_no_change():
    run = simulated("case-04-per-packet", rounds=60, protocol="icmp")
    assert path_changes(run.tables).empty
    assert epochs(run.tables)["masked_ttls"].iloc[0] != ()


@pytest.mark.parametrize(
    "scenario", ["case-01-per-flow", "case-02-unequal", "case-06-rate-limit", "case-07-loss"]
)
def test_nothing_changes_where_nothing_changed(scenario):
    run = simulated(scenario, rounds=40, **ONE_FLOW)
    assert path_changes(run.tables).empty


@pytest.mark.slow
def test_changes_are_counted_once_and_found():
    tables, truths = made(1_000_000 if os.environ.get("TRIPPY_NB_PROFILE") == "ci" else 300_000, seed=1)
    result = score(path_changes(tables), truths)
    assert result.recall >= 0.95
    assert 0.95 <= result.count_ratio <= 1.05
    assert naive_changes(tables) > 20 * result.visible
