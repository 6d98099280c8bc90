"""Fields replaced on the way: against scapy, which makes every checksum anew."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.oracle import CASES, HEADERS, IP, ROUTER, TARGET, TCP, UDP, IPv6, sent
from trippy_nb import wire
from trippy_nb.model import Protocol
from trippy_nb.wire import pack_address

cases = pytest.mark.parametrize(("protocol", "multipath", "af"), CASES)
v4_cases = pytest.mark.parametrize(
    ("protocol", "multipath"), [(protocol, multipath) for protocol, multipath, af in CASES if af == 4]
)
octet, word, address = st.integers(0, 255), st.integers(0, 0xFFFF), st.binary(min_size=4, max_size=4)


def by_scapy(packet: bytes, *transport: str, **fields: Any) -> bytes:
    """Set fields of the IP header, let scapy make its checksum, and those of the layers named."""
    read = (IP if packet[0] >> 4 == 4 else IPv6)(packet)
    for name, value in fields.items():
        setattr(read, name, value)
    for layer in (read, *(read[name] for name in transport)):
        for name in {"chksum", "cksum"} & set(layer.fields):
            layer.delfieldval(name)
    return bytes(read)


@cases
@given(tos=octet)
def test_tos_is_what_scapy_writes(protocol, multipath, af, tos):
    packet = sent(protocol, multipath, af)
    assert wire.with_tos(packet, tos) == by_scapy(packet, **{"tos" if af == 4 else "tc": tos})


@cases
@given(ip_id=word, keep=st.booleans(), label=st.integers(0, 0xFFFFF))
def test_fields_of_one_family_are_no_fields_of_the_other(protocol, multipath, af, ip_id, keep, label):
    packet = sent(protocol, multipath, af)
    found = (
        wire.with_ip_id(packet, ip_id),
        wire.with_dont_fragment(packet, keep),
        wire.with_flow_label(packet, label),
    )
    if af == 4:
        flags = "DF" if keep else 0
        assert found == (by_scapy(packet, id=ip_id), by_scapy(packet, flags=flags), packet)
    else:
        assert found == (packet, packet, by_scapy(packet, fl=label))


def test_a_checksum_that_was_wrong_stays_as_wrong():
    packet = bytearray(sent(Protocol.UDP))
    packet[10:12] = (0x1234).to_bytes(2, "big")
    header = wire.with_tos(bytes(packet), 0x55)[:20]
    assert wire.verify_checksum(header) == wire.verify_checksum(bytes(packet[:20])) is False
    assert wire.with_tos(header, 0) == bytes(packet[:20])


@v4_cases
@given(addr=address, number=word)
def test_another_source_is_what_scapy_writes(protocol, multipath, addr, number):
    packet = sent(protocol, multipath)
    layer = {Protocol.UDP: "UDP", Protocol.TCP: "TCP", Protocol.ICMP: "ICMP"}[protocol]
    read = IP(packet)
    setattr(read[layer], "id" if layer == "ICMP" else "sport", number)
    expected = by_scapy(bytes(read), layer, src=wire.address_text(addr))
    assert wire.with_source(packet, addr, number) == expected
    assert wire.find_number(expected) == number
    assert wire.find_checksum(expected) == IP(expected)[layer].chksum


@pytest.mark.parametrize("protocol", [Protocol.UDP, Protocol.TCP])
@given(addr=address, number=word)
def test_another_target_is_what_scapy_writes(protocol, addr, number):
    packet = sent(protocol)
    layer = {Protocol.UDP: UDP, Protocol.TCP: TCP}[protocol]
    read = IP(packet)
    read[layer].dport = number
    expected = by_scapy(bytes(read), layer.__name__, dst=wire.address_text(addr))
    assert wire.with_target(packet, addr, number) == expected
    assert wire.find_number(expected, of_target=True) == number


@v4_cases
@given(addr=address, number=word, size=st.integers(28, 60), pad=st.integers(0, 80))
def test_a_source_set_there_and_back_leaves_a_cut_packet_as_it_was(
    protocol, multipath, addr, number, size, pad
):
    packet = sent(protocol, multipath)
    beginning = packet[:size] + bytes(pad)
    there = wire.with_source(beginning, addr, number)
    back = wire.with_source(there, packet[12:16], wire.find_number(packet))
    assert len(there) == len(beginning)
    assert back == beginning


def test_zeros_that_pad_a_short_quote_are_no_checksum():
    padded = sent(Protocol.TCP)[:28] + bytes(100)
    changed = wire.with_source(padded, bytes(4), 77)
    assert changed[28:] == bytes(100)


@v4_cases
@given(addr=address, number=word)
def test_a_kept_checksum_is_the_old_one_and_the_header_is_right(protocol, multipath, addr, number):
    packet = sent(protocol, multipath)
    kept = wire.with_source(packet, addr, number, keep_checksum=True)
    offset = 20 + {Protocol.ICMP: 2, Protocol.UDP: 6, Protocol.TCP: 16}[protocol]
    assert kept[offset : offset + 2] == packet[offset : offset + 2]
    assert wire.verify_checksum(kept[:20])
    assert (kept[12:16], wire.find_number(kept)) == (addr, number)


@given(addr=address, number=word)
def test_a_datagram_without_a_checksum_gets_none(addr, number):
    packet = bytearray(sent(Protocol.UDP))
    packet[26:28] = b"\0\0"
    assert wire.with_source(bytes(packet), addr, number)[26:28] == b"\0\0"


def test_a_udp_checksum_that_comes_out_as_zero_is_sent_as_ones():
    packet = sent(Protocol.UDP)
    total = int.from_bytes(packet[26:28], "big")
    number = (wire.find_number(packet) or 0) + total  # the checksum is lowered by what the port is raised
    while number > 0xFFFF:
        number -= 0xFFFF
    changed = wire.with_source(packet, packet[12:16], number)
    assert changed[26:28] == b"\xff\xff"
    assert changed == by_scapy(changed, "UDP")


def test_a_change_to_what_was_there_changes_nothing_whichever_way_zero_is_spelled():
    for zero in (b"\0\0", b"\xff\xff"):
        packet = bytearray(sent(Protocol.ICMP))
        packet[22:24] = packet[10:12] = zero
        same = bytes(packet)
        assert wire.with_source(same, same[12:16], wire.find_number(same)) == same
        assert wire.with_tos(same, same[1]) == same


def test_what_has_no_port_changes_its_address_only():
    ends: dict[str, Any] = {"source": pack_address(ROUTER[4]), "target": pack_address(TARGET[4])}
    other = wire.encode_ip(bytes(40), **ends, protocol=47)
    error = wire.encode_icmp_error(sent(Protocol.UDP), source=ROUTER[4], icmp_type=11, icmp_code=0)
    later = bytearray(sent(Protocol.UDP))
    later[6:8] = (0x2000 | 5).to_bytes(2, "big")
    for packet in (other, error, bytes(later)):
        assert wire.find_number(packet) is None
        changed = wire.with_source(packet, bytes(4), 77)
        assert changed[:10] + changed[16:] == packet[:10] + packet[16:]


@pytest.mark.parametrize("af", [4, 6])
@pytest.mark.parametrize("lead", [b"", b"\x01", b"\x01\x01", b"\x03\x03\x07", b"\x08\x0a" + bytes(8)])
@given(mss=word, limit=word)
def test_a_syn_states_the_lesser_of_its_segment_size_and_the_limit(af, lead, mss, limit):
    packet = syn(af, lead + wire.mss_option(mss))
    clamped = wire.with_clamped_mss(packet, limit)
    assert clamped == syn(af, lead + wire.mss_option(min(mss, limit)))
    at = wire.find_mss(clamped[HEADERS[af] :])
    assert at == 20 + len(lead) + 2


def syn(af: int, options: bytes, flags: int = wire.SYN) -> bytes:
    ends: dict[str, Any] = {"source": pack_address(ROUTER[af]), "target": pack_address(TARGET[af])}
    segment = wire.encode_tcp(**ends, sport=1, dport=443, seq=7, flags=flags, options=options)
    return wire.encode_ip(segment, **ends, protocol=wire.TCP)


@pytest.mark.parametrize("af", [4, 6])
def test_only_a_syn_with_the_option_is_clamped(af):
    others = [
        syn(af, b""),
        syn(af, b"\x00" + wire.mss_option(1460)),  # after the end of options
        syn(af, b"\x01\x01\x02\x02"),  # of a length that it does not have
        syn(af, b"\x08\x00\x02\x04\xff\xff"),  # after one without a length
        syn(af, wire.mss_option(1460), flags=wire.ACK),
        sent(Protocol.UDP, af=af),
        syn(af, wire.mss_option(1460))[: HEADERS[af] + 20],  # cut off
    ]
    for packet in others:
        assert wire.with_clamped_mss(packet, 500) == packet


@given(st.binary(max_size=64))
def test_no_bytes_make_the_search_for_an_option_fail(segment):
    at = wire.find_mss(segment)
    assert at is None or segment[at - 2 : at] == b"\x02\x04"


@given(st.integers(5, 15), st.binary(min_size=19, max_size=64), address, word)
def test_no_quote_makes_a_change_of_source_fail(words, octets, addr, number):
    octets = bytes((0x40 | words,)) + octets
    assert len(wire.with_source(octets, addr, number)) == len(octets)
