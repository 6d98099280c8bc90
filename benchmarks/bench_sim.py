"""What the built-in internet costs: us a probe, and ms a virtual second on a 15-hop path.

Measured through the channel: every packet is encoded and decoded, but there is no strategy and no recorder.
Budgets: 30 us a probe; 1 ms a virtual second of one 15-probe round.
"""

import time

from trippy_nb import sim
from trippy_nb.model import NS_PER_S, Plan, Probe, Protocol, Reply, TraceConfig, derive_secret

ROUNDS = 2000
HOPS = 15


def make_plan(net, protocol, addr):
    config = TraceConfig(protocol=protocol)
    (target,) = net.resolve(addr, config)
    choice = net.choose(target, config)
    return Plan(
        config=config,
        target=target,
        protocol=choice.protocol,
        mode=choice.mode,
        reason=choice.reason,
        source=choice.source,
        sport=None,
        dport=None,
        trace_id=4711,
        secret=derive_secret("bench"),
        icmp_checksum=0xBEEF if protocol is Protocol.ICMP else None,
    )


def run(protocol, addr):
    net = sim.load("long-path")
    plan = make_plan(net, protocol, addr)
    channel = net.open(plan)
    key = replies = 0
    began = time.process_time()
    for number in range(ROUNDS):
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


for protocol in Protocol:
    for addr in ("198.51.100.15", "2001:db8:15::15"):
        spent_s = min(run(protocol, addr) for _ in range(3))
        print(
            f"{protocol:4} {addr:16}  {spent_s / ROUNDS / HOPS * 1e6:6.1f} us a probe"
            f"  {spent_s / ROUNDS * 1e3:6.3f} ms a virtual second"
        )
