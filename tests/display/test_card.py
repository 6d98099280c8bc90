"""The two spellings of a card say the same, and the HTML passes the sanitiser of an untrusted notebook."""

from __future__ import annotations

import base64
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex, to_rgb

from tests.plots.drawing import luminance
from trippy_nb.display import (
    AlignedHop,
    ComparisonCard,
    HopRow,
    Responder,
    RunCard,
    comparison_html,
    comparison_text,
    run_html,
    run_text,
    set_html,
    set_text,
)
from trippy_nb.frames.schema import HOPS

# What JupyterLab's sanitiser was measured to keep (tests/browser/test_lab.py asks a real one).
KEPT_TAGS = {"div", "table", "thead", "tbody", "tr", "th", "td", "br", "img", "wbr"}
KEPT_ATTRIBUTES = {"style", "scope", "title", "src", "alt", "width", "height"}
VOID = {"br", "img", "wbr"}


class Sanitised(HTMLParser):
    """Reads HTML as a sanitiser does, and refuses all that one would remove."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.pictures: list[dict[str, str | None]] = []
        self.said: list[str] = []
        self.feed(markup)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        assert tag in KEPT_TAGS, tag
        assert {name for name, _ in attrs} <= KEPT_ATTRIBUTES, attrs
        attributes = dict(attrs)
        assert "url" not in (attributes.get("style") or "")
        if tag == "img":
            assert (attributes["src"] or "").startswith("data:image/svg+xml;base64,")
            self.pictures.append(attributes)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")
        if tag == "br":
            self.rows[-1][-1] += "\n"

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1] in {"td", "th"}:
            self.rows[-1][-1] += data
        else:
            self.said.append(data)

    def handle_comment(self, data):
        raise AssertionError(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</td></table>&amp;&lt;",
    "' onmouseover='x",
    "\x1b[2Jgone\r\n",
    "\u202ereversed",
]
anything = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=20))
number = st.one_of(st.none(), st.just(math.nan), st.floats(0, 1e4))
responders = st.lists(
    st.builds(Responder, anything, st.one_of(st.none(), anything), st.one_of(st.none(), st.floats(0, 1))),
    max_size=3,
).map(tuple)
hop_rows = st.builds(
    HopRow,
    ttl=st.integers(1, 255),
    responders=responders,
    sent=st.integers(0, 99),
    recv=st.integers(0, 99),
    late=st.integers(0, 9),
    loss_ratio=st.one_of(st.none(), st.floats(0, 1)),
    last_ms=number,
    avg_ms=number,
    best_ms=number,
    worst_ms=number,
    stddev_ms=number,
    mpls=st.one_of(st.none(), anything),
    samples_ms=st.lists(number, max_size=70).map(tuple),
)
facts = st.lists(st.tuples(anything, anything), max_size=3).map(tuple)
run_cards = st.builds(
    RunCard, title=anything, verdict=anything, facts=facts, hops=st.lists(hop_rows, max_size=4).map(tuple)
)
ttl = st.one_of(st.none(), st.integers(1, 255))
signed = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True))
aligned = st.builds(
    AlignedHop, change=anything, flow=st.integers(0, 2), a_ttl=ttl, a_addr=st.one_of(st.none(), anything),
    a_name=st.one_of(st.none(), anything), b_ttl=ttl, b_addr=st.one_of(st.none(), anything),
    b_name=st.one_of(st.none(), anything), a_ms=number, b_ms=number, shift_ms=number, low_ms=signed,
    high_ms=signed,
)  # fmt: skip
comparison_cards = st.builds(
    ComparisonCard, title=anything, verdict=anything, facts=facts, sides=st.tuples(anything, anything),
    hops=st.lists(aligned, max_size=4).map(tuple),
)  # fmt: skip


@given(run_cards)
def test_whatever_the_strings_a_run_card_passes_the_sanitiser_and_steers_no_terminal(card):
    page, text = Sanitised(run_html(card)), run_text(card)
    assert all(char.isprintable() or char == "\n" for char in text)
    head = bool(card.hops)
    assert len(page.rows) == len(card.facts) + head + len(card.hops)
    lines = text.split("\n") if text else []
    written = [
        line
        for hop in card.hops
        for line in range(max(1, len(hop.responders) + bool(hop.responders and hop.mpls)))
    ]
    parts = [card.title, card.verdict, *(["facts"] * (1 + len(card.facts)) if card.facts else [])]
    parts += [*(["gap", "head"] if head else []), *written, *(["note"] if head else [])]
    assert len(lines) == len([part for part in parts if part != ""])


@given(comparison_cards)
def test_whatever_the_strings_a_comparison_card_passes_the_sanitiser(card):
    page, text = Sanitised(comparison_html(card)), comparison_text(card)
    assert all(char.isprintable() or char == "\n" for char in text)
    assert len(page.rows) == len(card.facts) + bool(card.hops) + len(card.hops)


@given(st.lists(run_cards, max_size=3))
def test_a_set_has_a_row_for_each_run(cards):
    page = Sanitised(set_html(cards))
    assert len(page.rows) == (1 + len(cards) if cards else 0)
    assert set_text(cards).startswith(f"{len(cards)} run")


SILENT = HopRow(ttl=3, sent=10, recv=0, loss_ratio=1.0, samples_ms=(None,) * 10)
FIRST = HopRow(
    ttl=1, responders=(Responder("192.0.2.1", "gw.example.net", 0.75), Responder("192.0.2.2", None, 0.25)),
    sent=10, recv=10, loss_ratio=0.0, last_ms=1.5, avg_ms=1.25, best_ms=0.0, worst_ms=2.0, stddev_ms=0.5,
    mpls="24012/0/1/1", samples_ms=(1.0, 0.0, 2.0),
)  # fmt: skip
CARD = RunCard(title="Trace to x", verdict="Reached x.", facts=(("From", "here"),), hops=(FIRST, SILENT))


def test_text_and_html_hold_the_same_cells():
    page = Sanitised(run_html(CARD))
    text = run_text(CARD)
    for row in page.rows:
        for cell in row[:-1] if len(row) > 2 else row:  # the last one is a picture in HTML
            for line in cell.split("\n"):
                assert line in text
    assert [word in page.said for word in (CARD.title, CARD.verdict, "Times in ms.")] == [True] * 3


def test_headings_come_from_the_schema():
    head = Sanitised(run_html(CARD)).rows[1]
    for name in ("loss_ratio", "last_ms", "avg_ms", "best_ms", "worst_ms", "stddev_ms"):
        assert HOPS.column(name).label in head
    assert "%" not in "".join(head)


def test_what_is_missing_is_a_dash_and_a_zero_time_is_a_zero():
    first, silent = Sanitised(run_html(CARD)).rows[2:]
    assert silent[1] == "*"
    assert silent[6:11] == ["–"] * 5
    assert first[8] == "0.00"


def test_responders_tell_their_share_only_where_there_are_several():
    cell = Sanitised(run_html(CARD)).rows[2][1]
    assert cell == "gw.example.net (192.0.2.1) 75.0 %\n192.0.2.2 25.0 %\nMPLS 24012/0/1/1"
    alone = replace(FIRST, responders=FIRST.responders[:1], mpls=None)
    assert Sanitised(run_html(replace(CARD, hops=(alone,)))).rows[2][1] == "gw.example.net (192.0.2.1)"


def test_a_sparkline_is_drawn_to_the_scale_of_all_hops_and_told_in_words():
    pictures = Sanitised(run_html(CARD)).pictures
    assert pictures[0]["alt"] == "RTT from 0.00 to 2.00 ms, 0 of 3 probes unanswered"
    assert pictures[1]["alt"] == "10 of 10 probes unanswered"
    svg = ET.fromstring(base64.b64decode((pictures[0]["src"] or "").partition(",")[2]))
    line, dots, lost = (path.get("d") or "" for path in svg)
    heights = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", line)]
    assert heights[1] > heights[0] > heights[2]  # SVG's y grows downwards
    assert dots.count("M") == 3
    assert lost == ""


def test_a_gap_in_the_answers_is_a_gap_in_the_line():
    card = replace(CARD, hops=(replace(FIRST, samples_ms=(1.0, None, 1.0, 1.0)),))
    uri = Sanitised(run_html(card)).pictures[0]["src"] or ""
    line, _, lost = (p.get("d") or "" for p in ET.fromstring(base64.b64decode(uri.partition(",")[2])))
    assert (line.count("M"), line.count("L"), lost.count("M")) == (2, 1, 1)
    assert "▇×" in run_text(card) or "█×" in run_text(card)


def test_an_answer_without_a_time_is_not_drawn_as_a_loss():
    hop = replace(FIRST, samples_ms=(1.0, None, float("nan"), 1.0))
    picture = Sanitised(run_html(replace(CARD, hops=(hop,)))).pictures[0]
    assert picture["alt"] == "RTT from 1.00 to 1.00 ms, 1 of 4 probes unanswered, 1 answer without RTT"
    paths = ET.fromstring(base64.b64decode((picture["src"] or "").partition(",")[2]))
    assert [(path.get("d") or "").count("M") for path in paths] == [2, 2, 1, 1]
    assert "█×·█" in run_text(replace(CARD, hops=(hop,)))


@pytest.mark.parametrize("size", [1, 60, 200])
def test_only_the_latest_samples_are_drawn(size):
    card = replace(CARD, hops=(replace(FIRST, samples_ms=(1.0,) * size),))
    uri = Sanitised(run_html(card)).pictures[0]["src"] or ""
    dots = ET.fromstring(base64.b64decode(uri.partition(",")[2]))[1].get("d") or ""
    assert dots.count("M") == min(size, 60)


@pytest.mark.parametrize(
    ("page", "ink"),
    [("#ffffff", "#212121"), ("#111111", "#e0e0e0"), ("#1e1e1e", "#cccccc"), ("#383838", "#d5d5d5")],
    ids=["JupyterLab, light", "JupyterLab, dark", "VS Code, dark", "Colab, dark"],
)
def test_what_is_marked_is_read_on_every_page(page: str, ink: str):
    cells = re.findall(r'<td style="([^"]*)"', run_html(CARD))
    (mark,) = {style for style in cells if style.endswith(";font-weight:600")}
    found = re.search(r"background-color:rgba\(([^)]*)\)", mark)
    assert found is not None
    assert not re.search(r"[; ]color:", mark)  # words have the page's own
    *tint, share = (float(part) for part in found[1].split(","))
    red, green, blue = (
        share * one / 255 + (1 - share) * two for one, two in zip(tint, to_rgb(page), strict=True)
    )
    light, dark = sorted((luminance(to_hex((red, green, blue))), luminance(ink)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_long_names_may_be_broken_so_that_the_numbers_beside_them_stay_on_the_page():
    name = "ae-1.edge7.some-provider.example"
    long = replace(FIRST, responders=(Responder("2001:db8::1:2", name),), mpls=None)
    cell = (
        run_html(replace(CARD, hops=(long,))).rpartition("<tr")[2].partition("<td")[2].partition("</td>")[0]
    )
    assert cell.endswith(
        'max-width:30em">ae-1.<wbr>edge7.<wbr>some-provider.<wbr>example (2001:<wbr>db8::<wbr>1:<wbr>2)'
    )
    assert "min-width:13em" in cell
    short = replace(FIRST, responders=(Responder("192.0.2.1"),), mpls=None)
    assert "min-width:5em" in run_html(replace(CARD, hops=(short,)))  # no room is kept that nobody needs


def test_words_that_are_no_names_are_not_broken():
    assert "<wbr>" not in run_html(replace(CARD, hops=()))
