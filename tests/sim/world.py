"""What the tests of the built-in internet share: plans, traces, random scenarios, and a second opinion.

The second opinion (`expect`) reads fates from the scenario's values alone, node by node. It shares no code
with `sim.topology`, `sim.forward` or `sim.truth`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st

from trippy_nb.capture import make_plan
from trippy_nb.model import (
    EndReason,
    Event,
    Plan,
    Probe,
    ProbeSent,
    Protocol,
    Reply,
    ReplyReceived,
    Stamped,
    TraceConfig,
)
from trippy_nb.sim import SimNetwork, parse_scenario
from trippy_nb.sim.delays import Bimodal, Constant, Delay, Diurnal, Gamma, Queue, Uniform
from trippy_nb.sim.scenario import Link, LinkSpec, Route, Router, Scenario, Source, Target
from trippy_nb.tracing import run_trace

FAMILIES = (4, 6)
PROTOCOLS = tuple(Protocol)
MS = 1_000_000

SMALL = """\
[scenario]
name = "small"

[source]
v4 = "192.0.2.10"
v6 = "2001:db8:10::10"

[[target]]
name = "target.example"
v4 = "198.51.100.80"
v6 = "2001:db8:80::80"
delay = "1ms"

[[router]]
id = "r1"
v4 = "192.0.2.1"
v6 = "2001:db8:10::1"
delay = "2ms"

[[router]]
id = "r2"
v4 = "192.0.2.2"
v6 = "2001:db8:10::2"
delay = "3ms"

[[route]]
via = ["r1", "r2"]
"""


def small(*changes: tuple[str, str], extra: str = "") -> SimNetwork:
    """Make the small network, with texts replaced (once each) and lines added at the end."""
    text = SMALL
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return SimNetwork(parse_scenario(text + extra))


def plan_for(net: SimNetwork, name: str = "target.example", **options: object) -> Plan:
    config = TraceConfig.from_options(**options)
    target = net.resolve(name, config)[0]
    return make_plan(target, config, net.choose(target, config), run_uuid=net.run_uuid(target, config))


def probe_at(plan: Plan, key: int, ttl: int, *, dport: int = 33500) -> Probe:
    """Make a probe of no particular strategy."""
    if plan.protocol is Protocol.ICMP:
        return Probe(key, 0, 0, ttl, 0, 33434 + key, 0, 0)
    return Probe(key, 0, 0, ttl, 0, 33434 + key, 40000 + key % 1000, dport)


@dataclass
class Trace:
    """A whole trace: its events in order."""

    plan: Plan
    reason: EndReason
    events: list[Event] = field(default_factory=list)

    @property
    def sent(self) -> list[ProbeSent]:
        return [event for event in self.events if isinstance(event, ProbeSent)]

    @property
    def replies(self) -> list[ReplyReceived]:
        return [event for event in self.events if isinstance(event, ReplyReceived)]

    @property
    def transcript(self) -> list[tuple[str, int, int | None, bytes | None]]:
        """Every packet, out and in, with its moments."""
        out = [("out", sent.receipt.before_ns, None, sent.receipt.packet) for sent in self.sent]
        return [
            *out,
            *(("in", got.reply.read_ns, got.reply.kernel_ns, got.reply.packet) for got in self.replies),
        ]


def trace(net: SimNetwork, name: str = "target.example", **options: object) -> Trace:
    """Trace with the real engine."""
    plan = plan_for(net, name, **options)
    events: list[Event] = []
    reason = run_trace(plan, net.open(plan), net.clock, emit=events.append, stop=lambda: False)
    return Trace(plan, reason, events)


def ask(
    net: SimNetwork, plan: Plan, probes: Sequence[Probe], *, wait_ns: int = 60_000 * MS
) -> dict[int, Reply]:
    """Send probes at once, wait long enough, and tie answers to probes by what they quote."""
    channel = net.open(plan)
    began_ns = net.clock.now_ns()
    receipts = channel.send(probes)
    assert [receipt.key for receipt in receipts] == [probe.key for probe in probes]
    answers: list[Reply] = []
    while net.clock.now_ns() < began_ns + wait_ns:
        for arrival in channel.receive(began_ns + wait_ns):
            assert isinstance(arrival, Reply | Stamped), arrival
            if isinstance(arrival, Reply):
                answers.append(arrival)
    by_number = {_number(plan, probe): probe.key for probe in probes}
    return {by_number[_quoted_number(plan, reply)]: reply for reply in answers}


def _number(plan: Plan, probe: Probe) -> int:
    return probe.seq if plan.protocol is Protocol.ICMP else probe.sport


def _quoted_number(plan: Plan, reply: Reply) -> int:
    number = reply.quote.icmp_seq if plan.protocol is Protocol.ICMP else reply.quote.sport
    assert number is not None
    return number


# --- the second opinion -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Expected:
    """What must become of a probe: nobody answers, or this address, like this, within these bounds."""

    addr: str | None
    kind: str = ""
    low_ns: int = 0
    high_ns: int = 0
    certain: bool = True
    """No dice are thrown about whether it answers."""
    passed: int = 0


def bounds(delay: Delay) -> tuple[int, int]:
    match delay:
        case Constant(base_ns):
            return base_ns, base_ns
        case Uniform(min_ns, max_ns):
            return min_ns, max_ns
        case Gamma(base_ns, shape, scale_ns):
            return base_ns, base_ns + round((shape + 9 * shape**0.5 + 26) * scale_ns)
        case Bimodal(base_ns, spike_ns, _):
            return base_ns, base_ns + spike_ns
        case Diurnal() | Queue():
            raise AssertionError("no bound: has tests of its own")


def expect(scenario: Scenario, target: Target, af: int, protocol: str, ttl: int, at_ns: int) -> Expected:
    """Walk the route by hand."""
    chosen: Route | None = None
    for route in scenario.routes:
        if (
            route.at_ns <= at_ns
            and (route.to is None or route.to == target.name)
            and (route.family is None or route.family == af)
            and (chosen is None or route.at_ns >= chosen.at_ns)
        ):
            chosen = route
    assert chosen is not None
    routers = {router.id: router for router in scenario.routers}
    nodes: list[Router | Target] = [*(routers[str(node)] for node in chosen.via or ()), target]
    low = high = 0
    certain = True
    near = "source"
    for position, node in enumerate(nodes, 1):
        name = node.id if isinstance(node, Router) else node.name
        link = next((own.link for own in scenario.links if own.ends == (near, name)), node.link)
        for delay in (link.delay, link.delay if link.delay_back is None else link.delay_back):
            low, high = low + bounds(delay)[0], high + bounds(delay)[1]
        if link.loss == 1 or link.loss_back == 1:
            return Expected(None)
        certain = certain and link.loss == link.loss_back == 0
        near = name
        kind = _verdict(node, protocol, expired=position == ttl)
        if kind is None:
            continue
        think = bounds(node.answer_delay)
        addr = node.address(af) if isinstance(node, Router) else target.addresses(af)[0]
        mute = kind == "silence" or node.answer_ratio == 0 or node.reply_ttl < position
        if mute or addr is None:
            return Expected(None)
        certain = certain and node.answer_ratio == 1
        return Expected(addr, kind, low + think[0], high + think[1], certain, position - 1)
    raise AssertionError("a packet got past its target")


def _verdict(node: Router | Target, protocol: str, *, expired: bool) -> str | None:
    """How the packet's way ends here; None if it goes on."""
    if isinstance(node, Router):
        if expired:
            return "silence" if node.silent else "exceeded"
        if node.filter is None or protocol not in node.filter_protocols:
            return None
        return "silence" if node.silent or node.filter == "drop" else node.filter
    if protocol == "icmp":
        return "echo" if node.icmp == "answers" else "silence"
    return {"open": "silence" if protocol == "udp" else "syn-ack", "filtered": "silence"}.get(
        getattr(node, protocol), "port" if protocol == "udp" else "rst"
    )


# --- random scenarios ---------------------------------------------------------------------------------------

_times = st.integers(0, 20 * MS)
delays = st.one_of(
    st.builds(Constant, _times),
    st.builds(lambda low, width: Uniform(low, low + width), _times, _times),
    st.builds(Gamma, _times, st.floats(0.2, 8), st.integers(0, MS)),
    st.builds(Bimodal, _times, _times, st.floats(0, 1)),
)
_ratios = st.sampled_from([0.0, 0.0, 0.0, 0.3, 1.0])
_link_specs = st.builds(
    LinkSpec, delay=delays, delay_back=st.none() | delays, loss=_ratios, loss_back=st.sampled_from([0.0, 0.2])
)
_answers = {
    "answer_delay": delays,
    "answer_ratio": st.sampled_from([1.0, 1.0, 0.5, 0.0]),
    "quote": st.sampled_from(["full", "short"]),
    "reply_ttl": st.sampled_from([255, 64, 3]),
}
_FILTERS = [None, None, None, "prohibited", "host-unreachable", "no-route", "drop"]


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """A scenario of up to six routers in any order, with up to two routes and any mischief."""
    count = draw(st.integers(0, 6))
    routers = tuple(
        draw(
            st.builds(
                Router,
                id=st.just(f"r{number}"),
                v4=st.just(f"203.0.113.{number + 1}"),
                v6=st.just(f"2001:db8:f0::{number + 1:x}"),
                link=_link_specs,
                silent=st.booleans(),
                filter=st.sampled_from(_FILTERS),
                filter_protocols=st.sampled_from([("icmp",), ("udp", "tcp"), ("icmp", "udp", "tcp")]),
                **_answers,
            )
        )
        for number in range(count)
    )
    target = draw(
        st.builds(
            Target,
            name=st.just("target.example"),
            v4=st.just(("198.51.100.80",)),
            v6=st.just(("2001:db8:80::80",)),
            link=_link_specs,
            icmp=st.sampled_from(["answers", "silent"]),
            udp=st.sampled_from(["open", "closed", "filtered"]),
            tcp=st.sampled_from(["open", "closed", "filtered"]),
            **_answers,
        )
    )
    ways = st.permutations([router.id for router in routers]).flatmap(
        lambda way: st.integers(0, len(way)).map(lambda length: tuple(way[:length]))
    )
    first = draw(ways)
    later = draw(st.lists(st.builds(Route, via=ways, at_ns=st.just(5_000 * MS), to=st.none()), max_size=1))
    own_link = Link(ends=("source", first[0] if first else target.name), link=draw(_link_specs))
    return Scenario(
        name="random",
        seed=draw(st.integers(0, 1 << 32)),
        source=Source(v4="192.0.2.10", v6="2001:db8:10::10"),
        targets=(target,),
        routers=routers,
        routes=(Route(via=first), *later),
        links=draw(st.sampled_from([(), (own_link,)])),
    )
