"""The card of a discovery: each hop, what it showed, and what it may still hide."""

from __future__ import annotations

import pytest

import trippy_nb as tn
from tests.display.test_progress import Cell, cell  # noqa: F401 - a fixture
from trippy_nb.display import discovery_sheet
from trippy_nb.display.sheet import sheet_html, sheet_text


@pytest.fixture(scope="module")
def run():
    return tn.discover("target.example", network=tn.sim.load("nested-diamonds"), progress=False)


def sheet_of(run, *, over=True, target="target.example"):
    return discovery_sheet(run.discovery, run.probes.groupby("ttl").size(), target=target, over=over)


def test_a_row_a_hop_with_what_was_found_sent_and_may_be_hidden(run):
    sheet = sheet_of(run)
    found = run.discovery
    assert [row.cells[0][0] for row in sheet.rows] == ["1", "2", "3", "4", "5"]
    assert sheet.rows[2].cells[1] == ("3 responders",)
    sent = [int(row.cells[2][0].replace(",", "")) for row in sheet.rows]
    assert sum(sent) >= found.probes - 10  # but those beyond the end
    assert sheet.rows[2].cells[3] == (f"{100 * found.hidden_by_ttl[3]:.1f} %",)
    assert sheet.sentence == found.sentence
    assert not any(row.marked for row in sheet.rows)


def test_what_was_not_asked_often_enough_stands_out():
    cut = tn.discover("target.example", network=tn.sim.load("nested-diamonds"), progress=False, max_probes=30)
    sheet = sheet_of(cut, over=False)
    assert sheet.title == "Discovering of every path to target.example"
    marked = [row.cells[0][0] for row in sheet.rows if row.marked]
    incomplete = cut.discovery.nodes.loc[~cut.discovery.nodes["complete"], "ttl"].astype(str)
    assert marked == sorted(set(incomplete))
    assert "not asked often enough" in sheet_text(sheet)


def test_a_name_from_outside_is_escaped(run):
    assert "<b>" not in sheet_html(sheet_of(run, target="<b>"))


def test_in_a_notebook_a_discovery_shows_its_card_and_ends_with_it(cell):  # noqa: F811 - the fixture
    run = tn.discover("target.example", network=tn.sim.load("nested-diamonds"), progress=True)
    assert cell.drawn[-1].startswith("Discovery of every path to target.example\n")
    assert run.discovery.sentence in cell.drawn[-1]
