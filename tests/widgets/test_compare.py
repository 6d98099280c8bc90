from __future__ import annotations

import json
import math

import pytest
import traitlets
from ipywidgets.widgets.widget import _instances

from tests.display.made import NAMES, made_comparison
from trippy_nb.display import comparison_card, comparison_html, comparison_text
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


def test_a_given_card_is_shown_as_it_is(wire, comparison):
    card = comparison_card(comparison, names=NAMES)
    assert CompareExplorer(comparison, card=card).card is card


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
