"""Traces across real kernel routers: what was built is what is found, and what the peers find."""

import json
import re
from itertools import product
from typing import Any

import pytest

import trippy_nb as tn
from tests.netns.lab import DEEP, DEEP_PATH, DST, PATH, PROHIBITED, lab

pytestmark = [pytest.mark.netns, pytest.mark.needs("raw_socket", "nft"), pytest.mark.slow]

FAST = {"min_round_duration": 0.05, "max_round_duration": 0.5, "grace_duration": 0.02, "probe_timeout": 0.5}
ROUNDS = 8

_PLAIN: list[dict[str, Any]] = [{"protocol": "icmp"}, {"protocol": "udp"}, {"protocol": "tcp"}]
_PORTS = [{}, {"source_port": 5000}, {"target_port": 33500}]
_BOTH = [{"source_port": 5000, "target_port": 33500}]
STRATEGIES: list[dict[str, Any]] = [
    *_PLAIN,
    *({"protocol": "udp", "multipath": m} | p for m in ("paris", "dublin") for p in [*_PORTS, *_BOTH]),
    *({"protocol": "udp"} | p for p in _PORTS[1:]),
    *({"protocol": "tcp"} | p for p in ({"source_port": 5000}, {"target_port": 443})),
]
NOBODY = 65534
UNPRIVILEGED: list[dict[str, Any]] = [
    {"protocol": "udp", "uid": NOBODY},
    {"protocol": "udp", "unprivileged": True},
    {"protocol": "udp", "multipath": "paris", "uid": NOBODY} | _BOTH[0],
    {"protocol": "tcp", "uid": NOBODY},
    {"protocol": "tcp", "unprivileged": True, "source_port": 5000},
]
DATAGRAM: list[dict[str, Any]] = [{"protocol": "icmp", "mode": "datagram"}]


def _name(job):
    return "-".join(str(value) for key, value in job.items() if key not in FAST and key != "rounds")


JOBS = [
    {**options, **FAST, "target": targets[af], "rounds": ROUNDS}
    for targets, af, options in product((DST, DEEP), (4, 6), [*STRATEGIES, *UNPRIVILEGED, *DATAGRAM])
]
REFUSED = [
    {**options, **FAST, "target": PROHIBITED[af], "rounds": 2, "max_ttl": 6}
    for af, options in product((4, 6), [*_PLAIN, UNPRIVILEGED[0]])
]


@pytest.fixture(scope="module")
def net():
    with lab() as it:
        it.run("sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647")
        yield it


@pytest.fixture(scope="module")
def runs(net, tmp_path_factory):
    wanted = [*JOBS, *REFUSED]
    paths = net.trace(wanted, tmp_path_factory.mktemp("runs"))
    return {_name(job): tn.read(path).one() for job, path in zip(wanted, paths, strict=True)}


def _found(net, run):
    return [{net.who(addr) for addr in addrs} for addrs in run.hops["addrs"]]


@pytest.mark.parametrize("job", JOBS, ids=_name)
def test_every_hop_is_one_that_was_built(net, runs, job):
    run = runs[_name(job)]
    built = PATH if job["target"] in DST.values() else DEEP_PATH
    found = _found(net, run)
    assert len(found) == len(built)
    for hop, here in zip(found, built, strict=True):
        assert hop <= here
        assert bool(hop) == bool(here)
    assert run.runs["outcome"].iloc[0] == "reached"
    assert run.runs["target_ttl"].iloc[0] == len(built)
    settled = run.hops[["sent", "recv"]].to_numpy().tolist()
    assert settled == [[ROUNDS, ROUNDS if here else 0] for here in built]


@pytest.mark.parametrize("job", JOBS, ids=_name)
def test_links_are_cables_where_the_flow_is_kept(net, runs, job):
    run = runs[_name(job)]
    cables = {("src", "r1"), ("r1", "r2a"), ("r1", "r2b"), ("r2a", "r3"), ("r2b", "r3"), ("r3", "dst")}
    stable = bool(run.runs["flow_stable"].iloc[0])
    evidence = set(run.links["evidence"])
    assert evidence <= ({"flow", "assumed"} if stable else {"positional"})
    if stable:
        for link in run.links.itertuples():
            ends = (net.who(link.from_addr), net.who(link.to_addr))
            if all(isinstance(end, str) for end in (link.from_addr, link.to_addr)):
                assert ends in cables | {("r1", "r1")}


@pytest.mark.parametrize("job", JOBS, ids=_name)
def test_kernel_routers_quote_what_was_sent_and_give_no_reason_to_say_more(runs, job):
    run = runs[_name(job)]
    compared = run.replies["rewritten"].dropna()
    whole = bool(run.runs["has_quote_header"].item())
    assert (len(compared) > 0) == whole
    assert set(compared) <= {""}
    said = run.evidence[run.evidence["kind"] != "address-edge"]
    strengths = {"none seen"} if whole else {"cannot be seen"}
    assert set(said["strength"]) == strengths


def test_varying_flows_see_both_branches_and_one_flow_sees_one(net, runs):
    both = {}
    for job in JOBS:
        if job["target"] == DST[4] and "uid" not in job and not job.get("unprivileged") and "mode" not in job:
            both[_name(job)] = _found(net, runs[_name(job)])[1]
    assert {len(hop) for name, hop in both.items() if "5000-33500" in name or name.startswith("icmp")} == {1}
    varying = [
        hop
        for name, hop in both.items()
        if ("paris" in name or "dublin" in name) and "5000-33500" not in name
    ]
    assert any(hop == {"r2a", "r2b"} for hop in varying)


@pytest.mark.parametrize("job", JOBS, ids=_name)
def test_round_trip_times_come_from_kernel_stamps(runs, job):
    run = runs[_name(job)]
    answered = run.probes[run.probes["rtt_ms"].notna()]
    wanted = {"kernel"} if job["protocol"] != "tcp" else {"kernel", "kernel-rx", "user"}
    if wanted == {"kernel"} or not {"uid", "unprivileged"} & set(job):
        wanted.discard("user")  # only connecting has it, for RST
    assert set(answered["rtt_source"].unique()) <= wanted
    assert answered["rtt_ms"].between(0, 1000, inclusive="neither").all()
    assert run.runs["clock_suspect"].iloc[0] == 0


@pytest.mark.parametrize("job", REFUSED, ids=_name)
def test_a_prohibited_destination_is_an_outcome_not_a_hop(net, runs, job):
    run = runs[_name(job)]
    assert run.runs["outcome"].iloc[0] == "filtered"
    unreachable = 1 if ":" in job["target"] else 3
    refusals = run.replies[run.replies["icmp_type"] == unreachable]
    assert {net.who(addr) for addr in refusals["addr"]} == {"r3"}


@pytest.mark.parametrize("job", [*JOBS, *REFUSED], ids=_name)
def test_every_handle_is_closed_once_and_counted(runs, job):
    handles = runs[_name(job)].handles
    assert len(handles) >= 1
    assert handles["closed_at"].notna().all()
    assert handles["sent"].sum() >= len(runs[_name(job)].probes)


def _answered(text):
    """TTL -> addresses, from a traceroute's text."""
    hops = {}
    for line in text.splitlines()[1:]:
        number, _, rest = line.strip().partition(" ")
        hops[int(number)] = set(re.findall(r"(?:\d+\.){3}\d+(?=\s)|[0-9a-f]+:[0-9a-f:]+", rest))
    return hops


@pytest.mark.tool
@pytest.mark.needs("traceroute")
@pytest.mark.parametrize("af", [4, 6])
@pytest.mark.parametrize("flag", ["-I", "-U", "-T"])
def test_traceroute_finds_the_same_routers(net, runs, af, flag):
    text = net.run("traceroute", f"-{af}", "-n", flag, "-q", "6", "-w", "1", DEEP[af])
    protocol = {"-I": "icmp", "-U": "udp", "-T": "tcp"}[flag]
    ours = _found(net, runs[_name({"protocol": protocol, "target": DEEP[af]})])
    theirs = [{net.who(addr) for addr in addrs} for _, addrs in sorted(_answered(text).items())]
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert bool(mine) == bool(other)
        assert mine | other in ({"r1"}, {"r2a"}, {"r2b"}, {"r2a", "r2b"}, {"r3"}, {"deep"}, set())


@pytest.mark.tool
@pytest.mark.needs("mtr")
@pytest.mark.parametrize("af", [4, 6])
@pytest.mark.parametrize("flag", [[], ["-u"], ["-T"]])
def test_mtr_finds_the_same_routers(net, af, flag):
    text = net.run("mtr", f"-{af}", "-n", "-c", "3", "-i", "0.2", "-G", "1", *flag, "--json", DST[af])
    hubs = json.loads(text)["report"]["hubs"]
    assert [net.who(hub["host"]) in here for hub, here in zip(hubs, PATH, strict=True)] == [True] * len(PATH)


@pytest.mark.tool
@pytest.mark.needs("scamper")
@pytest.mark.parametrize(
    ("af", "method"),  # over IPv6 scamper 20211212 gives UDP and TCP traces without hops here
    [(4, "icmp-paris"), (4, "udp-paris"), (4, "tcp"), (6, "icmp-paris")],
)
def test_scamper_finds_the_same_routers_and_the_same_quotes(net, runs, af, method):
    text = net.run("scamper", "-O", "json", "-c", f"trace -P {method} -w 1", "-i", DST[af])
    (trace,) = (row for row in map(json.loads, text.splitlines()) if row["type"] == "trace")
    hops = {hop["probe_ttl"]: hop for hop in trace["hops"]}
    assert [net.who(hops[ttl]["addr"]) in here for ttl, here in enumerate(PATH, 1)] == [True] * len(PATH)
    protocol = method.partition("-")[0]
    replies = runs[_name({"protocol": protocol, "target": DST[af]})].replies.set_index("ttl")
    for ttl in (1, 2, 3):
        ours = replies.loc[[ttl]].iloc[0]
        theirs = hops[ttl]
        assert (ours["icmp_type"], ours["icmp_code"]) == (theirs["icmp_type"], theirs["icmp_code"])
        assert ours["reply_ttl"] == theirs["reply_ttl"]
        assert ours["q_ttl"] == theirs["icmp_q_ttl"] == 1
