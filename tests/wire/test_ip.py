"""IPv4 and IPv6 headers, both ways, against scapy."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.oracle import IP, ROUTER, SOURCE, TARGET, IPv6, patched
from trippy_nb import wire
from trippy_nb.errors import BadPacketError
from trippy_nb.wire.ipv6 import walk_headers

octet, word = st.integers(0, 255), st.integers(0, 0xFFFF)
v4 = st.ip_addresses(v=4).map(str)
v6 = st.ip_addresses(v=6).map(str).filter(lambda text: ipaddress.IPv6Address(text).ipv4_mapped is None)
pack = wire.pack_address

# An IPv4 header with its well-known checksum 0xb861, and what it says.
KNOWN = bytes.fromhex("450000730000400040 11b861c0a80001c0a800c7") + bytes(0x73 - 20)


def test_a_known_header_reads_as_what_it_says():
    packet = wire.decode_ip(KNOWN)
    assert (packet.src, packet.dst) == ("192.168.0.1", "192.168.0.199")
    assert (packet.af, packet.ttl, packet.protocol, packet.tos) == (4, 64, wire.UDP, 0)
    assert (packet.size, packet.header_size, packet.ip_id, packet.flow_label) == (115, 20, 0, None)
    assert (packet.dont_fragment, packet.more_fragments, packet.fragment_offset) == (True, False, 0)


def test_a_known_header_is_written_byte_for_byte():
    written = wire.encode_ip(
        bytes(0x73 - 20),
        source=pack("192.168.0.1"),
        target=pack("192.168.0.199"),
        protocol=wire.UDP,
        dont_fragment=True,
    )
    assert written == KNOWN


@given(v4, v4, octet, octet, octet, word, st.booleans(), st.binary(max_size=64))
def test_ipv4_is_written_as_scapy_writes_it_and_read_back(src, dst, protocol, ttl, tos, ip_id, keep, payload):
    flags = "DF" if keep else 0
    expected = bytes(IP(src=src, dst=dst, proto=protocol, ttl=ttl, tos=tos, id=ip_id, flags=flags) / payload)
    written = wire.encode_ip(
        payload, source=pack(src), target=pack(dst), protocol=protocol, ttl=ttl, tos=tos, ip_id=ip_id,
        dont_fragment=keep, flow_label=99,
    )  # fmt: skip
    assert written == expected
    read = wire.decode_ip(written)
    assert (read.src, read.dst, read.protocol, read.ttl, read.tos) == (src, dst, protocol, ttl, tos)
    assert (read.ip_id, read.dont_fragment, read.payload) == (ip_id, keep, payload)


@given(v6, v6, octet, octet, octet, st.integers(0, 0xFFFFF), st.binary(max_size=64))
def test_ipv6_is_written_as_scapy_writes_it(src, dst, protocol, hlim, tclass, label, payload):
    expected = bytes(IPv6(src=src, dst=dst, nh=protocol, hlim=hlim, tc=tclass, fl=label) / payload)
    written = wire.encode_ip(
        payload, source=pack(src), target=pack(dst), protocol=protocol, ttl=hlim, tos=tclass,
        flow_label=label, ip_id=7, dont_fragment=True,
    )  # fmt: skip
    assert written == expected


@given(v6, v6, octet, octet, st.integers(0, 0xFFFFF), st.binary(max_size=64))
def test_ipv6_reads_back_as_it_was_written(src, dst, hlim, tclass, label, payload):
    written = wire.encode_ip(
        payload, source=pack(src), target=pack(dst), protocol=58, ttl=hlim, tos=tclass, flow_label=label
    )
    read = wire.decode_ip(written)
    assert (read.af, read.src, read.dst, read.protocol) == (6, src, dst, 58)
    assert (read.ttl, read.tos, read.flow_label, read.ip_id) == (hlim, tclass, label, None)
    assert (read.payload, read.size, read.header_size) == (payload, 40 + len(payload), 40)


@given(st.sampled_from([4, 6]), octet, octet)
def test_another_ttl_is_the_packet_written_with_that_ttl(af, first, second):
    def packet(ttl):
        return wire.encode_ip(b"x", source=pack(SOURCE[af]), target=pack(TARGET[af]), protocol=17, ttl=ttl)

    assert wire.with_ttl(packet(first), second) == packet(second)


def test_a_wrong_header_checksum_stays_wrong_when_the_ttl_is_lowered():
    wrong = patched(KNOWN, 10, 0xB8, 0x62)
    assert wire.with_ttl(wrong, 63)[10:12] == bytes.fromhex("b962")


@pytest.mark.parametrize("junk", [b"", b"\x45", bytes(19), b"\x45" * 19, b"\x60" * 39, b"\x50" * 60])
def test_only_a_packet_gets_another_ttl(junk):
    with pytest.raises(ValueError, match="no packet"):
        wire.with_ttl(junk, 3)


def test_options_are_skipped_as_scapy_skips_them():
    packet = bytes(IP(src="192.0.2.1", dst="192.0.2.2", proto=17, options=[b"\x94\x04\0\0"]) / b"payload")
    read = wire.decode_ip(packet)
    assert (read.header_size, read.payload) == (24, b"payload")


def test_padding_of_the_link_is_left_off():
    for af in (4, 6):
        packet = wire.encode_ip(b"ping", source=pack(SOURCE[af]), target=pack(TARGET[af]), protocol=1)
        assert wire.decode_ip(packet + bytes(18)).payload == b"ping"


def test_fragments_say_where_they_belong():
    read = wire.decode_ip(bytes(IP(src="192.0.2.1", dst="192.0.2.2", flags="MF", frag=185) / b"x"))
    assert (read.more_fragments, read.fragment_offset, read.dont_fragment) == (True, 1480, False)


@pytest.mark.parametrize(
    ("change", "octets"),
    [(0, (0x55,)), (0, (0x44,)), (0, (0x46,)), (2, (0, 19)), (2, (0, 200)), (0, (0x4F,))],
    ids=["version 5", "header of 16", "options cut", "shorter than the header", "longer than it is", "60"],
)
def test_an_ipv4_header_that_contradicts_the_packet_is_bad(change, octets):
    packet = wire.encode_ip(b"", source=pack(SOURCE[4]), target=pack(TARGET[4]), protocol=17)
    with pytest.raises(BadPacketError):
        wire.decode_ip(patched(packet, change, *octets))


def test_the_beginning_of_a_packet_holds_at_least_its_header():
    packet = bytes(IP(src="192.0.2.1", dst="192.0.2.2", proto=17, options=[b"\x94\x04\0\0"]) / b"payload")
    assert wire.ipv4.decode_ipv4(packet[:24], whole=False).payload == b""
    for size in range(24):
        with pytest.raises(BadPacketError):
            wire.ipv4.decode_ipv4(packet[:size], whole=False)


def test_the_family_decoders_refuse_the_other_family():
    with pytest.raises(BadPacketError, match="no IPv4"):
        wire.ipv4.decode_ipv4(b"\x60" + bytes(39))
    with pytest.raises(BadPacketError, match="no IPv6"):
        wire.ipv6.decode_ipv6(b"\x45" + bytes(39))


@pytest.mark.parametrize("af", [4, 6])
def test_a_payload_too_long_for_the_length_field_is_refused(af):
    with pytest.raises(ValueError, match="longer than 65535"):
        wire.encode_ip(bytes(65536), source=pack(SOURCE[af]), target=pack(TARGET[af]), protocol=17)


# next header, then bytes of the chain, then what comes out: protocol, offset, fragment offset, complete
CHAINS = [
    (17, "", (17, 0, 0, True)),
    (0, "3a00" + "00" * 6, (58, 8, 0, True)),  # hop-by-hop of 8 bytes
    (60, "1101" + "00" * 14, (17, 16, 0, True)),  # destination options of 16
    (43, "0600" + "00" * 6, (6, 8, 0, True)),  # routing
    (44, "3a00" + "0001" + "00000007", (58, 8, 0, True)),  # first fragment
    (44, "3a00" + "0b99" + "00000007", (58, 8, 0x0B98, True)),  # later fragment: nothing to read after it
    (44, "3c00" + "0b99" + "00000007", (60, 8, 0x0B98, True)),  # what follows is no header, whatever it says
    (51, "1104" + "00" * 22, (17, 24, 0, True)),  # authentication counts words of 4, less 2
    (51, "1100" + "00" * 6, (17, 8, 0, True)),
    (0, "2b00" + "00" * 6 + "3a00" + "00" * 6, (58, 16, 0, True)),  # two in a row
    (0, "", (0, 0, 0, False)),
    (0, "3a00", (0, 0, 0, False)),
    (0, "3aff" + "00" * 6, (58, 2048, 0, False)),
    (0, "0000" + "00" * 6, (0, 8, 0, False)),  # it says another one follows, and none does
]


@pytest.mark.parametrize(("first", "chain", "expected"), CHAINS)
def test_extension_headers_are_walked(first, chain, expected):
    found = walk_headers(bytes.fromhex(chain), first)
    assert (found.protocol, found.offset, found.fragment_offset, found.complete) == expected


@pytest.mark.parametrize(("first", "chain", "expected"), [case for case in CHAINS if case[2][3]])
def test_a_packet_behind_extension_headers_is_found(first, chain, expected):
    octets = bytes.fromhex(chain)
    packet = wire.encode_ip(octets + b"deep", source=pack(SOURCE[6]), target=pack(TARGET[6]), protocol=first)
    read = wire.decode_ip(packet)
    assert (read.protocol, read.fragment_offset, read.payload) == (expected[0], expected[2], b"deep")
    assert read.header_size == 40 + len(octets)


def test_a_packet_that_ends_inside_its_extension_headers_is_bad():
    packet = wire.encode_ip(b"\x3a\xff", source=pack(SOURCE[6]), target=pack(TARGET[6]), protocol=0)
    with pytest.raises(BadPacketError, match="extension header 0"):
        wire.decode_ip(packet)


@given(st.one_of(st.binary(min_size=4, max_size=4), st.binary(min_size=16, max_size=16)))
def test_addresses_are_spelled_as_ipaddress_spells_them_and_mapped_ones_as_ipv4(packed):
    parsed = ipaddress.ip_address(packed)
    mapped = getattr(parsed, "ipv4_mapped", None)
    assert wire.address_text(packed) == str(mapped or parsed)


def test_an_ipv4_mapped_address_is_ipv4():
    assert wire.address_text(bytes(10) + b"\xff\xff\xc0\0\x02\x01") == "192.0.2.1"
    assert wire.pack_address("::ffff:192.0.2.1") == b"\xc0\0\x02\x01"
    assert wire.pack_address("fe80::1%eth0") == pack("fe80::1")


def test_a_text_that_is_no_address_cannot_be_packed():
    with pytest.raises(ValueError, match=r"not-one"):
        wire.pack_address("not-one")
    assert wire.pack_address(ROUTER[4]) == bytes((203, 0, 113, 5))
