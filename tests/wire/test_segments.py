"""UDP, TCP and ICMP on their own, both ways, against scapy."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.oracle import (
    ICMP,
    IP,
    SOURCE,
    TARGET,
    TCP,
    UDP,
    ICMPv6DestUnreach,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6PacketTooBig,
    ICMPv6TimeExceeded,
    IPv6,
    icmp_facts,
    patched,
)
from trippy_nb import wire
from trippy_nb.errors import BadPacketError

port, word, number = st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
families = st.sampled_from([4, 6])
payloads = st.binary(max_size=60)
ENDS: dict[int, dict[str, Any]] = {
    af: {"source": wire.pack_address(SOURCE[af]), "target": wire.pack_address(TARGET[af])} for af in (4, 6)
}


def scapy_packet(af, segment, payload=b""):
    """Let scapy finish a segment inside its packet, then take it out again."""
    outer = IP(src=SOURCE[4], dst=TARGET[4]) if af == 4 else IPv6(src=SOURCE[6], dst=TARGET[6])
    return bytes(outer / segment / payload)[20 if af == 4 else 40 :]


@given(families, port, port, payloads)
def test_udp_is_written_as_scapy_writes_it_and_read_back(af, sport, dport, payload):
    written = wire.encode_udp(payload, **ENDS[af], sport=sport, dport=dport)
    assert written == scapy_packet(af, UDP(sport=sport, dport=dport), payload)
    read = wire.decode_udp(written + b"padding")
    assert (read.sport, read.dport, read.length, read.payload) == (sport, dport, 8 + len(payload), payload)
    assert read.checksum == int.from_bytes(written[6:8], "big") != 0


def test_a_udp_checksum_of_zero_is_sent_as_all_ones():
    source, target = ENDS[4]["source"], ENDS[4]["target"]
    headers = b"\0\1\0\2\0\x0c\0\0"
    initial = wire.pseudo_header(source, target, wire.UDP, 12)
    payload = wire.solve(headers + bytes(4), 8, 0, initial)[8:]
    assert wire.internet_checksum(headers + payload, initial) == 0
    assert wire.encode_udp(payload, **ENDS[4], sport=1, dport=2)[6:8] == b"\xff\xff"


@given(families, port, port, st.binary(max_size=60), st.integers(1, 0xFFFF))
def test_a_datagram_solved_for_a_checksum_is_the_one_scapy_computes(af, sport, dport, tail, wanted):
    written = wire.udp.encode_udp_solved(tail, **ENDS[af], sport=sport, dport=dport, wanted=wanted)
    assert written == scapy_packet(af, UDP(sport=sport, dport=dport), written[8:])
    assert (written[6:8], written[10:]) == (wanted.to_bytes(2, "big"), tail)


@pytest.mark.parametrize("length", [0, 7, 13])
def test_a_udp_length_that_does_not_fit_is_bad(length):
    segment = wire.encode_udp(b"four", **ENDS[4], sport=1, dport=2)
    with pytest.raises(BadPacketError, match=f"says {length}"):
        wire.decode_udp(patched(segment, 4, 0, length))


@given(families, port, port, number, number, st.integers(0, 255), word, payloads)
def test_tcp_is_written_as_scapy_writes_it_and_read_back(af, sport, dport, seq, ack, flags, window, payload):
    written = wire.encode_tcp(
        **ENDS[af], sport=sport, dport=dport, seq=seq, ack=ack, flags=flags, window=window,
        options=wire.mss_option(1460), payload=payload,
    )  # fmt: skip
    segment = TCP(
        sport=sport, dport=dport, seq=seq, ack=ack, flags=flags, window=window, options=[("MSS", 1460)]
    )
    assert written == scapy_packet(af, segment, payload)
    read = wire.decode_tcp(written)
    assert (read.sport, read.dport, read.seq, read.ack) == (sport, dport, seq, ack)
    assert (read.flags, read.window, read.urgent) == (flags, window, 0)
    assert (read.options, read.payload) == (b"\x02\x04\x05\xb4", payload)


def test_tcp_options_are_padded_to_whole_words():
    segment = wire.encode_tcp(**ENDS[4], sport=1, dport=2, seq=3, flags=wire.SYN, options=b"\x01\x01\x01")
    assert (len(segment), segment[12] >> 4) == (24, 6)
    assert wire.decode_tcp(segment).options == b"\x01\x01\x01\0"


@pytest.mark.parametrize("words", [0, 4, 6, 15])
def test_a_tcp_header_length_that_does_not_fit_is_bad(words):
    segment = wire.encode_tcp(**ENDS[4], sport=1, dport=2, seq=3, flags=wire.RST)
    with pytest.raises(BadPacketError, match=f"says that {words * 4}"):
        wire.decode_tcp(patched(segment, 12, words << 4))


@given(families, word, word, payloads, st.booleans())
def test_an_echo_is_written_as_scapy_writes_it_and_read_back(af, identifier, sequence, payload, reply):
    written = wire.encode_echo(payload, **ENDS[af], identifier=identifier, sequence=sequence, reply=reply)
    if af == 4:
        segment = ICMP(type=0 if reply else 8, id=identifier, seq=sequence)
        assert written == scapy_packet(4, segment, payload)
    else:
        kind = ICMPv6EchoReply if reply else ICMPv6EchoRequest
        assert written == scapy_packet(6, kind(id=identifier, seq=sequence, data=payload))
    read = wire.decode_icmp(written, af=af)
    assert (read.identifier, read.sequence, read.body) == (identifier, sequence, payload)
    assert icmp_facts(read)[2:] == (False, None, None, b"", None)


@given(families, word, word, st.binary(max_size=60), st.integers(1, 0xFFFE))
def test_an_echo_solved_for_a_checksum_is_the_one_scapy_computes(af, identifier, sequence, tail, wanted):
    written = wire.icmp.encode_echo_solved(
        tail, **ENDS[af], identifier=identifier, sequence=sequence, wanted=wanted
    )
    kind = (
        ICMP(type=8, id=identifier, seq=sequence)
        if af == 4
        else ICMPv6EchoRequest(id=identifier, seq=sequence)
    )
    expected = scapy_packet(4, kind, written[8:]) if af == 4 else None
    if expected is None:
        kind.data = written[8:]
        expected = scapy_packet(6, kind)
    assert written == expected
    assert (written[2:4], written[10:]) == (wanted.to_bytes(2, "big"), tail)


QUOTE = {
    4: wire.encode_ip(b"8 bytes.", **ENDS[4], protocol=17, ttl=1),
    6: wire.encode_ip(b"8 bytes.", **ENDS[6], protocol=17, ttl=1),
}
# family, type, code, keyword arguments, the same message in scapy's words, next-hop MTU, pointer
ERRORS = [
    (4, 11, 0, {}, ICMP(type=11, code=0), None, None),
    (4, 11, 1, {}, ICMP(type=11, code=1), None, None),
    (4, 3, 3, {}, ICMP(type=3, code=3), None, None),
    (4, 3, 4, {"mtu": 1400}, ICMP(type=3, code=4, nexthopmtu=1400), 1400, None),
    (4, 3, 4, {"mtu": 0}, ICMP(type=3, code=4), None, None),  # a router of before RFC 1191
    (4, 12, 0, {"mtu": 20 << 24}, ICMP(type=12, ptr=20), None, 20),
    (6, 3, 0, {}, ICMPv6TimeExceeded(code=0), None, None),
    (6, 1, 4, {}, ICMPv6DestUnreach(code=4), None, None),
    (6, 2, 0, {"mtu": 1280}, ICMPv6PacketTooBig(mtu=1280), 1280, None),
]


@pytest.mark.parametrize(("af", "kind", "code", "options", "words", "mtu", "pointer"), ERRORS)
def test_an_error_is_written_as_scapy_writes_it_and_read_back(af, kind, code, options, words, mtu, pointer):
    written = wire.encode_error(QUOTE[af], **ENDS[af], kind=kind, code=code, **options)
    assert written == scapy_packet(af, words, QUOTE[af])
    read = wire.decode_icmp(written, af=af)
    assert (read.type, read.code, read.is_error) == (kind, code, True)
    assert (read.quote, read.extensions, read.mtu, read.pointer) == (QUOTE[af], None, mtu, pointer)


def test_the_pointer_of_an_icmpv6_parameter_problem_is_32_bits():
    written = wire.encode_error(QUOTE[6], **ENDS[6], kind=4, code=0, mtu=40)
    assert wire.decode_icmp(written, af=6).pointer == 40
