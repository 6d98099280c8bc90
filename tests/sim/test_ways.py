"""Ways through a network: alternatives, tables, loops, flaps, returns, anycast, NAT64."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sim.test_balancing import FORK
from tests.sim.test_links import arrivals
from tests.sim.world import FAMILIES, MS, ask, plan_for, probe_at, small, trace
from trippy_nb.errors import ScenarioError
from trippy_nb.sim.keys import TABLES
from trippy_nb.sim.nodes import SOURCE
from trippy_nb.sim.routes import Alternative, AmbiguousWayError, NextHop, Route, Via

families = pytest.mark.parametrize("af", FAMILIES)
VIA = 'via = ["r1", "r2"]'


def tables(via: list[object]) -> dict[str, dict[str, float]]:
    route = Route(via=TABLES["route"]["via"].read(via))
    return {node: {hop.to: hop.weight for hop in hops} for node, hops in route.tables("end").items()}


@pytest.mark.parametrize(
    ("via", "expected"),
    [
        ([], "source>end"),
        (["a", "b"], "source>a a>b b>end"),
        (["a", ["b", "c"]], "source>a a>b,c b>end c>end"),
        ([["b", []]], "source>b,end b>end"),
        (["a", [["b", "c"], "d"], "e"], "source>a a>b,d b>c c>e d>e e>end"),
        (["a", [{"via": ["b"], "weight": 3}, "c"]], "source>a a>b*3,c b>end c>end"),
        ([["a", "b"], ["c", "d"]], "source>a,b a>c,d b>c,d c>end d>end"),
        ([[[["a", "b"]], "c"]], "source>a*0.5,b*0.5,c a>end b>end c>end"),
        # a router in two alternatives, with the same next hop: they meet in it
        (["a", [["b", "d"], ["c", "d"]], "e"], "source>a a>b,c b>d c>d d>e e>end"),
    ],
)
def test_a_way_is_laid_into_tables(via, expected):
    wanted: dict[str, dict[str, float]] = {}
    for entry in expected.split():
        node, _, hops = entry.partition(">")
        parts = [hop.partition("*") for hop in hops.split(",")]
        wanted[node] = {name: float(weight or 1) for name, _, weight in parts}
    assert tables(via) == wanted


@pytest.mark.parametrize("via", [["a", "b", "a"], ["r", [["a", "x"], ["b", "x", "c"]]]])
def test_a_router_with_two_minds_is_ambiguous(via):
    with pytest.raises(AmbiguousWayError):
        tables(via)


def ways(names: st.SearchStrategy[str], depth: int) -> st.SearchStrategy[Via]:
    item: st.SearchStrategy[object] = names
    if depth:
        fork = st.lists(st.builds(Alternative, ways(names, depth - 1)), min_size=1, max_size=3).map(tuple)
        item = names | fork
    return st.lists(item, max_size=3).map(tuple)  # type: ignore[arg-type]  # a list of what a way is made of


def walks(via: Via) -> list[tuple[str, ...]]:
    """Every way, by reading it from left to right."""
    found: list[tuple[str, ...]] = [()]
    for element in via:
        if isinstance(element, str):
            found = [(*walk, element) for walk in found]
        else:
            found = [(*walk, *rest) for walk in found for one in element for rest in walks(one.via)]
    return found


def numbered(via: Via, count: list[int]) -> Via:
    """Give each router a name of its own."""
    named: list[str | tuple[Alternative, ...]] = []
    for element in via:
        if isinstance(element, str):
            count[0] += 1
            named.append(f"n{count[0]}")
        else:
            named.append(tuple(Alternative(numbered(one.via, count), one.weight) for one in element))
    return tuple(named)


@given(ways(st.just("x"), 2))
def test_the_tables_allow_exactly_the_ways_that_were_written(via):
    via = numbered(via, [0])
    tables = Route(via=via).tables("end")
    found: set[tuple[str, ...]] = set()
    waiting: list[tuple[tuple[str, ...], str]] = [((), SOURCE)]
    while waiting:
        walk, here = waiting.pop()
        if here == "end":
            found.add(walk[:-1])
            continue
        waiting += [((*walk, hop.to), hop.to) for hop in tables[here]]
    assert found == set(walks(via))


LOOP = 'next = { source = "r1", r1 = "r2", r2 = "r1" }'


@families
def test_a_routing_loop_goes_on_until_the_ttl_ends(af):
    net = small((VIA, LOOP))
    done = trace(net, rounds=1, addr_family=f"ipv{af}", max_ttl=9)
    path = {got.probe.ttl: got.reply.responder for got in done.replies if got.probe}
    one, two = ("192.0.2.1", "192.0.2.2") if af == 4 else ("2001:db8:10::1", "2001:db8:10::2")
    assert [path[ttl] for ttl in range(1, 10)] == [one, two, one, two, one, two, one, two, one]
    truth = net.truth.path(done.plan.target.addr)
    assert truth.target == ""
    assert truth.addrs[:4] == (one, two, one, two)
    assert len(truth.hops) == 255


def first_hops(net, moments_s, plan=None):
    plan = plan or plan_for(net)
    shown = {}
    for at_s in moments_s:
        there = net.at(at_s)
        shown[at_s] = ask(there, plan, [probe_at(plan, 0, 1)])[0].responder
    return shown


SWAP = 'via = ["r2", "r1"]'
A, B = "192.0.2.1", "192.0.2.2"


def test_a_route_may_end_and_what_held_before_holds_again():
    net = small(extra=f'[[route]]\nat = "10s"\nuntil = "20s"\n{SWAP}\n')
    assert first_hops(net, [0, 9.999, 10, 19.999, 20, 99]) == {
        0: A, 9.999: A, 10: B, 19.999: B, 20: A, 99: A,
    }  # fmt: skip
    assert [(p.way[0], p.since_s, p.until_s) for p in net.truth.paths if p.af == 4] == [
        ("r1", 0, 10), ("r2", 10, 20), ("r1", 20, None),
    ]  # fmt: skip


def test_a_flap_comes_and_goes():
    net = small(extra=f'[[route]]\nat = "10s"\nevery = "20s"\nlasts = "5s"\n{SWAP}\n')
    assert first_hops(net, [0, 9, 10, 14.999, 15, 29, 30, 34, 35, 1030, 1035]) == {
        0: A, 9: A, 10: B, 14.999: B, 15: A, 29: A, 30: B, 34: B, 35: A, 1030: B, 1035: A,
    }  # fmt: skip
    assert net.truth.path("198.51.100.80", at_s=12).way[0] == "r2"
    assert net.truth.path("198.51.100.80", at_s=16).way[0] == "r1"


DETOUR = """
[[router]]
id = "x1"
v4 = "192.0.2.9"
v6 = "2001:db8:10::9"
delay = "7ms"

[[router]]
id = "x2"
v4 = "192.0.2.8"
v6 = "2001:db8:10::8"
delay = "11ms"

[[return]]
of = ["r2"]
via = ["x1", "x2"]
"""


@families
def test_answers_may_take_another_way_back(af):
    net = small(extra=DETOUR)
    plan = plan_for(net, addr_family=f"ipv{af}")
    replies = ask(net, plan, [probe_at(plan, ttl, ttl) for ttl in (1, 2, 3)])
    assert replies[2].responder == ("192.0.2.2" if af == 4 else "2001:db8:10::2")
    # out 2 + 3, back r2 - x1 7, x1 - x2 11, x2 - source 11 (its own link)
    assert replies[2].read_ns == (2 + 3 + 7 + 11 + 11) * MS
    assert replies[2].ttl == 255 - 2
    assert replies[3].read_ns == 12 * MS
    truth = net.truth.path(plan.target.addr).hops[1]
    assert (truth.rtt_ms, truth.reply_ttl) == (34.0, 253)


def test_a_return_link_described_on_its_own_does_what_it_says_in_its_direction():
    extra = DETOUR + '[[link]]\nends = ["r2", "x1"]\ndelay = "1ms"\nloss = 0.5\n'
    extra += '[[link]]\nends = ["x2", "x1"]\ndelay = "90ms"\ndelay_back = "2ms"\n'
    used = 'of = ["r2"]\nvia = ["x1", "x2"]\n\n[[return]]\nof = ["r1"]\nvia = ["x2", "x1"]\n'
    net = small(extra=extra.replace('of = ["r2"]\nvia = ["x1", "x2"]\n', used))
    plan = plan_for(net)
    replies = ask(net, plan, [probe_at(plan, key, 2) for key in range(400)])
    assert {reply.read_ns for reply in replies.values()} == {(2 + 3 + 1 + 2 + 11) * MS}
    assert len(replies) == pytest.approx(200, abs=45)


def test_an_outgoing_address_is_that_of_the_interface_towards_the_source():
    link = '[[link]]\nends = ["r2", "x1"]\nnear_v4 = "192.0.2.77"\n'
    net = small(('id = "r2"', 'id = "r2"\nanswers_from = "outgoing"'), extra=DETOUR + link)
    plan = plan_for(net)
    assert ask(net, plan, [probe_at(plan, 0, 2)])[0].responder == "192.0.2.77"


def test_a_return_holds_in_its_time():
    net = small(extra=DETOUR.replace('of = ["r2"]', 'at = "10s"\nuntil = "20s"'))
    plan = plan_for(net)
    rtts = {}
    for at_s in (0, 10, 20):
        there = net.at(at_s)
        rtts[at_s] = ask(there, plan, [probe_at(plan, 0, 2)])[0].read_ns - at_s * 1000 * MS
    assert rtts == {0: 10 * MS, 10: 34 * MS, 20: 10 * MS}


CAST = """
[[target]]
name = "far.example"
v4 = "198.51.100.80"
anycast = true
delay = "50ms"
"""


def test_the_instance_of_an_anycast_address_is_the_routes_business():
    wide = (VIA, 'next = { source = "r1", r1 = ["r2", "a"], r2 = "target.example", a = "far.example" }')
    net = small(('v6 = "2001:db8:80::80"\n', "anycast = true\n"), wide, extra=CAST + FORK)
    plan = plan_for(net, protocol="udp")
    probes = [probe_at(plan, key, 3) for key in range(40)]
    rtts = {reply.read_ns // MS for reply in ask(net, plan, probes).values()}
    assert rtts == {12, 104}
    assert {path.target for path in net.truth.paths_to("198.51.100.80")} == {"target.example", "far.example"}


def test_two_targets_share_an_address_only_as_anycast():
    with pytest.raises(ScenarioError, match=r"belongs to target 'target\.example' already: give each"):
        small(extra=CAST)


@families
def test_a_multi_homed_target_answers_from_its_other_address(af):
    change = (
        'delay = "1ms"',
        'delay = "1ms"\nanswers_from_v4 = "203.0.113.9"\nanswers_from_v6 = "2001:db8:9::9"',
    )
    net = small(change)
    for protocol in ("icmp", "udp", "tcp"):
        plan = plan_for(net, addr_family=f"ipv{af}", protocol=protocol)
        replies = arrivals(net, plan, [probe_at(plan, 0, 3)])
        own = "203.0.113.9" if af == 4 else "2001:db8:9::9"
        assert [reply.responder for reply in replies] == [own]
        assert net.truth.path(plan.target.addr).hops[-1].addr == own


def test_behind_a_nat64_routers_answer_from_its_prefix():
    nat64 = ('id = "r1"', 'id = "r1"\nnat64 = "64:ff9b::/96"')
    net = small(nat64, ('v6 = "2001:db8:10::2"\n', ""))
    plan = plan_for(net, addr_family="ipv6")
    replies = ask(net, plan, [probe_at(plan, ttl, ttl) for ttl in (1, 2)])
    assert [replies[ttl].responder for ttl in (1, 2)] == ["2001:db8:10::1", "64:ff9b::c000:202"]
    assert net.truth.path("2001:db8:80::80").addrs[1] == "64:ff9b::c000:202"


def test_tables_must_lead_somewhere():
    for text, why in [
        ('next = { r1 = "r2", r2 = "target.example" }', "'source' has no next hop"),
        ('next = { source = "r1", r1 = "r9" }', "'r9' is neither a router nor a target"),
        ('next = { source = "r1", r1 = "r2" }', "'r2' has no next hop, and is no target"),
        ('next = { source = "r1", r1 = "target.example", q = "r1" }', "'q' is not the id of a router"),
        (
            'next = { source = ["r1", "r1"], r1 = "target.example" }',
            "'source' has no next hop, or one of them twice",
        ),
        ('via = ["r1", [["r2", "r1"], "r2"]]', "write the way as next"),
        ('via = ["r1"]\nevery = "5s"', "every and lasts belong together"),
        ('via = ["r1"]\nevery = "5s"\nlasts = "5s"', "it lasts until it comes again"),
        ('via = ["r1"]\nuntil = "0s"', "it ends before it begins"),
        ('via = ["r1"]\nnext = { source = "r1" }', "a route has a via, or a next"),
    ]:
        with pytest.raises(ScenarioError, match=why):
            small((VIA, text))


def test_weights_are_kept_as_they_were_written():
    assert Route(next=((SOURCE, (NextHop("a", 2.0),)),)).tables("end") == {SOURCE: (NextHop("a", 2.0),)}
