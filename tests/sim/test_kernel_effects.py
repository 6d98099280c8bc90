"""A Linux kernel (conntrack, nftables) as the oracle: what it does to packets that pass, ours does."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import pytest

from tests.needs import find_tool
from tests.net.kernel_net import KernelNet, kernel_net
from tests.wire.oracle import KINDS, plan_for, probe_for
from trippy_nb import wire
from trippy_nb.model import Multipath, Protocol, Target
from trippy_nb.sim.nat import Translator
from trippy_nb.sim.rewrite import rewritten
from trippy_nb.sim.scenario import Nat, Rewrite

pytestmark = [pytest.mark.netns, pytest.mark.needs("netns", "nft", "raw_socket"), pytest.mark.slow]

INSIDE, OUTSIDE = "10.77.0.1", "10.77.1.1"
NEAR, FAR = {4: INSIDE, 6: "fd77::1"}, {4: "10.77.2.2", 6: "fd77:2::2"}
ALL_PROTOCOLS, OUTGOING = 3, 4  # ETH_P_ALL, PACKET_OUTGOING: linux/if_ether.h, linux/if_packet.h
TRANSLATES = """
flush ruleset
table ip translation {
  chain out {
    type nat hook postrouting priority 100;
    oifname "right" meta l4proto { icmp, tcp, udp } masquerade to :20000-29999
  }
}
"""
REWRITES = """
flush ruleset
table inet mangle {
  chain out {
    type filter hook postrouting priority -150;
    oifname "right" %s
  }
}
"""


@dataclass
class Taps:
    """Packets as they pass both sides of a router, in namespace 1 of source -- 1 -- 2 -- target."""

    net: KernelNet
    sides: dict[str, socket.socket]
    sources: dict[int, socket.socket]

    def load(self, rules: str) -> None:
        command = ["ip", "netns", "exec", self.net.names[1], find_tool("nft") or "nft", "-f", "-"]
        subprocess.run(command, input=rules, text=True, check=True, capture_output=True, timeout=30)

    def exchange(self, probe: bytes) -> tuple[bytes, bytes, bytes, bytes]:
        """Send a probe; return it before and after the router, and its answer outside and inside."""
        af = probe[0] >> 4
        self.sources[af].sendto(probe, (FAR[af], 0))
        before, after = self.take(af, "left", outgoing=False), self.take(af, "right", outgoing=True)
        return before, after, self.take(af, "right", outgoing=False), self.take(af, "left", outgoing=True)

    def take(self, af: int, side: str, *, outgoing: bool) -> bytes:
        while True:
            packet, (_, _, kind, *_) = self.sides[side].recvfrom(2000)
            if packet[0] >> 4 == af and (kind == OUTGOING) == outgoing and not is_neighbour_talk(packet):
                return packet


def is_neighbour_talk(packet: bytes) -> bool:
    """Router and neighbour discovery (RFC 4861 section 4), and what groups are told (MLD, RFC 3810)."""
    if packet[0] >> 4 != 6:
        return False
    to_a_group = packet[24] == 0xFF
    return to_a_group or (packet[6] == wire.ICMPV6 and packet[40] in range(133, 138))


@pytest.fixture(scope="module")
def taps() -> Iterator[Taps]:
    with kernel_net("tnn", routers=2) as net:

        def tap(device: str) -> socket.socket:
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ALL_PROTOCOLS))
            sock.bind((device, ALL_PROTOCOLS))
            sock.settimeout(5)
            return sock

        def raw(family: int) -> socket.socket:
            return socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)

        sides = {device: net.call(partial(tap, device), net.names[1]) for device in ("left", "right")}
        sources = {4: net.call(partial(raw, socket.AF_INET)), 6: net.call(partial(raw, socket.AF_INET6))}
        try:
            yield Taps(net, sides, sources)
        finally:
            for sock in (*sides.values(), *sources.values()):
                sock.close()


def probe_packet(protocol: Protocol, multipath: Multipath, ttl: int, af: int = 4) -> bytes:
    plan = plan_for(protocol, multipath, af, tos=0xB9)
    plan = replace(plan, source=NEAR[af], target=Target(FAR[af], FAR[af]))
    return wire.encode_probe(plan, probe_for(ttl=ttl))


def with_ttl_of(packet: bytes, other: bytes) -> bytes:
    """Undo what the router did to the TTL."""
    return wire.with_ttl(packet, other[8 if packet[0] >> 4 == 4 else 7])


@pytest.mark.parametrize(("protocol", "multipath"), KINDS)
@pytest.mark.parametrize("ttl", [2, 9], ids=["an error of a router", "an answer of the target"])
def test_there_and_back_is_what_the_kernel_makes_of_it(taps, protocol, multipath, ttl):
    taps.load(TRANSLATES)
    before, after, outside, inside = taps.exchange(probe_packet(protocol, multipath, ttl))
    number = wire.find_number(after)
    assert number is not None
    assert 20000 <= number <= 29999
    ours = Translator(Nat(v4=OUTSIDE, ports=(number, number)), 1)
    assert ours.outwards(before) == with_ttl_of(after, before)
    assert ours.back(outside, before=before, after=after) == with_ttl_of(inside, outside)
    reply = wire.decode_reply(inside, read_ns=1)
    assert reply is not None
    if reply.icmp_type == 11:
        assert reply.quote.src == INSIDE
        assert inside[28:][12:16] == before[12:16]
        assert inside[28:][20:] == before[20:]


@pytest.mark.parametrize(
    ("af", "statement", "spec"),
    [
        (4, "ip dscp set 10", Rewrite(dscp=10)),
        (6, "ip6 dscp set 10", Rewrite(dscp=10)),
        (4, "ip ecn set 2", Rewrite(ecn=2)),
        (6, "ip6 ecn set 2", Rewrite(ecn=2)),
        (4, "ip id set 777", Rewrite(ip_id=777)),
        (4, "ip frag-off set 0", Rewrite(df=False)),
        (6, "ip6 flowlabel set 5", Rewrite(flow_label=5)),
        (4, "tcp option maxseg size set 1000", Rewrite(mss=1000)),
        (6, "tcp option maxseg size set 1000", Rewrite(mss=1000)),
        (4, "tcp option maxseg size set 9000", Rewrite(mss=9000)),
    ],
)
@pytest.mark.parametrize(("protocol", "multipath"), KINDS)
def test_what_the_kernel_rewrites_is_what_ours_rewrites(taps, protocol, multipath, af, statement, spec):
    taps.load(REWRITES % statement)
    before, after, _, _ = taps.exchange(probe_packet(protocol, multipath, 9, af))
    assert rewritten(before, spec, 0) == with_ttl_of(after, before)
    if spec.mss is None or (protocol is Protocol.TCP and spec.mss < 1440):
        assert after != wire.with_ttl(before, after[8 if af == 4 else 7])  # it did something
