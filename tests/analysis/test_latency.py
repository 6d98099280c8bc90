"""What a latency picture is given: quantiles of numpy, every answer once, in the order of sending."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from tests.analysis import oracle
from tests.analysis.handmade import Row, a, probe, tables
from tests.analysis.strategies import probe_rows
from trippy_nb.analysis import hop_table, latency


@given(probe_rows(runs=1))
def test_quantiles_and_loss_are_those_of_the_hop_table_and_numpy(rows: list[Row]):
    found, table = latency(tables(rows)), hop_table(tables(rows))
    expected = {ttl: wanted["rtts"] for (_, ttl), wanted in oracle.hops(rows).items()}
    for row in found.hops.to_dict("records"):
        rtts = expected[row["ttl"]]
        assert row["n"] == len(rtts)
        for q in (5, 25, 50, 75, 95):
            wanted = np.percentile(rtts, q) if rtts else np.nan
            assert row[f"p{q:02}_ms"] == pytest.approx(wanted, rel=1e-9, abs=1e-12, nan_ok=True)
    losses = table.loc[table["sent"] > 0].set_index("ttl")["loss_ratio"]
    assert found.hops.set_index("ttl")["loss_ratio"].to_dict() == pytest.approx(losses.to_dict())
    assert len(found.answers) == sum(map(len, expected.values()))


def test_answers_stand_in_the_order_they_were_sent():
    rows = [probe(2, 1, a(1), 30.0), probe(0, 1, a(1), 10.0), probe(1, 1, a(1), 20.0, status="late")]
    answers = latency(tables(rows)).answers
    assert answers["rtt_ms"].tolist() == [10.0, 20.0, 30.0]
    assert answers["place"].tolist() == [0.0, 0.5, 1.0]
    assert answers["late"].tolist() == [False, True, False]


def test_a_hop_without_answers_has_no_quantiles_and_all_loss():
    found = latency(tables([probe(0, 1, a(1)), probe(0, 2, None)])).hops
    assert found["loss_ratio"].tolist() == [0.0, 1.0]
    assert found["p50_ms"].isna().tolist() == [False, True]
