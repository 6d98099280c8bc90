"""The operating system refuses: before the trace that is one line, within it rows; nothing is lost."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import trippy_nb as tn
from tests.net.kernel_net import KernelNet, kernel_net

HERE = Path(__file__).parent
CHANNELS: dict[str, dict[str, Any]] = {
    "raw-icmp": {"protocol": "icmp"},
    "raw-udp": {"protocol": "udp"},
    "raw-tcp": {"protocol": "tcp"},
    "queue-udp": {"protocol": "udp", "mode": "error-queue"},
    "queue-udp-sport": {"protocol": "udp", "mode": "error-queue", "target_port": 33333},
    "datagram-icmp": {"protocol": "icmp", "mode": "datagram"},
}
QUICK: dict[str, Any] = {
    "min_round_duration": 0.05,
    "max_round_duration": 0.3,
    "grace_duration": 0.02,
    "probe_timeout": 0.3,
    "progress": False,
    "dns": False,
}
channels = pytest.mark.parametrize("channel", CHANNELS)
families = pytest.mark.parametrize(
    "af", [4, pytest.param(6, marks=pytest.mark.needs("ipv6"))], ids=["v4", "v6"]
)


def child(program: str, stdin: object, *before: str, **environment: str) -> Any:
    root = str(HERE.parents[1])
    done = subprocess.run(
        [*before, sys.executable, str(HERE / program)],
        input=json.dumps(stdin),
        env=os.environ | {"PYTHONPATH": root} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# --- no privilege ----------------------------------------------------------------------------------

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"protocol": "icmp"}, "net.ipv4.ping_group_range (now 1 0)"),
    ({"protocol": "icmp", "mode": "raw"}, "mode raw needs raw sockets"),
    ({"protocol": "icmp", "mode": "datagram"}, "net.ipv4.ping_group_range (now 1 0)"),
    ({"protocol": "icmp", "unprivileged": True}, "net.ipv4.ping_group_range (now 1 0)"),
    ({"protocol": "tcp", "mode": "raw"}, "CAP_NET_RAW"),
    ({"protocol": "tcp", "mode": "mtr-packet"}, "mtr-packet"),
    ({"protocol": "udp", "mode": "raw"}, "CAP_NET_RAW"),
    ({"protocol": "udp", "mode": "raw", "multipath": "paris"}, "CAP_NET_RAW"),
]
WITHOUT: list[tuple[dict[str, Any], str]] = [
    ({"protocol": "tcp"}, "connect"),
    ({"protocol": "tcp", "unprivileged": True}, "connect"),
    ({"protocol": "udp", "multipath": "paris"}, "error-queue"),
]
DUBLIN: dict[str, Any] = {"protocol": "udp", "multipath": "dublin"}
ALLOWED: list[dict[str, Any]] = [{}, {"unprivileged": True}, {"protocol": "udp"}, {"mode": "error-queue"}]
LOOPBACK = {4: "127.0.0.1", 6: "::1"}


@pytest.fixture(scope="module")
def attempts():
    """What nobody, with no capability and no ping group, gets for each job."""
    jobs = [
        (LOOPBACK[af], options)
        for af in LOOPBACK
        for options in [*(job for job, _ in REFUSED), *(job for job, _ in WITHOUT), DUBLIN, *ALLOWED]
    ]
    with kernel_net("tnfn", routers=-1, meet=False) as net:
        answers = child("as_nobody.py", jobs, "ip", "netns", "exec", net.source)
    return {json.dumps(job): answer for job, answer in zip(jobs, answers, strict=True)}


@pytest.mark.netns
@pytest.mark.slow
@families
@pytest.mark.parametrize(("options", "words"), REFUSED, ids=[json.dumps(job) for job, _ in REFUSED])
def test_without_privilege_what_was_asked_is_refused_in_one_line_that_helps(attempts, af, options, words):
    answer = attempts[json.dumps((LOOPBACK[af], options))]
    assert answer["error"] == "PrivilegeError"
    assert words in answer["message"]
    assert "\n" not in answer["message"]


@pytest.mark.netns
@pytest.mark.slow
@families
@pytest.mark.parametrize(("options", "mode"), WITHOUT, ids=[json.dumps(job) for job, _ in WITHOUT])
def test_without_privilege_tcp_and_paris_are_still_to_be_had(attempts, af, options, mode):
    answer = attempts[json.dumps((LOOPBACK[af], options))]
    assert (answer["protocol"], answer["mode"], answer["outcome"]) == (options["protocol"], mode, "reached")


@pytest.mark.netns
@pytest.mark.slow
def test_without_privilege_dublin_is_for_ipv6_where_its_number_is_quoted(attempts):
    refused, had = (attempts[json.dumps((LOOPBACK[af], DUBLIN))] for af in (4, 6))
    assert "which no other socket chooses or reads back" in refused["message"]
    assert (had["mode"], had["outcome"]) == ("error-queue", "reached")


@pytest.mark.netns
@pytest.mark.slow
@families
@pytest.mark.parametrize("options", ALLOWED, ids=json.dumps)
def test_without_privilege_udp_is_what_remains_and_the_run_says_why(attempts, af, options):
    answer = attempts[json.dumps((LOOPBACK[af], options))]
    assert (answer["protocol"], answer["mode"], answer["outcome"]) == ("udp", "error-queue", "reached")
    assert answer["reason"].startswith("UDP by the error queue")
    if options == {}:
        assert "not ICMP: raw sockets need CAP_NET_RAW, and ICMP needs privilege here" in answer["reason"]


# --- the network goes away in the middle -----------------------------------------------------------

FAMILIES = ("-4", "-6")
BREAKS = {
    "link-down": ["link set right down"],
    "link-gone": ["link delete right"],
    "no-route": [f"{family} route flush table main" for family in FAMILIES],
    "unreachable": [
        f"{family} route {verb}"
        for family in FAMILIES
        for verb in ("flush table main", "add unreachable default")
    ],
    "address-gone": [f"{family} address flush dev right" for family in FAMILIES],
}


@pytest.fixture(scope="module")
def pair():
    with kernel_net("tnfp") as net:
        net.inside("sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647")
        yield net


def traced(net: KernelNet, af: int, channel: str, **options: Any) -> tn.Run:
    run: tn.Run = net.call(lambda: tn.trace(net.target_addr(af), **(QUICK | CHANNELS[channel] | options)))
    return run


@pytest.fixture(scope="module", params=BREAKS)
def broken(request):
    """All channels trace at once; after the second round of all of them the network breaks."""
    with kernel_net("tnfb") as net, ThreadPoolExecutor(2 * len(CHANNELS)) as pool:
        net.inside("sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647")

        def break_it() -> None:
            for words in BREAKS[request.param]:
                net.inside("ip", *words.split())

        second_round_of_all = threading.Barrier(2 * len(CHANNELS), break_it, timeout=20)

        def look(run: tn.Run) -> None:
            if run.probes["round"].max() == 1:
                second_round_of_all.wait()

        runs = {
            (channel, af): pool.submit(traced, net, af, channel, rounds=4, on_round=look, ttls=[1, 2])
            for channel in CHANNELS
            for af in (4, 6)
        }
        yield request.param, {which: run.result() for which, run in runs.items()}


@pytest.mark.netns
@pytest.mark.needs("raw_socket", "ipv6")
@pytest.mark.slow
@families
@channels
def test_what_breaks_under_way_is_rows_and_what_came_before_is_kept(broken, channel, af):
    kind, run = broken[0], broken[1][channel, af]
    row = run.runs.iloc[0]
    before, after = run.probes[run.probes["round"] < 2], run.probes[run.probes["round"] >= 2]
    assert set(before["status"]) <= {"reply", "beyond_target"}
    assert (before["status"] == "reply").sum() == 2
    refused = after[after["status"] == "send_error"]
    assert refused["errno"].notna().all()
    assert after[after["status"] != "send_error"]["errno"].isna().all()
    assert run.handles["closed_at"].notna().all()
    assert row["end_reason"] == "rounds" or "broke" in str(row["error"])
    if row["end_reason"] == "rounds":
        assert set(after["round"]) == {2, 3}
    if kind != "address-gone":
        assert len(refused) == len(after)


# --- full queues -----------------------------------------------------------------------------------


@pytest.mark.netns
@pytest.mark.needs("raw_socket")
@pytest.mark.slow
@pytest.mark.parametrize("channel", ["raw-icmp", "raw-udp", "raw-tcp", "queue-udp", "datagram-icmp"])
def test_a_queue_that_stays_full_is_rows_and_the_others_are_answered(pair, channel):
    shape = "qdisc add dev right root tbf rate 64kbit burst 1540 limit 700"
    pair.inside("tc", *shape.split())
    try:
        run = traced(pair, 4, channel, rounds=2, ttls=range(1, 61), max_inflight=61, probe_timeout=2.0)
    finally:
        pair.inside("tc", *["qdisc", "del", "dev", "right", "root"])
    refused = run.probes[run.probes["status"] == "send_error"]
    assert set(refused["errno"]) == {errno.ENOBUFS}
    assert 0 < len(refused) < len(run.probes)
    others = run.probes[run.probes["status"] != "send_error"]
    assert set(others["status"]) <= {"reply", "late", "beyond_target"}
    assert others["errno"].isna().all()
    assert run.runs["end_reason"].iloc[0] == "rounds"
    assert run.hops["loss_ratio"].fillna(0).eq(0).all()
    assert "ENOBUFS" not in str(run.runs["error"].iloc[0])


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    library = tmp_path_factory.mktemp("shim") / "refuse.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(HERE / "refuse.c"), "-ldl"], check=True)
    return str(library)


ALWAYS = "1000000"
QUEUE = CHANNELS["queue-udp"]
# A window is tried five times in all.
SENDS = [
    ("a full queue for a while", f"{errno.ENOBUFS} 0 4", [None] * 3),
    ("a full buffer for a while", f"{errno.EAGAIN} 0 4", [None] * 3),
    ("a full queue for ever", f"{errno.ENOBUFS} 0 {ALWAYS}", [errno.ENOBUFS] * 3),
    ("a full buffer for ever", f"{errno.EAGAIN} 0 {ALWAYS}", [errno.EAGAIN] * 3),
    ("signals", f"{errno.EINTR} 0 3", [None] * 3),
    ("no memory, once", f"{errno.ENOMEM} 0 1", [errno.ENOMEM, None, None]),
    ("a firewall, for two rounds", f"{errno.EPERM} 0 2", [errno.EPERM, errno.EPERM, None]),
    ("a network that is down", f"{errno.ENETDOWN} 0 {ALWAYS}", [errno.ENETDOWN] * 3),
]


@pytest.mark.slow
@pytest.mark.needs("cc")
@pytest.mark.parametrize(("rule", "expected"), [job[1:] for job in SENDS], ids=[job[0] for job in SENDS])
def test_a_refused_send_is_tried_again_where_that_helps_and_else_is_a_row(shim, rule, expected):
    options = QUICK | QUEUE | {"rounds": 3, "ttls": [1]}
    answer = child("refused.py", _json(options), LD_PRELOAD=shim, REFUSE_SEND=rule)
    assert [number for _, _, number in answer["probes"]] == expected
    for _, status, number in answer["probes"]:
        assert status in ({"send_error"} if number else {"reply", "beyond_target"})
    assert (answer["error"], answer["end_reason"], answer["open"]) == (None, "rounds", 0)


@pytest.mark.slow
@pytest.mark.needs("cc")
@pytest.mark.parametrize("number", [errno.EBADF, errno.ENOTCONN, errno.EIO])
def test_a_channel_that_breaks_under_way_returns_the_rows_so_far_and_says_so(shim, number):
    options = QUICK | QUEUE | {"rounds": 20, "ttls": [1]}
    answer = child("refused.py", _json(options), LD_PRELOAD=shim, REFUSE_RECV=f"{number} 12 {ALWAYS}")
    assert answer["error"].startswith("ChannelBrokenError: the channel broke while")
    assert answer["error"].endswith(os.strerror(number))
    assert answer["end_reason"] == "error"
    assert answer["open"] == 0
    statuses = [status for _, status, _ in answer["probes"]]
    assert 1 < len(statuses) < 20
    assert set(statuses[:-1]) == {"reply"}


def _json(options: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key not in ("progress", "dns")}
