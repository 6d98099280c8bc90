"""The doctor tells what is so, under every privilege: asked as a command, in a process of its own."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import trippy_nb as tn
from tests.lifetimes.descriptors import open_sockets
from tests.lifetimes.test_least_privilege import as_nobody_with
from tests.net.kernel_net import kernel_net
from trippy_nb.frames.schema import DOCTOR
from trippy_nb.lifetimes import Vault, records
from trippy_nb.net import advice, facts
from trippy_nb.net.facts import NET_RAW, Process

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TRIPPY = [sys.executable, "-m", "trippy_nb"]
NEWER = tuple(int(number) for number in re.findall(r"\d+", platform.release())[:2]) >= (5, 17)

root = [pytest.mark.netns, pytest.mark.needs("setpriv", "raw_socket", "ipv6"), pytest.mark.slow]


class Answers(dict[tuple[str, str], dict[str, str]]):
    """Findings by topic and item."""

    def state(self, topic: str, item: str) -> str:
        return self[topic, item]["state"]

    def states(self, topic: str, start: str = "") -> set[str]:
        return {
            row["state"] for (about, item), row in self.items() if about == topic and item.startswith(start)
        }


def doctor(before: Sequence[str] = (), program: Sequence[str] = TRIPPY, **environment: str) -> Answers:
    done = subprocess.run(
        [*before, *program, "doctor", "-m", "json"],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert (document["schema"], document["version"]) == ("trippy_nb/doctor", 1)
    found = Answers({(row["topic"], row["item"]): row for row in document["findings"]})
    assert len(found) == len(document["findings"])  # the key is one
    assert all("setcap" not in row["remedy"] or "python" not in row["remedy"] for row in found.values())
    assert all("still open" not in row["detail"] for row in found.values())
    assert not [row for row in found.values() if row["item"] == "the rest"]
    return found


@pytest.fixture(scope="module")
def closed():
    """A namespace with loopback only, where no group may open datagram ICMP."""
    with kernel_net("tnd", meet=False) as net:
        net.inside("sysctl", "-qw", "net.ipv4.ping_group_range=1 0")
        yield net


def within(net: Any) -> list[str]:
    return ["ip", "netns", "exec", net.source]


class TestAsOthers:
    pytestmark = root

    def test_as_root_raw_is_what_is_chosen_and_it_works(self, closed):
        found = doctor(within(closed))
        assert found.state("process", "root") == "yes"
        assert found.states("sockets", "raw") == {"yes"}
        assert found.states("sockets", "datagram") == {"no"}
        assert found.state("process", "least privilege") == "no"  # plain root
        assert found.states("choice") == {"yes"}
        assert "mode raw" in found["choice", "TCP, IPv6"]["detail"]
        for item in (
            "ICMP raw, IPv4",
            "UDP raw, IPv6",
            "TCP raw, IPv4",
            "UDP error-queue, IPv4",
            "TCP connect, IPv6",
        ):
            assert found.state("self-test", item) == "yes", found["self-test", item]
            assert "answered in 0." in found["self-test", item]["detail"]
            assert found["self-test", item]["detail"].endswith("all closed")
        assert "(kernel)" in found["self-test", "UDP error-queue, IPv4"]["detail"]

    def test_as_nobody_without_new_privileges_udp_and_tcp_remain(self, closed):
        found = doctor([*within(closed), *as_nobody_with(), "--no-new-privs"])
        assert found.state("process", "root") == "no"
        assert found.state("process", "CAP_NET_RAW") == "no"
        assert found.state("process", "no-new-privs") == "yes"
        assert found.states("sockets", "raw") == {"no"}
        assert found["sockets", "raw, IPv4"]["remedy"]
        assert "ping_group_range" in found["sockets", "datagram ICMP, IPv4"]["remedy"]
        assert found.state("sockets", "fwmark") == "no"
        assert "mode error-queue" in found["choice", "UDP classic, IPv4"]["detail"]
        assert "mode connect" in found["choice", "TCP, IPv6"]["detail"]
        assert found["choice", "the default, IPv4"]["detail"].startswith("UDP")
        assert found.state("self-test", "UDP error-queue, IPv6") == "yes"
        assert found.state("self-test", "TCP connect, IPv4") == "yes"
        assert found.states("self-test", "ICMP raw") == {"unknown"}  # not tried, which is no fault
        assert "no" not in found.states("self-test")

    def test_the_groups_that_may_ping_are_those_of_this_process(self, chain):
        found = doctor([*within(chain), *as_nobody_with()])
        assert found.state("sockets", "ping_group_range") == "yes"
        assert found.states("sockets", "datagram") == {"yes"}
        assert "mode datagram" in found["choice", "ICMP, IPv6"]["detail"]
        assert found.states("self-test", "ICMP datagram") == {"yes"}

    def test_with_the_one_capability_raw_is_open_and_given_up(self, closed):
        found = doctor([*within(closed), *as_nobody_with("net_raw")])
        assert found.state("process", "CAP_NET_RAW") == "yes"
        assert "ambient" in found["process", "CAP_NET_RAW"]["detail"]
        assert found.state("process", "CAP_NET_ADMIN") == "no"
        assert found.state("process", "least privilege") == "yes"
        assert found.states("sockets", "raw") == {"yes"}
        assert found.state("sockets", "fwmark") == ("yes" if NEWER else "no")
        assert found.states("self-test", "TCP raw") == {"yes"}

    def test_without_ipv6_that_is_said_once_and_ipv4_goes_on(self):
        with kernel_net("tn6", meet=False) as net:
            for device in ("all", "default", "lo"):
                net.inside("sysctl", "-qw", f"net.ipv6.conf.{device}.disable_ipv6=1")
            found = doctor(within(net))
        assert found.state("machine", "IPv6") == "no"
        assert "disable_ipv6=0" in found["machine", "IPv6"]["remedy"]
        assert found.state("choice", "anything, IPv6") == "no"
        assert found.state("choice", "ICMP, IPv4") == "yes"
        assert found.states("self-test", "ICMP raw, IPv4") == {"yes"}

    @pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="the numbers of system calls")
    def test_where_no_socket_may_be_opened_at_all_it_still_answers(self, closed):
        found = doctor(within(closed), [sys.executable, str(HERE / "filtered.py")])
        assert found.state("process", "seccomp") == "yes"
        assert found.state("machine", "IPv4") == "no"
        assert "yes" not in found.states("choice") | found.states("self-test")

    @pytest.mark.needs("cc")
    def test_where_nothing_may_be_sent_the_self_test_says_so(self, closed, tmp_path):
        library = tmp_path / "refuse.so"
        source = ROOT / "tests" / "faults" / "refuse.c"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True, timeout=60)
        found = doctor(within(closed), LD_PRELOAD=str(library), REFUSE_SEND="1 0 1000000")
        assert found.state("sockets", "raw, IPv4") == "yes"
        assert found.states("self-test", "UDP error-queue") == {"no"}
        assert "no answer from 127.0.0.1" in found["self-test", "UDP error-queue, IPv4"]["detail"]

    @pytest.mark.needs("nft")
    def test_nothing_is_sent_but_to_the_loopback(self, closed):
        rules = (
            "add table inet tnd",
            "add counter inet tnd out",
            "add chain inet tnd out { type filter hook output priority 0; }",
            "add rule inet tnd out oifname != lo meta l4proto { tcp, udp, icmp } counter name out",
            "add rule inet tnd out oifname != lo icmpv6 type echo-request counter name out",
        )

        def counted() -> int:
            said = closed.inside("nft", "-j", "list", "counter", "inet", "tnd", "out")
            return int(
                next(row for row in json.loads(said)["nftables"] if "counter" in row)["counter"]["packets"]
            )

        for rule in rules:
            closed.inside("nft", *rule.split())
        doctor(within(closed))
        assert counted() == 0
        closed.inside(*TRIPPY, "trace", closed.target_addr(4), "-C", "1", "--no-dns", "-m", "silent")
        assert counted() > 0  # it does count


def test_the_frame_has_its_columns_and_leaves_nothing_behind():
    sockets, handles = open_sockets(), len(records())
    found = tn.doctor()
    assert open_sockets() == sockets
    fresh = records()[handles:]
    assert fresh
    assert all(record.closed_at is not None for record in fresh)
    assert list(found.columns) == [column.name for column in DOCTOR.columns]
    assert not found.duplicated(["topic", "item"]).any()
    assert found.isna().sum().sum() == 0
    assert "\n" not in "".join(found["detail"]) + "".join(found["remedy"])
    assert {"self-test", "choice"} <= set(found["topic"])
    assert set(tn.doctor(self_test=False)["topic"]) == {"machine", "process", "sockets", "choice"}


def test_a_question_that_breaks_is_an_answer(monkeypatch):
    def broken(*_words: object) -> None:
        raise RuntimeError("no such luck")

    monkeypatch.setattr("trippy_nb.net.doctor.TransmitStamps", broken)
    found = tn.doctor(self_test=False)
    rest = found[found["item"] == "the rest"]
    if sys.platform == "linux":
        assert list(rest["topic"]) == ["sockets"]
        assert "no such luck" in rest["detail"].item()
    assert set(found["topic"]) == {"machine", "process", "sockets", "choice"}


NOTHING = dict.fromkeys(facts.CAPABILITY_SETS, 0)
ALL = dict.fromkeys(facts.CAPABILITY_SETS, 1 << NET_RAW)


@pytest.mark.parametrize(
    ("process", "words"),
    [
        (Process(user=1000, capabilities=NOTHING | {"bounding": 1 << NET_RAW}), "sudo trippy-nb"),
        (Process(user=1000, capabilities=NOTHING), "--cap-add NET_RAW"),
        (Process(user=0, capabilities=NOTHING, container="it shows"), "--cap-add NET_RAW"),
        (
            Process(user=1000, capabilities=ALL | {"permitted": 0}, no_new_privs=True),
            "no-new-privs cannot be undone",
        ),
        (Process(user=1000, capabilities=ALL), ""),
    ],
)
def test_the_remedy_fits_the_process(process, words):
    said = advice.raw(process)
    assert said.startswith(words) or words in said
    assert bool(said) == bool(words)
    assert "setcap" not in said


def test_facts_are_those_of_the_thread_that_asks():
    process = facts.read_process()
    status = Path("/proc/thread-self/status").read_text()
    assert process.capabilities["effective"] == int(re.search(r"CapEff:\s*(\w+)", status)[1], 16)  # type: ignore[index]  # it is there
    assert process.user == os.geteuid()
    assert process.open_files == len(list(Path("/proc/self/fd").iterdir())) - 1
    with Vault() as vault:
        vault.open_socket(2, 2, purpose="test")
        after = facts.read_process().open_files
    assert after == (process.open_files or 0) + 1
