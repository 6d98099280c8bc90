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
    | epoll\( | kqueue\( | timerfd
    """,
    re.VERBOSE,
)
NOWHERE = re.compile(r"\.detach\(|fileno=|os\.close|os\.dup|closesocket|socketpair\(|fromfd\(|eventfd|epoll")


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
    ],
)
def test_the_pattern_sees(line):
    assert OPENS_OR_CLOSES.search(line)


def test_only_lifetimes_opens_and_closes():
    outside = [path for path in SOURCES if "lifetimes" not in path.relative_to(PACKAGE).parts]
    assert len(outside) > 20
    assert [found for path in outside for found in findings(OPENS_OR_CLOSES, path)] == []


def test_inside_there_is_one_place_that_opens_and_no_second_owner():
    inside = sorted((PACKAGE / "lifetimes").glob("*.py"))
    opens = [found for path in inside for found in findings(re.compile(r"socket\.socket\("), path)]
    assert len(opens) == 1
    assert opens[0].startswith("lifetimes/vault.py:")
    assert [found for path in inside for found in findings(NOWHERE, path)] == []
