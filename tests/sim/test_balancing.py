"""Which way a packet goes: by flow, by packet, by destination; by which fields; and how often."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.sim.world import FAMILIES, ask, plan_for, probe_at, small
from trippy_nb import sim
from trippy_nb.model import Protocol
from trippy_nb.sim.balancing import Balancer, hashed_fields
from trippy_nb.sim.delays import Dice
from trippy_nb.sim.routes import NextHop
from trippy_nb.wire import encode_echo, encode_ip, encode_tcp, encode_udp, pack_address, with_ttl

ENDS = {
    4: (pack_address("192.0.2.10"), pack_address("198.51.100.80")),
    6: (pack_address("2001:db8:10::10"), pack_address("2001:db8:80::80")),
}
THREE = tuple(NextHop(name) for name in "abc")
FORK = """
[[router]]
id = "a"
v4 = "192.0.2.3"
v6 = "2001:db8:10::3"

[[router]]
id = "b"
v4 = "192.0.2.4"
v6 = "2001:db8:10::4"
"""


def fork(*changes: tuple[str, str], **more: str) -> sim.SimNetwork:
    """source - r1 - {a, b} - r2 - target."""
    wide = ('via = ["r1", "r2"]', 'via = ["r1", ["a", "b"], "r2"]')
    return small(wide, *changes, extra=FORK + "".join(more.values()))


def udp(af: int = 4, *, sport: int = 1, dport: int = 2, tos: int = 0, label: int = 0) -> bytes:
    source, target = ENDS[af]
    segment = encode_udp(b"\0" * 8, source=source, target=target, sport=sport, dport=dport)
    return encode_ip(segment, source=source, target=target, protocol=17, tos=tos, flow_label=label)


def echo(af: int = 4, *, sequence: int = 1, identifier: int = 1, payload: bytes = b"") -> bytes:
    source, target = ENDS[af]
    message = encode_echo(payload, source=source, target=target, identifier=identifier, sequence=sequence)
    return encode_ip(message, source=source, target=target, protocol=1 if af == 4 else 58)


@pytest.mark.parametrize("weights", [(1, 1), (1, 1, 1, 1), (1, 2, 5), (0.5, 3)])
@pytest.mark.parametrize("policy", ["flow", "packet"])
def test_shares_are_the_weights(weights, policy):
    hops = [NextHop(str(number), float(weight)) for number, weight in enumerate(weights)]
    balancer = Balancer("r", hops, policy=policy, dice=Dice(3))
    chance = random.Random(1)
    drawn = [(udp(sport=chance.randrange(1024, 65536)), chance.getrandbits(64)) for _ in range(6000)]
    counts = Counter(balancer.choose(packet, bits) for packet, bits in drawn)
    expected = [weight / sum(weights) * len(drawn) for weight in weights]
    assert stats.chisquare([counts[number] for number in range(len(weights))], expected).pvalue > 1e-4
    assert balancer.shares == pytest.approx([weight / sum(weights) for weight in weights])


@given(st.integers(1, 65535), st.integers(1, 255), st.integers(0, 2**64 - 1))
def test_a_flow_goes_one_way_whatever_its_ttl_and_moment(sport, ttl, bits):
    balancer = Balancer("r", THREE, dice=Dice(1))
    packet = udp(sport=sport)
    assert balancer.choose(packet, 0) == balancer.choose(with_ttl(packet, ttl), bits)


def test_a_balancer_of_packets_sends_one_flow_every_way():
    balancer = Balancer("r", THREE, policy="packet", dice=Dice(1))
    packet, dice = udp(), Dice(1)
    assert {balancer.choose(packet, dice.packet(packet, at_ns)) for at_ns in range(40)} == {0, 1, 2}


def test_a_balancer_of_destinations_looks_at_nothing_else():
    balancer = Balancer("r", THREE, policy="destination", dice=Dice(1))
    assert len({balancer.choose(udp(sport=port, tos=port % 256), port) for port in range(1, 60)}) == 1
    source, target = ENDS[4]
    others = [
        encode_ip(b"\0" * 8, source=source, target=target[:3] + bytes((last,)), protocol=17)
        for last in range(40)
    ]
    assert {balancer.choose(packet, 0) for packet in others} == {0, 1, 2}


def tcp(sport: int, dport: int) -> bytes:
    source, target = ENDS[4]
    segment = encode_tcp(source=source, target=target, sport=sport, dport=dport, seq=7, flags=2)
    return encode_ip(segment, source=source, target=target, protocol=6)


@pytest.mark.parametrize(
    ("field", "one", "other"),
    [
        ("ports", udp(sport=1), udp(sport=3)),
        ("ports", udp(dport=1), udp(dport=3)),
        ("ports", tcp(1, 80), tcp(2, 80)),
        ("ports", echo(sequence=1), echo(sequence=2)),  # the checksum is another
        ("ports", echo(6, sequence=1), echo(6, sequence=2)),
        ("protocol", udp(sport=80), tcp(80, 2)),
        ("tos", udp(tos=0), udp(tos=4)),
        ("tos", udp(6, tos=0), udp(6, tos=16)),
        ("flow_label", udp(6, label=1), udp(6, label=0x80000)),
        ("icmp_id", echo(identifier=1), echo(identifier=2)),
    ],
)
def test_a_field_counts_if_it_is_hashed_and_only_then(field, one, other):
    assert hashed_fields(one, [field]) != hashed_fields(other, [field])
    rest: list[Any] = [
        name
        for name in ("addresses", "protocol", "ports", "flow_label", "tos", "icmp_id")
        if name not in {field, "ports" if field in ("icmp_id", "protocol") else field}
    ]
    if (field, one[9]) != ("ports", 6):
        assert hashed_fields(one, rest) == hashed_fields(other, rest)


def test_the_same_checksum_is_the_same_flow_of_icmp():
    one = echo(sequence=1, payload=b"\0\2")
    assert hashed_fields(one, ["ports"]) == hashed_fields(echo(sequence=2, payload=b"\0\1"), ["ports"])


def test_the_traffic_class_of_a_packet_is_not_its_flow_label():
    assert hashed_fields(udp(6, tos=0xFF, label=5), ["flow_label"]) == b"\0\0\5"
    assert hashed_fields(udp(6, tos=0xAB, label=5), ["tos"]) == b"\xab"


def test_routers_in_a_row_do_not_all_choose_alike():
    one, other = (Balancer(name, THREE, dice=Dice(9)) for name in ("r1", "r2"))
    chosen = [(one.choose(udp(sport=p), 0), other.choose(udp(sport=p), 0)) for p in range(1024, 4024)]
    table = [[chosen.count((i, j)) for j in range(3)] for i in range(3)]
    assert stats.chi2_contingency(table).pvalue > 1e-4


@pytest.mark.parametrize("af", FAMILIES)
@pytest.mark.parametrize("protocol", [Protocol.UDP, Protocol.TCP])
def test_every_packet_of_a_flow_shows_the_way_that_the_truth_says(af, protocol):
    net = fork()
    plan = plan_for(net, addr_family=f"ipv{af}", protocol=protocol.value)
    probes = [probe_at(plan, key, 2) for key in range(60)]
    replies = ask(net, plan, probes)
    seen = set()
    for probe in probes:
        fields = {
            "protocol": protocol.value, "sport": probe.sport, "dport": probe.dport,
            "flow_label": plan.flow_label,
        }  # fmt: skip
        path = net.truth.path(plan.target.addr, flow=fields)
        assert replies[probe.key].responder == path.hops[1].addr
        assert path.share == 0.5
        seen.add(path.way)
    assert seen == {("r1", "a", "r2", "target.example"), ("r1", "b", "r2", "target.example")}


def test_the_truth_names_all_ways_their_shares_and_edges():
    net = fork(('["r1", ["a", "b"]', '["r1", [{ via = ["a"], weight = 3 }, "b"]'))
    paths = net.truth.paths_to("198.51.100.80")
    assert [(path.way[1], path.share) for path in paths] == [("a", 0.75), ("b", 0.25)]
    with pytest.raises(ValueError, match="2 ways lead to"):
        net.truth.path("198.51.100.80")
    r1, a, b, r2, end = "192.0.2.1", "192.0.2.3", "192.0.2.4", "192.0.2.2", "198.51.100.80"
    assert net.truth.edges(end) == {(r1, a), (r1, b), (a, r2), (b, r2), (r2, end)}
    links = {(link.near, link.far) for link in net.truth.links if link.af == 4}
    assert links == {
        ("source", "r1"),
        ("r1", "a"),
        ("r1", "b"),
        ("a", "r2"),
        ("b", "r2"),
        ("r2", "target.example"),
    }


def test_what_a_nat_made_of_a_packet_decides_behind_it():
    nat = ('id = "r1"', 'id = "r1"\nnat = { v4 = "203.0.113.5", ports = [40000, 40000] }')
    net = fork(nat)
    plan = plan_for(net, protocol="udp")
    probes = [probe_at(plan, key, 2) for key in range(30)]  # 30 source ports, all the same behind r1
    behind = {reply.responder for reply in ask(net, plan, probes).values()}
    assert len(behind) == 1
    assert len({reply.responder for reply in ask(fork(), plan, probes).values()}) == 2
