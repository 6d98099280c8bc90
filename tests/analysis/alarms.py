"""Pairs of traces of one network, in which nothing changed but the luck of balancers; and networks that did
change.

For the test of false alarms and for `benchmarks/prove_compare.py`.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from trippy_nb.analysis import ComparisonTables, compare_tables
from trippy_nb.frames import Tables, concat_tables
from trippy_nb.sim import SimNetwork, parse_scenario
from trippy_nb.testing import simulated

Router = dict[str, Any]


def network(routers: Sequence[Router], via: Sequence[Any], *, target: str = 'delay = "1ms"') -> SimNetwork:
    """A network of these routers; each has at least an `id`."""
    text = "\n".join(
        f'[[router]]\nv4 = "203.0.113.{number}"\n'
        + "\n".join(f"{key} = {_toml(value)}" for key, value in router.items())
        for number, router in enumerate(routers, 1)
    )
    return SimNetwork(
        parse_scenario(
            '[scenario]\nname = "alarms"\n[source]\nv4 = "192.0.2.10"\n'
            f'[[target]]\nname = "t.example"\nv4 = "198.51.100.80"\n{target}\n'
            f"{text}\n[[route]]\nvia = {_toml(list(via))}\n"
        )
    )


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


def delay(base_ms: float, scale_us: int = 400) -> dict[str, Any]:
    """A delay with a tail."""
    return {"kind": "gamma", "base": f"{base_ms}ms", "shape": 1.5, "scale": f"{scale_us}us"}


def luck(seed: int, *, balance: str = "flow", uneven: bool = False) -> SimNetwork:
    """A network of two diamonds: 2 to 8 branches, delays far apart, some of them lossy, a router that
    limits."""
    rng = np.random.default_rng(seed)
    routers: list[Router] = [
        {"id": "r1", "delay": delay(1)},
        {"id": "r2", "delay": delay(2), "balance": balance},
    ]
    via: list[Any] = ["r1", "r2"]
    for stage in "bd":
        branches: list[Any] = []
        for number in range(int(rng.integers(2, 9))):
            name = f"{stage}{number}"
            loss = float(rng.choice([0.0, 0.0, 0.05]))
            routers.append({"id": name, "delay": delay(float(rng.integers(1, 25))), "loss": loss})
            branches.append(name)
            if uneven and number % 2:
                routers.append({"id": f"{name}x", "delay": delay(1)})
                branches[-1] = [name, f"{name}x"]
        joint: Router = {"id": f"j{stage}", "delay": delay(2), "balance": balance}
        if stage == "b":
            joint["limit"] = {"kind": "bucket", "rate": 1, "burst": 5}
        routers.append(joint)
        via += [branches, f"j{stage}"]
    return network(routers, via)


WORLDS: dict[str, dict[str, Any]] = {
    "paris, other ports": {"protocol": "udp", "multipath_strategy": "paris"},
    "classic, other ports": {"protocol": "udp"},
    "paris, other ports, by packet": {"protocol": "udp", "multipath_strategy": "paris", "balance": "packet"},
    "paris, other ports, uneven": {"protocol": "udp", "multipath_strategy": "paris", "uneven": True},
    "six runs of a flow": {"protocol": "udp", "runs": 6},
    "one flow, the same": {"protocol": "icmp"},
    "one flow, the same, by packet": {"protocol": "icmp", "balance": "packet", "uneven": True},
    "many flows, the same": {"protocol": "icmp", "multipath_strategy": "paris"},
    "many flows, the same, by packet": {
        "protocol": "icmp",
        "multipath_strategy": "paris",
        "balance": "packet",
    },
}
"""Ways to measure, and what balances."""


def pair(world: str, number: int, *, rounds: int = 20) -> tuple[Tables, Tables]:
    """Two traces of one network. Other flows: other ports, and balancers that hash with another salt."""
    options = dict(WORLDS[world])
    shape = {name: options.pop(name) for name in ("balance", "uneven") if name in options}
    runs = options.pop("runs", 1)
    net = luck(number, **shape)
    other = options["protocol"] == "udp"

    def side(which: int) -> Tables:
        made = []
        for run in range(runs):
            more = dict(options)
            if runs > 1:
                more |= {"multipath_strategy": "paris", "target_port": 33_500}
            if other:
                more["source_port"] = 20_000 + (number * 16 + which * 8 + run) % 40_000
            seed = number + 1_000_000 * which if other else number
            made.append(
                simulated(net, seed=seed, at_s=1_000.0 * (which * 8 + run), rounds=rounds, **more).tables
            )
        return concat_tables(made)

    return side(0), side(1)


def alarm(world: str, number: int, **more: Any) -> tuple[ComparisonTables, bool]:
    """Compare such a pair; and would anybody who compares hop by hop have called it changed?"""
    a, b = pair(world, number, **more)
    return compare_tables(a, b), naive(a, b)


def naive(a: Tables, b: Tables) -> bool:
    """Whether the responder seen most differs at any TTL at which both saw one."""
    ones, twos = (_most_seen(side) for side in (a, b))
    return any(twos.get(ttl, addr) != addr for ttl, addr in ones.items())


def _most_seen(side: Tables) -> dict[int, str]:
    seen: dict[int, Counter[str]] = defaultdict(Counter)
    for ttl, addr in side.probes[["ttl", "addr"]].dropna().itertuples(index=False):
        seen[int(ttl)][str(addr)] += 1
    return {ttl: addrs.most_common(1)[0][0] for ttl, addrs in seen.items()}
