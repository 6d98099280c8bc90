from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
import traitlets

from tests.display.made import made_tables
from trippy_nb.analysis import hop_table
from trippy_nb.errors import ConfigError
from trippy_nb.run.runs import Run, RunSet


def run_at(seconds, *, hop_4="198.51.100.1", rounds=10, **known):
    tables = made_tables(rounds=rounds, hop_4=hop_4, seed=1 + int(seconds), **known)
    later = tables.probes["sent_at"] + pd.Timedelta(seconds, unit="s")
    return Run(replace(tables, probes=tables.probes.assign(sent_at=later)))


@pytest.fixture(scope="module")
def runs():
    return RunSet([run_at(0), run_at(30), run_at(60, hop_4="198.51.100.2")])


@pytest.fixture
def explorer(wire, runs):
    widget = runs.explore()
    yield widget
    widget.close()


def test_runs_to_one_target_are_shown_together_along_one_axis(explorer, runs):
    assert explorer.chosen == -1
    assert [one["number"] for one in explorer.runs] == [-1, 0, 1, 2]
    assert explorer.view["axis"]["span"] == [0.0, 69.14]
    assert explorer.view["title"].startswith("3 runs, as one: Trace to www.example.com")
    rounds = pd.Series(memoryview(explorer.columns["round"][1]).cast("I"))
    assert rounds.nunique() == 30
    assert len(rounds) == sum(len(run.probes) for run in runs)
    assert [hop["addrs"] for hop in explorer.view["hops"]][3] == ["198.51.100.1", "198.51.100.2"]
    assert {one["words"] for one in explorer.panels["ribbon"]["changes"]} == {"reroute, hop 4"}
    assert explorer.panels["raster"]["edges"][-1] > 69


def test_another_run_comes_in_one_message_and_keeps_the_hop(explorer, wire, browser_says):
    explorer.selected, explorer.flow, explorer.focus = 4, 1, [5.0, 8.0]
    wire.messages.clear()
    browser_says(explorer, chosen=2)
    (state,) = [state for state in wire.states() if "view" in state]
    assert {"columns", "panels", "told"} <= set(state)
    assert (explorer.selected, explorer.flow, explorer.focus) == (4, None, [])
    assert explorer.view["axis"]["span"] == [0.0, 9.14]
    assert explorer.told["focus"] == []
    assert explorer.view["title"] == "Trace to www.example.com (198.51.100.7)"


def test_the_window_of_python_is_that_of_between(explorer, runs):
    assert explorer.window == (None, None)
    explorer.focus = [5.0, 40.0]
    inside = runs.between(*explorer.window).probes
    begin = runs.probes["sent_at"].min()
    seconds = (runs.probes["sent_at"] - begin).dt.total_seconds()
    assert len(inside) == ((seconds >= 5) & (seconds <= 40)).sum() > 0


def test_the_figures_of_all_are_those_of_all_their_probes(explorer, runs):
    from trippy_nb.frames import as_one_run

    hops = hop_table(as_one_run(runs.tables))
    assert list(hops["sent"]) == [60] * 5
    assert hops["recv"].sum() == sum(run.hops["recv"].sum() for run in runs)


def test_runs_to_several_targets_are_chosen_one_by_one(wire):
    widget = RunSet([run_at(0), run_at(30, dst_addr="192.0.2.99", label="night")]).explore()
    assert [one["number"] for one in widget.runs] == [0, 1]
    assert widget.runs[1]["text"] == "1: www.example.com, 2026-11-23 20:00:30 UTC, night"
    assert widget.chosen == 0


def test_a_run_that_is_not_there_cannot_be_chosen(explorer):
    with pytest.raises(traitlets.TraitError, match="no run 3 here"):
        explorer.chosen = 3


def test_one_run_is_explored_with_what_it_knows_of_itself(wire):
    run = run_at(0)
    widget = run.explore()
    assert widget.view["title"] == "Trace to www.example.com (198.51.100.7)"
    assert len(widget.panels["ribbon"]["stretches"]) == len(run.epochs) == 2
    assert run.between(*widget.window) is run
    widget.close()


def test_no_runs_are_refused(wire):
    with pytest.raises(ConfigError, match="no runs"):
        RunSet([]).explore()
