"""The packet dump: every packet once, in order, as it was; and nothing at all unless it is asked for."""

from __future__ import annotations

import errno
import logging
import re

import pytest

import trippy_nb as tn
from trippy_nb.model import Foreign, Quote, Reply, Stamped
from trippy_nb.tracing.dump import PacketDump, arrival_line, dumped

PACKETS = logging.getLogger("trippy_nb.packets")


@pytest.fixture
def listening(caplog):
    with caplog.at_level(logging.DEBUG, "trippy_nb.packets"):
        yield caplog


def traced():
    return tn.trace("target.example", network=tn.sim.load("first-steps"), rounds=2, progress=False, dns=False)


def bytes_of(message: str) -> bytes:
    rows = re.findall(r"^    [0-9a-f]{4}  ((?:[0-9a-f]{2} ?)+)  ", message, re.MULTILINE)
    return bytes.fromhex("".join(rows))


def test_every_packet_that_was_kept_was_dumped_byte_by_byte(listening):
    run = traced()
    messages = [record.getMessage() for record in listening.records if record.name == "trippy_nb.packets"]
    assert all(message.startswith(run.uuid[:8]) for message in messages)
    kept = {
        way: list(run.packets.loc[run.packets["direction"] == word, "bytes"])
        for way, word in ((">", "out"), ("<", "in"))
    }
    for way, packets in kept.items():
        said = [bytes_of(message) for message in messages if message[9] == way and "\n" in message]
        assert sorted(said) == sorted(packets)
    sent = [message for message in messages if message[9] == ">"]
    assert len(sent) == len(run.probes)
    first = sent[0].splitlines()[0]
    assert re.search(r"probe 0 \(round 0, ttl 1\) \S+ > \S+: ICMP echo request, seq \d+, 84 bytes$", first)


def test_debugging_everything_else_dumps_no_packets(caplog):
    assert PACKETS.level == logging.INFO
    with caplog.at_level(logging.DEBUG, "trippy_nb"):
        traced()
    assert caplog.records
    assert not [record for record in caplog.records if record.name == "trippy_nb.packets"]


def test_when_nobody_listens_there_is_no_wrapper(listening):
    channel = object()
    assert isinstance(dumped(channel, None, "run"), PacketDump)  # type: ignore[arg-type]  # only held
    PACKETS.setLevel(logging.INFO)
    assert dumped(channel, None, "run") is channel  # type: ignore[arg-type]  # only held


@pytest.mark.parametrize(
    ("arrival", "line"),
    [
        (Stamped(3, 12), "probe 3 left at 12 ns by the kernel's clock"),
        (Foreign("answers no probe", 1, b""), "not ours: answers no probe"),
        (
            Reply(
                responder="192.0.2.1",
                read_ns=1,
                icmp_type=11,
                icmp_code=0,
                ttl=64,
                quote=Quote(protocol=17, sport=4000, dport=33434),
            ),
            "192.0.2.1: ICMP type 11 code 0, ttl 64, about UDP 4000 > 33434",
        ),
        (
            Reply(
                responder="192.0.2.1",
                read_ns=1,
                tcp_flags=0x14,
                quote=Quote(protocol=6, sport=1, dport=80),
            ),
            "192.0.2.1: TCP RST+ACK, about TCP 1 > 80",
        ),
        (
            Reply(
                responder="2001:db8::1",
                read_ns=1,
                icmp_type=129,
                icmp_code=0,
                quote=Quote(protocol=58, icmp_seq=7),
            ),
            "2001:db8::1: ICMP type 129 code 0, about ICMPv6 seq 7",
        ),
        (
            Reply(responder="192.0.2.1", read_ns=1, quote=Quote(protocol=99)),
            "192.0.2.1: an answer, about protocol 99",
        ),
    ],
)
def test_each_kind_of_arrival_in_one_line(arrival, line):
    assert arrival_line(arrival) == line


def test_what_was_refused_is_said_with_the_reason(listening):
    from tests.net.plans import make_plan, window
    from trippy_nb.model import Choice, Protocol, SendReceipt, SocketMode, Target, TraceConfig

    class Refusing:
        def send(self, probes):
            return [SendReceipt(probe.key, 1, 2, errno.ENETUNREACH) for probe in probes]

        def receive(self, until_ns):
            return [Foreign("answers no probe", until_ns, bytes(range(32, 64)))]

    choice = Choice(protocol=Protocol.UDP, mode=SocketMode.RAW, reason="", source="192.0.2.1")
    plan = make_plan(Target("t", "198.51.100.1"), TraceConfig(protocol=Protocol.UDP), choice)
    dump = PacketDump(Refusing(), plan, "0123456789")
    assert len(dump.send(window(plan, [1]))) == 1
    assert len(dump.receive(5)) == 1
    first, second = [record.getMessage() for record in listening.records]
    assert first == (
        "01234567 > probe 0 (round 0, ttl 1) 192.0.2.1 > 198.51.100.1: UDP 47123 > 33434, "
        "refused: Network is unreachable"
    )
    assert second.splitlines() == [
        "01234567 < not ours: answers no probe, 32 bytes",
        "    0000  20 21 22 23 24 25 26 27 28 29 2a 2b 2c 2d 2e 2f   !\"#$%&'()*+,-./",
        "    0010  30 31 32 33 34 35 36 37 38 39 3a 3b 3c 3d 3e 3f  0123456789:;<=>?",
    ]
