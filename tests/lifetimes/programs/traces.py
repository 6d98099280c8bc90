"""A small trace of 127.0.0.1 and ::1, as `capture` makes one: `traces.py raw|error-queue|lines [af]`."""

# ruff: noqa: T201 - a program; its output is its result

from __future__ import annotations

import sys

from tests.net.plans import make_plan, window
from trippy_nb.lifetimes import Session
from trippy_nb.model import TraceConfig
from trippy_nb.net import LiveNetwork

ROUNDS = 3
OPTIONS: dict[str, dict[str, object]] = {
    "raw": {"protocol": "udp"},
    "raw-icmp": {},
    "raw-tcp": {"protocol": "tcp"},
    "error-queue": {"protocol": "udp", "unprivileged": True},
    "lines": {"protocol": "udp", "unprivileged": True, "target_port": 33000},  # a socket a probe
}
network = LiveNetwork()
config = TraceConfig.from_options(read_timeout=0.01, **OPTIONS[sys.argv[1]])


def trace(addr: str) -> int:
    def job(vault, stop) -> int:
        (target,) = network.resolve(addr, config)
        plan = make_plan(target, config, network.choose(target, config))
        channel = network.open(plan, vault)
        replies = 0
        for round_ in range(ROUNDS):
            channel.send(window(plan, range(1, 9), round_=round_))
            replies += sum(type(arrival).__name__ == "Reply" for arrival in channel.receive(sys.maxsize))
            if stop():
                break
        return replies

    with Session(job, name="trace") as session:
        return session.wait()


print([trace(addr) for addr in ("127.0.0.1", "::1")])
