"""Answers as routers and targets make them, against scapy's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.oracle import (
    CASES,
    HEADERS,
    ICMP,
    IP,
    ROUTER,
    SOURCE,
    TARGET,
    TCP,
    UDP,
    ICMPv6EchoReply,
    ICMPv6TimeExceeded,
    IPv6,
    plan_for,
    probe_for,
    sent,
    stack,
)
from trippy_nb import wire
from trippy_nb.model import Protocol

cases = pytest.mark.parametrize(("protocol", "multipath", "af"), CASES)
octet, word = st.integers(0, 255), st.integers(0, 0xFFFF)


@cases
@given(ttl=octet, tos=octet, ip_id=word, quote_size=st.integers(20, 120))
def test_a_time_exceeded_is_what_scapy_builds(protocol, multipath, af, ttl, tos, ip_id, quote_size):
    probe = sent(protocol, multipath, af)
    written = wire.encode_icmp_error(
        probe, source=ROUTER[af], icmp_type=11 if af == 4 else 3, icmp_code=0, ttl=ttl, tos=tos,
        ip_id=ip_id, quote_size=quote_size,
    )  # fmt: skip
    quote = probe[:quote_size]
    if af == 4:
        expected = bytes(IP(src=ROUTER[4], dst=SOURCE[4], ttl=ttl, tos=tos, id=ip_id) / ICMP(type=11) / quote)
    else:
        expected = bytes(IPv6(src=ROUTER[6], dst=SOURCE[6], hlim=ttl, tc=tos) / ICMPv6TimeExceeded() / quote)
    assert written == expected


@pytest.mark.parametrize(("af", "largest"), [(4, 576), (6, 1280)])
@pytest.mark.parametrize("ext", [b"", stack(16), stack(16, 17)], ids=["plain", "one label", "two labels"])
def test_a_long_probe_is_quoted_up_to_the_largest_error(af, largest, ext):
    probe = wire.encode_ip(
        bytes(1400), source=wire.pack_address(SOURCE[af]), target=wire.pack_address(TARGET[af]), protocol=17
    )
    kind = wire.ICMP_TYPES[af].time_exceeded
    answer = wire.encode_icmp_error(probe, source=ROUTER[af], icmp_type=kind, icmp_code=0, extensions=ext)
    assert largest - 8 < len(answer) <= largest
    reply = wire.decode_reply(answer, read_ns=1)
    assert reply is not None
    assert reply.extensions == (ext or None)


@pytest.mark.parametrize("af", [4, 6])
@given(ttl=octet, ip_id=word, tos=octet)
def test_an_echo_reply_is_what_scapy_builds(af, ttl, ip_id, tos):
    plan, probe = plan_for(Protocol.ICMP, af=af, tos=tos), probe_for()
    packet = wire.encode_probe(plan, probe)
    payload = packet[HEADERS[af] + 8 :]
    if af == 4:
        outer = IP(src=TARGET[4], dst=SOURCE[4], ttl=ttl, id=ip_id, tos=tos)
        expected = bytes(outer / ICMP(type=0, id=plan.trace_id, seq=probe.seq) / payload)
    else:
        echo = ICMPv6EchoReply(id=plan.trace_id, seq=probe.seq, data=payload)
        expected = bytes(IPv6(src=TARGET[6], dst=SOURCE[6], hlim=ttl, tc=tos) / echo)
    assert wire.encode_echo_reply(packet, ttl=ttl, ip_id=ip_id) == expected


@pytest.mark.parametrize("af", [4, 6])
def test_another_interface_may_answer_an_echo(af):
    answer = wire.encode_echo_reply(sent(Protocol.ICMP, af=af), source=ROUTER[af])
    assert wire.decode_ip(answer).src == ROUTER[af]
    outer = (IP if af == 4 else IPv6)(answer)
    total = outer.payload.chksum if af == 4 else outer.payload.cksum
    assert total == int.from_bytes(answer[HEADERS[af] + 2 : HEADERS[af] + 4], "big")


@pytest.mark.parametrize("af", [4, 6])
@pytest.mark.parametrize("flags", ["SA", "RA", "R"])
@given(ttl=octet, ip_id=word)
def test_a_tcp_answer_is_what_scapy_builds(af, flags, ttl, ip_id):
    plan, probe = plan_for(Protocol.TCP, af=af), probe_for()
    bits = int(TCP(flags=flags).flags)
    written = wire.encode_tcp_reply(wire.encode_probe(plan, probe), flags=bits, ttl=ttl, ip_id=ip_id)
    number = 0xA1B2 << 16 | probe.seq
    syn = "S" in flags
    segment = TCP(
        sport=probe.dport, dport=probe.sport, flags=flags, seq=number ^ 0xFFFFFFFF if syn else 0,
        ack=number + 1 if "A" in flags else 0, window=65535 if syn else 0,
        options=[("MSS", 1460 if af == 4 else 1440)] if syn else [],
    )  # fmt: skip
    outer = IP(src=TARGET[4], dst=SOURCE[4], ttl=ttl, id=ip_id) if af == 4 else IPv6(
        src=TARGET[6], dst=SOURCE[6], hlim=ttl
    )  # fmt: skip
    assert written == bytes(outer / segment)


@pytest.mark.parametrize("af", [4, 6])
@given(ttl=octet, ip_id=word, payload=st.binary(max_size=40))
def test_a_datagram_that_answers_is_what_scapy_builds(af, ttl, ip_id, payload):
    probe = probe_for()
    asked = wire.encode_probe(plan_for(Protocol.UDP, af=af), probe)
    written = wire.encode_udp_reply(asked, payload, ttl=ttl, ip_id=ip_id)
    outer = IP(src=TARGET[4], dst=SOURCE[4], ttl=ttl, id=ip_id) if af == 4 else IPv6(
        src=TARGET[6], dst=SOURCE[6], hlim=ttl
    )  # fmt: skip
    assert written == bytes(outer / UDP(sport=probe.dport, dport=probe.sport) / payload)
    assert wire.decode_reply(written, read_ns=1) is None  # no error and no echo: nothing says which probe


@pytest.mark.parametrize("af", [4, 6])
def test_another_interface_may_answer_tcp_and_udp(af):
    for answer in (
        wire.encode_tcp_reply(sent(Protocol.TCP, af=af), flags=wire.RST, source=ROUTER[af]),
        wire.encode_udp_reply(sent(Protocol.UDP, af=af), b"hello", source=ROUTER[af]),
    ):
        read = (IP if af == 4 else IPv6)(answer)
        assert (read.src, read.dst) == (ROUTER[af], SOURCE[af])
        del read.payload.chksum
        assert bytes(read) == answer


def test_an_acknowledgment_covers_payload_syn_and_fin():
    ends: dict[str, Any] = {"source": bytes(4), "target": bytes(4)}
    for flags, payload, consumed in (
        (wire.SYN, b"", 1),
        (wire.SYN | wire.FIN, b"abc", 5),
        (wire.ACK, b"abc", 3),
    ):
        asked = wire.encode_tcp(**ends, sport=1, dport=2, seq=0xFFFFFFFF, flags=flags, payload=payload)
        answer = wire.encode_tcp_reply(
            wire.encode_ip(asked, **ends, protocol=wire.TCP), flags=wire.RST | wire.ACK
        )
        assert wire.decode_tcp(answer[20:]).ack == consumed - 1


def test_only_an_echo_request_has_an_echo_reply():
    pong = wire.encode_echo_reply(sent(Protocol.ICMP))
    for packet in (sent(Protocol.UDP), sent(Protocol.TCP, af=6), pong):
        with pytest.raises(ValueError, match="echo request"):
            wire.encode_echo_reply(packet)


def test_only_tcp_has_a_tcp_answer():
    with pytest.raises(ValueError, match="protocol 17"):
        wire.encode_tcp_reply(sent(Protocol.UDP), flags=wire.RST)


def test_only_a_datagram_has_one_for_an_answer():
    with pytest.raises(ValueError, match="protocol 6"):
        wire.encode_udp_reply(sent(Protocol.TCP), b"")


@pytest.mark.parametrize("junk", [b"", b"\x50" * 40])
def test_only_a_packet_can_be_quoted(junk):
    with pytest.raises(ValueError, match="no packet to quote"):
        wire.encode_icmp_error(junk, source=ROUTER[4], icmp_type=11, icmp_code=0)
