"""Links: sizes, copies, order, and the interfaces at their ends."""

from __future__ import annotations

import errno

import pytest

from tests.sim.world import FAMILIES, MS, ask, plan_for, probe_at, small
from trippy_nb.model import NS_PER_S, Reply
from trippy_nb.sim.crossings import COPY_NS
from trippy_nb.wire import (
    ICMP_TYPES,
    InterfaceInfo,
    InterfaceRole,
    decode_extensions,
    decode_ip,
    encode_probe,
    with_dont_fragment,
)

families = pytest.mark.parametrize("af", FAMILIES)


def arrivals(net, plan, probes, *, wait_s: int = 5) -> list[Reply]:
    channel = net.open(plan)
    channel.send(probes)
    until_ns, found = net.clock.now_ns() + wait_s * NS_PER_S, []
    while net.clock.now_ns() < until_ns:
        found += [item for item in channel.receive(until_ns) if isinstance(item, Reply)]
    return found


def too_big(af: int) -> tuple[int, int]:
    return (3, 4) if af == 4 else (2, 0)


@families
@pytest.mark.parametrize(("size", "passes"), [(1000, True), (1001, False)])
def test_what_fits_a_link_passes_to_the_byte(af, size, passes):
    net = small(('id = "r2"', 'id = "r2"\nmtu = 1000'))
    plan = plan_for(net, addr_family=f"ipv{af}", packet_size=size)
    assert (ask(net, plan, [probe_at(plan, 0, 3)])[0].responder == plan.target.addr) is passes


@families
def test_the_node_before_a_narrow_link_says_what_would_fit(af):
    net = small(('id = "r2"', f'id = "r2"\nmtu = {600 if af == 4 else 900}'))
    plan = plan_for(net, addr_family=f"ipv{af}", packet_size=1000)
    reply = ask(net, plan, [probe_at(plan, 0, 9)])[0]
    assert (reply.responder, reply.mtu) == (
        "192.0.2.1" if af == 4 else "2001:db8:10::1",
        600 if af == 4 else 900,
    )
    assert (reply.icmp_type, reply.icmp_code) == too_big(af)
    assert reply.quote.ttl == 9  # TTL is looked at first, and lowered only by those that forward


@families
def test_a_ttl_that_ends_before_a_narrow_link_ends_there(af):
    net = small(('id = "r2"', 'id = "r2"\nmtu = 500'))
    plan = plan_for(net, addr_family=f"ipv{af}", packet_size=1000)
    reply = ask(net, plan, [probe_at(plan, 0, 1)])[0]
    assert reply.icmp_type == ICMP_TYPES[af].time_exceeded


def test_of_two_narrow_links_the_first_that_does_not_fit_counts():
    net = small(
        ('id = "r1"', 'id = "r1"\nmtu = 900'),
        ('id = "r2"', 'id = "r2"\nmtu = 700'),
        ('delay = "1ms"', 'delay = "1ms"\nmtu = 500'),
    )
    found = {}
    for size in (480, 600, 800):
        plan = plan_for(net.fresh(), packet_size=size)
        reply = ask(net.fresh(), plan, [probe_at(plan, 0, 9)])[0]
        found[size] = reply.responder, reply.mtu
    assert found == {
        480: ("198.51.100.80", None),
        600: ("192.0.2.2", 500),
        800: ("192.0.2.1", 700),
    }


@pytest.mark.parametrize(("key", "said"), [("mtu_silent", []), ("mtu_old", [(3, 4, None)])])
def test_a_black_hole_and_an_old_router_say_less(key, said):
    net = small(('id = "r1"', f'id = "r1"\n{key} = true'), ('id = "r2"', 'id = "r2"\nmtu = 500'))
    plan = plan_for(net, packet_size=1000)
    replies = ask(net, plan, [probe_at(plan, 0, 9)])
    assert [(reply.icmp_type, reply.icmp_code, reply.mtu) for reply in replies.values()] == said


def test_ipv4_without_df_passes_a_narrow_link():
    net = small(('id = "r2"', 'id = "r2"\nmtu = 500'))
    plan = plan_for(net, packet_size=1000)
    packet = with_dont_fragment(encode_probe(plan, probe_at(plan, 0, 9)), False)  # noqa: FBT003 - its second argument is the bit
    ((_, answer),) = net._forwarder.forward(packet, 0)
    assert decode_ip(answer).src == "198.51.100.80"


@families
def test_what_is_too_large_for_the_sources_own_link_never_leaves(af):
    net = small(('id = "r1"', 'id = "r1"\nmtu = 500'))
    plan = plan_for(net, addr_family=f"ipv{af}", packet_size=600)
    (receipt,) = net.open(plan).send([probe_at(plan, 0, 3)])
    assert receipt.errno == errno.EMSGSIZE
    assert receipt.packet is None


def test_a_link_that_doubles_makes_two_answers_of_one_probe():
    plan = plan_for(small())
    for key, ttl in (("duplicate", 2), ("duplicate_back", 2), ("duplicate", 3)):
        net = small(('id = "r2"', f'id = "r2"\n{key} = 1.0'))
        first, second = arrivals(net, plan, [probe_at(plan, 0, ttl)])
        assert second.read_ns - first.read_ns == COPY_NS
        assert first.quote == second.quote
    net = small(('id = "r2"', 'id = "r2"\nduplicate = 1.0'))
    assert len(arrivals(net, plan, [probe_at(plan, 0, 1)])) == 1


def test_how_often_a_link_doubles_is_what_it_says():
    net = small(('id = "r2"', 'id = "r2"\nduplicate = 0.3'))
    plan = plan_for(net)
    found = arrivals(net, plan, [probe_at(plan, key, 2) for key in range(3000)])
    assert len(found) == pytest.approx(3900, abs=120)  # standard error 25


def test_copies_of_one_packet_have_their_own_luck_behind_the_link():
    net = small(('id = "r1"', 'id = "r1"\nduplicate = 1.0'), ('id = "r2"', 'id = "r2"\nloss = 0.5'))
    plan = plan_for(net)
    counts = [len(arrivals(net, plan, [probe_at(plan, 0, 2)], wait_s=1)) for _ in range(200)]
    assert {0, 1, 2} == set(counts)


def test_a_sender_of_copies_sends_as_many_as_it_says():
    net = small(('id = "r1"', 'id = "r1"\ncopies = 3'), ('delay = "1ms"', 'delay = "1ms"\ncopies = 2'))
    plan = plan_for(net)
    found = arrivals(net, plan, [probe_at(plan, 0, 1), probe_at(plan, 1, 3)])
    assert [reply.responder for reply in found] == ["192.0.2.1"] * 3 + ["198.51.100.80"] * 2


def test_reordering_delays_some_and_not_the_others():
    net = small(('id = "r2"', 'id = "r2"\nreorder = { chance = 0.25, by = "20ms" }'))
    plan = plan_for(net)
    found = arrivals(net, plan, [probe_at(plan, key, 2) for key in range(2000)])
    late = [reply for reply in found if reply.read_ns == 30 * MS]
    assert {reply.read_ns for reply in found} == {10 * MS, 30 * MS}
    assert len(late) == pytest.approx(500, abs=80)  # standard error 19
    back = small(('id = "r2"', 'id = "r2"\nreorder_back = { chance = 1.0, by = "5ms" }'))
    assert [reply.read_ns for reply in arrivals(back, plan, [probe_at(plan, 0, 2)])] == [15 * MS]


ADDRESSED = """
[[link]]
ends = ["r1", "r2"]
delay = "3ms"
v4 = "192.0.2.129"
v6 = "2001:db8:10:1::2"
near_v4 = "192.0.2.130"
near_v6 = "2001:db8:10:1::1"
interface = "eth1"
ifindex = 7
mtu = 1400
"""


@families
@pytest.mark.parametrize(
    ("answers_from", "addrs"),
    [
        ("incoming", {4: "192.0.2.129", 6: "2001:db8:10:1::2"}),
        ("own", {4: "192.0.2.2", 6: "2001:db8:10::2"}),
        ("outgoing", {4: "192.0.2.129", 6: "2001:db8:10:1::2"}),  # the answer leaves by the same interface
    ],
)
def test_a_router_answers_from_the_interface_that_it_should(af, answers_from, addrs):
    net = small(('id = "r2"', f'id = "r2"\nanswers_from = "{answers_from}"'), extra=ADDRESSED)
    plan = plan_for(net, addr_family=f"ipv{af}")
    assert ask(net, plan, [probe_at(plan, 0, 2)])[0].responder == addrs[af]
    assert net.truth.path(plan.target.addr).hops[1].addr == addrs[af]


@families
def test_errors_tell_of_the_interface_if_the_router_does(af):
    net = small(('id = "r2"', 'id = "r2"\ninterfaces = true'), extra=ADDRESSED)
    plan = plan_for(net, addr_family=f"ipv{af}")
    replies = ask(net, plan, [probe_at(plan, ttl, ttl) for ttl in (1, 2)])
    assert replies[1].extensions is None
    assert decode_extensions(replies[2].extensions or b"").interfaces == (
        InterfaceInfo(
            role=InterfaceRole.INCOMING,
            index=7,
            addr="192.0.2.129" if af == 4 else "2001:db8:10:1::2",
            name="eth1",
            mtu=1400,
        ),
    )
