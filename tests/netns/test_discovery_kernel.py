"""Discovery on kernel routers: fifteen hops, a balancer of four, beside scamper's tracelb."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import trippy_nb as tn
from tests.netns.diamond import BRANCHES, DST, HOPS, Diamond, diamond, true_edges

pytestmark = [pytest.mark.netns, pytest.mark.slow]

AUDITOR = Path(__file__).parents[1] / "lifetimes" / "fd_audit.py"
WAYS: list[dict[str, Any]] = [
    {"protocol": "udp"},
    {"protocol": "udp", "algorithm": "mda-lite"},
    {"protocol": "tcp"},
    {"protocol": "udp", "unprivileged": True, "uid": 65534},
]
FAMILIES = (4, 6)
# Kernels hash with a secret of their own, so what a run misses is chance: here, once in thousands of runs.
SPREAD: list[dict[str, Any]] = [
    {"target": DST[af], **way, "confidence": 0.9999} for af in FAMILIES for way in WAYS
]
ONE_WAY: list[dict[str, Any]] = [{"target": DST[af], "protocol": "icmp"} for af in FAMILIES]
COUNTED: list[dict[str, Any]] = [{"target": DST[4], **way} for way in WAYS]
JOBS = [*SPREAD, *ONE_WAY, *COUNTED]


def name(job) -> str:
    return " ".join(map(str, job.values()))


@pytest.fixture(scope="module")
def net():
    with diamond() as it:
        yield it


@pytest.fixture(scope="module")
def runs(net: Diamond, tmp_path_factory):
    files = net.jobs([{"verb": "discover"} | job for job in JOBS], tmp_path_factory.mktemp("runs"))
    return {name(job): tn.read(file).one() for job, file in zip(JOBS, files, strict=True)}


def edges(run: tn.Run) -> set[tuple[str, str]]:
    return {(near, far) for near, far in run.graph().edges() if near != "source"}


@pytest.mark.parametrize("job", SPREAD, ids=name)
def test_every_link_is_found_and_none_that_is_not_there(runs, job):
    run = runs[name(job)]
    assert edges(run) == true_edges(run.runs["af"].iloc[0])
    assert run.runs["outcome"].iloc[0] == "reached"
    (row,) = run.diamonds.to_dict("records")
    assert (row["max_width"], row["max_length"], row["balancing"]) == (len(BRANCHES), 3, "per-flow")


@pytest.mark.parametrize("job", ONE_WAY, ids=name)
def test_linux_sends_all_icmp_one_way_and_nothing_else_is_claimed(runs, job):
    run = runs[name(job)]
    found = edges(run)
    assert len(found) == HOPS - 1
    assert found < true_edges(run.runs["af"].iloc[0])
    assert run.diamonds.empty


@pytest.mark.parametrize("job", JOBS, ids=name)
def test_every_handle_is_closed_once_and_counted(runs, job):
    run = runs[name(job)]
    assert run.handles["closed_at"].notna().all()
    assert run.handles["sent"].sum() >= len(run.probes)


@pytest.mark.needs("strace", "cc")
@pytest.mark.parametrize("words", [("-p", "udp"), ("-p", "tcp"), ("-p", "udp", "-u"), ("-p", "icmp", "-6")])
def test_seen_from_outside_every_descriptor_is_opened_once_and_closed_once(net, words):
    target = DST[6 if "-6" in words else 4]
    text = net.run(
        *(sys.executable, str(AUDITOR), "--quarantine", "--strict", "--expect-rc", "0", "-v"),
        *("--kinds", "socket,epoll,event,pipe,timer", "--require", "socket=3", "--"),
        *(sys.executable, "-m", "trippy_nb", "discover", target, *words, "-m", "json", "--no-dns"),
    )
    assert "fd_audit: clean" in text
    assert len(re.findall(r"^.*socket.* -> close by ", text, re.MULTILINE)) >= 3


@pytest.mark.tool
@pytest.mark.needs("scamper")
def test_it_takes_at_most_half_as_many_probes_again_as_scampers_tracelb(net, runs):
    text = net.run("scamper", "-O", "json", "-c", "tracelb -P udp-dport -w 1 -W 15", "-i", DST[4])
    (theirs,) = (row for row in map(json.loads, text.splitlines()) if row["type"] == "tracelb")
    assert theirs["linkc"] >= HOPS - 1  # it may miss a branch, with the confidence that both have
    for way in COUNTED:
        assert len(runs[name(way)].probes) <= 1.5 * theirs["probec"], way
