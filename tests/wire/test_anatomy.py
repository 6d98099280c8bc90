"""Packets taken apart for people: every bit once, numbers as scapy reads them, and nothing ever raised."""

from __future__ import annotations

import ipaddress
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire import oracle
from tests.wire.oracle import CASES, answers, plan_for, probe_for
from trippy_nb import wire
from trippy_nb.model import Multipath, Protocol
from trippy_nb.wire.anatomy import NOT_UNDERSTOOD, Anatomy, Ours, Start, anatomy

ANSWERS = answers()


def values(found: Anatomy, *, quoted: bool = False) -> dict[str, str]:
    return {field.key: field.value for field in found.of(quoted=quoted)}


def numbers(found: Anatomy, *, quoted: bool = False) -> dict[str, int]:
    return {field.key: found.number(field) for field in found.of(quoted=quoted)}


def check_cover(found: Anatomy) -> None:
    """Demand that fields lie one behind the other, from the first bit to the last, in the order of layers."""
    at = 0
    for field in found.fields:
        assert field.bit == at
        assert field.bits > 0
        assert field.name
        assert field.value
        assert field.purpose
        at += field.bits
    assert at == 8 * len(found.octets)
    layers = [field.layer for field in found.fields]
    assert layers == sorted(layers)
    assert set(layers) == set(range(len(found.layers)))


@pytest.mark.parametrize("name", ANSWERS)
def test_every_bit_of_an_answer_is_in_one_field(name):
    found = anatomy(ANSWERS[name])
    check_cover(found)
    assert NOT_UNDERSTOOD not in values(found)
    assert [value for value in values(found).values() if "wrong" in value] == []


@settings(max_examples=300)
@given(octets=st.binary(max_size=200), start=st.sampled_from(Start))
def test_no_bytes_raise_and_every_bit_is_in_one_field(octets, start):
    check_cover(anatomy(octets, start=start))


@settings(max_examples=300)
@given(name=st.sampled_from(sorted(ANSWERS)), data=st.data())
def test_an_answer_that_was_damaged_or_cut_is_still_taken_apart(name, data):
    packet = bytearray(ANSWERS[name])
    for _ in range(data.draw(st.integers(0, 4))):
        packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.integers(0, 255))
    check_cover(anatomy(bytes(packet[: data.draw(st.integers(0, len(packet)))])))


@pytest.mark.parametrize("start", list(Start))
def test_no_bytes_make_no_fields(start):
    assert anatomy(b"", start=start) == Anatomy(b"", (), ())


# --- scapy, the second opinion: our name of a field -> scapy's ---

_IPV4 = {
    "ipv4.version": "version", "ipv4.header_length": "ihl", "ipv4.length": "len", "ipv4.id": "id",
    "ipv4.offset": "frag", "ip.ttl": "ttl", "ipv4.protocol": "proto", "ipv4.checksum": "chksum",
}  # fmt: skip
_IPV6 = {
    "ipv6.version": "version", "ipv6.flow_label": "fl", "ipv6.length": "plen", "ipv6.next": "nh",
    "ip.ttl": "hlim",
}  # fmt: skip
_UDP = {"udp.sport": "sport", "udp.dport": "dport", "udp.length": "len", "udp.checksum": "chksum"}
_TCP = {
    "tcp.sport": "sport", "tcp.dport": "dport", "tcp.seq": "seq", "tcp.ack": "ack",
    "tcp.data_offset": "dataofs", "tcp.window": "window", "tcp.checksum": "chksum", "tcp.urgent": "urgptr",
}  # fmt: skip
_ICMP = {"icmp.type": "type", "icmp.code": "code", "icmp.checksum": "chksum"}
_ICMPV6 = {"icmp.type": "type", "icmp.code": "code", "icmp.checksum": "cksum"}


def check_ip(found: Anatomy, other: oracle.Packet, *, quoted: bool) -> None:
    """Hold the IP header of ours against scapy's."""
    ours = numbers(found, quoted=quoted)
    names = _IPV4 if other.version == 4 else _IPV6
    for key, name in names.items():
        assert ours[key] == getattr(other, name), key
    for key, name in (("ip.source", "src"), ("ip.target", "dst")):
        assert ours[key] == int(ipaddress.ip_address(getattr(other, name))), key
    traffic = ours["ip.dscp"] << 2 | ours["ip.ecn"]
    assert traffic == (other.tos if other.version == 4 else other.tc)
    if other.version == 4:
        flags = ours["ipv4.reserved"] << 2 | ours["ipv4.df"] << 1 | ours["ipv4.mf"]
        assert flags == int(other.flags)


def check_transport(found: Anatomy, other: oracle.Packet, *, quoted: bool) -> None:
    """Hold UDP, TCP or ICMP against scapy's; scapy leaves out what was cut."""
    ours = numbers(found, quoted=quoted)
    name = type(other).__name__.removesuffix("error")
    names = {"UDP": _UDP, "TCP": _TCP, "ICMP": _ICMP}.get(name, _ICMPV6)
    for key, theirs in names.items():
        assert ours[key] == getattr(other, theirs), key
    if name == "TCP":
        assert ours["tcp.flags"] == int(other.flags) & 0xFF
        options = {kind: value for kind, value in other.options if kind == "MSS"}
        if "MSS" in options:
            assert ours["tcp.option.2"] & 0xFFFF == options["MSS"]
    if "icmp.id" in ours and "echo" in values(found, quoted=quoted)["icmp.type"].lower():
        assert (ours["icmp.id"], ours["icmp.seq"]) == (other.id, other.seq)


def outer(packet: bytes) -> oracle.Packet:
    return oracle.IP(packet) if packet[0] >> 4 == 4 else oracle.IPv6(packet)


@pytest.mark.parametrize(("protocol", "multipath", "af"), CASES)
@settings(max_examples=40)
@given(data=st.data())
def test_probes_are_read_as_scapy_reads_them(protocol, multipath, af, data):
    draw = data.draw
    plan = plan_for(
        protocol, multipath, af, tos=draw(st.integers(0, 255)), flow_label=draw(st.integers(0, 0xFFFFF))
    )
    port = st.integers(1024, 0xFFFF)
    seq = draw(st.integers(33434, 33434 + 100))
    probe = probe_for(ttl=draw(st.integers(1, 255)), seq=seq, sport=draw(port), dport=draw(port))
    packet = wire.encode_probe(plan, probe)
    found, other = anatomy(packet), outer(packet)
    check_cover(found)
    check_ip(found, other, quoted=False)
    check_transport(found, other.payload, quoted=False)
    assert [field.value for field in found.fields if "wrong" in field.value] == []


@settings(max_examples=150)
@given(name=st.sampled_from(sorted(ANSWERS)), data=st.data())
def test_answers_with_fields_at_random_are_read_as_scapy_reads_them(name, data):
    packet = bytearray(ANSWERS[name])
    header = 20 if packet[0] >> 4 == 4 else 40
    quote = header + 8
    # Anything may be in an address, a TTL, a type of service, an identification or a checksum.
    places = {4: [1, 4, 5, 8, 10, 11, *range(12, 20)], 6: [2, 3, 7, *range(8, 40)]}[packet[0] >> 4]
    for base in (0, quote):
        for place in data.draw(st.lists(st.sampled_from(places), max_size=5)):
            if base + place < len(packet) and (not base or packet[header] not in {0, 129}):
                packet[base + place] = data.draw(st.integers(0, 255))
    found, other = anatomy(bytes(packet)), outer(bytes(packet))
    check_ip(found, other, quoted=False)
    check_transport(found, other.payload, quoted=False)
    inner = next((layer for layer in (oracle.IPerror, oracle.IPerror6) if layer in other), None)
    if inner is None:
        assert not found.of(quoted=True)
        return
    check_ip(found, other[inner], quoted=True)
    below = other[inner].payload
    if type(below).__name__ in {"UDPerror", "ICMPerror"}:  # scapy demands whole TCP headers
        check_transport(found, below, quoted=True)


@settings(max_examples=100)
@given(
    octets=st.binary(max_size=40).map(lambda some: some + bytes(-len(some) % 4)), mss=st.integers(0, 0xFFFF)
)
def test_tcp_options_end_where_scapy_ends_them(octets, mss):
    options = wire.mss_option(mss) + octets[:36]
    packet = wire.encode_ip(
        wire.encode_tcp(
            source=b"\x01" * 4,
            target=b"\x02" * 4,
            sport=1,
            dport=2,
            seq=3,
            flags=2,
            options=options,
            payload=b"x",
        ),
        source=b"\x01" * 4,
        target=b"\x02" * 4,
        protocol=6,
    )
    found = anatomy(packet)
    check_cover(found)
    of_options = [field for field in found.fields if field.key.startswith("tcp.option")]
    assert sum(field.bits for field in of_options) == 8 * len(options)
    theirs = [value for name, value in outer(packet).payload.options if name == "MSS"]
    assert found.number(of_options[0]) & 0xFFFF == theirs[0] == mss
    assert values(found)["payload.data"] == "78"


# --- what only people read ---


def words(octets: bytes, key: str, **options) -> str:
    return values(anatomy(octets, **options))[key]


@pytest.mark.parametrize(
    ("offset", "octet", "key", "value"),
    [
        (1, 0xB8, "ip.dscp", "46 (EF)"),
        (1, 0x28, "ip.dscp", "10 (AF11)"),
        (1, 0xC0, "ip.dscp", "48 (CS6)"),
        (1, 0x04, "ip.dscp", "1"),
        (1, 0x03, "ip.ecn", "3 (congestion experienced)"),
        (6, 0x80, "ipv4.reserved", "0x1, though it should be 0"),
        (9, 47, "ipv4.protocol", "47 (GRE)"),
        (9, 200, "ipv4.protocol", "200"),
        (16, 10, "ip.target", "10.51.100.9"),
    ],
)
def test_numbers_are_spelled_with_what_they_mean(offset, octet, key, value):
    packet = bytearray(oracle.sent(Protocol.UDP))
    packet[offset] = octet
    assert words(bytes(packet), key) == value


def test_a_wrong_checksum_comes_with_the_right_one():
    packet = oracle.sent(Protocol.UDP)
    broken = packet[:10] + b"\x12\x34" + packet[12:]
    right = packet[10:12].hex()
    assert words(broken, "ipv4.checksum") == f"0x1234, wrong: 0x{right} would be right"
    assert words(packet[:40], "udp.checksum").endswith("not checked: it covers more than is here")
    assert words(packet[:26] + b"\0\0" + packet[28:], "udp.checksum") == "0, none was made"


def test_an_error_names_its_layers_from_the_outside_in():
    found = anatomy(ANSWERS["MPLS: udp paris v4"])
    titles = [(layer.title, layer.quoted) for layer in found.layers]
    assert titles == [
        ("IPv4", False), ("ICMP", False), ("IPv4", True), ("UDP", True), ("Payload", True), ("Padding", True),
        ("Extensions", False), ("MPLS", False),
    ]  # fmt: skip
    labels = [field.value for field in found.fields if field.key == "mpls.label"]
    assert labels == ["24001", "24002"]
    assert values(found)["icmp.type"] == "11 (Time exceeded)"
    assert {field.rfc for field in found.fields if field.key == "mpls.label"} == {"RFC 3032 section 2.1"}


def error_with(*objects: wire.ExtensionObject, af: int = 4) -> Anatomy:
    packet = wire.encode_icmp_error(
        oracle.sent(Protocol.UDP, af=af),
        source=oracle.ROUTER[af],
        icmp_type=wire.ICMP_TYPES[af].time_exceeded,
        icmp_code=0,
        extensions=wire.encode_extensions(objects),
    )
    found = anatomy(packet)
    check_cover(found)
    return found


@pytest.mark.parametrize("addr", ["192.0.2.7", "2001:db8::7", None])
@pytest.mark.parametrize("name", ["xe-0/0/1", None])
def test_an_interface_is_read_as_its_decoder_reads_it(addr, name):
    info = wire.InterfaceInfo(role=wire.InterfaceRole.OUTGOING, index=7, addr=addr, name=name, mtu=1500)
    found = values(error_with(wire.interface_object(info)))
    assert found["if.role"] == "2 (it would have gone out here)"
    assert found["if.index"] == "7"
    assert found["if.mtu"] == "1,500 bytes"
    assert found.get("if.addr") == addr
    assert found.get("if.name") == (repr(name) if name else None)


@pytest.mark.parametrize(
    ("item", "key"),
    [
        (wire.ExtensionObject(2, 0x0F, b"\0\0\0\x07\0\x09\0"), NOT_UNDERSTOOD),  # unknown family, cut short
        (wire.ExtensionObject(2, 0x02, b"\0abc"), NOT_UNDERSTOOD),  # a name without length
        (wire.ExtensionObject(2, 0x08, b"\0\0\0\x07more"), "ext.data"),
        (wire.ExtensionObject(9, 1, b"abcd"), "ext.data"),
        (wire.ExtensionObject(1, 1, b"abc"), "mpls.label"),
    ],
)
def test_an_object_that_is_odd_ends_as_bytes(item, key):
    if key == "mpls.label":
        assert key not in values(error_with(item))  # no whole entries
    else:
        assert key in values(error_with(item))


@pytest.mark.parametrize(
    ("kind", "next_header", "body"),
    [
        ("Hop-by-hop options", 0, bytes((17, 0, 1, 4, 0, 0, 0, 0))),
        ("Routing header", 43, bytes((17, 0, 0, 0, 0, 0, 0, 0))),
        ("Destination options", 60, bytes((17, 1)) + bytes(14)),
        ("Authentication header", 51, bytes((17, 1)) + bytes(10)),
        ("Fragment header", 44, bytes((17, 0, 0, 0, 0, 0, 0, 9))),
    ],
)
def test_ipv6_extension_headers_lead_to_the_transport(kind, next_header, body):
    packet = oracle.sent(Protocol.UDP, af=6)
    size = int.from_bytes(packet[4:6], "big") + len(body)
    chained = packet[:4] + struct.pack("!HB", size, next_header) + packet[7:40] + body + packet[40:]
    found = anatomy(chained)
    check_cover(found)
    assert [layer.title for layer in found.layers] == ["IPv6", kind, "UDP", "Payload"]
    assert numbers(found)["udp.dport"] == 33500
    assert values(found)["udp.checksum"].endswith("right")


def test_a_layer_that_begins_where_the_bytes_end_is_none():
    packet = oracle.sent(Protocol.UDP, af=6)
    chained = packet[:6] + b"\0" + packet[7:40]  # hop-by-hop options, cut off
    assert [layer.title for layer in anatomy(chained).layers] == ["IPv6"]


def test_a_later_fragment_has_a_payload_and_no_transport():
    packet = bytearray(oracle.sent(Protocol.UDP))
    packet[6:8] = (0x2000 | 185).to_bytes(2, "big")
    found = anatomy(bytes(packet))
    assert [layer.key for layer in found.layers] == ["ipv4", "payload"]
    assert values(found)["ipv4.offset"] == "1,480 bytes"
    later = oracle.sent(Protocol.UDP, af=6)
    fragment = bytes((17, 0)) + (185 << 3 | 1).to_bytes(2, "big") + bytes(4)
    chained = later[:4] + struct.pack("!HB", len(later) - 32, 44) + later[7:40] + fragment + later[40:]
    assert [layer.key for layer in anatomy(chained).layers] == ["ipv6", "ipv6.extension", "payload"]


def test_options_of_ipv4_are_named_up_to_the_end_of_the_header():
    options = bytes((148, 4, 0, 0, 1, 7, 3, 4, 0, 0, 0, 0))
    packet = oracle.sent(Protocol.UDP)
    longer = bytes((0x48,)) + packet[1:2] + (len(packet) + 12).to_bytes(2, "big") + packet[4:20] + options
    found = anatomy(longer + packet[20:])
    check_cover(found)
    named = [field.value for field in found.fields if field.key.startswith("ipv4.option")]
    assert named == ["router alert: 00 00", "no operation", "record route: 04", "end of options"]
    assert numbers(found)["udp.dport"] == 33500
    broken = anatomy(longer[:20] + bytes((148, 1)) + longer[22:] + packet[20:])
    check_cover(broken)
    assert values(broken)["ipv4.option.148"].startswith("router alert, of a length that cannot be: 00 00 01")


def test_padding_of_the_link_is_no_payload():
    found = anatomy(oracle.sent(Protocol.TCP) + bytes(2))
    assert values(found)["padding"] == "00 00"
    assert found.layers[-1].title == "Behind the packet"


def test_another_protocol_is_named_and_left_alone():
    packet = wire.encode_ip(b"abcd", source=b"\x01" * 4, target=b"\x02" * 4, protocol=47)
    found = anatomy(packet)
    assert (found.layers[-1].title, values(found)["other.data"]) == ("GRE", "61 62 63 64")


@pytest.mark.parametrize(("protocol", "multipath", "af"), CASES)
def test_our_payload_is_known_by_its_secret(protocol, multipath, af):
    plan, probe = plan_for(protocol, multipath, af), probe_for(seq=33450)
    packet = wire.encode_probe(plan, probe)
    secret = wire.probe_secret(plan, probe)
    found = anatomy(packet, ours=Ours((secret,), probe.seq))
    check_cover(found)
    shown = values(found)
    offset = wire.secret_offset(plan, probe)
    if offset is None:
        assert "payload.secret" not in shown
        return
    payload = next(field for field in found.fields if field.key.startswith("payload"))
    place = next(field for field in found.fields if field.key == "payload.secret")
    assert place.bit == payload.bit + 8 * offset
    assert shown["payload.secret"].endswith("of this run")
    assert ("payload.solved" in shown) == (protocol is Protocol.ICMP or multipath is Multipath.PARIS)
    assert ("payload.magic" in shown) == (multipath is Multipath.DUBLIN and af == 6)
    if multipath is Multipath.DUBLIN and af == 4:
        assert numbers(found)["payload.seq"] == probe.seq
        assert numbers(found)["payload.complement"] == probe.seq ^ 0xFFFF
    assert "payload.secret" not in values(anatomy(packet))


def test_a_message_without_its_header_is_read_from_where_it_begins():
    message = wire.encode_message(plan_for(Protocol.ICMP), probe_for())
    found = anatomy(message, start=Start.ICMP)
    assert [layer.key for layer in found.layers] == ["icmp", "payload"]
    assert values(found)["icmp.checksum"].endswith("right")
    six = ANSWERS["time exceeded: udp classic v6"][40:]
    assert words(six, "icmp.checksum", start=Start.ICMPV6).endswith("it covers more than is here")
    assert values(anatomy(six, start=Start.ICMPV6), quoted=True)["udp.dport"] == "33500"
    assert values(anatomy(b"abc", start=Start.PAYLOAD)) == {"payload.data": "61 62 63"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (bytes((3, 3, 7, 1)), {"tcp.option.3": "7", "tcp.option.1": "1"}),
        (bytes((4, 2, 1, 1)), {"tcp.option.4": "yes", "tcp.option.1": "1"}),
        (bytes((1, 1, 8, 10, 0, 0, 0, 5, 0, 0, 0, 9)), {"tcp.option.1": "1", "tcp.option.8": "5, echoing 9"}),
        (bytes((2, 3, 9, 0)), {"tcp.option.2": "09", "tcp.option.0": "00"}),
        (bytes((2, 40, 9, 9)), {"tcp.option.2": "of a length that cannot be"}),
        (bytes((77, 4, 9, 9)), {"tcp.option.77": "09 09"}),
    ],
)
def test_tcp_options_say_what_they_ask(options, told):
    packet = wire.encode_ip(
        wire.encode_tcp(
            source=b"\1" * 4, target=b"\2" * 4, sport=1, dport=2, seq=3, flags=wire.SYN, options=options
        ),
        source=b"\1" * 4,
        target=b"\2" * 4,
        protocol=wire.TCP,
    )
    shown = values(anatomy(packet))
    assert {key: value for key, value in shown.items() if key.startswith("tcp.option")} == told
    short = anatomy(packet[:32] + b"\x40" + packet[33:])  # a header of four words cannot be
    check_cover(short)
    assert NOT_UNDERSTOOD in values(short)
