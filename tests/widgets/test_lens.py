from __future__ import annotations

import json

import pytest
import traitlets
from ipywidgets.widgets.widget import _instances

import trippy_nb as tn
from tests.wire import oracle
from trippy_nb.analysis.lens import exchange, packet_alone
from trippy_nb.display import lens_html, lens_text
from trippy_nb.errors import ConfigError
from trippy_nb.widgets import PacketLens


@pytest.fixture(scope="module")
def run() -> tn.Run:
    traced: tn.Run = tn.trace(
        "target.example", network=tn.sim.load("case-15-nat-kept"), rounds=2, protocol="udp"
    )
    return traced


@pytest.fixture
def lens(wire, run):
    widget = PacketLens(exchange(run.tables, ttl=4))
    yield widget
    widget.close()


def test_the_view_holds_every_packet_its_fields_and_fates_as_json(lens, run):
    assert json.loads(json.dumps(lens.view, allow_nan=False)) == lens.view
    sent, answer = lens.view["packets"]
    kept = run.packets.query("ttl == 4 and round == 0")
    assert [sent["hex"], answer["hex"]] == [octets.hex() for octets in kept["bytes"]]
    assert sent["fates"] == []
    source = next(fate for fate in answer["fates"] if fate["key"] == "ip.source")
    assert source["fate"] == "changed on the way"
    assert sent["fields"][source["sent_field"]]["value"] == source["sent"] == "192.0.2.10"
    assert answer["fields"][source["quoted_field"]]["value"] == source["quoted"] == "203.0.113.2"
    assert answer["layers"][answer["fields"][source["quoted_field"]]["layer"]]["quoted"]


def test_a_field_is_pinned_from_either_side(lens, wire, browser_says):
    assert lens.shown == 1
    wire.messages.clear()
    lens.selected = 20
    assert wire.states() == [{"selected": 20}]
    browser_says(lens, shown=0, selected=3)
    assert (lens.shown, lens.selected) == (0, 3)
    lens.selected = None
    with pytest.raises(traitlets.TraitError, match="there is no field 99 in this packet"):
        lens.selected = 99
    with pytest.raises(traitlets.TraitError, match="there is no packet 2 here, only 0 to 1"):
        lens.shown = 2


def test_a_field_that_the_other_packet_lacks_is_let_go(lens):
    lens.selected = len(lens.view["packets"][1]["fields"]) - 1
    lens.shown = 0
    assert lens.selected is None


def test_one_display_holds_three_forms(lens):
    bundle, _ = lens._repr_mimebundle_()
    assert bundle["text/html"] == lens_html(lens.exchange)
    assert bundle["text/plain"] == lens_text(lens.exchange)
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert repr(lens) == "<PacketLens: Probe to target.example: hop 4, round 0, 2 packets>"


def test_the_card_sets_sent_beside_what_came_back(lens):
    text = lens._card_text()
    assert "Answer  203.0.113.4 answered after 10.00 ms: Time exceeded" in text
    line = next(line for line in text.splitlines() if "Source  " in line)
    assert line.split()[:3] == ["Source", "192.0.2.10", "203.0.113.2"]
    assert "changed on the way" in line
    assert "<script" not in lens._card_html()


def test_the_card_of_one_packet_lists_its_fields_and_where_they_are_defined(wire):
    widget = PacketLens(packet_alone(oracle.answers()["MPLS: udp paris v4"]))
    text = widget._card_text()
    widget.close()
    assert text.startswith("A packet of ")
    label = next(line for line in text.splitlines() if "Label" in line)
    assert label.split()[-4:] == ["RFC", "3032", "section", "2.1"]
    assert "IPv4, quoted" in text


def test_closing_leaves_nothing_in_the_registry(wire, run):
    before = set(_instances)
    PacketLens(exchange(run.tables, ttl=1)).close()
    assert set(_instances) == before


# --- the ways in ---


def test_a_probe_is_named_by_numbers_by_its_row_or_by_the_index_of_it(wire, run):
    index = int(run.probes.query("ttl == 3 and round == 1").index[0])
    ways = [
        run.lens(ttl=3, round=1),
        run.lens(index),
        run.lens(run.probes.index[index]),
        run.lens(run.probes.loc[index]),
        tn.lens(run, ttl=3, round=1),
        tn.lens(run, run.probes.loc[index]),
    ]
    assert {way.view["title"] for way in ways} == {"Probe to target.example: hop 3, round 1"}
    for way in ways:
        way.close()


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_packet_is_looked_at_without_a_run(wire, kind):
    packet = oracle.answers()["echo reply v4"]
    widget = tn.lens(kind(packet))
    assert widget.view["packets"][0]["hex"] == packet.hex()
    widget.close()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda run: run.lens(), r"a lens on which probe\? run.lens\(ttl=3\)"),
        (lambda run: run.lens(99_999), "probes has no row 99999, only 0 to"),
        (lambda run: run.lens(ttl=77), "there is no probe of round 0, flow 0, ttl 77"),
        (lambda _: tn.lens("4500"), "a run, or the bytes of one packet, not str"),
        (lambda _: tn.lens(b""), "the packet has no bytes"),
        (lambda _: tn.lens(b"E", ttl=3), "can be said of a run only"),
    ],
)
def test_what_cannot_be_shown_is_said_in_one_line(run, call, says):
    with pytest.raises(ConfigError, match=says) as caught:
        call(run)
    assert "\n" not in str(caught.value)
