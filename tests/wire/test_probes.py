"""Probes, against packets that scapy builds from the same fields."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.oracle import (
    CASES,
    ICMP,
    IP,
    SECRET,
    SOURCE,
    TARGET,
    TCP,
    UDP,
    ICMPv6EchoRequest,
    IPv6,
    Packet,
    plan_for,
    probe_for,
)
from trippy_nb import wire
from trippy_nb.model import ICMP_FLOWS, Multipath, Plan, Probe, Protocol, flow_checksum, flow_label

cases = pytest.mark.parametrize(("protocol", "multipath", "af"), CASES)
ports, words = st.integers(1, 0xFFFF), st.integers(1, 0xFFFF)
HEADER = {4: 20, 6: 40}


def scapy_probe(plan: Plan, probe: Probe, payload: bytes) -> bytes:
    """Build the probe from its fields; checksums and lengths are scapy's."""
    if plan.af == 4:
        numbered = plan.protocol is Protocol.UDP and plan.multipath is not Multipath.CLASSIC
        ip_id = probe.seq if numbered else 0
        ip: Packet = IP(
            src=plan.source, dst=plan.target.addr, ttl=probe.ttl, tos=plan.config.tos, id=ip_id, flags="DF"
        )
    else:
        ip = IPv6(
            src=plan.source, dst=plan.target.addr, hlim=probe.ttl, tc=plan.config.tos, fl=plan.flow_label
        )
    if plan.protocol is Protocol.UDP:
        return bytes(ip / UDP(sport=probe.sport, dport=probe.dport) / payload)
    if plan.protocol is Protocol.TCP:
        seq = int.from_bytes(plan.secret[:2], "big") << 16 | probe.seq
        options = [("MSS", 1460 if plan.af == 4 else 1440)]
        syn = TCP(sport=probe.sport, dport=probe.dport, seq=seq, flags="S", window=65535, options=options)
        return bytes(ip / syn)
    if plan.af == 4:
        return bytes(ip / ICMP(type=8, id=plan.trace_id, seq=probe.seq) / payload)
    return bytes(ip / ICMPv6EchoRequest(id=plan.trace_id, seq=probe.seq, data=payload))


@cases
@given(
    ttl=st.integers(1, 254),
    step=st.integers(0, 1023),
    sport=ports,
    dport=ports,
    size=st.integers(50, 1024),
    tos=st.integers(0, 255),
    pattern=st.integers(0, 255),
    wanted=st.integers(1, 0xFFFE),
)
def test_a_probe_is_what_scapy_builds_from_its_fields(
    protocol, multipath, af, ttl, step, sport, dport, size, tos, pattern, wanted
):
    plan = plan_for(
        protocol, multipath, af, packet_size=size, tos=tos, payload_pattern=pattern, icmp_checksum=wanted
    )
    probe = probe_for(ttl, 33434 + step, sport, dport)
    packet = wire.encode_probe(plan, probe)
    header = HEADER[af] + (24 if protocol is Protocol.TCP else 8)
    # scapy is given our payload and computes the checksum: that it is the wanted one, the next tests say.
    assert packet == scapy_probe(plan, probe, packet[header:])


@cases
def test_the_size_is_the_configured_one_but_where_it_cannot_be(protocol, multipath, af):
    plan = plan_for(protocol, multipath, af, packet_size=100)
    size = len(wire.encode_probe(plan, probe_for(seq=33434 + 16)))
    expected = 100
    if protocol is Protocol.TCP:
        expected = HEADER[af] + 24
    elif multipath is Multipath.DUBLIN and af == 6:
        expected = 40 + 8 + 6 + 16
    assert size == expected


@pytest.mark.parametrize("af", [4, 6])
@given(seq=words, wanted=st.integers(1, 0xFFFE), size=st.integers(0, 40), trace_id=words)
def test_every_icmp_probe_of_a_run_has_the_one_checksum(af, seq, wanted, size, trace_id):
    plan = plan_for(
        Protocol.ICMP, af=af, icmp_checksum=wanted, trace_id=trace_id, packet_size=HEADER[af] + 10 + size
    )
    message = wire.encode_message(plan, probe_for(seq=seq))
    assert message[2:8] == b"".join(n.to_bytes(2, "big") for n in (wanted, trace_id, seq))
    expected = (SECRET if size >= 8 else b"").ljust(size, b"\0")
    assert message[10:] == expected


@pytest.mark.parametrize("af", [4, 6])
@given(seq=words, sport=ports, dport=ports, size=st.integers(0, 40), pattern=st.integers(0, 255))
def test_a_paris_probe_has_its_number_for_a_checksum(af, seq, sport, dport, size, pattern):
    plan = plan_for(
        Protocol.UDP, Multipath.PARIS, af, packet_size=HEADER[af] + 10 + size, payload_pattern=pattern
    )
    packet = wire.encode_probe(plan, probe_for(seq=seq, sport=sport, dport=dport))
    datagram = wire.decode_udp(packet[HEADER[af] :])
    assert (datagram.checksum, datagram.sport, datagram.dport) == (seq, sport, dport)
    assert datagram.payload[2:] == (SECRET if size >= 8 else b"").ljust(size, bytes((pattern,)))


@pytest.mark.parametrize("af", [4, 6])
@pytest.mark.parametrize(
    ("protocol", "multipath"), [(Protocol.ICMP, Multipath.CLASSIC), (Protocol.UDP, Multipath.PARIS)]
)
def test_probes_of_one_flow_differ_only_in_their_number_and_the_word_that_hides_it(protocol, multipath, af):
    plan = plan_for(protocol, multipath, af)
    first, second = (wire.encode_probe(plan, probe_for(seq=seq)) for seq in (33434, 33435))
    different = {i for i in range(len(first)) if first[i] != second[i]}
    number = {HEADER[af] + 6, HEADER[af] + 7}  # ICMP sequence, or UDP checksum
    if af == 4 and protocol is Protocol.UDP:
        number |= {4, 5, 10, 11}  # identification, and the checksum of the header
    assert different <= number | {HEADER[af] + 8, HEADER[af] + 9}
    assert first[HEADER[af] : HEADER[af] + 4] == second[HEADER[af] : HEADER[af] + 4]


@given(step=st.integers(0, 1023))
def test_dublin_numbers_by_identification_on_ipv4_and_keeps_its_checksum(step):
    plan, seq = plan_for(Protocol.UDP, Multipath.DUBLIN), 33434 + step
    read = wire.decode_ip(wire.encode_probe(plan, probe_for(seq=seq)))
    assert read.ip_id == seq
    datagram = wire.decode_udp(read.payload)
    pair = seq.to_bytes(2, "big") + (seq ^ 0xFFFF).to_bytes(2, "big")
    assert datagram.payload == SECRET + pair + bytes(84 - 28 - 12)
    assert wire.payload_number(plan, datagram.payload) == seq
    first = wire.decode_ip(wire.encode_probe(plan, probe_for(seq=33434)))
    assert datagram.checksum == wire.decode_udp(first.payload).checksum


@given(step=st.integers(0, 1023), size=st.integers(28, 47))
def test_a_small_dublin_probe_has_no_room_for_its_number(step, size):
    plan = plan_for(Protocol.UDP, Multipath.DUBLIN, packet_size=size)
    read = wire.decode_ip(wire.encode_probe(plan, probe_for(seq=33434 + step)))
    payload = wire.decode_udp(read.payload).payload
    assert wire.payload_number(plan, payload) == (33434 + step if size >= 40 else None)


@given(step=st.integers(0, 1023))
def test_dublin_numbers_by_length_on_ipv6_after_its_magic(step):
    plan = plan_for(Protocol.UDP, Multipath.DUBLIN, 6, payload_pattern=7)
    read = wire.decode_ip(wire.encode_probe(plan, probe_for(seq=33434 + step)))
    payload = wire.decode_udp(read.payload).payload
    assert len(payload) - 6 == step
    assert payload == b"trippy" + (SECRET if step >= 8 else b"").ljust(step, b"\x07")


@pytest.mark.parametrize("af", [4, 6])
@given(flow=words, seq=words, wanted=st.integers(1, 0xFFFE))
def test_each_flow_has_a_checksum_and_a_label_of_its_own(af, flow, seq, wanted):
    plan = plan_for(Protocol.ICMP, Multipath.PARIS, af, icmp_checksum=wanted)
    probe = replace(probe_for(seq=seq), flow=flow)
    read = wire.decode_ip(wire.encode_probe(plan, probe))
    message = wire.decode_icmp(read.payload, af=af)
    assert message.checksum == flow_checksum(plan, flow)
    assert message.sequence == seq
    if af == 6:
        assert read.flow_label == flow_label(plan, flow)


def test_no_two_flows_look_alike_and_none_has_a_zero():
    plan = plan_for(Protocol.ICMP, af=6, icmp_checksum=0xBEEF)
    sums = {flow_checksum(plan, flow) for flow in range(ICMP_FLOWS)}
    assert sums == set(range(1, 0xFFFF))
    labels = {flow_label(plan, flow) for flow in range(0x10000)}
    assert len(labels) == 0x10000
    assert 0 not in labels
    assert (flow_checksum(plan, 0), flow_label(plan, 0)) == (plan.icmp_checksum, plan.flow_label)


def test_a_number_below_the_initial_one_has_no_length():
    plan = plan_for(Protocol.UDP, Multipath.DUBLIN, 6)
    with pytest.raises(ValueError, match="below the initial"):
        wire.encode_probe(plan, probe_for(seq=33433))


@pytest.mark.parametrize("af", [4, 6])
def test_a_syn_carries_secret_and_number_and_no_payload(af):
    packet = wire.encode_probe(plan_for(Protocol.TCP, af=af, packet_size=1000), probe_for(seq=0x8299))
    segment = wire.decode_tcp(wire.decode_ip(packet).payload)
    assert (segment.seq, segment.flags, segment.window) == (0xA1B28299, wire.SYN, 65535)
    assert (segment.sport, segment.dport, segment.payload) == (5000, 33500, b"")


@cases
def test_a_datagram_socket_is_handed_the_part_that_the_kernel_does_not_write(protocol, multipath, af):
    plan, probe = plan_for(protocol, multipath, af), probe_for()
    header = HEADER[af] + (0 if protocol is Protocol.ICMP else 8)
    expected = b"" if protocol is Protocol.TCP else wire.encode_probe(plan, probe)[header:]
    assert wire.encode_message(plan, probe) == expected


@pytest.mark.parametrize("af", [4, 6])
@given(seq=words, size=st.integers(0, 20))
def test_an_icmp_probe_without_a_fixed_checksum_has_the_real_one(af, seq, size):
    plan = plan_for(Protocol.ICMP, af=af, icmp_checksum=None, packet_size=HEADER[af] + 8 + size)
    packet = wire.encode_probe(plan, probe_for(seq=seq))
    assert packet == scapy_probe(plan, probe_for(seq=seq), (SECRET if size >= 8 else b"").ljust(size, b"\0"))


@pytest.mark.parametrize(
    ("protocol", "multipath", "af"), [case for case in CASES if case[0] is not Protocol.TCP]
)
@given(size=st.integers(50, 90), step=st.integers(0, 40))
def test_the_secret_is_where_it_is_said_to_be(protocol, multipath, af, size, step):
    plan = plan_for(protocol, multipath, af, packet_size=size)
    probe = probe_for(seq=33434 + step)
    payload = wire.encode_probe(plan, probe)[HEADER[af] + 8 :]
    offset = wire.secret_offset(plan, probe)
    found = payload.find(SECRET)
    assert offset == (None if found < 0 else found)


@pytest.mark.parametrize(("protocol", "multipath", "af"), CASES)
def test_the_same_number_in_another_round_is_another_packet_unless_the_flow_forbids_it(
    protocol, multipath, af
):
    plan = plan_for(protocol, multipath, af)
    one, other = (replace(probe_for(), round=number) for number in (7, 70_007))
    packets = [wire.encode_probe(plan, probe) for probe in (one, other)]
    apart = multipath is Multipath.CLASSIC
    assert (packets[0] != packets[1]) == apart
    assert (wire.probe_secret(plan, one) != wire.probe_secret(plan, other)) == apart
    if protocol is Protocol.TCP:
        assert wire.tcp_sequence(plan, one) & 0xFFFF == wire.tcp_sequence(plan, other) & 0xFFFF == one.seq
        assert wire.tcp_sequence(plan, one) != wire.tcp_sequence(plan, other)
    else:
        offset = wire.secret_offset(plan, other)
        assert offset is None or packets[1][HEADER[af] + 8 + offset :][:8] == wire.probe_secret(plan, other)


def test_tcp_has_no_payload_to_hold_a_secret():
    assert wire.secret_offset(plan_for(Protocol.TCP), probe_for()) is None


def test_the_smallest_probes_have_just_their_headers():
    for af, size in ((4, 28), (6, 48)):
        plan = plan_for(Protocol.UDP, af=af, packet_size=size)
        assert len(wire.encode_probe(plan, probe_for())) == size
        ping = plan_for(Protocol.ICMP, af=af, packet_size=size, icmp_checksum=None)
        assert len(wire.encode_probe(ping, probe_for())) == size
        assert (SOURCE[af], TARGET[af]) == (plan.source, plan.target.addr)
