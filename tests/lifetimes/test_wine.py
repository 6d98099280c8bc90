"""Windows' own Pythons under wine: every Winsock and ICMP handle opened and closed once, and the right hops.

What wine lacks is said here as it is found, so that a wine that learns it turns a test red: it has no ICMPv6
echo, no raw IPv6, and none of the TCP options that name the router that ended an attempt to connect.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.lifetimes.wine_audit import CASES, Replay
from tests.needs import WINE, WINPY
from tests.net.kernel_net import kernel_net

HERE = Path(__file__).parent
WHOLE = os.environ.get("TRIPPY_NB_PROFILE", "fast") == "ci"
PYTHONS = {"3.11": "cp311", "3.13": "cp313"}
SEEN = sorted(PYTHONS) if WHOLE else ["3.13"]
SHORT = ["max_ttl=4", "rounds=1"]

under_wine = [pytest.mark.needs("wine", "raw_socket"), pytest.mark.slow]
only_in_ci = pytest.mark.skipif(not WHOLE, reason="left out of the fast profile: TRIPPY_NB_PROFILE=ci has it")


@dataclass(frozen=True)
class Audited:
    """What an audited program said, and what the auditor did."""

    code: int
    text: str

    @property
    def traces(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines() if line.startswith("{")]

    def count(self, what: str, kind: str) -> int:
        found = re.search(rf"{what} {{[^}}]*'{kind}': (\d+)", self.text)
        return int(found[1]) if found else 0


def audit(*arguments: str, python: str = "3.13", where: str | None = None) -> Audited:
    inside = ["ip", "netns", "exec", where] if where else []
    done = subprocess.run(
        [
            *inside,
            sys.executable,
            str(HERE / "wine_audit.py"),
            f"--wine={WINE}",
            f"--python={WINPY / PYTHONS[python] / 'python.exe'}",
            f"--prefix={WINPY / 'prefix'}",
            *arguments,
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Audited(done.returncode, done.stdout + done.stderr)


def trace(
    *options: str, needs: str, python: str = "3.13", where: str | None = None, code: int = 0
) -> dict[str, Any]:
    """Trace once, audited; nothing may be found, and every handle must be closed."""
    program = str(HERE / "programs" / "windows_trace.py")
    done = audit(f"--require={needs}", f"--expect-rc={code}", program, *options, python=python, where=where)
    assert done.code == 0, done.text
    assert "ERROR" not in done.text
    for kind in ("socket", "icmp"):
        assert done.count("opened", kind) == done.count("closed", kind)
    (told,) = done.traces
    assert told["platform"] == "win32"
    assert told["version"].startswith(python)
    assert told["handles"], done.text
    assert all(closed for *_rest, closed in told["handles"])
    return told


ARTICLE = [
    pytest.param(["protocol=icmp"], "raw", id="icmp-discovered-source"),
    pytest.param(["protocol=icmp", "source_address=127.0.0.1"], "raw", id="icmp-given-source"),
    pytest.param(["protocol=tcp"], "connect", id="tcp"),
]


class TestHandles:
    pytestmark = under_wine

    @pytest.mark.parametrize("python", SEEN)
    @pytest.mark.parametrize(("options", "mode"), ARTICLE)
    def test_the_three_scenarios_of_the_bug_close_every_handle_once(self, options, mode, python):
        told = trace("127.0.0.1", *options, *SHORT, needs="socket=3", python=python)
        assert told["error"] is None
        assert told["mode"] == mode
        assert {hop[0] for hop in told["hops"].values()} == {"127.0.0.1"}
        if "source_address=127.0.0.1" in options:
            assert told["source"] == "127.0.0.1"

    @only_in_ci
    @pytest.mark.parametrize("python", SEEN)
    def test_udp_by_raw_sockets_closes_every_handle_once(self, python):
        told = trace("127.0.0.1", "protocol=udp", *SHORT, needs="socket=3", python=python)
        assert {tuple(hop[:3]) for hop in told["hops"].values()} == {("127.0.0.1", 3, 3)}

    @only_in_ci
    @pytest.mark.parametrize("python", SEEN)
    @pytest.mark.parametrize("protocol", ["tcp", "icmp", "udp"])
    def test_a_bad_source_is_a_named_error_and_nothing_stays_open(self, protocol, python):
        told = trace(
            "127.0.0.1",
            f"protocol={protocol}",
            "source_address=192.0.2.77",
            needs="socket=1",
            python=python,
            code=3,
        )
        assert told["error"].startswith("ConfigError: source_address 192.0.2.77 is not an address of")

    @only_in_ci
    @pytest.mark.parametrize("python", SEEN)
    def test_an_echo_that_the_system_lacks_is_a_named_error_and_nothing_stays_open(self, python):
        told = trace("::1", "mode=icmp-api", needs="socket=1", python=python, code=3)
        assert told["error"].startswith("ChannelBrokenError: this system has no ICMP echo for IPv6")
        assert [kind for kind, *_rest in told["handles"]] == ["socket"]  # no page for what was never opened

    @pytest.mark.parametrize("python", SEEN)
    def test_the_doctor_answers_and_closes_what_it_tried(self, python):
        program = str(HERE / "programs" / "windows_doctor.py")
        done = audit("--require=socket=3", program, python=python)
        assert done.code == 0, done.text
        assert done.count("opened", "socket") == done.count("closed", "socket")
        (told,) = done.traces
        assert told["handles"] > 3
        assert told["left_open"] == 0
        found = {(topic, item): (state, detail) for topic, item, state, detail, _remedy in told["findings"]}
        assert found["machine", "wine"][0] == "yes"
        assert found["choice", "TCP, IPv4"] == (
            "yes", "mode connect: TCP by connecting: Windows lets no raw socket send TCP"
        )  # fmt: skip
        assert not [item for _topic, item in found if item == "the rest"]
        assert {topic for topic, _item in found} == {"machine", "sockets", "choice"}  # no /proc is read
        assert not [one for one in told["findings"] if "sysctl" in one[4] or "setpriv" in one[4]]

    @only_in_ci
    def test_raw_ipv6_is_refused_by_name(self):
        program = str(HERE / "programs" / "windows_trace.py")
        done = audit("--expect-rc=3", program, "::1", "protocol=icmp", "mode=raw")
        assert done.code == 0, done.text
        assert done.traces[0]["error"].startswith("ConfigError: mode raw is not to be had on this platform")


@pytest.fixture(scope="class")
def routed():
    with kernel_net("tnwin", routers=2) as net:
        yield net


@pytest.mark.netns
class TestHops:
    pytestmark = under_wine

    @pytest.mark.parametrize("python", SEEN)
    def test_the_echo_of_the_system_finds_the_routers_without_a_raw_socket(self, routed, python):
        told = trace(
            routed.target_addr(4), "mode=icmp-api", "rounds=3", "max_ttl=6",
            needs="icmp=3", python=python, where=routed.source,
        )  # fmt: skip
        assert told["source"] == routed.source_addr(4)
        assert told["hops"]["1"] == [routed.hop(1, 4), 11, 0, None]
        assert told["hops"]["2"] == [routed.hop(2, 4), 11, 0, None]
        assert told["hops"]["3"] == [routed.hop(3, 4), 0, 0, None]
        # The quotes of routers stay with the system; what the target echoes holds the secret.
        assert told["matches"] == ["header", "token"]
        echoes = [handle for handle in told["handles"] if handle[0] == "device"]
        assert sum(sent for _kind, _purpose, sent, *_rest in echoes) >= 9

    @only_in_ci
    @pytest.mark.parametrize(("protocol", "kind"), [("icmp", (0, 0)), ("udp", (3, 3))])
    def test_raw_sockets_find_the_routers(self, routed, protocol, kind):
        told = trace(
            routed.target_addr(4), f"protocol={protocol}", "max_ttl=6", needs="socket=3", where=routed.source
        )
        assert [told["hops"][ttl][0] for ttl in "123"] == [routed.hop(ttl, 4) for ttl in (1, 2, 3)]
        assert tuple(told["hops"]["3"][1:3]) == kind

    @only_in_ci
    def test_tcp_under_wine_sees_the_target_only_and_says_so(self, routed):
        told = trace(
            routed.target_addr(4), "protocol=tcp", "max_ttl=6", needs="socket=6", where=routed.source
        )
        assert set(told["hops"]) == {"3", "4", "5", "6"}  # wine has no TCP_ICMP_ERROR_INFO
        assert told["hops"]["3"][0] == routed.hop(3, 4)

    @only_in_ci
    def test_silent_hops_are_waited_for_and_nothing_stays_open(self, routed):
        nobody = routed.target_addr(4).rsplit(".", 1)[0] + ".99"
        told = trace(nobody, "mode=icmp-api", "max_ttl=5", "rounds=1", "probe_timeout=0.5",
                     needs="icmp=5", where=routed.source)  # fmt: skip
        assert told["end"] == "rounds"
        assert {"1", "2"} <= set(told["hops"])


class TestTheAuditor:
    pytestmark = under_wine

    def test_the_trippy_bug_in_python_is_caught(self):
        done = audit("--self-test=1")
        assert done.code == 0, done.text
        assert "caught Trippy's bug #1443" in done.text

    @only_in_ci
    @pytest.mark.parametrize("python", SEEN)
    def test_it_catches_every_broken_program_and_passes_the_correct_one(self, python):
        done = audit("--self-test", python=python)
        assert done.code == 0, done.text
        assert done.text.count("caught") == len(CASES) - 1
        assert "SELF-TEST ok" in done.text


OPEN = [
    "0024:Call ws2_32.socket(00000002,00000002,00000011) ret=1a2b",
    "0024:Ret  ws2_32.socket() retval=00000054 ret=1a2b",
]
CLOSE = [
    "0024:Call ws2_32.closesocket(00000054) ret=1a2b",
    "0024:Ret  ws2_32.closesocket() retval=00000000 ret=1a2b",
]
REFUSED = [OPEN[0], "0024:Ret  ws2_32.socket() retval=ffffffffffffffff ret=1a2b"]
OTHERS = ["fixme:something(1)", "0024:Call kernel32.CloseHandle(00000054) ret=1"]
USE = ["0028:Call ws2_32.send(00000054,0021f000,00000001,00000000) ret=1a2b"]


@pytest.mark.parametrize(
    ("log", "findings"),
    [
        pytest.param(OPEN + CLOSE, [], id="closed once"),
        pytest.param(OPEN, ["leak_at_exit"], id="leak"),
        pytest.param(OPEN + CLOSE + CLOSE, ["double_close"], id="twice"),
        pytest.param(OPEN + CLOSE + USE, ["use_after_close"], id="used after"),
        pytest.param(OPEN + USE + CLOSE, [], id="used before"),
        pytest.param(CLOSE, ["double_close"], id="never opened"),
        pytest.param(OPEN + CLOSE + OPEN + CLOSE, [], id="the number again"),
        pytest.param(REFUSED, [], id="refused"),
        pytest.param(OTHERS, [], id="others"),
    ],
)
def test_a_relay_log_is_replayed_into_a_table_of_handles(log, findings):
    assert [category for category, _text in Replay().read(log).findings] == findings
