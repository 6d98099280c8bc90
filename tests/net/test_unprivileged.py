"""The same channels as nobody, with no capability at all, in a process of their own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
pytestmark = [pytest.mark.netns, pytest.mark.slow]


def as_nobody(net, target: str, **options) -> dict[str, object]:
    program = str(HERE / "as_nobody.py")
    root = str(HERE.parents[1])
    said = net.inside(
        "env", f"PYTHONPATH={root}{os.pathsep}", sys.executable, program, target, json.dumps(options)
    )
    answer: dict[str, object] = json.loads(said)
    return answer


@pytest.mark.parametrize("af", [4, 6])
@pytest.mark.parametrize(
    ("options", "mode"),
    [
        ({}, ["icmp", "datagram"]),
        ({"protocol": "udp"}, ["udp", "error-queue"]),
        ({"protocol": "udp", "target_port": 33000}, ["udp", "error-queue"]),
        ({"protocol": "tcp"}, ["tcp", "connect"]),
        ({"protocol": "tcp", "source_port": 5000}, ["tcp", "connect"]),
    ],
)
def test_hops_are_found_without_privilege(chain, af, options, mode):
    answer = as_nobody(chain, chain.target_addr(af), **options)
    assert answer["mode"] == mode
    assert answer["hops"] == {str(ttl): chain.hop(ttl, af) for ttl in (1, 2, 3)}
    assert answer["stamped"] == (2 if mode[0] == "tcp" else 3)  # of an RST the kernel keeps no time
    assert answer["capabilities"] == "0000000000000000"


def test_where_nothing_else_is_allowed_udp_is(own_veth):
    answer = as_nobody(own_veth, own_veth.target_addr(4))
    assert answer["mode"] == ["udp", "error-queue"]
    assert "not ICMP" in str(answer["reason"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"protocol": "icmp"}, "now 1 0"),
        ({"mode": "raw"}, "mode raw"),
        ({"protocol": "udp", "multipath": "dublin"}, "udp dublin on IPv4"),
    ],
)
def test_a_refusal_says_what_would_help(own_veth, options, words):
    answer = as_nobody(own_veth, own_veth.target_addr(4), **options)
    assert answer["error"] == "PrivilegeError"
    assert words.lower() in str(answer["message"]).lower()
    assert "CAP_NET_RAW" in str(answer["message"])
