"""Whatever the kernel routes to a served network is carried or counted; nothing of it ends the server."""

from __future__ import annotations

import random

import pytest

from trippy_nb import sim
from trippy_nb.serve import _Server
from trippy_nb.wire import ICMP, ICMPV6, TCP, UDP, encode_ip, pack_address

ROUNDS = 3_000


class Wire:
    """A device, and a clock that a wait moves."""

    def __init__(self, packets: list[bytes]) -> None:
        self.packets = packets
        self.answers: list[bytes] = []
        self.at_ns = 0

    def now_ns(self) -> int:
        return self.at_ns

    def wait(self, timeout_s: float) -> bool:
        self.at_ns += max(0, round(min(timeout_s, 0.001) * 1e9))
        return bool(self.packets)

    def read_many(self) -> list[bytes]:
        batch, self.packets = self.packets[:64], self.packets[64:]
        return batch

    def write(self, packet: bytes) -> bool:
        self.answers.append(packet)
        return True


def served(name: str, packets: list[bytes]) -> tuple[Wire, dict[str, int]]:
    wire = Wire(list(packets))
    server = _Server(sim.load(name), wire, wire)  # type: ignore[arg-type]  # a stand-in for device and clock
    turns = iter(range(len(packets) // 64 + 300))
    return wire, dict(server.run(lambda: next(turns, None) is None))


def spoilt(dice: random.Random, packet: bytes) -> bytes:
    changed = bytearray(packet)
    for _ in range(dice.randint(1, 4)):
        changed[dice.randrange(min(len(changed), 60))] = dice.randrange(256)
    return bytes(changed[: dice.choice((len(changed), dice.randrange(len(changed) + 1)))])


def packets_of(name: str, dice: random.Random) -> list[bytes]:
    scenario = sim.load(name).scenario
    made = []
    for _ in range(ROUNDS):
        target = dice.choice(scenario.targets)
        v4 = scenario.source.v6 is None or not target.v6 or dice.random() < 0.5
        ends = (scenario.source.v4, target.v4[0]) if v4 else (scenario.source.v6, target.v6[0])
        source, to = (pack_address(str(end)) for end in ends)
        protocol = dice.choice((UDP, TCP, ICMP if v4 else ICMPV6, 44, 47))
        payload = dice.randbytes(dice.choice((0, 4, 8, 20, 60)))
        packet = encode_ip(payload, source=source, target=to, protocol=protocol, ttl=dice.choice((1, 3, 64)))
        made.append(spoilt(dice, packet))
    return made


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["first-steps", "case-06-rate-limit", "case-15-nat-kept", "case-20-mpls-explicit"]
)
def test_spoilt_packets_are_counted_and_the_good_ones_among_them_answered(name):
    dice = random.Random(name)
    spoiled = packets_of(name, dice)
    wire, counts = served(name, spoiled)
    assert counts["in"] + counts["other source"] == len(spoiled)
    assert counts["not understood"] > 0
    assert len(wire.answers) == counts["out"] > 0


def test_what_is_no_ip_packet_is_not_understood_even_from_the_right_address():
    source, target = pack_address("2001:db8:10::10"), pack_address("2001:db8:80::80")
    packet = encode_ip(bytes(8), source=source, target=target, protocol=UDP, ttl=1)
    wire, counts = served("first-steps", [bytes((version << 4,)) + packet[1:] for version in (0, 5, 15)])
    assert counts == {"in": 3, "not understood": 3}
    assert wire.answers == []


@pytest.mark.parametrize("part", [b"\x20\x00", b"\x00\x01", b"\x1f\xff"])
def test_fragments_are_counted_and_dropped(part):
    source, target = pack_address("192.0.2.10"), pack_address("198.51.100.80")
    whole = encode_ip(bytes(8), source=source, target=target, protocol=UDP, ttl=1)
    wire, counts = served("first-steps", [whole, whole[:6] + part + whole[8:]])
    assert counts == {"in": 2, "fragments": 1, "out": 1}
    assert len(wire.answers) == 1


def test_fragments_of_ipv6_are_too():
    source, target = pack_address("2001:db8:10::10"), pack_address("2001:db8:80::80")
    packet = encode_ip(bytes(16), source=source, target=target, protocol=44, ttl=1)
    assert served("first-steps", [packet])[1] == {"in": 1, "fragments": 1}
