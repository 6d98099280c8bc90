"""A packet drawn to scale: every bit in one box, what was changed marked, what does not fit told below."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.patches import PathPatch

import trippy_nb as tn
from tests.plots.drawing import drawn, keys, overlapping, texts, title
from trippy_nb.analysis.lens import Exchange, exchange, packet_alone
from trippy_nb.errors import ConfigError
from trippy_nb.plots import DARK, LIGHT, Theme, new_axes, plot_packet
from trippy_nb.plots.theme import VERMILLION
from trippy_nb.widgets import PacketLens


@pytest.fixture(scope="module")
def translated() -> tn.Run:
    network = tn.sim.load("case-15-nat-kept")
    run: tn.Run = tn.trace("target.example", network=network, rounds=1, protocol="udp")
    return run


@pytest.fixture(scope="module")
def answered(translated: tn.Run) -> Exchange:
    return exchange(translated.tables, ttl=4)


def boxes(ax: Axes) -> list[PathPatch]:
    return [patch for patch in ax.patches if isinstance(patch, PathPatch)]


def bits_of(patch: PathPatch) -> int:
    """How many bits the boxes of a field cover, a row being 32 of them."""
    corners = np.asarray(patch.get_path().vertices).reshape(-1, 5, 2)
    sides = corners.max(axis=1) - corners.min(axis=1)
    return round(float((sides[:, 0] * sides[:, 1]).sum()))


def test_every_field_is_as_large_as_it_has_bits_but_for_the_torn_one(answered: Exchange):
    ax = plot_packet(answered)
    fields = answered.packets[1].anatomy.fields
    drawn_bits = [bits_of(patch) for patch in boxes(ax)]
    assert [patch.get_label() for patch in boxes(ax)] == [field.key for field in fields]
    assert drawn_bits[:-1] == [field.bits for field in fields[:-1]]
    assert (fields[-1].bits, drawn_bits[-1]) == (384, 96)  # the first word, the last, and a torn row between
    assert texts(ax).count("≈") == 2


def test_names_and_values_are_written_and_short_names_are_told_below(answered: Exchange):
    said = texts(plot_packet(answered))
    assert {"Time to live", "252", "Source", "203.0.113.4", "DF", "UDP,\nquoted", "48 bytes, all 00"} <= {
        *said
    }
    assert "RF: Reserved flag; DF: Don't fragment; MF: More fragments" in said


def test_what_was_changed_is_marked_with_what_was_sent(answered: Exchange):
    ax = plot_packet(answered)
    marked = [patch.get_label() for patch in boxes(ax) if to_hex(patch.get_edgecolor()) == VERMILLION.lower()]
    assert marked == ["ip.source", "udp.sport", "udp.checksum"]
    assert {"≠ sent 192.0.2.10", "≠ sent 5040", "sent 4"} <= {*texts(ax)}
    dotted = [patch.get_label() for patch in boxes(ax) if patch.get_linestyle() in {":", "dotted"}]
    assert dotted == ["ip.ttl", "ipv4.checksum"]
    assert keys(ax) == ["quoted", "≠ changed on the way", "changed as every router does"]
    assert title(ax).endswith("Changed on the way: source, source port, checksum.")


def test_the_probe_itself_has_no_marks(answered: Exchange):
    ax = plot_packet(answered, 0)
    assert {to_hex(patch.get_edgecolor()) for patch in boxes(ax)} == {LIGHT.ink}
    assert keys(ax) == []


def test_a_packet_that_is_not_there_is_refused(answered: Exchange):
    with pytest.raises(ConfigError, match="there is no packet 2 here, only 0 to 1"):
        plot_packet(answered, 2)


def test_a_run_and_a_lens_draw_the_same(translated: tn.Run, answered: Exchange):
    wanted = texts(plot_packet(answered))
    assert texts(translated.plot.packet(ttl=4)) == wanted
    assert texts(translated.plot.packet(translated.probes.query("ttl == 4").iloc[0])) == wanted
    lens = PacketLens(answered)
    try:
        assert texts(lens.plot()) == wanted
        lens.shown = 0
        assert texts(lens.plot()) == texts(plot_packet(answered, 0)) != wanted
    finally:
        lens.close()
    with pytest.raises(ConfigError, match="which probe"):
        translated.plot.packet()


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_it_is_drawn_on_the_axes_given_without_overlapping(answered: Exchange, theme: Theme):
    ax = new_axes(9, 9, theme=theme)
    assert plot_packet(answered, ax=ax) is ax
    assert {text.get_color() for text in ax.texts} <= {theme.ink, theme.muted}
    assert overlapping([text for text in ax.texts if text.get_text()], ax) == []


def test_what_a_router_wrote_is_text_and_no_formula(answered: Exchange):
    found = answered.packets[1]
    fields = (*found.anatomy.fields[:-1], replace(found.anatomy.fields[-1], value="'$\\frac$ \u6f22 $x'"))
    shown = replace(found, anatomy=replace(found.anatomy, fields=fields))
    ax = drawn(plot_packet(Exchange("Probe to $\\frac$", (shown,))))
    assert "'$\\frac$ \\u6f22 $x'" in texts(ax)


@pytest.mark.slow
@given(st.one_of(st.binary(max_size=80), st.binary(max_size=60).map(lambda tail: b"\x45\x00\x00\x50" + tail)))
@settings(max_examples=12, deadline=None)
def test_any_bytes_can_be_drawn_and_every_one_is_in_a_box(octets: bytes):
    found = packet_alone(octets)
    ax = drawn(plot_packet(found))
    assert len(boxes(ax)) == len(found.packets[0].anatomy.fields)
    assert all(bits_of(patch) > 0 for patch in boxes(ax))
