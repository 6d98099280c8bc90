"""What routers and hosts say, byte for byte: by scapy's reading, and by our own decoder."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.oracle import (
    HEADERS,
    ICMP,
    IP,
    ROUTER,
    SOURCE,
    TARGET,
    TCP,
    UDP,
    IPv6,
    plan_for,
    probe_for,
    sent,
)
from trippy_nb import wire
from trippy_nb.model import Protocol, Reply
from trippy_nb.sim.answers import host_answers, refusal, time_exceeded, too_big
from trippy_nb.sim.scenario import Router, Target
from trippy_nb.wire import ICMP_TYPES, InterfaceInfo, InterfaceRole, MplsEntry, decode_extensions

families = pytest.mark.parametrize("af", [4, 6])
protocols = pytest.mark.parametrize("protocol", list(Protocol))
SECOND = {4: "198.51.100.10", 6: "2001:db8:1::a"}
STACK = (MplsEntry(24001, 3, bottom=False, ttl=1), MplsEntry(17, 3, bottom=True, ttl=9))
WIRE: dict[str, Any] = {"ttl": 55, "ip_id": 0xBEEF}
PORT_UNREACHABLE = {4: (3, 3), 6: (1, 4)}


def router(**options: Any) -> Router:
    return Router(id="r", v4=ROUTER[4], v6=ROUTER[6], **options)


def target(**options: Any) -> Target:
    return Target(name="target.example", v4=(TARGET[4],), v6=(TARGET[6],), **options)


def incoming(af: int, **options: Any) -> InterfaceInfo:
    return InterfaceInfo(role=InterfaceRole.INCOMING, **{"index": 7, "addr": ROUTER[af], **options})


def long_probe(af: int) -> bytes:
    """A datagram that fills an Ethernet frame."""
    ends: dict[str, Any] = {"source": wire.pack_address(SOURCE[af]), "target": wire.pack_address(TARGET[af])}
    datagram = wire.encode_udp(bytes(range(256)) * 5, **ends, sport=5000, dport=33500)
    return wire.encode_ip(datagram, **ends, protocol=wire.UDP, ttl=1, dont_fragment=True)


def read(answer: bytes | None) -> Reply:
    assert answer is not None
    reply = wire.decode_reply(answer, read_ns=1)
    assert reply is not None
    return reply


def by_scapy(answer: bytes | None) -> Any:
    """Read with scapy, which must find every checksum of the answer's own headers as it makes them."""
    assert answer is not None
    layer = (IP if answer[0] >> 4 == 4 else IPv6)(answer)
    again = layer.copy()
    for part in (again, again.payload):
        for name in {"chksum", "cksum"} & set(part.fields):
            part.delfieldval(name)
    assert bytes(again) == answer
    return layer


@families
@protocols
def test_a_router_answers_from_its_own_address_or_the_one_it_is_told(af, protocol):
    arrived = sent(protocol, af=af)
    for source in (None, SECOND[af]):
        answer = time_exceeded(arrived, router(), af, source=source, **WIRE)
        layer = by_scapy(answer)
        assert (layer.src, layer.dst) == (source or ROUTER[af], SOURCE[af])
        assert bytes(layer.payload)[8:] == arrived
        assert (layer.payload.type, layer.payload.code) == (ICMP_TYPES[af].time_exceeded, 0)
        assert read(answer).ttl == 55


@families
def test_a_router_without_an_address_has_nothing_to_answer_from(af):
    mute = Router(id="r")
    assert time_exceeded(sent(Protocol.UDP, af=af), mute, af, **WIRE) is None
    assert read(time_exceeded(sent(Protocol.UDP, af=af), mute, af, source=SECOND[af], **WIRE)).responder


@families
@protocols
@pytest.mark.parametrize("stated", [True, False], ids=["RFC 4884", "before RFC 4884"])
@pytest.mark.parametrize("quote", ["full", "short", 60])
def test_labels_come_back_as_they_arrived_whatever_is_quoted(af, protocol, stated, quote):
    spec = router(quote=quote, extension_length=stated)
    answer = time_exceeded(sent(protocol, af=af), spec, af, stack=STACK, **WIRE)
    reply = read(answer)
    assert reply.extensions is not None
    assert decode_extensions(reply.extensions).mpls == STACK
    assert reply.quote.dst == TARGET[af]
    by_scapy(answer)
    length = answer[HEADERS[af] + (5 if af == 4 else 4)] if answer else 0
    assert bool(length) is stated


@families
def test_scapy_finds_the_labels_where_the_length_says(af):
    from scapy.contrib.mpls import MPLS

    arrived = sent(Protocol.UDP, af=af)
    answer = time_exceeded(arrived, router(quote="short"), af, stack=STACK, **WIRE) or b""
    structure = answer[HEADERS[af] + 8 + 128 :]
    first = MPLS(structure[8:])
    assert [(layer.label, layer.cos, layer.s, layer.ttl) for layer in (first, first[MPLS].payload)] == [
        (24001, 3, 0, 1),
        (17, 3, 1, 9),
    ]


@families
def test_an_interface_is_told_by_routers_that_tell(af):
    info = incoming(af, name="ge-0/0/1", mtu=9000)
    arrived = sent(Protocol.ICMP, af=af)
    answer = time_exceeded(arrived, router(interfaces=True), af, interface=info, **WIRE)
    assert decode_extensions(read(answer).extensions or b"").interfaces == (info,)
    assert read(time_exceeded(arrived, router(), af, interface=info, **WIRE)).extensions is None
    assert read(time_exceeded(arrived, router(interfaces=True), af, **WIRE)).extensions is None


@families
def test_labels_and_interface_come_in_one_structure(af):
    info = incoming(af)
    spec = router(interfaces=True)
    answer = refusal(
        sent(Protocol.UDP, af=af), replace(spec, filter="prohibited"), af, stack=STACK, interface=info, **WIRE
    )
    found = decode_extensions(read(answer).extensions or b"")
    assert (found.mpls, found.interfaces) == (STACK, (info,))


@families
@given(st.integers(0, 1500))
def test_a_number_says_how_much_is_quoted_within_what_an_error_may_hold(af, quote):
    arrived = long_probe(af)
    answer = time_exceeded(arrived, router(quote=quote), af, **WIRE) or b""
    quoted = answer[HEADERS[af] + 8 :]
    least, most = {4: (28, 548), 6: (48, 1232)}[af]  # of 576 and 1280 in all
    assert quoted == arrived[: min(max(quote, least), most)]


@families
@pytest.mark.parametrize("said", [False, True])
@pytest.mark.parametrize("quote", [1300, 1500, "full"])
def test_the_longest_quote_leaves_room_for_what_follows_it(af, said, quote):
    answer = (
        time_exceeded(long_probe(af), router(quote=quote), af, stack=STACK if said else (), **WIRE) or b""
    )
    assert len(answer) <= {4: 576, 6: 1280}[af]
    assert (read(answer).extensions is not None) is said


@families
@pytest.mark.parametrize(
    ("word", "codes"),
    [("no-route", {4: 0, 6: 0}), ("host-unreachable", {4: 1, 6: 3}), ("prohibited", {4: 13, 6: 1})],
)
def test_a_refusal_says_why(af, word, codes):
    reply = read(refusal(sent(Protocol.UDP, af=af), router(filter=word), af, **WIRE))
    assert (reply.icmp_type, reply.icmp_code) == (ICMP_TYPES[af].unreachable, codes[af])


@families
def test_who_drops_says_nothing(af):
    for word in ("drop", None):
        assert refusal(sent(Protocol.UDP, af=af), router(filter=word), af, **WIRE) is None


# --- too big ---


@families
@given(st.integers(68, 1400))
def test_too_big_names_the_mtu_of_the_next_link(af, mtu):
    arrived = long_probe(af)
    answer = too_big(arrived, router(), af, mtu=mtu, **WIRE)
    layer, reply = by_scapy(answer), read(answer)
    assert reply.mtu == mtu
    if af == 4:
        assert (layer[ICMP].type, layer[ICMP].code, layer[ICMP].nexthopmtu) == (3, 4, mtu)
    else:
        assert (layer.payload.type, layer.payload.code, layer.payload.mtu) == (2, 0, mtu)
    assert arrived.startswith((answer or b"")[HEADERS[af] + 8 :])


def test_an_old_router_names_no_mtu_and_ipv6_always_does():
    assert read(too_big(long_probe(4), router(mtu_old=True), 4, mtu=1400, **WIRE)).mtu is None
    assert read(too_big(long_probe(6), router(mtu_old=True), 6, mtu=1400, **WIRE)).mtu == 1400


def test_an_mtu_that_the_field_cannot_hold_is_the_largest_that_it_can():
    assert read(too_big(long_probe(4), router(), 4, mtu=100_000, **WIRE)).mtu == 0xFFFF
    answer = too_big(long_probe(6), router(), 6, mtu=100_000, **WIRE) or b""
    assert int.from_bytes(answer[44:48], "big") == 100_000


@families
def test_a_black_hole_says_nothing(af):
    assert too_big(long_probe(af), router(mtu_silent=True), af, mtu=1400, **WIRE) is None


def test_fragmentation_needed_carries_labels_and_packet_too_big_cannot():
    for af in (4, 6):
        answer = too_big(long_probe(af), router(), af, mtu=1400, stack=STACK, **WIRE)
        assert (read(answer).extensions is not None) is (af == 4)
        assert read(answer).mtu == 1400


# --- hosts ---


def answers(protocol: Protocol, af: int, *, dport: int = 33500, **options: Any) -> tuple[bytes, ...]:
    packet = wire.encode_probe(plan_for(protocol, af=af), probe_for(dport=dport))
    found = host_answers(packet, target(**options), af, **WIRE)
    for answer in found:
        by_scapy(answer)
    return found


def kinds(found: tuple[bytes, ...], af: int) -> list[Any]:
    said: list[Any] = []
    for answer in found:
        if wire.decode_ip(answer).protocol == wire.UDP:
            said.append("datagram")
            continue
        reply = read(answer)
        said.append(reply.tcp_flags if reply.tcp_flags is not None else (reply.icmp_type, reply.icmp_code))
    return said


SYN_ACK, RST = wire.SYN | wire.ACK, wire.RST | wire.ACK


@families
@pytest.mark.parametrize(
    ("protocol", "options", "expected"),
    [
        (Protocol.ICMP, {}, ["echo"]),
        (Protocol.ICMP, {"icmp": "silent"}, []),
        (Protocol.UDP, {}, ["port"]),
        (Protocol.UDP, {"udp": "open"}, []),
        (Protocol.UDP, {"udp": "filtered"}, []),
        (Protocol.UDP, {"udp_open": (33500,)}, []),
        (Protocol.UDP, {"udp": "answers"}, ["datagram"]),
        (Protocol.TCP, {}, [RST]),
        (Protocol.TCP, {"tcp": "open"}, [SYN_ACK]),
        (Protocol.TCP, {"tcp": "filtered"}, []),
        (Protocol.TCP, {"tcp": "filtered", "tcp_open": (33500,)}, [SYN_ACK]),
        (Protocol.TCP, {"tcp": "both"}, ["port", RST]),
        (Protocol.TCP, {"tcp": "both", "tcp_open": (33500,)}, [SYN_ACK]),
    ],
)
def test_a_host_answers_as_its_ports_are(af, protocol, options, expected):
    words = {"echo": (ICMP_TYPES[af].echo_reply, 0), "port": PORT_UNREACHABLE[af]}
    assert kinds(answers(protocol, af, **options), af) == [words.get(item, item) for item in expected]


@families
@pytest.mark.parametrize(
    ("protocol", "options"),
    [
        (Protocol.ICMP, {}),
        (Protocol.UDP, {}),
        (Protocol.UDP, {"udp": "answers"}),
        (Protocol.TCP, {}),
        (Protocol.TCP, {"tcp": "open"}),
        (Protocol.TCP, {"tcp": "both"}),
    ],
)
def test_a_host_with_several_interfaces_answers_from_the_one_that_it_always_uses(af, protocol, options):
    other = 10 - af
    here: dict[str, Any] = {f"answers_from_v{af}": SECOND[af]}
    elsewhere: dict[str, Any] = {f"answers_from_v{other}": SECOND[other]}
    found = answers(protocol, af, **options, **here)
    assert found
    assert {wire.decode_ip(answer).src for answer in found} == {SECOND[af]}
    asked = answers(protocol, af, **options, **elsewhere)
    assert {wire.decode_ip(answer).src for answer in asked} == {TARGET[af]}


@families
def test_a_datagram_that_answers_has_eight_bytes_and_the_ports_turned_round(af):
    (answer,) = answers(Protocol.UDP, af, udp="answers", dport=53)
    layer = by_scapy(answer)
    assert (layer[UDP].sport, layer[UDP].dport, layer[UDP].len) == (53, probe_for().sport, 16)


@families
def test_the_refusal_and_the_reset_tell_of_the_same_probe(af):
    refused, reset = answers(Protocol.TCP, af, tcp="both")
    number = read(refused).quote.tcp_seq
    assert number is not None
    assert by_scapy(reset)[TCP].ack == number + 1
    assert read(reset).quote.tcp_seq == number


@families
@pytest.mark.parametrize(("quote", "size"), [("short", {4: 28, 6: 48}), (100, {4: 100, 6: 100})])
def test_a_host_quotes_as_much_as_the_scenario_says(af, quote, size):
    found = host_answers(long_probe(af), target(quote=quote), af, **WIRE)
    assert [len(answer) - HEADERS[af] - 8 for answer in found] == [size[af]]
