"""Address translation and extensions, from quotes."""

import pytest

from tests.frames.play import TARGET, Script, make_plan
from trippy_nb.model import Multipath, Probe, Protocol, Quote
from trippy_nb.wire import encode_probe

DUBLIN = make_plan(protocol=Protocol.UDP, multipath=Multipath.DUBLIN, source_port=5000, target_port=33434)
PROBE = Probe(0, 0, 0, 1, 0, 33434, 5000, 33434)
SENT = int.from_bytes(encode_probe(DUBLIN, PROBE)[26:28], "big")


def nat_of(checksums, plan=DUBLIN):
    """A reply a hop that quotes these checksums; None is a quote without one."""
    script = Script()
    for ttl, checksum in enumerate(checksums, start=1):
        probe = script.send(ttl, sport=5000, dport=33434)
        script.answer(probe, f"10.0.0.{ttl}", quote=Quote(checksum=checksum))
    return list(script.tables(plan).replies["nat"])


@pytest.mark.parametrize(
    ("checksums", "nat"),
    [
        ([SENT, SENT, SENT], ["no", "no", "no"]),
        ([SENT, 1, 1], ["no", "yes", "no"]),
        ([1, 1, SENT], ["yes", "no", "yes"]),
        ([SENT, None, 1], ["no", "unknown", "yes"]),
        ([None], ["unknown"]),
    ],
)
def test_a_translation_is_said_of_the_hop_that_first_shows_it(checksums, nat):
    assert nat_of(checksums) == nat


def test_each_round_begins_with_what_was_sent():
    script = Script()
    for number in range(2):
        for ttl, checksum in ((1, SENT), (2, 1)):
            probe = script.send(ttl, round=number, sport=5000, dport=33434)
            script.answer(probe, quote=Quote(checksum=checksum))
    assert list(script.tables(DUBLIN).replies["nat"]) == ["no", "yes", "no", "yes"]


def test_the_sent_checksum_does_not_depend_on_the_probe_of_the_flow():
    later = Probe(9, 3, 0, 7, 1, 40000, 5000, 33434)
    assert encode_probe(DUBLIN, later)[26:28] == SENT.to_bytes(2, "big")


@pytest.mark.parametrize(
    "plan",
    [
        make_plan(),
        make_plan(protocol=Protocol.UDP),
        make_plan(protocol=Protocol.UDP, multipath=Multipath.PARIS),
        make_plan(protocol=Protocol.UDP, multipath=Multipath.DUBLIN, target="2001:db8::9"),
    ],
)
def test_where_the_checksum_tells_nothing_nothing_is_claimed(plan):
    assert nat_of([1, 2], plan) == ["unknown", "unknown"]


LABEL = bytes.fromhex("000801010001e101")
OTHER = bytes.fromhex("0008 02e0 0000002a".replace(" ", ""))


@pytest.mark.parametrize(
    ("extension", "mpls", "ext"),
    [
        (None, None, None),
        (bytes.fromhex("20000000") + LABEL, "30/0/1/1", None),
        (bytes.fromhex("20000000") + LABEL + OTHER, "30/0/1/1", OTHER),
        (bytes.fromhex("20000000") + OTHER, None, OTHER),
        (b"\x20\x00", None, b"\x20\x00"),
        (b"", None, b""),
    ],
)
def test_labels_become_text_and_the_rest_stays_as_it_came(extension, mpls, ext):
    script = Script()
    script.answer(script.send(1), TARGET, extensions=extension)
    replies = script.tables().replies
    assert (replies["mpls"].dropna().tolist() or [None]) == [mpls]
    assert replies["ext"].tolist() == [ext]
