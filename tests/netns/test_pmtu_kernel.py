"""Path MTU runs through kernel routers with a link of 1400 bytes, beside tracepath."""

from __future__ import annotations

import re

import pytest

import trippy_nb as tn
from tests.netns.lab import DST, Lab, lab

pytestmark = [pytest.mark.netns, pytest.mark.slow]

NOBODY = 65534
MTU = 1400
_MUTE = """
table inet mute {
  chain out {
    type filter hook output priority 0;
    icmp type destination-unreachable icmp code frag-needed drop
    icmpv6 type packet-too-big drop
  }
}
"""
WAYS: list[dict[str, object]] = [
    {"protocol": "udp"},
    {"protocol": "icmp"},
    {"protocol": "udp", "uid": NOBODY, "unprivileged": True},
    {"protocol": "icmp", "uid": NOBODY, "unprivileged": True},
]


@pytest.fixture(scope="module")
def narrow():
    with lab() as it:
        for host in ("r3", "dst"):
            it.ip(host, "link", "set", "l8", "mtu", str(MTU))
        it.run("sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647", host="src")
        yield it


def ask(it: Lab, folder, *jobs) -> list[tn.Run]:
    wanted = [{"verb": "pmtu"} | job for job in jobs]
    return [tn.read(path)[0] for path in it.trace(wanted, folder)]


@pytest.mark.parametrize("af", [4, 6])
@pytest.mark.needs("tracepath")
def test_every_kind_of_socket_finds_what_tracepath_finds(narrow, tmp_path, af):
    runs = ask(narrow, tmp_path, *({"target": DST[af]} | way for way in WAYS))
    said = narrow.run("tracepath", f"-{af}", "-n", DST[af])
    assert int(re.findall(r"pmtu (\d+)", said)[-1]) == MTU
    for run, way in zip(runs, WAYS, strict=True):
        assert run.pmtu.mtu == MTU, (way, run.pmtu)
        (row, *others) = run.pmtu.hops.to_dict("records")
        assert not others, (way, run.pmtu)
        assert (narrow.who(row["addr"]), row["ttl"], row["how"]) == ("r3", 3, "confirmed"), way
        assert run.pmtu.until == "the target"


@pytest.mark.parametrize("af", [4, 6])
def test_a_router_that_says_nothing_is_a_black_hole(narrow, tmp_path, af):
    narrow.run("nft", "-f", "-", host="r3", stdin=_MUTE)
    try:
        soon = {"target": DST[af], "probe_timeout": 0.3}  # nothing here takes longer
        jobs = [{**soon, "protocol": "udp"}, {**soon, **WAYS[2]}]
        runs = ask(narrow, tmp_path, *jobs)
    finally:
        narrow.run("nft", "delete table inet mute", host="r3")
    for run in runs:
        assert (run.pmtu.mtu, run.pmtu.black_hole) == (MTU, "yes"), run.pmtu
        (row,) = run.pmtu.hops.to_dict("records")
        assert (narrow.who(row["addr"]), row["ttl"], row["how"]) == ("r3", 3, "silent")


@pytest.mark.parametrize("af", [4, 6])
def test_this_machines_own_link_is_told_apart(narrow, tmp_path, af):
    narrow.ip("src", "link", "set", "l1", "mtu", "1300")
    narrow.ip("r1", "link", "set", "l1", "mtu", "1300")
    try:
        runs = ask(narrow, tmp_path, *({"target": DST[af]} | way for way in WAYS))
    finally:
        narrow.ip("src", "link", "set", "l1", "mtu", "1500")
        narrow.ip("r1", "link", "set", "l1", "mtu", "1500")
    for run, way in zip(runs, WAYS, strict=True):
        assert run.pmtu.mtu == 1300, (way, run.pmtu)
        assert run.pmtu.hops["how"].tolist() == ["local"], way
