"""One room opens and closes; nobody else even could without being seen here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import trippy_nb

PACKAGE = Path(trippy_nb.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))

OPENS_OR_CLOSES = re.compile(
    r"""
    socket\.socket\( | import\s+socket\s+as | from\s+socket\s+import
    | socketpair\( | fromfd\( | create_connection\( | create_server\( | open_connection\(
    | \.detach\( | fileno= | closesocket | CloseHandle | IcmpCreateFile
    | os\.(?:close|dup|dup2|pipe|pipe2|eventfd|open|fdopen|closerange|memfd_create)\(
    | FileIO\(
    | epoll\( | kqueue\( | timerfd | Popen\( | subprocess\.(?:run|call|check_\w+)\( | multiprocessing
    """,
    re.VERBOSE,
)
TYPED = {
    r"socket\.socket\(": "vault.py",  # sockets
    r"socketpair\(|Popen\(": "child.py",  # child processes, and the stream to each
    r"FileIO\(": "device.py",  # TUN devices
    r"Icmp6?CreateFile|IcmpCloseHandle": "echo.py",  # the device that Windows answers echo requests with
}
"""What opens, and the one file of the room in which it stands."""
NOWHERE = re.compile(
    r"\.detach\(|fileno=|os\.close|os\.dup|closesocket|fromfd\(|eventfd|epoll|[^p]CloseHandle"
)


def findings(pattern: re.Pattern[str], path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    where = path.relative_to(PACKAGE)
    return [
        f"{where}:{number}: {line.strip()}" for number, line in enumerate(lines, 1) if pattern.search(line)
    ]


@pytest.mark.parametrize(
    "line",
    [
        "s = socket.socket(socket.AF_INET)",
        "from socket import socket",
        "socket.socket(fileno=3)",
        "number = sock.detach()",
        "os.close(3)",
        "kernel32.CloseHandle(h)",
        "ws2_32.closesocket(s)",
        "a, b = socket.socketpair()",
        "os.eventfd(0)",
        "select.epoll()",
        'FileIO("/dev/net/tun", "r+")',
        "subprocess.Popen(argv)",
        "subprocess.run(argv)",
    ],
)
def test_the_pattern_sees(line):
    assert OPENS_OR_CLOSES.search(line)


def test_only_lifetimes_opens_and_closes():
    outside = [path for path in SOURCES if "lifetimes" not in path.relative_to(PACKAGE).parts]
    assert len(outside) > 20
    assert [found for path in outside for found in findings(OPENS_OR_CLOSES, path)] == []


@pytest.mark.parametrize(("opens", "where"), TYPED.items(), ids=TYPED.values())
def test_inside_there_is_one_file_for_each_kind_of_handle(opens, where):
    inside = sorted((PACKAGE / "lifetimes").glob("*.py"))
    places = [found for path in inside for found in findings(re.compile(opens), path)]
    assert places
    assert {place.split(":")[0] for place in places} == {f"lifetimes/{where}"}


def test_there_is_one_line_that_makes_a_socket():
    inside = sorted((PACKAGE / "lifetimes").glob("*.py"))
    assert len([found for path in inside for found in findings(re.compile(r"socket\.socket\("), path)]) == 1


def test_inside_there_is_no_second_owner():
    inside = sorted((PACKAGE / "lifetimes").glob("*.py"))
    assert [found for path in inside for found in findings(NOWHERE, path)] == []


def test_nothing_in_the_package_knows_of_the_auditor():
    # An audited run costs nothing where there is no audit: strace and a library loaded before libc see all.
    hooks = re.compile(r"FD_AUDIT|fd_audit|LD_PRELOAD|addaudithook|sys\.audit|settrace|strace")
    assert [found for path in SOURCES for found in findings(hooks, path)] == []
