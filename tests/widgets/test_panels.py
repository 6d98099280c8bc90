from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from tests.display.made import made_tables
from trippy_nb.analysis import epochs, hop_table, loss_raster, path_changes, probes_in_view, ribbon
from trippy_nb.frames import tables_from_probes
from trippy_nb.frames.tables import concat
from trippy_nb.widgets.panels import panels_of
from trippy_nb.widgets.wire import time_axis


def rerouted():
    """Hop 4 is another address from round 40 on."""
    before, after = made_tables(), made_tables(hop_4="198.51.100.2", seed=2)
    later = after.probes.assign(
        round=after.probes["round"] + 40, sent_at=after.probes["sent_at"] + pd.Timedelta(40, unit="s")
    )
    return tables_from_probes(concat([before.probes, later]), runs=before.runs)


def panels(tables):
    probes = probes_in_view(tables)
    return panels_of(
        tables,
        time_axis(probes)[0],
        epochs=epochs(tables),
        changes=path_changes(tables),
        rounds=sorted(set(probes["round"])),
    )


def unpacked(column):
    return np.frombuffer(column[1], dtype=f"<{column[0]}")


def test_the_raster_is_that_of_the_analysis_on_the_axis_of_the_view():
    tables = made_tables()
    raster, made = panels(tables)["raster"], loss_raster(tables, columns=160)
    assert raster["ttls"] == list(made.ttls)
    np.testing.assert_array_equal(unpacked(raster["sent"]), made.sent.ravel())
    np.testing.assert_array_equal(unpacked(raster["unanswered"]), made.unanswered.ravel())
    assert raster["edges"][:3] == [0.0, 1.0, 2.0]
    assert raster["each"] == 1


def test_the_ribbon_says_who_went_where_and_when():
    tables = rerouted()
    told, made = panels(tables)["ribbon"], ribbon(tables)
    assert [lane["flow"] for lane in told["lanes"]] == [0, 1]
    assert [one["letter"] for one in told["stretches"]] == list(made.stretches["letter"])
    assert {one["lane"] for one in told["stretches"]} == {0, 1}
    assert all(one["start"] <= one["end"] for one in told["stretches"])
    assert [round(one["at"]) for one in told["changes"]] == [40, 40]  # as each flow saw it
    assert "hop 4" in told["changes"][0]["words"]
    assert [path["letter"] for path in told["paths"]] == list(made.paths)
    assert "hop 4 198.51.100.2" in told["paths"][-1]["words"]
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_without_times_places_are_rounds_even_where_some_are_missing():
    probes = made_tables(rounds=9).probes
    probes = probes[~probes["round"].isin([2, 3])]
    untimed = probes.assign(sent_at=pd.Series(pd.NaT, index=probes.index, dtype="datetime64[ns, UTC]"))
    told = panels(tables_from_probes(untimed, runs=made_tables(rounds=1).runs))
    assert told["raster"]["edges"][:-1] == [0, 1, 4, 5, 6, 7, 8]
    assert (told["ribbon"]["stretches"][0]["start"], told["ribbon"]["stretches"][0]["end"]) == (0, 8)


@pytest.mark.parametrize("flow_stable", [True, False])
def test_where_no_path_can_be_told_it_says_so(flow_stable):
    told = panels(made_tables(flow_stable=flow_stable))["ribbon"]
    assert bool(told["paths"]) is flow_stable
    assert told["note"].startswith("" if flow_stable else "no path can be told")


def test_a_run_without_any_answer_has_panels():
    silent = tables_from_probes(pd.DataFrame({"ttl": [1, 2, 3], "round": 0}))
    told = panels(silent)
    assert told["raster"]["ttls"] == list(hop_table(silent)["ttl"])
    assert json.dumps(told["ribbon"], allow_nan=False)
