"""What differs between a quote and its probe is told field by field, and costs no more than it must."""

from dataclasses import replace

import pytest

from tests.frames.play import Script, make_plan, quoted
from trippy_nb.frames import read_tables, recorder
from trippy_nb.model import Multipath, ProbeSent, Protocol, SocketMode
from trippy_nb.wire import encode_probe

UDP = make_plan(protocol=Protocol.UDP, mode=SocketMode.SIM)
TCP = make_plan(protocol=Protocol.TCP, mode=SocketMode.SIM)
PORTS = {"sport": 5000, "dport": 33434}


def rewritten(plan, *changes, **sending):
    """The column, for quotes with these fields changed, one a probe."""
    script = Script()
    for ttl, changed in enumerate(changes, start=1):
        probe = script.send(ttl, **PORTS)
        packet = encode_probe(plan, probe)
        sent = script.events[-1]
        assert isinstance(sent, ProbeSent)
        script.events[-1] = replace(sent, receipt=replace(sent.receipt, packet=packet))
        script.answer(probe, f"10.0.0.{ttl}", quote=quoted(plan, probe, **changed), **sending)
    return (
        script.tables(plan)
        .replies["rewritten"]
        .astype(object)
        .where(lambda text: text.notna(), None)
        .tolist()
    )


def test_a_quote_as_it_was_sent_is_an_empty_text_and_no_quote_is_missing():
    assert rewritten(UDP, {}, {"ttl": None}) == ["", None]


def test_fields_come_in_one_order_whatever_differs():
    changed = {
        "checksum": 7,
        "sport": 20001,
        "src": "203.0.113.5",
        "tos": 4,
        "dont_fragment": False,
        "length": 60,
    }
    assert rewritten(UDP, changed) == ["src=203.0.113.5;tos=4;df=0;sport=20001;length=60;checksum=7"]


def test_a_clamped_segment_size_is_a_difference_and_a_quote_that_ends_before_it_is_none():
    assert rewritten(TCP, {"tcp_mss": 1360}, {"tcp_mss": None, "checksum": None}) == ["mss=1360", ""]


def test_an_identification_that_the_kernel_may_have_filled_in_is_not_called_rewritten():
    raw = make_plan(protocol=Protocol.UDP, mode=SocketMode.RAW)
    assert rewritten(raw, {"ip_id": 4711}) == [""]
    assert rewritten(UDP, {"ip_id": 4711}) == ["ip_id=4711"]
    dublin = make_plan(protocol=Protocol.UDP, mode=SocketMode.RAW, multipath=Multipath.DUBLIN)
    assert rewritten(dublin, {"ip_id": 0}) == ["ip_id=0"]


@pytest.mark.parametrize("mode", [SocketMode.ERROR_QUEUE, SocketMode.DATAGRAM, SocketMode.CONNECT])
def test_where_the_kernel_makes_the_headers_nothing_is_claimed(mode):
    assert rewritten(make_plan(protocol=Protocol.UDP, mode=mode), {"tos": 4}) == [None]


def test_an_answer_to_no_probe_of_ours_is_compared_with_nothing():
    script = Script()
    probe = script.send(1, **PORTS)
    script.answer(None, quote=quoted(UDP, probe, tos=4))
    assert script.tables(UDP).replies["rewritten"].isna().all()


def test_label_stacks_stay_with_the_quotes_that_differ():
    script = Script()
    probe = script.send(1, **PORTS)
    labels = bytes.fromhex("2000e1c5000801010001e101")
    script.answer(probe, quote=quoted(UDP, probe, dont_fragment=False), extensions=labels)
    (row,) = script.tables(UDP).replies[["mpls", "rewritten"]].itertuples(index=False)
    assert tuple(row) == ("30/0/1/1", "df=0")


def test_differences_beyond_the_room_for_them_are_missing_not_denied(monkeypatch):
    monkeypatch.setattr(recorder, "EXTENSION_BYTES", 1000)
    found = rewritten(UDP, *({"ip_id": 1000 + number} for number in range(50)), {})
    assert found[:3] == ["ip_id=1000", "ip_id=1001", "ip_id=1002"]
    assert found[-2:] == [None, ""]


def test_a_file_of_the_version_before_is_read_and_lacks_what_it_did_not_know(pytestconfig):
    paths = sorted((pytestconfig.rootpath / "data" / "recorded").glob("*.parquet"))
    assert paths
    for path in paths:
        tables = read_tables(path)
        assert len(tables.probes) > 0
        assert tables.runs[["notes", "part_of", "selection"]].isna().all(axis=None)
