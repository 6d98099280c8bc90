"""`trippy-nb sim serve`: what real tools print of a scenario, beside its truth and our own trace of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import trippy_nb as tn
from tests.netns.serving import TARGET, Served, namespace, served

pytestmark = [pytest.mark.netns, pytest.mark.needs("tun"), pytest.mark.slow]

AUDITOR = Path(__file__).parents[1] / "lifetimes" / "fd_audit.py"
INSIDE = Path(__file__).with_name("inside.py")
FAMILIES = [4, 6]
JOBS: list[dict[str, Any]] = [
    {"target": TARGET[af], "rounds": 2, "min_round_duration": 0.2, **how}
    for af in FAMILIES
    for how in (
        {"protocol": "icmp", "multipath": "classic"},
        {"protocol": "udp", "multipath": "paris"},
        {"protocol": "tcp", "multipath": "paris"},
        {"protocol": "udp", "multipath": "paris", "unprivileged": True, "uid": 65534},
    )
]
FIRST_STEPS = ("sim", "serve", "first-steps", "--tun", "tun0")


@pytest.fixture(scope="module")
def mpls():
    with served("case-20-mpls-explicit") as it:
        yield it


@pytest.fixture(scope="module")
def narrow():
    with served("narrow-link") as it:
        yield it


def traceroute(it: Served, af: int, *words: str) -> list[str | None]:
    text = it.run("traceroute", f"-{af}", "-n", "-q", "1", "-w", "1", *words, TARGET[af])
    rows = [line.split() for line in text.splitlines()[1:]]
    return [None if row[1] == "*" else row[1] for row in rows]


def test_it_says_what_it_serves_where(mpls):
    assert mpls.said.startswith("serving case-20-mpls-explicit on tun0: source 192.0.2.10, 2001:db8:10::10;")


@pytest.mark.tool
@pytest.mark.needs("traceroute")
@pytest.mark.parametrize("af", FAMILIES)
@pytest.mark.parametrize("how", ["-U", "-I", "-T"])
def test_traceroute_prints_the_truth(mpls, af, how):
    assert traceroute(mpls, af, how) == mpls.hops(af)


@pytest.mark.tool
@pytest.mark.needs("traceroute")
def test_traceroute_reads_the_labels(mpls):
    text = mpls.run("traceroute", "-n", "-e", "-q", "1", TARGET[4])
    (path,) = tn.sim.load(mpls.scenario).truth.paths_to(TARGET[4])
    theirs = [int(label) for label in re.findall(r"MPLS:L=(\d+)", text)]
    assert theirs == [int(re.findall(r"\d+", hop.labels)[0]) for hop in path.hops if hop.labels]
    assert len(theirs) == 3


@pytest.mark.tool
@pytest.mark.needs("mtr")
@pytest.mark.parametrize("af", FAMILIES)
@pytest.mark.parametrize("how", [[], ["-u"], ["-T"]])
def test_mtr_prints_the_truth_with_its_times(mpls, af, how):
    report = json.loads(
        mpls.run("mtr", f"-{af}", "-n", "-c", "2", "-i", "0.2", "-G", "1", *how, "--json", TARGET[af])
    )
    hubs = report["report"]["hubs"]
    assert [hub["host"] for hub in hubs] == mpls.hops(af)
    (path,) = tn.sim.load(mpls.scenario).truth.paths_to(TARGET[af])
    assert all(hub["Best"] >= hop.best_ms - 0.01 for hub, hop in zip(hubs, path.hops, strict=True))


@pytest.mark.tool
@pytest.mark.needs("scamper")
@pytest.mark.parametrize(("af", "method"), [(4, "icmp-paris"), (4, "udp-paris"), (6, "icmp-paris")])
def test_scamper_prints_the_truth(mpls, af, method):  # its SYNs need a device with an Ethernet address
    text = mpls.run("scamper", "-O", "json", "-c", f"trace -P {method} -w 1", "-i", TARGET[af])
    (trace,) = (row for row in map(json.loads, text.splitlines()) if row["type"] == "trace")
    assert [hop["addr"] for hop in trace["hops"]] == mpls.hops(af)


@pytest.mark.tool
@pytest.mark.needs("tracepath")
@pytest.mark.parametrize("af", FAMILIES)
def test_tracepath_finds_the_narrow_link(narrow, af):
    text = narrow.run("tracepath", f"-{af}", "-n", TARGET[af])
    assert re.findall(r"pmtu (\d+)", text)[-1] == "1400"
    assert f"hops {len(narrow.hops(af))}" in text


@pytest.fixture(scope="module")
def lives(mpls, tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    jobs = [{**job, "path": str(folder / f"{number}.parquet")} for number, job in enumerate(JOBS)]
    mpls.run(sys.executable, str(INSIDE), stdin=json.dumps(jobs))
    return [tn.read(job["path"]).one() for job in jobs]


@pytest.mark.parametrize("number", range(len(JOBS)), ids=[" ".join(map(str, job.values())) for job in JOBS])
def test_our_own_tracer_finds_the_same_live_and_simulated(mpls, lives, number):
    job, live = JOBS[number], lives[number]
    simulated = tn.trace(
        job["target"],
        network=tn.sim.load(mpls.scenario),
        protocol=job["protocol"],
        multipath=job["multipath"],
        rounds=2,
        progress=False,
    )
    af = live.runs["af"].iloc[0]
    assert [addrs[0] if addrs else None for addrs in live.hops["addrs"]] == mpls.hops(af)
    for column in ("addrs", "recv", "mpls"):
        assert live.hops[column].tolist() == simulated.hops[column].tolist()
    fields = ["ttl", "icmp_type", "icmp_code", "reply_ttl"]
    one, other = (
        run.replies[run.replies["round"] == 1].sort_values("ttl")[fields].reset_index(drop=True)
        for run in (live, simulated)
    )
    assert one.equals(other)
    best = live.hops["best_ms"] - simulated.hops["best_ms"]
    assert (best > -0.05).all(), "an answer came before it was due"


def test_path_mtu_and_discovery_find_over_the_device_what_they_find_simulated(narrow, tmp_path):
    jobs = [
        {"verb": verb, "target": TARGET[4], "path": str(tmp_path / verb)} for verb in ("pmtu", "discover")
    ]
    narrow.run(sys.executable, str(INSIDE), stdin=json.dumps(jobs))
    pmtu, discovered = (tn.read(job["path"]).one() for job in jobs)
    assert pmtu.pmtu.mtu == 1400
    simulated = tn.discover(TARGET[4], network=tn.sim.load("narrow-link"), progress=False)
    assert set(discovered.graph().edges()) == set(simulated.graph().edges())


def test_many_programs_at_once_each_get_their_answers(mpls):
    words = ("traceroute", "-n", "-q", "1", "-w", "1", TARGET[4])
    several = [subprocess.Popen(mpls.command(*words), stdout=subprocess.PIPE, text=True) for _ in range(8)]
    texts = [process.communicate(timeout=60)[0] for process in several]
    for text in texts:
        assert [line.split()[1] for line in text.splitlines()[1:]] == mpls.hops()


@pytest.mark.needs("strace")
def test_every_descriptor_is_opened_once_and_closed_once():
    with namespace() as name:
        done = subprocess.run(
            [
                *(sys.executable, str(AUDITOR), "--quarantine", "--strict", "--expect-rc", "0"),
                *("--sigint-after", "8", "--foreign", "ip$", "--kinds", "socket,epoll,event,pipe,file"),
                *("--only", "tun|socket", "-v", "--"),
                *("ip", "netns", "exec", name, sys.executable, "-m", "trippy_nb", *FIRST_STEPS),
            ],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fd_audit: clean" in done.stdout
    assert len(re.findall(r'"/dev/net/tun".* -> close by ', done.stdout)) == 1


def serve(*words: str, inside: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "trippy_nb", "sim", "serve", *words]
    within = ["ip", "netns", "exec", inside] if inside else []
    return subprocess.run([*within, *command], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("af", FAMILIES)
def test_a_namespace_with_a_default_route_is_left_alone(af):
    with namespace() as name:
        link = ["ip", "-n", name, "link", "add", "d0", "type", "veth", "peer", "name", "d1"]
        route = ["ip", "-n", name, f"-{af}", "route", "add", "default", "dev", "d0"]
        for words in (link, ["ip", "-n", name, "link", "set", "d0", "up"], route):
            subprocess.run(words, check=True)
        done = serve("first-steps", "--tun", "tun0", inside=name)
        links = subprocess.run(["ip", "-n", name, "link"], capture_output=True, text=True, check=True).stdout
    assert done.returncode == 2
    assert "has a default route" in done.stderr
    assert done.stderr.count("\n") == 1
    assert "tun0" not in links


@pytest.mark.parametrize(
    ("device", "words"),
    [("d0", "already"), *((name, "1 to 15 letters") for name in ("x" * 16, "tun%d", "a#b", ".."))],
)
def test_a_name_that_cannot_be_is_refused(device, words):
    with namespace() as name:
        subprocess.run(
            ["ip", "-n", name, "link", "add", "d0", "type", "veth", "peer", "name", "d1"], check=True
        )
        done = serve("first-steps", "--tun", device, inside=name)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert words in done.stderr


@pytest.mark.needs("setpriv")
def test_without_the_privilege_it_says_what_would_help():
    with namespace() as name:
        words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]
        done = subprocess.run(
            ["ip", "netns", "exec", name, *words, sys.executable, "-m", "trippy_nb", *FIRST_STEPS],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert "needs root, or CAP_NET_ADMIN" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_device_that_was_left_there_to_stay_is_left_alone():
    with namespace() as name:
        inside = ["ip", "netns", "exec", name]
        subprocess.run([*inside, "ip", "tuntap", "add", "dev", "tun0", "mode", "tun"], check=True)
        done = serve("first-steps", "--tun", "tun0", inside=name)
        said = [
            subprocess.run([*inside, "ip", *words], capture_output=True, text=True, check=True).stdout
            for words in (["route"], ["-6", "route"], ["-br", "address", "show", "tun0"])
        ]
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "already" in done.stderr
    assert said[:2] == ["", ""]
    assert said[2].split() == ["tun0", "DOWN"]


def test_a_device_taken_away_ends_it_in_one_line():
    with namespace() as name:
        server = subprocess.Popen(
            ["ip", "netns", "exec", name, sys.executable, "-m", "trippy_nb", *FIRST_STEPS],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert server.stdout is not None
        server.stdout.readline()
        subprocess.run(["ip", "-n", name, "link", "delete", "tun0"], check=True)
        _, errors = server.communicate(timeout=20)
    assert server.returncode == 1
    assert "the device tun0 is gone" in errors
    assert errors.count("\n") == 1
