"""What the built-in internet costs: us a probe, ms a virtual second on a 15-hop path; a million probes whole.

Measured through the channel: every packet is encoded and decoded, but there is no strategy and no recorder.
Budget: 1 ms a virtual second of one 15-probe round; with --million, 1,000,000 probes in 60 s on one core.
Beside them then stands `tn.trace` with strategy, recorder and tables, and how fast this machine is at all: a
million turns of a plain loop.
"""

import sys
import time
from dataclasses import replace

import trippy_nb as tn
from trippy_nb import sim
from trippy_nb.capture import make_plan
from trippy_nb.model import NS_PER_S, Probe, Protocol, Reply, TraceConfig
from trippy_nb.sim.library import find_scenario

ROUNDS = 2000
HOPS = 15
MILLION = 1_000_000
WIDE = """
[scenario]
name = "wide"
[source]
v4 = "192.0.2.10"
v6 = "2001:db8:10::10"
[[target]]
name = "far.example"
v4 = "198.51.100.15"
v6 = "2001:db8:15::15"
{routers}
[[route]]
via = [{first}, [{branches}], {rest}]
"""


def wide(extra="", first=""):
    """15 hops, of which the fifth is one of four."""
    names = [f"r{number}" for number in range(1, 14)] + ["a", "b", "c", "d"]
    rows = [
        f'[[router]]\nid = "{name}"\nv4 = "203.0.113.{place}"\nv6 = "2001:db8:f::{place:x}"\n'
        f'delay = "3ms"\n{extra}'
        for place, name in enumerate(names, 1)
    ]
    rows[0] += first
    quoted = [f'"{name}"' for name in names]
    return sim.SimNetwork(
        sim.parse_scenario(
            WIDE.format(
                routers="\n".join(rows),
                first=", ".join(quoted[:4]),
                branches=", ".join(quoted[13:]),
                rest=", ".join(quoted[4:13]),
            )
        )
    )


NETWORKS = {
    "15 hops": lambda: sim.load("long-path"),
    "4-wide diamond": wide,
    "+ limits, NAT": lambda: wide(
        'limit = { kind = "bucket", rate = 1000, burst = 1000 }\n', 'nat = { v4 = "203.0.113.99" }\n'
    ),
}


def run(make, protocol, addr, rounds=ROUNDS):
    net = make()
    config = TraceConfig(protocol=protocol)
    (target,) = net.resolve(addr, config)
    plan = make_plan(target, config, net.choose(target, config), run_uuid="bench")
    channel = net.open(plan)
    key = replies = 0
    began = time.process_time()
    for number in range(rounds):
        window = []
        for ttl in range(1, HOPS + 1):
            port = 33434 + key % 30000
            ports = (0, 0) if protocol is Protocol.ICMP else (40000, port)
            window.append(Probe(key, number, 0, ttl, 0, port, *ports))
            key += 1
        channel.send(window)
        end_ns = (number + 1) * NS_PER_S
        while net.clock.now_ns() < end_ns:
            replies += sum(isinstance(item, Reply) for item in channel.receive(end_ns))
    spent_s = time.process_time() - began
    assert replies == key, (replies, key)
    return spent_s


def million():
    scenario = find_scenario("long-path")
    began = time.process_time()
    for number in range(MILLION):
        number & 7
    print(f"a million turns of a loop: {time.process_time() - began:.3f} s")
    for protocol in Protocol:
        spent_s = run(NETWORKS["15 hops"], protocol, "198.51.100.15", MILLION // HOPS + 1)
        print(f"{protocol:4}  1,000,000 probes through the channel  {spent_s:.1f} s (budget 60)")
    for protocol in Protocol:
        net = sim.SimNetwork(replace(scenario))
        began = time.process_time()
        traced = tn.trace(
            "198.51.100.15", network=net, protocol=protocol, rounds=MILLION // HOPS + 1, max_ttl=HOPS,
            keep_packets=False, dns=False, progress=False,
        )  # fmt: skip
        probes = len(traced.probes)
        spent_s = time.process_time() - began
        print(
            f"{protocol:4}  {probes:,} probes  {spent_s:.1f} s, {spent_s / probes * MILLION:.1f} s a million"
            f"  answered {traced.probes['rtt_ms'].notna().mean():.4f}  (all of `tn.trace`)"
        )


for name, make in NETWORKS.items():
    for protocol in Protocol:
        for addr in ("198.51.100.15", "2001:db8:15::15"):
            if "NAT" in name and ":" in addr:
                continue
            spent_s = min(run(make, protocol, addr) for _ in range(3))
            print(
                f"{name:14} {protocol:4} {addr:16}  {spent_s / ROUNDS / HOPS * 1e6:6.1f} us a probe"
                f"  {spent_s / ROUNDS * 1e3:6.3f} ms a virtual second (budget 1)"
            )
if "--million" in sys.argv:
    million()
