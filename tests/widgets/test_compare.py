from __future__ import annotations

import json
import math

import pytest
import traitlets
from ipywidgets.widgets.widget import _instances

import trippy_nb as tn
from tests.analysis.handmade import TARGET, a, rounds, tables
from tests.display.made import NAMES, made_comparison
from trippy_nb.display import comparison_html, comparison_text
from trippy_nb.errors import ConfigError
from trippy_nb.widgets import CompareExplorer


@pytest.fixture(scope="module")
def comparison():
    return made_comparison()


@pytest.fixture
def explorer(wire, comparison):
    widget = CompareExplorer(comparison, names=NAMES)
    yield widget
    widget.close()


def test_the_view_is_the_aligned_paths_as_json_without_infinity(wire, comparison):
    comparison.rtt["low_ms"] = comparison.rtt["low_ms"].where(comparison.rtt["place"] != 0, -math.inf)
    view = CompareExplorer(comparison).view
    assert json.loads(json.dumps(view, allow_nan=False)) == view
    assert [hop["change"] for hop in view["hops"]] == list(comparison.paths["change"])
    assert view["hops"][0]["low_ms"] is None
    assert view["verdict"] == comparison.sentence
    assert view["sides"] == ["before", "after"]


def test_a_row_is_selected_from_either_side(explorer, wire, browser_says):
    wire.messages.clear()
    explorer.selected = 3
    assert wire.states() == [{"selected": 3}]
    browser_says(explorer, selected=0)
    assert explorer.selected == 0
    browser_says(explorer, selected=None)
    assert explorer.selected is None
    with pytest.raises(traitlets.TraitError, match="only 0 to 9"):
        explorer.selected = 10


def test_one_display_holds_three_forms(explorer):
    bundle, _ = explorer._repr_mimebundle_()
    assert bundle["text/html"] == comparison_html(explorer.card)
    assert bundle["text/plain"] == comparison_text(explorer.card)
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert repr(explorer) == "<CompareExplorer: Comparison of before and after, 10 rows>"


def test_closing_leaves_nothing_in_the_registry(wire, comparison):
    before = set(_instances)
    CompareExplorer(comparison).close()
    assert set(_instances) == before


def turning(shares):
    """One flow whose hop 2 is who the letters say."""
    return tables(rounds(*[[a(1), a(20 + "xy".index(who)), a(3), TARGET] for who in shares]))


@pytest.fixture(scope="module")
def drifted():
    """Hop 2 takes turns; the second side has more of one than of the other."""
    return tn.compare(turning("xy" * 20), turning("xyyyyy" * 6))


ASNS = {a(1): 64500, a(20): 64500.0, a(21): "AS64500", TARGET: 64511, a(3): None}


@pytest.fixture
def masking(wire, drifted):
    widget = drifted.explore(asns=ASNS)
    yield widget
    widget.close()


def test_a_row_that_is_part_of_what_changed_says_so_and_names_who_is_new_first(wire):
    before, after = (
        tables(rounds(*[[a(1), a(20 + "xyz".index(who)), a(3), TARGET] for who in shares]))
        for shares in ("xxxy" * 15, "xxxz" * 15)
    )
    compared = tn.compare(before, after)
    widget = compared.explore()
    first, second, third, _ = widget.view["hops"]
    assert "hop 2 answers in other shares" in compared.sentence
    assert (second["change"], second["told"]) == ("other shares", True)
    assert (second["a_addrs"], second["b_addrs"]) == ([a(21), a(20)], [a(22), a(20)])
    assert [first["change"], third["change"]] == ["same", "same"]
    widget.close()


def test_a_mask_ticked_in_the_browser_has_the_verdict_recomputed_and_what_it_changed_said(
    masking, wire, browser_says, drifted
):
    assert masking.view["turning"] == [["Hop 2", f"{a(20)}, {a(21)} take turns before and after"]]
    assert masking.view["aspects"][0][1] == "changed"
    assert masking.view["hops"][1]["told"]
    wire.messages.clear()
    browser_says(masking, masked=[0])
    (sent,) = [state for state in wire.states() if "view" in state]
    assert sent["view"]["masked"] == [0]
    assert sent["view"]["aspects"][0][1] == "same"
    assert sent["view"]["difference"].startswith("Leaving out hop 2 changes ")
    assert masking.comparison.sentence == drifted.without().sentence
    assert "(hop 2 left out)" in masking._repr_mimebundle_()[0]["text/plain"]
    browser_says(masking, masked=[])
    assert masking.view["difference"] == ""
    assert masking.comparison.sentence == drifted.sentence


def test_a_mask_that_is_not_there_is_refused(masking, explorer):
    with pytest.raises(traitlets.TraitError, match="no oscillating hop 1 here, of 1"):
        masking.masked = [0, 1]
    with pytest.raises(traitlets.TraitError, match="no oscillating hop 0 here, of 0"):
        explorer.masked = [0]


def test_a_comparison_without_hops_opens_so(wire, drifted):
    part = drifted.without(*drifted.turning)
    assert "Leaving out hop 2" in part.difference
    assert drifted.difference == ""
    widget = part.explore()
    assert (widget.masked, widget.view["verdict"]) == ([0], part.sentence)
    widget.close()


def test_leaving_out_what_does_not_take_turns_is_an_error(drifted):
    steady = tn.compare(turning("x" * 20), turning("x" * 20))
    with pytest.raises(ConfigError, match="no hop takes turns"):
        steady.without()


def test_responders_have_names_addresses_and_systems_as_far_as_they_are_known(masking):
    view = masking.view
    assert view["called"] == {
        "ip": {},
        "as": {a(1): "AS64500", a(20): "AS64500", a(21): "AS64500", TARGET: "AS64511"},
    }
    assert (
        " 1 responder without a known AS stays an address. AS path of both: AS64500 " in view["notes"]["as"]
    )
    assert view["titles"][TARGET] == f"{TARGET}, AS64511"
    with pytest.raises(traitlets.TraitError):
        masking.naming = "mac"
