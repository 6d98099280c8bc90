"""Answers, read: against what was sent, against scapy, and cut wherever a router may cut."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.oracle import (
    CASES,
    HEADERS,
    ICMP,
    IP,
    KINDS,
    ROUTER,
    SECRET,
    SOURCE,
    TARGET,
    TCP,
    UDP,
    ICMPv6DestUnreach,
    ICMPv6TimeExceeded,
    IPv6,
    answers,
    cut,
    patched,
    plan_for,
    probe_for,
    sent,
    stack,
)
from trippy_nb import wire
from trippy_nb.errors import BadPacketError
from trippy_nb.model import Protocol, Quote

cases = pytest.mark.parametrize(("protocol", "multipath", "af"), CASES)
ANSWERS = answers()
NUMBER = {Protocol.ICMP: 1, Protocol.UDP: 17, Protocol.TCP: 6}


def time_exceeded(probe, *, af=4, **options):
    kind = wire.ICMP_TYPES[af].time_exceeded
    return wire.encode_icmp_error(probe, source=ROUTER[af], icmp_type=kind, icmp_code=0, **options)


def read(packet):
    return wire.decode_reply(packet, read_ns=11, kernel_ns=12)


def expected_quote(plan, probe, packet):
    """Say what a whole quote of a probe shows, from the plan and not from the codec."""
    protocol = 58 if plan.protocol is Protocol.ICMP and plan.af == 6 else NUMBER[plan.protocol]
    header = HEADERS[plan.af]
    fields = {
        "src": plan.source, "dst": plan.target.addr, "protocol": protocol, "ttl": 1,
        "tos": plan.config.tos, "length": len(packet),
    }  # fmt: skip
    if plan.af == 4:
        fields["ip_id"] = probe.seq if plan.multipath.value in ("paris", "dublin") else 0
        fields["dont_fragment"] = True
    else:
        fields["flow_label"] = plan.flow_label
    if plan.protocol is Protocol.ICMP:
        checksum = plan.icmp_checksum
        fields |= {"icmp_id": plan.trace_id, "icmp_seq": probe.seq, "payload": packet[header + 8 :]}
    elif plan.protocol is Protocol.UDP:
        checksum = int.from_bytes(packet[header + 6 : header + 8], "big")
        fields |= {"udp_length": len(packet) - header, "payload": packet[header + 8 :]}
    else:
        checksum = int.from_bytes(packet[header + 16 : header + 18], "big")
        fields |= {"tcp_seq": int.from_bytes(SECRET[:2], "big") << 16 | probe.seq}
        fields |= {"tcp_mss": 1460 if plan.af == 4 else 1440}
    if plan.protocol is not Protocol.ICMP:
        fields |= {"sport": probe.sport, "dport": probe.dport}
    return Quote(checksum=checksum, **fields)


@cases
@pytest.mark.parametrize("labels", [(), (24001,), (16, 17, 18)])
def test_a_time_exceeded_tells_all_that_was_sent(protocol, multipath, af, labels):
    plan, probe = plan_for(protocol, multipath, af, tos=0xB8), probe_for()
    packet = wire.with_ttl(wire.encode_probe(plan, probe), 1)
    ext = stack(*labels) if labels else b""
    answer = time_exceeded(packet, af=af, extensions=ext, ttl=250, tos=0xC0, ip_id=777)
    reply = read(answer)
    assert reply.quote == expected_quote(plan, probe, packet)
    assert (reply.responder, reply.zone, reply.read_ns, reply.kernel_ns) == (ROUTER[af], None, 11, 12)
    assert (reply.icmp_type, reply.icmp_code) == (11 if af == 4 else 3, 0)
    assert (reply.ttl, reply.size, reply.tos) == (250, len(answer), 0xC0)
    assert (reply.ip_id, reply.extensions) == (777 if af == 4 else None, ext or None)
    assert (reply.mtu, reply.tcp_flags, reply.rtt_ns, reply.key) == (None, None, None, None)
    assert reply.packet == answer


# How many bytes of the transport header each field needs; a Quote has no others that depend on it.
NEEDS = {
    Protocol.ICMP: {"checksum": 8, "icmp_id": 8, "icmp_seq": 8, "payload": 9},
    Protocol.UDP: {"sport": 4, "dport": 4, "udp_length": 8, "checksum": 8, "payload": 9},
    Protocol.TCP: {"sport": 4, "dport": 4, "tcp_seq": 8, "checksum": 18, "tcp_mss": 24},
}


@cases
def test_a_quote_cut_at_every_length_shows_what_is_there_and_nothing_else(protocol, multipath, af):
    plan, probe = plan_for(protocol, multipath, af), probe_for()
    packet = wire.with_ttl(wire.encode_probe(plan, probe), 1)
    whole = expected_quote(plan, probe, packet)
    for size in range(len(packet) + 1):
        answer = time_exceeded(packet, af=af, quote_size=size)
        got = size - HEADERS[af]
        if got < 0:
            with pytest.raises(BadPacketError, match=f"{size} bytes has no whole"):
                read(answer)
            continue
        missing = {field: None for field, need in NEEDS[protocol].items() if got < need}
        if whole.payload is not None and got > 8:
            missing["payload"] = whole.payload[: got - 8]
        assert read(answer).quote == dataclasses.replace(whole, **missing), size


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_cut_at_every_length_is_refused(name):
    packet = ANSWERS[name]
    assert read(packet) is not None
    for size in range(len(packet)):
        with pytest.raises(BadPacketError):
            read(packet[:size])


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_cut_at_every_length_with_an_honest_header_is_refused_or_says_less(name):
    whole = read(ANSWERS[name])
    for size in range(len(ANSWERS[name])):
        try:
            reply = read(cut(ANSWERS[name], size))
        except BadPacketError:
            continue
        assert reply.size == size
        for field in dataclasses.fields(Quote):
            was, now = getattr(whole.quote, field.name), getattr(reply.quote, field.name)
            assert now in (None, was) or (field.name == "payload" and now[: len(was)] == was[: len(now)])


@pytest.mark.parametrize("af", [4, 6])
@pytest.mark.parametrize("size", [0, 1, 12])
def test_zeros_that_pad_a_quote_are_not_payload(af, size):
    packet = sent(Protocol.UDP, af=af, packet_size=HEADERS[af] + 8 + size)
    reply = read(time_exceeded(packet, af=af, extensions=stack(24001)))
    assert reply.quote.payload == (packet[HEADERS[af] + 8 :] or None)


@pytest.mark.parametrize("af", [4, 6])
@pytest.mark.parametrize("quoted", [8, 14, 24])
def test_zeros_that_pad_a_quoted_syn_are_neither_checksum_nor_option(af, quoted):
    packet = sent(Protocol.TCP, af=af)
    quote = read(time_exceeded(packet, af=af, quote_size=HEADERS[af] + quoted, extensions=stack(24001))).quote
    whole = read(time_exceeded(packet, af=af)).quote
    known = (whole.checksum, whole.tcp_mss) if quoted == 24 else (None, None)
    assert (quote.tcp_seq, quote.checksum, quote.tcp_mss, quote.payload) == (whole.tcp_seq, *known, None)


def test_a_cleared_flag_and_a_clamped_size_are_read_as_they_are_quoted():
    packet = wire.with_clamped_mss(wire.with_dont_fragment(sent(Protocol.TCP), False), 1360)  # noqa: FBT003 - the bit
    quote = read(time_exceeded(packet)).quote
    assert (quote.dont_fragment, quote.tcp_mss) == (False, 1360)


@pytest.mark.parametrize(("af", "length"), [(4, 0), (4, 27), (4, 0xFFFF), (6, 0), (6, 7), (6, 0xFFFF)])
def test_a_quoted_length_that_a_router_rewrote_does_not_hide_the_payload(af, length):
    packet = sent(Protocol.UDP, af=af)
    rewritten = patched(packet, 2 if af == 4 else 4, *length.to_bytes(2, "big"))
    reply = read(time_exceeded(rewritten, af=af))
    assert reply.quote.length == length + (40 if af == 6 else 0)
    assert reply.quote.payload == packet[HEADERS[af] + 8 :]


def test_options_in_the_quote_are_skipped():
    options = [b"\x94\x04\0\0"]
    probe = bytes(IP(src=SOURCE[4], dst=TARGET[4], ttl=1, options=options) / UDP(sport=7, dport=9) / b"pay")
    quote = read(time_exceeded(probe)).quote
    assert (quote.sport, quote.dport, quote.udp_length, quote.payload) == (7, 9, 11, b"pay")
    short = read(time_exceeded(probe, quote_size=24)).quote
    assert (short.dst, short.sport, short.payload) == (TARGET[4], None, None)


def test_options_of_the_answer_are_skipped():
    inner = sent(Protocol.UDP)
    outer = IP(src=ROUTER[4], dst=SOURCE[4], options=[b"\x94\x04\0\0"])
    reply = read(bytes(outer / ICMP(type=11) / inner))
    assert (reply.responder, reply.quote.sport, reply.size) == (ROUTER[4], 5000, len(inner) + 32)


def test_extension_headers_of_a_quote_are_skipped():
    datagram = wire.encode_udp(b"pay", source=bytes(16), target=bytes(16), sport=7, dport=9)
    ends: dict[str, Any] = {"source": wire.pack_address(SOURCE[6]), "target": wire.pack_address(TARGET[6])}
    probe = wire.encode_ip(b"\x11" + bytes(7) + datagram, **ends, protocol=60, ttl=1)
    quote = read(time_exceeded(probe, af=6)).quote
    assert (quote.protocol, quote.sport, quote.dport, quote.payload) == (17, 7, 9, b"pay")
    inside = read(time_exceeded(probe, af=6, quote_size=44)).quote
    assert (inside.protocol, inside.dst, inside.sport) == (60, TARGET[6], None)


@pytest.mark.parametrize("af", [4, 6])
def test_a_quoted_later_fragment_is_of_no_probe(af):
    packet = sent(Protocol.UDP, af=af)
    if af == 4:
        later = patched(packet, 6, 0x20, 0xB9)
    else:
        later = patched(packet, 6, 44)[:40] + bytes((17, 0, 0x0B, 0x98, 0, 0, 0, 7)) + packet[40:]
    assert wire.decode_reply(time_exceeded(later, af=af), read_ns=1) is None


def test_a_quote_of_an_unknown_protocol_shows_its_ip_header():
    probe = wire.encode_ip(b"sctp....", source=bytes(4), target=bytes((1, 2, 3, 4)), protocol=132)
    assert read(time_exceeded(probe)).quote == Quote(
        src="0.0.0.0", dst="1.2.3.4", protocol=132, ttl=64, tos=0, length=28, ip_id=0, dont_fragment=False
    )


@pytest.mark.parametrize(
    ("offset", "octet"),
    [(0, 0x60), (0, 0x40), (0, 0x44), (0, 0)],
    ids=["IPv6", "no words", "4 words", "zero"],
)
def test_a_quote_that_is_no_ipv4_is_bad(offset, octet):
    with pytest.raises(BadPacketError, match=f"0x{octet:02x} is no IPv4"):
        read(patched(time_exceeded(sent(Protocol.UDP)), 28 + offset, octet))


def test_a_quote_that_is_no_ipv6_is_bad():
    with pytest.raises(BadPacketError, match="0x45 is no IPv6"):
        read(patched(time_exceeded(sent(Protocol.UDP, af=6), af=6), 48, 0x45))


MTUS = [
    (4, 1400, 1400),
    (4, 0, None),
    (6, 1280, 1280),
    (6, 0, None),
    (6, 65536, 65535),
    (6, 2**32 - 1, 65535),
]


@pytest.mark.parametrize(("af", "mtu", "expected"), MTUS)
def test_the_next_hop_mtu_is_read_and_saturates(af, mtu, expected):
    kind, code = (3, 4) if af == 4 else (2, 0)
    probe = sent(Protocol.UDP, af=af)
    answer = wire.encode_icmp_error(probe, source=ROUTER[af], icmp_type=kind, icmp_code=code, mtu=mtu)
    reply = read(answer)
    assert (reply.icmp_type, reply.icmp_code, reply.mtu) == (kind, code, expected)


def test_a_fragmentation_needed_has_room_for_both_mtu_and_extensions():
    reply = read(
        wire.encode_icmp_error(
            sent(Protocol.UDP), source=ROUTER[4], icmp_type=3, icmp_code=4, mtu=1400, extensions=stack(16)
        )
    )
    assert (reply.mtu, reply.extensions) == (1400, stack(16))


@pytest.mark.parametrize("af", [4, 6])
def test_an_echo_reply_describes_our_probe(af):
    plan, probe = plan_for(Protocol.ICMP, af=af), probe_for()
    packet = wire.encode_probe(plan, probe)
    reply = read(wire.encode_echo_reply(packet, ttl=57))
    assert reply.quote == Quote(
        src=SOURCE[af], dst=TARGET[af], protocol=1 if af == 4 else 58, icmp_id=plan.trace_id,
        icmp_seq=probe.seq, payload=packet[HEADERS[af] + 8 :],
    )  # fmt: skip
    assert (reply.responder, reply.icmp_type, reply.icmp_code) == (TARGET[af], 0 if af == 4 else 129, 0)
    assert (reply.ttl, reply.size) == (57, len(packet))


@pytest.mark.parametrize("af", [4, 6])
@pytest.mark.parametrize("flags", [wire.SYN | wire.ACK, wire.RST | wire.ACK])
def test_a_tcp_answer_describes_our_probe(af, flags):
    plan, probe = plan_for(Protocol.TCP, af=af), probe_for()
    packet = wire.encode_probe(plan, probe)
    reply = read(wire.encode_tcp_reply(packet, flags=flags))
    assert reply.quote == Quote(
        src=SOURCE[af], dst=TARGET[af], protocol=6, sport=probe.sport, dport=probe.dport,
        tcp_seq=0xA1B2 << 16 | probe.seq,
    )  # fmt: skip
    assert (reply.responder, reply.tcp_flags, reply.icmp_type) == (TARGET[af], flags, None)


def test_the_number_of_a_probe_wraps_with_its_acknowledgment():
    answer = bytes(IP(src=TARGET[4], dst=SOURCE[4]) / TCP(sport=80, dport=5000, ack=0, flags="SA"))
    assert read(answer).quote.tcp_seq == 0xFFFFFFFF


def test_a_reset_without_an_acknowledgment_has_no_number():
    answer = bytes(IP(src=TARGET[4], dst=SOURCE[4]) / TCP(sport=80, dport=5000, ack=77, flags="R"))
    reply = read(answer)
    assert (reply.quote.tcp_seq, reply.quote.sport, reply.quote.dport) == (None, 5000, 80)


@given(st.integers(0, 255))
def test_of_tcp_only_syn_ack_and_reset_answer(flags):
    packet = bytes(IP(src=TARGET[4], dst=SOURCE[4]) / TCP(flags=flags))
    answers_it = bool(flags & wire.RST) or flags & 0x12 == 0x12
    assert (read(packet) is not None) == answers_it


IP4, IP6 = IP(src=ROUTER[4], dst=SOURCE[4]), IPv6(src=ROUTER[6], dst=SOURCE[6])
PONG = {af: wire.encode_echo_reply(sent(Protocol.ICMP, af=af)) for af in (4, 6)}
STRANGERS = {
    "echo request": bytes(IP4 / ICMP(type=8, id=1, seq=2)),
    "redirect": bytes(IP4 / ICMP(type=5, code=1, gw="192.0.2.9") / sent(Protocol.UDP)),
    "source quench": bytes(IP4 / ICMP(type=4) / sent(Protocol.UDP)),
    "timestamp reply": bytes(IP4 / ICMP(type=14)),
    "reassembly time exceeded": bytes(IP4 / ICMP(type=11, code=1) / sent(Protocol.UDP)),
    "reassembly time exceeded v6": bytes(IP6 / ICMPv6TimeExceeded(code=1) / sent(Protocol.UDP, af=6)),
    "error about an echo reply": bytes(IP4 / ICMP(type=3, code=1) / PONG[4]),
    "error about an echo reply v6": bytes(IP6 / ICMPv6DestUnreach(code=4) / PONG[6]),
    "error about an error": bytes(IP4 / ICMP(type=11) / time_exceeded(sent(Protocol.UDP))),
    "neighbour solicitation": wire.encode_ip(
        wire.encode_icmp(source=bytes(16), target=bytes(16), kind=135, code=0, rest=0, body=bytes(16)),
        source=bytes(16), target=bytes(16), protocol=58, ttl=255,
    ),
    "later fragment": patched(ANSWERS["echo reply v4"], 6, 0, 1),
    "udp": bytes(IP4 / UDP() / b"hello"),
    "ospf": bytes(IP(src=ROUTER[4], dst=SOURCE[4], proto=89) / b"x"),
    "icmpv6 in IPv4": bytes(IP(src=ROUTER[4], dst=SOURCE[4], proto=58) / bytes(60)),
    "icmp in IPv6": bytes(IPv6(src=ROUTER[6], dst=SOURCE[6], nh=1) / bytes(60)),
}  # fmt: skip


@pytest.mark.parametrize("packet", STRANGERS.values(), ids=STRANGERS.keys())
def test_what_answers_no_probe_is_nobodys(packet):
    assert read(packet) is None


def test_a_wrong_icmp_checksum_does_not_make_an_answer_unreadable():
    answer = time_exceeded(sent(Protocol.UDP))
    wrong = patched(answer, 22, answer[22] ^ 0xFF)
    assert dataclasses.replace(read(wrong), packet=None) == dataclasses.replace(read(answer), packet=None)


# --- sockets that deliver no IP header ----------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in ANSWERS if "v6" in name or name == "packet too big"])
def test_a_raw_ipv6_socket_tells_the_same_but_for_what_only_the_header_has(name):
    packet = ANSWERS[name]
    outer = wire.decode_ip(packet)
    reply = wire.decode_reply_v6(
        packet[40:], src=outer.src, next_header=outer.protocol, hop_limit=outer.ttl, tclass=outer.tos,
        read_ns=11, kernel_ns=12,
    )  # fmt: skip
    whole = read(packet)
    if whole.icmp_type in (None, 129):  # our address is in the header of what answers, not of what quotes
        whole = dataclasses.replace(whole, quote=dataclasses.replace(whole.quote, src=None))
    assert reply == dataclasses.replace(whole, packet=packet[40:])


@pytest.mark.parametrize("name", [name for name in ANSWERS if "v6" not in name and name != "packet too big"])
def test_a_datagram_ipv4_socket_tells_the_same_but_for_what_only_the_header_has(name):
    packet = ANSWERS[name]
    outer = wire.decode_ip(packet)
    reply = wire.decode_reply_v4(
        packet[20:], src=outer.src, protocol=outer.protocol, ttl=outer.ttl, tos=outer.tos, read_ns=11,
        kernel_ns=12,
    )  # fmt: skip
    whole = read(packet)
    if whole.icmp_type in (None, 0):
        whole = dataclasses.replace(whole, quote=dataclasses.replace(whole.quote, src=None))
    assert reply == dataclasses.replace(whole, packet=packet[20:], ip_id=None)


def test_what_a_socket_does_not_tell_stays_missing():
    message = ANSWERS["echo reply v6"][40:]
    reply = wire.decode_reply_v6(message, src="fe80::1%eth0", read_ns=1)
    assert reply is not None
    assert (reply.responder, reply.zone, reply.ttl, reply.tos) == ("fe80::1", "eth0", None, None)
    assert (reply.kernel_ns, reply.size, reply.quote.dst) == (None, 40 + len(message), "fe80::1")


def test_a_sender_that_is_no_address_is_our_own_mistake():
    with pytest.raises(ValueError, match="nonsense") as caught:
        wire.decode_reply_v6(b"", src="nonsense", read_ns=1)
    assert not isinstance(caught.value, BadPacketError)


@pytest.mark.parametrize("size", range(8))
def test_a_message_without_a_whole_icmp_header_is_bad(size):
    with pytest.raises(BadPacketError):
        wire.decode_reply_v6(bytes(size), src=ROUTER[6], read_ns=1)
    with pytest.raises(BadPacketError):
        wire.decode_icmp(bytes(size), af=4)


def test_every_kind_of_probe_is_among_the_cases():
    assert {(protocol, multipath) for protocol, multipath, _ in CASES} == set(KINDS)
    assert len(ANSWERS) == len(CASES) * 6 + 8


# --- captures that kept only the beginning of each packet ---------------------------------------------------


@pytest.mark.parametrize("name", ANSWERS)
def test_the_beginning_of_an_answer_is_read_where_it_is_allowed_to_be_one(name):
    packet = ANSWERS[name]
    whole = read(packet)
    header = HEADERS[packet[0] >> 4]
    if whole.tcp_flags is not None:
        need = header + (packet[header + 12] >> 4) * 4
    else:
        need = header + 8 + (0 if whole.quote.ttl is None else header)
    for size in range(len(packet)):
        if size < need:
            with pytest.raises(BadPacketError):
                wire.decode_reply(packet[:size], read_ns=1, whole=False)
            continue
        reply = wire.decode_reply(packet[:size], read_ns=1, whole=False)
        assert reply is not None
        assert (reply.size, reply.responder, reply.quote.dst) == (
            len(packet),
            whole.responder,
            whole.quote.dst,
        )


def test_the_beginning_of_a_datagram_is_read_where_it_is_allowed_to_be_one():
    datagram = wire.encode_udp(b"payload", source=bytes(4), target=bytes(4), sport=1, dport=2)[:10]
    assert wire.decode_udp(datagram, whole=False).payload == b"pa"
    with pytest.raises(BadPacketError, match="says 15"):
        wire.decode_udp(datagram)
    with pytest.raises(BadPacketError, match="says 7"):
        wire.decode_udp(patched(datagram, 4, 0, 7), whole=False)
