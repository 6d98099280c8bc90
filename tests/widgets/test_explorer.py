from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import traitlets
from ipywidgets.widgets.widget import _instances

from tests.display.made import NAMES, TARGET, explored, made_tables
from trippy_nb.analysis import hop_table, probes_in_view
from trippy_nb.display import run_html, run_text
from trippy_nb.errors import ConfigError
from trippy_nb.frames import tables_from_probes
from trippy_nb.model import Status
from trippy_nb.widgets import Explorer


@pytest.fixture(scope="module")
def parts():
    return explored(made_tables(), names=NAMES)


@pytest.fixture
def explorer(wire, parts):
    widget = Explorer(parts)
    yield widget
    widget.close()


def column(widget, name):
    dtype, data = widget.columns[name]
    return np.frombuffer(data, dtype=f"<{dtype}")


def test_every_probe_of_the_hop_table_travels_as_columns_of_bytes(explorer, wire, parts):
    probes = probes_in_view(parts.tables)
    kind, content, buffers = next(
        message for message in wire.messages if "columns" in message[1].get("state", {})
    )
    assert kind == "comm_open"
    assert len(explorer.columns) == 7
    assert len(buffers) == 7 + 1 + 2  # and the hop table, and the raster
    packed = [data for _, data in explorer.columns.values()]
    assert sum(map(len, packed)) == len(probes) * (4 + 2 + 1 + 1 + 2 + 8 + 8)
    assert {name: data[0] for name, data in content["state"]["columns"].items()} == {
        "round": "u4", "flow": "u2", "ttl": "u1", "status": "u1", "addr": "u2", "rtt": "f8", "at": "f8",
    }  # fmt: skip
    for name in ("round", "flow", "ttl"):
        np.testing.assert_array_equal(column(explorer, name), probes[name])
    np.testing.assert_array_equal(column(explorer, "rtt"), probes["rtt_ms"])
    words = [Status(code).word for code in column(explorer, "status")]
    assert words == list(probes["status"])
    addresses = [*explorer.view["addresses"], *[None] * (2**16 - len(explorer.view["addresses"]))]
    told = [addresses[code] for code in column(explorer, "addr")]
    assert told == [addr if isinstance(addr, str) else None for addr in probes["addr"]]
    seconds = (probes["sent_at"] - probes["sent_at"].min()).dt.total_seconds()
    np.testing.assert_allclose(column(explorer, "at"), seconds)


def test_what_is_not_bytes_is_json_without_nan(explorer):
    assert json.loads(json.dumps(explorer.view, allow_nan=False)) == explorer.view


def test_the_view_has_the_hops_and_the_graph(explorer, parts):
    hops, graph = parts.hops, parts.graph
    view = explorer.view
    assert [hop["ttl"] for hop in view["hops"]] == list(hops["ttl"])
    assert [tuple(hop["addrs"]) for hop in view["hops"]] == list(hops["addrs"])
    assert len(view["graph"]["nodes"]) == len(graph.nodes)
    named = list(graph.nodes)
    pairs = sorted((named[edge["a"]], named[edge["b"]]) for edge in view["graph"]["edges"])
    assert pairs == sorted(graph.edges())
    assert view["target_ttl"] == 5
    assert view["axis"] == {
        "kind": "time",
        "origin": "2026-11-23T20:00:00.010000+00:00",
        "span": [0.0, 39.14],
    }
    assert view["names"] == NAMES


def test_positional_edges_are_dashed(wire):
    widget = Explorer(explored(made_tables(flow_stable=False)))
    assert any(edge["dashed"] for edge in widget.view["graph"]["edges"])
    steady = Explorer(explored(made_tables()))
    assert not any(edge["dashed"] for edge in steady.view["graph"]["edges"])


def test_python_selects_and_the_browser_hears(explorer, wire):
    wire.messages.clear()
    explorer.selected = 4
    assert wire.states() == [{"selected": 4}]


def test_the_browser_selects_and_python_hears(explorer, browser_says):
    heard = []
    explorer.observe(lambda change: heard.append(change["new"]), "selected")
    browser_says(explorer, selected=2, responder="203.0.113.2")
    assert (explorer.selected, explorer.responder, heard) == (2, "203.0.113.2", [2])


def test_another_hop_lets_go_of_a_responder_that_is_not_there(explorer):
    explorer.selected = 2
    explorer.responder = "203.0.113.2"
    explorer.selected = 5
    assert explorer.responder is None


@pytest.mark.parametrize("ttl", [0, 6, 99])
def test_a_hop_that_is_not_there_cannot_be_selected(explorer, ttl):
    with pytest.raises(traitlets.TraitError, match=f"no hop {ttl} here"):
        explorer.selected = ttl
    assert explorer.selected is None


def test_the_focus_goes_both_ways(explorer, wire, browser_says):
    wire.messages.clear()
    explorer.focus = (10, 20)
    (focus,) = [state["focus"] for state in wire.states() if "focus" in state]
    (told,) = [state["told"] for state in wire.states() if "told" in state]
    assert focus == told["focus"] == [10.0, 20.0]
    browser_says(explorer, focus=[1.5, 2.5])
    assert explorer.focus == [1.5, 2.5]
    browser_says(explorer, focus=[])
    assert explorer.focus == []


def test_a_flow_can_be_selected_either_way_if_there_is_such(explorer, browser_says):
    browser_says(explorer, flow=1)
    assert explorer.flow == 1
    assert (explorer.told["flow"], explorer.told["focus"]) == (1, [])
    explorer.focus = (10, 20)
    made = made_tables()
    at = (made.probes["sent_at"] - made.probes["sent_at"].min()).dt.total_seconds()
    alone = tables_from_probes(made.probes[(made.probes["flow"] == 1) & at.between(10, 20)], runs=made.runs)
    hops = hop_table(alone)
    values = np.frombuffer(explorer.told["values"][1], dtype="<f8").reshape(len(hops), -1)
    place = explorer.told["names"].index("stddev_ms")
    np.testing.assert_allclose(values[:, place], hops["stddev_ms"])
    with pytest.raises(traitlets.TraitError, match="no flow 7 here"):
        explorer.flow = 7
    explorer.flow = None


def test_a_window_over_rounds_has_no_times(wire):
    tables = made_tables(rounds=5)
    probes = tables.probes.assign(
        sent_at=pd.Series(pd.NaT, index=tables.probes.index, dtype="datetime64[ns, UTC]")
    )
    widget = Explorer(explored(tables_from_probes(probes, runs=tables.runs)))
    assert widget.window == (None, None)
    widget.focus = [1.0, 3.0]
    with pytest.raises(ConfigError, match="window is one of rounds"):
        _ = widget.window


@pytest.mark.parametrize("focus", [[1.0], [2.0, 1.0], [1.0, 2.0, 3.0], [float("nan"), 1.0]])
def test_a_focus_is_two_ends_in_order(explorer, focus):
    with pytest.raises(traitlets.TraitError):
        explorer.focus = focus


def test_one_display_holds_the_view_the_html_card_and_the_text_card(explorer):
    bundle, _ = explorer._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.model_id
    assert bundle["text/html"] == run_html(explorer.card)
    assert bundle["text/plain"] == run_text(explorer.card)


def test_its_repr_is_short_and_serialises_nothing(explorer, monkeypatch):
    monkeypatch.setattr(Explorer, "get_state", lambda *_: pytest.fail("serialised"))
    assert repr(explorer) == f"<Explorer: Trace to www.example.com ({TARGET}), 5 hops>"


def test_closing_leaves_nothing_in_the_registry_and_can_be_done_twice(wire, parts):
    before = set(_instances)
    widget = Explorer(parts)
    assert len(set(_instances) - before) == 2  # itself and its layout
    widget.close()
    widget.close()
    assert set(_instances) == before
    assert repr(widget).endswith(", closed>")


def test_without_send_times_the_axis_is_the_round(wire):
    tables = made_tables()
    probes = tables.probes.assign(
        sent_at=pd.Series(pd.NaT, index=tables.probes.index, dtype="datetime64[ns, UTC]")
    )
    widget = Explorer(explored(tables_from_probes(probes, runs=tables.runs)))
    assert widget.view["axis"] == {"kind": "round", "origin": None, "span": [0.0, 39.0]}
    np.testing.assert_array_equal(column(widget, "at"), column(widget, "round"))


def test_a_run_without_any_answer_can_be_explored(wire):
    silent = tables_from_probes(pd.DataFrame({"ttl": [1, 2, 3], "round": 0}))
    widget = Explorer(explored(silent))
    assert widget.view["addresses"] == []
    assert set(column(widget, "addr")) <= {2**16 - 1}
