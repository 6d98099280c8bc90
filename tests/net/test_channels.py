"""Every channel on the loopback and across kernel routers: what leaves, what comes back, and when."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.net.driving import MS, Driver, drive
from tests.net.plans import SECRET
from trippy_nb.lifetimes import Datagram
from trippy_nb.model import Foreign, Reply
from trippy_nb.net.addresses import pack_sockaddr
from trippy_nb.net.ancillary import read_ancillary

RAW = [
    pytest.param({"protocol": "icmp"}, id="raw-icmp", marks=pytest.mark.raw_socket),
    pytest.param({"protocol": "udp"}, id="raw-udp", marks=pytest.mark.raw_socket),
    pytest.param({"protocol": "udp", "target_port": 33333}, id="raw-udp-sport", marks=pytest.mark.raw_socket),
    pytest.param({"protocol": "tcp"}, id="raw-tcp", marks=pytest.mark.raw_socket),
    pytest.param({"protocol": "tcp", "source_port": 5000}, id="raw-tcp-dport", marks=pytest.mark.raw_socket),
]
UDP_QUEUE = [
    pytest.param({"protocol": "udp", "mode": "error-queue"}, id="queue-udp"),
    pytest.param({"protocol": "udp", "mode": "error-queue", "target_port": 33333}, id="queue-udp-sport"),
]
DATAGRAM = [pytest.param({"protocol": "icmp", "mode": "datagram"}, id="datagram-icmp")]
LOOPBACK = {4: "127.0.0.1", 6: "::1"}
FINAL = {  # protocol, family -> type and code of the target's answer
    ("icmp", 4): (0, 0),
    ("icmp", 6): (129, 0),
    ("udp", 4): (3, 3),
    ("udp", 6): (1, 4),
    ("tcp", 4): (None, None),
    ("tcp", 6): (None, None),
}
TIME_EXCEEDED = {4: (11, 0), 6: (3, 0)}

both_families = pytest.mark.parametrize("af", [4, pytest.param(6, marks=pytest.mark.needs("ipv6"))])


def kernel_rtts(it: Driver) -> dict[int, int]:
    """RTT of each answered probe by kernel stamps alone, ns."""
    keys = {it.probe_of(reply).key: reply for reply in it.replies}
    return {key: (reply.kernel_ns or 0) - it.stamps[key] for key, reply in keys.items()}


@both_families
@pytest.mark.parametrize("options", [*RAW, *UDP_QUEUE])
def test_loopback_answers_every_probe_with_both_stamps(options, af):
    def steps(it: Driver) -> Driver:
        offset = it.network.clock.sample()
        receipts = it.send(range(1, 25))
        assert [receipt.errno for receipt in receipts] == [0] * 24
        it.replies_and_stamps(24)
        for receipt in receipts:
            assert receipt.before_ns <= receipt.after_ns
            stamp = it.stamps[receipt.key] - offset.offset_ns
            assert receipt.before_ns - MS <= stamp <= receipt.after_ns + MS
        return it

    it = drive(LOOPBACK[af], steps, **options)
    assert len(it.replies) == 24
    assert sorted(it.stamps) == list(range(24))
    rtts = kernel_rtts(it)
    assert sorted(rtts) == list(range(24))
    assert all(0 <= rtt < 50 * MS for rtt in rtts.values())
    for reply in it.replies:
        assert (reply.icmp_type, reply.icmp_code) == FINAL[options["protocol"], af]
        assert reply.responder == LOOPBACK[af]
        assert reply.ttl == 64
        assert reply.packet
        assert (reply.key is None) or reply.key == it.probe_of(reply).key


@both_families
@pytest.mark.netns
@pytest.mark.parametrize("options", [*RAW, *UDP_QUEUE, *DATAGRAM])
def test_each_router_answers_its_ttl(chain, options, af):
    def steps(it: Driver) -> Driver:
        it.send([1, 2, 3, 4])
        return it.replies_and_stamps(4)

    it = drive(chain.target_addr(af), steps, enter=chain.enter, tos=0x28, **options)
    assert it.plan.source == chain.source_addr(af)
    by_ttl: dict[int, Reply] = {it.probe_of(reply).ttl: reply for reply in it.replies}
    assert [by_ttl[ttl].responder for ttl in (1, 2, 3, 4)] == [chain.hop(ttl, af) for ttl in (1, 2, 3, 4)]
    for ttl in (1, 2):
        assert (by_ttl[ttl].icmp_type, by_ttl[ttl].icmp_code) == TIME_EXCEEDED[af]
        assert by_ttl[ttl].ttl == 65 - ttl
    final = FINAL[options["protocol"], af]
    assert [(by_ttl[ttl].icmp_type, by_ttl[ttl].icmp_code) for ttl in (3, 4)] == [final, final]
    assert all(rtt >= 0 for rtt in kernel_rtts(it).values())


@both_families
@pytest.mark.netns
@pytest.mark.parametrize("options", [*RAW[:2], *UDP_QUEUE, *DATAGRAM])
def test_the_quote_has_what_was_sent(chain, options, af):
    it: Driver = drive(
        chain.target_addr(af),
        lambda it: (it.send([1]), it.replies_and_stamps(1))[1],
        enter=chain.enter,
        tos=0x28,
        packet_size=100,
        **options,
    )
    (reply,) = it.replies
    (probe,) = it.sent
    quote = reply.quote
    assert quote.dst == it.plan.target.addr
    assert quote.protocol == (17 if options["protocol"] == "udp" else {4: 1, 6: 58}[af])
    offset = 2 if it.plan.icmp_checksum is not None else 0
    assert quote.payload is not None
    assert quote.payload[offset : offset + 8] == SECRET
    if options["protocol"] == "udp":
        assert (quote.sport, quote.dport) == (probe.sport, probe.dport)
    else:
        assert quote.icmp_seq == probe.seq
    if "mode" in options:  # the kernel keeps the quoted IP header for itself
        assert (quote.ttl, quote.tos, quote.length) == (None, None, None)
    else:
        assert (quote.ttl, quote.tos, quote.length) == (1, 0x28, 100)
        assert it.receipts[0].packet is not None
        assert len(it.receipts[0].packet) == 100


@both_families
@pytest.mark.raw_socket
def test_an_open_tcp_port_answers_with_syn_ack(af):
    family = socket.AF_INET6 if af == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as server:
        server.bind((LOOPBACK[af], 0))
        server.listen()
        port = server.getsockname()[1]

        def steps(it: Driver) -> Driver:
            it.send([1])
            return it.replies_and_stamps(1)

        it = drive(LOOPBACK[af], steps, protocol="tcp", target_port=port)
    (reply,) = it.replies
    assert reply.tcp_flags == 0x12
    assert (reply.quote.sport, reply.quote.dport) == (it.sent[0].sport, port)


def answers(it: Driver) -> list[Reply]:
    """Answers that are no ICMP errors (this host's kernel refuses them where nobody holds our port)."""
    return [reply for reply in it.replies if reply.icmp_type is None]


@both_families
@pytest.mark.parametrize("options", [*RAW[1:3], *UDP_QUEUE])
def test_an_open_udp_port_answers_with_a_datagram(af, options):
    family = socket.AF_INET6 if af == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as server:
        server.bind((LOOPBACK[af], 33333 if "target_port" in options else 33434))
        server.settimeout(5)

        def answer() -> None:
            _question, who = server.recvfrom(2000)
            server.sendto(b"answer", who)

        thread = threading.Thread(target=answer)
        thread.start()

        def steps(it: Driver) -> Driver:
            it.send([7])
            return it.collect(lambda it: bool(it.stamps and answers(it)))

        it = drive(LOOPBACK[af], steps, **options)
        thread.join()
    (reply,) = answers(it)
    assert reply.tcp_flags is None
    assert (reply.quote.sport, reply.quote.dport) == (it.sent[0].sport, it.sent[0].dport)
    assert reply.packet is not None
    assert reply.packet.endswith(b"answer")
    assert (reply.kernel_ns or 0) >= it.stamps[0]


@pytest.mark.netns
@pytest.mark.parametrize("multipath", ["paris", "dublin"])
@both_families
def test_paris_and_dublin_cross_routers(chain, af, multipath):
    ports: dict[str, Any] = {"source_port": 5000, "target_port": 33500}

    def steps(it: Driver) -> Driver:
        it.send([1, 2, 3])
        return it.replies_and_stamps(3)

    it = drive(chain.target_addr(af), steps, enter=chain.enter, protocol="udp", multipath=multipath, **ports)
    assert sorted(reply.responder for reply in it.replies) == sorted(chain.hop(ttl, af) for ttl in (1, 2, 3))
    assert {(reply.quote.sport, reply.quote.dport) for reply in it.replies} == {(5000, 33500)}


@pytest.mark.raw_socket
@both_families
def test_answers_to_other_programs_are_foreign(af):
    def steps(mine: Driver) -> tuple[Driver, Driver]:
        plan = replace(mine.plan, trace_id=0x0BAD)
        other = replace(mine, plan=plan, channel=mine.network.open(plan, mine.vault), sent=[], arrivals=[])
        mine.send([5])
        other.send([5, 6, 7])
        mine.collect(lambda it: len(it.foreign) >= 3 and len(it.replies) >= 1)
        return mine, other.replies_and_stamps(3)

    mine, other = drive(LOOPBACK[af], steps, protocol="icmp")
    assert (len(mine.replies), len(other.replies)) == (1, 3)
    assert {foreign.reason for foreign in mine.foreign} == {"an echo reply of another identifier"}
    assert all(foreign.packet for foreign in mine.foreign)


@pytest.mark.netns
@both_families
def test_errors_about_other_packets_are_foreign(chain, af):
    def steps(icmp: Driver) -> Driver:
        udp = drive(
            chain.target_addr(af),
            lambda it: (it.send([1]), it.replies_and_stamps(1))[1],
            enter=chain.enter,
            protocol="udp",
        )
        elsewhere = drive(
            chain.hop(2, af),
            lambda it: (it.send([1]), it.replies_and_stamps(1))[1],
            enter=chain.enter,
            protocol="icmp",
        )
        assert (len(udp.replies), len(elsewhere.replies)) == (1, 1)
        return icmp.collect(lambda it: len(it.foreign) >= 2)

    it = drive(chain.target_addr(af), steps, enter=chain.enter, protocol="icmp")
    assert it.replies == []
    assert {foreign.reason for foreign in it.foreign} == {
        "about a packet of another protocol",
        "about a packet to another address",
    }


def junk(real: list[bytes], count: int) -> Iterator[bytes]:
    """Random bytes, and real packets with some bytes changed and the end cut off."""
    chance = random.Random(4)
    for _ in range(count):
        if not real or chance.random() < 0.2:
            yield chance.randbytes(chance.randrange(120))
            continue
        packet = bytearray(chance.choice(real))
        for _ in range(chance.randrange(4)):
            packet[chance.randrange(len(packet))] = chance.randrange(256)
        yield bytes(packet[: chance.randrange(len(packet) + 1)])


@both_families
@pytest.mark.parametrize("options", [*RAW, *UDP_QUEUE])
def test_no_bytes_from_the_network_raise(options, af):
    def steps(it: Driver) -> int:
        it.send(range(1, 4))
        it.replies_and_stamps(3)
        real = [reply.packet for reply in it.replies if reply.packet]
        inbox = it.inside._inbox
        reads = [*inbox._packets.values(), *(read for _stamps, read in inbox._errors.values() if read)]
        addresses = [b"", b"\x02\x00", pack_sockaddr("127.0.0.1", 9), pack_sockaddr("::1", 9), bytes(28)]
        tried = 0
        for read in reads:
            for packet in junk(real, 500):
                for address in addresses:
                    said = read_ancillary(packet)
                    assert isinstance(read(Datagram(packet, address), said, 1), (Reply, Foreign))
                    tried += 1
        return tried

    assert drive(LOOPBACK[af], steps, **options) >= 2500


@pytest.mark.raw_socket
def test_a_malformed_packet_is_foreign_and_the_trace_goes_on():
    def steps(it: Driver) -> Driver:
        header = b"\x45\x00" + bytes(7) + b"\x01" + bytes(2) + b"\x7f\x00\x00\x01" * 2
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as anybody:
            anybody.sendto(header + b"\x0b\x00\xf4\xff" + bytes(4), ("127.0.0.1", 0))
        it.collect(lambda it: bool(it.foreign))
        it.send([9])
        return it.replies_and_stamps(1)

    it = drive("127.0.0.1", steps, protocol="icmp")
    assert [foreign.reason for foreign in it.foreign] == ["about a packet to another address"]
    assert len(it.replies) == 1


@pytest.mark.raw_socket
def test_a_flood_is_taken_in_portions_and_ends():
    def steps(it: Driver) -> list[int]:
        echo_reply = b"\x00\x00\xff\xff\x00\x00\x00\x00"  # identifier 0
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as anybody:
            for _ in range(3000):
                anybody.sendto(echo_reply, ("127.0.0.1", 0))
        portions = [len(it.channel.receive(0)) for _ in range(10)]
        it.send([9])
        assert len(it.replies_and_stamps(1).replies) == 1
        return portions

    portions = drive("127.0.0.1", steps, protocol="icmp")
    assert sum(portions) == 3000
    assert max(portions) == 1024
    assert portions[-1] == 0


@pytest.mark.parametrize("options", [*RAW[:1], *UDP_QUEUE[:1]])
def test_receive_neither_waits_longer_than_asked_nor_than_the_read_timeout(options):
    def steps(it: Driver) -> tuple[int, int]:
        now = it.network.clock.now_ns
        begun = now()
        it.channel.receive(begun - 1)
        drained = now()
        it.channel.receive(drained + 10_000 * MS)
        return drained - begun, now() - drained

    drained, waited = drive("127.0.0.1", steps, read_timeout=0.02, **options)
    assert drained < 15 * MS
    assert 15 * MS < waited < 200 * MS


def test_stamps_counted_by_an_older_kernel_are_never_another_probes():
    """Before 6.13 the kernel numbers the stamps; a window in which anything failed goes without."""

    def steps(it: Driver) -> Driver:
        it.inside._lines[it.plan.sport].outbox._stamps.explicit = False
        for ttls in ([5, 6], [7] * 10, [8], [9]):
            it.send(ttls)
            it.collect(lambda it: len(it.replies) >= len(it.sent))
        return it

    it = drive("127.0.0.1", steps, protocol="udp", mode="error-queue")
    assert len(it.replies) == 14
    assert {12, 13} <= set(it.stamps) <= set(range(14))
    spans = {receipt.key: receipt for receipt in it.receipts}
    offset = it.network.clock.sample().offset_ns
    for key, stamp in it.stamps.items():
        assert spans[key].before_ns - MS <= stamp - offset <= spans[key].after_ns + MS
    assert all(rtt >= 0 for rtt in kernel_rtts_of_stamped(it).values())


def kernel_rtts_of_stamped(it: Driver) -> dict[int, int]:
    replies = {it.probe_of(reply).key: reply for reply in it.replies}
    return {key: (replies[key].kernel_ns or 0) - stamp for key, stamp in it.stamps.items()}
