"""Hard cases 14 to 24, played: what happens to packets and TTLs on the way, against answers known by hand."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import pytest

from tests.sim.world import FAMILIES, MS, plan_for
from trippy_nb import sim
from trippy_nb.model import Plan, Probe, Protocol, Reply
from trippy_nb.sim import SimNetwork
from trippy_nb.wire import decode_extensions, decode_ip, encode_probe, find_checksum, mpls_text

families = pytest.mark.parametrize("af", FAMILIES)
PROTOCOLS: dict[str, dict[str, Any]] = {
    "icmp": {"protocol": "icmp"},
    "udp": {"protocol": "udp"},
    "paris": {"protocol": "udp", "multipath_strategy": "paris"},
    "dublin": {"protocol": "udp", "multipath_strategy": "dublin"},
    "tcp": {"protocol": "tcp"},
}
protocols = pytest.mark.parametrize("options", PROTOCOLS.values(), ids=PROTOCOLS)
NAMES = [name for name in sim.scenarios() if re.match(r"case-(1[4-9]|2[0-4])-", name)]


class Seen(NamedTuple):
    """A probe as it was sent, and its one answer."""

    sent: bytes
    reply: Reply
    rtt_ns: int


def probe_for(plan: Plan, ttl: int) -> Probe:
    sport = 0 if plan.protocol is Protocol.ICMP else 40000 + ttl
    dport = 0 if plan.protocol is Protocol.ICMP else 33500
    return Probe(ttl, 0, 0, ttl, 0, 33434 + ttl, sport, dport)


def play(name: str, af: int = 4, count: int = 9, **options: Any) -> tuple[SimNetwork, dict[int, Seen]]:
    """Send one probe at a time and collect its answer, by TTL."""
    net = sim.load(name)
    chosen: dict[str, Any] = {"protocol": "icmp", "addr_family": f"ipv{af}", **options}
    plan = plan_for(net, **chosen)
    seen = {}
    for ttl in range(1, count):
        probe, began_ns = probe_for(plan, ttl), net.clock.now_ns()
        channel = net.open(plan)
        channel.send([probe])
        answers: list[Reply] = []
        while net.clock.now_ns() < began_ns + 1000 * MS:
            arrivals = channel.receive(began_ns + 1000 * MS)
            answers += [arrival for arrival in arrivals if isinstance(arrival, Reply)]
        assert len(answers) == 1, (ttl, answers)
        seen[ttl] = Seen(encode_probe(plan, probe), answers[0], answers[0].read_ns - began_ns)
    return net, seen


def names_of(net: SimNetwork, af: int) -> dict[str, str]:
    nodes = {router.address(af): router.id for router in net.scenario.routers}
    hosts = dict.fromkeys(net.scenario.targets[0].addresses(af), "target")
    return {addr: name for addr, name in nodes.items() if addr} | hosts


def told(name: str, af: int, **options: Any) -> list[str]:
    """What a trace shows at each TTL before the target: who, quoted TTL, labels."""
    net, seen = play(name, af, **options)
    names, lines = names_of(net, af), []
    for shown in seen.values():
        reply = shown.reply
        labels = mpls_text(decode_extensions(reply.extensions).mpls) if reply.extensions else ""
        if names[reply.responder] == "target":
            break
        lines.append(f"{names[reply.responder]} {reply.quote.ttl} {labels}".strip())
    return lines


def errors_of(name: str, af: int = 4, **options: Any) -> dict[int, Seen]:
    """Probes that an error came back of, by TTL."""
    _, seen = play(name, af, **options)
    return {ttl: shown for ttl, shown in seen.items() if shown.reply.quote.ttl is not None}


def knows_checksum(shown: Seen) -> bool:
    """Whether the checksum in the quote is that of the probe."""
    return shown.reply.quote.checksum == find_checksum(shown.sent)


@pytest.mark.parametrize("name", NAMES)
@families
def test_what_is_seen_is_the_truth(name, af):
    net, seen = play(name, af)
    hops = net.truth.path(net.scenario.targets[0].addresses(af)[0]).hops
    for hop in hops:
        reply = seen[hop.ttl].reply
        labels = mpls_text(decode_extensions(reply.extensions).mpls) if reply.extensions else None
        assert (reply.responder, labels, reply.ttl) == (hop.addr, hop.labels, hop.reply_ttl)
        assert reply.quote.ttl in (hop.q_ttl, None)
        assert seen[hop.ttl].rtt_ns / MS == pytest.approx(hop.rtt_ms)
    assert hops[-1].node == "target.example"


def test_each_of_these_cases_has_a_scenario():
    assert {case for name in NAMES for case in sim.load(name).scenario.cases} == set(range(14, 25))


# --- 14 ---


@families
@protocols
def test_zero_ttl_forwarding_shows_a_router_twice_and_quotes_zero_then_one(af, options):
    assert told("case-14-zero-ttl", af, **options) == ["home 1", "honest 0", "honest 1", "edge 1"]


# --- 15, 16, 17 ---


@protocols
def test_a_kept_quote_shows_the_nat_from_the_hop_behind_it_on(options):
    errors = errors_of("case-15-nat-kept", **options)
    assert max(errors) > 2
    for ttl, shown in errors.items():
        quote, behind = shown.reply.quote, ttl > 2
        assert quote.src == ("203.0.113.2" if behind else decode_ip(shown.sent).src)
        assert knows_checksum(shown) is not behind
        number = quote.icmp_id if options["protocol"] == "icmp" else quote.sport
        assert number is not None
        assert (20000 <= number <= 29999) is behind


@protocols
@families
def test_a_restored_quote_shows_nothing_whichever_the_family(af, options):
    errors = errors_of("case-16-nat-restored", af, **options)
    assert len(errors) >= 4
    for sent, reply, _ in errors.values():
        quoted = (reply.packet or b"")[28 if af == 4 else 48 :]
        assert quoted[:7] == sent[:7]
        assert quoted[12:] == sent[12:]  # IPv4: all but TTL and checksum of the header


def test_without_its_checksum_a_paris_probe_is_not_known_again_and_a_dublin_probe_is():
    errors = errors_of("case-17-nat-checksum", protocol="udp", multipath_strategy="paris")
    assert [ttl for ttl in errors if knows_checksum(errors[ttl])] == [1, 2]
    assert len(errors) == 8
    assert {shown.reply.quote.src for shown in errors.values()} == {"192.0.2.10"}
    errors = errors_of("case-17-nat-checksum", protocol="udp", multipath_strategy="dublin")
    assert len(errors) == 8
    for sent, reply, _ in errors.values():
        assert reply.quote.ip_id == decode_ip(sent).ip_id != 0


# --- 18, 19 ---


@families
@protocols
def test_what_a_box_rewrites_differs_in_quotes_behind_it(af, options):
    errors = errors_of("case-18-rewritten", af, tos=0xB8, **options)
    assert max(errors) > 2
    for ttl, (sent, reply, _) in errors.items():
        before, quote, as_sent = decode_ip(sent), reply.quote, ttl <= 2
        assert (quote.tos == before.tos) is as_sent
        if af == 4:
            assert (quote.ip_id == before.ip_id) is as_sent
            assert quote.dont_fragment is as_sent
        else:
            assert (quote.flow_label == before.flow_label) is as_sent
        if options["protocol"] == "tcp":
            assert (quote.tcp_mss == 1360) is not as_sent


@families
@protocols
def test_a_short_quote_ends_after_eight_bytes(af, options):
    errors, head = errors_of("case-19-short-quotes", af, **options), 20 if af == 4 else 40
    for ttl in range(1, 5):
        sent, reply, _ = errors[ttl]
        assert reply.packet is not None
        assert len(reply.packet) == head + 8 + head + 8
        assert reply.packet[-8:] == sent[head : head + 8]
        assert reply.quote.payload is None


# --- 20 to 24 ---


@families
@protocols
def test_an_explicit_tunnel_shows_labels_and_a_rising_quoted_ttl(af, options):
    assert told("case-20-mpls-explicit", af, **options) == [
        "home 1", "pe1 1", "p1 1 24001/2/1/1", "p2 2 24002/2/1/1", "p3 3 24003/2/1/1", "pe2 1", "edge 1"
    ]  # fmt: skip


@families
@protocols
def test_an_implicit_tunnel_shows_a_rising_quoted_ttl_only(af, options):
    shown = ["home 1", "pe1 1", "p1 1", "p2 2", "p3 3", "pe2 1", "edge 1"]
    assert told("case-21-mpls-implicit", af, **options) == shown


@families
@protocols
def test_an_opaque_tunnel_shows_one_label_that_counts_three_hidden_routers(af, options):
    home, ingress, egress, edge = told("case-22-mpls-opaque", af, **options)
    assert (home, ingress, edge) == ("home 1", "pe1 1", "edge 1")
    assert egress.startswith("pe2 1 ")
    assert egress.endswith("/0/1/252")


@families
def test_an_invisible_tunnel_is_seen_in_the_ttl_of_errors_but_not_of_echo_replies(af):
    assert told("case-23-mpls-invisible", af) == ["home 1", "pe1 1", "pe2 1", "edge 1"]
    net, seen = play("case-23-mpls-invisible", af)
    # Errors begin with 255: pe2 enters the tunnel back with a label of 255 that three routers count down.
    assert [seen[ttl].reply.ttl for ttl in (1, 2, 3, 4)] == [255, 254, 250, 250]
    assert seen[5].reply.ttl == 64 - 4  # edge, pe2, pe1, home: the three between do not count
    assert [seen[ttl].rtt_ns / MS for ttl in (2, 3)] == [4, 36]
    assert net.scenario.cases == (23,)


@families
def test_an_invisible_tunnel_that_pops_last_shows_the_router_behind_it_twice(af):
    assert told("case-23-mpls-invisible-uhp", af) == ["home 1", "pe1 1", "edge 1", "edge 1"]


@families
def test_errors_by_the_end_of_a_tunnel_make_a_plateau_and_lose_ttl_on_the_detour(af):
    net, seen = play("case-24-mpls-plateau", af)
    names = names_of(net, af)
    assert [names[shown.reply.responder] for shown in seen.values()][:7] == [
        "home", "pe1", "p1", "p2", "p3", "pe2", "edge"
    ]  # fmt: skip
    assert [shown.rtt_ns / MS for shown in seen.values()][:7] == [2, 4, 36, 36, 36, 36, 38]
    # To pe2 and back: the farther inside, the shorter the way.
    assert [seen[ttl].reply.ttl for ttl in range(1, 8)] == [255, 254, 247, 248, 249, 250, 249]
