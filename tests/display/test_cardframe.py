"""A frame with a card is a frame: what is made of it is plain, and its card says what is in it now."""

from __future__ import annotations

import copy
import pickle
import socket
from html.parser import HTMLParser

import pandas as pd
import pytest

import trippy_nb as tn
from tests.display.test_card import Sanitised
from trippy_nb.display import CardFrame, doctor_sentence, doctor_sheet, handles_sheet
from trippy_nb.frames import doctor_frame, handles_frame
from trippy_nb.lifetimes import Vault
from trippy_nb.lifetimes.ledger import HandleRecord
from trippy_nb.net import Finding

RUN = "0c7cb456-e9ef-46a4-87d4-55d966b97865"


def record(
    handle: int, *, closed: bool, purpose: str = "sending probes", kind: str = "socket"
) -> HandleRecord:
    return HandleRecord(
        handle=handle,
        kind=kind,
        purpose=purpose,
        run_uuid=RUN,
        opened_at=1_700_000_000_000_000_000,
        opened_by="somewhere.py:7 work",
        closed_at=1_700_000_001_000_000_000 if closed else None,
        closed_by="end of the session" if closed else None,
        sent=3,
        received=2,
    )


def card_of(*records: HandleRecord) -> CardFrame:
    return CardFrame(handles_frame(records), handles_sheet)


class Words(HTMLParser):
    def __init__(self, markup: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self.feed(markup)

    def handle_data(self, data):
        self.said.append(data)


def test_nothing_open_is_said_and_what_was_closed_is_counted():
    text = repr(card_of(record(1, closed=True), record(2, closed=True), record(3, closed=True, kind="child")))
    assert "Nothing is open." in text
    assert "2 sockets and 1 child process" in text
    assert "9 packets out, 6 packets in" in text


def test_an_open_handle_is_one_line_that_says_why():
    text = repr(card_of(record(1, closed=True), record(2, closed=False, purpose="receiving ICMP")))
    assert "1 handle open: receiving ICMP." in text
    (line,) = [line for line in text.splitlines() if "somewhere.py:7 work" in line]
    for word in ("2", "socket: receiving ICMP", RUN[:8], "22:13:20 UTC", "3"):
        assert word in line


def test_a_crowd_is_cut_to_the_newest_and_the_rest_counted():
    text = repr(card_of(*(record(number, closed=False) for number in range(1, 101))))
    assert "100 handles open: sending probes (100)." in text
    assert "60 older open handles not shown." in text
    assert len(text.splitlines()) < 50


@pytest.mark.parametrize("purpose", ["<script>alert(1)</script>", "a & b \" ' c", "\x1b[31mred\u202e"])
def test_both_spellings_say_the_same_and_the_html_is_escaped(purpose):
    frame = card_of(record(1, closed=False, purpose=purpose))
    markup = frame._repr_html_() or ""
    Sanitised(markup)
    said = " ".join(" ".join(Words(markup).said).split())
    assert "\x1b" not in repr(frame) + markup
    for line in repr(frame).splitlines():
        for word in line.split():
            assert word in said


PLAIN = {
    "selection": lambda frame: frame[frame["sent"] > 0],
    "head": lambda frame: frame.head(),
    "copy": lambda frame: frame.copy(),
    "copy.copy": copy.copy,
    "column list": lambda frame: frame[["handle"]],
    "assign": lambda frame: frame.assign(new=1),
    "merge": lambda frame: frame.merge(frame, on="handle"),
    "sort": lambda frame: frame.sort_values("handle"),
    "iloc": lambda frame: frame.iloc[:1],
    "transpose": lambda frame: frame.T,
    "concat": lambda frame: pd.concat([frame, frame]),
}


@pytest.mark.parametrize("make", PLAIN.values(), ids=PLAIN)
def test_what_is_made_of_it_is_a_plain_frame(make):
    assert type(make(card_of(record(1, closed=True)))) is pd.DataFrame


def test_it_equals_its_data_and_survives_a_pickle():
    frame = card_of(record(1, closed=True), record(2, closed=False))
    assert isinstance(frame, pd.DataFrame)
    pd.testing.assert_frame_equal(
        pd.DataFrame(frame), handles_frame([record(1, closed=True), record(2, closed=False)])
    )
    again = pickle.loads(pickle.dumps(frame))
    assert type(again) is CardFrame
    assert repr(again) == repr(frame)


def test_the_card_is_of_the_data_as_they_are_and_without_its_columns_there_is_none():
    frame = card_of(record(1, closed=False))
    frame.loc[0, "purpose"] = "something else"
    assert "something else" in repr(frame)
    del frame["purpose"]
    assert repr(frame) == repr(pd.DataFrame(frame))
    assert "<td>" in (frame._repr_html_() or "")


def test_handles_of_this_process_name_who_opened_them():
    with Vault() as vault:
        vault.open_socket(socket.AF_INET, socket.SOCK_DGRAM, purpose="showing a card")
        shown = repr(tn.handles())
    assert "showing a card" in shown
    assert "tests/display/test_cardframe.py" in shown
    assert "showing a card" not in repr(tn.handles())


def finding(item: str, state: str, topic: str = "choice") -> Finding:
    return Finding(topic, item, state, "because", "" if state == "yes" else "do this")  # type: ignore[arg-type]  # words of a table


@pytest.mark.parametrize(
    ("findings", "words"),
    [
        ([finding("ICMP, IPv4", "yes"), finding("ICMP, IPv6", "yes")], "may trace by ICMP."),
        ([finding("ICMP, IPv4", "yes"), finding("TCP, IPv4", "no")], "may trace by ICMP. It may not by TCP."),
        (
            [finding("ICMP, IPv4", "yes"), finding("ICMP, IPv6", "yes"), finding("TCP, IPv6", "yes")],
            "ICMP and TCP (IPv6 only)",
        ),
        ([finding("ICMP, IPv4", "no")], "may not trace at all"),
        ([finding("a", "yes", "self-test"), finding("b", "no", "self-test")], "1 way worked, 1 failed"),
    ],
)
def test_the_doctor_comes_to_a_sentence(findings, words):
    assert words in doctor_sentence(doctor_frame(findings))


def test_the_doctors_card_has_remedies_beneath_what_they_are_for():
    frame = CardFrame(doctor_frame([finding("ICMP, IPv4", "no")]), doctor_sheet)
    lines = repr(frame).splitlines()
    (at,) = [i for i, line in enumerate(lines) if "because" in line]
    assert lines[at + 1].strip() == "→ do this"
    Sanitised(frame._repr_html_() or "")
