"""What boxes rewrite, against scapy, which makes every checksum anew."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.oracle import CASES, HEADERS, IP, TCP, IPv6, plan_for, probe_for
from trippy_nb import wire
from trippy_nb.model import Protocol
from trippy_nb.sim.rewrite import rewritten
from trippy_nb.sim.scenario import Rewrite

cases = pytest.mark.parametrize(("protocol", "multipath", "af"), CASES)
bits = st.integers(0, 2**64 - 1)
word = st.integers(0, 0xFFFF)


def packet_for(protocol, multipath, af, **options) -> bytes:
    return wire.encode_probe(plan_for(protocol, multipath, af, **options), probe_for())


def read(packet: bytes):
    return (IP if packet[0] >> 4 == 4 else IPv6)(packet)


def has_right_checksums(packet: bytes) -> bool:
    again = read(packet)
    for layer in (again, again.payload):
        for name in {"chksum", "cksum"} & set(layer.fields):
            layer.delfieldval(name)
    return bytes(again) == packet


@cases
@given(bits)
def test_a_box_that_names_nothing_changes_nothing(protocol, multipath, af, chance):
    packet = packet_for(protocol, multipath, af)
    assert rewritten(packet, Rewrite(), chance) is packet


@cases
@given(st.integers(0, 63) | st.none(), st.integers(0, 3) | st.none(), st.integers(0, 255))
def test_dscp_and_ecn_are_bleached_apart(protocol, multipath, af, dscp, ecn, sent):
    packet = packet_for(protocol, multipath, af, tos=sent)
    changed = rewritten(packet, Rewrite(dscp=dscp, ecn=ecn), 0)
    tos = wire.decode_ip(changed).tos
    assert tos >> 2 == (sent >> 2 if dscp is None else dscp)
    assert tos & 3 == (sent & 3 if ecn is None else ecn)
    assert has_right_checksums(changed)


@cases
def test_the_whole_type_of_service_may_be_named(protocol, multipath, af):
    changed = rewritten(packet_for(protocol, multipath, af, tos=0xB8), Rewrite(tos=0x28), 0)
    assert wire.decode_ip(changed).tos == 0x28


@cases
@given(word, st.booleans(), st.integers(0, 0xFFFFF))
def test_every_field_is_rewritten_in_its_own_family(protocol, multipath, af, ip_id, df, label):
    packet = packet_for(protocol, multipath, af)
    changed = rewritten(packet, Rewrite(ip_id=ip_id, df=df, flow_label=label), 0)
    layer, old = read(changed), read(packet)
    if af == 4:
        assert (layer.id, bool(layer.flags.DF)) == (ip_id, df)
    else:
        assert layer.fl == label
    assert bytes(layer.payload) == bytes(old.payload)
    assert (layer.src, layer.dst) == (old.src, old.dst)
    assert has_right_checksums(changed)


def test_a_random_identification_follows_from_the_packets_bits():
    packet = packet_for(Protocol.UDP, CASES[1][1], 4)
    found = [read(rewritten(packet, Rewrite(ip_id="random"), chance << 16)).id for chance in range(100)]
    assert found == list(range(100))
    assert read(rewritten(packet, Rewrite(ip_id="random"), 0xBEEF)).id == 0  # not the answer's own number


@pytest.mark.parametrize("af", [4, 6])
@given(word)
def test_a_syn_states_no_more_than_the_clamp(af, mss):
    packet = packet_for(Protocol.TCP, CASES[-1][1], af)
    changed = rewritten(packet, Rewrite(mss=mss), 0)
    stated = 1460 if af == 4 else 1440
    assert read(changed)[TCP].options == [("MSS", min(stated, mss))]
    assert has_right_checksums(changed)
    assert len(changed) == len(packet)


@pytest.mark.parametrize("af", [4, 6])
def test_a_clamp_leaves_what_is_no_syn_alone(af):
    for protocol, multipath in ((Protocol.UDP, CASES[1][1]), (Protocol.ICMP, CASES[0][1])):
        packet = packet_for(protocol, multipath, af)
        assert rewritten(packet, Rewrite(mss=500), 0) is packet
    bare = packet_for(Protocol.TCP, CASES[-1][1], af)
    reset = bytearray(bare)
    reset[HEADERS[af] + 13] = wire.RST
    assert rewritten(bytes(reset), Rewrite(mss=500), 0) == bytes(reset)
