#!/usr/bin/env python3
"""wine_audit: the twin of Windows' Application Verifier, for programs of a real Windows CPython under wine.

usage: wine_audit.py --python python.exe [--prefix DIR] [--expect-rc N] [--require KIND=N] SCRIPT [ARG...]
       wine_audit.py --python python.exe --self-test

It reads, from outside, every call that opens, uses or closes a Winsock, event or ICMP handle, with its answer
(wine's relay channel, filtered by RelayInclude), and reports double close, use after close and leaks. The
exit status is 1 if there was one, if the program ended otherwise than --expect-rc says, or if it opened fewer
handles of a kind than --require says. Raw sockets need root. The prefix belongs to this tool: the wine
server in it is ended after each program, so that the next may run in another network namespace.
"""

from __future__ import annotations

import argparse
import functools
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

OPENS = {
    "ws2_32.WSASocketW": "socket",
    "ws2_32.WSASocketA": "socket",
    "ws2_32.socket": "socket",
    "ws2_32.accept": "socket",
    "ws2_32.WSAAccept": "socket",
    "ws2_32.WSACreateEvent": "event",
    "iphlpapi.IcmpCreateFile": "icmp",
    "iphlpapi.Icmp6CreateFile": "icmp",
    "kernel32.CreateEventW": "event",
    "kernel32.CreateEventA": "event",
    "kernel32.CreateIoCompletionPort": "port",
}
CLOSES = {
    "ws2_32.closesocket": "socket",
    "ws2_32.WSACloseEvent": "event",
    "iphlpapi.IcmpCloseHandle": "icmp",
    "kernel32.CloseHandle": "event",
}
_OF_SOCKETS = """
    bind connect sendto send recvfrom recv WSARecvFrom WSASendTo WSARecv WSAIoctl ioctlsocket setsockopt
    getsockopt getsockname shutdown WSAEventSelect WSAEnumNetworkEvents WSAGetOverlappedResult
"""
_OF_ECHOES = "IcmpSendEcho2Ex IcmpSendEcho2 IcmpSendEcho Icmp6SendEcho2"
USES = {
    **dict.fromkeys([f"ws2_32.{name}" for name in _OF_SOCKETS.split()], "socket"),
    **dict.fromkeys(["ws2_32.WSASetEvent", "ws2_32.WSAResetEvent"], "event"),
    **dict.fromkeys([f"iphlpapi.{name}" for name in _OF_ECHOES.split()], "icmp"),
}
LINE = re.compile(r"^([0-9a-f]{4}):(Call|Ret ) (\w+\.\w+)\((.*?)\)(?: retval=([0-9a-f]+))? ret=[0-9a-f]+")
_RELAYED = re.compile(r"^[0-9a-f]{4}:")
NO_HANDLE = (0, 0xFFFFFFFF, 2**64 - 1)
_OWN = ("ws2_32.", "iphlpapi.")


@dataclass(frozen=True)
class Opened:
    """Where a handle came from."""

    function: str
    thread: str
    line: int


@dataclass
class Replay:
    """A relay log, replayed into a table of handles."""

    live: dict[tuple[str, str], Opened] = field(default_factory=dict)
    gone: dict[tuple[str, str], tuple[Opened, str, int]] = field(default_factory=dict)
    pending: dict[str, list[str]] = field(default_factory=dict)
    opened: Counter[str] = field(default_factory=Counter)
    closed: Counter[str] = field(default_factory=Counter)
    findings: list[tuple[str, str]] = field(default_factory=list)

    def read(self, lines: list[str]) -> Replay:
        """Replay a log to its end. Threads that never called Winsock or ICMP are wine's own: left out."""
        parsed = [(number, found) for number, line in enumerate(lines, 1) if (found := LINE.match(line))]
        threads = {found[1] for _number, found in parsed if found[3].startswith(_OWN)}
        for number, found in parsed:
            thread, what, function, arguments, answer = found.groups()
            if thread not in threads:
                continue
            if what == "Call":
                self.pending.setdefault(thread, []).append(function)
                self._call(number, thread, function, arguments.split(",")[0].lstrip("0"))
            else:
                self._return(number, thread, function, answer)
        for (kind, handle), by in self.live.items():
            if not by.function.startswith("kernel32."):
                self._find("leak_at_exit", f"{kind} {handle} opened by {by.function} at line {by.line}")
        return self

    def _find(self, category: str, text: str) -> None:
        self.findings.append((category, text))

    def _call(self, number: int, thread: str, function: str, handle: str) -> None:
        if function in CLOSES and handle:
            self._close(number, thread, function, handle)
        elif function in USES and handle:
            key = (USES[function], handle)
            if key not in self.live and key in self.gone:
                self._find("use_after_close", f"line {number} thread {thread}: {function}({handle})")

    def _close(self, number: int, thread: str, function: str, handle: str) -> None:
        any_kind = function == "kernel32.CloseHandle"
        key = next((k for k in self.live if k[1] == handle and (any_kind or k[0] == CLOSES[function])), None)
        if key is not None:
            self.gone[key] = (self.live.pop(key), thread, number)
            self.closed[key[0]] += 1
            return
        if any_kind:  # it closes much that nobody here looks at
            return
        was = self.gone.get((CLOSES[function], handle))
        story = (
            f"opened by {was[0].function} at line {was[0].line}, closed by thread {was[1]} at line {was[2]}"
            if was
            else "never opened"
        )
        self._find("double_close", f"line {number} thread {thread}: {function}({handle}); {story}")

    def _return(self, number: int, thread: str, function: str, answer: str | None) -> None:
        stack = self.pending.get(thread, [])
        for i in range(len(stack) - 1, -1, -1):
            if stack[i] == function:
                del stack[i]
                break
        if function not in OPENS or answer is None or int(answer, 16) in NO_HANDLE:
            return
        if function.startswith("kernel32.") and any(outer.startswith(_OWN) for outer in stack):
            return  # Winsock's own
        self.live[OPENS[function], answer.lstrip("0")] = Opened(function, thread, number)
        self.opened[OPENS[function]] += 1


@functools.cache
def _in_fixed_places() -> list[str]:
    """How to begin a wine whose memory is where it was the last time, if this system lets one choose that.

    wine64 is linked to stand at 0x7d000000, and Linux puts the heap anywhere in the 1 GiB behind it. Now and
    then that is over 0x7ffe0000, where every Windows has the page it shares with its programs, and wine ends
    with "failed to map the shared user data".
    """
    chosen = ["setarch", "--addr-no-randomize"]
    try:
        allowed = subprocess.run([*chosen, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return []
    return chosen if allowed else []


@dataclass(frozen=True)
class Wine:
    """A wine, a prefix of its own, and a Windows Python."""

    program: str
    prefix: Path
    python: Path

    def environment(self, debug: str) -> dict[str, str]:
        """Make the environment of a program."""
        env = os.environ | {
            "WINEPREFIX": str(self.prefix),
            "WINEDEBUG": debug,
            "WINEDLLOVERRIDES": "mscoree,mshtml=d",
        }
        env.pop("DISPLAY", None)
        return env

    def run(
        self, *arguments: str, debug: str = "-all", timeout: float = 180
    ) -> subprocess.CompletedProcess[str]:
        """Run a Windows program; its output has to be pipes."""
        return subprocess.run(
            [*_in_fixed_places(), self.program, *arguments],
            env=self.environment(debug),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )

    def set_up(self) -> None:
        """Make the prefix, and say what is relayed; once."""
        done = self.prefix / "relayed"
        names = ";".join([*OPENS, *CLOSES, *USES])
        if done.exists() and done.read_text() == names:
            return
        self.run("wineboot", "-i")
        script = self.prefix / "relay.reg"
        key = "[HKEY_CURRENT_USER\\Software\\Wine\\Debug]"
        script.write_text(f'REGEDIT4\n\n{key}\n"RelayInclude"="{names}"\n"RelayFromExclude"="x"\n')
        self.run("regedit", "/S", windows_path(script))
        self.end()
        done.write_text(names)

    def end(self) -> None:
        """End the prefix's server, which would live on, in this network namespace."""
        server = Path(self.program).with_name("wineserver64")
        command = str(server) if server.exists() else "wineserver"
        subprocess.run(
            [command, "-k"], env=self.environment("-all"), capture_output=True, check=False, timeout=30
        )

    def audit(
        self, script: Path, arguments: list[str], timeout: float
    ) -> tuple[subprocess.CompletedProcess[str], Replay]:
        """Run a script of the Windows Python and replay what it called."""
        try:
            done = self.run(
                str(self.python), windows_path(script), *arguments, debug="+relay", timeout=timeout
            )
        finally:
            self.end()
        return done, Replay().read(done.stderr.splitlines())


def windows_path(path: Path) -> str:
    """Spell a path as Windows programs under wine see it."""
    return "Z:" + str(path.resolve()).replace("/", "\\")


HEAD = """\
import ctypes, os, select, socket, warnings
warnings.simplefilter("ignore")
ws = ctypes.WinDLL("ws2_32", use_last_error=True)
ws.closesocket.argtypes = [ctypes.c_size_t]
ws.WSACreateEvent.restype = ctypes.c_void_p
ws.WSACloseEvent.argtypes = [ctypes.c_void_p]
iph = ctypes.WinDLL("iphlpapi")
iph.IcmpCreateFile.restype = ctypes.c_void_p
iph.IcmpCloseHandle.argtypes = [ctypes.c_void_p]
UDP = (socket.AF_INET, socket.SOCK_DGRAM)
"""
CASES: list[tuple[str, str | None, str]] = [
    (
        "Trippy's bug #1443: drop closes the inner socket, which closes itself again",
        "double_close",
        """\
class S:
    def __init__(s): s.inner = socket.socket(*UDP)
    def __del__(s): ws.closesocket(s.inner.fileno())
x = S(); del x
""",
    ),
    (
        "event closed twice",
        "double_close",
        "e = ws.WSACreateEvent(); ws.WSACloseEvent(e); ws.WSACloseEvent(e)\n",
    ),
    (
        "ICMP handle closed twice (wine answers TRUE, so only pairing sees it)",
        "double_close",
        "h = iph.IcmpCreateFile(); iph.IcmpCloseHandle(h); iph.IcmpCloseHandle(h)\n",
    ),
    ("leaked event", "leak_at_exit", "e = ws.WSACreateEvent()\n"),
    ("leaked socket", "leak_at_exit", "socket.socket().detach()\n"),
    ("leaked ICMP handle", "leak_at_exit", "iph.IcmpCreateFile()\n"),
    (
        "use after close",
        "use_after_close",
        "s = socket.socket(*UDP); n = s.fileno(); s.close(); ws.send(ctypes.c_size_t(n), b'x', 1, 0)\n",
    ),
    (
        "correct program",
        None,
        """\
with socket.socket(*UDP) as s:
    s.bind(('127.0.0.1', 0)); s.sendto(b'x', s.getsockname()); print(s.recv(9))
e = ws.WSACreateEvent(); ws.WSACloseEvent(e)
h = iph.IcmpCreateFile(); iph.IcmpCloseHandle(h)
a, b = socket.socketpair(); a.close(); b.close()
""",
    ),
]


def self_test(wine: Wine, timeout: float, cases: list[tuple[str, str | None, str]]) -> int:
    """Run broken programs and a correct one: each broken one has to be caught."""
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for name, wanted, code in cases:
            script = Path(folder) / "case.py"
            script.write_text(HEAD + code)
            done, replay = wine.audit(script, [], timeout)
            found = sorted({category for category, _text in replay.findings})
            right = wanted in found if wanted else not found and done.returncode == 0
            good &= right
            word = ("caught" if wanted else "clean ") if right else "WRONG "
            print(word, name, "->", found, dict(replay.opened), "" if right else done.stderr[-500:])
    print("SELF-TEST", "ok" if good else "FAILED")
    return 0 if good else 1


def main() -> int:
    """Audit a program, or the auditor."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--wine", default="/usr/lib/wine/wine64")
    parser.add_argument("--python", type=Path, required=True)
    parser.add_argument("--prefix", type=Path, default=Path.home() / ".wine_audit")
    parser.add_argument("--timeout", type=float, default=120)
    parser.add_argument("--expect-rc", type=int, default=None)
    parser.add_argument("--require", action="append", default=[], metavar="KIND=N")
    parser.add_argument("--self-test", nargs="?", const=len(CASES), type=int, metavar="FIRST_CASES")
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    wine = Wine(arguments.wine, arguments.prefix.resolve(), arguments.python.resolve())
    wine.set_up()
    if arguments.self_test is not None:
        return self_test(wine, arguments.timeout, CASES[: arguments.self_test])
    try:
        done, replay = wine.audit(Path(arguments.rest[0]), arguments.rest[1:], arguments.timeout)
    except subprocess.TimeoutExpired:
        print(f"  ERROR hang: not over after {arguments.timeout:g} s")
        return 1
    print(done.stdout, end="")
    if done.returncode:
        print("\n".join(line for line in done.stderr.splitlines() if not _RELAYED.match(line))[-2000:])
    print(f"wine_audit: rc {done.returncode}, opened {dict(replay.opened)}, closed {dict(replay.closed)}")
    for category, text in replay.findings:
        print("  ERROR", category, text)
    short = [
        need for need in arguments.require if replay.opened[need.split("=")[0]] < int(need.split("=")[1])
    ]
    for need in short:
        print("  ERROR fewer handles than", need)
    wrong_end = arguments.expect_rc is not None and done.returncode != arguments.expect_rc
    return 1 if replay.findings or short or wrong_end else 0


if __name__ == "__main__":
    sys.exit(main())
